//! The kinds of header fields: what each holds, and how it is written (RFC 5322 §3.6, RFC 2369, RFC 2919).
//!
//! Guarantees: encoded words (RFC 2047 §5) stand in unstructured fields only; a field of another kind is written as it is
//! understood, or refused. Leaves to others: address lists (`mailboxes`, `header`).

use super::compose::fits_url;
use super::error::ComposeError;
use super::header::{self, FOLD, WORD_MAX};
use super::mailboxes;
use std::borrow::Cow;
use std::fmt::Write as _;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text for people: encoded where it needs to be.
    Text,
    /// One mailbox, or a list of them.
    Addresses { one: bool },
    /// Identifiers in angle brackets.
    Ids,
    /// URLs in angle brackets.
    Urls,
    /// Words for programs: ASCII.
    Words,
    /// A JSON object or array.
    Json,
}

impl Kind {
    /// Whether it is ASCII as it is written by people.
    pub(crate) fn is_ascii(self) -> bool {
        matches!(self, Self::Ids | Self::Urls | Self::Words)
    }

    /// How to write it.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Text => "shorten it",
            Self::Addresses { .. } => mailboxes::WAYS,
            Self::Ids => "write identifiers as <left@right>, with blanks between them",
            Self::Urls => {
                "write URLs as <https://…> or <mailto:…>, with commas between them, and other characters as %XX"
            }
            Self::Words => "write it in ASCII",
            Self::Json => "write an object or an array of JSON; values are escaped within its quotes",
        }
    }
}

/// Fields with one mailbox.
const MAILBOX: [&str; 3] = ["From", "Sender", "Resent-Sender"];
/// Fields with a list of addresses.
const ADDRESSES: [&str; 17] = [
    "To",
    "Cc",
    "Reply-To",
    "Author",
    "Apparently-To",
    "Abuse-Reports-To",
    "Disposition-Notification-To",
    "Errors-To",
    "Mail-Followup-To",
    "Mail-Reply-To",
    "Original-From",
    "Resent-Cc",
    "Resent-From",
    "Resent-To",
    "Return-Receipt-To",
    "X-Confirm-Reading-To",
    "X-CSA-Complaints",
];
/// What stands in these is for people in any case.
const TEXTS: [&str; 4] = ["Comments", "Keywords", "Organization", "Subject"];
const IDS: [&str; 5] = ["In-Reply-To", "References", "Original-Message-ID", "Resent-Message-ID", "Supersedes"];
const URLS: [&str; 6] = ["Archived-At", "List-Archive", "List-Help", "List-Owner", "List-Post", "List-Subscribe"];
const WORDS: [&str; 14] = [
    "Auto-Submitted",
    "BIMI-Selector",
    "Expires",
    "Feedback-ID",
    "Importance",
    "Message-Context",
    "Precedence",
    "Priority",
    "Reply-By",
    "Sensitivity",
    "X-Auto-Response-Suppress",
    "X-MSMail-Priority",
    "X-Priority",
    "X-PM-Message-Stream",
];

/// What the field of this name holds, where `value` is written in it.
pub(crate) fn kind_of(name: &str, value: &str) -> Kind {
    let is_in = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    match () {
        () if is_in(&MAILBOX) => Kind::Addresses { one: true },
        () if is_in(&ADDRESSES) => Kind::Addresses { one: false },
        () if is_in(&IDS) => Kind::Ids,
        () if is_in(&URLS) => Kind::Urls,
        () if is_in(&WORDS) => Kind::Words,
        () if !is_in(&TEXTS) && looks_like_json(value) => Kind::Json,
        () => Kind::Text,
    }
}

/// Whether a text, a template perhaps, is meant as JSON: `{"` or `[{` or `["` is how an object or a list of them begins.
fn looks_like_json(value: &str) -> bool {
    let mut marks = value.chars().filter(|c| !c.is_whitespace());
    matches!((marks.next(), marks.next()), (Some('{' | '['), Some('"')) | (Some('['), Some('{')))
        && !value.trim_start().starts_with("[{{")
        && value.trim_end().ends_with(['}', ']'])
}

/// Appends the field; nothing, where a field that cannot be empty is.
pub(crate) fn write(kind: Kind, name: &str, value: &str, out: &mut Vec<u8>) -> Result<(), ComposeError> {
    match kind {
        Kind::Text | Kind::Addresses { .. } => header::text(name, value, out),
        Kind::Ids => words(name, &ids(name, value)?, out),
        Kind::Urls => words(name, &urls(name, value)?, out),
        Kind::Words => match header::folded(name, value)?.trim() {
            "" => Ok(()),
            value if value.is_ascii() => header::text(name, value, out),
            value => Err(beyond_ascii(name, value)),
        },
        Kind::Json => json(name, value, out),
    }
}

