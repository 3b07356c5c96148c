//! The words by which lists say that somebody shall get nothing: what such columns are called, and what stands in them.
//!
//! Guarantees: case, accents, and what stands between words change nothing. Leaves to others: counting and telling
//! (`standing`).

use crate::content::truth_of;

/// What a column says by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Where somebody stands, in words: `status`.
    Words,
    /// Whether somebody wants mail: a no speaks against it.
    Consent,
    /// Whether, or when, or why somebody left: whatever stands there but a no speaks against it.
    Against,
    /// Nothing: only words that have one sense speak against it.
    Any,
}

/// What columns of words are called, without blanks.
const WORDS_IN: [&str; 21] = [
    "status",
    "state",
    "statut",
    "stato",
    "estado",
    "zustand",
    "emailstatus",
    "memberstatus",
    "subscriptionstatus",
    "subscriberstatus",
    "contactstatus",
    "mailstatus",
    "newsletterstatus",
    "marketingstatus",
    "marketingcontactstatus",
    "emailmarketingstatus",
    "subscription",
    "optinstatus",
    "consentstatus",
    "deliverability",
    "validity",
];
const CHECKED: [&str; 4] = ["email validation", "email verification", "mail validation", "validation status"];
/// What they say of people who shall get nothing.
const WORDS: [&str; 36] = [
    "blocklisted",
    "blacklisted",
    "blocked",
    "unsubscribe",
    "cleaned",
    "bounced",
    "bounce",
    "hard bounce",
    "hardbounce",
    "hard bounced",
    "soft bounce",
    "complained",
    "complaint",
    "spam",
    "spamtrap",
    "abuse",
    "disabled",
    "inactive",
    "optout",
    "opt out",
    "suppressed",
    "deleted",
    "invalid",
    "undeliverable",
    "do not mail",
    "non subscribed",
    "nonsubscribed",
    "not subscribed",
    "archived",
    "non marketing contact",
    "unconfirmed",
    "not confirmed",
    "gesperrt",
    "inaktiv",
    "ungultig",
    "baja",
];
/// What says so in whichever column it stands.
const ANYWHERE: [&str; 27] = [
    "unsubscribed",
    "opted out",
    "abgemeldet",
    "desabonne",
    "desabonnee",
    "desinscrit",
    "desinscrite",
    "dado de baja",
    "dada de baja",
    "disiscritto",
    "disiscritta",
    "uitgeschreven",
    "afgemeld",
    "avregistrerad",
    "avmeldt",
    "afmeldt",
    "wypisany",
    "wypisana",
    "odhlasen",
    "odhlaseny",
    "descadastrado",
    "leiratkozott",
    "dezabonat",
    "отписан",
    "отписался",
    "配信停止",
    "退订",
];
/// Octets of such words, before accents are taken off.
const ANYWHERE_OCTETS: std::ops::RangeInclusive<usize> = 6..=40;
/// Names, without blanks, of columns that say whether, when or why somebody left.
const AGAINST_IN: [&str; 18] = [
    "optout",
    "emailoptout",
    "hasoptedoutofemail",
    "isunsubscribed",
    "unsubscribedat",
    "unsubtime",
    "isbounced",
    "bounce",
    "bouncedat",
    "hardbounced",
    "donotemail",
    "donotcontact",
    "deleted",
    "deletedat",
    "isdeleted",
    "geloscht",
    "cleantime",
    "baja",
];
/// Words that such names hold.
const AGAINST: [&str; 58] = [
    "opt out",
    "optout",
    "opted out",
    "optedout",
    "unsubscribed",
    "unsubscribe date",
    "unsubscribe time",
    "unsubscribe reason",
    "not subscribed",
    "bounced",
    "hard bounce",
    "hardbounce",
    "bounce reason",
    "bounce date",
    "bounce time",
    "blocked",
    "blocklisted",
    "blacklisted",
    "suppressed",
    "complained",
    "spam complaint",
    "deceased",
    "date of death",
    "do not email",
    "do not contact",
    "no email",
    "no emails",
    "no marketing",
    "no newsletter",
    "clean time",
    "cleaned",
    "email invalid",
    "invalid email",
    "abgemeldet",
    "abmeldung",
    "abmeldedatum",
    "ausgetragen",
    "gesperrt",
    "sperre",
    "sperrvermerk",
    "werbesperre",
    "mailsperre",
    "newslettersperre",
    "widerruf",
    "widerrufen",
    "verstorben",
    "kein newsletter",
    "keine werbung",
    "desabonne",
    "desabonnement",
    "desinscrit",
    "desinscription",
    "decede",
    "fallecido",
    "disiscritto",
    "deceduto",
    "uitgeschreven",
    "afgemeld",
];
/// Names, without blanks, of columns that say whether somebody wants mail.
const CONSENT_IN: [&str; 23] = [
    "newsletter",
    "newsletters",
    "newslettersubscription",
    "newsletterabo",
    "newsletteranmeldung",
    "newsletteroptin",
    "infolettre",
    "mailing",
    "mailings",
    "mailinglist",
    "marketing",
    "emailmarketing",
    "emailsubscription",
    "emailoptin",
    "marketingoptin",
    "emailconsent",
    "marketingconsent",
    "acceptsmarketing",
    "issubscribed",
    "optedin",
    "gdpr",
    "dsgvo",
    "rgpd",
];
/// Words that such names hold.
const CONSENT: [&str; 41] = [
    "opt in",
    "optin",
    "opted in",
    "doi",
    "consent",
    "consents",
    "subscribed",
    "subscriber",
    "permission",
    "accepts marketing",
    "accepts email",
    "accepts emails",
    "accept marketing",
    "accepted marketing",
    "accepts newsletter",
    "accept newsletter",
    "receive newsletter",
    "receives newsletter",
    "wants newsletter",
    "receive emails",
    "email allowed",
    "allow email",
    "allow emails",
    "can email",
    "mailable",
    "emailable",
    "contactable",
    "marketable",
    "email valid",
    "valid email",
    "einwilligung",
    "zustimmung",
    "abonniert",
    "angemeldet",
    "consentement",
    "abonne",
    "consentimiento",
    "consenso",
    "toestemming",
    "zgoda",
    "согласие",
];
/// What says no beside the words that [`truth_of`] knows.
const NO: [&str; 3] = ["f", "never", "いいえ"];
/// What such a column says, beside no, of people who want none.
const REFUSED: [&str; 13] = [
    "denied",
    "declined",
    "refused",
    "rejected",
    "withdrawn",
    "revoked",
    "pending",
    "not given",
    "not granted",
    "abgelehnt",
    "verweigert",
    "widerrufen",
    "ausstehend",
];
/// What a column of leaving says, beside no, of people who have not left.
const NOT_LEFT: [&str; 8] = ["0 0", "null", "none", "nan", "n a", "subscribed", "active", "ok"];
/// How dates begin that stand for none.
const NO_DATE: &str = "0000 00 00";
/// Names of what is counted, or of what leads somewhere.
const MEASURES: [&str; 18] = [
    "count", "counts", "number", "total", "rate", "score", "item", "items", "url", "link", "token", "key", "hash",
    "code", "id", "ip", "version", "language",
];
/// Names of what tells when.
const TIMES: [&str; 8] = ["at", "on", "date", "time", "since", "am", "datum", "le"];
/// Ways to reach people that are not mail, and what else people consent to.
const ELSEWHERE: [&str; 17] = [
    "sms",
    "mms",
    "phone",
    "mobile",
    "call",
    "calls",
    "telefon",
    "telephone",
    "fax",
    "whatsapp",
    "push",
    "post",
    "postal",
    "cookie",
    "cookies",
    "photo",
    "terms",
];
const OF_MAIL: [&str; 5] = ["email", "emails", "mail", "newsletter", "e mail"];

