//! The ring against real sockets on loopback.

mod unsent;

use super::*;
use crate::base::out::SHARE_MIN;
use crate::wire::io::{Buffer, ConnectSpec, Io as _};
use bytes::Bytes;
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// A guard against hanging, not a measure of anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A ring and what happened on it.
struct Bench {
    ring: Ring,
    data: HashMap<ConnectionId, Vec<u8>>,
    events: Vec<Event>,
}

impl Bench {
    fn new() -> Self {
        Self::with(Options { receive_buffers: 16, receive_buffer_bytes: 2048, submissions: 256 })
    }

    fn with(options: Options) -> Self {
        let ring = Ring::new(options).unwrap_or_else(|e| panic!("{e}"));
        Self { ring, data: HashMap::new(), events: Vec::new() }
    }

    fn connect(&mut self, remote: SocketAddr) -> ConnectionId {
        self.ring.connect(&ConnectSpec { remote, local: None, timeout: PATIENCE }).unwrap()
    }

    /// Polls once; octets go to `data`, the other events are returned too.
    fn turn(&mut self, wait: Duration) -> Vec<Event> {
        let mut events = Vec::new();
        let until = self.ring.now().mono.after(wait);
        self.ring.poll(Some(until), &mut events).unwrap();
        events.retain_mut(|event| {
            let Event::Data(id, buffer) = event else { return true };
            let buffer = Buffer { id: buffer.id, len: buffer.len };
            let octets = self.ring.bytes(&buffer).to_vec();
            assert_eq!(octets.len(), buffer.len as usize);
            self.data.entry(*id).or_default().extend_from_slice(&octets);
            self.ring.release(buffer);
            false
        });
        events
    }

    /// Polls until `done` holds of the events not yet taken, and takes those up to it.
    fn until(&mut self, mut done: impl FnMut(&mut Self, &Event) -> bool) -> Event {
        let start = std::time::Instant::now();
        loop {
            let found = std::mem::take(&mut self.events);
            let mut found = found.into_iter();
            while let Some(event) = found.next() {
                if done(self, &event) {
                    self.events.extend(found);
                    return event;
                }
            }
            assert!(start.elapsed() < PATIENCE, "what was waited for never happened");
            self.events = self.turn(Duration::from_millis(200));
        }
    }

    fn closed(&mut self, id: ConnectionId) -> Closed {
        match self.until(|_, e| matches!(e, Event::Closed(i, _) if *i == id)) {
            Event::Closed(_, how) => how,
            _ => unreachable!(),
        }
    }

    fn received(&mut self, id: ConnectionId, octets: usize) -> &[u8] {
        let start = std::time::Instant::now();
        while self.data.get(&id).map_or(0, Vec::len) < octets {
            assert!(start.elapsed() < PATIENCE, "{octets} octets never came");
            let events = self.turn(Duration::from_millis(200));
            self.events.extend(events);
        }
        &self.data[&id]
    }

    /// A pair over loopback: ours, and a plain blocking socket.
    fn pair(&mut self) -> (ConnectionId, TcpStream) {
        let listener = TcpListener::bind(LOCAL).unwrap();
        let id = self.connect(listener.local_addr().unwrap());
        self.until(|_, e| *e == Event::Connected(id));
        let peer = listener.accept().unwrap().0;
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        (id, peer)
    }

    fn is_quiet(&mut self) {
        let events = self.turn(Duration::from_millis(20));
        assert!(events.is_empty() && self.events.is_empty(), "{events:?} {:?}", self.events);
    }
}

#[test]
fn what_is_said_is_heard_and_answered() {
    let mut bench = Bench::new();
    let (_, address) = bench.ring.listen(LOCAL).unwrap();
    let client = bench.connect(address);
    bench.ring.out(client).append(b"ehlo");
    let Event::Accepted(_, server, from) = bench.until(|_, e| matches!(e, Event::Accepted(..))) else { unreachable!() };
    assert_eq!(from.ip(), address.ip());
    assert_eq!(bench.received(server, 4), b"ehlo");
    bench.ring.out(server).append(b"250 hi");
    assert_eq!(bench.received(client, 6), b"250 hi");
    bench.ring.close(client);
    assert_eq!(bench.closed(server), Closed::Eof);
    assert_eq!(bench.closed(client), Closed::Local);
}

