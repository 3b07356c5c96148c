//! `posthaste send --test`: a sample of the letter to somebody of our own, by the way that the campaign's mail goes.
//!
//! It is a small campaign of its own, in a folder that is thrown away: the sources, the routes, TLS, logins and signatures are
//! the real ones, and so are the headers. Guarantees: the campaign itself is neither read nor written, whether it has begun or
//! not; `email` and the token are the sample's, so that nobody of the list is written to or unsubscribed by them; the subject and a header
//! say that it is a test; each address is tried once, and the exit code says whether all of them were delivered. Leaves to
//! others: whose columns it shows (`galley`), and sending (`engine`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::cli::SendArgs;
use super::super::config::{CampaignConfig, EngineConfig, Placed};
use super::super::destination::Destination;
use super::super::exit::{Exit, Failure};
use super::super::signals::Signals;
use super::galley::{Galley, NO_CAMPAIGN, Recipient};
use super::scratch::Scratch;
use super::watch::notice;
use super::{content, list, names, prepare, tls, trace};
use crate::base::many::Many;
use crate::engine::campaign::{Campaign, Opening, journal_of};
use crate::engine::load::Load;
use crate::engine::loader::List;
use crate::engine::run::{Engine, OpenFiles, Setup};
use crate::engine::suppression::Suppression;
use crate::engine::suppressions::Suppressions;
use crate::engine::table::{Manifest, Pending, Progress, TableWriter};
use crate::mail::reply::Printable;
use crate::mail::{Disposition, Mailbox, address};
use crate::observe::{Observer, terminal};
use crate::wire::clock::unix_now;
use crate::wire::disk::Files;
use crate::wire::ring;

/// The header that says that it is a test; its value names the campaign.
const HEADER: &str = "X-Posthaste-Test";
/// What stands before the subject.
const MARK: &str = "[Test] ";
/// Rows of the list that are read where no certain one is asked for.
const FIRST_ROWS: usize = 1;
/// How often the engine is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Where nothing has come further for so long, and nothing is under way, no server is to be had.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many may get a sample.
const MOST: usize = 50;

/// Runs it.
///
/// # Errors
/// Bad input, or the machine; that it was not delivered is an exit code.
pub fn run(
    args: &SendArgs,
    config: &EngineConfig,
    campaign: &CampaignConfig,
    destination: &Destination,
    signals: &Signals,
) -> Result<Exit, Failure> {
    let testers = testers(&args.test)?;
    let delivery = prepare::delivery(args, destination, config, campaign)?;
    if !destination.is_sink() {
        names::warn_of(&delivery.sources);
    }
    let data = args.data(config);
    let scratch = Scratch::make(&data, "dry-run")?;
    let given = list::given(campaign, &scratch.path().join(&campaign.name), false)?;
    // A list that came as a stream lies in a file for as long as this is kept.
    let given = given.ok_or_else(|| Failure::usage("there is no list"))?;
    let list = given.list.clone();
    let rows_max = if args.row.is_some() { usize::MAX } else { FIRST_ROWS };
    let galley = Galley::pull(config, campaign, &list, &scratch.path().join("galley"), rows_max, signals.stop())?;
    signals.check()?;
    let number =
        args.row.as_ref().map_or(Ok(1), |row| galley.find(row)).map_err(|e| Failure::usage(format!("--row: {e}")))?;
    let recipient = galley.recipient(number)?;
    // What this row's letter fails on is said with the row.
    galley.compose(number)?;
    tell(campaign, destination, &recipient, config, &testers)?;
    let sample =
        Sample { args, config, campaign, destination, list: &list, galley: &galley, number, testers: &testers };
    let home = scratch.path().join("sample");
    let (made, setup, sink) = sample.make(&home, delivery)?;
    signals.engage()?;
    let bound = send(made, setup, signals)?;
    if let Some(sink) = sink {
        sink.stop().map_err(|e| Failure::failed(format!("the built-in receiver: {e}")))?;
    }
    conclude(args, &home, &testers, &bound)
}

