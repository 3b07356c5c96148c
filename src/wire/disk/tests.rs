//! Real files in a temporary directory.

use super::*;
use crate::journal::disk::{Disk as _, Segments as _};
use crate::journal::frame::{Block, Header, PAGE};
use crate::journal::mark::{self, Found, Mark};
use std::fs;

#[test]
fn what_is_written_to_a_segment_is_read_back_and_the_rest_is_zeros() {
    let home = tempfile::tempdir().unwrap();
    let mut files = Files::open(&home.path().join("c/j")).unwrap();
    assert_eq!(files.segments(), Ok(vec![]));
    assert_eq!(files.prepared(true), None, "nothing was asked for");
    files.prepare(1, 3 << 20);
    assert_eq!(files.prepared(true), Some(Ok(1)));
    let mut block = Block::new();
    block.append(&[7; 5000]);
    block.seal(Header { lsn: 1, ..Header::default() });
    files.write(1, 8192, block.octets()).unwrap();
    let mut reader = Reader::new(&home.path().join("c/j"));
    assert_eq!(reader.segments(), Ok(vec![(1, 3 << 20)]));
    let mut octets = vec![1; 4 << 20];
    assert_eq!(reader.read(1, 0, &mut octets), Ok(3 << 20));
    assert_eq!(&octets[8192..8192 + 2 * PAGE], block.octets());
    assert!(octets[..8192].iter().chain(&octets[8192 + 2 * PAGE..3 << 20]).all(|o| *o == 0));
    assert_eq!(reader.read(1, 3 << 20, &mut octets), Ok(0));
}

#[test]
fn segments_come_in_order_and_other_files_are_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let mut files = Files::open(home.path()).unwrap();
    for segment in [10_000, 2, 10] {
        files.prepare(segment, 4096);
        assert_eq!(files.prepared(true), Some(Ok(segment)));
    }
    for other in ["1.jnl", "0003.tmp", "x.jnl", "+0004.jnl"] {
        fs::write(home.path().join(other), "x").unwrap();
    }
    assert_eq!(files.segments(), Ok(vec![(2, 4096), (10, 4096), (10_000, 4096)]));
    files.remove(10).unwrap();
    assert_eq!(files.segments().map(|s| s.len()), Ok(2));
    assert!(files.write(10, 0, &[0; PAGE]).is_err(), "a removed segment is not written to");
}

#[test]
fn a_segment_that_is_no_longer_wanted_is_given_up_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut files = Files::open(home.path()).unwrap();
    files.prepare(1, 1 << 30);
    files.remove(1).unwrap();
    assert_eq!((files.prepared(true), files.segments()), (None, Ok(vec![])));
    files.prepare(2, 4096);
    assert_eq!(files.prepared(true), Some(Ok(2)), "the next one is made");
    files.prepare(3, 1 << 30);
    drop(files);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "and an end stops the making");
}

#[test]
fn a_segment_that_exists_is_never_made_again() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("0001.jnl"), "precious").unwrap();
    let mut files = Files::open(home.path()).unwrap();
    files.prepare(1, 4096);
    let fault = files.prepared(true).unwrap().unwrap_err();
    assert!(fault.to_string().contains("0001.jnl"), "{fault}");
    assert_eq!(fs::read(home.path().join("0001.jnl")).unwrap(), b"precious");
}

#[test]
fn a_directory_that_is_not_there_has_no_segments_and_a_missing_segment_is_a_fault() {
    let home = tempfile::tempdir().unwrap();
    let mut reader = Reader::new(&home.path().join("nowhere"));
    assert_eq!(reader.segments(), Ok(vec![]));
    assert_eq!(reader.read(1, 0, &mut [0; 16]).map_err(|f| f.kind), Err(FaultKind::Missing));
}

