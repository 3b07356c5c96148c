//! Plain numbers that the threads of the engine keep, and which metric each of them feeds.
//!
//! A counter is a field: adding to it is one instruction. Fields named in the singular state of things (`…_open`,
//! `waiting`) are levels, all others only grow. Leaves to others: turning differences into metrics ([`super::publish`]).

use super::names::Metric;
use crate::mail::{Disposition, ReplyRef};
use std::time::Duration;

/// Upper bounds of the buckets of every histogram, in seconds.
pub const BOUNDS_S: [f64; 16] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0];
const BOUNDS_US: [u64; 16] = [
    100,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    5_000_000,
    30_000_000,
    120_000_000,
    600_000_000,
];

/// How many times fell between which bounds: a histogram that one thread owns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    pub(super) counts: [u64; BOUNDS_US.len() + 1],
    pub(super) sums_us: [u64; BOUNDS_US.len() + 1],
}

impl Spread {
    /// Counts one time.
    pub fn record(&mut self, span: Duration) {
        let us = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|&bound| bound < us);
        if let (Some(count), Some(sum)) = (self.counts.get_mut(bucket), self.sums_us.get_mut(bucket)) {
            *count += 1;
            *sum = sum.saturating_add(us);
        }
    }

    /// Adds what another one counted.
    pub fn add(&mut self, other: &Self) {
        for (to, from) in self.counts.iter_mut().zip(other.counts).chain(self.sums_us.iter_mut().zip(other.sums_us)) {
            *to = to.saturating_add(from);
        }
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// One number, as it is shown to a [`super::Publisher`].
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Only grows.
    Total(u64),
    /// Goes up and down.
    Level(u64),
    /// A histogram.
    Spread(&'a Spread),
}

/// A label: its name and its value, both from closed sets.
pub type Labels = [(&'static str, &'static str)];
/// Takes one number: its metric, its labels but for `site`, and its value.
pub type Show<'a> = dyn FnMut(Metric, &Labels, Value<'_>) + 'a;

/// A set of numbers and the metrics that they feed: shown one by one, always all of them and in the same order.
pub trait Facts {
    /// Shows each number with its metric and at most two labels.
    fn show(&self, to: &mut Show<'_>);
}

/// The outcomes that are final, with the words of [`Disposition::word`].
const FINAL: [Disposition; 6] = [
    Disposition::Delivered,
    Disposition::Bounced,
    Disposition::Expired,
    Disposition::Suppressed,
    Disposition::Cancelled,
    Disposition::Uncertain,
];

/// Recipients by final outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes([u64; Disposition::ALL.len()]);

impl Outcomes {
    /// Counts one recipient.
    pub fn count(&mut self, disposition: Disposition) {
        self.add(disposition, 1);
    }

    /// Counts several.
    pub fn add(&mut self, disposition: Disposition, recipients: u64) {
        if let Some(n) = self.0.get_mut(disposition as usize) {
            *n += recipients;
        }
    }

    /// How many had this outcome.
    #[must_use]
    pub fn get(&self, disposition: Disposition) -> u64 {
        self.0.get(disposition as usize).copied().unwrap_or(0)
    }

    fn show(&self, metric: Metric, to: &mut Show<'_>) {
        for disposition in FINAL {
            to(metric, &[("outcome", disposition.word())], Value::Total(self.get(disposition)));
        }
    }
}

const CLASSES: [&str; 3] = ["2", "4", "5"];
const SUBJECTS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "other", "none"];

/// Replies by class and by the subject of their enhanced code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replies([[u64; SUBJECTS.len()]; CLASSES.len()]);

impl Replies {
    /// Counts one reply about a recipient.
    pub fn count(&mut self, reply: ReplyRef<'_>) {
        let class = match reply.code / 100 {
            2 => 0,
            5 => 2,
            _ => 1,
        };
        let subject = match reply.enhanced {
            Some(enhanced) => usize::from(enhanced.subject).min(8),
            None => 9,
        };
        if let Some(n) = self.0.get_mut(class).and_then(|row| row.get_mut(subject)) {
            *n += 1;
        }
    }
}

const TLS_VERSIONS: [&str; 3] = ["TLSv1.2", "TLSv1.3", "other"];
const RESUMED: [&str; 2] = ["false", "true"];

/// TLS handshakes that were finished, by version and by whether they resumed an earlier session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsSessions([[u64; RESUMED.len()]; TLS_VERSIONS.len()]);

