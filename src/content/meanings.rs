//! What other engines call the columns that most lists have.
//!
//! Leaves to others: how their tags look (`lint`, `convert`).

use super::names;

/// Names that tags of other engines have where the list may call the column otherwise.
const KNOWN: [(&str, &str); 63] = [
    ("first", "first_name"),
    ("last", "last_name"),
    ("fname", "first_name"),
    ("firstname", "first_name"),
    ("first_name", "first_name"),
    ("givenname", "first_name"),
    ("given_name", "first_name"),
    ("vorname", "first_name"),
    ("prenom", "first_name"),
    ("lname", "last_name"),
    ("lastname", "last_name"),
    ("last_name", "last_name"),
    ("surname", "last_name"),
    ("family_name", "last_name"),
    ("nachname", "last_name"),
    ("name", "name"),
    ("fullname", "name"),
    ("full_name", "name"),
    ("email", "email"),
    ("emailaddr", "email"),
    ("emailaddress", "email"),
    ("email_address", "email"),
    ("unsub", "unsubscribe_url"),
    ("unsubscribe", "unsubscribe_url"),
    ("unsubscribe_url", "unsubscribe_url"),
    ("unsubscribeurl", "unsubscribe_url"),
    ("unsubscribe_link", "unsubscribe_url"),
    ("unsubscribelink", "unsubscribe_url"),
    ("unsubscription_url", "unsubscribe_url"),
    ("unsub_center_url", "unsubscribe_url"),
    ("asm_group_unsubscribe_raw_url", "unsubscribe_url"),
    ("unsub_link", "unsubscribe_url"),
    ("unsub_url", "unsubscribe_url"),
    ("unsublink", "unsubscribe_url"),
    ("unsuburl", "unsubscribe_url"),
    ("unsubscribe_link_all", "unsubscribe_url"),
    ("unsubscribe_all", "unsubscribe_url"),
    ("unsubscribe_section", "unsubscribe_url"),
    ("tag_unsubscribe_url", "unsubscribe_url"),
    ("mailing_list_unsubscribe_url", "unsubscribe_url"),
    ("asm_global_unsubscribe_raw_url", "unsubscribe_url"),
    ("asm_group_unsubscribe_url", "unsubscribe_url"),
    ("asm_global_unsubscribe_url", "unsubscribe_url"),
    ("remove_web", "unsubscribe_url"),
    ("remove_link", "unsubscribe_url"),
    ("amazonsesunsubscribeurl", "unsubscribe_url"),
    ("opt_out_link", "unsubscribe_url"),
    ("opt_out_url", "unsubscribe_url"),
    ("optout_link", "unsubscribe_url"),
    ("optout_url", "unsubscribe_url"),
    ("optoutlink", "unsubscribe_url"),
    ("optouturl", "unsubscribe_url"),
    ("abmeldelink", "unsubscribe_url"),
    ("abmelde_link", "unsubscribe_url"),
    ("abmeldeurl", "unsubscribe_url"),
    ("abmelde_url", "unsubscribe_url"),
    ("unsubscribe_here", "unsubscribe_url"),
    ("one_click_unsubscribe", "unsubscribe_url"),
    ("list_unsubscribe", "unsubscribe_url"),
    ("global_unsubscribe", "unsubscribe_url"),
    ("unsubscribe_text", "unsubscribe_url"),
    ("company", "company"),
    ("city", "city"),
];

/// Built-in values that other engines have names of their own for.
const BUILT_IN: [&str; 2] = ["email", "unsubscribe_url"];

/// What other services put pages and texts of their own behind, and what to do instead.
const SERVED: [(&str, &[&str]); 4] = [
    (
        "link to a page of your own, or take it out",
        &[
            "update_profile",
            "update_profile_url",
            "update_profile_link",
            "updatelink",
            "update_link",
            "preferences",
            "preferences_url",
            "preferences_link",
            "preference_center",
            "preference_center_url",
            "manage_preferences",
            "manage_preferences_link",
            "unsubscribe_preferences",
            "asm_preferences_raw_url",
            "asm_preferences_url",
            "profile_center_url",
            "subscription_center_url",
            "manage_subscriptions",
            "optinurl",
        ],
    ),
    (
        "there is no page of the letter on the web: take the link out",
        &[
            "mirror",
            "webcopy",
            "web_version",
            "webversion",
            "webversionlink",
            "web_view",
            "web_view_link",
            "webview",
            "webview_url",
            "webviewlink",
            "online_version",
            "onlineversion",
            "view_in_browser",
            "view_in_browser_url",
            "view_email_url",
            "view_online",
            "weblink",
            "archive_url",
            "archiveurl",
            "messageurl",
            "message_url",
        ],
    ),
    (
        "there is no page to forward the letter by: take the link out",
        &[
            "forward2friend",
            "forward_to_friend",
            "forwardtoafriend",
            "forward_to_a_friend",
            "forward_link",
            "forward_url",
        ],
    ),
    (
        "write the postal address",
        &[
            "sender_info",
            "sender_info_singleline",
            "list_address",
            "sender_address",
            "full_address",
            "organization_address",
        ],
    ),
];