/// What a column says by its name.
#[must_use]
pub fn kind_of(column: &str) -> Kind {
    let words = normal(&parted(column));
    let (plain, words) = (words.replace(' ', ""), format!(" {words} "));
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(&format!(" {phrase} ")));
    if has(&MEASURES) || has(&ELSEWHERE) && !has(&OF_MAIL) {
        return Kind::Any;
    }
    let is = |names: &[&str]| names.contains(&plain.as_str());
    if is(&WORDS_IN) || has(&CHECKED) {
        return Kind::Words;
    }
    if is(&AGAINST_IN) || has(&AGAINST) && !has(&["soft"]) {
        return Kind::Against;
    }
    let accepts = has(&["accepts", "accept", "accepted"]) && has(&["marketing", "newsletter"]);
    match is(&CONSENT_IN) || (has(&CONSENT) || accepts) && !has(&TIMES) {
        true => Kind::Consent,
        false => Kind::Any,
    }
}

/// Whether what stands in such a column says that somebody shall get nothing.
#[must_use]
pub fn speaks_against(kind: Kind, cell: &str) -> bool {
    if kind == Kind::Any && !ANYWHERE_OCTETS.contains(&cell.len()) {
        return false;
    }
    let word = normal(cell);
    let is_in = |words: &[&str]| words.contains(&word.as_str());
    let says_so = is_in(&ANYWHERE);
    let says_no = || truth_of(cell.trim_start_matches('\0')) == Some(false) || is_in(&NO);
    match kind {
        Kind::Any => says_so,
        Kind::Words => says_so || is_in(&WORDS),
        Kind::Consent => says_so || is_in(&WORDS) || is_in(&REFUSED) || says_no(),
        // A link is where people leave, and says of nobody that they did.
        Kind::Against => {
            let stays = is_in(&NOT_LEFT) || word.starts_with(NO_DATE) || word.starts_with("http") || says_no();
            !word.is_empty() && !stays
        }
    }
}

