//! Texts in encodings that people save them in, and texts of which nobody could say.

mod declared;
mod western;

use super::*;
use proptest::prelude::*;

fn utf_16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(order).collect()
}

/// What it is read as, and what it says.
fn read(octets: &[u8]) -> (&'static str, String) {
    let found = decode(octets).unwrap_or_else(|why| panic!("{octets:x?}: {why}"));
    (found.charset.name(), found.text)
}

fn refused(octets: &[u8]) -> Undecodable {
    decode(octets).err().unwrap_or_else(|| panic!("{:?}", decode(octets)))
}

#[test]
fn texts_are_read_in_what_they_are_surely_written_in() {
    let text = "email,name\r\nann@a.example,Zoë Müller\r\n";
    let western = encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
    for (octets, name) in [
        (text.as_bytes().to_vec(), "UTF-8"),
        (["\u{feff}", text].concat().into_bytes(), "UTF-8"),
        (["\u{feff}\u{feff}", text].concat().into_bytes(), "UTF-8"),
        (utf_16(text, u16::to_le_bytes), "UTF-16LE"),
        (utf_16(text, u16::to_be_bytes), "UTF-16BE"),
        (utf_16(&["\u{feff}", text].concat(), u16::to_le_bytes), "UTF-16LE"),
        (utf_16(&["\u{feff}", text].concat(), u16::to_be_bytes), "UTF-16BE"),
        (utf_16(&["\u{feff}\u{feff}", text].concat(), u16::to_le_bytes), "UTF-16LE"),
        (western, "Windows-1252"),
    ] {
        assert_eq!(read(&octets), (name, text.to_owned()), "{octets:x?}");
    }
    let japanese = "email,name\nann@a.example,山田太郎\n";
    let escaped = encoding_rs::ISO_2022_JP.encode(japanese).0.into_owned();
    assert_eq!(read(&escaped), ("ISO-2022-JP", japanese.to_owned()));
    assert_eq!(read(&utf_16(japanese, u16::to_le_bytes)), ("UTF-16LE", japanese.to_owned()));
}

#[test]
fn western_words_are_windows_1252() {
    for text in [
        "Grüße aus Köln",
        "créée à Noël — l’été, déjà",
        "«Élan» “Œuvre” … 10 €",
        "¿Qué tal, Señor Núñez? nº 1",
        "Årsmøte på Ærø i år",
        "Hääyöaie, öljyä",
        "São João não é só coração",
        "Hawai‘i d´accord col·lega",
        "Þórður Ægisson",
        "Müller",
        "5 m³ × 2 ± 1",
    ] {
        let octets = encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
        assert_eq!(read(&octets), ("Windows-1252", text.to_owned()));
    }
}

#[test]
fn what_is_not_certain_is_refused_with_its_place_and_the_word_encoding() {
    let encoded = |charset: &'static Encoding, text: &str| charset.encode(text).0.into_owned();
    for (octets, place) in [
        (encoded(encoding_rs::WINDOWS_1251, "name\nИван Петров"), (2, 1)),
        (encoded(encoding_rs::WINDOWS_1250, "Michałowski, Bogusław"), (1, 6)),
        (encoded(encoding_rs::SHIFT_JIS, "山田太郎"), (1, 1)),
        (encoded(encoding_rs::GBK, "你好世界"), (1, 1)),
        (encoded(encoding_rs::MACINTOSH, "Frau Müller und Herr Schröder"), (1, 7)),
        (b"M\x81ller".to_vec(), (1, 2)),
        (b"Zo\xc3\xab and M\xfcller".to_vec(), (1, 11)),
        (b"nothing but \xff here".to_vec(), (1, 13)),
        (b"a\n\nb\0c".to_vec(), (3, 2)),
        (b"red \x1b[31mred".to_vec(), (1, 5)),
        (b"\x1b$)C\x0e".to_vec(), (1, 1)),
        (b"\xff\xfe\0\0a\0\0\0".to_vec(), (1, 1)),
        (b"\xef\xbb\xbfM\xfcller".to_vec(), (1, 5)),
        (b"\xff\xfea\0b".to_vec(), (1, 5)),
        (b"\xff\xfea\0\0\xd8b\0".to_vec(), (1, 5)),
    ] {
        let why = refused(&octets);
        assert!(why.to_string().contains("encoding"), "{why}");
        assert_eq!((why.line, why.column), place, "{octets:x?}: {why}");
    }
}

#[test]
fn a_named_encoding_is_obeyed_and_a_mark_says_the_order_of_octets() {
    let text = "Иван";
    let named = Charset::named("cp1251").unwrap();
    let octets = encoding_rs::WINDOWS_1251.encode(text).0.into_owned();
    assert_eq!(decode_as(&octets, named).unwrap().text, text);
    let mut out = b"x".to_vec();
    named.append(&octets, &mut out);
    assert!(named.is_octet_by_octet() && out == "xИван".as_bytes());
    let sixteen = Charset::named("utf-16").unwrap();
    assert_eq!(decode_as(&utf_16("\u{feff}Иван", u16::to_be_bytes), sixteen).unwrap().text, text);
    assert!(Charset::named("klingon").is_none() && Charset::named("replacement").is_none());
}

#[test]
fn a_front_may_end_anywhere() {
    let text = "Zoë, Zoë".as_bytes();
    for end in 1..text.len() {
        let guess = guess(&text[..end]).unwrap();
        assert_eq!((guess.charset, guess.is_ascii), (Charset::UTF_8, end < 3), "{end}");
    }
}

#[test]
fn a_stream_says_what_the_whole_says_wherever_it_is_cut() {
    let text = "\u{feff}\u{feff}Zoë 山 \u{1f600}!";
    for (charset, octets) in [
        ("utf-16le", utf_16(text, u16::to_le_bytes)),
        ("utf-16be", utf_16(text, u16::to_be_bytes)),
        ("iso-2022-jp", encoding_rs::ISO_2022_JP.encode("Zoe 山 !").0.into_owned()),
    ] {
        let charset = Charset::named(charset).unwrap();
        let whole = decode_as(&octets, charset).unwrap().text;
        for cut in 0..octets.len() {
            let (mut transcoder, mut out) = (Transcoder::new(charset), Vec::new());
            transcoder.append(&octets[..cut], false, &mut out);
            transcoder.append(&octets[cut..], true, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), whole, "{cut}");
        }
    }
}

#[test]
fn the_word_that_is_shown_is_bounded() {
    assert_eq!(first_word_beyond_ascii("Ann, Frau Müller, ü").as_deref(), Some("Müller"));
    assert_eq!(first_word_beyond_ascii("plain — text"), None);
    let long = first_word_beyond_ascii(&format!("{}é{}", "a".repeat(99), "b".repeat(99))).unwrap();
    assert_eq!(long.chars().count(), WORD_CHARACTERS);
}

proptest! {
    #[test]
    fn what_is_utf_8_is_read_as_it_is(text in "\\PC{0,60}") {
        let found = decode(text.as_bytes());
        if !text.as_bytes().starts_with(b"\xef\xbb\xbf") {
            prop_assert_eq!(found.unwrap().text, text);
        }
    }

    #[test]
    fn no_octets_panic_and_no_text_holds_what_none_has(octets in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(found) = decode(&octets) {
            let is_text = !found.text.contains(['\0', '\u{1b}']) && !found.text.starts_with(MARK);
            prop_assert!(is_text);
        }
    }
}
