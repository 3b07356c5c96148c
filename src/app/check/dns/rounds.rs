//! Rounds of questions: the judges are heard, what they leave open is asked, until nothing is.
//!
//! Guarantees: it ends: after [`LOOK_MAX`], or [`QUESTIONS_MAX`] questions, what is still open counts as unanswered; Ctrl-C ends it
//! soon.

use super::super::super::exit::Failure;
use super::super::super::signals::Signals;
use super::{Judge, Judged};
use crate::identity::{Answer, Facts, Lack, Question};
use crate::mail::finding::Finding;
use crate::wire::dns::Resolver;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// The look takes no longer.
pub(super) const LOOK_MAX: Duration = Duration::from_secs(60);
/// No more questions are asked.
pub(super) const QUESTIONS_MAX: u64 = 1000;
/// How often somebody looks whether the end was asked for.
const GLANCE: Duration = Duration::from_millis(100);

/// What the judges came to.
pub(super) struct Settled {
    pub(super) findings: Vec<Finding>,
    /// What could not be judged, and why.
    pub(super) unknown: Vec<(String, String)>,
    /// Questions, and those without an answer.
    pub(super) questions: (u64, u64),
    /// Whether each name was said not to be there.
    pub(super) denies_all: bool,
}

/// Hears the judges to their ends.
///
/// # Errors
/// The end was asked for.
pub(super) async fn settle(resolver: &Resolver, judges: &[Judge<'_>], signals: &Signals) -> Result<Settled, Failure> {
    let (mut facts, until) = (Facts::default(), Instant::now() + LOOK_MAX);
    loop {
        let heard: Vec<_> = judges.iter().map(|judge| (judge.judge)(&facts)).collect();
        let open = facts.take_open();
        if open.is_empty() {
            return Ok(settled(judges, heard, &facts));
        }
        ask(resolver, &mut facts, open, until, signals).await?;
    }
}

fn settled(judges: &[Judge<'_>], heard: Vec<Judged>, facts: &Facts) -> Settled {
    let (mut findings, mut unknown) = (Vec::new(), Vec::new());
    for (judge, heard) in judges.iter().zip(heard) {
        match heard {
            Ok(found) => findings.extend(found),
            Err(Lack::Unknown(why)) => unknown.push((judge.about.clone(), why)),
            // Nothing is open any more.
            Err(Lack::Open) => {}
        }
    }
    Settled { findings, unknown, questions: facts.count(), denies_all: facts.denies_all() }
}

async fn ask(
    resolver: &Resolver,
    facts: &mut Facts,
    open: Vec<Question>,
    until: Instant,
    signals: &Signals,
) -> Result<(), Failure> {
    let mut asking = JoinSet::new();
    let room = QUESTIONS_MAX.saturating_sub(facts.count().0) as usize;
    // Until something better is known.
    for (number, question) in open.into_iter().enumerate() {
        let late = format!("no answer within {} s", LOOK_MAX.as_secs());
        let why = if number < room { late } else { format!("more than {QUESTIONS_MAX} questions") };
        facts.learn(question.clone(), Answer::Unknown(why));
        if number < room && Instant::now() < until {
            let resolver = resolver.clone();
            asking.spawn(async move {
                let answer = resolver.answer(&question).await;
                (question, answer)
            });
        }
    }
    gather(asking, until, signals, |(question, answer)| facts.learn(question, answer)).await
}

/// Waits for all, or until then; what is late is dropped.
///
/// # Errors
/// The end was asked for.
pub(super) async fn gather<T: 'static>(
    mut asking: JoinSet<T>,
    until: Instant,
    signals: &Signals,
    mut take: impl FnMut(T),
) -> Result<(), Failure> {
    while !asking.is_empty() && Instant::now() < until {
        signals.check()?;
        // A look-up that panicked has no answer.
        if let Ok(Some(Ok(done))) = timeout(GLANCE, asking.join_next()).await {
            take(done);
        }
    }
    Ok(())
}
