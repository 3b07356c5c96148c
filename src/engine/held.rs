//! What holds a mailing: a reason that was found once and ends the run, because going on would harm the list or the
//! sender.
//!
//! Whoever finds one says it here ([`Halt::hold`]); the first one wins, and the finder has every shard drain. Nothing new
//! begins, sessions finish, everything is durable; the run ends as "not finished", with the reason, and the same command
//! goes on once its cause is mended. Guarantees: a held mailing is held for the rest of the run, and says one thing.
//! Leaves to others: finding reasons (`shard`), draining (`shard`, `run`), saying it (`app`).

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::base::many::{Many, figure};
use crate::engine::brake::{Brake, Excess};
use crate::engine::denials::{Denials, Denied, Why};
use crate::engine::doubts::{Doubted, Doubts};
use crate::mail::Reply;
use crate::shape::classify::refusal::{SHARE_MIN, SITES_MIN};
use crate::shape::{NextHop, Refusal};

/// The reason of the brake.
const BOUNCES: &str = "bounces";
const BOUNCES_HINT: &str = "look who bounces and why (posthaste report NAME), and clean the list; or go on with --ignore-bounces, \
     or with a higher max_bounced in the campaign";
const IN_CLEAR_HINT: &str = "have the server offer STARTTLS, and let delivery.tls not be \"off\"; or set tls = \"implicit\" in \
     [smarthost] where the server begins with TLS (port 465), or auth_in_clear = true where nobody listens on the way to it";
const STARTTLS_HINT: &str =
    "have STARTTLS of that server mended: openssl s_client -starttls smtp -connect HOST:PORT shows what is wrong";
const IMPLICIT_HINT: &str = "openssl s_client -connect HOST:PORT shows what is wrong; where the server begins in clear text (port 25 or \
     587), leave tls = \"implicit\" out of [smarthost]";
const MECHANISM_HINT: &str =
    "leave mechanism out of [smarthost], or name one that the server offers; where it wants no login, leave out user";
/// What to do about a resolver.
const RESOLVER_HINT: &str = "ask it for one of these domains and for one that is there (dig MX DOMAIN), and mend it, or name another \
     one in [dns] servers; or, if these domains are gone indeed, go on with --ignore-bounces: their recipients bounce";
/// The reason of a suppression that cannot be read whole.
const SUPPRESSION: &str = "suppression";
const SUPPRESSION_HINT: &str = "mend it, or put it back: whoever can be read of it got nothing since, and nobody is sent to before \
     all of it can be";
const TEMPLATE_HINT: &str = "the template must cope with every row (--dry-run names them)";
/// Sites that are held and told of, at most.
const HELD_SITES_MAX: usize = 20;
/// Sites that are told apart for one refusal; what is beyond them changes nothing any more.
const SITES_KEPT: usize = 10_000;

/// Why a mailing is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// A word for programs.
    pub reason: &'static str,
    /// The host, or the site, that it is about; empty if it is about none.
    pub host: String,
    /// What a server said, escaped; empty if nobody said anything.
    pub reply: String,
    /// One sentence, without its full stop.
    pub says: String,
    /// What to do.
    pub hint: String,
}

