//! A scenario: a peer's behaviour, what is sent to it, and what must come of every recipient.
//!
//! Guarantees: whatever a scenario expects, some things hold in all of them (see [`Scenario::verdict`]): nobody counts as
//! delivered whose message the peer did not take, or as bounced or untried whose message it took, nobody gets it twice, nothing is pipelined to a peer that did not
//! offer it, and no content goes where commands belong.

use crate::peer::SessionLog;
use crate::script::{Play, Wait};
use posthaste::journal::record::Kind;
use std::collections::HashMap;

/// Where a recipient stands at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Delivered.
    Delivered,
    /// To be retried by the schedule, after this reply.
    Deferred(u16),
    /// Refused for good, by this reply.
    Bounced(u16),
    /// Held: the content was sent and its reply never came.
    Uncertain,
    /// Delivered, or held: it depends on what passed what on the way.
    Unsure,
    /// Delivered, or to be tried again: it depends on what passed what on the way.
    Kept,
    /// In the queue; no attempt counts.
    Waiting,
    /// Whatever [`Scenario::laws`] allow.
    Lawful,
}

/// One record of the journal about one recipient, with the words it refers to.
#[derive(Clone, Debug)]
pub struct Fact {
    pub kind: Kind,
    pub code: u16,
    pub phase: String,
    pub host: String,
    pub words: String,
}

/// One line of the log: its message and fields, as `key=value`.
#[derive(Clone, Debug, Default)]
pub struct Line {
    pub message: String,
    pub host: String,
    pub phase: String,
    pub all: String,
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By row: its records, in order.
    pub rows: Vec<Vec<Fact>>,
    /// By order of their beginning.
    pub sessions: Vec<SessionLog>,
    pub lines: Vec<Line>,
    /// Nothing would ever have happened any more, although recipients waited.
    pub stuck: bool,
}

