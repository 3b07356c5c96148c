//! A TOML document that remembers where everything stood, so that each complaint names its place.
//!
//! Guarantees: a file is read whatever it is written in, where that is certain; every error holds file, line and column (from 1;
//! columns count characters); text from the file is escaped.
//! Leaves to others: which keys there are, and what they mean.

use crate::base::charset::{self, Undecodable};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A configuration file is refused beyond this many octets: it is text that people write.
pub const OCTETS_MAX: u64 = 4 * 1024 * 1024;

/// What is wrong with a file, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Line and column, from 1, where there is a place.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl ConfigError {
    /// An error of the file as a whole.
    #[must_use]
    pub fn of_file(file: &Path, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place: None, message: message.into(), hint: None }
    }

    /// The same error with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some((line, column)) = self.place {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Everything that is wrong with a file: at least one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<ConfigError>);

impl From<ConfigError> for Faults {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if n > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// A value and where it stood: for complaints that come later (a template that does not compile).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Its line, from 1; 0 for a default that stands in no file.
    pub line: usize,
    /// Its column, from 1; 0 likewise.
    pub column: usize,
}

impl<T> Placed<T> {
    /// A value that stands in no file.
    pub fn nowhere(value: T) -> Self {
        Self { value, line: 0, column: 0 }
    }
}

/// What stands before the name of a file that systemd hands to a unit (`LoadCredential=`).
const CREDENTIALS: &str = "$CREDENTIALS_DIRECTORY/";

/// `path`, which stands in `file`, as seen from the folder of `file`. A path that begins with `$CREDENTIALS_DIRECTORY/` is seen from
/// where systemd puts what only a unit may read (systemd.exec(5), `LoadCredential=`): the user that a unit runs as may not
/// read the keys themselves.
#[must_use]
pub fn seen_from(file: &Path, path: &str) -> PathBuf {
    let handed = || path.strip_prefix(CREDENTIALS).zip(std::env::var_os("CREDENTIALS_DIRECTORY"));
    match handed() {
        Some((name, folder)) => Path::new(&folder).join(name),
        None => file.parent().unwrap_or(Path::new("")).join(path),
    }
}

/// TOML is UTF-8, and editors have other habits: what is certain is read.
fn undecodable(file: &Path, octets: &[u8], why: &Undecodable) -> ConfigError {
    let line = octets.split(|octet| *octet == b'\n').nth((why.line as usize).saturating_sub(1)).unwrap_or_default();
    let before = line.get(..(why.column as usize).saturating_sub(1)).unwrap_or(line);
    let column = String::from_utf8_lossy(before).chars().count() + 1;
    let place = Some((why.line as usize, column));
    ConfigError { file: file.to_owned(), place, message: why.to_string(), hint: None }.hint("save the file as UTF-8")
}

/// What to do where `path` cannot be read because nobody has handed it over: what [`seen_from`] looked for is systemd's to give.
#[must_use]
pub fn hint_if_not_handed(path: &Path) -> Option<&'static str> {
    path.to_string_lossy().contains(CREDENTIALS).then_some(
        "systemd hands it to a unit alone; to try the same by hand, as root: \
         systemd-run --pipe -p LoadCredential=keys:/etc/posthaste/keys posthaste config /etc/posthaste/engine.toml",
    )
}

