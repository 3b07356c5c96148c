//! `posthaste send --dry-run`: everything but sending.
//!
//! Loads the list into a table of its own (thrown away afterwards), renders every row, looks every domain up, and shows
//! what would go where. Guarantees: nothing is sent, and the campaign's own directory is not touched; the rows that were
//! rejected are listed in a file that stays.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use super::super::check::{Looked, Reading, file_of};
use super::super::cli::SendArgs;
use super::super::config::{CampaignConfig, EngineConfig};
use super::super::destination::{self, Destination};
use super::super::exit::{Exit, Failure};
use super::super::figures::{self, count, size};
use super::super::shown::{Shown, TEXT_COLUMNS};
use super::super::signals::Signals;
use super::content::{self, Content};
use super::scratch::Scratch;
use super::{galley, list, prepare, watch};
use crate::base::clock::UnixTime;
use crate::base::many::Many;
use crate::base::remedy;
use crate::engine::directory::Directory;
use crate::engine::loader::{self, LoadError, LoadSpec, Onlooker, REJECTS, Rejections};
use crate::engine::message::{Chunk, RenderJob};
use crate::engine::policy::Policies;
use crate::engine::render::Press;
use crate::engine::router::{RouteAsk, Router};
use crate::engine::table::{Manifest, Table, TableWriter, Totals};
use crate::mail::finding::Finding;
use crate::mail::reply::Printable;
use crate::observe::terminal;
use crate::queue::Rows;
use crate::wire::clock::unix_now;
use serde_json::json;

/// Messages that are shown whole.
const SAMPLES: usize = 3;
/// Rows rendered at once.
const ROWS: u32 = 256;
/// Problems and sites that are listed.
const LISTED: usize = 20;

/// Runs the command.
///
/// # Errors
/// Bad input; also rows that cannot be rendered.
pub fn run(
    args: &SendArgs,
    config: &EngineConfig,
    campaign: &CampaignConfig,
    destination: Option<&Destination>,
    signals: &Signals,
) -> Result<Exit, Failure> {
    // Without a destination everything that is configured for the world is checked all the same.
    let exchangers = Destination::Exchangers(config.delivery.port);
    let delivery = prepare::delivery(args, destination.unwrap_or(&exchangers), config, campaign)?;
    if destination.is_some_and(|destination| !destination.is_sink()) {
        super::names::warn_of(&delivery.sources);
    }
    let scratch = Scratch::make(&args.data(config), "dry-run")?;
    let key = prepare::random_key()?;
    let given = list::given(campaign, &scratch.path().join(&campaign.name), false)?;
    let given = given.ok_or_else(|| Failure::usage("there is no list"))?;
    let (content, columns) = content::first(config, campaign, &given.list, key, 1, destination)?;
    content.check()?;
    let manifest = Manifest::new(&campaign.name, 1, unix_now().0, key, &columns);
    let reading = Reading::new(watch::progress_of(args));
    let (home, content_of) = (scratch.path(), Some(&content));
    let loading = Loading { config, campaign, home, content: content_of, onlooker: Some(&reading) };
    let mut loaded = loading.load(given.list.clone(), manifest, signals);
    drop(reading);
    let file = file_of(campaign);
    let looked =
        Looked { file, home: scratch.path(), list: &given.list, campaign, content: Some(&content), rows_max: u64::MAX };
    let rejected = looked.rejected();
    let kept = keep_rejects(args, &campaign.name, scratch.path())?;
    match &mut loaded {
        Ok(list) => list.rejects = kept,
        Err(Unloaded { failure, rejections }) => {
            // The scratch goes, the file does not.
            let there = scratch.path().join(REJECTS).display().to_string();
            failure.message = failure.message.replace(&there, kept.as_deref().unwrap_or(&there));
            if let Some(rejections) = rejections.as_ref().filter(|_| args.json) {
                let (campaign, rejected) = (&campaign.name, rejections.rejected);
                let object = json!({ "campaign": campaign, "rejected": rejected, "rejects_file": kept });
                super::super::print_out(&format!("{object}\n"))?;
            }
        }
    }
    let mut loaded = loaded.map_err(|unloaded| unloaded.failure)?;
    let table = Arc::new(Table::open(scratch.path()).map_err(|e| Failure::failed(e.to_string()))?);
    let recipients_max = config.delivery.recipients_per_transaction;
    let of_rows = looked.rows(&table, &loaded.suppressed_rows)?;
    loaded.found.extend(rejected.into_iter().chain(of_rows));
    let leaves = !destination.is_some_and(Destination::is_sink);
    loaded.found.extend(super::super::check::of_sent(&content.findings, leaves));
    let rendered = render(&table, content, loaded.rows(), recipients_max, signals)?;
    let sites = match destination {
        None => None,
        Some(destination) => {
            let policies = Policies::new(super::tls::rules_for(config, campaign), None);
            let (_sink, directory) = super::directory(destination, &policies)?;
            Some(sites(config, directory, &loaded.domains, signals)?)
        }
    };
    let shown: Vec<&str> = rendered.samples.iter().map(|(to, _)| to.as_str()).collect();
    let lines = galley::lines_of(&given.list, &campaign.recipients.email.value, &shown)?;
    let mut text = tell(campaign, &loaded, &rendered, &lines, sites.as_deref());
    let _ = match destination {
        Some(destination) => writeln!(text, "\nDestination: {}", destination.words()),
        None => writeln!(text, "\nDestination: none is chosen, and until one is, send refuses.\n{}", destination::WAYS),
    };
    if args.json {
        super::super::print_out(&format!("{}\n", object(campaign, &loaded, &rendered, destination)))?;
    } else {
        super::super::print_folded(&text)?;
    }
    if rendered.refused.is_empty() {
        return Ok(Exit::Settled);
    }
    let refused = Many(rendered.refused_count, "row", "rows");
    Err(Failure::usage(format!("{refused} cannot be rendered: see above")))
}

