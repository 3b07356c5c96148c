//! A galley: the letters of a campaign as they would be, for looking at before anything is sent.
//!
//! The list is loaded into a table of its own, which is thrown away, so that its rows are the ones that a send would have:
//! cleaned, without duplicates, and with their columns as the templates get them. Guarantees: nothing of it counts, and the
//! campaign's own directory is neither read nor written; its tokens are of no campaign. Rows are numbered from 1, as they
//! stand on the list. Leaves to others: showing letters (`preview`, `dry_run`), and sending one (`sample`).

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::super::check::{Looked, Reading, Refused, file_of, judge, of_letter};
use super::super::cli::Progress;
use super::super::config::{CampaignConfig, EngineConfig};
use super::super::destination::Destination;
use super::super::exit::Failure;
use super::content::{self, Content};
use super::prepare;
use crate::base::many::{Many, figure};
use crate::content::{Composed, RowRef, Scratch as Room};
use crate::engine::loader::{self, List, LoadSpec, Loaded, Player, places};
use crate::engine::table::{Manifest, Row, RowBlock, Table, TableWriter, Totals};
use crate::mail::finding::{Finding, Severity};
use crate::mail::{Mailbox, address};
use crate::wire::clock::unix_now;
use std::time::Duration;

/// No campaign has this number: what its tokens name does not exist.
pub const NO_CAMPAIGN: u32 = 0;
/// Rows that are looked at for what is worth telling, and those on which the letter is rehearsed.
const ROWS_LOOKED: u64 = 100_000;
const ROWS_REHEARSED: usize = 10_000;
/// Rows without a letter that are told one by one.
const FAULTS_TOLD: usize = 20;

/// See the head of this file.
pub struct Galley {
    table: Table,
    content: Content,
    /// The columns that the table has.
    columns: Vec<String>,
    roll: Vec<Place>,
    /// For each row of the table its place on the roll.
    places: Vec<u32>,
    suppressed: Vec<Range<u32>>,
    /// What the load has found of the list, and a look at its rows.
    of_list: Vec<Finding>,
    of_rows: Vec<Finding>,
    /// What the list came to; `None`: it was not loaded to its end.
    pub totals: Option<Totals>,
}

/// Where a recipient stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    line: u64,
    row: u32,
}

/// A recipient, as the list and the campaign have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Its number, from 1.
    pub number: usize,
    /// The line of the list on which its record begins.
    pub line: u64,
    /// Its address.
    pub mailbox: String,
    /// Whether the campaign sends it nothing, for it is on the suppression list.
    pub suppressed: bool,
}

impl Galley {
    /// Makes the content and loads the list into a table in `home`, which is made; no more of the list than chunks with
    /// `rows_max` rows.
    ///
    /// # Errors
    /// The content, the list, or the disk.
    pub fn pull(
        config: &EngineConfig,
        campaign: &CampaignConfig,
        list: &List,
        home: &Path,
        rows_max: usize,
        stop: &AtomicBool,
    ) -> Result<Self, Refused> {
        let failed = |e: std::io::Error| Failure::failed(e.to_string());
        let key = prepare::random_key()?;
        let to = Destination::configured(config).ok().flatten();
        let (content, columns) = content::first(config, campaign, list, key, NO_CAMPAIGN, to.as_ref())?;
        let manifest = Manifest::new(&campaign.name, NO_CAMPAIGN, unix_now().0, key, &columns);
        let mut writer = TableWriter::create(home, manifest).map_err(failed)?;
        let load = prepare::load(config, campaign, list.clone(), Some(&content), writer.manifest())?;
        let set = load.suppressions.in_force().set;
        let reading = Reading::new(Progress::None);
        let spec = LoadSpec {
            list: load.list,
            email: load.email,
            header_columns: load.header_columns,
            // What is wrong with a row is shown where it is.
            letter: None,
            // Whatever the others are: a row that can be read can be looked at.
            max_rejected: 1.0,
            suppression: &set,
            readmitted: &[],
            quiet: Duration::ZERO,
            onlooker: Some(&reading),
        };
        let (mut totals, mut end, mut suppressed, mut rows) = (None, Ok(()), Vec::new(), 0);
        let mut of_list = Vec::new();
        loader::load(&spec, &mut writer, stop, |loaded| {
            match loaded {
                Loaded::Chunk(chunk) => {
                    rows += chunk.rows as usize;
                    suppressed.push(chunk.suppressed_rows());
                    if rows < rows_max {
                        return ControlFlow::Continue(());
                    }
                }
                Loaded::Found(finding) => {
                    of_list.push(finding);
                    return ControlFlow::Continue(());
                }
                Loaded::End(all) => totals = Some(all),
                Loaded::Stopped(rejections) => end = Err(Failure::usage(rejections.to_string())),
                Loaded::Failed(error) => end = Err(Failure::usage(error.to_string())),
            }
            ControlFlow::Break(())
        });
        end?;
        let table = Table::open(home).map_err(failed)?;
        let (roll, places) = roll(list, &campaign.recipients.email.value, &table)?;
        let looked = looked(campaign, list, home, &content);
        of_list.extend(looked.rejected());
        of_list.extend(totals.iter().flat_map(|totals| reading.findings(&looked.file, totals)));
        let of_rows = looked.rows(&table, &suppressed)?;
        let mut pulled = Self { table, content, columns, roll, places, suppressed, of_list, of_rows, totals };
        pulled.rehearse(campaign, list)?;
        Ok(pulled)
    }

