//! MTA-STS policies on disk: a file for each domain, so that a policy outlives the process that fetched it.
//!
//! Guarantees: a file is replaced whole, and durable before it counts; one that cannot be read is no policy and says so;
//! no more than [`FILES_MAX`] are kept: those that have expired make room, and while none has, what is new is not
//! written, for what is old may not be pushed out (RFC 8461 §10.2).
//! Leaves to others: when to fetch, and what a policy means (`sts`).

use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::base::clock::UnixTime;
use crate::tls::sts::Policy;
use crate::wire::disk;

/// No more files are kept.
const FILES_MAX: usize = 65_536;
/// A file is no longer, in octets: a policy, and what stands around it in JSON.
const FILE_MAX: u64 = 160 * 1024;

/// A policy and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The id under which it was announced.
    pub id: Box<str>,
    /// When it was fetched.
    pub fetched: UnixTime,
    /// What it says.
    pub policy: Arc<Policy>,
}

impl Kept {
    /// After this second it holds no longer.
    #[must_use]
    pub fn expires(&self) -> UnixTime {
        UnixTime(self.fetched.0.saturating_add(self.policy.max_age_s))
    }

    /// Whether it holds at `now`. A policy from the future (the clock was set back) holds no longer than its age allows.
    #[must_use]
    pub fn holds(&self, now: UnixTime) -> bool {
        now < self.expires() && self.fetched.0 <= now.0.saturating_add(self.policy.max_age_s)
    }
}

/// The form of a file.
#[derive(Serialize, Deserialize)]
struct Stored {
    domain: Box<str>,
    id: Box<str>,
    fetched_unix_s: u32,
    policy: Box<str>,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    files: Mutex<usize>,
    files_max: usize,
}

impl Shelf {
    /// Opens the folder; made when the first policy is written.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let files = match std::fs::read_dir(folder) {
            Ok(entries) => entries.count(),
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self { folder: folder.to_owned(), files: Mutex::new(files), files_max: FILES_MAX })
    }

    /// The policy of a domain, if there is one.
    ///
    /// # Errors
    /// A sentence: the file is there and is no policy, or cannot be read.
    pub fn read(&self, domain: &str) -> Result<Option<Kept>, String> {
        let told = |why: &dyn std::fmt::Display| format!("{}: {why}", self.path(domain).display());
        let Some(text) = self.text(domain).map_err(|e| told(&e))? else { return Ok(None) };
        parse(domain, &text).map(Some).map_err(|why| told(&why))
    }

    /// What is in the domain's file, if there is one.
    fn text(&self, domain: &str) -> io::Result<Option<Vec<u8>>> {
        let path = self.path(domain);
        let about = disk::access::refuse_pipe(&path).and_then(|()| std::fs::metadata(&path));
        let text = match about {
            Ok(about) if about.len() > FILE_MAX => {
                return Err(io::Error::new(ErrorKind::InvalidData, "it is too long"));
            }
            about => about.and_then(|_| std::fs::read(&path)),
        };
        match text {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            text => text.map(Some),
        }
    }

    /// Keeps a policy.
    ///
    /// # Errors
    /// A sentence: nothing was written.
    pub fn write(&self, domain: &str, kept: &Kept, now: UnixTime) -> Result<(), String> {
        let path = self.path(domain);
        let stored = Stored {
            domain: domain.into(),
            id: kept.id.clone(),
            fetched_unix_s: kept.fetched.0,
            policy: kept.policy.lines().join("\n").into(),
        };
        let text = serde_json::to_vec(&stored).map_err(|e| e.to_string())?;
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let new = !path.exists();
        if new && *files >= self.files_max {
            *files = self.sweep(now);
            if *files >= self.files_max {
                return Err(format!("{} holds {} policies that have not expired", self.folder.display(), *files));
            }
        }
        disk::access::make_directory(&self.folder).map_err(|e| format!("{}: {e}", self.folder.display()))?;
        disk::replace(&path, |to| to.write_all(&text)).map_err(|fault| fault.to_string())?;
        *files += usize::from(new);
        Ok(())
    }

    /// Removes what has expired or is damaged; how many are left. What cannot be read just now may be as good as ever.
    fn sweep(&self, now: UnixTime) -> usize {
        let mut left = 0;
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let domain = name.strip_suffix(".json").unwrap_or_default();
            let stays = match self.text(domain) {
                Ok(Some(text)) => parse(domain, &text).is_ok_and(|kept| kept.holds(now)),
                Ok(None) => false,
                Err(error) => error.kind() != ErrorKind::InvalidData,
            };
            let gone = !stays && std::fs::remove_file(entry.path()).is_ok();
            left += usize::from(!gone);
        }
        left
    }

    /// Domains are host names: nothing in them can lead out of the folder.
    fn path(&self, domain: &str) -> PathBuf {
        self.folder.join(format!("{domain}.json"))
    }
}

