//! How a question gets to the servers: the choice among them, the way by UDP or TCP, and asking again what got lost.
//! Where hickory proves the answers, it takes all of this for one server.
//!
//! Guarantees: a question ends within its time, which the servers share; one that does not answer is asked last for a
//! while, and then by one question first; one that answers with an error, or with what is no answer, costs the question
//! the next server, not its outcome; a truncated answer is fetched over TCP; the AD bit counts only where the configuration says so.
//! Leaves to others: the ports (`port`); names, aliases, the cache and proofs made here (hickory).

use super::cache::{Cache, Turn};
use super::denial::answers;
use super::port::{Asked, Port};
use super::question::{question, repeats, without_edns};
use hickory_resolver::config::ConnectionConfig;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsHandle, DnsResponseStream};
use hickory_resolver::proto::op::{DnsRequest, DnsResponse, Message, ResponseCode};
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::{ConnectionProvider, PoolContext};
use std::future::{Ready, ready};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// An answer over UDP that does not come within this time may be lost: the question is sent again, then after twice
/// the time, and so on.
const RESEND_FIRST: Duration = Duration::from_secs(1);
/// After so many questions in a row without an answer a server counts as sick. One may be the fault of a domain that
/// the server itself cannot find.
const SILENT_MAX: u32 = 3;
/// So long a sick server is asked last.
const SICK: Duration = Duration::from_secs(30);
/// A question is put to no more servers than this in one round.
const ASKED_MAX: usize = 3;

/// A link in a chain of proofs is taken from here for so long at most: should a false one have come in, the true one is
/// asked for soon.
const LINK: Duration = Duration::from_secs(300);
/// Links that are kept, in units of 512 octets.
const LINKS_WEIGHT_MAX: u64 = 16_384;

/// The servers, and what is open towards them.
#[derive(Clone)]
pub(super) struct Transport(Arc<Inner>);

struct Inner {
    servers: Vec<Server>,
    /// For one round of asking.
    patience: Duration,
    /// What proofs are made of: keys, delegations and zone cuts, which most domains of a zone share.
    links: Cache<DnsResponse>,
    runtime: TokioRuntimeProvider,
}

struct Server {
    address: SocketAddr,
    ports: Mutex<Vec<Port>>,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Health {
    /// Questions in a row that got no answer.
    silent: u32,
    sick_until: Option<Instant>,
}

impl Transport {
    /// Ways to these servers; nothing is opened yet.
    pub(super) fn new(addresses: &[SocketAddr], patience: Duration) -> Self {
        let server = |&address| Server { address, ports: Mutex::default(), health: Mutex::default() };
        let servers = addresses.iter().map(server).collect();
        let (links, runtime) = (Cache::new(LINKS_WEIGHT_MAX), TokioRuntimeProvider::default());
        Self(Arc::new(Inner { servers, patience, links, runtime }))
    }

    /// One round: the servers in turn, until one answers this question; its id is chosen here. `simple`: it may be
    /// asked without EDNS. The answer, and how many octets it had.
    pub(super) async fn ask(&self, octets: &mut [u8], simple: bool) -> Result<(Message, usize), NetError> {
        self.0.ask(octets, simple).await.map(|(message, octets)| (message, octets.len()))
    }
}

impl ConnectionProvider for Transport {
    type Conn = Self;
    type FutureConn = Ready<Result<Self, NetError>>;
    type RuntimeProvider = TokioRuntimeProvider;

    fn new_connection(&self, _: IpAddr, _: &ConnectionConfig, _: &PoolContext) -> Result<Self::FutureConn, NetError> {
        Ok(ready(Ok(self.clone())))
    }

    fn runtime_provider(&self) -> &TokioRuntimeProvider {
        &self.0.runtime
    }
}

impl DnsHandle for Transport {
    type Response = DnsResponseStream;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, request: DnsRequest) -> DnsResponseStream {
        let inner = self.0.clone();
        Box::pin(async move { inner.prove(&request).await }).into()
    }
}

