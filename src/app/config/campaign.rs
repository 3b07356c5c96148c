//! A campaign: who writes what to whom.
//!
//! The keys are defined in `reference`. Guarantees: every key is known and of its type, the name is safe as the name of a folder, paths are as seen from the
//! working directory. Leaves to others: compiling the templates (each comes with its place in the file), reading the
//! list, loading keys.

use super::asks::{self, Asks};
use super::document::{ConfigError, Document, Item, Placed, Section};
use super::engine::{RETRY_BOUNDS, duration_within, durations_within};
use super::page::{self, Page};
use super::secret::Given;
use super::{reference, values};
use crate::base::charset::Charset;
use crate::content::{ColumnType, Syntax};
use crate::engine::loader::{Dialect, Several, is_separator};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A campaign as its file states it.
#[derive(Clone, Debug, PartialEq)]
pub struct CampaignConfig {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Its name: `a-z 0-9 . _ -`, 1 to 64, beginning with a letter or digit.
    pub name: String,
    /// The From header: one mailbox, perhaps with a display name.
    pub from: Placed<String>,
    /// The To header, a template.
    pub to: Placed<String>,
    /// The Reply-To header.
    pub reply_to: Option<Placed<String>>,
    /// The reverse-path; `{token}` stands for the recipient's token. `None`: the address of `from`.
    pub return_path: Option<Placed<String>>,
    /// The Subject header, a template.
    pub subject: Placed<String>,
    /// The file of the HTML template.
    pub html: Option<PathBuf>,
    /// The file of the text template. At least one of the two is there.
    pub text: Option<PathBuf>,
    /// How the tags of its templates are written.
    pub syntax: Syntax,
    /// What they are written in; `None`: in what they declare, or what is certain.
    pub encoding: Option<Charset>,
    /// What is made of the HTML before it is sent.
    pub page: Page,
    /// The locale of dates, numbers and money, or the column that names it: `{{ locale }}`.
    pub locale: Option<Placed<String>>,
    /// More headers: names and templates, in order of the names.
    pub headers: Vec<(String, Placed<String>)>,
    /// Files that go with each message.
    pub attachments: Vec<Attachment>,
    /// Where to unsubscribe.
    pub unsubscribe: Option<Unsubscribe>,
    /// The List-Id header's identifier.
    pub list_id: Option<Placed<String>>,
    /// The Feedback-ID header.
    pub feedback_id: Option<Placed<String>>,
    /// Whether it answers what each recipient did, so that there is nothing to unsubscribe from.
    pub is_transactional: bool,
    /// What becomes of recipients whose outcome is unknown.
    pub on_uncertain: OnUncertain,
    /// Waits between attempts; `None`: those of the engine.
    pub retry: Option<Vec<Duration>>,
    /// The share of the last outcomes, 0 to 1, that may be bounces before the mailing is held.
    pub max_bounced: f64,
    /// How long a recipient is tried; `None`: that of the engine.
    pub lifetime: Option<Duration>,
    /// The pool of the sources to send from; `None`: that of the engine.
    pub pool: Option<Given>,
    /// What is asked of the next hops beyond delivery.
    pub asks: Asks,
    /// The list.
    pub recipients: Recipients,
}

/// A file that goes with each message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The file.
    pub file: PathBuf,
    /// Its media type; `None`: by its name.
    pub media_type: Option<String>,
    /// For an image shown by the HTML as `cid:…`: its Content-ID.
    pub inline_id: Option<String>,
    /// Whether it is an invitation that stands beside text and HTML.
    pub alternative: bool,
    /// The line and column where it stands.
    pub place: (usize, usize),
}

/// Where to unsubscribe (RFC 2369, RFC 8058); at least one of the two is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// An https address, a template.
    pub url: Option<Placed<String>>,
    /// A mailbox, a template.
    pub mailto: Option<Placed<String>>,
}

