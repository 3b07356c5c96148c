//! Addresses that lead elsewhere than their author thinks: by another sender's counter, by the wrapper of a mail reader, to what one
//! person alone can see, or for all readers to one person's page.
//!
//! Such addresses come of copying from a letter that somebody got, or from a browser's or a mail reader's window. Guarantees: each is
//! told once, and with the address to write where that stands in it. Leaves to others: addresses that lead nowhere (`links`).

use super::Placing;
use super::links::{SHOWN_CHARACTERS, host_of, shown};
use super::page::{CODE, VALUE};
use crate::content::compile::percent_decoded;
use crate::mail::Mailbox;

/// Who wraps addresses: how the host ends (or begins, with a dot at the end), how the path begins, in which parameter the address
/// stands (empty: nobody but them can read it), and what they are called.
const WRAPPERS: [(&str, &str, &str, &str); 26] = [
    ("safelinks.protection.outlook.com", "/", "url", "Outlook (Safe Links)"),
    ("www.google.", "/url", "q url", "Google"),
    ("google.", "/url", "q url", "Google"),
    ("l.facebook.com", "/", "u", "Facebook"),
    ("lm.facebook.com", "/", "u", "Facebook"),
    ("l.instagram.com", "/", "u", "Instagram"),
    ("l.messenger.com", "/", "u", "Messenger"),
    ("linkedin.com", "/redir/", "url", "LinkedIn"),
    ("linkedin.com", "/safety/go", "url", "LinkedIn"),
    ("youtube.com", "/redirect", "q", "YouTube"),
    ("slack-redir.net", "/link", "url", "Slack"),
    ("vk.com", "/away.php", "to", "VK"),
    ("duckduckgo.com", "/l/", "uddg", "DuckDuckGo"),
    ("bing.com", "/ck/", "", "Bing"),
    ("urldefense.com", "/v3/", "", "Proofpoint"),
    ("urldefense.proofpoint.com", "/v2/url", "u", "Proofpoint"),
    ("linkprotect.cudasvc.com", "/url", "a", "Barracuda"),
    ("clicktime.symantec.com", "/", "u", "Symantec"),
    ("clicktime.trendmicro.com", "/", "url", "Trend Micro"),
    ("secure-web.cisco.com", "/", "", "Cisco"),
    ("protection.sophos.com", "/", "", "Sophos"),
    ("mimecast.com", "/s/", "", "Mimecast"),
    ("mimecastprotect.com", "/s/", "", "Mimecast"),
    ("deref-gmx.net", "/", "redirectUrl", "GMX"),
    ("deref-web.de", "/", "redirectUrl", "WEB.DE"),
    ("", "/owa/redir.aspx", "URL", "Outlook on the web"),
];

