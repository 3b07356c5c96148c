//! A snapshot: the folded state as of one frame, so that a resumed campaign reads only what came later.
//!
//! Guarantees: what is decoded is what was encoded, or an error: one checksum covers all of it. Leaves to others: where it
//! lies and its atomic replacement (`wire::disk`). A snapshot that does not decode is thrown away: the journal has it all.
//!
//! ```text
//! 0 magic | 12 version u32 | 16 lsn u64 | 24 journal u64 | 32 segment u32 | 36 epoch u32 | 40 rows u32 | 44 newest u32
//! 48 entries u32 | 52 last contexts 256 × u32 | 1076 rows × 16 | entries | crc u32
//! ```
//! Behind the rows stand entries, as the journal has them: the words of the last outcomes of recipients that are not done,
//! and what is held up.

use super::record::Hold;
use super::state::{STANDING_OCTETS, Standing, State};
use crate::base::clock::UnixTime;
use std::collections::BTreeSet;
use std::io::{self, Read, Write};

const MAGIC: &[u8; 12] = b"posthaste-s1";
const VERSION: u32 = 2;
const HEAD: usize = 52;
const CONTEXTS: usize = 4 * 256;
/// Rows encoded or decoded at once.
const ROWS_A_PIECE: usize = 8192;

/// Which frames a snapshot covers. The journal never goes on below it, whatever becomes of its segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// All frames up to this one.
    pub lsn: u64,
    /// Frames beyond it are in this segment and in later ones.
    pub segment: u32,
    /// Frames beyond it are of this epoch or of later ones.
    pub epoch: u32,
    /// Of this journal.
    pub journal: u64,
}

/// Writes a snapshot.
///
/// # Errors
/// Those of `out`.
pub fn encode(state: &State, covered: Covered, out: &mut dyn Write) -> io::Result<()> {
    let entries = entries_of(state);
    let mut crc = crc32fast::Hasher::new();
    let mut put = |octets: &[u8]| {
        crc.update(octets);
        out.write_all(octets)
    };
    put(MAGIC)?;
    put(&VERSION.to_le_bytes())?;
    put(&covered.lsn.to_le_bytes())?;
    put(&covered.journal.to_le_bytes())?;
    put(&covered.segment.to_le_bytes())?;
    put(&covered.epoch.to_le_bytes())?;
    put(&(state.len() as u32).to_le_bytes())?;
    put(&state.newest().0.to_le_bytes())?;
    put(&(entries.len() as u32).to_le_bytes())?;
    put(&state.last_contexts().map(u32::to_le_bytes).concat())?;
    let mut piece = Vec::with_capacity(STANDING_OCTETS * ROWS_A_PIECE);
    for rows in state.standings().chunks(ROWS_A_PIECE) {
        piece.clear();
        rows.iter().for_each(|s| piece.extend_from_slice(&s.encode()));
        put(&piece)?;
    }
    put(&entries)?;
    out.write_all(&crc.finalize().to_le_bytes())
}

/// What the state knows besides its rows.
fn entries_of(state: &State) -> Vec<u8> {
    let mut entries = Vec::new();
    let open = state.standings().iter().filter(|standing| !standing.disposition.is_final());
    let contexts: BTreeSet<u32> = open.map(|standing| standing.context).filter(|context| *context != 0).collect();
    contexts.iter().filter_map(|&id| state.words().encoded(id)).for_each(|words| entries.extend_from_slice(words));
    for ((held, name), since) in state.holds() {
        Hold { held: *held, name, since: *since }.encode_into(&mut entries);
    }
    entries
}

