//! `posthaste new`: the folder of a campaign that can be sent at once.
//!
//! Guarantees: nothing that is there is written over, and nothing of the list is copied: the campaign names it where it lies.
//! Leaves to others: reading lists (`engine::loader`), judging what comes of the letter (`send`).

mod letter;
mod roles;

use super::cli::NewArgs;
use super::config::campaign::is_campaign_name;
use super::exit::{Exit, Failure};
use super::figures::counted;
use crate::base::remedy;
use crate::engine::loader::sample::{Sample, sample};
use crate::engine::loader::{Dialect, List};
use crate::mail::reply::Printable;
use roles::Roles;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Rows of a list that are looked at.
const ROWS: usize = 1000;
/// Columns that are told.
const COLUMNS_TOLD: usize = 12;
/// What a list in the campaign's own folder is called.
const OWN_LIST: &str = "recipients.csv";

/// Runs the command.
///
/// # Errors
/// A name that cannot be one, something that is there already, a list without addresses, the disk.
pub(super) fn run(args: &NewArgs) -> Result<Exit, Failure> {
    let folder = &args.name;
    let name = name_of(folder)?;
    // Everything that can fail does before anything is written.
    let (roles, list) = match &args.from {
        Some(list) => (look_at(list, args.sheet.as_deref())?, Some(list)),
        None => (Roles::of_own_list(), None),
    };
    make(folder)?;
    let list_path = match list {
        Some(list) => seen_from(folder, list).map_err(|e| unusable(list, &e))?,
        None => PathBuf::from(OWN_LIST),
    };
    let list_path = list_path.to_str().ok_or_else(|| {
        Failure::usage(format!("{}: the path is not UTF-8, and a campaign's file is", list_path.display()))
    })?;
    let mut files = vec![
        ("campaign.toml", letter::campaign(&name, list_path, args.sheet.as_deref(), &roles)),
        ("letter.html", letter::html(&roles)),
        ("letter.txt", letter::text(&roles)),
    ];
    files.extend(list.is_none().then(|| (OWN_LIST, letter::list())));
    for (file, text) in &files {
        write(&folder.join(file), text)?;
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    super::print_folded(&told(folder, &names, list, &roles))
}

/// The campaign's name: the folder's.
fn name_of(folder: &Path) -> Result<String, Failure> {
    let last = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if is_campaign_name(&last) {
        return Ok(last);
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c.to_ascii_lowercase() } else { '-' };
    let near: String = last.chars().map(plain).collect();
    let near = near.trim_matches(['-', '.', '_']).chars().take(64).collect::<String>();
    let hint = match near.is_empty() {
        true => "use a-z 0-9 . _ - and begin with a letter or digit".to_owned(),
        false => format!("for example: posthaste new {near}"),
    };
    Err(Failure::usage(format!("{} cannot name a campaign\nhint: {hint}", Printable(last.as_bytes()))))
}

/// What its columns are, by their names and by what stands in them.
fn look_at(list: &Path, sheet: Option<&str>) -> Result<Roles, Failure> {
    if list == Path::new("-") {
        return Err(Failure::usage("--from names a file: a list on standard input can be read once only"));
    }
    let dialect = Dialect { sheet: sheet.map(str::to_owned), ..Dialect::default() };
    let list = List { dialect, ..List::at(list.to_owned()) };
    let found = sample(&list, ROWS).map_err(|e| Failure::usage(e.to_string()))?;
    let columns = || {
        let names: Vec<String> = found.columns.iter().map(|name| Printable(name.as_bytes()).to_string()).collect();
        names.join(", ")
    };
    Roles::of(&found).ok_or_else(|| {
        Failure::usage(format!(
            "{}: no column of it holds addresses (of its first {}): {}\n\
             hint: the list needs a column of e-mail addresses, and a first line that names the columns{}",
            list.path.display(),
            counted(found.rows.len() as u64, "row", "rows"),
            columns(),
            way_on(&found)
        ))
    })
}

/// Where the list may be, if it is not what was read.
fn way_on(found: &Sample) -> String {
    match (&found.others, &found.inner) {
        (others, _) if !others.is_empty() => {
            let others: Vec<String> =
                others.iter().map(|name| format!("--sheet {}", super::cli::shell(name))).collect();
            format!("\nhint: the workbook has other sheets: {}", others.join(", "))
        }
        (_, Some(inner)) => {
            format!("\nhint: an array of objects stands under {inner:?}: give it alone (jq .{inner} LIST > list.json)")
        }
        _ => String::new(),
    }
}

/// Makes the folder; an empty one may be there.
fn make(folder: &Path) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::failed(format!("{} cannot be made: {}", folder.display(), remedy::told(&e)));
    let is_free = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => true,
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => false,
        Err(e) => return Err(failed(e)),
    };
    if !is_free {
        let hint = "hint: choose another name, or remove it yourself";
        return Err(Failure::usage(format!("{} is there already, and stays as it is\n{hint}", folder.display())));
    }
    fs::create_dir_all(folder).map_err(failed)
}