/// Puts the list of rejected rows where it stays, and says where that is; `None` where there are none: then none of an earlier
/// run stays either.
fn keep_rejects(args: &SendArgs, name: &str, scratch: &Path) -> Result<Option<String>, Failure> {
    let (Some(to), from) = (list::rejects_kept(args, name), scratch.join(REJECTS)) else { return Ok(None) };
    let lines = std::fs::read(&from).map_or(0, |text| memchr::memchr_iter(b'\n', &text).take(2).count());
    if lines < 2 {
        let _ = std::fs::remove_file(&to);
        return Ok(None);
    }
    let folder = to.parent().map_or(Ok(()), crate::wire::disk::access::make_directory);
    let kept = folder.and_then(|()| std::fs::rename(&from, &to));
    kept.map_err(|e| Failure::failed(format!("{} cannot be written: {}", to.display(), remedy::told(&e))))?;
    Ok(Some(to.display().to_string()))
}

/// What a list came to.
pub struct Loaded {
    /// What its records came to.
    pub totals: Totals,
    /// What is worth knowing of its rows.
    pub found: Vec<Finding>,
    /// Where the rejected ones are listed.
    rejects: Option<String>,
    /// Of its rows, who is on a suppression list.
    pub suppressed: u64,
    /// The numbers of these.
    pub suppressed_rows: Vec<Range<u32>>,
    /// Each domain and its recipients.
    pub domains: Vec<(Arc<str>, u64)>,
}

impl Loaded {
    fn rows(&self) -> u32 {
        u32::try_from(self.totals.rows).unwrap_or(u32::MAX)
    }
}

/// Why a list was not loaded.
pub struct Unloaded {
    /// Why.
    pub failure: Failure,
    /// The rejected records, where they were too many.
    pub rejections: Option<Rejections>,
}

impl From<Failure> for Unloaded {
    fn from(failure: Failure) -> Self {
        Self { failure, rejections: None }
    }
}

/// A list that is loaded into a table of its own.
pub struct Loading<'a> {
    /// The engine's configuration.
    pub config: &'a EngineConfig,
    /// The campaign.
    pub campaign: &'a CampaignConfig,
    /// The directory of the table, which is made.
    pub home: &'a Path,
    /// The letter; without it only addresses are looked at.
    pub content: Option<&'a Content>,
    /// Who looks on.
    pub onlooker: Option<&'a dyn Onlooker>,
}

