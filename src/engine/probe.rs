//! A probe of a destination: where its mail would go, what is demanded of TLS there, and what its servers say when they
//! are called. It goes the way that mail goes (look-ups, policy, session, TLS) and sends none.
//!
//! Guarantees: at most two addresses of each exchanger are called, all at one time, each within [`Means::limit`].
//! Leaves to others: telling it to people (`app::probe`).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::policy::sts::Answer;
use super::policy::{Demand, Policies};
use super::smarthost::Smarthost;
use super::source::Source;
use crate::smtp::client::{Config, End, Phase, Starttls};
use crate::tls::certificate::Description;
use crate::tls::policy::Level;
use crate::tls::report::Rua;
use crate::tls::{ClientConfig, Proof, TlsError, Verification};
use crate::wire::clock::unix_now;
use crate::wire::dns::{Exchanger, Resolver, Route, RouteError, TlsaAnswer};
use crate::wire::visit::{Call, Ended, Seen, visit};

/// What is probed.
#[derive(Clone, Debug)]
pub enum Target {
    /// A domain: lower case, ASCII, or an address literal.
    Domain(Arc<str>),
    /// A host, without a look at MX records.
    Host(Smarthost),
}

/// What a probe needs.
#[derive(Clone, Debug)]
pub struct Means {
    /// Looks up.
    pub resolver: Resolver,
    /// What TLS is demanded.
    pub policies: Policies,
    /// What TLS connections share.
    pub tls: ClientConfig,
    /// Where we connect from.
    pub source: Source,
    /// How sessions run; whether they use TLS follows from what is demanded.
    pub session: Config,
    /// TLS stands before the greeting.
    pub implicit_tls: bool,
    /// The port that is called.
    pub port: u16,
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long one call may take.
    pub limit: Duration,
}

impl Means {
    /// A call to a host; where TLS stands before the greeting, `starttls` does not count.
    pub(super) fn call(
        &self,
        remote: SocketAddr,
        host: &Arc<str>,
        starttls: Starttls,
        verification: Verification,
    ) -> Call {
        let starttls = if self.implicit_tls { Starttls::Implicit } else { starttls };
        Call {
            remote,
            local: self.source.address_for(remote.ip()),
            host: host.clone(),
            session: Arc::new(Config { starttls, ..self.session.clone() }),
            tls: self.tls.clone(),
            verification,
            connect_timeout: self.connect_timeout,
            limit: self.limit,
        }
    }
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The exchangers, or the reply that stands for them.
    pub route: Result<Route, RouteError>,
    /// The domain's MTA-STS policy.
    pub sts: Answer,
    /// Where the domain wants TLS reports.
    pub reports: Option<Rua>,
    /// What became of each exchanger, in the order in which they are tried.
    pub hosts: Vec<Host>,
}

/// An exchanger, and what it said.
#[derive(Debug)]
pub struct Host {
    /// Its name and addresses.
    pub exchanger: Exchanger,
    /// What is demanded there, or why it may not be used.
    pub demand: Result<Arc<Demand>, String>,
    /// A call for each address that was tried.
    pub calls: Vec<Called>,
}

/// One call.
#[derive(Debug)]
pub struct Called {
    /// The address.
    pub remote: SocketAddr,
    /// What was seen.
    pub seen: Seen,
    /// The server's certificates, leaf first, as far as they can be read.
    pub certificates: Vec<Description>,
    /// Whether the certificates are what is demanded; `None` without TLS.
    pub judged: Option<Result<Proof, TlsError>>,
    /// Where MTA-STS is testing: whether its enforcement would be content.
    pub audit: Option<Result<(), String>>,
    /// What would become of mail here.
    pub outcome: Outcome,
}

/// What would become of mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It would be delivered: by which version of TLS, and what proved who the peer is.
    Secure(&'static str, Proof),
    /// It would be delivered in clear text: why.
    Clear(String),
    /// It would wait: why.
    Deferred(String),
}

impl Outcome {
    /// Whether mail would be delivered.
    #[must_use]
    pub fn delivers(&self) -> bool {
        !matches!(self, Self::Deferred(_))
    }
}

impl Found {
    /// The first exchanger that would take mail, and how.
    #[must_use]
    pub fn taker(&self) -> Option<(&Host, &Called)> {
        let calls = self.hosts.iter().flat_map(|host| host.calls.iter().map(move |call| (host, call)));
        calls.into_iter().find(|(_, call)| call.outcome.delivers())
    }

