//! Who writes, and what subject and preheader pretend: the keys of a campaign.
//!
//! Leaves to others: whether the domains exist and permit it (DNS).

use super::placeholders::{self, is_attempt};
use super::{Found, Letter, Placing, Way, files, leftovers, links, markup, tags};
use crate::content::error::Place;
use crate::content::lint::page::masked;

/// Domains of mailboxes that anybody gets (one that ends with a dot: in any country), and of the servers that may send for them: the
/// DMARC records of most refuse mail from elsewhere, and their SPF records do.
const FREE: [(&str, &str); 26] = [
    ("gmail.com googlemail.com", "gmail.com googlemail.com google.com"),
    (
        "outlook. hotmail. live.com live.co.uk live.de live.fr live.it live.nl live.be live.se live.dk live.no live.ca msn.com",
        "outlook.com office365.com live.com hotmail.com",
    ),
    ("yahoo. ymail. rocketmail.com aol.com aol.de aol.co.uk aol.fr aim.com", "yahoo.com yahoodns.net aol.com"),
    ("icloud.com me.com mac.com", "me.com icloud.com"),
    ("gmx. mail.com", "gmx.com gmx.net mail.com"),
    ("web.de", "web.de"),
    ("t-online.de magenta.de", "t-online.de"),
    ("freenet.de", "freenet.de"),
    ("arcor.de vodafone.de", "arcor.de vodafonemail.de"),
    ("mail.ru inbox.ru list.ru bk.ru", "mail.ru"),
    ("yandex. ya.ru", "yandex.ru yandex.com"),
    ("proton.me protonmail. pm.me", "proton.me protonmail.ch"),
    ("tutanota.com tuta.io", "tutanota.de"),
    ("zoho.com zohomail.", "zoho.com zoho.eu"),
    ("qq.com foxmail.com", "qq.com"),
    ("163.com 126.com yeah.net", "163.com 126.com"),
    ("naver.com daum.net hanmail.net", "naver.com daum.net"),
    ("orange.fr wanadoo.fr", "orange.fr"),
    ("free.fr laposte.net sfr.fr", "free.fr laposte.net sfr.fr"),
    ("libero.it virgilio.it tiscali.it", "libero.it virgilio.it tiscali.it"),
    ("bluewin.ch", "bluewin.ch"),
    ("seznam.cz", "seznam.cz"),
    ("wp.pl o2.pl onet.pl interia.pl", "wp.pl o2.pl onet.pl interia.pl"),
    ("comcast.net verizon.net att.net sbcglobal.net bellsouth.net", "comcast.net verizon.net att.net"),
    ("btinternet.com sky.com virginmedia.com", "btinternet.com sky.com virginmedia.com"),
    ("uol.com.br bol.com.br terra.com.br", "uol.com.br terra.com.br"),
];
/// Signs that make a name look checked.
const BADGES: [char; 8] =
    ['\u{2713}', '\u{2714}', '\u{2705}', '\u{2611}', '\u{1f535}', '\u{1f512}', '\u{2b50}', '\u{1f6e1}'];
/// Beginnings of headers that give orders to one provider's servers.
const ORDERS: [&str; 8] =
    ["x-smtpapi", "x-pm-", "x-mailgun-", "x-mc-", "x-mandrill-", "x-ses-", "x-sparkpost-", "x-msys-"];
/// Keys whose text readers see.
const SHOWN: [&str; 5] = ["from", "to", "reply_to", "subject", "preheader"];

