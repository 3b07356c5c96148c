//! How the records of a list are told apart: what separates fields and ends lines, found at the list's front.
//!
//! Guarantees: what is found depends on the front and the settings alone, so that a list is read in the same way each time.
//! A separator is found where the header line has it: the one by which most lines have as many fields as that, and an
//! address among them. Leaves to others: reading records.

use super::Format;
use crate::mail::Mailbox;

/// What may separate fields, the likelier first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Lines that are looked at.
const LINES: usize = 40;
/// Excel's word for a separator, on a line before the header.
const SEPARATOR: &[u8] = b"sep=";
/// A UTF-8 byte order mark.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The kinds of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Fields with this octet between them, below a header line.
    Separated(u8),
    /// One JSON object a line.
    Lines,
    /// JSON objects in one array.
    Array,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Its kind.
    pub kind: Kind,
    /// What a line ends with: LF, or CR alone.
    pub line_end: u8,
    /// Octets before the first record…
    pub front_octets: usize,
    /// …and lines.
    pub front_lines: u64,
    /// Whether a line before the header names the separator.
    pub is_named: bool,
}

impl Form {
    /// How a list is written that begins with `head` (all of it, where `is_whole`).
    pub fn of(head: &[u8], is_whole: bool, format: Format, delimiter: Option<u8>) -> Self {
        let mut front_octets = 0;
        let mut text = head;
        while let Some(rest) = text.strip_prefix(MARK) {
            (text, front_octets) = (rest, front_octets + MARK.len());
        }
        let line_end = line_end(text, is_whole);
        let (mut front_lines, mut named) = (0, None);
        let kind = match format {
            Format::Jsonl if text.trim_ascii_start().starts_with(b"[") => Kind::Array,
            Format::Jsonl => Kind::Lines,
            Format::Csv | Format::Tsv => {
                if let Some((separator, octets)) = separator_line(text, line_end) {
                    (named, front_lines) = (Some(separator), 1);
                    front_octets += octets;
                    text = text.get(octets..).unwrap_or_default();
                }
                let usual = if format == Format::Tsv { b'\t' } else { b',' };
                let found = || separator_of(&lines_of(text, is_whole, line_end), usual);
                Kind::Separated(delimiter.or(named).unwrap_or_else(found))
            }
        };
        Self { kind, line_end, front_octets, front_lines, is_named: named.is_some() }
    }

    /// What is not as a list of this format has it, in words.
    pub fn words(&self, format: Format) -> Vec<String> {
        let mut words = Vec::new();
        let usual = if format == Format::Tsv { b'\t' } else { b',' };
        match self.kind {
            Kind::Array => words.push("one JSON array".to_owned()),
            Kind::Separated(delimiter) if delimiter != usual || self.is_named => {
                words.push(format!("separated by {}", name_of(delimiter)));
            }
            Kind::Separated(_) | Kind::Lines => {}
        }
        if self.line_end == b'\r' {
            words.push("with lines that end with CR".to_owned());
        }
        words
    }

    /// What its records are, in words that tell one kind from another.
    pub fn told(&self) -> String {
        let kind = match self.kind {
            Kind::Separated(delimiter) => format!("separated by {}", name_of(delimiter)),
            Kind::Lines => "JSON objects on lines".to_owned(),
            Kind::Array => "one JSON array".to_owned(),
        };
        if self.line_end == b'\r' { format!("{kind}, with lines that end with CR") } else { kind }
    }

    /// That of a sheet, which was written as CSV here.
    pub const SHEET: Self =
        Self { kind: Kind::Separated(b','), line_end: b'\n', front_octets: 0, front_lines: 0, is_named: false };
}

/// Which sheet a list is, in words.
pub fn sheet_words(name: &str, others: &[String]) -> String {
    const CHARACTERS: usize = 40;
    let shown = |name: &str| format!("{:?}", name.chars().take(CHARACTERS).collect::<String>());
    let others: Vec<String> = others.iter().map(|name| shown(name)).collect();
    match others.is_empty() {
        true => format!("the sheet {}", shown(name)),
        false => format!("the sheet {} (not {}: sheet names another)", shown(name), others.join(", ")),
    }
}

/// What a separator is called.
fn name_of(delimiter: u8) -> String {
    match delimiter {
        b',' => "commas".to_owned(),
        b';' => "semicolons".to_owned(),
        b'\t' => "tabs".to_owned(),
        other => format!("{:?}", char::from(other)),
    }
}

