//! Mailchimp's merge tags: `*|FNAME|*`, conditions on them, and those that its own pages fill.
//!
//! Leaves to others: what only Mailchimp knows (the audience's address, the archive, the clock): such a tag is told.

use super::vocabulary::Vocabulary;
use super::writer::{Trim, Writer, holds_for_zero, literal, number};
use super::{BLOCKS_MAX, dates};

/// Octets of a tag.
const TAG_MAX: usize = 300;

/// Tags that Mailchimp fills, and what to do instead.
const SYSTEM: [(&str, &str); 44] = [
    ("ARCHIVE", "there is no page of the letter on the web: take the link out"),
    ("ARCHIVE_LINK_SHORT", "there is no page of the letter on the web: take the link out"),
    ("ABUSE_EMAIL", "write the address"),
    ("CAMPAIGN", "templates read no other letters: write the text"),
    ("COMMENTS_URL", "there is no page of comments: take the link out"),
    ("COUPON", "give the list a column of codes"),
    ("CURRENT_DAY", "templates have no clock: write the day, or give the list a column for it"),
    ("CURRENT_MONTH", "templates have no clock: write the month, or give the list a column for it"),
    ("CURRENT_YEAR", "templates have no clock: write the year, or give the list a column `date`"),
    ("DATE", "templates have no clock: write the date, or give the list a column `date`"),
    ("DESCRIPTION", "write the text"),
    ("FACEBOOK", "write the link"),
    ("FEED", "templates read no feeds"),
    ("FEEDBLOCK", "templates read no feeds"),
    ("FEEDITEM", "templates read no feeds"),
    ("FEEDITEMS", "templates read no feeds"),
    ("FORWARD", "there is no page to forward the letter by: take the link out"),
    ("GOOGLEPLUS", "write the link"),
    ("HTML", "write the text"),
    ("INTEREST_GROUPS", "name the column of the group"),
    ("LIKE", "write the link"),
    ("LIST", "write what the list is called, and its address"),
    ("LIST_ADDRESS", "write the postal address"),
    ("MC", "write the text"),
    ("MC_LANGUAGE_LABEL", "give the list a column for it"),
    ("MC_TRANSLATE", "there is no page of the letter in other languages: take the link out"),
    ("MC_LANGUAGE", "give the list a column for it"),
    ("POLL", "link to a page that has it"),
    ("PROMO_CODE", "give the list a column of codes"),
    ("QRCOUPON", "give the list a column of codes"),
    ("RANDOM", "no letter is left to chance: write the text, or give the list a column of such texts"),
    ("RECENT", "templates read no other letters: write the links"),
    ("REWARDS", "take it out"),
    ("REWARDS_TEXT", "take it out"),
    ("RSSFEED", "templates read no feeds"),
    ("RSSITEM", "templates read no feeds"),
    ("RSSITEMS", "templates read no feeds"),
    ("SHARE", "write the link"),
    ("SURVEY", "link to a page that has it"),
    ("TOC", "write the links to what stands in the letter"),
    ("TRANSLATE", "there is no page of the letter in other languages: take the link out"),
    ("TWITTER", "write the link"),
    ("UPDATE_PROFILE", "link to a page of your own"),
    ("VIDEO", "link to the film, by a picture of it"),
];

/// What to do about a tag that only Mailchimp fills.
pub(super) fn advice(tag: &str) -> Option<&'static str> {
    let inside = tag.strip_prefix("*|")?.strip_suffix("|*")?;
    let word = inside.split(':').next().unwrap_or_default().trim().to_ascii_uppercase();
    match word.as_str() {
        "MC_PREVIEW_TEXT" | "MC" if is_of_the_letter(inside) => {
            Some("take it out: keys of the campaign say it (subject, preheader)")
        }
        word => instead(word),
    }
}

/// Conditions that hold for no letter: they are for Mailchimp's own pages, or are keys of the campaign here.
const NEVER: [&str; 5] = ["ARCHIVE_PAGE", "MC_PREVIEW_TEXT", "REWARDS", "SUBSCRIBE_PAGE", "TRANSLATE"];

