//! Whether octets are Windows-1252 for certain: whether each word that they give is one that Western Europe could have.
//!
//! The octets of one encoding are letters of every other one, so that a list of Polish, Hungarian or Turkish names can always be
//! read as Windows-1252, wrongly. What tells is where letters stand within words: no Western word has `£` before a letter,
//! `ñ` before a consonant, or begins with `ð`. Letters that the likelier encodings have at the same octet (`é`, `ö`, `ü`, `á`, `š`,
//! `ž`) say nothing, and need not. Some letters are those of a smaller language (`þ` `ð` of Icelandic, `õ` of Estonian) or of
//! another encoding: they are believed where most of their words are known to be of that language.
//!
//! Guarantees: memory is bounded. Leaves to others: what it is instead (`readings`).

use super::Charset;
use std::collections::HashSet;

/// Distinct words that are looked at.
const WORDS: usize = 100_000;
/// One word of so many may be a slip.
const SLIP_WORDS: usize = 500;
/// Runs of octets of which one may stand strangely.
const STRANGE_RUNS: u64 = 20;
/// Octets that are no letters here, and are letters elsewhere.
const SIGNS: &str = "£¥¯¹²³¼¾ºª¿‚„";
/// Marks of footnotes, where one stands alone.
const NOTES: [char; 3] = ['¹', '²', '³'];
const VOWELS: &str = "aeiouyáéíóúýàèìòùâêîôûäëïöüãõåæøœ";
/// Parts of Icelandic and Faroese words that have þ or ð.
const ICELANDIC: [&str; 48] = [
    "urð", "guð", "við", "víð", "eið", "auð", "rið", "ríð", "oddþ", "ylð", "þór", "þor", "þur", "þrá", "þrö", "þrú",
    "þjó", "aðal", "dað", "dóttir", "björ", "stað", "fjörð", "garð", "norð", "suð", "þing", "valð", "rður", "nður",
    "iður", "veig", "varð", "harð", "fríð", "þyr", "þrast", "iði", "þeu", "íð", "ráð", "áð", "úð", "óð", "ýð", "æð",
    "öð", "yð",
];

/// Parts of Estonian words that have õ. Hungarian has ő at that octet.
const ESTONIAN: [&str; 60] = [
    "jõe", "jõg", "jõh", "jõu", "kõiv", "kõrge", "kõrv", "kõig", "kõik", "lõun", "lõpp", "lõh", "lõoke", "mõis",
    "mõne", "mõni", "mõt", "nõmm", "nõu", "põdr", "põder", "põhj", "põld", "põllu", "põlv", "põõs", "põhi", "rõõm",
    "rõuge", "sõb", "sõn", "sõrm", "sõõr", "tõni", "tõnu", "tõnn", "tõll", "tõug", "tõsi", "tõeli", "võib", "või",
    "võim", "võist", "võrg", "võrk", "võru", "võsu", "võta", "võtm", "õpp", "õpet", "õie", "õig", "õis", "õnn", "õun",
    "õht", "õde", "õisma",
];
/// Icelandic words with ýð: Turkish has ığ at these octets, and begins no word so.
const LYD: [&str; 6] = ["þýð", "lýð", "prýð", "hlýð", "hýð", "skrýð"];

/// Whether the octets are Windows-1252 for certain.
pub fn is_certain(text: &[u8]) -> bool {
    // None of these is a character there.
    if text.iter().any(|octet| matches!(octet, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d)) {
        return false;
    }
    stands_well(text) && Words::of(text).are_western()
}

/// The words that have a letter beyond ASCII, or a sign that may be one, each once and as Windows-1252 reads it.
fn words(text: &[u8]) -> HashSet<String> {
    let mut words = HashSet::new();
    for octets in octet_words(text) {
        let mut read = Vec::new();
        Charset::WINDOWS_1252.append(octets, &mut read);
        let read = String::from_utf8(read).unwrap_or_default();
        words.extend(read.split(|c: char| !is_of_word(c)).filter(|word| !word.is_ascii()).map(str::to_owned));
        if words.len() >= WORDS {
            break;
        }
    }
    words
}

/// Runs of octets without blanks, commas and the like, that have one beyond ASCII.
pub fn octet_words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let word = |octets: &&[u8]| octets.iter().any(|octet| *octet >= 0x80);
    // What is above may be the second octet of a character of two (`[` `_` `|` in Big5 and Shift_JIS).
    text.split(|octet| *octet < b'@' && !octet.is_ascii_digit()).filter(word)
}

