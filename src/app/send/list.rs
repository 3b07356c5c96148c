//! The list of a campaign: where it comes from, and whether it is the one that the campaign was begun with.
//!
//! Guarantees: a list on standard input is kept only once a campaign is made of it, and what was kept stays until another
//! takes its place. Leaves to others: what a changed one means (`settle`), and loading it (`engine`).

use super::super::check::{Looked, file_of};
use super::super::cli::SendArgs;
use super::super::config::{CampaignConfig, campaign};
use super::super::exit::Failure;
use super::content::Content;
use super::prepare::copy_within_room;
use super::watch::notice;
use crate::base::many::Many;
use crate::base::remedy;
use crate::engine::campaign::Campaign;
use crate::engine::load::Load;
use crate::engine::loader::{Cells, Format, Hidden, List, LoadError, Look, REJECTS, print};
use crate::engine::table::ListPrint;
use crate::mail::address;
use crate::mail::finding::{Finding, Severity};
use crate::wire::disk::access;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The copy of a list that came as a stream, in the campaign's directory.
pub const KEPT: &str = "list";

/// Rows that a send looks at before it begins, and before it goes on.
const ROWS_LOOKED: u64 = 10_000;
const ROWS_LOOKED_AGAIN: u64 = 1000;

/// A list that this run was given.
pub struct Given {
    /// Where it can be read.
    pub list: List,
    /// What it is called.
    pub name: String,
    spool: Option<Spool>,
}

/// A copy of a stream, beside the campaign's directory. It goes with its owner, unless a campaign keeps it.
struct Spool(PathBuf);

impl Drop for Spool {
    fn drop(&mut self) {
        // What is left of it is overwritten by the next one.
        let _ = fs::remove_file(&self.0);
    }
}

impl Given {
    /// Moves a copy into the campaign's directory; a file stays where it is.
    ///
    /// # Errors
    /// The disk's.
    pub fn keep(self, home: &Path) -> Result<List, Failure> {
        let Some(spool) = self.spool else { return Ok(self.list) };
        let path = home.join(KEPT);
        let moved = fs::rename(&spool.0, &path).and_then(|()| File::open(home)?.sync_all());
        moved.map_err(|e| {
            Failure::failed(format!("the list cannot be kept as {}: {}", path.display(), remedy::told(&e)))
        })?;
        Ok(List { path, ..self.list })
    }

    /// A list in a file.
    #[must_use]
    pub fn file(list: List, name: String) -> Self {
        Self { list, name, spool: None }
    }

    /// Whether it came as a stream in this run.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.spool.is_some()
    }

    /// Whether it is, or becomes, the copy in the campaign's directory.
    #[must_use]
    pub fn is_kept_in(&self, home: &Path) -> bool {
        self.is_stream() || self.list.path == home.join(KEPT)
    }

    /// As it is once it is kept.
    #[must_use]
    pub fn as_kept(&self, home: &Path) -> List {
        let path = if self.is_stream() { home.join(KEPT) } else { self.list.path.clone() };
        List { path, ..self.list.clone() }
    }
}

/// The copy that a campaign keeps of a list that came as a stream.
#[must_use]
pub fn kept(campaign: &CampaignConfig, home: &Path) -> Given {
    let path = home.join(KEPT);
    let name = format!("the list that was kept ({})", path.display());
    Given::file(List { path, ..list_of(campaign) }, name)
}

/// A pipe by name gives its octets once, as standard input does.
fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|kind| !kind.is_file() && !kind.is_dir())
}

