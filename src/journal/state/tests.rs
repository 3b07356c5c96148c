//! What records make of where recipients stand: each way, what is lost, and any records at all.

use super::*;
use proptest::prelude::*;

fn tell(state: &mut State, recipient: u32, kind: Kind, attempts: u16) {
    state.apply(&Record { recipient, at: UnixTime(5), code: 0, kind, attempts, extra: 0 });
    let sum: u64 = Disposition::ALL.iter().map(|d| state.count(*d)).sum();
    assert_eq!(sum, state.len() as u64, "every recipient is counted once");
}

#[test]
fn a_recipient_goes_its_way() {
    let mut state = State::new();
    state.load(4, 1);
    assert_eq!((state.count(Disposition::Waiting), state.count(Disposition::Suppressed)), (3, 1));
    assert_eq!(state.get(3).map(|s| s.disposition), Some(Disposition::Suppressed));
    tell(&mut state, 0, Kind::Attempt, 1);
    assert_eq!(state.open_attempts().collect::<Vec<_>>(), [0]);
    tell(&mut state, 0, Kind::Released, 0);
    assert_eq!(state.get(0), Some(Standing::NEW), "as if it had not been tried");
    tell(&mut state, 0, Kind::Attempt, 1);
    tell(&mut state, 0, Kind::Deferred, 1);
    tell(&mut state, 0, Kind::Attempt, 2);
    tell(&mut state, 0, Kind::Released, 1);
    assert_eq!(state.get(0).map(|s| (s.disposition, s.attempts)), Some((Disposition::Deferred, 1)));
    tell(&mut state, 0, Kind::Attempt, 2);
    tell(&mut state, 0, Kind::UncertainRetry, 2);
    assert_eq!(state.get(0).map(|s| s.disposition), Some(Disposition::Waiting));
    tell(&mut state, 0, Kind::Attempt, 3);
    tell(&mut state, 0, Kind::Delivered, 3);
    assert_eq!(state.possible_duplicates().collect::<Vec<_>>(), [0], "known by name for ever");
    assert_eq!(state.get(0).map(|s| (s.disposition, s.attempts)), Some((Disposition::Delivered, 3)));
    tell(&mut state, 9, Kind::Delivered, 1);
    assert_eq!(state.oddities, Oddities { bad: 0, strays: 1 });
}

proptest! {
    #[test]
    fn any_records_leave_every_recipient_counted_once(
        told in prop::collection::vec((0u32..12, 0usize..10, any::<u16>()), 0..200),
    ) {
        let mut state = State::new();
        state.load(10, 2);
        for (recipient, kind, attempts) in told {
            tell(&mut state, recipient, Kind::ALL[kind], attempts);
        }
        for d in Disposition::ALL {
            let counted = state.standings().iter().filter(|s| s.disposition == d).count();
            prop_assert_eq!(state.count(d), counted as u64);
        }
    }

    #[test]
    fn garbage_is_folded_without_harm(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut state = State::new();
        state.load(3, 0);
        state.fold(&octets);
        prop_assert_eq!(Disposition::ALL.iter().map(|d| state.count(*d)).sum::<u64>(), 3);
    }
}

proptest! {
    #[test]
    fn entries_that_are_folded_together_say_what_each_says_alone(
        told in prop::collection::vec((any::<u8>(), 0u32..300, 0usize..10, 0u16..4, 0usize..40), 0..400),
    ) {
        let (mut together, mut octets) = (State::new(), Vec::new());
        together.load(290, 20);
        let mut alone = together.clone();
        for (what, recipient, kind, attempts, length) in told {
            let from = octets.len();
            match what {
                0..8 => octets.extend(std::iter::repeat_n(0xff, RECORD_OCTETS)),
                8..16 => Define { id: recipient, text: &vec![b'x'; length], ..Define::default() }.encode_into(&mut octets),
                16..24 => {
                    Hold { held: Held::Domain, name: &"x".repeat(length), since: UnixTime(9) }.encode_into(&mut octets);
                }
                24..32 => Accepted { first_lsn: u64::from(recipient), last_lsn: 300 }.encode_into(&mut octets),
                _ => Record { recipient, at: UnixTime(7), code: 0, kind: Kind::ALL[kind], attempts, extra: 3 }
                    .encode_into(&mut octets),
            }
            alone.fold(&octets[from..]);
        }
        together.fold(&octets);
        prop_assert_eq!(&together, &alone);
        prop_assert_eq!(together.doubtful(), alone.doubtful());
        prop_assert_eq!(together.counts, alone.counts);
    }
}

#[test]
fn the_last_context_of_each_shard_is_known() {
    let mut state = State::new();
    let mut batch = Vec::new();
    for id in [5, (2 << 24) + 8, (2 << 24) + 3] {
        Define { id, ..Define::default() }.encode_into(&mut batch);
    }
    state.fold(&batch);
    assert_eq!((state.last_context(0), state.last_context(1), state.last_context(2)), (5, 0, (2 << 24) + 8));
}