/// What becomes of a recipient whose content was sent and whose reply never came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUncertain {
    /// It is tried again: perhaps a second copy.
    #[default]
    Retry,
    /// It is held as `uncertain`: perhaps no copy.
    Hold,
}

/// The list of recipients.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipients {
    /// Where it comes from.
    pub from: ListSource,
    /// How it is written; `None`: by the file's name (CSV for standard input).
    pub format: Option<ListFormat>,
    /// The column that holds the address.
    pub email: Placed<String>,
    /// Other names for columns: (merge field, column), in order of the fields.
    pub columns: Vec<(String, Placed<String>)>,
    /// Columns that are kept for reports, whether or not the letter names them.
    pub keys: Vec<Placed<String>>,
    /// How it is written, as far as that is said.
    pub dialect: Dialect,
    /// What becomes of cells that hold several addresses.
    pub several: Several,
    /// What columns hold: (column, type), in order of the columns.
    pub types: Vec<(String, Placed<ColumnType>)>,
    /// What an empty cell is for `default` and `is defined`.
    pub empty_cells: EmptyCells,
    /// The share of rows, 0 to 1, that may be bad.
    pub max_rejected: f64,
}

/// What an empty cell is for `default` and `is defined`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyCells {
    /// Nothing is there.
    #[default]
    Undefined,
    /// A text without characters is there.
    Text,
}

/// Where the list comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListSource {
    /// A file.
    File(PathBuf),
    /// Standard input, written as `-`.
    Stdin,
}

/// How a list is written; `.gz` and `.zst` are seen by the file's name or first octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFormat {
    /// Separated fields with quotes (RFC 4180).
    Csv,
    /// The same with tabs.
    Tsv,
    /// JSON objects: one a line, or in an array.
    Jsonl,
}

/// The default of `recipients.max_rejected`.
pub const MAX_REJECTED: f64 = 0.05;
/// The default of `max_bounced`.
pub const MAX_BOUNCED: f64 = 0.20;

impl CampaignConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place; also a list or a letter, by its name, which people name in its place.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        if let Some((what, hint)) = no_campaign(file) {
            return Err(ConfigError::of_file(file, format!("is {what}, and no campaign")).hint(hint));
        }
        Self::from_document(&Document::read(file)?)
    }

    /// Reads a document.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn from_document(document: &Document) -> Result<Self, ConfigError> {
        let tree = document.tree()?;
        let all = reference::names();
        let root = Section::root(document, &tree, &reference::known(""), &all)?;
        let template = |name: &str| root.get(name).map(|item| line(&item)).transpose();
        let file = |name: &str| root.get(name).map(|item| path(&item)).transpose();
        let (html, text) = (file("html")?, file("text")?);
        let syntax = syntax(&root, &all)?;
        if html.is_none() && text.is_none() {
            return Err(root
                .error("the campaign has no content")
                .hint("add html = \"FILE\", text = \"FILE\", or both"));
        }
        Ok(Self {
            file: document.file().to_owned(),
            name: name(&root.require("name")?)?,
            from: line(&root.require("from")?)?,
            to: template("to")?.unwrap_or_else(|| Placed::nowhere(syntax.slot("email"))),
            reply_to: template("reply_to")?,
            return_path: template("return_path")?,
            subject: line(&root.require("subject")?)?,
            page: page::read(&root, &all, html.is_some(), text.is_some())?,
            html,
            text,
            syntax,
            encoding: template_encoding(&root, &all)?,
            locale: template("locale")?,
            headers: headers(&root)?,
            attachments: attachments(&root, &all)?,
            unsubscribe: unsubscribe(&root, &all)?,
            list_id: template("list_id")?,
            feedback_id: template("feedback_id")?,
            is_transactional: root.get("transactional").map(|item| item.switch()).transpose()?.unwrap_or_default(),
            on_uncertain: on_uncertain(&root)?,
            retry: root.get("retry").map(|item| durations_within(&item, RETRY_BOUNDS)).transpose()?,
            lifetime: root.get("lifetime").map(|item| duration_within(&item, RETRY_BOUNDS)).transpose()?,
            max_bounced: share(&root, "max_bounced", MAX_BOUNCED)?,
            pool: root.get("pool").map(|item| Given::read(&item)).transpose()?.flatten(),
            asks: asks::read(&root, &all)?,
            recipients: recipients(&root.require("recipients")?, &all)?,
        })
    }
}

