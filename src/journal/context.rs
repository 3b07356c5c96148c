//! The dictionary: replies repeat, so their words (site, exchanger, enhanced code, phase, text) are written once as a
//! [`Define`] and records refer to them by number. Each shard has its own, and its own range of numbers.
//!
//! Guarantees: a number means the same words for the whole life of a journal; a number's definition is in the batch before
//! the first record that uses it. Bounded: texts of 2yz replies lose what changes with each message (queue ids); refusals keep
//! their exact words until half of the room is used, then lose the same; when the room is nearly used up only the site
//! and the class of the code are kept, at last only the class. Looking up known words allocates nothing.

use super::record::{DEFINE_OCTETS_MAX, Define};
use crate::mail::Enhanced;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use std::hash::{BuildHasher, Hasher};

/// Contexts that one dictionary holds.
pub const CONTEXTS_MAX: usize = 64 * 1024;
/// Octets that their words may take.
pub const OCTETS_MAX: usize = 12 << 20;
/// Of both bounds, these many quarters are for exact words of refusals…
const EXACT_QUARTERS: usize = 2;
/// …and these for any words; the rest is for contexts without a text.
const WORDS_QUARTERS: usize = 3;
/// Kept free for the last resort: one context for each class.
const RESERVED: usize = 16;

const _: () = assert!(OCTETS_MAX > 4 * RESERVED * DEFINE_OCTETS_MAX && OCTETS_MAX < u32::MAX as usize);

/// What decided an outcome, as the session saw it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts<'a> {
    /// The site.
    pub site: &'a str,
    /// The exchanger.
    pub host: &'a str,
    /// The reply code; 0 when there was no reply.
    pub code: u16,
    /// The enhanced code.
    pub enhanced: Option<Enhanced>,
    /// Where the session stood: one word, or none.
    pub phase: &'a str,
    /// The reply's text.
    pub text: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    id: u32,
    hash: u64,
    /// Where its words begin in `words`: site, host, phase, text.
    from: u32,
    lens: [u16; 4],
    code: u16,
    enhanced: Option<Enhanced>,
}

/// The contexts of one shard.
#[derive(Debug)]
pub struct Dictionary {
    slots: Vec<Slot>,
    /// Places in `slots`, by their words…
    table: HashTable<u32>,
    /// …and by their numbers.
    numbers: HashMap<u32, u32>,
    hashing: DefaultHashBuilder,
    words: Vec<u8>,
    next_id: u32,
    last_id: u32,
    scratch: Vec<u8>,
    asked: Asked,
}

/// The words that were looked up last, and their number: those who share a message are told the same.
#[derive(Debug, Default)]
struct Asked {
    words: Vec<u8>,
    lens: [usize; 4],
    code: u16,
    enhanced: Option<Enhanced>,
    /// 0: none.
    id: u32,
}

impl Asked {
    /// The number, if these are the words.
    fn number_of(&self, parts: &Parts<'_>) -> Option<u32> {
        let all = octets_of(parts);
        let same = self.code == parts.code && self.enhanced == parts.enhanced && self.lens == all.map(<[u8]>::len);
        let mut rest = self.words.as_slice();
        let mut begins = |part: &&[u8]| rest.strip_prefix(*part).inspect(|behind| rest = behind).is_some();
        (same && all.iter().all(&mut begins)).then_some(self.id).filter(|id| *id > 0)
    }

    fn keep(&mut self, parts: &Parts<'_>, id: u32) {
        let all = octets_of(parts);
        self.words.clear();
        all.iter().for_each(|part| self.words.extend_from_slice(part));
        (self.lens, self.code, self.enhanced, self.id) = (all.map(<[u8]>::len), parts.code, parts.enhanced, id);
    }
}

/// The text comes first: it differs most often.
fn octets_of<'a>(parts: &Parts<'a>) -> [&'a [u8]; 4] {
    [parts.text, parts.site.as_bytes(), parts.host.as_bytes(), parts.phase.as_bytes()]
}

impl Dictionary {
    /// An empty dictionary; `last` is the highest number that this shard has used before ([`super::state::State::last_context`]), 0
    /// if none.
    #[must_use]
    pub fn new(shard: u8, last: u32) -> Self {
        let base = u32::from(shard) << 24;
        Self {
            slots: Vec::new(),
            table: HashTable::new(),
            numbers: HashMap::new(),
            hashing: DefaultHashBuilder::default(),
            words: Vec::new(),
            next_id: base.max(last) + 1,
            last_id: base | 0x00ff_ffff,
            scratch: Vec::new(),
            asked: Asked::default(),
        }
    }

