//! Domains that are hardly meant so (`gmial.com`, `localhost`): each is told once, with its first address.
//!
//! Guarantees: nothing is changed; what is told is bounded. Leaves to others: which domains these are.

use super::Loaded;
use crate::mail::finding::{Finding, Severity};
use crate::mail::large_domains;
use std::ops::ControlFlow;

/// Domains that are told.
const TOLD: u64 = 20;

/// Those that were found.
#[derive(Default)]
pub struct Slips {
    found: Vec<Finding>,
    count: u64,
}

impl Slips {
    /// Looks at a domain that was not seen before; `place` says where it stands.
    pub fn look(&mut self, domain: &str, place: impl FnOnce() -> String) {
        if domain == "localhost" {
            let says = "the domain localhost is that of whichever machine asks, and no recipient's";
            let finding = Finding::new(Severity::Warning, "domain-slip", place(), says);
            return self.found.push(finding.hint("mend the list, or take the row out"));
        }
        let Some(meant) = large_domains::meant_by(domain) else { return };
        self.count += 1;
        if self.count <= TOLD {
            let says = format!("the domain {domain} is hardly meant so: it is one letter away from {meant}");
            let finding = Finding::new(Severity::Warning, "domain-slip", place(), says);
            self.found.push(finding.hint(format!("if it should be {meant}, mend the list; nothing is changed here")));
        }
    }

    /// Tells of those that were found since.
    pub fn tell(&mut self, emit: &mut impl FnMut(Loaded) -> ControlFlow<()>) {
        for finding in self.found.drain(..) {
            let _ = emit(Loaded::Found(finding));
        }
    }

    /// The same at the end, when their number is known.
    pub fn tell_all(&mut self, emit: &mut impl FnMut(Loaded) -> ControlFlow<()>) {
        self.tell(emit);
        if self.count > TOLD {
            let says = format!("{} more domains are one letter away from large ones", self.count - TOLD);
            let _ = emit(Loaded::Found(Finding::new(Severity::Warning, "domain-slip", "", says)));
        }
    }
}
