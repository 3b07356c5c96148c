//! A web server for policies: HTTPS on one port of loopback, one request a connection, and what it answers can change.

use crate::certificates::Identity;
use posthaste::base::out::Out;
use posthaste::tls::{Server, ServerConfig};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How it answers.
#[derive(Clone)]
pub struct Manner {
    pub identity: Identity,
    /// Status line, header and body, each line with its CRLF.
    pub answer: Vec<u8>,
}

/// A server that runs until it is dropped.
pub struct Web {
    pub address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    requests: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The answer of a server that has the policy.
pub fn policy(text: &str) -> Vec<u8> {
    answer("200 OK", "Content-Type: text/plain; charset=utf-8\r\n", text)
}

pub fn answer(status: &str, header: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{header}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).into()
}

impl Web {
    pub fn start(identity: Identity) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let manner = Arc::new(Mutex::new(Manner { identity, answer: answer("404 Not Found", "", "") }));
        let (requests, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (manner, requests, stop) = (manner.clone(), requests.clone(), stop.clone());
            move || {
                for stream in listener.incoming().flatten() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let manner = manner.lock().unwrap().clone();
                    // A client that does not like us hangs up: that is its right.
                    if let Some(request) = serve(stream, &manner) {
                        requests.lock().unwrap().push(request);
                    }
                }
            }
        });
        Self { address, manner, requests, stop, thread: Some(thread) }
    }

    /// From now on it answers so.
    pub fn answers(&self, answer: Vec<u8>) {
        self.manner.lock().unwrap().answer = answer;
    }

    /// From now on it shows this certificate.
    pub fn shows(&self, identity: Identity) {
        self.manner.lock().unwrap().identity = identity;
    }

    /// The first lines of all requests that came so far, each with its Host and, behind that, its body.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, manner: &Manner) -> Option<String> {
    // Only a client that is broken stays silent for so long.
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let config = ServerConfig::from_pem(manner.identity.chain.as_bytes(), manner.identity.key.as_bytes()).unwrap();
    let mut tls = Server::new(&config).unwrap();
    let (mut request, mut octets) = (Vec::new(), [0; 4096]);
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        let count = stream.read(&mut octets).ok().filter(|count| *count > 0)?;
        let read = tls.read(&octets[..count], &mut request);
        send(&mut tls, &[], &mut stream)?;
        read.ok()?;
    }
    while !is_whole(&request) {
        let count = stream.read(&mut octets).ok().filter(|count| *count > 0)?;
        tls.read(&octets[..count], &mut request).ok()?;
    }
    send(&mut tls, &manner.answer, &mut stream)?;
    tls.close();
    send(&mut tls, &[], &mut stream)?;
    let text = String::from_utf8_lossy(&request).into_owned();
    let host = text.lines().find(|line| line.to_ascii_lowercase().starts_with("host:"))?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Some(format!("{} {host} {body}", text.lines().next()?).trim_end().to_owned())
}

/// Whether all of the body is there that the header announces.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((header, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = header.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn send(tls: &mut Server, plain: &[u8], stream: &mut TcpStream) -> Option<()> {
    let mut out = Out::new();
    tls.write(plain, &mut out).ok()?;
    while let Some(piece) = out.take() {
        stream.write_all(piece.as_slice()).ok()?;
    }
    Some(())
}
