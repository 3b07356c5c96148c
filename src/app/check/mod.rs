//! `posthaste check`: one look at a campaign, and everything that can be known of it before anything is sent.
//!
//! Configuration, list, templates on the rows of the list, the letter itself, and the sender as DNS shows it. `send` begins with
//! the same look at the letter and its rows. Guarantees: nothing is sent and nothing of the campaign is changed; every finding has
//! its place and a way to mend it, and one does not hide another. Leaves to others: looking (`content`, `engine::loader`, `dns`),
//! and the printing (`print`).

mod dns;
mod found;
mod list;
mod print;
mod reading;
mod rows;
mod streams;
mod volume;

pub use found::{
    Refused, Told, in_its_tags, judge, of_content, of_failure, of_letter, of_remark, of_sent, tell, tell_again, told,
};
pub use list::{Looked, file_of, rejects_told, rejects_told_again};
pub use print::finding as as_json;
pub use reading::Reading;

use super::cli::{CheckArgs, Progress};
use super::config::{CampaignConfig, EngineConfig, Faults, Found};
use super::destination::Destination;
use super::exit::{Exit, Failure};
use super::send::dry_run::Unloaded;
use super::send::scratch::Scratch;
use super::send::{content, dry_run, first_letters, list as lists, names, prepare, sources, texts};
use super::signals::Signals;
use crate::engine::table::{Manifest, Table};
use crate::mail::finding::{Finding, Severity};
use crate::observe::{self, terminal};
use crate::tls::policy::Level;
use crate::wire::clock::unix_now;
use crate::wire::ring;
use std::path::Path;

/// What is found of the first letters, and better of all of them.
const SAMPLED: [&str; 2] = ["empty-subject", "empty-letter"];

/// What a look came to.
#[derive(Debug, Default)]
struct Look {
    /// The campaign's name, once it is known.
    campaign: String,
    findings: Vec<Finding>,
    /// What the list came to, if it was read to its end.
    recipients: Option<list::Counts>,
    /// What DNS is asked about.
    seen: dns::Seen,
    /// What became of that.
    dns: dns::Report,
}

/// The port of exchangers in the world.
const SMTP: u16 = 25;
/// Letters that are made for DNS' sake: two, to see what is the same in both.
const LETTERS: usize = 2;

/// Runs the command.
///
/// # Errors
/// The machine: what is wrong with the campaign is found, and told.
pub fn run(args: &CheckArgs, signals: &Signals) -> Result<Exit, Failure> {
    signals.prepare("interrupted: the campaign is not checked to its end; nothing is sent by check")?;
    let nothing = dns::Report::not("the campaign's file cannot be read");
    let mut look = Look { dns: nothing, ..Look::default() };
    let found = Found::look(args.config.as_deref());
    look.findings
        .extend(found.file.as_deref().and_then(|file| texts::otherwise(file, "file-encoding", "the configuration")));
    let config = match look.configured("configuration", found.load()) {
        Some(config) => config,
        // The campaign is looked at all the same.
        None => EngineConfig::defaults()?,
    };
    observe::logs::init(config.log.level);
    ring::check().map_err(|e| Failure::failed(e.to_string()))?;
    if let Some(campaign) = look.configured("campaign", CampaignConfig::read(&args.campaign).map_err(Faults::from)) {
        look.campaign.clone_from(&campaign.name);
        let data = args.data.clone().unwrap_or_else(|| config.engine.data.clone());
        let had_data = data.exists();
        let looked = look.at(args, &campaign, &config, &data, signals);
        if !had_data {
            // It goes only if nothing else has come into it.
            let _ = std::fs::remove_dir(&data);
        }
        looked?;
        look.outside(args, &campaign, &config, signals)?;
        in_its_tags(&campaign, &mut look.findings);
    }
    judge(&mut look.findings);
    // What stops a start comes first; of equals, the order in which it was found.
    look.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    if args.json {
        super::print_out(&print::json(&look))?;
    } else {
        super::print_folded(&print::text(&look, &args.campaign))?;
    }
    Ok(if look.stops(args.strict) { Exit::Usage } else { Exit::Settled })
}

impl Look {
    fn configured<T>(&mut self, check: &'static str, read: Result<T, Faults>) -> Option<T> {
        let errors = |faults: Faults| faults.0.into_iter().map(|error| found::of_config(check, error));
        read.map_err(|faults| self.findings.extend(errors(faults))).ok()
    }

