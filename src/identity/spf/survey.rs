//! All of a record with what it includes, whoever sends: what it costs, and what in it is broken.
//!
//! Guarantees: it ends, also where records include each other. Names that are made from the sender are counted and not
//! followed.

use super::record::{Fault, Mechanism, Qualifier, Record, is_record};
use crate::identity::{Facts, Kind, Lack};

/// No more records are looked at.
pub const SURVEYED_MAX: usize = 50;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Terms that ask, over all records.
    pub lookups: usize,
    /// Each term of the record itself that asks, and how many look-ups stand behind it.
    pub parts: Vec<(String, usize)>,
    /// Terms that ask in vain, with their records' domains.
    pub voids: Vec<String>,
    /// What makes receivers give up, with the domain whose record it is in.
    pub faults: Vec<(String, Fault)>,
    /// Terms with `ptr`, which is slow and not to be used (RFC 7208 §5.5).
    pub ptrs: Vec<String>,
    /// Whether anybody can pass by it.
    pub lets_pass: bool,
}

impl Survey {
    /// What each term costs, for people; those that stand there several times together.
    #[must_use]
    pub fn costs(&self) -> String {
        let mut costs: Vec<(&str, usize)> = Vec::new();
        for (term, cost) in &self.parts {
            match costs.iter_mut().find(|(known, _)| known == term) {
                Some((_, all)) => *all += cost,
                None => costs.push((term, *cost)),
            }
        }
        costs.iter().map(|(term, cost)| format!("{term} {cost}")).collect::<Vec<_>>().join(", ")
    }
}

/// Looks at the record of a domain; nothing is found where there is none.
///
/// # Errors
/// [`Lack`]; what is known is looked at all the same, so that everything is left open at once.
pub fn survey(facts: &Facts, domain: &str) -> Result<Survey, Lack> {
    let mut walk = Walk { facts, survey: Survey::default(), seen: Vec::new(), lack: None };
    walk.record(domain, true);
    match walk.lack {
        Some(lack) => Err(lack),
        None => Ok(walk.survey),
    }
}

struct Walk<'f> {
    facts: &'f Facts,
    survey: Survey,
    /// The domains that were looked at, and are.
    seen: Vec<String>,
    lack: Option<Lack>,
}

impl Walk<'_> {
    fn known<T>(&mut self, looked: Result<T, Lack>) -> Option<T> {
        match looked {
            Ok(known) => Some(known),
            Err(lack) => {
                // An open question goes before one that has no answer: another round tells more.
                if self.lack.is_none() || lack == Lack::Open {
                    self.lack = Some(lack);
                }
                None
            }
        }
    }

    /// Whether there is a record.
    fn record(&mut self, domain: &str, is_top: bool) -> bool {
        if self.seen.len() >= SURVEYED_MAX {
            return true;
        }
        self.seen.push(domain.to_ascii_lowercase());
        let Some(texts) = self.known(self.facts.texts(domain)) else { return true };
        let records: Vec<&str> = texts.into_iter().filter(|text| is_record(text)).collect();
        let Some(first) = records.first() else { return false };
        if records.len() > 1 && !is_top {
            let fault = Fault { term: String::new(), why: format!("there are {} SPF records", records.len()) };
            self.survey.faults.push((domain.to_owned(), fault));
        }
        match Record::read(first) {
            Err(fault) => self.survey.faults.push((domain.to_owned(), fault)),
            Ok(record) => self.terms(&record, domain, is_top),
        }
        true
    }

    fn terms(&mut self, record: &Record, domain: &str, is_top: bool) {
        for directive in &record.directives {
            let before = self.survey.lookups;
            self.survey.lets_pass |=
                directive.qualifier == Qualifier::Pass && !matches!(directive.mechanism, Mechanism::Include(_));
            self.term(&directive.text, &directive.mechanism, domain);
            let cost = self.survey.lookups - before;
            if is_top && cost > 0 {
                self.survey.parts.push((directive.text.clone(), cost));
            }
            if directive.mechanism == Mechanism::All {
                // Nothing behind it is ever looked at, and no redirect (RFC 7208 §5.1).
                return;
            }
        }
        if let Some(redirect) = &record.redirect {
            let (before, term) = (self.survey.lookups, format!("redirect={redirect}"));
            self.survey.lookups += 1;
            self.other(&term, redirect, domain, "leads to a domain without an SPF record");
            if is_top {
                self.survey.parts.push((term, self.survey.lookups - before));
            }
        }
    }

    fn term(&mut self, term: &str, mechanism: &Mechanism, domain: &str) {
        if !matches!(mechanism, Mechanism::All | Mechanism::Ip(_)) {
            self.survey.lookups += 1;
        }
        let facts = self.facts;
        match mechanism {
            Mechanism::Include(target) => {
                self.other(term, target, domain, "includes a domain without an SPF record");
            }
            Mechanism::A(name, _) => {
                self.void_unless(term, name.as_deref(), domain, |name| Ok(!facts.addresses(name)?.is_empty()))
            }
            Mechanism::Mx(name, _) => self
                .void_unless(term, name.as_deref(), domain, |name| Ok(!facts.look(name, Kind::Mx)?.records.is_empty())),
            Mechanism::Ptr(_) => self.survey.ptrs.push(of(term, domain)),
            Mechanism::All | Mechanism::Ip(_) | Mechanism::Exists(_) => {}
        }
    }

    fn other(&mut self, term: &str, target: &str, domain: &str, missing: &str) {
        if target.contains('%') {
            return;
        }
        if self.seen.iter().any(|seen| seen.eq_ignore_ascii_case(target.trim_end_matches('.'))) {
            // Behind a record that was counted already, or one that leads here: receivers count it again.
            self.again(term, target, domain);
            return;
        }
        if !self.record(target.trim_end_matches('.'), false) {
            self.survey.faults.push((domain.to_owned(), Fault::new(term, missing)));
        }
    }

    /// A record that was seen before: what it costs once more, without its faults, and whether it leads back to itself.
    fn again(&mut self, term: &str, target: &str, domain: &str) {
        if target.trim_end_matches('.').eq_ignore_ascii_case(domain) || self.seen.len() >= SURVEYED_MAX {
            self.survey.faults.push((domain.to_owned(), Fault::new(term, "leads back to itself")));
            return;
        }
        let mut apart = Walk { facts: self.facts, survey: Survey::default(), seen: self.seen.clone(), lack: None };
        apart.record(target.trim_end_matches('.'), false);
        self.seen = apart.seen;
        self.survey.lookups += apart.survey.lookups;
        self.survey.lets_pass |= apart.survey.lets_pass;
    }

    fn void_unless(
        &mut self,
        term: &str,
        name: Option<&str>,
        domain: &str,
        is_there: impl Fn(&str) -> Result<bool, Lack>,
    ) {
        let name = name.unwrap_or(domain);
        if !name.contains('%') && self.known(is_there(name)) == Some(false) {
            self.survey.voids.push(of(term, domain));
        }
    }
}

/// A term, and whose record it is in.
fn of(term: &str, domain: &str) -> String {
    format!("{term} of {domain}")
}
