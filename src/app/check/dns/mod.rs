//! The sender as DNS shows it: what receivers look up before they take a letter, looked up here in the same way.
//!
//! Each judge (SPF, the DKIM keys, DMARC and alignment, the names of addresses, the senders' domains) is asked again and again
//! until no question of its own is open (`identity`); `rounds` asks these questions. The recipients' domains are looked at by the
//! route that their mail would take.
//! Guarantees: the look ends within [`rounds::LOOK_MAX`] and a little; what nobody could answer is a finding of its own, and never
//! "there is no record"; an address that is not known is not guessed.
//! Leaves to others: where the addresses of sources come from (`egress`), and words that need no DNS (`content::lint`).

mod alignment;
mod dkim;
mod dmarc;
mod domains;
mod egress;
mod hosts;
mod mailboxes;
mod rounds;
mod spf;
mod survey;
mod unsubscribe;

use super::super::cli::CheckArgs;
use super::super::config::{CampaignConfig, EngineConfig};
use super::super::destination::Destination;
use super::super::exit::Failure;
use super::super::send::{prepare, signing};
use super::super::signals::Signals;
use crate::base::many::{Many, figure};
use crate::content::Composed;
use crate::content::dkim::Signer;
use crate::engine::source::Source;
use crate::identity::{Facts, Kind, Lack, Question};
use crate::mail::finding::{Finding, Severity};
use crate::wire::dns::Resolver;
use egress::Egress;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) use unsubscribe::try_post;

/// So many domains of reverse-paths are looked at: a campaign has one, or one for each of a few streams.
const PATHS_MAX: usize = 5;
/// Characters of a record that a sentence quotes.
const QUOTED_CHARACTERS: usize = 300;
/// A TXT record holds strings of so many octets (RFC 1035 §3.3).
const STRING_OCTETS: usize = 255;

/// What is known of a campaign when DNS is asked.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Where it goes; `None`: nobody said, or in two ways.
    pub(super) destination: Option<Destination>,
    /// What it is sent from, where that can be used.
    pub(super) sources: Option<Vec<Source>>,
    /// The letters of the first recipients.
    pub(super) letters: Vec<Composed>,
    /// One for whoever `--post-unsubscribe` names.
    pub(super) to_unsubscribe: Option<Composed>,
    /// The domains of the list, and how many recipients each has.
    pub(super) domains: Vec<(Arc<str>, u64)>,
}

/// What became of the look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// Why nobody was asked; empty: DNS was asked.
    pub(super) why_not: String,
    /// Who was asked.
    pub(super) resolver: String,
    /// Questions, and those without an answer.
    pub(super) questions: u64,
    pub(super) unanswered: u64,
    /// Of the list: its domains, those that were looked up, and the recipients of these.
    pub(super) domains: u64,
    pub(super) domains_looked_at: u64,
    pub(super) recipients_looked_at: u64,
}

impl Report {
    pub(super) fn not(why: impl Into<String>) -> Self {
        Self { why_not: why.into(), ..Self::default() }
    }

    /// The line for people.
    pub(super) fn words(&self) -> String {
        if !self.why_not.is_empty() {
            return format!("DNS was not looked at: {}", self.why_not);
        }
        let unanswered = match self.unanswered {
            0 => String::new(),
            n => format!(", {} of them without an answer", figure(n)),
        };
        let domains = match (self.domains, self.domains_looked_at) {
            (0, _) => String::new(),
            (all, looked) if all == looked => format!("; all {} domains of the list", figure(all)),
            (all, looked) => format!("; {} of the list's {} domains", figure(looked), figure(all)),
        };
        let questions = Many(self.questions, "question", "questions");
        format!("DNS: {questions} to {}{unanswered}{domains}", self.resolver)
    }

    /// The object for programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "looked_at": self.why_not.is_empty(),
            "why_not": self.why_not,
            "resolver": self.resolver,
            "questions": self.questions,
            "unanswered": self.unanswered,
            "domains": self.domains,
            "domains_looked_at": self.domains_looked_at,
            "recipients_looked_at": self.recipients_looked_at,
        })
    }
}