#[test]
fn a_second_lock_names_the_holder_and_a_dropped_one_is_free() {
    let home = tempfile::tempdir().unwrap();
    let held = Lock::take(home.path()).unwrap();
    let fault = Lock::take(home.path()).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Held);
    let said = fault.to_string();
    assert!(said.contains(&format!("the process {} is using it", std::process::id())), "{said}");
    drop(held);
    Lock::take(home.path()).unwrap();
}

#[test]
fn a_reader_sees_whether_a_lock_is_held_and_keeps_nobody_out() {
    let home = tempfile::tempdir().unwrap();
    assert!(!Lock::is_held(home.path()));
    let held = Lock::take(home.path()).unwrap();
    assert!(Lock::is_held(home.path()));
    fs::remove_file(home.path().join("lock")).unwrap();
    assert!(Lock::is_held(home.path()));
    drop(held);
    let readers = std::thread::scope(|scope| {
        let asks = scope.spawn(|| (0..500).filter(|_| Lock::is_held(home.path())).count());
        for _ in 0..100 {
            drop(Lock::take(home.path()).unwrap());
        }
        asks.join()
    });
    assert!(readers.is_ok());
    assert!(!Lock::is_held(home.path()));
}

#[test]
fn a_lock_whose_file_was_removed_or_replaced_holds_and_names_its_holder() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("lock");
    let held = Lock::take(home.path()).unwrap();
    for spoil in [&|| fs::remove_file(&path).unwrap(), &|| fs::write(&path, "").unwrap(), &|| {
        fs::remove_file(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        fs::remove_file(&path).unwrap();
    }] as [&dyn Fn(); 3]
    {
        spoil();
        let fault = Lock::take(home.path()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Held);
        let said = fault.to_string();
        assert!(said.contains(&format!("the process {} is using it", std::process::id())), "{said}");
    }
    drop(held);
    Lock::take(home.path()).unwrap();
}

#[test]
fn a_replaced_file_is_whole_and_a_failure_leaves_the_old_one() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("manifest");
    replace(&path, |out| out.write_all(b"one")).unwrap();
    replace(&path, |out| out.write_all(b"two")).unwrap();
    let fault = replace(&path, |out| {
        out.write_all(b"thr")?;
        Err(io::Error::from_raw_os_error(libc::ENOSPC))
    });
    assert_eq!(fault.map_err(|f| f.kind), Err(FaultKind::Full));
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn trouble_is_told_with_what_where_and_what_to_do() {
    let said = |errno| fault("write", Path::new("/d/j/0001.jnl"), &io::Error::from_raw_os_error(errno)).to_string();
    let full = said(libc::ENOSPC);
    assert!(full.starts_with("cannot write /d/j/0001.jnl: No space left on device"), "{full}");
    assert!(full.contains("hint: make room"), "{full}");
    assert!(said(libc::EDQUOT).contains("hint: make room"));
    assert!(said(libc::EFBIG).contains("hint: raise the limit on the size of files (ulimit -f"));
    assert!(said(libc::EROFS).contains("hint: remount"));
    let denied = said(libc::EACCES);
    assert!(denied.contains("hint: run this as the user whose files they are") && denied.contains("chown"), "{denied}");
    assert!(said(libc::EIO).contains("hint: look at the kernel's log"));
}

#[test]
fn free_space_is_known_for_what_exists() {
    let home = tempfile::tempdir().unwrap();
    assert!(free_octets(home.path()).is_ok_and(|n| n > 0));
    assert_eq!(free_octets(&home.path().join("nowhere")).map_err(|f| f.kind), Err(FaultKind::Missing));
}

