//! The addresses of this machine's interfaces.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::ptr;

/// Addresses that are far from every machine: a.root-servers.net. Nothing is sent there.
const FAR: [(&str, &str); 2] = [("0.0.0.0:0", "198.41.0.4:53"), ("[::]:0", "[2001:503:ba3e::2:30]:53")];

/// The addresses that the system chooses for connections that lead far away, of each family that has a way there.
#[must_use]
pub fn outgoing() -> Vec<IpAddr> {
    let chosen = |(any, far)| {
        // A datagram socket that is connected is told its address, and sends nothing.
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect(far).ok()?;
        socket.local_addr().ok().map(|address| address.ip())
    };
    FAR.into_iter().filter_map(chosen).collect()
}

/// Each address of each interface, in no order.
///
/// # Errors
/// The system does not say (no netlink, in some sandboxes).
#[expect(unsafe_code, reason = "getifaddrs has no safe face in std")]
pub fn addresses() -> io::Result<Vec<IpAddr>> {
    let mut list: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: `list` is a place for the head of a list.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found = Vec::new();
    let mut at = list;
    while !at.is_null() {
        // SAFETY: `at` is an element of the list, which lives until it is freed below.
        let (next, address) = unsafe { ((*at).ifa_next, (*at).ifa_addr) };
        // SAFETY: the address of an element is null or a socket address of its family.
        found.extend(unsafe { ip_of(address) });
        at = next;
    }
    // SAFETY: the list is the one that was made above, and nothing of it is used any more.
    unsafe { libc::freeifaddrs(list) };
    Ok(found)
}

/// # Safety
/// `address` is null or points to a socket address that is as long as its family needs.
#[expect(unsafe_code, reason = "reads a C structure of the family that it names")]
unsafe fn ip_of(address: *const libc::sockaddr) -> Option<IpAddr> {
    if address.is_null() {
        return None;
    }
    // SAFETY: by the caller's word; a copy is read, so alignment does not matter.
    let family = unsafe { ptr::read_unaligned(address) }.sa_family;
    match i32::from(family) {
        libc::AF_INET => {
            // SAFETY: its family says that it is one of IPv4.
            let v4 = unsafe { ptr::read_unaligned(address.cast::<libc::sockaddr_in>()) };
            Some(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: its family says that it is one of IPv6.
            let v6 = unsafe { ptr::read_unaligned(address.cast::<libc::sockaddr_in6>()) };
            Some(Ipv6Addr::from(v6.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn loopback_is_there() {
        let found = super::addresses().unwrap();
        assert!(found.iter().any(std::net::IpAddr::is_loopback), "{found:?}");
    }
}
