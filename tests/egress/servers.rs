//! The other side for tests of egress: a plain SMTP server that notes who came, a SOCKS5 server, and a proxy that is told
//! by a PROXY header. Real sockets, a thread for each connection; small, and as patient as their peers.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::FromRawFd as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a server saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Address of the peer and name in EHLO, of each session.
    pub sessions: Vec<(IpAddr, String)>,
    /// Every command.
    pub commands: Vec<String>,
    /// Messages that were accepted.
    pub messages: usize,
    /// Sessions at once, now and at most.
    pub open: (usize, usize),
}

impl Seen {
    /// Sessions from this address.
    pub fn from(&self, address: &str) -> usize {
        self.sessions.iter().filter(|(peer, _)| peer.to_string() == address).count()
    }

    /// How often this command was said.
    pub fn said(&self, command: &str) -> usize {
        self.commands.iter().filter(|said| said.starts_with(command)).count()
    }
}

/// A server of which the test keeps what it saw. It ends with the process.
#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

/// A reply to a command that is not the usual one; a content ends in the command `.`.
pub type Odd = fn(&str) -> Option<&'static str>;

/// The same, of a session that remembers what was said in it.
pub type Memory = Box<dyn FnMut(&str) -> Option<&'static str>>;

impl Server {
    /// An SMTP server on this listener; `odd` goes before its usual replies.
    pub fn smtp(listener: TcpListener, odd: Odd) -> Self {
        Self::serving(listener, move |server, stream, peer| server.session(stream, peer, odd))
    }

    /// The same, where each session has a memory of its own.
    pub fn minding(listener: TcpListener, make: fn() -> Memory) -> Self {
        Self::serving(listener, move |server, stream, peer| server.session(stream, peer, make()))
    }

    /// An SMTP server that speaks TLS before its greeting.
    pub fn smtps() -> Self {
        let config = tls();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::serving(listener, move |server, stream, peer| {
            let tls = rustls::ServerConnection::new(config.clone()).unwrap();
            server.session(rustls::StreamOwned::new(tls, stream), peer, |_: &str| None)
        })
    }

