//! The field of a record that holds the address: one mailbox, perhaps with something around it, or several.
//!
//! Guarantees: a field that is a mailbox as it stands costs no more than parsing it; what is taken away around one is counted.
//! Leaves to others: what becomes of the mailboxes.

use crate::base::many::Many;
use crate::mail::Mailbox;
use crate::mail::address::{self, AddressError, clean};

/// What becomes of a field that holds several addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Several {
    /// The record is rejected.
    #[default]
    Refuse,
    /// The first of them is the recipient.
    First,
    /// Each of them is a recipient.
    Each,
}

/// Longer fields are not kept as they are written.
pub const WRITTEN_OCTETS_MAX: usize = 512;

impl Several {
    /// What it changes, in words behind others.
    pub fn told(self) -> &'static str {
        match self {
            Self::Refuse => "",
            Self::First => ", the first of several addresses in a cell",
            Self::Each => ", each of several addresses in a cell",
        }
    }
}

/// Who stands in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addressed {
    /// Where the `@` of the mailbox is.
    pub at: usize,
    /// Whether something stood around it.
    pub is_cleaned: bool,
}

/// Reads a field: the mailbox into `mailbox`, and further ones into `more`. The error is the reason to reject.
pub fn read(
    field: &[u8],
    several: Several,
    mailbox: &mut Vec<u8>,
    more: &mut Vec<Mailbox>,
) -> Result<Addressed, String> {
    mailbox.clear();
    more.clear();
    match address::parse_into(field, mailbox) {
        Ok(at) => {
            let is_blank = |octet: Option<&u8>| matches!(octet, Some(b' ' | b'\t'));
            // Quotes that it lacked.
            let is_quoted = mailbox.first() == Some(&b'"') && field.first() != Some(&b'"');
            Ok(Addressed { at, is_cleaned: is_quoted || is_blank(field.first()) || is_blank(field.last()) })
        }
        Err(error) => read_amid(field, several, error, mailbox, more),
    }
}

/// The field of a mailbox, to be kept as it is written; empty where that is the mailbox itself, or is too long.
pub fn written<'f>(field: &'f [u8], mailbox: &[u8]) -> &'f [u8] {
    let is_kept = field != mailbox && field.len() <= WRITTEN_OCTETS_MAX && std::str::from_utf8(field).is_ok();
    if is_kept { field } else { b"" }
}

#[cold]
fn read_amid(
    field: &[u8],
    several: Several,
    error: AddressError,
    mailbox: &mut Vec<u8>,
    more: &mut Vec<Mailbox>,
) -> Result<Addressed, String> {
    let bare = clean::bare(field);
    let error = match address::parse_into(&bare, mailbox) {
        Ok(at) => return Ok(Addressed { at, is_cleaned: true }),
        Err(_) if *bare == *field => error,
        Err(error) => error,
    };
    let mut all = clean::each(&bare).into_iter();
    let ats = memchr::memchr_iter(b'@', &bare).count();
    let Some(first) = all.next().filter(|_| ats > 1) else { return Err(error.to_string()) };
    let others = all.len();
    if let (Some(second), Several::Refuse) = (all.as_slice().first(), several) {
        return Err(format!(
            "{} in one cell ({first}, {second}{}); recipients.several = \"first\" or \"each\" takes them",
            Many(others as u64 + 1, "address", "addresses"),
            if others > 1 { ", …" } else { "" }
        ));
    }
    if several == Several::Each {
        more.extend(all);
    }
    mailbox.extend_from_slice(first.as_str().as_bytes());
    Ok(Addressed { at: first.local_part().len(), is_cleaned: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(field: &str, several: Several) -> Result<(Vec<String>, bool), String> {
        let (mut mailbox, mut more) = (b"left".to_vec(), Vec::new());
        let read = read(field.as_bytes(), several, &mut mailbox, &mut more)?;
        let first = String::from_utf8(mailbox).unwrap();
        assert_eq!(first.find('@'), Some(read.at));
        let all = std::iter::once(first).chain(more.iter().map(ToString::to_string)).collect();
        Ok((all, read.is_cleaned))
    }

    #[test]
    fn one_address_is_read_and_what_stood_around_it_is_told() {
        let one = |text: &str| Ok((vec![text.to_owned()], false));
        assert_eq!(who("ann@a.example", Several::Refuse), one("ann@a.example"));
        assert_eq!(who("a..b@a.example", Several::Refuse), Ok((vec!["\"a..b\"@a.example".to_owned()], true)));
        for field in [" ann@a.example", "Ann <ann@A.example>", "mailto:ann@a.example", "ann@a.example, ann@a.example"] {
            assert_eq!(who(field, Several::Refuse), Ok((vec!["ann@a.example".to_owned()], true)), "{field}");
        }
        assert_eq!(who("", Several::Refuse), Err("the address is empty".to_owned()));
        assert_eq!(who("<nobody>", Several::Each), Err("the address has no @".to_owned()));
    }

    #[test]
    fn a_field_is_kept_as_it_is_written_where_it_says_more_than_the_mailbox() {
        assert_eq!(written(b"ann@a.example", b"ann@a.example"), b"");
        assert_eq!(written(b"Ann <ann@A.example>", b"ann@a.example"), b"Ann <ann@A.example>");
        assert_eq!(written(&[b' '; WRITTEN_OCTETS_MAX + 1], b"ann@a.example"), b"");
        assert_eq!(written(b"\xff", b"ann@a.example"), b"");
    }

    #[test]
    fn several_addresses_are_refused_by_name_or_taken_as_asked() {
        let field = "Ann <ann@a.example>; bob@b.example, cyd@c.example";
        let refused = who(field, Several::Refuse).unwrap_err();
        assert_eq!(
            refused,
            "3 addresses in one cell (ann@a.example, bob@b.example, …); recipients.several = \"first\" or \"each\" takes them"
        );
        let [ann, bob, cyd] = ["ann@a.example", "bob@b.example", "cyd@c.example"].map(str::to_owned);
        assert_eq!(who(field, Several::First), Ok((vec![ann.clone()], true)));
        assert_eq!(who(field, Several::Each), Ok((vec![ann, bob, cyd], true)));
        assert!(who("ann@a.example, bob@", Several::Each).is_err());
    }
}
