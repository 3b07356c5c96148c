//! What is checked, noted and mended when a process has ended.

use crate::ground::{Ground, Left};
use crate::refusals::{self, By, KINDS, Mailing};
use crate::run::LISTED_REST;
use crate::scenario::{Ending, Scenario};
use crate::seen::Ability;
use posthaste::base::clock::Instant;
use posthaste::journal::state::State;
use posthaste::mail::Disposition;
use std::time::Duration;

/// The brake looks at so many recipients at least.
const BRAKE_SAMPLE: u64 = 100;

/// The refusal that holds the mailing whenever it is said: no attempt counts that meets it.
pub fn uncounted(scenario: &Scenario) -> Option<&'static str> {
    let refusals = scenario.refusals.as_ref()?;
    let always = refusals.from_s == 0 && refusals.until_s.is_none() && refusals.kind.mailing == Mailing::Held;
    (always && scenario.surplus_percent == 0.0).then_some(refusals.kind.reply)
}

/// How things stood when a process began.
pub struct AtStart {
    pub began: Instant,
    ending: Ending,
    /// How often each site had refused us.
    refused: Vec<u64>,
    /// Whom servers had taken and bounced.
    judged: (u64, u64),
}

impl AtStart {
    pub fn of(ground: &Ground<'_>, ending: Ending) -> Self {
        let (began, refused) = (ground.network.now(), ground.town.refused());
        Self { began, ending, refused, judged: ground.words.judged }
    }

    /// How often each site refused us since.
    fn refused(&self, ground: &Ground<'_>) -> Vec<u64> {
        ground.town.refused().iter().zip(&self.refused).map(|(now, then)| now - then).collect()
    }

    /// Whether the process did what it should where it was refused, or where many bounced.
    pub fn check(&self, ground: &Ground<'_>, left: &Left) -> Result<(), String> {
        let words = &ground.words;
        if let Some(wrong) = &words.wrong {
            return Err(wrong.clone());
        }
        if words.counted > 0 {
            return Err(format!("{} attempts count that only met {:?}", words.counted, words.holds));
        }
        let began_s = self.began.0 / 1_000_000;
        refusals::check(ground.scenario, (began_s, self.ending), left, &self.refused(ground))?;
        self.check_brake(ground, left)
    }

    /// Whether the brake held the mailing where too many bounced, and only there: all that a process judged are among the
    /// last ones that the brake looks at.
    fn check_brake(&self, ground: &Ground<'_>, left: &Left) -> Result<(), String> {
        let (delivered, bounced) = (ground.words.judged.0 - self.judged.0, ground.words.judged.1 - self.judged.1);
        let max = ground.scenario.delivery.max_bounced.filter(|_| !ground.ignores_bounces);
        let braked = left.held.as_ref().is_some_and(|held| held.reason == "bounces");
        let of = delivered + bounced;
        let too_many = max.is_some_and(|max| of >= BRAKE_SAMPLE && bounced as f64 > max * of as f64);
        if braked && (max.is_none() || left.in_order && of < BRAKE_SAMPLE) {
            return Err(format!("the brake: {bounced} of {of} bounced, {max:?} may: {:?}", left.held));
        }
        if !left.held_sites.is_empty() && max.is_none() {
            return Err(format!("the brake is off and holds {:?}", left.held_sites));
        }
        // What bounced at a site that is held alone is not counted for the mailing.
        if too_many && left.in_order && left.held.is_none() && left.held_sites.is_empty() {
            return Err(format!("the brake: {bounced} of {of} bounced, and it goes on"));
        }
        Ok(())
    }

    /// Notes what the process met.
    pub fn note(&self, ground: &mut Ground<'_>, left: &Left) {
        let until = ground.scenario.refusals.as_ref().and_then(|refusals| refusals.until_s);
        let over = until.is_some_and(|until| until < ground.network.now().0 / 1_000_000);
        if left.through && over && self.refused(ground).iter().any(|&times| times > 0) {
            ground.seen.note(Ability::Passed);
        }
        note_end(ground, self.ending, left);
    }
}