impl TlsSessions {
    /// Counts one.
    pub fn count(&mut self, version: &str, resumed: bool) {
        let row = TLS_VERSIONS.iter().position(|v| *v == version).unwrap_or(TLS_VERSIONS.len() - 1);
        if let Some(n) = self.0.get_mut(row).and_then(|row| row.get_mut(usize::from(resumed))) {
            *n += 1;
        }
    }
}

/// What a shard counts.
#[derive(Clone, Debug, Default)]
pub struct ShardCounters {
    /// Recipients settled.
    pub recipients: Outcomes,
    /// See [`Metric::Deferrals`].
    pub deferrals: u64,
    /// See [`Metric::Messages`].
    pub messages: u64,
    /// See [`Metric::Transactions`].
    pub transactions: u64,
    /// See [`Metric::ContentOctets`].
    pub content_octets: u64,
    /// See [`Metric::Replies`].
    pub replies: Replies,
    /// See [`Metric::SessionsOpened`].
    pub sessions_opened: u64,
    /// See [`Metric::SessionsFailed`].
    pub sessions_failed: u64,
    /// See [`Metric::SessionReuses`].
    pub session_reuses: u64,
    /// See [`Metric::TlsSessions`].
    pub tls: TlsSessions,
    /// See [`Metric::TlsFailures`].
    pub tls_failures: u64,
    /// Level: sessions open now.
    pub sessions_open: u64,
    /// See [`Metric::DeliverySeconds`].
    pub delivery: Spread,
    /// Level: recipients due now.
    pub waiting: u64,
    /// Level: recipients due later.
    pub scheduled: u64,
    /// Level: recipients being tried.
    pub in_flight: u64,
    /// See [`Metric::RingEnters`].
    pub ring_enters: u64,
    /// See [`Metric::RingCompletions`].
    pub ring_completions: u64,
}

impl ShardCounters {
    /// Adds what another shard counted.
    pub fn add(&mut self, other: &Self) {
        for disposition in Disposition::ALL {
            self.recipients.add(disposition, other.recipients.get(disposition));
        }
        for (to, from) in self.replies.0.iter_mut().flatten().zip(other.replies.0.iter().flatten()) {
            *to += from;
        }
        for (to, from) in self.tls.0.iter_mut().flatten().zip(other.tls.0.iter().flatten()) {
            *to += from;
        }
        self.delivery.add(&other.delivery);
        self.tls_failures += other.tls_failures;
        self.deferrals += other.deferrals;
        self.messages += other.messages;
        self.transactions += other.transactions;
        self.content_octets += other.content_octets;
        self.sessions_opened += other.sessions_opened;
        self.sessions_failed += other.sessions_failed;
        self.session_reuses += other.session_reuses;
        self.sessions_open += other.sessions_open;
        self.waiting += other.waiting;
        self.scheduled += other.scheduled;
        self.in_flight += other.in_flight;
        self.ring_enters += other.ring_enters;
        self.ring_completions += other.ring_completions;
    }
}

impl Facts for ShardCounters {
    fn show(&self, to: &mut Show<'_>) {
        self.recipients.show(Metric::Recipients, to);
        for (class, row) in CLASSES.iter().zip(self.replies.0) {
            for (subject, n) in SUBJECTS.iter().zip(row) {
                to(Metric::Replies, &[("class", class), ("subject", subject)], Value::Total(n));
            }
        }
        for (version, row) in TLS_VERSIONS.iter().zip(self.tls.0) {
            for (resumed, n) in RESUMED.iter().zip(row) {
                to(Metric::TlsSessions, &[("version", version), ("resumed", resumed)], Value::Total(n));
            }
        }
        to(Metric::TlsFailures, &[], Value::Total(self.tls_failures));
        for (state, n) in [("waiting", self.waiting), ("scheduled", self.scheduled), ("in_flight", self.in_flight)] {
            to(Metric::QueueRecipients, &[("state", state)], Value::Level(n));
        }
        to(Metric::Deferrals, &[], Value::Total(self.deferrals));
        to(Metric::Messages, &[], Value::Total(self.messages));
        to(Metric::Transactions, &[], Value::Total(self.transactions));
        to(Metric::ContentOctets, &[], Value::Total(self.content_octets));
        to(Metric::SessionsOpened, &[], Value::Total(self.sessions_opened));
        to(Metric::SessionsFailed, &[], Value::Total(self.sessions_failed));
        to(Metric::SessionReuses, &[], Value::Total(self.session_reuses));
        to(Metric::SessionsOpen, &[], Value::Level(self.sessions_open));
        to(Metric::DeliverySeconds, &[], Value::Spread(&self.delivery));
        to(Metric::RingEnters, &[], Value::Total(self.ring_enters));
        to(Metric::RingCompletions, &[], Value::Total(self.ring_completions));
    }
}

