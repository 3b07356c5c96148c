//! The campaign's content: its files read, its keys loaded, its templates compiled against the list's columns.

use aws_lc_rs::digest::{SHA256, digest};
use std::path::{Path, PathBuf};

use super::super::check::{Refused, in_its_tags, of_content, of_remark};
use super::super::config::campaign::{EmptyCells, ListSource};
use super::super::config::document::hint_if_not_handed;
use super::super::config::{CampaignConfig, EngineConfig, Placed};
use super::super::destination::Destination;
use super::super::exit::Failure;
pub(super) use super::columns::Columns;
use super::first_letters;
use super::folder::Folder;
use super::places::placed;
use super::signing;
use super::watch::notice;
use super::{amounts, cells, formats, list, partials, standing, texts, truths, types};
use crate::base::charset;
use crate::base::remedy;
use crate::content::lint::{Manuscript, RowAddress};
use crate::content::{self, Composer, Remark, Spec, Treatment, charset_of, lint};
use crate::engine::campaign::Campaign;
use crate::engine::loader::{List, Look, did_you_mean, look_at};
use crate::engine::table::Manifest;
use crate::engine::table::manifest::hex;
use crate::mail::finding::{Finding, Severity};
use std::collections::BTreeMap;

/// What the engine composes messages with, and what the loader must know of it.
pub struct Content {
    /// Makes the messages.
    pub composer: Composer,
    /// Stored columns whose values reach headers.
    pub header_columns: Vec<String>,
    /// Tells one content from another.
    pub fingerprint: String,
    /// How the list is read, where that is not as its name says: one sentence.
    told: Option<String>,
    /// What a look at it has found.
    pub findings: Vec<Finding>,
    /// The list's columns that are read as numbers though nobody says so.
    pub read_as_numbers: Vec<String>,
    /// The list's columns that conditions of the letter ask.
    pub deciding: Vec<String>,
    /// Stored columns, by their places, that stand in the letter without a default; and their names in it.
    pub bare: Vec<(usize, String)>,
    /// Links and pictures that rows have a part in.
    pub addresses: Vec<RowAddress>,
    /// The files that it was made from, and those that were looked for.
    pub files: Vec<PathBuf>,
}

impl Content {
    /// What a composer makes of rows that hold the columns `stored`, of which `bare` and `addresses` are known.
    fn of(
        campaign: &CampaignConfig,
        (composer, columns): (Composer, &Columns),
        stored: &[String],
        fingerprint: String,
        (bare, addresses): (&[usize], Vec<RowAddress>),
    ) -> Self {
        Self {
            header_columns: columns.pick(composer.columns_in_headers()),
            fingerprint: types::read_as(fingerprint, campaign, &composer, columns),
            told: None,
            findings: Vec::new(),
            read_as_numbers: types::read_as_numbers(&composer, columns),
            deciding: columns.pick(&composer.columns_deciding()),
            bare: columns.among(stored, bare),
            addresses: columns.kept(stored, addresses),
            files: Vec::new(),
            composer: columns.read_from(composer, stored),
        }
    }

    /// Says how the list is read, if that is worth a word.
    pub fn tell_list(&self) {
        let Some((first, rest)) = self.told.as_ref().and_then(|told| told.split_at_checked(1)) else { return };
        notice(&format!("{}{rest}\n", first.to_uppercase()));
    }

    /// # Errors
    /// What was found keeps it from being sent.
    pub fn check(&self) -> Result<(), Failure> {
        let errors = self.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let lines: Vec<String> = errors.map(|e| format!("{}: {}\nhint: {}", e.place, e.says, e.hint)).collect();
        if lines.is_empty() { Ok(()) } else { Err(Failure::usage(lines.join("\n"))) }
    }
}