/// Writes a file that is not there yet.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    opened
        .and_then(|mut to| to.write_all(text.as_bytes()))
        .map_err(|e| Failure::failed(format!("{} cannot be written: {}", file.display(), remedy::told(&e))))
}

/// The list as seen from the folder, where a short way leads there; else from the root.
fn seen_from(folder: &Path, list: &Path) -> io::Result<PathBuf> {
    // The name that was given stays: it may be a link that leads elsewhere tomorrow.
    let parent = list.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (from, to) = (folder.canonicalize()?, parent.canonicalize()?);
    let name = list.file_name().unwrap_or_default();
    let ups = from.ancestors().position(|above| to.starts_with(above)).unwrap_or(usize::MAX);
    if list.is_absolute() || ups > UPS_MAX {
        return Ok(to.join(name));
    }
    let common = from.ancestors().nth(ups).unwrap_or(Path::new("/"));
    let down = to.strip_prefix(common).unwrap_or(&to);
    let way: PathBuf = std::iter::repeat_n("..", ups).collect();
    Ok(way.join(down).join(name))
}

/// A way up that is longer than this is no short one.
const UPS_MAX: usize = 3;

fn unusable(list: &Path, e: &io::Error) -> Failure {
    Failure::usage(format!("{}: cannot be reached: {}", list.display(), remedy::told(e)))
}

/// The commands that come before a campaign is sent, and what they are good for.
const NEXT: [(&str, &str); 3] = [
    ("posthaste check campaign.toml", "tells everything that is wrong with it"),
    ("posthaste preview campaign.toml --open", "shows the letter of each row as its readers see it"),
    (
        "posthaste send campaign.toml --test you@example.org --config engine.toml",
        "sends yourself a sample, by the servers of that configuration",
    ),
];

/// What was made, and what comes next.
fn told(folder: &Path, files: &[&str], list: Option<&PathBuf>, roles: &Roles) -> String {
    let mut text = String::new();
    for file in files {
        let what = match *file {
            "campaign.toml" => "who writes what to whom",
            OWN_LIST => "the list: four people to try with",
            "letter.html" => "the letter",
            _ => "the same as text",
        };
        let _ = writeln!(text, "  {:<34} {what}", folder.join(file).display());
    }
    if let Some(list) = list {
        let shown = |name: &str| Printable(name.as_bytes()).to_string();
        let names: Vec<String> = roles.columns.iter().take(COLUMNS_TOLD).map(|name| shown(name)).collect();
        let more = if roles.columns.len() > COLUMNS_TOLD { ", …" } else { "" };
        let _ = writeln!(text, "The list {} stays where it is: {}{more}.", list.display(), names.join(", "));
        let _ = writeln!(text, "  addresses: {}", shown(&roles.email));
        let greeted =
            roles.first_name.as_ref().map_or("nobody by name: no column is".to_owned(), |first| shown(&first.column));
        let _ = writeln!(text, "  greets by: {greeted}");
    }
    text += "Say whom it is from in campaign.toml, and write the letter. Then, in the folder:\n";
    for (command, what) in NEXT {
        let _ = writeln!(text, "  {command}\n      {what}");
    }
    let folder = super::cli::shell(&folder.display().to_string());
    let _ = write!(
        text,
        "To rehearse it (nothing leaves the machine):\n  cd {folder} && posthaste send campaign.toml --sink\n"
    );
    text
}
