//! The queue: sentences first, then a model.

use super::*;
use crate::base::clock::Instant;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const D: DomainId = DomainId(7);
const S: SiteId = SiteId(3);

fn run(first: u32, count: u32) -> Rows {
    Rows::Run { first, count }
}

fn batch(attempts: u16, rows: Rows) -> Option<Batch> {
    Some(Batch { domain: D, attempts, rows })
}

fn routed() -> Queue {
    let mut queue = Queue::new();
    queue.route(D, S);
    queue
}

#[test]
fn adjacent_runs_are_one() {
    let mut queue = routed();
    for n in 0..1000 {
        queue.push_run(D, n * 50, 50);
    }
    assert_eq!(queue.arena.pages(), 0, "one run needs no page");
    assert_eq!(queue.cut(S, 100_000, None), batch(0, run(0, 50_000)));
    assert_eq!(queue.cut(S, 1, None), None);
}

#[test]
fn small_runs_are_cut_together_in_order() {
    let mut queue = routed();
    queue.push_run(D, 10, 2);
    queue.push_run(D, 20, 2);
    queue.push_run(D, 30, 9);
    assert_eq!(queue.cut(S, 5, None), batch(0, Rows::List(vec![10, 11, 20, 21, 30])));
    assert_eq!(queue.cut(S, 5, None), batch(0, run(31, 5)));
    assert_eq!(queue.cut(S, 5, None), batch(0, run(36, 3)));
}

#[test]
fn no_batch_crosses_a_block() {
    let mut queue = routed();
    queue.push_run(D, 95, 10);
    queue.push_run(D, 107, 3);
    queue.push_run(D, 199, 2);
    assert_eq!(queue.cut(S, 50, Some(100)), batch(0, run(95, 5)));
    assert_eq!(queue.cut(S, 50, Some(100)), batch(0, Rows::List(vec![100, 101, 102, 103, 104, 107, 108, 109, 199])));
    assert_eq!(queue.cut(S, 50, Some(100)), batch(0, run(200, 1)));
}

#[test]
fn fresh_rows_that_came_back_untried_go_before_a_retry_that_is_due() {
    let mut queue = routed();
    queue.push_run(D, 100, 50);
    queue.schedule(D, 7, 1, Instant(0));
    queue.poll_due(Instant(0));
    for _ in 0..5 {
        // The retry breaks the session each time, and is due again at once; who stood behind it comes back.
        let first = queue.cut(S, 16, None).unwrap();
        let second = queue.cut(S, 16, None).unwrap();
        let (fresh, retry) = if first.attempts == 0 { (first, second) } else { (second, first) };
        assert_eq!((fresh.rows.len(), &retry.rows), (16, &run(7, 1)));
        queue.give_back(fresh.clone());
        queue.schedule(D, 7, 1, Instant(0));
        queue.poll_due(Instant(0));
        let again = queue.cut(S, 16, None).unwrap();
        assert_eq!(again.attempts, 0, "they had the turn");
        queue.give_back(again);
    }
}

#[test]
fn retries_are_cut_into_half_as_many_rows_for_each_attempt_behind_them() {
    for (attempts, most) in [(1, 50), (2, 25), (3, 12), (6, 1), (7, 1), (300, 1)] {
        let mut queue = routed();
        (0..100).for_each(|row| queue.schedule(D, row, attempts, Instant(0)));
        queue.poll_due(Instant(0));
        assert_eq!(queue.cut(S, 100, None).unwrap().rows.len(), most, "{attempts} attempts");
    }
}

#[test]
fn a_retry_comes_when_it_is_due_and_goes_first() {
    let mut queue = routed();
    queue.push_run(D, 0, 10);
    queue.schedule(D, 50, 1, Instant(5_000));
    queue.schedule(D, 51, 1, Instant(5_000));
    queue.schedule(D, 52, 2, Instant(5_000));
    assert_eq!(queue.next_due(), Some(Instant(5_000)));
    assert_eq!(queue.poll_due(Instant(4_999)), 0);
    assert_eq!(queue.poll_due(Instant(5_000)), 3);
    assert_eq!(queue.cut(S, 4, None), batch(1, Rows::List(vec![50, 51])));
    assert_eq!(queue.cut(S, 4, None), batch(2, run(52, 1)));
    assert_eq!(queue.cut(S, 4, None), batch(0, run(0, 4)));
}

