//! Dates: read as lists and programs write them, written by a pattern with the names of a locale.

use super::{invalid, is_empty, locale_in, shown};
use crate::content::convert::dates::{of_moment, of_php};
use crate::content::locale::{Calendar, Locality};
use jiff::civil::{Date, DateTime};
use jiff::fmt::temporal::Pieces;
use minijinja::value::{Kwargs, Value};
use minijinja::{Error, State};
use std::fmt::Write as _;

/// A day, perhaps with a time of the day: of the place that it was written at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    at: DateTime,
    has_time: bool,
    /// Whether it is more than a time of the day.
    has_day: bool,
}

/// Letters of patterns that are about the time of a day.
const OF_TIME: [char; 16] = ['H', 'I', 'M', 'S', 'p', 'P', 'X', 'T', 'R', 'r', 'k', 'l', 'f', 'N', 'Z', 'z'];

impl Moment {
    /// How it is written where nobody says more.
    fn usual(&self, calendar: &Calendar) -> &'static str {
        match (self.has_day, self.has_time) {
            (true, true) => calendar.both,
            (true, false) => calendar.date,
            (false, _) => calendar.time,
        }
    }

    /// As ISO 8601 writes it: in this form text sorts as time does.
    pub(crate) fn text(&self) -> String {
        self.at.strftime(if self.has_time { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%d" }).to_string()
    }
}

/// `{{ due | date("%e. %B %Y", locale="de") }}`; `from` says how the value is written where that is not certain.
pub(crate) fn date(state: &State, value: &Value, pattern: Option<&str>, kwargs: Kwargs) -> Result<String, Error> {
    let from = kwargs.get::<Option<&str>>("from")?;
    let calendar = locale_in(state, &kwargs)?.calendar();
    if is_empty(value) {
        return Ok(String::new());
    }
    let moment = match i64::try_from(value.clone()).ok().filter(|_| value.is_number()) {
        Some(second) => of_second(second),
        None => read(value.to_string().trim(), from).or_else(|| time(value.to_string().trim(), from)),
    };
    let moment = moment.ok_or_else(|| {
        let shown = shown(value);
        invalid(match from {
            Some(from) => format!("{shown:?} is no date that is written as {from:?}"),
            None => format!("{shown:?} is no date: {}", way_on(&shown)),
        })
    })?;
    write(&moment, pattern.unwrap_or(moment.usual(&calendar)), &calendar)
}

/// Whether `date` writes a text with this pattern, or without one.
#[must_use]
pub fn writes_date(text: &str, pattern: Option<&str>) -> bool {
    let calendar = Locality::usual().calendar();
    let moment = read(text.trim(), None).or_else(|| time(text.trim(), None));
    moment.is_some_and(|moment| write(&moment, pattern.unwrap_or(moment.usual(&calendar)), &calendar).is_ok())
}

/// Forms of dates that are not certain, or not read without being named.
const FORMS: [&str; 18] = [
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%Y/%m/%d",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%d.%m.%y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %I:%M %p",
    "%d/%m/%Y %I:%M %p",
    "%d-%m-%Y %H:%M",
];
/// Nobody writes a date of a year before this one in a list.
const YEAR_MIN: i16 = 1000;

/// A date in a form in which text does not sort as time does: what reads it (`None`: each date filter and type), and how ISO 8601
/// writes it.
pub(crate) fn unsorted(text: &str) -> Vec<(Option<&'static str>, String)> {
    let text = text.trim();
    if let Some(moment) = with_dots(text) {
        return vec![(None, moment.text())];
    }
    let of = |form: &&'static str| {
        let moment = read(text, Some(form)).filter(|moment| moment.at.year() >= YEAR_MIN && !form.starts_with("%Y"))?;
        let moment = Moment { has_time: form.contains(":%M"), ..moment };
        Some((Some(*form), moment.text()))
    };
    FORMS.iter().filter_map(of).collect()
}

