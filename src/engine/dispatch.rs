//! Which shard gets which rows.
//!
//! Where domains are looked up, a domain goes to the shard of its name's hash; the shard that owns the domain's site
//! takes it over once its site is known. Where everything goes to one site, that site has a lane in each shard, and the rows of a
//! chunk are split among them as the site's sessions are: all lanes come to their end together.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::engine::campaign::Rest;
use crate::engine::message::{Chunk, Line, Resumed, Run, ToShard};

/// The shard, of `count`, that something of this name belongs to.
#[must_use]
pub fn shard_of(name: &str, count: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    (hasher.finish() % count.max(1) as u64) as usize
}

/// See the head of this file.
pub struct Dispatch {
    lines: Vec<Line>,
    /// The shard of each domain; of none where rows are shared out.
    owners: Vec<u16>,
    /// The sums of the shares of the shards up to each one; empty where domains are dispatched.
    shares: Vec<u64>,
    /// How often rows were shared out.
    times: u64,
}

impl Dispatch {
    /// Dispatches to these shards: each domain to one of them, or, where there are `shares`, so many rows to each of them, in
    /// proportion.
    #[must_use]
    pub fn new(lines: Vec<Line>, shares: Option<Vec<u32>>) -> Self {
        let sum = |sum: &mut u64, share: u32| {
            *sum += u64::from(share);
            Some(*sum)
        };
        let shares = shares.unwrap_or_default().into_iter().scan(0, sum).collect();
        Self { lines, owners: Vec::new(), shares, times: 0 }
    }

    /// Says the same to every shard.
    pub fn tell_all(&self, message: impl Fn() -> ToShard) {
        self.lines.iter().for_each(|line| line.tell(message()));
    }

    /// Hands out what an earlier process left.
    pub fn resume(&mut self, rest: Rest) {
        self.learn(&rest.domains);
        let mut parts: Vec<Resumed> = self.lines.iter().map(|_| Resumed::default()).collect();
        self.split(rest.runs, |owner, run| {
            if let Some(part) = parts.get_mut(owner) {
                part.runs.push(run);
            }
        });
        for (index, retry) in rest.retries.into_iter().enumerate() {
            let owner = self.owner(retry.domain, index as u64);
            if let Some(part) = parts.get_mut(owner) {
                part.retries.push(retry);
            }
        }
        for reopened in rest.reopened {
            let owner = self.owner(reopened.domain, 0);
            if let Some(part) = parts.get_mut(owner) {
                part.reopened.push(reopened);
            }
        }
        for withdrawn in rest.withdrawn {
            let owner = self.owner(withdrawn.domain, 0);
            if let Some(part) = parts.get_mut(owner) {
                part.withdrawn.push(withdrawn);
            }
        }
        for (line, mut part) in self.lines.iter().zip(parts) {
            part.domains = if self.by_domain() { rest.domains.clone() } else { Vec::new() };
            part.words = rest.words.clone();
            line.tell(ToShard::Resumed(Box::new(part)));
        }
    }

    /// Hands out a new chunk.
    pub fn chunk(&mut self, chunk: Chunk) {
        self.learn(&chunk.new_domains);
        if let [only] = self.lines.as_slice() {
            return only.tell(ToShard::Chunk(chunk));
        }
        let mut parts: Vec<Chunk> = self.lines.iter().map(|_| Chunk::default()).collect();
        self.split(chunk.runs, |owner, run| {
            if let Some(part) = parts.get_mut(owner) {
                part.rows += run.count;
                part.runs.push(run);
            }
        });
        if let Some(first) = parts.first_mut() {
            first.rows += chunk.suppressed;
            first.suppressed = chunk.suppressed;
            // The suppressed rows are the last ones of the whole chunk: its part ends where the chunk does.
            first.first = (chunk.first + chunk.rows).saturating_sub(first.rows);
        }
        for (line, mut part) in self.lines.iter().zip(parts) {
            part.new_domains.clone_from(&chunk.new_domains);
            line.tell(ToShard::Chunk(part));
        }
    }

    fn by_domain(&self) -> bool {
        self.shares.is_empty()
    }

    fn learn(&mut self, domains: &[Arc<str>]) {
        if self.by_domain() && self.lines.len() > 1 {
            self.owners.extend(domains.iter().map(|name| shard_of(name, self.lines.len()) as u16));
        }
    }

    /// Gives each run to its shard: whole, by its domain, or a part of it to each shard whose share of all rows it lies in.
    fn split(&mut self, runs: Vec<Run>, mut give: impl FnMut(usize, Run)) {
        if self.by_domain() {
            return runs.into_iter().for_each(|run| give(self.owner(run.domain, 0), run));
        }
        let rows = runs.iter().map(|run| u64::from(run.count)).sum();
        // What is left by rounding goes to another shard each time: a list may come a row at a time.
        self.times = self.times.wrapping_add(1);
        let total = self.shares.last().copied().unwrap_or(1);
        let rest = (spread(self.times) * total) >> 32;
        let mut passed = 0;
        for mut run in runs {
            while run.count > 0 {
                let (lane, end) = self.lane(passed, rows, rest);
                let count = u64::from(run.count).min(end - passed) as u32;
                give(lane, Run { count, ..run });
                passed += u64::from(count);
                run = Run { first: run.first + count, count: run.count - count, ..run };
            }
        }
    }