/// What is counted for one site, or for all that have no label of their own.
#[derive(Clone, Copy, Debug, Default)]
pub struct SiteCounters {
    /// Recipients settled.
    pub recipients: Outcomes,
    /// See [`Metric::SiteDeferrals`].
    pub deferrals: u64,
    /// Level: sessions open now.
    pub sessions_open: u64,
    /// Level: sessions allowed now.
    pub window: u64,
    /// Level: recipients waiting.
    pub waiting: u64,
    /// Level: seconds until the site is tried again.
    pub backoff_s: u64,
}

impl Facts for SiteCounters {
    fn show(&self, to: &mut Show<'_>) {
        self.recipients.show(Metric::SiteRecipients, to);
        to(Metric::SiteDeferrals, &[], Value::Total(self.deferrals));
        to(Metric::SiteSessions, &[], Value::Level(self.sessions_open));
        to(Metric::SiteWindow, &[], Value::Level(self.window));
        to(Metric::SiteWaiting, &[], Value::Level(self.waiting));
        to(Metric::SiteBackoffSeconds, &[], Value::Level(self.backoff_s));
    }
}

/// What the loader counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoaderCounters {
    /// See [`Metric::LoaderRows`].
    pub rows: u64,
    /// See [`Metric::LoaderRejected`].
    pub rejected: u64,
    /// See [`Metric::LoaderDuplicates`].
    pub duplicates: u64,
    /// See [`Metric::LoaderSuppressed`].
    pub suppressed: u64,
    /// Level: recipients of the campaign so far.
    pub loaded: u64,
    /// Level: seconds since the campaign was started.
    pub oldest_s: u64,
    /// Level: 1 while the mailing is held.
    pub held: u64,
}

impl Facts for LoaderCounters {
    fn show(&self, to: &mut Show<'_>) {
        to(Metric::LoaderRows, &[], Value::Total(self.rows));
        to(Metric::LoaderRejected, &[], Value::Total(self.rejected));
        to(Metric::LoaderDuplicates, &[], Value::Total(self.duplicates));
        to(Metric::LoaderSuppressed, &[], Value::Total(self.suppressed));
        to(Metric::RecipientsLoaded, &[], Value::Level(self.loaded));
        to(Metric::QueueOldestSeconds, &[], Value::Level(self.oldest_s));
        to(Metric::Held, &[], Value::Level(self.held));
    }
}

/// What the journal's thread counts.
#[derive(Clone, Debug, Default)]
pub struct JournalCounters {
    /// See [`Metric::JournalCommits`].
    pub commits: u64,
    /// See [`Metric::JournalOctets`].
    pub octets: u64,
    /// See [`Metric::JournalSyncSeconds`].
    pub sync: Spread,
    /// Level: 1 after a failure.
    pub failed: u64,
}

impl Facts for JournalCounters {
    fn show(&self, to: &mut Show<'_>) {
        to(Metric::JournalCommits, &[], Value::Total(self.commits));
        to(Metric::JournalOctets, &[], Value::Total(self.octets));
        to(Metric::JournalSyncSeconds, &[], Value::Spread(&self.sync));
        to(Metric::JournalFailed, &[], Value::Level(self.failed));
    }
}

/// What a render worker counts.
#[derive(Clone, Debug, Default)]
pub struct RenderCounters {
    /// See [`Metric::RenderMessages`].
    pub messages: u64,
    /// See [`Metric::RenderSeconds`].
    pub spent: Spread,
}

impl Facts for RenderCounters {
    fn show(&self, to: &mut Show<'_>) {
        to(Metric::RenderMessages, &[], Value::Total(self.messages));
        to(Metric::RenderSeconds, &[], Value::Spread(&self.spent));
    }
}

/// What the resolver counts.
#[derive(Clone, Debug, Default)]
pub struct DnsCounters {
    /// See [`Metric::DnsLookups`].
    pub lookups: u64,
    /// See [`Metric::DnsFailures`].
    pub failures: u64,
    /// See [`Metric::DnsSeconds`].
    pub answer: Spread,
}

impl Facts for DnsCounters {
    fn show(&self, to: &mut Show<'_>) {
        to(Metric::DnsLookups, &[], Value::Total(self.lookups));
        to(Metric::DnsFailures, &[], Value::Total(self.failures));
        to(Metric::DnsSeconds, &[], Value::Spread(&self.answer));
    }
}
