//! The page that Prometheus reads, over HTTP.
//!
//! Guarantees: a page is of one moment: no publication that belongs together is half on it ([`Observer::together`]); a
//! slow or silent reader holds up nobody, and no more than [`READERS_MAX`] are heard at once. Leaves to others: what
//! stands on the page.

use super::publish::Observer;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How often samples of histograms are folded into buckets: bounds the memory they take between two scrapes.
const UPKEEP: Duration = Duration::from_secs(1);
/// Readers at once.
const READERS_MAX: usize = 16;
/// How long one may take, to ask and to read.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest head of a request.
const HEAD_OCTETS_MAX: usize = 8 * 1024;
/// How long the listener rests when the system refuses a connection (no descriptor is left).
const REST: Duration = Duration::from_millis(100);

/// Serves the page for as long as the process lives.
pub(super) async fn serve(listener: TcpListener, observer: Observer) {
    let keeper = observer.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            keeper.keep_up();
        }
    });
    let readers = Arc::new(Semaphore::new(READERS_MAX));
    loop {
        // The semaphore is never closed.
        let Ok(reader) = readers.clone().acquire_owned().await else { return };
        let Ok((peer, _)) = listener.accept().await else {
            tokio::time::sleep(REST).await;
            continue;
        };
        let observer = observer.clone();
        tokio::spawn(async move {
            // A reader that goes away in between misses its page, and nobody else does.
            let _gone = timeout(PATIENCE, answer(peer, &observer)).await;
            drop(reader);
        });
    }
}

async fn answer(mut peer: TcpStream, observer: &Observer) -> io::Result<()> {
    let Some(head) = head_of(&mut peer).await? else { return Ok(()) };
    let (status, body) = match head.split(' ').next() {
        Some("GET" | "HEAD") => ("200 OK", observer.render()),
        _ => ("405 Method Not Allowed", String::new()),
    };
    let mut said = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    if !head.starts_with("HEAD") {
        said.push_str(&body);
    }
    peer.write_all(said.as_bytes()).await?;
    peer.shutdown().await
}

/// The head of a request; `None` if there is none.
async fn head_of(peer: &mut TcpStream) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        if head.len() >= HEAD_OCTETS_MAX || peer.read_buf(&mut head).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}
