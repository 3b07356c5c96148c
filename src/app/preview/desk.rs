//! What a preview shows: the campaign's files as they are now, and the letter of the row that is looked at.
//!
//! Guarantees: whatever is wrong with the files is shown in the place of the letter, and mended by saving them; the list is
//! read again only when it, or what the templates need of it, has changed. Leaves to others: the page (`serve`).

use super::super::check::{Refused, as_json, judge, of_letter};
use super::super::cli::PreviewArgs;
use super::super::config::campaign::no_campaign;
use super::super::config::{CampaignConfig, EngineConfig, Found};
use super::super::exit::Failure;
use super::super::figures::size;
use super::super::send::galley::{Galley, Recipient};
use super::super::send::list::{self, Given};
use super::super::send::scratch::Scratch;
use super::super::send::signing;
use super::super::shown::{Shown, TEXT_COLUMNS};
use super::super::signals::Signals;
use super::frame;
use super::marks::{self, Marks};
use crate::engine::loader::List;
use crate::mail::finding::Finding;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

/// Rows that a preview knows; of a longer list it shows the first ones, unless a row is asked for that may be any.
const ROWS_MAX: usize = 1_000_000;
/// Octets of a letter's source that are shown.
const SOURCE_OCTETS_MAX: usize = 512 << 10;
/// Characters of a letter that a list of letters shows behind the subject.
const SNIPPET_CHARACTERS: usize = 160;

/// See the head of this file.
pub struct Desk {
    args: PreviewArgs,
    signals: Signals,
    scratch: Scratch,
    /// Counts what was shown: rises with each change of a file.
    edition: u64,
    letter: Marks,
    rows: Marks,
    campaign: Option<CampaignConfig>,
    /// A list that came as a stream: it comes once.
    stream: Option<Given>,
    galley: Option<Galley>,
    /// What the galley's rows are of: the list, and the column of addresses.
    rows_of: Option<(PathBuf, String)>,
    /// What is wrong with the files.
    error: Option<Failure>,
    /// What `check` would tell of them.
    findings: Vec<Finding>,
    /// The files that the letter was found to read.
    files: Vec<PathBuf>,
    /// Those of the keys that sign it.
    keys: Vec<PathBuf>,
    last: Option<Looked>,
}

/// The letter that was looked at last.
struct Looked {
    edition: u64,
    number: usize,
    letter: Result<(Shown, Vec<u8>), Failure>,
}

/// A letter as files.
pub struct Written {
    /// The campaign's name.
    pub campaign: String,
    /// The row's number.
    pub number: usize,
    /// How each file ends, and what is in it.
    pub files: Vec<(&'static str, Vec<u8>)>,
}

impl Desk {
    /// A desk for this campaign; its files are read when they are asked for.
    ///
    /// # Errors
    /// There is no such campaign, or no room for its rows.
    pub fn new(args: &PreviewArgs, signals: &Signals) -> Result<Self, Failure> {
        if !args.campaign.is_file() || no_campaign(&args.campaign).is_some() {
            CampaignConfig::read(&args.campaign)?;
        }
        Ok(Self {
            args: args.clone(),
            signals: signals.clone(),
            scratch: Scratch::make(&std::env::temp_dir(), "posthaste-preview")?,
            edition: 0,
            letter: Marks::default(),
            rows: Marks::default(),
            campaign: None,
            stream: None,
            galley: None,
            rows_of: None,
            error: None,
            findings: Vec::new(),
            files: Vec::new(),
            keys: Vec::new(),
            last: None,
        })
    }

    /// Reads the files again if one of them has changed; which edition of them this is.
    pub fn refresh(&mut self) -> u64 {
        let letter = self.letter_marks(self.campaign.as_ref());
        let rows = match (&self.campaign, self.config()) {
            (Some(campaign), Ok(config)) => Marks::of(marks::of_rows(campaign, &config)),
            _ => self.rows.clone(),
        };
        if self.edition > 0 && letter == self.letter && rows == self.rows {
            return self.edition;
        }
        self.edition += 1;
        let since = SystemTime::now();
        let made = self.make();
        if let Some(galley) = self.galley.as_ref().filter(|_| made.is_ok()) {
            (self.findings, self.files) = (galley.findings(), galley.files().to_vec());
        }
        self.error = made.err().map(|Refused { failure, findings, files }| {
            self.findings = of_letter(&findings, false);
            judge(&mut self.findings);
            // What was read before is read again once this is mended.
            self.files.extend(files);
            failure
        });
        self.files.sort();
        self.files.dedup();
        self.letter = std::mem::take(&mut self.letter).and(&self.files, since);
        self.edition
    }

