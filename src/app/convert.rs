//! `posthaste convert`: a template of another engine in our words.
//!
//! Guarantees: what is there is not written over unless that is asked for; each tag that has no translation is told with its
//! line, and makes the command leave with code 1. Leaves to others: the translation (`content::convert`).

use super::cli::ConvertArgs;
use super::exit::{Exit, Failure};
use super::figures::folded;
use crate::base::charset::{self, Text};
use crate::base::many::Many;
use crate::base::remedy;
use crate::content::convert::{Cells, Converted, Engine, Holds, convert};
use crate::content::is_plainly_number;
use crate::engine::loader::List;
use crate::engine::loader::sample::{Sample, sample};
use crate::mail::reply::Printable;
use crate::observe::terminal;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// Octets of a template.
const OCTETS_MAX: u64 = 16 << 20;
/// Rows that are looked at for what the columns of a JSON list hold.
const ROWS: usize = 10_000;

/// Runs the command.
///
/// # Errors
/// A template or a list that cannot be read, a file that is there already, the disk.
pub(super) fn run(args: &ConvertArgs) -> Result<Exit, Failure> {
    let found = match &args.list {
        Some(list) => sample(&List::at(list.clone()), ROWS).map_err(|e| Failure::usage(e.to_string()))?,
        None => Sample::default(),
    };
    let (holds, figures) = (holds(&found), figures(&found));
    let cells = match &args.list {
        None => Cells::Unknown,
        Some(_) if found.is_json => Cells::Typed(&holds),
        Some(_) => Cells::Figures(&figures),
    };
    let text = read(&args.template)?;
    if let Some(told) = text.told() {
        let told = format!("note: {}: the template is {told}, and written as UTF-8", args.template.display());
        terminal::print(format!("{}\n", Printable(told.as_bytes())).as_bytes());
    }
    let made = convert(&text.text, args.from.engine(), &found.columns, cells, args.syntax.syntax());
    match &args.output {
        Some(file) => write(file, &made.text, args.force)?,
        None => _ = super::print_out(&made.text)?,
    }
    let left = tell(&args.template, args.from.engine(), &made);
    Ok(if left { Exit::Failed } else { Exit::Settled })
}

/// What the columns of a list hold.
fn holds(found: &Sample) -> Vec<Holds> {
    let mut all = vec![Holds::default(); found.columns.len()];
    for row in &found.rows {
        all.iter_mut().zip(row).for_each(|(holds, field)| holds.add(field));
    }
    all
}

/// Which columns of a list of texts hold numbers alone.
fn figures(found: &Sample) -> Vec<bool> {
    let of_column = |column: usize| {
        let mut cells = found.rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty()).peekable();
        cells.peek().is_some() && cells.all(|cell| is_plainly_number(cell.as_bytes()))
    };
    (0..found.columns.len()).map(of_column).collect()
}

fn read(file: &Path) -> Result<Text, Failure> {
    let mut octets = Vec::new();
    let done = match file == Path::new("-") {
        true => io::stdin().take(OCTETS_MAX + 1).read_to_end(&mut octets),
        false => fs::File::open(file).and_then(|from| from.take(OCTETS_MAX + 1).read_to_end(&mut octets)),
    };
    done.map_err(|e| Failure::usage(format!("the template {} cannot be read: {}", file.display(), remedy::told(&e))))?;
    if octets.len() as u64 > OCTETS_MAX {
        return Err(Failure::usage(format!("{} is longer than {} MiB", file.display(), OCTETS_MAX >> 20)));
    }
    charset::decode_page(&octets, None).map_err(|e| {
        let hint = "save the template as UTF-8";
        Failure::usage(format!("{}:{}:{}: {e}\nhint: {hint}", file.display(), e.line, e.column))
    })
}

fn write(file: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    match force {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let done = options.open(file).and_then(|mut to| to.write_all(text.as_bytes()));
    done.map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => Failure::usage(format!(
            "{} is there already, and stays as it is\nhint: choose another name, or say --force",
            file.display()
        )),
        _ => Failure::failed(format!("{} cannot be written: {}", file.display(), remedy::told(&e))),
    })
}

/// Says what people have to look at; whether something is left.
fn tell(template: &Path, engine: Engine, made: &Converted) -> bool {
    let mut text = String::new();
    let file = template.display().to_string();
    for note in &made.notes {
        let (line, column) = note.position;
        let word = if note.is_left { "left" } else { "note" };
        let told = Printable(format!("{file}:{line}:{column}: {}", note.says).as_bytes()).to_string();
        text += &format!("{word}: {}\n", told.replace("\\\\", "\\"));
    }
    let left = made.notes.iter().filter(|note| note.is_left).count() as u64;
    if left > 0 {
        let what = Many(left, "place of the template is left", "places of the template are left");
        text += &format!("{what}: {} has no word of ours there, or the list no such column\n", engine.called());
    }
    terminal::print(folded(&text, terminal::columns()).as_bytes());
    left > 0
}