    /// Tells of rows that have no letter.
    fn rehearse(&mut self, campaign: &CampaignConfig, list: &List) -> Result<(), Failure> {
        let (mut player, mut rows, mut count) = (Player::of(&self.content.composer), 0, 0);
        let mut faults: Vec<(String, String)> = Vec::new();
        let walked = self.table.walk(|row| {
            rows += 1;
            if let Some(why) = player.fault_of(&row) {
                count += 1;
                if faults.len() < FAULTS_TOLD {
                    faults.push((row.mailbox.to_owned(), why));
                }
            }
            if rows < ROWS_REHEARSED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        walked.map_err(|e| Failure::failed(e.to_string()))?;
        let mailboxes: Vec<&str> = faults.iter().map(|(mailbox, _)| mailbox.as_str()).collect();
        let lines = lines_of(list, &campaign.recipients.email.value, &mailboxes)?;
        let file = file_of(campaign);
        let more = Some(count - faults.len()).filter(|more| *more > 0);
        for (mailbox, why) in faults {
            let line = lines.get(&mailbox).map_or(String::new(), |line| format!(":{line}"));
            let (why, hint) = why.split_once("\nhint: ").unwrap_or((&why, ""));
            let says = format!("the row of {mailbox:?} has no letter: {why}");
            let finding = Finding::new(Severity::Warning, "rejected-row", format!("{file}{line}"), says);
            self.of_rows.push(finding.hint(hint));
        }
        self.of_rows.extend(more.map(|more| {
            let says = Many(more as u64, "more row has no letter", "more rows have no letter").to_string();
            Finding::new(Severity::Warning, "rejected-row", file, says)
        }));
        Ok(())
    }

    /// What is found of the letter, the list and its rows, the worst first. Of a long list only the first rows are looked at.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut all = of_letter(&self.content.findings, false);
        all.extend(self.of_list.iter().chain(&self.of_rows).cloned());
        judge(&mut all);
        all.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        all
    }

    /// The files that the letter was made from, beside those that the campaign names.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.content.files
    }

    /// The same rows with another content, if it needs no columns that they do not have.
    ///
    /// # Errors
    /// The content.
    pub fn renew(&mut self, config: &EngineConfig, campaign: &CampaignConfig, list: &List) -> Result<bool, Refused> {
        let key = prepare::random_key()?;
        let to = Destination::configured(config).ok().flatten();
        let (content, columns) = content::first(config, campaign, list, key, NO_CAMPAIGN, to.as_ref())?;
        let is_same = columns == self.columns;
        if is_same {
            self.content = content;
            self.of_rows = looked(campaign, list, Path::new(""), &self.content).rows(&self.table, &self.suppressed)?;
            self.rehearse(campaign, list)?;
        }
        Ok(is_same)
    }

