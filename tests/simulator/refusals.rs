//! Refusals of us: what servers say, for how long, and what README's table says that becomes of the mailing; and whether
//! that is what became of it.
//!
//! Guarantees: what is expected stands here in full, and is not asked of the engine's own rules.

use crate::ground::Left;
use crate::scenario::{Ending, Routing, Scenario};
use fastrand::Rng;
use posthaste::engine::held::Held;
use posthaste::sink::{Refusal, Step};
use posthaste::wire::sim::Weather;
use std::time::Duration;

/// Who refuses us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Smarthost,
    Exchanger,
    Provider,
}

/// What becomes of the mailing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mailing {
    GoesOn,
    Held,
    HeldIfItLasts,
    HeldBySeveral,
    /// Of sources, or of sites for one source.
    HeldWithoutSource,
}

/// One refusal.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    pub by: By,
    pub at: Step,
    pub reply: &'static str,
    pub mailing: Mailing,
    /// The word that a held mailing says.
    pub reason: &'static str,
}

const fn kind(by: By, at: Step, reply: &'static str, mailing: Mailing, reason: &'static str) -> Kind {
    Kind { by, at, reply, mailing, reason }
}

/// What is played.
pub const KINDS: &[Kind] = {
    use By::{Exchanger, Provider, Smarthost};
    use Mailing::{GoesOn, Held, HeldBySeveral, HeldIfItLasts, HeldWithoutSource};
    use Step::{Content, Data, Greeting, Hello, Mail, Recipient};
    &[
        kind(Smarthost, Mail, "530 5.7.0 Authentication required", Held, "login"),
        kind(Smarthost, Recipient, "550 authentication required", Held, "login"),
        kind(Smarthost, Recipient, "550 relay denied", Held, "relay"),
        kind(Smarthost, Recipient, "554 5.7.1 Relay access denied", Held, "relay"),
        kind(Smarthost, Recipient, "454 4.7.1 Relay access denied", Held, "relay"),
        kind(Smarthost, Hello, "504 5.5.2 bad EHLO name", Held, "name"),
        kind(Smarthost, Mail, "553 5.7.1 sender not allowed", Held, "sender"),
        kind(Smarthost, Content, "553 sender not allowed", Held, "sender"),
        kind(Smarthost, Data, "550 5.7.26 unauthenticated", Held, "authentication"),
        kind(Smarthost, Mail, "550 account suspended", Held, "account"),
        kind(Smarthost, Recipient, "550 account suspended", Held, "account"),
        kind(Smarthost, Content, "550 5.4.5 Daily sending quota exceeded", Held, "account"),
        kind(Smarthost, Greeting, "554 no SMTP service for you", Held, "unwelcome"),
        kind(Smarthost, Mail, "450 4.1.8 sender domain not found", HeldIfItLasts, "sender"),
        kind(Smarthost, Content, "451 4.7.26 unauthenticated", HeldIfItLasts, "authentication"),
        kind(Smarthost, Mail, "554 5.7.1 blocked using zen.spamhaus.org", HeldWithoutSource, "listed_address"),
        kind(Smarthost, Recipient, "554 5.7.1 blocked using zen.spamhaus.org", HeldWithoutSource, "listed_address"),
        kind(Exchanger, Greeting, "554 no SMTP service here", GoesOn, ""),
        kind(Exchanger, Mail, "504 5.5.2 Helo command rejected: need fully-qualified hostname", HeldBySeveral, "name"),
        kind(Exchanger, Recipient, "550 5.7.25 no PTR record", HeldBySeveral, "reverse_name"),
        kind(Exchanger, Mail, "553 sender address rejected", HeldBySeveral, "sender"),
        kind(Exchanger, Content, "550 5.7.26 unauthenticated", HeldBySeveral, "authentication"),
        kind(Exchanger, Content, "554 listed by multi.surbl.org", HeldBySeveral, "listed_content"),
        kind(Exchanger, Mail, "530 5.7.0 Must issue a STARTTLS command first", HeldBySeveral, "tls"),
        kind(Exchanger, Recipient, "550 5.7.1 your IP is blocked", GoesOn, ""),
        kind(Exchanger, Recipient, "530 5.7.1 Authentication required", GoesOn, ""),
        kind(Exchanger, Recipient, "554 5.7.1 blocked using zen.spamhaus.org", HeldWithoutSource, "listed_address"),
        kind(Provider, Content, "550 5.7.26 unauthenticated", Held, "authentication"),
        kind(Provider, Mail, "553 5.1.8 domain does not exist", Held, "sender"),
    ]
};

/// How often each sort of them is played.
const DRAWN: [(By, Mailing); 10] = [
    (By::Smarthost, Mailing::Held),
    (By::Smarthost, Mailing::Held),
    (By::Smarthost, Mailing::Held),
    (By::Smarthost, Mailing::HeldIfItLasts),
    (By::Smarthost, Mailing::HeldWithoutSource),
    (By::Exchanger, Mailing::HeldBySeveral),
    (By::Exchanger, Mailing::HeldBySeveral),
    (By::Exchanger, Mailing::HeldWithoutSource),
    (By::Exchanger, Mailing::GoesOn),
    (By::Provider, Mailing::Held),
];

/// So many sites have to say the same.
const SEVERAL: usize = 3;

