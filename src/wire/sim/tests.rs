//! Parties on a simulated network.

use super::*;
use crate::wire::io::Closed;

fn address(host: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, host])
}

const STORMY: Weather = Weather { refusal: 0.1, reset: 0.02, silence: 0.01, ..Weather::FAIR };

/// Polls once; data is copied out.
fn poll(io: &mut SimIo, data: &mut Vec<(ConnectionId, Vec<u8>)>) -> Vec<Event> {
    let mut events = Vec::new();
    io.poll(None, &mut events).unwrap();
    events.retain_mut(|event| {
        let Event::Data(id, buffer) = event else { return true };
        let buffer = Buffer { id: buffer.id, len: buffer.len };
        data.push((*id, io.bytes(&buffer).to_vec()));
        io.release(buffer);
        false
    });
    events
}

/// Runs an echo server and clients that say 3000 octets each; what happened at the clients, in words.
fn echo(seed: u64, weather: Weather) -> Vec<String> {
    let network = Network::new(seed, weather);
    let (mut client, mut server) = (network.party(address(1)), network.party(address(2)));
    let (_, remote) = server.listen(SocketAddr::new(address(2), 25)).unwrap();
    let spec = ConnectSpec { remote, local: None, timeout: Duration::from_secs(5) };
    let ids: Vec<_> = (0..20).map(|_| client.connect(&spec).unwrap()).collect();
    let mut heard = vec![Vec::new(); ids.len()];
    let (mut log, mut ends) = (Vec::new(), 0);
    while ends < ids.len() {
        let mut data = Vec::new();
        poll(&mut server, &mut data);
        data.drain(..).for_each(|(id, octets)| server.out(id).append(&octets));
        for event in poll(&mut client, &mut data) {
            match event {
                Event::Connected(id) => {
                    let said: Vec<u8> = (0..3000u32).map(|n| (n * (id.index + 1)) as u8).collect();
                    client.out(id).append(&said);
                    client.set_deadline(id, Some(network.now().after(Duration::from_secs(60))));
                }
                Event::Deadline(id) => client.abort(id),
                Event::Closed(..) | Event::ConnectFailed(..) => ends += 1,
                _ => {}
            }
            log.push(format!("{} {event:?}", network.now().0));
        }
        for (id, octets) in data {
            log.push(format!("{} {id:?} {}", network.now().0, octets.len()));
            let heard = &mut heard[id.index as usize];
            for octet in octets {
                assert_eq!(octet, (heard.len() as u32 * (id.index + 1)) as u8);
                heard.push(octet);
            }
            if heard.len() == 3000 {
                client.close(id);
            }
        }
        assert!(ends == ids.len() || network.step(), "it stands still: {log:?}");
    }
    if weather.reset == 0.0 {
        assert!(heard.iter().all(|h| h.len() == 3000));
    }
    log
}

#[test]
fn octets_arrive_in_order_and_the_same_seed_repeats_the_run() {
    for seed in 0..20 {
        assert_eq!(echo(seed, Weather::FAIR), echo(seed, Weather::FAIR));
        assert_eq!(echo(seed, STORMY), echo(seed, STORMY));
    }
    assert_ne!(echo(1, Weather::FAIR), echo(2, Weather::FAIR));
}

#[test]
fn a_storm_refuses_resets_and_silences() {
    let log: String = (0..50).flat_map(|seed| echo(seed, STORMY)).collect();
    for word in ["ConnectFailed", &format!("Error({})", libc::ECONNRESET), "Deadline", &libc::ETIMEDOUT.to_string()] {
        assert!(log.contains(word), "{word}");
    }
}

/// A standing connection between two parties.
fn pair(network: &Network) -> (SimIo, ConnectionId, SimIo, ConnectionId) {
    let (mut client, mut server) = (network.party(address(1)), network.party(address(2)));
    let (_, remote) = server.listen(SocketAddr::new(address(2), 0)).unwrap();
    let id = client.connect(&ConnectSpec { remote, local: None, timeout: Duration::from_secs(5) }).unwrap();
    let (mut accepted, mut connected) = (None, false);
    while accepted.is_none() || !connected {
        assert!(network.step());
        for event in poll(&mut server, &mut Vec::new()) {
            if let Event::Accepted(_, id, from) = event {
                assert_eq!(from.ip(), address(1));
                accepted = Some(id);
            }
        }
        connected |= poll(&mut client, &mut Vec::new()).contains(&Event::Connected(id));
    }
    (client, id, server, accepted.unwrap())
}

#[test]
fn a_crash_lets_a_beginning_arrive_and_then_resets() {
    let mut lengths = std::collections::BTreeSet::new();
    for seed in 0..30 {
        let network = Network::new(seed, Weather::FAIR);
        let (mut client, id, mut server, peer) = pair(&network);
        client.out(id).append(b"0123456789");
        poll(&mut client, &mut Vec::new());
        drop(client);
        let (mut data, mut events) = (Vec::new(), Vec::new());
        while events.is_empty() {
            assert!(network.step());
            events = poll(&mut server, &mut data);
        }
        assert_eq!(events, [Event::Closed(peer, Closed::Error(libc::ECONNRESET))]);
        let heard: Vec<u8> = data.into_iter().flat_map(|(_, octets)| octets).collect();
        assert!(b"0123456789".starts_with(&heard));
        lengths.insert(heard.len());
        assert!(!network.step());
    }
    assert!(lengths.contains(&0) && lengths.contains(&10), "{lengths:?}");
}

#[test]
fn a_close_flushes_and_ids_are_never_used_again() {
    let network = Network::new(1, Weather::FAIR);
    let (mut client, id, mut server, peer) = pair(&network);
    client.out(id).append(b"QUIT");
    client.close(id);
    client.out(id).append(b"too late");
    let (mut data, mut ends) = (Vec::new(), Vec::new());
    while network.step() {
        ends.extend(poll(&mut server, &mut data));
        ends.extend(poll(&mut client, &mut Vec::new()));
    }
    assert_eq!(data.into_iter().flat_map(|(_, o)| o).collect::<Vec<_>>(), b"QUIT");
    assert!(ends.contains(&Event::Closed(peer, Closed::Eof)) && ends.contains(&Event::Closed(id, Closed::Local)));
    assert_eq!(ends.len(), 2);
    let remote = SocketAddr::new(address(9), 25);
    let next = client.connect(&ConnectSpec { remote, local: None, timeout: Duration::from_secs(5) }).unwrap();
    assert_eq!((next.index, next.generation), (id.index, id.generation + 1));
    client.abort(id);
    while network.step() {
        ends.extend(poll(&mut client, &mut Vec::new()));
        poll(&mut server, &mut Vec::new());
    }
    assert_eq!(ends.last(), Some(&Event::ConnectFailed(next, libc::ECONNREFUSED)));
}

#[test]
fn time_passes_to_where_a_poll_wants_to_be_over_and_wakes_are_heard() {
    let network = Network::new(1, Weather::FAIR);
    let mut io = network.party(address(1));
    let until = Instant(5_000_000);
    io.poll(Some(until), &mut Vec::new()).unwrap();
    assert!(network.step());
    assert_eq!((network.now(), io.now().unix), (until, UnixTime(EPOCH + 5)));
    assert!(!network.step());
    io.waker().wake();
    assert!(network.step());
    assert_eq!(poll(&mut io, &mut Vec::new()), [Event::Inbox]);
}
