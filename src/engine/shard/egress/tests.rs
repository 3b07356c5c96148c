//! Sources, budgets and shortages over time, without connections.

use super::*;
use crate::engine::shard::tests::delivery;

fn source(name: &str, weight: u32) -> Source {
    let mut source = Source::unbound("me.example".into());
    (source.name, source.weight) = (name.into(), weight);
    source
}

fn egress(sources: Vec<Source>) -> Egress {
    shard(0, sources)
}

fn shard(number: u16, sources: Vec<Source>) -> Egress {
    Egress::new(&delivery(sources), number, Descriptors::of_sessions(1000))
}

fn any(_: &Source) -> bool {
    true
}

fn at(seconds: u64) -> Instant {
    Instant(seconds * 1_000_000)
}

fn picks(egress: &mut Egress, count: usize, now: Instant) -> String {
    let mut names = String::new();
    for _ in 0..count {
        let picked = egress.pick(now, |_| true).and_then(|index| egress.source(index));
        names.push_str(picked.map_or("-", |source| &source.name));
    }
    names
}

#[test]
fn sessions_are_shared_by_weight_and_spread_evenly() {
    let mut egress = egress(vec![source("a", 5), source("b", 1), source("c", 2)]);
    let names = picks(&mut egress, 16, at(1));
    for (name, count) in [("a", 10), ("b", 2), ("c", 4)] {
        assert_eq!(names.matches(name).count(), count, "{names}");
    }
    assert!(!names.contains("aaaa"), "in no long runs: {names}");
}

#[test]
fn a_source_that_does_not_suit_is_passed_over_and_gets_nothing_for_it_later() {
    let mut egress = egress(vec![source("a", 1), source("b", 1)]);
    for _ in 0..10 {
        let picked = egress.pick(at(1), |source| &*source.name == "b");
        assert_eq!(picked, Some(1));
    }
    let names = picks(&mut egress, 10, at(1));
    assert_eq!(names.matches('a').count(), 5, "{names}");
    assert_eq!(egress.pick(at(1), |_| false), None);
}

#[test]
fn a_full_source_takes_no_more_until_one_is_given_back_whichever_shard_has_it() {
    let mut limited = source("a", 9);
    limited.limit(Some(2), None);
    let mut one = egress(vec![limited.clone(), source("b", 1)]);
    let mut other = shard(1, vec![limited]);
    assert_eq!(picks(&mut one, 4, at(1)), "aabb");
    assert_eq!(picks(&mut other, 1, at(1)), "-");
    other.wait(SiteId(7), at(1), any);
    other.wait(SiteId(7), at(1), any);
    assert!(other.binding(at(1)).unwrap().contains("all the sessions that it may have"));
    assert!(other.is_scarce() && one.is_scarce(), "who has them is told too");
    assert!(other.stirred().has(0));
    assert_eq!(other.next_waiting(at(2)), []);
    one.leave(0, at(2));
    assert!(one.stirred().has(1), "who waits is woken");
    assert_eq!(picks(&mut one, 1, at(2)), "b", "and goes first");
    assert_eq!(other.next_waiting(at(2)), [], "not looked at again so soon");
    let due = other.next_due().unwrap();
    assert_eq!(other.next_waiting(due), [SiteId(7)]);
    assert_eq!((other.is_scarce(), other.next_due()), (false, None));
    assert_eq!(picks(&mut other, 2, due), "a-");
}

#[test]
fn who_waits_and_does_not_come_keeps_nobody_waiting() {
    let mut limited = source("a", 1);
    limited.limit(Some(1), None);
    let (mut one, mut other) = (egress(vec![limited.clone()]), shard(1, vec![limited]));
    assert_eq!(picks(&mut one, 1, at(1)), "a");
    other.wait(SiteId(7), at(1), any);
    one.leave(0, at(1));
    assert_eq!(picks(&mut one, 1, at(1)), "-");
    assert_eq!(picks(&mut one, 1, at(1).after(Duration::from_millis(2))), "a");
    one.leave(0, at(2));
    other.end();
    assert_eq!(picks(&mut one, 1, at(2)), "a", "a shard that ends waits for nothing");
}

#[test]
fn sessions_of_all_sources_have_descriptors() {
    let few = Descriptors { limit: 64, ..Descriptors::of_sessions(3) };
    let mut egress = Egress::new(&delivery(vec![source("a", 1), source("b", 1)]), 0, few.clone());
    assert_eq!(picks(&mut egress, 5, at(1)), "aba--");
    assert_eq!(few.sessions.taken(), 3);
    egress.wait(SiteId(1), at(1), any);
    assert_eq!(egress.next_waiting(at(2)), []);
    let said = egress.binding(at(2)).unwrap();
    assert!(said.starts_with("the limit on open files (64): 3 sessions") && said.contains("ulimit -n"), "{said}");
    egress.leave(0, at(2));
    assert_eq!(egress.next_waiting(at(2)), [SiteId(1)]);
}

#[test]
fn a_shortage_stops_new_sessions_for_a_moment_and_more_of_them_for_a_while() {
    let mut egress = egress(vec![source("a", 1)]);
    assert_eq!(picks(&mut egress, 4, at(1)), "aaaa");
    egress.leave(0, at(1));
    egress.short(libc::EMFILE, at(1));
    egress.wait(SiteId(1), at(1), any);
    assert_eq!(picks(&mut egress, 1, at(1)), "-");
    assert!(egress.next_due().is_some_and(|due| due > at(1)), "it does not spin");
    assert!(egress.binding(at(1)).unwrap().contains("the limit on open files"));
    egress.leave(0, at(3));
    assert_eq!(picks(&mut egress, 2, at(3)), "a-", "as many as there were");
    egress.wait(SiteId(1), at(3), any);
    for second in 4..600 {
        egress.next_waiting(at(second));
        egress.wait(SiteId(1), at(second), any);
    }
    assert_eq!(picks(&mut egress, 8, at(600)), "aaaaaaaa", "it has passed");
}

