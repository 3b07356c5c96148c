//! What the queue costs: 2 million runs of 5 rows over 200,000 domains and 1,000 sites in, batches out; the wheel.
//! Times are for all rows together: 10 million. `cargo bench --bench queue`.

use divan::Bencher;
use divan::counter::ItemsCount;
use posthaste::base::clock::Instant;
use posthaste::base::wheel::Wheel;
use posthaste::queue::{DomainId, Queue, SiteId};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

const DOMAINS: u32 = 200_000;
const ROUNDS: u32 = 10;
const RUN: u32 = 5;
const SITES: u32 = 1_000;
const ROWS: u32 = DOMAINS * ROUNDS * RUN;

fn main() {
    divan::main();
}

/// A loader's chunks: in each round every domain has one more run, never adjacent to its last.
fn filled() -> Queue {
    let mut queue = Queue::new();
    (0..DOMAINS).for_each(|d| queue.route(DomainId(d), SiteId(d % SITES)));
    for round in 0..ROUNDS {
        (0..DOMAINS).for_each(|d| queue.push_run(DomainId(d), (round * DOMAINS + d) * RUN, RUN));
    }
    queue
}

#[divan::bench(sample_count = 3)]
fn push_two_million_runs(bencher: Bencher) {
    bencher.counter(ItemsCount::new(ROWS)).bench(filled);
}

#[divan::bench(sample_count = 3, args = [1, 16, 100])]
fn cut_everything(bencher: Bencher, rows_max: u32) {
    bencher.counter(ItemsCount::new(ROWS)).with_inputs(filled).bench_local_values(|mut queue| {
        let mut rows = 0;
        while queue.counts().ready > 0 {
            for site in 0..SITES {
                rows += queue.cut(SiteId(site), rows_max, None).map_or(0, |b| b.rows.len());
            }
        }
        assert_eq!(rows, ROWS as usize);
    });
}

/// A smarthost: one domain queue, whose runs join.
#[divan::bench(sample_count = 3, args = [1, 16, 100])]
fn cut_a_smarthost(bencher: Bencher, rows_max: u32) {
    let filled = || {
        let mut queue = Queue::new();
        queue.route(DomainId(0), SiteId(0));
        (0..ROWS / 1000).for_each(|n| queue.push_run(DomainId(0), n * 1000, 1000));
        queue
    };
    bencher.counter(ItemsCount::new(ROWS)).with_inputs(filled).bench_local_values(|mut queue| {
        while queue.cut(SiteId(0), rows_max, None).is_some() {}
        assert_eq!(queue.counts().waiting(), 0);
    });
}

/// Ten million retries within four hours: in, and out by seconds.
#[divan::bench(sample_count = 2)]
fn wheel_of_ten_million(bencher: Bencher) {
    bencher.counter(ItemsCount::new(ROWS)).bench(|| {
        let mut wheel = Wheel::new();
        let mut rng = fastrand::Rng::with_seed(1);
        (0..ROWS).for_each(|row| wheel.insert(Instant(rng.u64(..14_400_000_000)), (row, row, 1u8)));
        let out: usize = (0..=14_400).map(|s| wheel.poll(Instant(s * 1_000_000), usize::MAX, |_| ())).sum();
        assert_eq!(out, ROWS as usize);
    });
}
