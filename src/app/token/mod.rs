//! `posthaste token`: whom a link, a return path, a Feedback-ID, a Message-ID or a bounce is about.
//!
//! Guarantees: a row is named only by a token or a Message-ID that was made with its campaign's own key; what looks like one and
//! was not is told apart (changed or made up; of a preview or a test; of no campaign here). Nothing is changed. Leaves to others:
//! what stands in a text (`find`), and what became of the recipient (`report`).

pub mod find;
mod known;

use super::cli::TokenArgs;
use super::exit::{Exit, Failure};
use super::figures::folded;
use super::report::{Facts as _, Person, Stored, Zone, place, warn_of_damage};
use crate::base::many::Many;
use crate::base::remedy;
use crate::mail::reply::Printable;
use crate::observe::terminal;
use known::{Campaign, Whose};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::Path;

/// The longest text that is looked into: a bounce with the whole letter.
const OCTETS_MAX: u64 = 64 << 20;
/// Recipients that are told of.
const TOLD_MAX: usize = 20;

/// What was found in a text.
#[derive(Debug, Default, PartialEq, Eq)]
struct Finds {
    /// Campaigns, by their places, and rows.
    rows: BTreeSet<(usize, u32)>,
    /// What looks like a token and names nobody, and why.
    strangers: BTreeSet<(String, &'static str)>,
}

/// Runs the command.
///
/// # Errors
/// No data directory, storage that cannot be read.
pub fn run(args: &TokenArgs) -> Result<Exit, Failure> {
    let config = super::configured(args.config.as_deref())?;
    let data = args.data.clone().unwrap_or(config.engine.data);
    let campaigns = campaigns(&data)?;
    let text = text(&args.text)?;
    let readings = find::readings(&text);
    let mut finds = by_token(&campaigns, readings.iter().map(AsRef::as_ref));
    if finds.rows.is_empty() {
        let ids: BTreeSet<_> = readings.iter().flat_map(|reading| find::message_ids(reading)).collect();
        finds.rows = known::by_message_id(&campaigns, &ids, config.delivery.recipients_per_transaction)?;
    }
    tell(args, &data, &campaigns, &finds)
}

/// The campaigns and rehearsals of a data directory. One that cannot be read is told: whose tokens are of it is not known.
fn campaigns(data: &Path) -> Result<Vec<Campaign>, Failure> {
    let mut campaigns = Vec::new();
    for home in place::homes(data)? {
        match Campaign::read(&home) {
            Ok(campaign) => campaigns.push(campaign),
            Err(error) => {
                let told = format!("warning: {} cannot be read, and nobody of it is found: {error}", home.display());
                terminal::warn(&format!("{}\n", Printable(told.as_bytes())));
            }
        }
    }
    Ok(campaigns)
}

/// The text, or what comes by standard input.
fn text(given: &str) -> Result<Vec<u8>, Failure> {
    if given != "-" {
        return Ok(given.as_bytes().to_vec());
    }
    let mut text = Vec::new();
    let read = io::stdin().lock().take(OCTETS_MAX + 1).read_to_end(&mut text);
    read.map_err(|e| Failure::failed(format!("standard input cannot be read: {}", remedy::told(&e))))?;
    if text.len() as u64 > OCTETS_MAX {
        let told = format!(
            "standard input is longer than {} MiB\nhint: pass the one bounce, or the link alone",
            OCTETS_MAX >> 20
        );
        return Err(Failure::usage(told));
    }
    Ok(text)
}

/// Whose tokens stand in these readings of a text.
fn by_token<'t>(campaigns: &[Campaign], readings: impl Iterator<Item = &'t [u8]>) -> Finds {
    let mut finds = Finds::default();
    for reading in readings {
        for (token, is_whole) in find::tokens(reading) {
            match known::whose(campaigns, &token) {
                Whose::Row(place, row) => finds.rows.extend([(place, row)]),
                Whose::Nobody(why) if is_whole => finds.strangers.extend([(token, why)]),
                Whose::Nobody(_) => {}
            }
        }
    }
    finds
}

