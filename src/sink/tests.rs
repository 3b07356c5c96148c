//! Clients talk to a sink over loopback.

use super::*;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A blocking client.
struct Client(BufReader<TcpStream>);

impl Client {
    fn new(sink: &Running) -> Self {
        let mut client = Self(BufReader::new(TcpStream::connect(sink.address()).unwrap()));
        assert_eq!(client.code(), 220);
        client.say("EHLO c.example\r\n");
        assert_eq!(client.code(), 250);
        client
    }

    fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn code(&mut self) -> u16 {
        let mut line = String::new();
        while line.as_bytes().get(3) != Some(&b' ') {
            line.clear();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the sink closed");
        }
        line[..3].parse().unwrap()
    }

    /// Sends one message; the codes of all replies.
    fn send(&mut self, id: &str, to: &[&str]) -> Vec<u16> {
        let content = format!("Message-ID: <{id}@c.example>\r\n\r\n.hi\r\n");
        let to: String = to.iter().map(|to| format!("RCPT TO:<{to}>\r\n")).collect();
        self.say(&format!("MAIL FROM:<b@c.example>\r\n{to}BDAT {} LAST\r\n{content}", content.len()));
        (0..to.matches("RCPT").count() + 2).map(|_| self.code()).collect()
    }
}

#[test]
fn messages_recipients_and_duplicates_are_counted() {
    let sink = spawn(LOCAL, Options { list_duplicates: true, ..Options::default() }).unwrap();
    let mut client = Client::new(&sink);
    client.send("1", &["a@y.example", "b@y.example"]);
    client.send("2", &["a@y.example"]);
    client.send("1", &["c@y.example", "b@y.example"]);
    client.send("2", &["a@y.example"]);
    client.say("MAIL FROM:<>\r\nRCPT TO:<d@y.example>\r\nDATA\r\n");
    assert_eq!((client.code(), client.code(), client.code()), (250, 250, 354));
    client.say("no id\r\n..\r\n.\r\nQUIT\r\n");
    assert_eq!((client.code(), client.code()), (250, 221));
    let report = sink.stop().unwrap();
    let one = "Message-ID: <1@c.example>\r\n\r\n.hi\r\n".len() as u64;
    let expect = Counters {
        sessions: 1,
        transactions: 5,
        messages: 5,
        recipients: 7,
        unique_messages: 3,
        duplicates: 2,
        bytes: 4 * one + 11,
        rejected: 0,
        deferred: 0,
        tls_sessions: 0,
        tls_resumed: 0,
    };
    assert_eq!(report.counters, expect);
    assert_eq!(report.duplicated, ["b@y.example", "a@y.example"]);
}

#[test]
fn the_same_seed_refuses_the_same_recipients_and_defers_each_once() {
    let options = Options { reject_percent: 20.0, defer_percent: 30.0, seed: 42, ..Options::default() };
    let runs: Vec<_> = (0..2)
        .map(|_| {
            let sink = spawn(LOCAL, options.clone()).unwrap();
            let mut client = Client::new(&sink);
            let first: Vec<_> = (0..300).map(|n| client.send("x", &[&format!("u{n}@y.example")])[1]).collect();
            let again: Vec<_> = (0..300).map(|n| client.send("x", &[&format!("u{n}@y.example")])[1]).collect();
            assert!(first.iter().zip(&again).all(|(f, a)| (*f == 550) == (*a == 550) && *a != 450));
            let counters = sink.stop().unwrap().counters;
            assert_eq!(counters.deferred, first.iter().filter(|c| **c == 450).count() as u64);
            assert_eq!(counters.rejected, 2 * first.iter().filter(|c| **c == 550).count() as u64);
            first
        })
        .collect();
    assert_eq!(runs[0], runs[1]);
    let share = |code| runs[0].iter().filter(|c| **c == code).count();
    assert!((30..90).contains(&share(550)) && (40..110).contains(&share(450)), "{} {}", share(550), share(450));
}

