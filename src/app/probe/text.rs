//! A probe for a terminal: facts in two columns, and one sentence at the end.
//!
//! Guarantees: what came from the network is escaped.

use super::Probed;
use crate::app::config::values::duration_text;
use crate::app::figures::size;
use crate::engine::policy::Demand;
use crate::engine::probe::{Called, Host, Outcome, Target};
use crate::engine::source::Source;
use crate::mail::Reply;
use crate::mail::reply::Printable;
use crate::smtp::client::{Mode, Phase};
use crate::tls::certificate::Description;
use crate::tls::policy::Source as Demander;
use crate::tls::{Proof, TlsError, sts};
use crate::wire::dns::{Route, TlsaAnswer};
use crate::wire::visit::{Ended, Ready};
use std::fmt::Write as _;
use std::time::Duration;

/// The width of the left column.
const LABEL: usize = 14;

/// All of it.
pub(super) fn page(probed: &Probed<'_>) -> String {
    let mut page = Page(String::new());
    page.head(&title(probed));
    let found = probed.found;
    match &found.route {
        Err(error) => page.line("route", &error.reply.to_string()),
        Ok(route) => {
            let unproven = if probed.dnssec { "the MX records are not signed" } else { "switched off" };
            page.route(route, matches!(probed.target, Target::Domain(_)), unproven);
        }
    }
    if let Target::Domain(_) = probed.target {
        page.line("MTA-STS", &policy(probed));
        if let Some(rua) = &found.reports {
            let to: Vec<String> = rua
                .mailto
                .iter()
                .map(|to| format!("mailto:{to}"))
                .chain(rua.https.iter().map(|to| to.to_string()))
                .collect();
            page.line("TLS reports", &escaped(&to.join(", ")));
        }
    }
    for host in &found.hosts {
        page.host(host, probed);
    }
    page.0.push('\n');
    page.0.push_str(&verdict(probed));
    page.0.push('\n');
    page.0
}

fn title(probed: &Probed<'_>) -> String {
    let source = &probed.means.source;
    let through = match &source.proxy {
        Some(proxy) => format!("; mail goes through {proxy}, this probe does not"),
        None => String::new(),
    };
    format!("{}, as {}{through}", escaped(&probed.name), from(source))
}

fn from(source: &Source) -> String {
    let addresses = [source.ipv4.map(|ip| ip.to_string()), source.ipv6.map(|ip| ip.to_string())];
    let bound: Vec<String> = addresses.into_iter().flatten().collect();
    if bound.is_empty() { source.ehlo.to_string() } else { format!("{} from {}", source.ehlo, bound.join(" and ")) }
}

struct Page(String);

impl Page {
    fn head(&mut self, text: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        let _ = writeln!(self.0, "{text}");
    }

    /// A label and what is to be said of it; further lines stand below the first.
    fn line(&mut self, label: &str, text: &str) {
        let _ = writeln!(self.0, "  {label:<LABEL$}{text}");
    }

    fn route(&mut self, route: &Route, domain: bool, unproven: &str) {
        let width = route.exchangers.iter().map(|e| e.host.len()).max().unwrap_or(0).min(50);
        for (at, exchanger) in route.exchangers.iter().enumerate() {
            let addresses: Vec<String> = exchanger.addresses.iter().map(ToString::to_string).collect();
            let preference = if domain { format!("{:>3} ", exchanger.preference) } else { String::new() };
            // An address is its own.
            let addresses = addresses.join(", ");
            let addresses = if *addresses == *exchanger.host { "" } else { &*addresses };
            let label = if at > 0 {
                ""
            } else if domain {
                "MX"
            } else {
                "host"
            };
            self.line(label, format!("{preference}{:<width$}  {addresses}", exchanger.host).trim_end());
        }
        for skipped in &route.skipped {
            self.line("left out", &escaped(&format!("{} {}", skipped.host, skipped.reason)));
        }
        if domain {
            self.line("site", &route.site);
            self.line("DNSSEC", if route.authentic { "the MX records are proven" } else { unproven });
        }
    }

    fn host(&mut self, host: &Host, probed: &Probed<'_>) {
        let demand = match &host.demand {
            Ok(demand) => demand,
            Err(why) => {
                self.head(&host.exchanger.host);
                self.line("not used", why);
                return;
            }
        };
        if host.calls.is_empty() {
            self.head(&host.exchanger.host);
            self.line("not called", "this source reaches none of its addresses");
        }
        for call in &host.calls {
            self.head(&format!("{} at {}", host.exchanger.host, call.remote));
            if host.exchanger.authentic {
                self.line("DNSSEC", "the addresses are proven");
            }
            self.tlsa(&host.exchanger.tlsa);
            self.line("TLS demanded", &demanded(demand));
            self.call(call, probed);
            self.line("mail", &outcome(&call.outcome, ""));
        }
    }