/// CR, where lines end with it and no line ends with LF.
fn line_end(text: &[u8], is_whole: bool) -> u8 {
    // The LF of the last CR may stand behind what is there.
    let text = if is_whole { text } else { text.strip_suffix(b"\r").unwrap_or(text) };
    match memchr::memchr2(b'\n', b'\r', text) {
        Some(at) if text.get(at) == Some(&b'\r') && memchr::memchr(b'\n', text).is_none() => b'\r',
        _ => b'\n',
    }
}

/// The separator that the first line names, and the octets of that line.
fn separator_line(text: &[u8], line_end: u8) -> Option<(u8, usize)> {
    let octets = memchr::memchr(line_end, text).map_or(text.len(), |at| at + 1);
    let line = text.get(..octets)?;
    let line = line.strip_suffix(&[line_end]).unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let (word, separator) = line.split_at_checked(SEPARATOR.len())?;
    match separator {
        [one] if word.eq_ignore_ascii_case(SEPARATOR) && is_separator(*one) => Some((*one, octets)),
        _ => None,
    }
}

/// Whether an octet may separate fields.
#[must_use]
pub fn is_separator(octet: u8) -> bool {
    octet == b'\t'
        || (octet.is_ascii_punctuation() && !matches!(octet, b'"' | b'\'' | b'@' | b'.' | b'-' | b'_' | b'+'))
}

/// The first lines that are not empty, without their ends; line ends inside quotes end none.
fn lines_of(text: &[u8], is_whole: bool, line_end: u8) -> Vec<&[u8]> {
    let (mut lines, mut from, mut is_quoted) = (Vec::new(), 0, false);
    for at in memchr::memchr2_iter(line_end, b'"', text) {
        if text.get(at) == Some(&b'"') {
            is_quoted = !is_quoted;
        } else if !is_quoted {
            lines.extend(text.get(from..at).map(<[u8]>::trim_ascii_end).filter(|line| !is_blank(line)));
            from = at + 1;
            if lines.len() == LINES {
                return lines;
            }
        }
    }
    if is_whole || lines.is_empty() {
        lines.extend(text.get(from..).map(<[u8]>::trim_ascii_end).filter(|line| !is_blank(line)));
    }
    lines
}

/// Whether nothing but separators stands in a line.
fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|octet| octet.is_ascii_whitespace() || DELIMITERS.contains(octet))
}

fn separator_of(lines: &[&[u8]], usual: u8) -> u8 {
    let lines = without_title(lines);
    let Some((header, rows)) = lines.split_first() else { return usual };
    let others = DELIMITERS.into_iter().filter(|delimiter| *delimiter != usual);
    let mut best = (usual, (0, 0));
    for delimiter in std::iter::once(usual).chain(others) {
        let fields = fields_of(header, delimiter).count();
        if fields > 1 {
            let alike = rows.iter().filter(|row| fields_of(row, delimiter).count() == fields).count();
            let addressed = rows.iter().filter(|row| fields_of(row, delimiter).any(is_mailbox)).count();
            // A header alone tells by its fields.
            let fit = (addressed.saturating_mul(2).saturating_add(alike), fields);
            let is_better = if rows.is_empty() { fields > best.1.1 } else { fit.0 > best.1.0 };
            if is_better || best.1.1 == 0 {
                best = (delimiter, fit);
            }
        }
    }
    best.0
}

/// The lines without the titles above the headings: single cells, by a separator of which the line before the first address
/// has as many as that one, where none gives the first line so many.
fn without_title<'a, 'l>(lines: &'a [&'l [u8]]) -> &'a [&'l [u8]] {
    let addressed = lines.iter().position(|line| memchr::memchr(b'@', line).is_some()).unwrap_or(0);
    let headings = addressed.saturating_sub(1);
    let (Some(first), Some(titles)) = (lines.first(), lines.get(..headings)) else { return lines };
    let count = |line: &[u8], delimiter: u8| fields_of(line, delimiter).count();
    let is_like = |line: &[u8], delimiter: u8| {
        let fields = lines.get(addressed).map_or(0, |row| count(row, delimiter));
        fields > 1 && count(line, delimiter) == fields
    };
    let is_title = |line: &&[u8], delimiter: u8| {
        fields_of(line, delimiter).filter(|field| !field.trim_ascii().is_empty()).count() <= 1
    };
    let fits = |delimiter: &u8| {
        lines.get(headings).is_some_and(|line| is_like(line, *delimiter))
            && titles.iter().all(|line| is_title(line, *delimiter))
    };
    let has_headings_first =
        DELIMITERS.iter().any(|delimiter| is_like(first, *delimiter) && !is_title(first, *delimiter));
    if has_headings_first || !DELIMITERS.iter().any(fits) { lines } else { lines.get(headings..).unwrap_or(lines) }
}