#[test]
fn a_reused_slot_is_another_connection() {
    let mut bench = Bench::new();
    let (first, peer) = bench.pair();
    drop(peer);
    assert_eq!(bench.closed(first), Closed::Eof);
    let (second, mut peer) = bench.pair();
    assert_eq!((second.index, second.generation), (first.index, first.generation + 1));
    bench.ring.out(first).append(b"to the dead");
    bench.ring.close(first);
    bench.ring.abort(first);
    bench.ring.set_deadline(first, Some(Instant(0)));
    bench.ring.out(second).append(b"to the living");
    bench.ring.close(second);
    let mut heard = String::new();
    bench.turn(Duration::ZERO);
    peer.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "to the living");
    drop(peer);
    assert_eq!(bench.closed(second), Closed::Local);
    bench.is_quiet();
}

#[test]
fn much_goes_both_ways_at_once_through_few_buffers() {
    let mut bench = Bench::with(Options { receive_buffers: 2, receive_buffer_bytes: 1024, submissions: 8 });
    let (id, peer) = bench.pair();
    let out: Vec<u8> = (0..3_000_000u32).map(|n| (n * 7 % 251) as u8).collect();
    let back: Vec<u8> = (0..2_000_000u32).map(|n| (n * 11 % 241) as u8).collect();
    let (mut reader, mut writer) = (peer.try_clone().unwrap(), peer);
    let expect = out.clone();
    let reading = std::thread::spawn(move || {
        let mut got = vec![0; expect.len()];
        reader.read_exact(&mut got).unwrap();
        assert!(got == expect);
    });
    let sent = back.clone();
    let writing = std::thread::spawn(move || writer.write_all(&sent).unwrap());
    for (n, part) in out.chunks(70_001).enumerate() {
        if n % 2 == 0 {
            bench.ring.out(id).append(part);
        } else {
            bench.ring.out(id).share(&Bytes::copy_from_slice(part));
        }
    }
    assert!(70_001 > SHARE_MIN && bench.ring.unsent(id) == out.len());
    assert!(bench.received(id, back.len()) == back);
    bench.until(|b, e| *e == Event::Drained(id) && b.ring.unsent(id) == 0);
    reading.join().unwrap();
    writing.join().unwrap();
}

#[test]
fn many_starved_connections_all_get_their_octets() {
    let mut bench = Bench::with(Options { receive_buffers: 4, receive_buffer_bytes: 256, submissions: 16 });
    let mut pairs: Vec<_> = (0..100).map(|_| bench.pair()).collect();
    for (n, (_, peer)) in pairs.iter_mut().enumerate() {
        peer.write_all(&[n as u8; 5000]).unwrap();
    }
    for (n, (id, _)) in pairs.iter().enumerate() {
        assert!(bench.received(*id, 5000) == [n as u8; 5000], "connection {n}");
    }
}

#[test]
fn buffers_that_the_owner_keeps_only_delay_what_comes() {
    let mut bench = Bench::with(Options { receive_buffers: 2, receive_buffer_bytes: 256, submissions: 16 });
    let (id, mut peer) = bench.pair();
    peer.write_all(&[b'x'; 2000]).unwrap();
    let mut held = Vec::new();
    while held.len() < 2 {
        let until = bench.ring.now().mono.after(PATIENCE);
        bench.ring.poll(Some(until), &mut held).unwrap();
    }
    bench.is_quiet();
    for event in held {
        let Event::Data(_, buffer) = event else { panic!("{event:?}") };
        bench.data.entry(id).or_default().extend_from_slice(bench.ring.bytes(&buffer));
        bench.ring.release(buffer);
    }
    assert!(bench.received(id, 2000) == [b'x'; 2000]);
}

#[test]
fn a_thousand_connections_at_once() {
    let mut bench = Bench::with(Options { receive_buffers: 64, receive_buffer_bytes: 2048, submissions: 64 });
    raise_descriptor_limit().unwrap();
    let (_, address) = bench.ring.listen(LOCAL).unwrap();
    let clients: Vec<_> = (0..1000).map(|_| bench.connect(address)).collect();
    clients.iter().for_each(|&id| bench.ring.out(id).append(&id.index.to_be_bytes()));
    let mut servers = Vec::new();
    while servers.len() < 1000 {
        if let Event::Accepted(_, id, _) = bench.until(|_, e| matches!(e, Event::Accepted(..))) {
            servers.push(id);
        }
    }
    let mut said: Vec<_> = servers.iter().map(|&id| bench.received(id, 4).to_vec()).collect();
    said.sort();
    let mut expect: Vec<_> = clients.iter().map(|id| id.index.to_be_bytes().to_vec()).collect();
    expect.sort();
    assert_eq!(said, expect);
    clients.iter().for_each(|&id| bench.ring.close(id));
    let mut ends = 0;
    bench.until(|_, e| {
        ends += u32::from(matches!(e, Event::Closed(..)));
        ends == 2000
    });
    bench.is_quiet();
}