    /// An SMTP server that takes mail, and PLAIN, inside of STARTTLS alone. It refuses the first STARTTLS for now, and hangs
    /// up behind its yes to the second.
    pub fn starttls() -> Self {
        let (config, asked) = (tls(), AtomicUsize::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::serving(listener, move |server, stream, peer| {
            let stream = server.until_starttls(stream, &asked)?;
            let tls = rustls::ServerConnection::new(config.clone()).unwrap();
            let inside = |command: &str| match command.split(' ').next() {
                Some("EHLO") => Some("250-mx.test\r\n250 AUTH PLAIN"),
                Some("AUTH") => Some("235 2.7.0 welcome"),
                _ => None,
            };
            server.commands(BufReader::new(rustls::StreamOwned::new(tls, stream)), peer, inside)
        })
    }

    /// Speaks in clear text until TLS is to begin.
    fn until_starttls(&self, stream: TcpStream, asked: &AtomicUsize) -> std::io::Result<TcpStream> {
        let mut from = BufReader::new(stream);
        say(&mut from, "220 mx.test ESMTP")?;
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                return Err(gone());
            }
            let command = line.trim_end();
            self.change(|seen| seen.commands.push(command.to_owned()));
            match command.split(' ').next() {
                Some("EHLO") => say(&mut from, "250-mx.test\r\n250 STARTTLS")?,
                Some("STARTTLS") => match asked.fetch_add(1, Ordering::Relaxed) {
                    0 => say(&mut from, "454 4.7.0 TLS not available due to temporary reason")?,
                    1 => {
                        say(&mut from, "220 go ahead")?;
                        return Err(gone());
                    }
                    _ => {
                        say(&mut from, "220 go ahead")?;
                        return Ok(from.into_inner());
                    }
                },
                Some("QUIT") => {
                    say(&mut from, "221 bye")?;
                    return Err(gone());
                }
                _ => say(&mut from, "530 5.7.0 Must issue a STARTTLS command first")?,
            }
        }
    }

    pub fn serving(
        listener: TcpListener,
        serve: impl Fn(&Self, TcpStream, IpAddr) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let server = Self { address, seen };
        let (shared, serve) = (server.clone(), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (server, serve) = (shared.clone(), serve.clone());
                let Ok(peer) = stream.peer_addr() else { continue };
                std::thread::spawn(move || {
                    server.change(|seen| {
                        seen.open.0 += 1;
                        seen.open.1 = seen.open.1.max(seen.open.0);
                    });
                    if serve(&server, stream, peer.ip()).is_err() {
                        server.change(|seen| seen.open.0 -= 1);
                    }
                });
            }
        });
        server
    }

    /// What it saw so far.
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until it has seen what is asked for.
    pub fn wait_for(&self, ready: impl Fn(&Seen) -> bool) {
        let began = Instant::now();
        while !ready(&self.seen()) {
            assert!(began.elapsed() < Duration::from_secs(60), "it never came: {:?}", self.seen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap());
    }

    /// Ends well with QUIT only.
    fn session(
        &self,
        stream: impl Read + Write,
        peer: IpAddr,
        odd: impl FnMut(&str) -> Option<&'static str>,
    ) -> std::io::Result<()> {
        let mut from = BufReader::new(stream);
        say(&mut from, "220 mx.test ESMTP")?;
        self.commands(from, peer, odd)
    }

    /// The same, behind the greeting.
    fn commands(
        &self,
        mut from: BufReader<impl Read + Write>,
        peer: IpAddr,
        mut odd: impl FnMut(&str) -> Option<&'static str>,
    ) -> std::io::Result<()> {
        let mut line = String::new();
        loop {
            line.clear();
            if from.read_line(&mut line)? == 0 {
                return Err(gone());
            }
            let command = line.trim_end().to_owned();
            self.change(|seen| seen.commands.push(command.clone()));
            let (verb, rest) = command.split_once(' ').unwrap_or((&command, ""));
            if verb == "EHLO" {
                self.change(|seen| seen.sessions.push((peer, rest.to_owned())));
            }
            if let Some(reply) = odd(&command) {
                say(&mut from, reply.trim_end())?;
                if verb == "STARTTLS" {
                    // Agreed, and speaks no TLS.
                    let _ = from.get_mut().read(&mut [0; 512])?;
                    say(&mut from, "554 what?")?;
                    return Err(gone());
                }
                continue;
            }
            match verb {
                "EHLO" => say(&mut from, "250-mx.test\r\n250 8BITMIME")?,
                "DATA" => {
                    say(&mut from, "354 go on")?;
                    let mut text = String::new();
                    while !text.ends_with("\r\n.\r\n") {
                        if from.read_line(&mut text)? == 0 {
                            return Err(gone());
                        }
                    }
                    if let Some(reply) = odd(".") {
                        say(&mut from, reply)?;
                        continue;
                    }
                    self.change(|seen| seen.messages += 1);
                    say(&mut from, "250 2.0.0 taken")?;
                }
                "QUIT" => {
                    // Before the peer can open another one.
                    self.change(|seen| seen.open.0 -= 1);
                    let _ = say(&mut from, "221 bye");
                    return Ok(());
                }
                _ => say(&mut from, "250 2.0.0 fine")?,
            }
        }
    }

    /// A SOCKS5 server that wants this user and password, if any; its commands are the addresses that it connected to.
    pub fn socks(login: Option<(&'static str, &'static str)>) -> Self {
        Self::proxy(move |server, stream| {
            let mut stream = stream;
            let methods = take(&mut stream, 2)?;
            let offered = take(&mut stream, usize::from(methods[1]))?;
            let wanted = if login.is_some() { 2 } else { 0 };
            if !offered.contains(&wanted) {
                return stream.write_all(&[5, 0xff]);
            }
            stream.write_all(&[5, wanted])?;
            if let Some((user, password)) = login {
                let length = usize::from(take(&mut stream, 2)?[1]);
                let name = take(&mut stream, length)?;
                let length = usize::from(take(&mut stream, 1)?[0]);
                let right = name == user.as_bytes() && take(&mut stream, length)? == password.as_bytes();
                stream.write_all(&[1, u8::from(!right)])?;
                if !right {
                    return Ok(());
                }
            }
            let request = take(&mut stream, 10)?;
            assert_eq!(request[..4], [5, 1, 0, 1], "CONNECT to an IPv4 address");
            let to = address_of(&request[4..]);
            server.change(|seen| seen.commands.push(to.to_string()));
            match TcpStream::connect(to) {
                Ok(remote) => {
                    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
                    relay(stream, remote)
                }
                Err(_) => stream.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]),
            }
        })
    }

    /// A proxy that connects from and to where the PROXY header says.
    pub fn haproxy() -> Self {
        Self::proxy(|server, stream| {
            let mut stream = stream;
            let header = take(&mut stream, 28)?;
            assert_eq!(&header[..16], b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c", "version 2, TCP over IPv4");
            let from = Ipv4Addr::new(header[16], header[17], header[18], header[19]);
            let to = address_of(&[&header[20..24], &header[26..28]].concat());
            server.change(|seen| seen.commands.push(format!("{from} to {to}")));
            relay(stream, connect_from(from, to)?)
        })
    }

    fn proxy(serve: impl Fn(&Self, TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), seen: Arc::default() };
        let (shared, serve) = (server.clone(), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (server, serve) = (shared.clone(), serve.clone());
                std::thread::spawn(move || serve(&server, stream));
            }
        });
        server
    }
}

