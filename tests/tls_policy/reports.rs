//! What is counted of TLS, and reported to the domains (RFC 8460).

use crate::certificates::self_signed;
use crate::world::World;
use serde_json::{Value, json};
use std::process::Command;

/// The reports of all that was counted, by domain.
fn reports(world: &World) -> Vec<(String, Value)> {
    let folder = world.folder.path().join("reports");
    let done = Command::new(env!("CARGO_BIN_EXE_posthaste"))
        .args([
            "tls-report",
            "--until",
            "2100-01-01",
            "--organization",
            "Acme",
            "--contact",
            "tls@me.example",
            "--data",
        ])
        .arg(world.folder.path().join("data"))
        .arg("--write")
        .arg(&folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let domain = name.strip_prefix("me.example!").unwrap().split('!').next().unwrap().to_owned();
        all.push((domain, serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn testing_delivers_and_reports_what_enforcing_would_have_refused_and_enforcing_reports_what_it_refused() {
    let mut world = World::new();
    world.tls = "report = true\n".to_owned();
    let (good, bad) = (world.authority.issue(&["mx.good.example"]), self_signed(&["mx.bad.example"]));
    let good = world.exchanger("mx.good.example", Some(&good));
    let bad = world.exchanger("mx.bad.example", Some(&bad));
    let policy = |mode: &str, mx: &str| format!("version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 604800\n");
    // One policy is on the web at a time, and is kept from then on.
    for (domain, host, mode, delivered) in [
        ("a.example", "mx.bad.example", "testing", 1),
        ("b.example", "mx.bad.example", "enforce", 0),
        ("a.b.example", "mx.good.example", "enforce", 1),
    ] {
        world.domain(domain, &[(10, host)]);
        world.web.shows(world.authority.issue(&[&format!("mta-sts.{domain}")]));
        world.announce(domain, "1", &policy(mode, host));
        world.send(&[&format!("someone@{domain}")]).expect(delivered, 1 - delivered);
    }
    world.domain("plain.example", &[(10, "mx.good.example")]);
    world.send(&["someone@plain.example"]).expect(1, 0);
    good.took(2);
    bad.took(1);
    let reports = reports(&world);
    let told: Vec<Value> = reports
        .iter()
        .map(|(domain, report)| {
            let policy = &report["policies"][0];
            let summary = &policy["summary"];
            json!([
                domain,
                policy["policy"]["policy-type"],
                summary["total-successful-session-count"],
                summary["total-failure-session-count"],
                policy["failure-details"][0]["result-type"],
                policy["failure-details"][0]["receiving-mx-hostname"],
            ])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!(["a.b.example", "sts", 1, 0, null, null]),
            json!(["a.example", "sts", 0, 1, "certificate-not-trusted", "mx.bad.example"]),
            json!(["b.example", "sts", 0, 1, "certificate-not-trusted", "mx.bad.example"]),
            json!(["plain.example", "no-policy-found", 1, 0, null, null]),
        ]
    );
    assert_eq!(reports[0].1["organization-name"], "Acme");
    // What was reported is not reported again.
    std::fs::remove_dir_all(world.folder.path().join("reports")).unwrap();
    assert!(self::reports(&world).is_empty());
}
