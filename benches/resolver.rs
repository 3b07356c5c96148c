//! What look-ups cost: 200,000 domains, none of them known, through the engine's router to an authoritative server on
//! loopback (without MTA-STS, which is one more question a domain), and what a known domain costs. `cargo bench --bench
//! resolver`; a number after `--` is the count of domains, and `serve` only runs the server, for a measurement of the
//! whole program: it prints its address and stays.
//!
//! The rate is of the whole machine, server included; the CPU times are those of the router's two threads and of the
//! server's, by schedstat, and tell more where other programs run beside.

#![expect(clippy::expect_used, clippy::panic, reason = "a bench that cannot run says so")]

use crossbeam_channel::unbounded;
use divan::Bencher;
use posthaste::base::clock::UnixTime;
use posthaste::engine::directory::Directory;
use posthaste::engine::policy::Policies;
use posthaste::engine::router::{RouteAsk, Router};
use posthaste::wire::dns::ResolverConfig;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

const DOMAINS: u32 = 200_000;
/// As many as a shard asks for at once; the router itself bounds what is under way.
const ASKED_AHEAD: u32 = 4_096;
const SHARED: u32 = 500;

fn main() {
    let domains = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(DOMAINS);
    let server = Server::start();
    if std::env::args().any(|arg| arg == "serve") {
        println!("{}", server.address);
        loop {
            std::thread::park();
        }
    }
    println!("{domains} domains, cold                    domains/s   router   server (CPU µs a domain)");
    cold(&server, "an exchanger of its own for each", domains, "own");
    cold(&server, "500 exchangers for all", domains, "shared");
    println!();
    // The number is not for divan, which would take it for the name of a bench.
    divan::Divan::default().run_benches();
}

fn cold(server: &Server, what: &str, domains: u32, zone: &str) {
    let config =
        ResolverConfig { servers: vec![server.address.clone()], allow_loopback: true, ..ResolverConfig::default() };
    let (asks, incoming) = unbounded();
    let (answered, answers) = unbounded();
    let deliver = Box::new(move |_shard, answer| answered.send(answer).expect("the bench waits for all"));
    let router =
        Router::spawn(&config, Arc::new(Directory::mx()), Policies::default(), incoming, deliver).expect("a router");
    let (began, server_ns) = (Instant::now(), cpu_ns("dns-server"));
    let ask = |domain: u32| {
        let name = format!("d{domain}.{zone}.example").into();
        asks.send(RouteAsk { domain, name, shard: 0, fresh: false }).expect("the router listens");
    };
    (0..domains.min(ASKED_AHEAD)).for_each(ask);
    for done in 0..domains {
        let answer = answers.recv_timeout(Duration::from_secs(30)).expect("an answer");
        if let Err(error) = answer.result {
            panic!("{}", error.reply);
        }
        if done + ASKED_AHEAD < domains {
            ask(done + ASKED_AHEAD);
        }
    }
    let per_domain_us = |ns: u64| ns as f64 / 1e3 / f64::from(domains);
    let rate = f64::from(domains) / began.elapsed().as_secs_f64();
    let (router_us, server_us) =
        (per_domain_us(cpu_ns("router") + cpu_ns("dns")), per_domain_us(cpu_ns("dns-server") - server_ns));
    println!("  {what:<34} {rate:>12.0} {router_us:>8.1} {server_us:>8.1}");
    drop(asks);
    router.join();
}

