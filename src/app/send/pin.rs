//! A campaign stays with its destination.
//!
//! Guarantees: once anything was handed over, a run that goes elsewhere is refused, unless it says that it means to; a
//! campaign of which nobody got anything goes wherever it is told. Leaves to others: where that is (`destination`).

use super::super::cli::SendArgs;
use super::super::destination::{self, Destination};
use super::super::exit::Failure;
use super::super::progress::count;
use crate::engine::campaign::Campaign;
use crate::engine::table::Manifest;
use std::path::Path;

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
    let known = match &manifest.destination {
        Some(known) if *known == asked => return Ok(()),
        known => known.clone(),
    };
    if let Some(known) = known
        && opened.has_begun()
        && !args.move_destination
    {
        let (sent, all) = (count(opened.handed_over()), count(opened.state.len() as u64));
        return Err(Failure::usage(format!(
            "the campaign {} was begun to {known} ({sent} of {all} recipients), and this run would go to {asked}\n{}\n\
             hint: if that destination has moved, --move-destination: who still waits goes to {asked}\n\
             hint: or send under another name: everybody then gets it from the beginning",
            manifest.name,
            as_before(args, &known),
        )));
    }
    opened.table.set_destination(&asked).map_err(|e| Failure::failed(e.to_string()))
}

/// How to go on as the campaign was begun.
fn as_before(args: &SendArgs, pin: &str) -> String {
    let mut same = SendArgs { sink: false, smarthost: None, ..args.clone() };
    if let Some(host) = pin.strip_prefix("smarthost ") {
        same.smarthost = host.parse().ok();
    }
    let by = match pin.strip_prefix("mx") {
        None => String::new(),
        Some(port) => {
            format!(" (delivery.route = \"mx\"{} in the file of --config)", port.replace(" port", ", port ="))
        }
    };
    format!("hint: it goes on as it began, to {pin}, with: {}{by}", same.resume_command())
}
