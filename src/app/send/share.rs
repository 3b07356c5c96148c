//! Whom of its list a run is for: `--limit` and `--only`.
//!
//! Guarantees: the whole list is loaded before anybody is chosen; who is named and not on it is an error, before anything is
//! sent; everybody else goes on waiting, and the end says how many they are. Leaves to others: the order of the list
//! (`engine::loader::places`), and leaving the others alone (`engine::campaign`).

use super::super::cli::SendArgs;
use super::super::config::CampaignConfig;
use super::super::exit::Failure;
use crate::base::charset;
use crate::base::many::{Many, figure};
use crate::base::remedy;
use crate::engine::campaign::Campaign;
use crate::engine::load::{Load, LoadEnd};
use crate::engine::loader::{List, places};
use crate::mail::{Mailbox, address};
use crate::observe::terminal;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

/// Names that an error lists.
const LISTED: usize = 10;
/// The longest file of addresses, in octets: more than ten million of them.
const FILE_OCTETS_MAX: u64 = 512 << 20;

/// See the head of this file.
pub struct Share {
    limit: Option<u64>,
    /// Whom it is for; `None`: everybody.
    only: Option<Vec<Named>>,
}

/// Somebody who is named.
struct Named {
    /// The mailbox as it is compared.
    folded: Vec<u8>,
    /// Where the name stands, for people.
    place: String,
}

impl Share {
    /// What the command asks for; `None`: everybody.
    ///
    /// # Errors
    /// An address that is none, or a file that cannot be read.
    pub fn asked(args: &SendArgs, campaign: &CampaignConfig) -> Result<Option<Self>, Failure> {
        if args.limit.is_none() && args.only.is_empty() {
            return Ok(None);
        }
        let mut named = Vec::new();
        for text in &args.only {
            name(text, &campaign.recipients.email.value, &mut named)?;
        }
        if named.is_empty() && !args.only.is_empty() {
            return Err(Failure::usage(format!("--only {}: it names nobody", args.only.join(", "))));
        }
        Ok(Some(Self { limit: args.limit, only: (!args.only.is_empty()).then_some(named) }))
    }

    /// Keeps the run to those whom it is for, once the list was loaded, which ended so.
    ///
    /// # Errors
    /// The list was not loaded, or has not everybody who is named.
    pub fn take(&self, loaded: LoadEnd, opened: &mut Campaign, load: &Load) -> Result<(), Failure> {
        match loaded {
            LoadEnd::Complete(_) | LoadEnd::Open => {}
            LoadEnd::Stopped(rejections) => return Err(Failure::usage(rejections.to_string())),
            LoadEnd::Failed(error) if error.is_input() => return Err(Failure::usage(error.to_string())),
            LoadEnd::Failed(error) => return Err(Failure::failed(error.to_string())),
        }
        let failed = |e: crate::engine::loader::LoadError| Failure::failed(e.to_string());
        let named = match &self.only {
            None => None,
            Some(named) => {
                let (rows, missing) =
                    places::rows_of(named.iter().map(|one| &*one.folded), &opened.table).map_err(failed)?;
                if !missing.is_empty() {
                    return Err(strangers(named, &missing, load));
                }
                Some(rows)
            }
        };
        let is_open = |row| opened.is_open(row) && named.as_ref().is_none_or(|rows| rows.binary_search(&row).is_ok());
        let rows: Vec<u32> = match self.limit {
            Some(most) => places::first_open(&load.list, &load.email, &opened.table, most, &is_open).map_err(failed)?,
            None => (0..opened.table.rows()).filter(|row| is_open(*row)).collect(),
        };
        if rows.is_empty() {
            terminal::warn("warning: nobody whom this run is for waits any more: nothing is sent in it\n");
        }
        opened.reach = Some(rows);
        Ok(())
    }
}

/// What is said at the end of a run that did all that it was for, while `waiting` others wait.
#[must_use]
pub fn rest(args: &SendArgs, waiting: u64) -> String {
    let mut text = "This run is done with those whom it was for.\n".to_owned();
    if let Some(most) = args.limit {
        let next = if most.min(waiting) == 1 { "one".to_owned() } else { most.min(waiting).to_string() };
        let _ = writeln!(text, "hint: the next {next}: {}", args.resume_command());
    }
    let all = SendArgs { limit: None, only: Vec::new(), ..args.clone() }.resume_command();
    let _ = writeln!(text, "hint: everybody who waits: {all}");
    let _ = writeln!(text, "not finished: {} beyond this run", Many(waiting, "recipient waits", "recipients wait"));
    text
}

