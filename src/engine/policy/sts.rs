//! MTA-STS (RFC 8461): the policy of a domain, from its announcement in DNS, the web, and what was kept.
//!
//! Guarantees: a policy that was fetched holds until it expires, whatever DNS or the web server say or do not say in the
//! meantime (§3.3, §5.1, §10.2); only a newer policy takes its place. A fetch that failed is not tried again for
//! `FAILED_REST`. It is refreshed behind the back of who asks once half of its life, or a day, has passed. Memory holds
//! no more than `DOMAINS_MAX` domains.
//! Leaves to others: what follows from a policy (`policy`), and reports (`tally`).

use dashmap::DashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::kept::{Kept, Shelf};
use crate::base::clock::UnixTime;
use crate::tls::Failure;
use crate::tls::sts::{Policy, parse_txt};
use crate::wire::clock::unix_now;
use crate::wire::dns::{Resolver, TxtMissing, is_host_name};
use crate::wire::https::{FetchError, Fetcher};

/// No more domains are held in memory; what is dropped is read from disk again.
const DOMAINS_MAX: usize = 65_536;
/// After a fetch that failed none is tried for so long (§3.3: "at most once every five minutes").
const FAILED_REST: Duration = Duration::from_secs(300);
/// A policy is fetched anew after this time, or after half of its life.
const REFRESH: Duration = Duration::from_secs(86_400);
/// When DNS gave no announcement, it is asked again after this time.
const UNANNOUNCED: Duration = Duration::from_secs(300);
/// §3.2: where the policy of a domain is.
const PATH: &str = "/.well-known/mta-sts.txt";

/// What is known of a domain.
#[derive(Clone, Debug, Default)]
struct State {
    kept: Option<Kept>,
    /// The last fetch failed: no other before this second, unless the announced id is not the one that failed.
    rests: Option<(UnixTime, Box<str>)>,
}

/// The answer for a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The policy, if there is one that holds. Its mode may be `none`.
    pub policy: Option<Arc<Policy>>,
    /// For how long, from now.
    pub valid_for: Duration,
    /// Why a policy that is announced is not here, for the report.
    pub failure: Option<Failure>,
}

/// See the head of this file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fetcher: Fetcher,
    shelf: Shelf,
    known: DashMap<Arc<str>, State>,
}

impl Default for Answer {
    /// There is no policy, for good.
    fn default() -> Self {
        Self { policy: None, valid_for: Duration::MAX, failure: None }
    }
}

impl Sts {
    /// Policies kept in `folder`.
    ///
    /// # Errors
    /// The folder is there and cannot be read.
    pub fn new(fetcher: Fetcher, folder: &Path) -> std::io::Result<Self> {
        Ok(Self(Arc::new(Inner { fetcher, shelf: Shelf::open(folder)?, known: DashMap::new() })))
    }

    /// The policy of `domain` (lower case, ASCII), which must be awaited on a tokio runtime.
    pub async fn policy(&self, domain: &Arc<str>, resolver: &Resolver) -> Answer {
        // An address literal has no policy, and no name to look one up by.
        if !is_host_name(domain) {
            return Answer::default();
        }
        let announced = resolver.txt(&format!("_mta-sts.{domain}")).await;
        let now = unix_now();
        let state = self.state(domain, now);
        let (id, valid_for) = match announced {
            Ok(txt) => (parse_txt(&txt.strings), txt.valid_for),
            Err(TxtMissing::Absent | TxtMissing::Unknown(_)) => (None, UNANNOUNCED),
        };
        let known = state.kept.as_ref().map(|kept| (kept.id.clone(), is_old(kept, now)));
        let (state, failure) = match (known, id) {
            (None, None) => (state, None),
            // What is kept may have changed, or there is nothing: it is fetched before the mail goes out.
            (known, Some(id)) if known.as_ref().is_none_or(|(kept, _)| *kept != id) => {
                self.fetch_unless(domain, state, &id, resolver, now).await
            }
            (Some((kept, old)), _) => {
                if old && !rests(&state, &kept, now) {
                    self.refresh(domain.clone(), kept, resolver.clone());
                }
                (state, None)
            }
            (None, Some(_)) => (state, None),
        };
        let left = |kept: &Kept| Duration::from_secs(u64::from(kept.expires().0.saturating_sub(now.0)));
        let valid_for = state.kept.as_ref().map_or(valid_for, |kept| valid_for.min(left(kept)));
        Answer { policy: state.kept.map(|kept| kept.policy), valid_for, failure }
    }

    /// What was kept of a domain and still holds.
    #[must_use]
    pub fn kept(&self, domain: &str) -> Option<Kept> {
        self.0.known.get(domain).and_then(|state| state.kept.clone())
    }

