//! `posthaste send`: a campaign from its files to its last outcome.
//!
//! Guarantees: everything that can be checked is checked before the first message; running the command again goes on
//! where it stopped, or says that the campaign is complete (G7). Leaves to others: the sending (`engine`), what is said
//! while it runs (`watch`), and what is only looked at (`dry_run`).

mod amounts;
mod cells;
mod columns;
pub mod content;
mod decimals;
pub mod dry_run;
pub mod elsewhere;
mod events;
pub mod first_letters;
mod folder;
mod formats;
pub mod galley;
mod gathered;
mod identity;
mod leaving;
mod letter;
pub mod list;

pub mod names;
mod opening;
mod partials;
mod pin;
pub mod places;
pub mod prepare;
mod rehearsed;
mod resources;
mod room;
pub mod sample;
pub mod scratch;
mod settle;
mod share;
pub mod signing;
pub mod sources;
mod standing;
mod sums;
pub mod texts;
pub mod tls;
mod trace;
mod truths;
mod types;
mod warned;
mod watch;
pub mod way_out;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::check::{Reading, Told};
use super::cli::SendArgs;
use super::config::{CampaignConfig, EngineConfig, Found};
use super::destination::{self, Destination};
use super::exit::{Exit, Failure};
use super::figures::folded;
use super::held::Note;
use super::progress::Summary;
use super::signals::Signals;
use crate::base::remedy;
use crate::engine::campaign::{Campaign, DAMAGES_TOLD, journal_of, name_of, snapshot_of};
use crate::engine::directory::{Directory, Site};
use crate::engine::policy::Policies;
use crate::engine::router::{self, SmarthostError};
use crate::engine::run::{Engine, OpenFiles, Setup};
use crate::engine::smarthost::parse_smarthost;
use crate::journal::disk::FaultKind;
use crate::observe::logs::Level;
use crate::observe::{self, Observer, terminal};
use crate::sink;
use crate::wire::disk::{self, Files, Lock};
use crate::wire::ring;
use content::Content;
use letter::Letter;
use opening::{Asked, Opened};
use resources::Began;
use share::Share;

