//! Rendering: rows of the recipient table become messages.
//!
//! Guarantees: consecutive rows whose bytes would be the same share one message (one body, one signature, one
//! transaction), never more than the campaign's cap; a row that cannot be rendered is refused by name and stops no
//! other; of a job with a row that is damaged, or of another domain than the job, nothing is rendered; who is on the
//! suppression list at that moment gets nothing; each job is answered, whatever becomes of it. Leaves to others: templates, MIME and signatures (`content`), and when to
//! render (the shard).

use crossbeam_channel::Receiver;
use smallvec::SmallVec;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::caught::caught;
use crate::base::clock::UnixTime;
use crate::content::{Composed, Composer, RowRef, Scratch};
use crate::engine::message::{Line, Message, RenderJob, Rendered, ToShard};
use crate::engine::suppressions::{InForce, Suppressions};
use crate::engine::table::{Row, RowBlock, Table};
use crate::mail::{Content, Envelope};
use crate::observe::{RenderCounters, Spread};
use crate::queue::Rows;
use crate::wire::clock::wall_now;

/// The fields of a row; few campaigns use more than eight columns.
type Fields<'a> = SmallVec<[&'a [u8]; 8]>;

/// What one render thread needs: it shares the table and the composer with the others.
pub struct Press {
    table: Arc<Table>,
    composer: Arc<Composer>,
    recipients_max: usize,
    /// Who gets nothing: where that is said, and what is in force for the job in hand.
    suppressions: Option<(Suppressions, InForce)>,
    /// Room for comparing a mailbox.
    folded: Vec<u8>,
    block: RowBlock,
    scratch: Scratch,
    composed: Composed,
}

/// Counts of all render threads together.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages rendered.
    pub messages: AtomicU64,
    /// Recipients whose message was rendered with an empty Subject: once for each attempt.
    pub subjects_empty: AtomicU64,
    /// The same of those whose letter was rendered empty.
    pub letters_empty: AtomicU64,
    /// How long jobs took.
    pub spent: Mutex<Spread>,
}

