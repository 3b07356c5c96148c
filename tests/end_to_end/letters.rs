//! Messages as servers store them, and what they say when the differences between two campaigns are taken out.

use std::collections::BTreeMap;
use std::path::Path;

/// A stored message: its envelope, and its content with CRLF line ends.
#[derive(Clone, Debug)]
pub struct Letter {
    pub recipient: String,
    pub return_path: String,
    /// What the server itself wrote before the content.
    pub trace: String,
    pub content: Vec<u8>,
}

impl Letter {
    /// A message stored with LF line ends below exactly the given header fields, `recipient_in` one of them.
    #[track_caller]
    pub fn stored(stored: &[u8], fields: &[&str], recipient_in: &str) -> Self {
        let mut rest = stored;
        let mut found = BTreeMap::new();
        for name in fields {
            let (field, after) = first_field(rest);
            let value = field.strip_prefix(name.as_bytes()).and_then(|v| v.strip_prefix(b":"));
            let value = value.unwrap_or_else(|| panic!("no {name} where it should be: {}", text(field)));
            found.insert(*name, text(value).trim().to_owned());
            rest = after;
        }
        let return_path = found.get(fields[0]).expect("the first of them").trim_matches(['<', '>']).to_owned();
        let trace = text(&stored[..stored.len() - rest.len()]);
        Self { recipient: found[recipient_in].clone(), return_path, trace, content: crlf(rest) }
    }

    /// A message that the sink kept: below `Return-Path` and one `Delivered-To` for each recipient, as it came.
    #[track_caller]
    pub fn kept(file: &[u8]) -> Vec<Self> {
        let (field, mut rest) = first_field(file);
        let return_path = field.strip_prefix(b"Return-Path: <").unwrap_or_else(|| panic!("{}", text(field)));
        let return_path = text(return_path).trim().trim_end_matches('>').to_owned();
        let mut recipients = Vec::new();
        loop {
            let (field, after) = first_field(rest);
            let Some(recipient) = field.strip_prefix(b"Delivered-To: ") else { break };
            recipients.push(text(recipient).trim().trim_matches(['<', '>']).to_owned());
            rest = after;
        }
        let letter = |recipient| Self {
            recipient,
            return_path: return_path.clone(),
            trace: String::new(),
            content: rest.to_vec(),
        };
        recipients.into_iter().map(letter).collect()
    }

    /// The token that names the recipient, if the reverse-path is `b+TOKEN@…`.
    pub fn token(&self) -> &str {
        self.return_path.split_once('+').and_then(|(_, t)| t.split_once('@')).map_or("", |(token, _)| token)
    }

    /// The content without what must differ from one campaign to the next: Date, Message-ID, MIME boundaries, tokens,
    /// and what a signature says about them. Everything else stays, octet for octet.
    pub fn lasting(&self) -> String {
        let mut content: &[u8] = &self.content;
        let mut lasting = Vec::with_capacity(content.len());
        while !content.starts_with(b"\r\n") && !content.is_empty() {
            let (field, after) = first_field(content);
            content = after;
            let name = field.split(|b| *b == b':').next().unwrap_or_default();
            match text(name).to_ascii_lowercase().as_str() {
                "date" | "message-id" => lasting.extend([name, b": *\r\n"].concat()),
                "dkim-signature" => lasting.extend(lasting_tags(field)),
                _ => lasting.extend(field),
            }
        }
        lasting.extend(content);
        let lasting = match self.token() {
            "" => lasting,
            token => masked(&lasting, token.as_bytes()),
        };
        let boundary = boundary(&self.content);
        text(&if boundary.is_empty() { lasting } else { masked(&lasting, boundary.as_bytes()) })
    }
}

/// All messages that a sink keeps, by recipient, in the order of acceptance.
pub fn kept_in(folder: &Path) -> BTreeMap<String, Vec<Letter>> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("what the sink keeps").flatten().map(|e| e.path()).collect();
    files.sort();
    let mut letters: BTreeMap<String, Vec<Letter>> = BTreeMap::new();
    for file in files {
        for letter in Letter::kept(&std::fs::read(file).expect("a file of the sink")) {
            letters.entry(letter.recipient.clone()).or_default().push(letter);
        }
    }
    letters
}