/// Whether a word is hardly one, as Windows-1252 reads it.
pub fn is_odd(octets: &[u8]) -> bool {
    words(octets).iter().any(|word| rises(word) || is_foreign(&small(word)))
}

fn small(word: &str) -> Vec<char> {
    word.to_lowercase().chars().collect()
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || SIGNS.contains(c)
}

/// What the words of a text say of it.
#[derive(Default)]
struct Words {
    all: usize,
    /// Words that no Western language has.
    foreign: usize,
    /// Words with þ or ð that are none of Icelandic as far as that is known here, and those that are.
    unknown: usize,
    icelandic: usize,
    /// The same of Estonian, for words with õ that Hungarian could have as well.
    strange: usize,
    estonian: usize,
    /// Words with a circumflex where French hardly has it, and such as have a letter that Baltic languages have elsewhere.
    doubtful: usize,
    sound: usize,
}

impl Words {
    fn of(text: &[u8]) -> Self {
        let mut seen = Self::default();
        let words = words(text);
        let has_notes = NOTES.iter().any(|note| words.contains(note.to_string().as_str()));
        for word in &words {
            let word = if has_notes { word.trim_end_matches(NOTES) } else { word };
            seen.all += 1;
            let is_raised = rises(word);
            let word = small(word);
            let has = |letters: &str| word.iter().any(|c| letters.contains(*c));
            let is_foreign = is_raised || is_foreign(&word);
            seen.foreign += usize::from(is_foreign);
            if !is_foreign && has("þð") {
                *(if is_icelandic(&word) { &mut seen.icelandic } else { &mut seen.unknown }) += 1;
            }
            if !is_foreign && has("õ") && !word.windows(2).any(|pair| pair == ['õ', 'e']) {
                *(if is_estonian(&word) { &mut seen.estonian } else { &mut seen.strange }) += 1;
            }
            if is_sound(&word) {
                seen.sound += 1;
            } else if has("âîû") {
                seen.doubtful += 1;
            }
        }
        seen
    }

    fn are_western(&self) -> bool {
        let unknown = if self.unknown > self.icelandic { self.unknown } else { 0 };
        let strange = if self.strange > self.estonian { self.strange } else { 0 };
        (self.foreign + unknown + strange).saturating_mul(SLIP_WORDS) <= self.all && self.doubtful <= self.sound
    }
}

/// Whether a capital letter beyond ASCII stands right behind a small one: letters of DOS and of a Macintosh are read so.
fn rises(word: &str) -> bool {
    word.chars()
        .zip(word.chars().skip(1))
        .any(|(before, c)| before.is_ascii_lowercase() && !c.is_ascii() && c.is_uppercase())
}

fn is_icelandic(word: &[char]) -> bool {
    let word: String = word.iter().collect();
    ICELANDIC.iter().any(|part| word.contains(part))
}

fn is_estonian(word: &[char]) -> bool {
    let word: String = word.iter().collect();
    ESTONIAN.iter().any(|part| word.contains(part))
}

/// Whether a word with õ cannot be Estonian, which has it in the first syllable, never at the end, and beside no letter that
/// its own words lack.
fn is_hungarian(i: usize, word: &[char]) -> bool {
    let before = word.get(..i).unwrap_or_default();
    let long = word.len() > 2;
    (long && i + 1 == word.len())
        || before.iter().any(|c| VOWELS.contains(*c) && *c != 'õ')
        || word.iter().any(|c| "cqwxyzáéíóúûñç".contains(*c))
}

/// Whether a word has a letter that Latvian or Lithuanian do not have at this octet, or a circumflex where French has it.
fn is_sound(word: &[char]) -> bool {
    let pair = |pair: &[char]| {
        matches!(
            pair,
            ['ç', 'a' | 'o' | 'u'] | ['ã' | 'õ', 'e'] | ['ã', 'o'] | ['â' | 'ê' | 'î' | 'ô' | 'û', 't'] | ['î', 'm']
        )
    };
    let three = |three: &[char]| matches!(three, ['â' | 'û', 'c', 'h'] | ['c', 'â', 'm'] | ['â', 'n', 'c' | 'g' | 't']);
    matches!(word, ['s', 'i', 'â', 'n'])
        || word.iter().any(|c| "éäöüßñåø".contains(*c))
        || word.windows(2).any(pair)
        || word.windows(3).any(three)
}

/// Whether no Western language has such a word (in small letters).
fn is_foreign(word: &[char]) -> bool {
    let at = |at: Option<usize>| at.and_then(|at| word.get(at)).copied();
    (0..word.len()).any(|i| {
        let (before, behind) = (at(i.checked_sub(1)), at(i.checked_add(1)));
        at(Some(i)).is_some_and(|c| !c.is_ascii() && is_out_of_place(c, i, before, behind, word))
    })
}

