//! `posthaste tls-report --mail`: each report to where its domain wants it (RFC 8460 §3, §5.3).
//!
//! Guarantees: that a report was taken is written durably before the next one leaves, and it is never mailed again; what
//! nobody took stays counted, is told with its reason, and makes the command leave with code 3. Nothing leaves the machine
//! while the built-in sink is where mail goes. Leaves to others: the form of the mail (`tls::report`), its signature
//! (`content::dkim`) and its way (`engine::handover`).

use super::super::config::EngineConfig;
use super::super::config::values::HostPort;
use super::super::destination::Destination;
use super::super::exit::{Exit, Failure};
use super::super::probe;
use super::super::send::{names, prepare, signing, sources};
use super::super::signals::Signals;
use super::{id, nothing};
use crate::base::clock::UnixTime;
use crate::content::dkim;
use crate::engine::handover::hand_over;
use crate::engine::policy::tally::{Book, DAY};
use crate::engine::probe::{Means, Target};
use crate::engine::smarthost::parse_smarthost;
use crate::mail::Mailbox;
use crate::tls::report::{MailIds, Report, Rua, Submitter};
use crate::wire::clock::unix_now;
use crate::wire::dns::{Resolver, TxtMissing};
use bytes::Bytes;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinSet;

/// One message to one server takes no longer, whatever its phases may take.
const LIMIT: Duration = Duration::from_secs(900);
/// So many domains are asked at one time where their reports go.
const LOOK_UPS: usize = 64;
/// That a report was mailed is known for so many days after its own.
const SENT_KEPT_DAYS: u32 = 60;

/// Where a domain wants its reports.
enum Wanted {
    /// There.
    At(Rua),
    /// Nowhere.
    Nowhere,
    /// Nobody could say: why.
    Unknown(String),
}

/// What became of a report.
enum Became {
    Mailed(String),
    Unwanted,
    /// It stays counted, and trying again is no use.
    Kept(String),
    /// It stays counted, for the next time.
    Failed(String),
}

struct Mailing<'m> {
    config: &'m EngineConfig,
    submitter: &'m Submitter,
    means: Means,
    /// Where all mail goes, if not to the exchangers.
    smarthost: Option<Target>,
    /// The first one ends it after the report that is under way.
    signals: &'m Signals,
}

/// Mails them.
///
/// # Errors
/// A configuration that cannot be used, or a report that is still to be mailed.
pub(super) fn run(
    config: &EngineConfig,
    data: &Path,
    mut book: Book,
    until: u32,
    submitter: &Submitter,
    signals: &Signals,
) -> Result<Exit, Failure> {
    let smarthost = smarthost(config)?;
    let contact = Mailbox::parse(submitter.contact.as_bytes())
        .map_err(|e| Failure::usage(format!("--contact {}: {e}", submitter.contact)))?;
    if signing::signers(config, contact.as_str())?.is_empty() {
        let domain = contact.domain();
        let hint = "hint: receivers ask for DKIM (RFC 8460 §3): a [[dkim]] of that domain, or another --contact";
        let warning = format!("warning: no DKIM key is for {domain}: the reports are not signed\n  {hint}\n");
        crate::observe::terminal::warn(&warning);
    }
    let reports = book.tallies.clone().take_before(until);
    if reports.is_empty() {
        return super::super::print_out(&nothing(config));
    }
    signals.engage()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("the look-ups cannot start: {e}")))?;
    let failed = runtime.block_on(async {
        let means = means(config, smarthost.as_ref())?;
        Mailing { config, submitter, means, smarthost, signals }.all(&reports, &mut book, data).await
    })?;
    match failed {
        0 => Ok(Exit::Settled),
        n => Err(Failure::unfinished(format!("{n} of the reports are not mailed; the same command goes on"))),
    }
}

fn smarthost(config: &EngineConfig) -> Result<Option<Target>, Failure> {
    const HINT: &str = "hint: delivery.route = \"mx\" or delivery.smarthost, in the file of --config";
    match Destination::configured(config)? {
        Some(Destination::Smarthost(host, port)) => {
            let whole = HostPort { host, port: Some(port) };
            let smarthost = parse_smarthost(&whole.to_string()).map_err(|e| Failure::usage(e.to_string()))?;
            Ok(Some(Target::Host(smarthost)))
        }
        Some(Destination::Exchangers(_)) => Ok(None),
        Some(Destination::Sink) => Err(Failure::usage(format!(
            "mail goes to the built-in sink, and reports are for others: nothing leaves the machine\n{HINT}"
        ))),
        None => Err(Failure::usage(format!("nobody has said where mail goes: no report is mailed\n{HINT}"))),
    }
}

fn means(config: &EngineConfig, smarthost: Option<&Target>) -> Result<Means, Failure> {
    let exchangers = Target::Domain("".into());
    let mut means = probe::means(config, smarthost.unwrap_or(&exchangers), None, None)?;
    names::warn_of([&means.source]);
    means.limit = LIMIT;
    means.session.timeouts = prepare::TIMEOUTS;
    if smarthost.is_some() {
        means.session.auth = sources::smarthost_credentials(config)?;
    }
    Ok(means)
}

