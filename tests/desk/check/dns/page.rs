//! The way out: the page that takes the POST which mailbox providers make (RFC 8058), and what of it is looked at without one.

use super::super::{CAMPAIGN, check_with, spring};
use super::{ADDRESSES, World, words};
use crate::certificates::{Authority, self_signed};
use crate::web::{Web, answer};

/// A page that takes the POST, and a campaign that names it.
fn with_page(path: &str) -> (World, Web) {
    let (mut world, authority) = (World::new(), Authority::new());
    let web = Web::start(authority.issue(&["go.acme.example"]));
    world.folder.put("roots.pem", &authority.pem);
    let engine = world.folder.read("engine.toml");
    world.folder.put("engine.toml", format!("[tls]\nroots = \"roots.pem\"\n{engine}"));
    let url = format!("https://go.acme.example:{}{path}", web.address.port());
    world.change("w.toml", "https://acme.example/u/{{ token }}", &url);
    world.change("acme.example.", "mx A", "go A 127.0.0.1\nmx A");
    world.serve();
    let engine = world.folder.read("engine.toml");
    world.folder.put("engine.toml", engine.replace("[dns]\n", "[dns]\nallow_loopback = true\n"));
    (world, web)
}

const POST: [&str; 4] = ["--public-address", ADDRESSES, "--post-unsubscribe", "you@acme.example"];

#[test]
fn the_way_out_is_tried_as_providers_do_when_asked_for() {
    let (mut world, web) = with_page("/u/{{ token }}?for={{ email }}");
    let (_, found) = world.check(&["--public-address", ADDRESSES]);
    assert!(found.is_empty() && web.requests().is_empty(), "nobody asked for it: {found:?}");

    web.answers(answer("200 OK", "", ""));
    let (_, found) = world.check(&POST);
    assert!(found.is_empty(), "{found:?}");
    let [request] = &web.requests()[..] else { panic!("{:?}", web.requests()) };
    assert!(request.starts_with("POST /u/") && request.contains("?for=you%40acme.example HTTP/1.1 "), "{request}");
    assert!(request.ends_with(" List-Unsubscribe=One-Click"), "{request}");

    for (status, header, severity, says) in [
        (
            "302 Found",
            "Location: https://go.acme.example/login\r\n",
            "error",
            "a redirect (302 https://go.acme.example/login)",
        ),
        ("403 Forbidden", "", "error", "is answered 403, not 200"),
        ("404 Not Found", "", "warning", "is answered 404; that may be for a token that nobody has"),
        ("500 Internal Server Error", "", "error", "is answered 500"),
    ] {
        web.answers(answer(status, header, ""));
        let (_, found) = world.check(&POST);
        assert_eq!(words(&found), [format!("{severity} unsubscribe-post")], "{status}: {found:?}");
        assert!(found[0].says.contains(says), "{status}: {found:?}");
    }

    web.shows(self_signed(&["go.acme.example"]));
    let (_, found) = world.check(&POST);
    assert_eq!(words(&found), ["error unsubscribe-post"], "{found:?}");
    assert!(found[0].says.contains("fails: ") && found[0].says.contains("certificate"), "{found:?}");
}

#[test]
fn nobody_of_the_list_is_unsubscribed_and_loopback_is_left_alone() {
    let (mut world, web) = with_page("/u/{{ first_name }}");
    web.answers(answer("200 OK", "", ""));
    let (_, found) = world.check(&POST);
    assert_eq!(words(&found), ["warning unsubscribe-post"], "{found:?}");
    assert!(found[0].says.contains("is made from first_name") && web.requests().is_empty(), "{found:?}");

    let (mut world, web) = with_page("/u/{{ token }}");
    let engine = world.folder.read("engine.toml");
    world.folder.put("engine.toml", engine.replace("allow_loopback = true\n", ""));
    let (_, found) = world.check(&POST);
    assert_eq!(words(&found), ["error unsubscribe-host go.acme.example", "error unsubscribe-post"], "{found:?}");
    assert!(found.iter().any(|found| found.says.contains("leads to this machine (127.0.0.1)")), "{found:?}");
    assert!(web.requests().is_empty());
}

#[test]
fn nothing_is_posted_where_nobody_says_where_the_page_is() {
    let mut world = World::new();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let dns = format!("[dns]\nservers = [\"{}\"]\ntimeout = \"100ms\"\n[delivery]", socket.local_addr().unwrap());
    world.change("engine.toml", "[delivery]", &dns);
    let (ran, found) = check_with(&world.folder, "w.toml", &POST);
    assert_eq!(words(&found), ["warning dns-unanswered", "warning unsubscribe-post"], "{found:?}");
    let posted = found.iter().find(|found| found.check == "unsubscribe-post").unwrap();
    assert!(posted.says.contains("nobody said where acme.example is (AAAA: no answer"), "{found:?}");
    assert_eq!(ran.code, Some(0));
}

#[test]
fn a_way_out_that_is_the_same_for_all_is_found_without_dns() {
    let folder = spring();
    folder.put("w.toml", CAMPAIGN.replace("https://acme.example/u/{{ token }}", "https://acme.example/u"));
    let (_, found) = check_with(&folder, "w.toml", &["--offline"]);
    assert_eq!(found.iter().map(|found| found.check.as_str()).collect::<Vec<_>>(), ["unsubscribe-url"], "{found:?}");
}
