//! The sending side: the real shard on either driver, with its storage and its render threads played by hand.
//!
//! Guarantees: every append is durable at once, every order is rendered at once; each record of the journal is kept with
//! the words it refers to. Leaves to others: time ([`crate::over_sim`], [`crate::over_sockets`]).

use crate::scenario::{END, Fact, HOST, Scenario, mark};
use crossbeam_channel::{Receiver, unbounded};
use posthaste::base::clock::Instant;
use posthaste::content::OctetsMin;
use posthaste::engine::board::{Board, Counters};
use posthaste::engine::budget::Descriptors;
use posthaste::engine::directory::{Directory, Site};
use posthaste::engine::memory::Memory;
use posthaste::engine::message::{Append, Chunk, Line, Message, Recorded, RenderJob, Rendered, Run, ToShard};
use posthaste::engine::policy::rules::Rule;
use posthaste::engine::settings::{Delivery, OnUncertain};
use posthaste::engine::shard::{Ports, Shard, Start};
use posthaste::engine::source::Source;
use posthaste::journal::record::{Entry, entries};
use posthaste::mail::{Content, Envelope};
use posthaste::observe::Observer;
use posthaste::shape::retry::Schedule;
use posthaste::smtp::client::Timeouts;
use posthaste::tls;
use posthaste::tls::policy::Level;
use posthaste::wire::io::Io;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How patient the client is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For each reply.
    pub reply: Duration,
    /// For the reply to a content.
    pub end: Duration,
    pub backoff: Duration,
    pub idle: Duration,
}

/// See the head of this file.
pub struct Sender<I: Io> {
    shard: Shard<I>,
    line: Line,
    inbox: Receiver<ToShard>,
    journal: Receiver<Append>,
    render: Receiver<RenderJob>,
    contexts: HashMap<u32, (String, String, String)>,
    padding: usize,
    per_message: usize,
    domains: u32,
    loaded: u32,
    pub board: Arc<Board>,
    pub memory: Arc<Memory>,
    /// By row: its records, in order.
    pub rows: Vec<Vec<Fact>>,
}

impl<I: Io> Sender<I> {
    /// A sender whose mail all goes to `remote`.
    pub fn new(io: I, scenario: &Scenario, remote: SocketAddr, patience: Patience, tls: tls::ClientConfig) -> Self {
        Self::to(io, scenario, site(remote, scenario.starttls), patience, tls)
    }

    /// A sender whose mail all goes to this site.
    pub fn to(io: I, scenario: &Scenario, site: Site, patience: Patience, tls: tls::ClientConfig) -> Self {
        Self::delivering(io, scenario, site, delivery(scenario, patience), tls)
    }

    /// The same, with a delivery of its own.
    pub fn delivering(io: I, scenario: &Scenario, site: Site, delivery: Delivery, tls: tls::ClientConfig) -> Self {
        let (inbox_to, inbox) = unbounded();
        let (journal_to, journal) = unbounded();
        let (render_to, render) = unbounded();
        let line = Line { inbox: inbox_to, waker: io.waker() };
        let (board, memory) = (Arc::new(Board::new(1)), Arc::<Memory>::default());
        let ports = Ports {
            inbox: inbox.clone(),
            journal: journal_to,
            render: render_to,
            router: None,
            peers: vec![line.clone()],
            board: board.clone(),
        };
        let start = Start {
            descriptors: Descriptors::of_sessions(1000),
            watch: Default::default(),
            number: 0,
            delivery,
            directory: Arc::new(Directory::fixed(site)),
            memory: memory.clone(),
            tls,
            earlier: Default::default(),
            shareable: true,
            octets_min: OctetsMin::default(),
            seed: 7,
            observer: Observer::off(),
            settled: Counters::default(),
        };
        Self {
            shard: Shard::new(io, ports, start),
            line,
            inbox,
            journal,
            render,
            contexts: HashMap::new(),
            padding: scenario.padding,
            per_message: scenario.per_message as usize,
            domains: scenario.domains,
            loaded: 0,
            board,
            memory,
            rows: Vec::new(),
        }
    }

    /// More recipients come.
    pub fn load(&mut self, count: u32) {
        let runs = vec![Run { domain: 0, first: self.loaded, count }];
        let chunk = Chunk { first: self.loaded, rows: count, runs, ..Chunk::default() };
        self.loaded += count;
        self.rows.resize_with(self.loaded as usize, Vec::new);
        self.line.tell(ToShard::Chunk(chunk));
    }

    /// No more come.
    pub fn end_load(&mut self) {
        self.line.tell(ToShard::LoadEnded);
    }