/// Whom the sample goes to.
fn testers(given: &[String]) -> Result<Vec<Mailbox>, Failure> {
    let mut testers: Vec<Mailbox> = Vec::new();
    for text in given.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        let tester = Mailbox::parse(text.as_bytes()).map_err(|e| Failure::usage(format!("--test {text}: {e}")))?;
        if !testers.iter().any(|known| known.as_str() == tester.as_str()) {
            testers.push(tester);
        }
    }
    match testers.len() {
        0 => Err(Failure::usage("--test: it names nobody\nhint: --test you@example.org")),
        1..=MOST => Ok(testers),
        many => Err(Failure::usage(format!("--test: {many} addresses; a sample goes to {MOST} at the most"))),
    }
}

/// Says what is about to be sent, and what the campaign itself would not do.
fn tell(
    campaign: &CampaignConfig,
    destination: &Destination,
    recipient: &Recipient,
    config: &EngineConfig,
    testers: &[Mailbox],
) -> Result<(), Failure> {
    let Recipient { line, mailbox, suppressed, .. } = recipient;
    notice(&format!(
        "A sample of campaign {}, as for {mailbox} (line {line}), destination: {}\n",
        campaign.name,
        destination.words()
    ));
    if *suppressed {
        warn(&format!("note: {mailbox} is on the suppression list: the campaign sends nothing there\n"));
    }
    let others = columns_of_unsubscribing(campaign);
    if !others.is_empty() {
        warn(&format!(
            "note: what unsubscribes in it is made from {}: it is the one of {mailbox}, not yours\n",
            others.join(", ")
        ));
    }
    let suppression = Suppression::read(random_secret()?, &config.engine.suppression);
    let suppression = suppression.map_err(|e| Failure::usage(e.to_string()))?;
    for tester in testers {
        let mut folded = Vec::new();
        let at = address::fold_into(tester.as_str().as_bytes(), tester.local_part().len(), &mut folded);
        // Of whoever the sample is made for it is said above.
        let is_said = *suppressed && tester.as_str() == mailbox;
        if !is_said && suppression.contains(&folded, at) {
            warn(&format!(
                "note: {tester} is on the suppression list: the campaign would send nothing there; the sample goes all the same\n"
            ));
        }
    }
    Ok(())
}

/// Says what nobody should miss, whoever wants quiet.
fn warn(text: &str) {
    terminal::warn(text);
}

/// The columns that say who unsubscribes, besides what is the sample's own.
pub fn columns_of_unsubscribing(campaign: &CampaignConfig) -> Vec<String> {
    let own = ["email", "token", "campaign", campaign.recipients.email.value.as_str()];
    let unsubscribe = campaign.unsubscribe.as_ref();
    let texts = unsubscribe.into_iter().flat_map(|unsubscribe| unsubscribe.url.iter().chain(&unsubscribe.mailto));
    let environment = minijinja::Environment::new();
    let mut names: Vec<String> = texts
        .filter_map(|text| {
            environment.template_from_str(&text.value).ok().map(|template| template.undeclared_variables(false))
        })
        .flatten()
        .filter(|name| !own.contains(&name.as_str()))
        .collect();
    names.sort();
    names.dedup();
    names
}

fn random_secret() -> Result<[u8; 16], Failure> {
    Ok(prepare::random_key()?.first_chunk::<16>().copied().unwrap_or_default())
}

/// What a sample is made of.
struct Sample<'a> {
    args: &'a SendArgs,
    config: &'a EngineConfig,
    campaign: &'a CampaignConfig,
    destination: &'a Destination,
    list: &'a List,
    galley: &'a Galley,
    number: usize,
    testers: &'a [Mailbox],
}

