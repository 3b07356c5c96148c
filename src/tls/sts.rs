//! MTA-STS (RFC 8461): the record in DNS that announces a policy, and the policy.
//!
//! Guarantees: whatever octets these are, the answer is a policy, or the reason why it is none; a policy holds at most
//! [`MX_MAX`] patterns, each of which is a host name or a `*.` before one. Leaves to others: fetching and keeping it
//! (`engine`), and that a failure to fetch one does not undo the one that is kept (§3.3).

use crate::mail::reply::Printable;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A policy is no longer (§3.3: "MAY impose a limit"), in octets.
pub const POLICY_MAX: usize = 64 * 1024;
/// A policy names no more patterns.
pub const MX_MAX: usize = 256;
/// §3.2: "max_age … maximum value of 31557600".
pub const MAX_AGE_MAX_S: u32 = 31_557_600;
/// An unknown value is shown in messages up to this length.
const SHOWN_MAX: usize = 40;

/// What is to be done when an exchanger does not fit the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Do not deliver.
    Enforce,
    /// Deliver, and report.
    Testing,
    /// There is no policy any more.
    None,
}

impl Mode {
    /// The word in the policy.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

/// A policy (§3.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Policy {
    /// What to do when it is not fulfilled.
    pub mode: Mode,
    /// For how long it holds, from when it was fetched; at most [`MAX_AGE_MAX_S`].
    pub max_age_s: u32,
    /// The exchangers: host names in lower case, or `*.` before one. Empty only with [`Mode::None`].
    pub mx: Vec<Box<str>>,
}

/// Why something is no policy: a sentence, what came from the network escaped, and the line it is about (from 1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PolicyError {
    /// The line; `None`: the whole.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: Box<str>,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "MTA-STS policy, line {line}: {}", self.what),
            None => write!(f, "MTA-STS policy: {}", self.what),
        }
    }
}

fn wrong(line: impl Into<Option<usize>>, what: impl Into<Box<str>>) -> PolicyError {
    PolicyError { line: line.into(), what: what.into() }
}

fn shown(text: &[u8]) -> String {
    let cut = text.get(..SHOWN_MAX).unwrap_or(text);
    format!("\"{}\"{}", Printable(cut), if cut.len() < text.len() { "…" } else { "" })
}

impl Policy {
    /// Reads the body of `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`. Lines end with CRLF or LF; of a key that comes
    /// twice the first counts (§3.2), but `mx`, whose lines add up; unknown keys are nothing.
    ///
    /// # Errors
    /// What is wrong with it: it is to be treated as if no policy could be fetched.
    pub fn parse(body: &[u8]) -> Result<Self, PolicyError> {
        if body.len() > POLICY_MAX {
            return Err(wrong(None, format!("{} octets are more than {POLICY_MAX}", body.len())));
        }
        let (mut version, mut mode, mut max_age_s, mut mx) = (false, None, None, Vec::new());
        for (at, line) in body.split(|&octet| octet == b'\n').enumerate() {
            let (number, line) = (at + 1, line.trim_ascii());
            if line.is_empty() {
                continue;
            }
            let Some(colon) = line.iter().position(|&octet| octet == b':') else {
                return Err(wrong(number, format!("{} is no \"key: value\"", shown(line))));
            };
            let (key, value) = line.split_at(colon);
            let (key, value) = (key.trim_ascii_end(), value.get(1..).unwrap_or_default().trim_ascii());
            match key {
                b"version" if value == b"STSv1" => version = true,
                b"version" if !version => return Err(wrong(number, format!("version {} is not STSv1", shown(value)))),
                b"mode" if mode.is_none() => mode = Some(parse_mode(number, value)?),
                b"max_age" if max_age_s.is_none() => max_age_s = Some(parse_max_age(number, value)?),
                b"mx" if mx.len() >= MX_MAX => return Err(wrong(number, format!("more than {MX_MAX} mx lines"))),
                b"mx" => mx.push(parse_pattern(number, value)?),
                _ => {}
            }
        }
        let missing = |key: &str| wrong(None, format!("there is no \"{key}:\""));
        if !version {
            return Err(missing("version"));
        }
        let mode = mode.ok_or_else(|| missing("mode"))?;
        let max_age_s = max_age_s.ok_or_else(|| missing("max_age"))?;
        if mx.is_empty() && mode != Mode::None {
            return Err(missing("mx"));
        }
        Ok(Self { mode, max_age_s, mx })
    }

