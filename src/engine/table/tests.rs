//! The table through its writer and readers, and after crashes.

use super::*;
use crate::engine::message::Run;
use std::fs;
use tempfile::TempDir;

fn create(home: &Path) -> TableWriter {
    let columns = ["name".to_owned(), "city".to_owned()];
    TableWriter::create(home, Manifest::new("welcome", 1, 1_700_000_000, [3; 32], &columns)).unwrap()
}

/// Adds rows to `pending`; a `!` in front marks a suppressed one.
fn push(writer: &mut TableWriter, pending: &mut Pending, mailboxes: &[&str]) {
    for mailbox in mailboxes {
        let (suppressed, mailbox) = mailbox.strip_prefix('!').map_or((false, *mailbox), |m| (true, m));
        let (local, domain) = mailbox.split_once('@').unwrap();
        let domain = writer.domain(domain);
        assert!(pending.push(mailbox.as_bytes(), local.len(), domain, suppressed, [local.as_bytes(), b"Oslo"]));
    }
}

fn commit(writer: &mut TableWriter, mailboxes: &[&str]) -> crate::engine::message::Chunk {
    let mut pending = Pending::new();
    push(writer, &mut pending, mailboxes);
    let mut progress = writer.progress();
    progress.records += mailboxes.len() as u64;
    progress.octets += 100;
    writer.commit(&mut pending, progress, None).unwrap()
}

fn mailboxes(table: &Table) -> Vec<String> {
    let mut all = Vec::new();
    table
        .walk(|row| {
            all.push(row.mailbox.to_owned());
            ControlFlow::Continue(())
        })
        .unwrap();
    all
}

/// Two chunks, one with suppressed rows.
fn two_chunks() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("campaign").join("7");
    let mut writer = create(&path);
    commit(&mut writer, &["a@x.example", "b@y.example", "!c@x.example", "d@x.example"]);
    commit(&mut writer, &["e@z.example", "f@y.example"]);
    (home, path)
}

#[test]
fn a_chunk_is_sorted_by_domain_with_the_suppressed_last() {
    let home = tempfile::tempdir().unwrap();
    let mut writer = create(home.path());
    let chunk = commit(&mut writer, &["a@x.example", "b@y.example", "!c@x.example", "d@x.example"]);
    assert_eq!((chunk.first, chunk.rows, chunk.suppressed), (0, 4, 1));
    assert_eq!(chunk.new_domains.iter().map(|d| &**d).collect::<Vec<_>>(), ["x.example", "y.example"]);
    assert_eq!(chunk.runs, [Run { domain: 0, first: 0, count: 2 }, Run { domain: 1, first: 2, count: 1 }]);

    let chunk = commit(&mut writer, &["e@z.example", "f@y.example"]);
    assert_eq!((chunk.first, chunk.rows, chunk.suppressed), (4, 2, 0));
    assert_eq!(chunk.new_domains.iter().map(|d| &**d).collect::<Vec<_>>(), ["z.example"]);
    assert_eq!(chunk.runs, [Run { domain: 1, first: 4, count: 1 }, Run { domain: 2, first: 5, count: 1 }]);

    let table = writer.reader().unwrap();
    let sorted = ["a@x.example", "d@x.example", "b@y.example", "c@x.example", "f@y.example", "e@z.example"];
    assert_eq!(mailboxes(&table), sorted);
    assert_eq!(table.rows().unwrap(), 6);
}

#[test]
fn any_range_of_rows_is_read() {
    let (_home, path) = two_chunks();
    let table = Table::open(&path).unwrap();
    let all = mailboxes(&table);
    let mut block = RowBlock::new();
    for first in 0..6u32 {
        for count in 0..=6 - first {
            table.read(first, count, &mut block).unwrap();
            assert_eq!(block.len(), count as usize);
            for (row, wanted) in block.rows().zip(first..) {
                assert_eq!((row.number, row.mailbox), (wanted, all[wanted as usize].as_str()));
                assert_eq!(row.field(0).unwrap(), row.mailbox.split('@').next().unwrap().as_bytes());
                assert_eq!(row.field(1), Some(&b"Oslo"[..]));
            }
            assert_eq!(block.row(count as usize), None);
        }
    }
    let error = table.read(5, 2, &mut block).unwrap_err();
    assert!(error.to_string().contains("rows.idx is damaged at octet 32"), "{error}");
    assert!(block.is_empty());
}

#[test]
fn a_reader_sees_the_chunks_that_come_while_it_is_open() {
    let home = tempfile::tempdir().unwrap();
    let mut writer = create(home.path());
    let table = writer.reader().unwrap();
    assert_eq!(table.rows().unwrap(), 0);
    commit(&mut writer, &["a@x.example"]);
    assert_eq!(table.rows().unwrap(), 1);
    commit(&mut writer, &["b@x.example"]);
    assert_eq!(mailboxes(&table), ["a@x.example", "b@x.example"]);
}

#[test]
fn a_mailbox_is_found_by_its_domain_whatever_its_case() {
    let (_home, path) = two_chunks();
    let table = Table::open(&path).unwrap();
    for (mailbox, row) in [
        ("D@X.example", Some(1)),
        ("c@x.example", Some(3)),
        ("f@y.example", Some(4)),
        ("q@x.example", None),
        ("a@q.example", None),
    ] {
        assert_eq!(table.find(&Mailbox::parse(mailbox.as_bytes()).unwrap()).unwrap(), row, "{mailbox}");
    }
}

