//! A campaign's folder, from which a letter may read: pictures, style sheets, parts of MJML.
//!
//! Guarantees: nothing outside of the folder is read, whatever a path says and wherever a link in it leads; nothing that is
//! no regular file, and nothing beyond [`OCTETS_MAX`]. Leaves to others: what the files are good for (`content`).

use std::path::{Component, Path, PathBuf};

use crate::content::Files;

/// No picture or part of a letter is larger.
const OCTETS_MAX: u64 = 25 << 20;

/// The folder in which a campaign's file lies.
pub struct Folder {
    place: PathBuf,
    asked: Vec<PathBuf>,
}

impl Folder {
    /// The folder of the campaign in `file`.
    #[must_use]
    pub fn of(file: &Path) -> Self {
        Self { place: file.parent().unwrap_or(Path::new("")).to_owned(), asked: Vec::new() }
    }

    /// The files that were asked for so far, those that are not there too.
    #[must_use]
    pub fn asked(self) -> Vec<PathBuf> {
        self.asked
    }

    /// Where in the folder a path leads.
    fn find(&self, path: &str) -> Result<PathBuf, String> {
        let relative = Path::new(path);
        let inside = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside || path.is_empty() {
            return Err("it leads out of the campaign's folder".to_owned());
        }
        let said = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => e.to_string(),
        };
        let root = Path::new(".").join(&self.place).canonicalize().map_err(said)?;
        let found = self.place.join(relative).canonicalize().map_err(said)?;
        match found.starts_with(&root) {
            true => Ok(found),
            false => Err("a link leads out of the campaign's folder".to_owned()),
        }
    }
}

impl Files for Folder {
    fn shown(&self, path: &str) -> String {
        self.place.join(path).display().to_string()
    }

    fn read(&mut self, path: &str) -> Result<Vec<u8>, String> {
        self.asked.push(self.place.join(path));
        let found = self.find(path)?;
        let about = std::fs::metadata(&found).map_err(|e| e.to_string())?;
        if !about.is_file() {
            return Err("it is no file".to_owned());
        }
        if about.len() > OCTETS_MAX {
            return Err(format!("it has {} octets, more than {OCTETS_MAX}", about.len()));
        }
        std::fs::read(&found).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn nothing_outside_is_read() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "s").unwrap();
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("img")).unwrap();
        std::fs::write(place.path().join("img/a.png"), "a").unwrap();
        std::os::unix::fs::symlink(outside.path(), place.path().join("way")).unwrap();
        std::os::unix::fs::symlink("img/a.png", place.path().join("b.png")).unwrap();
        let mut folder = Folder::of(&place.path().join("w.toml"));
        assert_eq!(folder.read("img/a.png").as_deref(), Ok(b"a".as_slice()));
        assert_eq!(folder.read("./b.png").as_deref(), Ok(b"a".as_slice()));
        for path in ["../secret", "/etc/passwd", "img/../../x", "", "way/secret", "img", "none.png"] {
            assert!(folder.read(path).is_err(), "{path}");
        }
    }
}
