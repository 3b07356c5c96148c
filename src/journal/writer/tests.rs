//! The writing side, one sentence at a time.

use super::*;

const MS: u64 = 1000;

fn journal(config: Config) -> Journal {
    let mut journal = Journal::new(config, Start::fresh(7));
    let first = journal.poll_prepare(Instant(0)).unwrap();
    assert_eq!(first, Prepare { segment: 1, octets: 4 << 20 });
    journal.handle_prepared();
    journal
}

fn tickets(journal: &mut Journal) -> Vec<(u16, u64)> {
    std::iter::from_fn(|| journal.poll_durable()).map(|d| (d.who, d.ticket)).collect()
}

#[test]
fn entries_wait_for_the_window_and_share_one_commit() {
    let mut j = journal(Config::default());
    j.append(0, 1, &[1; 16], Instant(MS)).unwrap();
    j.append(1, 1, &[2; 16], Instant(2 * MS)).unwrap();
    j.append(0, 2, &[3; 16], Instant(3 * MS)).unwrap();
    assert_eq!(j.deadline(), Some(Instant(6 * MS)));
    assert!(j.poll_write(Instant(6 * MS - 1)).is_none());
    let w = j.poll_write(Instant(6 * MS)).unwrap();
    assert_eq!((w.lsn, w.segment, w.offset, w.block.octets().len()), (1, 1, 0, PAGE));
    assert!(j.poll_write(Instant(60 * MS)).is_none() && j.deadline().is_none());
    assert_eq!(tickets(&mut j), []);
    j.handle_synced(w.lsn, w.block);
    assert_eq!(tickets(&mut j), [(0, 2), (1, 1)]);
}

#[test]
fn enough_octets_or_a_flush_do_not_wait() {
    let mut j = journal(Config { commit_octets: 64, ..Config::default() });
    j.append(0, 1, &[1; 64], Instant(0)).unwrap();
    assert!(j.poll_write(Instant(0)).is_some());
    j.append(0, 2, &[1; 16], Instant(0)).unwrap();
    assert!(j.poll_write(Instant(0)).is_none());
    j.flush();
    assert_eq!(j.poll_write(Instant(0)).map(|w| (w.lsn, w.offset)), Some((2, 4096)));
    j.append(0, 3, &[1; 16], Instant(0)).unwrap();
    assert!(j.poll_write(Instant(0)).is_none(), "a flush is over when all is written");
}

#[test]
fn commits_overlap_and_are_acknowledged_in_order() {
    let mut j = journal(Config { commit_octets: 1, in_flight_max: 2, ..Config::default() });
    let mut writes = Vec::new();
    for ticket in 1..=3 {
        j.append(0, ticket, &[1; 16], Instant(0)).unwrap();
        writes.extend(j.poll_write(Instant(0)));
    }
    assert_eq!(writes.len(), 2, "two may be under way");
    let second = writes.pop().unwrap();
    j.handle_synced(second.lsn, second.block);
    assert_eq!(tickets(&mut j), [], "the first is not there yet");
    let first = writes.pop().unwrap();
    j.handle_synced(first.lsn, first.block);
    assert_eq!(tickets(&mut j), [(0, 2)]);
    let third = j.poll_write(Instant(0)).unwrap();
    assert_eq!(Header::decode(third.block.octets()).unwrap().durable, 2);
}

#[test]
fn a_failed_write_poisons_for_good() {
    let mut j = journal(Config { commit_octets: 1, ..Config::default() });
    j.append(0, 1, &[1; 16], Instant(0)).unwrap();
    let first = j.poll_write(Instant(0)).unwrap();
    j.append(0, 2, &[1; 16], Instant(0)).unwrap();
    let second = j.poll_write(Instant(0)).unwrap();
    j.append(0, 3, &[1; 16], Instant(0)).unwrap();
    j.handle_failed("the disk broke".into());
    j.handle_synced(first.lsn, first.block);
    j.handle_synced(second.lsn, second.block);
    assert_eq!(tickets(&mut j), []);
    assert!(j.poll_write(Instant::FAR).is_none() && j.deadline().is_none());
    assert_eq!(j.append(0, 4, &[1; 16], Instant(0)), Err(Refused::Poisoned("the disk broke".into())));
    j.handle_failed("another".into());
    assert_eq!(j.poisoned().map(|r| &**r), Some("the disk broke"), "the first reason stays");
}

