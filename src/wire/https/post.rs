//! One POST of a form, as mailbox providers make it when somebody unsubscribes (RFC 8058 §3.1).
//!
//! Guarantees: as for the GET beside it: the server proves its name, no redirect is followed, everything ends within
//! [`Options::timeout`](super::Options::timeout); of the answer no more than its header is read. Leaves to others: the host's
//! addresses, and what the answer means.

use super::{FetchError, Fetcher, HEADER_MAX, no_http};
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::net::IpAddr;
use tokio::task::JoinSet;

/// Where a redirect leads is kept up to so many octets.
const LOCATION_MAX: usize = 300;

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The status, 100 to 999.
    pub status: u16,
    /// Where it would lead on; empty: nowhere. Foreign text.
    pub location: String,
}

impl Fetcher {
    /// Posts `form` (`application/x-www-form-urlencoded`) to a path, with its query, of a host that has these addresses; must be
    /// awaited on a tokio runtime.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn post(&self, host: &str, addresses: &[IpAddr], path: &str, form: &str) -> Result<Posted, FetchError> {
        let limit = self.options.timeout;
        let posted = tokio::time::timeout(limit, self.post_now(host, addresses, path, form));
        posted.await.unwrap_or(Err(FetchError::Timeout(limit)))
    }

    async fn post_now(&self, host: &str, addresses: &[IpAddr], path: &str, form: &str) -> Result<Posted, FetchError> {
        let stream = self.connect_to(host, addresses.iter().copied()).await?;
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(HEADER_MAX)
            .handshake::<_, Full<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(|e| no_http(&e))?;
        // Dropped with this function, and the connection with it.
        let mut driver = JoinSet::new();
        driver.spawn(async move { drop(connection.await) });
        let authority =
            if self.options.port == 443 { host.to_owned() } else { format!("{host}:{}", self.options.port) };
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, authority)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(USER_AGENT, concat!("posthaste/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::copy_from_slice(form.as_bytes())))
            .map_err(|e| no_http(&e))?;
        let answer = sender.send_request(request).await.map_err(|e| no_http(&e))?;
        let location =
            answer.headers().get(LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let location = location.unwrap_or_default().chars().take(LOCATION_MAX).collect();
        Ok(Posted { status: answer.status().as_u16(), location })
    }
}