/// The refusals of a scenario.
#[derive(Clone, Debug)]
pub struct Refusals {
    pub kind: &'static Kind,
    /// So many sites say it, the first ones.
    pub sites: usize,
    /// In virtual time.
    pub from_s: u64,
    /// When it passes by itself.
    pub until_s: Option<u64>,
    /// Somebody mends it once so many processes were held for it.
    pub held_max: u32,
}

impl Refusals {
    /// What a site says at a time, unless somebody has mended it.
    pub fn at(&self, site: usize, now_s: u64) -> Option<Refusal> {
        let now = now_s >= self.from_s && self.until_s.is_none_or(|until| now_s < until);
        (now && site < self.sites).then_some(Refusal { at: self.kind.at, reply: self.kind.reply })
    }

    /// Whether the mailing is held once so many sites have said it to each of so many sources.
    fn hold(&self, sites: usize, sources: usize) -> bool {
        let named = matches!(self.kind.at, Step::Recipient | Step::Data | Step::Content);
        match (self.kind.mailing, self.kind.by) {
            // Once somebody was taken, in whichever process, it is believed when enough say it in a row.
            (Mailing::Held, By::Smarthost) if named && self.from_s > 0 => false,
            (Mailing::Held, _) => sites > 0,
            (Mailing::HeldBySeveral, _) => sites >= SEVERAL,
            (Mailing::HeldWithoutSource, By::Smarthost) => sites > 0 && sources == 1,
            (Mailing::HeldWithoutSource | Mailing::HeldIfItLasts | Mailing::GoesOn, _) => false,
        }
    }

    /// The name of a site's exchanger.
    pub fn host(&self, site: usize) -> String {
        let provider = self.kind.by == By::Provider && site < self.sites;
        format!("mx.s{site}.{}", if provider { "google.com" } else { "example" })
    }
}

/// Has some scenarios played among servers that refuse us.
pub fn add_to(scenario: &mut Scenario) {
    let rng = &mut Rng::with_seed(scenario.seed ^ 0x7265_6675);
    if rng.u8(..5) != 0 {
        return;
    }
    let (by, mailing) = DRAWN[rng.usize(..DRAWN.len())];
    let alike: Vec<&Kind> = KINDS.iter().filter(|kind| (kind.by, kind.mailing) == (by, mailing)).collect();
    let kind = alike[rng.usize(..alike.len())];
    let count = rng.usize(1..=6);
    let mut sites = 1;
    if kind.by == By::Smarthost {
        scenario.routing = if rng.bool() { Routing::Fixed } else { Routing::Named };
        scenario.delivery.smarthost = true;
        // Where nothing may hold it, those who are refused are tried until their lifetime ends: not each second for days.
        if let Some(last) = scenario.delivery.retry.steps.last_mut().filter(|_| scenario.delivery.max_bounced.is_none())
        {
            *last = (*last).max(Duration::from_secs(3600));
        }
    } else {
        scenario.routing = Routing::Sites(count);
        sites = rng.usize(1..=count).max(rng.usize(1..=count));
    }
    scenario.refusals = Some(Refusals {
        kind,
        sites,
        from_s: [0, 0, 0, 1, 20][rng.usize(..5)],
        until_s: [None, None, Some(8000), Some(400), Some(40)]
            [rng.usize(..if mailing == Mailing::HeldIfItLasts { 4 } else { 5 })],
        held_max: rng.u32(1..=3),
    });
}

/// Whether a process that ended so, `said` being how often each site refused us meanwhile, did what it should.
pub fn check(scenario: &Scenario, (began_s, ending): (u64, Ending), left: &Left, said: &[u64]) -> Result<(), String> {
    let sites = said.iter().filter(|times| **times > 0).count();
    match (&left.held, &scenario.refusals) {
        (Some(held), _) if held.reason == "bounces" => Ok(()),
        // Domains that are denied from the first on may be the resolver's fault.
        (Some(held), _) if held.reason == "resolver" && scenario.lost_percent.1 > 0 => Ok(()),
        (Some(held), Some(refusals)) => check_held(held, refusals, sites),
        (Some(held), None) => Err(format!("held, and nobody refused us: {held}")),
        (None, Some(refusals)) => {
            // What was said was heard, and was said from the first session on.
            let heard = scenario.weather_is_fair() && scenario.surplus_percent == 0.0 && ending == Ending::Through;
            let holds = heard && refusals.from_s <= began_s && refusals.hold(sites, scenario.sources.len());
            if holds { Err(format!("{sites} sites refused us, and it is not held")) } else { Ok(()) }
        }
        (None, None) => Ok(()),
    }
}

fn check_held(held: &Held, refusals: &Refusals, sites: usize) -> Result<(), String> {
    let kind = refusals.kind;
    let enough = match (kind.mailing, kind.by) {
        (Mailing::GoesOn, _) => return Err(format!("held for what is one site's own matter: {held}")),
        (Mailing::HeldBySeveral, _) | (Mailing::HeldWithoutSource, By::Exchanger) => SEVERAL,
        _ => 1,
    };
    if sites < enough || held.reason != kind.reason || !held.reply.contains(kind.reply) {
        return Err(format!("held, {sites} sites having said {:?}: {held:?}", kind.reply));
    }
    Ok(())
}

impl Scenario {
    /// Whether the network loses nothing.
    pub fn weather_is_fair(&self) -> bool {
        let Weather { refusal, reset, silence, .. } = self.weather;
        refusal + reset + silence == 0.0
    }
}