    fn tlsa(&mut self, answer: &TlsaAnswer) {
        if let TlsaAnswer::Records(records) = answer {
            for (at, record) in records.iter().enumerate() {
                let use_ = if record.is_usable() { "" } else { "  (of no use to mail)" };
                self.line(if at == 0 { "TLSA" } else { "" }, &format!("{record}{use_}"));
            }
        }
    }

    fn call(&mut self, call: &Called, probed: &Probed<'_>) {
        let seen = &call.seen;
        if let Some(took) = seen.connected_in {
            let local = seen.local.map(|local| format!(", from {}", local.ip())).unwrap_or_default();
            self.line("connected", &format!("in {}{local}", span(took)));
        }
        if let Some(reply) = seen.reply(Phase::Greeting, false) {
            let took = seen.greeted_in.map(|took| format!("  (after {})", span(took))).unwrap_or_default();
            self.line("greeting", &format!("{}{took}", shown(reply)));
        }
        if let Some(tls) = &seen.tls {
            let cipher = tls.cipher.replacen("TLS13_", "TLS_", 1);
            self.line("TLS", &format!("{}, {cipher}, in {}", version(tls.version), span(tls.took)));
            self.chain(&call.certificates, tls.chain.len(), probed.now_s);
            match &call.judged {
                Some(Ok(proof)) => self.line("identity", &proven(proof)),
                Some(Err(error)) => self.failed("identity", error),
                None => {}
            }
        } else if let Ended::Tls(error) = &seen.end {
            self.failed("TLS", error);
        }
        match &call.audit {
            Some(Ok(())) => self.line("MTA-STS", "is testing; enforced, it would be content"),
            Some(Err(why)) => self.line("MTA-STS", &format!("is testing; enforced, mail would wait: {why}")),
            None => {}
        }
        if let Some(reply) = seen.reply(Phase::Hello, true) {
            self.offers(reply);
        }
        if let Some(ready) = &seen.ready {
            self.line("transactions", &transactions(ready));
            self.line("MAIL", &mail(ready));
        }
    }

    fn failed(&mut self, label: &str, error: &TlsError) {
        let text = error.to_string();
        let (what, hint) = text.split_once(" hint: ").unwrap_or((&text, ""));
        let word = error.failure().map(|failure| format!("{failure}: ")).unwrap_or_default();
        self.line(label, &format!("{word}{}", what.trim_start_matches("TLS: ").trim_end_matches('.')));
        if !hint.is_empty() {
            self.line("", &format!("hint: {hint}"));
        }
    }

    fn chain(&mut self, chain: &[Description], sent: usize, now_s: i64) {
        for (at, certificate) in chain.iter().enumerate() {
            let issuer = if certificate.is_self_issued() { "itself" } else { &*certificate.issuer };
            let label = if at == 0 { "certificate" } else { "issued by" };
            self.line(label, &format!("{}, {}, {}", certificate.subject, certificate.key, lasts(certificate, now_s)));
            if at == 0 {
                if !certificate.names.is_empty() {
                    let more = if certificate.more_names > 0 {
                        format!(" and {} more", certificate.more_names)
                    } else {
                        String::new()
                    };
                    self.line("", &format!("for {}{more}", certificate.names.join(", ")));
                }
                self.line("", &format!("TLSA 3 1 1 {}", certificate.spki_sha256));
            }
            if at + 1 == chain.len() && at + 1 == sent {
                self.line("issued by", issuer);
            }
        }
        if chain.len() < sent {
            self.line("", &format!("and {} that cannot be read", sent - chain.len()));
        }
    }

    /// The extensions, in lines that fit a terminal.
    fn offers(&mut self, reply: &Reply) {
        let text = reply.text.split(|&octet| octet == b'\n').skip(1).map(|line| Printable(line).to_string());
        let mut lines = vec![String::new()];
        for offer in text {
            match lines.last_mut() {
                Some(line) if line.is_empty() => *line = offer,
                Some(line) if line.len() + offer.len() < 74 => _ = write!(line, ", {offer}"),
                _ => lines.push(offer),
            }
        }
        for (at, line) in lines.iter().enumerate() {
            let nothing = if line.is_empty() { "nothing" } else { line };
            self.line(if at == 0 { "offers" } else { "" }, nothing);
        }
    }
}

fn policy(probed: &Probed<'_>) -> String {
    let answer = &probed.found.sts;
    match (&answer.policy, &answer.failure) {
        (Some(policy), failure) => {
            let age = duration_text(Duration::from_secs(policy.max_age_s.into()));
            let stale = failure.map(|failure| format!("; the newer one: {failure}")).unwrap_or_default();
            let mx: Vec<&str> = policy.mx.iter().map(|mx| &**mx).collect();
            let exchangers = if policy.mode == sts::Mode::None { String::new() } else { format!(", {}", mx.join(" ")) };
            format!("{}{exchangers}, for {age}{stale}", policy.mode.word())
        }
        (None, Some(failure)) => format!("announced, and not to be had: {failure}"),
        (None, None) if probed.means.policies.sts().is_none() => "switched off".to_owned(),
        (None, None) => "no policy".to_owned(),
    }
}