    /// How many recipients there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roll.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roll.is_empty()
    }

    /// The columns that the table keeps of a row.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The number of the recipient that `wanted` names: a number, an address, or a part of one, which the first has that has it.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, wanted: &str) -> Result<usize, String> {
        self.find_after(wanted, 0)
    }

    /// The same; of those whose addresses have the part in them the first one behind the number `after`, and once there are no
    /// more the first of all.
    ///
    /// # Errors
    /// There is none.
    pub fn find_after(&self, wanted: &str, after: usize) -> Result<usize, String> {
        let (wanted, all) = (wanted.trim(), self.roll.len());
        if let Ok(number) = wanted.parse::<usize>() {
            let there = (1..=all).contains(&number).then_some(number);
            return there.ok_or_else(|| match self.totals {
                Some(_) => format!("there is no row {number}: the list has rows 1 to {}", figure(all as u64)),
                None => format!(
                    "row {number} is not looked at: of this long list the first {} rows are, unless --row names one",
                    figure(all as u64)
                ),
            });
        }
        if let Ok(mailbox) = Mailbox::parse(wanted.as_bytes()) {
            let found = self.table.find(&mailbox).map_err(|e| e.to_string())?;
            if let Some(place) = found.first().and_then(|row| self.places.get(*row as usize)) {
                return Ok(*place as usize + 1);
            }
        }
        let part = wanted.to_lowercase();
        let (mut first, mut next): (Option<u32>, Option<u32>) = (None, None);
        let walked = self.table.walk(|row| {
            let place = self.places.get(row.number as usize).copied();
            let is_it = !part.is_empty() && row.mailbox.to_lowercase().contains(&part);
            let place = place.filter(|_| is_it);
            first = first.into_iter().chain(place).min();
            // A place is one less than its number.
            next = next.into_iter().chain(place.filter(|place| *place as usize >= after)).min();
            ControlFlow::Continue(())
        });
        walked.map_err(|e| e.to_string())?;
        let more =
            if self.totals.is_none() { format!(" among the first {} rows", figure(all as u64)) } else { String::new() };
        next.or(first)
            .map(|place| place as usize + 1)
            .ok_or_else(|| format!("nobody on the list is called {wanted}{more}"))
    }

    /// Who has this number.
    ///
    /// # Errors
    /// The table cannot be read, or nobody has it.
    pub fn recipient(&self, number: usize) -> Result<Recipient, Failure> {
        self.read(number, |line, row| Recipient {
            number,
            line,
            mailbox: row.mailbox.to_owned(),
            suppressed: self.suppressed.iter().any(|rows| rows.contains(&row.number)),
        })
    }

    /// The stored columns of the recipient with this number.
    ///
    /// # Errors
    /// As [`Self::recipient`].
    pub fn fields(&self, number: usize) -> Result<Vec<Vec<u8>>, Failure> {
        self.read(number, |_, row| row.fields.map(<[u8]>::to_vec).collect())
    }

    /// The letter of the recipient with this number.
    ///
    /// # Errors
    /// Why it has none; or as [`Self::recipient`].
    pub fn compose(&self, number: usize) -> Result<Composed, Failure> {
        let mut composed = Composed::default();
        self.read(number, |line, row| {
            let fields: Vec<&[u8]> = row.fields.collect();
            let lead = RowRef { number: row.number, mailbox: row.mailbox, fields: &fields };
            let made = self.content.composer.compose(&mut Room::default(), &lead, unix_now(), &mut composed);
            made.map_err(|why| Failure::usage(format!("line {line}, {}: {why}", row.mailbox)))
        })??;
        Ok(composed)
    }

    fn read<T>(&self, number: usize, look: impl FnOnce(u64, Row<'_>) -> T) -> Result<T, Failure> {
        let nobody = || Failure::usage("the list has nobody whose letter could be shown");
        let place = number.checked_sub(1).and_then(|place| self.roll.get(place)).ok_or_else(nobody)?;
        let mut block = RowBlock::new();
        self.table.read(place.row, 1, &mut block).map_err(|e| Failure::failed(e.to_string()))?;
        block.row(0).map(|row| look(place.line, row)).ok_or_else(nobody)
    }
}