#[test]
fn a_refused_connect_says_so() {
    let mut bench = Bench::new();
    let address = TcpListener::bind(LOCAL).unwrap().local_addr().unwrap();
    let id = bench.connect(address);
    bench.ring.out(id).append(b"lost");
    bench.until(|_, e| *e == Event::ConnectFailed(id, libc::ECONNREFUSED));
    assert_eq!(bench.ring.unsent(id), 0);
    bench.is_quiet();
}

/// A listener whose queue is full: a connect to it gets no answer.
fn full_listener() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind(LOCAL).unwrap();
    socket::shorten_backlog(&listener);
    let address = listener.local_addr().unwrap();
    let mut fill = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        fill.push(stream);
    }
    (listener, fill)
}

#[test]
fn a_connect_without_an_answer_times_out_or_is_given_up() {
    let mut bench = Bench::new();
    let (listener, _fill) = full_listener();
    let remote = listener.local_addr().unwrap();
    let spec = ConnectSpec { remote, local: None, timeout: Duration::from_millis(50) };
    let id = bench.ring.connect(&spec).unwrap();
    bench.until(|_, e| *e == Event::ConnectFailed(id, libc::ETIMEDOUT));
    let closed = bench.connect(remote);
    bench.turn(Duration::ZERO);
    bench.ring.close(closed);
    assert_eq!(bench.closed(closed), Closed::Local);
    let aborted = bench.connect(remote);
    bench.ring.abort(aborted);
    assert_eq!(bench.closed(aborted), Closed::Local);
    bench.is_quiet();
}

#[test]
fn a_bound_source_gets_its_port_when_it_connects() {
    // A port of its own at the bind would be gone for all other peers.
    for (local, remote) in [("127.0.0.9", "127.0.0.1:25"), ("::1", "[::1]:25")] {
        let local: IpAddr = local.parse().unwrap();
        let socket = socket::open(remote.parse().unwrap(), Some(local)).unwrap();
        assert_eq!(socket.local_addr().unwrap(), SocketAddr::new(local, 0));
    }
}

#[test]
fn a_connection_comes_from_the_address_it_is_told() {
    let mut bench = Bench::new();
    let (_, remote) = bench.ring.listen(LOCAL).unwrap();
    let local = Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9)));
    bench.ring.connect(&ConnectSpec { remote, local, timeout: PATIENCE }).unwrap();
    let Event::Accepted(_, _, from) = bench.until(|_, e| matches!(e, Event::Accepted(..))) else { unreachable!() };
    assert_eq!(Some(from.ip()), local);
    let foreign = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    let error = bench.ring.connect(&ConnectSpec { remote, local: foreign, timeout: PATIENCE }).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
}

#[test]
fn a_close_sends_what_is_queued_first() {
    let mut bench = Bench::new();
    let (id, mut peer) = bench.pair();
    let octets = vec![b'q'; 4_000_000];
    bench.ring.out(id).append(&octets);
    bench.ring.close(id);
    bench.ring.out(id).append(b"too late");
    let reading = std::thread::spawn(move || {
        let mut heard = Vec::new();
        peer.read_to_end(&mut heard).unwrap();
        heard
    });
    assert_eq!(bench.closed(id), Closed::Local);
    assert!(reading.join().unwrap() == octets);
    bench.is_quiet();
}

#[test]
fn a_close_does_not_reset_over_what_the_peer_is_still_saying() {
    let mut bench = Bench::new();
    let (id, mut peer) = bench.pair();
    peer.write_all(&[b'z'; 10_000]).unwrap();
    bench.ring.out(id).append(b"221 bye");
    bench.ring.close(id);
    bench.turn(Duration::ZERO);
    let mut heard = String::new();
    peer.write_all(&[b'z'; 10_000]).unwrap();
    peer.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "221 bye");
    drop(peer);
    assert_eq!(bench.closed(id), Closed::Local);
    assert!(!bench.data.contains_key(&id));
}

#[test]
fn a_peer_that_never_closes_does_not_keep_us() {
    let mut bench = Bench::new();
    let (id, _peer) = bench.pair();
    bench.ring.close(id);
    assert_eq!(bench.closed(id), Closed::Local);
}

