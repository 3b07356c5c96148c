//! Text as its writer saw it: without characters that show nothing, and with each letter in one piece.
//!
//! Guarantees: what means something in a script stays: joiners (of emoji, Persian, Indian scripts), marks of direction beside
//! letters that run from the right, zero-width spaces of scripts that write no others, soft hyphens of longer texts; letters that look like one another are
//! not exchanged. A text with NUL or ESC is left alone: it is of another encoding. Leaves to others: which texts are looked at.

use icu_normalizer::ComposingNormalizerBorrowed as ComposingNormalizer;

/// So long are names and addresses at most; in longer texts a soft hyphen says where a word may be parted.
const SHORT_CHARACTERS: usize = 80;

/// What was done to a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tidied {
    /// The text.
    pub text: String,
    /// Whether characters were taken out of it that show nothing. Else letters were put together alone.
    pub is_shorter: bool,
}

/// The text as its writer saw it; `None` where it is that.
#[must_use]
pub fn tidied(text: &str) -> Option<Tidied> {
    if !text
        .chars()
        .any(|c| is_control(c) || is_blank(c) || is_direction(c) || is_mark(c) || is_hidden(c) || is_joiner(c))
        || text.contains(['\0', '\u{1b}'])
    {
        return None;
    }
    let runs_left = text.chars().any(|c| is_from_the_right(c) && c != '\u{61c}');
    let is_unspaced = text.chars().any(is_unspaced);
    let has = |wanted: fn(char) -> bool| text.chars().any(wanted);
    let is_short = text.chars().nth(SHORT_CHARACTERS).is_none();
    let (is_mongolian, has_flag) =
        (has(|c| matches!(c, '\u{1800}'..='\u{18af}') && c != '\u{180e}'), has(|c| c == '\u{1f3f4}'));
    let goes = |at: usize, c: char| match c {
        '\u{200b}' => !is_unspaced,
        '\u{ad}' => is_short,
        '\u{180e}' => !is_mongolian,
        '\u{e0000}'..='\u{e007f}' => !has_flag,
        c if is_direction(c) => !runs_left,
        c if is_joiner(c) => joins_nothing(text, at),
        c => is_control(c) || is_blank(c) || is_hidden(c),
    };
    let seen: String = text.char_indices().filter(|(at, c)| !goes(*at, *c)).map(|(_, c)| c).collect();
    let (is_shorter, composed) = (seen.len() < text.len(), composed(&seen));
    (is_shorter || composed != seen).then_some(Tidied { text: composed, is_shorter })
}

/// Whether a character shows nothing, or turns the direction of what follows: an address that holds one is not what it looks
/// like.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a mark is nothing wherever it stands in a name of something; others have a meaning in some scripts.
#[must_use]
pub fn is_nothing(c: char) -> bool {
    is_blank(c) || c == '\u{ad}'
}

/// Control characters but tabs, line breaks, and those that tell of another encoding.
fn is_control(c: char) -> bool {
    matches!(c, '\u{1}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1a}' | '\u{1c}'..='\u{1f}' | '\u{7f}')
}

/// Blanks and marks of no width.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}')
}

/// What else shows nothing, or nothing but a blank: soft hyphens, signs of mathematics that are not seen, marks of notes, tags, fillers of
/// Korean syllables.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{180e}' | '\u{2061}'..='\u{2065}' | '\u{3164}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// Marks that join what stands beside them, or keep it apart.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{34f}' | '\u{200c}' | '\u{200d}')
}

/// Whether beside the joiner at an octet nothing stands that can be joined: Latin, Greek and Cyrillic letters, digits and signs.
fn joins_nothing(text: &str, at: usize) -> bool {
    let is_apart = |c: char| matches!(c, '\0'..='\u{52f}' | '\u{1e00}'..='\u{1fff}');
    let (front, behind) = text.split_at_checked(at).unwrap_or((text, ""));
    let before = front.chars().rev().find(|c| !is_joiner(*c));
    let after = behind.chars().find(|c| !is_joiner(*c));
    before.into_iter().chain(after).all(is_apart)
}