impl Loading<'_> {
    /// Loads it.
    ///
    /// # Errors
    /// The list, or too many of its rows; the suppression; the disk.
    pub fn load(&self, from: loader::List, manifest: Manifest, signals: &Signals) -> Result<Loaded, Unloaded> {
        let failed = |e: std::io::Error| Failure::failed(e.to_string());
        let mut table = TableWriter::create(self.home, manifest).map_err(failed)?;
        let load = prepare::load(self.config, self.campaign, from, self.content, table.manifest())?;
        let suppression = load.suppressions.in_force().set;
        let spec = LoadSpec {
            list: load.list,
            email: load.email,
            header_columns: load.header_columns,
            letter: self.content.map(|content| &content.composer),
            max_rejected: load.max_rejected,
            suppression: &suppression,
            readmitted: &[],
            quiet: load.quiet,
            onlooker: self.onlooker,
        };
        let (totals, found, domains) = (Totals::default(), Vec::new(), Vec::new());
        let mut list = Loaded { totals, found, rejects: None, suppressed: 0, suppressed_rows: Vec::new(), domains };
        let mut end = Ok(());
        loader::load(&spec, &mut table, signals.stop(), |loaded| {
            match loaded {
                loader::Loaded::Chunk(chunk) => {
                    list.take(chunk);
                    return ControlFlow::Continue(());
                }
                loader::Loaded::Found(finding) => {
                    list.found.push(finding);
                    return ControlFlow::Continue(());
                }
                loader::Loaded::End(totals) => list.totals = totals,
                loader::Loaded::Stopped(rejections) => {
                    let failure = Failure::usage(rejections.to_string());
                    end = Err(Unloaded { failure, rejections: Some(rejections) });
                }
                loader::Loaded::Failed(error) => {
                    let failure = Failure::usage(error.to_string());
                    let rejections = match error {
                        LoadError::TooManyRejected { rejections, .. } => Some(rejections),
                        _ => None,
                    };
                    end = Err(Unloaded { failure, rejections });
                }
            }
            ControlFlow::Break(())
        });
        signals.check()?;
        end?;
        match list.totals {
            Totals { rows: 0, rejected: 1.., .. } => Err(watch::all_rejected(list.totals.rejected).into()),
            _ => Ok(list),
        }
    }
}

impl Loaded {
    fn take(&mut self, chunk: Chunk) {
        self.suppressed += u64::from(chunk.suppressed);
        self.suppressed_rows.extend(Some(chunk.suppressed_rows()).filter(|rows| !rows.is_empty()));
        self.domains.extend(chunk.new_domains.into_iter().map(|name| (name, 0)));
        for run in &chunk.runs {
            if let Some((_, count)) = self.domains.get_mut(run.domain as usize) {
                *count += u64::from(run.count);
            }
        }
    }
}

/// What rendering every row brought.
#[derive(Default)]
struct Rendered {
    messages: u64,
    octets: u64,
    octets_min: usize,
    octets_max: usize,
    samples: Vec<(String, Vec<u8>)>,
    refused: Vec<(u32, String)>,
    refused_count: u64,
    /// Recipients whose Subject came out empty.
    subjects_empty: u64,
    letters_empty: u64,
}

fn render(
    table: &Arc<Table>,
    content: Content,
    rows: u32,
    recipients_max: u32,
    signals: &Signals,
) -> Result<Rendered, Failure> {
    let mut press = Press::new(table.clone(), Arc::new(content.composer), recipients_max as usize);
    let mut all = Rendered { octets_min: usize::MAX, ..Rendered::default() };
    for first in (0..rows).step_by(ROWS as usize) {
        signals.check()?;
        let count = ROWS.min(rows - first);
        let job = RenderJob { shard: 0, job: 0, rows: Rows::Run { first, count }, domain: None, date: unix_now() };
        let done = press.render(&job);
        if let Some(reason) = done.failed {
            return Err(Failure::failed(reason));
        }
        for message in done.messages {
            let octets = message.content.len();
            all.messages += 1;
            all.octets += octets as u64;
            all.octets_min = all.octets_min.min(octets);
            all.octets_max = all.octets_max.max(octets);
            if all.samples.len() < SAMPLES {
                let to = String::from_utf8_lossy(message.envelope.forward_path(0)).into_owned();
                all.samples.push((to, message.content.to_vec()));
            }
        }
        all.subjects_empty += done.subjects_empty;
        all.letters_empty += done.letters_empty;
        all.refused_count += done.refused.len() as u64;
        let room = LISTED.saturating_sub(all.refused.len());
        all.refused.extend(done.refused.into_iter().take(room));
    }
    Ok(all)
}

/// Recipients by site, most first; what has no route stands under its reason.
fn sites(
    config: &EngineConfig,
    directory: Directory,
    domains: &[(Arc<str>, u64)],
    signals: &Signals,
) -> Result<Vec<(String, u64)>, Failure> {
    let directory = Arc::new(directory);
    let mut sites: HashMap<String, u64> = HashMap::new();
    let fixed = directory.get("", UnixTime(0)).filter(|_| !directory.needs_look_ups());
    if let Some(site) = fixed {
        let all = domains.iter().map(|(_, count)| count).sum();
        return Ok(vec![(site.site.name.to_string(), all)]);
    }
    let (asks_to, asks) = crossbeam_channel::unbounded();
    let (answers_to, answers) = crossbeam_channel::unbounded();
    let deliver = Box::new(move |_, answer| _ = answers_to.send(answer));
    let router = Router::spawn(&prepare::resolver(config), directory, Policies::default(), asks, deliver)
        .map_err(|e| Failure::failed(e.to_string()))?;
    for (number, (name, _)) in (0u32..).zip(domains) {
        let _ = asks_to.send(RouteAsk { domain: number, name: name.clone(), shard: 0, fresh: false });
    }
    for _ in domains {
        let Ok(answer) = answers.recv() else { break };
        signals.check()?;
        let count = domains.get(answer.domain as usize).map_or(0, |(_, count)| *count);
        let name = match &answer.result {
            Ok(site) => site.site.name.to_string(),
            Err(error) => format!("(no route: {})", error.reply),
        };
        *sites.entry(name).or_default() += count;
    }
    drop(asks_to);
    router.join();
    let mut sites: Vec<_> = sites.into_iter().collect();
    sites.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(sites)
}

