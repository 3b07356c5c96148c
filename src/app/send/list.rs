//! The list of a campaign: where it comes from, and whether it is the one that the campaign was begun with.
//!
//! Guarantees: a list that changed is told with what differs, and nothing is sent until somebody says what is meant
//! (`--add`, `--cancel-removed`, another name); a list on standard input is kept only once a campaign is made of it.
//! Leaves to others: loading it, and cancelling (`engine`).

use super::super::cli::SendArgs;
use super::super::config::{CampaignConfig, campaign};
use super::super::exit::Failure;
use super::super::progress::count;
use super::prepare::{QUIET, copy_within_room};
use super::watch::notice;
use crate::base::remedy;
use crate::engine::campaign::Campaign;
use crate::engine::loader::{Difference, Format, List, LoadError, compare, print};
use crate::engine::table::ListPrint;
use crate::wire::disk::access;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The copy of a list that came as a stream, in the campaign's directory.
const KEPT: &str = "list";

/// A list that this run was given.
pub struct Given {
    /// Where it can be read.
    pub list: List,
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

    fn name(&self) -> String {
        match self.spool {
            Some(_) => "the list on standard input".to_owned(),
            None => format!("the list {}", self.list.path.display()),
        }
    }
}

/// The list that this run was given. A stream is copied to a file beside `home` first, so that a campaign can go on
/// without it. `None`: there is a campaign already, and nothing came.
///
/// # Errors
/// The copy cannot be written.
pub fn given(campaign: &CampaignConfig, home: &Path, begun: bool) -> Result<Option<Given>, Failure> {
    let format = Some(format_of(campaign));
    let from: Box<dyn Read> = match &campaign.recipients.from {
        campaign::ListSource::Stdin if begun && io::stdin().is_terminal() => return Ok(None),
        campaign::ListSource::Stdin => Box::new(io::stdin().lock()),
        campaign::ListSource::File(path) => match fs::metadata(path) {
            // A pipe by name gives its octets once, as standard input does.
            Ok(kind) if !kind.is_file() && !kind.is_dir() => Box::new(
                File::open(path)
                    .map_err(|e| Failure::usage(format!("cannot read the list {}: {e}", path.display())))?,
            ),
            _ => return Ok(Some(Given { list: List { path: path.clone(), format }, spool: None })),
        },
    };
    if begun {
        notice("Reading the list to compare it (</dev/null goes on with the one that was kept).\n");
    }
    let (spool, octets) = spool(from, home)
        .map_err(|e| Failure::failed(format!("the list on standard input cannot be kept: {}", remedy::told(&e))))?;
    if begun && octets == 0 {
        return Ok(None);
    }
    Ok(Some(Given { list: List { path: spool.0.clone(), format }, spool: Some(spool) }))
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

fn changed(known: &ListPrint, given: &Given, email: &str, home: &Path) -> Result<Option<String>, LoadError> {
    if given.spool.is_none() || known.sha256.is_some() {
        return print::changed(known, &given.list, email);
    }
    // A stream has no times: what was kept of it tells.
    let hash = |path: &Path| print::sha256_of(path).map_err(|error| LoadError::Open { path: path.to_owned(), error });
    let same = hash(&given.list.path)? == hash(&home.join(KEPT))?;
    Ok((!same).then(|| "its content differs".to_owned()))
}

/// Settles which list a campaign goes on with: the one that it has, or, if that is wanted, another one in its place.
///
/// # Errors
/// The list has changed, and nobody has said what that means; or it cannot be read.
pub fn settle(
    args: &SendArgs,
    campaign: &CampaignConfig,
    home: &Path,
    opened: &mut Campaign,
    given: Option<Given>,
) -> Result<List, Failure> {
    let email = &campaign.recipients.email.value;
    let kept = List { path: home.join(KEPT), format: Some(format_of(campaign)) };
    // Nothing came, and who is gone from the list that was kept is still to be cancelled.
    let given = match given {
        None if opened.table.manifest().cancels_removed => Some(Given { list: kept.clone(), spool: None }),
        given => given,
    };
    let Some(given) = given else {
        return match args.add || args.cancel_removed {
            true => Err(Failure::usage("the list on standard input is empty, and --add and --cancel-removed need it")),
            false => Ok(kept),
        };
    };
    let Some(known) = opened.table.manifest().list.clone() else { return given.keep(home) };
    let is_loaded = opened.table.manifest().loaded.is_some();
    let gone = is_loaded && !given.list.path.exists() && known.path == given.list.path.display().to_string();
    if gone && !args.add && !args.cancel_removed {
        tracing::warn!(list = %given.list.path.display(), "the list is gone: the campaign goes on with what was loaded");
        return Ok(given.list);
    }
    let refused = |error: LoadError| match error.is_input() {
        true => Failure::usage(error.to_string()),
        false => Failure::failed(error.to_string()),
    };
    let failed = |e: io::Error| Failure::failed(e.to_string());
    let cancels = args.cancel_removed || opened.table.manifest().cancels_removed;
    let Some(what) = changed(&known, &given, email, home).map_err(refused)? else {
        if cancels {
            let difference = compare(&given.list, email, QUIET, &opened.table).map_err(refused)?;
            let open = open_of(opened, &difference.gone);
            if opened.table.manifest().cancels_removed != (open > 0) {
                opened.table.set_cancels_removed(open > 0).map_err(failed)?;
            }
            notice(&format!(
                "{} recipients are no longer on the list: {} that still wait are cancelled.\n",
                count(difference.gone.len() as u64),
                count(open)
            ));
            opened.withdrawn = difference.gone;
        } else if given.spool.is_none() && known.sha256.is_some() {
            let mark = fs::metadata(&given.list.path).ok().and_then(|file| print::mark_of(&file));
            let path = given.list.path.display().to_string();
            let now = ListPrint { path, mark: mark.and_then(print::settled), ..known.clone() };
            if now != known {
                opened.table.set_list(now).map_err(failed)?;
            }
        }
        // A stream that is the same as the one before adds nothing to the copy.
        return Ok(if given.spool.is_some() { kept } else { given.list });
    };
    let difference = compare(&given.list, email, QUIET, &opened.table).map_err(refused)?;
    let open = open_of(opened, &difference.gone);
    if !args.add && (!args.cancel_removed || difference.new > 0) {
        return Err(refusal(args, &given, &what, &difference, open));
    }
    let mut print = print::print_at(&given.list, email).map_err(refused)?;
    if given.spool.is_some() {
        print.path = kept.path.display().to_string();
    }
    notice(&format!("{} has changed ({what}): {}.\n", given.name(), told(args, &difference, open)));
    opened.table.begin_adding(print, cancels).map_err(failed)?;
    if cancels {
        opened.withdrawn = difference.gone;
    }
    given.keep(home)
}

fn told(args: &SendArgs, difference: &Difference, open: u64) -> String {
    let added = format!("{} new recipients are added", count(difference.new));
    let gone = count(difference.gone.len() as u64);
    match (difference.gone.len(), args.cancel_removed) {
        (0, _) => added,
        (_, true) => format!("{added}, {gone} are no longer on it, and {} that still wait are cancelled", count(open)),
        (_, false) => {
            format!("{added}, {gone} are no longer on it, and {} that still wait get it all the same", count(open))
        }
    }
}

fn refusal(args: &SendArgs, given: &Given, what: &str, difference: &Difference, open: u64) -> Failure {
    let (new, gone) = (count(difference.new), count(difference.gone.len() as u64));
    let command = args.resume_command();
    let mut text = format!(
        "{} has changed since the campaign was begun ({what}): {new} recipients on it are new, {gone} of the campaign are no \
         longer on it, and {} of these still wait; nothing is sent",
        given.name(),
        count(open)
    );
    if difference.new > 0 || difference.gone.is_empty() {
        text += &format!("\nhint: to take in the new ones, and keep all others: {command} --add");
    }
    if !difference.gone.is_empty() {
        let add = if difference.new > 0 { " --add" } else { "" };
        text += &format!("\nhint: to cancel who is no longer on it and still waits: {command}{add} --cancel-removed");
        if difference.new == 0 {
            text += &format!("\nhint: to send to them all the same: {command} --add");
        }
    }
    text += "\nhint: or put the old list back, or send the new one as a campaign of another name";
    Failure::usage(text)
}

/// How many of these rows are still to be tried.
fn open_of(opened: &Campaign, rows: &[u32]) -> u64 {
    rows.iter().filter(|row| opened.state.get(**row).is_some_and(|s| !s.disposition.is_final())).count() as u64
}

/// Whether the list is another one by now than the one that was loaded, and how.
pub fn has_changed_since(home: &Path, list: &List) -> Option<String> {
    let manifest = crate::engine::table::Manifest::read(home).ok()?;
    let known = manifest.list.filter(|known| known.sha256.is_some())?;
    list.path.exists().then(|| print::changed(&known, list, &known.email).ok().flatten()).flatten()
}