#[test]
fn an_abort_resets_and_throws_away() {
    let mut bench = Bench::new();
    let (id, mut peer) = bench.pair();
    bench.ring.out(id).append(&vec![0; 8_000_000]);
    bench.turn(Duration::ZERO);
    bench.ring.abort(id);
    assert_eq!(bench.closed(id), Closed::Local);
    let mut heard = Vec::new();
    let error = peer.read_to_end(&mut heard).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    bench.is_quiet();
}

#[test]
fn a_reset_by_the_peer_is_an_error_and_what_came_before_is_heard() {
    let mut bench = Bench::new();
    let (id, mut peer) = bench.pair();
    peer.write_all(b"421 go away").unwrap();
    bench.received(id, 11);
    bench.ring.out(id).append(b"unread");
    bench.until(|_, e| *e == Event::Drained(id));
    // Closing with unread octets resets.
    drop(peer);
    assert_eq!(bench.closed(id), Closed::Error(libc::ECONNRESET));
    bench.ring.out(id).append(b"nobody");
    bench.is_quiet();
}

#[test]
fn the_peers_end_ends_a_connection_with_output_in_flight() {
    let mut bench = Bench::new();
    let (id, peer) = bench.pair();
    bench.ring.out(id).append(&vec![0; 8_000_000]);
    bench.turn(Duration::ZERO);
    bench.ring.out(id).append(b"more");
    peer.shutdown(Shutdown::Write).unwrap();
    assert_eq!(bench.closed(id), Closed::Eof);
    bench.is_quiet();
}

#[test]
fn closing_twice_or_from_both_sides_is_one_end() {
    let mut bench = Bench::new();
    let (id, peer) = bench.pair();
    drop(peer);
    bench.ring.close(id);
    bench.ring.close(id);
    bench.ring.abort(id);
    bench.closed(id);
    bench.ring.close(id);
    bench.is_quiet();
}

#[test]
fn deadlines_fire_once_and_not_early() {
    let mut bench = Bench::new();
    let (id, _peer) = bench.pair();
    let (other, _other_peer) = bench.pair();
    let due = bench.ring.now().mono.after(Duration::from_millis(30));
    bench.ring.set_deadline(id, Some(due.after(PATIENCE)));
    bench.ring.set_deadline(id, Some(due));
    bench.ring.set_deadline(other, Some(due));
    bench.ring.set_deadline(other, None);
    bench.until(|_, e| *e == Event::Deadline(id));
    assert!(bench.ring.now().mono >= due);
    bench.is_quiet();
}

#[test]
fn another_thread_wakes_the_ring_once_for_many_calls() {
    let mut bench = Bench::new();
    let waker = bench.ring.waker();
    for _ in 0..3 {
        let (sender, inbox) = std::sync::mpsc::channel();
        let waker = Arc::clone(&waker);
        let thread = std::thread::spawn(move || {
            for n in 0..1000 {
                sender.send(n).unwrap();
                waker.wake();
            }
        });
        let mut next = 0;
        while next < 1000 {
            bench.until(|_, e| *e == Event::Inbox);
            while let Ok(n) = inbox.try_recv() {
                assert_eq!(n, next);
                next += 1;
            }
        }
        thread.join().unwrap();
        bench.turn(Duration::from_millis(10));
        bench.events.clear();
    }
    bench.is_quiet();
}

#[test]
fn a_poll_in_the_past_does_not_wait_and_one_without_work_waits() {
    let mut bench = Bench::new();
    let mut events = Vec::new();
    bench.ring.poll(Some(Instant(0)), &mut events).unwrap();
    let start = bench.ring.now().mono;
    let until = start.after(Duration::from_millis(20));
    bench.ring.poll(Some(until), &mut events).unwrap();
    assert!(events.is_empty() && bench.ring.now().mono >= until);
}