#[test]
fn what_waits_is_bounded_and_says_so() {
    let mut j = Journal::new(Config::default(), Start::fresh(7));
    assert_eq!(j.append(0, 1, &vec![0; PAYLOAD_MAX + 16], Instant(0)), Err(Refused::TooLong));
    for ticket in 0..GATHERED_MAX as u64 {
        assert!(j.fits(PAYLOAD_MAX));
        j.append(0, ticket, &vec![0; PAYLOAD_MAX], Instant(0)).unwrap();
    }
    assert!(!j.fits(1) && j.is_starved());
    assert_eq!(j.append(0, 99, &[0; 16], Instant(0)), Err(Refused::Full));
    assert!(j.poll_write(Instant(0)).is_none(), "no segment was made yet");
}

#[test]
fn segments_are_asked_for_ahead_and_grow() {
    let octets = FRAME_OCTETS_MAX as u64;
    let config = Config { first_segment_octets: 4 * octets, segment_octets: 8 * octets, ..Config::default() };
    let mut j = Journal::new(config, Start { segment: 4, ..Start::fresh(7) });
    let mut made = vec![j.poll_prepare(Instant(0)).unwrap()];
    assert_eq!(j.poll_prepare(Instant(0)), None, "one at a time");
    j.handle_prepared();
    let mut places = Vec::new();
    for ticket in 0..7 {
        j.append(0, ticket, &vec![0; PAYLOAD_MAX], Instant(0)).unwrap();
        let w = j.poll_write(Instant(0)).unwrap();
        places.push((w.segment, w.offset / octets));
        j.handle_synced(w.lsn, w.block);
        if let Some(prepare) = j.poll_prepare(Instant(0)) {
            made.push(prepare);
            j.handle_prepared();
        }
    }
    assert_eq!(places, [(4, 0), (4, 1), (4, 2), (4, 3), (5, 0), (5, 1), (5, 2)]);
    let sizes: Vec<_> = made.iter().map(|p| (p.segment, p.octets / octets)).collect();
    assert_eq!(sizes, [(4, 4), (5, 8), (6, 8)]);
    assert_eq!(j.spare_segment(), Some(6));
}

#[test]
fn a_segment_that_cannot_be_made_is_asked_for_again_and_the_room_left_is_used() {
    let octets = FRAME_OCTETS_MAX as u64;
    let mut j = Journal::new(Config { first_segment_octets: 2 * octets, ..Config::default() }, Start::fresh(7));
    j.poll_prepare(Instant(0)).unwrap();
    j.handle_prepared();
    j.append(0, 1, &vec![0; PAYLOAD_MAX], Instant(0)).unwrap();
    j.poll_write(Instant(0)).unwrap();
    let again = j.poll_prepare(Instant(0)).unwrap();
    j.handle_not_prepared(Instant(9));
    assert_eq!(j.poll_prepare(Instant(8)), None);
    j.append(0, 2, &vec![0; PAYLOAD_MAX], Instant(0)).unwrap();
    assert!(!j.is_starved() && j.poll_write(Instant(0)).is_some());
    j.append(0, 3, &[0; 16], Instant(0)).unwrap();
    assert!(j.is_starved() && j.poll_write(Instant::FAR).is_none());
    assert_eq!(j.poll_prepare(Instant(9)), Some(again));
    j.handle_prepared();
    assert!(!j.is_starved() && j.poll_write(Instant::FAR).is_some());
}

#[test]
fn closing_ends_with_a_frame_that_attests_to_the_last() {
    let mut j = journal(Config::default());
    j.append(0, 1, &[1; 16], Instant(0)).unwrap();
    j.close();
    let w = j.poll_write(Instant(0)).unwrap();
    assert!(j.poll_write(Instant(0)).is_none() && !j.is_closed());
    j.handle_synced(w.lsn, w.block);
    assert!(!j.is_closed());
    let last = j.poll_write(Instant(0)).unwrap();
    let header = Header::decode(last.block.octets()).unwrap();
    assert_eq!((header.lsn, header.durable, header.length), (2, 1, 0));
    j.handle_synced(last.lsn, last.block);
    assert!(j.is_closed() && j.poll_write(Instant::FAR).is_none());
}

#[test]
fn a_journal_that_was_never_written_to_closes_at_once() {
    let mut j = journal(Config::default());
    j.close();
    assert!(j.is_closed() && j.poll_write(Instant(0)).is_none());
}
