//! Sites and their groups over time, without connections.

use std::sync::Arc;
use std::time::Duration;

use super::site::Sites;
use crate::base::clock::{Instant, Now};
use crate::engine::directory::Site as Place;
use crate::engine::settings::{Delivery, OnUncertain};
use crate::engine::source::Source;
use crate::observe::Observer;
use crate::queue::SiteId;
use crate::shape::retry::Schedule;
use crate::smtp::client::Timeouts;

/// What tests need no more of than that it is there.
pub(super) fn delivery(sources: Vec<Source>) -> Delivery {
    Delivery {
        sources,
        port: 25,
        sessions_per_site: 20,
        trusted: false,
        recipients_per_transaction: 1,
        messages_per_session: 100,
        implicit_tls: false,
        auth: None,
        options: None,
        pipelining: true,
        chunking: true,
        connect_timeout: Duration::from_secs(1),
        timeouts: Timeouts {
            greeting: Duration::from_secs(1),
            hello: Duration::from_secs(1),
            mail: Duration::from_secs(1),
            rcpt: Duration::from_secs(1),
            data: Duration::from_secs(1),
            content: Duration::from_secs(1),
            end: Duration::from_secs(1),
            quit: Duration::from_secs(1),
        },
        retry: Schedule { steps: vec![Duration::from_secs(1)], lifetime: Duration::from_secs(1) },
        on_uncertain: OnUncertain::Retry,
        ahead_max: 1,
        ahead_bytes_max: 1,
        idle: Duration::from_secs(1),
        drain: Duration::from_secs(1),
        backoff_min: Duration::from_secs(1),
    }
}

fn at(ms: u64) -> Now {
    Now { mono: Instant(ms * 1000), ..Now::default() }
}

/// Sites, and two members of one group among them.
fn two() -> (Sites, [SiteId; 2]) {
    let mut sites = Sites::new(false, &delivery(vec![Source::unbound("me.example".into())]), Observer::off());
    let place = Place::fixed("mx.example", ([192, 0, 2, 1], 25).into());
    let other = Place { name: "mx.example#other".into(), ..place.clone() };
    let ids = [place, other].map(|place| sites.enter(Arc::new(place)));
    (sites, ids)
}

/// Takes all that is to be looked at by then.
fn looked_at(sites: &mut Sites, now: Now) -> Vec<SiteId> {
    sites.wake_due(now.mono);
    std::iter::from_fn(|| sites.next_touched()).collect()
}

#[test]
fn who_is_put_off_by_the_session_ahead_is_looked_at_again_when_its_time_is_over() {
    let (mut sites, [first, other]) = two();
    assert!(sites.wants_session(first, true, at(0)));
    sites.session_opened(first, at(0));
    // Another look is due before: it must not be the last one.
    sites.wake(other, at(500).mono);
    assert!(!sites.wants_session(other, true, at(10)));
    assert_eq!(looked_at(&mut sites, at(501)), [other]);
    assert!(!sites.wants_session(other, true, at(501)));
    assert!(sites.next_wake().is_some_and(|due| due <= at(1001).mono));
    assert_eq!(looked_at(&mut sites, at(1001)), [other]);
    assert!(sites.wants_session(other, true, at(1001)), "the first one was never let in");
}

#[test]
fn the_session_ahead_lets_the_others_go_when_it_is_let_in_and_when_it_is_gone() {
    let (mut sites, [first, other]) = two();
    sites.session_opened(first, at(0));
    assert!(!sites.wants_session(other, true, at(1)));
    sites.session_ready(first);
    assert_eq!(looked_at(&mut sites, at(2)), [other, first]);
    assert!(sites.wants_session(other, true, at(2)));
    sites.session_unready(first);
    sites.session_closed(first, true, true);
    assert_eq!(looked_at(&mut sites, at(3)), [other, first]);
    sites.session_opened(other, at(4));
    assert!(!sites.wants_session(first, true, at(5)));
    sites.session_closed(other, false, false);
    assert!(looked_at(&mut sites, at(6)).contains(&first));
    assert!(sites.wants_session(first, true, at(6)), "nobody is ahead, and nothing is being opened");
    assert!(sites.site(other).is_some_and(|site| (site.sessions, site.opening) == (0, 0)));
}