/// Reads a snapshot.
///
/// # Errors
/// Those of `from`, and `InvalidData` when it is no whole snapshot.
pub fn decode(from: &mut dyn Read) -> io::Result<(State, Covered)> {
    let bad = |what: &'static str| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut crc = crc32fast::Hasher::new();
    let mut head = [0; HEAD];
    from.read_exact(&mut head)?;
    crc.update(&head);
    let u32_at = |at: usize| head.get(at..).and_then(|h| h.first_chunk()).map_or(0, |o| u32::from_le_bytes(*o));
    let u64_at = |at: usize| head.get(at..).and_then(|h| h.first_chunk()).map_or(0, |o| u64::from_le_bytes(*o));
    if !head.starts_with(MAGIC) || u32_at(12) != VERSION {
        return Err(bad("no snapshot of this version"));
    }
    let covered = Covered { lsn: u64_at(16), journal: u64_at(24), segment: u32_at(32), epoch: u32_at(36) };
    let mut contexts = [0; CONTEXTS];
    from.read_exact(&mut contexts)?;
    crc.update(&contexts);
    let mut last_contexts = Box::new([0; 256]);
    for (last, octets) in last_contexts.iter_mut().zip(contexts.as_chunks::<4>().0) {
        *last = u32::from_le_bytes(*octets);
    }
    let standings =
        decode_rows(from, u32_at(40) as usize, &mut crc)?.ok_or_else(|| bad("a row with no known disposition"))?;
    let mut entries = Vec::new();
    // As many as come: a damaged count costs no more memory than there are octets.
    Read::take(&mut *from, u32_at(48).into()).read_to_end(&mut entries)?;
    crc.update(&entries);
    let mut sum = [0; 4];
    from.read_exact(&mut sum)?;
    if u32::from_le_bytes(sum) != crc.finalize() {
        return Err(bad("the snapshot's checksum is wrong"));
    }
    if from.read(&mut [0])? > 0 {
        return Err(bad("something lies behind the snapshot's end"));
    }
    let mut state = State::from_parts(standings, last_contexts, UnixTime(u32_at(44)));
    state.fold(&entries);
    Ok((state, covered))
}

/// Rows are taken as they come: a damaged row count costs no more memory than there are octets.
fn decode_rows(from: &mut dyn Read, rows: usize, crc: &mut crc32fast::Hasher) -> io::Result<Option<Vec<Standing>>> {
    let mut standings = Vec::new();
    let mut piece = vec![0; STANDING_OCTETS * ROWS_A_PIECE];
    while standings.len() < rows {
        let now = (rows - standings.len()).min(ROWS_A_PIECE);
        piece.truncate(STANDING_OCTETS * now);
        from.read_exact(&mut piece)?;
        crc.update(&piece);
        for octets in piece.as_chunks::<STANDING_OCTETS>().0 {
            let Some(standing) = Standing::decode(*octets) else { return Ok(None) };
            standings.push(standing);
        }
    }
    Ok(Some(standings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::record::{Define, Held, Kind, Record};

    fn sample() -> (State, Covered) {
        let mut state = State::new();
        state.load(20_000, 7);
        for recipient in 0..300u32 {
            let kind = Kind::ALL[recipient as usize % 10];
            let extra = if kind == Kind::Deferred { (9 << 24) + 2 } else { 0 };
            state.apply(&Record { recipient, at: UnixTime(recipient), code: 250, kind, attempts: 300, extra });
        }
        let mut batch = Vec::new();
        Define { id: (9 << 24) + 2, site: "s", text: b"later", ..Define::default() }.encode_into(&mut batch);
        Hold { held: Held::Hosts, name: "mx.example", since: UnixTime(9) }.encode_into(&mut batch);
        state.fold(&batch);
        (state, Covered { lsn: 81, segment: 3, epoch: 2, journal: 0xfeed })
    }

    #[test]
    fn a_snapshot_reads_back_whole() {
        let (state, covered) = sample();
        let mut octets = Vec::new();
        encode(&state, covered, &mut octets).unwrap();
        assert_eq!(octets.len(), HEAD + CONTEXTS + STANDING_OCTETS * 20_000 + 32 + 32 + 4);
        assert_eq!(decode(&mut &octets[..]).unwrap(), (state, covered));
    }

    #[test]
    fn a_changed_bit_or_a_missing_end_is_an_error() {
        let (state, covered) = sample();
        let mut octets = Vec::new();
        encode(&state, covered, &mut octets).unwrap();
        for at in (0..octets.len()).step_by(37).chain(0..HEAD) {
            octets[at] ^= 1 << (at % 8);
            assert!(decode(&mut &octets[..]).is_err(), "octet {at}");
            octets[at] ^= 1 << (at % 8);
        }
        for end in [0, 51, 52, 1075, 1076, 5000, octets.len() - 60, octets.len() - 1] {
            assert!(decode(&mut &octets[..end]).is_err(), "cut at {end}");
        }
    }
}