impl Counters {
    /// What metrics show of it.
    #[must_use]
    pub fn facts(&self) -> RenderCounters {
        RenderCounters {
            messages: self.messages.load(Ordering::Relaxed),
            spent: self.spent.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

impl Press {
    /// A press over this table and composer, putting at most `recipients_max` recipients in one message.
    #[must_use]
    pub fn new(table: Arc<Table>, composer: Arc<Composer>, recipients_max: usize) -> Self {
        Self {
            table,
            composer,
            recipients_max: recipients_max.max(1),
            suppressions: None,
            folded: Vec::new(),
            block: RowBlock::default(),
            scratch: Scratch::default(),
            composed: Composed::default(),
        }
    }

    /// The same press, which gives no message to whom these stop.
    #[must_use]
    pub fn heeding(self, suppressions: Suppressions) -> Self {
        let known = suppressions.in_force();
        Self { suppressions: Some((suppressions, known)), ..self }
    }

    /// Serves jobs until the channel closes.
    pub fn run(mut self, jobs: &Receiver<RenderJob>, shards: &[Line], counters: &Counters) {
        serve(jobs, shards, counters, |job| self.render(job));
    }

    /// Renders one job.
    pub fn render(&mut self, job: &RenderJob) -> Rendered {
        let edition = self.suppressions.as_mut().map_or(0, |(suppressions, known)| {
            suppressions.bring_up_to_date(known);
            known.edition
        });
        let mut done = Rendered { job: job.job, edition, ..Rendered::default() };
        let outcome = match &job.rows {
            Rows::Run { first, count } => self.render_run(*first, *count, job, &mut done),
            Rows::List(rows) => rows.iter().try_for_each(|&row| self.render_run(row, 1, job, &mut done)),
        };
        if let Err(error) = outcome {
            done.messages.clear();
            done.refused.clear();
            done.suppressed.clear();
            done.failed = Some(format!("the recipient table cannot be read: {error}"));
        }
        done
    }

    fn render_run(&mut self, first: u32, count: u32, job: &RenderJob, done: &mut Rendered) -> io::Result<()> {
        self.table.read(first, count, &mut self.block)?;
        if let Some(domain) = &job.domain
            && let Some(stray) = self.block.rows().find(|row| row.domain != &**domain)
        {
            return Err(self.table.astray(&stray, domain));
        }
        let mut at = 0;
        while at < self.block.len() {
            at += self.render_at(at, job.date, done)?;
        }
        Ok(())
    }

    /// Renders the message of row `at` of the block, with the rows behind it that share its bytes; how many that were.
    fn render_at(&mut self, at: usize, date: UnixTime, done: &mut Rendered) -> io::Result<usize> {
        let row = self.block.row(at).ok_or_else(|| io::Error::other("a row of the table does not read as one"))?;
        let stopped = self.suppressions.as_ref().map(|(_, known)| &known.set).filter(|set| !set.is_empty());
        let folded = &mut self.folded;
        let mut is_stopped =
            |row: &Row<'_>| stopped.is_some_and(|set| set.stops(row.mailbox.as_bytes(), row.at(), folded));
        if is_stopped(&row) {
            done.suppressed.push(row.number);
            return Ok(1);
        }
        let fields: Fields<'_> = row.fields.collect();
        let lead = RowRef { number: row.number, mailbox: row.mailbox, fields: &fields };
        if let Err(error) = self.composer.compose_apart(&mut self.scratch, &lead, date, &mut self.composed) {
            done.refused.push((lead.number, error.to_string()));
            return Ok(1);
        }
        let mut rows = SmallVec::new();
        rows.push(lead.number);
        let mut envelope = Envelope::new(&self.composed.reverse_path);
        envelope.push(lead.mailbox.as_bytes());
        if self.composer.is_shareable() {
            while rows.len() < self.recipients_max {
                let Some(next) = self.block.row(at + rows.len()) else { break };
                if is_stopped(&next) {
                    break;
                }
                let fields: Fields<'_> = next.fields.collect();
                let next = RowRef { number: next.number, mailbox: next.mailbox, fields: &fields };
                if !self.composer.same_bytes(&lead, &next) {
                    break;
                }
                rows.push(next.number);
                envelope.push(next.mailbox.as_bytes());
            }
        }
        let taken = rows.len();
        done.subjects_empty += if self.composed.subject_is_empty { taken as u64 } else { 0 };
        done.letters_empty += if self.composed.is_blank { taken as u64 } else { 0 };
        let content = std::mem::take(&mut self.composed.content);
        // The next one is about as long; an eighth more spares most of them a second, twice as large buffer.
        self.composed.content.reserve(content.len() + content.len() / 8);
        let eight_bit = self.composed.eight_bit;
        let shared = std::mem::take(&mut self.composed.shared);
        let content = Content::new(content.into(), shared);
        done.messages.push(Message { rows, envelope, content, eight_bit });
        Ok(taken)
    }
}

/// Answers each job, also one that makes whoever renders it panic: its shard waits for it.
fn serve(
    jobs: &Receiver<RenderJob>,
    shards: &[Line],
    counters: &Counters,
    mut render: impl FnMut(&RenderJob) -> Rendered,
) {
    while let Ok(mut job) = jobs.recv() {
        // Receivers compare it with their own clocks: it is not the engine's, which does not follow a correction.
        job.date = wall_now();
        let began = std::time::Instant::now();
        let rendered = caught(|| render(&job)).unwrap_or_else(|why| Rendered {
            job: job.job,
            failed: Some(format!("messages cannot be rendered: a render thread panicked: {why}")),
            ..Rendered::default()
        });
        counters.messages.fetch_add(rendered.messages.len() as u64, Ordering::Relaxed);
        if rendered.subjects_empty > 0 {
            counters.subjects_empty.fetch_add(rendered.subjects_empty, Ordering::Relaxed);
        }
        if rendered.letters_empty > 0 {
            counters.letters_empty.fetch_add(rendered.letters_empty, Ordering::Relaxed);
        }
        counters.spent.lock().unwrap_or_else(PoisonError::into_inner).record(began.elapsed());
        if let Some(line) = shards.get(usize::from(job.shard)) {
            line.tell(ToShard::Rendered(rendered));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Source, Spec};
    use crate::engine::table::{Manifest, Pending, TableWriter};
    use crate::wire::io::Io as _;
    use crate::wire::sim::{Network, Weather};
    use crossbeam_channel::unbounded;

    fn press(home: &std::path::Path) -> Press {
        let mut table = TableWriter::create(home, Manifest::new("news", 1, 0, [5; 32], &[])).unwrap();
        let mut pending = Pending::new();
        for mailbox in ["a@x.example", "b@x.example", "c@y.example"] {
            let (local, domain) = mailbox.split_once('@').unwrap();
            let domain = table.domain(domain);
            assert!(pending.push(mailbox.as_bytes(), local.len(), domain, false, [], []));
        }
        table.commit(&mut pending, table.progress(), None).unwrap();
        let spec = Spec {
            name: "news".to_owned(),
            from: "Acme <news@acme.example>".to_owned(),
            subject: "Hello".to_owned(),
            text: Some(Source { file: "news.txt".to_owned(), text: "Hello.\n".to_owned() }),
            identity_key: [5; 32],
            campaign_number: 1,
            ..Spec::default()
        };
        let composer = Composer::compile(spec, &["email".to_owned()], "email").unwrap();
        Press::new(Arc::new(table.reader().unwrap()), Arc::new(composer), 10)
    }

    fn job(first: u32, count: u32, domain: Option<&str>) -> RenderJob {
        let rows = Rows::Run { first, count };
        RenderJob { shard: 0, job: 0, rows, domain: domain.map(Arc::from), date: UnixTime(0) }
    }

    #[test]
    fn a_row_of_another_domain_than_its_run_is_damage_and_nothing_of_the_job_is_sent() {
        let home = tempfile::tempdir().unwrap();
        let mut press = press(home.path());
        assert!(press.render(&job(0, 3, None)).failed.is_none());
        assert!(press.render(&job(0, 2, Some("x.example"))).failed.is_none());
        let done = press.render(&job(1, 2, Some("x.example")));
        assert!(done.messages.is_empty() && done.refused.is_empty());
        let why = done.failed.unwrap();
        assert!(why.contains("domains.dir is damaged at octet 0: row 2 is of another domain"), "{why}");
    }

    #[test]
    fn a_job_whose_rendering_panics_is_answered_and_so_is_the_next_one() {
        let waker = Network::new(1, Weather::FAIR).party(std::net::Ipv4Addr::LOCALHOST.into()).waker();
        let (inbox, told) = unbounded();
        let (ask, jobs) = unbounded();
        (1..3).for_each(|number| ask.send(RenderJob { job: number, ..job(0, 1, None) }).unwrap());
        drop(ask);
        serve(&jobs, &[Line { inbox, waker }], &Counters::default(), |job| {
            assert!(job.job != 1, "no such row");
            Rendered { job: job.job, ..Rendered::default() }
        });
        let said: Vec<_> = told
            .try_iter()
            .map(|told| if let ToShard::Rendered(done) = told { (done.job, done.failed) } else { (0, None) })
            .collect();
        let why = "messages cannot be rendered: a render thread panicked: no such row";
        assert_eq!(said, [(1, Some(why.to_owned())), (2, None)]);
    }
}
