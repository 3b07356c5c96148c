//! The domains of the list: those to which no mail can go, by the route that it would take.
//!
//! Guarantees: no more than [`DOMAINS_MAX`] are looked up, those with the most recipients first, and how many these were is told; a
//! resolver that denies all of them is told, and not the domains, where they are several or it does not know com, either.

use super::super::super::exit::Failure;
use super::super::super::signals::Signals;
use super::rounds::gather;
use crate::base::many::{Many, figure};
use crate::mail::finding::{Finding, Severity};
use crate::mail::reply::Printable;
use crate::wire::dns::Resolver;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// No more domains are looked up.
pub(super) const DOMAINS_MAX: usize = 1000;
/// It takes no longer.
const LOOK_MAX: Duration = Duration::from_secs(60);
/// Domains that are told of one by one.
const TOLD: usize = 20;
/// So many domains are needed for a suspicion of the resolver.
const SUSPICIOUS: usize = 3;

/// What was found.
pub(super) struct Mailboxes {
    /// Domains without a way, with their recipients and the reason; the largest first.
    dead: Vec<(Arc<str>, u64, String)>,
    /// Domains that have one.
    alive: u64,
    recipients: u64,
    /// Domains of which nobody could say, and why of one.
    silent: u64,
    why: String,
    /// Whether the resolver is known not to know the world.
    is_doubted: bool,
    /// Domains of the list, and all recipients.
    all: u64,
    all_recipients: u64,
}

/// Looks them up.
///
/// # Errors
/// The end was asked for.
pub(super) async fn look(
    resolver: &Resolver,
    domains: &[(Arc<str>, u64)],
    signals: &Signals,
) -> Result<Mailboxes, Failure> {
    let mut largest: Vec<(Arc<str>, u64)> = domains.to_vec();
    largest.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    largest.truncate(DOMAINS_MAX);
    let mut asking = JoinSet::new();
    for (domain, count) in &largest {
        let (resolver, domain, count) = (resolver.clone(), domain.clone(), *count);
        asking.spawn(async move {
            let route = resolver.resolve_mx(&domain).await;
            (domain, count, route)
        });
    }
    let mut found = Mailboxes {
        dead: Vec::new(),
        alive: 0,
        recipients: 0,
        silent: largest.len() as u64,
        why: format!("no answer within {} s", LOOK_MAX.as_secs()),
        is_doubted: false,
        all: domains.len() as u64,
        all_recipients: domains.iter().map(|(_, count)| count).sum(),
    };
    gather(asking, Instant::now() + LOOK_MAX, signals, |(domain, count, route)| {
        match route {
            Ok(_) => found.alive += 1,
            Err(error) if error.permanent => {
                found.dead.push((domain, count, Printable(&error.reply.text).to_string()));
            }
            Err(error) => {
                found.why = Printable(&error.reply.text).to_string();
                return;
            }
        }
        found.silent -= 1;
        found.recipients += count;
    })
    .await?;
    found.dead.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(found)
}

impl Mailboxes {
    /// Whether each domain of which something is known takes no mail.
    pub(super) fn are_all_dead(&self) -> bool {
        self.alive == 0 && !self.dead.is_empty()
    }

    /// The resolver does not know the world.
    pub(super) fn doubt(&mut self) {
        self.is_doubted = true;
    }

    /// Domains of which something is known.
    pub(super) fn looked(&self) -> u64 {
        self.alive + self.dead.len() as u64
    }

    /// Their recipients.
    pub(super) fn recipients(&self) -> u64 {
        self.recipients
    }

    /// Domains of which nobody could say, and why of one.
    pub(super) fn unanswered(&self) -> Option<(u64, String)> {
        (self.silent > 0).then(|| (self.silent, self.why.clone()))
    }

    pub(super) fn findings(&self, resolver: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.alive == 0 && (self.dead.len() >= SUSPICIOUS || self.is_doubted) {
            let why = self.dead.first().map(|(_, _, why)| why.as_str()).unwrap_or_default();
            let told = if self.silent > 0 { " that it told of" } else { "" };
            let says = format!(
                "{resolver} denies {} of the list{told}, which can hardly be ({why})",
                match self.dead.len() {
                    1 => "the one domain".to_owned(),
                    dead => format!("all {} domains", figure(dead as u64)),
                }
            );
            let hint = "look whether it has its way to the world; send would wait, and not bounce them";
            return vec![Finding::new(Severity::Warning, "dead-domain", "", says).hint(hint)];
        }
        for (domain, count, why) in self.dead.iter().take(TOLD) {
            let says = format!("no mail can go to {}: {why}", Many(*count, "recipient", "recipients"));
            let hint = "take them off the list, or mend the spelling: they bounce";
            findings.push(Finding::new(Severity::Warning, "dead-domain", &**domain, says).hint(hint));
        }
        let more = self.dead.len().saturating_sub(TOLD);
        if more > 0 {
            let recipients: u64 = self.dead.iter().skip(TOLD).map(|(_, count, _)| count).sum();
            let says = format!(
                "{}, with {}",
                Many(more as u64, "more domain", "more domains"),
                Many(recipients, "recipient", "recipients")
            );
            let hint = "take them off the list, or mend the spelling: they bounce";
            findings.push(Finding::new(Severity::Warning, "dead-domain", "", says).hint(hint));
        }
        if self.all > DOMAINS_MAX as u64 {
            let says = format!(
                "of the list's {} domains the {} largest were looked up: {} of {} recipients",
                figure(self.all),
                figure(DOMAINS_MAX as u64),
                figure(self.recipients),
                figure(self.all_recipients)
            );
            findings.push(Finding::new(Severity::Note, "dead-domain", "", says));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(alive: u64, dead: usize) -> Mailboxes {
        let dead = (0..dead).map(|n| (format!("d{n}.example").into(), 100 - n as u64, "gone".to_owned())).collect();
        Mailboxes {
            dead,
            alive,
            recipients: 0,
            silent: 0,
            why: String::new(),
            is_doubted: false,
            all: 30,
            all_recipients: 0,
        }
    }

    #[test]
    fn domains_are_told_within_bounds() {
        let findings = found(1, 25).findings("the resolver");
        assert_eq!(findings.len(), TOLD + 1);
        assert_eq!(
            (findings[0].place.as_str(), findings[0].says.as_str()),
            ("d0.example", "no mail can go to 100 recipients: gone")
        );
        assert_eq!(findings[TOLD].says, "5 more domains, with 390 recipients");
        assert_eq!(found(1, 0).findings("the resolver"), []);
    }

    #[test]
    fn a_resolver_that_denies_everything_is_the_suspect() {
        let findings = found(0, 3).findings("the resolver 192.0.2.53:53");
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0].says.starts_with("the resolver 192.0.2.53:53 denies all 3 domains"),
            "{}",
            findings[0].says
        );
        assert_eq!(found(0, 2).findings("the resolver").len(), 2);
        let mut one = found(0, 1);
        one.doubt();
        let says = one.findings("the resolver")[0].says.clone();
        assert_eq!(says, "the resolver denies the one domain of the list, which can hardly be (gone)");
        let says = Mailboxes { silent: 27, ..found(0, 3) }.findings("the resolver")[0].says.clone();
        assert!(says.starts_with("the resolver denies all 3 domains of the list that it told of, "), "{says}");
    }
}