/// A name with its words apart where only a capital tells them: `emailOptIn`.
fn parted(name: &str) -> String {
    let mut parted = String::with_capacity(name.len() + 4);
    let mut was_small = false;
    for c in name.chars() {
        if was_small && c.is_uppercase() {
            parted.push(' ');
        }
        was_small = c.is_lowercase();
        parted.push(c);
    }
    parted
}

/// The words of a text in small letters without accents, one blank between them.
fn normal(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            '\u{300}'..='\u{36f}' => {}
            c if c.is_alphanumeric() => normal.push(bare(c)),
            _ if normal.is_empty() || normal.ends_with(' ') => {}
            _ => normal.push(' '),
        }
    }
    normal.truncate(normal.trim_end().len());
    normal
}

/// A letter without its accent.
const fn bare(c: char) -> char {
    match c {
        'à'..='å' | 'ą' => 'a',
        'ç' | 'č' | 'ć' => 'c',
        'è'..='ë' | 'ě' | 'ę' => 'e',
        'ì'..='ï' => 'i',
        'ł' => 'l',
        'ñ' | 'ń' => 'n',
        'ò'..='ö' | 'ø' | 'ő' => 'o',
        'ř' => 'r',
        'š' | 'ś' => 's',
        'ù'..='ü' | 'ů' | 'ű' => 'u',
        'ý' => 'y',
        'ž' | 'ż' | 'ź' => 'z',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_cells_together_say_who_shall_get_nothing() {
        for (column, cells) in [
            ("status", "blocklisted Unsubscribed cleaned desabonné disiscritto"),
            ("State", "unconfirmed inactive"),
            ("Statut", "désabonné D\u{e9}sinscrite DE\u{301}SABONNE\u{301}"),
            ("Newsletter-Status", "abgemeldet gesperrt ungültig"),
            ("Email validation", "invalid undeliverable"),
            ("Marketing contact status", "Non-marketing_contact"),
            ("Accepts Email Marketing", "no"),
            ("accepts_marketing", "false \0false 0"),
            ("Email Marketing Consent", "unsubscribed NOT_SUBSCRIBED"),
            ("Newsletter Subscription", "unsubscribed no"),
            ("Newsletter", "unsubscribed no nein"),
            ("subscribed", "0 No"),
            ("Email Optin", "N"),
            ("emailOptIn", "false"),
            ("email_opt_in", "false"),
            ("Opt-in", "no opted-out"),
            ("opted_in", "0"),
            ("email_consent", "denied withdrawn"),
            ("Consent", "N"),
            ("Double opt-in", "pending"),
            ("Einwilligung", "Nein"),
            ("Email & SMS consent", "no"),
            ("Unsubscribed from all email", "true yes"),
            ("Email Opt Out", "1 x"),
            ("HasOptedOutOfEmail", "TRUE"),
            ("opted_out", "yes \0true"),
            ("unsubscribed_at", "2026-01-02"),
            ("Hard bounce reason", "Mailbox"),
            ("Deceased", "yes"),
            ("CLEAN_TIME", "2026-01-02"),
            ("Abgemeldet", "ja"),
            ("Abgemeldet am", "02.01.2026"),
            ("Gesperrt", "x"),
            ("Désabonné", "oui"),
            ("Notes", "unsubscribed Abgemeldet uitgeschreven 退订"),
        ] {
            for cell in cells.split(' ') {
                assert!(speaks_against(kind_of(column), cell), "{column}: {cell}");
            }
        }
    }

    #[test]
    fn what_only_looks_like_it_says_nothing() {
        for (column, cells) in [
            ("status", "enabled subscribed Gold no 0"),
            ("State", "California CA NY"),
            ("order_status", "cleaned cancelled archived"),
            ("Newsletter", "weekly yes ja"),
            ("Newsletter clicks", "0"),
            ("last_no", "no 0 n"),
            ("Notes", "no spam blocked bounced"),
            ("city", "spam Nein"),
            ("Subscription", "no active"),
            ("Accepts SMS Marketing", "no false"),
            ("Phone consent", "no"),
            ("OPTIN_TIME", "2026-01-02 0"),
            ("Opt-in count", "0"),
            ("subscribed", "1 yes true"),
            ("Consent", "granted yes 2026-01-02"),
            ("Email Opt Out", "0 FALSE no N - null"),
            ("unsubscribed_at", "0000-00-00 0000-00-00T00:00:00 NULL"),
            ("unsubscribe_url", "https://a.example/u"),
            ("unsubscribe", "https://a.example/u x"),
            ("Unsubscribed", "https://a.example/u non nein"),
            ("Soft bounced", "yes"),
            ("Deleted items", "1 3"),
            ("Adopting", "no"),
            ("Option", "no"),
        ] {
            for cell in cells.split(' ').chain([""]) {
                assert!(!speaks_against(kind_of(column), cell), "{column}: {cell}");
            }
        }
    }
}
