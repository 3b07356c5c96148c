//! A campaign stays with its destination, and with its suppression.
//!
//! Guarantees: once anything was handed over, a run that goes elsewhere, or does not name a suppression file that an earlier
//! one named, is refused, unless it says that it means to; a campaign of which nobody got anything goes wherever it is told.
//! Leaves to others: where that is (`destination`), and what the files say (`engine::suppression`).

use super::super::cli::SendArgs;
use super::super::config::EngineConfig;
use super::super::destination::{self, Destination};
use super::super::exit::Failure;
use super::super::progress::count;
use crate::base::many::Many;
use crate::engine::campaign::Campaign;
use crate::engine::table::{Manifest, MovedFrom};
use crate::mail::Disposition;
use std::path::{Path, PathBuf};

/// Nobody has said where mail goes.
pub fn nowhere(args: &SendArgs, data: &Path, name: &str) -> Failure {
    let known = Manifest::read(&data.join(super::CAMPAIGNS).join(name)).ok().and_then(|manifest| manifest.destination);
    let mut lines = vec![format!("nobody has said where the mail of {name} goes: nothing is sent")];
    lines.extend(known.map(|pin| as_before(args, &pin)));
    lines.push(destination::WAYS.to_owned());
    Failure::usage(lines.join("\n"))
}

/// Holds the campaign to the destination that it was begun with; a campaign that has not begun takes this one.
///
/// # Errors
/// It was begun with another one; the manifest cannot be written.
pub fn hold(args: &SendArgs, destination: &Destination, opened: &mut Campaign) -> Result<(), Failure> {
    let asked = destination.pin();
    let manifest = opened.table.manifest();
    let (mut known, mut moved_from) = followed(opened);
    if let Some(known) = known.take_if(|known| *known != asked && opened.has_begun()) {
        if !args.move_destination || is_over(args, opened) {
            return Err(elsewhere(args, opened, &known, &asked));
        }
        moved_from.push(MovedFrom { destination: known, attempts: opened.attempts() });
    }
    if manifest.destination.as_ref() == Some(&asked) && manifest.moved_from == moved_from {
        return Ok(());
    }
    opened.table.set_destination(&asked, moved_from).map_err(|e| Failure::failed(e.to_string()))
}

/// Whether this run sends to nobody: no one waits, none are added, and who is held stays so.
fn is_over(args: &SendArgs, opened: &Campaign) -> bool {
    let retries = args.retry_held && opened.state.count(Disposition::Uncertain) > 0;
    opened.is_complete() && !args.add && !retries
}

/// Where its mail went last, and before. A move that no attempt followed (a run that was refused, a server that is not
/// there) has not happened.
fn followed(opened: &Campaign) -> (Option<String>, Vec<MovedFrom>) {
    let manifest = opened.table.manifest();
    let (mut known, mut moved_from) = (manifest.destination.clone(), manifest.moved_from.clone());
    let attempts = if moved_from.is_empty() { 0 } else { opened.attempts() };
    while let Some(left) = moved_from.pop_if(|left| left.attempts == attempts) {
        known = Some(left.destination);
    }
    (known, moved_from)
}

/// It was begun to another destination than this run would go to.
fn elsewhere(args: &SendArgs, opened: &Campaign, known: &str, asked: &str) -> Failure {
    let (sent, all) = (count(opened.handed_over()), count(opened.state.len() as u64));
    let name = opened.name();
    let moving = SendArgs { move_destination: true, ..args.clone() };
    let ways = if is_over(args, opened) {
        over(&moving, opened, &as_before(args, known))
    } else {
        format!(
            "{}\nhint: if that destination has moved: who still waits goes to {asked} with: {}\n\
             hint: under another name everybody gets it, also who has it already",
            as_before(args, known),
            moving.same_command()
        )
    };
    Failure::usage(format!(
        "the campaign {name} was begun to {known} ({sent} of {all} recipients), and this run would go to {asked}\n{ways}"
    ))
}