    /// Whether the exchanger is one of the policy's (§4.1); with or without a final dot.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        self.mx.iter().any(|pattern| match pattern.strip_prefix("*.") {
            // "The wildcard … MUST only match … the left-most label", and one label only.
            Some(parent) => {
                host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent))
            }
            None => host.eq_ignore_ascii_case(pattern),
        })
    }

    /// The policy's lines, as a report quotes them (RFC 8460 §4.4).
    #[must_use]
    pub fn lines(&self) -> Vec<Box<str>> {
        let mut lines = vec!["version: STSv1".into(), format!("mode: {}", self.mode.word()).into()];
        lines.extend(self.mx.iter().map(|pattern| format!("mx: {pattern}").into_boxed_str()));
        lines.push(format!("max_age: {}", self.max_age_s).into());
        lines
    }
}

fn parse_mode(line: usize, value: &[u8]) -> Result<Mode, PolicyError> {
    match value {
        b"enforce" => Ok(Mode::Enforce),
        b"testing" => Ok(Mode::Testing),
        b"none" => Ok(Mode::None),
        other => Err(wrong(line, format!("mode {} is not enforce, testing or none", shown(other)))),
    }
}

fn parse_max_age(line: usize, value: &[u8]) -> Result<u32, PolicyError> {
    // §3.2: 1*10(DIGIT).
    let digits = (1..=10).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(value).ok().filter(|_| digits).and_then(|text| text.parse::<u64>().ok());
    match number.and_then(|number| u32::try_from(number).ok()).filter(|&seconds| seconds <= MAX_AGE_MAX_S) {
        Some(seconds) => Ok(seconds),
        None => Err(wrong(line, format!("max_age {} is not a number of seconds up to {MAX_AGE_MAX_S}", shown(value)))),
    }
}

fn parse_pattern(line: usize, value: &[u8]) -> Result<Box<str>, PolicyError> {
    let value = value.strip_suffix(b".").unwrap_or(value);
    let host = value.strip_prefix(b"*.").unwrap_or(value);
    let label = |label: &[u8]| {
        let outer = [label.first(), label.last()];
        (1..=63).contains(&label.len())
            && label.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
            && !outer.contains(&Some(&b'-'))
    };
    let good = value.len() <= 253 && host.split(|&octet| octet == b'.').all(label);
    match std::str::from_utf8(value) {
        Ok(text) if good => Ok(text.to_ascii_lowercase().into()),
        _ => Err(wrong(line, format!("mx {} is neither a host name nor \"*.\" before one", shown(value)))),
    }
}