/// Marks of the direction in which letters run.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{206a}'..='\u{206f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Letters of scripts that run from the right: Hebrew, Arabic and their kin.
fn is_from_the_right(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// Letters of scripts that have no blanks between words: Thai, Lao, Tibetan, Burmese, Khmer.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{fff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{1a20}'..='\u{1aaf}')
}

/// Pieces of letters: accents, the marks of kana, the parts of Korean syllables.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{3099}' | '\u{309a}' | '\u{1100}'..='\u{11ff}')
}

/// The text with pieces put together. Only letters with pieces are: normal form C would also exchange others for those that
/// they are equal to by Unicode, such as variants of Chinese characters in names.
fn composed(text: &str) -> String {
    let (mut composed, mut letter) = (String::with_capacity(text.len()), String::new());
    let nfc = ComposingNormalizer::new_nfc();
    for c in text.chars() {
        if !is_mark(c) || letter.is_empty() {
            put(&nfc, &letter, &mut composed);
            letter.clear();
        }
        letter.push(c);
    }
    put(&nfc, &letter, &mut composed);
    composed
}

fn put(nfc: &ComposingNormalizer<'_>, letter: &str, composed: &mut String) {
    match letter.chars().nth(1) {
        None => composed.push_str(letter),
        Some(_) => composed.extend(nfc.normalize_iter(letter.chars())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_taken_out_and_letters_are_put_together() {
        for (text, seen, is_shorter) in [
            ("\u{200b}Rome", "Rome", true),
            ("Ro\u{2060}me\u{feff}", "Rome", true),
            ("a\u{7}b\u{7f}", "ab", true),
            ("\u{202a}+49 351\u{202c}", "+49 351", true),
            ("\u{200e}Ann", "Ann", true),
            ("Zoe\u{308}", "Zo\u{eb}", false),
            ("Nguye\u{302}\u{303}n", "Nguy\u{1ec5}n", false),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}", false),
            ("\u{304b}\u{3099}", "\u{304c}", false),
            ("\u{438}\u{306}", "\u{439}", false),
            ("\u{200b}e\u{301}", "\u{e9}", true),
            ("Mei\u{ad}er", "Meier", true),
            ("An\u{200d}n", "Ann", true),
            ("\u{200c}Ann\u{200c}\u{200d}", "Ann", true),
            ("A\u{34f}nn", "Ann", true),
            ("\u{3164}", "", true),
            ("An\u{2063}n\u{180e}", "Ann", true),
            ("Ann\u{e0041}", "Ann", true),
            ("Ann\u{61c}", "Ann", true),
        ] {
            assert_eq!(tidied(text), Some(Tidied { text: seen.to_owned(), is_shorter }), "{text:?}");
        }
    }

    #[test]
    fn what_means_something_stays() {
        for text in [
            "Ann",
            "Zo\u{eb}",
            "a\tb\r\nc",
            "\u{1f468}\u{200d}\u{1f469}",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{5d0}\u{200f}!",
            "\u{e01}\u{e32}\u{200b}\u{e23}",
            "\u{fa19}",
            "\u{212b}",
            "q\u{301}",
            "\u{308}",
            "Sach\u{ad}be\u{ad}ar\u{ad}bei\u{ad}te\u{ad}rin f\u{fc}r alles, was mit Fris\u{ad}ten und ih\u{ad}rer Ver\u{ad}l\u{e4}n\u{ad}ge\u{ad}rung zu tun hat",
            "\u{915}\u{94d}\u{200d}\u{937}",
            "\u{928}\u{92e}\u{200c} a",
            "\u{645}\u{200c}-1",
            "\u{1f3f3}\u{fe0f}\u{200d}\u{1f308}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e007f}",
            "\u{182d}\u{180e}\u{1820}",
            "\u{5d0}\u{61c}",
            "a\u{7}\0",
            "\u{1b}[2J\u{7}",
        ] {
            assert_eq!(tidied(text), None, "{text:?}");
        }
    }
}