/// The ways on where nobody of a campaign waits.
fn over(moving: &SendArgs, opened: &Campaign, as_before: &str) -> String {
    let held = opened.state.count(Disposition::Uncertain);
    let first = match held {
        0 => "hint: nobody of it waits any more: nothing could move".to_owned(),
        held => format!(
            "{as_before}\nhint: nobody of it waits any more, and {}: to send to them there, who may have got it: {}",
            Many(held, "recipient is held", "recipients are held"),
            SendArgs { retry_held: true, cancel_held: false, accept_damage: false, ..moving.clone() }.same_command()
        ),
    };
    let added = SendArgs { add: true, ..moving.clone() }.same_command();
    format!(
        "{first}\nhint: where its list has new recipients, they are sent to there with: {added}\n\
         hint: another letter needs another name"
    )
}

/// The suppression files that this run is told of, as it names them, from the root on: where links on the way lead may change
/// with each release, as what the file itself is a link to may.
fn suppression(config: &EngineConfig) -> Vec<String> {
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    config.engine.suppression.iter().map(|path| absolute(path).display().to_string()).collect()
}

/// Whether the two name one file: by the same words, or by others that lead to one place now.
fn is_one_file(one: &str, other: &str) -> bool {
    let place = |path: &str| {
        let folder = Path::new(path).parent()?.canonicalize().ok()?;
        Some(folder.join(Path::new(path).file_name()?))
    };
    one == other || place(one).is_some_and(|one| Some(one) == place(other))
}

/// Holds the campaign to the suppression files of its runs; one that has not begun takes those of now.
///
/// # Errors
/// One of them is not named any more.
pub fn hold_suppression(args: &SendArgs, config: &EngineConfig, opened: &Campaign) -> Result<(), Failure> {
    if args.drop_suppression || is_over(args, opened) || !opened.has_begun() {
        return Ok(());
    }
    let named = suppression(config);
    let is_named = |file: &&String| named.iter().any(|named| is_one_file(named, file));
    let missing: Vec<&String> = opened.table.manifest().suppression.iter().filter(|file| !is_named(file)).collect();
    match missing.split_first() {
        Some((first, more)) => Err(forgotten(args, opened, first, more.len())),
        None => Ok(()),
    }
}

/// Notes the files of a run that nothing refuses any more. What was dropped for one run is asked for by the next one again.
///
/// # Errors
/// The manifest cannot be written.
pub fn keep_suppression(config: &EngineConfig, opened: &mut Campaign) -> Result<(), Failure> {
    let known = &opened.table.manifest().suppression;
    let earlier = if opened.has_begun() { known.clone() } else { Vec::new() };
    let is_known = |file: &String| earlier.iter().any(|known| is_one_file(known, file));
    let new: Vec<String> = suppression(config).into_iter().filter(|file| !is_known(file)).collect();
    let files = [earlier, new].concat();
    if files == *known {
        return Ok(());
    }
    opened.table.set_suppression(files).map_err(|e| Failure::failed(e.to_string()))
}

/// A suppression file of the campaign is not named any more.
fn forgotten(args: &SendArgs, opened: &Campaign, file: &str, more: usize) -> Failure {
    let (sent, all) = (count(opened.handed_over()), count(opened.state.len() as u64));
    let name = opened.name();
    let stopped = match opened.state.count(Disposition::Suppressed) {
        0 => String::new(),
        stopped => format!(" and still waits ({} were stopped, and stay so)", count(stopped)),
    };
    let more = match more {
        0 => String::new(),
        more => format!(" (and {} more)", count(more as u64)),
    };
    let given = match &args.config {
        Some(config) => format!("in {}", config.display()),
        None => "in a file that --config names: this run has none".to_owned(),
    };
    Failure::usage(format!(
        "the campaign {name} was begun with the suppression file {file}{more} ({sent} of {all} recipients), and this run does \
         not name it: nothing is sent\nhint: name it by engine.suppression {given}\n\
         hint: to go on without it, and send to who stands on it{stopped}: {}",
        SendArgs { drop_suppression: true, ..args.clone() }.same_command()
    ))
}

/// How to go on as the campaign was begun.
fn as_before(args: &SendArgs, pin: &str) -> String {
    let mut same = SendArgs { sink: false, smarthost: None, move_destination: false, ..args.clone() };
    if let Some(host) = pin.strip_prefix("smarthost ") {
        same.smarthost = host.parse().ok();
    }
    let by = match pin.strip_prefix("mx") {
        None => String::new(),
        Some(port) => {
            format!(" (delivery.route = \"mx\"{} in the file of --config)", port.replace(" port", ", port ="))
        }
    };
    format!("hint: it goes on as it began, to {pin}, with: {}{by}", same.same_command())
}