/// Services that count clicks: how the host ends (empty: any), how the path begins, and what they are called.
const COUNTERS: [(&str, &str, &str); 73] = [
    ("list-manage.com", "/track/", "Mailchimp"),
    ("list-manage.com", "/unsubscribe", "Mailchimp"),
    ("list-manage.com", "/profile", "Mailchimp"),
    ("list-manage.com", "/vcard", "Mailchimp"),
    ("mailchimp.com", "/mctx/", "Mailchimp"),
    ("mandrillapp.com", "/track/", "Mandrill"),
    ("", "/ls/click", "SendGrid, or who sends by it"),
    ("", "/wf/click", "SendGrid, or who sends by it"),
    ("", "/wf/unsubscribe", "SendGrid, or who sends by it"),
    ("", "/wf/open", "SendGrid, or who sends by it"),
    ("", "/asm/", "SendGrid, or who sends by it"),
    ("hubspotlinks.com", "/", "HubSpot"),
    ("hubspotstarter.net", "/", "HubSpot"),
    ("hubspotemail.net", "/", "HubSpot"),
    ("", "/e3t/ctc/", "HubSpot"),
    ("", "/e2t/tc/", "HubSpot"),
    ("", "/hs/manage-preferences/", "HubSpot"),
    ("klclick.com", "/", "Klaviyo"),
    ("klclick1.com", "/", "Klaviyo"),
    ("klclick2.com", "/", "Klaviyo"),
    ("klclick3.com", "/", "Klaviyo"),
    ("", "/mk/cl/", "Brevo"),
    ("", "/mk/un/", "Brevo"),
    ("awstrack.me", "/", "Amazon SES"),
    ("", "/lt.php", "ActiveCampaign"),
    ("cmail19.com", "/", "Campaign Monitor"),
    ("cmail20.com", "/", "Campaign Monitor"),
    ("createsend1.com", "/", "Campaign Monitor"),
    ("createsend.com", "/t/", "Campaign Monitor"),
    ("rs6.net", "/", "Constant Contact"),
    ("mjt.lu", "/", "Mailjet"),
    ("mlsend.com", "/link/", "MailerLite"),
    ("mlsend.com", "/unsubscribe/", "MailerLite"),
    ("convertkit-mail.com", "/", "Kit"),
    ("convertkit-mail2.com", "/", "Kit"),
    ("convertkit-mail4.com", "/", "Kit"),
    ("pstmrk.it", "/", "Postmark"),
    ("crsend.com", "/", "CleverReach"),
    ("cleverreach.com", "/c/", "CleverReach"),
    ("emailsys1a.net", "/", "rapidmail"),
    ("substack.com", "/redirect/", "Substack"),
    ("customeriomail.com", "/", "Customer.io"),
    ("kmail-lists.com", "/", "Klaviyo"),
    ("hubspotpreferences.com", "/", "HubSpot"),
    ("updatemyprofile.com", "/", "Campaign Monitor"),
    ("forwardtomyfriend.com", "/", "Campaign Monitor"),
    ("visitor.constantcontact.com", "/do", "Constant Contact"),
    ("visitor.constantcontact.com", "/manage", "Constant Contact"),
    ("activehosted.com", "/proc.php", "ActiveCampaign"),
    ("activehosted.com", "/box.php", "ActiveCampaign"),
    ("sendibt2.com", "/", "Brevo"),
    ("sendibt3.com", "/", "Brevo"),
    ("sendibm1.com", "/", "Brevo"),
    ("sendibm3.com", "/", "Brevo"),
    ("brevo.net", "/un/", "Brevo"),
    ("mailerlite.io", "/preferences", "MailerLite"),
    ("mlsend2.com", "/", "MailerLite"),
    ("stats.sender.net", "/", "Sender"),
    ("kit-mail.com", "/", "Kit"),
    ("kit-mail2.com", "/", "Kit"),
    ("kit-mail3.com", "/", "Kit"),
    ("kit-mail6.com", "/", "Kit"),
    ("emailsys1c.net", "/", "rapidmail"),
    ("emailsys2a.net", "/", "rapidmail"),
    ("exct.net", "/", "Salesforce Marketing Cloud"),
    ("", "/unsub_center.aspx", "Salesforce Marketing Cloud"),
    ("", "/subscription_center.aspx", "Salesforce Marketing Cloud"),
    ("", "/profile_center.aspx", "Salesforce Marketing Cloud"),
    ("", "/u/eJ", "Mailgun"),
    ("", "/c/eJ", "Mailgun"),
    ("maillist-manage.com", "/", "Zoho Campaigns"),
    ("maillist-manage.eu", "/", "Zoho Campaigns"),
    ("getresponse.com", "/unsubscribe", "GetResponse"),
];

/// Pages that show each visitor something else, or nothing: a mailbox, or the desk of a sender.
const OWN: [(&str, &str, &str); 12] = [
    ("mail.google.com", "/", "your mailbox"),
    ("outlook.office.com", "/mail", "your mailbox"),
    ("outlook.office.com", "/owa", "your mailbox"),
    ("outlook.office365.com", "/mail", "your mailbox"),
    ("outlook.office365.com", "/owa", "your mailbox"),
    ("outlook.live.com", "/mail", "your mailbox"),
    ("attachments.office.net", "/", "your mailbox"),
    ("mail.yahoo.com", "/", "your mailbox"),
    ("admin.mailchimp.com", "/", "your account"),
    ("app.hubspot.com", "/", "your account"),
    ("app.brevo.com", "/", "your account"),
    ("my.sendinblue.com", "/", "your account"),
];