#[test]
fn kept_messages_are_whole_and_unstuffed() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().join("new");
    let sink = spawn(LOCAL, Options { keep: Some(keep.clone()), ..Options::default() }).unwrap();
    let mut client = Client::new(&sink);
    client.send("1", &["a@y.example", "b@y.example"]);
    client.say("MAIL FROM:<>\r\nRCPT TO:<d@y.example>\r\nDATA\r\n");
    assert_eq!((client.code(), client.code(), client.code()), (250, 250, 354));
    client.say("..x\r\n.\r\n");
    assert_eq!(client.code(), 250);
    sink.stop().unwrap();
    let read = |name: &str| std::fs::read_to_string(keep.join(name)).unwrap();
    assert_eq!(
        read("00000001.eml"),
        "Return-Path: <b@c.example>\r\nDelivered-To: a@y.example\r\nDelivered-To: b@y.example\r\n\
         Message-ID: <1@c.example>\r\n\r\n.hi\r\n"
    );
    assert_eq!(read("00000002.eml"), "Return-Path: <>\r\nDelivered-To: d@y.example\r\n.x\r\n");
    assert_eq!(std::fs::read_dir(&keep).unwrap().count(), 2);
}

#[test]
fn a_flight_of_messages_costs_one_round_trip() {
    let rtt = Duration::from_millis(100);
    let sink = spawn(LOCAL, Options { rtt, ..Options::default() }).unwrap();
    let start = std::time::Instant::now();
    let mut client = Client::new(&sink);
    let content = "Message-ID: <f@c.example>\r\n\r\n";
    let flight = format!("MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nBDAT {} LAST\r\n{content}", content.len()).repeat(50);
    for part in flight.as_bytes().chunks(flight.len() / 3 + 1) {
        client.say(std::str::from_utf8(part).unwrap());
    }
    (0..150).for_each(|_| assert_eq!(client.code(), 250));
    let took = start.elapsed();
    assert!(took >= rtt * 3, "greeting, EHLO and the flight each cost a round trip: {took:?}");
    assert!(took < rtt * 20, "the flight's replies waited for each other: {took:?}");
    client.say("QUIT\r\n");
    assert_eq!(client.code(), 221);
    assert_eq!(sink.stop().unwrap().counters.messages, 50);
}

#[test]
fn a_client_that_takes_no_replies_is_cut_off() {
    let sink = spawn(LOCAL, Options::default()).unwrap();
    let mut client = Client::new(&sink);
    let noops = "NOOP\r\n".repeat(10_000);
    let cut = (0..1000).any(|_| client.0.get_mut().write_all(noops.as_bytes()).is_err());
    assert!(cut);
}

#[test]
fn a_taken_port_is_named() {
    let sink = spawn(LOCAL, Options::default()).unwrap();
    let error = spawn(sink.address(), Options::default()).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on {}", sink.address())) && error.contains("hint: "), "{error}");
}

#[test]
fn many_clients_at_once_lose_nothing() {
    let sink = spawn(LOCAL, Options::default()).unwrap();
    let ids: BTreeSet<_> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|c| {
                let sink = &sink;
                scope.spawn(move || {
                    let mut client = Client::new(sink);
                    (0..200).map(|n| format!("{c}.{n}")).filter(|id| client.send(id, &["a@y"]) == [250; 3]).collect()
                })
            })
            .collect();
        clients.into_iter().flat_map(|c| -> Vec<String> { c.join().unwrap() }).collect()
    });
    let counters = sink.stop().unwrap().counters;
    assert_eq!((counters.messages, counters.unique_messages, counters.duplicates), (1600, 1600, 0));
    assert_eq!(ids.len(), 1600);
}

