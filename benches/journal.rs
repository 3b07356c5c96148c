//! What the journal costs: `cargo bench --bench journal`. The disk's figures come first and are plain text: they depend on
//! the file system of the working directory (set `BENCH_DIR` to choose another one).
#![expect(clippy::unwrap_used, reason = "a bench stops at the first thing that fails")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use posthaste::base::clock::{Instant, UnixTime};
use posthaste::engine::message::{Append, Recorded};
use posthaste::engine::recorder::Recorder;
use posthaste::journal::context::{Dictionary, Parts};
use posthaste::journal::disk::Disk;
use posthaste::journal::record::{Kind, Record, entries};
use posthaste::journal::replay::{Range, replay};
use posthaste::journal::sim::SimDisk;
use posthaste::journal::state::State;
use posthaste::journal::writer::{Config, Journal, Start};
use posthaste::mail::Enhanced;
use posthaste::wire::disk::{Files, Reader};
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;

fn main() {
    for batch in [16, 128, 2048] {
        disk(batch, 2_000_000);
    }
    paced();
    divan::main();
}

fn home() -> tempfile::TempDir {
    let place = std::env::var_os("BENCH_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    tempfile::tempdir_in(place).unwrap()
}

/// CPU so far of the threads of this name (empty: all), from the kernel's account of them, in microseconds.
fn cpu_us(name: &str) -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let named = |t: &std::fs::DirEntry| {
        std::fs::read_to_string(t.path().join("comm")).is_ok_and(|n| name.is_empty() || n.trim() == name)
    };
    threads
        .filter_map(|t| {
            let t = t.ok().filter(named)?;
            std::fs::read_to_string(t.path().join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok()
        })
        .sum::<u64>()
        / 1000
}

fn batch_of(records: u32, from: u32) -> Vec<u8> {
    let mut octets = Vec::with_capacity(16 * records as usize);
    for recipient in from..from + records {
        let kind = if recipient % 2 == 0 { Kind::Attempt } else { Kind::Delivered };
        Record { recipient, at: UnixTime(1), code: 250, kind, attempts: 1, extra: 1 }.encode_into(&mut octets);
    }
    octets
}

fn wait_for(heard: &crossbeam_channel::Receiver<Recorded>, last: u64) {
    loop {
        match heard.recv().unwrap() {
            Recorded::Durable(ticket) if ticket == last => return,
            Recorded::Durable(_) => {}
            Recorded::Short(reason) | Recorded::Failed(reason) => {
                println!("{reason}");
                std::process::exit(1);
            }
        }
    }
}

/// One shard that appends as fast as it can, to the real disk; then a replay of it.
fn disk(records: u32, total: u32) {
    let home = home();
    let (sender, inbox) = crossbeam_channel::bounded(256);
    let (told, heard) = crossbeam_channel::unbounded();
    let journal = Journal::new(Config::default(), Start::fresh(7));
    let files = Files::open(home.path()).unwrap();
    let notify = Box::new(move |_, what| drop(told.send(what)));
    let (begun, cpu) = (std::time::Instant::now(), cpu_us(""));
    let recorder = Recorder::spawn(Box::new(files), journal, inbox, notify).unwrap();
    let last = u64::from(total / records);
    for ticket in 1..=last {
        sender.send(Append { shard: 0, ticket, entries: batch_of(records, ticket as u32 * records) }).unwrap();
    }
    wait_for(&heard, last);
    let (took, cpu) = (begun.elapsed(), cpu_us("") - cpu);
    let counters = recorder.counters();
    let (commits, octets) = (counters.commits.load(Relaxed), counters.octets.load(Relaxed));
    let sync_us = counters.sync_us.load(Relaxed) / commits.max(1);
    let n = f64::from(total / records * records);
    println!(
        "disk: appends of {records:4}: {:.2} M transitions/s, {:.3} µs CPU each, {:.1} octets each, {commits} commits, \
         sync {sync_us} µs mean, {} µs max",
        n / took.as_secs_f64() / 1e6,
        cpu as f64 / n,
        octets as f64 / n,
        counters.sync_us_max.load(Relaxed),
    );
    drop(sender);
    recorder.join().unwrap();
    let mut state = State::new();
    state.load(total + records * 2, 0);
    let begun = std::time::Instant::now();
    let found = replay(&mut Reader::new(home.path()), Range::ALL, &mut |_, octets| state.fold(octets)).unwrap();
    let took = begun.elapsed().as_secs_f64();
    assert_eq!((found.octets, found.damage.len()), (16 * u64::from(total / records * records), 0));
    println!("disk: replay into state: {:.1} M records/s", n / took / 1e6);
}

/// 20,000 transitions a second in batches of 20, as a busy sender makes them: what a commit costs when nothing is in a hurry.
fn paced() {
    let home = home();
    let (sender, inbox) = crossbeam_channel::bounded(256);
    let (told, heard) = crossbeam_channel::unbounded();
    let files = Files::open(home.path()).unwrap();
    let notify = Box::new(move |_, what| drop(told.send(what)));
    let recorder =
        Recorder::spawn(Box::new(files), Journal::new(Config::default(), Start::fresh(7)), inbox, notify).unwrap();
    let begun = std::time::Instant::now();
    sender.send(Append { shard: 0, ticket: 0, entries: batch_of(20, 0) }).unwrap();
    wait_for(&heard, 0);
    println!("start: the first commit is durable after {} ms", begun.elapsed().as_millis());
    let cpu = cpu_us("journal");
    for ticket in 1..=2000u32 {
        sender.send(Append { shard: 0, ticket: u64::from(ticket), entries: batch_of(20, ticket * 20) }).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    wait_for(&heard, 2000);
    let cpu = cpu_us("journal") - cpu;
    let counters = recorder.counters();
    let commits = counters.commits.load(Relaxed);
    println!(
        "paced: 20 transitions a ms: {commits} commits, {:.2} µs CPU of the journal's thread each transition, {:.0} µs each commit, sync {} µs mean",
        cpu as f64 / 40_000.0,
        cpu as f64 / commits as f64,
        counters.sync_us.load(Relaxed) / commits.max(1)
    );
    drop(sender);
    recorder.join().unwrap();
}

const REPLY: &[u8] = b"Ok: queued as 4ZbcQk2nXrz1Ab on mx1.acme.example";

fn parts(code: u16) -> Parts<'static> {
    let enhanced = Some(Enhanced::new(2, 0, 0));
    Parts { site: "acme.example", host: "mx1.acme.example", code, enhanced, phase: "end", text: REPLY }
}

/// A known context looked up: a 2yz text that is normalised first, and a refusal taken as it is.
#[divan::bench(args = [250, 550])]
fn known_context(bencher: Bencher<'_, '_>, code: u16) {
    let mut dictionary = Dictionary::new(0, 0);
    let mut batch = Vec::new();
    for n in 0..2000 {
        let site = format!("site{n}.example");
        dictionary.intern(&Parts { site: &site, ..parts(250) }, &mut batch);
    }
    dictionary.intern(&parts(code), &mut batch);
    bencher.bench_local(|| dictionary.intern(black_box(&parts(code)), &mut batch));
}

#[divan::bench]
fn encode_a_record(bencher: Bencher<'_, '_>) {
    let mut batch = Vec::with_capacity(1 << 16);
    bencher.counter(ItemsCount::new(1000u32)).bench_local(|| {
        batch.clear();
        for recipient in 0..1000 {
            let record = Record { recipient, at: UnixTime(9), code: 250, kind: Kind::Delivered, attempts: 1, extra: 7 };
            black_box(record).encode_into(&mut batch);
        }
        batch.len()
    });
}

#[divan::bench]
fn decode_records(bencher: Bencher<'_, '_>) {
    let octets = batch_of(10_000, 0);
    bencher.counter(ItemsCount::new(10_000u32)).bench(|| entries(black_box(&octets)).filter(Result::is_ok).count());
}

/// A journal in memory, replayed into the state of so many recipients that it does not fit a cache.
#[divan::bench(args = [100_000, 10_000_000], sample_count = 5)]
fn replay_from_memory(bencher: Bencher<'_, '_>, recipients: u32) {
    let mut disk = SimDisk::new(0);
    let mut journal = Journal::new(Config::default(), Start::fresh(7));
    let records = 2_000_000u32;
    let mut random = fastrand::Rng::with_seed(1);
    for ticket in 0..u64::from(records / 1000) {
        if let Some(p) = journal.poll_prepare(Instant(0)) {
            disk.prepare(p.segment, p.octets);
            disk.prepared(true);
            journal.handle_prepared();
        }
        journal.append(0, ticket, &batch_of(1000, random.u32(..recipients - 1000)), Instant(0)).unwrap();
        if ticket % 8 == 7 {
            journal.flush();
            while let Some(w) = journal.poll_write(Instant(0)) {
                disk.write(w.segment, w.offset, w.block.octets()).unwrap();
                journal.handle_synced(w.lsn, w.block);
            }
        }
    }
    let mut state = State::new();
    state.load(recipients, 0);
    bencher.counter(ItemsCount::new(records)).bench_local(|| {
        let found = replay(&mut disk, Range::ALL, &mut |_, octets| state.fold(octets)).unwrap();
        assert_eq!(found.octets, 16 * u64::from(records));
    });
}