/// The list that this run was given. A stream is copied to a file beside `home` first, so that a campaign can go on
/// without it. `None`: nothing came, and there is a campaign, or a list that was kept.
///
/// # Errors
/// The copy cannot be written.
pub fn given(campaign: &CampaignConfig, home: &Path, begun: bool) -> Result<Option<Given>, Failure> {
    let begun = begun || home.join(KEPT).exists();
    let (from, name): (Box<dyn Read>, String) = match &campaign.recipients.from {
        campaign::ListSource::Stdin if begun && io::stdin().is_terminal() => return Ok(None),
        campaign::ListSource::Stdin => {
            if begun {
                notice("Reading the list to compare it (</dev/null goes on with the one that was kept).\n");
            }
            (Box::new(io::stdin().lock()), "the list on standard input".to_owned())
        }
        campaign::ListSource::File(path) if is_stream(path) => {
            notice(&format!("Reading the list from {}: it waits until somebody writes there.\n", path.display()));
            let file = File::open(path).map_err(|e| {
                Failure::usage(format!("cannot read the list {}: {}", path.display(), remedy::told(&e)))
            })?;
            (Box::new(file), format!("the list from {}", path.display()))
        }
        campaign::ListSource::File(path) => {
            let name = format!("the list {}", path.display());
            return Ok(Some(Given::file(List { path: path.clone(), ..list_of(campaign) }, name)));
        }
    };
    let (spool, octets) =
        spool(from, home).map_err(|e| Failure::failed(format!("{name} cannot be kept: {}", remedy::told(&e))))?;
    if begun && octets == 0 {
        return Ok(None);
    }
    Ok(Some(Given { list: List { path: spool.0.clone(), ..list_of(campaign) }, name, spool: Some(spool) }))
}

fn spool(mut from: Box<dyn Read>, home: &Path) -> io::Result<(Spool, u64)> {
    let name = home.file_name().unwrap_or_default().to_string_lossy();
    // No campaign has such a name.
    let path = home.with_file_name(format!(".{name}.{KEPT}"));
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut to = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    let spool = Spool(path);
    access::own(&to)?;
    let octets = copy_within_room(&mut from, &mut to, spool.0.parent().unwrap_or(home))?;
    to.sync_all()?;
    Ok((spool, octets))
}

/// What is said of the list.
fn list_of(campaign: &CampaignConfig) -> List {
    let (dialect, several) = (campaign.recipients.dialect.clone(), campaign.recipients.several);
    let aliases =
        campaign.recipients.columns.iter().map(|(name, column)| (name.clone(), column.value.clone())).collect();
    let email = Some(campaign.recipients.email.value.clone());
    List { format: Some(format_of(campaign)), dialect, several, email, aliases, ..List::default() }
}

fn format_of(campaign: &CampaignConfig) -> Format {
    match (campaign.recipients.format, &campaign.recipients.from) {
        (Some(campaign::ListFormat::Csv), _) | (None, campaign::ListSource::Stdin) => Format::Csv,
        (Some(campaign::ListFormat::Tsv), _) => Format::Tsv,
        (Some(campaign::ListFormat::Jsonl), _) => Format::Jsonl,
        (None, campaign::ListSource::File(path)) => Format::of(path),
    }
}

/// Whether a campaign that has not begun was made from this very list.
pub fn is_same(campaign: &CampaignConfig, opened: &Campaign, given: Option<&Given>, home: &Path) -> bool {
    let Some(known) = &opened.table.manifest().list else { return false };
    let email = &campaign.recipients.email.value;
    match given {
        None => home.join(KEPT).exists() && (known.email.is_empty() || known.email == *email),
        Some(given) => changed(known, given, email, home).is_ok_and(|what| what.is_none()),
    }
}

/// How a list differs from the one that the campaign was made from, if it does.
///
/// # Errors
/// It cannot be read.
pub fn changed(known: &ListPrint, given: &Given, email: &str, home: &Path) -> Result<Option<String>, LoadError> {
    if given.spool.is_none() || known.blake3.is_some() {
        return print::changed(known, &given.list, email);
    }
    // A stream has no times: what was kept of it tells.
    let hash = |path: &Path| print::hash_of(path).map_err(|error| LoadError::Open { path: path.to_owned(), error });
    let same = hash(&given.list.path)? == hash(&home.join(KEPT))?;
    Ok((!same).then(|| "its content differs".to_owned()))
}

/// Whether the list is another one by now than the one that was loaded, and how.
pub fn has_changed_since(home: &Path, list: &List) -> Option<String> {
    let manifest = crate::engine::table::Manifest::read(home).ok()?;
    let known = manifest.list.filter(|known| known.blake3.is_some())?;
    list.path.exists().then(|| print::changed(&known, list, &known.email).ok().flatten()).flatten()
}

/// The file that lists the rejected rows, if there are such.
pub fn rejects_of(home: &Path, rejected: u64) -> Option<String> {
    let path = home.join(REJECTS);
    (rejected > 0 && path.exists()).then(|| path.display().to_string())
}