#[test]
fn a_directory_cut_at_any_octet_keeps_the_whole_chunks_and_takes_new_ones() {
    let (_home, path) = two_chunks();
    let whole = fs::read(path.join("domains.dir")).unwrap();
    let ends: Vec<usize> = memchr::memmem::find_iter(&whole, b"PHCH").skip(1).chain([whole.len()]).collect();
    assert_eq!(ends.len(), 2);
    let (rows, index) = (fs::read(path.join("rows.dat")).unwrap(), fs::read(path.join("rows.idx")).unwrap());
    for cut in 0..=whole.len() {
        for zeroed in [false, true] {
            let mut left = whole[..cut].to_vec();
            if zeroed {
                left.resize(whole.len(), 0);
            }
            fs::write(path.join("domains.dir"), &left).unwrap();
            fs::write(path.join("rows.dat"), &rows).unwrap();
            fs::write(path.join("rows.idx"), &index).unwrap();
            let wanted = match ends.iter().filter(|&&end| left.get(..end) == Some(&whole[..end])).count() {
                0 => 0,
                1 => 4,
                _ => 6,
            };
            assert_eq!(Table::open(&path).unwrap().rows().unwrap(), wanted, "a reader, cut at {cut}");
            let (mut writer, recovered) = TableWriter::open(&path).unwrap();
            assert_eq!(writer.rows(), wanted, "cut at {cut}");
            assert_eq!(recovered.rows_octets > 0, wanted < 6);
            if zeroed {
                continue;
            }
            commit(&mut writer, &["new@x.example"]);
            let now = mailboxes(&writer.reader().unwrap());
            assert_eq!((now.len() as u32, now.last().unwrap().as_str()), (wanted + 1, "new@x.example"));
        }
    }
}

#[test]
fn rows_cut_behind_the_last_chunk_are_cut_off_and_before_it_are_damage() {
    let (_home, path) = two_chunks();
    for name in ["rows.dat", "rows.idx"] {
        let whole = fs::read(path.join(name)).unwrap();
        for tail in 0..40 {
            let mut longer = whole.clone();
            longer.resize(whole.len() + tail, 0xee);
            fs::write(path.join(name), longer).unwrap();
            let (writer, recovered) = TableWriter::open(&path).unwrap();
            assert_eq!(recovered.rows_octets + recovered.index_octets, tail as u64);
            assert_eq!(writer.rows(), 6);
            assert_eq!(fs::read(path.join(name)).unwrap(), whole);
        }
        for cut in 0..whole.len() {
            fs::write(path.join(name), &whole[..cut]).unwrap();
            let error = TableWriter::open(&path).err().unwrap().to_string();
            assert!(error.contains(&format!("{name} is damaged at octet {cut}")), "{error}");
            assert_eq!(fs::read(path.join(name)).unwrap().len(), cut, "nothing was changed");
            assert!(Table::open(&path).unwrap().walk(|_| ControlFlow::Continue(())).is_err(), "cut at {cut}");
        }
        fs::write(path.join(name), &whole).unwrap();
    }
}

#[test]
fn a_flipped_bit_is_an_error_or_a_shorter_table_and_never_other_rows() {
    let (_home, path) = two_chunks();
    let good = mailboxes(&Table::open(&path).unwrap());
    for name in ["rows.dat", "rows.idx", "domains.dir"] {
        let whole = fs::read(path.join(name)).unwrap();
        let last = memchr::memmem::rfind(&whole, b"PHCH").unwrap_or(whole.len());
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(path.join(name), &flipped).unwrap();
            let mut seen = Vec::new();
            let walked = Table::open(&path).unwrap().walk(|row| {
                seen.push((row.mailbox.to_owned(), row.fields.map(<[u8]>::to_vec).collect::<Vec<_>>()));
                ControlFlow::Continue(())
            });
            if walked.is_ok() {
                // Only the last frame can pass for one that was cut off while it was written.
                assert!(name == "domains.dir" && bit / 8 >= last, "{name} bit {bit} went unseen");
                assert!(seen.iter().map(|(mailbox, _)| mailbox).eq(good.iter().take(4)), "{name} bit {bit}");
            }
        }
        fs::write(path.join(name), &whole).unwrap();
    }
}

#[test]
fn a_complete_table_that_lost_its_last_chunk_is_damaged() {
    let (_home, path) = two_chunks();
    let (mut writer, _) = TableWriter::open(&path).unwrap();
    let totals = writer.complete(writer.progress()).unwrap();
    assert_eq!((totals.records, totals.rows, totals.suppressed, totals.domains), (6, 6, 1, 3));
    let whole = fs::read(path.join("domains.dir")).unwrap();
    fs::write(path.join("domains.dir"), &whole[..whole.len() - 1]).unwrap();
    let error = TableWriter::open(&path).err().unwrap().to_string();
    assert!(error.contains("4 rows are committed here, and the manifest knows 6"), "{error}");
}

#[test]
fn a_campaign_is_made_once() {
    let (_home, path) = two_chunks();
    let again = TableWriter::create(&path, Manifest::new("welcome", 1, 0, [0; 32], &[])).err().unwrap();
    assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    let nothing = TableWriter::open(&path.join("none")).err().unwrap();
    assert_eq!(nothing.kind(), io::ErrorKind::NotFound);
}

#[test]
fn after_a_failed_write_nothing_more_is_committed() {
    let (_home, path) = two_chunks();
    let (mut writer, _) = TableWriter::open(&path).unwrap();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    writer.directory = Named { file: full, path: "/dev/full".into() };
    let mut pending = Pending::new();
    push(&mut writer, &mut pending, &["g@x.example"]);
    let error = writer.commit(&mut pending, Progress::default(), None).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(error.to_string().starts_with("cannot write /dev/full: No space left on device"), "{error}");
    let again = writer.commit(&mut pending, Progress::default(), None).unwrap_err();
    assert!(again.to_string().contains("an earlier write to the table failed"), "{again}");
    assert_eq!(TableWriter::open(&path).unwrap().0.rows(), 6);
}