/// The content of a new campaign, checked against the list's columns; also the columns that its table must store. `to`: where
/// it goes, where that is known.
///
/// # Errors
/// The list, the content or a key.
pub fn first(
    config: &EngineConfig,
    campaign: &CampaignConfig,
    list: &List,
    key: [u8; 32],
    number: u32,
    to: Option<&Destination>,
) -> Result<(Content, Vec<String>), Refused> {
    let looked = look_at(list).map_err(|e| Refused::of("list", Failure::usage(e.to_string())))?;
    let listed = listed(campaign, &looked).map_err(|failure| Refused::of("list", failure))?;
    let columns = Columns::of(&listed, campaign);
    let Drawn { mut spec, fingerprint, written, notes, files } = draw(config, campaign, key, number)?;
    spec.types = types::of(campaign, &columns);
    spec.is_json = looked.is_json;
    let told = looked.told(&name_of(campaign));
    let mut findings = findings(config, campaign, &spec);
    findings.extend(list::findings(campaign, &looked, told.as_deref()));
    findings.extend(look(campaign, &spec, &written, &columns, to));
    findings.extend(notes.into_iter().map(|note| of_remark(campaign, note)));
    let (bare, addresses) = lint::of_rows(&spec, &columns.names, &campaign.recipients.email.value);
    let composer = compile(campaign, spec, &columns).map_err(|mut refused| {
        refused.findings.append(&mut findings);
        refused.files.clone_from(&files);
        if looked.is_open {
            refused.failure.message +=
                "\nhint: a key that only later objects of the list have is known once [recipients] names it: columns = { points = \"points\" }";
        }
        refused
    })?;
    findings.extend(formats::findings(campaign, &looked, &composer, &columns));
    let of_columns = types::numbers(campaign, list, &composer, &columns).and_then(|mut found| {
        found.extend(amounts::findings(campaign, (list, &looked.formatted), &composer, &columns)?);
        found.extend(truths::findings(campaign, list, &composer, &columns)?);
        Ok(found)
    });
    let of_columns = of_columns.map_err(|mut refused| {
        refused.findings.append(&mut findings);
        refused.files.clone_from(&files);
        refused
    })?;
    findings.extend(of_columns);
    let stored = columns.pick(composer.columns_used());
    let front = cells::front(campaign, list, &stored);
    findings.extend(truths::printed(
        campaign,
        (&composer, &columns),
        (&front.0, &stored),
        &list.path.display().to_string(),
    ));
    let content = Content::of(campaign, (composer, &columns), &stored, fingerprint, (&bare, addresses));
    let of_letters = first_letters::look(campaign, list, &content.composer, &stored, &content.addresses);
    // What is told with its place needs no word without it.
    let is_new =
        |finding: &Finding| finding.check != "link-scheme" || findings.iter().all(|known| known.check != finding.check);
    let of_letters: Vec<Finding> = of_letters.into_iter().filter(is_new).collect();
    findings.extend(of_letters);
    findings.extend(cells::findings(campaign, &front, &stored, &content.composer));
    let suppression = &config.engine.suppression;
    let acts = standing::Acts { used: &stored, deciding: &content.deciding, composer: &content.composer, suppression };
    findings.extend(standing::findings(campaign, list, &looked, acts, standing::ROWS));
    in_its_tags(campaign, &mut findings);
    Ok((Content { told, findings, files, ..content }, stored))
}

/// What is wrong with the letter of a campaign, whoever gets it.
///
/// # Errors
/// Its files or keys.
pub fn letter_alone(
    config: &EngineConfig,
    campaign: &CampaignConfig,
    to: Option<&Destination>,
) -> Result<Vec<Finding>, Refused> {
    let Drawn { spec, written, notes, .. } = draw(config, campaign, [0; 32], 1)?;
    let mut findings = look(campaign, &spec, &written, &Columns::of(&[], campaign), to);
    findings.extend(notes.into_iter().map(|note| of_remark(campaign, note)));
    Ok(findings)
}

/// What is wrong with a letter though it can be sent.
fn look(
    campaign: &CampaignConfig,
    spec: &Spec,
    written: &Manuscript,
    columns: &Columns,
    to: Option<&Destination>,
) -> Vec<Finding> {
    let is_transactional = campaign.is_transactional;
    let preheader = preheader(campaign);
    let preheader = preheader.as_ref();
    let letter = lint::Letter { spec, written, columns: &columns.names, way: way_of(to), preheader, is_transactional };
    lint::look_at(&letter).into_iter().map(|remark| of_remark(campaign, remark)).collect()
}

