//! The suppression list: mailboxes, whole domains and whatever is below a domain, that no campaign may send to.
//!
//! Read from text files (UTF-8, or UTF-16 as editors save it), one entry a line; blank lines and lines that begin with `#` are
//! skipped. What a list may have around an address may stand around one here, too (`Ann <ann@example.org>`, blanks of every
//! kind, a dot or comma at the end).
//!
//! | entry | stops |
//! |---|---|
//! | `ann@example.org`, `"ann"@example.org` | this mailbox, in whatever spelling and case |
//! | `@example.org`, `*@example.org`, `example.org` | everybody at the domain, not below it |
//! | `*.example.org`, `*@*.example.org`, `*.ru` | everybody at any domain below it, not at it |
//!
//! Mailboxes beyond ASCII are compared more widely than elsewhere ([`address::fold_widely_into`]): `STRASSE@` may be what some
//! program made of `straße@`, and whoever has asked for nothing gets nothing, though somebody else may have the other spelling.
//!
//! Guarantees: a line that is none of these stops the reading with its place, since a suppression that was silently
//! dropped is mail that somebody asked not to get; what is salvaged of files that cannot be read whole stops nobody less than
//! what was read before; memory is about 22 octets an entry.

use super::keyset::KeySet;
use crate::base::charset::{self, Charset};
use crate::base::remedy;
use crate::engine::loader::Transcoded;
use crate::mail::AddressError;
use crate::mail::address::{self, MAILBOX_OCTETS_MAX, clean};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is read of a file at once.
const BLOCK_OCTETS: usize = 256 * 1024;
/// No line that means something is longer.
const LINE_OCTETS_MAX: u64 = 4096;
/// A file with more lines that mean nothing is no suppression file.
const FAULTS_MAX: u32 = 100_000;

/// Why a suppression file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SuppressionError {
    /// The file cannot be read.
    #[error("cannot read the suppression file {}: {}", path.display(), remedy::in_line(.error))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A line is neither a mailbox, nor a domain, nor a comment.
    #[error("{}:{line}:{column}: {error}; hint: one entry a line: ann@example.org, @example.org, or *.example.org and *.ru for all below them; comments begin with #", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The octet of the line, from 1, that is not as it should be; where no single one is, the entry's first.
        column: usize,
        /// What is wrong with it.
        error: EntryError,
    },
}

/// Why an entry means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It is no mailbox, or no domain.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A `*` where it would stand for nothing.
    #[error("a * stands for a whole local part, or for all domains below one, and for nothing else")]
    Wildcard,
}

/// The mailboxes and domains that are suppressed.
pub struct Suppression {
    set: KeySet,
    /// Whether there is an entry for all that is below a domain.
    below: bool,
    /// What stops people besides.
    before: Option<Arc<Suppression>>,
}

impl Suppression {
    /// A list of none. `secret` keys the hashes; it should be random.
    #[must_use]
    pub fn new(secret: [u8; 16]) -> Self {
        Self { set: KeySet::new(secret), below: false, before: None }
    }

    /// Reads suppression files.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that means nothing.
    pub fn read<P: AsRef<Path>>(
        secret: [u8; 16],
        paths: impl IntoIterator<Item = P>,
    ) -> Result<Self, SuppressionError> {
        let mut list = Self::new(secret);
        for path in paths {
            list.read_file(path.as_ref(), false)?;
        }
        Ok(list)
    }

    /// What can be read of files that cannot be used whole, beside what was read `before`. A last line without its end is not
    /// taken: it may be half of one.
    #[must_use]
    pub fn salvage<P: AsRef<Path>>(
        secret: [u8; 16],
        paths: impl IntoIterator<Item = P>,
        before: Arc<Suppression>,
    ) -> Self {
        let mut list = Self { before: Some(before), ..Self::new(secret) };
        for path in paths {
            // Whoever salvages knows already why it cannot be read whole.
            let _ = list.read_file(path.as_ref(), true);
        }
        list
    }