    /// The number for these words. New words append their definition to `batch` first. 0 (no context) only when all of the
    /// shard's 16 million numbers are used.
    pub fn intern(&mut self, parts: &Parts<'_>, batch: &mut Vec<u8>) -> u32 {
        if let Some(id) = self.asked.number_of(parts) {
            return id;
        }
        let id = self.look_up(parts, batch);
        self.asked.keep(parts, id);
        id
    }

    fn look_up(&mut self, parts: &Parts<'_>, batch: &mut Vec<u8>) -> u32 {
        let exact = Define {
            id: 0,
            site: parts.site,
            host: parts.host,
            code: parts.code,
            enhanced: parts.enhanced,
            phase: parts.phase,
            text: parts.text,
        };
        let exact = exact.cut();
        if parts.code / 100 != 2 {
            let hash = self.hash(&exact);
            if let Some(id) = self.find(&exact, hash) {
                return id;
            }
            if self.has_room(EXACT_QUARTERS) {
                return self.define(&exact, hash, batch);
            }
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        normalise(exact.text, &mut scratch);
        let id = self.intern_normal(&Define { text: &scratch, ..exact }, batch);
        self.scratch = scratch;
        id
    }

    /// Learns a definition that an earlier process or another shard wrote, so that its words are known by its number, and
    /// not defined again. Ignored when there is no room.
    pub fn adopt(&mut self, define: &Define<'_>) {
        if !self.has_room(EXACT_QUARTERS) || self.numbers.contains_key(&define.id) {
            return;
        }
        let hash = self.hash(define);
        // Of several numbers for the same words the first one goes on being given out.
        match self.find(define, hash).and_then(|id| self.numbers.get(&id).copied()) {
            Some(place) => drop(self.numbers.insert(define.id, place)),
            None => self.keep(define.id, define, hash),
        }
    }

    /// The words of a number that was given out or learnt.
    #[must_use]
    pub fn words(&self, id: u32) -> Option<Define<'_>> {
        let slot = self.slots.get(*self.numbers.get(&id)? as usize)?;
        let mut rest = self.words.get(slot.from as usize..)?;
        let mut parts = [&[][..]; 4];
        for (part, len) in parts.iter_mut().zip(slot.lens) {
            (*part, rest) = rest.split_at_checked(usize::from(len))?;
        }
        let [site, host, phase, text] = parts;
        let name = |octets| std::str::from_utf8(octets).ok();
        let (site, host, phase) = (name(site)?, name(host)?, name(phase)?);
        Some(Define { id, site, host, code: slot.code, enhanced: slot.enhanced, phase, text })
    }

    /// How many contexts it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    fn intern_normal(&mut self, normal: &Define<'_>, batch: &mut Vec<u8>) -> u32 {
        let hash = self.hash(normal);
        if let Some(id) = self.find(normal, hash) {
            return id;
        }
        if self.has_room(WORDS_QUARTERS) {
            return self.define(normal, hash, batch);
        }
        let text: &[u8] = match normal.code / 100 {
            2 => b"2yz, text not kept",
            4 => b"4yz, text not kept",
            5 => b"5yz, text not kept",
            _ => b"text not kept",
        };
        let by_site = Define { text, site: normal.site, code: normal.code, ..Define::default() };
        let hash = self.hash(&by_site);
        if let Some(id) = self.find(&by_site, hash) {
            return id;
        }
        if self.has_room(4) {
            return self.define(&by_site, hash, batch);
        }
        let by_class = Define { text, ..Define::default() };
        let hash = self.hash(&by_class);
        self.find(&by_class, hash).unwrap_or_else(|| self.define(&by_class, hash, batch))
    }

    fn has_room(&self, quarters: usize) -> bool {
        self.slots.len() < (CONTEXTS_MAX - RESERVED) / 4 * quarters
            && self.words.len() < (OCTETS_MAX - RESERVED * DEFINE_OCTETS_MAX) / 4 * quarters
    }

    fn hash(&self, d: &Define<'_>) -> u64 {
        let mut hasher = self.hashing.build_hasher();
        hasher.write(d.site.as_bytes());
        hasher.write(d.host.as_bytes());
        hasher.write(d.text);
        hasher.write(d.phase.as_bytes());
        let enhanced =
            d.enhanced.map_or(0, |e| u64::from(e.class) << 24 | u64::from(e.subject) << 12 | u64::from(e.detail));
        hasher.write_u64(enhanced << 16 | u64::from(d.code));
        hasher.finish()
    }

    fn find(&self, d: &Define<'_>, hash: u64) -> Option<u32> {
        let slot = |place: &u32| self.slots.get(*place as usize);
        let same = |place: &u32| slot(place).is_some_and(|slot| slot.hash == hash && self.same(slot, d));
        self.table.find(hash, same).and_then(slot).map(|slot| slot.id)
    }

    fn same(&self, slot: &Slot, d: &Define<'_>) -> bool {
        let mut rest = self.words.get(slot.from as usize..).unwrap_or_default();
        let parts = [d.site.as_bytes(), d.host.as_bytes(), d.phase.as_bytes(), d.text];
        (slot.code, slot.enhanced) == (d.code, d.enhanced)
            && slot.lens.iter().zip(parts).all(|(len, part)| {
                let Some((word, after)) = rest.split_at_checked(usize::from(*len)) else { return false };
                rest = after;
                word == part
            })
    }

    fn define(&mut self, d: &Define<'_>, hash: u64, batch: &mut Vec<u8>) -> u32 {
        if self.next_id > self.last_id {
            return 0;
        }
        let id = self.next_id;
        self.next_id += 1;
        Define { id, ..*d }.encode_into(batch);
        self.keep(id, d, hash);
        id
    }

    fn keep(&mut self, id: u32, d: &Define<'_>, hash: u64) {
        let from = self.words.len() as u32;
        let parts = [d.site.as_bytes(), d.host.as_bytes(), d.phase.as_bytes(), d.text];
        parts.iter().for_each(|part| self.words.extend_from_slice(part));
        // Every part is at most TEXT_MAX long, so its length fits.
        let lens = parts.map(|p| p.len() as u16);
        let place = self.slots.len() as u32;
        self.slots.push(Slot { id, hash, from, lens, code: d.code, enhanced: d.enhanced });
        self.numbers.insert(id, place);
        let slots = &self.slots;
        self.table.insert_unique(hash, place, |&place| slots.get(place as usize).map_or(0, |slot| slot.hash));
    }
}

