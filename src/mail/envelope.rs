//! The envelope of one transaction (RFC 5321 §2.3.1): a reverse-path and its forward-paths, without angle brackets.
//!
//! Guarantees: the paths lie in one buffer. An envelope of one recipient costs one allocation, as long as its paths are usual.
//! Leaves to others: the syntax of addresses (`mail::address`) and of commands (`smtp`).

/// Octets that there is room for from the start, behind the reverse-path.
const PATH_OCTETS: usize = 48;

/// A reverse-path and any number of forward-paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    bytes: Vec<u8>,
    /// Where the reverse-path ends.
    reverse_end: u32,
    recipients: u32,
    /// Where each forward-path ends but the last, which ends with `bytes`.
    ends: Vec<u32>,
}

impl Envelope {
    /// An envelope with this reverse-path (empty: the null reverse-path `<>`) and no recipient yet.
    #[must_use]
    pub fn new(reverse_path: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(reverse_path.len() + PATH_OCTETS);
        bytes.extend_from_slice(reverse_path);
        Self { reverse_end: bytes.len() as u32, bytes, recipients: 0, ends: Vec::new() }
    }

    /// Adds a forward-path, the next recipient.
    pub fn push(&mut self, forward_path: &[u8]) {
        if self.recipients > 0 {
            self.ends.push(self.bytes.len() as u32);
        }
        self.bytes.extend_from_slice(forward_path);
        self.recipients += 1;
    }

    /// The reverse-path; empty for the null reverse-path.
    #[must_use]
    pub fn reverse_path(&self) -> &[u8] {
        self.bytes.get(..self.reverse_end as usize).unwrap_or_default()
    }

    /// The forward-path of recipient `index` (from 0); empty if there is none.
    #[must_use]
    pub fn forward_path(&self, index: usize) -> &[u8] {
        if index >= self.recipients() {
            return &[];
        }
        let before = index.checked_sub(1).map_or(Some(self.reverse_end), |before| self.ends.get(before).copied());
        let start = before.map_or(self.bytes.len(), |end| end as usize);
        let end = self.ends.get(index).map_or(self.bytes.len(), |end| *end as usize);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// The domain of recipient `index`, as it was given; the whole path if it has none.
    #[must_use]
    pub fn domain(&self, index: usize) -> &[u8] {
        let path = self.forward_path(index);
        memchr::memrchr(b'@', path).map_or(path, |at| path.get(at + 1..).unwrap_or_default())
    }

    /// Which recipients a transaction may have that takes `most` of them, and of `domains_most` domains: the first, and those
    /// behind it that fit. By index, in order; a limit of 0 is one of 1.
    #[must_use]
    pub fn within(&self, most: usize, domains_most: usize) -> Vec<usize> {
        let (most, domains_most) = (most.max(1), domains_most.max(1));
        if domains_most >= self.recipients() {
            return (0..self.recipients().min(most)).collect();
        }
        let (mut within, mut domains): (Vec<usize>, Vec<&[u8]>) = (Vec::new(), Vec::new());
        for index in 0..self.recipients() {
            let domain = self.domain(index);
            let known = domains.iter().any(|d| d.eq_ignore_ascii_case(domain));
            if within.len() == most || (!known && domains.len() == domains_most) {
                continue;
            }
            if !known {
                domains.push(domain);
            }
            within.push(index);
        }
        within
    }

    /// How many recipients the envelope has.
    #[must_use]
    pub fn recipients(&self) -> usize {
        self.recipients as usize
    }

    /// Whether no path holds an octet above 127.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.bytes.is_ascii()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_back_as_they_were_pushed() {
        let mut e = Envelope::new(b"b@acme.example");
        e.push(b"one@a.example");
        e.push(b"two@b.example");
        assert_eq!(e.recipients(), 2);
        assert_eq!(e.reverse_path(), b"b@acme.example");
        assert_eq!(e.forward_path(0), b"one@a.example");
        assert_eq!(e.forward_path(1), b"two@b.example");
        assert_eq!(e.forward_path(2), b"");
        assert_eq!(Envelope::new(b"").reverse_path(), b"");
        assert_eq!(Envelope::new(b"x").forward_path(0), b"");
        let mut one = Envelope::new(b"");
        one.push(b"");
        one.push(b"c@c.example");
        assert_eq!((one.forward_path(0), one.forward_path(1), one.recipients()), (&b""[..], &b"c@c.example"[..], 2));
        assert!(e.is_ascii());
        e.push("d\u{f6}ra@c.example".as_bytes());
        assert!(!e.is_ascii());
    }

    #[test]
    fn those_within_the_limits_are_the_first_and_all_that_fit_behind_it() {
        let mut envelope = Envelope::new(b"");
        ["a@x", "b@y", "c@X", "d@z", "e@y", "nowhere"].iter().for_each(|path| envelope.push(path.as_bytes()));
        assert_eq!(envelope.domain(2), b"X");
        assert_eq!(envelope.domain(5), b"nowhere");
        for (most, domains, within) in [
            (9, 9, vec![0, 1, 2, 3, 4, 5]),
            (2, usize::MAX, vec![0, 1]),
            (9, 1, vec![0, 2]),
            (9, 2, vec![0, 1, 2, 4]),
            (3, 2, vec![0, 1, 2]),
            (1, 1, vec![0]),
            (0, 0, vec![0]),
        ] {
            assert_eq!(envelope.within(most, domains), within, "{most} of {domains} domains");
        }
    }
}