    /// Adds one entry (see the head of this file).
    ///
    /// # Errors
    /// It means nothing.
    pub fn add(&mut self, entry: &[u8]) -> Result<(), EntryError> {
        let bare = clean::bare(entry);
        let entry = bare.as_ref();
        let behind_at = entry.strip_prefix(b"*@").or_else(|| entry.strip_prefix(b"@"));
        let domain = behind_at.or_else(|| Some(entry).filter(|entry| !entry.is_empty() && !entry.contains(&b'@')));
        let mut text = Vec::with_capacity(MAILBOX_OCTETS_MAX);
        if let Some(domain) = domain {
            let above = domain.strip_prefix(b"*.");
            text.extend_from_slice(if above.is_some() { b"*." } else { b"@" });
            let domain = above.unwrap_or(domain);
            if domain.contains(&b'*') {
                return Err(EntryError::Wildcard);
            }
            match above {
                Some(_) => address::parse_zone_into(domain, &mut text)?,
                None => address::parse_domain_into(domain, &mut text)?,
            }
            self.below |= above.is_some();
        } else {
            let mut mailbox = Vec::with_capacity(MAILBOX_OCTETS_MAX);
            let at = address::parse_into(entry, &mut mailbox)?;
            // RFC 5321 lets a local-part hold one; who writes it here means something else, which would stop nobody.
            if mailbox.contains(&b'*') && !mailbox.starts_with(b"\"") {
                return Err(EntryError::Wildcard);
            }
            let mut folded = Vec::with_capacity(MAILBOX_OCTETS_MAX);
            let at = address::fold_into(&mailbox, at, &mut folded);
            address::fold_widely_into(&folded, at, &mut text);
        }
        self.set.insert(&text);
        Ok(())
    }

    /// Whether `folded`, a mailbox as it is compared ([`address::fold_into`]) with its `@` at `at`, is suppressed.
    #[must_use]
    pub fn contains(&self, folded: &[u8], at: usize) -> bool {
        self.holds(folded, at) || self.before.as_ref().is_some_and(|before| before.contains(folded, at))
    }

    fn holds(&self, folded: &[u8], at: usize) -> bool {
        if self.set.is_empty() {
            return false;
        }
        let domain = folded.get(at..).unwrap_or_default();
        self.holds_mailbox(folded, at) || self.set.contains(domain) || (self.below && self.is_below(domain))
    }

    fn holds_mailbox(&self, folded: &[u8], at: usize) -> bool {
        if folded.is_ascii() {
            return self.set.contains(folded);
        }
        let mut wide = Vec::with_capacity(MAILBOX_OCTETS_MAX);
        address::fold_widely_into(folded, at, &mut wide);
        self.set.contains(&wide)
    }

    /// Whether `@domain` is below a domain of which all that is below is suppressed.
    fn is_below(&self, domain: &[u8]) -> bool {
        let mut above = Vec::with_capacity(MAILBOX_OCTETS_MAX);
        memchr::memchr_iter(b'.', domain).any(|dot| {
            above.clear();
            above.push(b'*');
            above.extend_from_slice(domain.get(dot..).unwrap_or_default());
            self.set.contains(&above)
        })
    }

    /// Whether a canonical mailbox with its `@` at `at` is suppressed; `folded` is room for the work.
    #[must_use]
    pub fn stops(&self, mailbox: &[u8], at: usize, folded: &mut Vec<u8>) -> bool {
        if self.is_empty() {
            return false;
        }
        folded.clear();
        let at = address::fold_into(mailbox, at, folded);
        self.contains(folded, at)
    }

    /// How many entries were read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether nobody is stopped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.before.as_ref().is_none_or(|before| before.is_empty())
    }

    /// Reads a file to its end; where it `salvages`, past lines that mean nothing, else to the first of them.
    fn read_file(&mut self, path: &Path, salvages: bool) -> Result<(), SuppressionError> {
        let failed = |error| SuppressionError::Read { path: path.to_owned(), error };
        // Opening one would wait for whoever writes to it, and it says what it says once.
        if std::fs::metadata(path).map_err(failed)?.file_type().is_fifo() {
            let why = "it is a pipe, and the file is read again whenever it changes; hint: write what comes from it to a file";
            return Err(failed(io::Error::other(why)));
        }
        let (mut input, line_end) = opened(path).map_err(failed)?;
        let mut text = Vec::new();
        let (mut line, mut faults, mut is_rest) = (0, 0, false);
        while faults < FAULTS_MAX {
            text.clear();
            if (&mut input).take(LINE_OCTETS_MAX).read_until(line_end, &mut text).map_err(failed)? == 0 {
                break;
            }
            line += u64::from(!is_rest);
            let is_whole = text.ends_with(&[line_end]);
            let is_taken = !is_rest && (is_whole || !salvages);
            is_rest = !is_whole;
            match if is_taken { self.add_line(path, line, &text) } else { Ok(()) } {
                Err(error) if !salvages => return Err(error),
                Err(_) => faults += 1,
                // What is no line at all must end, too.
                Ok(()) => faults += u32::from(!is_taken),
            }
        }
        Ok(())
    }

    fn add_line(&mut self, path: &Path, line: u64, text: &[u8]) -> Result<(), SuppressionError> {
        let mut entry = text.strip_suffix(b"\n").unwrap_or(text);
        while let (1, Some(rest)) = (line, entry.strip_prefix(b"\xef\xbb\xbf")) {
            entry = rest;
        }
        let indent = entry.len() - entry.trim_ascii_start().len();
        let entry = entry.trim_ascii();
        let bad = |column, error| SuppressionError::Line { path: path.to_owned(), line, column, error };
        if text.len() as u64 == LINE_OCTETS_MAX && !text.ends_with(b"\n") && !text.ends_with(b"\r") {
            return Err(bad(1, AddressError::TooLong.into()));
        }
        if !entry.is_empty() && !entry.starts_with(b"#") {
            self.add(entry).map_err(|error| bad(indent + fault_at(entry, error) + 1, error))?;
        }
        Ok(())
    }
}

