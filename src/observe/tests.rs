//! What Prometheus gets to see.

use super::counters::{Spread, Value};
use super::names::{Kind, Metric, SITES_MAX};
use super::{JournalCounters, Observer, ShardCounters, SiteCounters};
use crate::mail::{Disposition, Enhanced, ReplyRef};
use std::io::{Read, Write};
use std::time::Duration;

fn line<'a>(page: &'a str, start: &str) -> Option<&'a str> {
    page.lines().find(|line| line.starts_with(start))
}

#[test]
fn names_follow_the_conventions() {
    for metric in Metric::ALL {
        let name = metric.name();
        assert!(name.starts_with("posthaste_") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        assert_eq!(name.ends_with("_total"), metric.kind() == Kind::Counter, "{name}");
        assert_eq!(Metric::ALL.iter().filter(|m| m.name() == name).count(), 1, "{name} stands twice");
        assert!(metric.help().ends_with('.'), "{name}");
    }
}

#[test]
fn differences_add_up_over_publishers_and_levels_go_back() {
    let observer = Observer::without_page().unwrap();
    let (mut one, mut two) = (observer.publisher(), observer.publisher());
    let mut counters = ShardCounters { messages: 5, sessions_open: 3, ..Default::default() };
    counters.recipients.add(Disposition::Delivered, 7);
    counters.replies.count(ReplyRef { code: 451, enhanced: Some(Enhanced::new(4, 7, 500)), text: b"" });
    counters.replies.count(ReplyRef { code: 550, enhanced: None, text: b"" });
    one.publish(&counters);
    two.publish(&counters);
    counters.messages = 6;
    counters.sessions_open = 1;
    one.publish(&counters);
    let page = observer.render();
    assert_eq!(line(&page, "posthaste_messages_total"), Some("posthaste_messages_total 11"));
    assert_eq!(line(&page, "posthaste_sessions_open "), Some("posthaste_sessions_open 4"));
    assert!(page.contains("posthaste_recipients_total{outcome=\"delivered\"} 14"), "{page}");
    assert!(page.contains("posthaste_replies_total{class=\"4\",subject=\"7\"} 2"));
    assert!(page.contains("posthaste_replies_total{class=\"5\",subject=\"none\"} 2"));
    drop(one);
    assert_eq!(line(&observer.render(), "posthaste_sessions_open "), Some("posthaste_sessions_open 3"));
    assert_eq!(line(&observer.render(), "posthaste_messages_total"), Some("posthaste_messages_total 11"));
}

#[test]
fn a_spread_keeps_counts_and_sum() {
    let observer = Observer::without_page().unwrap();
    let mut journal = JournalCounters::default();
    let mut publisher = observer.publisher();
    for ms in [0, 1, 3, 4, 700_000] {
        journal.sync.record(Duration::from_millis(ms));
    }
    publisher.publish(&journal);
    journal.sync.record(Duration::from_millis(2));
    publisher.publish(&journal);
    let page = observer.render();
    assert!(page.contains("posthaste_journal_sync_seconds_bucket{le=\"0.005\"} 5"), "{page}");
    assert!(page.contains("posthaste_journal_sync_seconds_bucket{le=\"0.001\"} 2"));
    assert!(page.contains("posthaste_journal_sync_seconds_bucket{le=\"+Inf\"} 6"));
    let sum: f64 =
        line(&page, "posthaste_journal_sync_seconds_sum").unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    assert!((sum - 700.010).abs() < 1e-6, "{sum}");
    assert_eq!(journal.sync.count(), 6);
}

#[test]
fn every_metric_that_is_shown_has_the_kind_and_labels_of_its_definition() {
    let mut seen = Vec::new();
    let mut check = |metric: Metric, labels: &[(&'static str, &'static str)], value: Value<'_>| {
        let kind = match value {
            Value::Total(_) => Kind::Counter,
            Value::Level(_) => Kind::Gauge,
            Value::Spread(_) => Kind::Histogram,
        };
        assert_eq!(kind, metric.kind(), "{}", metric.name());
        let known = metric.labels().iter().filter(|&&label| label != "site");
        assert!(known.eq(labels.iter().map(|(name, _)| name)), "{}", metric.name());
        seen.push(metric);
    };
    use super::counters::Facts;
    ShardCounters::default().show(&mut check);
    SiteCounters::default().show(&mut check);
    JournalCounters::default().show(&mut check);
    super::LoaderCounters::default().show(&mut check);
    super::RenderCounters::default().show(&mut check);
    super::DnsCounters::default().show(&mut check);
    seen.extend([Metric::StartTime, Metric::BuildInfo]);
    for metric in Metric::ALL {
        assert!(seen.contains(metric), "nothing feeds {}", metric.name());
    }
}

#[test]
fn sites_with_a_label_are_bounded() {
    let observer = Observer::without_page().unwrap();
    for n in 0..SITES_MAX {
        assert!(observer.site(&format!("mx{n}.example")).is_some());
    }
    assert!(observer.site("one-too-many.example").is_none());
    let mut known = observer.site("mx0.example").expect("a known site keeps its label");
    known.publish(&SiteCounters { deferrals: 2, ..Default::default() });
    observer.other_sites().publish(&SiteCounters { deferrals: 9, ..Default::default() });
    let page = observer.render();
    assert!(page.contains("posthaste_site_deferrals_total{site=\"mx0.example\"} 2"), "{page}");
    assert!(page.contains("posthaste_site_deferrals_total{site=\"other\"} 9"));
}

#[test]
fn nobody_listens() {
    let observer = Observer::off();
    assert!(!observer.is_on() && observer.site("mx.example").is_none());
    observer.publisher().publish(&ShardCounters::default());
    assert_eq!(observer.render(), "");
}

#[test]
fn the_page_is_served_and_a_taken_port_is_told() {
    let (observer, address) = Observer::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    observer.started(crate::base::clock::UnixTime(1_800_000_000));
    let mut peer = std::net::TcpStream::connect(address).unwrap();
    peer.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    peer.read_to_string(&mut page).unwrap();
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    assert!(page.contains("posthaste_start_time_seconds 1800000000"), "{page}");
    assert!(page.contains("posthaste_build_info{version="), "{page}");
    let error = Observer::listen(address).unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("hint: another process has the port"), "{error}");
}

#[test]
fn the_bounds_of_a_spread_are_inclusive() {
    let mut spread = Spread::default();
    spread.record(Duration::from_micros(100));
    spread.record(Duration::from_micros(101));
    spread.record(Duration::MAX);
    assert_eq!((spread.counts[0], spread.counts[1], spread.counts[16]), (1, 1, 1));
}
