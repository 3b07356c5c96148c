//! What was played: a simulator in which something cannot happen any more proves nothing about it.

/// What can happen in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// A server said a reply twice.
    SurplusReply,
    /// A session was lost.
    SessionLost,
    /// The wall clock was set.
    ClockJump,
    /// Nobody sent for longer than a lifetime, while recipients waited that had been tried.
    LongStop,
    /// A shard found no descriptor for a session that it wanted.
    ShortOfDescriptors,
    /// The machine had no socket for a session.
    NoSocket,
    /// A process of several shards drained while messages were under way.
    DrainOfSeveral,
    /// One of them heard of it while another did not know.
    DrainHeardLate,
    /// A smarthost, an exchanger, a provider refused us.
    RefusedBySmarthost,
    RefusedByExchanger,
    RefusedByProvider,
    /// The mailing was held: at once, after a while, for what several said, for want of a source.
    Held,
    HeldAsItLasts,
    HeldBySeveral,
    HeldWithoutSource,
    /// It was held, and went on to its end once somebody had mended it.
    Mended,
    /// A refusal ended while a process was sending, which went on.
    Passed,
    /// Somebody bounced although others were refused for us.
    BouncedAmongRefusals,
    /// The brake held the mailing, or one site's mail.
    Braked,
    SiteBraked,
    SecondCopy,
    Expired,
    Crash,
    Stop,
    DiskBroke,
}

const COUNT: usize = Ability::DiskBroke as usize + 1;

impl Ability {
    const ALL: [Self; COUNT] = [
        Self::SurplusReply,
        Self::SessionLost,
        Self::ClockJump,
        Self::LongStop,
        Self::ShortOfDescriptors,
        Self::NoSocket,
        Self::DrainOfSeveral,
        Self::DrainHeardLate,
        Self::RefusedBySmarthost,
        Self::RefusedByExchanger,
        Self::RefusedByProvider,
        Self::Held,
        Self::HeldAsItLasts,
        Self::HeldBySeveral,
        Self::HeldWithoutSource,
        Self::Mended,
        Self::Passed,
        Self::BouncedAmongRefusals,
        Self::Braked,
        Self::SiteBraked,
        Self::SecondCopy,
        Self::Expired,
        Self::Crash,
        Self::Stop,
        Self::DiskBroke,
    ];
}

/// How often each happened, and which refusals were said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    counts: [u64; COUNT],
    /// By their place in the table of refusals, a bit for each.
    pub refusals: u64,
}

impl Seen {
    pub fn note(&mut self, ability: Ability) {
        self.add(ability, 1);
    }

    pub fn add(&mut self, ability: Ability, times: u64) {
        self.counts[ability as usize] += times;
    }
}

/// In how many of the runs each happened.
#[derive(Default)]
pub struct Runs {
    counts: [u64; COUNT],
    pub refusals: u64,
}

impl Runs {
    pub fn count(&mut self, seen: &Seen) {
        self.counts.iter_mut().zip(seen.counts).for_each(|(runs, times)| *runs += u64::from(times > 0));
        self.refusals |= seen.refusals;
    }

    /// Which of these happened in none.
    pub fn missing(&self, wanted: &[Ability]) -> Vec<Ability> {
        wanted.iter().copied().filter(|ability| self.counts[*ability as usize] == 0).collect()
    }

    /// All, and in how many runs they happened.
    pub fn list(&self) -> Vec<(Ability, u64)> {
        Ability::ALL.iter().map(|ability| (*ability, self.counts[*ability as usize])).collect()
    }
}
