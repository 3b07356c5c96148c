//! How a proxy is asked to connect us: SOCKS5 (RFC 1928, RFC 1929) as a client, and the header of the PROXY protocol
//! (version 2) that tells a proxy where from and where to.
//!
//! Pure: octets of the proxy go in split anywhere, octets for it come out. Guarantees: at most [`REPLY_MAX`] octets of
//! a proxy are held, whatever it says; no octet behind its last reply is taken; the password shows nowhere.
//! Leaves to others: the connection to the proxy, and how long it may take.

use crate::base::out::Out;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The longest reply: to CONNECT, with a bound address that is a name of 255 octets.
pub const REPLY_MAX: usize = 4 + 1 + 255 + 2;

/// User and password for a proxy (RFC 1929).
#[derive(PartialEq, Eq)]
pub struct Login {
    user: Box<str>,
    password: Box<str>,
}

impl Login {
    /// `None` unless both have 1 to 255 octets.
    #[must_use]
    pub fn new(user: &str, password: &str) -> Option<Self> {
        let fits = |text: &str| (1..=255).contains(&text.len());
        (fits(user) && fits(password)).then(|| Self { user: user.into(), password: password.into() })
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Why a SOCKS5 proxy did not connect us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SocksError {
    /// Its first octet is not that of SOCKS5.
    #[error("it does not speak SOCKS5 (its first octet is {0})")]
    Version(u8),
    /// It wants a login and was offered none, or one of another kind (RFC 1928 §3).
    #[error("it takes none of the logins that we offer; hint: does the proxy need a user and a password?")]
    NoMethod,
    /// It chose a login that was not offered.
    #[error("it chose the login {0}, which was not offered")]
    Method(u8),
    /// User or password is wrong (RFC 1929 §2).
    #[error("it does not take our user and password")]
    Login,
    /// Its reply to CONNECT (RFC 1928 §6).
    #[error("{}", reply_text(*.0))]
    Refused(u8),
    /// Its reply names a kind of address that does not exist.
    #[error("its reply holds an address of the unknown kind {0}")]
    AddressKind(u8),
    /// It closed the connection in the middle.
    #[error("it closed the connection while we asked it to connect us")]
    Closed,
    /// It says nothing.
    #[error("it does not answer")]
    Silent,
    /// It has taken our request, and says nothing of what came of it.
    #[error("it did not say in time whether it could connect us")]
    Pending,
}

impl SocksError {
    /// Whether the proxy did its part and it is the remote that cannot be reached: unreachable, refused, timed out, or
    /// the general failure that many proxies say for all of these.
    #[must_use]
    pub fn is_of_remote(self) -> bool {
        matches!(self, Self::Refused(1 | 3..=6) | Self::Pending)
    }
}

/// RFC 1928 §6.
fn reply_text(code: u8) -> &'static str {
    match code {
        1 => "it could not connect us (general failure)",
        2 => "its rules do not allow the connection",
        3 => "it finds the network unreachable",
        4 => "it finds the host unreachable",
        5 => "the connection was refused behind it",
        6 => "the way behind it is too long (TTL expired)",
        7 => "it does not know the command CONNECT",
        8 => "it does not support addresses of this family",
        _ => "it refused with a code that RFC 1928 does not know",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaits {
    Method,
    Login,
    Reply,
}

/// The conversation with a SOCKS5 proxy, until the connection behind it stands.
#[derive(Debug)]
pub struct Socks5 {
    remote: SocketAddr,
    login: Option<Arc<Login>>,
    awaits: Awaits,
    held: [u8; REPLY_MAX],
    len: usize,
}

impl Socks5 {
    /// Asks a proxy, by `out`, for a connection to `remote`.
    #[must_use]
    pub fn new(remote: SocketAddr, login: Option<Arc<Login>>, out: &mut Out) -> Self {
        // Version, how many methods, the methods: none, and user and password.
        out.append(if login.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] });
        Self { remote, login, awaits: Awaits::Method, held: [0; REPLY_MAX], len: 0 }
    }

    /// Takes octets of the proxy; what is to be answered goes to `out`. `Some(n)`: the connection stands, and what is
    /// behind the first `n` octets is the remote's.
    ///
    /// # Errors
    /// The proxy does not connect us; the connection is of no more use.
    pub fn read(&mut self, input: &[u8], out: &mut Out) -> Result<Option<usize>, SocksError> {
        for (at, &octet) in input.iter().enumerate() {
            if let Some(place) = self.held.get_mut(self.len) {
                *place = octet;
                self.len += 1;
            }
            if self.step(out)? {
                return Ok(Some(at + 1));
            }
        }
        Ok(None)
    }

    /// What the proxy is to blame for when time is up.
    #[must_use]
    pub fn silence(&self) -> SocksError {
        if self.awaits == Awaits::Reply { SocksError::Pending } else { SocksError::Silent }
    }

    /// Looks at what is held; whether the connection stands.
    fn step(&mut self, out: &mut Out) -> Result<bool, SocksError> {
        let [version, code, _, kind, first, ..] = self.held;
        // RFC 1929 counts its own versions.
        if version != if self.awaits == Awaits::Login { 1 } else { 5 } {
            return Err(SocksError::Version(version));
        }
        if self.len < 2 {
            return Ok(false);
        }
        match (self.awaits, code) {
            (Awaits::Method, 0) => self.ask(out),
            (Awaits::Method, 2) => self.log_in(out)?,
            (Awaits::Method, 0xff) => return Err(SocksError::NoMethod),
            (Awaits::Method, method) => return Err(SocksError::Method(method)),
            (Awaits::Login, 0) => self.ask(out),
            (Awaits::Login, _) => return Err(SocksError::Login),
            (Awaits::Reply, 0) if self.len < 5 => {}
            (Awaits::Reply, 0) => {
                let address = match kind {
                    1 => 4,
                    3 => 1 + usize::from(first),
                    4 => 16,
                    _ => return Err(SocksError::AddressKind(kind)),
                };
                return Ok(self.len >= 4 + address + 2);
            }
            (Awaits::Reply, refused) => return Err(SocksError::Refused(refused)),
        }
        Ok(false)
    }

    fn log_in(&mut self, out: &mut Out) -> Result<(), SocksError> {
        let login = self.login.as_ref().ok_or(SocksError::Method(2))?;
        out.append(&[1]);
        for text in [&login.user, &login.password] {
            out.append(&[text.len() as u8]);
            out.append(text.as_bytes());
        }
        (self.awaits, self.len) = (Awaits::Login, 0);
        Ok(())
    }

    /// CONNECT.
    fn ask(&mut self, out: &mut Out) {
        out.append(&[5, 1, 0]);
        match self.remote.ip() {
            IpAddr::V4(ip) => {
                out.append(&[1]);
                out.append(&ip.octets());
            }
            IpAddr::V6(ip) => {
                out.append(&[4]);
                out.append(&ip.octets());
            }
        }
        out.append(&self.remote.port().to_be_bytes());
        (self.awaits, self.len) = (Awaits::Reply, 0);
    }
}

/// The header of the PROXY protocol, version 2: a TCP connection from `source` to `remote` is wanted. `None` unless both
/// are of one family.
#[must_use]
pub fn header(source: SocketAddr, remote: SocketAddr) -> Option<Vec<u8>> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21".to_vec();
    match (source.ip(), remote.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            header.extend([0x11, 0, 12]);
            header.extend(from.octets());
            header.extend(to.octets());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            header.extend([0x21, 0, 36]);
            header.extend(from.octets());
            header.extend(to.octets());
        }
        _ => return None,
    }
    header.extend(source.port().to_be_bytes());
    header.extend(remote.port().to_be_bytes());
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REMOTE: &str = "192.0.2.7:25";

    fn said(out: &mut Out) -> Vec<u8> {
        std::iter::from_fn(|| out.take()).flat_map(|piece| piece.as_slice().to_vec()).collect()
    }

    fn login() -> Option<Arc<Login>> {
        Login::new("jo", "hunter2").map(Arc::new)
    }

    /// Gives the proxy's octets cut at these places; all that was said, and how it ended: the octets that are left.
    fn talk(
        remote: &str,
        login: Option<Arc<Login>>,
        octets: &[u8],
        cuts: &[usize],
    ) -> (Vec<u8>, Result<Option<Vec<u8>>, SocksError>) {
        let mut out = Out::new();
        let mut socks = Socks5::new(remote.parse().unwrap(), login, &mut out);
        let mut from = 0;
        for &cut in cuts.iter().chain([&octets.len()]) {
            match socks.read(&octets[from..cut], &mut out) {
                Ok(None) => from = cut,
                Ok(Some(used)) => return (said(&mut out), Ok(Some(octets[from + used..].to_vec()))),
                Err(error) => return (said(&mut out), Err(error)),
            }
        }
        (said(&mut out), Ok(None))
    }

    /// The same on every split into two and into three, and octet by octet.
    fn on_every_split(
        remote: &str,
        login: impl Fn() -> Option<Arc<Login>>,
        octets: &[u8],
    ) -> (Vec<u8>, Result<bool, SocksError>) {
        let whole = talk(remote, login(), octets, &[]);
        let all: Vec<usize> = (0..octets.len()).collect();
        let pairs = (0..=octets.len()).flat_map(|a| (a..=octets.len()).map(move |b| vec![a, b]));
        for cuts in pairs.chain([all]) {
            let (spoken, end) = talk(remote, login(), octets, &cuts);
            assert_eq!(spoken, whole.0, "cut at {cuts:?}");
            // What is left depends on the cut: only that none of it was taken matters.
            match (&end, &whole.1) {
                (Ok(Some(left)), Ok(Some(all))) => assert!(all.starts_with(left), "cut at {cuts:?}"),
                _ => assert_eq!(end, whole.1, "cut at {cuts:?}"),
            }
        }
        (whole.0, whole.1.map(|left| left.is_some()))
    }

    #[test]
    fn without_a_login_the_connection_stands_after_two_replies() {
        for bound in [&[1, 10, 0, 0, 1, 4, 0][..], &[4; 19], &[3, 2, b'm', b'x', 4, 0], &[3, 0, 4, 0]] {
            let octets = [&[5, 0, 5, 0, 0], bound].concat();
            let (spoken, end) = on_every_split(REMOTE, || None, &octets);
            assert_eq!(spoken, [&[5, 1, 0][..], &[5, 1, 0, 1, 192, 0, 2, 7, 0, 25]].concat(), "{bound:?}");
            assert_eq!(end, Ok(true), "{bound:?}");
        }
    }

    #[test]
    fn what_the_remote_says_behind_the_reply_is_not_taken() {
        let octets = [&[5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"220 mx ESMTP\r\n"].concat();
        assert_eq!(talk(REMOTE, None, &octets, &[]).1, Ok(Some(b"220 mx ESMTP\r\n".to_vec())));
        assert_eq!(on_every_split(REMOTE, || None, &octets).1, Ok(true));
    }

    #[test]
    fn a_login_is_said_only_where_it_is_asked_for() {
        let octets = [5, 2, 1, 0, 5, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let (spoken, end) = on_every_split("[2001:db8::5]:2525", login, &octets);
        let mut expected = b"\x05\x02\x00\x02\x01\x02jo\x07hunter2\x05\x01\x00\x04".to_vec();
        expected.extend("2001:db8::5".parse::<std::net::Ipv6Addr>().unwrap().octets());
        expected.extend([9, 221]);
        assert_eq!((spoken, end), (expected, Ok(true)));
        let (spoken, end) = on_every_split(REMOTE, login, &[5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert!(!spoken.windows(7).any(|w| w == b"hunter2") && end == Ok(true));
    }

    #[test]
    fn each_refusal_is_told_as_soon_as_it_is_known_and_blames_who_is_to_blame() {
        use SocksError as E;
        for (octets, with_login, error, of_remote) in [
            (&[4][..], true, E::Version(4), false),
            (b"HTTP/1.1 400", true, E::Version(b'H'), false),
            (&[5, 0xff], true, E::NoMethod, false),
            (&[5, 1], true, E::Method(1), false),
            (&[5, 2], false, E::Method(2), false),
            (&[5, 2, 1, 1], true, E::Login, false),
            (&[5, 2, 5], true, E::Version(5), false),
            (&[5, 0, 4], true, E::Version(4), false),
            (&[5, 0, 5, 1], true, E::Refused(1), true),
            (&[5, 0, 5, 2], true, E::Refused(2), false),
            (&[5, 0, 5, 5, 0, 1], true, E::Refused(5), true),
            (&[5, 0, 5, 8], true, E::Refused(8), false),
            (&[5, 0, 5, 99], true, E::Refused(99), false),
            (&[5, 0, 5, 0, 0, 2, 0], true, E::AddressKind(2), false),
        ] {
            let with = || if with_login { login() } else { None };
            assert_eq!(on_every_split(REMOTE, with, octets).1, Err(error), "{octets:?}");
            assert_eq!(error.is_of_remote(), of_remote, "{error}");
            assert!(
                error.to_string().starts_with("it ")
                    || error.to_string().contains("behind it")
                    || error.to_string().starts_with("its "),
                "{error}"
            );
        }
    }

    #[test]
    fn silence_is_the_proxys_until_it_has_our_request() {
        let mut out = Out::new();
        let mut socks = Socks5::new(REMOTE.parse().unwrap(), None, &mut out);
        assert_eq!(socks.silence(), SocksError::Silent);
        assert_eq!(socks.read(&[5, 0, 5, 0], &mut out), Ok(None));
        assert_eq!(socks.silence(), SocksError::Pending);
    }

    #[test]
    fn logins_are_bounded_and_hidden() {
        assert!(Login::new("", "x").is_none() && Login::new("x", "").is_none());
        assert!(Login::new(&"x".repeat(256), "x").is_none() && Login::new("x", &"x".repeat(255)).is_some());
        assert!(!format!("{:?}", login()).contains("hunter2"));
    }

    #[test]
    fn the_header_is_as_haproxy_documents_it() {
        let v4 = header("192.0.2.1:0".parse().unwrap(), "198.51.100.9:25".parse().unwrap()).unwrap();
        let expected = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x09\x00\x00\x00\x19";
        assert_eq!(v4, expected);
        let v6 = header("[2001:db8::1]:7".parse().unwrap(), "[2001:db8::2]:25".parse().unwrap()).unwrap();
        assert_eq!((v6.len(), &v6[13..16]), (16 + 36, &[0x21, 0, 36][..]));
        assert_eq!((&v6[16..18], v6[31], v6[47], &v6[48..]), (&[0x20, 1][..], 1, 2, &[0, 7, 0, 25][..]));
        assert_eq!(header("192.0.2.1:0".parse().unwrap(), "[2001:db8::2]:25".parse().unwrap()), None);
    }

    proptest::proptest! {
        #[test]
        fn no_octets_make_it_panic_or_grow(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
            let (spoken, _) = talk(REMOTE, login(), &octets, &[]);
            proptest::prop_assert!(spoken.len() < 600);
        }
    }
}
