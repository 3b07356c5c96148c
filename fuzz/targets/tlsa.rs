//! TLSA records and certificates: whatever a peer or a zone shows, the answer is a proof or a refusal.
//!
//! An octet for how many records; each record as on the wire behind a length of two octets; then certificates, each
//! behind a length of two octets.

use super::{number, octet, take};
use posthaste::tls::certificate::{Description, NAMES_MAX};
use posthaste::tls::dane::{Dane, RECORDS_MAX, Tlsa};
use posthaste::tls::{ClientConfig, ClientOptions, Pem, Proof, Roots, TlsError, Verification};
use std::sync::{Arc, OnceLock};

/// An authority's certificate, and one for mx.example that it signed.
const ROOT: &[u8] = include_bytes!("root.pem");

/// While these certificates are good.
const NOW_UNIX_S: u64 = 1_800_000_000;

pub fn run(data: &[u8]) {
    let mut rest = data;
    let records: Vec<Tlsa> = (0..octet(&mut rest) % 64).map(|_| record(&mut rest)).collect();
    let mut chain = Vec::new();
    while !rest.is_empty() && chain.len() < 32 {
        let octets = number(&mut rest);
        chain.push(take(&mut rest, octets).to_vec());
    }
    chain.iter().filter_map(|der| Description::of(der)).for_each(|told| described(&told));
    let names: Vec<Box<str>> = vec!["mx.example".into(), "*.example.net".into()];
    let config = config();
    if let Some(dane) = Dane::of(&records, names.clone()) {
        assert!(dane.records.len() <= RECORDS_MAX && dane.records.iter().all(|r| r.is_usable() && records.contains(r)));
        match config.judge(&Verification::Dane(Arc::new(dane.clone())), &chain, NOW_UNIX_S) {
            Ok(proof) => assert!(matches!(&proof, Proof::Dane(r) if dane.records.contains(r)), "{proof:?}"),
            Err(error) => refusal(&error),
        }
    }
    match config.judge(&Verification::Names(names.into()), &chain, NOW_UNIX_S) {
        Ok(proof) => assert!(matches!(proof, Proof::Name(_)), "{proof:?}"),
        Err(error) => refusal(&error),
    }
    match config.judge(&Verification::Opportunistic, &chain, NOW_UNIX_S) {
        Ok(proof) => assert_eq!(proof, Proof::None),
        Err(error) => refusal(&error),
    }
}

fn record(data: &mut &[u8]) -> Tlsa {
    let octets = number(data);
    let mut record = take(data, octets);
    let (usage, selector, matching) = (octet(&mut record), octet(&mut record), octet(&mut record));
    Tlsa { usage, selector, matching, data: record.into() }
}

fn described(told: &Description) {
    assert!(told.names.len() <= NAMES_MAX && told.spki_sha256.len() == 64);
    for text in told.names.iter().chain([&told.subject, &told.issuer, &told.key]) {
        assert!(text.len() < 4096 && !text.chars().any(char::is_control), "{text:?}");
    }
}

fn refusal(error: &TlsError) {
    let said = error.to_string();
    assert!(said.len() < 4096 && !said.chars().any(|c| c.is_control() && c != '\n'), "{said:?}");
}

fn config() -> &'static ClientConfig {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let roots = Roots::Pem(Pem { file: "root.pem".into(), text: ROOT.into() });
        ClientConfig::new(&ClientOptions { roots, ..ClientOptions::default() }).expect("a root")
    })
}
