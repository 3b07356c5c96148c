//! What is told of octets that never left, against what the peer's kernel had.

use super::*;
use crate::wire::ring::unsent::never_left;

/// So many octets are more than both kernels take without a reader.
const MANY: usize = 64 << 20;
/// And so many are less (tcp_wmem and tcp_rmem at most, as systems have them).
const TAKEN_MAX: usize = 32 << 20;
/// So many our kernel takes, of which the peer's takes a part.
const TAKEN: usize = 512 * 1024;

/// What has arrived at the peer, unread.
fn arrived(peer: &TcpStream) -> usize {
    peer.peek(&mut vec![0; TAKEN_MAX]).unwrap()
}

#[test]
fn what_the_kernel_had_not_sent_when_the_peer_reset_never_left() {
    let listener = TcpListener::bind(LOCAL).unwrap();
    let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    ours.set_nonblocking(true).unwrap();
    let mut taken = 0;
    while let Ok(octets) = ours.write(&[0; 65_536]) {
        taken += octets;
    }
    assert_eq!(never_left(&ours), 0, "it may still be sent");
    let arrived = arrived(&theirs);
    // Closing with unread octets resets.
    drop(theirs);
    ours.set_nonblocking(false).unwrap();
    assert_eq!(ours.read(&mut [0]).unwrap_err().raw_os_error(), Some(libc::ECONNRESET));
    let never = never_left(&ours);
    assert!(never > 0 && never <= taken - arrived, "{never} of {taken} never left, {arrived} arrived");
}

#[test]
fn what_was_sealed_by_a_fin_and_what_was_acknowledged_is_not_told_of() {
    let listener = TcpListener::bind(LOCAL).unwrap();
    let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    ours.write_all(b"unread").unwrap();
    ours.shutdown(Shutdown::Write).unwrap();
    while arrived(&theirs) < 6 {}
    drop(theirs);
    let _ = ours.read(&mut [0]);
    assert_eq!(never_left(&ours), 0);
}

#[test]
fn of_a_send_that_a_reset_ended_is_told_what_never_left() {
    let mut bench = Bench::new();
    let (id, peer) = bench.pair();
    bench.ring.out(id).share(&Bytes::from(vec![0; MANY]));
    bench.turn(Duration::ZERO);
    assert_eq!(bench.ring.untouched(id), 0, "a send is under way");
    bench.ring.out(id).append(b"behind it");
    let arrived = arrived(&peer);
    assert!(arrived > 0);
    drop(peer);
    assert_ne!(bench.closed(id), Closed::Local);
    let (untouched, all) = (bench.ring.untouched(id), MANY + 9);
    assert!(untouched <= all - arrived && untouched >= all - TAKEN_MAX, "{untouched} of {all}, {arrived} arrived");
    bench.is_quiet();
}

#[test]
fn what_was_said_before_all_had_come_is_told_from_an_answer_to_it() {
    let mut bench = Bench::new();
    let (id, mut peer) = bench.pair();
    bench.ring.out(id).share(&Bytes::from(vec![0; MANY]));
    bench.turn(Duration::ZERO);
    peer.write_all(b"early").unwrap();
    assert_eq!(bench.received(id, 5), b"early");
    assert!(bench.ring.unheard(id) > 0, "the peer has read nothing, and its kernel takes less");
    let reading = std::thread::spawn(move || {
        peer.read_exact(&mut vec![0; MANY]).unwrap();
        peer.write_all(b"late").unwrap();
        peer
    });
    assert_eq!(bench.received(id, 9), b"earlylate");
    assert_eq!(bench.ring.unheard(id), 0);
    reading.join().unwrap();
}

#[test]
fn a_peer_that_ends_with_its_word_has_heard_no_more_for_it() {
    for resets in [false, true] {
        let mut bench = Bench::new();
        let (id, mut peer) = bench.pair();
        bench.ring.out(id).share(&Bytes::from(vec![0; TAKEN]));
        bench.until(|_, e| *e == Event::Drained(id));
        let arrived = arrived(&peer);
        assert!(arrived < TAKEN, "the rest is in our kernel, which has all of it");
        peer.write_all(b"early").unwrap();
        // Closing with unread octets resets.
        let peer = Some(peer).filter(|_| !resets);
        peer.iter().for_each(|peer| peer.shutdown(Shutdown::Write).unwrap());
        // The end may be known before the word is read.
        assert_ne!(bench.closed(id), Closed::Local);
        let unheard = bench.ring.unheard(id);
        assert!(unheard > 0 && unheard <= TAKEN - arrived, "{unheard} of {TAKEN}, {arrived} had arrived");
    }
}

#[test]
fn of_what_is_answered_nothing_counts_as_unheard() {
    let mut bench = Bench::new();
    let (id, mut peer) = bench.pair();
    let rounds = 2000;
    let answering = std::thread::spawn(move || {
        for n in 0..rounds {
            peer.read_exact(&mut vec![0; 1 + n * 7 % 20_000]).unwrap();
            peer.write_all(b"k").unwrap();
        }
        peer
    });
    for n in 0..rounds {
        bench.ring.out(id).append(&vec![0; 1 + n * 7 % 20_000]);
        bench.received(id, n + 1);
        assert_eq!(bench.ring.unheard(id), 0, "round {n}");
    }
    answering.join().unwrap();
}
