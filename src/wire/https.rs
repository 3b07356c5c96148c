//! HTTPS: one GET of one small text, as MTA-STS needs it (RFC 8461 §3.3), and one POST of a form (`post`).
//!
//! Guarantees: the server proves its name; no redirect is followed; the whole fetch, look-up and handshake included,
//! ends within [`Options::timeout`], and never holds more than [`Options::body_max`] octets of body and 16 KiB of header.
//! Leaves to others: what the text says (`tls::sts`), how often it is fetched, and where it is kept (`engine::policy`).

mod post;

pub use post::Posted;

use super::dns::Resolver;
use crate::tls::{ClientConfig, TlsError, Verification};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The header of an answer is no longer, in octets.
const HEADER_MAX: usize = 16 * 1024;

/// How to fetch.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port of servers: 443.
    pub port: u16,
    /// How long a fetch may take, from the look-up to the last octet.
    pub timeout: Duration,
    /// A body is no longer, in octets.
    pub body_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { port: 443, timeout: Duration::from_secs(15), body_max: 64 * 1024 }
    }
}

/// Why there is no text. Whatever came from the server is left out or a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The host has no address that is known.
    #[error("{0} has no address: {1}")]
    Address(Box<str>, Box<str>),
    /// No address of it took the connection.
    #[error("no connection to {0}: {1}")]
    Connect(SocketAddr, Box<str>),
    /// The server did not prove that it is the host.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// What came is not HTTP, or was cut short.
    #[error("the answer is no HTTP: {0}")]
    Http(Box<str>),
    /// The answer is not 200. Redirects are not followed (RFC 8461 §3.3).
    #[error("the server answered {0}, not 200")]
    Status(u16),
    /// The answer is no text/plain (RFC 8461 §3.3).
    #[error("the answer is not text/plain")]
    Type,
    /// The body is too long.
    #[error("the answer is longer than {0} octets")]
    TooLong(usize),
    /// It took too long.
    #[error("nothing within {0:?}")]
    Timeout(Duration),
}

/// Fetches; cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher {
    tls: ClientConfig,
    options: Options,
}

impl Fetcher {
    /// A fetcher that trusts the roots of `tls`.
    #[must_use]
    pub fn new(tls: ClientConfig, options: Options) -> Self {
        Self { tls, options }
    }

    /// The body at `https://host/path`; must be awaited on a tokio runtime.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get(&self, resolver: &Resolver, host: &str, path: &'static str) -> Result<Vec<u8>, FetchError> {
        let limit = self.options.timeout;
        tokio::time::timeout(limit, self.fetch(resolver, host, path)).await.unwrap_or(Err(FetchError::Timeout(limit)))
    }

    async fn fetch(&self, resolver: &Resolver, host: &str, path: &'static str) -> Result<Vec<u8>, FetchError> {
        let stream = self.connect(resolver, host).await?;
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(HEADER_MAX)
            .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(|e| no_http(&e))?;
        // Dropped with this function, and the connection with it.
        let mut driver = JoinSet::new();
        driver.spawn(async move { drop(connection.await) });
        let answer = sender.send_request(request(host, path)?).await.map_err(|e| no_http(&e))?;
        self.body(answer).await
    }

    async fn body(&self, answer: Response<hyper::body::Incoming>) -> Result<Vec<u8>, FetchError> {
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        if !answer.headers().get(CONTENT_TYPE).is_some_and(is_plain_text) {
            return Err(FetchError::Type);
        }
        let most = self.options.body_max;
        match Limited::new(answer.into_body(), most).collect().await {
            Ok(whole) => Ok(whole.to_bytes().to_vec()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(FetchError::TooLong(most)),
            Err(error) => Err(no_http(&*error)),
        }
    }

    /// A connection on which the server has proven its name.
    async fn connect(&self, resolver: &Resolver, host: &str) -> Result<TlsStream<TcpStream>, FetchError> {
        let route = resolver.resolve_host(host).await;
        let route = route.map_err(|e| FetchError::Address(host.into(), e.reply.to_string().into()))?;
        self.connect_to(host, route.exchangers.iter().flat_map(|exchanger| exchanger.addresses.iter().copied())).await
    }

    async fn connect_to(
        &self,
        host: &str,
        addresses: impl Iterator<Item = IpAddr>,
    ) -> Result<TlsStream<TcpStream>, FetchError> {
        let tcp = self.first_of(host, addresses).await?;
        let expected = Verification::Names([Box::from(host)].into());
        let connector = TlsConnector::from(self.tls.shared(&expected)?);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::ServerName(host.into()))?;
        connector.connect(name, tcp).await.map_err(|e| TlsError::of_io(&e).into())
    }

    async fn first_of(&self, host: &str, addresses: impl Iterator<Item = IpAddr>) -> Result<TcpStream, FetchError> {
        let mut failed = FetchError::Address(host.into(), "none was found".into());
        for address in addresses.map(|ip| SocketAddr::new(ip, self.options.port)) {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = FetchError::Connect(address, error.to_string().into()),
            }
        }
        Err(failed)
    }
}

fn request(host: &str, path: &'static str) -> Result<Request<Empty<Bytes>>, FetchError> {
    Request::builder()
        .method(Method::GET)
        .uri(path)
        .header(HOST, host)
        .header(ACCEPT, "text/plain")
        .header(USER_AGENT, concat!("posthaste/", env!("CARGO_PKG_VERSION")))
        .body(Empty::new())
        .map_err(|e| no_http(&e))
}

fn is_plain_text(value: &HeaderValue) -> bool {
    let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("text/plain")
}

/// hyper's own words: they hold nothing of the server's.
fn no_http(error: &dyn std::error::Error) -> FetchError {
    FetchError::Http(error.to_string().into())
}