impl Mailing<'_> {
    /// Mails all that can be mailed, tells what became of each, and says how many are still to be mailed.
    async fn all(&self, reports: &[Report], book: &mut Book, data: &Path) -> Result<usize, Failure> {
        let (mut failed, mut unwanted) = (0, 0);
        let keep_from = (unix_now().0 / DAY).saturating_sub(SENT_KEPT_DAYS);
        book.sent.retain(|(day, _)| *day >= keep_from);
        for some in reports.chunks(LOOK_UPS) {
            for (report, wanted) in some.iter().zip(wanted(&self.means.resolver, some).await) {
                if book.sent.iter().any(|(day, domain)| (*day, domain) == (report.day, &report.domain)) {
                    book.tallies.forget(report.day, &report.domain);
                    continue;
                }
                if self.signals.ends() > 0 {
                    failed += 1;
                    continue;
                }
                let mut line = String::new();
                match self.one(report, wanted).await {
                    Became::Mailed(how) => {
                        book.sent.push((report.day, report.domain.clone()));
                        book.tallies.forget(report.day, &report.domain);
                        self.keep(book, data, report)?;
                        let (good, bad) = report.sessions();
                        let _infallible = write!(line, "{good} sessions as they should be, {bad} not: {how}");
                    }
                    Became::Unwanted => {
                        book.tallies.forget(report.day, &report.domain);
                        unwanted += 1;
                    }
                    Became::Kept(why) => line = why,
                    Became::Failed(why) => {
                        failed += 1;
                        line = format!("not mailed: {why}");
                    }
                }
                if !line.is_empty() {
                    super::super::print_out(&format!("{}: {line}\n", report.domain))?;
                }
            }
        }
        book.write(data).map_err(|e| Failure::failed(format!("the count cannot be written: {e}")))?;
        if unwanted > 0 {
            super::super::print_out(&format!("Reports that no domain asks for, and that are dropped: {unwanted}\n"))?;
        }
        Ok(failed)
    }

    fn keep(&self, book: &Book, data: &Path, report: &Report) -> Result<(), Failure> {
        book.write(data).map_err(|e| {
            let domain = &report.domain;
            Failure::failed(format!("the report for {domain} is mailed, and that cannot be written: {e}"))
        })
    }

    /// Mails one, to the first of its mailboxes that takes it.
    async fn one(&self, report: &Report, wanted: Wanted) -> Became {
        let rua = match wanted {
            Wanted::At(rua) => rua,
            Wanted::Nowhere => return Became::Unwanted,
            Wanted::Unknown(why) => {
                return Became::Failed(format!("where its reports go cannot be looked up: {why}"));
            }
        };
        if let (true, Some(url)) = (rua.mailto.is_empty(), rua.https.first()) {
            return Became::Kept(format!(
                "wants its reports POSTed to {url} only, which is not done; --write has them"
            ));
        }
        let mut why = String::new();
        for to in &rua.mailto {
            match self.to(report, to).await {
                Ok(reply) => return Became::Mailed(format!("mailed to {to}: {reply}")),
                Err(reason) => {
                    let between = if why.is_empty() { "" } else { "; " };
                    let _infallible = write!(why, "{between}{to}: {reason}");
                }
            }
        }
        Became::Failed(why)
    }

    async fn to(&self, report: &Report, to: &str) -> Result<String, String> {
        let mailbox = Mailbox::parse(to.as_bytes()).map_err(|e| e.to_string())?;
        let now_s = unix_now().0;
        let ids = MailIds { report: id(report).into(), written_s: i64::from(now_s) };
        let from = &self.submitter.contact;
        let mail = report.mail(self.submitter, from, mailbox.as_str(), &ids);
        let signers = signing::signers(self.config, from).map_err(|failure| failure.message)?;
        let message = dkim::sign(&mail.message, signers, UnixTime(now_s)).map_err(|e| e.to_string())?;
        let domain = Target::Domain(mailbox.domain().into());
        let target = self.smarthost.as_ref().unwrap_or(&domain);
        hand_over(target, &self.means, &mailbox, &Bytes::from(message)).await.map(|reply| reply.to_string())
    }
}

/// Asks all of these domains at one time; the answers stand in their order.
async fn wanted(resolver: &Resolver, reports: &[Report]) -> Vec<Wanted> {
    let mut asked = JoinSet::new();
    for (at, report) in reports.iter().enumerate() {
        let (resolver, name) = (resolver.clone(), format!("_smtp._tls.{}", report.domain));
        asked.spawn(async move {
            let wanted = match resolver.txt(&name).await {
                Ok(txt) => Rua::parse(&txt.strings).map_or(Wanted::Nowhere, Wanted::At),
                Err(TxtMissing::Absent) => Wanted::Nowhere,
                Err(TxtMissing::Unknown(why)) => Wanted::Unknown(why),
            };
            (at, wanted)
        });
    }
    let mut answers = asked.join_all().await;
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, wanted)| wanted).collect()
}