    /// Why none would take it: the exchanger that is tried first, and its reason.
    #[must_use]
    pub fn obstacle(&self) -> Option<(&Host, String)> {
        self.hosts.iter().find_map(|host| match (&host.demand, host.calls.first().map(|call| &call.outcome)) {
            (Err(why), _) => Some((host, why.clone())),
            (Ok(_), Some(Outcome::Deferred(why))) => Some((host, why.clone())),
            _ => None,
        })
    }
}

/// Probes; must be awaited on a tokio runtime.
pub async fn probe(target: &Target, means: &Means) -> Found {
    let (route, sts, reports) = look_up(target, means).await;
    let name: &str = match target {
        Target::Domain(domain) => domain,
        Target::Host(Smarthost::Host(host, _)) => host,
        Target::Host(Smarthost::Address(_)) => "",
    };
    let mut hosts = route.as_ref().map(|route| demands(name, target, route, &sts, means)).unwrap_or_default();
    let mut calls = JoinSet::new();
    for (at, host) in hosts.iter().enumerate() {
        let Ok(demand) = &host.demand else { continue };
        for address in addresses(&host.exchanger, &means.source) {
            let call = call(SocketAddr::new(address, means.port), &host.exchanger.host, demand, means);
            let (demand, tls) = (demand.clone(), means.tls.clone());
            calls.spawn(async move { (at, called(&call, visit(&call).await, &demand, &tls)) });
        }
    }
    while let Some(done) = calls.join_next().await {
        if let Ok((at, called)) = done
            && let Some(host) = hosts.get_mut(at)
        {
            host.calls.push(called);
        }
    }
    for host in &mut hosts {
        host.calls.sort_by_key(|call| (means.source.rank(call.remote.ip()), call.remote));
    }
    Found { route, sts, reports, hosts }
}

async fn look_up(target: &Target, means: &Means) -> (Result<Route, RouteError>, Answer, Option<Rua>) {
    let resolver = &means.resolver;
    match target {
        Target::Domain(domain) => {
            let name = format!("_smtp._tls.{domain}");
            let (route, sts, reports) =
                tokio::join!(resolver.resolve_mx(domain), means.policies.sts_of(domain, resolver), resolver.txt(&name));
            (route, sts, reports.ok().and_then(|txt| Rua::parse(&txt.strings)))
        }
        Target::Host(_) => (route(target, resolver).await, Answer::default(), None),
    }
}

/// The exchangers of a domain, or the host.
pub(super) async fn route(target: &Target, resolver: &Resolver) -> Result<Route, RouteError> {
    match target {
        Target::Domain(domain) => resolver.resolve_mx(domain).await,
        Target::Host(Smarthost::Host(host, _)) => resolver.resolve_host(host).await,
        Target::Host(Smarthost::Address(address)) => {
            let host: Arc<str> = address.ip().to_string().into();
            Ok(Route {
                exchangers: vec![Exchanger::plain(0, host.clone(), vec![address.ip()])],
                site: host,
                valid_for: Duration::MAX,
                skipped: Vec::new(),
                authentic: false,
            })
        }
    }
}

/// What is demanded of each exchanger: as `engine::policy` says when it places the domain.
fn demands(name: &str, target: &Target, route: &Route, sts: &Answer, means: &Means) -> Vec<Host> {
    let fixed = match target {
        Target::Host(Smarthost::Address(address)) => Some(means.policies.of_host(&address.ip().to_string())),
        Target::Domain(_) | Target::Host(Smarthost::Host(..)) => None,
    };
    let placed = means.policies.place(name, route.clone(), sts).ok();
    let demand = |exchanger: &Exchanger| {
        if let Some(fixed) = &fixed {
            return Ok(fixed.clone());
        }
        let mut pairs = placed.iter().flat_map(|placed| placed.exchangers.iter().zip(&placed.demands));
        let found = pairs.find(|(placed, _)| placed.host == exchanger.host);
        found.map(|(_, demand)| demand.clone()).ok_or_else(|| forbidden(exchanger))
    };
    let all = route.exchangers.iter();
    all.map(|exchanger| Host { demand: demand(exchanger), exchanger: exchanger.clone(), calls: Vec::new() }).collect()
}

fn forbidden(exchanger: &Exchanger) -> String {
    match &exchanger.tlsa {
        TlsaAnswer::Unknown(why) => format!("the look-up of its TLSA records failed: {why}"),
        TlsaAnswer::Absent | TlsaAnswer::Records(_) => "the domain's MTA-STS policy does not name it".to_owned(),
    }
}