#[test]
fn due_retries_do_not_shut_fresh_rows_out() {
    let mut queue = routed();
    queue.push_run(D, 0, 10);
    for row in 100..110 {
        queue.schedule(D, row, 1, Instant(0));
    }
    queue.poll_due(Instant(1_000));
    let attempts: Vec<u16> = std::iter::from_fn(|| queue.cut(S, 1, None)).map(|b| b.attempts).collect();
    assert_eq!(attempts[..8], [1, 1, 1, 0, 1, 1, 1, 0]);
    assert_eq!(attempts.len(), 20);
}

#[test]
fn what_is_given_back_comes_first() {
    let mut queue = routed();
    queue.push_run(D, 0, 8);
    let cut = queue.cut(S, 3, None).unwrap();
    queue.give_back(cut);
    assert_eq!(queue.cut(S, 8, None), batch(0, run(0, 8)));
    queue.give_back(Batch { domain: D, attempts: 0, rows: Rows::List(vec![5, 9, 2]) });
    queue.give_back(Batch { domain: D, attempts: 4, rows: Rows::List(vec![8, 7]) });
    assert_eq!(queue.cut(S, 32, None), batch(4, Rows::List(vec![8, 7])));
    assert_eq!(queue.cut(S, 8, None), batch(0, Rows::List(vec![5, 9, 2])));
}

#[test]
fn an_unrouted_domain_keeps_its_rows_and_is_told_once() {
    let mut queue = Queue::new();
    queue.push_run(D, 0, 5);
    queue.schedule(D, 9, 1, Instant(1_000));
    assert_eq!(queue.poll_unrouted(), Some(D));
    assert_eq!(queue.poll_unrouted(), None);
    assert_eq!(queue.unrouted().collect::<Vec<_>>(), [D]);
    assert_eq!(queue.explain_domain(D), Wait::Route { rows: 6 });
    queue.route(D, S);
    assert_eq!(queue.unrouted().len(), 0);
    assert_eq!(queue.poll_ready(), Some(S));
    queue.unroute(D);
    assert!(!queue.ready(S));
    assert_eq!(queue.cut(S, 9, None), None);
    assert_eq!(queue.poll_unrouted(), Some(D));
    queue.route(D, SiteId(9));
    assert_eq!(queue.site_counts(SiteId(9)), Counts { ready: 5, unrouted: 0, scheduled: 1 });
    assert_eq!(queue.site_counts(S), Counts::default());
}

#[test]
fn a_drained_domain_keeps_its_site_and_nothing_else() {
    let mut queue = routed();
    queue.push_run(D, 0, 5);
    assert_eq!(queue.poll_ready(), Some(S));
    queue.cut(S, 5, None).unwrap();
    assert_eq!((queue.domains.len(), queue.counts(), queue.sites_ready().len()), (0, Counts::default(), 0));
    queue.push_run(D, 5, 5);
    assert_eq!(queue.poll_ready(), Some(S));
    assert_eq!(queue.cut(S, 5, None), batch(0, run(5, 5)));
}

#[test]
fn a_domain_taken_whole_leaves_nothing_behind() {
    let mut queue = routed();
    queue.push_run(D, 0, 5);
    queue.schedule(D, 10, 1, Instant(0));
    queue.schedule(D, 20, 2, Instant(9_000_000));
    queue.schedule(DomainId(8), 30, 2, Instant(9_000_000));
    queue.poll_due(Instant(1_000));
    let taken: Vec<(u32, u32, u16)> = queue.take_all(D).map(|t| (t.first, t.count, t.attempts)).collect();
    assert_eq!(taken, [(10, 1, 1), (0, 5, 0), (20, 1, 2)]);
    assert_eq!(queue.explain_domain(D), Wait::Nothing);
    assert_eq!(queue.poll_due(Instant(9_000_000)), 1);
    assert_eq!(queue.counts(), Counts { ready: 0, unrouted: 1, scheduled: 0 });
}