/// The id in the TXT records of `_mta-sts.DOMAIN` (§3.1): it changes when the policy does. `None`: the domain announces no
/// policy, for there is no such record, or more than one, or it is malformed.
#[must_use]
pub fn parse_txt<S: AsRef<str>>(records: &[S]) -> Option<Box<str>> {
    // "If multiple TXT records … are returned, records that do not begin with "v=STSv1;" are discarded. If the number of
    // resulting records is not one … senders MUST assume the recipient domain does not have an available MTA-STS Policy."
    let mut id = None;
    for field in super::txt::fields(records, "v=STSv1")? {
        let (name, value) = field.split_once('=')?;
        if name == "id" && id.is_none() {
            let good = (1..=32).contains(&value.len()) && value.bytes().all(|octet| octet.is_ascii_alphanumeric());
            id = Some(good.then(|| Box::from(value))?);
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reason(body: &str) -> String {
        Policy::parse(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_policy_of_the_rfc_is_read_with_either_line_end() {
        let crlf = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: \
                    backupmx.example.com\r\nmax_age: 604800\r\n";
        let policy = Policy::parse(crlf.as_bytes()).unwrap();
        assert_eq!((policy.mode, policy.max_age_s), (Mode::Enforce, 604_800));
        let mx: Vec<&str> = policy.mx.iter().map(|pattern| &**pattern).collect();
        assert_eq!(mx, ["mail.example.com", "*.example.net", "backupmx.example.com"]);
        assert_eq!(Policy::parse(crlf.replace("\r\n", "\n").trim_end().as_bytes()).unwrap(), policy);
        assert_eq!(Policy::parse(policy.lines().join("\n").as_bytes()).unwrap(), policy);
    }

    #[test]
    fn a_star_is_one_label_and_names_are_without_case() {
        let policy =
            Policy::parse(b"version: STSv1\nmode: testing\nmx: *.Example.NET.\nmx: mx.a.example\nmax_age: 1").unwrap();
        for good in ["mx1.example.net", "MX1.EXAMPLE.NET", "mx1.example.net.", "mx.a.example", "MX.A.example."] {
            assert!(policy.allows(good), "{good}");
        }
        for bad in
            ["example.net", "a.mx1.example.net", ".example.net", "mx1.example.net.evil.example", "", "*", "x.a.example"]
        {
            assert!(!policy.allows(bad), "{bad}");
        }
    }

    #[test]
    fn the_first_of_two_keys_counts_and_unknown_ones_are_nothing() {
        let policy = Policy::parse(
            b"version: STSv1\nmode: none\nmode: enforce\nfuture: x:y\nmax_age: 5\nmax_age: 999999999999\n\n",
        );
        assert_eq!(policy, Ok(Policy { mode: Mode::None, max_age_s: 5, mx: Vec::new() }));
    }

    #[test]
    fn what_is_no_policy_is_told_with_its_line() {
        for (body, expected) in [
            ("", "MTA-STS policy: there is no \"version:\""),
            ("<html>\r\n404", "MTA-STS policy, line 1: \"<html>\" is no \"key: value\""),
            ("version: STSv2", "MTA-STS policy, line 1: version \"STSv2\" is not STSv1"),
            ("version: STSv1\nmode: strict", "line 2: mode \"strict\" is not enforce, testing or none"),
            ("version: STSv1\nmode: enforce\nmax_age: 5", "there is no \"mx:\""),
            ("version: STSv1\nmode: enforce\nmx: a.example", "there is no \"max_age:\""),
            ("version: STSv1\nmax_age: 5\nmx: a.example", "there is no \"mode:\""),
            ("version: STSv1\nmax_age: -5", "line 2: max_age \"-5\" is not"),
            ("version: STSv1\nmax_age: 31557601", "is not a number of seconds up to 31557600"),
            ("version: STSv1\nmx: *.*.example", "line 2: mx \"*.*.example\" is neither"),
            ("version: STSv1\nmx: a b\u{7}", "line 2: mx \"a b"),
            ("version: STSv1\nmx: *", "is neither a host name"),
            ("version: STSv1\nmx: ", "is neither a host name"),
            ("version: STSv1\nmx: -a.example", "is neither a host name"),
        ] {
            assert!(reason(body).contains(expected), "{body:?}: {}", reason(body));
            assert!(!reason(body).contains('\u{7}'));
        }
        let long = "x".repeat(50_000);
        assert!(reason(&format!("version: STSv1\nmode: {long}")).len() < 200);
        assert!(reason(&"mx: a.example\n".repeat(10_000)).contains("octets are more than"));
        assert!(reason(&"mx: a.example\n".repeat(300)).contains("more than 256 mx lines"));
    }

    #[test]
    fn one_record_announces_a_policy() {
        let id = |records: &[&str]| parse_txt(records).map(String::from);
        assert_eq!(id(&["v=STSv1; id=20160831085700Z;"]).as_deref(), Some("20160831085700Z"));
        assert_eq!(id(&["v=spf1 -all", "v=STSv1 ;id=1", "v=STSv10; id=2"]).as_deref(), Some("1"));
        assert_eq!(id(&["v=STSv1; x=y; id=1; id=2"]).as_deref(), Some("1"));
        for bad in [
            &["v=STSv1; id=1", "v=STSv1; id=2"][..],
            &["v=STSv1"],
            &["v=STSv1;"],
            &["v=STSv1; id="],
            &["v=STSv1; id=a-b"],
            &["v=STSv1; id"],
            &["v=stsv1; id=1"],
            &["v=STSv1; id=123456789012345678901234567890123"],
            &["id=1; v=STSv1"],
            &[],
        ] {
            assert_eq!(id(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_octets_break_it(body in proptest::collection::vec(any::<u8>(), 0..400), host in ".{0,40}") {
            if let Ok(policy) = Policy::parse(&body) {
                let _allowed = policy.allows(&host);
            }
            let _id = parse_txt(&[String::from_utf8_lossy(&body), host.into()]);
        }

        #[test]
        fn what_is_read_can_be_written_and_read_again(
            lines in proptest::collection::vec(
                prop_oneof![
                    Just("version: STSv1".to_owned()),
                    Just("mode: enforce".to_owned()),
                    "mode: [a-z]{0,3}", "mx: [*.a-z0-9-]{0,9}", "max_age: [0-9]{1,4}", "[ -~]{0,9}",
                ],
                0..12,
            ),
        ) {
            if let Ok(policy) = Policy::parse(lines.join("\r\n").as_bytes()) {
                prop_assert_eq!(Policy::parse(policy.lines().join("\n").as_bytes()), Ok(policy));
            }
        }
    }
}