/// Each recipient's one letter; a second one fails the test.
#[track_caller]
pub fn one_each(letters: impl IntoIterator<Item = Letter>) -> BTreeMap<String, Letter> {
    let mut by_recipient = BTreeMap::new();
    for letter in letters {
        if let Some(first) = by_recipient.insert(letter.recipient.clone(), letter) {
            panic!("{} has got two letters", first.recipient);
        }
    }
    by_recipient
}

pub fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// The first header field with its continuation lines and line end, and what follows it.
pub fn first_field(header: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    for line in header.split_inclusive(|b| *b == b'\n') {
        if end > 0 && !matches!(line.first(), Some(b' ' | b'\t')) {
            break;
        }
        end += line.len();
    }
    header.split_at(end)
}

pub fn crlf(stored: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(stored.len() + stored.len() / 32);
    for octet in stored {
        if *octet == b'\n' {
            content.push(b'\r');
        }
        content.push(*octet);
    }
    content
}

/// A signature's tags, without those that follow from the content and the time.
fn lasting_tags(field: &[u8]) -> Vec<u8> {
    let tags: String = text(field).split_whitespace().collect();
    let lasting = tags.split(';').filter(|tag| !["b=", "bh=", "t=", "x="].iter().any(|name| tag.starts_with(name)));
    (lasting.collect::<Vec<_>>().join(";") + "\r\n").into_bytes()
}

/// The boundary of a multipart message, or nothing.
fn boundary(content: &[u8]) -> String {
    let head = text(&content[..content.len().min(16_384)]);
    let Some((_, after)) = head.split_once("boundary=\"") else { return String::new() };
    after.split('"').next().unwrap_or_default().to_owned()
}

/// `octets` with each `word` replaced by as many stars; a soft line break may stand anywhere in it.
fn masked(octets: &[u8], word: &[u8]) -> Vec<u8> {
    let mut masked = octets.to_vec();
    let mut at = 0;
    while at < octets.len() {
        match places_of(octets, at, word) {
            Some(places) => {
                places.iter().for_each(|&place| masked[place] = b'*');
                at = places.last().map_or(at, |last| last + 1);
            }
            None => at += 1,
        }
    }
    masked
}

/// Where the characters of `word` stand, if it begins at `at`.
fn places_of(octets: &[u8], mut at: usize, word: &[u8]) -> Option<Vec<usize>> {
    if octets.get(at) != word.first() {
        return None;
    }
    let mut places = Vec::with_capacity(word.len());
    for character in word {
        if octets.get(at..at + 3) == Some(b"=\r\n") {
            at += 3;
        }
        if octets.get(at) != Some(character) {
            return None;
        }
        places.push(at);
        at += 1;
    }
    Some(places)
}

#[test]
fn two_campaigns_letters_differ_in_nothing_that_lasts() {
    let letter = |date: &str, token: &str, body: &str| Letter {
        recipient: "a@a.example".into(),
        return_path: format!("b+{token}@bounce.example"),
        trace: String::new(),
        content: format!(
            "DKIM-Signature: v=1; d=a.example;\r\n b={date}; s=s1\r\nDate: {date}\r\nX-U: https://u/{token}\r\n\
             Content-Type: x; boundary=\"=_{token}\"\r\n\r\n--=_{token}\r\n{body}"
        )
        .into_bytes(),
    };
    let one = letter("today", "abcd", "u/ab=\r\ncd.").lasting();
    assert_eq!(one, letter("yesterday", "wxyz", "u/wx=\r\nyz.").lasting());
    assert!(one.contains("X-U: https://u/****\r\n") && one.contains("v=1;d=a.example;s=s1\r\n"), "{one}");
    assert_ne!(one, letter("today", "abcd", "u/ab=\r\ncd!").lasting());
}