/// A reverse-path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    local: String,
    domain: String,
}

/// Who sends, in the words of the campaign's file.
struct Sender {
    /// The domain of From, where it is one for all letters.
    from: Option<String>,
    paths: Vec<Path>,
    reply: Option<String>,
    /// Of the mailbox that takes the wish to leave.
    leave: Option<String>,
    signers: Vec<Signer>,
    egress: Egress,
}

/// Looks at it.
///
/// # Errors
/// The machine has no resolver, or the end was asked for.
pub(super) fn look(
    args: &CheckArgs,
    config: &EngineConfig,
    campaign: &CampaignConfig,
    seen: &Seen,
    signals: &Signals,
) -> Result<(Vec<Finding>, Report), Failure> {
    let destination = match &seen.destination {
        _ if args.offline => return Ok((Vec::new(), Report::not("--offline was given"))),
        None => return Ok((Vec::new(), Report::not("no destination is chosen, so nobody knows who would send"))),
        Some(Destination::Sink) => return Ok((Vec::new(), Report::not("the built-in receiver asks nobody"))),
        Some(destination) => destination,
    };
    let settings = prepare::resolver(config);
    let resolver = match Resolver::new(&settings) {
        Ok(resolver) => resolver,
        Err(error) => {
            let message = error.to_string();
            let (says, hint) = told(&message);
            let finding = Finding::new(Severity::Error, "resolver", "", says).hint(hint);
            return Ok((vec![finding], Report::not("there is no resolver")));
        }
    };
    let sender = Sender::of(args, config, campaign, destination, seen);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("the look-ups cannot start: {e}")))?;
    let judges = judges(&sender, destination, (campaign, seen.letters.as_slice()), config.dns.allow_loopback);
    let (settled, mailboxes) = runtime.block_on(async {
        let mut settled = rounds::settle(&resolver, &judges, signals).await?;
        let is_elsewhere = settled.denies_all && resolver.answer(&well_known()).await.is_denial();
        if is_elsewhere {
            settled.findings = vec![denies_all(&settings.title())];
        }
        // Where nobody answered anything, nobody would now; and who does not know the world knows nothing of its domains.
        let is_silent = matches!(settled.questions, (all, silent) if all > 0 && all == silent);
        let domains = if is_silent || is_elsewhere { &[] } else { seen.domains.as_slice() };
        let mut mailboxes = mailboxes::look(&resolver, domains, signals).await?;
        if mailboxes.are_all_dead() && resolver.answer(&well_known()).await.is_denial() {
            mailboxes.doubt();
        }
        Ok::<_, Failure>((settled, mailboxes))
    })?;
    let title = settings.title();
    let mut findings: Vec<Finding> = sender.egress.findings().into_iter().collect();
    findings.extend(settled.findings);
    findings.extend(mailboxes.findings(&title));
    findings.extend(unanswered(&settled.unknown, mailboxes.unanswered(), &title));
    let (questions, silent) = settled.questions;
    let unanswered_domains = mailboxes.unanswered().map_or(0, |(count, _)| count);
    let report = Report {
        why_not: String::new(),
        resolver: title,
        questions: questions + mailboxes.looked() + unanswered_domains,
        unanswered: silent + unanswered_domains,
        domains: seen.domains.len() as u64,
        domains_looked_at: mailboxes.looked(),
        recipients_looked_at: mailboxes.recipients(),
    };
    Ok((findings, report))
}

