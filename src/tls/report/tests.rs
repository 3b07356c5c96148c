//! Reports as a domain's postmaster gets them.

use super::*;
use crate::tls::{Failure, dane::Tlsa, sts};
use flate2::read::GzDecoder;
use proptest::prelude::*;
use std::io::Read;

const DAY: u32 = 20_782;

fn submitter() -> Submitter {
    Submitter {
        organization: "Acme \"Mail\"".into(),
        domain: "acme.example".into(),
        contact: "tls@acme.example".into(),
    }
}

fn sts_policy() -> Policy {
    let policy = sts::Policy::parse(b"version: STSv1\nmode: testing\nmx: *.mail.b.example\nmax_age: 86400").unwrap();
    Policy::sts("b.example", &policy)
}

fn expired(host: &str) -> Details {
    Details {
        sending_mta_ip: Some("192.0.2.1".parse().unwrap()),
        receiving_mx_hostname: Some(host.into()),
        receiving_ip: Some("2001:db8::1".parse().unwrap()),
        ..Details::new(Failure::CertificateExpired)
    }
}

#[test]
fn a_day_becomes_the_json_of_the_rfc() {
    let mut tallies = Tallies::default();
    tallies.success(DAY, &sts_policy(), 5326);
    tallies.failure(DAY, &sts_policy(), &expired("mx1.mail.b.example"));
    tallies.failure(DAY, &sts_policy(), &expired("mx1.mail.b.example"));
    tallies.failure(DAY, &sts_policy(), &Details::new(Failure::StartTlsNotSupported));
    let reports = tallies.take_before(DAY + 1);
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].sessions(), (5326, 3));
    let json: serde_json::Value = serde_json::from_str(&reports[0].json(&submitter(), "id-1")).unwrap();
    let expected = serde_json::json!({
        "organization-name": "Acme \"Mail\"",
        "date-range": {"start-datetime": "2026-11-25T00:00:00Z", "end-datetime": "2026-11-25T23:59:59Z"},
        "contact-info": "tls@acme.example",
        "report-id": "id-1",
        "policies": [{
            "policy": {
                "policy-type": "sts",
                "policy-string": ["version: STSv1", "mode: testing", "mx: *.mail.b.example", "max_age: 86400"],
                "policy-domain": "b.example",
                "mx-host": ["*.mail.b.example"],
            },
            "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 3},
            "failure-details": [
                {
                    "result-type": "certificate-expired",
                    "sending-mta-ip": "192.0.2.1",
                    "receiving-mx-hostname": "mx1.mail.b.example",
                    "receiving-ip": "2001:db8::1",
                    "failed-session-count": 2,
                },
                {"result-type": "starttls-not-supported", "failed-session-count": 1},
            ],
        }],
    });
    assert_eq!(json, expected);
}

#[test]
fn days_and_domains_have_reports_of_their_own_and_today_is_left() {
    let mut tallies = Tallies::default();
    let tlsa = Policy::tlsa("b.example", &[Tlsa { usage: 3, selector: 1, matching: 1, data: [0xab; 32].into() }]);
    for day in [DAY, DAY + 1, DAY + 2] {
        tallies.success(day, &tlsa, 1);
        tallies.success(day, &Policy::none("c.example"), 2);
        tallies.success(day, &Policy::none("b.example"), 4);
    }
    let reports = tallies.take_before(DAY + 2);
    let named: Vec<_> = reports.iter().map(|r| (r.day, &*r.domain, r.sessions().0)).collect();
    assert_eq!(
        named,
        [(DAY, "b.example", 5), (DAY, "c.example", 2), (DAY + 1, "b.example", 5), (DAY + 1, "c.example", 2)]
    );
    let json = reports[0].json(&submitter(), "x");
    assert!(json.contains(&format!("\"3 1 1 {}\"", "ab".repeat(32))), "{json}");
    assert!(json.contains("\"tlsa\"") && json.contains("\"no-policy-found\""), "{json}");
    let again: Tallies = serde_json::from_str(&serde_json::to_string(&tallies).unwrap()).unwrap();
    assert_eq!(again, tallies);
    assert_eq!(tallies.take_before(DAY + 3).len(), 2);
    assert!(tallies.is_empty());
}

#[test]
fn memory_is_bounded_and_what_is_dropped_is_counted() {
    let mut tallies = Tallies::default();
    for n in 0..POLICIES_MAX + 10 {
        tallies.success(DAY, &Policy::none(&format!("d{n}.example")), 3);
    }
    assert_eq!(tallies.dropped(), 30);
    tallies.success(DAY, &Policy::none("d1.example"), 1);
    assert_eq!(tallies.dropped(), 30, "a known domain still has its place");
    let mut tallies = Tallies::default();
    for n in 0..DETAILS_MAX + 5 {
        let mut details = expired(&format!("mx{n}.b.example"));
        details.failure_reason_code = Some("x".repeat(10_000).into());
        tallies.failure(DAY, &sts_policy(), &details);
    }
    let report = &tallies.take_before(DAY + 1)[0];
    assert_eq!(report.sessions().1, DETAILS_MAX as u64 + 5);
    let json = report.json(&submitter(), "x");
    assert_eq!(json.matches("result-type").count(), DETAILS_MAX);
    assert!(json.len() < DETAILS_MAX * 1000, "{}", json.len());
}