impl Inner {
    async fn ask(&self, octets: &mut [u8], simple: bool) -> Result<(Message, Vec<u8>), NetError> {
        let deadline = Instant::now() + self.patience;
        let mut error = NetError::NoConnections;
        let order = self.order();
        for (server, left) in order.iter().zip((1..=order.len() as u32).rev()) {
            let now = Instant::now();
            let until = now + deadline.saturating_duration_since(now) / left;
            let failed = match server.ask(octets, simple, until).await {
                Ok(answer) => match understood(&answer) {
                    Ok(message) => return Ok((message, answer)),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            // What a server said tells more than another's silence.
            if !matches!(error, NetError::Dns(_) | NetError::Message(_)) {
                error = failed;
            }
        }
        Err(error)
    }

    /// A question of hickory's, which makes proofs of what it gets.
    async fn prove(&self, request: &DnsRequest) -> Result<DnsResponse, NetError> {
        let Some(query) = request.queries.first() else { return Err(NetError::Message("no question")) };
        let kind = query.query_type();
        if !matches!(kind, RecordType::DNSKEY | RecordType::DS | RecordType::NS) {
            return Ok(DnsResponse::from_buffer(self.ask(&mut request.to_vec()?, false).await?.1)?);
        }
        match self.links.turn(&query.name().to_lowercase().to_ascii(), kind).await {
            Turn::Known(response) => Ok(response),
            Turn::Ask(asking) => {
                let (_, answer) = self.ask(&mut request.to_vec()?, false).await?;
                let weight = 1 + answer.len() as u64 / 512;
                let response = DnsResponse::from_buffer(answer)?;
                let holds = response.answers.iter().map(|record| record.ttl).min().or_else(|| response.negative_ttl());
                let holds = LINK.min(Duration::from_secs(holds.unwrap_or_default().into()));
                asking.answered(&response, std::time::Instant::now() + holds, weight);
                Ok(response)
            }
        }
    }

    /// The servers to ask, those that are well first, each part in the order of the configuration.
    fn order(&self) -> Vec<&Server> {
        let now = Instant::now();
        let (mut order, sick): (Vec<_>, Vec<_>) = self.servers.iter().partition(|server| server.is_to_be_tried(now));
        order.extend(sick);
        order.truncate(ASKED_MAX);
        order
    }
}

impl Server {
    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is well, or was sick for long enough: then the one who asks finds out, and the others wait on.
    fn is_to_be_tried(&self, now: Instant) -> bool {
        let mut health = self.health();
        match health.sick_until {
            None => true,
            Some(until) if until > now => false,
            Some(_) => {
                health.sick_until = Some(now + SICK);
                true
            }
        }
    }

    fn note(&self, answered: bool) {
        let mut health = self.health();
        if answered {
            *health = Health::default();
            return;
        }
        health.silent = health.silent.saturating_add(1);
        if health.silent >= SILENT_MAX {
            health.sick_until = Some(Instant::now() + SICK);
        }
    }

    async fn ask(&self, octets: &mut [u8], simple: bool, until: Instant) -> Result<Vec<u8>, NetError> {
        let answered = self.exchange(octets, until).await;
        self.note(answered.is_ok());
        let answer = answered?;
        // RFC 6891 §7: a server without EDNS says FORMERR.
        if simple && matches!(code(&answer), ResponseCode::FormErr | ResponseCode::NotImp) {
            let Some(mut plain) = without_edns(octets) else { return Ok(answer) };
            return self.exchange(&mut plain, until).await;
        }
        Ok(answer)
    }

    async fn exchange(&self, octets: &mut [u8], until: Instant) -> Result<Vec<u8>, NetError> {
        let answer = self.by_udp(octets, until).await?;
        if !is_truncated(&answer) {
            return Ok(answer);
        }
        let answer = timeout_at(until, Box::pin(self.by_tcp(octets))).await.map_err(|_| NetError::Timeout)??;
        // Here too the answer must be one to the question.
        let asked = question(octets).unwrap_or_default();
        if answer.get(..2) == octets.get(..2) && repeats(&answer, asked) && !is_truncated(&answer) {
            Ok(answer)
        } else {
            Err(NetError::Message("the server answered another question"))
        }
    }

    async fn by_udp(&self, octets: &mut [u8], until: Instant) -> Result<Vec<u8>, NetError> {
        let mut asked = self.enter(octets)?;
        let mut pause = RESEND_FIRST;
        loop {
            asked.send(octets).await?;
            let again = until.min(Instant::now() + pause);
            match timeout_at(again, &mut asked.answer).await {
                Ok(Ok(answer)) => return Ok(answer?),
                Ok(Err(_)) => return Err(NetError::Message("the port was closed")),
                Err(_) if Instant::now() >= until => return Err(NetError::Timeout),
                Err(_) => pause *= 2,
            }
        }
    }

    /// Enters a question at a port that has room; opens one if none has.
    fn enter(&self, octets: &mut [u8]) -> io::Result<Asked> {
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        ports.retain(Port::is_of_use);
        if let Some(asked) = ports.iter().find_map(|port| port.enter(octets)) {
            return Ok(asked);
        }
        let port = Port::open(self.address)?;
        let asked = port.enter(octets).ok_or_else(|| io::Error::other("no port takes the question"));
        ports.push(port);
        asked
    }

    /// RFC 1035 §4.2.2: "The message is prefixed with a two byte length field". Long answers are few: each has a
    /// connection of its own.
    async fn by_tcp(&self, octets: &[u8]) -> io::Result<Vec<u8>> {
        let len = u16::try_from(octets.len()).map_err(|_| io::Error::other("the question is too long"))?;
        let mut framed = len.to_be_bytes().to_vec();
        framed.extend_from_slice(octets);
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(&framed).await?;
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }
}

/// The answer, read.
fn understood(answer: &[u8]) -> Result<Message, NetError> {
    let message = Message::from_vec(answer)?;
    answers(&message).map(|()| message)
}

fn code(answer: &[u8]) -> ResponseCode {
    ResponseCode::from_low(answer.get(3).map_or(0, |flags| flags & 0x0f))
}

/// RFC 1035 §4.1.1, TC.
fn is_truncated(answer: &[u8]) -> bool {
    answer.get(2).is_some_and(|flags| flags & 0x02 != 0)
}
