//! The manifest of a campaign: what it is, which list and content it was made from, and whether its list is loaded.
//!
//! A small JSON file, replaced as a whole: after a crash it is the old one or the new one. Its last member is a checksum of
//! the others, as they stand in the file: a changed octet is an error and never another campaign.

use super::files;
use super::seal::Seals;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// The file's name in the campaign's directory.
pub const FILE: &str = "manifest";
/// The format that this code writes.
const FORMAT: u32 = 3;
/// The oldest that it reads: rows have nothing beside their columns there.
const FORMAT_MIN: u32 = 2;
/// What stands before the checksum, and behind it.
const CHECKSUM: (&str, &str) = (",\n  \"crc32\": \"", "\"\n}\n");
/// The checksum in hexadecimal.
const CHECKSUM_OCTETS: usize = 8;

/// What a campaign is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the directory's format.
    pub format: u32,
    /// The campaign's name.
    pub name: String,
    /// Its number: short, for tokens and records.
    pub number: u32,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created_unix_s: u32,
    /// The key of its message identities and tokens: 32 random octets.
    #[serde(with = "hex_key")]
    pub identity_key: [u8; 32],
    /// The list's columns that the table stores, in the order of a row's fields.
    pub columns: Vec<String>,
    /// The list's columns that stand beside these in a row, in their order: reports show them, and no letter does.
    #[serde(default)]
    pub keys: Vec<String>,
    /// The subject, as the campaign's file has it now.
    #[serde(default)]
    pub subject: String,
    /// What the content was made from; the engine compares it when the campaign goes on.
    pub content: String,
    /// How many attempts had been made when it took another one's place; `None`: the campaign was begun with it.
    #[serde(default)]
    pub content_since: Option<u64>,
    /// What other contents were made from that somebody was sent before.
    #[serde(default)]
    pub earlier_contents: Vec<String>,
    /// The list, once it was opened for the first time.
    pub list: Option<ListPrint>,
    /// What the whole list came to; `None` while it is not loaded to its end.
    pub loaded: Option<Totals>,
    /// Where its mail goes, in words that are compared when the campaign goes on; `None` until a run began.
    #[serde(default)]
    pub destination: Option<String>,
    /// Where it went before, the first destination first.
    #[serde(default)]
    pub moved_from: Vec<MovedFrom>,
    /// The suppression files that its runs were told of, with their whole paths.
    #[serde(default)]
    pub suppression: Vec<String>,
    /// The list was replaced by one with more recipients: it is read from its front, and who is there is passed over.
    #[serde(default)]
    pub adding: bool,
    /// Who is no longer on the list, and still waits, is cancelled.
    #[serde(default)]
    pub cancels_removed: bool,
    /// While it is added to: who is on the list, and was cancelled, is taken in again.
    #[serde(default)]
    pub readmits: bool,
}

/// A destination that a campaign has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedFrom {
    /// Its words.
    pub destination: String,
    /// Attempts that had been made until then, at earlier destinations too.
    pub attempts: u64,
}

/// By what a list is known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPrint {
    /// The path as it was given; `-` for the standard input.
    pub path: String,
    /// The size of the file; `None` for what is no file.
    pub octets: Option<u64>,
    /// SHA-256 of the first 64 KiB of the decoded list, in hexadecimal.
    pub head_sha256: String,
    /// The file's state when its reading began; `None` for what is no file, or where it cannot be relied upon.
    #[serde(default)]
    pub mark: Option<FileMark>,
    /// BLAKE3 of the whole file as it lies on the disk, in hexadecimal; `None` until it was read to its end.
    #[serde(default)]
    pub blake3: Option<String>,
    /// The column that the addresses were taken from.
    #[serde(default)]
    pub email: String,
    /// What was said of how it is read; empty where that was not kept.
    #[serde(default)]
    pub settings: String,
    /// How it was read: its encoding, what separates its columns, and the like.
    #[serde(default)]
    pub form: String,
}

