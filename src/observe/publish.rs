//! From plain numbers to Prometheus: [`Observer`] owns the registry and the page, a [`Publisher`] feeds it differences.
//!
//! Guarantees: an observer that is off costs one comparison a publication; an address that is taken is an error before
//! anything is sent; what a publisher showed as a level goes back to zero when it is dropped; what is published together
//! is seen together. The page has a thread and a runtime of its own, so that a slow reader cannot hold up mail.

use super::counters::{BOUNDS_S, Facts, Spread, Value};
use super::names::{Kind, Metric, SITES_MAX};
use hashbrown::HashSet;
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

static METADATA: Metadata<'static> = Metadata::new("posthaste", Level::INFO, None);

/// Why metrics cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The address cannot be listened on.
    #[error("metrics: cannot listen on {address}: {error}\nhint: {}", listen_hint(error))]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The exporter or its runtime did not start.
    #[error("metrics: the page on {address} did not start: {reason}")]
    Start {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the exporter said.
        reason: String,
    },
}

fn listen_hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another process has the port: choose another one with --metrics or [metrics] listen"
        }
        std::io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege: choose a higher one",
        std::io::ErrorKind::AddrNotAvailable => "the address is none of this machine's: try 127.0.0.1",
        _ => "check --metrics or [metrics] listen",
    }
}

struct Registry {
    recorder: PrometheusRecorder,
    page: PrometheusHandle,
    sites: Mutex<HashSet<Box<str>>>,
    /// Held while the page is made, and while numbers that belong together are published.
    whole: Mutex<()>,
}

/// The registry of metrics, or nothing. Cheap to clone.
#[derive(Clone, Default)]
pub struct Observer(Option<Arc<Registry>>);

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_on() { "Observer(on)" } else { "Observer(off)" })
    }
}

impl Observer {
    /// An observer that nobody listens to.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// An observer without a page: [`Observer::render`] shows what it holds.
    ///
    /// # Errors
    /// None today; the exporter may refuse a setting.
    pub fn without_page() -> Result<Self, String> {
        Ok(Self::on(builder()?.build_recorder()))
    }

    /// An observer with a page on `address` (port 0: one is chosen). Returns the address it is on.
    ///
    /// # Errors
    /// The address is taken or not ours, or no thread could be started.
    pub fn listen(address: SocketAddr) -> Result<(Self, SocketAddr), ObserveError> {
        let start = |reason: String| ObserveError::Start { address, reason };
        let listener = TcpListener::bind(address).map_err(|error| ObserveError::Listen { address, error })?;
        let bound = listener
            .set_nonblocking(true)
            .and_then(|()| listener.local_addr())
            .map_err(|error| ObserveError::Listen { address, error })?;
        let observer = Self::without_page().map_err(start)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| start(e.to_string()))?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(|e| start(e.to_string()))?
        };
        let shown = observer.clone();
        let serve = move || runtime.block_on(super::page::serve(listener, shown));
        std::thread::Builder::new().name("metrics".into()).spawn(serve).map_err(|e| start(e.to_string()))?;
        Ok((observer, bound))
    }

    fn on(recorder: PrometheusRecorder) -> Self {
        for metric in Metric::ALL {
            describe(&recorder, *metric);
        }
        let page = recorder.handle();
        let registry = Registry { recorder, page, sites: Mutex::default(), whole: Mutex::default() };
        let observer = Self(Some(Arc::new(registry)));
        observer.set(Metric::BuildInfo, &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
        observer
    }

    /// Whether anybody may be listening.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The page's text; empty when the observer is off.
    #[must_use]
    pub fn render(&self) -> String {
        let Some(registry) = &self.0 else { return String::new() };
        let _whole = registry.whole.lock().unwrap_or_else(PoisonError::into_inner);
        registry.page.render()
    }

    /// Publishes numbers that belong together: no page has some of them old and others new.
    pub fn together(&self, publish: impl FnOnce()) {
        let whole = self.0.as_ref().map(|registry| registry.whole.lock().unwrap_or_else(PoisonError::into_inner));
        publish();
        drop(whole);
    }

    /// Folds the samples of histograms into their buckets.
    pub(super) fn keep_up(&self) {
        if let Some(registry) = &self.0 {
            registry.page.run_upkeep();
        }
    }

    /// States when the process began.
    pub fn started(&self, at: crate::base::clock::UnixTime) {
        self.set(Metric::StartTime, &[], f64::from(at.0));
    }

    fn set(&self, metric: Metric, labels: &[(&'static str, &'static str)], value: f64) {
        if let Some(registry) = &self.0 {
            registry.recorder.register_gauge(&key(metric, labels, None), &METADATA).set(value);
        }
    }

    /// A publisher for the numbers of one thread.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        Publisher { observer: self.clone(), site: None, slots: Vec::new() }
    }

    /// A publisher for one site; `None` when the observer is off or [`SITES_MAX`] sites have a label already: then the
    /// site's numbers belong to [`Observer::other_sites`].
    #[must_use]
    pub fn site(&self, name: &str) -> Option<Publisher> {
        let registry = self.0.as_ref()?;
        let mut sites = registry.sites.lock().unwrap_or_else(PoisonError::into_inner);
        if !sites.contains(name) {
            if sites.len() >= SITES_MAX {
                return None;
            }
            sites.insert(name.into());
        }
        Some(Publisher { observer: self.clone(), site: Some(name.into()), slots: Vec::new() })
    }

    /// A publisher for the sum of all sites without a label of their own.
    #[must_use]
    pub fn other_sites(&self) -> Publisher {
        Publisher { observer: self.clone(), site: Some("other".into()), slots: Vec::new() }
    }
}