#[test]
fn what_is_overdue_is_taken_out_and_the_others_keep_their_turn() {
    let mut queue = routed();
    queue.push_run(D, 0, 5);
    for (row, attempts) in [(10, 1), (11, 300), (12, 1), (13, 300)] {
        queue.schedule(D, row, attempts, Instant(0));
    }
    queue.schedule(D, 20, 300, Instant(9_000_000));
    queue.schedule(DomainId(8), 30, 300, Instant(0));
    queue.poll_due(Instant(1_000));
    let rows = |gone: Vec<(DomainId, Taken)>| gone.iter().map(|(_, t)| (t.first, t.attempts)).collect::<Vec<_>>();
    assert_eq!(rows(queue.extract_due(S, |_, attempts| attempts == 300)), [(11, 300), (13, 300)]);
    assert_eq!(rows(queue.extract_due(SiteId(99), |_, _| true)), []);
    assert_eq!(rows(queue.extract_due_of(DomainId(8), |row, _| row == 30)), [(30, 300)]);
    assert_eq!(queue.counts(), Counts { ready: 7, unrouted: 0, scheduled: 1 });
    assert_eq!(queue.take_fresh(S), [(D, Taken { first: 0, count: 5, attempts: 0 })]);
    assert_eq!(queue.cut(S, 9, None), batch(1, Rows::List(vec![10, 12])));
    assert!(queue.holds(D) && !queue.holds(DomainId(8)));
    assert_eq!(queue.counts(), Counts { ready: 0, unrouted: 0, scheduled: 1 });
}

#[test]
fn every_wait_has_its_reason() {
    let mut queue = routed();
    assert_eq!(queue.explain_site(S), Wait::Nothing);
    queue.schedule(D, 1, 1, Instant(8_000));
    queue.schedule(D, 2, 1, Instant(3_000));
    assert_eq!(queue.explain_site(S), Wait::Retry { rows: 2, at: Instant(3_000) });
    assert_eq!(queue.explain_domain(D), Wait::Retry { rows: 2, at: Instant(3_000) });
    queue.poll_due(Instant(3_000));
    assert_eq!(queue.explain_domain(D), Wait::Session { site: S, rows: 1, domains: 1 });
    assert_eq!(queue.explain_site(S).to_string(), "1 row waits for a session, 1 domain in turn");
}

#[test]
fn a_large_domain_starves_no_small_one() {
    let mut queue = routed();
    queue.push_run(D, 0, 1_000_000);
    for n in 0..100u32 {
        queue.route(DomainId(100 + n), S);
        queue.push_run(DomainId(100 + n), 2_000_000 + n * 10, 3);
    }
    let mut small = 0;
    let mut large = 0;
    while small < 300 {
        let cut = queue.cut(S, 16, None).unwrap();
        *if cut.domain == D { &mut large } else { &mut small } += cut.rows.len();
    }
    assert!(large <= 32 + 16, "the large domain had {large} rows before the small ones were done");
}

#[derive(Clone, Debug)]
enum Step {
    Push(u32, u32, u32),
    Route(u32, u32),
    Unroute(u32),
    Cut(u32, u32, Option<u32>),
    GiveBack(usize),
    Schedule(usize, u64),
    Settle(usize),
    Due(u64),
    TakeAll(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let domain = 0u32..6;
    let site = 0u32..3;
    let step = prop_oneof![
        4 => (domain.clone(), 0u32..3, 1u32..40).prop_map(|(d, gap, n)| Step::Push(d, gap, n)),
        3 => (domain.clone(), site.clone()).prop_map(|(d, s)| Step::Route(d, s)),
        1 => domain.clone().prop_map(Step::Unroute),
        8 => (site, 1u32..30, proptest::option::of(1u32..20)).prop_map(|(s, n, b)| Step::Cut(s, n, b)),
        2 => any::<usize>().prop_map(Step::GiveBack),
        3 => (any::<usize>(), 0u64..20_000).prop_map(|(n, s)| Step::Schedule(n, s)),
        1 => any::<usize>().prop_map(Step::Settle),
        3 => (0u64..10_000).prop_map(Step::Due),
        1 => domain.prop_map(Step::TakeAll),
    ];
    proptest::collection::vec(step, 1..150)
}

/// Where each row is, as the model has it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Queued(u16),
    Later(u16, u64),
    Held,
    Out,
}

