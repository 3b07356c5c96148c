//! Resolvers without a way to the world: they are told, and nobody's domain is called dead for them.

use super::super::{LIST, check_with, spring};
use super::{ADDRESSES, words};
use std::net::UdpSocket;
use std::thread;

/// Answers every question with these flags, and with nothing else, for as long as it is asked.
fn resolver(flags: u16) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut octets = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut octets) {
            let Some(name) = octets[12..length].iter().position(|octet| *octet == 0) else { continue };
            let question = &octets[12..12 + name + 5];
            let head = [&octets[..2], &flags.to_be_bytes(), &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
            let _ = socket.send_to(&[&head, question].concat(), from);
        }
    });
    address
}

#[test]
fn no_domain_is_dead_for_a_resolver_that_does_not_know_the_world() {
    /// An answer of a resolver that looks names up for others; of one that does not.
    const LOOKS_UP: u16 = 0x8180;
    const LOOKS_NOT: u16 = 0x8100;
    for (flags, told) in [
        (LOOKS_UP | 5, "warning dns-unanswered"),
        (LOOKS_NOT | 5, "warning dns-unanswered"),
        (LOOKS_UP | 2, "warning dns-unanswered"),
        (LOOKS_UP | 4, "warning dns-unanswered"),
        (LOOKS_NOT, "warning dns-unanswered"),
        (LOOKS_NOT | 3, "warning dns-unanswered"),
        // Nothing is there, or has anything, not even com.
        (LOOKS_UP | 3, "error resolver"),
        (LOOKS_UP, "error resolver"),
    ] {
        for rows in [2, 5] {
            let folder = spring();
            folder.put("list.csv", LIST.lines().take(rows).map(|line| format!("{line}\n")).collect::<String>());
            let dns = format!("[dns]\nservers = [{:?}]\ntimeout = \"200ms\"\n[delivery]", resolver(flags));
            folder.put("engine.toml", folder.read("engine.toml").replace("[delivery]", &dns));
            let (_, found) = check_with(&folder, "w.toml", &["--public-address", ADDRESSES]);
            assert_eq!(words(&found), [told], "{flags:x}: {found:#?}");
        }
    }
}
