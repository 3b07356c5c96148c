//! A small authoritative DNS server for tests: UDP and TCP on one port of 127.0.0.1, answers from a closure or a
//! [`Zone`], and can misbehave on request. Include it with `#[path = "…/tests/support/dns_server.rs"] mod dns_server;`.
//!
//! Not a model of a server: it knows no referrals and no limits of size, and trusts its caller.
#![allow(dead_code, reason = "each test that includes this file uses a part of it")]

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::tlsa::{CertUsage, Matching, Selector};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, SOA, TLSA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// What to answer to one question.
#[derive(Clone, Debug)]
pub struct Answer {
    pub code: ResponseCode,
    pub records: Vec<Record>,
    pub authorities: Vec<Record>,
    /// The AD bit.
    pub authentic: bool,
    /// The AA bit.
    pub authoritative: bool,
    /// The RA bit.
    pub recursion: bool,
    pub manner: Manner,
}

impl Answer {
    pub fn new(code: ResponseCode, records: Vec<Record>) -> Self {
        Self {
            code,
            records,
            authorities: Vec::new(),
            authentic: false,
            authoritative: true,
            recursion: true,
            manner: Manner::Plain,
        }
    }
}

/// How to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    #[default]
    Plain,
    /// Never.
    Silent,
    /// Over UDP only "truncated"; whole over TCP.
    Truncated,
    /// Over UDP, first an answer with a wrong id that leads to 203.0.113.66, then the true one.
    ForgedFirst,
    /// Over UDP, first an answer to another question with the right id, to the same end.
    OtherQuestionFirst,
    /// Octets that are no DNS message, with the right id.
    Garbage,
    /// Over UDP only "truncated"; over TCP never.
    TruncatedForEver,
    /// The answer to another question, whatever is asked, with the right id.
    OtherQuestion,
    /// The first of each two questions for the same records gets SERVFAIL, the other one its answer.
    Flapping,
    /// The first question for the same records is lost, those after it are answered.
    LostFirst,
    /// After so many milliseconds.
    Slow(u64),
    /// FORMERR and nothing else for a question with EDNS, as servers do that do not know it (RFC 6891 §7).
    WithoutEdns,
}

type Answering = dyn Fn(&str, RecordType) -> Answer + Send + Sync;

/// Names and their records; a name without any does not exist.
#[derive(Clone, Debug)]
pub struct Zone {
    records: HashMap<String, Vec<Record>>,
    codes: HashMap<(String, Option<RecordType>), ResponseCode>,
    manners: HashMap<String, Manner>,
    ttl: Option<u32>,
    negative: Option<Record>,
}

pub fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).expect("a name in a test");
    name.set_fqdn(true);
    name
}

impl Default for Zone {
    fn default() -> Self {
        Self::new()
    }
}

/// The SOA record of a zone, with this TTL for what it denies.
pub fn soa(zone: &str, ttl_s: u32) -> Record {
    let soa = SOA::new(name("ns.example"), name("root.example"), 1, 3600, 600, 86_400, ttl_s);
    Record::from_rdata(name(zone), ttl_s, RData::SOA(soa))
}

impl Zone {
    pub fn new() -> Self {
        Self {
            records: HashMap::new(),
            codes: HashMap::new(),
            manners: HashMap::new(),
            ttl: None,
            negative: Some(soa(".", 0)),
        }
    }

    /// Denials without the SOA record that makes them one.
    pub fn without_soa(mut self) -> Self {
        self.negative = None;
        self
    }

    /// TTL of the records added from here on; 3600 before.
    pub fn ttl(mut self, ttl_s: u32) -> Self {
        self.ttl = Some(ttl_s);
        self
    }

    pub fn mx(self, domain: &str, exchangers: &[(u16, &str)]) -> Self {
        exchangers
            .iter()
            .fold(self, |zone, (preference, host)| zone.record(domain, RData::MX(MX::new(*preference, name(host)))))
    }

    pub fn address(self, host: &str, address: &str) -> Self {
        let data = match address.parse().expect("an address in a test") {
            IpAddr::V4(ip) => RData::A(A(ip)),
            IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
        };
        self.record(host, data)
    }

    pub fn cname(self, alias: &str, target: &str) -> Self {
        self.record(alias, RData::CNAME(CNAME(name(target))))
    }