/// One address of each family that the source reaches, those that it prefers first.
pub(super) fn addresses(exchanger: &Exchanger, source: &Source) -> Vec<IpAddr> {
    let first = |v4: bool| exchanger.addresses.iter().copied().find(|ip| ip.is_ipv4() == v4 && source.reaches(*ip));
    let mut all: Vec<IpAddr> = [first(true), first(false)].into_iter().flatten().collect();
    all.sort_by_key(|ip| source.rank(*ip));
    all
}

fn call(remote: SocketAddr, host: &Arc<str>, demand: &Demand, means: &Means) -> Call {
    let starttls = match demand.security.level {
        Level::Never => Starttls::Never,
        // Required too: a server without TLS is to be seen, not hung up on.
        Level::Opportunistic | Level::Required | Level::Verified => Starttls::Offered,
    };
    means.call(remote, host, starttls, Verification::Opportunistic)
}

fn called(call: &Call, seen: Seen, demand: &Demand, tls: &ClientConfig) -> Called {
    let chain = seen.tls.as_ref().map(|tls| &*tls.chain).unwrap_or_default();
    let certificates = chain.iter().map_while(|der| Description::of(der)).collect();
    let now_s = u64::from(unix_now().0);
    let judged = seen.tls.as_ref().map(|_| tls.judge(&demand.verification, chain, now_s));
    let audit = demand.audit.as_ref().map(|audit| match &seen.tls {
        _ if !audit.listed => Err("the policy does not name this host".to_owned()),
        None => Err("there is no TLS".to_owned()),
        Some(_) => tls.judge(&audit.verification, chain, now_s).map(drop).map_err(|error| reason(&error)),
    });
    let outcome = outcome(&seen, demand.security.level, judged.as_ref());
    Called { remote: call.remote, seen, certificates, judged, audit, outcome }
}

pub(super) fn outcome(seen: &Seen, level: Level, judged: Option<&Result<Proof, TlsError>>) -> Outcome {
    if let (Some(_), Some(tls)) = (&seen.ready, &seen.tls) {
        return match judged {
            Some(Ok(proof)) => Outcome::Secure(tls.version, proof.clone()),
            Some(Err(error)) => Outcome::Deferred(reason(error)),
            None => Outcome::Deferred("its certificates were not judged".to_owned()),
        };
    }
    if seen.ready.is_some() {
        return match (level, seen.reply(Phase::StartTls, false)) {
            (Level::Never, _) => Outcome::Clear("TLS is switched off".to_owned()),
            (Level::Opportunistic, None) => Outcome::Clear("it does not offer STARTTLS".to_owned()),
            (Level::Opportunistic, Some(reply)) => Outcome::Clear(format!("it refused STARTTLS: {reply}")),
            (_, None) => Outcome::Deferred("TLS is demanded, and it does not offer STARTTLS".to_owned()),
            (_, Some(reply)) => Outcome::Deferred(format!("TLS is demanded, and it refused STARTTLS: {reply}")),
        };
    }
    let at = |what: &str, phase: Phase| Outcome::Deferred(format!("{what} ({})", phase.word()));
    match &seen.end {
        Ended::Unconnected(why) => Outcome::Deferred(format!("it cannot be reached: {why}")),
        Ended::Tls(error) if level.allows_clear_text() => Outcome::Clear(format!("TLS fails: {}", reason(error))),
        Ended::Tls(error) => Outcome::Deferred(reason(error)),
        Ended::TooLong(phase) | Ended::Session(End::Timeout(phase)) => at("it did not answer in time", *phase),
        Ended::Session(End::Refused(reply, phase)) => at(&format!("it turned us away: {reply}"), *phase),
        Ended::Session(End::Lost(phase)) => at("it closed the connection", *phase),
        Ended::Session(End::Protocol(rule, phase)) => at(rule, *phase),
        Ended::Session(End::NoTls(why)) => Outcome::Deferred((*why).to_owned()),
        Ended::Session(End::Unauthenticated(reply) | End::LoginWithheld(reply)) => {
            Outcome::Deferred(format!("it does not know us: {reply}"))
        }
        Ended::Session(End::Done) | Ended::Not => Outcome::Deferred("it ended the session at once".to_owned()),
    }
}

/// What failed, without the hint.
fn reason(error: &TlsError) -> String {
    match error {
        TlsError::Peer { what, .. } => what.to_string(),
        other => other.to_string(),
    }
}
