//! `domains.dir`: one frame for each chunk that was committed. A chunk is in the table if, and only if, its frame is
//! whole here.
//!
//! Frame, little-endian: `magic · payload length · sequence · CRC-32 of the payload`, each u32, `campaign` u64, `CRC-32 of
//! these five` u32, then the payload. Guarantees: a frame that was cut off while it was written reads as the end of the
//! directory; a bad frame with a good one behind it, and a good one of another campaign, is damage, and reported with its offset. A bad *last* frame cannot be told from one
//! that was cut off; the totals in the manifest of a complete load tell it.

use super::files;
use crate::engine::message::{Chunk, Run};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

const MAGIC: [u8; 4] = *b"PHCH";
const HEAD_OCTETS: usize = 28;
/// Far above what a chunk of the greatest size needs: a greater length is damage.
const PAYLOAD_OCTETS_MAX: usize = 256 << 20;
const SCAN_OCTETS: usize = 1 << 20;

/// How far the list had been read when a chunk was committed, and what had come of it until there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Octets of the decoded list that are done with.
    pub octets: u64,
    /// Lines that are done with.
    pub lines: u64,
    /// Records that are done with, whatever became of them; the header line is none.
    pub records: u64,
    /// Records refused so far.
    pub rejected: u64,
    /// The length of the rejects file.
    pub rejects_octets: u64,
    /// Records whose mailbox had been seen before.
    pub duplicates: u64,
    /// Records with something around their mailbox.
    pub cleaned: u64,
}

/// A committed chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Its rows, its new domains and its runs.
    pub chunk: Chunk,
    /// Where the list stood.
    pub progress: Progress,
    /// The length of `rows.dat` behind its last row.
    pub rows_end: u64,
    /// CRC-32 of its octets in `rows.dat`.
    pub rows_crc: u32,
}

/// Encodes the frame of a chunk of `campaign` into `out`.
pub fn encode(header: &Header, campaign: u64, sequence: u32, out: &mut Vec<u8>) -> io::Result<()> {
    out.clear();
    out.resize(HEAD_OCTETS, 0);
    let (c, p) = (&header.chunk, &header.progress);
    for n in [c.first, c.rows, c.suppressed, header.rows_crc] {
        out.extend_from_slice(&n.to_le_bytes());
    }
    for n in [header.rows_end, p.octets, p.lines, p.records, p.rejected, p.rejects_octets, p.duplicates] {
        out.extend_from_slice(&n.to_le_bytes());
    }
    out.extend_from_slice(&(c.new_domains.len() as u32).to_le_bytes());
    out.extend_from_slice(&(c.runs.len() as u32).to_le_bytes());
    for domain in &c.new_domains {
        out.push(domain.len() as u8);
        out.extend_from_slice(domain.as_bytes());
    }
    for run in &c.runs {
        out.extend_from_slice(&run.domain.to_le_bytes());
        out.extend_from_slice(&run.count.to_le_bytes());
    }
    if p.cleaned > 0 {
        out.extend_from_slice(&p.cleaned.to_le_bytes());
    }
    let payload = out.get(HEAD_OCTETS..).unwrap_or_default();
    if payload.len() > PAYLOAD_OCTETS_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the chunk has too many domains"));
    }
    let (length, crc) = (payload.len() as u32, crc32fast::hash(payload));
    let mut head = Vec::with_capacity(HEAD_OCTETS);
    head.extend_from_slice(&MAGIC);
    for n in [length, sequence, crc] {
        head.extend_from_slice(&n.to_le_bytes());
    }
    head.extend_from_slice(&campaign.to_le_bytes());
    head.extend_from_slice(&crc32fast::hash(&head).to_le_bytes());
    if let Some(front) = out.first_chunk_mut::<HEAD_OCTETS>() {
        front.copy_from_slice(&head);
    }
    Ok(())
}