/// CPU time of the living threads with this name, by schedstat.
fn cpu_ns(name: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux tells");
    let of = |task: std::path::PathBuf| -> Option<u64> {
        let comm = std::fs::read_to_string(task.join("comm")).ok()?;
        if comm.trim_end() != name {
            return None;
        }
        std::fs::read_to_string(task.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    tasks.flatten().filter_map(|task| of(task.path())).sum()
}

/// Answers out of the question alone: dN.own has the exchanger mxN.own, dN.shared one of 500; each has one IPv4
/// address. It ends with the process.
struct Server {
    address: String,
}

impl Server {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let address = socket.local_addr().expect("an address").to_string();
        std::thread::Builder::new()
            .name("dns-server".to_owned())
            .spawn(move || {
                let mut question = [0; 512];
                let mut answer = Vec::with_capacity(512);
                while let Ok((len, from)) = socket.recv_from(&mut question) {
                    if reply(&question[..len], &mut answer).is_some() {
                        socket.send_to(&answer, from).expect("loopback takes it");
                    }
                }
            })
            .expect("a thread");
        Self { address }
    }
}

/// Builds the answer to one question by hand: a server made of a library would cost more than what is measured.
fn reply(question: &[u8], answer: &mut Vec<u8>) -> Option<()> {
    const NAME: [u8; 2] = [0xc0, 12];
    let first = usize::from(*question.get(12)?);
    let label = question.get(13..13 + first)?;
    let end = 12 + question[12..].iter().position(|&octet| octet == 0)? + 5;
    let kind = *question.get(end - 3)?;
    answer.clear();
    answer.extend(&question[..end]);
    answer[2..12].copy_from_slice(&[0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]);
    match kind {
        15 => {
            let number: u32 = std::str::from_utf8(&label[1..]).ok()?.parse().ok()?;
            let shared = question[13 + first..].starts_with(b"\x06shared");
            let host = format!("mx{}", if shared { number % SHARED } else { number });
            answer[7] = 1;
            answer.extend(NAME);
            answer.extend([0, 15, 0, 1, 0, 0, 14, 16, 0]);
            answer.push(host.len() as u8 + 5);
            answer.extend([0, 10, host.len() as u8]);
            answer.extend(host.as_bytes());
            // The name's end is that of the question's: a pointer to its second label.
            answer.extend([0xc0, 13 + first as u8]);
        }
        1 => {
            answer[7] = 1;
            answer.extend(NAME);
            answer.extend([0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 127, 0, 0, 2]);
        }
        _ => {
            // No such record, for an hour (RFC 2308 §2.2).
            answer[9] = 1;
            answer.extend(NAME);
            answer.extend([0, 6, 0, 1, 0, 0, 14, 16, 0, 22, 0, 0]);
            answer.extend([0, 0, 0, 1, 0, 0, 14, 16, 0, 0, 14, 16, 0, 9, 58, 128, 0, 0, 14, 16]);
        }
    }
    Some(())
}

/// What a shard asks for each batch: the site of a domain that is known.
#[divan::bench]
fn warm(bencher: Bencher) {
    let (directory, now) = (known(), unix_now());
    let names: Vec<String> = (0..1000).map(|n| format!("d{n}.shared.example")).collect();
    let mut turn = names.iter().cycle();
    bencher.bench_local(|| directory.get(turn.next().expect("it goes round"), now).expect("it is known"));
}

/// A directory that knows 1,000 domains.
fn known() -> Arc<Directory> {
    let server = Server::start();
    let config = ResolverConfig { servers: vec![server.address], allow_loopback: true, ..ResolverConfig::default() };
    let directory = Arc::new(Directory::mx());
    let (asks, incoming) = unbounded();
    let (answered, answers) = unbounded();
    let deliver = Box::new(move |_shard, answer| answered.send(answer).expect("the bench waits for all"));
    let router = Router::spawn(&config, directory.clone(), Policies::default(), incoming, deliver).expect("a router");
    for domain in 0..1000 {
        let name = format!("d{domain}.shared.example").into();
        asks.send(RouteAsk { domain, name, shard: 0, fresh: false }).expect("the router listens");
    }
    for answer in answers.iter().take(1000) {
        answer.result.expect("a site");
    }
    drop(asks);
    router.join();
    directory
}

fn unix_now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    UnixTime(u32::try_from(since.as_secs()).expect("before 2106"))
}