/// What to do with a text that is read as no date.
fn way_on(text: &str) -> String {
    const SHEET_DAYS: std::ops::Range<u32> = 20_000..80_000;
    if text.len() == 5 && text.parse().is_ok_and(|days| SHEET_DAYS.contains(&days)) {
        return "it may be a sheet's number of a day: give these cells a format of dates, and export the list again"
            .to_owned();
    }
    // `%Y` reads two digits, too, as a year of long ago.
    let is_so = |form: &&&str| read(text, Some(form)).is_some_and(|moment| moment.at.year() >= YEAR_MIN);
    let forms: Vec<String> = FORMS.iter().filter(is_so).map(|form| format!("from={form:?}")).collect();
    match forms.is_empty() {
        true => "write it as 2026-12-24 in the list".to_owned(),
        false => format!("write 2026-12-24, or say how it is written: date(…, {})", forms.join(", or ")),
    }
}

/// A second of Unix; what would be one of a year far off is in milliseconds.
fn of_second(second: i64) -> Option<Moment> {
    const MILLISECONDS: std::ops::Range<i64> = 1_000_000_000_000..2_000_000_000_000;
    let second = if MILLISECONDS.contains(&second) { second / 1000 } else { second };
    let at = jiff::Timestamp::from_second(second).ok()?;
    Some(Moment { at: jiff::tz::Offset::UTC.to_datetime(at), has_time: true, has_day: true })
}

/// Reads a date: by `from`, else ISO 8601, `24.12.2026`, or as mail headers write it.
pub(crate) fn read(text: &str, from: Option<&str>) -> Option<Moment> {
    if let Some(from) = from {
        let parsed = jiff::fmt::strtime::parse(from, text).ok()?;
        return match parsed.to_datetime() {
            Ok(at) => Some(Moment { at, has_time: true, has_day: true }),
            Err(_) => parsed.to_date().ok().map(of_day),
        };
    }
    if let Ok(pieces) = Pieces::parse(text) {
        let time = pieces.time();
        let at = pieces.date().to_datetime(time.unwrap_or_default());
        return Some(Moment { at, has_time: time.is_some(), has_day: true });
    }
    if let Some(day) = with_dots(text) {
        return Some(day);
    }
    if let Some(moment) = of_unix(text) {
        return Some(moment);
    }
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Moment { at: zoned.datetime(), has_time: true, has_day: true })
}

/// Seconds of Unix as text, of the years 2001 to 2033, and milliseconds of those: `1767225600`, `1767225600.5`, `1767225600000`.
fn of_unix(text: &str) -> Option<Moment> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_one = whole.starts_with('1') && matches!(whole.len(), 10 | 13) && are_digits(whole) && are_digits(fraction);
    whole.parse().ok().filter(|_| is_one).and_then(of_second)
}

fn of_day(day: Date) -> Moment {
    Moment { at: day.to_datetime(jiff::civil::Time::midnight()), has_time: false, has_day: true }
}

/// Reads a time of the day by `from`, else `14:30`, `9:05:00`, `2:30 PM`.
fn time(text: &str, from: Option<&str>) -> Option<Moment> {
    const FORMS: [&str; 4] = ["%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p"];
    let of = |form: &str| jiff::fmt::strtime::parse(form, text).ok()?.to_time().ok();
    let time = match from {
        Some(from) => of(from),
        None => FORMS.into_iter().find_map(of),
    };
    time.map(|time| Moment { at: Date::constant(2000, 1, 1).to_datetime(time), has_time: true, has_day: false })
}

/// `24.12.2026`, `24.12.2026 18:30`: with dots the day stands first, wherever that is written.
fn with_dots(text: &str) -> Option<Moment> {
    let (day, time) = text.split_once(' ').map_or((text, None), |(day, time)| (day, Some(time)));
    let mut parts = day.split('.');
    let mut next = |digits: std::ops::RangeInclusive<usize>| {
        let part = parts.next()?;
        let fits = digits.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<i16>().ok().filter(|_| fits)
    };
    let (day, month, year) = (next(1..=2)?, next(1..=2)?, next(4..=4)?);
    if parts.next().is_some() {
        return None;
    }
    let day = of_day(Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?);
    let Some(time) = time else { return Some(day) };
    let time: jiff::civil::Time = time.trim().parse().ok()?;
    Some(Moment { at: day.at.date().to_datetime(time), has_time: true, has_day: true })
}