    fn state(&self, domain: &Arc<str>, now: UnixTime) -> State {
        let mut state = match self.0.known.get(&**domain) {
            Some(known) => known.clone(),
            None => {
                let kept = self.0.shelf.read(domain).unwrap_or_else(|why| {
                    tracing::warn!(%domain, why, "a policy that was kept is lost: it is fetched again");
                    None
                });
                State { kept, rests: None }
            }
        };
        state.kept = state.kept.filter(|kept| kept.holds(now));
        state
    }

    /// Fetches in place, unless it failed a moment ago.
    async fn fetch_unless(
        &self,
        domain: &Arc<str>,
        state: State,
        id: &str,
        resolver: &Resolver,
        now: UnixTime,
    ) -> (State, Option<Failure>) {
        if rests(&state, id, now) {
            return (state, Some(Failure::StsPolicyFetchError));
        }
        let failure = self.fetch(domain, id, resolver).await;
        (self.state(domain, now), failure)
    }

    /// Fetches while who asked goes on with what was kept.
    fn refresh(&self, domain: Arc<str>, id: Box<str>, resolver: Resolver) {
        // Until it is over, nobody else begins the same.
        self.enter(&domain, |state| state.rests = Some((rest_from(unix_now()), id.clone())));
        let sts = self.clone();
        tokio::spawn(async move { sts.fetch(&domain, &id, &resolver).await });
    }

    /// Fetches the policy that is announced under `id`, and keeps it.
    async fn fetch(&self, domain: &Arc<str>, id: &str, resolver: &Resolver) -> Option<Failure> {
        let body = self.0.fetcher.get(resolver, &format!("mta-sts.{domain}"), PATH).await;
        let policy = body
            .map_err(|error| (failure_of(&error), error.to_string()))
            .and_then(|body| Policy::parse(&body).map_err(|error| (Failure::StsPolicyInvalid, error.to_string())));
        let now = unix_now();
        match policy {
            Ok(policy) => {
                let kept = Kept { id: id.into(), fetched: now, policy: Arc::new(policy) };
                tracing::debug!(%domain, id, mode = kept.policy.mode.word(), "an MTA-STS policy was fetched");
                self.keep(domain, kept, now).await;
                None
            }
            Err((failure, why)) => {
                tracing::info!(%domain, id, why, "the MTA-STS policy cannot be fetched: what was kept holds");
                self.enter(domain, |state| state.rests = Some((rest_from(now), id.into())));
                Some(failure)
            }
        }
    }

    async fn keep(&self, domain: &Arc<str>, kept: Kept, now: UnixTime) {
        self.enter(domain, |state| *state = State { kept: Some(kept.clone()), rests: None });
        // Syncing a file may take longer than answers should wait.
        let (sts, domain) = (self.clone(), domain.clone());
        let written =
            tokio::task::spawn_blocking(move || sts.0.shelf.write(&domain, &kept, now).map_err(|why| (domain, why)));
        if let Ok(Err((domain, why))) = written.await {
            tracing::warn!(%domain, why, "an MTA-STS policy cannot be kept on disk: it is lost with this process");
        }
    }

    fn enter(&self, domain: &Arc<str>, change: impl FnOnce(&mut State)) {
        if let Some(mut state) = self.0.known.get_mut(&**domain) {
            return change(&mut state);
        }
        if self.0.known.len() >= DOMAINS_MAX {
            // Which one goes does not matter: it is on disk. The key is copied, for the map may not be held twice.
            let one = self.0.known.iter().next().map(|entry| entry.key().clone());
            one.map(|one| self.0.known.remove(&one));
        }
        let mut state = self.state(domain, unix_now());
        change(&mut state);
        self.0.known.insert(domain.clone(), state);
    }
}

fn rest_from(now: UnixTime) -> UnixTime {
    UnixTime(now.0.saturating_add(FAILED_REST.as_secs() as u32))
}

/// Whether a fetch of this id failed a moment ago.
fn rests(state: &State, id: &str, now: UnixTime) -> bool {
    state.rests.as_ref().is_some_and(|(until, failed)| now < *until && **failed == *id)
}

fn is_old(kept: &Kept, now: UnixTime) -> bool {
    let life = kept.policy.max_age_s / 2;
    now.0.saturating_sub(kept.fetched.0) >= life.min(REFRESH.as_secs() as u32)
}

fn failure_of(error: &FetchError) -> Failure {
    match error {
        FetchError::Tls(_) => Failure::StsWebpkiInvalid,
        _ => Failure::StsPolicyFetchError,
    }
}