    /// Takes what is wrong with the campaign for a finding; what is wrong with the machine ends the look.
    fn take<T>(&mut self, check: &'static str, result: Result<T, Failure>) -> Result<Option<T>, Failure> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(failure) if failure.exit == Exit::Usage => {
                self.findings.extend(of_failure(check, &failure));
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Everything that is on this machine.
    fn at(
        &mut self,
        args: &CheckArgs,
        campaign: &CampaignConfig,
        config: &EngineConfig,
        data: &Path,
        signals: &Signals,
    ) -> Result<(), Failure> {
        let destination = self.take("destination", Destination::told(args.into(), config))?.flatten();
        if let Some(destination) = destination.as_ref().filter(|destination| !destination.is_sink()) {
            let sources =
                self.configured("source", sources::sources(destination, config, campaign).map_err(Faults::from));
            self.findings.extend(names::findings(sources.iter().flatten()));
            self.findings.extend(in_clear(destination, config));
            self.seen.sources = sources;
        }
        self.seen.destination.clone_from(&destination);
        let scratch = Scratch::make(data, "check")?;
        let given = self.take("list", lists::given(campaign, &scratch.path().join(&campaign.name), false))?;
        let Some(given) = given.flatten() else { return Ok(()) };
        let key = prepare::random_key()?;
        let leaves = destination.as_ref().is_some_and(|destination| !destination.is_sink());
        let to = destination.as_ref();
        let is_direct = matches!(to, Some(Destination::Exchangers(_)));
        let (content, columns) = match content::first(config, campaign, &given.list, key, 1, to) {
            Ok((content, columns)) => {
                let made = (&content, columns.as_slice());
                self.seen.letters = first_letters::letters(campaign, &given.list, made, LETTERS, None);
                if let Some(mailbox) = &args.post_unsubscribe {
                    let letters = first_letters::letters(campaign, &given.list, made, 1, Some(mailbox.as_str()));
                    self.seen.to_unsubscribe = letters.into_iter().next();
                }
                (Some(content), columns)
            }
            Err(refused) if refused.failure.exit != Exit::Usage => return Err(refused.failure),
            Err(refused) => {
                let is_of_list = refused.findings.iter().any(|finding| finding.check == "list");
                self.findings.extend(of_letter(&refused.findings, leaves));
                if is_of_list {
                    // The letter can be looked at without it.
                    match content::letter_alone(config, campaign, to) {
                        Ok(findings) => self.findings.extend(findings),
                        Err(refused) => self.findings.extend(refused.findings),
                    }
                    return Ok(());
                }
                (None, Vec::new())
            }
        };
        self.findings.extend(content.iter().flat_map(|content| of_letter(&content.findings, leaves)));
        let suppressed = prepare::suppressions(config, &key);
        if self.take("suppression", suppressed)?.is_none() {
            return Ok(());
        }
        let manifest = Manifest::new(&campaign.name, 1, unix_now().0, key, &columns);
        let reading = Reading::new(if terminal::is_terminal() { Progress::Bar } else { Progress::None });
        let (home, content) = (scratch.path(), content.as_ref());
        let loading = dry_run::Loading { config, campaign, home, content, onlooker: Some(&reading) };
        let loaded = loading.load(given.list.clone(), manifest, signals);
        let file = list::file_of(campaign);
        let looked = list::Looked { file, home, list: &given.list, campaign, content, rows_max: u64::MAX };
        self.findings.extend(looked.rejected());
        let before = self.findings.len();
        if let Err(Unloaded { rejections: Some(rejections), .. }) = &loaded {
            self.recipients = Some(list::Counts::refused(rejections));
        }
        let loaded = self.take("list", loaded.map_err(|unloaded| unloaded.failure))?;
        self.findings.iter_mut().skip(before).for_each(|finding| looked.place(finding));
        if let Some(loaded) = loaded {
            self.findings.extend(reading.findings(&looked.file, &loaded.totals));
            self.recipients = Some(list::Counts::of(&loaded));
            let table = Table::open(home).map_err(|e| Failure::failed(e.to_string()))?;
            let rows = looked.rows(&table, &loaded.suppressed_rows)?;
            // Of the whole list more is known than of its first rows.
            self.findings
                .retain(|finding| rows.iter().all(|row| row.check != finding.check || !SAMPLED.contains(&row.check)));
            self.findings.extend(loaded.found);
            self.findings.extend(rows);
            if is_direct {
                self.findings.extend(streams::look(config, campaign));
                let recipients = loaded.totals.rows - loaded.suppressed.min(loaded.totals.rows);
                volume::judge(&mut self.findings, recipients);
                self.findings.extend(volume::look(data, &campaign.name, recipients, unix_now().0));
            }
            self.seen.domains = loaded.domains;
        }
        Ok(())
    }

    /// What only others can tell: DNS, and the page that takes a POST.
    fn outside(
        &mut self,
        args: &CheckArgs,
        campaign: &CampaignConfig,
        config: &EngineConfig,
        signals: &Signals,
    ) -> Result<(), Failure> {
        let (findings, report) = dns::look(args, config, campaign, &self.seen, signals)?;
        self.findings.extend(findings);
        self.dns = report;
        let posted = dns::try_post(args, config, campaign, self.seen.to_unsubscribe.as_ref());
        let posted = self.take("unsubscribe-post", posted)?.flatten();
        self.findings.extend(posted);
        Ok(())
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    fn stops(&self, strict: bool) -> bool {
        self.count(Severity::Error) > 0 || (strict && self.count(Severity::Warning) > 0)
    }
}

/// That mail goes to the recipients' own servers without TLS, or may.
fn in_clear(destination: &Destination, config: &EngineConfig) -> Option<Finding> {
    if !matches!(destination, Destination::Exchangers(SMTP)) {
        return None;
    }
    if config.delivery.tls == Level::Opportunistic && !config.tls.mta_sts && config.tls_policies.is_empty() {
        let says = "tls.mta_sts = false: where TLS fails, mail goes in clear text to large providers too, which refuse that of bulk \
                    senders";
        let hint = "tls.mta_sts = true holds to the policies of Google, Microsoft and others; a [[tls_policy]] demands TLS of a domain";
        return Some(Finding::new(Severity::Warning, "tls-fallback", "", says).hint(hint).draws("550 5.7.29"));
    }
    let is_off = config.delivery.tls == Level::Never;
    let says = "delivery.tls = \"off\": the mail goes in clear text, which Google refuses of bulk senders";
    let hint = "delivery.tls = \"opportunistic\", which uses TLS wherever it is offered";
    is_off.then(|| Finding::new(Severity::Error, "tls-off", "", says).hint(hint).draws("550 5.7.29"))
}