/// Adds whom `text` names: itself, or the addresses in the file of this name.
fn name(text: &str, email: &str, named: &mut Vec<Named>) -> Result<(), Failure> {
    let path = Path::new(text);
    if path.is_file() {
        return read(path, email, named);
    }
    match fold(text.as_bytes()) {
        Ok(folded) => named.push(Named { folded, place: text.to_owned() }),
        Err(why) if text.contains('@') => return Err(Failure::usage(format!("--only {text}: {why}"))),
        Err(_) => {
            return Err(Failure::usage(format!(
                "--only {text}: there is no such file, and it is no address\nhint: --only ann@a.example, or a file with an \
                 address on each line"
            )));
        }
    }
    Ok(())
}

fn fold(text: &[u8]) -> Result<Vec<u8>, String> {
    let mailbox = Mailbox::parse(text).map_err(|e| e.to_string())?;
    let mut folded = Vec::new();
    address::fold_into(mailbox.as_str().as_bytes(), mailbox.local_part().len(), &mut folded);
    Ok(folded)
}

/// Reads a file of addresses: one a line, or a list like the campaign's own.
fn read(path: &Path, email: &str, named: &mut Vec<Named>) -> Result<(), Failure> {
    let file = path.display();
    let failed = |e: std::io::Error| Failure::usage(format!("--only: {file} cannot be read: {}", remedy::told(&e)));
    if std::fs::metadata(path).map_err(failed)?.len() > FILE_OCTETS_MAX {
        return Err(Failure::usage(format!("--only: {file} has more than {} MiB", FILE_OCTETS_MAX >> 20)));
    }
    let octets = std::fs::read(path).map_err(failed)?;
    // UTF-16 is text like any other; what is not certain is told line by line.
    let octets = match charset::decode(&octets) {
        Ok(text) if !is_other_than_text(&octets) => text.text.into_bytes(),
        _ => octets,
    };
    let octets = octets.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&octets);
    let line_end = if octets.contains(&b'\n') { b'\n' } else { b'\r' };
    let lines =
        || (1u64..).zip(octets.split(|b| *b == line_end).map(<[u8]>::trim_ascii)).filter(|(_, line)| is_entry(line));
    let is_list = |first: &[u8]| !first.contains(&b'@') || first.starts_with(b"{") || first.starts_with(b"[");
    if is_other_than_text(octets) || lines().next().is_some_and(|(_, first)| is_list(first)) {
        return read_list(path, email, named);
    }
    for (number, line) in lines() {
        let folded = fold(line).map_err(|why| {
            Failure::usage(format!("{file}:{number}: {why}\nhint: --only takes an address on each line"))
        })?;
        named.push(Named { folded, place: format!("{} ({file}:{number})", String::from_utf8_lossy(line)) });
    }
    Ok(())
}

/// Whether a file is a list that only the loader can read: a workbook, or something compressed.
fn is_other_than_text(octets: &[u8]) -> bool {
    let fronts: [&[u8]; 3] = [b"PK\x03\x04", b"\x1F\x8B", b"\x28\xB5\x2F\xFD"];
    fronts.iter().any(|front| octets.starts_with(front))
}

fn is_entry(line: &[u8]) -> bool {
    !line.is_empty() && !line.starts_with(b"#")
}

fn read_list(path: &Path, email: &str, named: &mut Vec<Named>) -> Result<(), Failure> {
    let file = path.display();
    let mut bad = None;
    let list = List::at(path.to_owned());
    let walked = places::walk(&list, email, |place| {
        match place.mailbox {
            Ok(mailbox) => {
                let text = format!("{} ({file}:{})", String::from_utf8_lossy(mailbox), place.line);
                named.push(Named { folded: mailbox.to_vec(), place: text });
            }
            Err(why) => bad = Some(format!("{file}:{}: {why}", place.line)),
        }
        if bad.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    walked.map_err(|e| Failure::usage(format!("--only: {e}")))?;
    bad.map_or(Ok(()), |bad| Err(Failure::usage(format!("{bad}\nhint: --only needs an address in each row"))))
}

/// Some who are named are not on the list.
fn strangers(named: &[Named], missing: &[usize], load: &Load) -> Failure {
    let shown: Vec<&str> =
        missing.iter().take(LISTED).filter_map(|place| named.get(*place)).map(|one| one.place.as_str()).collect();
    let more = match missing.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!(" and {} more", figure(more as u64)),
    };
    let who = Many(missing.len() as u64, "address of --only is", "addresses of --only are");
    Failure::usage(format!(
        "{who} not on the list {}: {}{more}; nothing is sent\nhint: take them out, or put them on the list; a row that was \
         rejected is not on it",
        load.list.path.display(),
        shown.join(", ")
    ))
}
