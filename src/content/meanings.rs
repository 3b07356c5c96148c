//! What other engines call the columns that most lists have.
//!
//! Leaves to others: how their tags look (`lint`, `convert`).

use super::names;

/// Names that tags of other engines have where the list may call the column otherwise.
const KNOWN: [(&str, &str); 33] = [
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
    ("company", "company"),
    ("city", "city"),
];

/// Built-in values that other engines have names of their own for.
const BUILT_IN: [&str; 2] = ["email", "unsubscribe_url"];

/// The last word of a dotted name as we would write it.
pub(crate) fn plain(theirs: &str) -> String {
    let last = theirs.trim().rsplit(['.', ':']).next().unwrap_or_default();
    last.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// What a name usually means.
pub(crate) fn known(theirs: &str) -> Option<&'static str> {
    let plain = plain(theirs);
    KNOWN.iter().find(|(name, _)| *name == plain).map(|(_, ours)| *ours)
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
            ("city", None),
        ] {
            assert_eq!(column(theirs, &columns).as_deref(), ours, "{theirs}");
        }
    }
}