#[test]
fn a_source_that_fails_rests_longer_each_time_and_the_others_go_on() {
    let mut egress = egress(vec![source("a", 1), source("b", 1)]);
    egress.failed(0, "gone", at(10));
    egress.failed(0, "gone: of the same moment", at(11));
    assert_eq!(picks(&mut egress, 3, at(14)), "bbb");
    assert!(picks(&mut egress, 4, at(15)).contains('a'), "after 5 s");
    egress.failed(0, "gone", at(15));
    assert_eq!(picks(&mut egress, 3, at(24)), "bbb");
    assert!(picks(&mut egress, 4, at(25)).contains('a'), "after 10 s");
    for _ in 0..20 {
        egress.failed(0, "gone", at(1_000_000));
    }
    egress.stood(0, ([192, 0, 2, 1], 25).into());
    egress.failed(0, "gone", at(2_000_000));
    assert!(picks(&mut egress, 4, at(2_000_005)).contains('a'), "one that stood begins anew");
}

#[test]
fn messages_leave_at_an_even_rate() {
    let mut limited = source("a", 1);
    limited.limit(None, Some(3610));
    let mut egress = egress(vec![limited]);
    let id = ConnectionId { index: 3, generation: 0 };
    let sent = |egress: &mut Egress, now| (0..1000).take_while(|_| egress.send(0, now)).count();
    assert_eq!(sent(&mut egress, at(100)), 11, "what 10 s ahead may be, and the first");
    assert_eq!(picks(&mut egress, 1, at(100)), "-", "no session for nothing");
    egress.hold(0, id);
    assert_eq!(egress.next_released(at(100)), None);
    let due = egress.next_due().unwrap();
    assert_eq!(due, at(101));
    assert_eq!((egress.next_released(due), egress.next_released(due)), (Some(id), None));
    assert_eq!(sent(&mut egress, at(200)), 11);
    let hour: usize = (200..3800).map(|second| sent(&mut egress, at(second))).sum();
    assert!((3590..=3600).contains(&hour), "{hour}");
}

/// Shards that share a source of 7,200 messages an hour, each with more to send than it may, for so many ticks; what each
/// sent.
fn shared_hour(shards: u16, ticks: u64, tick_us: u64) -> Vec<u32> {
    let mut limited = source("a", 1);
    limited.limit(None, Some(7200));
    let mut all: Vec<Egress> = (0..shards).map(|number| shard(number, vec![limited.clone()])).collect();
    all.iter_mut().for_each(|egress| egress.hold(0, ConnectionId { index: 0, generation: 0 }));
    let mut each = vec![0; all.len()];
    for tick in 0..ticks {
        let now = Instant(1_000_000_000 + tick * tick_us);
        for (egress, sent) in all.iter().zip(&mut each) {
            while egress.send(0, now) {
                *sent += 1;
            }
        }
    }
    each
}

#[test]
fn the_hour_is_one_for_all_shards() {
    for shards in [1, 2, 3, 8] {
        let each = shared_hour(shards, 36_000, 100_000);
        assert!((7150..=7200).contains(&each.iter().sum::<u32>()), "{shards}: {each:?}");
    }
}

#[test]
fn shards_that_wait_for_a_source_send_in_turn() {
    for shards in [2, 3, 8] {
        let each = shared_hour(shards, 100_000, 1000);
        let share = each.iter().sum::<u32>() / u32::from(shards);
        assert!(each.iter().all(|sent| *sent + 1 >= share * 9 / 10), "{shards}: {each:?}");
    }
}

#[test]
fn what_waits_is_told_of_in_the_singular_and_in_the_plural() {
    let mut limited = source("a", 1);
    limited.limit(Some(1), Some(3600));
    let mut egress = egress(vec![limited]);
    let id = |index| ConnectionId { index, generation: 0 };
    while egress.send(0, at(1)) {}
    egress.hold(0, id(1));
    assert!(egress.binding(at(1)).unwrap().contains(": 1 session waits, the next message leaves in "));
    egress.hold(0, id(2));
    assert!(egress.binding(at(1)).unwrap().contains(": 2 sessions wait, the next message leaves in "));
    egress.failed(0, "gone", at(1));
    egress.wait(SiteId(1), at(1), any);
    assert_eq!(egress.binding(at(1)).unwrap(), "the source a rests after a failure: 1 site waits");
    egress.wait(SiteId(2), at(1), any);
    assert_eq!(egress.binding(at(1)).unwrap(), "the source a rests after a failure: 2 sites wait");
}

#[test]
fn a_machine_without_a_port_left_says_so_and_narrows_nothing() {
    let mut egress = egress(vec![source("a", 1)]);
    assert_eq!(picks(&mut egress, 1, at(1)), "a");
    egress.short(libc::EADDRNOTAVAIL, at(1));
    egress.wait(SiteId(1), at(1), any);
    assert_eq!(
        egress.binding(at(1)).unwrap(),
        "the local ports: 1 session is open; hint: raise sysctl net.ipv4.ip_local_port_range: 1 site waits"
    );
    assert_eq!(picks(&mut egress, 4, at(3)), "aaaa", "the limit on descriptors is another one");
}