/// Runs the command.
///
/// # Errors
/// Bad input (usage), or the machine.
pub fn run(args: &SendArgs, signals: &Signals) -> Result<Exit, Failure> {
    let began = Began::now();
    if args.quiet {
        terminal::be_quiet();
    }
    let found = Found::look(args.config.as_deref());
    let config = found.load()?;
    let data = args.data(&config);
    let is_named = args.data.is_some();
    // A command that goes on elsewhere may find no configuration, or another one.
    let args = &SendArgs { config: found.file.clone(), ..args.at(&data) };
    signals.prepare(if args.dry_run {
        "interrupted: the list is not checked to its end; nothing is sent by --dry-run".to_owned()
    } else if !args.test.is_empty() {
        "interrupted before the sample was sent".to_owned()
    } else {
        format!("interrupted before anything was sent in this run\nhint: go on with: {}", args.same_command())
    })?;
    super::owner::check(&[&data])?;
    super::share(&config)?;
    let level = if args.quiet { config.log.level.min(Level::Warn) } else { config.log.level };
    observe::logs::init(level);
    let campaign = CampaignConfig::read(&args.campaign)?;
    // Even a list is read by a ring: what forbids it is no fault of the list.
    ring::check().map_err(|e| Failure::failed(e.to_string()))?;
    let told = Destination::told(args.into(), &config)?;
    if args.dry_run || !args.test.is_empty() {
        watch::notice(&found.unasked().unwrap_or_default());
    }
    if args.dry_run {
        return dry_run::run(args, &config, &campaign, told.as_ref(), signals);
    }
    let destination = told.ok_or_else(|| pin::nowhere(args, &data, &campaign.name))?;
    if !args.test.is_empty() {
        return sample::run(args, &config, &campaign, &destination, signals);
    }
    let share = Share::asked(args, &campaign)?;
    let delivery = prepare::delivery(args, &destination, &config, &campaign)?;
    let columns = terminal::columns();
    watch::notice(&folded(&format!("Campaign {}, destination: {}\n", campaign.name, destination.words()), columns));
    let home = home_of(&data, &campaign.name, &destination);
    super::owner::check(&[&home])?;
    watch::notice(&folded(&super::owner::told_of_new(&data).unwrap_or_default(), columns));
    // Where nobody may look it may have begun.
    if !destination.is_sink() && home.try_exists().is_ok_and(|exists| !exists) {
        if !is_named {
            elsewhere::check(args, &config, &campaign.name)?;
        }
        // Whoever has begun it elsewhere, and forgot to say where, would mail everybody twice.
        let place = std::path::absolute(&data).unwrap_or_else(|_| data.clone());
        watch::notice(&folded(&format!("It begins: nothing of it is in {} yet.\n", place.display()), columns));
    }
    watch::notice(&folded(&(found.words() + "\n"), columns));
    if !destination.is_sink() {
        names::warn_of(&delivery.sources);
    }
    let limit = ring::raise_descriptor_limit().map_err(|e| Failure::failed(format!("the limit on open files: {e}")))?;
    let _locks = lock(&data, &home, args.wait.then_some(signals))?;
    let client = tls::client(&config)?;
    let policies = tls::policies(&config, tls::rules_for(&config, &campaign), &data)?;
    let (sink, directory) = directory(&destination, &policies)?;
    find_smarthost(&config, &directory, &policies)?;
    let asked = Asked { args, config: &config, campaign: &campaign, destination: &destination, home: &home };
    let Opened { campaign: mut opened, content, settled, mut disk } = asked.open()?;
    let (cancelled_on_list, readmitted) = (settled.cancelled_on_list, settled.readmitted);
    let letter = Letter::of(&opened, &content, &campaign);
    let known = warned::Known {
        args,
        campaign: &campaign,
        content: &content,
        suppression: &config.engine.suppression,
        destination: &destination,
        opened: &opened,
        reads_anew: settled.reads_anew(),
    };
    if opened.is_complete() && !settled.goes_on(&opened) {
        let warnings = known.tell(&settled.list, None);
        settled.commit(&mut opened, &mut disk)?;
        letter.check(args, opened.settled().uncertain)?;
        return complete(args, &content, &opened, &began, &destination, (cancelled_on_list, warnings));
    }
    let list = settled.list.clone();
    let mut load = prepare::load(&config, &campaign, list.clone(), Some(&content), opened.table.manifest())?;
    let (warnings, are_rejects_told) = (known.tell(&list, Some(&load)), known.rejected().is_some());
    let observer = observe(args, &config)?;
    load.readmitted.clone_from(&settled.readmitted_rows);
    let events = events::open(args, &config, level, &campaign.name, &home)?;
    let trace = trace::begin(args, level)?;
    // A rehearsal teaches nothing about others, and is told to nobody.
    let (policies, tally) =
        if destination.is_sink() { (policies, None) } else { tls::counted(&config, &data, policies)? };
    let mut setup = Setup {
        events,
        trace,
        disk: Box::new(disk),
        composer: Arc::new(content.composer),
        delivery,
        directory: Arc::new(directory),
        resolver: prepare::resolver(&config),
        policies,
        tally,
        tls: client,
        shards: prepare::shards(&config),
        render_threads: prepare::render_threads(&config),
        observer: observer.clone(),
        journal_window: config.journal.window,
        hosts: if destination.is_sink() { &home } else { &data }.join("hosts.jsonl"),
        load,
        open_files: OpenFiles { limit, each: if sink.is_some() { 2 } else { 1 } },
    };
    // Who is chosen is known once everybody is: whatever is said of the list is done first.
    let settled = match &share {
        None => Some(settled),
        Some(share) => {
            settled.commit(&mut opened, setup.disk.as_mut())?;
            let reading = Reading::new(watch::progress_of(args));
            let loaded = setup.load.load_whole(&setup.composer, &mut opened, signals.stop(), &reading);
            drop(reading);
            signals.check()?;
            if let Some(rejections) = loaded.rejections().filter(|_| args.json) {
                let settled = opened.settled();
                let summary = Summary {
                    campaign: campaign.name.clone(),
                    destination: destination.to_string(),
                    rejected: rejections.rejected,
                    rejects_file: list::rejects_of(&home, rejections.rejected),
                    warnings: warnings.clone(),
                    ..watch::summary(&settled, &began, &settled)
                };
                watch::print_end(args, &summary)?;
            }
            share.take(loaded, &mut opened, &setup.load)?;
            None
        }
    };
    let before = opened.settled();
    let withheld = opened.withheld().waiting;
    let created = opened.table.manifest().created_unix_s;
    let moved_from = opened.table.manifest().moved_from.clone();
    signals.engage()?;
    // Nothing refuses this run any more.
    pin::keep_suppression(&config, &mut opened)?;
    letter.take_over(&mut opened)?;
    settled.map_or(Ok(()), |settled| settled.commit(&mut opened, setup.disk.as_mut()))?;
    let engine = Engine::start(opened, setup).map_err(|e| Failure::failed(e.to_string()))?;
    Note::clear(&home);
    let exit = watch::watch(
        engine,
        signals,
        &watch::Watched {
            args,
            campaign: &campaign.name,
            destination: &destination,
            moved_from: &moved_from,
            began: &began,
            before,
            observer,
            created,
            list: super::check::file_of(&campaign),
            home: &home,
            cancelled_on_list,
            readmitted,
            read_as_numbers: &content.read_as_numbers,
            letter: &letter,
            withheld,
            warnings,
            are_rejects_told,
        },
    );
    if let Some(sink) = sink {
        sink.stop().map_err(|e| Failure::failed(format!("the built-in receiver: {e}")))?;
    }
    match (exit, list::has_changed_since(&home, &list)) {
        (Ok(Exit::Settled), Some(what)) => Err(Failure::unfinished(format!(
            "everybody who was on the list when it was read has an outcome, and it has changed since ({what})\n\
             hint: to send to who is new on it: {} --add",
            args.resume_command()
        ))),
        (exit, _) => exit,
    }
}