#[derive(Default)]
struct Model {
    rows: BTreeMap<u32, (u32, At)>,
    routes: BTreeMap<u32, u32>,
    held: Vec<Batch>,
    now: u64,
    next_row: u32,
}

impl Model {
    fn take(&mut self, domain: u32, row: u32, attempts: u16, to: At) {
        let entry = self.rows.get_mut(&row).unwrap();
        let had = match entry.1 {
            At::Queued(n) | At::Later(n, _) => n,
            at => panic!("row {row} came out while it was {at:?}"),
        };
        assert_eq!((entry.0, had), (domain, attempts), "row {row}");
        entry.1 = to;
    }

    fn held(&mut self, pick: usize) -> Option<Batch> {
        (!self.held.is_empty()).then(|| self.held.swap_remove(pick % self.held.len()))
    }

    fn step(&mut self, queue: &mut Queue, step: Step) {
        match step {
            Step::Push(d, gap, count) => {
                let first = self.next_row + gap;
                self.next_row = first + count;
                queue.push_run(DomainId(d), first, count);
                self.rows.extend((first..first + count).map(|row| (row, (d, At::Queued(0)))));
            }
            Step::Route(d, s) => {
                queue.route(DomainId(d), SiteId(s));
                self.routes.insert(d, s);
            }
            Step::Unroute(d) => {
                queue.unroute(DomainId(d));
                self.routes.remove(&d);
            }
            Step::Cut(s, max, block) => self.cut(queue, s, max, block),
            Step::GiveBack(pick) => {
                let Some(batch) = self.held(pick) else { return };
                for row in batch.rows.iter() {
                    self.rows.get_mut(&row).unwrap().1 = At::Queued(batch.attempts);
                }
                queue.give_back(batch);
            }
            Step::Schedule(pick, span) => {
                let Some(batch) = self.held(pick) else { return };
                for row in batch.rows.iter() {
                    let (due, attempts) = (self.now + span + u64::from(row), batch.attempts.saturating_add(1));
                    queue.schedule(batch.domain, row, attempts, Instant(due));
                    self.rows.get_mut(&row).unwrap().1 = At::Later(attempts, due.div_ceil(1000));
                }
            }
            Step::Settle(pick) => {
                let Some(batch) = self.held(pick) else { return };
                batch.rows.iter().for_each(|row| self.rows.get_mut(&row).unwrap().1 = At::Out);
            }
            Step::Due(span) => {
                self.now += span;
                queue.poll_due(Instant(self.now));
                for (_, at) in self.rows.values_mut() {
                    if let At::Later(n, tick) = *at
                        && tick <= self.now / 1000
                    {
                        *at = At::Queued(n);
                    }
                }
            }
            Step::TakeAll(d) => {
                for taken in queue.take_all(DomainId(d)) {
                    let rows = taken.first..taken.first + taken.count;
                    rows.for_each(|row| self.take(d, row, taken.attempts, At::Out));
                }
                assert!(!self.rows.values().any(|(of, at)| *of == d && matches!(at, At::Queued(_) | At::Later(..))));
            }
        }
    }