fn builder() -> Result<PrometheusBuilder, String> {
    PrometheusBuilder::new().set_buckets(&BOUNDS_S).map_err(|e| e.to_string())
}

fn describe(recorder: &PrometheusRecorder, metric: Metric) {
    let unit = match metric.unit() {
        "seconds" => Some(Unit::Seconds),
        "bytes" => Some(Unit::Bytes),
        _ => None,
    };
    match metric.kind() {
        Kind::Counter => recorder.describe_counter(metric.name().into(), unit, metric.help().into()),
        Kind::Gauge => recorder.describe_gauge(metric.name().into(), unit, metric.help().into()),
        Kind::Histogram => recorder.describe_histogram(metric.name().into(), unit, metric.help().into()),
    }
}

fn key(metric: Metric, labels: &[(&'static str, &'static str)], site: Option<&str>) -> Key {
    let mut all: Vec<Label> = labels.iter().map(|&(name, value)| Label::from_static_parts(name, value)).collect();
    if let Some(site) = site {
        all.push(Label::new("site", site.to_owned()));
    }
    Key::from_parts(metric.name(), all)
}

/// A registered metric and what was last published for it.
enum Slot {
    Total(Counter, u64),
    Level(Gauge, u64),
    Spread(Histogram, Box<Spread>),
}

/// Publishes the numbers of one thread, or of one site, as differences to the last time.
pub struct Publisher {
    observer: Observer,
    site: Option<Box<str>>,
    slots: Vec<Slot>,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("site", &self.site).finish_non_exhaustive()
    }
}

impl Publisher {
    /// Publishes. Call it a few times a second, always with the same kind of numbers.
    pub fn publish(&mut self, facts: &impl Facts) {
        let Some(registry) = &self.observer.0 else { return };
        let mut at = 0;
        facts.show(&mut |metric, labels, value| {
            if at == self.slots.len() {
                self.slots.push(register(&registry.recorder, &key(metric, labels, self.site.as_deref()), value));
            }
            if let Some(slot) = self.slots.get_mut(at) {
                slot.update(value);
            }
            at += 1;
        });
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        for slot in &mut self.slots {
            if let Slot::Level(..) = slot {
                slot.update(Value::Level(0));
            }
        }
    }
}

fn register(recorder: &PrometheusRecorder, key: &Key, value: Value<'_>) -> Slot {
    match value {
        Value::Total(_) => Slot::Total(recorder.register_counter(key, &METADATA), 0),
        Value::Level(_) => Slot::Level(recorder.register_gauge(key, &METADATA), 0),
        Value::Spread(_) => Slot::Spread(recorder.register_histogram(key, &METADATA), Box::default()),
    }
}

impl Slot {
    fn update(&mut self, value: Value<'_>) {
        match (self, value) {
            (Self::Total(counter, last), Value::Total(now)) => {
                counter.increment(now.saturating_sub(*last));
                *last = now;
            }
            // Several threads add to one gauge, so each adds its difference.
            (Self::Level(gauge, last), Value::Level(now)) if now != *last => {
                gauge.increment(now as f64 - *last as f64);
                *last = now;
            }
            (Self::Spread(histogram, last), Value::Spread(now)) => {
                record(histogram, last, now);
                last.clone_from_spread(now);
            }
            _ => {}
        }
    }
}

/// Records what came since `last`, each bucket's share at that bucket's mean: counts and sum are exact.
fn record(histogram: &Histogram, last: &Spread, now: &Spread) {
    let counts = now.counts.iter().zip(&last.counts);
    let sums = now.sums_us.iter().zip(&last.sums_us);
    for ((count, count_before), (sum, sum_before)) in counts.zip(sums) {
        let came = count.saturating_sub(*count_before);
        if came > 0 {
            let mean_s = sum.saturating_sub(*sum_before) as f64 / came as f64 / 1e6;
            histogram.record_many(mean_s, usize::try_from(came).unwrap_or(usize::MAX));
        }
    }
}

impl Spread {
    fn clone_from_spread(&mut self, other: &Self) {
        self.counts = other.counts;
        self.sums_us = other.sums_us;
    }
}
