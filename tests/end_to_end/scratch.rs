//! A scratch folder for one test, readable by the users that servers change to, and gone when the test ends well.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder of one test. A test that panics leaves it behind and says where, so that one can look.
pub struct Scratch {
    folder: Option<TempDir>,
}

impl Scratch {
    pub fn new(what: &str) -> Self {
        let folder =
            tempfile::Builder::new().prefix(&format!("posthaste-{what}-")).tempdir().expect("a scratch folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("our own folder");
        Self { folder: Some(folder) }
    }

    pub fn path(&self) -> &Path {
        self.folder.as_ref().expect("taken only when dropped").path()
    }

    /// The path of something in the folder.
    pub fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("below the scratch folder")).expect("a folder in the scratch folder");
        fs::write(&path, content).expect("a file in the scratch folder");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(folder) = self.folder.take()
            && std::thread::panicking()
        {
            eprintln!("the test's files are left in {}", folder.keep().display());
        }
    }
}