/// Parameters by which senders tell people apart.
const PEOPLE: [&str; 35] = [
    "e",
    "em",
    "mail",
    "email",
    "email_address",
    "emailaddress",
    "u",
    "uid",
    "user",
    "userid",
    "user_id",
    "id",
    "sid",
    "sub",
    "subscriber",
    "subscriberid",
    "subscriber_id",
    "subid",
    "contact",
    "contactid",
    "contact_id",
    "r",
    "rid",
    "recipient",
    "recipientid",
    "recipient_id",
    "m",
    "member",
    "person",
    "t",
    "token",
    "key",
    "k",
    "hash",
    "h",
];
/// Parameters in which another service has put the reader of one letter.
const OF_A_READER: [(&str, &str); 6] = [
    ("mc_eid", "Mailchimp"),
    ("_hsenc", "HubSpot"),
    ("_kx", "Klaviyo"),
    ("mkt_tok", "Marketo"),
    ("vero_id", "Vero"),
    ("ml_subscriber", "MailerLite"),
];
/// Characters of hexadecimal digits and dashes in a part of a path that names one person.
const ID_CHARACTERS: usize = 24;
/// The same where letters are among them, which dates and numbers of letters do not have.
const HASH_CHARACTERS: usize = 12;

/// Looks at an address of http or https. `is_way_out`: readers leave by it.
pub(super) fn look(at: usize, url: &str, is_way_out: bool, found: &mut Placing<'_>) {
    let url = url.replace("&amp;", "&");
    let parts = Parts::of(&url);
    let said = wrapped(&parts)
        .or_else(|| counted(&parts, is_way_out))
        .or_else(|| own(&parts))
        .or_else(|| of_one(&parts, is_way_out));
    if let Some((check, says, hint)) = said {
        let slots = ["unsubscribe_url", "token", "email|urlencode"]
            .map(|name| (format!("{{{{ {name} }}}}"), found.syntax.slot(name)));
        let hint = slots.iter().fold(hint, |hint, (braces, slot)| hint.replace(braces, slot));
        found.warn(check, at, says, hint);
    }
}

/// What to write in the place of a way out that is somebody else's.
const OUT: &str = "write {{ unsubscribe_url }}, or put {{ token }} into it: it is each recipient's own";

/// What is said of an address: the check, what is there, and how to mend it.
type Said = (&'static str, String, String);

/// An address in its parts.
struct Parts<'u> {
    url: &'u str,
    /// In lower case.
    host: String,
    /// From its slash on.
    path: &'u str,
    query: &'u str,
}

impl<'u> Parts<'u> {
    fn of(url: &'u str) -> Self {
        let host = host_of(url);
        let behind = url.split_once("://").map_or("", |(_, behind)| behind);
        let path = behind.get(behind.find(['/', '?', '#']).unwrap_or(behind.len())..).unwrap_or_default();
        let front = path.split('#').next().unwrap_or_default();
        let (path, query) = front.split_once('?').unwrap_or((front, ""));
        Self { url, host: host.to_ascii_lowercase(), path: if path.is_empty() { "/" } else { path }, query }
    }

    /// Parameters with their values.
    fn parameters(&self) -> impl Iterator<Item = (&'u str, &'u str)> {
        self.query.split('&').filter_map(|pair| pair.split_once('='))
    }

    fn is_at(&self, host: &str, path: &str) -> bool {
        let is_host = match host.ends_with('.') {
            true => self.host.starts_with(host),
            false => self
                .host
                .strip_suffix(host)
                .is_some_and(|front| front.is_empty() || front.ends_with('.') || host.is_empty()),
        };
        is_host && self.path.get(..path.len()).is_some_and(|front| front.eq_ignore_ascii_case(path))
    }
}