/// Looks at the keys.
pub(super) fn look(letter: &Letter<'_>, found: &mut Found<'_>) {
    let spec = letter.spec;
    from(letter, found);
    for (key, value) in [
        ("from", Some(&spec.from)),
        ("to", spec.to.as_ref()),
        ("reply_to", spec.reply_to.as_ref()),
        ("subject", Some(&spec.subject)),
        ("preheader", letter.preheader),
        ("list_id", spec.list_id.as_ref()),
        ("feedback_id", spec.feedback_id.as_ref()),
    ] {
        if let Some(value) = value {
            value_of(key, value, found);
            if SHOWN.contains(&key) {
                markup::look(&masked(value), &mut found.key(&Place::Key(key.to_owned()), value));
            }
        }
    }
    for (key, value) in [
        ("unsubscribe.url", &spec.unsubscribe_url),
        ("unsubscribe.mailto", &spec.unsubscribe_mailto),
        ("return_path", &spec.return_path),
    ] {
        if let Some(value) = value {
            let place = Place::Key(key.to_owned());
            // The short form of a token is ours.
            tags::look(&masked(value).replace("{token}", "       "), &mut found.key(&place, value));
            links::look_at_key(&masked(value), &mut found.key(&place, value));
        }
    }
    for (name, value) in &spec.headers {
        value_of(&format!("headers.{name}"), value, found);
        orders(name, letter.way, found);
    }
    subject(&spec.subject, found);
    preheader(letter.preheader, found);
    files::look(letter, found);
    domain("return_path", spec.return_path.as_deref().unwrap_or_default(), found);
    for (key, value) in [("reply_to", &spec.reply_to), ("unsubscribe.mailto", &spec.unsubscribe_mailto)] {
        stand_in(key, value.as_deref().unwrap_or_default(), found);
    }
}

/// What may be wrong with any value.
fn value_of(key: &str, value: &str, found: &mut Found<'_>) {
    let place = Place::Key(key.to_owned());
    let masked = masked(value);
    let mut found = found.key(&place, value);
    placeholders::look(
        [(0, masked.as_str())].into_iter().filter(|(_, text)| !is_attempt(&text.to_ascii_lowercase())),
        &mut found,
    );
    tags::look(&masked, &mut found);
    leftovers::look_at_text(&masked, &mut found);
    if let Some(at) = value.find("=?").filter(|at| value.get(*at..).is_some_and(|rest| rest.contains("?="))) {
        let says = "an encoded word stands here by hand";
        found.warn_drawing(
            "encoded-word",
            "550 5.7.1",
            at,
            says,
            "write the text itself: it is encoded where it must be",
        );
    }
}

fn from(letter: &Letter<'_>, found: &mut Found<'_>) {
    let value = letter.spec.from.as_str();
    let place = Place::Key("from".to_owned());
    let display = value.rfind('<').map_or("", |at| value.get(..at).unwrap_or_default());
    {
        let mut found = found.key(&place, value);
        if let Some(at) = display.find("{{") {
            let says = "the sender's name changes with the recipient: Google takes that for a deceit";
            found.warn("display-name", at, says, "write the name of who sends");
        }
        let badge = display.find(BADGES).or_else(|| counter(display));
        if let Some(at) = badge {
            let says = "the sender's name has a badge or a count in it: Google takes that for a deceit";
            found.warn("display-name", at, says, "write the name of who sends, and nothing else");
        }
    }
    domain("from", value, found);
    let at = value.rfind('@').unwrap_or(0);
    let domain = domain_of(value);
    let Some((_, servers)) = FREE.iter().find(|(domains, _)| domains.split(' ').any(|known| is_of(&domain, known)))
    else {
        return;
    };
    let is_own = |host: &str| {
        servers
            .split(' ')
            .any(|own| host.strip_suffix(own).is_some_and(|front| front.is_empty() || front.ends_with('.')))
    };
    let by = match letter.way {
        Way::Smarthost(host) if is_own(host) => return,
        Way::Smarthost(host) => format!(", as by {}", host.escape_debug()),
        Way::Exchangers | Way::Unknown | Way::Nobody => String::new(),
    };
    let says = format!("mail from {domain} that does not come from its servers{by} is refused (DMARC)");
    let hint = "write an address of a domain of your own; reply_to can be the other one";
    found.key(&place, value).warn_drawing("free-mail-sender", "550 5.7.26", at + 1, says, hint);
}

