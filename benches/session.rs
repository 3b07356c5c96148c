//! The client session without a network: what a transaction costs in each mode, the copy of its content included.

use bytes::Bytes;
use divan::{Bencher, black_box, counter::ItemsCount};
use posthaste::base::clock::Instant;
use posthaste::base::out::Out;
use posthaste::mail::Envelope;
use posthaste::smtp::client::{Config, Event, Known, Session, Starttls, Timeouts, Transaction};
use std::sync::Arc;
use std::time::Duration;

fn main() {
    divan::main();
}

const NOW: Instant = Instant(1);

fn open(offers: &str) -> (Session, Out) {
    let span = Duration::from_secs(300);
    let timeouts = Timeouts {
        greeting: span,
        hello: span,
        mail: span,
        rcpt: span,
        data: span,
        content: span,
        end: span,
        quit: span,
    };
    let config = Config {
        ehlo: "me.example".into(),
        pipelining: true,
        chunking: true,
        starttls: Starttls::Never,
        auth: None,
        refused_max: u32::MAX,
        transactions_max: u32::MAX,
        window_transactions_max: 16,
        window_bytes_max: 1 << 30,
        timeouts,
    };
    // A host that was spoken to before: its adverts are no lies.
    let known = Known { pipelining_works: true, chunking_works: true, ..Known::default() };
    let mut session = Session::new(Arc::new(config), known, NOW);
    let mut out = Out::new();
    session.handle_input(NOW, b"220 mx\r\n", &mut |_| {});
    session.poll_transmit(NOW, &mut out);
    session.handle_input(NOW, format!("250-mx\r\n{offers}250 SIZE\r\n").as_bytes(), &mut |_| {});
    flush(&mut out);
    (session, out)
}

/// Throws the output away as a driver would: the buffer comes back.
fn flush(out: &mut Out) {
    while let Some(piece) = out.take() {
        black_box(piece.as_slice());
        out.recycle(piece);
    }
}

fn envelope(recipients: usize) -> Envelope {
    let mut envelope = Envelope::new(b"b+0123456789abcdef@bounce.acme.example");
    (0..recipients).for_each(|n| envelope.push(format!("some.recipient.{n}@domain.example").as_bytes()));
    envelope
}

fn begin(session: &mut Session, envelope: &Envelope, content: &Bytes) {
    let (envelope, content) = (envelope.clone(), content.clone().into());
    let transaction = Transaction { key: 1, envelope, content, eight_bit: false, options: None };
    assert!(session.begin(transaction).is_ok());
}

fn hear(session: &mut Session, input: &[u8]) -> usize {
    let mut verdicts = 0;
    session.handle_input(NOW, input, &mut |e| verdicts += usize::from(matches!(e, Event::Recipient { .. })));
    verdicts
}

/// One personalised transaction of one recipient in overlapped mode: its content and the next envelope in one flight.
#[divan::bench(args = [1, 10_000])]
fn overlapped(bencher: Bencher, octets: usize) {
    let (mut session, mut out) = open("250-PIPELINING\r\n");
    let (envelope, content) = (envelope(1), Bytes::from(vec![b'x'; octets]));
    begin(&mut session, &envelope, &content);
    begin(&mut session, &envelope, &content);
    session.poll_transmit(NOW, &mut out);
    hear(&mut session, b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n");
    session.poll_transmit(NOW, &mut out);
    flush(&mut out);
    let replies = b"250 2.0.0 Ok: queued as 4ABCDEF\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with dot\r\n";
    bencher.bench_local(|| {
        begin(&mut session, &envelope, &content);
        assert_eq!(hear(&mut session, replies), 1);
        session.poll_transmit(NOW, &mut out);
        session.handle_drained(NOW);
        black_box(session.deadline());
        flush(&mut out);
    });
}

/// The floor under it: the copy alone.
#[divan::bench(args = [1, 10_000])]
fn copy_alone(bencher: Bencher, octets: usize) {
    let (content, mut out) = (Bytes::from(vec![b'x'; octets]), Out::new());
    bencher.bench_local(|| {
        out.share(&content);
        flush(&mut out);
    });
}

/// A batch in pipelined mode; items are recipients.
#[divan::bench(args = [1, 100])]
fn pipelined_batch(bencher: Bencher, recipients: usize) {
    let (mut session, mut out) = open("250-PIPELINING\r\n");
    let (envelope, content) = (envelope(recipients), Bytes::from(vec![b'x'; 100]));
    let mut replies = b"250 2.1.0 Ok\r\n".to_vec();
    replies.extend_from_slice(&b"250 2.1.5 Ok\r\n".repeat(recipients));
    replies.extend_from_slice(b"354 End data with <CR><LF>.<CR><LF>\r\n");
    bencher.counter(ItemsCount::new(recipients)).bench_local(|| {
        begin(&mut session, &envelope, &content);
        session.poll_transmit(NOW, &mut out);
        assert_eq!(hear(&mut session, &replies), 0);
        session.poll_transmit(NOW, &mut out);
        assert_eq!(hear(&mut session, b"250 2.0.0 Ok: queued as 4ABCDEF\r\n"), recipients);
        flush(&mut out);
    });
}

/// A full window in chunked mode; items are transactions.
#[divan::bench(args = [1, 10_000])]
fn chunked_window(bencher: Bencher, octets: usize) {
    let (mut session, mut out) = open("250-PIPELINING\r\n250-CHUNKING\r\n");
    let (envelope, content) = (envelope(1), Bytes::from(vec![b'x'; octets]));
    let first = b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.0.0 Ok: queued as 4ABCDEF\r\n";
    let mut window = |count: usize| {
        (0..count).for_each(|_| begin(&mut session, &envelope, &content));
        session.poll_transmit(NOW, &mut out);
        flush(&mut out);
        let mut verdicts = hear(&mut session, first);
        for _ in 1..count {
            verdicts += hear(&mut session, b"250 2.0.0 Ok\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.0.0 Ok: queued\r\n");
        }
        assert_eq!(verdicts, count);
    };
    // The window opens.
    (0..30).for_each(|_| window(4));
    bencher.counter(ItemsCount::new(16usize)).bench_local(|| window(16));
}