fn parse(domain: &str, text: &[u8]) -> Result<Kept, String> {
    let stored: Stored = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    if *stored.domain != *domain {
        return Err(format!("it is the policy of {:?}", stored.domain));
    }
    let policy = Policy::parse(stored.policy.as_bytes()).map_err(|e| e.to_string())?;
    Ok(Kept { id: stored.id, fetched: UnixTime(stored.fetched_unix_s), policy: Arc::new(policy) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(max_age_s: u32, fetched: u32) -> Kept {
        let text = format!("version: STSv1\nmode: enforce\nmx: *.a.example\nmax_age: {max_age_s}");
        Kept { id: "1".into(), fetched: UnixTime(fetched), policy: Arc::new(Policy::parse(text.as_bytes()).unwrap()) }
    }

    #[test]
    fn a_policy_is_read_as_it_was_written_and_each_domain_has_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(&folder.path().join("sts")).unwrap();
        assert_eq!(shelf.read("a.example"), Ok(None));
        shelf.write("a.example", &kept(100, 7), UnixTime(7)).unwrap();
        shelf.write("a.example", &kept(200, 9), UnixTime(9)).unwrap();
        let again = Shelf::open(&folder.path().join("sts")).unwrap();
        assert_eq!(again.read("a.example"), Ok(Some(kept(200, 9))));
        assert_eq!(again.read("b.example"), Ok(None));
        assert_eq!(*again.files.lock().unwrap(), 1);
    }

    #[test]
    fn a_damaged_file_or_one_of_another_domain_is_no_policy_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path()).unwrap();
        shelf.write("a.example", &kept(100, 7), UnixTime(7)).unwrap();
        let file = folder.path().join("a.example.json");
        std::fs::copy(&file, folder.path().join("b.example.json")).unwrap();
        assert!(shelf.read("b.example").unwrap_err().contains("it is the policy of \"a.example\""));
        let text = std::fs::read(&file).unwrap();
        for end in 0..text.len() {
            std::fs::write(&file, &text[..end]).unwrap();
            assert!(shelf.read("a.example").unwrap_err().contains("a.example.json: "), "cut at {end}");
        }
        std::fs::write(&file, vec![b' '; FILE_MAX as usize + 1]).unwrap();
        assert!(shelf.read("a.example").unwrap_err().contains("too long"));
    }

    #[test]
    fn what_holds_is_not_pushed_out_and_what_has_expired_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf { files_max: 2, ..Shelf::open(folder.path()).unwrap() };
        shelf.write("a.example", &kept(1000, 0), UnixTime(0)).unwrap();
        shelf.write("b.example", &kept(50, 0), UnixTime(0)).unwrap();
        assert!(shelf.write("c.example", &kept(50, 10), UnixTime(10)).is_err());
        assert!(
            shelf.write("a.example", &kept(2000, 10), UnixTime(10)).is_ok(),
            "a newer one takes the old one's place"
        );
        shelf.write("c.example", &kept(50, 60), UnixTime(60)).unwrap();
        assert_eq!(shelf.read("b.example"), Ok(None));
        assert!(shelf.read("a.example").unwrap().is_some());
    }

    #[test]
    fn what_cannot_be_read_just_now_makes_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf { files_max: 2, ..Shelf::open(folder.path()).unwrap() };
        let (unreadable, damaged) = (folder.path().join("a.example.json"), folder.path().join("b.example.json"));
        std::os::unix::fs::symlink(&unreadable, &unreadable).unwrap();
        std::fs::write(&damaged, "{").unwrap();
        *shelf.files.lock().unwrap() = 2;
        shelf.write("c.example", &kept(50, 60), UnixTime(60)).unwrap();
        assert!(unreadable.is_symlink() && !damaged.exists());
        assert!(shelf.read("a.example").is_err());
    }
}