fn way_of(to: Option<&Destination>) -> lint::Way<'_> {
    match to {
        None => lint::Way::Unknown,
        Some(Destination::Sink) => lint::Way::Nobody,
        Some(Destination::Smarthost(host, _)) => lint::Way::Smarthost(host),
        Some(Destination::Exchangers(_)) => lint::Way::Exchangers,
    }
}

/// The content of a campaign that goes on: its rows hold the columns that were stored when it was begun.
///
/// # Errors
/// The content or a key; also a column that the content now names and that was not stored.
pub fn again(
    config: &EngineConfig,
    campaign: &CampaignConfig,
    home: &Path,
    opened: &Campaign,
    to: &Destination,
) -> Result<Content, Failure> {
    let manifest = opened.table.manifest();
    let drawn = draw(config, campaign, manifest.identity_key, manifest.number)?;
    let Drawn { mut spec, fingerprint, written, notes, files } = drawn;
    let stored = &manifest.columns;
    // The mailbox's own column is known without being stored.
    let mut known = stored.clone();
    known.push(campaign.recipients.email.value.clone());
    known.sort();
    known.dedup();
    let columns = Columns::of(&known, campaign);
    spec.types = types::of(campaign, &columns);
    let mut findings = findings(config, campaign, &spec);
    findings.extend(look(campaign, &spec, &written, &columns, Some(to)));
    findings.extend(notes.into_iter().map(|note| of_remark(campaign, note)));
    findings.extend(keys_lost(campaign, manifest));
    in_its_tags(campaign, &mut findings);
    let (bare, addresses) = lint::of_rows(&spec, &columns.names, &campaign.recipients.email.value);
    let composer = compile(campaign, spec, &columns).map_err(|refused| {
        let failure = Failure::from(refused);
        if fingerprint == manifest.content {
            return failure;
        }
        Failure::usage(format!("{}\n{}", failure.message, stored_only(home, stored)))
    })?;
    let lost: Vec<String> =
        columns.pick(composer.columns_used()).into_iter().filter(|column| !stored.contains(column)).collect();
    if !lost.is_empty() {
        let lost = lost.join(", ");
        return Err(Failure::usage(format!("the content now uses the columns {lost}\n{}", stored_only(home, stored))));
    }
    let content = Content::of(campaign, (composer, &columns), stored, fingerprint, (&bare, addresses));
    Ok(Content { findings, files, ..content })
}