    fn letter_marks(&self, campaign: Option<&CampaignConfig>) -> Marks {
        let config = Found::look(self.args.config.as_deref()).file;
        let read = [self.files.as_slice(), &self.keys].concat();
        Marks::of(marks::of_letter(&self.args.campaign, config.as_deref(), campaign, &read))
    }

    fn config(&self) -> Result<EngineConfig, Failure> {
        Ok(Found::look(self.args.config.as_deref()).load()?)
    }

    fn make(&mut self) -> Result<(), Refused> {
        // What is read from here on is newer than its mark, if anything.
        self.letter = Marks::at_rest(|| self.letter_marks(self.campaign.as_ref()));
        let config = self.config()?;
        self.keys = signing::key_files(&config);
        let campaign = CampaignConfig::read(&self.args.campaign);
        let campaign = campaign.map_err(|error| Refused::of("campaign", error.into()))?;
        let rows = Marks::at_rest(|| Marks::of(marks::of_rows(&campaign, &config)));
        self.letter = Marks::at_rest(|| self.letter_marks(Some(&campaign)));
        let is_known = std::mem::replace(&mut self.rows, rows.clone()) == rows;
        self.campaign = Some(campaign.clone());
        let list = self.list(&campaign)?;
        let rows_of = (list.path.clone(), campaign.recipients.email.value.clone());
        if is_known
            && self.rows_of.as_ref() == Some(&rows_of)
            && let Some(galley) = &mut self.galley
            && galley.renew(&config, &campaign, &list)?
        {
            return Ok(());
        }
        (self.galley, self.rows_of) = (None, None);
        let home = self.scratch.path().join(self.edition.to_string());
        let rows_max = if self.args.row.is_some() { usize::MAX } else { ROWS_MAX };
        let pulled = Galley::pull(&config, &campaign, &list, &home, rows_max, self.signals.stop());
        // Its files are open: their names are needed no more.
        let _ = fs::remove_dir_all(&home);
        (self.galley, self.rows_of) = (Some(pulled?), Some(rows_of));
        Ok(())
    }

    fn list(&mut self, campaign: &CampaignConfig) -> Result<List, Failure> {
        if let Some(given) = &self.stream {
            return Ok(given.list.clone());
        }
        let home = self.scratch.path().join(&campaign.name);
        let given = list::given(campaign, &home, false)?.ok_or_else(|| Failure::usage("there is no list"))?;
        let list = given.list.clone();
        self.stream = Some(given).filter(Given::is_stream);
        Ok(list)
    }

    /// What the page needs for the row that `wanted` names; of several, the first one behind the row with the number `after`.
    pub fn show(&mut self, wanted: &str, after: usize) -> Value {
        let edition = self.refresh();
        let name = self.campaign.as_ref().map_or("", |campaign| &campaign.name).to_owned();
        let file = self.args.campaign.display().to_string();
        let findings: Vec<Value> = self.findings.iter().map(as_json).collect();
        let mut page = json!({ "edition": edition, "campaign": name, "file": file, "findings": findings });
        let failed = |mut page: Value, error: &Failure| {
            page["error"] = error.message.clone().into();
            page
        };
        if let Some(error) = &self.error {
            return failed(page, error);
        }
        let Some(galley) = &self.galley else { return page };
        page["rows"] = galley.len().into();
        page["rest"] = galley.totals.is_none().into();
        page["rejected"] = galley.totals.map_or(0, |totals| totals.rejected).into();
        page["duplicates"] = galley.totals.map_or(0, |totals| totals.duplicates).into();
        let number = match galley.find_after(if wanted.is_empty() { "1" } else { wanted }, after) {
            Ok(number) => number,
            Err(_) if galley.is_empty() => {
                return failed(page, &Failure::usage("nobody is on the list whose letter could be shown"));
            }
            Err(why) => {
                page["missing"] = why.into();
                return page;
            }
        };
        match galley.recipient(number) {
            Ok(Recipient { number, line, mailbox, suppressed }) => {
                page["row"] = json!({ "number": number, "line": line, "address": mailbox, "suppressed": suppressed });
            }
            Err(error) => return failed(page, &error),
        }
        match self.look(number) {
            Ok((shown, source)) => {
                page["letter"] = described(shown, source);
                page
            }
            Err(error) => failed(page, error),
        }
    }