/// What changes when a file does: equal marks are equal contents, without reading them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMark {
    /// Its size.
    pub octets: u64,
    /// When its content changed last, in nanoseconds since 1970…
    pub modified_ns: i64,
    /// …and when anything of it did.
    pub changed_ns: i64,
    /// Its number…
    pub inode: u64,
    /// …on this device.
    pub device: u64,
}

/// What a list came to. `records = rows - removed + rejected + duplicates`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Records read, the header line not counted.
    pub records: u64,
    /// Rows in the table, the suppressed ones included.
    pub rows: u64,
    /// Rows that are suppressed.
    pub suppressed: u64,
    /// Records refused.
    pub rejected: u64,
    /// Records whose mailbox had been seen before.
    pub duplicates: u64,
    /// Different domains.
    pub domains: u64,
    /// Rows of the table that an earlier list had and this one has no longer.
    #[serde(default)]
    pub removed: u64,
    /// Records with something around their mailbox that was taken away.
    #[serde(default)]
    pub cleaned: u64,
}

impl Manifest {
    /// The manifest of a campaign that has loaded nothing yet. `identity_key` must come from a good source of
    /// randomness.
    #[must_use]
    pub fn new(name: &str, number: u32, created_unix_s: u32, identity_key: [u8; 32], columns: &[String]) -> Self {
        Self {
            format: FORMAT,
            name: name.to_owned(),
            number,
            created_unix_s,
            identity_key,
            columns: columns.to_vec(),
            keys: Vec::new(),
            subject: String::new(),
            content: String::new(),
            content_since: None,
            earlier_contents: Vec::new(),
            list: None,
            loaded: None,
            destination: None,
            moved_from: Vec::new(),
            suppression: Vec::new(),
            adding: false,
            cancels_removed: false,
            readmits: false,
        }
    }

    /// Whether anybody was sent the content that is made from this, after so many attempts. One that no attempt followed (a
    /// list with nobody new on it, a server that is not there) was sent to nobody.
    #[must_use]
    pub fn has_sent(&self, content: &str, attempts: impl FnOnce() -> u64) -> bool {
        let is_current = self.content == content && self.content_since.is_none_or(|since| since != attempts());
        is_current || self.earlier_contents.iter().any(|earlier| earlier == content)
    }

    /// Reads the manifest of a campaign's directory.
    ///
    /// # Errors
    /// No such file (`NotFound`), or not a manifest of this format (`InvalidData`).
    pub fn read(directory: &Path) -> io::Result<Self> {
        let path = directory.join(FILE);
        let octets = files::read_whole(&path)?;
        let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", path.display()));
        let text = unsealed(&octets).map_err(|what| wrong(format!("{what}\n{DAMAGED_HINT}")))?;
        let Format { format } =
            serde_json::from_slice(&text).map_err(|e| wrong(format!("not a manifest: {e}\n{DAMAGED_HINT}")))?;
        if !(FORMAT_MIN..=FORMAT).contains(&format) {
            return Err(wrong(format!(
                "format {format}, this program reads {FORMAT_MIN} to {FORMAT}; hint: use the version that wrote it"
            )));
        }
        let read = serde_json::from_slice(&text).map_err(|e| wrong(format!("not a manifest: {e}\n{DAMAGED_HINT}")))?;
        // Written again, it is of this format.
        Ok(Self { format: FORMAT, ..read })
    }

    /// The campaign's identity: from its random key, and the same in its table, journal, mark and snapshot.
    #[must_use]
    pub fn identity(&self) -> u64 {
        Seals::of(self).campaign()
    }

    /// Puts this manifest in the place of the one in a campaign's directory, durably.
    ///
    /// # Errors
    /// The disk's.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        files::replace(&directory.join(FILE), sealed(&text).as_bytes())
    }
}

/// What every format of the manifest tells.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

const DAMAGED_HINT: &str = "hint: restore this file from a copy; nothing was sent, and nothing was changed";