fn demanded(demand: &Demand) -> String {
    let by = match demand.security.source {
        Demander::Configured => "by the configuration",
        Demander::MtaSts => "by MTA-STS",
        Demander::Dane => "by DANE",
    };
    format!("{}, {by}", demand.security.level.word())
}

fn proven(proof: &Proof) -> String {
    match proof {
        Proof::None => "not verified: any certificate will do".to_owned(),
        Proof::Name(name) => format!("verified: a trusted chain, and the name {name}"),
        Proof::Dane(record) => format!("verified: the TLSA record {record}"),
    }
}

/// RFC 5321 §4.1.1.2 and the extensions that would be used.
fn mail(ready: &Ready) -> String {
    let offered = &ready.capabilities;
    let mut text = "MAIL FROM:<…>".to_owned();
    for (parameter, offered) in [
        (" SIZE=n", offered.size != crate::smtp::capabilities::Size::Absent),
        (" BODY=8BITMIME", offered.eight_bit_mime),
        (" SMTPUTF8", offered.smtp_utf8),
        (" RET= ENVID=", offered.dsn),
        (" REQUIRETLS", offered.require_tls),
    ] {
        if offered {
            text.push_str(parameter);
        }
    }
    match ready.content_max {
        Some(octets) => format!("{text}, up to {}", size(octets)),
        None => text,
    }
}

fn transactions(ready: &Ready) -> String {
    let how = match ready.mode {
        Mode::Lockstep => "lockstep: a round trip for each command",
        Mode::Pipelined => "pipelined: 2 round trips a message",
        Mode::Overlapped => "overlapped: 1 round trip a message",
        Mode::Chunked => "chunked: several messages a round trip",
    };
    let limits = &ready.capabilities.limits;
    let most = limits.mail_max.map(|most| format!(", {most} a session")).unwrap_or_default();
    format!("{how}, up to {} recipients{most}", ready.recipients_max)
}

/// What would become of mail, behind "would be …"; `to`: " to mx.acme.example", or nothing.
fn outcome(outcome: &Outcome, to: &str) -> String {
    match outcome {
        Outcome::Secure(by, proof) => format!("would be delivered{to} over {}, {}", version(by), who(proof)),
        Outcome::Clear(why) => format!("would be delivered{to} in clear text: {why}"),
        Outcome::Deferred(why) => format!("would be deferred: {why}"),
    }
}

fn who(proof: &Proof) -> &'static str {
    match proof {
        Proof::None => "though nothing proves who the server is",
        Proof::Name(_) => "and the server proves its name",
        Proof::Dane(_) => "and DANE vouches for the server",
    }
}

/// The last line: what would become of a message.
fn verdict(probed: &Probed<'_>) -> String {
    let mail = match probed.target {
        Target::Domain(domain) => format!("Mail to {domain}"),
        Target::Host(host) => format!("Mail through {host}"),
    };
    let found = probed.found;
    if let Err(error) = &found.route {
        let end = if error.permanent { "bounce" } else { "be deferred" };
        return format!("{mail} would {end}: {}", error.reply);
    }
    match (found.taker(), found.obstacle()) {
        (Some((host, call)), _) => match probed.target {
            Target::Domain(_) => format!("{mail} {}.", outcome(&call.outcome, &format!(" to {}", host.exchanger.host))),
            Target::Host(_) => format!("{mail} {}.", outcome(&call.outcome, "")),
        },
        (None, Some((host, why))) => format!("{mail} would be deferred: {}: {why}.", host.exchanger.host),
        (None, None) => format!("{mail} would be deferred: no exchanger can be reached from here."),
    }
}

/// "TLS 1.3" for rustls' "TLSv1_3".
fn version(text: &str) -> String {
    text.strip_prefix("TLSv").map_or_else(|| text.to_owned(), |number| format!("TLS {}", number.replace('_', ".")))
}

fn lasts(certificate: &Description, now_s: i64) -> String {
    let day = |second: i64| {
        let at = jiff::Timestamp::from_second(second).unwrap_or_default();
        at.strftime("%Y-%m-%d").to_string()
    };
    let days = |seconds: i64| seconds.max(0) / 86_400;
    if now_s > certificate.not_after_s {
        return format!(
            "expired {} days ago ({})",
            days(now_s - certificate.not_after_s),
            day(certificate.not_after_s)
        );
    }
    if now_s < certificate.not_before_s {
        return format!("not valid before {}", day(certificate.not_before_s));
    }
    format!("good for {} days ({})", days(certificate.not_after_s - now_s), day(certificate.not_after_s))
}

fn shown(reply: &Reply) -> String {
    let first = reply.text.split(|&octet| octet == b'\n').next().unwrap_or_default();
    format!("{} {}", reply.code, Printable(first))
}

fn span(took: Duration) -> String {
    let ms = took.as_secs_f64() * 1000.0;
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

fn escaped(text: &str) -> String {
    Printable(text.as_bytes()).to_string()
}