/// An address that somebody has put into one of their own.
fn wrapped(parts: &Parts<'_>) -> Option<Said> {
    if parts.is_at("googleusercontent.com", "/") {
        let (_, inner) = parts.url.split_once('#').filter(|(_, inner)| inner.starts_with("http"))?;
        let says = format!("{} is an address as Gmail wraps it: it may lead nowhere soon", shown(parts.url));
        return Some(("wrapped-link", says, instead(Some(inner))));
    }
    let (_, _, names, who) = WRAPPERS.iter().find(|(host, path, ..)| parts.is_at(host, path))?;
    let value = parts.parameters().find(|(name, _)| names.split(' ').any(|known| known.eq_ignore_ascii_case(name)));
    if !names.is_empty() && value.is_none() {
        return None;
    }
    let inner = match (*who, value) {
        ("Proofpoint", None) => {
            parts.url.split_once("__").and_then(|(_, rest)| Some(rest.split_once("__;")?.0.to_owned()))
        }
        // Its own form of percent-encoding.
        ("Proofpoint", Some((_, value))) => percent_decoded(&value.replace('-', "%").replace('_', "/")),
        ("Cisco", _) => parts.path.rsplit('/').next().and_then(percent_decoded),
        (_, Some((_, value))) => percent_decoded(value),
        (_, None) => None,
    };
    let says = format!(
        "{} is an address as {who} wraps it: who follows it comes by there, or is stopped there",
        shown(parts.url)
    );
    Some(("wrapped-link", says, instead(inner.as_deref())))
}

/// An address by which another sender counts who clicks, for one recipient of theirs.
fn counted(parts: &Parts<'_>, is_way_out: bool) -> Option<Said> {
    let counter = COUNTERS.iter().find(|(host, path, _)| parts.is_at(host, path));
    // A short path may be anybody's.
    let is_theirs = |host: &str, path: &str| {
        !host.is_empty()
            || !parts.query.is_empty()
            || path.matches('/').count() > 2
            || path.ends_with("/eJ") && parts.path.len() >= ID_CHARACTERS
    };
    let counter = counter.filter(|(host, path, _)| is_theirs(host, path));
    let who = match counter {
        Some((_, _, who)) => who,
        // A page that Mailchimp shows for one reader.
        None if ["campaign-archive.com", "mailchi.mp"].iter().any(|host| parts.is_at(host, "/")) => {
            parts.parameters().find(|(name, value)| *name == "e" && is_somebody(value))?;
            "Mailchimp"
        }
        None => {
            let (name, who) = OF_A_READER
                .iter()
                .find(|(name, _)| parts.parameters().any(|(one, value)| one == *name && is_fixed(value)))?;
            let says = format!(
                "{} has `{name}` in it, by which {who} knows one reader of a letter: each of yours is taken for that one",
                shown(parts.url)
            );
            return Some(("tracking-link", says, "take that parameter out of it".to_owned()));
        }
    };
    if !is_fixed(parts.url) {
        return None;
    }
    let leaves = is_way_out
        || ["unsub", "/un/", "/asm/", "preferences", "optout", "/u/eJ"].iter().any(|word| parts.url.contains(word));
    if leaves {
        let says = format!(
            "the way out {} is one of {who}, for one recipient of a letter there: by it nobody leaves this list",
            shown(parts.url)
        );
        return Some((
            "way-out-of-one",
            says,
            "write {{ unsubscribe_url }} in its place: it is each recipient's own".to_owned(),
        ));
    }
    // Amazon's has the address in it.
    let inner = parts.url.split_once("/L0/").and_then(|(_, rest)| percent_decoded(rest.split('/').next()?));
    let says = format!(
        "{} counts clicks of one recipient of another letter, for {who}: it was copied from that",
        shown(parts.url)
    );
    Some(("tracking-link", says, instead(inner.as_deref())))
}

fn own(parts: &Parts<'_>) -> Option<Said> {
    let (_, _, what) = OWN.iter().find(|(host, path, _)| parts.is_at(host, path))?;
    let says = format!("{} leads to {what}: nobody else sees what you see there", shown(parts.url));
    Some(("local-link", says, "write an address that everybody reaches".to_owned()))
}

