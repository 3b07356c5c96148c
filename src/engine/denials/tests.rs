//! Resolvers that go wrong, and lists that are wrong themselves.

use super::*;

/// A run with so many recipients that are loaded.
fn run(offered: u64) -> Denials {
    let mut denials = Denials::default();
    denials.offer(offered);
    denials
}

fn name(n: usize) -> Arc<str> {
    format!("d{n}.example").into()
}

fn denied(denials: &mut Denials, n: usize, recipients: u64) -> Belief {
    denied_of(0.2, denials, n, recipients)
}

fn denied_of(max: f64, denials: &mut Denials, n: usize, recipients: u64) -> Belief {
    let (name, reply) = (name(n), format!("550 5.1.2 the domain d{n}.example does not exist"));
    denials.denied(&Denial { name: &name, recipients, reply: &reply, is_loaded: true, max })
}

const WAITS: Belief = Belief::Waits(Vec::new());

fn holds(why: Why) -> Belief {
    Belief::Holds(Denied { why, reply: "550 5.1.2 the domain … does not exist".into() })
}

#[test]
fn one_or_two_domains_that_are_not_there_bounce_the_third_time() {
    for domains in [1, 2] {
        let mut denials = run(domains as u64);
        for _ in 0..2 {
            (0..domains).for_each(|n| assert_eq!(denied(&mut denials, n, 1), WAITS));
        }
        (0..domains).for_each(|n| assert_eq!(denied(&mut denials, n, 1), Belief::Bounces));
    }
}

#[test]
fn where_nothing_is_found_three_domains_or_many_recipients_hold_and_nobody_bounces() {
    for (domains, recipients) in [(3, 1), (40, 1), (1, 100)] {
        let mut denials = run(40);
        for _ in 0..2 {
            (0..domains).for_each(|n| assert_eq!(denied(&mut denials, n, recipients), WAITS));
        }
        assert_eq!(denied(&mut denials, 0, recipients), holds(Why::Everything(domains)));
        assert_eq!(denied(&mut denials, domains - 1, recipients), holds(Why::Everything(domains)), "and so it stays");
    }
    let mut denials = run(10_000);
    (0..DOUBTED_MAX - 1).for_each(|n| assert_eq!(denied(&mut denials, n, 1), WAITS));
    assert_eq!(denied(&mut denials, DOUBTED_MAX, 1), holds(Why::Everything(DOUBTED_MAX)), "no list is walked in vain");
}

#[test]
fn while_others_are_looked_up_nothing_is_said_and_one_that_is_found_ends_the_doubt() {
    let mut denials = run(100);
    denials.ask();
    for _ in 0..9 {
        (0..5).for_each(|n| assert_eq!(denied(&mut denials, n, 1), WAITS));
    }
    denials.answered();
    denials.found(&name(99), 1);
    (0..5).for_each(|n| assert_eq!(denied(&mut denials, n, 1), Belief::Bounces));
    // But that has an end.
    let mut denials = run(100);
    denials.ask();
    let waits = (0..1000).take_while(|_| denied(&mut denials, 0, 1) == WAITS).count();
    assert_eq!(waits, TIMES_MAX as usize - 1);
}

#[test]
fn a_resolver_that_goes_wrong_burns_fewer_than_a_row() {
    let mut denials = run(3000);
    (0..1000).for_each(|n| denials.found(&name(n), 1));
    for n in 1000..1009 {
        assert_eq!(denied(&mut denials, n, 1), Belief::Bounces);
    }
    let asked = vec![name(999), name(998), name(997)];
    assert_eq!(denied(&mut denials, 1009, 1), Belief::Waits(asked));
    (1010..1500).for_each(|n| assert_eq!(denied(&mut denials, n, 1), WAITS));
    assert_eq!([denials.checked(Some(false)), denials.checked(None)], [None, None]);
    let why = Why::Known(2, 3);
    assert_eq!(denials.checked(Some(false)).map(Belief::Holds), Some(holds(why)));
    assert_eq!(denied(&mut denials, 1500, 1), holds(why));
}

#[test]
fn a_domain_of_many_recipients_is_not_believed_unseen() {
    let mut denials = run(3000);
    (0..10).for_each(|n| denials.found(&name(n), 5));
    assert_eq!(denied(&mut denials, 10, 900), Belief::Waits(vec![name(9), name(8), name(7)]));
    (0..3).for_each(|_| assert_eq!(denials.checked(Some(true)), None));
    assert_eq!(denied(&mut denials, 10, 900), holds(Why::Share(900, 3000)), "there are too many of them all the same");
    let mut denials = run(9000);
    (0..10).for_each(|n| denials.found(&name(n), 5));
    assert!(matches!(denied(&mut denials, 10, 900), Belief::Waits(_)));
    (0..3).for_each(|_| assert_eq!(denials.checked(Some(true)), None));
    assert_eq!(denied(&mut denials, 10, 900), Belief::Bounces);
}

