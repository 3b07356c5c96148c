//! The ring and the sink, without an engine: a bare client loop on one ring sends equal messages into a sink on
//! another. It says what the driver and the receiving side cost; arguments: sessions, messages, octets, window, round
//! trip in milliseconds.
//!
//! `cargo bench --bench sink -- 100 300000 10240 1 0`

#![expect(clippy::expect_used, clippy::panic, reason = "a bench that cannot run says so")]

use posthaste::sink;
use posthaste::wire::io::{ConnectSpec, ConnectionId, Event, Io as _};
use posthaste::wire::ring::{Options, Ring};
use std::fs;
use std::time::{Duration, Instant};

/// CPU time of the thread with this name, in nanoseconds, by schedstat.
fn cpu_ns(name: &str) -> u64 {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return 0 };
    tasks
        .flatten()
        .filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name))
        .filter_map(|task| {
            fs::read_to_string(task.path().join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok()
        })
        .sum()
}

/// One session of the client: how many octets of replies are still owed, and what is left to send.
struct Client {
    id: ConnectionId,
    owed: usize,
    greeted: bool,
}

struct Load {
    left: usize,
    octets: usize,
    window: usize,
    number: u64,
}

impl Load {
    /// The next flight of messages.
    fn flight(&mut self, ring: &mut Ring, client: &mut Client) {
        for _ in 0..self.window.min(self.left) {
            self.number += 1;
            self.left -= 1;
            let header = format!("Message-ID: <{}@bench.example>\r\n\r\n", self.number);
            let envelope = format!(
                "MAIL FROM:<b@c.example>\r\nRCPT TO:<u{}@y.example>\r\nBDAT {} LAST\r\n",
                self.number,
                header.len() + self.octets
            );
            let out = ring.out(client.id);
            out.append(envelope.as_bytes());
            out.append(header.as_bytes());
            out.append(&BODY[..self.octets]);
            client.owed += "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.0.0 Ok: taken\r\n".len();
        }
    }
}

static BODY: [u8; 1 << 20] = [b'x'; 1 << 20];

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let [sessions, messages, octets, window, rtt_ms] =
        <[usize; 5]>::try_from(numbers).unwrap_or([100, 200_000, 10_240, 1, 0]);
    let options = sink::Options { rtt: Duration::from_millis(rtt_ms as u64), ..sink::Options::default() };
    let sink = sink::spawn("127.0.0.1:0".parse().expect("an address"), options).expect("a sink");
    let mut ring = Ring::new(Options::SENDER).expect("a ring");
    let spec = ConnectSpec { remote: sink.address(), local: None, timeout: Duration::from_secs(5) };
    let mut load = Load { left: messages, octets, window, number: 0 };
    let mut clients: Vec<_> = (0..sessions)
        .map(|_| Client { id: ring.connect(&spec).expect("a socket"), owed: usize::MAX, greeted: false })
        .collect();
    let thread = fs::read_to_string("/proc/thread-self/comm").unwrap_or_default();
    let (start, cpu) = (Instant::now(), [cpu_ns("sink"), cpu_ns(thread.trim())]);
    let mut events = Vec::new();
    let mut open = sessions;
    let (mut polls, mut seen) = (0u64, 0u64);
    while open > 0 {
        ring.poll(None, &mut events).expect("the ring");
        polls += 1;
        seen += events.len() as u64;
        for event in events.drain(..) {
            match event {
                Event::Data(id, buffer) => {
                    let client = &mut clients[id.index as usize];
                    if client.greeted {
                        client.owed -= ring.bytes(&buffer).len();
                    } else if ring.bytes(&buffer).starts_with(b"220") {
                        ring.out(id).append(b"EHLO bench.example\r\n");
                    } else {
                        (client.greeted, client.owed) = (true, 0);
                    }
                    ring.release(buffer);
                    if client.owed == 0 {
                        load.flight(&mut ring, client);
                        if client.owed == 0 {
                            ring.close(id);
                        }
                    }
                }
                Event::Closed(..) => open -= 1,
                Event::ConnectFailed(_, errno) => panic!("no connection: {}", std::io::Error::from_raw_os_error(errno)),
                _ => {}
            }
        }
    }
    let (took, after) = (start.elapsed(), [cpu_ns("sink"), cpu_ns(thread.trim())]);
    let each = |n: usize| (after[n] - cpu[n]) as f64 / 1000.0 / messages as f64;
    let rate = messages as f64 / took.as_secs_f64();
    println!(
        "{sessions} sessions, {octets} octets, window {window}, {rtt_ms} ms: {rate:.0} messages/s ({:.1} M a minute); CPU a message: \
         sink {:.1} µs, client {:.1} µs; {:.1} events a poll",
        rate * 60e-6,
        each(0),
        each(1),
        seen as f64 / polls as f64
    );
    let counters = sink.stop().expect("a report").counters;
    assert_eq!((counters.messages, counters.duplicates), (messages as u64, 0));
}
