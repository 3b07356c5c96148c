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
        assert!(pending.push(mailbox.as_bytes(), local.len(), domain, suppressed, [local.as_bytes(), b"Oslo"], []));
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
fn one_look_at_the_index_finds_what_is_wrong_anywhere_in_it() {
    let (_home, path) = two_chunks();
    let index = fs::read(path.join("rows.idx")).unwrap();
    assert!(Table::open(&path).unwrap().check_index(6).is_ok());
    for octet in 0..index.len() {
        let mut other = index.clone();
        other[octet] ^= 0x10;
        fs::write(path.join("rows.idx"), &other).unwrap();
        let error = Table::open(&path).unwrap().check_index(6).unwrap_err().to_string();
        assert!(error.contains(&format!("rows.idx is damaged at octet {}", octet / 8 * 8)), "{octet}: {error}");
    }
    fs::write(path.join("rows.idx"), &index[..40]).unwrap();
    assert!(Table::open(&path).unwrap().check_index(6).unwrap_err().to_string().contains("ends too early"));
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
        let rows = table.find(&Mailbox::parse(mailbox.as_bytes()).unwrap()).unwrap();
        assert_eq!(rows, Vec::from_iter(row), "{mailbox}");
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

/// The three files of a table, to be damaged and put back.
struct Kept {
    home: PathBuf,
    files: [Vec<u8>; 3],
}

impl Kept {
    fn of(home: &Path) -> Self {
        Self { home: home.to_owned(), files: FILES.map(|name| fs::read(home.join(name)).unwrap()) }
    }

    fn put(&self) {
        for (name, octets) in FILES.iter().zip(&self.files) {
            fs::write(self.home.join(name), octets).unwrap();
        }
    }
}

#[test]
fn rows_cut_behind_the_last_chunk_are_cut_off_and_before_it_are_damage() {
    let (_home, path) = two_chunks();
    let kept = Kept::of(&path);
    for (name, whole) in FILES.iter().zip(&kept.files).take(2) {
        for tail in 0..40 {
            kept.put();
            let mut longer = whole.clone();
            longer.resize(whole.len() + tail, 0xee);
            fs::write(path.join(name), &longer).unwrap();
            let (mut writer, recovered) = TableWriter::open(&path).unwrap();
            assert_eq!(recovered.rows_octets + recovered.index_octets, tail as u64);
            assert_eq!(writer.rows(), 6);
            assert_eq!(fs::read(path.join(name)).unwrap(), longer, "opening alone changes nothing");
            commit(&mut writer, &["g@x.example"]);
            assert_eq!(mailboxes(&writer.reader().unwrap()).last().unwrap(), "g@x.example");
            assert_eq!(fs::read(path.join("rows.idx")).unwrap().len(), 7 * 8);
        }
        kept.put();
        for cut in 0..whole.len() {
            fs::write(path.join(name), &whole[..cut]).unwrap();
            let error = TableWriter::open(&path).err().unwrap().to_string();
            assert!(error.contains(&format!("{name} is damaged at octet {cut}")), "{error}");
            assert_eq!(fs::read(path.join(name)).unwrap().len(), cut, "nothing was changed");
            assert!(Table::open(&path).unwrap().walk(|_| ControlFlow::Continue(())).is_err(), "cut at {cut}");
        }
    }
}

/// What reading each of the six rows alone brings: its mailbox, or the error's words.
fn each_row(table: &Table) -> Vec<Result<String, String>> {
    let mut block = RowBlock::new();
    let mut read = |row| match table.read(row, 1, &mut block) {
        Ok(()) => Ok(block.row(0).unwrap().mailbox.to_owned()),
        Err(e) => Err(e.to_string()),
    };
    (0..6).map(&mut read).collect()
}

#[test]
fn whoever_reads_one_row_gets_that_row_or_the_file_and_the_octet_that_are_damaged() {
    let (_home, path) = two_chunks();
    let good = mailboxes(&Table::open(&path).unwrap());
    let kept = Kept::of(&path);
    for (name, whole) in FILES.iter().zip(&kept.files).take(2) {
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(path.join(name), &flipped).unwrap();
            let read = each_row(&Table::open(&path).unwrap());
            let bad: Vec<&String> = read.iter().filter_map(|row| row.as_ref().err()).collect();
            // An entry of the index says where its row ends and where the next one begins.
            let expected = if *name == "rows.idx" && bit / 64 < 5 { 2 } else { 1 };
            assert_eq!(bad.len(), expected, "{name} bit {bit}: {read:?}");
            for error in bad {
                assert!(error.contains(&format!("{name} is damaged at octet ")), "{name} bit {bit}: {error}");
                assert!(error.contains("row ") && error.contains("hint: "), "{error}");
            }
            assert!(read.iter().zip(&good).all(|(row, good)| row.as_ref().is_ok_and(|r| r == good) || row.is_err()));
        }
        kept.put();
    }
}