#[test]
fn the_first_attempt_is_kept_and_the_last_outcome() {
    let mut state = State::new();
    state.load(1, 0);
    let mut tell = |at, kind, attempts, extra| {
        state.apply(&Record { recipient: 0, at: UnixTime(at), code: 451, kind, attempts, extra });
        state.get(0).map(|s| (s.first.0, s.tried.0, s.context, s.attempts)).unwrap()
    };
    assert_eq!(tell(10, Kind::Attempt, 1, 0), (10, 0, 0, 1));
    assert_eq!(tell(11, Kind::Released, 0, 0), (0, 0, 0, 0));
    assert_eq!(tell(12, Kind::Attempt, 1, 0), (12, 0, 0, 1));
    assert_eq!(tell(13, Kind::Deferred, 0, 6), (0, 13, 6, 0), "one that does not count is no first one");
    assert_eq!(tell(20, Kind::Attempt, 1, 0), (20, 13, 6, 1));
    assert_eq!(tell(25, Kind::Deferred, 1, 7), (20, 25, 7, 1));
    assert_eq!(tell(90, Kind::Attempt, 2, 0), (20, 25, 7, 2));
    assert_eq!(tell(91, Kind::Released, 1, 0), (20, 25, 7, 1));
    assert_eq!(tell(95, Kind::Attempt, 2, 0), (20, 25, 7, 2));
    assert_eq!(tell(99, Kind::Deferred, 2, 8), (20, 99, 8, 2));
    assert_eq!(tell(500, Kind::Attempt, 60_000, 0), (20, 99, 8, 60_000));
    assert_eq!(tell(501, Kind::Deferred, 60_000, 8), (20, 501, 8, 60_000));
    assert_eq!(tell(700, Kind::Expired, 60_000, 8), (20, 501, 8, 60_000), "expiry is no attempt");
    assert_eq!(state.newest(), UnixTime(700));
}

#[test]
fn whoever_s_beginning_is_lost_is_no_older_than_is_known() {
    const OUTCOMES: [Kind; 9] = [
        Kind::Attempt,
        Kind::Deferred,
        Kind::Released,
        Kind::UncertainHeld,
        Kind::UncertainRetry,
        Kind::Delivered,
        Kind::Bounced,
        Kind::Suppressed,
        Kind::Expired,
    ];
    let record = |at, kind, attempts| Record { recipient: 0, at: UnixTime(at), code: 0, kind, attempts, extra: 0 };
    let mut state = State::new();
    state.load(1, 0);
    for kind in OUTCOMES {
        let mut state = state.clone();
        state.apply(&record(70, kind, 2));
        state.apply(&record(90, Kind::Deferred, 2));
        assert_eq!(state.get(0).map(|s| s.first.0), Some(70), "{kind:?}");
    }
    // What said that an attempt does not count is lost: the one that does is the first.
    state.apply(&record(10, Kind::Attempt, 1));
    state.apply(&record(80, Kind::Attempt, 1));
    assert_eq!(state.get(0).map(|s| s.first.0), Some(80));
}

#[test]
fn whoever_s_outcome_is_lost_may_have_got_a_second_copy() {
    use Kind::{Attempt, Bounced, Cancelled, Deferred, Delivered, Expired, Released, Suppressed, UncertainRetry};
    let ways: [(&[(Kind, u16)], bool); 12] = [
        (&[(Attempt, 1), (Delivered, 1)], false),
        (&[(Attempt, 1), (Attempt, 2), (Delivered, 2)], true),
        (&[(Attempt, 1), (Delivered, 2)], true),
        (&[(Delivered, 1)], false),
        (&[(Attempt, 2), (Bounced, 2)], true),
        (&[(Attempt, 1), (Expired, 1)], true),
        (&[(Attempt, 1), (Cancelled, 1)], true),
        (&[(Deferred, 1), (Expired, 1)], false),
        (&[(Attempt, 1), (Suppressed, 0)], false),
        (&[(Attempt, 1), (Deferred, 1), (Attempt, 2), (Released, 1), (Attempt, 2), (Deferred, 1)], false),
        (&[(Attempt, 1), (Released, 0), (Attempt, 1), (Deferred, 0), (Attempt, 1), (Delivered, 1)], false),
        (&[(UncertainRetry, 0), (Attempt, 1), (Delivered, 1)], true),
    ];
    for (way, named) in ways {
        let mut state = State::new();
        state.load(1, 0);
        way.iter().for_each(|&(kind, attempts)| tell(&mut state, 0, kind, attempts));
        assert_eq!(state.get(0).map(|s| s.possible_duplicate()), Some(named), "{way:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_lost_whoever_was_tried_has_a_first_attempt(
        told in prop::collection::vec((0usize..10, 0u16..4), 1..40),
    ) {
        let mut state = State::new();
        state.load(1, 0);
        for (at, (kind, attempts)) in (100..).zip(told) {
            tell_at(&mut state, at, Kind::ALL[kind], attempts);
            let standing = state.get(0).unwrap();
            prop_assert!(standing.attempts == 0 || standing.first.0 >= 100, "{:?}", standing);
        }
    }
}

fn tell_at(state: &mut State, at: u32, kind: Kind, attempts: u16) {
    state.apply(&Record { recipient: 0, at: UnixTime(at), code: 0, kind, attempts, extra: 0 });
}

#[test]
fn what_is_held_up_is_known_until_it_no_longer_is() {
    let mut state = State::new();
    let mut told = Vec::new();
    for (held, name, since) in [
        (Held::Hosts, "mx.example", 5),
        (Held::Domain, "mx.example", 6),
        (Held::Hosts, "mx.example", 9),
        (Held::Domain, "mx.example", 0),
    ] {
        Hold { held, name, since: UnixTime(since) }.encode_into(&mut told);
    }
    state.fold(&told);
    let holds: Vec<_> = state.holds().iter().map(|((held, name), since)| (*held, &**name, since.0)).collect();
    assert_eq!(holds, [(Held::Hosts, "mx.example", 9)]);
    told.clear();
    Hold { held: Held::Loading, name: "", since: UnixTime(7) }.encode_into(&mut told);
    state.fold(&told);
    state.lose(false);
    let left: Vec<_> = state.holds().iter().map(|((held, _), since)| (*held, since.0)).collect();
    assert_eq!(left, [(Held::Loading, 7)], "what ended it may be lost");
}