/// Whether a text may name a campaign, and thereby a folder.
#[must_use]
pub fn is_campaign_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=64).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|b| plain(b) || b"._-".contains(&b))
}

fn name(item: &Item<'_>) -> Result<String, ConfigError> {
    match item.text()? {
        text if is_campaign_name(text) => Ok(text.to_owned()),
        text => Err(item
            .error(format!("{text:?} cannot name a campaign"))
            .hint("use 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit: a folder is called so")),
    }
}

/// A text that will become part of a header: one line, not empty.
pub(super) fn line(item: &Item<'_>) -> Result<Placed<String>, ConfigError> {
    let text = item.placed()?;
    if text.value.trim().is_empty() {
        return Err(item.error("must not be empty"));
    }
    if text.value.chars().any(char::is_control) {
        return Err(item.error("must be one line without control characters"));
    }
    Ok(text)
}

fn path(item: &Item<'_>) -> Result<PathBuf, ConfigError> {
    match item.text()? {
        "" => Err(item.error("must not be empty")),
        text => Ok(item.document().relative(text)),
    }
}

/// Headers that the engine writes itself, or that would break the message.
const OWN_HEADERS: &[&str] = &[
    "from",
    "to",
    "bcc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "dkim-signature",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-id",
    "feedback-id",
    "return-path",
    "received",
];

fn headers(root: &Section<'_>) -> Result<Vec<(String, Placed<String>)>, ConfigError> {
    let Some(item) = root.get("headers") else { return Ok(Vec::new()) };
    let mut headers: Vec<(String, Placed<String>)> = Vec::new();
    for (name, value) in item.any_section()?.iter() {
        // RFC 5322 §3.6.8: printable US-ASCII except the colon.
        if name.is_empty() || name.len() > 76 || !name.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
            return Err(value.error("is no name of a header"));
        }
        if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(value
                .error("is written by the engine")
                .hint("use the campaign's own key for it, if it has one"));
        }
        if headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(value.error("stands here twice"));
        }
        headers.push((name.to_owned(), line(&value)?));
    }
    Ok(headers)
}

fn attachments(root: &Section<'_>, all: &[String]) -> Result<Vec<Attachment>, ConfigError> {
    let Some(item) = root.get("attachments") else { return Ok(Vec::new()) };
    let attachment = |item: &Item<'_>| {
        let section = item.section(&reference::known("attachments"), all)?;
        let text = |name| section.get(name).map(|item| line(&item).map(|placed| placed.value)).transpose();
        let file = section.require("file")?;
        let placed = file.placed()?;
        Ok(Attachment {
            file: path(&file)?,
            media_type: text("type")?,
            inline_id: text("inline_id")?,
            alternative: section.get("alternative").map(|item| item.switch()).transpose()?.unwrap_or(false),
            place: (placed.line, placed.column),
        })
    };
    item.list()?.iter().map(attachment).collect()
}

fn unsubscribe(root: &Section<'_>, all: &[String]) -> Result<Option<Unsubscribe>, ConfigError> {
    let Some(item) = root.get("unsubscribe") else { return Ok(None) };
    let section = item.section(&reference::known("unsubscribe"), all)?;
    let text = |name: &str| section.get(name).map(|item| line(&item)).transpose();
    let (url, mailto) = (text("url")?, text("mailto")?);
    match &url {
        None if mailto.is_none() => Err(section.error("[unsubscribe] needs a url, a mailto, or both")),
        // RFC 8058 §3.1: one-click needs https.
        Some(url) if !url.value.starts_with("https://") => {
            Err(section.require("url")?.error("must begin with https:// (RFC 8058)"))
        }
        _ => Ok(Some(Unsubscribe { url, mailto })),
    }
}

