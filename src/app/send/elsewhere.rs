//! A campaign that has begun in another place than the one where this run would begin it.
//!
//! A data directory that is named relative to the working directory is another one in another directory: the campaign would
//! begin anew there, and mail everybody a second time (G7). Guarantees: where it has begun beside the campaign's file, beside the
//! working directory or above one of them, it is found. Leaves to others: what was named on the command line, which is meant.

use super::super::cli::{SendArgs, shell};
use super::super::config::EngineConfig;
use super::super::exit::Failure;
use super::{CAMPAIGNS, REHEARSALS};
use crate::engine::table::manifest;
use std::env;
use std::path::{Path, PathBuf};

/// Stops a campaign that would begin here and has begun elsewhere, where nobody has named a data directory.
///
/// # Errors
/// It has: where, and the ways on.
pub fn check(args: &SendArgs, config: &EngineConfig, name: &str) -> Result<(), Failure> {
    let here = std::path::absolute(&config.engine.data).unwrap_or_else(|_| config.engine.data.clone());
    let folders = folders_of(&args.campaign);
    let Some(there) = found(&config.engine.data, folders, |data| has_begun(data, name)) else { return Ok(()) };
    let with = |data: &Path| SendArgs { data: Some(data.to_owned()), ..args.clone() }.same_command();
    Err(Failure::usage(format!(
        "the campaign {name} has begun in {}, and nothing of it is in {}: who has it already would get it again; nothing is \
         sent\nhint: to go on with it: {}\nhint: to send it to everybody as another one: {}",
        there.display(),
        here.display(),
        with(&there),
        with(&here)
    )))
}

/// The way on for whoever looks for a campaign, or for any, in a data directory that is named relative to the working directory
/// and has it not, where one above the working directory has it.
#[must_use]
pub fn hint(data: &Path, name: Option<&str>) -> Option<String> {
    let has = |data: &Path, kind: &str| match name {
        Some(name) => is_there(&data.join(kind).join(name)),
        None => data.join(kind).is_dir(),
    };
    let knows = |data: &Path| [CAMPAIGNS, REHEARSALS].iter().any(|kind| has(data, kind));
    let there = found(data, env::current_dir().into_iter().flat_map(above).collect(), knows)?;
    Some(format!("there is one above: --data {}", shell(&there.display().to_string())))
}

/// Where the campaign's file lies and where this process runs, and all that is above.
fn folders_of(campaign: &Path) -> Vec<PathBuf> {
    let file = std::fs::canonicalize(campaign).ok();
    let of_file = file.as_deref().and_then(Path::parent).map(Path::to_owned);
    of_file.into_iter().chain(env::current_dir()).flat_map(above).collect()
}

fn above(folder: PathBuf) -> Vec<PathBuf> {
    folder.ancestors().map(Path::to_owned).collect()
}

/// The first of the folders with such a data directory in it.
fn found(data: &Path, folders: Vec<PathBuf>, knows: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    if data.is_absolute() {
        return None;
    }
    folders.into_iter().map(|folder| folder.join(data)).find(|data| knows(data))
}

fn has_begun(data: &Path, name: &str) -> bool {
    is_there(&data.join(CAMPAIGNS).join(name))
}

fn is_there(home: &Path) -> bool {
    home.join(manifest::FILE).exists()
}