/// A condition that is open.
struct Open {
    at: usize,
    tag: String,
    /// Whether it is known; else it was left, and its end is.
    is_known: bool,
    /// Its other side has begun.
    has_else: bool,
}

struct Work<'w, 's, 'n> {
    names: &'w Vocabulary<'n>,
    out: &'w mut Writer<'s>,
    open: Vec<Open>,
}

pub(super) fn convert(text: &str, names: &Vocabulary<'_>, out: &mut Writer<'_>) {
    let mut work = Work { names, out, open: Vec::new() };
    let mut at = 0;
    while let Some((start, end)) = next(text, at) {
        work.out.text(text.get(at..start).unwrap_or_default());
        work.tag(start, text.get(start..end).unwrap_or_default());
        at = end;
    }
    work.out.text(text.get(at..).unwrap_or_default());
    work.close_all();
    // In a letter that was begun in our words they are meant otherwise.
    if let Some(at) = ["{{ ", "{% "].iter().filter_map(|tag| text.find(tag)).min() {
        out.told(at, "a tag of ours in a template of Mailchimp is text there, and stays text");
    }
}

/// Where the next tag begins and ends.
fn next(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        let start = at + text.get(at..)?.find("*|")?;
        let inside = text.get(start + 2..)?;
        let front = inside.as_bytes().get(..TAG_MAX + 2).unwrap_or(inside.as_bytes());
        let end = memchr::memmem::find(front, b"|*").filter(|&end| end > 0);
        // `<` compares, or begins an element.
        let has_element = |tag: &str| {
            let begins = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!'));
            tag.match_indices('<').any(|(at, _)| tag.get(at + 1..).is_some_and(begins))
        };
        let is_one = |end: &usize| {
            let tag = inside.get(..*end);
            tag.is_some_and(|tag| !tag.contains(['\n', '|']) && tag.trim() == tag && !has_element(tag))
        };
        match end.filter(is_one) {
            Some(end) => return Some((start, start + 2 + end + 2)),
            None => at = start + 2,
        }
    }
}