    /// The shard whose share of so many rows this one lies in, and where its share ends (behind the row). Of a row that
    /// shares divide, each has so many parts as all shares together have: `rest` of them are added before each end.
    fn lane(&self, row: u64, rows: u64, rest: u64) -> (usize, u64) {
        let total = u128::from(self.shares.last().copied().unwrap_or(1).max(1));
        let end = |sum: &u64| ((u128::from(rows) * u128::from(*sum) + u128::from(rest)) / total) as u64;
        self.shares.iter().map(end).enumerate().find(|(_, end)| row < *end).unwrap_or((0, rows.max(row + 1)))
    }

    /// The shard of what is one of many: by its domain, or by its place among them, evenly spread at each length.
    fn owner(&self, domain: u32, place: u64) -> usize {
        if self.by_domain() {
            return self.owners.get(domain as usize).map_or(0, |&owner| usize::from(owner));
        }
        self.lane(spread(place), 1 << 32, 0).0
    }
}

/// A number below 2^32 for each number: those of neighbours are spread evenly, however many of them one takes. Multiples of
/// the golden ratio never cluster (Knuth, The Art of Computer Programming 3, section 6.4).
fn spread(place: u64) -> u64 {
    place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(shares: &[u32], runs: &[Run]) -> Vec<(usize, Run)> {
        let mut given = Vec::new();
        let mut dispatch = Dispatch { times: 0u64.wrapping_sub(1), ..Dispatch::new(Vec::new(), Some(shares.to_vec())) };
        dispatch.split(runs.to_vec(), |lane, run| given.push((lane, run)));
        given
    }

    fn run(domain: u32, first: u32, count: u32) -> Run {
        Run { domain, first, count }
    }

    #[test]
    fn the_rows_of_one_domain_are_shared_out_as_the_sessions_are() {
        assert_eq!(
            given(&[3, 3, 2, 2], &[run(0, 100, 1000)]),
            [(0, run(0, 100, 300)), (1, run(0, 400, 300)), (2, run(0, 700, 200)), (3, run(0, 900, 200))],
        );
        assert_eq!(
            given(&[1, 1], &[run(0, 0, 3), run(1, 3, 5), run(2, 8, 1)]),
            [(0, run(0, 0, 3)), (0, run(1, 3, 1)), (1, run(1, 4, 4)), (1, run(2, 8, 1))],
        );
    }

    #[test]
    fn each_row_goes_to_one_shard_and_each_shard_gets_its_share_to_within_a_row() {
        for shares in [&[1][..], &[2, 1], &[3, 3, 2, 2], &[1, 1, 1], &[157; 64], &[10_000, 9_999]] {
            for lengths in [&[1][..], &[7, 1, 900], &[4096], &[1; 333]] {
                let runs: Vec<Run> = lengths
                    .iter()
                    .scan(5, |first, count| {
                        *first += count;
                        Some(run(*first, *first - count, *count))
                    })
                    .collect();
                let given = given(shares, &runs);
                let rows =
                    |run: &Run| (run.first..run.first + run.count).map(|row| (run.domain, row)).collect::<Vec<_>>();
                let all: Vec<_> = runs.iter().flat_map(rows).collect();
                assert_eq!(given.iter().flat_map(|(_, run)| rows(run)).collect::<Vec<_>>(), all, "in order, each once");
                for (lane, share) in shares.iter().enumerate() {
                    let got: u32 = given.iter().filter(|(to, _)| *to == lane).map(|(_, run)| run.count).sum();
                    let due = all.len() as f64 * f64::from(*share) / shares.iter().map(|n| f64::from(*n)).sum::<f64>();
                    assert!((f64::from(got) - due).abs() <= 1.0, "{got} of {due} to {lane} of {shares:?}");
                }
            }
        }
    }

    #[test]
    fn rows_that_come_one_at_a_time_are_shared_out_too() {
        let mut dispatch = Dispatch::new(Vec::new(), Some(vec![3, 3, 2, 2]));
        let mut got = [0; 4];
        for row in 0..1000 {
            dispatch.split(vec![run(0, row, 1)], |lane, run| got[lane] += run.count);
        }
        let near = |got: u32, due: u32| got.abs_diff(due) <= 5;
        assert!(got.into_iter().zip([300, 300, 200, 200]).all(|(got, due)| near(got, due)), "{got:?}");
    }

    #[test]
    fn retries_are_spread_by_the_shares_however_few_they_are() {
        let dispatch = Dispatch::new(Vec::new(), Some(vec![3, 3, 2, 2]));
        for count in [10, 100, 1000] {
            let mut got = [0; 4];
            (0..count).for_each(|place| got[dispatch.owner(0, place)] += 1);
            let tenth = count as i64 / 10;
            for (got, tenths) in got.into_iter().zip([3, 3, 2, 2]) {
                assert!((got - tenths * tenth).abs() <= 1 + tenth / 20, "{got} of {count}");
            }
        }
    }
}