impl Sender {
    fn of(
        args: &CheckArgs,
        config: &EngineConfig,
        campaign: &CampaignConfig,
        destination: &Destination,
        seen: &Seen,
    ) -> Self {
        let from = fixed(&campaign.from.value);
        let written = campaign.return_path.as_ref().map_or(&campaign.from.value, |path| &path.value);
        let mut paths: Vec<Path> = Vec::new();
        let rendered = seen.letters.iter().map(|letter| String::from_utf8_lossy(&letter.reverse_path).into_owned());
        for path in rendered {
            let Some((local, domain)) = path.rsplit_once('@') else { continue };
            if paths.len() < PATHS_MAX && !paths.iter().any(|known| known.domain == domain) {
                paths.push(Path { local: local.to_owned(), domain: domain.to_owned() });
            }
        }
        if seen.letters.is_empty() {
            paths.extend(fixed(written).map(|domain| Path { local: "postmaster".to_owned(), domain }));
        }
        Self {
            from,
            paths,
            reply: campaign.reply_to.as_ref().and_then(|reply| fixed(&reply.value)),
            leave: campaign.unsubscribe.as_ref().and_then(|way| {
                // A subject may stand behind it.
                fixed(way.mailto.as_ref()?.value.split('?').next()?)
            }),
            // Keys that cannot be read are told by the content.
            signers: signing::signers(config, &campaign.from.value).unwrap_or_default(),
            egress: Egress::of(&args.public_address, destination, seen.sources.as_deref().unwrap_or_default()),
        }
    }
}

/// The domain of an address, if no template makes it, in whichever brackets.
fn fixed(address: &str) -> Option<String> {
    let domain = signing::domain_of(address);
    (domain.contains('.') && !domain.contains(['{', '}', '%', '[', ']'])).then_some(domain)
}

/// What a judge says.
type Judged = Result<Vec<Finding>, Lack>;

/// One thing that is judged: what it is about, in words that go on with "is not looked at", and how.
struct Judge<'a> {
    about: String,
    judge: Box<dyn Fn(&Facts) -> Judged + 'a>,
}

impl<'a> Judge<'a> {
    fn new(about: String, judge: impl Fn(&Facts) -> Judged + 'a) -> Self {
        Self { about, judge: Box::new(judge) }
    }
}

fn judges<'a>(
    sender: &'a Sender,
    destination: &'a Destination,
    (campaign, letters): (&'a CampaignConfig, &'a [Composed]),
    is_lab: bool,
) -> Vec<Judge<'a>> {
    let is_direct = matches!(destination, Destination::Exchangers(_));
    let mut judges = Vec::new();
    for path in &sender.paths {
        let domain = &path.domain;
        judges.push(Judge::new(format!("SPF of {domain}"), move |facts| spf::judge(facts, path, &sender.egress)));
        judges.push(Judge::new(format!("all that the SPF record of {domain} includes"), move |facts| {
            survey::judge(facts, path, &sender.egress)
        }));
    }
    for signer in &sender.signers {
        let about = format!("the DKIM key {}", signer.record_name());
        judges.push(Judge::new(about, move |facts| dkim::judge(facts, signer, letters)));
    }
    if let Some(from) = &sender.from {
        judges.push(Judge::new(format!("DMARC of {from}"), move |facts| dmarc::judge(facts, from)));
        judges.push(Judge::new(format!("the alignment of {from}"), move |facts| {
            alignment::judge(facts, from, &sender.signers, &sender.paths, is_direct)
        }));
    }
    for known in &sender.egress.known {
        judges.push(Judge::new(format!("the name of {}", known.address), move |facts| hosts::judge(facts, known)));
    }
    for (domain, roles) in domains::of(sender) {
        let (zone, zone_roles) = (domain.clone(), roles.clone());
        judges.push(Judge::new(format!("the zone of {zone}"), move |facts| {
            domains::judge_zone(facts, &zone, &zone_roles)
        }));
        let about = format!("whether {domain} takes mail");
        judges.push(Judge::new(about, move |facts| domains::judge(facts, &domain, &roles, is_lab)));
    }
    if let Some(host) = unsubscribe::host_of(campaign, letters) {
        judges.push(Judge::new(format!("the host {host}"), move |facts| unsubscribe::judge(facts, &host, is_lab)));
    }
    judges
}

/// A name that is there wherever DNS is the world's.
fn well_known() -> Question {
    Question { name: "com".to_owned(), kind: Kind::Soa }
}

