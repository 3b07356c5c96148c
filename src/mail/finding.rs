//! What a look at a campaign finds before anything is sent.
//!
//! A finding names its place, says what is there, what receivers answer to that, and how to mend it. Guarantees: nothing
//! here is a judgement of its own: whoever looks decides, and whoever prints escapes.
//! Leaves to others: looking (`content`, `engine`, `app`), printing, and what the exit code is.

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Mail goes out, and some of it does not do what its author means.
    Warning,
    /// Nothing may be sent as it is.
    Error,
}

impl Severity {
    /// The word for people and programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that a look at a campaign has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What was looked at: a short word of lower case and hyphens, for programs (`relative-link`).
    pub check: &'static str,
    /// Where: `file:line:column`, a row's line and address, a domain; empty if it is about the whole campaign.
    pub place: String,
    /// What is there: one sentence without its full stop.
    pub says: String,
    /// The line, and a caret below the place in it; empty where the place says enough.
    pub excerpt: String,
    /// How to mend it, or the line or record to write; empty if there is nothing to do.
    pub hint: String,
    /// The reply that receivers give to it (`550 5.7.26`); empty if none does.
    pub draws: &'static str,
}

impl Finding {
    /// A finding that draws no known reply.
    #[must_use]
    pub fn new(severity: Severity, check: &'static str, place: impl Into<String>, says: impl Into<String>) -> Self {
        let (place, says) = (place.into(), says.into());
        Self { severity, check, place, says, excerpt: String::new(), hint: String::new(), draws: "" }
    }

    /// With this way to mend it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// With the line that it is about.
    #[must_use]
    pub fn excerpt(self, excerpt: impl Into<String>) -> Self {
        Self { excerpt: excerpt.into(), ..self }
    }

    /// With the reply that receivers give to it.
    #[must_use]
    pub fn draws(self, draws: &'static str) -> Self {
        Self { draws, ..self }
    }
}
