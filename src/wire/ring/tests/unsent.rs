//! What is told of octets that never left, against what the peer's kernel had.

use super::*;
use crate::wire::ring::unsent::never_left;

/// So many octets are more than both kernels take without a reader.
const MANY: usize = 64 << 20;
/// And so many are less (tcp_wmem and tcp_rmem at most, as systems have them).
const TAKEN_MAX: usize = 32 << 20;

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