    /// Nothing new is to begin.
    pub fn drain(&self) {
        self.line.tell(ToShard::Drain);
    }

    /// One turn of the shard, and what follows from it.
    pub fn turn(&mut self) {
        self.shard.turn().unwrap();
        assert!(self.shard.counters().adds_up(), "{:?}", self.shard.counters());
        for append in self.journal.try_iter() {
            self.line.tell(ToShard::Recorded(Recorded::Durable(append.ticket)));
            for entry in entries(&append.entries) {
                match entry.unwrap() {
                    Entry::Define(d) => {
                        let enhanced = d.enhanced.map(|e| format!("{e} ")).unwrap_or_default();
                        let text = String::from_utf8_lossy(d.text);
                        let words = (d.host.to_owned(), d.phase.to_owned(), format!("{enhanced}{text}"));
                        self.contexts.insert(d.id, words);
                    }
                    Entry::Record(r) => {
                        let (host, phase, words) = self.contexts.get(&r.extra).cloned().unwrap_or_default();
                        let fact = Fact { kind: r.kind, code: r.code, phase, host, words };
                        self.rows[r.recipient as usize].push(fact);
                    }
                    Entry::Hold(_) => {}
                    Entry::Accepted(a) => panic!("a shard knows of no damage: {a:?}"),
                }
            }
        }
        for job in self.render.try_iter() {
            self.line.tell(ToShard::Rendered(rendered(&job, self.per_message, self.domains, self.padding)));
        }
    }

    /// Whether something waits in the inbox.
    pub fn busy(&self) -> bool {
        !self.inbox.is_empty()
    }

    pub fn next_due(&self) -> Option<Instant> {
        self.shard.next_due()
    }

    pub fn ended(&self) -> bool {
        self.shard.ended()
    }
}

fn rendered(job: &RenderJob, per_message: usize, domains: u32, padding: usize) -> Rendered {
    let rows: Vec<u32> = job.rows.iter().collect();
    let messages = rows.chunks(per_message).map(|rows| {
        let mut envelope = Envelope::new(b"news@us.example");
        // As long as it needs to be: tests count what is held.
        let mut content = String::with_capacity(padding + 4096);
        content += "Subject: to all of these\r\nX-For: ";
        for row in rows {
            envelope.push(format!("r{row}@them{}.example", row % domains).as_bytes());
            content += &mark(*row);
        }
        content += "\r\n\r\nMAIL FROM is no command here\r\n";
        let line = "x".repeat(70) + "\r\n";
        (0..padding.div_ceil(line.len())).for_each(|_| content += &line);
        content += std::str::from_utf8(END).unwrap();
        Message {
            rows: rows.iter().copied().collect(),
            envelope,
            content: Content::from(content.into_bytes()),
            eight_bit: false,
        }
    });
    Rendered { job: job.job, messages: messages.collect(), ..Rendered::default() }
}

/// The one site of a scenario.
pub fn site(remote: SocketAddr, starttls: bool) -> Site {
    let level = if starttls { Level::Opportunistic } else { Level::Never };
    let mut site = Site::fixed("hostile", remote).demanding(Rule { level, names: Vec::new() }.demand(HOST));
    site.exchangers.iter_mut().for_each(|exchanger| exchanger.host = HOST.into());
    site
}

/// How a scenario is delivered.
pub fn delivery(scenario: &Scenario, patience: Patience) -> Delivery {
    let wait = patience.reply;
    Delivery {
        sources: vec![Source::unbound("sender.example".into())],
        port: 25,
        sessions_per_site: scenario.sessions,
        sessions_whole: scenario.sessions,
        trusted: true,
        smarthost: false,
        max_bounced: None,
        recipients_per_transaction: scenario.per_message,
        messages_per_session: scenario.messages_per_session,
        implicit_tls: false,
        auth: None,
        options: None,
        pipelining: scenario.pipelining,
        chunking: scenario.chunking,
        connect_timeout: scenario.connect_s.map_or(wait, Duration::from_secs),
        timeouts: Timeouts {
            greeting: wait,
            hello: wait,
            mail: wait,
            rcpt: wait,
            data: wait,
            content: wait,
            end: patience.end,
            quit: wait.min(Duration::from_secs(5)),
        },
        retry: Schedule {
            steps: vec![Duration::from_secs(scenario.retry_s)],
            lifetime: Duration::from_secs(4 * 86_400),
        },
        on_uncertain: OnUncertain::Hold,
        ahead_max: 16,
        ahead_bytes_max: 64 << 20,
        idle: patience.idle,
        drain: Duration::from_secs(60),
        backoff_min: patience.backoff,
    }
}
