//! How TLS went, for the reports that domains ask for (RFC 8460): counted by a thread of its own, and kept on disk.
//!
//! Guarantees: telling never waits, and what finds the thread `BACKLOG` results behind is dropped and counted; the file
//! is replaced whole, at the end and at least each `SAVED_EACH` while there is something new; a file that is damaged is set
//! aside, never overwritten, and one that cannot be read is an error and stays as it is. Nothing is told, and no thread runs, unless the configuration asks for it.
//! Leaves to others: what is counted and its bounds (`tls::report`), and sending it (`app`).

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Demand;
use super::sts::Sts;
use crate::tls::policy::Source;
use crate::tls::report::{Details, Policy, PolicyKind, Tallies};
use crate::tls::{Failure, Verification};
use crate::wire::clock::unix_now;
use crate::wire::disk;

/// The file below the data directory.
pub const FILE: &str = "tls-rpt.json";
/// So many results may wait.
const BACKLOG: usize = 65_536;
/// How often the file is written while there is something new.
const SAVED_EACH: Duration = Duration::from_secs(60);
/// A day, in seconds.
pub const DAY: u32 = 86_400;

/// What a result is about.
#[derive(Clone, Debug)]
pub enum About {
    /// A session of which this was demanded.
    Session(Arc<Demand>),
    /// The domain's MTA-STS policy, whatever was demanded.
    Sts,
    /// The TLSA records of the exchanger.
    Tlsa,
}

/// How TLS went with one exchanger, for one domain.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The recipients' domain.
    pub domain: Arc<str>,
    /// What it is about.
    pub about: About,
    /// The exchanger and its address, if one was spoken to.
    pub host: Option<(Arc<str>, IpAddr)>,
    /// What failed, and a sentence about it.
    pub failure: Option<(Failure, Box<str>)>,
}

/// Takes results; cheap to clone.
#[derive(Clone, Debug)]
pub struct Teller(Sender<Outcome>);

impl Teller {
    /// Tells a result; it is dropped when too many wait.
    pub fn tell(&self, outcome: Outcome) {
        let _dropped = self.0.try_send(outcome);
    }
}

/// What is in the file.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Book {
    /// The results.
    pub tallies: Tallies,
    /// Reports that were sent of days that are still there: days since 1970, and domains.
    #[serde(default)]
    pub sent: Vec<(u32, Box<str>)>,
}

impl Book {
    /// Reads the file of a data directory; an empty book if there is none.
    ///
    /// # Errors
    /// It is there and is none (`InvalidData`), or cannot be read.
    pub fn read(data: &Path) -> io::Result<Self> {
        let path = data.join(FILE);
        let place = path.display();
        match disk::access::refuse_pipe(&path).and_then(|()| std::fs::read(&path)) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|e| io::Error::new(ErrorKind::InvalidData, format!("{place}: {e}"))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                Err(io::Error::new(error.kind(), format!("{place}: {error}")))
            }
            Err(error) => Err(io::Error::other(disk::fault("read", &path, &error).to_string())),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// The file is as it was.
    pub fn write(&self, data: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self)?;
        disk::replace(&data.join(FILE), |to| to.write_all(&text)).map_err(|fault| io::Error::other(fault.to_string()))
    }
}

/// The thread.
#[derive(Debug)]
pub struct Tally(JoinHandle<()>);

impl Tally {
    /// Starts it. It ends when every [`Teller`] is gone.
    ///
    /// # Errors
    /// The system refused a thread, or the file cannot be read, or is damaged and cannot be set aside: it is as it was.
    pub fn spawn(data: &Path, sts: Option<Sts>) -> io::Result<(Self, Teller)> {
        let (told, outcomes) = bounded(BACKLOG);
        let book = match Book::read(data) {
            Err(error) if error.kind() == ErrorKind::InvalidData => set_aside(data, &error)?,
            read => read?,
        };
        let data = data.to_owned();
        let thread = std::thread::Builder::new()
            .name("tls-rpt".to_owned())
            .spawn(move || run(&outcomes, book, &data, sts.as_ref()))?;
        Ok((Self(thread), Teller(told)))
    }

    /// Waits until all is counted and kept; every [`Teller`] must be gone for that.
    pub fn join(self) {
        let _ended = self.0.join();
    }
}

