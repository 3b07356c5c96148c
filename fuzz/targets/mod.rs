//! What is fuzzed: a function of any octets for each target, which panics when a promise is broken.
//!
//! Shared by the fuzzers (`fuzz_targets/`, run by `fuzz/run`) and by `tests/fuzz.rs`, which replays the corpora and
//! mutates them a little in each run of the tests.

pub mod addresses;
pub mod capabilities;
pub mod conversions;
pub mod journal;
pub mod lists;
pub mod policies;
pub mod records;
pub mod replies;
pub mod sessions;
pub mod templates;
pub mod tlsa;
pub mod tokens;

/// A target: the name, which is also that of its corpus, and the function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
#[allow(dead_code, reason = "a fuzzer knows its one target")]
pub const ALL: [Target; 12] = [
    ("addresses", addresses::run),
    ("capabilities", capabilities::run),
    ("conversions", conversions::run),
    ("journal", journal::run),
    ("lists", lists::run),
    ("policies", policies::run),
    ("records", records::run),
    ("replies", replies::run),
    ("sessions", sessions::run),
    ("templates", templates::run),
    ("tlsa", tlsa::run),
    ("tokens", tokens::run),
];

/// Takes `count` octets off the front, or what there is.
fn take<'d>(data: &mut &'d [u8], count: usize) -> &'d [u8] {
    let (taken, rest) = data.split_at(count.min(data.len()));
    *data = rest;
    taken
}

/// Takes one octet; 0 when there is none.
fn octet(data: &mut &[u8]) -> u8 {
    take(data, 1).first().copied().unwrap_or(0)
}

/// Takes a number of two octets; what is missing is 0.
fn number(data: &mut &[u8]) -> usize {
    usize::from(octet(data)) << 8 | usize::from(octet(data))
}
