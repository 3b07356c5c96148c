//! What happened, counted; and a day of it as JSON (RFC 8460 §4.4).

use crate::mail::reply::Printable;
use crate::tls::{Failure, sts};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Domains and policies of all days that are kept; results of more are dropped, and counted.
pub const POLICIES_MAX: usize = 20_000;
/// Different failures of one policy and day; more are counted in the summary only.
pub const DETAILS_MAX: usize = 32;
/// Host names, lines of a policy and other texts are cut to this length, in characters.
const TEXT_MAX: usize = 300;
/// A policy's lines, or its exchangers: no more are quoted.
const LINES_MAX: usize = 32;

/// Which sort of policy was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyKind {
    /// DANE.
    Tlsa,
    /// MTA-STS.
    Sts,
    /// None was found.
    NoPolicyFound,
}

/// The policy that was applied to a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Policy {
    /// Its sort.
    #[serde(rename = "policy-type")]
    pub kind: PolicyKind,
    /// Its text: the lines of an MTA-STS policy ([`sts::Policy::lines`]), the TLSA records of DANE.
    #[serde(rename = "policy-string", default, skip_serializing_if = "Vec::is_empty")]
    pub strings: Vec<Box<str>>,
    /// The domain it is about: the recipients' for MTA-STS, the one that TLSA records were found for with DANE.
    #[serde(rename = "policy-domain")]
    pub domain: Box<str>,
    /// The patterns of an MTA-STS policy.
    #[serde(rename = "mx-host", default, skip_serializing_if = "Vec::is_empty")]
    pub mx_hosts: Vec<Box<str>>,
}

impl Policy {
    /// No policy.
    #[must_use]
    pub fn none(domain: &str) -> Self {
        Self { kind: PolicyKind::NoPolicyFound, strings: Vec::new(), domain: cut(domain), mx_hosts: Vec::new() }
    }

    /// An MTA-STS policy of the domain.
    #[must_use]
    pub fn sts(domain: &str, policy: &sts::Policy) -> Self {
        let mut strings = policy.lines();
        strings.truncate(LINES_MAX);
        let mx_hosts = policy.mx.iter().take(LINES_MAX).cloned().collect();
        Self { kind: PolicyKind::Sts, strings, domain: cut(domain), mx_hosts }
    }

    /// The TLSA records of an exchanger.
    #[must_use]
    pub fn tlsa(domain: &str, records: &[crate::tls::dane::Tlsa]) -> Self {
        let strings = records.iter().take(LINES_MAX).map(|record| record.presentation().into()).collect();
        Self { kind: PolicyKind::Tlsa, strings, domain: cut(domain), mx_hosts: Vec::new() }
    }
}

/// What is told of a failed session beyond its number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Details {
    /// What failed.
    pub result_type: Failure,
    /// Our address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sending_mta_ip: Option<IpAddr>,
    /// The exchanger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiving_mx_hostname: Option<Box<str>>,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiving_ip: Option<IpAddr>,
    /// A sentence that says more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason_code: Option<Box<str>>,
}

impl Details {
    /// A failure with nothing more to tell.
    #[must_use]
    pub fn new(result_type: Failure) -> Self {
        Self {
            result_type,
            sending_mta_ip: None,
            receiving_mx_hostname: None,
            receiving_ip: None,
            failure_reason_code: None,
        }
    }
}

/// The results of one policy on one day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    successes: u64,
    failures: u64,
    details: Vec<(Details, u64)>,
}

/// Results by day, domain and policy. Serialises, so that it outlives the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Stored>", into = "Vec<Stored>")]
pub struct Tallies {
    tallies: BTreeMap<(u32, Policy), Tally>,
    dropped: u64,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    day: u32,
    policy: Policy,
    tally: Tally,
}

impl From<Vec<Stored>> for Tallies {
    fn from(stored: Vec<Stored>) -> Self {
        let all = stored.into_iter().take(POLICIES_MAX).map(|s| ((s.day, s.policy), s.tally));
        Self { tallies: all.collect(), dropped: 0 }
    }
}

impl From<Tallies> for Vec<Stored> {
    fn from(tallies: Tallies) -> Self {
        tallies.tallies.into_iter().map(|((day, policy), tally)| Stored { day, policy, tally }).collect()
    }
}

impl Tallies {
    /// `sessions` sessions whose TLS was what `policy` asks for. `day`: since 1970-01-01, UTC.
    pub fn success(&mut self, day: u32, policy: &Policy, sessions: u64) {
        if let Some(tally) = self.tally(day, policy, sessions) {
            tally.successes = tally.successes.saturating_add(sessions);
        }
    }

