//! A record of CSV with quotes in it (RFC 4180), as far as it is there.
//!
//! Guarantees: a field that begins with a quote ends with one before a delimiter or a line end, or the record is none; a quote
//! inside another field is an ordinary character. Leaves to others: what follows a record that is none.

/// What stands at the front of some octets.
pub enum Quoted {
    /// A record of this many octets, its line end included.
    Whole(usize),
    /// It may go on behind the data.
    More,
    /// The data ends, for good, inside quotes.
    Open,
    /// Neither.
    Broken,
}

/// How records are written.
#[derive(Clone, Copy)]
pub struct Marks {
    /// What separates fields.
    pub delimiter: u8,
    /// What a line ends with: LF, before which a CR is a part of it, or CR alone.
    pub line_end: u8,
}

/// Parses the record at the front of `data`, its fields unquoted into `scratch`.
pub fn parse(data: &[u8], eof: bool, marks: Marks, scratch: &mut Vec<u8>, fields: &mut Vec<(u32, u32)>) -> Quoted {
    let Marks { delimiter, line_end } = marks;
    scratch.clear();
    fields.clear();
    let mut rest = data;
    loop {
        let from = scratch.len() as u32;
        if let Some(inside) = rest.strip_prefix(b"\"") {
            rest = inside;
            loop {
                let Some((text, behind)) = split(rest, memchr::memchr(b'"', rest)) else {
                    return if eof { Quoted::Open } else { Quoted::More };
                };
                scratch.extend_from_slice(text);
                match behind.strip_prefix(b"\"") {
                    Some(behind) => {
                        scratch.push(b'"');
                        rest = behind;
                    }
                    None if behind.is_empty() && !eof => return Quoted::More,
                    None => {
                        rest = behind;
                        break;
                    }
                }
            }
            if let [b'\r', behind @ ..] = rest
                && line_end == b'\n'
                && matches!(behind, [b'\n', ..] | [])
            {
                if behind.is_empty() && !eof {
                    return Quoted::More;
                }
                rest = behind;
            }
        } else {
            match memchr::memchr2(delimiter, line_end, rest) {
                Some(at) => {
                    let (text, behind) = rest.split_at(at);
                    let ends = behind.first() == Some(&line_end);
                    scratch.extend_from_slice(if ends { text.strip_suffix(b"\r").unwrap_or(text) } else { text });
                    rest = behind;
                }
                None if !eof => return Quoted::More,
                None => {
                    scratch.extend_from_slice(rest.strip_suffix(b"\r").unwrap_or(rest));
                    rest = &[];
                }
            }
        }
        fields.push((from, scratch.len() as u32));
        match rest.split_first() {
            Some((&b, behind)) if b == delimiter => rest = behind,
            Some((&b, behind)) if b == line_end => return Quoted::Whole(data.len() - behind.len()),
            None => return Quoted::Whole(data.len()),
            Some(_) => return Quoted::Broken,
        }
    }
}

/// What stands before the octet at `at`, and behind it.
fn split(data: &[u8], at: Option<usize>) -> Option<(&[u8], &[u8])> {
    let (text, behind) = data.split_at_checked(at?)?;
    Some((text, behind.split_first()?.1))
}