impl Work<'_, '_, '_> {
    fn tag(&mut self, at: usize, tag: &str) {
        let inside = tag.get(2..tag.len().saturating_sub(2)).unwrap_or_default();
        let inside = decoded(inside.trim());
        let (word, rest) = inside.split_once(':').map_or((inside.as_str(), ""), |(word, rest)| (word, rest.trim()));
        let word = word.trim().to_ascii_uppercase();
        let done = match word.as_str() {
            "IF" | "IFNOT" | "INTERESTED" if self.open.len() >= BLOCKS_MAX => {
                Err("conditions stand in each other too deep".to_owned())
            }
            "DATE" | "CURRENT_YEAR" if self.names.known(&inside).is_none() => {
                let pattern = if word == "DATE" { rest } else { "Y" };
                self.today(pattern).map(|(name, code)| {
                    self.out.slot(&code, Trim::default());
                    self.out.told(at, format!("the day of sending is taken from the column `{name}` of the list"));
                })
            }
            "IF" | "IFNOT" => self.condition(&word, rest).map(|code| {
                self.begin(at, tag, true);
                self.out.statement(&format!("if {code}"), Trim::default());
            }),
            "INTERESTED" => self.interested(rest).map(|code| {
                self.begin(at, tag, true);
                self.out.statement(&format!("if {code}"), Trim::default());
            }),
            "ELSEIF" | "ELSEIFNOT" if self.is_open() => {
                let code = self.condition(word.strip_prefix("ELSE").unwrap_or("IF"), rest);
                code.and_then(|code| self.say(&format!("elif {code}")))
            }
            "ELSE" if self.is_open() => {
                if let Some(open) = self.open.last_mut() {
                    open.has_else = true;
                }
                self.say("else")
            }
            "MC_PREVIEW_TEXT" | "MC" if self.names.known(&inside).is_none() && is_of_the_letter(&inside) => {
                self.out.told(at, format!("`{tag}` is left out: keys of the campaign say it (subject, preheader)"));
                Ok(())
            }
            "END" => self.end(rest),
            "ELSE" | "ELSEIF" | "ELSEIFNOT" => Err("no condition is open here".to_owned()),
            _ => match self.value(&word, rest, &inside) {
                Ok(code) => {
                    self.out.slot(&code, Trim::default());
                    Ok(())
                }
                Err(why) => Err(why),
            },
        };
        if let Err(why) = done {
            self.out.left(at, tag, &why);
            if matches!(word.as_str(), "IF" | "IFNOT" | "INTERESTED") {
                // Its end belongs to it, and is left with it.
                self.begin(at, tag, false);
            }
        }
    }

    fn say(&mut self, code: &str) -> Result<(), String> {
        self.out.statement(code, Trim::default());
        Ok(())
    }

    fn begin(&mut self, at: usize, tag: &str, is_known: bool) {
        self.open.push(Open { at, tag: tag.to_owned(), is_known, has_else: false });
    }

    /// Whether a condition is open whose other side has not begun.
    fn is_open(&self) -> bool {
        self.out.is_one_tag() || self.open.last().is_some_and(|open| open.is_known && !open.has_else)
    }

    fn end(&mut self, rest: &str) -> Result<(), String> {
        let word = rest.trim_matches(':').to_ascii_uppercase();
        if !matches!(word.as_str(), "IF" | "IFNOT" | "INTERESTED") {
            return Err("it closes nothing that is known".to_owned());
        }
        match self.open.pop() {
            Some(open) if !open.is_known => Err(format!("{} is not, either", open.tag)),
            Some(_) => self.say("endif"),
            None if self.out.is_one_tag() => self.say("endif"),
            None => Err("no condition is open here".to_owned()),
        }
    }

    /// Conditions that nothing ends.
    fn close_all(&mut self) {
        if self.out.is_one_tag() {
            return;
        }
        while let Some(open) = self.open.pop() {
            if open.is_known {
                self.out.statement("endif", Trim::default());
                self.out.open(open.at, format!("`{}` has no end: one is put at the end of the template", open.tag));
            }
        }
    }

    /// `FNAME`, `FNAME=Ann`, `POINTS >= 5`.
    fn condition(&mut self, word: &str, rest: &str) -> Result<String, String> {
        let is_not = word == "IFNOT";
        let not = |code: String, is_whole: bool| match (is_not, is_whole) {
            (false, _) => code,
            (true, true) => format!("not {code}"),
            (true, false) => format!("not ({code})"),
        };
        let name = rest.split(['=', '<', '>', '!']).next().unwrap_or_default().trim();
        if NEVER.contains(&name.to_ascii_uppercase().as_str()) && self.names.known(name).is_none() {
            return Ok(if is_not { "true" } else { "false" }.to_owned());
        }
        let Some(at) = rest.find(['=', '<', '>', '!']) else { return Ok(not(self.field(name)?, true)) };
        let behind = rest.get(at..).unwrap_or_default();
        let (sign, ours) =
            [("!=", "!="), (">=", ">="), ("<=", "<="), ("==", "=="), ("=", "=="), (">", ">"), ("<", "<")]
                .into_iter()
                .find(|(sign, _)| behind.starts_with(sign))
                .ok_or_else(|| "the comparison is not known".to_owned())?;
        let value = behind.get(sign.len()..).unwrap_or_default().trim();
        let value = value.trim_matches(['"', '\'']);
        let field = self.field(name)?;
        let holds = self.names.holds(&field);
        let is_order = !matches!(ours, "==" | "!=");
        Ok(match number(value) {
            // What is not there has no order.
            Some(value) if is_order && holds_for_zero(ours, &value) => {
                not(format!("{field} is defined and {field} {ours} {value}"), false)
            }
            Some(value) if is_order => not(format!("{field}|default(0) {ours} {value}"), false),
            None if is_order && value.parse::<f64>().is_ok() => return Err(format!("`{value}` is no number here")),
            // A number of a JSON list is no text.
            Some(value) if holds.numbers && !holds.texts => not(format!("{field}|default(none) {ours} {value}"), false),
            _ => not(format!("{field} {ours} {}", literal(value)), false),
        })
    }

    /// `INTERESTED:Group:A,B`: the cell of the group holds its choices, with commas between.
    fn interested(&mut self, rest: &str) -> Result<String, String> {
        let (group, choices) = rest.split_once(':').ok_or_else(|| "it names no choice".to_owned())?;
        let field = self.field(group)?;
        let holds = self.names.holds(&field);
        let held = match holds.lists && !holds.texts {
            true => format!("{field}|default([])"),
            false => format!("{field}|default(\"\")|split(\",\")|map(\"trim\")|list"),
        };
        let one = |choice: &str| format!("{} in ({held})", literal(choice.trim()));
        let all: Vec<String> = choices.split(',').filter(|choice| !choice.trim().is_empty()).map(one).collect();
        if all.is_empty() { Err("it names no choice".to_owned()) } else { Ok(all.join(" or ")) }
    }

    /// What a tag prints.
    fn value(&mut self, word: &str, rest: &str, inside: &str) -> Result<String, String> {
        if !rest.is_empty() || inside.ends_with(':') {
            let filter = match word {
                "UPPER" => "upper",
                "LOWER" => "lower",
                "TITLE" => "title",
                "HTML" => "safe",
                "URL" => "urlencode",
                _ => return Err(instead(word).unwrap_or("there is no such tag here").to_owned()),
            };
            if instead(&rest.to_ascii_uppercase()).is_some() || rest.contains(':') || rest.starts_with("LIST") {
                return Err(instead(word).unwrap_or("write the text").to_owned());
            }
            return Ok(format!("{}|{filter}", self.field(rest)?));
        }
        match (self.names.known(inside), instead(word)) {
            (Some(name), _) => Ok(name),
            (None, Some(why)) => Err(why.to_owned()),
            (None, None) => self.field(inside),
        }
    }

    /// `DATE:d/m/y` is the day of sending: a list may say it.
    fn today(&self, pattern: &str) -> Result<(String, String), String> {
        let known = ["date", "today", "current_date"].iter().find_map(|name| self.names.known(name));
        let name = known.ok_or_else(|| instead("DATE").unwrap_or_default())?;
        if pattern.is_empty() {
            return Err("it names no pattern, such as DATE:d.m.Y".to_owned());
        }
        let pattern = dates::of_php(pattern).ok_or("its pattern has what `date` does not know")?;
        let code = format!("{name}|date({})", literal(&pattern));
        Ok((name, code))
    }

    /// A column.
    fn field(&mut self, name: &str) -> Result<String, String> {
        let name = name.trim();
        let upper = name.to_ascii_uppercase();
        let theirs = match upper.as_str() {
            "" => return Err("it names no column".to_owned()),
            "MERGE0" => "EMAIL",
            "MERGE1" => "FNAME",
            "MERGE2" => "LNAME",
            "UNIQID" | "EMAIL_UID" => return Ok("token".to_owned()),
            "CAMPAIGN_UID" => return Ok("campaign".to_owned()),
            _ => name,
        };
        if !theirs.chars().all(|c| c.is_alphanumeric() || "_- .".contains(c)) {
            return Err("it is no name of a column".to_owned());
        }
        let is_number =
            upper.strip_prefix("MERGE").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        let named = self.names.named(theirs);
        if is_number && theirs == name && self.names.known(theirs).is_none() {
            return Err("which field has this number stands in the audience's settings: write its name".to_owned());
        }
        if named.is_missing { Err(format!("the list has no column `{theirs}`")) } else { Ok(named.name) }
    }
}

/// Whether a tag says what a key of the campaign says.
fn is_of_the_letter(inside: &str) -> bool {
    matches!(inside.to_ascii_uppercase().as_str(), "MC_PREVIEW_TEXT" | "MC:SUBJECT")
}

fn instead(word: &str) -> Option<&'static str> {
    SYSTEM.iter().find(|(system, _)| *system == word).map(|(_, instead)| *instead)
}

/// What web editors write in a tag as plain characters.
fn decoded(inside: &str) -> String {
    let mut text = inside.to_owned();
    for (theirs, ours) in [
        ("&gt;", ">"),
        ("&lt;", "<"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("\u{a0}", " "),
        ("&amp;", "&"),
    ] {
        text = text.replace(theirs, ours);
    }
    text
}