impl Sample<'_> {
    /// Makes the sample's own campaign in `home`, and what the engine is started with.
    fn make(
        &self,
        home: &std::path::Path,
        delivery: crate::engine::settings::Delivery,
    ) -> Result<(Campaign, Setup, Option<crate::sink::Running>), Failure> {
        let &Self { args, config, campaign, destination, list, .. } = self;
        let failed = |e: std::io::Error| Failure::failed(e.to_string());
        let marked = marked(campaign);
        let key = prepare::random_key()?;
        let (content, columns) = content::first(config, &marked, list, key, NO_CAMPAIGN, Some(destination))?;
        if columns != self.galley.columns() {
            return Err(Failure::usage("the list or the templates changed meanwhile\nhint: the same command again"));
        }
        let mut disk = Files::open(&journal_of(home)).map_err(|fault| Failure::failed(fault.to_string()))?;
        let manifest = Manifest::new(&campaign.name, NO_CAMPAIGN, unix_now().0, key, &columns);
        let mut made = Campaign::create(home, manifest, &mut disk).map_err(|e| Failure::failed(e.to_string()))?;
        self.fill(&mut made.table).map_err(failed)?;
        drop(made);
        let opened =
            Campaign::open(home, &mut disk, &Opening::at(unix_now())).map_err(|e| Failure::failed(e.to_string()))?;
        let limit = ring::raise_descriptor_limit();
        let limit = limit.map_err(|e| Failure::failed(format!("the limit on open files: {e}")))?;
        let client = tls::client(config)?;
        let policies = tls::policies(config, tls::rules_for(config, campaign), &args.data(config))?;
        let (sink, directory) = super::directory(destination, &policies)?;
        super::find_smarthost(config, &directory, &policies)?;
        let nobody = Suppressions::read(random_secret()?, &[]).map_err(|e| Failure::usage(e.to_string()))?;
        let setup = Setup {
            events: None,
            trace: trace::begin(args, config.log.level)?,
            disk: Box::new(disk),
            composer: Arc::new(content.composer),
            // One bounce of one is no reason to hold anything.
            delivery: crate::engine::settings::Delivery { max_bounced: None, ..delivery },
            directory: Arc::new(directory),
            resolver: prepare::resolver(config),
            policies,
            tally: None,
            tls: client,
            shards: 1,
            render_threads: 1,
            observer: Observer::off(),
            journal_window: config.journal.window,
            hosts: home.join("hosts.jsonl"),
            load: Load {
                list: list.clone(),
                email: campaign.recipients.email.value.clone(),
                header_columns: content.header_columns,
                max_rejected: 1.0,
                suppressions: nobody,
                readmitted: Vec::new(),
                quiet: Duration::ZERO,
            },
            open_files: OpenFiles { limit, each: if sink.is_some() { 2 } else { 1 } },
        };
        Ok((opened, setup, sink))
    }

    /// A row for each tester, with the columns of the one that was chosen.
    fn fill(&self, table: &mut TableWriter) -> std::io::Result<()> {
        let fields = self.galley.fields(self.number).map_err(|failure| std::io::Error::other(failure.message))?;
        let mut pending = Pending::new();
        for tester in self.testers {
            let domain = table.domain(tester.domain());
            let fields = fields.iter().map(Vec::as_slice);
            if !pending.push(tester.as_str().as_bytes(), tester.local_part().len(), domain, false, fields, []) {
                return Err(std::io::Error::other("the row is longer than a row may be"));
            }
        }
        let progress = Progress { records: self.testers.len() as u64, ..Progress::default() };
        table.commit(&mut pending, progress, None)?;
        table.complete(progress, 0, None).map(drop)
    }
}

/// The campaign with what says that it is a test.
fn marked(campaign: &CampaignConfig) -> CampaignConfig {
    let mut marked = campaign.clone();
    marked.subject.value.insert_str(0, MARK);
    marked.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(HEADER));
    marked.headers.push((HEADER.to_owned(), Placed::nowhere(campaign.name.clone())));
    marked
}

/// Sends it: until everybody was tried once, or nothing moves. What bound it then, if somebody still waits.
fn send(campaign: Campaign, setup: Setup, signals: &Signals) -> Result<String, Failure> {
    let engine = Engine::start(campaign, setup).map_err(|e| Failure::failed(e.to_string()))?;
    let (mut bound, mut moved, mut before, mut ends) = (String::new(), Instant::now(), None, 0);
    let mut is_draining = false;
    while !engine.is_finished() {
        let shown = engine.board().total();
        let c = &shown.counters;
        // Recipients are taken up and put back while no server is to be had: that is no progress.
        let now = Some((c.loaded, c.deferrals, c.sessions, c.transactions));
        if now != before {
            (before, moved) = (now, Instant::now());
        }
        let is_idle = c.in_flight == 0 && c.open_sessions == 0;
        let all_tried = c.loaded > 0 && c.waiting > 0 && c.deferred == c.waiting && c.in_flight == 0;
        let interrupted = signals.ends() > ends;
        // What holds the mailing is said; nothing goes on by itself then.
        let is_held = engine.board().halt().held().is_some();
        if !is_draining && (all_tried || is_held || interrupted || (is_idle && moved.elapsed() > PATIENCE)) {
            if !all_tried {
                bound.clone_from(&shown.binding);
            }
            is_draining = true;
            engine.drain();
        } else if interrupted {
            engine.stop();
        }
        ends = signals.ends();
        std::thread::sleep(LOOK);
    }
    if let Some(held) = engine.board().halt().held() {
        bound = super::super::held::Note::of(held).says;
    }
    match engine.join().failure {
        Some(reason) => Err(Failure::failed(reason)),
        None => Ok(bound),
    }
}