    fn cut(&mut self, queue: &mut Queue, s: u32, max: u32, block: Option<u32>) {
        let is_ready = queue.ready(SiteId(s));
        let Some(batch) = queue.cut(SiteId(s), max, block) else {
            assert!(!is_ready);
            return;
        };
        assert!(is_ready && (1..=max as usize).contains(&batch.rows.len()));
        assert_eq!(self.routes.get(&batch.domain.0), Some(&s));
        let blocks: BTreeSet<u32> = batch.rows.iter().map(|row| block.map_or(0, |b| row / b)).collect();
        assert_eq!(blocks.len(), 1);
        for row in batch.rows.iter() {
            assert!(matches!(self.rows[&row].1, At::Queued(_)), "row {row} is {:?}", self.rows[&row].1);
            self.take(batch.domain.0, row, batch.attempts, At::Held);
        }
        self.held.push(batch);
    }

    /// Counts and lists of the queue are those of the model.
    fn check(&self, queue: &Queue) {
        let mut whole = Counts::default();
        let mut sites: BTreeMap<u32, Counts> = BTreeMap::new();
        let mut unrouted = BTreeSet::new();
        for (domain, at) in self.rows.values() {
            let site = self.routes.get(domain);
            let add = |counts: &mut Counts| match (at, site) {
                (At::Queued(_), Some(_)) => counts.ready += 1,
                (At::Queued(_), None) => counts.unrouted += 1,
                (At::Later(..), _) => counts.scheduled += 1,
                _ => {}
            };
            add(&mut whole);
            match site {
                Some(site) => add(sites.entry(*site).or_default()),
                None if matches!(at, At::Queued(_) | At::Later(..)) => drop(unrouted.insert(DomainId(*domain))),
                None => {}
            }
        }
        assert_eq!(queue.counts(), whole);
        assert_eq!(queue.unrouted().collect::<BTreeSet<_>>(), unrouted);
        for site in 0..3 {
            assert_eq!(queue.site_counts(SiteId(site)), sites.get(&site).copied().unwrap_or_default());
        }
        let ready: BTreeSet<u32> = sites.iter().filter(|(_, c)| c.ready > 0).map(|(s, _)| *s).collect();
        assert_eq!(queue.sites_ready().map(|s| s.0).collect::<BTreeSet<_>>(), ready);
        assert_eq!(queue.sites_ready().len(), ready.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_row_comes_out_exactly_once(steps in steps()) {
        let (mut queue, mut model) = (Queue::new(), Model::default());
        for step in steps {
            model.step(&mut queue, step);
            model.check(&queue);
        }
        // Route, wait and settle until nothing is left.
        (0..6).for_each(|d| model.step(&mut queue, Step::Route(d, d % 3)));
        model.step(&mut queue, Step::Due(1_000_000));
        loop {
            let Some(site) = queue.sites_ready().next() else { break };
            model.step(&mut queue, Step::Cut(site.0, 16, None));
        }
        while !model.held.is_empty() {
            model.step(&mut queue, Step::Settle(0));
        }
        prop_assert!(model.rows.values().all(|(_, at)| *at == At::Out));
        prop_assert_eq!(queue.counts(), Counts::default());
        prop_assert!(queue.domains.is_empty() && queue.arena.pages() <= 1);
    }

    #[test]
    fn between_two_turns_of_a_domain_every_other_has_one(sizes in proptest::collection::vec(1u32..500, 2..12), max in 1u32..40) {
        let mut queue = Queue::new();
        for (d, size) in (0u32..).zip(&sizes) {
            queue.route(DomainId(d), S);
            queue.push_run(DomainId(d), d * 1000, *size);
        }
        let mut left = sizes.clone();
        let mut had: Vec<u32> = vec![0; sizes.len()];
        while let Some(cut) = queue.cut(S, max, None) {
            let (d, n) = (cut.domain.0 as usize, cut.rows.len() as u32);
            left[d] -= n;
            had[d] += n;
            let least = (0..left.len()).filter(|d| left[*d] > 0).map(|d| had[d]).min().unwrap_or(had[d]);
            // A turn is the quantum and less than one batch over it.
            prop_assert!(had[d] <= least + 2 * (32 + max), "{had:?}");
        }
        prop_assert!(left.iter().all(|n| *n == 0));
    }
}