/// Whether a letter (or a sign) stands where no Western word has it.
fn is_out_of_place(c: char, i: usize, before: Option<char>, behind: Option<char>, word: &[char]) -> bool {
    let is = |at: Option<char>, letters: &str| at.is_some_and(|at| letters.contains(at));
    let letter = |at: Option<char>| at.is_some_and(char::is_alphabetic);
    let vowel = |at: Option<char>| is(at, VOWELS);
    let long = word.len() > 3;
    let rest: String = word.iter().skip(i).collect();
    match c {
        // Polish Ł Ż Ą, Slovak ľ: a sum of money or a fraction stands beside no letter.
        '£' | '¥' | '¯' | '¼' | '¾' => letter(before) || letter(behind),
        '¹' => letter(behind) || (letter(before) && !is(before, "m")),
        '³' => letter(behind) || (letter(before) && (!is(before, "m") || i > 2)),
        // Romanian ş: "Mª" and "nº" are short, and end there.
        // Romanian has no such word.
        'ª' if word.iter().collect::<String>() == "profª" => false,
        'º' | 'ª' => (letter(behind) && !(i == 1 && is(before, "m"))) || (letter(before) && i > 3),
        '¿' | '‚' | '„' => letter(before),
        // Polish ś: cœur, sœur, œil, fœtus, cœlacanthe, Phœnix, œcuménique.
        'œ' => {
            let greek = is(before, "cfh") || rest.starts_with("œcum") || (is(before, "l") && is(behind, "t"));
            !(is(behind, "ui") || (i == 0 && is(behind, "dnst")) || greek)
        }
        'ñ' => !vowel(behind),
        'ì' | 'ù' => behind.is_some(),
        'ò' => {
            is(behind, "áíéýðþìvk") || (behind.is_none() && before.is_some() && !is(before, "abcdefgilmnoprstuvxz"))
        }
        // Czech č: Hélène has a consonant behind it, caffè nothing.
        'è' => vowel(behind) || is(behind, "k") || (behind.is_none() && long && is(before, "ai")),
        'ø' => is(behind, "áíéýùì") || (vowel(before) && vowel(behind)),
        'ï' => !vowel(before),
        // Croatian and Polish ć.
        'æ' => is(before, "i") || is(behind, "w") || (behind.is_none() && word.len() > 4 && !ends_in_tree(word)),
        'ê' if rest.starts_with("ênc") || rest.starts_with("êba") => false,
        'ê' => is(before, "i") || is(behind, "bgkzwj") || rest.starts_with("êdz") || rest.starts_with("êdr"),
        // Hungarian ő and ű.
        'õ' => !is(behind, "e") && is_hungarian(i, word),
        'û' if rest.starts_with("ûch") => false,
        'û' => is(before, "zy") || is(behind, "czkv") || (behind.is_none() && long),
        // Romanian ă.
        'ã' => behind.is_some() && !is(behind, "oesi") && !rest.starts_with("ãzinh"),
        // Turkish ı.
        'ý' | 'ð' if LYD.iter().any(|begin| word.iter().collect::<String>().starts_with(begin)) => false,
        'ý' => {
            (i == 0 && behind.is_some() && !is(behind, "rmdvj"))
                || word.iter().filter(|c| **c == 'ý').count() > 1
                || is(behind, "zþðç")
                || (long && matches!(rest.as_str(), "ýn" | "ýl" | "ýk"))
        }
        // Turkish ğ and ş, Croatian đ, Lithuanian š and ž.
        'ð' => i == 0 || is(before, "òþýçü"),
        'þ' => behind.is_none() || is(before, "òþýçü"),
        // Lithuanian ė, where no Albanian word is.
        'ë' if ["javë", "tavë", "minutë"].contains(&word.iter().collect::<String>().as_str()) => false,
        'ë' => behind.is_none() && ["ien", "ait", "ut", "yt", "iut", "av"].iter().any(|end| ends_so(word, i, end)),
        _ => false,
    }
}

/// Danish and Norwegian words for trees, knees and glaciers; a Polish ć has a vowel before it, or one before that.
fn ends_in_tree(word: &[char]) -> bool {
    let consonant =
        |at: usize| word.len().checked_sub(at).and_then(|at| word.get(at)).is_some_and(|c| !VOWELS.contains(*c));
    consonant(2) && consonant(3) && word.iter().all(|c| c.is_ascii() || "æøå".contains(*c))
}

