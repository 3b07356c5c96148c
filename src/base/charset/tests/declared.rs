//! Pages that say what they are written in, rightly and wrongly.

use super::*;

fn encoded(label: &str, text: &str) -> Vec<u8> {
    let (octets, _, is_lossy) = Encoding::for_label(label.as_bytes()).unwrap().encode(text);
    assert!(!is_lossy, "{text}");
    octets.into_owned()
}

#[test]
fn what_a_page_declares_decides() {
    for (label, words) in [
        ("windows-1250", "Přijďte se podívat"),
        ("iso-8859-2", "Dobrý den, Jiří"),
        ("windows-1254", "Şükrü Bey, İyi günler"),
        ("windows-1257", "Labdien, Jāni"),
        ("windows-1251", "Добрый день"),
        ("iso-8859-1", "Grüße"),
        ("shift_jis", "こんにちは"),
        ("euc-jp", "こんにちは"),
        ("gb2312", "你好世界"),
        ("iso-2022-jp", "こんにちは"),
        ("utf-8", "Zażółć"),
    ] {
        for page in [
            format!("<html><head><meta charset={label}></head><p>{words}</p>"),
            format!(
                "<!-- <meta charset=x> --><META HTTP-EQUIV=\"Content-Type\" CONTENT='text/html; Charset = {label}'/><p>{words}"
            ),
            format!("<?xml version=\"1.0\" encoding='{label}'?>\r\n<html>{words}"),
            format!("@charset \"{label}\";\n/* {words} */"),
        ] {
            let found = decode_page(&encoded(label, &page), None).unwrap_or_else(|why| panic!("{page}: {why}"));
            assert_eq!(found.text, page.replace(label, "utf-8"));
        }
    }
}

#[test]
fn a_page_that_is_not_what_it_declares_is_an_error_that_says_both() {
    for (octets, both) in [
        (
            encoded("windows-1252", "<meta charset=\"utf-8\"><p>Grüße"),
            ["is utf-8, as it says itself", "the octet 0xfc is no character of that; it seems to be Windows-1252"],
        ),
        (
            encoded("windows-1250", "<meta charset=\"utf-8\"><p>Přijďte"),
            ["is utf-8, as it says itself", "\"Přijďte\" in windows-1250"],
        ),
        (
            encoded("windows-1250", "<meta charset=iso-8859-2><p>Těšíme"),
            ["is iso-8859-2, as it says itself", "the octet 0x9a is"],
        ),
        (
            encoded("windows-1252", "<meta charset=shift_jis><p>Größe, ähnlich"),
            ["is shift_jis, as it says itself", "no character of that"],
        ),
        (
            encoded("windows-1250", "<meta charset=klingon><p>Přijďte"),
            ["\"klingon\", as it says itself", "not known here"],
        ),
    ] {
        let why = decode_page(&octets, None).unwrap_err().to_string();
        assert!(why.contains("encoding") && both.iter().all(|part| why.contains(part)), "{why}");
    }
}

#[test]
fn utf_8_is_utf_8_whatever_is_declared_and_a_key_goes_before_a_declaration() {
    let page = "<meta charset=windows-1252><p>Zażółć";
    assert_eq!(decode_page(page.as_bytes(), None).unwrap().text, page);
    let charset = Charset::named("windows-1250");
    assert_eq!(decode_page(page.as_bytes(), charset).unwrap().text, page);
    let octets = encoded("windows-1250", page);
    assert_eq!(decode_page(&octets, charset).unwrap().text, page.replace("windows-1252", "utf-8"));
    let marked = [b"\xef\xbb\xbf", page.as_bytes()].concat();
    assert_eq!(decode_page(&marked, charset).unwrap().text, page);
    assert_eq!(decode_page(b"<meta charset=windows-1250>Hello", None).unwrap().charset, Charset::UTF_8);
}
