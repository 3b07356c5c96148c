//! Which column of a list is what: the address, the first name.
//!
//! Guarantees: pure; by the names of columns in many languages, and by what stands in them: a column called "email" that
//! holds none is not taken, one called "Contact" that holds addresses is. Leaves to others: reading the list.

use crate::engine::loader::sample::Sample;
use crate::mail::Mailbox;

/// The part of what stands in a column of addresses that must be one: rows without an address are as they are exported.
const ADDRESSES_PERCENT: usize = 50;

/// Names of columns of addresses, as [`plain`] has them.
const EMAIL: &[&str] = &[
    "email",
    "emailaddress",
    "mail",
    "mailaddress",
    "emailadresse",
    "mailadresse",
    "correo",
    "correoelectronico",
    "courriel",
    "adresseemail",
    "adressemail",
    "adresseelectronique",
    "posta",
    "indirizzoemail",
    "epost",
    "eposta",
    "epostadresse",
    "epostadress",
    "emailadres",
    "mailadres",
    "sahkoposti",
    "adresemail",
    "почта",
    "電子メール",
    "メールアドレス",
    "邮箱",
    "recipient",
    "address",
    "subscriber",
    "to",
];

/// Names of columns of first names.
const FIRST_NAME: &[&str] = &[
    "firstname",
    "fname",
    "first",
    "givenname",
    "given",
    "forename",
    "vorname",
    "rufname",
    "prenom",
    "nombre",
    "nombredepila",
    "nome",
    "voornaam",
    "fornavn",
    "fornamn",
    "etunimi",
    "imie",
    "jmeno",
    "keresztnev",
    "имя",
    "名",
    "name",
    "fullname",
    "displayname",
];

/// The columns of a list, and what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    /// All of them.
    pub columns: Vec<String>,
    /// The one of addresses.
    pub email: String,
    /// The one of first names.
    pub first_name: Option<Name>,
}

/// A column, and how a template names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The column.
    pub column: String,
    /// Its name in templates.
    pub field: String,
    /// Whether the campaign must say that the field is this column.
    pub mapped: bool,
}

impl Roles {
    /// Those of the list that `letter::list` writes.
    pub fn of_own_list() -> Self {
        let columns = ["email", "first_name", "city"].map(str::to_owned).to_vec();
        let first_name = Name { column: "first_name".into(), field: "first_name".into(), mapped: false };
        Self { columns, email: "email".into(), first_name: Some(first_name) }
    }

    /// Those of a list; `None`: no column holds addresses.
    pub fn of(list: &Sample) -> Option<Self> {
        let email = email(list)?;
        let named = |wanted: &str| list.columns.iter().find(|column| plain(column) == wanted && **column != email);
        let first_name = FIRST_NAME.iter().find_map(|wanted| named(wanted)).map(|column| Name::of(column, list));
        Some(Self { columns: list.columns.clone(), email, first_name })
    }
}

/// The column of addresses: of those that hold them the one that is called so, else the one that holds most.
fn email(list: &Sample) -> Option<String> {
    let addresses = |column: usize| {
        let values = || list.rows.iter().filter_map(|row| row.get(column)).map(|value| value.trim());
        let held = values().filter(|value| !value.is_empty()).count();
        let is_address =
            |value: &&str| value.split([';', ',']).any(|one| Mailbox::parse(one.trim().as_bytes()).is_ok());
        let found = values().filter(is_address).count();
        if found.saturating_mul(100) >= held.saturating_mul(ADDRESSES_PERCENT) { found } else { 0 }
    };
    let rank = |name: &str| EMAIL.iter().position(|wanted| *wanted == plain(name)).unwrap_or(EMAIL.len());
    let held: Vec<(usize, &String)> = list.columns.iter().enumerate().map(|(at, name)| (addresses(at), name)).collect();
    let best = held.iter().filter(|(n, _)| *n > 0).min_by_key(|(n, name)| (rank(name), usize::MAX - n));
    // A list without rows is told by its names alone.
    let by_name = || list.columns.iter().filter(|name| rank(name) < EMAIL.len()).min_by_key(|name| rank(name));
    let found = best.map(|(_, name)| *name).or_else(|| if list.rows.is_empty() { by_name() } else { None });
    found.cloned()
}