/// Nobody will send for so long.
pub fn note_stop(ground: &mut Ground<'_>, state: &State, seconds: u64) {
    let waits = [Disposition::Waiting, Disposition::Deferred];
    let tried = state.standings().iter().any(|s| s.attempts > 0 && waits.contains(&s.disposition));
    if tried && Duration::from_secs(seconds) > ground.scenario.delivery.retry.lifetime {
        ground.seen.note(Ability::LongStop);
    }
}

fn note_end(ground: &mut Ground<'_>, ending: Ending, left: &Left) {
    let seen = &mut ground.seen;
    seen.add(Ability::SessionLost, left.counters.sessions_lost);
    let ended = match ending {
        Ending::Crash { .. } if !left.in_order => Some(Ability::Crash),
        Ending::Stop { .. } if !left.in_order => Some(Ability::Stop),
        Ending::JournalFails { .. } if !left.exact => Some(Ability::DiskBroke),
        _ => None,
    };
    ended.into_iter().for_each(|ability| seen.note(ability));
    if !left.held_sites.is_empty() {
        seen.note(Ability::SiteBraked);
    }
    let (Some(held), Some(refusals)) = (&left.held, &ground.scenario.refusals) else {
        return seen.add(Ability::Braked, u64::from(left.held.is_some()));
    };
    seen.note(match refusals.kind.mailing {
        _ if held.reason == "bounces" => Ability::Braked,
        Mailing::HeldBySeveral => Ability::HeldBySeveral,
        Mailing::HeldIfItLasts => Ability::HeldAsItLasts,
        Mailing::HeldWithoutSource => Ability::HeldWithoutSource,
        Mailing::Held | Mailing::GoesOn => Ability::Held,
    });
}

/// Whoever sends does something about what held the mailing, sooner or later.
pub fn mend(ground: &mut Ground<'_>, left: &Left) {
    if left.held.as_ref().is_some_and(|held| ["bounces", "resolver"].contains(&held.reason))
        || !left.held_sites.is_empty()
    {
        ground.ignores_bounces = true;
    } else if let (Some(_), Some(refusals)) = (&left.held, &ground.scenario.refusals) {
        ground.held += 1;
        if ground.held >= refusals.held_max {
            ground.mended_at.get_or_insert(ground.network.now());
            ground.town.mend();
        }
    }
}

/// Whether we were refused for so long that somebody may have outlived it.
pub fn refusals_outlast(ground: &Ground<'_>) -> bool {
    let Some(refusals) = &ground.scenario.refusals else { return false };
    let schedule = &ground.scenario.delivery.retry;
    let ends = [refusals.until_s.map(|s| Instant(s * 1_000_000)), ground.mended_at];
    let end = ends.into_iter().flatten().min().unwrap_or(Instant::FAR);
    let wait = schedule.steps.iter().max().copied().unwrap_or_default().max(LISTED_REST);
    end.after(wait * 2) >= Instant(refusals.from_s * 1_000_000).after(schedule.lifetime)
}

/// Notes what happened in all of a run.
pub fn note_all(ground: &mut Ground<'_>, state: &State) {
    let (seen, town) = (&mut ground.seen, &ground.town);
    seen.add(Ability::SurplusReply, town.said_twice());
    seen.add(Ability::NoSocket, ground.network.no_socket());
    seen.add(Ability::SecondCopy, town.counters().duplicates);
    seen.add(Ability::Expired, state.count(Disposition::Expired));
    let refused: u64 = town.refused().iter().sum();
    let Some(refusals) = ground.scenario.refusals.as_ref().filter(|_| refused > 0) else { return };
    let by = match refusals.kind.by {
        By::Smarthost => Ability::RefusedBySmarthost,
        By::Exchanger => Ability::RefusedByExchanger,
        By::Provider => Ability::RefusedByProvider,
    };
    seen.add(by, refused);
    let number = KINDS.iter().position(|kind| kind == refusals.kind).unwrap_or_default();
    seen.refusals |= 1 << number;
    seen.add(Ability::BouncedAmongRefusals, ground.words.judged.1);
    if ground.held > 0 && state.count(Disposition::Delivered) > 0 {
        seen.note(Ability::Mended);
    }
}
