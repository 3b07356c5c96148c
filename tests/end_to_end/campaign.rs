//! Campaigns in scratch folders: the shipped one with keys to sign with, and small ones with lists made to measure.

use crate::dkim::Keys;
use crate::program::{Ended, number, posthaste, run};
use crate::scratch::Scratch;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything of a campaign that can be a recipient's disposition: they add up to `loaded`.
const DISPOSITIONS: [&str; 8] =
    ["delivered", "bounced", "expired", "suppressed", "cancelled", "uncertain", "waiting", "in_flight"];

/// A campaign's file, its engine's configuration, and its data.
pub struct Campaign {
    pub scratch: Scratch,
    pub name: &'static str,
    pub file: PathBuf,
    pub recipients: BTreeSet<String>,
}

impl Campaign {
    /// The shipped campaign, or its first `recipients`; signed with `keys`.
    pub fn shipped(recipients: usize, keys: &Keys) -> Self {
        let scratch = Scratch::new("welcome");
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/campaign");
        for file in ["welcome.toml", "welcome.html", "welcome.txt"] {
            scratch.write(file, std::fs::read(from.join(file)).expect("the shipped campaign"));
        }
        let list = std::fs::read_to_string(from.join("welcome.csv")).expect("the shipped list");
        let lines: Vec<&str> = list.split_inclusive('\n').take(recipients + 1).collect();
        scratch.write("welcome.csv", lines.concat());
        let addresses = lines[1..].iter().map(|line| line.split(',').next().unwrap_or_default().to_owned()).collect();
        keys.copy_to(scratch.path());
        let file = scratch.at("welcome.toml");
        Self { scratch, name: "welcome", file, recipients: addresses }
    }

    /// A short text to `recipients` made-up people at as many domains as a hundredth of them.
    pub fn made_up(recipients: usize, more: &str) -> Self {
        let scratch = Scratch::new("made-up");
        let address = |n: usize| format!("person{n}@domain{}.test", n % (recipients / 100).max(1));
        let addresses: BTreeSet<String> = (0..recipients).map(address).collect();
        let mut list = "email,number\n".to_owned();
        for n in 0..recipients {
            writeln!(list, "{},{n}", address(n)).expect("a string takes everything");
        }
        scratch.write("list.csv", list);
        scratch.write("made-up.txt", "Number {{ number }},\n\nthis is short.\n");
        let file = scratch.write(
            "made-up.toml",
            format!(
                "name = \"made-up\"\nfrom = \"news@acme.example\"\nsubject = \"To {{{{ number }}}}\"\n\
                 text = \"made-up.txt\"\n{more}\n[recipients]\nfile = \"list.csv\"\n"
            ),
        );
        Self { scratch, name: "made-up", file, recipients: addresses }
    }

    /// Writes an engine's configuration: a name for the file, and its text.
    pub fn engine(&self, name: &str, text: &str) -> PathBuf {
        self.scratch.write(&format!("{name}.toml"), text)
    }

    /// `posthaste send` of this campaign.
    pub fn send(&self, engine: &Path, smarthost: &str) -> Command {
        self.send_with_data(&self.data(), engine, smarthost)
    }

    /// `posthaste send` of this campaign as if it had never been sent: with data of its own.
    pub fn send_with_data(&self, data: &Path, engine: &Path, smarthost: &str) -> Command {
        let mut command = posthaste(["send", "--json", "--smarthost", smarthost]);
        command.arg(&self.file).arg("--config").arg(engine).arg("--data").arg(data);
        command
    }

    /// `posthaste report` of this campaign, in a form of its choice.
    #[track_caller]
    pub fn report(&self, form: &[&str]) -> Ended {
        let mut command = posthaste(["report", self.name]);
        command.args(form).arg("--data").arg(self.data());
        run(&self.scratch, "report", command)
    }

    /// Addresses that the report names as possible duplicates.
    #[track_caller]
    pub fn possible_duplicates(&self) -> BTreeSet<String> {
        let listed = self.report(&["--possible-duplicates", "-"]).expect_code(0);
        listed.stdout.lines().map(str::to_owned).collect()
    }

    /// Addresses whose disposition is `word`, by the report's CSV.
    #[track_caller]
    pub fn with_disposition(&self, word: &str) -> BTreeSet<String> {
        let table = self.report(&["--csv", "-"]).expect_code(0).stdout;
        let mut rows = csv::Reader::from_reader(table.as_bytes());
        let rows = rows.records().map(|row| row.expect("CSV"));
        rows.filter(|row| row.get(1) == Some(word)).map(|row| row[0].to_owned()).collect()
    }

    pub fn data(&self) -> PathBuf {
        self.scratch.at("data")
    }
}

/// Checks that every recipient is somewhere (G2); `object` is what `send --json` or `report --json` said.
#[track_caller]
pub fn adds_up(object: &Value) {
    let sum: u64 = DISPOSITIONS.iter().map(|word| number(object, word)).sum();
    assert_eq!(sum, number(object, "loaded"), "the dispositions of {object} do not add up to its recipients");
}