#[test]
fn a_mark_that_is_waited_for_is_there_and_others_come_soon() {
    let home = tempfile::tempdir().unwrap();
    let newest = || match mark::read(&Reader::new(home.path()).mark().unwrap(), 7) {
        Found::Mark(mark) => Some(mark.lsn),
        Found::Foreign | Found::Nothing => None,
    };
    let mut files = Files::open(home.path()).unwrap();
    assert_eq!((files.mark(), newest()), (Ok(vec![]), None));
    let at = |lsn| Mark { epoch: 1, lsn, ..Mark::fresh(7) };
    files.set_mark(&at(3), true).unwrap();
    assert_eq!(newest(), Some(3));
    for lsn in 4..200 {
        files.set_mark(&at(lsn), false).unwrap();
        assert!(newest().is_some_and(|known| known <= lsn));
    }
    files.set_mark(&at(200), true).unwrap();
    drop(files);
    assert_eq!(newest(), Some(200), "none that was made before comes after it");
    let mut octets = fs::read(home.path().join("mark")).unwrap();
    octets[8 + mark::SLOTS] ^= 1;
    fs::write(home.path().join("mark"), octets).unwrap();
    assert_eq!(newest(), Some(200), "it is in both slots");
}

#[test]
fn what_a_killed_packing_left_is_removed() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("0001.jnl"), [0; PAGE]).unwrap();
    fs::write(home.path().join("0001.jnl.tmp"), "half").unwrap();
    drop(Files::open(home.path()).unwrap());
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left, ["0001.jnl"]);
}

#[test]
fn a_directory_in_a_segments_place_cannot_be_read() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("0001.jnl")).unwrap();
    let mut reader = Reader::new(home.path());
    assert_eq!(reader.segments().map(|s| s.len()), Ok(1));
    assert_eq!(reader.read(1, 0, &mut [0; 16]).map_err(|f| f.kind), Err(FaultKind::Blocked));
}

#[test]
fn a_mark_is_kept_outside_too_and_tells_whether_its_journal_was_begun() {
    let home = tempfile::tempdir().unwrap();
    let (journal, marks) = (home.path().join("c/j"), home.path().join("marks"));
    let mark = Mark { epoch: 1, lsn: 3, ..Mark::fresh(7) };
    let mut files = Files::open(&journal).unwrap().with_marks_in(Some(marks.clone()));
    files.set_mark(&Mark::fresh(7), true).unwrap();
    assert_eq!((has_mark(&marks, 7), has_begun(&marks, 7)), (true, false));
    files.set_mark(&mark, true).unwrap();
    assert!(has_begun(&marks, 7));
    let kept = |journal_id| Reader::new(&journal).with_marks_in(Some(marks.clone())).kept_mark(journal_id).unwrap();
    assert_eq!(mark::read(&kept(7).unwrap(), 7), Found::Mark(mark));
    assert_eq!((kept(8), Reader::new(&journal).kept_mark(7)), (None, Ok(None)));
    forget_mark(&marks, 7).unwrap();
    forget_mark(&marks, 7).unwrap();
    assert_eq!((kept(7), has_begun(&marks, 7)), (None, false));
    // One that came from elsewhere is kept as it is.
    keep_mark(&journal, &marks, 7).unwrap();
    assert_eq!(mark::read(&kept(7).unwrap(), 7), Found::Mark(mark));
    fs::write(marks.join("0000000000000007"), "").unwrap();
    assert!(has_begun(&marks, 7), "nobody can tell");
}

#[test]
fn what_is_no_file_in_a_marks_place_is_put_aside_when_one_is_written() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("mark");
    let mark = Mark { epoch: 1, lsn: 3, ..Mark::fresh(7) };
    for n in 1..=2 {
        let _ = fs::remove_file(&path);
        if n == 1 {
            fs::create_dir_all(path.join("x")).unwrap();
        } else {
            std::os::unix::fs::symlink(&path, &path).unwrap();
        }
        let mut files = Files::open(home.path()).unwrap();
        assert!(files.mark().is_err(), "it is told before");
        files.set_mark(&mark, true).unwrap();
        assert_eq!(mark::read(&files.mark().unwrap(), 7), Found::Mark(mark));
        assert!(fs::symlink_metadata(home.path().join(format!("mark.aside-{n}"))).is_ok());
    }
}