fn wrong(name: &str, reason: String) -> ComposeError {
    ComposeError::Field { field: name.to_owned(), reason }
}

fn beyond_ascii(name: &str, value: &str) -> ComposeError {
    let found = value.chars().find(|c| !c.is_ascii()).unwrap_or_default();
    wrong(name, format!("`{}` is not ASCII, and this field is for programs", found.escape_debug()))
}

/// Appends a field of words that stand as they are, each on a line of its own where the line is full.
fn words(name: &str, words: &[Cow<'_, str>], out: &mut Vec<u8>) -> Result<(), ComposeError> {
    if words.is_empty() {
        return Ok(());
    }
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    let mut column = name.len() + 1;
    for (index, word) in words.iter().enumerate() {
        let folds = index > 0 && column + 1 + word.len() > FOLD;
        out.extend_from_slice(if folds { b"\r\n " } else { b" " });
        column = if folds { 1 } else { column + 1 } + word.len();
        out.extend_from_slice(word.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Identifiers (RFC 5322 §3.6.4), parted by blanks.
fn ids<'v>(name: &str, value: &'v str) -> Result<Vec<Cow<'v, str>>, ComposeError> {
    let id = |word: &'v str| {
        let inner = word.strip_prefix('<').and_then(|word| word.strip_suffix('>'));
        let sides = inner.and_then(|inner| inner.split_once('@'));
        let is_plain = |side: &str| {
            !side.is_empty() && side.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'@'))
        };
        match sides {
            Some((left, right)) if is_plain(left) && is_plain(right) && word.len() <= WORD_MAX => {
                Ok(Cow::Borrowed(word))
            }
            _ => Err(wrong(name, format!("`{}` is no identifier like <left@right>", word.escape_debug()))),
        }
    };
    value.split_whitespace().map(id).collect()
}

/// URLs in angle brackets, with commas between them (RFC 2369 §2); brackets that are missing are set.
fn urls<'v>(name: &str, value: &'v str) -> Result<Vec<Cow<'v, str>>, ComposeError> {
    let value = value.trim();
    let parts: Vec<&str> = value.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let last = parts.len().saturating_sub(1);
    let url = |(index, part): (usize, &&'v str)| {
        let inner = part.strip_prefix('<').and_then(|part| part.strip_suffix('>')).unwrap_or(part).trim();
        let is_no = name.eq_ignore_ascii_case("List-Post") && inner.eq_ignore_ascii_case("NO");
        if !is_no && !inner.contains(':') {
            return Err(wrong(name, format!("`{}` is no URL", inner.escape_debug())));
        }
        if let Some(bad) = inner.chars().find(|&c| !fits_url(c)) {
            return Err(wrong(name, format!("`{}` may not stand in a URL", bad.escape_debug())));
        }
        if inner.len() > WORD_MAX {
            return Err(wrong(name, format!("a URL is longer than {WORD_MAX} octets")));
        }
        let comma = if index < last { "," } else { "" };
        Ok(if is_no { "NO".into() } else { format!("<{inner}>{comma}").into() })
    };
    parts.iter().enumerate().map(url).collect()
}

/// JSON in ASCII, with folds where blanks mean nothing: between its tokens.
fn json(name: &str, value: &str, out: &mut Vec<u8>) -> Result<(), ComposeError> {
    let value = header::folded(name, value)?;
    let value = value.trim();
    if value.is_empty() {
        return Ok(());
    }
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(value) {
        return Err(wrong(name, format!("it is no valid JSON at column {} of its value", error.column())));
    }
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b":");
    let mut column = name.len() + 1;
    let mut blank = " ";
    for token in tokens(value) {
        let token = ascii(token);
        // A string that is longer than a line may be is cut at its blanks, before which a fold means nothing either.
        let folds = column + blank.len() + token.len() > FOLD && column > 1;
        out.extend_from_slice(if folds { "\r\n " } else { blank }.as_bytes());
        column = if folds { 1 } else { column + blank.len() };
        blank = if token.ends_with([',', ':']) { " " } else { "" };
        header::long_word(&token, out, &mut column)
            .map_err(|octets| wrong(name, format!("a text in it has {octets} octets without a blank to fold at")))?;
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// The tokens of a valid JSON text: strings with the comma or colon behind them, and what stands between strings.
fn tokens(json: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let (mut start, mut in_string, mut escaped) = (0, false, false);
    for (at, octet) in json.bytes().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b':' | b'[' | b'{' | b' ' if !in_string => {
                tokens.extend(json.get(start..=at).map(str::trim).filter(|token| !token.is_empty()));
                start = at + 1;
            }
            _ => {}
        }
    }
    tokens.extend(json.get(start..).map(str::trim).filter(|token| !token.is_empty()));
    tokens
}

