//! A probe as one JSON object on one line: every fact of the page, for programs.

use super::Probed;
use crate::engine::probe::{Called, Host, Outcome};
use crate::mail::reply::Printable;
use crate::smtp::client::Mode;
use crate::tls::Proof;
use crate::tls::certificate::Description;
use crate::wire::dns::{Exchanger, TlsaAnswer};
use crate::wire::visit::{Ended, Ready};
use serde_json::{Value, json};
use std::time::Duration;

/// The object, with a line end.
pub(super) fn object(probed: &Probed<'_>) -> String {
    let found = probed.found;
    let route = match &found.route {
        Ok(route) => json!({
            "site": &*route.site,
            "authentic": route.authentic,
            "left_out": route.skipped.iter().map(|s| json!({"host": &*s.host, "reason": &*s.reason})).collect::<Vec<_>>(),
        }),
        Err(error) => json!({"error": error.reply.to_string(), "permanent": error.permanent}),
    };
    let sts = found.sts.policy.as_ref().map(|policy| {
        json!({"mode": policy.mode.word(), "max_age_s": policy.max_age_s, "mx": policy.mx.iter().map(|mx| &**mx).collect::<Vec<_>>()})
    });
    let reports = found.reports.as_ref().map(|rua| {
        let mailto = rua.mailto.iter().map(|to| format!("mailto:{to}"));
        mailto.chain(rua.https.iter().map(ToString::to_string)).collect::<Vec<_>>()
    });
    let object = json!({
        "target": &probed.name,
        "ehlo": &*probed.means.source.ehlo,
        "route": route,
        "mta_sts": sts,
        "mta_sts_failure": found.sts.failure.map(|failure| failure.word()),
        "tls_reports": reports,
        "hosts": found.hosts.iter().map(host).collect::<Vec<_>>(),
        "delivers": found.taker().is_some(),
        "host": found.taker().map(|(host, _)| host.exchanger.host.to_string()),
        "reason": if found.taker().is_some() { None } else { found.obstacle().map(|(_, why)| why) },
    });
    format!("{object}\n")
}

fn host(host: &Host) -> Value {
    let Exchanger { preference, host: name, addresses, authentic, tlsa, tlsa_base } = &host.exchanger;
    let tlsa = match tlsa {
        TlsaAnswer::Absent => Value::Null,
        TlsaAnswer::Records(records) => records.iter().map(|record| record.presentation()).collect(),
        TlsaAnswer::Unknown(why) => json!({"error": &**why}),
    };
    let demand = match &host.demand {
        Ok(demand) => json!({
            "level": demand.security.level.word(),
            "source": demand.security.source.word(),
            "testing": demand.audit.is_some(),
        }),
        Err(why) => json!({"error": why}),
    };
    json!({
        "preference": preference,
        "host": &**name,
        "addresses": addresses,
        "authentic": authentic,
        "tlsa": tlsa,
        "tlsa_base": tlsa_base,
        "demanded": demand,
        "calls": host.calls.iter().map(call).collect::<Vec<_>>(),
    })
}

fn call(call: &Called) -> Value {
    let seen = &call.seen;
    let tls = seen.tls.as_ref().map(|tls| {
        json!({
            "version": tls.version,
            "cipher": tls.cipher,
            "ms": ms(tls.took),
            "certificates": call.certificates.iter().map(certificate).collect::<Vec<_>>(),
        })
    });
    let tls_error = match &seen.end {
        Ended::Tls(error) => Some(error),
        _ => call.judged.as_ref().and_then(|judged| judged.as_ref().err()),
    };
    let (outcome, why) = match &call.outcome {
        Outcome::Secure(..) => ("tls", None),
        Outcome::Clear(why) => ("clear", Some(why)),
        Outcome::Deferred(why) => ("deferred", Some(why)),
    };
    let proof = call.judged.as_ref().and_then(|judged| judged.as_ref().ok()).filter(|proof| **proof != Proof::None);
    json!({
        "address": call.remote,
        "local": seen.local,
        "connect_ms": seen.connected_in.map(ms),
        "greeting_ms": seen.greeted_in.map(ms),
        "replies": seen.replies.iter().map(|(phase, reply)| {
            let lines: Vec<String> = reply.text.split(|&o| o == b'\n').map(|line| Printable(line).to_string()).collect();
            json!({"phase": phase.word(), "code": reply.code, "lines": lines})
        }).collect::<Vec<_>>(),
        "tls": tls,
        "tls_failure": tls_error.and_then(|error| error.failure()).map(|failure| failure.word()),
        "tls_error": tls_error.map(ToString::to_string),
        "proof": proof.map(ToString::to_string),
        "mta_sts_testing": call.audit.as_ref().map(|audit| audit.as_ref().map_or_else(|why| why.as_str(), |()| "content")),
        "session": seen.ready.as_ref().map(ready),
        "outcome": outcome,
        "reason": why,
    })
}

fn ready(ready: &Ready) -> Value {
    let mode = match ready.mode {
        Mode::Lockstep => "lockstep",
        Mode::Pipelined => "pipelined",
        Mode::Overlapped => "overlapped",
        Mode::Chunked => "chunked",
    };
    json!({"mode": mode, "recipients_max": ready.recipients_max, "content_max": ready.content_max})
}

fn certificate(of: &Description) -> Value {
    json!({
        "subject": of.subject,
        "issuer": of.issuer,
        "names": of.names,
        "not_before": of.not_before_s,
        "not_after": of.not_after_s,
        "key": of.key,
        "spki_sha256": of.spki_sha256,
    })
}

fn ms(span: Duration) -> f64 {
    (span.as_secs_f64() * 10_000.0).round() / 10.0
}
