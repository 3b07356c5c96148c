//! The dashboards and alerts that ship: they name only metrics that the engine has, with the labels that it has.
//!
//! Leaves to others: whether Prometheus accepts each expression, and whether a send fills it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use posthaste::observe::Metric;
use posthaste::observe::names::Kind;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}

/// Every expression of the dashboards and alerts, with where it stands.
fn expressions() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in ["overview", "sites", "engine"] {
        let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
        let board: serde_json::Value = serde_json::from_str(&text).unwrap();
        let panels = board["panels"].as_array().unwrap();
        assert!(panels.len() >= 8, "{name} has {} panels", panels.len());
        for panel in panels {
            for target in panel["targets"].as_array().unwrap() {
                found.push((format!("{name}: {}", panel["title"]), target["expr"].as_str().unwrap().to_owned()));
            }
        }
    }
    let alerts = std::fs::read_to_string(folder().join("alerts.yml")).unwrap();
    let rules: Vec<&str> = alerts.split("- alert: ").skip(1).collect();
    assert!(rules.len() >= 10);
    for rule in rules {
        let name = rule.lines().next().unwrap_or_default();
        let expr = rule.split_once("expr:").and_then(|(_, rest)| rest.split_once("        labels:")).unwrap().0;
        found.push((format!("alert {name}"), expr.to_owned()));
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The metrics that an expression names, each with the labels it selects by.
fn named(expr: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for (at, _) in expr.match_indices("posthaste_") {
        let name: String = expr[at..].chars().take_while(|c| is_name(*c)).collect();
        let behind = &expr[at + name.len()..];
        let selector = behind.strip_prefix('{').and_then(|s| s.split_once('}')).map_or("", |(s, _)| s);
        // A label is a name in front of `=`, `!=`, `=~`; what stands in quotes is a value.
        let outside: String = selector.split('"').step_by(2).collect();
        let labels = outside.split(',').map(|l| l.trim().chars().take_while(|c| is_name(*c)).collect::<String>());
        found.push((name, labels.filter(|l| !l.is_empty()).collect()));
    }
    found
}

fn metric(name: &str) -> Option<Metric> {
    let exact = |name: &str| Metric::ALL.iter().copied().find(|m| m.name() == name);
    let part = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).and_then(exact);
    exact(name).filter(|m| m.kind() != Kind::Histogram).or(part.filter(|m| m.kind() == Kind::Histogram))
}

#[test]
fn every_metric_and_label_exists() {
    for (place, expr) in expressions() {
        let metrics = named(&expr);
        assert!(!metrics.is_empty(), "{place}: no metric in {expr}");
        for (name, labels) in metrics {
            let metric = metric(&name).unwrap_or_else(|| panic!("{place}: no metric is called {name}"));
            for label in labels {
                let known = metric.labels().contains(&label.as_str()) || label == "instance" || label == "le";
                assert!(known, "{place}: {name} has no label {label}");
            }
        }
    }
}

#[test]
fn parentheses_match_and_every_metric_is_shown() {
    let mut shown = BTreeSet::new();
    for (place, expr) in expressions() {
        let balanced = expr.matches('(').count() == expr.matches(')').count();
        assert!(balanced && expr.matches('{').count() == expr.matches('}').count(), "{place}: {expr}");
        shown.extend(named(&expr).iter().filter_map(|(name, _)| metric(name)).map(Metric::name));
    }
    for metric in Metric::ALL {
        assert!(shown.contains(metric.name()), "no panel and no alert shows {}", metric.name());
    }
}

#[test]
fn the_test_can_fail() {
    assert_eq!(named("rate(posthaste_x_total{site=~\"a,b=c\",outcome=\"d\"}[5m])")[0].1, ["site", "outcome"]);
    assert!(metric("posthaste_delivery_seconds").is_none(), "a histogram is read by its buckets");
    assert!(metric("posthaste_delivery_seconds_bucket").is_some());
    assert!(metric("posthaste_messages").is_none() && metric("posthaste_messages_total_sum").is_none());
}
