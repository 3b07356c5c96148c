//! What was asked already: answers until they expire, and questions under way, so that nobody asks twice.
//!
//! Two generations: what is used moves to the young one, and when that has grown to half of what may be kept, the old
//! one goes as a whole. Cheap, and what is asked for often stays.
//!
//! Guarantees: nothing is given out after its time, but to those who waited for it; what is kept is bounded in weight;
//! whoever waits for another's question is woken when it ends, however it ends.
//! Leaves to others: how long an answer holds, and what it weighs.

use hashbrown::{Equivalent, HashMap};
use hickory_resolver::proto::rr::RecordType;
use std::hash::RandomState;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;
use tokio::sync::Semaphore;

/// Answers of type `V` by name and type of record.
#[derive(Debug)]
pub(super) struct Cache<V> {
    state: Mutex<State<V>>,
    weight_max: u64,
}

#[derive(Debug)]
struct State<V> {
    young: Generation<V>,
    /// Of all in the young generation.
    weight: u64,
    old: Generation<V>,
    under_way: HashMap<Key, Arc<Flight<V>>, RandomState>,
}

type Generation<V> = HashMap<Key, Entry<V>, RandomState>;

#[derive(Debug)]
struct Entry<V> {
    value: V,
    until: Instant,
    weight: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key(Box<str>, RecordType);

/// A key as it is asked for: hashes as [`Key`] does.
#[derive(Hash)]
struct Wanted<'a>(&'a str, RecordType);

impl Equivalent<Key> for Wanted<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.0 == *key.0 && self.1 == key.1
    }
}

/// A question under way. The semaphore has no permits: it is closed when the question ends.
#[derive(Debug)]
struct Flight<V> {
    ended: Semaphore,
    value: OnceLock<V>,
}

/// What the cache says to one who wants to ask.
pub(super) enum Turn<'a, V: Clone> {
    /// It is known.
    Known(V),
    /// Ask, and say what came of it.
    Ask(Asking<'a, V>),
}

/// The right to ask; given up when dropped.
#[derive(Debug)]
pub(super) struct Asking<'a, V: Clone> {
    cache: &'a Cache<V>,
    key: Key,
    flight: Arc<Flight<V>>,
}

impl<V: Clone> Cache<V> {
    /// An empty cache that keeps values of so much weight together; with none, only those who ask at once share an answer.
    pub(super) fn new(weight_max: u64) -> Self {
        let state =
            State { young: HashMap::default(), weight: 0, old: HashMap::default(), under_way: HashMap::default() };
        Self { state: Mutex::new(state), weight_max }
    }

    /// The value, or the right to ask for it; waits while another asks.
    pub(super) async fn turn(&self, name: &str, kind: RecordType) -> Turn<'_, V> {
        loop {
            let flight = match self.look(name, kind) {
                Ok(turn) => return turn,
                Err(flight) => flight,
            };
            // It is never given out, only closed.
            let _closed = flight.ended.acquire().await;
            if let Some(value) = flight.value.get() {
                return Turn::Known(value.clone());
            }
        }
    }

    fn look(&self, name: &str, kind: RecordType) -> Result<Turn<'_, V>, Arc<Flight<V>>> {
        let wanted = Wanted(name, kind);
        let mut state = self.state();
        if let Some(value) = state.get(&wanted, Instant::now()) {
            return Ok(Turn::Known(value));
        }
        if let Some(flight) = state.under_way.get(&wanted) {
            return Err(flight.clone());
        }
        let key = Key(name.into(), kind);
        let flight = Arc::new(Flight { ended: Semaphore::new(0), value: OnceLock::new() });
        state.under_way.insert(key.clone(), flight.clone());
        Ok(Turn::Ask(Asking { cache: self, key, flight }))
    }

    fn state(&self) -> MutexGuard<'_, State<V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Clone> State<V> {
    fn get(&mut self, wanted: &Wanted<'_>, now: Instant) -> Option<V> {
        if let Some(entry) = self.young.get(wanted) {
            return (entry.until > now).then(|| entry.value.clone());
        }
        let (key, entry) = self.old.remove_entry(wanted)?;
        if entry.until <= now {
            return None;
        }
        let value = entry.value.clone();
        self.weight = self.weight.saturating_add(entry.weight);
        self.young.insert(key, entry);
        Some(value)
    }

    fn enter(&mut self, key: Key, entry: Entry<V>, weight_max: u64) {
        self.weight = self.weight.saturating_add(entry.weight);
        if let Some(replaced) = self.young.insert(key, entry) {
            self.weight = self.weight.saturating_sub(replaced.weight);
        }
        if self.weight > weight_max / 2 {
            (self.old, self.weight) = (std::mem::take(&mut self.young), 0);
        }
    }
}

impl<V: Clone> Asking<'_, V> {
    /// The answer came: it holds until then.
    pub(super) fn answered(self, value: &V, until: Instant, weight: u64) {
        // Nobody else has this flight to end.
        let _first = self.flight.value.set(value.clone());
        if until > Instant::now() && self.cache.weight_max > 0 {
            let entry = Entry { value: value.clone(), until, weight };
            self.cache.state().enter(self.key.clone(), entry, self.cache.weight_max);
        }
    }
}

impl<V: Clone> Drop for Asking<'_, V> {
    fn drop(&mut self) {
        self.cache.state().under_way.remove(&self.key);
        self.flight.ended.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    /// The value that is known, or the one that this asker brings.
    async fn turn(cache: &Cache<u32>, name: &str, brings: u32, until: Instant) -> u32 {
        match cache.turn(name, RecordType::A).await {
            Turn::Known(value) => value,
            Turn::Ask(asking) => {
                tokio::task::yield_now().await;
                asking.answered(&brings, until, 1);
                brings
            }
        }
    }

    #[test]
    fn one_asks_and_all_who_wait_get_it_though_it_holds_no_longer() {
        let cache = Arc::new(Cache::new(100));
        run(async {
            let mut all = tokio::task::JoinSet::new();
            for brings in 0..10 {
                let cache = cache.clone();
                all.spawn(async move { turn(&cache, "a.example", brings, Instant::now()).await });
            }
            let told = all.join_all().await;
            assert!(told.iter().all(|value| *value == told[0]), "{told:?}");
            assert_eq!(turn(&cache, "a.example", 77, later()).await, 77, "it had expired");
            assert_eq!(turn(&cache, "a.example", 78, later()).await, 77, "it had not");
        });
    }

    #[test]
    fn a_question_that_is_abandoned_passes_to_the_next() {
        let cache = Arc::new(Cache::new(100));
        run(async {
            let Turn::Ask(abandoned) = cache.turn("a.example", RecordType::A).await else { panic!("nothing is known") };
            let waiting = tokio::spawn({
                let cache = cache.clone();
                async move { turn(&cache, "a.example", 5, later()).await }
            });
            tokio::task::yield_now().await;
            drop(abandoned);
            assert_eq!(waiting.await.unwrap(), 5);
        });
    }

    #[test]
    fn what_is_used_stays_and_the_weight_is_bounded() {
        let cache = Cache::new(100);
        run(async {
            turn(&cache, "used.example", 1, later()).await;
            for n in 0..10_000 {
                turn(&cache, &format!("d{n}.example"), 2, later()).await;
                assert_eq!(turn(&cache, "used.example", 3, later()).await, 1, "{n}");
                let state = cache.state();
                assert!(state.young.len() + state.old.len() <= 102);
            }
            assert_eq!(turn(&cache, "d0.example", 9, later()).await, 9, "it was forgotten");
        });
    }
}