/// Whether a domain is one of [`FREE`].
fn is_of(domain: &str, known: &str) -> bool {
    match known.ends_with('.') {
        true => domain.starts_with(known) && domain.len() <= known.len() + "com.br".len(),
        false => domain == known,
    }
}

/// Where a count in brackets begins: "(2)".
fn counter(display: &str) -> Option<usize> {
    display.match_indices('(').map(|(at, _)| at).find(|at| {
        let inside = display.get(at + 1..).and_then(|rest| rest.split_once(')')).map_or("", |(inside, _)| inside);
        !inside.is_empty() && inside.bytes().all(|b| b.is_ascii_digit())
    })
}

fn domain_of(value: &str) -> String {
    let address = value.rsplit_once('@').map_or("", |(_, domain)| domain);
    address.trim_end_matches(['>', ' ', '.']).to_ascii_lowercase()
}

/// A domain that nobody else knows can neither answer nor be proven.
fn domain(key: &str, value: &str, found: &mut Found<'_>) {
    let Some(at) = value.rfind('@') else { return };
    let domain = domain_of(value);
    if domain.contains('{') {
        return;
    }
    stand_in(key, value, found);
    let ours_alone = ["localhost", "localdomain", "local", "internal", "lan", "invalid"];
    let last = domain.rsplit('.').next().unwrap_or_default();
    if !domain.contains('.') || ours_alone.contains(&last) {
        let place = Place::Key(key.to_owned());
        let says = format!("the domain {domain:?} is known to nobody else: receivers refuse such senders");
        let hint = "write an address of a public domain";
        found.key(&place, value).warn_drawing("sender-domain", "550 5.1.8", at + 1, says, hint);
    }
}

/// A domain that documentation has for examples is left in.
fn stand_in(key: &str, value: &str, found: &mut Found<'_>) {
    let domain = domain_of(value.split('?').next().unwrap_or_default());
    if links::is_stand_in(&domain) {
        let place = Place::Key(key.to_owned());
        let says = format!("the domain {domain:?} stands in for another: an example has left it");
        let hint = "write an address of a domain of your own";
        found.key(&place, value).warn("placeholder", value.rfind('@').map_or(0, |at| at + 1), says, hint);
    }
}

fn subject(value: &str, found: &mut Found<'_>) {
    let place = Place::Key("subject".to_owned());
    let mut found = found.key(&place, value);
    let lower = value.trim_start().to_lowercase();
    let word = lower.split(':').next().unwrap_or_default();
    let word = word.split('[').next().unwrap_or_default().trim();
    if lower.contains(':') && ["re", "fw", "fwd", "aw", "wg", "sv", "antw"].contains(&word) {
        let says = "the subject pretends to answer or forward: Google takes that for a deceit";
        found.warn("fake-reply", 0, says, "begin with what the letter is about");
    }
    attempt("subject", value, &lower, &mut found);
}

fn preheader(value: Option<&String>, found: &mut Found<'_>) {
    let place = Place::Key("preheader".to_owned());
    let Some(value) = value else { return };
    attempt("preheader", value, &value.trim_start().to_lowercase(), &mut found.key(&place, value));
}

fn attempt(key: &str, value: &str, lower: &str, found: &mut Placing<'_>) {
    let is_marked = ["[test]", "test:", "test -", "(test)"].iter().any(|mark| lower.starts_with(mark));
    if is_attempt(lower) || is_marked {
        let says = format!("the {key} {value:?} is one of an attempt");
        found.warn("placeholder", 0, says, format!("write the {key} that readers shall see"));
    }
}

fn orders(name: &str, way: Way<'_>, found: &mut Found<'_>) {
    let lower = name.to_ascii_lowercase();
    let is_theirs = matches!(way, Way::Smarthost(_) | Way::Nobody);
    if !is_theirs && ORDERS.iter().any(|order| lower.starts_with(order)) {
        let place = Place::Key(format!("headers.{name}"));
        let says = format!("{name} gives orders to one provider's servers: by no other way does it do anything");
        found.key(&place, "").warn("control-header", 0, says, "take it out");
    }
}
