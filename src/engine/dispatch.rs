//! Which shard gets which rows.
//!
//! Where domains are looked up, a domain goes to the shard of its name's hash; the shard that owns the domain's site
//! takes it over once its site is known. Where everything goes to one site, that site has a lane in each shard, and the
//! rows of a chunk are split among them.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::engine::campaign::Rest;
use crate::engine::message::{Chunk, Line, Resumed, ToShard};

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
    by_domain: bool,
    /// The shard of each domain.
    owners: Vec<u16>,
}

impl Dispatch {
    /// Dispatches to these shards: each domain to one of them (`by_domain`), or all rows evenly.
    #[must_use]
    pub fn new(lines: Vec<Line>, by_domain: bool) -> Self {
        Self { lines, by_domain, owners: Vec::new() }
    }

    /// Says the same to every shard.
    pub fn tell_all(&self, message: impl Fn() -> ToShard) {
        self.lines.iter().for_each(|line| line.tell(message()));
    }

    /// Hands out what an earlier process left.
    pub fn resume(&mut self, rest: Rest) {
        self.learn(&rest.domains);
        let mut parts: Vec<Resumed> = self.lines.iter().map(|_| Resumed::default()).collect();
        let rows: u64 = rest.runs.iter().map(|run| u64::from(run.count)).sum();
        let mut passed = 0;
        for run in rest.runs {
            let owner = self.owner(run.domain, passed, rows);
            passed += u64::from(run.count);
            if let Some(part) = parts.get_mut(owner) {
                part.runs.push(run);
            }
        }
        for (index, retry) in rest.retries.into_iter().enumerate() {
            let owner = self.owner(retry.domain, index as u64, u64::MAX);
            if let Some(part) = parts.get_mut(owner) {
                part.retries.push(retry);
            }
        }
        for reopened in rest.reopened {
            let owner = self.owner(reopened.domain, 0, u64::MAX);
            if let Some(part) = parts.get_mut(owner) {
                part.reopened.push(reopened);
            }
        }
        for withdrawn in rest.withdrawn {
            let owner = self.owner(withdrawn.domain, 0, u64::MAX);
            if let Some(part) = parts.get_mut(owner) {
                part.withdrawn.push(withdrawn);
            }
        }
        for (line, mut part) in self.lines.iter().zip(parts) {
            part.domains = if self.by_domain { rest.domains.clone() } else { Vec::new() };
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
        let rows = u64::from(chunk.rows);
        let mut passed = 0;
        for run in chunk.runs {
            let owner = self.owner(run.domain, passed, rows);
            passed += u64::from(run.count);
            if let Some(part) = parts.get_mut(owner) {
                part.rows += run.count;
                part.runs.push(run);
            }
        }
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

    fn learn(&mut self, domains: &[Arc<str>]) {
        if self.by_domain && self.lines.len() > 1 {
            self.owners.extend(domains.iter().map(|name| shard_of(name, self.lines.len()) as u16));
        }
    }

    /// The shard of a run: by its domain, or by how far into `rows` rows it lies.
    fn owner(&self, domain: u32, passed: u64, rows: u64) -> usize {
        if self.by_domain {
            return self.owners.get(domain as usize).map_or(0, |&owner| usize::from(owner));
        }
        let count = self.lines.len() as u64;
        if rows == u64::MAX { (passed % count.max(1)) as usize } else { (passed * count / rows.max(1)) as usize }
    }
}