fn set_aside(data: &Path, why: &io::Error) -> io::Result<Book> {
    let (from, to) = (data.join(FILE), data.join(format!("{FILE}.damaged")));
    let told = |e| io::Error::other(disk::fault("set aside the damaged file", &from, &e).to_string());
    std::fs::rename(&from, &to).map_err(told)?;
    tracing::warn!(error = %why, aside = %to.display(), "results of TLS that were counted are lost");
    Ok(Book::default())
}

fn run(outcomes: &Receiver<Outcome>, mut book: Book, data: &Path, sts: Option<&Sts>) {
    let (mut saved, mut changed) = (Instant::now(), false);
    loop {
        match outcomes.recv_timeout(SAVED_EACH) {
            Ok(outcome) => {
                count(&mut book.tallies, &outcome, sts);
                changed = true;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if changed && saved.elapsed() >= SAVED_EACH {
            save(&book, data);
            (saved, changed) = (Instant::now(), false);
        }
    }
    if changed {
        save(&book, data);
    }
}

fn save(book: &Book, data: &Path) {
    if let Err(error) = book.write(data) {
        tracing::warn!(%error, "results of TLS cannot be kept: their reports will be short of them");
    }
}

fn count(tallies: &mut Tallies, outcome: &Outcome, sts: Option<&Sts>) {
    let (day, policy) = (unix_now().0 / DAY, policy_of(outcome, sts));
    match &outcome.failure {
        None => tallies.success(day, &policy, 1),
        Some((failure, why)) => {
            let (host, address) = outcome.host.clone().map_or((None, None), |(h, a)| (Some((*h).into()), Some(a)));
            tallies.failure(
                day,
                &policy,
                &Details {
                    receiving_mx_hostname: host,
                    receiving_ip: address,
                    failure_reason_code: Some(why.clone()),
                    ..Details::new(*failure)
                },
            );
        }
    }
}

/// The policy that a result is about. RFC 8460 §1.1: for DANE the policy domain is the TLSA base domain, the exchanger's.
fn policy_of(outcome: &Outcome, sts: Option<&Sts>) -> Policy {
    let (domain, none) = (&outcome.domain, || Policy::none(&outcome.domain));
    let host = outcome.host.as_ref().map_or(&**domain, |(host, _)| host);
    let demand = match &outcome.about {
        About::Tlsa => return Policy::tlsa(host, &[]),
        About::Sts => None,
        About::Session(demand) => Some(demand),
    };
    match demand.map(|demand| (demand.security.source, &demand.verification)) {
        Some((Source::Dane, Verification::Dane(dane))) => return Policy::tlsa(host, &dane.records),
        Some((Source::Dane, _)) => return Policy::tlsa(host, &[]),
        Some((Source::Configured, _)) if demand.is_some_and(|demand| demand.audit.is_none()) => return none(),
        Some(_) | None => {}
    }
    match sts.and_then(|sts| sts.kept(domain)) {
        Some(kept) => Policy::sts(domain, &kept.policy),
        None => Policy { kind: PolicyKind::Sts, ..none() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(failure: Option<Failure>) -> Outcome {
        let host = Some((Arc::from("mx.a.example"), [192, 0, 2, 1].into()));
        let failure = failure.map(|failure| (failure, Box::from("a reason")));
        Outcome { domain: "a.example".into(), about: About::Session(Arc::default()), host, failure }
    }

    #[test]
    fn results_outlive_the_process_and_add_up_and_a_damaged_file_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let (tally, teller) = Tally::spawn(folder.path(), None).unwrap();
            teller.tell(outcome(None));
            teller.tell(outcome(Some(Failure::StartTlsNotSupported)));
            drop(teller);
            tally.join();
        }
        let reports = Book::read(folder.path()).unwrap().tallies.take_before(u32::MAX);
        let sessions: Vec<_> = reports.iter().map(|report| (&*report.domain, report.sessions())).collect();
        assert_eq!(sessions, [("a.example", (2, 2))]);
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(Book::read(folder.path()).unwrap_err().to_string().contains(FILE));
        let (tally, teller) = Tally::spawn(folder.path(), None).unwrap();
        drop(teller);
        tally.join();
        assert_eq!(std::fs::read(folder.path().join("tls-rpt.json.damaged")).unwrap(), b"{");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_with_its_place_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::create_dir(&path).unwrap();
        let told = Tally::spawn(folder.path(), None).err().unwrap().to_string();
        assert!(told.contains(FILE) && told.contains("hint: "), "{told}");
        assert!(path.is_dir() && !folder.path().join(format!("{FILE}.damaged")).exists());
    }
}