/// Where the rows are listed that were rejected of a list that was only looked at; `None` where no data directory is named.
pub fn rejects_kept(args: &SendArgs, name: &str) -> Option<PathBuf> {
    Some(args.data.as_ref()?.join("rejects").join(format!("{name}.csv")))
}

/// What stands in the first rows of a list that are not suppressed; `is_known`: this was told when the campaign began.
#[must_use]
pub fn first_rows(
    campaign: &CampaignConfig,
    content: &Content,
    columns: &[String],
    load: &Load,
    is_known: bool,
) -> Vec<Finding> {
    let suppression = load.suppressions.in_force().set;
    let mut folded = Vec::new();
    let mut is_suppressed = |mailbox: &str| {
        folded.clear();
        let at = address::fold_into(mailbox.as_bytes(), mailbox.rfind('@').unwrap_or(mailbox.len()), &mut folded);
        suppression.contains(&folded, at)
    };
    let file = file_of(campaign);
    let (home, list, content) = (Path::new(""), &load.list, Some(content));
    let rows_max = if is_known { ROWS_LOOKED_AGAIN } else { ROWS_LOOKED };
    Looked { file, home, list, campaign, content, rows_max }.first_rows(columns, &mut is_suppressed)
}

/// Hidden columns that are named.
const COLUMNS_TOLD: usize = 5;

/// What a look at the front of the list has found that is worth knowing.
#[must_use]
pub fn findings(campaign: &CampaignConfig, looked: &Look, told: Option<&str>) -> Vec<Finding> {
    let file = match &campaign.recipients.from {
        campaign::ListSource::Stdin => String::new(),
        campaign::ListSource::File(path) => path.display().to_string(),
    };
    let mut found = Vec::new();
    if let Some(told) = told {
        let hint = "if that is wrong, [recipients] says what is right: encoding, delimiter, sheet, format";
        found.push(Finding::new(Severity::Note, "list-form", &*file, told.trim_end_matches('.')).hint(hint));
    }
    let mut tell = |check, cells: Option<Cells>, what: (&'static str, &'static str), why: &str, hint: &str| {
        let Some(Cells { count, first: (row, column) }) = cells else { return };
        let says = format!("{} (the first: row {row}, column {column}): {why}", Many(count, what.0, what.1));
        found.push(Finding::new(Severity::Warning, check, format!("{file}:{row}"), says).hint(hint));
    };
    let oddities = &looked.oddities;
    tell(
        "formula-without-value",
        oddities.uncalculated,
        (
            "cell is a formula without a value, and read as empty",
            "cells are formulas without a value, and read as empty",
        ),
        "nobody has calculated the workbook",
        "open it in Excel or LibreOffice and save it, or save the sheet as CSV (UTF-8)",
    );
    tell(
        "merged-cells",
        oddities.merged,
        ("area of the sheet is merged cells", "areas of the sheet are merged cells"),
        "the first cell of each has its value, and the others are read as empty",
        "unmerge them, and fill the value into each row",
    );
    tell(
        "digits-lost",
        oddities.overlong,
        ("cell holds a number of more than 15 digits", "cells hold numbers of more than 15 digits"),
        "a sheet keeps 15 of them, and zeros for the rest",
        "enter them again in cells of the format Text",
    );
    if !looked.hidden_columns.is_empty() {
        let names: Vec<String> =
            looked.hidden_columns.iter().take(COLUMNS_TOLD).map(|name| format!("{name:?}")).collect();
        let more = if looked.hidden_columns.len() > COLUMNS_TOLD { ", …" } else { "" };
        let many = Many(looked.hidden_columns.len() as u64, "column is", "columns are");
        let says = format!("{many} hidden on the sheet, and read as all others: {}{more}", names.join(", "));
        found.push(Finding::new(Severity::Note, "hidden-columns", &*file, says));
    }
    if let Some(Hidden { rows, first }) = looked.oddities.hidden {
        let says = format!(
            "{} hidden on the sheet, and read as all others (the first: row {first})",
            Many(rows, "row is", "rows are")
        );
        let hint = "take them out, or copy the rows that are seen to a sheet of their own";
        found.push(Finding::new(Severity::Warning, "hidden-rows", format!("{file}:{first}"), says).hint(hint));
    }
    found
}
