//! What a row costs on its way from the list into the table: its address, its place among those seen, and the whole.

#![expect(clippy::unwrap_used, reason = "a benchmark has nobody to tell of an error")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use posthaste::content::{Composer, Source, Spec};
use posthaste::engine::keyset::KeySet;
use posthaste::engine::loader::{List, LoadSpec, Loaded, load};
use posthaste::engine::suppression::Suppression;
use posthaste::engine::table::{Manifest, RowBlock, Table, TableWriter};
use posthaste::mail::address;
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

fn main() {
    divan::main();
}

#[divan::bench]
fn parse_address(bencher: Bencher<'_, '_>) {
    let mut out = Vec::with_capacity(256);
    bencher.bench_local(|| {
        out.clear();
        address::parse_into(black_box(b"ada.lovelace+news@mail.example.org"), &mut out)
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn insert_a_million_keys(bencher: Bencher<'_, '_>) {
    let keys: Vec<String> = (0..1_000_000).map(|i| format!("person{i}@d{}.example", i % 20_000)).collect();
    bencher.counter(ItemsCount::new(keys.len())).bench_local(|| {
        let mut set = KeySet::new([1; 16]);
        keys.iter().filter(|key| set.insert(key.as_bytes())).count()
    });
}

/// A list of three columns, about 60 octets a row, over `rows / 50` domains in no order.
fn write_list(path: &Path, rows: u64) {
    let mut list = BufWriter::new(std::fs::File::create(path).unwrap());
    writeln!(list, "email,first_name,code").unwrap();
    let domains = (rows / 50).max(1);
    for i in 0..rows {
        let scattered = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        writeln!(list, "person{i}@domain{}.example,Firstname,{scattered:016x}", (scattered >> 20) % domains).unwrap();
    }
    // Else the first syncs of the table would wait for the list's own pages.
    list.into_inner().unwrap().sync_all().unwrap();
}

fn load_into(home: &Path, list: PathBuf, letter: Option<&Composer>) {
    let columns = ["first_name".to_owned(), "code".to_owned()];
    let mut table = TableWriter::create(home, Manifest::new("bench", 1, 0, [1; 32], &columns)).unwrap();
    let suppression = Suppression::new([2; 16]);
    let spec = LoadSpec {
        list: List::at(list),
        email: "email".to_owned(),
        header_columns: columns.to_vec(),
        letter,
        max_rejected: 0.05,
        suppression: &suppression,
        readmitted: &[],
        quiet: std::time::Duration::ZERO,
        onlooker: None,
    };
    let mut last = None;
    load(&spec, &mut table, &AtomicBool::new(false), |loaded| {
        last = Some(loaded);
        ControlFlow::Continue(())
    });
    assert!(matches!(last, Some(Loaded::End(_))), "{last:?}");
}

fn rows() -> u64 {
    std::env::var("LOADER_ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(500_000)
}

/// `LOADER_ROWS` rows, by default 500,000, in `TMPDIR`: reading, deduplicating, sorting, writing, syncing.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn load_a_list(bencher: Bencher<'_, '_>) {
    let rows = rows();
    let home = tempfile::tempdir().unwrap();
    let list = home.path().join("list.csv");
    write_list(&list, rows);
    bencher.counter(ItemsCount::new(rows)).bench_local(|| {
        let campaign = home.path().join("campaign");
        load_into(&campaign, list.clone(), None);
        std::fs::remove_dir_all(campaign).unwrap();
    });
}

/// The same with the letter rehearsed on the rows: of values alone, with filters and without branches, and with branches, which is
/// rehearsed on each row before the first is taken in. What it takes longer than `load_a_list` is what the rehearsal costs.
#[divan::bench(sample_count = 3, sample_size = 1, args = ["values", "filters", "branches"])]
fn load_a_list_and_rehearse_the_letter(bencher: Bencher<'_, '_>, which: &str) {
    let text = match which {
        "values" => "Dear {{ first_name }}, your code is {{ code }}.",
        "filters" => "Dear {{ first_name|default('friend')|title }}, your code is {{ code|upper|truncate(40) }}.",
        _ => "{% if first_name %}Dear {{ first_name }}{% else %}Hello{% endif %}, your code is {{ code }}.",
    };
    let spec = Spec {
        from: "news@acme.example".to_owned(),
        subject: "Hello {{ first_name }}".to_owned(),
        text: Some(Source { file: "letter.txt".to_owned(), text: text.to_owned() }),
        ..Spec::default()
    };
    let letter = Composer::compile(spec, &["email", "first_name", "code"].map(str::to_owned), "email").unwrap();
    let (rows, home) = (rows(), tempfile::tempdir().unwrap());
    let list = home.path().join("list.csv");
    write_list(&list, rows);
    bencher.counter(ItemsCount::new(rows)).bench_local(|| {
        let campaign = home.path().join("campaign");
        load_into(&campaign, list.clone(), Some(&letter));
        std::fs::remove_dir_all(campaign).unwrap();
    });
}

/// Blocks of 50 rows in scattered places of a table of 200,000.
#[divan::bench]
fn read_50_rows(bencher: Bencher<'_, '_>) {
    let home = tempfile::tempdir().unwrap();
    let (list, campaign) = (home.path().join("list.csv"), home.path().join("campaign"));
    write_list(&list, 200_000);
    load_into(&campaign, list, None);
    let table = Table::open(&campaign).unwrap();
    let mut block = RowBlock::new();
    let mut at = 0;
    bencher.counter(ItemsCount::new(50u32)).bench_local(|| {
        at = (at + 77_773) % 199_950;
        table.read(at, 50, &mut block).unwrap();
        block.rows().map(|row| row.mailbox.len() + row.fields.map(<[u8]>::len).sum::<usize>()).sum::<usize>()
    });
}