/// What a server needs for TLS: a certificate that nobody vouches for.
pub fn tls() -> Arc<rustls::ServerConfig> {
    let made = rcgen::generate_simple_self_signed(["mx.test".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

pub fn gone() -> std::io::Error {
    std::io::ErrorKind::UnexpectedEof.into()
}

fn say(to: &mut BufReader<impl Read + Write>, reply: &str) -> std::io::Result<()> {
    let to = to.get_mut();
    to.write_all(format!("{reply}\r\n").as_bytes())?;
    to.flush()
}

fn take(from: &mut TcpStream, octets: usize) -> std::io::Result<Vec<u8>> {
    let mut taken = vec![0; octets];
    from.read_exact(&mut taken)?;
    Ok(taken)
}

fn address_of(octets: &[u8]) -> SocketAddr {
    let ip = Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]);
    SocketAddr::new(ip.into(), u16::from_be_bytes([octets[4], octets[5]]))
}

/// Carries octets both ways until both sides are done.
fn relay(a: TcpStream, b: TcpStream) -> std::io::Result<()> {
    let (mut from_a, mut to_b) = (a.try_clone()?, b.try_clone()?);
    let there = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_a, &mut to_b);
        let _ = to_b.shutdown(Shutdown::Write);
    });
    let (mut from_b, mut to_a) = (b, a);
    let _ = std::io::copy(&mut from_b, &mut to_a);
    let _ = to_a.shutdown(Shutdown::Write);
    let _ = there.join();
    Ok(())
}

/// A connection whose local address is `from`.
#[expect(unsafe_code, reason = "the standard library cannot bind before it connects")]
fn connect_from(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let SocketAddr::V4(to) = to else { panic!("{to} is no IPv4 address") };
    let address = |ip: Ipv4Addr, port: u16| libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) },
        sin_zero: [0; 8],
    };
    let (from, to) = (address(from, 0), address(*to.ip(), to.port()));
    let size = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: plain values, and addresses that live on our stack and are as long as it is said; the descriptor is
    // checked and then owned once.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        if fd < 0 {
            return Err(std::io::Error::last_os_error());
        }
        let stream = TcpStream::from_raw_fd(fd);
        if libc::bind(fd, (&raw const from).cast(), size) < 0 || libc::connect(fd, (&raw const to).cast(), size) < 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(stream)
    }
}

/// A listener on this address that answers nobody: its queue is full, so a SYN is dropped. Lasts as long as it is kept.
#[expect(unsafe_code, reason = "listen with a queue of our own length")]
pub fn deaf(address: SocketAddr) -> (TcpListener, Vec<TcpStream>) {
    use std::os::fd::AsRawFd as _;
    let listener = TcpListener::bind(address).unwrap();
    // SAFETY: a valid descriptor; a second listen only changes the length of the queue.
    unsafe { libc::listen(listener.as_raw_fd(), 0) };
    let mut filling = Vec::new();
    let patience = Duration::from_millis(200);
    while let Ok(stream) = TcpStream::connect_timeout(&address, patience) {
        filling.push(stream);
        assert!(filling.len() < 20, "the queue does not fill");
    }
    (listener, filling)
}