#[test]
fn a_row_in_the_place_of_another_is_damage() {
    let (_home, path) = two_chunks();
    let kept = Kept::of(&path);
    let table = Table::open(&path).unwrap();
    let ends: Vec<usize> = (0..6)
        .map(|row| {
            let mut block = RowBlock::new();
            table.read(row, 1, &mut block).unwrap();
            block.end(1).unwrap() as usize
        })
        .collect();
    // Rows 0 and 1 are as long as each other, and so are their entries.
    let mut rows = kept.files[0].clone();
    let (one, two) = rows[..ends[1]].split_at_mut(ends[0]);
    one.swap_with_slice(two);
    fs::write(path.join("rows.dat"), &rows).unwrap();
    let read = each_row(&table);
    assert!(read[..2].iter().all(|row| row.as_ref().is_err_and(|e| e.contains("rows.dat is damaged"))), "{read:?}");
    assert!(read[2..].iter().all(Result::is_ok));
    kept.put();
    let mut index = kept.files[1].clone();
    let (one, two) = index[..16].split_at_mut(8);
    one.swap_with_slice(two);
    fs::write(path.join("rows.idx"), &index).unwrap();
    let read = each_row(&table);
    assert!(read[..3].iter().all(|row| row.as_ref().is_err_and(|e| e.contains("rows.idx is damaged"))), "{read:?}");
}

#[test]
fn a_file_of_another_campaign_is_damage_though_it_holds_the_same_list() {
    let (_home, path) = two_chunks();
    let other = tempfile::tempdir().unwrap();
    let columns = ["name".to_owned(), "city".to_owned()];
    let manifest = Manifest::new("welcome", 1, 1_700_000_000, [4; 32], &columns);
    let mut writer = TableWriter::create(other.path(), manifest).unwrap();
    commit(&mut writer, &["a@x.example", "b@y.example", "!c@x.example", "d@x.example"]);
    commit(&mut writer, &["e@z.example", "f@y.example"]);
    let kept = Kept::of(&path);
    for name in FILES {
        fs::copy(other.path().join(name), path.join(name)).unwrap();
        let table = Table::open(&path).unwrap();
        let walked = table.walk(|_| ControlFlow::Continue(())).unwrap_err().to_string();
        assert!(walked.contains(&format!("{name} is damaged at octet 0")), "{walked}");
        if name == "domains.dir" {
            let error = TableWriter::open(&path).err().unwrap().to_string();
            assert!(error.contains("of another campaign"), "{error}");
        } else {
            assert!(each_row(&table).iter().all(Result::is_err), "{name}");
        }
        kept.put();
    }
    // Neither does the table of this campaign pass under the manifest of the other, nor with other columns.
    fs::copy(other.path().join("manifest"), path.join("manifest")).unwrap();
    assert!(TableWriter::open(&path).is_err());
    let columns = ["name".to_owned(), "town".to_owned()];
    Manifest::new("welcome", 1, 1_700_000_000, [3; 32], &columns).write(&path).unwrap();
    assert!(each_row(&Table::open(&path).unwrap()).iter().all(Result::is_err));
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
    let totals = writer.complete(writer.progress(), 0, None).unwrap();
    assert_eq!((totals.records, totals.rows, totals.suppressed, totals.domains), (6, 6, 1, 3));
    let whole = fs::read(path.join("domains.dir")).unwrap();
    fs::write(path.join("domains.dir"), &whole[..whole.len() - 1]).unwrap();
    let error = TableWriter::open(&path).err().unwrap().to_string();
    assert!(error.contains("4 rows are committed here, and the manifest knows 6"), "{error}");
}

#[test]
fn a_file_that_is_gone_is_not_made_anew() {
    for name in FILES {
        let (_home, path) = two_chunks();
        fs::remove_file(path.join(name)).unwrap();
        let error = TableWriter::open(&path).err().unwrap();
        assert!(error.to_string().contains(name) && error.kind() == io::ErrorKind::NotFound, "{error}");
        assert!(!path.join(name).exists());
    }
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