fn tell(args: &TokenArgs, data: &Path, campaigns: &[Campaign], finds: &Finds) -> Result<Exit, Failure> {
    let (told, is_damaged) = persons(campaigns, finds)?;
    let text = if args.json {
        let found: Vec<Value> = told.iter().map(|(campaign, row, person)| object(campaign, *row, person)).collect();
        let strangers = finds.strangers.iter().map(|(token, why)| json!({ "token": token, "says": why }));
        let all = json!({ "found": found, "more": more(finds), "not_ours": strangers.collect::<Vec<_>>() });
        format!("{all}\n")
    } else {
        let zone = Zone::of(args.utc);
        let mut text: String =
            told.iter().map(|(campaign, row, person)| words(campaign, *row, person, &zone)).collect();
        if more(finds) > 0 {
            text += &format!("and {} more\n", Many(more(finds), "recipient", "recipients"));
        }
        for (token, why) in &finds.strangers {
            text += &format!("{token}: {why}\n");
        }
        if finds.rows.is_empty() && finds.strangers.is_empty() {
            text += &format!("no token and no Message-ID of a campaign in {} stands there\n", data.display());
        }
        folded(&text, terminal::columns_out())
    };
    super::print_out(&text)?;
    Ok(if finds.rows.is_empty() || is_damaged { Exit::Failed } else { Exit::Settled })
}

/// Somebody of a campaign, and the row.
type Told<'c> = (&'c Campaign, u32, Person);

/// Those who are told of, and whether something that happened to them may be lost, which is warned of.
fn persons<'c>(campaigns: &'c [Campaign], finds: &Finds) -> Result<(Vec<Told<'c>>, bool), Failure> {
    let (mut told, mut open, mut is_damaged) = (Vec::new(), None, false);
    for &(place, row) in finds.rows.iter().take(TOLD_MAX) {
        let Some(campaign) = campaigns.get(place) else { continue };
        // Rows of one campaign stand together: its journal is read once.
        let stored = match open.take() {
            Some((known, stored)) if known == place => stored,
            _ => {
                let stored = Stored::open(&campaign.home)?;
                warn_of_damage(&stored);
                is_damaged |= stored.is_damaged();
                stored
            }
        };
        told.push((campaign, row, stored.person(row)?));
        open = Some((place, stored));
    }
    Ok((told, is_damaged))
}

/// Recipients who are not told of one by one.
fn more(finds: &Finds) -> u64 {
    finds.rows.len().saturating_sub(TOLD_MAX) as u64
}

fn words(campaign: &Campaign, row: u32, person: &Person, zone: &Zone) -> String {
    let rehearsal = if campaign.is_rehearsal() { " (a rehearsal: nobody got mail)" } else { "" };
    let mut text = person.timeline(zone);
    text += &format!("  campaign {}{rehearsal}\n", campaign.name);
    for (column, cell) in &person.cells {
        text += &format!("  list.{}: {}\n", Printable(column.as_bytes()), Printable(cell.as_bytes()));
    }
    text + &format!("  token {}\n", campaign.token(row).as_str())
}

fn object(campaign: &Campaign, row: u32, person: &Person) -> Value {
    let cells = person.cells.iter().map(|(column, cell)| (column.clone(), Value::from(cell.as_str())));
    json!({
        "campaign": campaign.name,
        "rehearsal": campaign.is_rehearsal(),
        // Not the record of the list: the table has an order of its own.
        "table_row": row,
        "token": campaign.token(row).as_str(),
        "recipient": person.address,
        "disposition": person.story.disposition.word(),
        "list": cells.collect::<serde_json::Map<_, _>>(),
        "steps": person.steps(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{IdentityKey, Token};

    fn campaign(number: u32, secret: u8) -> Campaign {
        let home = std::path::PathBuf::from("data/campaign/w");
        Campaign { name: "w".into(), home, number, key: IdentityKey::new(&[secret; 32]), rows: 10 }
    }

    #[test]
    fn a_token_is_its_rows_and_whatever_else_looks_like_one_is_told_apart() {
        let all = [campaign(7, 1), campaign(9, 2)];
        let finds = |text: &str| by_token(&all, [text.as_bytes()].into_iter());
        let token =
            |number, secret, row| Token::make(&IdentityKey::new(&[secret; 32]), number, row).as_str().to_owned();
        let both = finds(&format!("{} {}", token(7, 1, 3).to_uppercase(), token(9, 2, 0)));
        assert_eq!((both.rows, both.strangers.len()), (BTreeSet::from([(0, 3), (1, 0)]), 0));
        for (text, why) in [
            (token(7, 2, 3), known::FORGED),
            (token(9, 2, 10), known::NO_ROW),
            (token(0, 5, 1), known::SAMPLE),
            (token(8, 1, 3), known::UNKNOWN),
        ] {
            let found = finds(&text);
            assert_eq!((found.rows.len(), found.strangers), (0, BTreeSet::from([(text, why)])));
        }
        // Part of something longer, it is a word like another.
        assert_eq!(finds(&format!("{}x", token(8, 1, 3))), Finds::default());
    }
}
