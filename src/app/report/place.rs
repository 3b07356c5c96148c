//! Finding a campaign's directory by the campaign's name, and saying what there is when there is no such one.

use crate::app::exit::Failure;
use crate::app::send::{CAMPAIGNS, REHEARSALS};
use crate::engine::table::Manifest;
use crate::engine::table::manifest;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Campaigns that an error names.
const NAMED_MAX: usize = 20;

/// The directory of the campaign `name` in the data directory `data`, or of its rehearsal: where that is wanted, or where
/// there is nothing else. The name in the manifest counts, whatever the directory is called.
///
/// # Errors
/// No data directory, no such campaign (both bad input), or an unreadable directory.
pub(super) fn find(data: &Path, name: &str, rehearsal: bool) -> Result<PathBuf, Failure> {
    if !data.is_dir() {
        return Err(Failure::usage(format!(
            "there is no data directory {}\nhint: --data DIR names it, or --config engine.toml by its engine.data; \
             `posthaste send` makes it",
            data.display()
        )));
    }
    let mut campaigns = Vec::new();
    for folder in if rehearsal { &[REHEARSALS][..] } else { &[CAMPAIGNS, REHEARSALS] } {
        let mut found = list(&data.join(folder))?;
        if let Some(place) = found.iter().position(|(known, _)| known == name) {
            return Ok(found.swap_remove(place).1);
        }
        campaigns.append(&mut found);
    }
    campaigns.sort();
    campaigns.dedup_by(|a, b| a.0 == b.0);
    let all = data.join(if rehearsal { REHEARSALS } else { CAMPAIGNS });
    let names: Vec<&str> = campaigns.iter().map(|(known, _)| known.as_str()).collect();
    Err(Failure::usage(format!("there is no campaign {name:?} in {}\nhint: {}", all.display(), hint(name, &names))))
}

fn hint(name: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return "there is none at all; --data DIR names another data directory".to_owned();
    }
    let near = names.iter().map(|known| (strsim::jaro_winkler(name, known), known));
    let near = near.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
    let near = near.map(|(_, known)| format!("did you mean {known}? ")).unwrap_or_default();
    let shown = names.get(..NAMED_MAX).unwrap_or(names).join(", ");
    let more = names.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{near}There are: {shown}{more}")
}

/// The campaigns in a directory, by name.
fn list(all: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let failed = |e: io::Error| Failure::failed(format!("{}: cannot be read: {e}", all.display()));
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
        match Manifest::read(&home) {
            Ok(manifest) => found.push((manifest.name, home)),
            // Being made at this moment, or none of ours.
            Err(_) if !home.join(manifest::FILE).exists() => {}
            // Its name is not known; what the directory is called is the next best.
            Err(_) => found.push((home.file_name().unwrap_or_default().to_string_lossy().into_owned(), home)),
        }
    }
    Ok(found)
}