/// Writes `text` into `out` without what changes from message to message: a blank-separated token that holds a digit or an
/// `@`, changes from lower to upper case inside, or is a long run of hexadecimal letters, becomes `…`; a run of them
/// becomes one.
pub fn normalise(text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    // `copied`: how much of `text` is dealt with; `words`: whether a token to keep lies behind that.
    let (mut at, mut copied, mut words) = (0, 0, true);
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        let (len, varies) = token(rest);
        if varies {
            if words {
                out.extend_from_slice(text.get(copied..at).unwrap_or_default());
                out.extend_from_slice("…".as_bytes());
            }
            copied = at + len;
            words = false;
        } else {
            words |= len > 0;
        }
        at += len + 1;
    }
    out.extend_from_slice(text.get(copied..).unwrap_or_default());
}

/// The length of the token at the front of `text`, and whether it is one that changes with each message.
fn token(text: &[u8]) -> (usize, bool) {
    let (mut seen, mut all, mut before) = (0, HEX, 0);
    let mut len = 0;
    for &b in text {
        let class = CLASSES[usize::from(b)];
        if class & BLANK != 0 {
            break;
        }
        seen |= class & VARIES | before & class;
        all &= class;
        before = (class & LOWER) << 1;
        len += 1;
    }
    (len, seen != 0 || (len >= HEX_TOKEN_MIN && all != 0))
}

