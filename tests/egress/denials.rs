//! Resolvers that go wrong, by MX: nobody's mail is burnt by what they deny, and who has no domain bounces all the same.

use super::servers::Server;
use super::{Desk, dns_server};
use dns_server::{Answer, DnsServer, Zone, soa};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a resolver says that is wrong.
type Lie = fn(&str, RecordType) -> Answer;

fn no_such(_: &str, _: RecordType) -> Answer {
    Answer { authorities: vec![soa(".", 60)], ..Answer::new(ResponseCode::NXDomain, Vec::new()) }
}

fn no_such_without_a_zone(_: &str, _: RecordType) -> Answer {
    Answer::new(ResponseCode::NXDomain, Vec::new())
}

fn empty(_: &str, _: RecordType) -> Answer {
    Answer { authorities: vec![soa(".", 60)], ..Answer::new(ResponseCode::NoError, Vec::new()) }
}

fn nowhere(owner: &str, kind: RecordType) -> Answer {
    Zone::new().address(owner, "0.0.0.0").answer(owner, kind)
}

fn here(owner: &str, kind: RecordType) -> Answer {
    Zone::new().address(owner, "127.0.0.1").answer(owner, kind)
}

fn null_mx(owner: &str, kind: RecordType) -> Answer {
    Zone::new().mx(owner, &[(0, ".")]).answer(owner, kind)
}

/// Domains `dN.example` up to so many, at one server, and a resolver that lies after so many questions for one of them.
struct World {
    server: Server,
    dns: DnsServer,
    lies_after: Arc<AtomicUsize>,
}

const NEVER: usize = usize::MAX;

impl World {
    fn new(domains: std::ops::Range<usize>, lie: Lie) -> Self {
        let server = Server::smtp(TcpListener::bind("127.0.0.10:0").unwrap(), |_| None);
        let zone = domains.fold(Zone::new().address("mx.test", "127.0.0.10"), |zone, n| {
            zone.mx(&format!("d{n}.example"), &[(10, "mx.test")])
        });
        let (lies_after, asked) = (Arc::new(AtomicUsize::new(NEVER)), AtomicUsize::new(0));
        let after = lies_after.clone();
        let dns = DnsServer::answering(move |owner, kind| {
            let times = asked.fetch_add(usize::from(kind == RecordType::MX), Ordering::SeqCst);
            if times >= after.load(Ordering::SeqCst) { lie(owner, kind) } else { zone.answer(owner, kind) }
        });
        Self { server, dns, lies_after }
    }

    fn lie_after(&self, questions: usize) {
        self.lies_after.store(questions, Ordering::SeqCst);
    }

    fn config(&self, more: &str) -> String {
        let (port, dns) = (self.server.address.port(), self.dns.address());
        format!(
            "[delivery]\nroute = \"mx\"\nport = {port}\nretry = [\"1s\"]\n[tls]\nmta_sts = false\n[dns]\n\
             servers = [\"{dns}\"]\n{more}\n"
        )
    }
}

const LAB: &str = "allow_loopback = true";

/// One recipient at each domain.
fn desk(domains: usize) -> Desk {
    let desk = Desk::new(1);
    let rows: String = (0..domains).map(|n| format!("p{n}@d{n}.example,Ann\n")).collect();
    desk.put("w.csv", &format!("email,first\n{rows}"));
    desk
}

/// Bounced, waiting and delivered.
fn stands(desk: &Desk) -> [u64; 3] {
    let report: serde_json::Value = serde_json::from_str(&desk.report("w")).unwrap();
    ["bounced", "waiting", "delivered"].map(|word| report[word].as_u64().unwrap())
}

#[test]
fn a_resolver_that_goes_wrong_midway_holds_the_mailing_and_burns_a_few_at_most() {
    let lies: [Lie; 4] = [no_such, no_such_without_a_zone, empty, null_mx];
    for lie in lies {
        let (world, desk) = (World::new(0..1000, lie), desk(1000));
        world.lie_after(300);
        let (code, said) = desk.send("w", &world.config(LAB));
        let stood = stands(&desk);
        assert_eq!((code, stood.iter().sum()), (Some(3), 1000), "{said}");
        // An answer from before that is looked at late ends a row of denials: it is one more row then.
        assert!(stood[0] < 30 && (1..=300).contains(&stood[2]), "{stood:?}: {said}");
        let held = format!("error: held: the resolver {} denies what it told before: ", world.dns.address());
        assert!(said.contains(&held) && said.contains("hint: ") && said.contains("--ignore-bounces"), "{said}");
        let report: serde_json::Value = serde_json::from_str(&desk.report("w")).unwrap();
        assert_eq!(report["held"]["reason"], "resolver", "{report}");
        // Not mended, it is held again, and nobody bounces.
        let (code, said) = desk.send("w", &world.config(LAB));
        assert_eq!((code, stands(&desk)), (Some(3), stood), "{said}");
        assert!(said.contains("no domain can get mail"), "{said}");
        world.lie_after(NEVER);
        let (code, said) = desk.send("w", &world.config(LAB));
        assert_eq!((code, stands(&desk)), (Some(0), [stood[0], 0, 1000 - stood[0]]), "{said}");
    }
}