    /// A session that failed, or went out in clear text because TLS failed.
    pub fn failure(&mut self, day: u32, policy: &Policy, details: &Details) {
        let Some(tally) = self.tally(day, policy, 1) else { return };
        tally.failures = tally.failures.saturating_add(1);
        let mut details = details.clone();
        for text in [&mut details.receiving_mx_hostname, &mut details.failure_reason_code] {
            *text = text.as_deref().map(cut);
        }
        if let Some((_, count)) = tally.details.iter_mut().find(|(known, _)| *known == details) {
            *count = count.saturating_add(1);
        } else if tally.details.len() < DETAILS_MAX {
            tally.details.push((details, 1));
        }
    }

    fn tally(&mut self, day: u32, policy: &Policy, sessions: u64) -> Option<&mut Tally> {
        let key = (day, policy.clone());
        if self.tallies.len() >= POLICIES_MAX && !self.tallies.contains_key(&key) {
            self.dropped = self.dropped.saturating_add(sessions);
            return None;
        }
        Some(self.tallies.entry(key).or_default())
    }

    /// Whether there is nothing to report.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tallies.is_empty()
    }

    /// Sessions that had no place.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Forgets what was counted of a domain on a day.
    pub fn forget(&mut self, day: u32, domain: &str) {
        self.tallies.retain(|(at, policy), _| *at != day || *policy.domain != *domain);
    }

    /// Takes out the reports of all days before `today`: one for each day and domain, in this order.
    pub fn take_before(&mut self, today: u32) -> Vec<Report> {
        let kept = self.tallies.split_off(&(today, Policy { kind: PolicyKind::Tlsa, ..Policy::none("") }));
        let mut reports: BTreeMap<(u32, Box<str>), Report> = BTreeMap::new();
        for ((day, policy), tally) in std::mem::replace(&mut self.tallies, kept) {
            let domain = policy.domain.clone();
            let report = reports.entry((day, domain.clone()));
            report.or_insert_with(|| Report { day, domain, policies: Vec::new() }).policies.push((policy, tally));
        }
        reports.into_values().collect()
    }
}

/// Who sends a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitter {
    /// The organisation's name.
    pub organization: Box<str>,
    /// Its domain: TLS-Report-Submitter, and in the file's name.
    pub domain: Box<str>,
    /// Where questions go: an address.
    pub contact: Box<str>,
}

/// What happened with one domain on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Since 1970-01-01, UTC.
    pub day: u32,
    /// The domain that the report is for.
    pub domain: Box<str>,
    policies: Vec<(Policy, Tally)>,
}

impl Report {
    /// Sessions that succeeded, and that failed.
    #[must_use]
    pub fn sessions(&self) -> (u64, u64) {
        self.policies.iter().fold((0, 0), |(good, bad), (_, tally)| {
            (good.saturating_add(tally.successes), bad.saturating_add(tally.failures))
        })
    }

    /// The first and the last second of the day, since 1970.
    #[must_use]
    pub fn seconds(&self) -> (i64, i64) {
        let begin = i64::from(self.day) * 86_400;
        (begin, begin + 86_399)
    }

    /// The report (RFC 8460 §4.4). `id` tells it from all others.
    #[must_use]
    pub fn json(&self, submitter: &Submitter, id: &str) -> String {
        let (begin, end) = self.seconds();
        let policies = self.policies.iter().map(|(policy, tally)| PolicyJson::of(policy, tally)).collect();
        let json = ReportJson {
            organization_name: &submitter.organization,
            date_range: DateRange { start_datetime: time(begin), end_datetime: time(end) },
            contact_info: &submitter.contact,
            report_id: id,
            policies,
        };
        // Strings and numbers under fixed keys: this can not fail.
        serde_json::to_string_pretty(&json).unwrap_or_default()
    }
}

/// "2026-11-24T00:00:00Z".
pub(super) fn time(second: i64) -> String {
    jiff::Timestamp::from_second(second).map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}

fn cut(text: &str) -> Box<str> {
    Printable(text.as_bytes()).to_string().chars().take(TEXT_MAX).collect::<String>().into()
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ReportJson<'r> {
    organization_name: &'r str,
    date_range: DateRange,
    contact_info: &'r str,
    report_id: &'r str,
    policies: Vec<PolicyJson<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DateRange {
    start_datetime: String,
    end_datetime: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct PolicyJson<'r> {
    policy: &'r Policy,
    summary: Summary,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failure_details: Vec<DetailsJson<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Summary {
    total_successful_session_count: u64,
    total_failure_session_count: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DetailsJson<'r> {
    #[serde(flatten)]
    details: &'r Details,
    failed_session_count: u64,
}

impl<'r> PolicyJson<'r> {
    fn of(policy: &'r Policy, tally: &'r Tally) -> Self {
        let details = tally.details.iter();
        Self {
            policy,
            summary: Summary {
                total_successful_session_count: tally.successes,
                total_failure_session_count: tally.failures,
            },
            failure_details: details
                .map(|(details, count)| DetailsJson { details, failed_session_count: *count })
                .collect(),
        }
    }
}