/// Why there is no way on without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeedsTls<'a> {
    /// The server says so.
    Host(&'a str),
    /// There is a login.
    Login,
    /// It is to begin before the greeting.
    FromTheStart,
    /// Somebody demands it: who, and what.
    Demand(&'a str),
}

impl Held {
    /// Too many of the last recipients bounced.
    #[must_use]
    pub fn bounced(excess: &Excess) -> Self {
        let Excess { bounced, of, reply: (reply, count) } = excess;
        Self {
            reason: BOUNCES,
            host: String::new(),
            reply: reply.to_string(),
            says: format!("{bounced} of the last {of} recipients bounced, {count} of them with \"{reply}\""),
            hint: BOUNCES_HINT.to_owned(),
        }
    }

    /// Too many of the last recipients of one site bounced: only its mail is held.
    #[must_use]
    pub fn bounced_at(site: &str, excess: &Excess) -> Self {
        let Excess { bounced, of, reply: (reply, count) } = excess;
        Self {
            reason: BOUNCES,
            host: site.to_owned(),
            reply: reply.to_string(),
            says: format!("{bounced} of the last {of} recipients at {site} bounced, {count} of them with \"{reply}\""),
            hint: BOUNCES_HINT.to_owned(),
        }
    }

    /// So many recipients have no message, the first one for this reason; `any_made`: others have one.
    #[must_use]
    pub fn unmade(count: u64, any_made: bool, why: &str) -> Self {
        let says = if any_made {
            let failed = Many(count, "recipient waits", "recipients wait");
            format!("{failed}, for whom no message can be made")
        } else {
            let failed = Many(count, "recipient has none", "recipients have none");
            format!("no message can be made: {failed}, and nobody has one")
        };
        Self::unrendered(&says, why)
    }

    /// For too many of the last recipients no message could be made.
    #[must_use]
    pub fn seldom_made(excess: &Excess) -> Self {
        let Excess { bounced, of, reply: (why, count) } = excess;
        Self::unrendered(
            &format!("no message could be made for {bounced} of the last {of} recipients, {count} of them alike"),
            why,
        )
    }

    fn unrendered(says: &str, why: &str) -> Self {
        let (why, hint) = why.split_once("\nhint: ").unwrap_or((why, TEMPLATE_HINT));
        Self {
            reason: "rendering",
            host: String::new(),
            reply: String::new(),
            says: format!("{says}: {why}"),
            hint: format!(
                "{hint}; then send again, and whoever waits gets a message; or go on with --ignore-bounces: whoever has none bounces"
            ),
        }
    }

    /// What the resolver denies is not believed; `resolver` is what it is called.
    #[must_use]
    pub fn denied(resolver: &str, denied: &Denied) -> Self {
        let Denied { why, reply } = denied;
        let resolver = if resolver.is_empty() { "the resolver" } else { resolver };
        let says = match why {
            Why::Everything(domains) => {
                let domains =
                    Many(*domains as u64, "domain that was looked up was", "domains that were looked up were");
                format!("by {resolver} no domain can get mail: {domains} denied, and none was found")
            }
            Why::Known(denied, asked) => {
                let [denied, asked] = [*denied, *asked].map(|n| figure(u64::from(n)));
                format!("{resolver} denies what it told before: asked again, {denied} of {asked} domains were denied")
            }
            Why::Unsure => {
                format!("{resolver} denies domain after domain, and has no answer for those that it told of before")
            }
            Why::Share(bounced, of) => {
                let [bounced, of] = [*bounced, *of].map(figure);
                format!("by {resolver} {bounced} of {of} recipients have a domain that gets no mail")
            }
        };
        Self {
            reason: "resolver",
            host: String::new(),
            reply: reply.to_string(),
            says: format!("{says}; most of them with \"{reply}\""),
            hint: RESOLVER_HINT.to_owned(),
        }
    }

    /// A suppression file has changed and cannot be used whole: nobody knows whom the rest of it would stop.
    #[must_use]
    pub fn unreadable_suppression(why: &str) -> Self {
        Self {
            reason: SUPPRESSION,
            host: String::new(),
            reply: String::new(),
            says: format!("the suppression has changed and cannot be used as it is: {why}"),
            hint: SUPPRESSION_HINT.to_owned(),
        }
    }

    /// The smarthost takes the letter for nobody.
    #[must_use]
    pub fn letter(host: &str, reply: &str, phase: &str) -> Self {
        Self {
            reason: "content",
            host: host.to_owned(),
            reply: reply.to_owned(),
            says: format!("the smarthost {host} does not take the letter: at {phase} it is \"{reply}\""),
            hint: "change the letter as the reply says".to_owned(),
        }
    }

    /// No exchanger takes the letter from us, as this one says again.
    #[must_use]
    pub fn taken_by_nobody(host: &str, reply: &str, phase: &str) -> Self {
        Self {
            reason: "unwelcome",
            host: host.to_owned(),
            reply: reply.to_owned(),
            says: format!(
                "no server takes the letter, and several refuse it again: {host} answered {phase} with \"{reply}\""
            ),
            hint:
                "see what they object to, of the letter, the sender or the addresses that you send from, and change it"
                    .to_owned(),
        }
    }

    /// The smarthost's login was not said; `why` is a reply of our own.
    #[must_use]
    pub fn login_withheld(host: &str, why: &Reply) -> Self {
        let (refusal, hint) =
            if why.code == 538 { (Refusal::Tls, IN_CLEAR_HINT) } else { (Refusal::Login, MECHANISM_HINT) };
        Self {
            reason: refusal.word(),
            host: host.to_owned(),
            reply: String::new(),
            says: format!("the smarthost {host} was not told the login: {}", String::from_utf8_lossy(&why.text)),
            hint: hint.to_owned(),
        }
    }

    /// The smarthost's TLS fails each time, and it `needs` to be; `what` failed last.
    #[must_use]
    pub fn tls_fails(host: &str, needs: &NeedsTls<'_>, what: &str) -> Self {
        // What to do about it is said below.
        let what = what.split_once(". hint: ").map_or(what, |(what, _)| what);
        let what = if what.is_empty() { "STARTTLS is refused" } else { what };
        let (needs, reply, hint) = match *needs {
            NeedsTls::Host(said) => {
                (format!("it takes no mail without: it says \"{said}\""), said, STARTTLS_HINT.to_owned())
            }
            NeedsTls::Login => {
                let in_clear = "or set auth_in_clear = true in [smarthost] where nobody listens on the way to it";
                ("the login is not said without".to_owned(), "", format!("{STARTTLS_HINT}; {in_clear}"))
            }
            NeedsTls::Demand(demand) => {
                let less = "or demand less of it (delivery.tls, [[tls_policy]], require_tls of the campaign)";
                (demand.to_owned(), "", format!("{STARTTLS_HINT}; {less}"))
            }
            NeedsTls::FromTheStart => {
                ("[smarthost] tls = \"implicit\" wants it".to_owned(), "", IMPLICIT_HINT.to_owned())
            }
        };
        Self {
            reason: Refusal::Tls.word(),
            host: host.to_owned(),
            reply: reply.to_owned(),
            says: format!("TLS with the smarthost {host} fails each time ({what}), and {needs}"),
            hint,
        }
    }

    /// A server refuses us by this `reply` to `phase`; `others` said the same.
    #[must_use]
    pub fn refused(refusal: Refusal, host: &str, hop: NextHop, reply: &str, phase: &str, others: usize) -> Self {
        let who = if hop == NextHop::Smarthost { "the smarthost " } else { "" };
        let others = match others {
            0 => String::new(),
            1 => ", and another site says so too".to_owned(),
            n => format!(", and {n} other sites say so too"),
        };
        let says = format!("{who}{host} {}{others}: it answered {phase} with \"{reply}\"", refusal.clause());
        Self {
            reason: refusal.word(),
            host: host.to_owned(),
            reply: reply.to_owned(),
            says,
            hint: refusal.hint().to_owned(),
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "held: {}\nhint: {}", self.says, self.hint)
    }
}

/// See the head of this file; shared by all shards.
#[derive(Debug, Default)]
pub struct Halt {
    held: OnceLock<Held>,
    refusing: Mutex<Refusing>,
    /// Sites that have taken a message.
    accepting: AtomicU32,
    /// Whether one has in this run.
    taken: AtomicBool,
    brake: Mutex<Brake>,
    /// The same, of messages that could be made or not; whether one could.
    unmade: Mutex<Brake>,
    made: AtomicBool,
    /// For whom none could.
    unmade_count: AtomicU64,
    doubts: Mutex<Doubts>,
    denials: Mutex<Denials>,
    /// What the resolver is called.
    resolver: OnceLock<String>,
    /// Sites whose mail alone is held: why, and how many there are.
    sites: Mutex<(Vec<Held>, usize)>,
}

/// The sites that refuse us, by what they refuse, and from which source where that is what they refuse.
type Refusing = HashMap<(Refusal, Option<Arc<str>>), HashSet<Arc<str>>>;

impl Halt {
    /// Holds the mailing; `false`: something else held it before.
    pub fn hold(&self, held: Held) -> bool {
        self.held.set(held).is_ok()
    }

    /// Why it is held, if it is.
    #[must_use]
    pub fn held(&self) -> Option<&Held> {
        self.held.get()
    }

    /// Counts what became of recipients; says so if too many of the last ones bounced.
    pub fn count(&self, delivered: u32, bounces: &[Box<str>], max: f64) -> Option<Excess> {
        self.brake.lock().unwrap_or_else(PoisonError::into_inner).count(delivered, bounces, max)
    }

    /// What the resolver denies.
    pub fn denials(&self) -> MutexGuard<'_, Denials> {
        self.denials.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Domains are looked up, and this is what people call who is asked.
    pub fn name_resolver(&self, title: String) {
        self.resolver.get_or_init(|| title);
    }

    /// What people call who is asked.
    #[must_use]
    pub fn resolver(&self) -> &str {
        self.resolver.get().map_or("", String::as_str)
    }

    /// Counts for whom messages could be made, and why not for others; says so if too many of the last ones have none.
    pub fn count_made(&self, made: u32, failed: &[Box<str>], max: f64) -> Option<Excess> {
        self.unmade.lock().unwrap_or_else(PoisonError::into_inner).count(made, failed, max)
    }

    /// No message could be made for one more recipient; how many that are.
    pub fn note_unmade(&self) -> u64 {
        self.unmade_count.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How many recipients have no message, by all shards in this run.
    #[must_use]
    pub fn unmade(&self) -> u64 {
        self.unmade_count.load(Ordering::Relaxed)
    }

    /// A message was made.
    pub fn note_made(&self) {
        self.made.store(true, Ordering::Relaxed);
    }

    /// Whether one was, by any shard in this run.
    #[must_use]
    pub fn has_made(&self) -> bool {
        self.made.load(Ordering::Relaxed)
    }

    /// Holds the mail of one site; what became of recipients is counted anew.
    pub fn hold_site(&self, held: Held) {
        *self.brake.lock().unwrap_or_else(PoisonError::into_inner) = Brake::default();
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        sites.1 += 1;
        if sites.0.len() < HELD_SITES_MAX {
            sites.0.push(held);
        }
    }

    /// The sites whose mail alone is held (the first of them), and how many there are.
    #[must_use]
    pub fn held_sites(&self) -> (Vec<Held>, usize) {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether any site has taken a message; the smarthost: in an earlier run, too.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.accepting.load(Ordering::Relaxed) > 0
    }

    /// A site has taken its first message.
    pub fn site_accepts(&self) {
        self.accepting.fetch_add(1, Ordering::Relaxed);
    }

    /// A site has taken a message in this run.
    pub fn note_taken(&self) {
        self.taken.store(true, Ordering::Relaxed);
    }

    /// Whether one has.
    #[must_use]
    pub fn has_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed)
    }

    /// An exchanger bounces this recipient for a reason that may be anybody's: what becomes of it.
    pub fn doubt(&self, row: u32) -> Doubted {
        if self.has_taken() {
            return Doubted::Bounces;
        }
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner).note(row)
    }

    /// A site refuses us. How many others do so for the same reason, once they are so many that it is not about sites.
    pub fn site_refuses(&self, refusal: Refusal, source: Option<Arc<str>>, site: &Arc<str>) -> Option<usize> {
        let mut refusing = self.refusing.lock().unwrap_or_else(PoisonError::into_inner);
        let sites = refusing.entry((refusal, source)).or_default();
        if sites.len() < SITES_KEPT {
            sites.insert(site.clone());
        }
        let count = sites.len() as u64;
        let all = count + u64::from(self.accepting.load(Ordering::Relaxed));
        let several = count >= u64::from(SITES_MIN) && count * 100 >= all * u64::from(SHARE_MIN);
        several.then(|| sites.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_holds() {
        let halt = Halt::default();
        assert_eq!(halt.held(), None);
        let held = |host| Held::refused(Refusal::Relay, host, NextHop::Smarthost, "550 no", "RCPT", 0);
        assert!(halt.hold(held("a.example")) && !halt.hold(held("b.example")));
        let said = halt.held().unwrap().to_string();
        assert!(
            said.starts_with(
                "held: the smarthost a.example does not relay for us: it answered RCPT with \"550 no\"\nhint: "
            ),
            "{said}"
        );
    }

    #[test]
    fn tls_that_fails_is_told_with_its_reason_and_who_wants_it() {
        let says = |needs, what| Held::tls_fails("mx.example:25", &needs, what).to_string();
        let said = says(NeedsTls::Host("530 5.7.0 Must issue a STARTTLS command first"), "it is lost. hint: look");
        let start = "held: TLS with the smarthost mx.example:25 fails each time (it is lost), and it takes no mail without: it \
                     says \"530 5.7.0 Must issue a STARTTLS command first\"\nhint: have STARTTLS of that server mended";
        assert!(said.starts_with(start), "{said}");
        let said = says(NeedsTls::Login, "");
        assert!(said.contains("(STARTTLS is refused), and the login is not said without\n"), "{said}");
        assert!(said.contains("auth_in_clear = true"), "{said}");
        assert!(says(NeedsTls::FromTheStart, "x").contains("and [smarthost] tls = \"implicit\" wants it\n"));
        assert!(
            says(NeedsTls::Demand("configuration demands TLS"), "x").contains("(x), and configuration demands TLS\n")
        );
    }

    #[test]
    fn three_sites_that_are_a_tenth_of_all_are_several_and_one_site_is_never() {
        let halt = Halt::default();
        let site = |n: usize| Arc::<str>::from(format!("mx{n}.example"));
        let refuses = |n| halt.site_refuses(Refusal::Sender, None, &site(n));
        assert_eq!([refuses(1), refuses(1), refuses(1), refuses(2)], [None; 4]);
        assert_eq!(halt.site_refuses(Refusal::Name, None, &site(3)), None, "another reason");
        assert_eq!(refuses(3), Some(2));
        (0..28).for_each(|_| halt.site_accepts());
        assert_eq!(refuses(3), None, "3 of 31");
        assert_eq!(refuses(4), Some(3), "4 of 32");
    }

    #[test]
    fn what_bounced_at_a_site_that_is_held_alone_does_not_hold_the_mailing() {
        let (halt, bounces) = (Halt::default(), vec![Box::<str>::from("550 a"); 30]);
        assert_eq!(halt.count(60, &bounces, 0.2), None);
        halt.hold_site(Held::bounced_at("mx.example", &Excess { bounced: 30, of: 50, reply: Default::default() }));
        assert_eq!(halt.count(100, &bounces[..20], 0.2), None, "20 of 120, not 50 of 210");
        assert_eq!(halt.held_sites().1, 1);
    }

    #[test]
    fn what_is_said_of_a_source_is_counted_for_it_alone() {
        let halt = Halt::default();
        let listed =
            |source: &str, site: &str| halt.site_refuses(Refusal::ListedAddress, Some(source.into()), &site.into());
        assert_eq!([listed("a", "x"), listed("a", "y"), listed("b", "z")], [None; 3]);
        assert_eq!(listed("a", "z"), Some(2));
    }
}
