//! How people of a place write numbers, money and dates: the data of the GNU C Library's locales.

use pure_rust_locales::{Locale, locale_match};

/// A locale that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Locality(Locale);

/// Countries of languages whose name is not that of the country.
const COUNTRIES: [(&str, &str); 26] = [
    ("ar", "EG"),
    ("ca", "ES"),
    ("cs", "CZ"),
    ("da", "DK"),
    ("el", "GR"),
    ("en", "US"),
    ("et", "EE"),
    ("eu", "ES"),
    ("fa", "IR"),
    ("ga", "IE"),
    ("gl", "ES"),
    ("he", "IL"),
    ("hi", "IN"),
    ("ja", "JP"),
    ("ko", "KR"),
    ("nb", "NO"),
    ("nn", "NO"),
    ("no", "NO"),
    ("sl", "SI"),
    ("sq", "AL"),
    ("sr", "RS"),
    ("sv", "SE"),
    ("uk", "UA"),
    ("vi", "VN"),
    ("zh", "CN"),
    ("cy", "GB"),
];

/// How numbers are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) point: &'static str,
    pub(crate) group: &'static str,
    /// Sizes of the groups from the point on; the last one is that of all others.
    pub(crate) sizes: &'static [i64],
}

/// How money is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Money {
    pub(crate) figures: Figures,
    /// The currency's code (ISO 4217).
    pub(crate) code: &'static str,
    pub(crate) symbol: &'static str,
    /// Whether the symbol stands in front.
    pub(crate) leads: bool,
    /// Whether a blank stands between it and the number.
    pub(crate) apart: bool,
}

/// What days and months are called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calendar {
    pub(crate) days: &'static [&'static str],
    pub(crate) days_short: &'static [&'static str],
    pub(crate) months: &'static [&'static str],
    pub(crate) months_short: &'static [&'static str],
    pub(crate) halves: &'static [&'static str],
    /// The usual form of a date, a time, and both.
    pub(crate) date: &'static str,
    pub(crate) time: &'static str,
    pub(crate) both: &'static str,
}