    pub fn record(mut self, owner: &str, data: RData) -> Self {
        let record = Record::from_rdata(name(owner), self.ttl.unwrap_or(3600), data);
        self.records.entry(owner.to_owned()).or_default().push(record);
        self
    }

    pub fn txt(self, owner: &str, strings: &[&str]) -> Self {
        self.record(owner, RData::TXT(TXT::new(strings.iter().map(|s| (*s).to_owned()).collect())))
    }

    /// A TLSA record of usage 3, selector 1, matching 1.
    pub fn tlsa(self, owner: &str, digest: [u8; 32]) -> Self {
        let data = TLSA::new(CertUsage::DaneEe, Selector::Spki, Matching::Sha256, digest.to_vec());
        self.record(owner, RData::TLSA(data))
    }

    /// What is not there will not be there for so long (RFC 2308).
    pub fn negative_ttl(mut self, ttl_s: u32) -> Self {
        self.negative = Some(soa("example", ttl_s));
        self
    }

    /// All questions about `owner` (of one type, if given) get this code.
    pub fn code(mut self, owner: &str, kind: Option<RecordType>, code: ResponseCode) -> Self {
        self.codes.insert((owner.to_owned(), kind), code);
        self
    }

    pub fn manner(mut self, owner: &str, manner: Manner) -> Self {
        self.manners.insert(owner.to_owned(), manner);
        self
    }

    /// Nothing is known of `owner` any more.
    pub fn without(mut self, owner: &str) -> Self {
        self.records.remove(owner);
        self.codes.retain(|(name, _), _| name != owner);
        self
    }

    pub fn answer(&self, owner: &str, kind: RecordType) -> Answer {
        let mut answer = self.plain(owner, kind);
        answer.manner = self.manners.get(owner).copied().unwrap_or_default();
        if answer.records.is_empty() {
            answer.authorities.extend(self.negative.clone());
        }
        answer
    }

    fn plain(&self, owner: &str, kind: RecordType) -> Answer {
        if let Some(&code) = [Some(kind), None].iter().find_map(|k| self.codes.get(&(owner.to_owned(), *k))) {
            return Answer::new(code, Vec::new());
        }
        match self.records.get(owner) {
            None => Answer::new(ResponseCode::NXDomain, Vec::new()),
            Some(all) => {
                let wanted = |r: &&Record| [kind, RecordType::CNAME].contains(&r.record_type());
                Answer::new(ResponseCode::NoError, all.iter().filter(wanted).cloned().collect())
            }
        }
    }
}