#[test]
fn it_runs_on_the_simulated_network_too() {
    use crate::wire::io::Event;
    use crate::wire::sim::{Network, Weather};
    let network = Network::new(11, Weather::FAIR);
    let address = |host| std::net::IpAddr::from([192, 0, 2, host]);
    let mut client = network.party(address(1));
    let rtt = Duration::from_millis(50);
    let mut sink = Sink::new(network.party(address(2)), &Options { rtt, ..Options::default() }).unwrap();
    let remote = sink.listen(SocketAddr::new(address(2), 25)).unwrap();
    let spec = crate::wire::io::ConnectSpec { remote, local: None, timeout: Duration::from_secs(1) };
    let id = client.connect(&spec).unwrap();
    let mut script = "EHLO c\r\n|MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n|hi\r\n.\r\n|QUIT\r\n|".split('|');
    let (mut heard, mut events, mut closed) = (Vec::new(), Vec::new(), false);
    while !closed {
        client.poll(None, &mut events).unwrap();
        for event in events.drain(..) {
            match event {
                Event::Data(id, buffer) => {
                    heard.extend_from_slice(client.bytes(&buffer));
                    client.release(buffer);
                    let last: &[u8] = heard.strip_suffix(b"\r\n").unwrap_or(b"");
                    let line = last.rsplit(|&b| b == b'\n').next().unwrap_or(b"");
                    if line.get(3) == Some(&b' ') && line != b"250 2.1.0 Ok" && line != b"250 2.1.5 Ok" {
                        client.out(id).append(script.next().unwrap_or_default().as_bytes());
                    }
                }
                Event::Closed(i, how) => closed = (i, how) == (id, crate::wire::io::Closed::Eof),
                _ => {}
            }
        }
        sink.turn(None).unwrap();
        assert!(network.step());
    }
    assert_eq!((sink.counters().messages, sink.counters().recipients), (1, 1));
    assert!(network.now() >= Instant(0).after(rtt * 5) && network.now() < Instant(0).after(rtt * 12));
}

/// One message through STARTTLS; the sink's codes inside it.
fn send_inside_tls(sink: &Running, config: &tls::ClientConfig) -> String {
    let mut client = Client::new(sink);
    client.say("STARTTLS\r\n");
    assert_eq!(client.code(), 220);
    let mut inside = tls::Client::new(config, "sink.example", &tls::Verification::Opportunistic).unwrap();
    let (mut said, mut heard, mut out) = (false, Vec::new(), Out::new());
    loop {
        if !inside.is_handshaking() && !std::mem::replace(&mut said, true) {
            let text = b"EHLO c\r\nMAIL FROM:<b@c.example>\r\nRCPT TO:<a@y.example>\r\nBDAT 4 LAST\r\nhi\r\nQUIT\r\n";
            inside.write(text, &mut out).unwrap();
        }
        inside.write(&[], &mut out).unwrap();
        while let Some(piece) = out.take() {
            client.0.get_mut().write_all(piece.as_slice()).unwrap();
        }
        let octets = client.0.fill_buf().unwrap().to_vec();
        client.0.consume(octets.len());
        if octets.is_empty() || inside.read(&octets, &mut heard).unwrap().closed {
            return String::from_utf8(heard).unwrap();
        }
    }
}

#[test]
fn mail_comes_through_starttls_and_the_second_handshake_resumes_the_first() {
    let made = rcgen::generate_simple_self_signed(["sink.example".to_owned()]).unwrap();
    let config =
        tls::ServerConfig::from_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap();
    let sink = spawn(LOCAL, Options { tls: Some(config), ..Options::default() }).unwrap();
    let client = tls::ClientConfig::new(&tls::ClientOptions::default()).unwrap();
    for _ in 0..2 {
        let heard = send_inside_tls(&sink, &client);
        assert!(heard.ends_with("250 2.0.0 Ok: taken\r\n221 2.0.0 Bye\r\n") && !heard.contains("STARTTLS"), "{heard}");
    }
    let mut garbled = Client::new(&sink);
    garbled.say("STARTTLS\r\n");
    assert_eq!(garbled.code(), 220);
    garbled.say("EHLO c.example\r\n");
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut garbled.0, &mut rest).unwrap();
    let counters = sink.stop().unwrap().counters;
    assert_eq!((counters.messages, counters.tls_sessions, counters.tls_resumed), (2, 2, 1));
}
