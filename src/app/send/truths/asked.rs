//! A place of a template that asks what a column says, and what is wrong with that.
//!
//! Guarantees: what a hint says is a mend for the list as it is. Leaves to others: what the cells say (`answers`).

use super::super::content::Columns;
use super::answers::{Answers, Cell, Spellings, amount, front};
use super::{key, quoted};
use crate::content::{Asks, Composer, ContentError, Syntax, TruthUse, Word, identifier, truth_of};

/// The word for a column that may be meant so, and for cells by which nothing is meant.
const AS_TEXT: &str = "yes-no-as-text";
const NOTHING: &str = "cell-nothing";

/// What is wrong with a place; and the word for it, where it is a warning.
pub(super) type Wrong = (ContentError, Option<&'static str>);

/// A place that asks, and what it is about.
pub(super) struct Asked<'a> {
    pub(super) wanted: &'a TruthUse,
    /// The column's heading.
    pub(super) column: &'a str,
    /// What the template calls it there.
    name: String,
    /// Whether it is computed with elsewhere, and read as a number there.
    is_number: bool,
    /// Whether the letter compares it with words somewhere: declared to be another kind it would equal none of them.
    is_compared: bool,
    syntax: Syntax,
}

fn is_zero(text: &str) -> bool {
    amount(text.trim()) == Some(true)
}

impl<'a> Asked<'a> {
    pub(super) fn of(wanted: &'a TruthUse, composer: &Composer, columns: &'a Columns, syntax: Syntax) -> Option<Self> {
        let at = wanted.spot.column;
        let (column, name) = (columns.sources.get(at)?, columns.names.get(at)?);
        let name = wanted.called.clone().unwrap_or_else(|| identifier(name).into_owned());
        let is_number = composer.numbers_wanted().iter().any(|other| wanted.spot.cell() == Some(other.column));
        let is_word = |other: &&TruthUse| matches!(other.asks, Asks::IsWord(..));
        let is_compared = composer.truths_wanted().iter().filter(is_word).any(|other| other.spot == wanted.spot);
        Some(Self { wanted, column, name, is_number, is_compared, syntax })
    }

