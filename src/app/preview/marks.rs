//! Which files a preview is made of, and whether one of them has changed.
//!
//! Guarantees: a file that appears, goes, or is put in another's place is a change. Leaves to others: reading them.

use super::super::config::{CampaignConfig, EngineConfig, campaign::ListSource};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Files of the campaign's folder that are looked at: templates may include others.
const FILES_MAX: usize = 500;
/// How deep the folder is looked through.
const DEPTH_MAX: usize = 3;

/// The files, and how they were when they were looked at last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(Vec<(PathBuf, Option<Mark>)>);

/// What changes when a file does: its size, when it was written, which one it is.
type Mark = (u64, i64, i64, u64);

impl Marks {
    /// The marks of these files now.
    #[must_use]
    pub fn of(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let marked = |file: PathBuf| {
            let mark = fs::metadata(&file).ok().map(|found| mark(&found));
            (file, mark)
        };
        let mut marks: Vec<_> = files.into_iter().map(marked).collect();
        marks.sort();
        marks.dedup();
        Self(marks)
    }

    /// The same, with the marks that these files have now, where they have none yet.
    #[must_use]
    pub fn and(mut self, files: &[PathBuf]) -> Self {
        let new = files.iter().filter(|file| !self.0.iter().any(|(known, _)| known == *file)).cloned();
        let Self(mut new) = Self::of(new.collect::<Vec<_>>());
        self.0.append(&mut new);
        self.0.sort();
        self
    }
}

fn mark(found: &Metadata) -> Mark {
    (found.len(), found.mtime(), found.mtime_nsec(), found.ino())
}

/// The files that the letter is made of, but for the list's: those that are named, those that it was found to read, and what
/// lies in its folder and may become a part of it.
#[must_use]
pub fn of_letter(
    file: &Path,
    config: Option<&Path>,
    campaign: Option<&CampaignConfig>,
    read: &[PathBuf],
) -> Vec<PathBuf> {
    let mut files = vec![file.to_owned()];
    files.extend_from_slice(read);
    files.extend(config.map(Path::to_owned));
    if let Some(campaign) = campaign {
        files.extend(campaign.html.iter().chain(&campaign.text).cloned());
        files.extend(campaign.attachments.iter().map(|attachment| attachment.file.clone()));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    below(folder, DEPTH_MAX, &mut files);
    files
}

/// The files that the rows are made of.
#[must_use]
pub fn of_rows(campaign: &CampaignConfig, config: &EngineConfig) -> Vec<PathBuf> {
    let mut files = config.engine.suppression.clone();
    if let ListSource::File(path) = &campaign.recipients.from {
        files.push(path.clone());
    }
    files
}

/// What may be a part of a letter, by its name.
fn is_part(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    ending.is_some_and(|ending| {
        ["html", "htm", "txt", "mjml", "css", "j2", "jinja", "md", "png", "jpg", "jpeg", "gif", "svg", "webp"]
            .contains(&ending.as_str())
    })
}

fn below(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if files.len() >= FILES_MAX {
            return;
        }
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !entry.file_name().to_string_lossy().starts_with('.') => {
                below(&path, depth, files);
            }
            Ok(kind) if kind.is_file() && is_part(&path) => files.push(path),
            _ => {}
        }
    }
}
