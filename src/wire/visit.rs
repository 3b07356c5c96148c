//! A visit: one session with a server, to see how mail would go, or to hand over one message.
//!
//! The session, TLS and what is judged are the ones that mail is sent with; only the socket is tokio's, since here one
//! visit matters and not thousands. With [`Verification::Opportunistic`] any certificate is taken, so that it can be shown;
//! whether it would be believed is told by [`ClientConfig::judge`].
//!
//! Guarantees: a visit ends within [`Call::limit`] and holds a bounded number of replies, each bounded by the reader; MAIL
//! is said only by [`hand_over`], once. Leaves to others: where to call, and what follows from what was seen.

use crate::base::clock::Instant;
use crate::base::out::Out;
use crate::mail::Reply;
use crate::smtp::capabilities::Capabilities;
use crate::smtp::client::{Config, End, Event, Known, Mode, Phase, Session, Starttls, Transaction, Verdict};
use crate::smtp::reader::Reader;
use crate::tls::{Client, ClientConfig, TlsError, Verification};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// So many replies are kept; a session with one message has eleven at the most.
const REPLIES_MAX: usize = 16;

/// Whom to visit, and how.
#[derive(Clone, Debug)]
pub struct Call {
    /// The server's address.
    pub remote: SocketAddr,
    /// The local address to connect from; `None`: the kernel chooses.
    pub local: Option<IpAddr>,
    /// The server's name, for TLS.
    pub host: Arc<str>,
    /// How the session runs.
    pub session: Arc<Config>,
    /// How TLS runs.
    pub tls: ClientConfig,
    /// What the certificates must prove.
    pub verification: Verification,
    /// How long the connection may take to stand.
    pub connect_timeout: Duration,
    /// How long all of it may take.
    pub limit: Duration,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Where we connected from.
    pub local: Option<SocketAddr>,
    /// How long the connection took to stand.
    pub connected_in: Option<Duration>,
    /// How long the greeting took from then on.
    pub greeted_in: Option<Duration>,
    /// Each reply, and what it answered.
    pub replies: Vec<(Phase, Reply)>,
    /// The handshake, if it was done.
    pub tls: Option<Handshake>,
    /// What the session was ready with.
    pub ready: Option<Ready>,
    /// What became of the message that was to be handed over; `None`: it was not tried.
    pub given: Option<Given>,
    /// How it ended.
    pub end: Ended,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// The server has it: its reply to the content.
    Taken(Reply),
    /// The server, or the session in its place, refused it at this phase.
    Refused(Reply, Phase),
    /// Its content was sent whole, and no reply came.
    Uncertain,
}

/// A handshake that was done.
#[derive(Debug)]
pub struct Handshake {
    /// "TLSv1_3".
    pub version: &'static str,
    /// As IANA names it.
    pub cipher: &'static str,
    /// The server's certificates, DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// How long it took.
    pub took: Duration,
}

/// What a session knows when transactions may begin.
#[derive(Clone, Debug)]
pub struct Ready {
    /// What the server offers.
    pub capabilities: Capabilities,
    /// How transactions would leave.
    pub mode: Mode,
    /// How many recipients a transaction may have.
    pub recipients_max: usize,
    /// The largest content that is taken.
    pub content_max: Option<u64>,
}

/// How a visit ended.
#[derive(Debug, Default)]
pub enum Ended {
    /// It is under way.
    #[default]
    Not,
    /// No connection: the system's reason.
    Unconnected(String),
    /// The session ended.
    Session(End),
    /// TLS failed.
    Tls(TlsError),
    /// The whole took too long.
    TooLong(Phase),
}

impl Seen {
    /// The first reply at `phase`, or the last: of two EHLOs the second one is made inside TLS.
    #[must_use]
    pub fn reply(&self, phase: Phase, last: bool) -> Option<&Reply> {
        let mut at_phase = self.replies.iter().filter(|(at, _)| *at == phase).map(|(_, reply)| reply);
        if last { at_phase.next_back() } else { at_phase.next() }
    }
}

/// Pays the visit; must be awaited on a tokio runtime.
pub async fn visit(call: &Call) -> Seen {
    pay(call, None).await
}