#[test]
fn a_taken_address_is_refused() {
    let mut bench = Bench::new();
    let (_, address) = bench.ring.listen(LOCAL).unwrap();
    assert_eq!(bench.ring.listen(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
}

/// Random connects, appends, closes, aborts and deadlines between connections of one ring: each ends once, and nothing
/// is heard of it afterwards.
#[test]
fn every_connection_ends_exactly_once_whatever_is_done_to_it() {
    for seed in 0..5 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bench = Bench::with(Options { receive_buffers: 8, receive_buffer_bytes: 512, submissions: 16 });
        let (_, address) = bench.ring.listen(LOCAL).unwrap();
        let nowhere = TcpListener::bind(LOCAL).unwrap().local_addr().unwrap();
        let mut live: Vec<ConnectionId> = Vec::new();
        let (mut begun, mut ended) = (0, std::collections::HashSet::new());
        for round in 0..2000 {
            if round < 1500 && live.len() < 60 {
                live.push(bench.connect(if random.u8(..10) == 0 { nowhere } else { address }));
                begun += 1;
            }
            if let Some(&id) = random.choice(&live) {
                match random.u8(..6) {
                    0 if round >= 1500 || random.bool() => bench.ring.close(id),
                    1 => bench.ring.abort(id),
                    2 => bench.ring.set_deadline(id, Some(bench.ring.now().mono)),
                    _ => bench.ring.out(id).append(&vec![7; random.usize(1..100_000)]),
                }
            }
            for event in bench.turn(Duration::from_micros(if random.bool() { 0 } else { 200 })) {
                match event {
                    Event::Accepted(_, id, _) => {
                        live.push(id);
                        begun += 1;
                    }
                    Event::Closed(id, _) | Event::ConnectFailed(id, _) => {
                        assert!(ended.insert(id), "{id:?} ended twice");
                        live.retain(|l| *l != id);
                    }
                    Event::Connected(id) | Event::Drained(id) | Event::Deadline(id) => assert!(!ended.contains(&id)),
                    Event::Data(..) | Event::Inbox => {}
                }
            }
        }
        let start = std::time::Instant::now();
        while !live.is_empty() {
            assert!(start.elapsed() < PATIENCE, "{live:?} never end");
            live.iter().for_each(|&id| bench.ring.abort(id));
            for event in bench.turn(Duration::from_millis(10)) {
                match event {
                    Event::Accepted(_, id, _) => {
                        live.push(id);
                        begun += 1;
                    }
                    Event::Closed(id, _) | Event::ConnectFailed(id, _) => {
                        assert!(ended.insert(id), "{id:?} ended twice");
                        live.retain(|l| *l != id);
                    }
                    _ => {}
                }
            }
        }
        assert_eq!(ended.len(), begun);
        let free = bench.ring.slots.iter().filter(|s| s.state == State::Free && s.operations == 0).count();
        assert_eq!((free, bench.ring.free.len()), (bench.ring.slots.len(), bench.ring.slots.len()));
    }
}

/// Stands for a stop (SIGTSTP): the thread does nothing until it is let go, and its poll is interrupted.
#[test]
#[expect(unsafe_code, reason = "a signal for one thread")]
fn what_came_while_the_process_was_stopped_is_heard_before_a_deadline() {
    static STOPPED: AtomicBool = AtomicBool::new(false);
    static GOES_ON: AtomicBool = AtomicBool::new(false);
    let until = |flag: &AtomicBool| {
        let start = std::time::Instant::now();
        while !flag.load(Ordering::SeqCst) && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let stop = move || {
        STOPPED.store(true, Ordering::SeqCst);
        until(&GOES_ON);
    };
    // SAFETY: the handler only looks at a flag and sleeps.
    unsafe { signal_hook::low_level::register(libc::SIGUSR2, stop) }.unwrap();
    let mut bench = Bench::new();
    let (id, mut peer) = bench.pair();
    let due = bench.ring.now().mono.after(Duration::from_millis(500));
    bench.ring.set_deadline(id, Some(due));
    // SAFETY: of the calling thread, which outlives the other one.
    let (thread, tell) = (unsafe { libc::pthread_self() }, Arc::new(AtomicBool::new(false)));
    let told = tell.clone();
    let other = std::thread::spawn(move || {
        until(&told);
        // Most likely in its poll by then; else there is nothing to see.
        std::thread::sleep(Duration::from_millis(50));
        // SAFETY: that thread waits for this one.
        assert_eq!(unsafe { libc::pthread_kill(thread, libc::SIGUSR2) }, 0);
        until(&STOPPED);
        peer.write_all(b"250 ok").unwrap();
        while clock::mono_now() <= due {
            std::thread::sleep(Duration::from_millis(10));
        }
        GOES_ON.store(true, Ordering::SeqCst);
        peer
    });
    tell.store(true, Ordering::SeqCst);
    let mut events = Vec::new();
    while !events.contains(&Event::Deadline(id)) {
        events = bench.turn(PATIENCE);
    }
    assert_eq!(bench.data.get(&id).map(Vec::as_slice), Some(b"250 ok".as_slice()), "it was late first");
    drop(other.join().unwrap());
}
