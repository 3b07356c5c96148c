//! Replays the corpora of the fuzz targets, and mutates each of their files a little, the same way in each run.
//!
//! Guarantees: what a fuzzer once found stays found. Leaves to others: finding more (`fuzz/run`), which takes minutes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "whatever is not as it should be ends the test, and says where"
)]

#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use targets::Target;

/// Mutations of a corpus, all of its files together.
const MUTATIONS: usize = 3000;
/// The same where one run costs files.
const MUTATIONS_OF_LISTS: usize = 200;
/// A mutation makes nothing longer, in octets.
const OCTETS_MAX: usize = 64 * 1024;

/// What parsers here have a special ear for.
const WORDS: [&[u8]; 24] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b".",
    b"..",
    b"@",
    b"\"",
    b"\\",
    b"{{",
    b"}}",
    b"{%",
    b"=",
    b":",
    b";",
    b",",
    b"250 ",
    b"250-",
    b"421 4.7.0 x\r\n",
    b"452 4.5.3 x\r\n",
    b"354 x\r\n",
    b"\xed\xa0\x80",
    b"xn--",
];

/// Replays a target's corpus, and its neighbourhood.
fn replay(name: &str) {
    let target = *targets::ALL.iter().find(|(known, _)| *known == name).expect("a target");
    let seeds = corpus(name);
    assert!(seeds.len() >= 5, "fuzz/corpus/{name} holds {} files", seeds.len());
    let mutations = if name == "lists" { MUTATIONS_OF_LISTS } else { MUTATIONS } / seeds.len();
    for (at, (file, octets)) in seeds.iter().enumerate() {
        check(target, file, octets);
        let mut random = fastrand::Rng::with_seed(at as u64);
        for _ in 0..mutations {
            let other = &seeds[random.usize(..seeds.len())].1;
            check(target, file, &mutated(octets, other, &mut random));
        }
    }
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        #[test]
        fn each_target_is_replayed() {
            assert_eq!([$(stringify!($name)),*], targets::ALL.map(|(name, _)| name));
        }
    };
}

replays! { addresses capabilities conversions journal lists policies records replies sessions templates tlsa tokens }

/// The files of a target's corpus, in order.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .flatten()
        .map(|f| f.path())
        .collect();
    files.sort();
    files.into_iter().map(|file| (file.clone(), fs::read(&file).expect("a file of the corpus"))).collect()
}

/// Runs a target on some octets; if it panics, says on which.
fn check((name, run): Target, file: &Path, octets: &[u8]) {
    if let Err(cause) = catch_unwind(AssertUnwindSafe(|| run(octets))) {
        eprintln!("{name} fails on what was made of {}:\n{}", file.display(), octets.escape_ascii());
        resume_unwind(cause);
    }
}

/// One to four small changes.
fn mutated(octets: &[u8], other: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut octets = octets.to_vec();
    for _ in 0..random.usize(1..=4) {
        let at = random.usize(..=octets.len());
        let end = at + random.usize(..=(octets.len() - at).min(64));
        match random.u8(..7) {
            0 => octets.get_mut(at).into_iter().for_each(|o| *o ^= 1 << random.u8(..8)),
            1 => octets.get_mut(at).into_iter().for_each(|o| *o = random.u8(..)),
            2 => drop(octets.drain(at..end)),
            3 => octets.truncate(at),
            4 => {
                let word = WORDS[random.usize(..WORDS.len())];
                octets.splice(at..at, word.iter().copied());
            }
            5 => {
                let again: Vec<u8> = octets[at..end].repeat(random.usize(1..=40));
                octets.splice(at..at, again);
            }
            _ => {
                let from = random.usize(..=other.len());
                octets.splice(at..end, other[from..].iter().copied());
            }
        }
    }
    octets.truncate(OCTETS_MAX);
    octets
}