/// Whether `end` stands right before the letter at `at`.
fn ends_so(word: &[char], at: usize, end: &str) -> bool {
    word.get(..at).is_some_and(|before| before.iter().collect::<String>().ends_with(end))
}

/// Whether hardly any octets stand where no Western European language has them.
fn stands_well(text: &[u8]) -> bool {
    let is_high = |at: usize| text.get(at).is_some_and(|octet| *octet >= 0x80);
    let (mut runs, mut strange, mut at) = (0u64, 0u64, 0);
    while let Some(found) = text.get(at..).and_then(|rest| rest.iter().position(|octet| *octet >= 0x80)) {
        let from = at + found;
        let end = (from..).find(|at| !is_high(*at)).unwrap_or(text.len());
        let before = from.checked_sub(1).and_then(|at| text.get(at)).copied();
        let (run, behind) = (text.get(from..end).unwrap_or_default(), text.get(end).copied());
        if is_of_two(before, run, behind) {
            return false;
        }
        runs += 1;
        strange += u64::from(is_strange(before, run, behind));
        at = end;
    }
    runs > 0 && strange.saturating_mul(STRANGE_RUNS) <= runs
}

/// Whether octets are characters of two each (EUC-JP, GBK, EUC-KR, Big5): many in a row with letters among them, or a pair
/// that begins like a capital and stands alone.
///
/// `Öö`, night, is a word of Estonian.
fn is_of_two(before: Option<u8>, run: &[u8], behind: Option<u8>) -> bool {
    let is_letter = |octet: &u8| *octet >= 0xc0 && !matches!(octet, 0xd7 | 0xf7);
    let apart = |octet: Option<u8>| octet.is_none_or(|octet| !octet.is_ascii_alphabetic());
    let all = run.iter().all(|octet| (0xa1..=0xfe).contains(octet));
    match run {
        [0xd6, 0xf6] => false,
        [0xc0..=0xde, second] => all && apart(before) && apart(behind) && *second != 0xbb && *second != 0xd7,
        _ => all && run.len() > 3 && run.iter().filter(|octet| is_letter(octet)).count() > 1,
    }
}

/// Whether octets beyond ASCII, with what stands before and behind them, are hardly Windows-1252: Polish, Cyrillic, Greek,
/// East Asian letters, or those of a Macintosh or of DOS, would be read as something that no word has.
fn is_strange(before: Option<u8>, run: &[u8], behind: Option<u8>) -> bool {
    let is_letter = |octet: u8| octet >= 0xc0 && !matches!(octet, 0xd7 | 0xf7);
    let in_word = before.is_some_and(|octet| octet.is_ascii_alphabetic())
        && behind.is_some_and(|octet| octet.is_ascii_lowercase());
    // ƒ † ‡ ˆ ‰ ˜ ¤ ¦ ¨ ¯ ¸ ÿ: hardly a text has them, and others have letters there, or a euro sign.
    let is_rare = |octet: &u8| matches!(octet, 0x83 | 0x86..=0x89 | 0x98 | 0xa4 | 0xa6 | 0xa8 | 0xaf | 0xb8 | 0xff);
    // L'Haÿ-les-Roses, Pierre Louÿs.
    // þýðing.
    let is_icelandic = matches!(run, [0xde | 0xfe, 0xfd, 0xf0]);
    let is_y = run == [0xff] && before.is_some_and(|octet| b"aeoulAEOUL".contains(&octet));
    if run.iter().any(is_rare) && !is_y {
        return true;
    }
    if is_icelandic {
        return false;
    }
    let [one] = run else {
        // "créée" has two letters in a row; three are as rare as words are frequent that have many of them elsewhere. A low
        // quote stands before a word.
        let low = |pair: &[u8]| matches!(pair, [0x82 | 0x84, next] if !is_letter(*next));
        return run.split(|octet| !is_letter(*octet)).any(|letters| letters.len() > 2) || run.windows(2).any(low);
    };
    match *one {
        // Capitals before small letters of the same word.
        0x8a | 0x8c | 0x8e | 0x9f | 0xc0..=0xd6 | 0xd8..=0xde => in_word,
        // Apostrophes, dashes, dots, blanks and marks of ordinals do stand there.
        0x85 | 0x91 | 0x92 | 0x96 | 0x97 | 0xa0 | 0xaa | 0xad | 0xb4 | 0xb7 | 0xba | 0x9a | 0x9c | 0x9e => false,
        letter if is_letter(letter) => false,
        _ => in_word,
    }
}