/// From this length on a token of hexadecimal letters is taken for an id ("decade" is lost, which costs nothing).
const HEX_TOKEN_MIN: usize = 6;
const BLANK: u8 = 1;
const VARIES: u8 = 2;
const HEX: u8 = 4;
const LOWER: u8 = 8;
/// An upper-case letter, to be masked with whether a lower-case one came before.
const CHANGE_TO: u8 = LOWER << 1;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut b = 0u8;
    loop {
        classes[b as usize] = match b {
            b' ' | b'\t' | b'\r' | b'\n' => BLANK,
            b'0'..=b'9' => VARIES | HEX,
            b'@' => VARIES,
            b'a'..=b'f' => LOWER | HEX,
            b'g'..=b'z' => LOWER,
            b'A'..=b'F' => CHANGE_TO | HEX,
            b'G'..=b'Z' => CHANGE_TO,
            _ => 0,
        };
        if b == u8::MAX {
            break classes;
        }
        b += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::record::{Entry, entries};

    fn normal(text: &str) -> String {
        let mut out = Vec::new();
        normalise(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn parts(code: u16, text: &str) -> Parts<'_> {
        Parts {
            site: "acme.example",
            host: "mx1.acme.example",
            code,
            enhanced: None,
            phase: "end",
            text: text.as_bytes(),
        }
    }

    #[test]
    fn queue_ids_of_the_field_are_taken_out() {
        assert_eq!(normal("Ok: queued as 4ZbcQk2nXrz1Ab"), "Ok: queued as …");
        assert_eq!(normal("OK id=1rABCd-00000001abc-2xYz"), "OK …");
        assert_eq!(normal("OK  1700000000 d2e1a72fcca58-6e7ab.123 - gsmtp"), "OK  … - gsmtp");
        assert_eq!(
            normal("<a@b.example> [InternalId=123, Hostname=mx3] 17 bytes in 0.1\nQueued mail"),
            "… bytes in …\nQueued mail"
        );
        assert_eq!(normal("queued as ZBCDqwRtYpsD and FEEDBEEF"), "queued as … and …");
        assert_eq!(normal("Message accepted for delivery"), "Message accepted for delivery");
    }

    #[test]
    fn of_several_numbers_for_the_same_words_the_first_is_given_out() {
        let parts = Parts { code: 451, site: "s", host: "h", phase: "RCPT", text: b"later", ..Parts::default() };
        let mut batch = Vec::new();
        let other = Dictionary::new(1, 0).intern(&parts, &mut batch);
        let Some(Ok(Entry::Define(define))) = entries(&batch).next() else { panic!("no definition") };
        for _ in 0..32 {
            let mut dictionary = Dictionary::new(0, 0);
            dictionary.adopt(&define);
            dictionary.adopt(&Define { id: 7, ..define });
            assert_eq!(dictionary.intern(&parts, &mut Vec::new()), other);
            assert_eq!(dictionary.words(7), Some(Define { id: 7, ..define }));
        }
    }

    #[test]
    fn words_are_defined_once_before_they_are_used() {
        let mut dictionary = Dictionary::new(3, 0);
        let mut batch = Vec::new();
        let first = dictionary.intern(&parts(250, "queued as 1A"), &mut batch);
        assert_eq!(first, (3 << 24) + 1);
        assert_eq!(dictionary.intern(&parts(250, "queued as 2B"), &mut batch), first);
        let refused = dictionary.intern(&parts(550, "no user 17 here"), &mut batch);
        let words = dictionary.words(refused).map(|d| (d.host, d.code, d.phase, d.text));
        assert_eq!(words, Some(("mx1.acme.example", 550, "end", &b"no user 17 here"[..])));
        let defined: Vec<_> = entries(&batch)
            .map(|e| match e {
                Ok(Entry::Define(d)) => (d.id, d.site, d.host, d.phase, String::from_utf8_lossy(d.text).into_owned()),
                other => panic!("{other:?}"),
            })
            .collect();
        let (site, host) = ("acme.example", "mx1.acme.example");
        let want = [
            (first, site, host, "end", "queued as …".to_owned()),
            (refused, site, host, "end", "no user 17 here".to_owned()),
        ];
        assert_eq!(defined, want);
    }

    #[test]
    fn numbers_go_on_where_an_earlier_process_stopped_and_its_words_are_learnt() {
        let mut batch = Vec::new();
        let mut dictionary = Dictionary::new(1, (1 << 24) + 9);
        let known = Define { id: (1 << 24) + 4, site: "s", code: 550, text: b"gone", ..Define::default() };
        dictionary.adopt(&known);
        assert_eq!((dictionary.words(known.id), dictionary.words(5)), (Some(known), None));
        assert_eq!(
            dictionary.intern(&Parts { site: "s", code: 550, text: b"gone", ..Parts::default() }, &mut batch),
            known.id
        );
        assert_eq!(dictionary.intern(&parts(550, "new"), &mut batch), (1 << 24) + 10);
        let mut full = Dictionary::new(1, (2 << 24) - 1);
        assert_eq!(full.intern(&parts(550, "one too many"), &mut batch), 0);
    }

    #[test]
    fn a_peer_that_says_something_new_each_time_fills_no_memory() {
        let mut dictionary = Dictionary::new(0, 0);
        let mut batch = Vec::new();
        let mut ids = std::collections::HashSet::new();
        for n in 0..200_000u32 {
            batch.clear();
            let word: String = n.to_string().bytes().map(|b| char::from(b + 55)).collect();
            let text = format!("{word}z {n} {}", "x".repeat(400));
            let site = format!("s{}.example", n % 50_000);
            ids.insert(dictionary.intern(&Parts { site: &site, ..parts(550, &text) }, &mut batch));
        }
        assert!(dictionary.len() <= CONTEXTS_MAX && dictionary.words.len() <= OCTETS_MAX, "{}", dictionary.len());
        assert_eq!(ids.len(), dictionary.len());
        let last = dictionary.intern(&Parts { site: "another", ..parts(450, "y") }, &mut batch);
        assert!(!ids.contains(&0) && last != 0);
    }

    #[test]
    fn over_long_words_are_found_again() {
        let mut dictionary = Dictionary::new(0, 0);
        let mut batch = Vec::new();
        let (site, text) = ("é".repeat(400), "word ".repeat(900));
        let long = Parts { site: &site, ..parts(550, &text) };
        let id = dictionary.intern(&long, &mut batch);
        let octets = batch.len();
        assert_eq!(dictionary.intern(&long, &mut batch), id);
        assert_eq!(batch.len(), octets);
    }
}
