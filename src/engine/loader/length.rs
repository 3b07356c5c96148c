//! Whether a list is short: one that is, is judged whole before anything of it is sent.
//!
//! Guarantees: of a long list no more lines are counted than a short one may have. Leaves to others: reading it.

use super::records::Records;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A file of more octets is no short list, however many rows it has.
const OCTETS_MAX: u64 = 32 << 20;
const BLOCK_OCTETS: usize = 256 * 1024;

impl Records {
    /// Whether the list has, as far as that can be told without reading it, no more than `most` records: of one that is
    /// compressed, of a sheet and of JSON no more is known than the size of the file.
    pub fn is_short(&self, path: &Path, most: u64) -> bool {
        let Some(mark) = self.mark() else { return true };
        let are_lines = self.octets().is_some() && self.has_header();
        // The header has a line, too. What cannot be read is told where it is read.
        mark.octets <= OCTETS_MAX && (!are_lines || has_no_more_lines(path, most + 1).unwrap_or(false))
    }
}

fn has_no_more_lines(path: &Path, most: u64) -> io::Result<bool> {
    let (mut file, mut block, mut lines) = (File::open(path)?, vec![0; BLOCK_OCTETS], 0);
    while lines <= most {
        match file.read(&mut block) {
            Ok(0) => return Ok(true),
            Ok(octets) => lines += memchr::memchr_iter(b'\n', block.get(..octets).unwrap_or_default()).count() as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_up_to_the_most() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (text, most, is_short) in
            [("", 0, true), ("a\nb\n", 2, true), ("a\nb\nc", 2, true), ("a\nb\nc\n", 2, false)]
        {
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(has_no_more_lines(file.path(), most).unwrap(), is_short, "{text:?}");
        }
        std::fs::write(file.path(), "a\n".repeat(BLOCK_OCTETS)).unwrap();
        let of = |most: usize| has_no_more_lines(file.path(), most as u64).unwrap();
        assert!(of(BLOCK_OCTETS) && !of(BLOCK_OCTETS - 1) && !of(10));
    }
}