/// The text of a configuration file.
#[derive(Debug)]
pub struct Document {
    file: PathBuf,
    text: String,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is longer than [`OCTETS_MAX`], or its encoding is not certain.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let unreadable = |e: std::io::Error| {
            let hint = match e.kind() {
                std::io::ErrorKind::NotFound => "check the path; it is relative to the working directory",
                std::io::ErrorKind::PermissionDenied => "the user that runs posthaste must be able to read it",
                _ => "it must be a readable file",
            };
            ConfigError::of_file(file, format!("cannot be read: {e}")).hint(hint)
        };
        let octets = std::fs::metadata(file).map_err(unreadable)?.len();
        if octets > OCTETS_MAX {
            return Err(ConfigError::of_file(file, format!("has {octets} octets, more than {OCTETS_MAX}"))
                .hint("this should be a TOML file that people wrote; was a list of recipients named instead?"));
        }
        let text = std::fs::read(file).map_err(unreadable)?;
        let text = charset::decode(&text).map_err(|why| undecodable(file, &text, &why))?;
        Ok(Self::new(file, text.text))
    }

    /// A document from text; `file` is what its errors name.
    #[must_use]
    pub fn new(file: &Path, text: String) -> Self {
        Self { file: file.to_owned(), text }
    }

    /// The file as it was named.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// `path` as seen from the document: see [`seen_from`].
    #[must_use]
    pub fn relative(&self, path: &str) -> PathBuf {
        seen_from(&self.file, path)
    }

    /// The document's tree.
    ///
    /// # Errors
    /// The first place where it is no TOML.
    pub fn tree(&self) -> Result<Spanned<DeTable<'_>>, ConfigError> {
        DeTable::parse(&self.text).map_err(|e| {
            let message = e.message().lines().next().unwrap_or("is no TOML").to_owned();
            self.error(e.span().unwrap_or(0..0), message)
        })
    }

    fn error(&self, span: Range<usize>, message: impl Into<String>) -> ConfigError {
        let place = Some(self.place(span.start));
        ConfigError { file: self.file.clone(), place, message: message.into(), hint: None }
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset.min(self.text.len())).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

/// A table of a document: its keys have been checked against those that exist.
#[derive(Debug)]
pub struct Section<'d> {
    document: &'d Document,
    path: String,
    span: Range<usize>,
    table: &'d DeTable<'d>,
}

impl<'d> Section<'d> {
    /// The whole document; `known` are the keys that may stand at its top, `all` every key there is, for the hint.
    ///
    /// # Errors
    /// An unknown key.
    pub fn root(
        document: &'d Document,
        tree: &'d Spanned<DeTable<'d>>,
        known: &[&str],
        all: &[String],
    ) -> Result<Self, ConfigError> {
        let section = Self::any_root(document, tree);
        section.refuse_unknown(known, all)?;
        Ok(section)
    }

    /// The whole document, whatever its keys are.
    #[must_use]
    pub fn any_root(document: &'d Document, tree: &'d Spanned<DeTable<'d>>) -> Self {
        Self { document, path: String::new(), span: tree.span(), table: tree.get_ref() }
    }

    /// The item under `name`, if the file has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Item<'d>> {
        let value = self.table.get(name)?;
        Some(Item { document: self.document, path: join(&self.path, name), value })
    }

    /// The item under `name`, which must be there.
    ///
    /// # Errors
    /// It is not.
    pub fn require(&self, name: &str) -> Result<Item<'d>, ConfigError> {
        self.get(name).ok_or_else(|| self.error(format!("the key {:?} is missing", join(&self.path, name))))
    }

    /// An error at the place of this table.
    #[must_use]
    pub fn error(&self, message: impl Into<String>) -> ConfigError {
        self.document.error(self.span.clone(), message)
    }

    /// Every key and item, in order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&'d str, Item<'d>)> {
        self.table.iter().map(|(name, value)| {
            let name = name.get_ref().as_ref();
            (name, Item { document: self.document, path: join(&self.path, name), value })
        })
    }

    fn refuse_unknown(&self, known: &[&str], all: &[String]) -> Result<(), ConfigError> {
        self.unknown(known, all).into_iter().next().map_or(Ok(()), Err)
    }

    /// An error for each key that is none of `known`, as they stand in the file.
    #[must_use]
    pub fn unknown(&self, known: &[&str], all: &[String]) -> Vec<ConfigError> {
        let mut keys: Vec<_> = self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())).collect();
        // The tree is in order of the keys; people read from the top.
        keys.sort_by_key(|key| key.span().start);
        let error = |key: &Spanned<std::borrow::Cow<'_, str>>| {
            let path = join(&self.path, key.get_ref());
            let error = self.document.error(key.span(), format!("unknown key {path:?}"));
            match nearest(&path, all) {
                Some(near) => error.hint(format!("did you mean {near:?}?")),
                None => error.hint(format!("known here: {}", known.join(", "))),
            }
        };
        keys.into_iter().map(error).collect()
    }
}