#[test]
fn a_resolver_that_is_wrong_from_the_start_bounces_nobody_however_small_the_list() {
    let lies: [(Lie, &str); 5] = [
        (no_such, "550 5.1.2 the domain … does not exist"),
        (empty, "550 5.1.2 … has neither an MX nor an address record"),
        (nowhere, "its exchanger … is this system (0.0.0.0)\"\n"),
        (here, "554 5.4.6 mail for … would come back here"),
        (null_mx, "556 5.1.10 the domain … accepts no mail (null MX)"),
    ];
    for (lie, reply) in lies {
        let sizes = if lie as usize == no_such as Lie as usize { vec![200, 3] } else { vec![3] };
        for domains in sizes {
            let (world, desk) = (World::new(0..domains, lie), desk(domains));
            world.lie_after(0);
            let (code, said) = desk.send("w", &world.config(""));
            assert_eq!((code, stands(&desk)), (Some(3), [0, domains as u64, 0]), "{said}");
            let (name, dns) = ("error: held: by the resolver", world.dns.address());
            assert!(said.contains(&format!("{name} {dns} no domain can get mail: {domains} domains")), "{said}");
            assert!(said.contains(reply), "{said}");
            world.lie_after(NEVER);
            let (code, said) = desk.send("w", &world.config(LAB));
            assert_eq!((code, stands(&desk)), (Some(0), [0, 0, domains as u64]), "{said}");
        }
    }
}

#[test]
fn a_campaign_of_which_everybody_may_bounce_is_not_burnt_by_a_resolver_that_goes_wrong() {
    for lies_after in [0, 300] {
        let (world, desk) = (World::new(0..1000, no_such), desk(1000));
        desk.campaign("w", "max_bounced = \"100%\"");
        world.lie_after(lies_after);
        let (code, said) = desk.send("w", &world.config(LAB));
        let stood = stands(&desk);
        assert_eq!((code, stood.iter().sum()), (Some(3), 1000), "{said}");
        assert!(stood[0] < if lies_after == 0 { 1 } else { 30 }, "{stood:?}: {said}");
    }
    // Of a sound one's denials, as many may bounce as the campaign says.
    let (world, desk) = (World::new(0..300, no_such), desk(600));
    desk.campaign("w", "max_bounced = \"100%\"");
    let (code, said) = desk.send("w", &world.config(LAB));
    assert_eq!((code, stands(&desk)), (Some(0), [300, 0, 300]), "{said}");
}

#[test]
fn one_domain_of_very_many_recipients_is_not_burnt_either() {
    let (world, desk) = (World::new(0..0, no_such), Desk::new(500));
    let (code, said) = desk.send("w", &world.config(""));
    assert_eq!((code, stands(&desk)), (Some(3), [0, 500, 0]), "{said}");
}

#[test]
fn a_domain_or_two_that_are_not_there_bounce_where_there_is_nothing_else() {
    for domains in [1, 2] {
        let (world, desk) = (World::new(0..0, no_such), desk(domains));
        let (code, said) = desk.send("w", &world.config(""));
        assert_eq!((code, stands(&desk)), (Some(0), [domains as u64, 0, 0]), "{said}");
    }
}

#[test]
fn a_sound_list_with_domains_that_are_not_there_together_is_not_held() {
    for there in [0..540, 60..600] {
        let (world, desk) = (World::new(there.clone(), no_such), desk(600));
        let (code, said) = desk.send("w", &world.config(LAB));
        assert_eq!((code, stands(&desk)), (Some(0), [60, 0, 540]), "{there:?}: {said}");
    }
}

#[test]
fn a_list_of_which_most_domains_are_gone_is_held_and_goes_on_where_that_is_known() {
    let (world, desk) = (World::new(0..300, no_such), desk(600));
    let (code, said) = desk.send("w", &world.config(LAB));
    let [bounced, ..] = stands(&desk);
    assert!(code == Some(3) && bounced <= 120, "{bounced}: {said}");
    assert!(said.contains("of 600 recipients have a domain that gets no mail"), "{said}");
    let (code, said) = desk.start_with("w", &world.config(LAB), &["--ignore-bounces"]).wait();
    assert_eq!((code, stands(&desk)), (Some(0), [300, 0, 300]), "{said}");
}

#[test]
fn a_sample_by_mx_goes_to_its_readers_own_exchanger_and_never_counts() {
    let (world, desk) = (World::new(0..3, no_such), desk(3));
    let sample = |to: &str| desk.start_with("w", &world.config(LAB), &["--test", to]).wait();
    let (code, said) = sample("me@d2.example,you@d1.example");
    assert_eq!((code, world.server.seen().messages), (Some(0), 2), "{said}");
    assert!(said.contains("A sample of campaign w, as for p0@d0.example (line 2), destination: "), "{said}");
    for reader in ["me@d2.example", "you@d1.example"] {
        assert_eq!(world.server.seen().said(&format!("RCPT TO:<{reader}>")), 1, "{reader}");
    }
    assert!(!desk.path().join("data/campaign/w").exists() && !desk.path().join("data/marks").exists());
    // Whose domain has no exchanger gets none, and that is told.
    let (code, said) = sample("me@d9.example");
    assert_eq!((code, world.server.seen().messages), (Some(1), 2), "{said}");
    assert!(said.contains("the sample was refused"), "{said}");
    // The campaign goes as if there had been none.
    let (code, said) = desk.send("w", &world.config(LAB));
    assert_eq!((code, stands(&desk)), (Some(0), [0, 0, 3]), "{said}");
}