/// The same for programs.
fn object(
    campaign: &CampaignConfig,
    list: &Loaded,
    rendered: &Rendered,
    to: Option<&Destination>,
) -> serde_json::Value {
    let totals = &list.totals;
    json!({
        "campaign": campaign.name,
        "destination": to.map(ToString::to_string),
        "loaded": totals.rows,
        "rejected": totals.rejected,
        "rejects_file": list.rejects,
        "cleaned": totals.cleaned,
        "duplicates": totals.duplicates,
        "suppressed": list.suppressed,
        "domains": list.domains.len(),
        "messages": rendered.messages,
        "octets": rendered.octets,
        "unmade": rendered.refused_count,
        "subjects_empty": rendered.subjects_empty,
        "findings": list.found.iter().map(super::super::check::as_json).collect::<Vec<_>>(),
    })
}

fn tell(
    campaign: &CampaignConfig,
    list: &Loaded,
    rendered: &Rendered,
    lines: &HashMap<String, u64>,
    sites: Option<&[(String, u64)]>,
) -> String {
    let mut text = format!("Campaign {}: nothing is sent.\n\n", campaign.name);
    let totals = &list.totals;
    let mut line = |name: &str, value: String| _ = writeln!(text, "  {name:<14}{value}");
    line("recipients", count(totals.rows));
    line("suppressed", count(list.suppressed));
    line("rejected", count(totals.rejected));
    line("duplicates", count(totals.duplicates));
    if totals.cleaned > 0 {
        line("cleaned", format!("{} (addresses with something around them)", count(totals.cleaned)));
    }
    if let Some(file) = &list.rejects {
        line("rejects file", file.clone());
    }
    line("domains", count(list.domains.len() as u64));
    if let Some(mean) = rendered.octets.checked_div(rendered.messages) {
        line("messages", count(rendered.messages));
        let [least, most] = [rendered.octets_min, rendered.octets_max].map(|octets| size(octets as u64));
        line("size", format!("{least} to {most}, {} on average", size(mean)));
    }
    if rendered.subjects_empty > 0 {
        let _ = writeln!(text, "  {:<14}{}", "no subject", count(rendered.subjects_empty));
    }
    if rendered.letters_empty > 0 {
        let _ = writeln!(text, "  {:<14}{}", "empty letters", rendered.letters_empty);
    }
    for Finding { severity, place, says, hint, .. } in &list.found {
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        // A backslash is common in what people write, and harmless.
        let escaped = |text: &str| Printable(text.as_bytes()).to_string().replace("\\\\", "\\");
        let _ = writeln!(text, "\n{}: {}", severity.word(), escaped(&format!("{place}{says}")));
        if !hint.is_empty() {
            let _ = writeln!(text, "hint: {}", escaped(hint));
        }
    }
    if let Some(sites) = sites {
        by_site(sites, &mut text);
    }
    for (row, why) in &rendered.refused {
        let _ = writeln!(text, "\nrow {row} of the table cannot be rendered: {}", Printable(why.as_bytes()));
    }
    let columns = terminal::columns_out().unwrap_or(TEXT_COLUMNS).min(TEXT_COLUMNS);
    for (to, content) in &rendered.samples {
        let line = lines.get(to).map_or(String::new(), |line| format!("line {line}, "));
        let _ = writeln!(text, "\n--- {line}{}: {}", Printable(to.as_bytes()), size(content.len() as u64));
        for line in Shown::read(content).as_text(columns).lines() {
            let _ = writeln!(text, "{}", escaped(line));
        }
    }
    text
}

/// A line of a letter for a terminal: whatever is text stays as it is, but for what would turn the rest of the line about.
fn escaped(line: &str) -> String {
    let lies = |c: char| {
        let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        turns || (c.is_control() && c != '\t')
    };
    line.chars().map(|c| if lies(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

fn by_site(sites: &[(String, u64)], text: &mut String) {
    text.push_str("\nBy site\n");
    for (name, count) in sites.iter().take(LISTED) {
        let _ = writeln!(text, "  {:>10}  {}", figures::count(*count), Printable(name.as_bytes()));
    }
    if sites.len() > LISTED {
        let _ = writeln!(text, "  and {} more", sites.len() - LISTED);
    }
}