/// An address with one person in it.
fn of_one(parts: &Parts<'_>, is_way_out: bool) -> Option<Said> {
    let named = parts.parameters().find(|(_, value)| is_address(value));
    if !is_way_out {
        let (name, _) = named.filter(|(name, _)| PEOPLE.contains(&name.to_ascii_lowercase().as_str()))?;
        let says = format!(
            "{} has an address in it (`{name}`) that is the same in each letter: all readers are taken for that one",
            shown(parts.url)
        );
        return Some(("one-person-link", says, format!("write {name}={{{{ email|urlencode }}}}, or take it out")));
    }
    let way = shown(parts.url);
    if let Some((name, _)) = named {
        let says = format!(
            "the way out {way} is the same in each letter, with one address in it (`{name}`): whoever follows it unsubscribes that one"
        );
        return Some(("way-out-of-one", says, OUT.to_owned()));
    }
    // What a row tells is each person's own.
    if !is_fixed(parts.url) {
        return None;
    }
    let is_theirs = |name: &str| PEOPLE.contains(&name.to_ascii_lowercase().as_str());
    let id = parts.parameters().find(|(name, value)| is_theirs(name) && is_somebody(value));
    let id = id.map(|(name, value)| format!("{name}={}", short(value)));
    let id = id.or_else(|| parts.path.split('/').find(|part| is_long_id(part) || is_address(part)).map(short))?;
    let says = format!(
        "the way out {way} is the same in each letter, and `{id}` in it looks like one person's: whoever follows it would unsubscribe \
         that one"
    );
    Some(("one-person-link", says, OUT.to_owned()))
}

fn short(value: &str) -> String {
    const CHARACTERS: usize = 24;
    let cut: String = value.chars().take(CHARACTERS).collect();
    if cut.len() < value.len() { format!("{cut}…") } else { cut }
}

/// What to write in the place of an address, where that is known.
fn instead(inner: Option<&str>) -> String {
    let known = inner.filter(|inner| {
        let lower = inner.to_ascii_lowercase();
        (lower.starts_with("https://") || lower.starts_with("http://"))
            && is_fixed(inner)
            && !inner.chars().any(|c| c.is_whitespace() || c.is_control())
    });
    match known {
        Some(inner) if inner.chars().count() <= SHOWN_CHARACTERS => format!("write {}", shown(inner)),
        Some(inner) => format!("write the address in it, which begins with {}", shown(inner)),
        None => "open it, and write the address that it leads to".to_owned(),
    }
}

/// Whether no row has a say in it.
fn is_fixed(text: &str) -> bool {
    !text.contains([char::from(VALUE), char::from(CODE)])
}

/// Whether a value of a parameter may name somebody.
fn is_somebody(value: &str) -> bool {
    is_fixed(value) && value.bytes().any(|b| b.is_ascii_digit()) && !value.bytes().all(|b| b == b'0')
}

/// Whether a part of a path is of the kind that programs number people with.
fn is_long_id(part: &str) -> bool {
    let is_of = |b: u8| b.is_ascii_hexdigit() || b == b'-';
    let has = |is: fn(&u8) -> bool| part.as_bytes().iter().any(is);
    let least = if has(u8::is_ascii_alphabetic) { HASH_CHARACTERS } else { ID_CHARACTERS };
    part.len() >= least && part.bytes().all(is_of) && has(u8::is_ascii_digit)
}

