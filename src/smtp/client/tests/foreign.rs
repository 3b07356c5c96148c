//! Whatever a peer sends, and whenever: no panic, bounded memory, every recipient told of once.

use super::play::{config, transaction};
use crate::base::clock::Instant;
use crate::base::out::Out;
use crate::smtp::capabilities::Capabilities;
use crate::smtp::client::{
    Config, Credentials, Dsn, Event, Known, OUT_MAX, Options, Phase, Session, Starttls, Transaction,
};
use crate::smtp::reader::{LINE_MAX, TEXT_MAX};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    Hear(Vec<u8>),
    Begin(usize),
    Wait(u64),
    Drained,
    Tls,
    Quit,
    Closed,
}

fn step() -> impl Strategy<Value = Step> {
    let line = prop::sample::select(vec![
        "220 mx\r\n",
        "250-mx\r\n250-PIPELINING\r\n250 SIZE 30\r\n",
        "250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 STARTTLS\r\n",
        "250 ok\r\n",
        "250 ok\r\n250 ok\r\n354 go\r\n",
        "250-x\n",
        "354 go\r\n",
        "421 bye\r\n",
        "450 no\r\n",
        "452 4.5.3 many\r\n",
        "503 no\r\n",
        "500 what\r\n",
        "530 5.7.0 first STARTTLS\r\n",
        "554 synchronization error\r\n",
        "451 4.5.3 too many\r\n",
        "221 bye\r\n",
        "220 go\r\n",
        "235 welcome\r\n",
        "334 \r\n",
        "334 cj1hYWFhYWFhYWFhYWFhYWFhYWFhYQ==\r\n",
        "550 no\r\n",
        "25",
        "0 ",
        "\r\n",
    ]);
    prop_oneof![
        12 => line.prop_map(|l| Step::Hear(l.into())),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Hear),
        1 => Just(Step::Hear(vec![b'2'; 3000])),
        4 => (1usize..4).prop_map(Step::Begin),
        1 => (0u64..30).prop_map(Step::Wait),
        1 => Just(Step::Drained),
        1 => Just(Step::Tls),
        1 => Just(Step::Quit),
        1 => Just(Step::Closed),
    ]
}

/// How often each recipient was told of.
type Told = BTreeMap<(u64, usize), u32>;

fn note(told: &mut Told, event: &Event<'_>) {
    match event {
        Event::Recipient { key, index, .. } => *told.entry((*key, *index)).or_default() += 1,
        Event::Returned { key, recipients, .. } => {
            recipients.iter().for_each(|&index| *told.entry((*key, index)).or_default() += 1);
        }
        _ => {}
    }
}

/// How the session is told to be, and what is known of the host.
fn setting() -> impl Strategy<Value = (Config, Known)> {
    let starttls =
        prop::sample::select(vec![Starttls::Never, Starttls::Offered, Starttls::Required, Starttls::Implicit]);
    let flags = prop::collection::vec(any::<bool>(), 9);
    (starttls, any::<bool>(), 1u32..9, flags, prop::option::of(1u32..4)).prop_map(
        |(starttls, login, refused_max, flags, limit)| {
            let credentials = Arc::new(Credentials::new("jo", "secret", None, flags[7], [3; 32]));
            let auth = login.then_some(credentials);
            let config = Config { transactions_max: 9, starttls, auth, refused_max, ..config() };
            let known = Known {
                pipelining_works: flags[0],
                chunking_works: flags[1],
                pipelining_suspect: flags[2],
                lockstep_works: flags[3],
                pipelining_broken: flags[4] && flags[5],
                chunking_broken: flags[5] && flags[6],
                ehlo_refused: flags[6] && flags[2],
                ehlo_closed: flags[6] && flags[3],
                starttls_broken: flags[8],
                transactions_max: limit,
                closed_after: limit,
                recipients_max: limit.map(|n| n + 1),
                early: flags[3].then(Capabilities::default),
            };
            (config, known)
        },
    )
}

