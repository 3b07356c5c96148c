//! The few socket calls that the standard library does not offer, and the memory that operations on the ring point to.

use crate::base::out::Piece;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// How many connections may wait for an accept.
const BACKLOG: i32 = 4096;

/// How many pieces leave in one send: what is pipelined to a peer at once, commands and contents in turn, is to fit.
pub(super) const PARTS: usize = 64;

/// The longest run of octets in one send; the completion's count is an `i32`.
const SEND_MAX: usize = 1 << 30;

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A new TCP socket, not yet connected: TCP_NODELAY, bound to `local` if there is one.
#[expect(unsafe_code, reason = "socket, bind")]
pub(super) fn open(remote: SocketAddr, local: Option<IpAddr>) -> io::Result<TcpStream> {
    let family = if remote.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: plain values; the descriptor is checked and then owned once.
    let socket = unsafe {
        let fd = check(libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0))?;
        TcpStream::from(OwnedFd::from_raw_fd(fd))
    };
    socket.set_nodelay(true)?;
    if let Some(local) = local {
        // The port is chosen at connect, so that one source address serves 28,000 connections to each peer.
        option(&socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, &1i32)?;
        let address = Address::new(SocketAddr::new(local, 0));
        // SAFETY: `address` holds a valid socket address of the length it says.
        unsafe { check(libc::bind(socket.as_raw_fd(), address.as_ptr(), address.len()))? };
    }
    Ok(socket)
}

/// A socket that the ring accepted.
///
/// `fd` must be a descriptor that a completion just brought and that nobody else owns.
#[expect(unsafe_code, reason = "takes a descriptor over from the kernel")]
pub(super) fn accepted(fd: RawFd) -> TcpStream {
    // SAFETY: an accept completion hands a new descriptor to exactly one place: here.
    unsafe { TcpStream::from(OwnedFd::from_raw_fd(fd)) }
}

/// A listener with a deep backlog.
#[expect(unsafe_code, reason = "listen with a backlog of our own")]
pub(super) fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    // SAFETY: a valid descriptor; a second listen only changes the backlog.
    unsafe { check(libc::listen(listener.as_raw_fd(), BACKLOG))? };
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Makes a listener's queue as short as can be, so that a test can fill it.
#[cfg(test)]
#[expect(unsafe_code, reason = "listen with a backlog of our own")]
pub(super) fn shorten_backlog(listener: &TcpListener) {
    // SAFETY: a valid descriptor; a second listen only changes the backlog.
    unsafe { libc::listen(listener.as_raw_fd(), 0) };
}

/// Asks for immediate acknowledgements until the kernel changes its mind.
pub(super) fn quick_ack(socket: &TcpStream) {
    // A socket that is going away refuses; there is nothing to acknowledge then.
    let _ = option(socket, libc::IPPROTO_TCP, libc::TCP_QUICKACK, &1i32);
}

/// Makes the last close reset the connection instead of ending it in order.
pub(super) fn reset_on_close(socket: &TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // Failing, the connection ends with a FIN: as closed, only politer.
    let _ = option(socket, libc::SOL_SOCKET, libc::SO_LINGER, &linger);
}

#[expect(unsafe_code, reason = "setsockopt")]
fn option<T>(socket: &TcpStream, level: i32, name: i32, value: &T) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` is valid for `len` octets and the kernel only reads it.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, std::ptr::from_ref(value).cast(), len) })?;
    Ok(())
}

/// A counter that the ring can read and any thread can add to (eventfd(2)).
#[expect(unsafe_code, reason = "eventfd")]
pub(super) fn event_counter() -> io::Result<OwnedFd> {
    // SAFETY: plain values; the descriptor is checked and then owned once.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::eventfd(0, libc::EFD_CLOEXEC))?)) }
}

/// Raises the soft limit of file descriptors to the hard one; returns what is now allowed.
///
/// # Errors
/// The system refused to tell or to set the limit.
#[expect(unsafe_code, reason = "getrlimit, setrlimit")]
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid pointer to a limit that lives on our stack.
    unsafe { check(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit))? };
    if limit.rlim_cur < limit.rlim_max {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: as above.
        unsafe { check(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit))? };
    }
    Ok(limit.rlim_cur)
}

/// A socket address in the kernel's form.
pub(super) struct Address {
    storage: libc::sockaddr_storage,
    len: libc::socklen_t,
}

impl Address {
    #[expect(unsafe_code, reason = "fills the C structures")]
    pub(super) fn new(address: SocketAddr) -> Self {
        // SAFETY: all-zero octets are a valid sockaddr_storage.
        let mut storage: libc::sockaddr_storage = unsafe { zeroed() };
        let start = &raw mut storage;
        let len = match address {
            SocketAddr::V4(v4) => {
                // SAFETY: sockaddr_storage is as large and as aligned as any socket address.
                let to = unsafe { &mut *start.cast::<libc::sockaddr_in>() };
                to.sin_family = libc::AF_INET as libc::sa_family_t;
                to.sin_port = v4.port().to_be();
                to.sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
                size_of::<libc::sockaddr_in>()
            }
            SocketAddr::V6(v6) => {
                // SAFETY: as above.
                let to = unsafe { &mut *start.cast::<libc::sockaddr_in6>() };
                to.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                to.sin6_port = v6.port().to_be();
                to.sin6_flowinfo = v6.flowinfo();
                to.sin6_addr.s6_addr = v6.ip().octets();
                to.sin6_scope_id = v6.scope_id();
                size_of::<libc::sockaddr_in6>()
            }
        };
        Self { storage, len: len as libc::socklen_t }
    }

    pub(super) fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    pub(super) fn len(&self) -> libc::socklen_t {
        self.len
    }
}

/// A list of pieces for sendmsg(2). Boxed by its owner: the kernel keeps pointers into it.
pub(super) struct Message {
    header: libc::msghdr,
    parts: [libc::iovec; PARTS],
}

impl Message {
    /// An empty message.
    #[expect(unsafe_code, reason = "zeroed C structures")]
    pub(super) fn new() -> Box<Self> {
        // SAFETY: all-zero octets are a valid msghdr and iovec: null pointers and zero lengths.
        Box::new(unsafe { zeroed() })
    }

    /// Points to what of `pieces` is left after `skip` octets. The pieces must stay until the send has completed.
    pub(super) fn set(&mut self, pieces: &[Piece], mut skip: usize) -> *const libc::msghdr {
        let mut count = 0;
        let mut room = SEND_MAX;
        for piece in pieces {
            let octets = piece.as_slice();
            let (rest, len) = match octets.get(skip..) {
                Some(rest) => (rest, rest.len().min(room)),
                None => {
                    skip -= octets.len();
                    continue;
                }
            };
            skip = 0;
            if let Some(part) = self.parts.get_mut(count) {
                *part = libc::iovec { iov_base: rest.as_ptr().cast_mut().cast(), iov_len: len };
                count += 1;
                room -= len;
            }
        }
        self.header.msg_iov = self.parts.as_mut_ptr();
        self.header.msg_iovlen = count;
        &raw const self.header
    }
}

/// The address and length of what one plain send takes of `octets` behind `skip`.
pub(super) fn span(octets: &[u8], skip: usize) -> (*const u8, u32) {
    let rest = octets.get(skip..).unwrap_or_default();
    (rest.as_ptr(), rest.len().min(SEND_MAX) as u32)
}