/// Pays a visit that hands over one message to one recipient; must be awaited on a tokio runtime.
pub async fn hand_over(call: &Call, message: Transaction) -> Seen {
    pay(call, Some(message)).await
}

async fn pay(call: &Call, message: Option<Transaction>) -> Seen {
    let mut seen = Seen::default();
    let begun = std::time::Instant::now();
    let connected = tokio::time::timeout(call.connect_timeout.min(call.limit), connect(call)).await;
    let stream = match connected {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Seen { end: Ended::Unconnected(error.to_string()), ..seen },
        Err(_) => {
            let why = format!("no connection within {:?}", call.connect_timeout.min(call.limit));
            return Seen { end: Ended::Unconnected(why), ..seen };
        }
    };
    seen.connected_in = Some(begun.elapsed());
    seen.local = stream.local_addr().ok();
    let session = Session::new(call.session.clone(), Known::default(), Instant(0));
    let mut visitor = Visitor {
        call,
        stream,
        session,
        message,
        tls: None,
        hands: None,
        reader: Reader::new(),
        begun: std::time::Instant::now(),
        seen: &mut seen,
    };
    let rest = call.limit.saturating_sub(begun.elapsed());
    let late = match tokio::time::timeout(rest, visitor.run()).await {
        Ok(()) => None,
        Err(_) => Some(visitor.session.phase()),
    };
    if let (Some(phase), Ended::Not) = (late, &seen.end) {
        seen.end = Ended::TooLong(phase);
    }
    seen
}

async fn connect(call: &Call) -> std::io::Result<TcpStream> {
    let socket = if call.remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(local) = call.local {
        socket.bind(SocketAddr::new(local, 0))?;
    }
    let stream = socket.connect(call.remote).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

struct Visitor<'v> {
    call: &'v Call,
    stream: TcpStream,
    session: Session,
    /// What is to be handed over, until its transaction begins.
    message: Option<Transaction>,
    tls: Option<Client>,
    /// When the handshake began, while it is under way.
    hands: Option<std::time::Instant>,
    /// Reads the same octets as the session, to keep the replies.
    reader: Reader,
    begun: std::time::Instant,
    seen: &'v mut Seen,
}

/// What a session asked for.
#[derive(Default)]
struct Asked {
    ready: bool,
    starttls: bool,
    given: Option<Given>,
    ended: Option<End>,
}

impl Asked {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Ready => self.ready = true,
            Event::StartTls => self.starttls = true,
            Event::Recipient { verdict, .. } => {
                self.given = Some(match verdict {
                    Verdict::Accepted(reply) => Given::Taken(reply.to_owned()),
                    Verdict::Refused(reply, phase) | Verdict::Cut(reply, phase) => {
                        Given::Refused(reply.to_owned(), phase)
                    }
                    Verdict::Uncertain => Given::Uncertain,
                });
            }
            Event::Returned { reply: Some(reply), .. } => {
                self.given = Some(Given::Refused(reply.to_owned(), Phase::Mail));
            }
            Event::Ended(end) => self.ended = Some(end),
            _ => {}
        }
    }
}

