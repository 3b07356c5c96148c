//! A list of recipients of any octets: each record becomes a row, a rejection or a duplicate, and no row is lost.
//!
//! The first octet chooses the format; compression is told by the octets behind it.

use posthaste::content::JSON_MARK;
use posthaste::engine::loader::{Format, List, LoadSpec, Loaded, Several, load, look_at};
use posthaste::engine::suppression::Suppression;
use posthaste::engine::table::{Manifest, TableWriter, Totals};
use posthaste::mail::Mailbox;
use std::collections::BTreeSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// What a pipe holds.
const PIPE_OCTETS: usize = 65_536;
/// Columns of the list that are stored.
const COLUMNS_MAX: usize = 3;

pub fn run(data: &[u8]) {
    let mut rest = data;
    let format = [Format::Csv, Format::Tsv, Format::Jsonl][usize::from(super::octet(&mut rest) % 3)];
    let memory = Path::new("/dev/shm");
    let home = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let home = home.expect("a scratch folder");
    let Ok(look) = piped(rest, format, look_at) else { return };
    let mut columns = look.columns;
    columns.retain(|name| name != "email");
    columns.truncate(COLUMNS_MAX);
    let load = |name: &str| piped(rest, format, |list| loaded(&home.path().join(name), list, &columns));
    let Some((totals, rows)) = load("one") else { return };
    assert_eq!(totals.records, totals.rows + totals.rejected + totals.duplicates, "{totals:?}");
    assert_eq!(totals.rows, rows.len() as u64, "{totals:?}");
    assert_eq!(load("two"), Some((totals, rows)), "loaded for the second time");
}

/// Gives the octets as a list that comes through a pipe, which is read without a thread of its own.
fn piped<T>(octets: &[u8], format: Format, read: impl FnOnce(&List) -> T) -> T {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(octets.get(..PIPE_OCTETS).unwrap_or(octets)).expect("room for it in the pipe");
    drop(writer);
    let path = PathBuf::from(format!("/proc/self/fd/{}", reader.as_raw_fd()));
    read(&List { format: Some(format), ..List::at(path) })
}

/// What a row is: its mailbox and its fields.
type Kept = (String, Vec<Vec<u8>>);

fn loaded(home: &Path, list: &List, columns: &[String]) -> Option<(Totals, Vec<Kept>)> {
    let manifest = Manifest::new("fuzz", 1, 0, [9; 32], columns);
    let mut writer = TableWriter::create(home, manifest).expect("a table in the scratch folder");
    let spec = LoadSpec {
        letter: None,
        list: List { several: Several::Each, ..list.clone() },
        email: "email".to_owned(),
        header_columns: columns.iter().take(1).cloned().collect(),
        max_rejected: 1.0,
        suppression: &Suppression::new([5; 16]),
        readmitted: &[],
        quiet: std::time::Duration::ZERO,
        onlooker: None,
    };
    let mut last = None;
    load(&spec, &mut writer, &AtomicBool::new(false), |told| {
        assert!(!matches!(last, Some(Loaded::End(_) | Loaded::Failed(_) | Loaded::Stopped(_))), "more after the end");
        last = Some(told);
        ControlFlow::Continue(())
    });
    let totals = match last.expect("an end") {
        Loaded::End(totals) => totals,
        Loaded::Failed(error) => {
            let said = error.to_string();
            assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "{said:?}");
            return None;
        }
        other => panic!("{other:?}"),
    };
    let (mut rows, mut seen) = (Vec::new(), BTreeSet::new());
    let table = writer.reader().expect("the table");
    let walked = table.walk(|row| {
        let mailbox = Mailbox::parse(row.mailbox.as_bytes()).expect("a mailbox");
        assert_eq!((mailbox.as_str(), mailbox.domain()), (row.mailbox, row.domain));
        let (local, domain) = (mailbox.local_part().to_ascii_lowercase(), row.domain.to_owned());
        assert!(seen.insert((local, domain)), "{} twice", row.mailbox);
        let fields: Vec<Vec<u8>> = row.fields.map(<[u8]>::to_vec).collect();
        assert_eq!(fields.len(), columns.len());
        // What was no text in JSON is kept as JSON, which has no such octets, behind a mark.
        let header = fields.first().map_or(&[][..], Vec::as_slice);
        let header = header.strip_prefix(&[JSON_MARK]).unwrap_or(header);
        // Line ends and tabs become blanks where a header is made.
        assert!(!header.contains(&0), "no header can hold {header:?}");
        rows.push((row.mailbox.to_owned(), fields));
        ControlFlow::Continue(())
    });
    walked.expect("a table without damage");
    rows.sort();
    Some((totals, rows))
}
