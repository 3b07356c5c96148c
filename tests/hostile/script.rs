//! What a peer does, as data: what it says to which command, when it is silent, and how it leaves.
//!
//! Leaves to others: doing it ([`crate::peer`]), and what must come of it ([`crate::scenario`]).

/// What a peer answers, or reacts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum On {
    /// The connection stands: the greeting is due.
    Connect,
    Ehlo,
    Helo,
    StartTls,
    /// The first octets behind STARTTLS, if the peer does not begin TLS itself.
    Handshake,
    Mail,
    Rcpt,
    /// RCPT, when the transaction has so many recipients already.
    RcptBeyond(usize),
    /// RCPT of this row.
    RcptOf(u32),
    Data,
    /// So many octets of a content have come.
    ContentAt(usize),
    /// The dot behind a content.
    Dot,
    /// BDAT and its octets, or BDAT alone where CHUNKING is unknown.
    Bdat,
    Rset,
    Quit,
    /// A line that is no command.
    Unknown,
    /// Any command that came before the last reply had left.
    Pipelined,
}

/// How long a peer waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Longer than a packet takes, and within anybody's patience.
    Moment,
    /// Just within the client's patience.
    Long,
}

/// What a peer does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Says these octets.
    Say(Vec<u8>),
    /// Says them one by one, whatever the cut of the run.
    Dribble(Vec<u8>),
    /// Says them in clear text although TLS has begun.
    Raw(Vec<u8>),
    /// Is silent for a while; what comes behind it waits.
    Wait(Wait),
    /// Says these octets again and again, without end.
    Endless(Vec<u8>),
    /// Closes in order.
    Fin,
    /// Breaks the connection.
    Reset,
    /// Answers nothing any more, but reads.
    Deaf,
    /// Does not even read any more.
    StopReading,
    /// From here on it reads slowly.
    ReadSlowly,
    /// Does as an honest server would.
    Honest,
    /// In its own books the answer has this digit, whatever it says.
    Means(u8),
}

/// One line.
pub fn say(line: &str) -> Act {
    Act::Say(format!("{line}\r\n").into_bytes())
}

/// What an exception is about.
#[derive(Clone, Debug)]
pub struct Rule {
    pub on: On,
    /// Which one of its kind in the session, from 0; all of them from `from` on if `None`.
    pub nth: Option<usize>,
    pub from: usize,
    pub acts: Vec<Act>,
}

/// How a peer behaves in one session: an honest server, but for its rules.
#[derive(Clone, Debug, Default)]
pub struct Play {
    /// Keywords of its reply to EHLO.
    pub offers: Vec<&'static str>,
    pub rules: Vec<Rule>,
    /// What arrives before the last reply has left is thrown away, although it may offer PIPELINING.
    pub drops_pipelined: bool,
    /// It takes content for commands: lines that are none are to be expected.
    pub misreads: bool,
}

impl Play {
    /// An honest server that offers these.
    pub fn honest(offers: &[&'static str]) -> Self {
        Self { offers: offers.to_vec(), ..Self::default() }
    }

    /// Does so whenever that comes.
    pub fn on(self, on: On, acts: impl Into<Vec<Act>>) -> Self {
        self.rule(on, None, 0, acts.into())
    }

    /// Does so once: when it comes for the `nth` time, from 0.
    pub fn nth(self, on: On, nth: usize, acts: impl Into<Vec<Act>>) -> Self {
        self.rule(on, Some(nth), 0, acts.into())
    }

    /// Does so from the `nth` time on.
    pub fn from(self, on: On, nth: usize, acts: impl Into<Vec<Act>>) -> Self {
        self.rule(on, None, nth, acts.into())
    }

    fn rule(mut self, on: On, nth: Option<usize>, from: usize, acts: Vec<Act>) -> Self {
        self.rules.push(Rule { on, nth, from, acts });
        self
    }

    /// Throws away what is pipelined.
    pub fn dropping_pipelined(self) -> Self {
        Self { drops_pipelined: true, ..self }
    }

    /// Takes content for commands.
    pub fn misreading(self) -> Self {
        Self { misreads: true, ..self }
    }

    /// What it does when `on` comes for the `nth` time.
    pub fn acts(&self, on: On, nth: usize) -> Option<&[Act]> {
        let rule = self.rules.iter().find(|r| r.on == on && r.nth.map_or(nth >= r.from, |n| n == nth))?;
        Some(&rule.acts)
    }
}