/// See the head of this file.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    /// By order of the sessions; the last one again and again.
    pub plays: Vec<Play>,
    /// So many sessions at one time; those beyond get this play.
    pub crowd: Option<(usize, Play)>,
    pub recipients: u32,
    pub per_message: u32,
    /// The recipients are of so many domains, by turns.
    pub domains: u32,
    /// Octets that each content has more than its few lines.
    pub padding: usize,
    /// So many more recipients come after that while.
    pub later: Option<(Wait, u32)>,
    pub sessions: u32,
    /// The wait before each further attempt.
    pub retry_s: u64,
    /// How long a connection may take to stand, if not as long as a reply.
    pub connect_s: Option<u64>,
    pub messages_per_session: u32,
    pub pipelining: bool,
    pub chunking: bool,
    pub starttls: bool,
    /// The peer makes the client wait for longer than it will: over real sockets its patience is short.
    pub patience: bool,
    /// How long it goes on, in virtual time.
    pub minutes: u64,
    /// The peer says more replies than it was asked for: a command may then overtake one.
    pub miscounts: bool,
    pub fates: Vec<Fate>,
    /// So many are held at most.
    pub uncertain_max: usize,
    /// What the client says in a session, in the words of [`SessionLog::heard`].
    pub dialogues: Vec<(usize, &'static str)>,
    /// So many times at most in each session from this one on.
    pub at_most: Vec<(usize, &'static str, usize)>,
    /// Words that the client never says, in any session from this one on.
    pub unsaid: Vec<(usize, &'static str)>,
    /// Sessions at least, and at most.
    pub session_count: (usize, usize),
    /// A line of the log names the host, and has this phase (any, if empty) and these words.
    pub logs: Vec<(&'static str, &'static str)>,
    /// A fact of this row has these words.
    pub words: Vec<(u32, &'static str)>,
}

impl Scenario {
    pub fn new(name: impl Into<String>, plays: impl Into<Vec<Play>>) -> Self {
        Self {
            name: name.into(),
            plays: plays.into(),
            crowd: None,
            recipients: 2,
            per_message: 2,
            domains: 1,
            padding: 0,
            later: None,
            sessions: 1,
            retry_s: 7200,
            connect_s: None,
            messages_per_session: 100,
            pipelining: true,
            chunking: true,
            starttls: false,
            patience: false,
            minutes: 30,
            miscounts: false,
            fates: Vec::new(),
            uncertain_max: usize::MAX,
            dialogues: Vec::new(),
            at_most: Vec::new(),
            unsaid: Vec::new(),
            session_count: (1, usize::MAX),
            logs: Vec::new(),
            words: Vec::new(),
        }
    }

    /// So many recipients, so many of them to a message.
    pub fn to(self, recipients: u32, per_message: u32) -> Self {
        Self { recipients, per_message, ..self }
    }

    /// Each recipient's fate, from row 0 on.
    pub fn fates(self, fates: &[Fate]) -> Self {
        Self { fates: fates.to_vec(), ..self }
    }

    /// The same fate for all. Call after what sets the recipients.
    pub fn all(self, fate: Fate) -> Self {
        let count = self.recipients + self.later.map_or(0, |(_, more)| more);
        Self { fates: vec![fate; count as usize], ..self }
    }

    pub fn dialogue(mut self, session: usize, words: &'static str) -> Self {
        self.dialogues.push((session, words));
        self
    }

    pub fn never_says(mut self, from_session: usize, word: &'static str) -> Self {
        self.unsaid.push((from_session, word));
        self
    }

    pub fn says_at_most(mut self, from_session: usize, verb: &'static str, times: usize) -> Self {
        self.at_most.push((from_session, verb, times));
        self
    }

    /// More recipients come after a while.
    pub fn later(self, wait: Wait, more: u32) -> Self {
        Self { later: Some((wait, more)), ..self }
    }

    /// The peer's silence is longer than the client's patience.
    pub fn impatient(self) -> Self {
        Self { patience: true, ..self }
    }

    /// The peer says more replies than it was asked for.
    pub fn miscounting(self) -> Self {
        Self { miscounts: true, ..self }
    }

    pub fn in_sessions(self, least: usize, most: usize) -> Self {
        Self { session_count: (least, most), ..self }
    }

    pub fn logs(mut self, phase: &'static str, words: &'static str) -> Self {
        self.logs.push((phase, words));
        self
    }

    pub fn words(mut self, row: u32, words: &'static str) -> Self {
        self.words.push((row, words));
        self
    }

    /// The play of a session.
    pub fn play(&self, session: usize) -> Play {
        self.plays.get(session).or(self.plays.last()).cloned().unwrap_or_default()
    }

    /// Whether all recipients stand where they should.
    pub fn stands(&self, outcome: &Outcome) -> bool {
        self.standing(outcome).is_ok()
    }

    fn standing(&self, outcome: &Outcome) -> Result<(), String> {
        assert!(!self.fates.is_empty(), "{}: no fate is expected", self.name);
        for (row, fate) in self.fates.iter().enumerate() {
            let facts = outcome.rows.get(row).map_or(&[][..], Vec::as_slice);
            let found = fate_of(facts);
            let fits = match fate {
                Fate::Unsure => matches!(found, Some(Fate::Delivered | Fate::Uncertain)),
                Fate::Lawful => found.is_some(),
                Fate::Kept => matches!(found, Some(Fate::Delivered | Fate::Deferred(_) | Fate::Waiting)),
                _ => found == Some(*fate),
            };
            if !fits {
                let told: Vec<_> =
                    facts.iter().map(|f| format!("{:?} {} {} {}", f.kind, f.code, f.phase, f.words)).collect();
                return Err(format!("row {row} should be {fate:?}, and is {:?}: {told:?}", fate_of(facts)));
            }
        }
        Ok(())
    }

    /// Compares what came of it with what is expected, and with what always holds.
    /// How the dialogues go is compared only where the peer's octets came as it said them.
    pub fn verdict(&self, outcome: &Outcome, whole: bool) -> Result<(), String> {
        let dialogues = || {
            let sessions = outcome.sessions.iter().take(6);
            sessions.map(|s| format!("\n    {}", s.heard.join(" "))).collect::<String>()
        };
        self.standing(outcome).map_err(|e| format!("{e}; the dialogues:{}", dialogues()))?;
        if outcome.stuck {
            return Err(format!("nothing would ever happen again; the dialogues:{}", dialogues()));
        }
        let sessions = outcome.sessions.len();
        if sessions < self.session_count.0 || sessions > self.session_count.1 {
            return Err(format!("{sessions} sessions, not {:?}; the dialogues:{}", self.session_count, dialogues()));
        }
        for (session, words) in self.dialogues.iter().filter(|_| whole) {
            let heard = outcome.sessions.get(*session).map(|s| s.heard.join(" ")).unwrap_or_default();
            if heard != *words {
                return Err(format!("session {session} should go {words:?}, and goes {heard:?}"));
            }
        }
        for (from, word) in &self.unsaid {
            if let Some(heard) =
                outcome.sessions.iter().skip(*from).map(|s| s.heard.join(" ")).find(|h| h.contains(word))
            {
                return Err(format!("it should not say {word:?}, and says {heard:?}"));
            }
        }
        for (from, verb, most) in &self.at_most {
            let says = |s: &&SessionLog| s.heard.iter().filter(|h| h.trim_start_matches('+') == *verb).count() > *most;
            if let Some(session) = outcome.sessions.iter().skip(*from).find(says) {
                return Err(format!("it says {verb} more than {most} times: {:?}", session.heard));
            }
        }
        for (phase, words) in &self.logs {
            let at = |l: &Line| if phase.is_empty() { !l.phase.is_empty() } else { l.phase == *phase };
            let named = |l: &Line| l.host == HOST && at(l) && l.all.contains(words);
            if !outcome.lines.iter().any(named) {
                return Err(format!("no line names {HOST}, {phase} and {words:?}: {:#?}", outcome.lines));
            }
        }
        for (row, words) in &self.words {
            let facts = outcome.rows.get(*row as usize).map_or(&[][..], Vec::as_slice);
            if !facts.iter().any(|f| f.host == HOST && f.words.contains(words)) {
                return Err(format!("no fact of row {row} says {words:?}: {facts:?}"));
            }
        }
        self.laws(outcome)
    }

    /// What holds in every scenario.
    fn laws(&self, outcome: &Outcome) -> Result<(), String> {
        let mut copies: HashMap<u32, usize> = HashMap::new();
        for (session, log) in outcome.sessions.iter().enumerate() {
            let play = self.play(session);
            if let Some(wrong) = log.wrong.first() {
                return Err(format!("session {session}: {wrong}"));
            }
            if let Some(line) = log.unknown.first().filter(|_| !play.misreads) {
                return Err(format!("session {session}: the client said {line:?} where a command belongs"));
            }
            let offered = play.offers.contains(&"PIPELINING") && log.heard.iter().any(|h| h == "EHLO");
            let pipelined = log.heard.iter().find(|h| h.starts_with('+'));
            if let Some(verb) = pipelined.filter(|_| !offered && !self.miscounts) {
                return Err(format!("session {session}: {verb} was pipelined, and not offered: {:?}", log.heard));
            }
            for taken in &log.taken {
                for &row in &taken.rows {
                    *copies.entry(row).or_default() += 1;
                    let named = taken.content.windows(8).any(|w| w == mark(row).as_bytes());
                    if !named || !taken.content.ends_with(END) {
                        return Err(format!("session {session}: row {row} got another's or a damaged content"));
                    }
                }
            }
        }
        let held = outcome.rows.iter().filter(|facts| fate_of(facts) == Some(Fate::Uncertain)).count();
        if held > self.uncertain_max {
            return Err(format!("{held} recipients are held, more than {}", self.uncertain_max));
        }
        for (row, facts) in (0u32..).zip(&outcome.rows) {
            let count = copies.get(&row).copied().unwrap_or_default();
            let delivered = facts.last().is_some_and(|f| f.kind == Kind::Delivered);
            if delivered && count != 1 || count > 1 {
                return Err(format!("row {row} has {count} copies, and its last record is {:?}", facts.last()));
            }
            if count > 0 && matches!(fate_of(facts), Some(Fate::Bounced(_) | Fate::Deferred(_) | Fate::Waiting)) {
                return Err(format!("row {row} has a copy, and its last record is {:?}", facts.last()));
            }
        }
        Ok(())
    }
}

/// What the peer's host is called in logs and records.
pub const HOST: &str = "mx.hostile.example";

/// How contents end.
pub const END: &[u8] = b"the end\r\n";

/// What names a row in the content that is for it.
pub fn mark(row: u32) -> String {
    format!("R{row:06}.")
}

/// Where these records leave a recipient; `None`: under way.
fn fate_of(facts: &[Fact]) -> Option<Fate> {
    // A released attempt leaves things as they were.
    let counts = |f: &&Fact| !matches!(f.kind, Kind::Attempt | Kind::Released);
    match facts.last().map(|f| f.kind) {
        Some(Kind::Attempt) => None,
        _ => Some(match facts.iter().rev().find(counts) {
            None => Fate::Waiting,
            Some(fact) => match fact.kind {
                Kind::Delivered => Fate::Delivered,
                Kind::Bounced | Kind::Expired => Fate::Bounced(fact.code),
                Kind::Deferred => Fate::Deferred(fact.code),
                _ => Fate::Uncertain,
            },
        }),
    }
}
