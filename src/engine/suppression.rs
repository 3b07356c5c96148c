//! The suppression list: mailboxes and whole domains that no campaign may send to.
//!
//! Read from plain text files: one mailbox or `@domain` a line; blank lines and lines that begin with `#` are skipped.
//! A mailbox is compared like the loader's duplicates: the domain in canonical form, the local-part without regard to
//! ASCII case (a suppressed `Ada@` must also stop `ada@`). `@example.org` does not stop its subdomains.
//! Guarantees: a line that is neither stops the reading with its file and line, since a suppression that was silently
//! dropped is mail that somebody asked not to get; memory is about 22 octets an entry.

use super::keyset::KeySet;
use crate::mail::AddressError;
use crate::mail::address::{self, MAILBOX_OCTETS_MAX};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// No line that means something is longer.
const LINE_OCTETS_MAX: u64 = 4096;

/// Why a suppression file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SuppressionError {
    /// The file cannot be read.
    #[error("cannot read the suppression file {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A line is neither a mailbox, nor a domain, nor a comment.
    #[error("{}:{line}: {error}; hint: one address or @domain a line, comments begin with #", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        error: AddressError,
    },
}

/// The mailboxes and domains that are suppressed.
pub struct Suppression {
    set: KeySet,
}

impl Suppression {
    /// A list of none. `secret` keys the hashes; it should be random.
    #[must_use]
    pub fn new(secret: [u8; 16]) -> Self {
        Self { set: KeySet::new(secret) }
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
            list.read_file(path.as_ref())?;
        }
        Ok(list)
    }

    /// Adds one entry: a mailbox, or `@domain`.
    ///
    /// # Errors
    /// The entry is neither.
    pub fn add(&mut self, entry: &[u8]) -> Result<(), AddressError> {
        let mut text = Vec::with_capacity(MAILBOX_OCTETS_MAX);
        if let Some(domain) = entry.trim_ascii().strip_prefix(b"@") {
            text.push(b'@');
            address::parse_domain_into(domain, &mut text)?;
        } else {
            let at = address::parse_into(entry, &mut text)?;
            text.get_mut(..at).unwrap_or_default().make_ascii_lowercase();
        }
        self.set.insert(&text);
        Ok(())
    }

    /// Whether `folded`, a canonical mailbox with its local-part in ASCII lower case and its `@` at `at`, is
    /// suppressed.
    #[must_use]
    pub fn contains(&self, folded: &[u8], at: usize) -> bool {
        !self.set.is_empty()
            && (self.set.contains(folded) || folded.get(at..).is_some_and(|domain| self.set.contains(domain)))
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    fn read_file(&mut self, path: &Path) -> Result<(), SuppressionError> {
        let failed = |error| SuppressionError::Read { path: path.to_owned(), error };
        let mut input = BufReader::with_capacity(256 * 1024, File::open(path).map_err(failed)?);
        let mut text = Vec::new();
        for line in 1.. {
            text.clear();
            if (&mut input).take(LINE_OCTETS_MAX).read_until(b'\n', &mut text).map_err(failed)? == 0 {
                break;
            }
            let mut entry = text.strip_suffix(b"\n").unwrap_or(&text);
            if line == 1 {
                entry = entry.strip_prefix(b"\xef\xbb\xbf").unwrap_or(entry);
            }
            let entry = entry.trim_ascii();
            if text.len() as u64 == LINE_OCTETS_MAX && !text.ends_with(b"\n") {
                return Err(SuppressionError::Line { path: path.to_owned(), line, error: AddressError::TooLong });
            }
            if !entry.is_empty() && !entry.starts_with(b"#") {
                self.add(entry).map_err(|error| SuppressionError::Line { path: path.to_owned(), line, error })?;
            }
        }
        Ok(())
    }
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
        assert!(error.contains(":3: the address has no @; hint:"), "{error}");
        let bad = file(b"@exa mple.org\n");
        assert!(Suppression::read([1; 16], [bad.path()]).err().unwrap().to_string().contains(":1: "));
        let bad = file(&vec![b'x'; 5 << 20]);
        assert!(Suppression::read([1; 16], [bad.path()]).err().unwrap().to_string().contains(":1: "));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Suppression::read([1; 16], ["/nonexistent/list"]).err().unwrap().to_string();
        assert!(error.starts_with("cannot read the suppression file /nonexistent/list: "), "{error}");
    }
}