    /// The HTML of a row's letter, for a frame; why there is none.
    ///
    /// # Errors
    /// The row or its letter cannot be had.
    pub fn frame(&mut self, number: usize, dark: bool) -> Result<String, String> {
        self.refresh();
        let (shown, _) = self.look(number).as_ref().map_err(|error| error.message.clone())?;
        let html = shown.html.as_deref().ok_or("this letter has no HTML part")?;
        let html = frame::with_pictures(html, &shown.files);
        let html = if dark { frame::in_the_dark(&html) } else { html.into_owned() };
        // Links open elsewhere: the frame stays with the letter.
        Ok(frame::with_head(&html, "<base target=\"_blank\">"))
    }

    /// The letter of a row as files; of the first one if none is named.
    ///
    /// # Errors
    /// What is wrong with the files, or the row.
    pub fn written(&mut self, wanted: Option<&str>) -> Result<Written, Failure> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let nobody = || Failure::usage("nobody is on the list whose letter could be shown");
        let galley = self.galley.as_ref().filter(|galley| !galley.is_empty()).ok_or_else(nobody)?;
        let number = galley.find(wanted.unwrap_or("1")).map_err(|why| Failure::usage(format!("--row: {why}")))?;
        let campaign = self.campaign.as_ref().map(|campaign| campaign.name.clone()).unwrap_or_default();
        let (shown, source) = self.look(number).as_ref().map_err(Clone::clone)?;
        let mut files = vec![("eml", source.clone())];
        files.extend(
            shown
                .html
                .as_ref()
                .map(|html| ("html", frame::with_pictures(html, &shown.files).into_owned().into_bytes())),
        );
        files.extend(shown.text.as_ref().map(|text| ("txt", text.clone().into_bytes())));
        Ok(Written { campaign, number, files })
    }

    /// The letter of a row, read back from what would be sent.
    fn look(&mut self, number: usize) -> &Result<(Shown, Vec<u8>), Failure> {
        let edition = self.edition;
        let is_it = self.last.as_ref().is_some_and(|last| (last.edition, last.number) == (edition, number));
        if !is_it {
            self.last = None;
        }
        let (galley, error) = (&self.galley, &self.error);
        let last = self.last.get_or_insert_with(|| {
            let none = || error.clone().unwrap_or_else(|| Failure::usage("there is no letter yet"));
            let composed = match (galley, error) {
                (Some(galley), None) => galley.compose(number),
                _ => Err(none()),
            };
            let letter = composed.map(|composed| (Shown::read(&composed.content), composed.content));
            Looked { edition, number, letter }
        });
        &last.letter
    }
}

fn described(shown: &Shown, source: &[u8]) -> Value {
    let html = shown.html.as_deref().unwrap_or_default();
    let files = shown.files.iter().map(|file| {
        json!({ "name": file.name, "type": file.media_type, "size": size(file.octets.len() as u64), "inline": file.inline_id.is_some() })
    });
    let cut = source.get(..SOURCE_OCTETS_MAX).unwrap_or(source);
    json!({
        "from": shown.header("From"),
        "to": shown.header("To"),
        "subject": shown.header("Subject"),
        "snippet": snippet(shown),
        "headers": shown.headers,
        "text": shown.text.clone().or_else(|| shown.html_as_text(TEXT_COLUMNS)),
        "has_text": shown.text.is_some(),
        "has_html": shown.html.is_some(),
        "has_dark": frame::has_dark(html),
        "remote": frame::remote(html),
        "size": size(shown.octets as u64),
        "html_octets": html.len(),
        "html_size": size(html.len() as u64),
        "files": files.collect::<Vec<_>>(),
        "source": String::from_utf8_lossy(cut).replace("\r\n", "\n"),
        "source_is_cut": cut.len() < source.len(),
    })
}

/// What a list of letters shows behind the subject.
fn snippet(shown: &Shown) -> String {
    let plain = |html: &String| html2text::config::plain_no_decorate().string_from_read(html.as_bytes(), 400).ok();
    let text = shown.html.as_ref().and_then(plain).or_else(|| shown.text.clone()).unwrap_or_default();
    // What pushes other text out of sight is not seen either.
    let unseen = |c: char| matches!(c, '\u{34f}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let seen: String = text.chars().filter(|c| !unseen(*c)).map(|c| if c == '\u{2007}' { ' ' } else { c }).collect();
    // Nor are the signs that stand for headings, lists and rules where there is only text.
    let is_word = |word: &&str| !word.chars().all(|c| "#*>|+-=_\u{2500}\u{2502}\u{2550}".contains(c));
    let words: Vec<&str> = seen.split_whitespace().filter(is_word).collect();
    words.join(" ").chars().take(SNIPPET_CHARACTERS).collect()
}