/// The text of a file, and what its lines end with: LF, or, where none does, CR.
fn opened(path: &Path) -> io::Result<(Box<dyn BufRead>, u8)> {
    let mut file = BufReader::with_capacity(BLOCK_OCTETS, File::open(path)?);
    let front = file.fill_buf()?;
    let charset = charset::guess(front).map_or(Charset::UTF_8, |found| found.charset);
    if charset == Charset::UTF_8 || charset.is_octet_by_octet() {
        let line_end = line_end(front);
        return Ok((Box::new(file), line_end));
    }
    let mut text = BufReader::with_capacity(BLOCK_OCTETS, Transcoded::new(file, charset));
    let line_end = line_end(text.fill_buf()?);
    Ok((Box::new(text), line_end))
}

fn line_end(front: &[u8]) -> u8 {
    let ends = |octet| memchr::memchr(octet, front.strip_suffix(b"\r").unwrap_or(front)).is_some();
    if ends(b'\r') && !ends(b'\n') { b'\r' } else { b'\n' }
}

/// The octet of the entry that an error is about.
fn fault_at(entry: &[u8], error: EntryError) -> usize {
    let find = |wanted: &dyn Fn(u8) -> bool| entry.iter().position(|&octet| wanted(octet));
    let behind_at = memchr::memrchr(b'@', entry).map_or(0, |at| at + 1);
    let found = match error {
        EntryError::Wildcard => find(&|octet| octet == b'*'),
        EntryError::Address(AddressError::Blank) => find(&|octet| octet.is_ascii_whitespace()),
        EntryError::Address(AddressError::AngleBracket) => find(&|octet| matches!(octet, b'<' | b'>')),
        EntryError::Address(AddressError::Comment) => find(&|octet| matches!(octet, b'(' | b')')),
        EntryError::Address(AddressError::LocalCharacter(c)) if c.is_ascii() => find(&|octet| octet == c as u8),
        EntryError::Address(AddressError::DomainCharacter(c)) if c.is_ascii() => {
            let domain = entry.get(behind_at..).unwrap_or_default();
            domain.iter().position(|octet| octet.eq_ignore_ascii_case(&(c as u8))).map(|at| behind_at + at)
        }
        EntryError::Address(
            AddressError::DomainEmpty
            | AddressError::DomainDots
            | AddressError::LabelHyphen
            | AddressError::LabelTooLong
            | AddressError::NoDot
            | AddressError::NumericTop
            | AddressError::Literal
            | AddressError::Idna,
        ) => Some(behind_at),
        EntryError::Address(_) => None,
    };
    found.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn mailboxes_and_domains_are_suppressed_in_any_case() {
        let one = file("\u{feff}# never again\r\n\r\nAda@Example.ORG\r\n  @Bücher.example \r\n".as_bytes());
        let two = file(b"bob@example.org");
        let list = Suppression::read([1; 16], [one.path(), two.path()]).unwrap();
        assert_eq!(list.len(), 3);
        for (folded, wanted) in [
            ("ada@example.org", true),
            ("bob@example.org", true),
            ("eve@example.org", false),
            ("any@xn--bcher-kva.example", true),
            ("any@sub.xn--bcher-kva.example", false),
        ] {
            assert_eq!(list.contains(folded.as_bytes(), 3), wanted, "{folded}");
        }
    }

    #[test]
    fn a_line_that_means_nothing_is_named() {
        let bad = file(b"ada@example.org\n# fine\nnot an address\n");
        let error = Suppression::read([1; 16], [bad.path()]).err().unwrap().to_string();
        assert!(error.contains(":3:4: the address has a blank in it; hint:"), "{error}");
        let bad = file(b"@exa mple.org\n");
        assert!(Suppression::read([1; 16], [bad.path()]).err().unwrap().to_string().contains(":1:5: "));
        let bad = file(&vec![b'x'; 5 << 20]);
        assert!(Suppression::read([1; 16], [bad.path()]).err().unwrap().to_string().contains(":1:1: "));
        for (line, place) in [
            ("  ann@example.org,left", ":1:18: "),
            ("an*@example.org", ":1:3: a * stands for"),
            ("*", ":1:1: a * stands for"),
            ("*@exa*mple.org", ":1:1: a * stands for"),
            ("Ann <ann@example.org> and others", ":1:5: "),
            ("email", ":1:1: the domain has no dot"),
            ("@ru", ":1:2: the domain has no dot"),
            ("*.", ":1:1: "),
            ("*.7", ":1:1: the domain ends in a number"),
            ("@example..org", ":1:2: "),
            (".example.org", ":1:1: "),
        ] {
            let bad = file(line.as_bytes());
            let error = Suppression::read([1; 16], [bad.path()]).err().unwrap().to_string();
            assert!(error.contains(place), "{line}: {error}");
        }
    }

    #[test]
    fn each_form_stops_whom_it_names_and_nobody_else() {
        for (entry, stopped, free) in [
            ("\"a.b\"@x.example", &["a.b@x.example", "A.B@X.example", "\"a.b\"@x.example"][..], &["ab@x.example"][..]),
            ("a.b@x.example", &["\"a.b\"@x.example"], &["a.b@y.example"]),
            ("x.example", &["a@x.example"], &["a@y.x.example", "a@xx.example"]),
            ("*@x.example", &["a@x.example"], &["a@y.x.example"]),
            ("*.x.example", &["a@y.x.example", "a@z.y.x.example"], &["a@x.example", "a@yx.example"]),
            ("*@*.x.example", &["a@y.x.example"], &["a@x.example"]),
            ("*.RU", &["a@x.ru", "a@y.x.ru"], &["a@ru.example", "a@xru.example", "a@x.ru.example"]),
            ("*@*.\u{440}\u{444}", &["a@x.\u{440}\u{444}", "a@x.xn--p1ai"], &["a@xn--p1ai.example"]),
            ("stra\u{df}e@x.example", &["STRASSE@x.example", "Stra\u{df}e@x.example"], &["strase@x.example"]),
            ("STRASSE@x.example", &["stra\u{df}e@x.example", "strasse@x.example"], &["stra\u{df}e@y.example"]),
            ("zo\u{eb}@x.example", &["ZO\u{cb}@x.example"], &["zoe@x.example"]),
        ] {
            let mut list = Suppression::new([1; 16]);
            list.add(entry.as_bytes()).unwrap();
            let mut folded = Vec::new();
            let mut stops = |text: &str| {
                let mailbox = crate::mail::Mailbox::parse(text.as_bytes()).unwrap();
                list.stops(mailbox.as_str().as_bytes(), mailbox.local_part().len(), &mut folded)
            };
            assert!(stopped.iter().all(|text| stops(text)), "{entry}");
            assert!(!free.iter().any(|text| stops(text)), "{entry}");
        }
    }

    #[test]
    fn what_a_list_has_around_an_address_stands_in_nobodys_way_here() {
        let utf_16: Vec<u8> = "\u{feff}ann@x.example\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for text in [
            &b"Ann <ann@x.example>\n"[..],
            b"<ann@x.example>,\n",
            b"mailto:Ann@X.example\n",
            "\u{a0}ann@x.example\u{200b}\n".as_bytes(),
            "\u{feff}\u{feff}ann@x.example".as_bytes(),
            b"# nobody\rann@x.example\rbob@y.example",
            b"@x.example.\n",
            &utf_16,
        ] {
            let file = file(text);
            let list = Suppression::read([1; 16], [file.path()]).unwrap_or_else(|why| panic!("{text:?}: {why}"));
            assert!(list.contains(b"ann@x.example", 3), "{text:?}");
        }
        let two = file(b"ann@x.example, bob@y.example\n");
        assert!(Suppression::read([1; 16], [two.path()]).is_err());
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Suppression::read([1; 16], ["/nonexistent/list"]).err().unwrap().to_string();
        assert!(error.starts_with("cannot read the suppression file /nonexistent/list: "), "{error}");
    }
}