/// The fields of a line, as far as quotes that match tell them.
fn fields_of(line: &[u8], delimiter: u8) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    line.split(move |octet| {
        is_quoted ^= *octet == b'"';
        *octet == delimiter && !is_quoted
    })
}

fn is_mailbox(field: &[u8]) -> bool {
    let field = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field);
    memchr::memchr(b'@', field).is_some() && Mailbox::parse(field).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delimiter(list: &str) -> char {
        match Form::of(list.as_bytes(), true, Format::Csv, None).kind {
            Kind::Separated(octet) => char::from(octet),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_separator_is_found_by_header_and_rows() {
        for (list, wanted) in [
            ("email,name\na@b.example,A\n", ','),
            ("email;name\na@b.example;A, B\n", ';'),
            ("email\tname\na@b.example\tA; B, C\n", '\t'),
            ("email|name\na@b.example|A\n", '|'),
            ("Name, Vorname;E-Mail\nLee, Ann;a@b.example\nKay, Bob;b@b.example\n", ';'),
            ("\"a;b\",email\n\"x;y\",a@b.example\n", ','),
            ("email\na@b.example\n", ','),
            ("email;name\n", ';'),
            ("email;name;a,b\n", ';'),
            ("\n;;\nemail;name\n\"a\nb\";a@b.example\n", ';'),
            ("Customers\nemail;amount, net\na@b.example;1\n", ';'),
            ("Customers, May\nName;email\nA;a@b.example\n", ';'),
            ("Customers;;\n;;\nName;email;x\nA;a@b.example;1\n", ';'),
            ("email,name\nn/a;b,c\na@b.example;z,w\n", ','),
            ("email\na@b.example; b@b.example\n", ','),
            ("email\nnobody; nowhere\na@b.example\n", ','),
            ("email;amount\na@b.example;1,50\nb@b.example;2,75\n", ';'),
            ("", ','),
        ] {
            assert_eq!(delimiter(list), wanted, "{list:?}");
        }
        let tabbed = Form::of(b"email\tname, first\n", true, Format::Tsv, None);
        assert_eq!(tabbed.kind, Kind::Separated(b'\t'));
        let asked = Form::of(b"email,name\n", true, Format::Csv, Some(b'#'));
        assert_eq!(asked.kind, Kind::Separated(b'#'));
    }

    #[test]
    fn a_line_that_names_the_separator_is_no_header() {
        for (list, octets) in
            [("sep=;\r\nemail;a,b\r\n", 7), ("\u{feff}\u{feff}SEP=;\nx\n", 12), ("\"sep=;\"\ra\r", 8), ("sep=;", 5)]
        {
            let form = Form::of(list.as_bytes(), true, Format::Csv, None);
            assert_eq!(
                (form.kind, form.front_octets, form.front_lines),
                (Kind::Separated(b';'), octets, 1),
                "{list:?}"
            );
        }
        for list in ["sep=;;\n", "sep=\n", "separator;x\n", "sep=a\n"] {
            assert_eq!(Form::of(list.as_bytes(), true, Format::Csv, None).front_lines, 0, "{list:?}");
        }
    }

    #[test]
    fn lines_end_with_cr_alone_where_none_ends_otherwise() {
        for (list, is_whole, wanted) in [
            ("a\rb\r", true, b'\r'),
            ("a\r\nb\r\n", true, b'\n'),
            ("a\nb\rc", true, b'\n'),
            ("a\rb\nc", true, b'\n'),
            ("a", true, b'\n'),
            ("a\r", true, b'\r'),
            ("a\r", false, b'\n'),
        ] {
            assert_eq!(Form::of(list.as_bytes(), is_whole, Format::Csv, None).line_end, wanted, "{list:?}");
        }
    }

    #[test]
    fn an_array_of_objects_is_told_from_objects_on_lines() {
        for (list, kind) in [(" \n[\n{\"a\":1}]", Kind::Array), ("{\"a\":[1]}\n", Kind::Lines), ("", Kind::Lines)] {
            assert_eq!(Form::of(list.as_bytes(), true, Format::Jsonl, None).kind, kind);
        }
    }
}
