//! The words by which lists say that somebody shall get nothing: what such columns are called, and what stands in them.
//!
//! Guarantees: case, accents, and what stands between words change nothing. Leaves to others: counting and telling
//! (`standing`).

mod words;

use crate::content::truth_of;
use words::{
    AGAINST, AGAINST_ALONE, AGAINST_IN, ANYWHERE, ANYWHERE_OCTETS, BESIDE, CHECKED, CONSENT, CONSENT_IN, ELSEWHERE,
    MEASURES, NO, NO_DATE, NOT_LEFT, OF_MAIL, OF_PEOPLE, REFUSED, TIMES, WORDS, WORDS_IN,
};

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

/// What a column says by its name.
#[must_use]
pub fn kind_of(column: &str) -> Kind {
    let words = normal(&parted(column));
    let (plain, words) = (words.replace(' ', ""), format!(" {words} "));
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(&format!(" {phrase} ")));
    if has(&MEASURES) || has(&BESIDE) || has(&ELSEWHERE) && !has(&OF_MAIL) {
        return Kind::Any;
    }
    let is = |names: &[&str]| names.contains(&plain.as_str());
    if is(&WORDS_IN) || has(&CHECKED) {
        return Kind::Words;
    }
    // One such word is enough, where the others are about people.
    let is_alone = |word: &str| AGAINST_ALONE.contains(&word);
    let alone = words.split_whitespace().any(is_alone)
        && words.split_whitespace().all(|w| is_alone(w) || OF_PEOPLE.contains(&w));
    if is(&AGAINST_IN) || (has(&AGAINST) || alone) && !has(&["soft"]) {
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
            // As other services export them.
            ("Email Marketing Consent", "NEVER_SUBSCRIBED UNSUBSCRIBED NO_CONSENT"),
            ("Email Suppressions", "['USER_SUPPRESSED'] HARD_BOUNCE"),
            ("EMAIL_BLOCKLISTED", "true 1"),
            ("deactivated", "1732960000 2026-01-02"),
            ("active", "0 false inactive"),
            ("Subscriber status", "junk unsubscribed bounced"),
            ("email_marketing_state", "not_subscribed pending redacted invalid"),
            ("mailpoet_status", "unconfirmed inactive"),
            ("HasOptedOutOfEmail", "1 true TRUE"),
            ("EmailBouncedDate", "2026-01-02T00:00:00Z"),
            ("Email Bounced Reason", "550"),
            ("DateUnsubscribed", "2026-01-02"),
            ("Status", "Held Bounced Cleaned Opted-Out Do-not-mail Junk SoftBounced Suppressed never_subscribed"),
            ("Unsubscribed Time", "2026-01-02"),
            ("Email permission status", "pending_confirmation unsubscribed temp_hold"),
            ("Opt-out Date", "2026-01-02"),
            ("Opted out of email: Marketing Information", "true Yes"),
            ("UNSUB_REASON", "spam"),
            ("Unsub", "1"),
            ("IsExcludedFromCampaigns", "true"),
            ("IsOptInPending", "true"),
            ("Unsubscribed from emails", "true"),
            ("Has hard bounced", "true"),
            ("Marked email as spam", "true"),
            ("email_disabled", "true"),
            ("is_blacklisted", "True"),
            ("dnc", "1"),
            ("Email subscriber status", "Never_subscribed Unsubscribed"),
            ("email_subscribe", "unsubscribed"),
            ("emailStatus", "nonSubscribed"),
            ("Consent", "none keine"),
            ("Sottoscritto", "No"),
            ("Iscritto", "no"),
            ("Inscrit", "non"),
            ("Kontakt erlaubt", "nein"),
            ("Newsletter gewünscht", "Nein ✗ ☐"),
            ("OK to email", "No"),
            ("Acepta marketing", "no"),
            ("Contact blocked", "yes"),
            ("Blocked at", "2026-01-02"),
            ("E-Mail gesperrt seit", "2026-01-02"),
            ("Bounced", "x"),
            ("status", "inactif bloccato"),
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
            // As other services export who wants mail.
            ("Email Marketing Consent", "SUBSCRIBED"),
            ("Email Suppressions", "[]"),
            ("SMS Marketing Consent", "NEVER_SUBSCRIBED no"),
            ("deactivated", "0"),
            ("active", "1 true yes active"),
            ("activated", "1732960000 0"),
            ("Subscriber status", "active"),
            ("Consent to track", "No Unchanged"),
            ("Tracking consent", "no"),
            ("Email tracking consent", "no"),
            ("email_marketing_state", "subscribed"),
            ("HasOptedOutOfEmail", "0 false"),
            ("DoNotCall", "1 true"),
            ("Status", "Active Confirmed subscribed Enabled"),
            ("Email permission status", "implicit explicit express"),
            ("Opt-in source", "website form"),
            ("OptInType", "Single Double"),
            ("Unsub", "0 false"),
            ("IsOptInPending", "false"),
            ("UNSUB_REASON", ""),
            ("Marketing emails bounced", "0"),
            ("email_disabled", "false"),
            ("is_blacklisted", "False"),
            ("Inactive since", ""),
            ("Adopting", "no"),
            ("Blocked seats", "12 A4 yes"),
            ("Blocked dates", "2026-01-02"),
            ("Rooms cleaned", "3 yes"),
            ("Bounced cheques", "1"),
            ("Widerruf möglich bis", "2026-01-02"),
            ("Iscritto all'albo", "no"),
            ("Parental consent", "no"),
            ("Parking permission", "no"),
            ("Kontakt erlaubt", "ja"),
            ("Telefonkontakt", "nein"),
            ("Blocked", "F ✗ いいえ"),
            ("Option", "no"),
        ] {
            for cell in cells.split(' ').chain([""]) {
                assert!(!speaks_against(kind_of(column), cell), "{column}: {cell}");
            }
        }
    }
}
