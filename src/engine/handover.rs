//! One message handed over at once: by the way that mail goes, without a queue.
//!
//! Guarantees: exchangers are tried in their order, at most two addresses of each; the message is offered to the next one
//! only while no server has refused it for good, and no content was sent without a reply. TLS of a domain's exchangers is
//! used where it works, and its failure keeps nothing back (RFC 8460 §5.3); a fixed host is held to what is configured.
//! Leaves to others: what is handed over, and trying again.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::probe::{Means, Outcome, Target, addresses, outcome, route};
use super::smarthost::Smarthost;
use crate::mail::{Envelope, Mailbox, Reply};
use crate::smtp::client::{Config, Phase, Starttls, Transaction};
use crate::tls::Verification;
use crate::tls::policy::Level;
use crate::wire::visit::{self, Call, Given, Seen};

/// Hands over `content` from the null reverse-path to `to`; must be awaited on a tokio runtime. The content is ASCII in
/// the form of [`Transaction::content`].
///
/// # Errors
/// Nobody took it: what the last one that was asked said, or why nobody could be.
pub async fn hand_over(target: &Target, means: &Means, to: &Mailbox, content: &Bytes) -> Result<Reply, String> {
    let route = route(target, &means.resolver).await.map_err(|error| error.reply.to_string())?;
    let mut why = "none of its servers has an address that is reached from here".to_owned();
    for exchanger in &route.exchangers {
        for address in addresses(exchanger, &means.source) {
            let remote = SocketAddr::new(address, means.port);
            let seen = offer(&call(remote, &exchanger.host, target, means), to, content).await;
            let at = format!("{} [{address}]", exchanger.host);
            match seen.given {
                Some(Given::Taken(reply)) => return Ok(reply),
                Some(Given::Refused(reply, phase)) => {
                    why = format!("{at} said {reply} ({})", phase.word());
                    if reply.code >= 500 {
                        return Err(why);
                    }
                }
                Some(Given::Uncertain) => return Err(format!("{at} gave no reply to the content; it may have it")),
                None => why = format!("{at}: {}", obstacle(&seen)),
            }
        }
    }
    Err(why)
}

/// Offers it, and once more in clear text where TLS was only a wish and failed.
async fn offer(call: &Call, to: &Mailbox, content: &Bytes) -> Seen {
    let transaction = || {
        let mut envelope = Envelope::new(b"");
        envelope.push(to.as_str().as_bytes());
        Transaction { key: 0, envelope, content: content.clone().into(), eight_bit: false, options: None }
    };
    let seen = visit::hand_over(call, transaction()).await;
    let tls_failed = seen.given.is_none() && seen.ready.is_none() && seen.connected_in.is_some();
    if !tls_failed || call.session.starttls != Starttls::Offered || !began_tls(&seen) {
        return seen;
    }
    let session = Arc::new(Config { starttls: Starttls::Never, ..(*call.session).clone() });
    visit::hand_over(&Call { session, ..call.clone() }, transaction()).await
}

/// Whether STARTTLS was said, and answered by more than a refusal.
fn began_tls(seen: &Seen) -> bool {
    seen.reply(Phase::StartTls, false).is_some()
}

fn call(remote: SocketAddr, host: &Arc<str>, target: &Target, means: &Means) -> Call {
    let demand = match target {
        Target::Domain(_) => None,
        Target::Host(Smarthost::Host(name, _)) => Some(means.policies.of_host(name)),
        Target::Host(Smarthost::Address(address)) => Some(means.policies.of_host(&address.ip().to_string())),
    };
    let starttls = match demand.as_ref().map(|demand| demand.security.level) {
        Some(Level::Never) => Starttls::Never,
        Some(Level::Required | Level::Verified) => Starttls::Required,
        Some(Level::Opportunistic) | None => Starttls::Offered,
    };
    let verification = demand.map_or(Verification::Opportunistic, |demand| demand.verification.clone());
    means.call(remote, host, starttls, verification)
}

/// Why the message was not even offered, or not answered.
fn obstacle(seen: &Seen) -> String {
    if seen.ready.is_some() {
        return "it ended the session before it had the message".to_owned();
    }
    match outcome(seen, Level::Required, None) {
        Outcome::Clear(why) | Outcome::Deferred(why) => why,
        Outcome::Secure(..) => "it ended the session at once".to_owned(),
    }
}