/// What became of a sample.
struct Fate {
    disposition: Disposition,
    /// The reply, and who gave it; empty where nobody did.
    words: String,
}

/// Tells what became of each, and whether that is what was wanted.
fn conclude(args: &SendArgs, home: &std::path::Path, testers: &[Mailbox], bound: &str) -> Result<Exit, Failure> {
    let mut disk = Files::open(&journal_of(home)).map_err(|fault| Failure::failed(fault.to_string()))?;
    let opened =
        Campaign::open(home, &mut disk, &Opening::at(unix_now())).map_err(|e| Failure::failed(e.to_string()))?;
    let fates: Vec<(&Mailbox, Fate)> = testers.iter().map(|tester| (tester, fate(&opened, tester))).collect();
    let text = if args.json { json(&fates, bound) } else { lines(&fates, bound) };
    super::super::print_last(&text)?;
    let count = |is: &dyn Fn(Disposition) -> bool| fates.iter().filter(|(_, fate)| is(fate.disposition)).count() as u64;
    let delivered = count(&|d| d == Disposition::Delivered);
    let refused = count(&|d| matches!(d, Disposition::Bounced | Disposition::Expired | Disposition::Suppressed));
    let all = testers.len() as u64;
    if refused > 0 {
        let who = Many(refused, "address does not get it", "addresses do not get it");
        return Err(Failure::failed(format!("the sample was refused: {who}; see above")));
    }
    if delivered < all {
        let who = Many(all - delivered, "address has it not yet", "addresses have it not yet");
        return Err(Failure::unfinished(format!(
            "{who}, and it is tried no more\nhint: once what is said above is mended or over, the same command again"
        )));
    }
    Ok(Exit::Settled)
}

fn fate(opened: &Campaign, tester: &Mailbox) -> Fate {
    let row = opened.table.reader().and_then(|table| table.find(tester)).ok().and_then(|rows| rows.last().copied());
    let standing = row.and_then(|row| opened.state.get(row));
    let Some(standing) = standing else { return Fate { disposition: Disposition::Waiting, words: String::new() } };
    let words = opened.state.words().get(standing.context).map(|define| {
        let enhanced = define.enhanced.map(|enhanced| format!("{enhanced} ")).unwrap_or_default();
        let code = if define.code == 0 { String::new() } else { format!("{} ", define.code) };
        let host = if define.host.is_empty() { String::new() } else { format!(" ({})", define.host) };
        format!("{code}{enhanced}{}{host}", Printable(define.text))
    });
    Fate { disposition: standing.disposition, words: words.unwrap_or_default() }
}

fn lines(fates: &[(&Mailbox, Fate)], bound: &str) -> String {
    let line = |(tester, fate): &(&Mailbox, Fate)| {
        let word = word(fate.disposition);
        match (fate.words.is_empty(), bound.is_empty() || fate.disposition.is_final()) {
            (false, _) => format!("{tester}: {word}: {}\n", fate.words),
            (true, false) => format!("{tester}: {word}: {bound}\n"),
            (true, true) => format!("{tester}: {word}\n"),
        }
    };
    fates.iter().map(line).collect()
}

fn json(fates: &[(&Mailbox, Fate)], bound: &str) -> String {
    let one = |(tester, fate): &(&Mailbox, Fate)| serde_json::json!({ "address": tester.as_str(), "outcome": word(fate.disposition), "reply": fate.words });
    let all: Vec<_> = fates.iter().map(one).collect();
    format!("{}\n", serde_json::json!({ "test": true, "samples": all, "bound_by": bound }))
}

/// The word for people. Whoever was tried without an outcome waits.
fn word(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Delivered => "delivered",
        Disposition::Bounced => "refused",
        Disposition::Expired => "given up",
        Disposition::Uncertain | Disposition::InFlight => "perhaps delivered",
        Disposition::Deferred => "not delivered yet",
        Disposition::Waiting => "not delivered",
        Disposition::Suppressed | Disposition::Cancelled => "not sent",
    }
}