/// With `\uXXXX` for what is not ASCII: in JSON that stands within strings only.
fn ascii(token: &str) -> Cow<'_, str> {
    if token.is_ascii() {
        return Cow::Borrowed(token);
    }
    let mut out = String::with_capacity(token.len() * 2);
    for c in token.chars() {
        if c.is_ascii() {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> Result<String, String> {
        let mut out = Vec::new();
        write(kind_of(name, value), name, value, &mut out).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn identifiers_are_folded_between_and_never_encoded() {
        let long: Vec<String> = (0..6).map(|n| format!("<{n}-0123456789abcdef@mail.acme.example>")).collect();
        let written = field("References", &long.join(" ")).unwrap();
        assert!(written.lines().all(|line| line.len() <= FOLD), "{written}");
        assert_eq!(written.replace("\r\n ", " ").trim_end(), format!("References: {}", long.join(" ")));
        assert_eq!(field("In-Reply-To", " "), Ok(String::new()));
        for bad in ["a@b", "<a b@c>", "<\u{e9}@b>", "<@b>", "<a@b"] {
            assert!(field("in-reply-to", bad).unwrap_err().contains("is no identifier like <left@right>"), "{bad}");
        }
    }

    #[test]
    fn urls_stand_in_angle_brackets() {
        assert_eq!(
            field("List-Help", "https://a.example/help, <mailto:help@a.example?subject=x>").unwrap(),
            "List-Help: <https://a.example/help>, <mailto:help@a.example?subject=x>\r\n"
        );
        assert_eq!(field("List-Post", "NO").unwrap(), "List-Post: NO\r\n");
        assert!(field("List-Owner", "owner").unwrap_err().contains("`owner` is no URL"));
        assert!(field("List-Help", "https://a.example/a b").unwrap_err().contains("` ` may not stand in a URL"));
    }

    #[test]
    fn words_for_programs_are_ascii() {
        assert_eq!(field("Precedence", "bulk").unwrap(), "Precedence: bulk\r\n");
        assert!(field("Feedback-ID", "a:b:\u{e9}").unwrap_err().contains("`\u{e9}` is not ASCII"));
        assert!(field("X-Anything", "\u{e9}").unwrap().contains("=?UTF-8?"));
    }

    #[test]
    fn json_is_ascii_and_folded_between_its_tokens() {
        let value = format!(
            "{{\"to\":[\"a@b.example\"],\"unique_args\":{{\"name\":\"J\u{f6}rg \u{1f600}, : {{x\\\"\"}},\"category\":[{}]}}",
            (0..40).map(|n| format!("\"category number {n}\"")).collect::<Vec<_>>().join(",")
        );
        let written = field("X-SMTPAPI", &value).unwrap();
        assert!(written.is_ascii() && written.lines().all(|line| line.len() <= FOLD), "{written}");
        let unfolded = written.strip_prefix("X-SMTPAPI:").unwrap().replace("\r\n", "");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&unfolded), read(&value));
        assert!(field("X-SMTPAPI", "{\"a\": 1,}").unwrap_err().contains("no valid JSON at column 9"));
        assert!(!written.contains("=?"), "{written}");
    }

    #[test]
    fn a_long_text_in_json_is_folded_at_its_blanks() {
        let value = format!("{{\"a\": \"{}\"}}", "word ".repeat(400));
        let written = field("X-A", &value).unwrap();
        assert!(written.lines().all(|line| line.len() <= 990), "{written}");
        let unfolded = written.strip_prefix("X-A:").unwrap().replace("\r\n", "");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&unfolded), read(&value));
        assert!(field("X-A", &format!("{{\"a\": \"{}\"}}", "x".repeat(2000))).unwrap_err().contains("without a blank"));
    }

    #[test]
    fn what_begins_as_json_is_taken_for_json() {
        for value in ["{\"a\": 1}", " [ {\"a\": 1} ]", "[\"a\"]", "{\"a\": {{ b }}}"] {
            assert_eq!(kind_of("X-A", value), Kind::Json, "{value}");
        }
        for value in ["{{ a }}", "[{{ a }}]", "[acme] news", "{% if a %}x{% endif %}", "{a}", ""] {
            assert_eq!(kind_of("X-A", value), Kind::Text, "{value}");
        }
    }
}