/// The last word of a dotted name as we would write it.
pub(crate) fn plain(theirs: &str) -> String {
    let last = theirs.trim().rsplit(['.', ':']).next().unwrap_or_default();
    last.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// What a name usually means.
pub(crate) fn known(theirs: &str) -> Option<&'static str> {
    let plain = plain(theirs);
    // In as many languages as the service knows.
    let plain = if plain.starts_with("unsub_link_") { "unsub_link" } else { plain.as_str() };
    let known = KNOWN.iter().find(|(name, _)| *name == plain).map(|(_, ours)| *ours);
    known.or_else(|| leads_out(theirs).then_some("unsubscribe_url"))
}

/// Whether a name of one word says that it is the address of a way out: `subscription_unsubscribe_url`.
fn leads_out(theirs: &str) -> bool {
    let plain = plain(theirs);
    let has = |words: &[&str]| words.iter().any(|word| plain.contains(word));
    !theirs.trim().contains(' ') && has(&["unsub", "optout", "opt_out", "abmeld"]) && has(&["url", "link", "href"])
}

/// What to do about a name behind which another service has a page or a text of its own.
pub(crate) fn served(theirs: &str) -> Option<&'static str> {
    let plain = plain(theirs);
    let is_it = |names: &[&str]| names.contains(&plain.trim_start_matches('_'));
    SERVED.iter().find(|(_, names)| is_it(names)).map(|(advice, _)| *advice)
}

/// The column of this heading, as templates know it: small letters and capitals are the same.
pub(crate) fn heading(theirs: &str, columns: &[String]) -> Option<String> {
    let same = |column: &&String| column.trim().to_lowercase() == theirs.trim().to_lowercase();
    columns.iter().find(same).map(|column| names::identifier(column).into_owned())
}

/// The name by which templates know the column that is probably meant, or the built-in value.
pub(crate) fn column(theirs: &str, columns: &[String]) -> Option<String> {
    let squeezed = |name: &str| name.replace('_', "").to_ascii_lowercase();
    let names = || columns.iter().map(|column| names::identifier(column).into_owned());
    let like = |wanted: &str| names().find(|name| squeezed(name) == squeezed(wanted));
    let meant = known(theirs);
    let other = || {
        // A list in another language, or from another engine, has its own word for the same.
        let meant = meant?;
        KNOWN.iter().filter(|(_, ours)| *ours == meant).find_map(|(name, _)| like(name))
    };
    let built_in = || meant.filter(|meant| BUILT_IN.contains(meant)).map(str::to_owned);
    heading(theirs, columns)
        .or_else(|| like(&plain(theirs)))
        .or_else(|| meant.and_then(like))
        .or_else(other)
        .or_else(built_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_another_engine_finds_its_column() {
        let columns = ["mail", "First Name", "LNAME", "Stadt"].map(str::to_owned);
        for (theirs, ours) in [
            ("FNAME", Some("first_name")),
            ("contact.FIRSTNAME", Some("first_name")),
            ("Nachname", Some("LNAME")),
            ("stadt", Some("Stadt")),
            ("EMAIL", Some("email")),
            ("UNSUB", Some("unsubscribe_url")),
            ("UNSUB_LINK_EN", Some("unsubscribe_url")),
            ("city", None),
            ("unsubscription_confirm_url", Some("unsubscribe_url")),
            ("OptOutLink2", Some("unsubscribe_url")),
            ("unsubscribed_at", None),
            ("unsubscribe by this link", None),
        ] {
            assert_eq!(column(theirs, &columns).as_deref(), ours, "{theirs}");
        }
        for theirs in ["%%_subscription_center_url", "SENDER-INFO-SINGLELINE", "organization.full_address", "Weblink"] {
            let is_served = served(theirs.trim_start_matches('%')).is_some();
            assert!(is_served && known(theirs).is_none(), "{theirs}");
        }
        assert_eq!(served("name"), None);
    }
}