/// What is said of no domain, and of all of them, says nothing of them.
fn denies_all(resolver: &str) -> Finding {
    let says = format!(
        "{resolver} says of every name that it does not exist or has nothing, also of com: it is not the world's DNS"
    );
    let hint = "name a resolver that knows the world's names: [dns] servers, or /etc/resolv.conf; or leave DNS out with --offline";
    Finding::new(Severity::Error, "resolver", "", says).hint(hint)
}

/// What was not looked at because nobody answered.
fn unanswered(unknown: &[(String, String)], mailboxes: Option<(u64, String)>, resolver: &str) -> Option<Finding> {
    const NAMED: usize = 6;
    let mut about: Vec<String> = unknown.iter().map(|(about, _)| about.clone()).collect();
    about.extend(
        mailboxes
            .iter()
            .map(|(count, _)| format!("the exchangers of {} of the list", Many(*count, "domain", "domains"))),
    );
    let why = unknown.first().map(|(_, why)| why.clone()).or(mailboxes.map(|(_, why)| why))?;
    let more = about.len().saturating_sub(NAMED);
    about.truncate(NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let says = format!("not looked at, for {resolver} did not tell: {}{more} ({why})", about.join("; "));
    let hint = "look again; if it stays so, mend the resolver ([dns] servers), or leave DNS out with --offline";
    Some(Finding::new(Severity::Warning, "dns-unanswered", "", says).hint(hint))
}

/// A message and the hint in it.
fn told(message: &str) -> (&str, &str) {
    message.split_once(". hint: ").unwrap_or((message, ""))
}

/// A text of a record, in a sentence: no longer than people read.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(QUOTED_CHARACTERS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

/// A record as a zone file has it; long texts in pieces.
pub(super) fn txt_line(name: &str, text: &str) -> String {
    let pieces: Vec<String> = text
        .as_bytes()
        .chunks(STRING_OCTETS)
        .map(|piece| format!("\"{}\"", String::from_utf8_lossy(piece).replace('\\', "\\\\").replace('"', "\\\"")))
        .collect();
    format!("{name}. TXT {}", pieces.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_records_are_written_in_pieces() {
        assert_eq!(txt_line("a.example", "v=spf1 -all"), "a.example. TXT \"v=spf1 -all\"");
        let line = txt_line("a.example", &"x".repeat(300));
        assert_eq!(line, format!("a.example. TXT \"{}\" \"{}\"", "x".repeat(255), "x".repeat(45)));
        assert_eq!(quoted("v=spf1"), "\"v=spf1\"");
        assert_eq!(quoted(&"ü".repeat(8_000)), format!("\"{}…\"", "ü".repeat(QUOTED_CHARACTERS)));
    }

    #[test]
    fn domains_that_a_template_makes_are_not_known() {
        assert_eq!(fixed("Acme <news@Acme.example>").as_deref(), Some("acme.example"));
        assert_eq!(fixed("{{ name }} <news@acme.example>").as_deref(), Some("acme.example"));
        for text in
            ["news@[[ brand ]].example", "news@{{ brand }}.example", "b+{token}@{{ x }}", "Acme", "news@localhost"]
        {
            assert_eq!(fixed(text), None, "{text}");
        }
    }

    #[test]
    fn silence_is_told_with_what_is_not_known_for_it() {
        assert_eq!(unanswered(&[], None, "the resolver 192.0.2.53:53"), None);
        let unknown: Vec<(String, String)> =
            (0..8).map(|n| (format!("SPF of d{n}.example"), format!("TXT d{n}.example: no answer"))).collect();
        let finding = unanswered(&unknown, Some((2, "no".into())), "the resolver 192.0.2.53:53").unwrap();
        assert!(
            finding.says.starts_with("not looked at, for the resolver 192.0.2.53:53 did not tell: SPF of d0.example; ")
        );
        assert!(
            finding.says.ends_with("SPF of d5.example, and 3 more (TXT d0.example: no answer)"),
            "{}",
            finding.says
        );
    }
}