fn live(opening: &[&str], (config, known): (Config, Known), steps: Vec<Step>) {
    let mut now = Instant(1);
    let mut session = Session::new(Arc::new(config), known, now);
    let (mut out, mut told, mut begun, mut key) = (Out::new(), Told::new(), Vec::new(), 0);
    let opening = opening.iter().map(|line| Step::Hear(line.as_bytes().to_vec()));
    for step in opening.chain(steps).chain([Step::Closed]) {
        match step {
            Step::Hear(octets) => session.handle_input(now, &octets, &mut |e| note(&mut told, &e)),
            Step::Begin(recipients) => {
                key += 1;
                let to: Vec<&str> = ["a@x", "ä@x", "b@x"].into_iter().take(recipients).collect();
                let (room, most) = (session.room(), session.recipients_max());
                let transaction = transaction(key, &to, "a content of about 30 octets 8\r\n");
                let options = Options { dsn: Some(Dsn::default()), require_tls: key % 3 == 0 };
                let options = (key % 2 == 0).then(|| Arc::new(options));
                let taken = session.begin(Transaction { options, ..transaction }).is_ok();
                assert_eq!(taken, room > 0 && recipients <= most);
                begun.extend((0..recipients).filter(|_| taken).map(|index| (key, index)));
            }
            Step::Wait(seconds) => {
                now = now.after(Duration::from_secs(seconds));
                session.handle_deadline(now, &mut |e| note(&mut told, &e));
            }
            Step::Drained => session.handle_drained(now),
            Step::Tls => session.handle_tls(now),
            Step::Quit => session.quit(),
            Step::Closed => session.handle_closed(now, &mut |e| note(&mut told, &e)),
        }
        session.poll_transmit(now, &mut out);
        assert!(out.len() < OUT_MAX + 1000);
        while out.take().is_some() {}
        assert!(session.reader.memory() <= 2 * (TEXT_MAX + LINE_MAX), "{}", session.reader.memory());
        assert!(session.is_ended() || session.phase() == Phase::Idle || session.deadline().is_some());
    }
    assert!(session.is_ended() && session.under_way() == 0 && session.room() == 0);
    assert!(told.values().all(|&times| times == 1), "{told:?}");
    assert_eq!(told.into_keys().collect::<Vec<_>>(), begun);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_peer_leaves_the_books_in_order(
        lockstep in any::<bool>(),
        chunking in any::<bool>(),
        known in setting(),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let offers = match (lockstep, chunking) {
            (true, _) => "250-mx\r\n250 SIZE\r\n",
            (_, true) => "250-mx\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
            _ => "250-mx\r\n250-8BITMIME\r\n250 PIPELINING\r\n",
        };
        let setting = (Config { transactions_max: 9, refused_max: known.0.refused_max, ..config() }, known.1);
        live(&["220 mx\r\n", offers], setting, steps);
    }

    #[test]
    fn any_peer_from_the_first_octet_on(setting in setting(), steps in prop::collection::vec(step(), 0..60)) {
        live(&[], setting, steps);
    }
}

#[test]
fn long_content_leaves_in_slices_and_half_of_it_is_not_uncertain() {
    let (now, long) = (Instant(1), "x".repeat(OUT_MAX) + "\r\n");
    let mut session = Session::new(Arc::new(config()), Known::default(), now);
    let (mut out, mut told) = (Out::new(), Vec::new());
    for input in ["220 mx\r\n", "250-mx\r\n250 PIPELINING\r\n"] {
        session.handle_input(now, input.as_bytes(), &mut |_| {});
        session.poll_transmit(now, &mut out);
    }
    assert!(session.begin(transaction(1, &["a@x"], &long)).is_ok());
    session.poll_transmit(now, &mut out);
    session.handle_input(now, b"250 ok\r\n250 ok\r\n354 go\r\n", &mut |e| told.push(super::play::shown(&e)));
    while out.take().is_some() {}
    session.poll_transmit(now, &mut out);
    assert_eq!((out.len(), session.phase()), (OUT_MAX, Phase::Content));
    session.poll_transmit(now, &mut out);
    assert_eq!(out.len(), OUT_MAX);
    session.handle_closed(now, &mut |e| told.push(super::play::shown(&e)));
    assert_eq!(
        told,
        [
            "learnt PipeliningWorks",
            "1.0 cut at data: 451 4.4.2 the connection was lost before the message was sent",
            "1 finished",
            "lost at content"
        ]
    );
}
