//! Spans of time as people write them: `100ms`, `5m`, `1h30m`, `4d`.
//!
//! Guarantees: what [`Span`] prints parses back to the same span, to the microsecond.
//! Leaves to others: the bounds that a setting has.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The units, the largest first, in microseconds.
const UNITS: [(&str, u64); 7] = [
    ("w", 7 * 86_400_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// A span of time that is read and printed with its units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

/// Why a text is no span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// Nothing there.
    #[error("the span is empty; hint: write a number and its unit, such as \"5m\" or \"100ms\"")]
    Empty,
    /// A number without its unit.
    #[error("\"{0}\" has no unit; hint: add one of us, ms, s, m, h, d, w, such as \"{0}s\"")]
    NoUnit(String),
    /// A unit that does not exist, or a sign.
    #[error("\"{0}\" is no span of time; hint: numbers with us, ms, s, m, h, d, w, such as \"1h30m\"")]
    Malformed(String),
    /// Longer than 500,000 years.
    #[error("\"{0}\" is too long a span")]
    TooLong(String),
}

/// Parses `text`: whole numbers, each with its unit, added up; blanks around it are allowed.
///
/// # Errors
/// What is wrong with it, and how it would be right.
pub fn parse(text: &str) -> Result<Duration, SpanError> {
    let whole = text.trim();
    if whole.is_empty() {
        return Err(SpanError::Empty);
    }
    let malformed = || SpanError::Malformed(whole.chars().take(40).collect());
    let mut total_us = 0u64;
    let mut rest = whole;
    while !rest.is_empty() {
        let (digits, tail) = split_at(rest, |c| !c.is_ascii_digit());
        let (unit, tail) = split_at(tail, |c| !c.is_ascii_alphabetic());
        if unit.is_empty() && tail.is_empty() && !digits.is_empty() {
            return Err(SpanError::NoUnit(whole.chars().take(40).collect()));
        }
        let scale = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, us)| *us);
        let (false, Some(scale)) = (digits.is_empty(), scale) else { return Err(malformed()) };
        let too_long = || SpanError::TooLong(whole.chars().take(40).collect());
        let count: u64 = digits.parse().map_err(|_| too_long())?;
        total_us = count.checked_mul(scale).and_then(|us| total_us.checked_add(us)).ok_or_else(too_long)?;
        rest = tail;
    }
    Ok(Duration::from_micros(total_us))
}

fn split_at(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(stop).unwrap_or(text.len()))
}

impl Span {
    /// The span to two units at most (`4m12s`, not `4m12s380ms`): for people who wait.
    #[must_use]
    pub fn rough(self) -> Self {
        let us = u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX);
        let mut fine = UNITS.iter().skip_while(|(_, unit)| us < *unit).skip(1).map(|(_, unit)| *unit);
        let unit = fine.next().unwrap_or(1);
        Self(Duration::from_micros(us - us % unit))
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        parse(text).map(Self)
    }
}

impl fmt::Display for Span {
    /// The largest units first; weeks are printed as days.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut us = u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX);
        if us == 0 {
            return f.write_str("0s");
        }
        for (name, unit) in UNITS.iter().skip(1) {
            if us >= *unit {
                write!(f, "{}{name}", us / unit)?;
                us %= unit;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a span of time in quotes, such as \"5m\" or \"100ms\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_are_numbers_with_units() {
        let good = [
            ("5m", 300_000),
            ("100ms", 100),
            ("4d", 345_600_000),
            ("1h30m", 5_400_000),
            (" 0s ", 0),
            ("2w", 1_209_600_000),
        ];
        for (text, ms) in good {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn a_wrong_span_says_what_would_be_right() {
        assert_eq!(parse(""), Err(SpanError::Empty));
        assert_eq!(parse("5"), Err(SpanError::NoUnit("5".into())));
        for text in ["m", "-5m", "5 m", "1.5h", "5y", "5mm", "5M", "5m,", "\u{665}m"] {
            assert_eq!(parse(text), Err(SpanError::Malformed(text.into())), "{text}");
        }
        for text in ["99999999999999999999s", "99999999999999w"] {
            assert_eq!(parse(text), Err(SpanError::TooLong(text.into())));
        }
        assert!(parse("5").unwrap_err().to_string().contains("such as \"5s\""));
    }

    #[test]
    fn rough_keeps_two_units() {
        let rough = |text: &str| text.parse::<Span>().unwrap().rough().to_string();
        assert_eq!(rough("4m12s380ms"), "4m12s");
        assert_eq!(rough("28s900ms7us"), "28s900ms");
        assert_eq!(rough("3d23h59m59s"), "3d23h");
        assert_eq!(rough("7us"), "7us");
    }

    #[test]
    fn configuration_takes_spans_and_names_what_it_wants() {
        let span: Span = serde_json::from_str("\"1h\"").unwrap();
        assert_eq!(serde_json::to_string(&span).unwrap(), "\"1h\"");
        let wrong = serde_json::from_str::<Span>("5").unwrap_err().to_string();
        assert!(wrong.contains("a span of time in quotes"), "{wrong}");
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_back(us in any::<u64>()) {
            let span = Span(Duration::from_micros(us));
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,30}") {
            let _ = parse(&text);
        }
    }
}