impl Locality {
    /// The locale of this name: `de_DE`, `de-DE`, `de`, with or without `.UTF-8`.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let name = name.trim().replace('-', "_");
        let (plain, modifier) = name.split_once('@').unwrap_or((&name, ""));
        let plain = plain.split_once('.').map_or(plain, |(plain, _)| plain);
        let (language, country) = plain.split_once('_').unwrap_or((plain, ""));
        let language = language.to_ascii_lowercase();
        let country = match country {
            "" => COUNTRIES.iter().find(|(known, _)| *known == language).map_or(language.as_str(), |(_, c)| *c),
            country => country,
        };
        let language = if language == "no" { "nb" } else { language.as_str() };
        let modifier = if modifier.is_empty() { String::new() } else { format!("@{modifier}") };
        let name = format!("{language}_{}{modifier}", country.to_ascii_uppercase());
        Locale::try_from(name.as_str()).ok().map(Self)
    }

    /// The locale of whoever names none.
    pub(crate) fn usual() -> Self {
        Self(Locale::en_US)
    }

    /// The language, as ISO 639 writes it.
    pub(crate) fn language(self) -> String {
        let name = self.0.to_string();
        name.split(['_', '@']).next().unwrap_or_default().to_owned()
    }

    pub(crate) fn figures(self) -> Figures {
        let locale = self.0;
        Figures {
            point: locale_match!(locale => LC_NUMERIC::DECIMAL_POINT),
            group: locale_match!(locale => LC_NUMERIC::THOUSANDS_SEP),
            sizes: locale_match!(locale => LC_NUMERIC::GROUPING),
        }
    }

    pub(crate) fn money(self) -> Money {
        let locale = self.0;
        Money {
            figures: Figures {
                point: locale_match!(locale => LC_MONETARY::MON_DECIMAL_POINT),
                group: locale_match!(locale => LC_MONETARY::MON_THOUSANDS_SEP),
                sizes: locale_match!(locale => LC_MONETARY::MON_GROUPING),
            },
            code: locale_match!(locale => LC_MONETARY::INT_CURR_SYMBOL).trim(),
            symbol: locale_match!(locale => LC_MONETARY::CURRENCY_SYMBOL),
            leads: locale_match!(locale => LC_MONETARY::P_CS_PRECEDES) == 1,
            apart: locale_match!(locale => LC_MONETARY::P_SEP_BY_SPACE) == 1,
        }
    }

    pub(crate) fn calendar(self) -> Calendar {
        let locale = self.0;
        Calendar {
            days: locale_match!(locale => LC_TIME::DAY),
            days_short: locale_match!(locale => LC_TIME::ABDAY),
            months: locale_match!(locale => LC_TIME::MON),
            months_short: locale_match!(locale => LC_TIME::ABMON),
            halves: locale_match!(locale => LC_TIME::AM_PM),
            date: locale_match!(locale => LC_TIME::D_FMT),
            time: locale_match!(locale => LC_TIME::T_FMT),
            both: locale_match!(locale => LC_TIME::D_T_FMT),
        }
    }

    /// A number that is written as here, as Rust writes it; `None` if it is written otherwise.
    pub(crate) fn plain_number(self, text: &str) -> Option<String> {
        let figures = self.figures();
        let is_group =
            |c: char| figures.group.contains(c) || matches!(c, '\u{a0}' | '\u{202f}' | '\u{2009}' | ' ' | '\'');
        let mut plain = String::with_capacity(text.len());
        let mut rest = text;
        let (mut in_fraction, mut in_groups) = (false, false);
        while let Some(c) = rest.chars().next() {
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            match c {
                c if figures.point.contains(c) && !in_fraction => {
                    in_fraction = true;
                    plain.push('.');
                }
                // Three digits stand behind the mark of a group, and no fourth: else it is none. In India two do, but for the last.
                c if is_group(c) => {
                    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                    // Nobody sets off the thousands of nothing: `0.125` has a decimal point; nor of more: so has `1234.500`.
                    let is_nothing = matches!(plain.as_str(), "" | "-" | "0" | "-0");
                    let is_more = !in_groups && plain.trim_start_matches(['-', '+']).len() > 3;
                    let is_two = digits == 2
                        && figures.sizes.contains(&2)
                        && rest.get(2..).is_some_and(|behind| behind.starts_with(is_group));
                    if !(digits == 3 || is_two) || in_fraction || is_nothing || is_more {
                        return None;
                    }
                    in_groups = true;
                }
                '\u{2212}' => plain.push('-'),
                c => plain.push(c),
            }
        }
        Some(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_known_by_each_of_its_names() {
        for (name, known) in [
            ("de", "de_DE"),
            ("de-AT", "de_AT"),
            ("pt_br", "pt_BR"),
            ("en", "en_US"),
            ("no", "nb_NO"),
            ("sv_SE.UTF-8", "sv_SE"),
        ] {
            assert_eq!(Locality::of(name).map(|l| l.0.to_string()), Some(known.to_owned()), "{name}");
        }
        assert_eq!(Locality::of("xx"), None);
        assert_eq!(Locality::of(""), None);
    }

    #[test]
    fn a_number_is_read_as_its_place_writes_it() {
        let german = Locality::of("de").unwrap();
        assert_eq!(german.plain_number("-1.234,50"), Some("-1234.50".to_owned()));
        assert_eq!(german.plain_number("123.456.789"), Some("123456789".to_owned()));
        for other in ["1.5", "1,5.000", ".500", "1.2345", "0.125", "-0.125", "1234.500", "12345.678,5"] {
            assert_eq!(german.plain_number(other), None, "{other}");
        }
        let french = Locality::of("fr").unwrap();
        let indian = Locality::of("en_IN").unwrap();
        assert_eq!(indian.plain_number("1,23,456.50"), Some("123456.50".to_owned()));
        assert_eq!(indian.plain_number("1,00,000"), Some("100000".to_owned()));
        assert_eq!(indian.plain_number("1,00"), None);
        assert_eq!(german.plain_number("1.23.456"), None);
        assert_eq!(french.plain_number("1\u{a0}234,5"), Some("1234.5".to_owned()));
    }
}