/// Walks the committed chunks of a directory file, in order.
#[derive(Debug)]
pub struct Chunks<'a> {
    file: &'a File,
    path: &'a Path,
    campaign: u64,
    offset: u64,
    sequence: u32,
    rows: u32,
    rows_end: u64,
    domains: u32,
    failed: bool,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(file: &'a File, path: &'a Path, campaign: u64) -> Self {
        Self { file, path, campaign, offset: 0, sequence: 0, rows: 0, rows_end: 0, domains: 0, failed: false }
    }

    /// Where the last frame that was returned ends: after the last one, the committed length of the directory.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    fn read(&mut self) -> io::Result<Option<Header>> {
        let Some(payload) = self.frame()? else { return Ok(None) };
        let at = self.offset;
        let header = decode(&payload, self.rows, self.domains);
        let header = header.filter(|h| h.rows_end >= self.rows_end);
        let header = header.ok_or_else(|| files::damaged(self.path, at, "a chunk header contradicts itself"))?;
        self.offset += (HEAD_OCTETS + payload.len()) as u64;
        self.sequence += 1;
        self.rows += header.chunk.rows;
        self.rows_end = header.rows_end;
        self.domains += header.chunk.new_domains.len() as u32;
        Ok(Some(header))
    }

    /// The payload of the frame at `offset`; `None` if there is no whole one here nor behind.
    fn frame(&self) -> io::Result<Option<Vec<u8>>> {
        let end = files::length(self.file, self.path)?;
        let left = end.saturating_sub(self.offset);
        if left == 0 {
            return Ok(None);
        }
        let mut head = [0; HEAD_OCTETS];
        if left >= HEAD_OCTETS as u64 {
            files::read_at(self.file, self.path, &mut head, self.offset)?;
        }
        let head = decode_head(&head);
        if head.as_ref().is_some_and(|head| head.campaign != self.campaign) {
            return Err(files::damaged(self.path, self.offset, "the chunk here is of another campaign"));
        }
        if let Some(head) = head
            && head.sequence == self.sequence
            && left - HEAD_OCTETS as u64 >= head.length as u64
        {
            let mut payload = vec![0; head.length];
            files::read_at(self.file, self.path, &mut payload, self.offset + HEAD_OCTETS as u64)?;
            if crc32fast::hash(&payload) == head.payload_crc {
                return Ok(Some(payload));
            }
        }
        match self.later_frame(end)? {
            Some(later) => {
                let what = format!("the chunk header here is bad, and a good one follows at octet {later}");
                Err(files::damaged(self.path, self.offset, &what))
            }
            None => Ok(None),
        }
    }

    /// Where a frame of a later sequence begins, if any does.
    fn later_frame(&self, end: u64) -> io::Result<Option<u64>> {
        let mut piece = vec![0; SCAN_OCTETS];
        let mut from = self.offset + 1;
        while from < end {
            let length = piece.len().min((end - from) as usize);
            let piece = piece.get_mut(..length).unwrap_or_default();
            self.file.read_exact_at(piece, from).map_err(|e| files::named("read", self.path, &e))?;
            for at in memchr::memmem::find_iter(piece, &MAGIC) {
                let head = piece.get(at..).and_then(<[u8]>::first_chunk).and_then(decode_head);
                if head.is_some_and(|head| head.sequence > self.sequence) {
                    return Ok(Some(from + at as u64));
                }
            }
            // A head may lie across the seam.
            from += if length == SCAN_OCTETS { (length - HEAD_OCTETS) as u64 } else { length as u64 };
        }
        Ok(None)
    }
}

impl Iterator for Chunks<'_> {
    type Item = io::Result<Header>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let header = self.read().transpose();
        self.failed = matches!(header, Some(Err(_)));
        header
    }
}

/// What stands in front of a payload.
struct Head {
    length: usize,
    sequence: u32,
    payload_crc: u32,
    campaign: u64,
}

fn decode_head(head: &[u8; HEAD_OCTETS]) -> Option<Head> {
    let mut rest = head.strip_prefix(&MAGIC)?;
    let (length, sequence, payload_crc) = (u32_of(&mut rest)?, u32_of(&mut rest)?, u32_of(&mut rest)?);
    let campaign = u64_of(&mut rest)?;
    let good = u32_of(&mut rest)? == crc32fast::hash(head.get(..HEAD_OCTETS - 4)?);
    let length = length as usize;
    (good && length <= PAYLOAD_OCTETS_MAX).then_some(Head { length, sequence, payload_crc, campaign })
}

/// Decodes a payload whose chunk must begin at row `first`, with `domains` domains known before it.
fn decode(mut rest: &[u8], first: u32, domains: u32) -> Option<Header> {
    let r = &mut rest;
    let mut chunk = Chunk { first: u32_of(r)?, rows: u32_of(r)?, suppressed: u32_of(r)?, ..Chunk::default() };
    let rows_crc = u32_of(r)?;
    let rows_end = u64_of(r)?;
    let progress = Progress {
        octets: u64_of(r)?,
        lines: u64_of(r)?,
        records: u64_of(r)?,
        rejected: u64_of(r)?,
        rejects_octets: u64_of(r)?,
        duplicates: u64_of(r)?,
        cleaned: 0,
    };
    let (new_domains, runs) = (u32_of(r)?, u32_of(r)?);
    for _ in 0..new_domains {
        let (&length, after) = r.split_first()?;
        let (name, after) = after.split_at_checked(usize::from(length))?;
        chunk.new_domains.push(Arc::from(std::str::from_utf8(name).ok()?));
        *r = after;
    }
    let domains = domains.checked_add(new_domains)?;
    let mut next = first;
    for _ in 0..runs {
        let run = Run { domain: u32_of(r)?, first: next, count: u32_of(r)? };
        next = next.checked_add(run.count)?;
        if run.count == 0 || run.domain >= domains {
            return None;
        }
        chunk.runs.push(run);
    }
    // It stands last: frames that were written before it was counted end here.
    let cleaned = if r.is_empty() { 0 } else { u64_of(r)? };
    let progress = Progress { cleaned, ..progress };
    let whole = next.checked_add(chunk.suppressed)? == first.checked_add(chunk.rows)?;
    (whole && chunk.first == first && r.is_empty()).then_some(Header { chunk, progress, rows_end, rows_crc })
}

fn u32_of(rest: &mut &[u8]) -> Option<u32> {
    let (octets, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_le_bytes(*octets))
}

fn u64_of(rest: &mut &[u8]) -> Option<u64> {
    let (octets, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_le_bytes(*octets))
}