fn is_address(value: &str) -> bool {
    let Some(value) = percent_decoded(value).filter(|value| is_fixed(value) && value.contains('@')) else {
        return false;
    };
    Mailbox::parse(value.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::Found;
    use super::*;
    use crate::content::error::Place;
    use crate::content::syntax::Syntax;

    fn told(url: &str, is_way_out: bool) -> Option<(&'static str, String, String)> {
        let mut found = Found { columns: &[], syntax: Syntax::Jinja, remarks: Vec::new() };
        look(0, url, is_way_out, &mut found.at(&Place::File("t".into()), url));
        assert!(found.remarks.len() < 2, "{url}");
        found.remarks.pop().map(|remark| (remark.check, remark.says, remark.hint))
    }

    #[test]
    fn what_others_wrap_addresses_in_is_told_with_the_address() {
        for (url, who, hint) in [
            (
                "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Facme.example%2Fa%3Fb%3D1&amp;data=05%7C01%7Cme%40acme.example",
                "Outlook",
                "write `https://acme.example/a?b=1`",
            ),
            (
                "https://www.google.com/url?sa=t&amp;q=https://acme.example/&amp;usg=x",
                "Google",
                "write `https://acme.example/`",
            ),
            ("https://www.google.de/url?url=https://acme.example/", "Google", "write `https://acme.example/`"),
            (
                "https://l.facebook.com/l.php?u=https%3A%2F%2Facme.example%2F&h=AT0",
                "Facebook",
                "write `https://acme.example/`",
            ),
            (
                "https://urldefense.com/v3/__https://acme.example/x__;!!abc",
                "Proofpoint",
                "write `https://acme.example/x`",
            ),
            (
                "https://urldefense.proofpoint.com/v2/url?u=https-3A__acme.example_x&d=DwM",
                "Proofpoint",
                "write `https://acme.example/x`",
            ),
            ("https://secure-web.cisco.com/1abc/https%3A%2F%2Facme.example", "Cisco", "write `https://acme.example`"),
            ("https://protect-eu.mimecast.com/s/abc", "Mimecast", "open it"),
            (
                "https://ci3.googleusercontent.com/meips/abc=s0-d-e1-ft#https://acme.example/a.png",
                "Gmail",
                "write `https://acme.example/a.png`",
            ),
            (
                "https://mail.acme.example/owa/redir.aspx?C=x&URL=https%3A%2F%2Facme.example",
                "Outlook on the web",
                "write `https://acme.example`",
            ),
        ] {
            let (check, says, mend) = told(url, false).unwrap_or_else(|| panic!("{url}"));
            assert!(check == "wrapped-link" && says.contains(who) && mend.starts_with(hint), "{url}: {says} ({mend})");
        }
        for url in [
            "https://www.google.com/maps?q=Acme",
            "https://google.acme.example/",
            "https://www.facebook.com/acme",
            "https://www.google.com/url",
        ] {
            assert_eq!(told(url, false), None, "{url}");
        }
    }

    #[test]
    fn counters_of_another_letter_are_told() {
        for (url, who) in [
            ("https://acme.us1.list-manage.com/track/click?u=1&id=2&e=3", "Mailchimp"),
            ("https://u123.ct.sendgrid.net/ls/click?upn=abc", "SendGrid"),
            ("https://links.acme.example/ls/click?upn=u001.abc", "SendGrid"),
            ("https://d2v8.eu1.hubspotlinks.com/Ctc/2E+113/x", "HubSpot"),
            ("https://mailchi.mp/acme/spring?e=0a1b2c3d4e", "Mailchimp"),
            ("https://acme.example/?mc_cid=1&mc_eid=0a1b2c", "Mailchimp"),
            ("https://acme.example/?utm_source=a&_hsenc=p2ANqtz", "HubSpot"),
            ("https://trk.klclick.com/ls/click?upn=x", "SendGrid"),
            ("https://abc.r.eu-central-1.awstrack.me/L0/https:%2F%2Facme.example%2Fx/1/0102/abc=1", "Amazon SES"),
        ] {
            let (check, says, _) = told(url, false).unwrap_or_else(|| panic!("{url}"));
            assert!(check == "tracking-link" && says.contains(who), "{url}: {check} {says}");
        }
        let (.., hint) =
            told("https://x.r.eu-central-1.awstrack.me/L0/https:%2F%2Facme.example%2Fx/1/0102/abc=1", false).unwrap();
        assert_eq!(hint, "write `https://acme.example/x`");
        for url in [
            "https://acme.us1.list-manage.com/subscribe?u=1&id=2",
            "https://mailchi.mp/acme/spring",
            "https://us1.campaign-archive.com/?u=0a1b2c&id=3d4e5f",
            "https://acme.example/e2e/tests",
            "https://acme.example/?e=5",
            "https://acme.example/ls/click/\u{1}",
        ] {
            assert_eq!(told(url, false), None, "{url}");
        }
    }

    #[test]
    fn a_hint_has_tags_as_the_campaign_writes_them() {
        let mut found = Found { columns: &[], syntax: Syntax::Brackets, remarks: Vec::new() };
        let url = "https://acme.example/unsubscribe?email=me@acme.example";
        look(0, url, true, &mut found.at(&Place::File("t".into()), url));
        assert!(
            found.remarks[0].hint.starts_with("write [[ unsubscribe_url ]], or put [[ token ]]"),
            "{:?}",
            found.remarks
        );
    }

    #[test]
    fn a_way_out_that_is_one_person_s_is_told_and_one_for_all_or_each_is_not() {
        for (url, check) in [
            ("https://acme.example/unsubscribe?u=1&amp;e=3", "one-person-link"),
            ("https://acme.example/unsubscribe/6f9619ff-8b86-d011-b42d-00cf4fc964ff", "one-person-link"),
            ("https://acme.example/out/me@acme.example", "one-person-link"),
            ("https://acme.example/unsubscribe?email=me@acme.example", "way-out-of-one"),
            ("https://acme.example/unsubscribe?list=3&address=me%40acme.example", "way-out-of-one"),
            ("https://acme.us1.list-manage.com/unsubscribe?u=1&id=2&e=3", "way-out-of-one"),
            ("https://manage.kmail-lists.com/subscriptions/unsubscribe?a=X&c=Y", "way-out-of-one"),
            ("https://acme.activehosted.com/proc.php?nl=1&c=2&act=unsub", "way-out-of-one"),
            ("https://eu1.hubspotpreferences.com/en/manage/unsubscribe?d=x", "way-out-of-one"),
            ("https://visitor.constantcontact.com/do?p=un&m=001", "way-out-of-one"),
            ("https://cl.s7.exct.net/unsub_center.aspx?qs=1", "way-out-of-one"),
            ("https://news.acme.example/unsub_center.aspx?qs=1", "way-out-of-one"),
            ("https://email.mg.acme.example/u/eJwVyjEOgCAMAMDXwEjaUqAdGPyKQYxE0cRo", "way-out-of-one"),
            ("https://preview.mailerlite.io/preferences/123/456", "way-out-of-one"),
            ("https://acme.example/email/unsubscribe/5f3e2a1b9c8d7", "one-person-link"),
            ("https://acme.example/subscription/ab12cd34-5678-9012-3456-789012345678/x", "one-person-link"),
            ("https://u1.ct.sendgrid.net/asm/unsubscribe/?user_id=1&data=x", "way-out-of-one"),
        ] {
            let said = told(url, true);
            assert!(said.as_ref().is_some_and(|(known, ..)| *known == check), "{url}: {said:?}");
        }
        for url in [
            "https://acme.example/unsubscribe",
            "https://acme.example/unsubscribe?list=3&lang=de",
            "https://acme.example/unsubscribe?u=1&e=\u{1}",
            "https://acme.example/u/\u{1}\u{1}?list=news",
            "https://acme.example/unsubscribe?utm_source=mail&amp;utm_id=2026",
            "https://acme.example/privacy#unsubscribe",
            "https://acme.example/unsubscribe/20261130120000",
            "https://acme.example/u/eJx",
            "https://lp.constantcontactpages.com/x",
        ] {
            assert_eq!(told(url, true), None, "{url}");
        }
        assert!(
            told("https://acme.example/survey?email=me@acme.example", false)
                .is_some_and(|(check, ..)| check == "one-person-link")
        );
        assert_eq!(told("https://acme.example/write?to=help@acme.example", false), None);
        assert!(
            told("https://mail.google.com/mail/u/0/#inbox/x", false).is_some_and(|(check, ..)| check == "local-link")
        );
    }
}