#[test]
fn however_many_may_bounce_a_resolver_that_goes_wrong_is_not_believed() {
    for max in [0.2, 0.99, 1.0] {
        let mut denials = run(3000);
        (0..1000).for_each(|n| denials.found(&name(n), 1));
        let bounced = (1000..2000).take_while(|n| denied_of(max, &mut denials, *n, 1) == Belief::Bounces).count();
        assert_eq!(bounced, ROW_MAX as usize - 1, "{max}");
        assert_eq!([denials.checked(Some(false)), denials.checked(Some(false))], [None, None]);
        assert_eq!(denials.checked(Some(false)).map(|denied| denied.why), Some(Why::Known(3, 3)), "{max}");
        let mut denials = run(3000);
        (0..10).for_each(|n| denials.found(&name(n), 5));
        let waits = Belief::Waits(vec![name(9), name(8), name(7)]);
        assert_eq!(denied_of(max, &mut denials, 10, 900), waits, "{max}: one domain of many recipients");
    }
    // Sure denials are what the share is about.
    let mut denials = run(1000);
    denials.found(&name(0), 1);
    assert_eq!(denied_of(1.0, &mut denials, 10, 999), Belief::Waits(vec![name(0)]));
    assert_eq!(denials.checked(Some(true)), None);
    assert_eq!(denied_of(1.0, &mut denials, 10, 999), Belief::Bounces);
}

/// A sound resolver, and a list of which these domains are not there: how many bounced.
fn sound(domains: usize, gone: impl Fn(usize) -> bool) -> usize {
    let mut denials = run(domains as u64);
    let (mut bounced, mut again) = (0, Vec::new());
    let mut turn: Vec<usize> = (0..domains).collect();
    for _ in 0..domains {
        for n in std::mem::take(&mut turn) {
            if !gone(n) {
                denials.found(&name(n), 1);
                continue;
            }
            match denied(&mut denials, n, 1) {
                Belief::Bounces => bounced += 1,
                Belief::Waits(asked) => {
                    again.push(n);
                    asked.iter().for_each(|_| assert_eq!(denials.checked(Some(true)), None));
                }
                Belief::Holds(why) => panic!("{why:?} after {bounced}"),
            }
        }
        turn = std::mem::take(&mut again);
    }
    bounced
}

#[test]
fn a_sound_list_with_domains_that_are_not_there_is_not_held_wherever_they_stand() {
    assert_eq!(sound(3000, |n| n % 20 == 3), 150);
    assert_eq!(sound(3000, |n| (0..150).contains(&n)), 150, "first");
    assert_eq!(sound(3000, |n| (1000..1150).contains(&n)), 150, "together");
    assert_eq!(sound(3000, |n| n >= 2850), 150, "last");
    assert_eq!(sound(3000, |n| !(2..=2990).contains(&n)), 11);
}

#[test]
fn more_than_the_share_of_all_holds_it_however_sure_that_is() {
    let mut denials = run(1000);
    let mut bounced = 0;
    let end = (0..1000).find_map(|n| {
        if n % 2 == 0 {
            denials.found(&name(n), 1);
            return None;
        }
        loop {
            match denied(&mut denials, n, 1) {
                Belief::Bounces => {
                    bounced += 1;
                    return None;
                }
                Belief::Waits(asked) => asked.iter().for_each(|_| drop(denials.checked(Some(true)))),
                Belief::Holds(denied) => return Some(denied.why),
            }
        }
    });
    assert_eq!((end, bounced), (Some(Why::Share(201, 1000)), 200));
}

#[test]
fn nobody_bounces_while_nobody_can_say_and_that_does_not_last_for_ever() {
    let mut denials = run(1000);
    denials.found(&name(0), 1);
    (1..10).for_each(|n| assert_eq!(denied(&mut denials, n, 1), Belief::Bounces));
    let mut told = Vec::new();
    for _ in 0..UNSURE_MAX {
        assert_eq!(denied(&mut denials, 10, 1), Belief::Waits(vec![name(0)]));
        told.push(denials.checked(None).map(|denied| denied.why));
    }
    assert_eq!(told, [None, None, None, None, Some(Why::Unsure)]);
}

#[test]
fn what_is_kept_is_bounded() {
    let mut denials = run(1_000_000);
    (0..50).for_each(|n| denials.found(&name(n), 1));
    (0..20_000).for_each(|n| _ = denied(&mut denials, n, 1));
    assert!(denials.doubted.len() <= NAMES_MAX && denials.known.len() <= KNOWN_MAX);
    (0..3).for_each(|_| _ = denials.checked(Some(true)));
    assert!(denials.believed.len() <= NAMES_MAX);
    let reply = |n: usize| format!("550 {n}");
    (0..500).for_each(|n| {
        denials.hear(&Denial { name: &name(0), recipients: 1, reply: &reply(n), is_loaded: true, max: 0.2 });
    });
    assert!(denials.said.len() <= REPLIES_MAX);
}