    /// Whether the other is asked at the same place.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        let place = |one: &Self| (one.wanted.position, one.wanted.place.clone());
        self.wanted.spot != other.wanted.spot && place(self) == place(other)
    }

    /// What is wrong with the place, if anything is. `beside`: what other columns say that are asked there.
    pub(super) fn wrong(&self, answers: &Answers, beside: &[&Answers], path: &str, is_json: bool) -> Option<Wrong> {
        match &self.wanted.asks {
            Asks::IsTruth => self.no_truth(answers, path, is_json),
            Asks::IsWord(word, is_not) => self.other_word(answers, word, *is_not, path),
            Asks::Holds => self.holds_all_the_same(answers, beside, path),
            Asks::Prints => None,
        }
    }

    /// Text is compared with `true` or `false`.
    fn no_truth(&self, answers: &Answers, path: &str, is_json: bool) -> Option<Wrong> {
        let is_all = answers.no_answers.is_none();
        // Of a list of JSON other rows may hold what they are compared with.
        let (line, text) = answers.first.as_ref().filter(|_| !is_json || is_all)?;
        let hint = match answers.are_answers() {
            true if is_all && self.is_declarable() => {
                format!("if each cell says yes or no, {}", self.declared("boolean"))
            }
            true => format!("write {}, without `true`", self.one_of(&answers.yes, &[], false)),
            false => format!(
                "compare it with text in quotes; {} alone asks whether there is something",
                self.syntax.statement("if …")
            ),
        };
        let (called, text) = (self.called(), front(text));
        let problem = format!("{called} is text, which is neither true nor false: {path}, line {line}, has {text:?}");
        Some((self.placed(problem, hint), None))
    }

    /// It is compared with one word for what the list says in others, too.
    fn other_word(&self, answers: &Answers, word: &Word, is_not: bool, path: &str) -> Option<Wrong> {
        let truth = truth_of(&word.text);
        let (spelt, meant) = match truth {
            _ if is_zero(&word.text) && answers.are_amounts() => (&answers.zeros, "zero"),
            _ if answers.are_letters(&word.text) => return None,
            Some(true) if answers.are_answers() => (&answers.yes, "yes"),
            Some(false) if answers.are_answers() => (&answers.no, "no"),
            _ => return None,
        };
        let (line, other) = unsaid(spelt, &self.wanted.words)?;
        let (called, word, other) = (self.called(), &word.text, front(other));
        let problem = format!(
            "{called} is compared with {word:?}, and the list has other words for {meant}, which are not that: {path}, line {line}, \
             has {other:?}"
        );
        let like = |other: &&Word| match meant {
            "zero" => is_zero(&other.text),
            _ => truth_of(&other.text) == truth,
        };
        let words: Vec<&Word> = self.wanted.words.iter().filter(like).collect();
        Some((self.placed(problem, format!("write {}", self.one_of(spelt, &words, is_not))), None))
    }

    /// It is asked whether text holds that says no, or nothing.
    fn holds_all_the_same(&self, answers: &Answers, beside: &[&Answers], path: &str) -> Option<Wrong> {
        let known = &self.wanted.known;
        // Compared with a word of yes or no before, it is known what stands in it; zeros are written in many ways.
        let is_known = known.iter().any(|word| truth_of(&word.text).is_some()) && answers.are_answers();
        if let Some(no) = answers.no().filter(|_| !self.is_number && !is_known) {
            return Some(self.no_that_holds(answers, no, path));
        }
        let zero = match known.iter().any(|word| is_zero(&word.text)) {
            false => answers.zeros.0.first().filter(|_| !is_known),
            true => unsaid(&answers.zeros, known),
        };
        let Some(zero) = zero.filter(|_| answers.are_amounts()) else { return self.dash_that_holds(answers, path) };
        let problem = self.holds(zero, path) + &odd(&answers.no_amounts, "amounts");
        Some((self.placed(problem, self.instead_of_zeros(answers, beside)), None))
    }

    /// A dash or blanks stand where nothing is meant.
    fn dash_that_holds(&self, answers: &Answers, path: &str) -> Option<Wrong> {
        let known = &self.wanted.known;
        let dash = unsaid(&answers.dashes, known).filter(|_| !answers.has_other_signs && !self.is_number)?;
        let (blank, dashes): (Vec<&str>, Vec<&str>) = answers.dashes.all().partition(|text| text.trim().is_empty());
        let name = if blank.is_empty() { self.name.clone() } else { format!("{}|trim", self.name) };
        let mut bare: Vec<&str> =
            dashes.into_iter().map(|text| if blank.is_empty() { text } else { text.trim() }).collect();
        bare.dedup();
        let written = match bare.is_empty() {
            true => name,
            false => format!("{name} and {}", is_one(&name, &bare, true)),
        };
        let hint = format!("leave such cells empty in the list, or write {}", self.condition(&written));
        let (line, text) = dash;
        let problem = format!(
            "{} is text, and any text counts as true here: {path}, line {line}, has {:?}, by which nothing is meant",
            self.called(),
            text.chars().take(8).collect::<String>()
        );
        Some((self.placed(problem, hint), Some(NOTHING)))
    }

    /// A condition in the place of the one that is asked.
    fn condition(&self, condition: &str) -> String {
        match self.wanted.is_not {
            true => self.syntax.statement(&format!("if not ({condition})")),
            false => self.syntax.statement(&format!("if {condition}")),
        }
    }

    fn no_that_holds(&self, answers: &Answers, no: &Cell, path: &str) -> Wrong {
        let is_all = answers.no_answers.is_none();
        let any = "if any text is to count: `is defined` behind it";
        let written = self.condition(&self.says_yes(answers));
        let hint = match is_all {
            _ if !self.wanted.spot.path.is_empty() => {
                format!("write {written}, or true and false without quotes in the list; {any}")
            }
            _ if self.is_compared => format!("write {written}; {any}"),
            true => format!("if each cell says yes or no, {}; {any}", self.declared("boolean")),
            false => format!("write {written}; or mend the other cells, and {}; {any}", self.declared("boolean")),
        };
        // "No" may be an answer that is printed where there is one.
        let is_doubtful = self.wanted.printed && (answers.has_empty || !is_all);
        let doubt = is_doubtful.then_some(AS_TEXT);
        let problem = self.holds(no, path) + &odd(&answers.no_answers, "yes and no");
        (self.placed(problem, hint), doubt)
    }

    /// How it is asked whether a cell says yes, where others say neither.
    fn says_yes(&self, answers: &Answers) -> String {
        match answers.yes.0.is_empty() {
            false => self.one_of(&answers.yes, &[], false),
            true => {
                let name = &self.name;
                let others = answers.no.all().chain(answers.no_answers.spelt_marks.all());
                format!("{name} and {}", is_one(name, &others.collect::<Vec<_>>(), true))
            }
        }
    }

    fn holds(&self, (line, text): &Cell, path: &str) -> String {
        let (called, text) = (self.called(), front(text));
        format!("{called} is text, and any text counts as true here: {path}, line {line}, has {text:?}")
    }

    /// How it is asked whether there is more than a zero.
    fn instead_of_zeros(&self, answers: &Answers, beside: &[&Answers]) -> String {
        let (name, all) = (&self.name, || std::iter::once(answers).chain(beside.iter().copied()));
        let are_numbers = all().all(|answers| !answers.has_signs) && !self.is_compared;
        let written = if are_numbers && !self.wanted.spot.path.is_empty() {
            format!("write {}, or numbers without quotes in the list", self.condition(&format!("{name}|float > 0")))
        } else if are_numbers {
            format!(
                "{}, by which 0 is false; or write {}",
                self.declared("number"),
                self.condition(&format!("{name}|float > 0"))
            )
        } else {
            let spelt = all().flat_map(|answers| answers.zeros.all().chain(answers.no_amounts.spelt_marks.all()));
            let mut nothing: Vec<&str> = Vec::new();
            for text in spelt {
                if !nothing.contains(&text) {
                    nothing.push(text);
                }
            }
            format!("write {}", self.condition(&format!("{name} and {}", is_one(name, &nothing, true))))
        };
        format!("{written}; if any text is to count: `is defined` behind it")
    }

    /// How it is compared with a word whatever capitals and blanks a cell has.
    pub(super) fn in_small_letters(&self, word: &Word, is_not: bool, cell: &str) -> String {
        let trim = if cell.trim().len() < cell.len() { "|trim" } else { "" };
        let name = format!("{}{trim}|lower", self.name);
        format!("write {}, or what stands in the list", is_one(&name, &[&word.text.trim().to_lowercase()], is_not))
    }

    /// Whether it is one of these spellings, or of those words of the template.
    fn one_of(&self, spelt: &Spellings, words: &[&Word], is_not: bool) -> String {
        let mut all: Vec<&str> = spelt.all().collect();
        for word in words {
            if !all.contains(&word.text.as_str()) {
                all.push(&word.text);
            }
        }
        is_one(&self.name, &all, is_not)
    }

    /// Whether a type can be declared that changes nothing but this.
    fn is_declarable(&self) -> bool {
        !self.is_compared && self.wanted.spot.path.is_empty()
    }

    fn declared(&self, kind: &str) -> String {
        format!("say so under [recipients.types]: {} = \"{kind}\"", key(self.column))
    }

    pub(super) fn placed(&self, problem: String, hint: String) -> ContentError {
        let (place, position) = (self.wanted.place.clone(), Some(self.wanted.position));
        ContentError { place, position, problem, excerpt: String::new(), hint }
    }

    /// The column, and what the template calls it.
    pub(super) fn called(&self) -> String {
        match &self.wanted.called {
            Some(name) if !self.wanted.spot.path.is_empty() => format!("`{name}`"),
            Some(name) if name != self.column => format!("`{name}` is `{}`, which", self.column),
            _ => format!("`{}`", self.column),
        }
    }
}

/// The first spelling that is none of these words.
fn unsaid<'c>(spelt: &'c Spellings, words: &[Word]) -> Option<&'c Cell> {
    spelt.0.iter().find(|(_, text)| words.iter().all(|word| !word.is(text)))
}

/// Cells among others, in words.
fn odd(odd: &super::answers::Odd, beside: &str) -> String {
    match odd.is_none() {
        true => String::new(),
        false => format!("; beside {beside} it has {}", odd.told()),
    }
}

/// How it is asked whether `name` is one of these texts, or none of them.
fn is_one(name: &str, texts: &[&str], is_not: bool) -> String {
    match (texts, is_not) {
        ([one], false) => format!("{name} == {}", quoted(one)),
        ([one], true) => format!("{name} != {}", quoted(one)),
        (several, is_not) => {
            let all: Vec<String> = several.iter().map(|text| quoted(text)).collect();
            format!("{name}{} in [{}]", if is_not { " not" } else { "" }, all.join(", "))
        }
    }
}