/// The columns of a new campaign that its table keeps besides those that the letter reads.
#[must_use]
pub fn keys(campaign: &CampaignConfig, stored: &[String]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for key in campaign.recipients.keys.iter().map(|key| &key.value) {
        if !stored.contains(key) && !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys
}

/// What `recipients.keys` names and the campaign was begun without.
fn keys_lost(campaign: &CampaignConfig, manifest: &Manifest) -> Option<Finding> {
    let lost = |key: &&Placed<String>| !manifest.columns.contains(&key.value) && !manifest.keys.contains(&key.value);
    let first = campaign.recipients.keys.iter().find(lost)?;
    let says = format!("the campaign was begun without the column {:?}: its reports do not have it", first.value);
    let finding = Finding::new(Severity::Warning, "key-not-kept", at(campaign, first), says);
    Some(finding.hint("take it out of recipients.keys; a campaign of another name keeps it"))
}

fn stored_only(home: &Path, stored: &[String]) -> String {
    let stored = if stored.is_empty() { "none".to_owned() } else { stored.join(", ") };
    format!(
        "hint: the campaign in {} was begun with other templates, and keeps only the columns that they named ({stored}): \
         name only these; under another name everybody gets it, also who has it already",
        home.display()
    )
}

/// Names that mean something without a column.
const BUILT_IN: [&str; 4] = ["email", "token", "campaign", "unsubscribe_url"];

/// The list's columns, where what [recipients] says of them can act.
fn listed(campaign: &CampaignConfig, look: &Look) -> Result<Vec<String>, Failure> {
    let list = name_of(campaign);
    let mut listed = look.columns.clone();
    let email = &campaign.recipients.email;
    let columns =
        campaign.recipients.columns.iter().map(|(name, column)| (format!("recipients.columns.{name}"), column));
    let mut faults = Vec::new();
    for (what, column) in columns.chain([("recipients.email".to_owned(), email)]) {
        let fault = match look.columns.iter().filter(|name| **name == column.value).count() {
            1 => continue,
            0 if look.is_open => {
                listed.push(column.value.clone());
                continue;
            }
            0 => format!("which {} (line {}) does not have\n{}", list, look.line, nearest(column, look, &what)),
            n => format!("and {n} columns of {} (line {}) are called so\nhint: rename all but one", list, look.line),
        };
        faults.push(format!("{}: {what} names the column {:?}, {fault}", at(campaign, column), column.value));
    }
    for key in &campaign.recipients.keys {
        let column = &key.value;
        match look.columns.iter().filter(|name| *name == column).count() {
            1 => {}
            0 if look.is_open => listed.push(column.clone()),
            0 => faults.push(format!(
                "{}: recipients.keys names the column {column:?}, which {list} (line {}) does not have\n{}",
                at(campaign, key),
                look.line,
                did_you_mean(column, &look.columns, "the list has")
            )),
            n => faults.push(format!(
                "{}: recipients.keys names the column {column:?}, and {n} columns of {list} (line {}) are called so\n\
                 hint: rename all but one",
                at(campaign, key),
                look.line
            )),
        }
    }
    for (column, kind) in &campaign.recipients.types {
        let is_known =
            look.columns.contains(column) || campaign.recipients.columns.iter().any(|(name, _)| name == column);
        let named = Placed { value: column.clone(), line: kind.line, column: kind.column };
        match is_known {
            true => {}
            false if look.is_open => listed.push(column.clone()),
            false => faults.push(format!(
                "{}: recipients.types.{column} names the column {column:?}, which {list} (line {}) does not have\n{}",
                at(campaign, &named),
                look.line,
                did_you_mean(column, &look.columns, "the list has")
            )),
        }
    }
    for (name, column) in &campaign.recipients.columns {
        let (what, source) = (format!("{}: recipients.columns.{name}", at(campaign, column)), &column.value);
        if BUILT_IN.contains(&name.as_str()) && !(name == "email" && *source == email.value) {
            faults.push(format!(
                "{what} cannot act: {name} means something already, in every campaign\nhint: choose another name"
            ));
        } else if look.columns.contains(name) && name != source {
            faults.push(format!(
                "{what} cannot act: {} has a column {name:?} of its own, and {source:?} would be called so, too\nhint: choose another \
                 name, or leave the line out",
                list
            ));
        }
    }
    if faults.is_empty() { Ok(listed) } else { Err(Failure::usage(faults.join("\n"))) }
}

/// What the list is called.
fn name_of(campaign: &CampaignConfig) -> String {
    match &campaign.recipients.from {
        ListSource::Stdin => "the list on standard input".to_owned(),
        ListSource::File(path) => format!("the list {}", path.display()),
    }
}

/// Where a key stands that names a column.
fn at(campaign: &CampaignConfig, column: &Placed<String>) -> String {
    let file = campaign.file.display();
    if column.line == 0 { file.to_string() } else { format!("{file}:{}:{}", column.line, column.column) }
}

/// The way on from a column that is not there.
fn nearest(column: &Placed<String>, look: &Look, key: &str) -> String {
    let hint = did_you_mean(&column.value, &look.columns, "the list has");
    // A key that stands nowhere has to be written.
    let hint =
        if column.line == 0 { format!("{hint}\nhint: name the column of addresses by {key} = \"…\"") } else { hint };
    match (&look.sheet, &look.inner) {
        (Some((name, others)), _) if !others.is_empty() => format!(
            "{hint}\nhint: that is the sheet {name:?}; if the list is another one, sheet in [recipients] names that: {}",
            others.iter().map(|other| format!("sheet = {other:?}")).collect::<Vec<_>>().join(", ")
        ),
        (None, Some(inner)) => format!(
            "{hint}\nhint: an array of objects stands under {inner:?}: if that is the list, give it alone (jq .{inner} LIST > list.json)"
        ),
        _ => hint,
    }
}

fn compile(campaign: &CampaignConfig, spec: Spec, columns: &Columns) -> Result<Composer, Refused> {
    Composer::compile(spec, &columns.names, &campaign.recipients.email.value).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(|error| placed(campaign, error)).collect();
        let findings = errors.iter().map(|error| of_content(campaign, error)).collect();
        Refused { failure: Failure::usage(lines.join("\n")), findings, files: Vec::new() }
    })
}