impl Name {
    fn of(column: &str, list: &Sample) -> Self {
        let is_word = |text: &str| {
            !text.starts_with(|c: char| c.is_ascii_digit())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        if is_word(column) {
            return Self { column: column.to_owned(), field: column.to_owned(), mapped: false };
        }
        // As templates know a heading that is no single word.
        let known =
            |column: &str| column.trim().to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let is_free = |field: &str| !list.columns.iter().any(|other| other != column && known(other) == field);
        let field = known(column);
        if column.is_ascii() && is_word(&field) && is_free(&field) {
            return Self { column: column.to_owned(), field, mapped: false };
        }
        let free = ["first_name", "greeting_name", "name_in_greeting"].into_iter().find(|field| is_free(field));
        Self { column: column.to_owned(), field: free.unwrap_or("first_name_").to_owned(), mapped: true }
    }
}

/// A heading without what differs from one export to the next: case, blanks, marks, accents.
fn plain(heading: &str) -> String {
    let bare = |c: char| match c {
        'à'..='å' => 'a',
        'ç' | 'č' | 'ć' => 'c',
        'è'..='ë' | 'ę' | 'ě' => 'e',
        'ì'..='ï' => 'i',
        'ñ' | 'ń' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        c => c,
    };
    heading.to_lowercase().chars().filter(|c| c.is_alphanumeric()).map(bare).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(columns: &[&str], rows: &[&[&str]]) -> Sample {
        let texts = |row: &[&str]| row.iter().map(ToString::to_string).collect::<Vec<_>>();
        Sample { columns: texts(columns), rows: rows.iter().map(|row| texts(row)).collect(), ..Sample::default() }
    }

    fn roles(columns: &[&str], rows: &[&[&str]]) -> Option<(String, Option<(String, bool)>)> {
        let roles = Roles::of(&list(columns, rows))?;
        Some((roles.email, roles.first_name.map(|name| (name.field, name.mapped))))
    }

    #[test]
    fn columns_are_known_by_name_and_by_what_they_hold() {
        let ann: &[&str] = &["ann@a.example", "Ann"];
        assert_eq!(
            roles(&["Email Address", "First Name"], &[ann]),
            Some(("Email Address".into(), Some(("first_name".into(), false))))
        );
        assert_eq!(roles(&["E-Mail", "Vorname"], &[ann]), Some(("E-Mail".into(), Some(("Vorname".into(), false)))));
        assert_eq!(
            roles(&["Courriel", "Prénom"], &[ann]),
            Some(("Courriel".into(), Some(("first_name".into(), true))))
        );
        assert_eq!(roles(&["Contact", "x"], &[ann]), Some(("Contact".into(), None)), "by what it holds");
        let swapped = roles(&["email", "mail"], &[&["Ann", "ann@a.example"]]);
        assert_eq!(swapped.map(|(email, _)| email), Some("mail".into()), "the one called email holds none");
        assert_eq!(roles(&["a", "b"], &[ann, &["x", "y"], &["x", "y"]]), None, "one in three is none");
        assert_eq!(roles(&["mail", "name"], &[]), Some(("mail".into(), Some(("name".into(), false)))), "no rows yet");
    }

    #[test]
    fn two_columns_with_one_name_in_templates_are_told_apart() {
        let taken = roles(&["email", "First name", "first_name"], &[&["a@a.example", "A", "B"]]);
        assert!(
            taken.is_some_and(|(_, first)| first.is_some_and(|(field, mapped)| field == "greeting_name" && mapped))
        );
    }
}