impl Visitor<'_> {
    fn now(&self) -> Instant {
        Instant(u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    async fn run(&mut self) {
        if self.call.session.starttls == Starttls::Implicit {
            self.start_tls();
        }
        let mut buffer = vec![0; 16 * 1024];
        while matches!(self.seen.end, Ended::Not) {
            if let Err(error) = self.transmit().await {
                tracing::debug!(host = %self.call.host, %error, "the connection takes nothing more");
                return self.closed();
            }
            let wait = self.session.deadline().map_or(self.call.limit, |at| at.since(self.now()));
            match tokio::time::timeout(wait, self.stream.read(&mut buffer)).await {
                Ok(Ok(octets @ 1..)) => self.input(buffer.get(..octets).unwrap_or_default()),
                Ok(_) => self.closed(),
                Err(_) => {
                    let (now, mut asked) = (self.now(), Asked::default());
                    self.session.handle_deadline(now, &mut |event| asked.take(event));
                    self.react(asked);
                }
            }
        }
        // QUIT, an alert or a close_notify may still be due; whether they arrive matters to nobody.
        let _told = self.transmit().await;
    }

    /// Sends all that is due.
    async fn transmit(&mut self) -> std::io::Result<()> {
        loop {
            let mut out = self.due();
            if out.is_empty() {
                return Ok(());
            }
            while let Some(piece) = out.take() {
                self.stream.write_all(piece.as_slice()).await?;
            }
            let now = self.now();
            self.session.handle_drained(now);
        }
    }

    fn due(&mut self) -> Out {
        let (now, mut out) = (self.now(), Out::new());
        match &mut self.tls {
            None => self.session.poll_transmit(now, &mut out),
            Some(tls) => {
                let mut plain = Out::new();
                if self.hands.is_none() {
                    self.session.poll_transmit(now, &mut plain);
                }
                // An error here is one that `read` has given already, or gives next.
                let _taken = tls.send(&mut plain, &mut out);
            }
        }
        out
    }

    fn input(&mut self, octets: &[u8]) {
        let Some(tls) = &mut self.tls else { return self.plain(octets) };
        let mut plain = Vec::new();
        let read = tls.read(octets, &mut plain);
        if let (Some(since), false) = (self.hands, tls.is_handshaking()) {
            self.hands = None;
            self.seen.tls = Some(Handshake {
                version: tls.version().unwrap_or_default(),
                cipher: tls.cipher().unwrap_or_default(),
                chain: tls.chain(),
                took: since.elapsed(),
            });
            let now = self.now();
            self.session.handle_tls(now);
        }
        if !plain.is_empty() {
            self.plain(&plain);
        }
        if let (Err(error), Ended::Not) = (read, &self.seen.end) {
            self.seen.end = Ended::Tls(error);
        }
    }

    /// Hands the session one reply after the other, each with the phase that it came in.
    fn plain(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while !rest.is_empty() && matches!(self.seen.end, Ended::Not) {
            let (before, phase) = (rest, self.session.phase());
            let reply = match self.reader.next(&mut rest) {
                Ok(reply) => reply.map(|reply| reply.to_owned()),
                // The session meets the same, and ends.
                Err(_) => {
                    rest = &[];
                    None
                }
            };
            if let Some(reply) = reply.filter(|_| self.seen.replies.len() < REPLIES_MAX) {
                if phase == Phase::Greeting {
                    self.seen.greeted_in = Some(self.begun.elapsed());
                }
                self.seen.replies.push((phase, reply));
            }
            let taken = before.get(..before.len() - rest.len()).unwrap_or(before);
            let (now, mut asked) = (self.now(), Asked::default());
            self.session.handle_input(now, taken, &mut |event| asked.take(event));
            if asked.starttls {
                // What came in clear text behind the reply is thrown away (RFC 3207 §6).
                rest = &[];
                self.reader.clear();
            }
            self.react(asked);
        }
    }

    fn react(&mut self, asked: Asked) {
        if asked.starttls {
            self.start_tls();
        }
        if asked.ready {
            self.seen.ready = Some(Ready {
                capabilities: *self.session.capabilities(),
                mode: self.session.mode(),
                recipients_max: self.session.recipients_max(),
                content_max: self.session.content_max(),
            });
            if let Some(message) = self.message.take() {
                // A session that is ready has room for one recipient's message.
                let _begun = self.session.begin(message);
            }
            self.session.quit();
        }
        if asked.given.is_some() {
            self.seen.given = asked.given;
        }
        if let (Some(end), Ended::Not) = (asked.ended, &self.seen.end) {
            self.seen.end = Ended::Session(end);
        }
    }

    fn start_tls(&mut self) {
        match Client::new(&self.call.tls, &self.call.host, &self.call.verification) {
            Ok(client) => {
                self.tls = Some(client);
                self.hands = Some(std::time::Instant::now());
            }
            Err(error) => self.seen.end = Ended::Tls(error),
        }
    }

    fn closed(&mut self) {
        let (now, mut asked) = (self.now(), Asked::default());
        self.session.handle_closed(now, &mut |event| asked.take(event));
        self.react(asked);
        if matches!(self.seen.end, Ended::Not) {
            self.seen.end = Ended::Session(End::Lost(self.session.phase()));
        }
    }
}