/// What is worth knowing of a campaign's content before it is sent.
fn findings(config: &EngineConfig, campaign: &CampaignConfig, spec: &Spec) -> Vec<Finding> {
    let at = |placed: &Placed<String>| format!("{}:{}:{}", campaign.file.display(), placed.line, placed.column);
    let mut found = signing::findings(config, &campaign.from.value, &at(&campaign.from));
    found.extend(texts::findings(campaign));
    found.extend(config.engine.suppression.iter().filter_map(|file| nobody_in(file)));
    for (_, value) in campaign.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cc")) {
        let says = "Cc names people who get no copy: a letter goes to the recipients of the list alone";
        found.push(Finding::new(Severity::Warning, "cc-gets-nothing", at(value), says).hint("put them on the list"));
    }
    for (file, given) in spec.attachments.iter().zip(&campaign.attachments) {
        let kind = file.media_type.to_ascii_lowercase();
        if !kind.starts_with("text/") || kind.contains("charset") || charset_of(&file.bytes).is_some() {
            continue;
        }
        let place = format!("{}:{}:{}", campaign.file.display(), given.place.0, given.place.1);
        let says = format!("{} is a text whose octets do not tell its charset: readers guess", file.file_name);
        let hint = format!("save it as UTF-8, or say what it is: type = \"{}; charset=windows-1252\"", file.media_type);
        found.push(Finding::new(Severity::Warning, "text-without-charset", place, says).hint(hint));
    }
    found
}

/// That a suppression file names nobody: an export that has failed looks so.
fn nobody_in(file: &Path) -> Option<Finding> {
    const OCTETS_MAX: u64 = 64 << 10;
    // What is no file is refused when it is read for good; a pipe would be waited for here.
    std::fs::metadata(file).ok().filter(|found| found.is_file() && found.len() < OCTETS_MAX)?;
    let octets = std::fs::read(file).ok()?;
    let text = charset::decode(&octets).map(|text| text.text).ok()?;
    let is_entry = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let says = "the suppression file has no entry: nobody is left out for it";
    let finding = Finding::new(Severity::Warning, "empty-suppression", file.display().to_string(), says);
    (!text.split(['\n', '\r']).any(is_entry))
        .then(|| finding.hint("if that is wrong, export it again before anything is sent"))
}

/// A letter that is drawn up: what is composed, and what is known of how it came.
struct Drawn {
    spec: Spec,
    /// See [`Content::fingerprint`].
    fingerprint: String,
    written: Manuscript,
    /// What came of the treatment of its HTML.
    notes: Vec<Remark>,
    /// See [`Content::files`].
    files: Vec<PathBuf>,
}

fn draw(
    config: &EngineConfig,
    campaign: &CampaignConfig,
    identity_key: [u8; 32],
    campaign_number: u32,
) -> Result<Drawn, Failure> {
    // From here on tags are in braces, however people write them.
    let braces = |text: &String| campaign.syntax.in_braces(text).into_owned();
    let value = |placed: &Option<Placed<String>>| placed.as_ref().map(|p| braces(&p.value));
    let template = |path: &Option<PathBuf>| path.as_deref().map(|path| texts::template(campaign, path)).transpose();
    let unsubscribe = campaign.unsubscribe.as_ref();
    let mut spec = Spec {
        name: campaign.name.clone(),
        syntax: campaign.syntax,
        encoding: campaign.encoding,
        from: braces(&campaign.from.value),
        to: Some(braces(&campaign.to.value)),
        reply_to: value(&campaign.reply_to),
        return_path: value(&campaign.return_path),
        subject: braces(&campaign.subject.value),
        html: template(&campaign.html)?,
        text: template(&campaign.text)?,
        partials: BTreeMap::new(),
        types: Vec::new(),
        is_json: types::is_json(campaign),
        empty_is_text: campaign.recipients.empty_cells == EmptyCells::Text,
        locale: value(&campaign.locale),
        headers: campaign.headers.iter().map(|(name, text)| (name.clone(), braces(&text.value))).collect(),
        attachments: campaign.attachments.iter().map(texts::attachment).collect::<Result<_, _>>()?,
        unsubscribe_url: unsubscribe.and_then(|u| value(&u.url)),
        unsubscribe_mailto: unsubscribe.and_then(|u| value(&u.mailto)),
        list_id: value(&campaign.list_id),
        feedback_id: value(&campaign.feedback_id),
        message_id_domain: None,
        errors: Vec::new(),
        is_incomplete: false,
        origins: Vec::new(),
        signers: Vec::new(),
        identity_key: [0; 32],
        campaign_number: 0,
        share_block: config.delivery.recipients_per_transaction,
    };
    let mut files = Vec::new();
    spec.partials = partials::of(campaign, &spec, &mut files);
    let written = Manuscript::of(&spec);
    let mut folder = Folder::of(&campaign.file);
    let treated = content::treat(&mut spec, &wanted(campaign), &mut folder);
    files.extend(folder.asked());
    let fingerprint = fingerprint(&spec);
    spec.signers = signing::signers(config, &spec.from)?;
    spec.identity_key = identity_key;
    spec.campaign_number = campaign_number;
    let (written, notes) = (written.with(&treated.pieces), treated.notes);
    Ok(Drawn { spec, fingerprint, written, notes, files })
}

