//! What one bare RSA-2048 signature costs here: the reference for signed mail.
//!
//! `cargo bench --bench signature -- KEY.pem THREADS COUNT` signs COUNT times on each of so many threads at once and
//! prints one JSON object: `{"signatures", "cpu_us_each"}`. CPU is that of the signing threads alone, so that a busy
//! machine does not count. Without arguments: a key of its own, one thread.

#![allow(clippy::expect_used, reason = "a bench ends by panicking when its ground is missing")]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;

/// About as long as the headers that a signature covers.
const SIGNED: [u8; 1200] = [7; 1200];

fn main() {
    // `cargo bench` adds flags for a harness that is not here.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number = |at: usize, default: u64| words.get(at).map_or(default, |word| word.parse().expect("a number"));
    let key = words.first().map_or_else(|| KeyPair::generate(KeySize::Rsa2048).expect("a key"), |file| read(file));
    let (threads, count) = (number(1, 1), number(2, 2000));
    let spent_ns: u64 = std::thread::scope(|scope| {
        let signing: Vec<_> = (0..threads).map(|_| scope.spawn(|| sign(&key, count))).collect();
        signing.into_iter().map(|thread| thread.join().expect("signed")).sum()
    });
    let signatures = threads * count;
    println!("{{\"signatures\": {signatures}, \"cpu_us_each\": {:.2}}}", spent_ns as f64 / 1e3 / signatures as f64);
}

fn read(file: &str) -> KeyPair {
    let der = PrivatePkcs8KeyDer::from_pem_file(file).expect("a PEM file");
    KeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("an RSA key")
}

/// Signs so many times; the thread's CPU for it, in nanoseconds.
fn sign(key: &KeyPair, count: u64) -> u64 {
    let random = SystemRandom::new();
    let mut signature = vec![0; key.public_modulus_len()];
    let before = cpu_ns();
    for _ in 0..count {
        key.sign(&RSA_PKCS1_SHA256, &random, &SIGNED, &mut signature).expect("a signature");
    }
    cpu_ns() - before
}

/// What the calling thread has spent on a CPU so far.
fn cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    stat.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number of nanoseconds")
}