/// A value of a document.
#[derive(Clone, Debug)]
pub struct Item<'d> {
    document: &'d Document,
    path: String,
    value: &'d Spanned<DeValue<'d>>,
}

impl<'d> Item<'d> {
    /// The document it stands in.
    #[must_use]
    pub fn document(&self) -> &'d Document {
        self.document
    }

    /// The value as it stands in the file, on one line.
    #[must_use]
    pub fn written(&self) -> String {
        let text = self.document.text.get(self.value.span()).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// An error at the place of the value; `message` follows the key's name.
    #[must_use]
    pub fn error(&self, message: impl fmt::Display) -> ConfigError {
        self.document.error(self.value.span(), format!("{}: {message}", self.path))
    }

    /// A text.
    ///
    /// # Errors
    /// It is none, or holds a NUL.
    pub fn text(&self) -> Result<&'d str, ConfigError> {
        let text = self.value.get_ref().as_str().ok_or_else(|| self.wrong("a text in quotes"))?;
        if text.contains('\0') {
            return Err(self.error("holds a NUL character"));
        }
        Ok(text)
    }

    /// A text with its place.
    ///
    /// # Errors
    /// As [`Item::text`].
    pub fn placed(&self) -> Result<Placed<String>, ConfigError> {
        let (line, column) = self.document.place(self.value.span().start);
        Ok(Placed { value: self.text()?.to_owned(), line, column })
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// It is neither.
    pub fn switch(&self) -> Result<bool, ConfigError> {
        self.value.get_ref().as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    /// A whole number within bounds.
    ///
    /// # Errors
    /// It is none, or out of bounds.
    pub fn count(&self, bounds: (u64, u64)) -> Result<u64, ConfigError> {
        let (least, most) = bounds;
        let integer = self.value.get_ref().as_integer().ok_or_else(|| self.wrong("a whole number"))?;
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(n) if (least..=most).contains(&n) => Ok(n),
            _ => Err(self.error(format!("must be from {least} to {most}, is {integer}"))),
        }
    }

    /// The items of a list.
    ///
    /// # Errors
    /// It is no list.
    pub fn list(&self) -> Result<Vec<Item<'d>>, ConfigError> {
        let list = self.value.get_ref().as_array().ok_or_else(|| self.wrong("a list in square brackets"))?;
        let item = |value| Item { document: self.document, path: self.path.clone(), value };
        Ok(list.iter().map(item).collect())
    }

    /// The table it is; its keys are checked against `known`.
    ///
    /// # Errors
    /// It is no table, or has an unknown key.
    pub fn section(&self, known: &[&str], all: &[String]) -> Result<Section<'d>, ConfigError> {
        let section = self.any_section()?;
        section.refuse_unknown(known, all)?;
        Ok(section)
    }

    /// The table it is, whatever its keys are.
    ///
    /// # Errors
    /// It is no table.
    pub fn any_section(&self) -> Result<Section<'d>, ConfigError> {
        let table = self.value.get_ref().as_table().ok_or_else(|| self.wrong("a table"))?;
        Ok(Section { document: self.document, path: self.path.clone(), span: self.value.span(), table })
    }

    fn wrong(&self, expected: &str) -> ConfigError {
        self.error(format!("must be {expected}, is of the type {}", self.value.get_ref().type_str()))
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The key of `all` that was probably meant by `path`: the same name under another table, or one a few letters away.
fn nearest<'a>(path: &str, all: &'a [String]) -> Option<&'a String> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_lowercase();
    if let Some(same) = all.iter().find(|key| last(key) == last(path)) {
        return Some(same);
    }
    let distance = |key: &str| {
        let whole = strsim::damerau_levenshtein(&key.to_lowercase(), &path.to_lowercase());
        whole.min(strsim::damerau_levenshtein(&last(key), &last(path)) + 1)
    };
    let (near, letters) = all.iter().map(|key| (key, distance(key))).min_by_key(|&(_, letters)| letters)?;
    // Half of the name may differ at most: beyond that the hint would be noise.
    (letters <= (last(path).chars().count() / 2).clamp(1, 4)).then_some(near)
}