/// Where campaigns lie below the data directory.
pub const CAMPAIGNS: &str = "campaign";
/// How often a command that waits for another one looks whether it has ended.
const LOOK: Duration = Duration::from_millis(250);
/// Where rehearsals with the built-in receiver lie.
pub const REHEARSALS: &str = "sink";

/// The campaign's directory. A rehearsal has one of its own: what nobody got is never taken for sent.
#[must_use]
pub fn home_of(data: &Path, name: &str, destination: &Destination) -> PathBuf {
    data.join(if destination.is_sink() { REHEARSALS } else { CAMPAIGNS }).join(name)
}

/// Where the marks of campaigns are kept besides: in the data directory, and outside of what is copied and put back with one
/// campaign. Of a rehearsal none is kept.
#[must_use]
pub fn marks_of(home: &Path) -> Option<PathBuf> {
    let campaigns = home.parent().filter(|folder| folder.ends_with(CAMPAIGNS))?;
    Some(campaigns.with_file_name("marks"))
}

/// Locks the data directory, and the campaign's own, which another one may lead to as well. What others could read in there
/// is taken from them. While another process uses them this one waits for its end, where it is `patient`.
fn lock(data: &Path, home: &Path, patient: Option<&Signals>) -> Result<[Lock; 2], Failure> {
    let campaigns = data.join(CAMPAIGNS);
    disk::access::make_directory(&campaigns).map_err(|e| {
        let what = if data.exists() { "used" } else { "made" };
        let why = if e.kind() == io::ErrorKind::PermissionDenied {
            denied(&e, &[&campaigns, data])
        } else {
            remedy::told(&e)
        };
        // Where the campaign may have begun, another directory would begin it anew.
        let other = if is_nowhere(home) { ", or choose another with --data" } else { "" };
        Failure::failed(format!(
            "the data directory {} cannot be {what}: {}\nhint: give this user read and write permission there{other}",
            data.display(),
            why
        ))
    })?;
    let whole = take(data, patient)?;
    for told in disk::access::tighten(data, home) {
        tracing::warn!("{told}");
    }
    disk::access::make_directory(home)
        .map_err(|e| Failure::failed(format!("{} cannot be made: {}", home.display(), remedy::told(&e))))?;
    Ok([whole, take(home, patient)?])
}

/// The error, and whose the directory is.
fn denied(error: &io::Error, places: &[&Path]) -> String {
    match disk::access::stranger(places) {
        Some(user) => format!("{error}; it is the user {user}'s"),
        None => error.to_string(),
    }
}

fn take(directory: &Path, patient: Option<&Signals>) -> Result<Lock, Failure> {
    let mut told = false;
    loop {
        let fault = match Lock::take(directory) {
            Ok(lock) => return Ok(lock),
            Err(fault) => fault,
        };
        let Some(signals) = patient.filter(|_| fault.kind == FaultKind::Held) else {
            let way = if fault.kind == FaultKind::Held { ", or let this command wait: --wait" } else { "" };
            return Err(Failure::failed(format!("{fault}{way}")));
        };
        if !std::mem::replace(&mut told, true) {
            tracing::info!("waiting for the end of another command: {}", fault.why);
        }
        std::thread::sleep(LOOK);
        signals.check()?;
    }
}