fn syntax(root: &Section<'_>, all: &[String]) -> Result<Syntax, ConfigError> {
    let Some(item) = root.get("content") else { return Ok(Syntax::default()) };
    let Some(item) = item.section(&reference::known("content"), all)?.get("syntax") else {
        return Ok(Syntax::default());
    };
    let text = item.text()?;
    Syntax::of(text).ok_or_else(|| {
        item.error(format!("must be \"jinja\" or \"brackets\", is {text:?}"))
            .hint("jinja: {{ name }} {% if name %} {# note #}; brackets: [[ name ]] [% if name %] [# note #]")
    })
}

fn template_encoding(root: &Section<'_>, all: &[String]) -> Result<Option<Charset>, ConfigError> {
    let Some(item) = root.get("content") else { return Ok(None) };
    item.section(&reference::known("content"), all)?.get("encoding").map(|item| encoding(&item)).transpose()
}

/// An encoding, by its name.
fn encoding(item: &Item<'_>) -> Result<Charset, ConfigError> {
    let text = item.text()?;
    Charset::named(text.trim()).ok_or_else(|| {
        item.error(format!("{text:?} is no encoding that is known"))
            .hint("use \"utf-8\", \"utf-16\", \"windows-1252\", \"windows-1250\", \"shift_jis\" or another name of the Encoding Standard")
    })
}

fn on_uncertain(root: &Section<'_>) -> Result<OnUncertain, ConfigError> {
    let Some(item) = root.get("on_uncertain") else { return Ok(OnUncertain::default()) };
    match item.text()? {
        "retry" => Ok(OnUncertain::Retry),
        "hold" => Ok(OnUncertain::Hold),
        text => Err(item.error(format!("must be \"retry\" or \"hold\", is {text:?}"))),
    }
}

fn recipients(item: &Item<'_>, all: &[String]) -> Result<Recipients, ConfigError> {
    let section = item.section(&reference::known("recipients"), all)?;
    let file = section.require("file")?;
    let format = match section.get("format") {
        None => None,
        Some(item) => Some(match item.text()? {
            "csv" => ListFormat::Csv,
            "tsv" => ListFormat::Tsv,
            "jsonl" | "json" => ListFormat::Jsonl,
            text => {
                let error = item.error(format!("must be \"csv\", \"tsv\" or \"jsonl\", is {text:?}"));
                return Err(error.hint("XLSX and ODS are known by their content: leave format out"));
            }
        }),
    };
    Ok(Recipients {
        from: if file.text()? == "-" { ListSource::Stdin } else { ListSource::File(path(&file)?) },
        format,
        email: section
            .get("email")
            .map(|item| line(&item))
            .transpose()?
            .unwrap_or_else(|| Placed::nowhere("email".into())),
        columns: columns(&section)?,
        keys: section.get("keys").map(|item| item.list()?.iter().map(line).collect()).transpose()?.unwrap_or_default(),
        dialect: dialect(&section)?,
        several: several(&section)?,
        types: types(&section)?,
        empty_cells: empty_cells(&section)?,
        max_rejected: share(&section, "max_rejected", MAX_REJECTED)?,
    })
}

fn types(section: &Section<'_>) -> Result<Vec<(String, Placed<ColumnType>)>, ConfigError> {
    let Some(item) = section.get("types") else { return Ok(Vec::new()) };
    let one = |(column, item): (&str, Item<'_>)| {
        let Placed { value, line, column: place } = item.placed()?;
        match ColumnType::of(&value) {
            Some(kind) => Ok((column.to_owned(), Placed { value: kind, line, column: place })),
            None => Err(item
                .error(format!("{value:?} is no type of a column"))
                .hint("write \"text\", \"number\", \"integer\", \"boolean\" or \"date\"")),
        }
    };
    item.any_section()?.iter().map(one).collect()
}

