//! What an event costs the shard that tells it: time, and allocations (there is none for an event of its own; a batch of
//! a few hundred is a buffer that comes back).

use divan::counter::ItemsCount;
use posthaste::base::clock::{Instant, Now, UnixTime};
use posthaste::mail::event::{Event, Outcome, Spans, Tls, Told, Via};
use posthaste::mail::{Disposition, Enhanced, ReplyRef};
use posthaste::observe::events::{EventLog, Lane, Options, Target};
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

/// Events of one measurement: less than may wait to be written.
const EVENTS: u32 = 5_000;

fn main() {
    divan::main();
}

fn tell(lane: &mut Lane, number: u32) {
    let via = Via {
        session: 12,
        site: "mx.provider.example",
        host: "mx1.provider.example",
        remote: ([192, 0, 2, 1], 25).into(),
        source: "a",
        local: Some([192, 0, 2, 9].into()),
        ehlo: "mail.acme.example",
        tls: Some(Tls { version: "TLSv1.3", cipher: "TLS13_AES_256_GCM_SHA384", resumed: true, verified: "dane" }),
    };
    let span = Some(Duration::from_micros(12_345));
    let told = Told {
        outcome: Outcome::Stands(Disposition::Delivered),
        row: number,
        path: Some(b"somebody@provider.example"),
        attempt: 1,
        via: Some(&via),
        last: None,
        phase: "end of content",
        cause: "",
        reply: ReplyRef { code: 250, enhanced: Some(Enhanced::new(2, 0, 0)), text: b"Ok: queued as 5E6959AA251" },
        octets: 10_240,
        spans: Spans { mail: span, rcpt: span, data: span, content: span, end: span, total: span },
    };
    let now = Now { mono: Instant(u64::from(number) * 100), unix: UnixTime(1_767_225_599) };
    lane.write(now, &Event::Recipient(told));
}

#[divan::bench]
fn an_event_to_the_log(bencher: divan::Bencher<'_, '_>) {
    let options = Options {
        target: Target::File("/dev/null".into()),
        rotate_octets: u64::MAX,
        rotate_age: Duration::MAX,
        keep: 0,
        compress: false,
    };
    let Ok(log) = EventLog::open(options, "news", Box::new(|_, _| false)) else { return };
    let mut lane = log.lane();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| (0..EVENTS).for_each(|number| tell(&mut lane, number)));
    drop(lane);
    let _ = log.close();
}