/// Whether no campaign can have begun there.
fn is_nowhere(home: &Path) -> bool {
    let found = std::fs::symlink_metadata(home);
    found.is_err_and(|e| matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
}

fn open_journal(home: &Path) -> Result<Files, Failure> {
    let opened = Files::open(&journal_of(home)).map(|files| files.with_marks_in(marks_of(home)));
    opened.map_err(|fault| Failure::failed(fault.to_string()))
}

/// Where mail goes, and the receiver that runs inside this process if that is where.
fn directory(destination: &Destination, policies: &Policies) -> Result<(Option<sink::Running>, Directory), Failure> {
    match destination {
        Destination::Sink => {
            let options = sink::Options { hostname: "sink.invalid".into(), ..sink::Options::default() };
            let running = sink::spawn(([127, 0, 0, 1], 0).into(), options)
                .map_err(|e| Failure::failed(format!("the built-in receiver does not start: {e}")))?;
            // Nothing is demanded of it: it has no name to prove, and nothing leaves the machine. A campaign that requires
            // TLS sends nothing to it all the same: its sessions find no REQUIRETLS offered, and refuse each message.
            let site = Site::fixed("sink", running.address());
            Ok((Some(running), Directory::fixed(site)))
        }
        Destination::Smarthost(host, port) => {
            let text = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
            let smarthost = parse_smarthost(&text).map_err(|e| Failure::usage(e.to_string()))?;
            Ok((None, tls::smarthost(&smarthost, policies)))
        }
        Destination::Exchangers(_) => Ok((None, Directory::mx())),
    }
}

/// A smarthost that does not exist is a fault of the configuration: it is said before anything is begun.
fn find_smarthost(config: &EngineConfig, directory: &Directory, policies: &Policies) -> Result<(), Failure> {
    if !directory.has_smarthost() {
        return Ok(());
    }
    match router::find_smarthost(&prepare::resolver(config), directory, policies) {
        Ok(()) => Ok(()),
        Err(SmarthostError::Router(error)) => Err(Failure::failed(error.to_string())),
        Err(SmarthostError::Route(error)) if error.permanent => {
            let why = String::from_utf8_lossy(&error.reply.text).into_owned();
            Err(Failure::usage(format!(
                "the smarthost cannot be found: {why}\nhint: check the name in --smarthost or delivery.smarthost, and \
                 \"search\" in /etc/resolv.conf"
            )))
        }
        Err(SmarthostError::Route(error)) => {
            let reply = error.reply.to_string();
            tracing::warn!(%reply, "the smarthost cannot be looked up now: its mail waits until it can");
            Ok(())
        }
    }
}

/// Damage is said loudly, each place by its name, before anything is sent (G5).
fn report_damage(opened: &Campaign) {
    for damage in opened.replayed.damage.iter().take(DAMAGES_TOLD) {
        tracing::warn!(journal = %journal_of(&opened.home).display(), %damage, "the journal is damaged, which was accepted");
    }
    let more = opened.replayed.damage.len().saturating_sub(DAMAGES_TOLD);
    if more > 0 {
        tracing::warn!(more, "further damage in the journal, which was accepted");
    }
    for damage in opened.missing_below.iter().take(DAMAGES_TOLD) {
        tracing::warn!(
            journal = %journal_of(&opened.home).display(), snapshot = %snapshot_of(&opened.home).display(), %damage,
            "the journal is damaged below the snapshot, which has the outcomes that were in there: keep it; only the times and \
             replies of them are missing in reports; restore the segment from a copy"
        );
    }
}

fn observe(args: &SendArgs, config: &EngineConfig) -> Result<Observer, Failure> {
    let Some(address) = args.metrics.or(config.metrics.listen) else { return Ok(Observer::off()) };
    let (observer, bound) = Observer::listen(address).map_err(|e| Failure::failed(e.to_string()))?;
    tracing::info!("metrics on http://{bound}/metrics");
    Ok(observer)
}

/// Nothing is left to do: says what became of the campaign.
fn complete(
    args: &SendArgs,
    content: &Content,
    opened: &Campaign,
    began: &Began,
    destination: &Destination,
    (cancelled_on_list, warnings): (u64, Vec<Told>),
) -> Result<Exit, Failure> {
    let totals = opened.table.manifest().loaded.unwrap_or_default();
    let (settled, campaign) = (opened.settled(), name_of(&opened.home));
    let summary = Summary {
        campaign: campaign.clone(),
        read_as_numbers: content.read_as_numbers.clone(),
        rejected: totals.rejected,
        rejects_file: list::rejects_of(&opened.home, totals.rejected),
        cleaned: totals.cleaned,
        duplicates: totals.duplicates,
        destination: destination.to_string(),
        moved_from: destination::left(&opened.table.manifest().moved_from),
        cancelled_on_list,
        warnings,
        ..watch::summary(&settled, began, &settled)
    };
    let anew = match destination.is_sink() {
        true => format!(" To rehearse it anew, remove {}.", opened.home.display()),
        false => String::new(),
    };
    let end = match settled.uncertain {
        0 => "is complete: nothing is left to send.",
        _ => "has nothing left to send.",
    };
    Note::clear(&opened.home);
    watch::notice(&format!("Campaign {campaign} {end}{anew}\n"));
    watch::print_end(args, &summary)?;
    watch::settled(args, &campaign, settled.uncertain)
}