/// What is wrong with a pattern, and what to write instead.
pub(crate) fn wrong_pattern(pattern: &str) -> Option<(String, String)> {
    let calendar = Locality::usual().calendar();
    let sample = of_day(Date::constant(2026, 12, 24));
    let fails = |pattern: &str| write(&sample, pattern, &calendar).err();
    let write_it = |near: Option<String>| match near.filter(|near| near.contains('%') && fails(near).is_none()) {
        Some(near) => format!("write {near:?}"),
        None => "write it as strftime does: \"%Y-%m-%d\", \"%e. %B %Y\", \"%A, %H:%M\"".to_owned(),
    };
    if !pattern.contains('%') {
        let problem = format!("the pattern {pattern:?} has no `%`, so that every date would come out as that");
        let near = match pattern.to_ascii_lowercase().as_str() {
            "short" => Some("%x".to_owned()),
            "medium" | "long" | "full" => Some("%e. %B %Y".to_owned()),
            "iso" => Some("%Y-%m-%d".to_owned()),
            _ => of_moment(pattern).or_else(|| of_php(pattern)),
        };
        return Some((problem, write_it(near)));
    }
    let error = fails(pattern)?;
    let problem = error.detail().unwrap_or("the pattern cannot be read").to_owned();
    let mut parts = pattern.split('%');
    let mut near = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // One letter of PHP may stand behind the sign.
        let letter: String = part.chars().take(1).collect();
        match fails(&format!("%{part}")).and_then(|_| of_php(&letter)) {
            Some(ours) => near.extend([ours.as_str(), part.get(letter.len()..).unwrap_or_default()]),
            None => near.extend(["%", part]),
        }
    }
    Some((problem, write_it(Some(near))))
}

/// strftime, with the names of `calendar`. `%-d` and `%e` leave out the zero.
fn write(moment: &Moment, pattern: &str, calendar: &Calendar) -> Result<String, Error> {
    let name = |names: &'static [&'static str], index: usize| names.get(index).copied().unwrap_or_default();
    let day = usize::try_from(moment.at.weekday().to_sunday_zero_offset()).unwrap_or(0);
    let month = usize::try_from(moment.at.month() - 1).unwrap_or(0);
    let half = name(calendar.halves, usize::from(moment.at.hour() >= 12));
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, behind)) = rest.split_once('%') {
        out.push_str(before);
        let flags = behind.len() - behind.trim_start_matches(['-', '_', '0', '^', '#', 'E', 'O', ':', '.']).len();
        let Some(letter) = behind.get(flags..).and_then(|behind| behind.chars().next()) else {
            return Err(invalid(format!("the pattern {pattern:?} ends within a %")));
        };
        let length = flags + letter.len_utf8();
        if !moment.has_day && !OF_TIME.contains(&letter) {
            let text = moment.at.time();
            return Err(invalid(format!(
                "{text} is a time without a day, and `%{letter}` in the pattern asks for one"
            )));
        }
        match letter {
            'A' => out.push_str(name(calendar.days, day)),
            'a' => out.push_str(name(calendar.days_short, day)),
            'B' => out.push_str(name(calendar.months, month)),
            'b' | 'h' => out.push_str(name(calendar.months_short, month)),
            'p' => out.push_str(half),
            'P' => out.push_str(&half.to_lowercase()),
            'x' => out.push_str(&write(moment, calendar.date, calendar)?),
            'X' => out.push_str(&write(moment, calendar.time, calendar)?),
            'c' => out.push_str(&write(moment, calendar.both, calendar)?),
            'r' => out.push_str(&write(moment, "%I:%M:%S %p", calendar)?),
            // The zone of what was written is not known any more.
            'Z' | 'z' => {}
            'e' => {
                let _ = write!(out, "{}", moment.at.day());
            }
            letter => {
                // E and O ask for digits of another script.
                let flags: String = behind.chars().take(flags).filter(|c| !"EO".contains(*c)).collect();
                let one = format!("%{flags}{letter}");
                // What the type prints by itself leaves a letter that it does not know as it stands.
                let text = jiff::fmt::strtime::format(&one, moment.at)
                    .map_err(|_| invalid(format!("`{one}` in the pattern {pattern:?} is not known")))?;
                out.push_str(&text);
            }
        }
        rest = behind.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(out.trim().to_owned())
}
