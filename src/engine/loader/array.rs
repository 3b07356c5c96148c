//! The objects of a JSON array, told apart without a look at what is in them.
//!
//! Guarantees: an object ends where its braces do, those in strings not counted. Leaves to others: whether it is JSON.

/// Where in the list one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before the array.
    Before,
    /// In it.
    Inside,
    /// Behind it.
    Behind,
}

/// What comes next in some octets, behind `passed` octets that are nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing yet: more octets are needed.
    More { passed: usize },
    /// The array begins, or ends, with the last of these.
    Bracket { passed: usize, now: Place },
    /// An object of so many octets.
    Object { passed: usize, octets: usize },
    /// Something of so many octets that is none.
    Odd { passed: usize, octets: usize, what: &'static str },
    /// The list ends as it should…
    Over,
    /// …or within the array.
    Cut { passed: usize },
}

const NO_OBJECT: &str = "no JSON object, where the array has one";

/// What comes next in `data`, behind which nothing follows if `eof`.
pub fn next(data: &[u8], eof: bool, place: Place) -> Next {
    let is_nothing = |octet: &u8| octet.is_ascii_whitespace() || (*octet == b',' && place == Place::Inside);
    let passed = data.iter().position(|octet| !is_nothing(octet)).unwrap_or(data.len());
    let rest = data.get(passed..).unwrap_or_default();
    match (rest.first(), place) {
        (None, Place::Inside) if eof => Next::Cut { passed },
        (None, _) if eof => Next::Over,
        (None, _) => Next::More { passed },
        (Some(b'['), Place::Before) => Next::Bracket { passed: passed + 1, now: Place::Inside },
        (Some(b']'), Place::Inside) => Next::Bracket { passed: passed + 1, now: Place::Behind },
        (Some(b'{'), Place::Inside) => match octets_within(rest, b'{', b'}') {
            Some(octets) => Next::Object { passed, octets },
            None if eof => Next::Cut { passed },
            None => Next::More { passed },
        },
        (Some(b'['), Place::Inside) => match octets_within(rest, b'[', b']') {
            Some(octets) => Next::Odd { passed, octets, what: NO_OBJECT },
            None if eof => Next::Cut { passed },
            None => Next::More { passed },
        },
        (Some(_), Place::Inside) => {
            let end = rest.iter().skip(1).position(|octet| matches!(octet, b',' | b'\n' | b']' | b'{'));
            let octets = end.map_or(rest.len(), |end| end + 1);
            Next::Odd { passed, octets, what: NO_OBJECT }
        }
        (Some(_), _) => Next::Odd { passed, octets: rest.len(), what: "text behind the end of the JSON array" },
    }
}

/// The octets of what opens at the front, as far as what closes it.
fn octets_within(data: &[u8], open: u8, close: u8) -> Option<usize> {
    let (mut depth, mut at) = (0u32, 0);
    loop {
        let found = at + memchr::memchr3(open, close, b'"', data.get(at..)?)?;
        at = found + 1;
        match data.get(found)? {
            octet if *octet == open => depth += 1,
            octet if *octet == close && depth == 1 => return Some(at),
            octet if *octet == close => depth -= 1,
            _ => loop {
                let found = at + memchr::memchr2(b'"', b'\\', data.get(at..)?)?;
                at = found + if data.get(found) == Some(&b'\\') { 2 } else { 1 };
                if data.get(found) == Some(&b'"') {
                    break;
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_told_apart() {
        for (data, place, wanted) in [
            (" [", Place::Before, Next::Bracket { passed: 2, now: Place::Inside }),
            (",\n {\"a\":\"}\\\"}\",\"b\":{}} ,", Place::Inside, Next::Object { passed: 3, octets: 19 }),
            (" ] ", Place::Inside, Next::Bracket { passed: 2, now: Place::Behind }),
            (
                " 17, {}",
                Place::Inside,
                Next::Odd { passed: 1, octets: 2, what: "no JSON object, where the array has one" },
            ),
            (" \n", Place::Behind, Next::Over),
            (" {\"a\":\"", Place::Inside, Next::Cut { passed: 1 }),
            (" ,", Place::Inside, Next::Cut { passed: 2 }),
        ] {
            assert_eq!(next(data.as_bytes(), true, place), wanted, "{data}");
        }
        for data in ["{\"a\":\"\\", "{\"a\":{}", "{\"a", "{"] {
            assert_eq!(next(data.as_bytes(), false, Place::Inside), Next::More { passed: 0 }, "{data}");
        }
    }
}
