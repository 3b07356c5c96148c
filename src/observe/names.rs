//! The names of all metrics: a closed set, one definition each. Dashboards and alerts are tested against it.
//!
//! Names follow Prometheus' conventions: base units, `_total` for what only grows. Label values come from closed sets,
//! but for `site`, of which there are at most [`SITES_MAX`] and `other`.

/// Sites that have a label of their own; those met later are counted under `other`.
pub const SITES_MAX: usize = 200;

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often values fell into each bucket.
    Histogram,
}

macro_rules! metrics {
    ($($kind:ident $variant:ident = $name:literal, $unit:literal, [$($label:literal),*], $help:literal;)*) => {
        /// One metric.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Metric { $(#[doc = $help] $variant,)* }

        impl Metric {
            /// Every metric.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name that Prometheus sees.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What kind of number it is.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)* }
            }

            /// Its unit, for people; empty for a plain count.
            #[must_use]
            pub const fn unit(self) -> &'static str {
                match self { $(Self::$variant => $unit,)* }
            }

            /// The labels that it may have.
            #[must_use]
            pub const fn labels(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($label),*],)* }
            }

            /// One sentence: what it counts.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }
        }
    };
}

metrics! {
    Counter Recipients = "posthaste_recipients_total", "recipients", ["outcome"],
        "Recipients that reached a final outcome, by outcome.";
    Counter Deferrals = "posthaste_deferrals_total", "recipients", [],
        "Attempts that ended in a deferral (4yz or no answer); a recipient may count several times.";
    Counter Messages = "posthaste_messages_total", "messages", [],
        "Messages accepted by a next hop.";
    Counter Transactions = "posthaste_transactions_total", "transactions", [],
        "SMTP transactions that ran to their end, whatever it was.";
    Counter ContentOctets = "posthaste_content_bytes_total", "bytes", [],
        "Octets of content handed to sessions.";
    Counter Replies = "posthaste_replies_total", "replies", ["class", "subject"],
        "Replies about recipients, by class (2, 4, 5) and subject of the enhanced code (0 to 7, other, none).";
    Counter SessionsOpened = "posthaste_sessions_opened_total", "sessions", [],
        "Sessions whose greeting and EHLO succeeded.";
    Counter SessionsFailed = "posthaste_sessions_failed_total", "sessions", [],
        "Sessions that failed before their first transaction: refused, unreachable, timed out.";
    Counter SessionReuses = "posthaste_session_reuses_total", "transactions", [],
        "Transactions that found an open session.";
    Counter TlsSessions = "posthaste_tls_sessions_total", "sessions", ["version", "resumed"],
        "TLS handshakes that were finished, by version and by whether they resumed an earlier session (true, false).";
    Counter TlsFailures = "posthaste_tls_handshake_failures_total", "handshakes", [],
        "TLS handshakes that failed: no common version, a broken or unacceptable peer.";
    Gauge SessionsOpen = "posthaste_sessions_open", "sessions", [],
        "Sessions open now.";
    Histogram DeliverySeconds = "posthaste_delivery_seconds", "seconds", [],
        "Time from the start of an attempt to its final reply.";
    Gauge QueueRecipients = "posthaste_queue_recipients", "recipients", ["state"],
        "Recipients not done yet: waiting (due now), scheduled (due later), in_flight (being tried).";
    Gauge QueueOldestSeconds = "posthaste_queue_oldest_seconds", "seconds", [],
        "How long ago the campaign that is being sent was started.";
    Gauge Held = "posthaste_held", "", [],
        "1 once the mailing is held: nothing more begins until it is sent again.";
    Gauge RecipientsLoaded = "posthaste_recipients_loaded", "recipients", [],
        "Recipients of the campaign that is being sent.";
    Counter LoaderRows = "posthaste_loader_rows_total", "rows", [],
        "Rows of lists read.";
    Counter LoaderRejected = "posthaste_loader_rejected_total", "rows", [],
        "Rows that hold no usable recipient.";
    Counter LoaderDuplicates = "posthaste_loader_duplicates_total", "rows", [],
        "Rows whose recipient had come before.";
    Counter LoaderSuppressed = "posthaste_loader_suppressed_total", "rows", [],
        "Rows whose recipient is on the suppression list.";
    Counter JournalCommits = "posthaste_journal_commits_total", "commits", [],
        "Group commits made durable.";
    Counter JournalOctets = "posthaste_journal_bytes_total", "bytes", [],
        "Octets written to the journal, padding included.";
    Histogram JournalSyncSeconds = "posthaste_journal_sync_seconds", "seconds", [],
        "Time of one durable write.";
    Gauge JournalFailed = "posthaste_journal_failed", "", [],
        "1 after a write failed: nothing more will become durable.";
    Counter RenderMessages = "posthaste_render_messages_total", "messages", [],
        "Messages rendered and signed.";
    Histogram RenderSeconds = "posthaste_render_seconds", "seconds", [],
        "Time to render and sign one message.";
    Counter DnsLookups = "posthaste_dns_lookups_total", "lookups", [],
        "Questions asked of name servers.";
    Counter DnsFailures = "posthaste_dns_failures_total", "lookups", [],
        "Questions without an answer: time-outs, server failures.";
    Histogram DnsSeconds = "posthaste_dns_seconds", "seconds", [],
        "Time to an answer.";
    Counter RingEnters = "posthaste_ring_enters_total", "calls", [],
        "Calls of io_uring_enter.";
    Counter RingCompletions = "posthaste_ring_completions_total", "completions", [],
        "Completions taken from the rings.";
    Counter SiteRecipients = "posthaste_site_recipients_total", "recipients", ["site", "outcome"],
        "Recipients that reached a final outcome, by site.";
    Counter SiteDeferrals = "posthaste_site_deferrals_total", "recipients", ["site"],
        "Attempts that ended in a deferral, by site.";
    Gauge SiteSessions = "posthaste_site_sessions_open", "sessions", ["site"],
        "Sessions open now, by site.";
    Gauge SiteWindow = "posthaste_site_window_sessions", "sessions", ["site"],
        "Sessions allowed now, by site.";
    Gauge SiteWaiting = "posthaste_site_waiting_recipients", "recipients", ["site"],
        "Recipients waiting, by site.";
    Gauge SiteBackoffSeconds = "posthaste_site_backoff_seconds", "seconds", ["site"],
        "Time until the site is tried again; 0 when it is not paused.";
    Gauge StartTime = "posthaste_start_time_seconds", "seconds", [],
        "When the process began, in seconds since 1970.";
    Gauge BuildInfo = "posthaste_build_info", "", ["version"],
        "Always 1; the label tells the version.";
}