/// The preheader, its tags in braces.
fn preheader(campaign: &CampaignConfig) -> Option<String> {
    let written = campaign.page.preheader.as_ref()?;
    Some(campaign.syntax.in_braces(&written.value).into_owned())
}

/// What the campaign wants made of its HTML.
fn wanted(campaign: &CampaignConfig) -> Treatment {
    let page = &campaign.page;
    let preheader = preheader(campaign);
    let braces = |text: &String| campaign.syntax.in_braces(text).into_owned();
    let value = |placed: &Option<Placed<String>>| placed.as_ref().map(|p| braces(&p.value));
    Treatment {
        text: page.text_from_html,
        inline_css: page.inline_css,
        preheader,
        utm: page.utm.iter().map(|(name, text)| (name.clone(), braces(&text.value))).collect(),
        base_url: value(&page.base_url),
        embed_images: page.embed_images,
    }
}

/// SHA-256 over everything that a recipient would see of the content: not where its files lie, nor what it is called here.
fn fingerprint(spec: &Spec) -> String {
    let Spec { from, to, reply_to, return_path, subject, headers, attachments, list_id, feedback_id, .. } = spec;
    let [html, text] = [&spec.html, &spec.text].map(|part| part.as_ref().map(|source| &source.text));
    let unsubscribe = (&spec.unsubscribe_url, &spec.unsubscribe_mailto);
    let head = (from, to, reply_to, return_path, subject, headers, list_id, feedback_id, unsubscribe);
    let files: Vec<_> = attachments
        .iter()
        .map(|file| (&file.file_name, &file.media_type, &file.inline_id, hex(digest(&SHA256, &file.bytes).as_ref())))
        .collect();
    let mut whole = format!("{:?}", (head, html, text, files));
    // What a campaign does not use leaves its content what it was.
    let read: Vec<_> =
        spec.partials.iter().filter_map(|(name, file)| Some((name, &file.as_ref().ok()?.text))).collect();
    let alternative: Vec<_> = attachments.iter().filter(|file| file.alternative).map(|file| &file.file_name).collect();
    let used = [
        (!read.is_empty()).then(|| format!("{read:?}")),
        (!alternative.is_empty()).then(|| format!("{alternative:?}")),
        spec.locale.as_ref().map(|locale| format!("{locale:?}")),
    ];
    used.iter().flatten().for_each(|said| whole.push_str(said));
    hex(digest(&SHA256, whole.as_bytes()).as_ref())
}

/// Reads a file that a configuration or a campaign names.
///
/// # Errors
/// It cannot be read.
pub(super) fn read(path: &Path, what: &str) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| {
        let usual = remedy::of(&e).unwrap_or("paths are relative to the file that names them");
        let hint = hint_if_not_handed(path).unwrap_or(usual);
        Failure::usage(format!("{what} {} cannot be read: {e}\nhint: {hint}", path.display()))
    })
}