#[test]
fn the_mail_is_what_the_rfc_says_and_its_attachment_is_the_report() {
    let mut tallies = Tallies::default();
    tallies.success(DAY, &sts_policy(), 1);
    for n in 0..20 {
        tallies.failure(DAY, &sts_policy(), &expired(&format!("mx{n}.mail.b.example")));
    }
    let report = tallies.take_before(DAY + 1).remove(0);
    let ids = MailIds { report: "20261125.7".into(), written_s: 1_795_737_600 };
    let mail = report.mail(&submitter(), "tls@acme.example", "reports@b.example\r\nBcc: x@y", &ids);
    assert_eq!(mail.file, "acme.example!b.example!1795564800!1795651199!20261125.7.json.gz");
    let text = String::from_utf8(mail.message).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    for line in [
        "From: tls@acme.example",
        "To: reports@b.exampleBcc:x@y",
        "Date: Fri, 27 Nov 2026 00:00:00 +0000",
        "TLS-Report-Domain: b.example",
        "TLS-Report-Submitter: acme.example",
        "TLS-Required: No",
        "Content-Type: multipart/report; report-type=\"tlsrpt\";",
        "Message-ID: <20261125.7@acme.example>",
    ] {
        assert!(head.lines().any(|l| l == line), "{line}\n{head}");
    }
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
    assert!(text.lines().all(|line| line.len() <= 78 && !line.starts_with('.')), "{text}");
    assert!(body.contains("1 sessions succeeded, 20 failed."), "{body}");
    let mut json = String::new();
    GzDecoder::new(&*mail.gzip).read_to_string(&mut json).unwrap();
    assert_eq!(json, report.json(&submitter(), "20261125.7"));
    let attached = text.split("filename=").nth(1).and_then(|rest| rest.split("\r\n\r\n").nth(1)).unwrap();
    let attached: String = attached.split("\r\n--").next().unwrap().split("\r\n").collect();
    assert_eq!(decoded(&attached), mail.gzip);
}

fn decoded(base64: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let letters: Vec<u8> = base64.bytes().filter(|&c| c != b'=').collect();
    let groups = letters.chunks(4).flat_map(|group| {
        let bits = group.iter().fold(0u32, |bits, &c| bits << 6 | u32::from(value(c))) << (6 * (4 - group.len()));
        bits.to_be_bytes()[1..group.len()].to_vec()
    });
    groups.collect()
}

#[test]
fn rua_names_mailboxes_and_addresses() {
    let parse = |records: &[&str]| {
        Rua::parse(records).map(|rua| {
            let all = rua.mailto.iter().chain(&rua.https);
            all.map(|uri| uri.to_string()).collect::<Vec<_>>()
        })
    };
    let some = |list: &[&str]| Some(list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
    assert_eq!(parse(&["v=TLSRPTv1;rua=mailto:reports@a.example"]), some(&["reports@a.example"]));
    assert_eq!(
        parse(&["other", "v=TLSRPTv1; rua=https://r.a.example/v1 , MAILTO:b%2Bc@a.example?subject=x; x=y;"]),
        some(&["b+c@a.example", "https://r.a.example/v1"])
    );
    for bad in [
        &["v=TLSRPTv1; rua=mailto:a@b.example", "v=TLSRPTv1; rua=mailto:c@b.example"][..],
        &["v=TLSRPTv1"],
        &["v=TLSRPTv1; rua="],
        &["v=TLSRPTv1; rua=http://a.example/"],
        &["v=TLSRPTv1; rua=mailto:nobody"],
        &["v=TLSRPTv1; rua=mailto:a%0d%0a@b.example"],
        &["v=TLSRPTv1; rua=mailto:a%+1@b.example"],
        &["v=TLSRPTv1; rua=mailto:a@b.example%2"],
        &["v=TLSRPTv1; rua=https://"],
        &[],
    ] {
        assert_eq!(parse(bad), None, "{bad:?}");
    }
    let many = (0..50).map(|n| format!("mailto:r{n}@a.example")).collect::<Vec<_>>().join(",");
    assert_eq!(Rua::parse(&[format!("v=TLSRPTv1; rua={many}")]).unwrap().mailto.len(), RUA_MAX);
}

proptest! {
    #[test]
    fn no_record_breaks_it(text in ".{0,80}", tail in "[a-z:@%0-9,;= ]{0,60}") {
        let _rua = Rua::parse(&[format!("v=TLSRPTv1;{text}"), format!("v=TLSRPTv1; rua={tail}")]);
        if let Some(rua) = Rua::parse(&[format!("v=TLSRPTv1; rua=mailto:{tail}")]) {
            prop_assert!(rua.mailto.iter().all(|m| m.bytes().all(|b| b.is_ascii_graphic())));
        }
    }
}