/// The list of a campaign as `check` looks at it.
fn looked<'a>(campaign: &'a CampaignConfig, list: &'a List, home: &'a Path, content: &'a Content) -> Looked<'a> {
    Looked { file: file_of(campaign), home, list, campaign, content: Some(content), rows_max: ROWS_LOOKED }
}

/// The rows of the table in the order of the list; and for each row its place there.
fn roll(list: &List, email: &str, table: &Table) -> Result<(Vec<Place>, Vec<u32>), Failure> {
    let failed = |e: std::io::Error| Failure::failed(e.to_string());
    let mut rows: HashMap<Box<[u8]>, u32> = HashMap::new();
    let mut folded = Vec::new();
    let walked = table.walk(|row| {
        folded.clear();
        address::fold_into(row.mailbox.as_bytes(), row.at(), &mut folded);
        rows.insert(folded.as_slice().into(), row.number);
        ControlFlow::Continue(())
    });
    walked.map_err(failed)?;
    let mut places = vec![u32::MAX; rows.len()];
    let mut roll: Vec<Place> = Vec::with_capacity(rows.len());
    let walked = places::walk(list, email, |place| {
        if let Some(row) = place.mailbox.ok().and_then(|mailbox| rows.remove(mailbox)) {
            if let Some(at) = places.get_mut(row as usize) {
                *at = roll.len() as u32;
            }
            roll.push(Place { line: place.line, row });
        }
        if rows.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    walked.map_err(|e| Failure::usage(e.to_string()))?;
    Ok((roll, places))
}

/// The lines of the list on which these mailboxes stand.
///
/// # Errors
/// The list cannot be read.
pub fn lines_of(list: &List, email: &str, mailboxes: &[&str]) -> Result<HashMap<String, u64>, Failure> {
    let mut wanted: HashMap<Vec<u8>, &str> = HashMap::new();
    for mailbox in mailboxes {
        let mut folded = Vec::new();
        address::fold_into(mailbox.as_bytes(), mailbox.rfind('@').unwrap_or(mailbox.len()), &mut folded);
        wanted.insert(folded, mailbox);
    }
    let mut lines = HashMap::new();
    if wanted.is_empty() {
        return Ok(lines);
    }
    let walked = places::walk(list, email, |place| {
        if let Some(mailbox) = place.mailbox.ok().and_then(|mailbox| wanted.remove(mailbox)) {
            lines.insert(mailbox.to_owned(), place.line);
        }
        if wanted.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    walked.map_err(|e| Failure::usage(e.to_string()))?;
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_behind_those_that_are_looked_at_is_not_said_to_be_none() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        // More than are taken in at once.
        let rows: String = (0..80_000).map(|i| format!("u{i}@a.example\n")).collect();
        put("l.csv", &format!("email\n{rows}"));
        put("w.txt", "hello");
        put(
            "w.toml",
            "name = \"w\"\nfrom = \"a@a.example\"\nsubject = \"x\"\ntext = \"w.txt\"\n[recipients]\nfile = \"l.csv\"\n",
        );
        let campaign = CampaignConfig::read(&folder.path().join("w.toml")).unwrap();
        let list = List::at(folder.path().join("l.csv"));
        let pull = |name: &str, rows_max| {
            let home = folder.path().join(name);
            let pulled = Galley::pull(
                &EngineConfig::defaults().unwrap(),
                &campaign,
                &list,
                &home,
                rows_max,
                &AtomicBool::new(false),
            );
            pulled.unwrap_or_else(|_| panic!("not pulled"))
        };
        let some = pull("some", 1);
        assert!(some.find("10000").is_ok(), "{}", some.len());
        let why = some.find("11000").unwrap_err();
        assert!(why.contains("the first 10,000 rows are") && !why.contains("no row"), "{why}");
        let all = pull("all", usize::MAX);
        assert_eq!(all.find("11000"), Ok(11_000));
        assert!(all.find("80001").unwrap_err().contains("there is no row 80001: the list has rows 1 to 80,000"));
    }
}
