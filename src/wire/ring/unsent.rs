//! What of a connection's octets, which the kernel took, never left this machine, or has not reached the peer's yet.
//!
//! Guarantees: less may be told, never more. What never left is told only of a socket that is dead (a reset, or
//! retransmissions that were given up): of a living one the kernel may send more at any moment, even behind a close.
//! Leaves to others: octets that the kernel never took (`slot`). What left and was not acknowledged may have been read by
//! the peer, and its acknowledgement lost: nobody can know.

use std::mem::size_of_val;
use std::net::TcpStream;
use std::os::fd::AsRawFd;

/// Octets in the send queue that were not sent (linux/sockios.h).
const SIOCOUTQNSD: libc::Ioctl = 0x894b;
/// Octets in the send queue that were not acknowledged, sent or not.
const SIOCOUTQ: libc::Ioctl = libc::TIOCOUTQ;
/// The state of a socket that neither sends nor receives any more (net/tcp_states.h).
const TCP_CLOSE: u8 = 7;

/// How many octets the kernel had taken, and will never send.
#[expect(unsafe_code, reason = "getsockopt, ioctl")]
pub(super) fn never_left(socket: &TcpStream) -> usize {
    let (fd, mut state, mut octets) = (socket.as_raw_fd(), 0u8, 0i32);
    let mut length = size_of_val(&state) as libc::socklen_t;
    // SAFETY: a descriptor that is open while `socket` lives; the kernel writes at most `length` octets, the first one of the
    // structure, which is the state.
    let known =
        unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut state).cast(), &raw mut length) };
    if known < 0 || length == 0 || state != TCP_CLOSE {
        return 0;
    }
    // SAFETY: as above; the kernel writes one int.
    let told = unsafe { libc::ioctl(fd, SIOCOUTQNSD, &raw mut octets) };
    // A FIN that was never sent has a number in the sequence, too.
    if told < 0 { 0 } else { usize::try_from(octets).unwrap_or(0).saturating_sub(1) }
}

/// How many octets the kernel had taken, and the peer's has not acknowledged. A segment acknowledges all that its sender had got
/// by then (RFC 9293 §3.10.7.4), so that what was received is no answer to any of these.
#[expect(unsafe_code, reason = "ioctl")]
pub(super) fn unacknowledged(socket: &TcpStream) -> usize {
    let mut octets = 0i32;
    // SAFETY: a descriptor that is open while `socket` lives; the kernel writes one int.
    let told = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCOUTQ, &raw mut octets) };
    if told < 0 { 0 } else { usize::try_from(octets).unwrap_or(0) }
}
