//! Texts that may hold a token, and cells of a spreadsheet: what is planted is found, what looks like a token is one, and no cell
//! is a formula.

use posthaste::app::token::find::{message_ids, readings, tokens};
use posthaste::base::spreadsheet::harmless;
use posthaste::content::{IdentityKey, Token};

pub fn run(data: &[u8]) {
    for reading in readings(data) {
        for (text, _) in tokens(&reading) {
            assert!(text.len() == Token::LEN && Token::claimed_campaign(&text).is_some(), "{text:?} is no token");
        }
        assert!(message_ids(&reading).count() <= reading.len() / 32);
    }
    let planted = Token::make(&IdentityKey::new(&[7; 32]), 3, 5);
    let (front, back) = data.split_at(data.len() / 2);
    let text = [front, b" ", planted.as_str().as_bytes(), b" ", back].concat();
    let is_found = |reading: &[u8]| tokens(reading).any(|(found, is_whole)| is_whole && found == planted.as_str());
    assert!(readings(&text).iter().any(|reading| is_found(reading)), "a token is overlooked");
    cell(&String::from_utf8_lossy(data));
}

fn cell(text: &str) {
    let safe = harmless(text);
    assert!(!safe.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{safe:?}");
    let parts = safe.split([';', '\t', '\r', '\n']).map(|part| part.trim_start_matches([' ', '"']));
    assert!(parts.into_iter().all(|part| !part.starts_with(['=', '+', '-', '@'])), "{safe:?}");
    assert_eq!(harmless(&safe), safe, "what is harmless stays as it is");
    assert_eq!(safe.replace('\'', ""), text.replace('\'', ""), "nothing else is changed");
}
