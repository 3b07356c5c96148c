//! Campaigns and configurations as editors save them: read where what they are written in is certain, else refused by that name.

use super::folder::{CAMPAIGN, Folder};
use crate::lists::western;
use serde_json::Value;

fn utf_16(text: &str, mark: &str, octets: fn(u16) -> [u8; 2]) -> Vec<u8> {
    format!("{mark}{text}").encode_utf16().flat_map(octets).collect()
}

/// What `check` says of a file's encoding, and its code.
fn told(folder: &Folder) -> (Option<i32>, Vec<(String, String)>) {
    let ran = folder.run(&["check", "w.toml", "--config", "e.toml", "--offline", "--json"]);
    let object: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
    let found = object["findings"].as_array().unwrap().iter();
    let of_files = found.filter(|finding| finding["check"] == "file-encoding");
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    (ran.code, of_files.map(|finding| (text(finding, "place"), text(finding, "says"))).collect())
}

#[test]
fn a_campaign_and_a_configuration_are_read_as_what_they_are_for_certain() {
    let campaign = CAMPAIGN.replace("Acme <", "G\u{e4}rtnerei M\u{fc}ller <").replace('\n', "\r\n");
    let campaign = format!("transactional = true\r\n{campaign}");
    let config = "[engine]\r\nhostname = \"me.example\" # f\u{fc}r drau\u{df}en\r\n";
    type Writes = fn(&str) -> Vec<u8>;
    let ways: [(&str, Writes); 7] = [
        ("", |text| text.as_bytes().to_vec()),
        ("", |text| format!("\u{feff}{text}").into_bytes()),
        ("UTF-16LE", |text| utf_16(text, "\u{feff}", u16::to_le_bytes)),
        ("UTF-16BE", |text| utf_16(text, "\u{feff}", u16::to_be_bytes)),
        ("UTF-16LE", |text| utf_16(text, "", u16::to_le_bytes)),
        ("UTF-16BE", |text| utf_16(text, "", u16::to_be_bytes)),
        ("Windows-1252", western),
    ];
    for (name, write) in ways {
        let folder = Folder::new();
        folder.put("w.toml", write(&campaign));
        folder.put("e.toml", write(config));
        let letters = folder.delivers(&["--config", "e.toml"]);
        let letter = mail_parser::MessageParser::default().parse(&letters[0]).unwrap();
        assert_eq!(letter.from().unwrap().first().unwrap().name(), Some("G\u{e4}rtnerei M\u{fc}ller"), "{name}");
        let (code, told) = told(&folder);
        let says =
            |file: &str, what: &str, word: &str| (file.to_owned(), format!("{what} is read as {name} (\"{word}\")"));
        let wanted = match name {
            "" => Vec::new(),
            _ => vec![
                says("e.toml", "the configuration", "f\u{fc}r"),
                says("w.toml", "the campaign's file", "G\u{e4}rtnerei"),
            ],
        };
        assert_eq!((code, told), (Some(0), wanted), "{name}");
        // Errors have their places in what people see.
        folder.put("w.toml", write(&campaign.replace("\"Hello {{ first }}\"", "\"\u{fc}\u{fc} {{ frist }}\"")));
        let ran = folder.run(&["send", "w.toml", "--data", "other", "--sink"]);
        assert!(ran.code == Some(2) && ran.err.contains("w.toml:4:18: "), "{name}: {ran:?}");
        folder.put("e.toml", write(&config.replace("hostname", "hostnam")));
        let ran = folder.run(&["config", "e.toml"]);
        assert!(ran.code == Some(2) && ran.err.contains("e.toml:2:1: unknown key"), "{name}: {ran:?}");
    }
}

#[test]
fn a_letter_arrives_as_it_was_written_whatever_encoding_an_editor_saved_it_in() {
    let text = "Liebe {{ first }},\nsch\u{f6}ne Gr\u{fc}\u{df}e aus K\u{f6}ln \u{2013} bis bald\n";
    let japanese = "{{ first }}\u{69d8}\n\u{5c71}\u{7530}\u{592a}\u{90ce}\u{3088}\u{308a}\n";
    for (octets, text) in [
        (format!("\u{feff}\u{feff}{text}").into_bytes(), text),
        (utf_16(text, "", u16::to_le_bytes), text),
        (utf_16(text, "", u16::to_be_bytes), text),
        (utf_16(text, "\u{feff}", u16::to_le_bytes), text),
        (utf_16(text, "\u{feff}\u{feff}", u16::to_be_bytes), text),
        (western(text), text),
        (encoding_rs::ISO_2022_JP.encode(japanese).0.into_owned(), japanese),
    ] {
        let folder = Folder::new();
        folder.put("w.txt", &octets);
        let letters = folder.delivers(&[]);
        let letter = mail_parser::MessageParser::default().parse(&letters[0]).unwrap();
        let read = letter.body_text(0).unwrap().replace("\r\n", "\n");
        assert_eq!(read, text.replace("{{ first }}", "Ann"), "{octets:x?}");
    }
    for (octets, place) in
        [(&b"one\na\0b\n"[..], "w.txt:2:2: a NUL character"), (b"a\x1b[31mb\n", "w.txt:1:2: an escape character")]
    {
        let folder = Folder::new();
        folder.put("w.txt", octets);
        let (ran, letters) = folder.send(&[]);
        assert!(ran.code == Some(2) && letters.is_empty() && ran.err.contains(place), "{ran:?}");
        assert!(ran.err.contains("encoding"), "{ran:?}");
    }
}

#[test]
fn what_is_not_certain_is_refused_with_the_word_encoding_and_its_place() {
    for (octets, place, says) in [
        (&b"# \xd0\xcf\xc3\xd4 \xff\n"[..], "1:3", "its encoding cannot be told"),
        ("# \u{fc}".as_bytes(), "1:4", "its encoding is UTF-8 in some places"),
        (b"\xff\xfe\0\0#\0\0\0", "1:1", "its encoding is UTF-32"),
        (b"a = 1\n\0", "2:1", "a NUL character, which no text has: its encoding"),
    ] {
        let folder = Folder::new();
        let mut octets = octets.to_vec();
        if says.contains("some places") {
            octets.push(0xfc);
        }
        folder.put("w.toml", &octets);
        folder.put("e.toml", &octets);
        for (file, words) in [("w.toml", ["send", "w.toml"]), ("e.toml", ["config", "e.toml"])] {
            let ran = folder.run(&words);
            let said = format!("error: {file}:{place}: {says}");
            assert!(ran.code == Some(2) && ran.err.contains(&said), "{said}\n{ran:?}");
            assert!(ran.err.contains("hint: save the file as UTF-8"), "{ran:?}");
        }
    }
}
