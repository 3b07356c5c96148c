//! How a question gets to the servers. hickory takes this for one server that never fails to be asked: the choice among
//! servers, the way by UDP or TCP, and asking again what got lost are decided here.
//!
//! Guarantees: a question ends within its time, which the servers share; one that does not answer is asked last for a
//! while, and then by one question first; one that answers with an error costs the question the next server, not its
//! outcome; a truncated answer is fetched over TCP; the AD bit counts only where the configuration says so.
//! Leaves to others: the ports (`port`); names, aliases, the cache and proofs made here (hickory).

use super::port::{Asked, Port};
use hickory_resolver::config::ConnectionConfig;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsHandle, DnsResponseStream};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::Proof;
use hickory_resolver::proto::op::{DnsRequest, DnsResponse, Message, ResponseCode};
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
/// So long a server that did not answer is asked last.
const SICK: Duration = Duration::from_secs(30);
/// A question is put to no more servers than this in one round.
const ASKED_MAX: usize = 3;

/// The servers, and what is open towards them.
#[derive(Clone)]
pub(super) struct Transport(Arc<Inner>);

struct Inner {
    servers: Vec<Server>,
    /// For one round of asking.
    patience: Duration,
    /// Whether the servers' AD bit is believed.
    believed: bool,
    runtime: TokioRuntimeProvider,
}

struct Server {
    address: SocketAddr,
    ports: Mutex<Vec<Port>>,
    sick_until: Mutex<Option<Instant>>,
}

impl Transport {
    /// Ways to these servers; nothing is opened yet.
    pub(super) fn new(addresses: &[SocketAddr], patience: Duration, believed: bool) -> Self {
        let server = |&address| Server { address, ports: Mutex::new(Vec::new()), sick_until: Mutex::new(None) };
        let servers = addresses.iter().map(server).collect();
        Self(Arc::new(Inner { servers, patience, believed, runtime: TokioRuntimeProvider::default() }))
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
        Box::pin(async move { inner.ask(request).await }).into()
    }
}

impl Inner {
    /// One round: the servers in turn, until one answers.
    async fn ask(&self, mut request: DnsRequest) -> Result<DnsResponse, NetError> {
        // RFC 6840 §5.7: the AD bit in a question says that its asker understands the one in the answer.
        request.metadata.authentic_data |= self.believed;
        let deadline = Instant::now() + self.patience;
        let mut error = NetError::NoConnections;
        let order = self.order();
        for (server, left) in order.iter().zip((1..=order.len() as u32).rev()) {
            let now = Instant::now();
            let until = now + deadline.saturating_duration_since(now) / left;
            let failed = match server.ask(&request, until).await {
                Ok(response) => match response.response_code {
                    ResponseCode::NoError | ResponseCode::NXDomain => return Ok(self.judged(response)),
                    code => DnsError::ResponseCode(code).into(),
                },
                Err(error) => error,
            };
            // What a server said tells more than another's silence.
            if !matches!(error, NetError::Dns(_)) {
                error = failed;
            }
        }
        Err(error)
    }

    /// The servers to ask, those that are well first, each part in the order of the configuration.
    fn order(&self) -> Vec<&Server> {
        let now = Instant::now();
        let (mut order, sick): (Vec<_>, Vec<_>) = self.servers.iter().partition(|server| server.is_to_be_tried(now));
        order.extend(sick);
        order.truncate(ASKED_MAX);
        order
    }

    /// Puts the server's word on each record, if it is believed.
    fn judged(&self, mut response: DnsResponse) -> DnsResponse {
        if self.believed {
            let proof = if response.authentic_data { Proof::Secure } else { Proof::Insecure };
            let Message { answers, authorities, .. } = &mut *response;
            answers.iter_mut().chain(authorities).for_each(|record| record.proof = proof);
        }
        response
    }
}

impl Server {
    fn sick_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.sick_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is well, or was sick for long enough: then the one who asks finds out, and the others wait on.
    fn is_to_be_tried(&self, now: Instant) -> bool {
        let mut sick_until = self.sick_until();
        match *sick_until {
            None => true,
            Some(until) if until > now => false,
            Some(_) => {
                *sick_until = Some(now + SICK);
                true
            }
        }
    }

    async fn ask(&self, request: &Message, until: Instant) -> Result<DnsResponse, NetError> {
        let answered = self.exchange(request, until).await;
        *self.sick_until() = match answered {
            Ok(_) => None,
            Err(_) => Some(Instant::now() + SICK),
        };
        let response = answered?;
        let unread = matches!(response.response_code, ResponseCode::FormErr | ResponseCode::NotImp);
        let proves = request.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
        if unread && request.edns.is_some() && !proves {
            // RFC 6891 §7: a server without EDNS says FORMERR. Proofs do not go without it.
            let mut plain = request.clone();
            plain.edns = None;
            return self.exchange(&plain, until).await;
        }
        Ok(response)
    }

    async fn exchange(&self, request: &Message, until: Instant) -> Result<DnsResponse, NetError> {
        let mut octets = request.to_vec()?;
        let answer = self.by_udp(&mut octets, until).await?;
        let response = DnsResponse::from_buffer(answer)?;
        if !response.truncation {
            return Ok(response);
        }
        let answer = timeout_at(until, self.by_tcp(&octets)).await.map_err(|_| NetError::Timeout)??;
        let response = DnsResponse::from_buffer(answer)?;
        // Here too the answer must be one to the question.
        if response.id == request_id(&octets) && response.queries == request.queries {
            Ok(response)
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

fn request_id(octets: &[u8]) -> u16 {
    octets.first_chunk().map_or(0, |id| u16::from_be_bytes(*id))
}