/// A JSON object with the checksum of its text as one more member.
fn sealed(text: &str) -> String {
    let open = text.trim_end().trim_end_matches('}').trim_end();
    let crc = crc32fast::hash(open.as_bytes());
    format!("{open}{}{crc:08x}{}", CHECKSUM.0, CHECKSUM.1)
}

/// The text before it was sealed. That of an older format has no checksum, and passes for what it says of its format.
fn unsealed(octets: &[u8]) -> Result<Vec<u8>, &'static str> {
    let closed = octets.strip_suffix(CHECKSUM.1.as_bytes());
    let split = closed.and_then(|o| o.split_at_checked(o.len().checked_sub(CHECKSUM_OCTETS)?));
    let sum = split.and_then(|(before, crc)| Some((before.strip_suffix(CHECKSUM.0.as_bytes())?, crc)));
    let Some((open, crc)) = sum else {
        return match serde_json::from_slice(octets) {
            Ok(Format { format }) if format < FORMAT_MIN => Ok(octets.to_vec()),
            _ => Err("not a manifest, or a damaged one: it does not end with its checksum"),
        };
    };
    if format!("{:08x}", crc32fast::hash(open)).as_bytes() != crc {
        return Err("damaged: its checksum is wrong");
    }
    Ok([open, b"\n}\n"].concat())
}

/// Octets in hexadecimal.
#[must_use]
pub fn hex(octets: &[u8]) -> String {
    use std::fmt::Write as _;
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

mod hex_key {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(key: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::hex(key))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(from)?;
        let wrong = || D::Error::custom("a key of 64 hexadecimal digits was expected");
        let mut key = [0; 32];
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        for (octet, at) in key.iter_mut().zip((0..).step_by(2)) {
            let digits = text.get(at..at + 2).ok_or_else(wrong)?;
            *octet = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_comes_back_and_a_wrong_one_is_named() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(home.path()).unwrap_err().kind(), io::ErrorKind::NotFound);
        let mut m = Manifest::new("welcome", 7, 1_700_000_000, [0xab; 32], &["first_name".to_owned()]);
        m.loaded = Some(Totals { records: 3, ..Totals::default() });
        m.write(home.path()).unwrap();
        assert_eq!(Manifest::read(home.path()).unwrap(), m);
        let written = std::fs::read(home.path().join(FILE)).unwrap();
        assert!(serde_json::from_slice::<serde_json::Value>(&written).is_ok(), "it is JSON");
        m.format = 2;
        m.write(home.path()).unwrap();
        assert_eq!(Manifest::read(home.path()).unwrap().format, FORMAT);
        m.format = 4;
        m.write(home.path()).unwrap();
        assert!(Manifest::read(home.path()).unwrap_err().to_string().contains("format 4, this program reads 2 to 3"));
        let old = r#"{"format": 1, "name": "welcome"}"#;
        std::fs::write(home.path().join(FILE), old).unwrap();
        assert!(Manifest::read(home.path()).unwrap_err().to_string().contains("format 1, this program reads 2 to 3"));
        std::fs::write(home.path().join(FILE), "{").unwrap();
        assert!(Manifest::read(home.path()).unwrap_err().to_string().contains("not a manifest"));
    }

    #[test]
    fn a_manifest_with_a_changed_bit_or_without_its_end_is_none() {
        let home = tempfile::tempdir().unwrap();
        Manifest::new("welcome", 7, 1_700_000_000, [0xab; 32], &[]).write(home.path()).unwrap();
        let whole = std::fs::read(home.path().join(FILE)).unwrap();
        let refused = |octets: &[u8], what: String| {
            std::fs::write(home.path().join(FILE), octets).unwrap();
            assert_eq!(Manifest::read(home.path()).unwrap_err().kind(), io::ErrorKind::InvalidData, "{what}");
        };
        for bit in 0..8 * whole.len() {
            let mut octets = whole.clone();
            octets[bit / 8] ^= 1 << (bit % 8);
            refused(&octets, format!("bit {bit}"));
        }
        for end in 0..whole.len() {
            refused(&whole[..end], format!("cut at {end}"));
        }
    }
}