/// A server that runs until it is dropped.
pub struct DnsServer {
    address: SocketAddr,
    questions: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl DnsServer {
    pub fn start(zone: Zone) -> Self {
        Self::answering(move |owner, kind| zone.answer(owner, kind))
    }

    pub fn answering(answer: impl Fn(&str, RecordType) -> Answer + Send + Sync + 'static) -> Self {
        let (udp, tcp) = sockets();
        let address = udp.local_addr().expect("a bound socket has an address");
        let (questions, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let answer: Arc<Answering> = Arc::new(answer);
        let (u, t) = ((answer.clone(), questions.clone(), stop.clone()), (answer, questions.clone(), stop.clone()));
        let threads = vec![
            std::thread::spawn(move || serve_udp(&udp, &*u.0, &u.1, &u.2)),
            std::thread::spawn(move || serve_tcp(&tcp, &*t.0, &t.1, &t.2)),
        ];
        Self { address, questions, stop, threads }
    }

    /// "127.0.0.1:port", as `[dns] servers` takes it.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Questions that came so far, over UDP and TCP.
    pub fn questions(&self) -> usize {
        self.questions.load(Ordering::SeqCst)
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Both threads wait in a system call: something must come in.
        let waker = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let _sent = waker.send_to(&[], self.address);
        let _connected = TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            let _ended = thread.join();
        }
    }
}

/// A UDP and a TCP socket on the same port, which the kernel chooses.
fn sockets() -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a UDP socket");
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("an address")) {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

fn serve_udp(socket: &UdpSocket, answer: &Answering, questions: &AtomicUsize, stop: &AtomicBool) {
    let mut buffer = [0; 4096];
    let mut times: HashMap<(String, RecordType), usize> = HashMap::new();
    while let Ok((len, from)) = socket.recv_from(&mut buffer) {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let Some((mut reply, manner)) = reply(&buffer[..len], answer) else { continue };
        questions.fetch_add(1, Ordering::SeqCst);
        let query = reply.queries[0].clone();
        let time = times.entry((query.name().to_ascii(), query.query_type())).or_default();
        *time += 1;
        match manner {
            Manner::Silent => continue,
            Manner::LostFirst if *time == 1 => continue,
            Manner::Plain | Manner::LostFirst => {}
            Manner::Flapping if time.is_multiple_of(2) => {}
            Manner::Flapping => {
                reply.answers.clear();
                reply.metadata.response_code = ResponseCode::ServFail;
            }
            Manner::OtherQuestion => {
                reply.queries[0].set_query_type(RecordType::HINFO);
            }
            Manner::Truncated | Manner::TruncatedForEver => {
                reply.answers.clear();
                reply.metadata.truncation = true;
            }
            Manner::ForgedFirst => {
                let id = reply.metadata.id.wrapping_add(1);
                send(socket, &forged(&reply, id).to_vec().expect("a message"), from);
            }
            Manner::OtherQuestionFirst => {
                let mut forged = forged(&reply, reply.metadata.id);
                forged.queries[0].set_query_type(RecordType::HINFO);
                send(socket, &forged.to_vec().expect("a message"), from);
            }
            Manner::Garbage => {
                let mut octets = reply.metadata.id.to_be_bytes().to_vec();
                octets.extend([0xff; 40]);
                send(socket, &octets, from);
                continue;
            }
            Manner::Slow(pause_ms) => {
                let (socket, octets) = (socket.try_clone().expect("a socket"), reply.to_vec().expect("a message"));
                std::thread::spawn(move || {
                    std::thread::sleep(std::time::Duration::from_millis(pause_ms));
                    send(&socket, &octets, from);
                });
                continue;
            }
            Manner::WithoutEdns if reply.edns.is_some() => {
                reply = Message::error_msg(reply.metadata.id, reply.metadata.op_code, ResponseCode::FormErr);
            }
            Manner::WithoutEdns => {}
        }
        send(socket, &reply.to_vec().expect("a message"), from);
    }
}

fn send(socket: &UdpSocket, octets: &[u8], to: SocketAddr) {
    // The client may be gone already.
    let _sent = socket.send_to(octets, to);
}

fn serve_tcp(listener: &TcpListener, answer: &Answering, questions: &AtomicUsize, stop: &AtomicBool) {
    for stream in listener.incoming() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        // One connection at a time; it ends with the client's side of it, or on anything unexpected.
        if let Ok(mut stream) = stream {
            while let Some(()) = serve_one(&mut stream, answer, questions) {}
        }
    }
}

fn serve_one(stream: &mut TcpStream, answer: &Answering, questions: &AtomicUsize) -> Option<()> {
    let mut len = [0; 2];
    stream.read_exact(&mut len).ok()?;
    let mut question = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut question).ok()?;
    let (reply, manner) = reply(&question, answer)?;
    questions.fetch_add(1, Ordering::SeqCst);
    if manner == Manner::Silent || manner == Manner::TruncatedForEver {
        return Some(());
    }
    let octets = reply.to_vec().ok()?;
    let mut framed = u16::try_from(octets.len()).ok()?.to_be_bytes().to_vec();
    framed.extend(octets);
    stream.write_all(&framed).ok()
}

fn reply(question: &[u8], answer: &Answering) -> Option<(Message, Manner)> {
    let question = Message::from_vec(question).ok()?;
    let query = question.queries.first()?.clone();
    let mut owner = query.name().to_ascii().to_ascii_lowercase();
    owner.truncate(owner.trim_end_matches('.').len());
    let answer = answer(&owner, query.query_type());
    let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
    reply.metadata.message_type = MessageType::Response;
    reply.metadata.authoritative = answer.authoritative;
    reply.metadata.recursion_desired = question.metadata.recursion_desired;
    reply.metadata.recursion_available = answer.recursion;
    reply.metadata.response_code = answer.code;
    reply.metadata.authentic_data = answer.authentic;
    reply.edns = question.edns;
    reply.add_query(query);
    reply.add_answers(answer.records);
    reply.add_authorities(answer.authorities);
    Some((reply, answer.manner))
}

fn forged(reply: &Message, id: u16) -> Message {
    let mut forged = reply.clone();
    forged.metadata.id = id;
    for record in &mut forged.answers {
        if let RData::A(a) = &mut record.data {
            *a = A::new(203, 0, 113, 66);
        }
    }
    forged
}
