//! What is demanded of the TLS of one exchanger, and the name of a site that its demands give.

use aws_lc_rs::digest::{SHA256, digest};
use std::fmt::Write as _;
use std::sync::Arc;

use crate::tls::Verification;
use crate::tls::policy::Security;
use crate::wire::dns::Exchanger;

/// What sessions with one exchanger must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Demand {
    /// Who demands, and how much.
    pub security: Security,
    /// Whom the handshake believes.
    pub verification: Verification,
    /// MTA-STS in testing mode (RFC 8461 §5): what enforcement would refuse is told, and mail goes out all the same.
    pub audit: Option<Audit>,
}

/// What enforcement would demand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Audit {
    /// Whether the exchanger is one of the policy's.
    pub listed: bool,
    /// Whom the handshake would believe.
    pub verification: Verification,
}

/// The name of a site: `ordered`, its exchangers and their order, where every demand is `usual`, else with a digest of the demands behind it. What the
/// digest covers is what may not change under a session: the hosts, and what each must prove.
#[must_use]
pub fn site_name(ordered: &Arc<str>, exchangers: &[Exchanger], demands: &[Arc<Demand>], usual: &Demand) -> Arc<str> {
    if demands.iter().all(|demand| **demand == *usual) {
        return ordered.clone();
    }
    let mut said: Vec<String> =
        exchangers.iter().zip(demands).map(|(exchanger, demand)| said(&exchanger.host, demand)).collect();
    said.sort_unstable();
    let digest = digest(&SHA256, said.concat().as_bytes());
    let mut name = format!("{ordered}#");
    for octet in digest.as_ref().iter().take(16) {
        // Writing to a string does not fail.
        let _ = write!(name, "{octet:02x}");
    }
    name.into()
}

/// All of a demand in one text: equal texts are equal demands.
fn said(host: &str, demand: &Demand) -> String {
    let mut text = format!("{host} {:?} ", demand.security);
    said_verification(&mut text, &demand.verification);
    if let Some(audit) = &demand.audit {
        let _ = write!(text, "audit {} ", audit.listed);
        said_verification(&mut text, &audit.verification);
    }
    text + "\n"
}

fn said_verification(text: &mut String, verification: &Verification) {
    match verification {
        Verification::Opportunistic => text.push_str("any "),
        Verification::Names(names) => _ = write!(text, "{names:?} "),
        Verification::Dane(dane) => {
            for record in &dane.records {
                let _ = write!(text, "{} {} {} {:?} ", record.usage, record.selector, record.matching, record.data);
            }
            let _ = write!(text, "{:?} ", dane.names);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::dane::{Dane, Tlsa};
    use crate::tls::policy::{Level, Source};

    fn dane(last: u8) -> Demand {
        let mut data = vec![7; 32];
        data.push(last);
        let records = vec![Tlsa { usage: 3, selector: 1, matching: 0, data: data.into() }];
        Demand {
            security: Security { source: Source::Dane, level: Level::Verified },
            verification: Verification::Dane(Arc::new(Dane { records, names: Vec::new() })),
            audit: None,
        }
    }

    #[test]
    fn what_is_usual_has_the_group_s_name_and_every_other_demand_a_name_of_its_own() {
        let group: Arc<str> = "(a|b).mx.example".into();
        let exchangers = ["a.mx.example", "b.mx.example"].map(|host| Exchanger::plain(10, host.into(), Vec::new()));
        let usual = Arc::new(Demand::default());
        let name = |demands: [&Arc<Demand>; 2]| site_name(&group, &exchangers, &demands.map(Arc::clone), &usual);
        assert!(Arc::ptr_eq(&name([&usual, &usual]), &group));
        let (one, other) = (Arc::new(dane(1)), Arc::new(dane(2)));
        let names = [name([&one, &usual]), name([&usual, &one]), name([&one, &one]), name([&other, &one])];
        for (at, this) in names.iter().enumerate() {
            assert!(this.starts_with("(a|b).mx.example#") && this.len() <= 120 + 33, "{this}");
            assert!(!names[..at].contains(this), "one octet more or less is another demand");
        }
        let fewer = site_name(&group, &exchangers[..1], std::slice::from_ref(&one), &usual);
        assert!(!names.contains(&fewer), "an exchanger less is another site");
        assert_eq!(name([&one, &other]), name([&Arc::new(dane(1)), &Arc::new(dane(2))]));
    }
}
