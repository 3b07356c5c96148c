//! Finding the Message-ID in a header that may still be coming (RFC 5322 §3.6.4).

use memchr::memchr;

const NAME: &[u8] = b"message-id:";

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Search<'a> {
    /// The field's value, without blanks around it.
    Found(&'a [u8]),
    /// The header is over and has none.
    Missing,
    /// More is needed; search on from this place.
    More(usize),
}

/// Searches `header` from `place`, where a line begins.
pub(super) fn search(header: &[u8], mut place: usize) -> Search<'_> {
    loop {
        let rest = header.get(place..).unwrap_or_default();
        if rest.starts_with(b"\r\n") || rest.starts_with(b"\n") {
            return Search::Missing;
        }
        let candidate = matches!(rest.first(), Some(b'm' | b'M'));
        let end = if candidate { field_end(rest) } else { memchr(b'\n', rest).map(|n| n + 1) };
        let Some(end) = end else { return Search::More(place) };
        if candidate
            && let Some((name, value)) = rest[..end].split_at_checked(NAME.len())
            && name.eq_ignore_ascii_case(NAME)
        {
            return Search::Found(value.trim_ascii());
        }
        place += end;
    }
}

/// Where a field ends: behind the first line break that no blank follows. `None`: not here yet.
fn field_end(field: &[u8]) -> Option<usize> {
    let mut end = 0;
    loop {
        end += memchr(b'\n', &field[end..])? + 1;
        match field.get(end) {
            None => return None,
            Some(b' ' | b'\t') => {}
            Some(_) => return Some(end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_wherever_it_stands_and_however_the_header_is_split() {
        let cases: [(&[u8], Option<&[u8]>); 6] = [
            (b"Message-ID: <a@b>\r\nTo: x\r\n\r\nbody", Some(b"<a@b>")),
            (b"MIME-Version: 1.0\r\nmessage-id:\r\n <a@b>\r\n\r\n", Some(b"<a@b>")),
            (b"From: x\nMESSAGE-Id:<a@b>\n\nbody", Some(b"<a@b>")),
            (b"Subject: x\r\n Message-ID: <no@no>\r\n\r\nMessage-ID: <no@no>\r\n", None),
            (b"\r\nMessage-ID: <no@no>\r\n", None),
            (b"M: x\r\nMessage-IDs: <no@no>\r\n\r\n", None),
        ];
        for (header, expect) in cases {
            for step in 1..=header.len() {
                let mut place = 0;
                let mut found = None;
                for end in (step..header.len() + step).step_by(step) {
                    match search(&header[..end.min(header.len())], place) {
                        Search::More(next) => place = next,
                        end => {
                            found = Some(end);
                            break;
                        }
                    }
                }
                let found = found.unwrap_or_else(|| panic!("{}", header.escape_ascii()));
                assert_eq!(found, expect.map_or(Search::Missing, Search::Found), "steps of {step}");
            }
        }
    }
}
