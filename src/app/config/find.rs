//! Which configuration of the engine a command uses.
//!
//! Guarantees: the order is `--config`, then `POSTHASTE_CONFIG`, then `/etc/posthaste/engine.toml`, then the defaults; one
//! that is named, or is there, and cannot be read is an error, never passed over; what was used can be told. An empty
//! variable stands for the defaults, whatever lies in `/etc`. Leaves to others: what is in the file (`engine`).

use super::document::{Document, Faults};
use super::engine::EngineConfig;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The variable that names a configuration.
pub const VARIABLE: &str = "POSTHASTE_CONFIG";
/// Where a configuration of the whole machine lies.
pub const SYSTEM: &str = "/etc/posthaste/engine.toml";

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file; `None`: the defaults.
    pub file: Option<PathBuf>,
    by: By,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Flag,
    Variable,
    Place,
    Nothing,
}

impl Found {
    /// Looks in each place; `flag` is what `--config` says.
    #[must_use]
    pub fn look(flag: Option<&Path>) -> Self {
        Self::among(flag, std::env::var_os(VARIABLE), Path::new(SYSTEM))
    }

    fn among(flag: Option<&Path>, variable: Option<OsString>, system: &Path) -> Self {
        let found = |file: &Path, by| Self { file: Some(file.to_owned()), by };
        if let Some(flag) = flag {
            return found(flag, By::Flag);
        }
        match variable {
            Some(variable) if variable.is_empty() => return Self { file: None, by: By::Variable },
            Some(variable) => return found(Path::new(&variable), By::Variable),
            None => {}
        }
        // What is there and may not be read is no reason to send by other settings.
        let is_absent = |e: &std::io::Error| matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
        match std::fs::metadata(system) {
            Err(e) if is_absent(&e) => Self { file: None, by: By::Nothing },
            _ => found(system, By::Place),
        }
    }

    /// The line that tells of it.
    #[must_use]
    pub fn words(&self) -> String {
        match (&self.file, self.by) {
            (Some(file), By::Flag) => format!("Configuration: {}", file.display()),
            (Some(file), By::Variable) => format!("Configuration: {} (by {VARIABLE})", file.display()),
            (Some(file), _) => format!("Configuration: {}", file.display()),
            (None, By::Variable) => format!("Configuration: the defaults ({VARIABLE} is empty)"),
            (None, _) => format!("Configuration: the defaults (no --config, no {VARIABLE}, no {SYSTEM})"),
        }
    }

    /// The same for commands that say little: only what nobody named in the command itself.
    #[must_use]
    pub fn unasked(&self) -> Option<String> {
        (self.file.is_some() && self.by != By::Flag).then(|| self.words() + "\n")
    }

    /// Reads it.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn load(&self) -> Result<EngineConfig, Faults> {
        let Some(file) = &self.file else { return EngineConfig::defaults().map_err(Faults::from) };
        let document = Document::read(file).map_err(|e| match self.by {
            By::Variable => e.hint(format!("{VARIABLE} names it; set it empty to go without a configuration")),
            By::Place => e.hint(format!(
                "the user that runs posthaste must be able to read it; an empty {VARIABLE} goes without a configuration"
            )),
            By::Flag | By::Nothing => e,
        })?;
        EngineConfig::whole(&document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_that_names_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let system = folder.path().join("engine.toml");
        let among = |flag: Option<&str>, variable: Option<&str>| {
            let found = Found::among(flag.map(Path::new), variable.map(OsString::from), &system);
            (found.file.clone().map(|file| file.display().to_string()), found.words())
        };
        let (file, words) = among(None, None);
        assert_eq!(file, None);
        assert!(
            words.starts_with("Configuration: the defaults (no --config, no POSTHASTE_CONFIG, no /etc/"),
            "{words}"
        );
        std::fs::write(&system, "").unwrap();
        assert_eq!(among(None, None).0, Some(system.display().to_string()));
        assert_eq!(
            among(None, Some("v.toml")),
            (Some("v.toml".to_owned()), "Configuration: v.toml (by POSTHASTE_CONFIG)".to_owned())
        );
        assert_eq!(
            among(Some("f.toml"), Some("v.toml")),
            (Some("f.toml".to_owned()), "Configuration: f.toml".to_owned())
        );
        assert_eq!(among(None, Some("")).0, None);
    }

    #[test]
    fn one_that_cannot_be_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        // A folder in its place: there, and no file.
        let found = Found::among(None, None, folder.path());
        assert!(found.load().unwrap_err().to_string().contains("an empty POSTHASTE_CONFIG goes without"));
        let gone = Found::among(None, Some("/no/such.toml".into()), folder.path());
        assert!(gone.load().unwrap_err().to_string().contains("POSTHASTE_CONFIG names it"));
    }
}
