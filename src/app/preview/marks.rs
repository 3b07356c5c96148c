//! Which files a preview is made of, and whether one of them has changed.
//!
//! Guarantees: a file that appears, goes, or is put in another's place is a change, also one of the same length and time; what is
//! marked at rest cannot be written again under the same mark. Leaves to others: reading them.

use super::super::config::{CampaignConfig, EngineConfig, campaign::ListSource};
use crate::engine::loader::print::{TICK, changed_at, is_fresh, mark_of};
use crate::engine::table::FileMark;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files of the campaign's folder that are looked at: templates may include others.
const FILES_MAX: usize = 500;
/// How deep the folder is looked through.
const DEPTH_MAX: usize = 3;
/// How often files are looked at that are written all the time: they change again anyway.
const LOOKS_MAX: usize = 5;

/// The files, and how they were when they were looked at last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(Vec<(PathBuf, Option<FileMark>)>);

impl Marks {
    /// The marks of these files now.
    #[must_use]
    pub fn of(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let marked = |file: PathBuf| {
            let mark = fs::metadata(&file).ok().and_then(|found| mark_of(&found));
            (file, mark)
        };
        let mut marks: Vec<_> = files.into_iter().map(marked).collect();
        marks.sort_by(|(one, _), (other, _)| one.cmp(other));
        marks.dedup_by(|(one, _), (other, _)| one == other);
        Self(marks)
    }

    /// Those of a look at files, once what was written this moment has rested: before, it may be written again without its mark
    /// being another one.
    #[must_use]
    pub fn at_rest(look: impl Fn() -> Self) -> Self {
        for _ in 1..LOOKS_MAX {
            let marks = look();
            if !marks.are_fresh(SystemTime::now()) {
                return marks;
            }
            std::thread::sleep(TICK);
        }
        look()
    }

    fn are_fresh(&self, now: SystemTime) -> bool {
        self.0.iter().filter_map(|(_, mark)| mark.as_ref()).any(|mark| is_fresh(mark, now))
    }

    /// The same, with the marks that these files have now, where they have none yet. They were read at some time from `since` on:
    /// one that was written by then may have been read before, and is looked at once more.
    #[must_use]
    pub fn and(mut self, files: &[PathBuf], since: SystemTime) -> Self {
        let new = files.iter().filter(|file| !self.0.iter().any(|(known, _)| known == *file)).cloned();
        let Self(mut new) = Self::of(new.collect::<Vec<_>>());
        for (_, mark) in &mut new {
            *mark = mark.filter(|mark| changed_at(mark) + TICK < since);
        }
        self.0.append(&mut new);
        self.0.sort_by(|(one, _), (other, _)| one.cmp(other));
        self
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_written_this_moment_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("w.html");
        fs::write(&file, "a").unwrap();
        let looks = std::cell::Cell::new(0);
        let look = || {
            looks.set(looks.get() + 1);
            Marks::of([file.clone(), folder.path().join("gone")])
        };
        let marks = Marks::at_rest(look);
        assert!(marks.0.iter().filter_map(|(_, mark)| *mark).all(|mark| !is_fresh(&mark, SystemTime::now())));
        assert!((1..=LOOKS_MAX).contains(&looks.get()));
        // One that turned out to be read, before anybody marked it.
        let found = |since| Marks::default().and(std::slice::from_ref(&file), since) == Marks::of([file.clone()]);
        let written = changed_at(&mark_of(&fs::metadata(&file).unwrap()).unwrap());
        assert_eq!([written, written + 10 * TICK].map(found), [false, true]);
    }
}