fn empty_cells(section: &Section<'_>) -> Result<EmptyCells, ConfigError> {
    let Some(item) = section.get("empty_cells") else { return Ok(EmptyCells::default()) };
    match item.text()? {
        "undefined" => Ok(EmptyCells::Undefined),
        "text" => Ok(EmptyCells::Text),
        text => Err(item.error(format!("must be \"undefined\" or \"text\", is {text:?}"))),
    }
}

/// A percentage.
fn share(section: &Section<'_>, name: &str, default: f64) -> Result<f64, ConfigError> {
    let Some(item) = section.get(name) else { return Ok(default) };
    values::percentage(item.text()?).map_err(|e| item.error(e))
}

/// What a file is by its name, where that is no campaign, and what to do with it.
#[must_use]
pub fn no_campaign(file: &Path) -> Option<(&'static str, String)> {
    let name = file.file_name()?.to_string_lossy().to_ascii_lowercase();
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    let shown = file.display();
    match plain.rsplit_once('.')?.1 {
        "csv" | "tsv" | "tab" | "xlsx" | "xls" | "xlsm" | "ods" | "json" | "jsonl" | "ndjson" => {
            let hint = format!(
                "`posthaste new NAME --from {shown}` makes a campaign for it, NAME/campaign.toml: that is what is checked, shown and sent"
            );
            Some(("a list", hint))
        }
        "html" | "htm" | "mjml" => {
            let hint = format!(
                "`posthaste new NAME` makes a campaign, NAME/campaign.toml: html = \"{shown}\" in that names the letter"
            );
            Some(("a letter", hint))
        }
        _ => None,
    }
}

/// The lines on which a header may be said to stand.
const HEADER_LINES: (u64, u64) = (1, 1_000);

fn dialect(section: &Section<'_>) -> Result<Dialect, ConfigError> {
    let delimiter = |item: Item<'_>| match item.text()? {
        "comma" => Ok(b','),
        "semicolon" => Ok(b';'),
        "tab" => Ok(b'\t'),
        "pipe" => Ok(b'|'),
        text => match text.as_bytes() {
            [one] if is_separator(*one) => Ok(*one),
            _ => Err(item
                .error(format!("must be one character that separates columns, is {text:?}"))
                .hint("use \",\", \";\", \"tab\", \"|\" or another punctuation mark; left out, it is found")),
        },
    };
    Ok(Dialect {
        delimiter: section.get("delimiter").map(delimiter).transpose()?,
        charset: section.get("encoding").map(|item| encoding(&item)).transpose()?,
        sheet: section.get("sheet").map(|item| line(&item).map(|placed| placed.value)).transpose()?,
        header_line: section.get("header_line").map(|item| item.count(HEADER_LINES)).transpose()?,
    })
}

fn several(section: &Section<'_>) -> Result<Several, ConfigError> {
    let Some(item) = section.get("several") else { return Ok(Several::default()) };
    match item.text()? {
        "refuse" => Ok(Several::Refuse),
        "first" => Ok(Several::First),
        "each" => Ok(Several::Each),
        text => Err(item.error(format!("must be \"refuse\", \"first\" or \"each\", is {text:?}"))),
    }
}

fn columns(section: &Section<'_>) -> Result<Vec<(String, Placed<String>)>, ConfigError> {
    let Some(item) = section.get("columns") else { return Ok(Vec::new()) };
    let column = |(field, item): (&str, Item<'_>)| {
        let mut bytes = field.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if !first || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(item.error("is no name that a template can use").hint("use letters, digits and underscores"));
        }
        Ok((field.to_owned(), line(&item)?))
    };
    item.any_section()?.iter().map(column).collect()
}
