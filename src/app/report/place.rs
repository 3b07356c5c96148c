//! Finding a campaign's directory by the campaign's name, and saying what there is when there is no such one.

use crate::app::exit::Failure;
use crate::app::send::{CAMPAIGNS, REHEARSALS, elsewhere};
use crate::base::remedy;
use crate::engine::campaign::{is_there, journal_of, name_of};
use crate::engine::table::Manifest;
use crate::engine::table::manifest;
use crate::wire::disk::Reader;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Campaigns that an error names.
const NAMED_MAX: usize = 20;

/// The directory of the campaign `name` in the data directory `data`, or of its rehearsal: where that is wanted, or where
/// there is nothing else. A campaign has its directory's name, as `send` knows it; by the one that it was begun with it is
/// found where no other has that.
///
/// # Errors
/// No data directory, no such campaign or several (all bad input), or an unreadable directory.
pub(super) fn find(data: &Path, name: &str, rehearsal: bool) -> Result<PathBuf, Failure> {
    check_there(data, Some(name))?;
    let mut names = Vec::new();
    for folder in if rehearsal { &[REHEARSALS][..] } else { &[CAMPAIGNS, REHEARSALS] } {
        let all = data.join(folder);
        let mut found = list(&all)?;
        if let Some(place) = found.iter().position(|known| known.name == name) {
            return Ok(found.swap_remove(place).home);
        }
        let begun: Vec<&Known> = found.iter().filter(|known| known.begun_as.as_deref() == Some(name)).collect();
        match begun[..] {
            [] => {}
            [one] => return Ok(one.home.clone()),
            _ => {
                let [count, said] =
                    [begun.len().to_string(), said(&begun.iter().map(|one| &*one.name).collect::<Vec<_>>())];
                return Err(Failure::usage(format!(
                    "in {} {count} directories are of a campaign that was begun as {name:?}: {said}\n\
                     hint: name one of them",
                    all.display()
                )));
            }
        }
        names.extend(found.into_iter().map(|known| known.name));
    }
    names.sort();
    names.dedup();
    let all = data.join(if rehearsal { REHEARSALS } else { CAMPAIGNS });
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let hint = elsewhere::hint(data, Some(name)).unwrap_or_else(|| hint(name, &names));
    Err(Failure::usage(format!("there is no campaign {name:?} in {}\nhint: {hint}", all.display())))
}

/// The directories of all campaigns in a data directory, and of all rehearsals.
///
/// # Errors
/// No data directory, or one that cannot be read.
pub(in crate::app) fn homes(data: &Path) -> Result<Vec<PathBuf>, Failure> {
    check_there(data, None)?;
    let mut homes = Vec::new();
    for folder in [CAMPAIGNS, REHEARSALS] {
        homes.extend(list(&data.join(folder))?.into_iter().map(|known| known.home));
    }
    Ok(homes)
}

fn check_there(data: &Path, name: Option<&str>) -> Result<(), Failure> {
    if data.is_dir() {
        return Ok(());
    }
    let ways = "--data DIR names it, or --config engine.toml by its engine.data; `posthaste send` makes it";
    let hint = elsewhere::hint(data, name).unwrap_or_else(|| ways.to_owned());
    Err(Failure::usage(format!("there is no data directory {}\nhint: {hint}", data.display())))
}

fn hint(name: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return "there is none at all; --data DIR names another data directory".to_owned();
    }
    let near = names.iter().map(|known| (strsim::jaro_winkler(name, known), known));
    let near = near.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
    let near = near.map(|(_, known)| format!("did you mean {known}? ")).unwrap_or_default();
    format!("{near}There are: {}", said(names))
}

fn said(names: &[&str]) -> String {
    let shown = names.get(..NAMED_MAX).unwrap_or(names).join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

/// A campaign that is there.
struct Known {
    /// Its name: its directory's.
    name: String,
    /// The name that it was begun with, if that can be read.
    begun_as: Option<String>,
    home: PathBuf,
}

/// Whether a folder has nothing of a campaign.
fn is_none(home: &Path) -> bool {
    is_there(home, &mut Reader::new(&journal_of(home))).is_ok()
}

/// The campaigns in a directory, in order of their names.
fn list(all: &Path) -> Result<Vec<Known>, Failure> {
    let failed = |e: io::Error| Failure::failed(format!("{}: cannot be read: {}", all.display(), remedy::told(&e)));
    let mut found = Vec::new();
    let entries = match fs::read_dir(all) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        // What is being thrown away has a name that no campaign can have.
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let home = entry.path();
        let begun_as = match Manifest::read(&home) {
            Ok(manifest) => Some(manifest.name),
            // Being made at this moment, or none of ours; where nobody may look, or all but the manifest is there, it is one.
            Err(_) if home.join(manifest::FILE).try_exists().is_ok_and(|exists| !exists) && is_none(&home) => continue,
            Err(_) => None,
        };
        found.push(Known { name: name_of(&home), begun_as, home });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
