//! The wheel against a sorted map, and the cases that a random walk seldom meets.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const DAY_US: u64 = 86_400_000_000;
const NONE: [u32; 0] = [];

fn polled(wheel: &mut Wheel<u32>, now: u64) -> Vec<u32> {
    let mut out = Vec::new();
    wheel.poll(Instant(now), usize::MAX, |p| out.push(p));
    out.sort_unstable();
    out
}

#[test]
fn an_entry_is_never_early_and_at_most_a_millisecond_late() {
    let mut wheel = Wheel::new();
    wheel.insert(Instant(1_500), 1);
    assert_eq!(wheel.next_due(), Some(Instant(2_000)));
    assert_eq!(polled(&mut wheel, 1_499), NONE);
    assert_eq!(polled(&mut wheel, 1_999), NONE);
    assert_eq!(polled(&mut wheel, 2_000), [1]);
    assert_eq!((wheel.len(), wheel.next_due()), (0, None));
}

#[test]
fn what_is_past_comes_at_the_next_poll() {
    let mut wheel = Wheel::new();
    assert_eq!(polled(&mut wheel, 90 * DAY_US), NONE);
    wheel.insert(Instant(5), 1);
    assert!(wheel.next_due() <= Some(Instant(90 * DAY_US)));
    assert_eq!(polled(&mut wheel, 90 * DAY_US), [1]);
}

#[test]
fn years_ahead_and_never_are_allowed() {
    let mut wheel = Wheel::new();
    let ten_years = 3650 * DAY_US;
    wheel.insert(Instant::FAR, 9);
    wheel.insert(Instant(ten_years), 1);
    wheel.insert(Instant(ten_years + 2_000), 2);
    assert_eq!(wheel.next_due(), Some(Instant(ten_years)));
    assert_eq!(polled(&mut wheel, ten_years - 1), NONE);
    assert_eq!(polled(&mut wheel, ten_years), [1]);
    assert_eq!(polled(&mut wheel, ten_years + DAY_US), [2]);
    assert_eq!(wheel.len(), 1);
}

#[test]
fn a_bounded_poll_leaves_the_rest_due() {
    let mut wheel = Wheel::new();
    for n in 0..1000u32 {
        wheel.insert(Instant(u64::from(n) * 1_000_000), n);
    }
    let mut seen = Vec::new();
    let now = Instant(2_000_000_000);
    while wheel.next_due().is_some_and(|due| due <= now) {
        assert!(wheel.poll(now, 7, |p| seen.push(p)) <= 7);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..1000).collect::<Vec<u32>>());
}

#[test]
fn an_entry_of_a_scheduled_retry_costs_16_octets() {
    assert_eq!(size_of::<Entry<(u32, u32, u8)>>(), 16);
    assert_eq!(size_of::<Entry<(u32, u8)>>(), 12);
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    Advance(u64),
    Bounded(u64, usize),
    Extract(u32),
}

fn spans() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..5_000, 0u64..400_000, 0u64..DAY_US, 0u64..1500 * DAY_US]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => spans().prop_map(Step::Insert),
        3 => spans().prop_map(Step::Advance),
        2 => (spans(), 0usize..4).prop_map(|(s, n)| Step::Bounded(s, n)),
        1 => (2u32..5).prop_map(Step::Extract),
    ];
    proptest::collection::vec(step, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn it_does_what_a_sorted_map_does(start in 0u64..4000 * DAY_US, steps in steps()) {
        let mut wheel = Wheel::new();
        let mut now = start;
        prop_assert!(polled(&mut wheel, now).is_empty());
        let mut model: BTreeMap<u32, u64> = BTreeMap::new();
        for (name, step) in (0u32..).zip(steps) {
            match step {
                Step::Insert(span) => {
                    // Some are in the past.
                    let due = (now + span).saturating_sub(2_000);
                    wheel.insert(Instant(due), name);
                    model.insert(name, due.div_ceil(1000));
                }
                Step::Advance(span) => {
                    now += span;
                    let due: Vec<u32> = model.iter().filter(|(_, t)| **t <= now / 1000).map(|(n, _)| *n).collect();
                    model.retain(|_, t| *t > now / 1000);
                    prop_assert_eq!(polled(&mut wheel, now), due);
                }
                Step::Bounded(span, max) => {
                    now += span;
                    let due = model.values().filter(|t| **t <= now / 1000).count();
                    let mut early = false;
                    let out = wheel.poll(Instant(now), max, |n| {
                        early |= model.remove(&n).is_none_or(|t| t > now / 1000);
                    });
                    prop_assert!(!early);
                    prop_assert_eq!(out, due.min(max));
                }
                Step::Extract(modulus) => {
                    let mut out = Vec::new();
                    wheel.extract(|n| n % modulus == 0, |n| out.push(n));
                    out.sort_unstable();
                    let expected: Vec<u32> = model.keys().copied().filter(|n| n % modulus == 0).collect();
                    model.retain(|n, _| n % modulus != 0);
                    prop_assert_eq!(out, expected);
                }
            }
            prop_assert_eq!(wheel.len(), model.len());
            prop_assert_eq!(wheel.iter().count(), model.len());
            for (due, name) in wheel.iter() {
                prop_assert!(due.0 >= model[name] * 1000);
            }
            // Exact, unless it has passed already.
            match model.values().min() {
                None => prop_assert!(wheel.is_empty()),
                Some(&min) if min > now / 1000 => {
                    let due = wheel.next_due().map_or(0, |d| d.0);
                    prop_assert!(due == min * 1000 || due <= now, "{due} is not {min}000");
                }
                Some(_) => prop_assert!(wheel.next_due().is_some_and(|d| d.0 <= now)),
            }
        }
    }
}
