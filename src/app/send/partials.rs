//! The files that the templates of a campaign read: found by their names in quotes, read from the campaign's folder.
//!
//! Guarantees: no path and no link leads out of that folder. Leaves to others: what is said of a file that is missing.

use super::super::config::CampaignConfig;
use crate::base::charset::Charset;
use crate::content::{Source, Spec, files_read_by, plain_name};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most files that the templates of a campaign read.
const FILES_MAX: usize = 1000;
/// Most octets of one.
const OCTETS_MAX: u64 = 4 << 20;

/// The files that the templates of `spec` read, and those that these read; of one that may not be read, why. Whatever was looked
/// for is added to `asked`.
pub fn of(
    campaign: &CampaignConfig,
    spec: &Spec,
    asked: &mut Vec<PathBuf>,
) -> BTreeMap<String, Result<Source, String>> {
    let folder = campaign.file.parent().unwrap_or(Path::new(""));
    let mut found: BTreeMap<String, Result<Source, String>> = BTreeMap::new();
    let texts = [&spec.html, &spec.text].into_iter().flatten().map(|source| source.text.as_str());
    let keys = spec.headers.iter().map(|(_, text)| text.as_str()).chain([spec.subject.as_str()]);
    let mut names: Vec<String> = texts.chain(keys).filter(|text| text.contains("{%")).flat_map(files_read_by).collect();
    while let Some(name) = names.pop() {
        let Some(plain) = plain_name(&name) else { continue };
        if found.contains_key(&plain) || found.len() >= FILES_MAX {
            continue;
        }
        asked.push(folder.join(&plain));
        let Some(read) = read(folder, &plain, campaign.encoding) else { continue };
        let read = read.map(|file| Source { text: campaign.syntax.in_braces(&file.text).into_owned(), ..file });
        if let Ok(file) = &read {
            names.extend(files_read_by(&file.text));
        }
        found.insert(plain, read);
    }
    found
}

/// The file of this name; `None` if there is none.
fn read(folder: &Path, name: &str, charset: Option<Charset>) -> Option<Result<Source, String>> {
    let path = folder.join(name);
    let whole = match path.canonicalize() {
        Ok(whole) => whole,
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => return None,
        Err(e) => return Some(Err(e.to_string())),
    };
    let text = || -> Result<String, String> {
        let root = Path::new(".").join(folder).canonicalize().map_err(|e| e.to_string())?;
        if !whole.starts_with(&root) {
            return Err("it is a link that leads out of the campaign's folder".to_owned());
        }
        let kind = std::fs::metadata(&whole).map_err(|e| e.to_string())?;
        if !kind.is_file() {
            return Err("it is no file".to_owned());
        }
        if kind.len() > OCTETS_MAX {
            return Err(format!("it is longer than {} MiB", OCTETS_MAX >> 20));
        }
        let file = super::texts::source(&path, charset).map_err(|failure| failure.message)?;
        Ok(file.text)
    };
    Some(text().map(|text| Source { file: path.display().to_string(), text }))
}
