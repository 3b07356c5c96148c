//! The words of a reply's text, as rules look for them.
//!
//! Guarantees: reads 512 octets at most and allocates nothing; what a reply quotes (an address, whatever stands between
//! `<` and `>`) is no word of it, so that a mailbox called `spamhaus` is no block list. A word begins where it begins in
//! the text, and one of five letters or fewer also ends there: `pbl` is not found in `pblack`, nor `relay` in `relays`.

use memchr::memmem;

/// Octets of a text that are looked at.
const TEXT_MAX: usize = 512;
/// Needles of so many letters or fewer are whole words.
const SHORT: usize = 5;

/// The beginning of a text, in lower case and without what it quotes.
#[derive(Debug)]
pub struct Words {
    text: [u8; TEXT_MAX],
    len: usize,
}

impl Words {
    /// The words of this text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let mut words = Self { text: [b' '; TEXT_MAX], len: text.len().min(TEXT_MAX) };
        for (to, from) in words.text.iter_mut().zip(text) {
            // The lines of a reply are joined by line breaks; words are told apart by blanks.
            *to = if *from == b'\n' || *from == b'\t' { b' ' } else { from.to_ascii_lowercase() };
        }
        words.drop_quotes();
        words.close_gaps();
        words
    }

    /// One blank between two words, whatever stood there.
    fn close_gaps(&mut self) {
        let (mut kept, mut blank) = (0, true);
        for at in 0..self.len {
            let Some(&octet) = self.text.get(at) else { break };
            if let Some(to) = self.text.get_mut(kept).filter(|_| octet != b' ' || !blank) {
                *to = octet;
                kept += 1;
            }
            blank = octet == b' ';
        }
        self.len = kept;
    }

    /// Blanks out what stands in angle brackets, each word in quotes, and each word with an `@`.
    fn drop_quotes(&mut self) {
        let text = self.text.get_mut(..self.len).unwrap_or_default();
        while let Some(from) = memchr::memchr(b'<', text)
            && let Some(length) = memchr::memchr(b'>', text.get(from..).unwrap_or_default())
        {
            text.get_mut(from..=from + length).unwrap_or_default().fill(b' ');
        }
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"._-+".contains(b);
        let mut at = 0;
        while let Some(rest) = text.get_mut(at..)
            && let Some(from) = rest.iter().position(|b| b"\"'".contains(b))
        {
            let name = rest.iter().skip(from + 1).take_while(|b| is_name(b)).count();
            let closes = rest.get(from + 1 + name) == rest.get(from);
            if let Some(quoted) = rest.get_mut(from..=from + 1 + name).filter(|_| closes && name > 0) {
                quoted.fill(b' ');
            }
            at += from + 1 + name;
        }
        let ends = |b: &u8| b" <>()[]{}\"',;:=".contains(b);
        while let Some(at) = memchr::memchr(b'@', text) {
            let (before, behind) = text.split_at(at);
            let from = before.iter().rposition(ends).map_or(0, |end| end + 1);
            let to = behind.iter().position(ends).map_or(text.len(), |end| at + end);
            text.get_mut(from..to).unwrap_or_default().fill(b' ');
        }
    }

    /// Whether one of the needles stands in the text.
    #[must_use]
    pub fn any(&self, needles: &[&str]) -> bool {
        needles.iter().any(|needle| self.has(needle.as_bytes()))
    }

    /// The same; the needles stand between bars.
    #[must_use]
    pub fn has_one(&self, needles: &str) -> bool {
        !needles.is_empty() && needles.split('|').any(|needle| self.has(needle.as_bytes()))
    }

    fn has(&self, needle: &[u8]) -> bool {
        let text = self.text.get(..self.len).unwrap_or_default();
        let is_part = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
        memmem::find_iter(text, needle).any(|at| {
            let begins = !is_part(at.checked_sub(1));
            let ends = needle.len() > SHORT || !is_part(Some(at + needle.len()));
            begins && ends
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reply_quotes_is_no_word_of_it() {
        for text in [
            "<spamhaus@a.example> unknown",
            "to spamhaus@a.example: no",
            "<spamhaus> no",
            "zen@b",
            "@zen",
            "(zen@b)",
            "user 'zen' unknown",
            "\"zen\"",
            "don't mail 'spamhaus' or \"zen\"",
        ] {
            assert!(!Words::of(text.as_bytes()).any(&["spamhaus", "zen"]), "{text}");
        }
        for text in
            ["listed by Spamhaus, <ann@a.example>", "zen.spamhaus.org", "ZEN", "a\nzen", "<zen", "https://spamhaus.org"]
        {
            assert!(Words::of(text.as_bytes()).any(&["spamhaus", "zen"]), "{text}");
        }
    }

    #[test]
    fn short_words_stand_alone_and_long_ones_begin_where_they_begin() {
        assert!(!Words::of(b"pblack nosbl frozen").any(&["pbl", "sbl", "zen"]));
        assert!(Words::of(b"relaying").any(&["relaying"]) && !Words::of(b"relaying").any(&["relay"]));
        assert!(Words::of(b"blacklisted").any(&["blacklist"]) && !Words::of(b"unblocked").any(&["blocked"]));
    }

    #[test]
    fn any_octets_are_looked_at_in_bounds() {
        for text in [
            &b""[..],
            b"<",
            b">",
            b"<>",
            b"@",
            b"<<@>>",
            b"\"",
            b"''",
            b"'\"'",
            b"'a",
            &[b'\''; 600],
            &[b'@'; 2000],
            &[b'<'; 2000],
            &[0xff; 2000],
        ] {
            assert!(!Words::of(text).any(&["spamhaus"]));
        }
    }
}
