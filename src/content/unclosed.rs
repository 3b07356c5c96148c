//! Statements of a template that nothing ends, and ends of none: `{% if vip %}` without `{% endif %}`.
//!
//! Guarantees: told of texts that the engine below has refused only. Leaves to others: what stands in the tags.

use super::syntax::Syntax;
use super::tags;

/// Characters of a statement that are shown.
const CHARACTERS: usize = 40;

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unclosed {
    /// The first octet of the statement.
    pub(crate) at: usize,
    pub(crate) problem: String,
    pub(crate) hint: String,
}

/// Whether the engine below has refused a text for an end that is missing or too many.
pub(crate) fn is_of_ends(error: &minijinja::Error) -> bool {
    error.detail().is_some_and(|why| why.contains("end of input") || why.contains("unknown statement end"))
}

/// The first end that is none of the statement before it, or the last statement that nothing ends.
pub(crate) fn find(text: &str, syntax: Syntax) -> Option<Unclosed> {
    let mut open: Vec<(usize, &str, &str)> = Vec::new();
    for (at, code) in statements(text)? {
        let word = code.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        let Some(ended) = word.strip_prefix("end") else {
            open.extend(tags::opens(code).then_some((at, word, code)));
            continue;
        };
        if !tags::opens(ended) {
            continue;
        }
        match open.pop() {
            Some((_, word, _)) if word == ended => {}
            Some((before, word, code)) => {
                let line = 1 + text.get(..before)?.matches('\n').count();
                let (end, begun) = (syntax.statement(&format!("end{ended}")), syntax.statement(&shown(code)));
                let problem = format!("{end} stands where {begun} of line {line} is not ended");
                let hint = format!("write {} before it", syntax.statement(&format!("end{word}")));
                return Some(Unclosed { at, problem, hint });
            }
            None => {
                let end = syntax.statement(&format!("end{ended}"));
                let problem =
                    format!("{end} ends nothing: no {} stands before it", syntax.statement(&format!("{ended} …")));
                return Some(Unclosed { at, problem, hint: "take it out, or write what it ends".to_owned() });
            }
        }
    }
    let (at, word, code) = open.pop()?;
    let end = syntax.statement(&format!("end{word}"));
    let problem = format!("{} has no {end} behind it", syntax.statement(&shown(code)));
    Some(Unclosed { at, problem, hint: format!("write {end} behind the last of what belongs to it") })
}

/// Each statement of a text: where its tag begins, and what stands in it; `None` where a tag is not closed, which is told then.
fn statements(text: &str) -> Option<Vec<(usize, &str)>> {
    let octets = text.as_bytes();
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(rest) = octets.get(at..).filter(|rest| !rest.is_empty()) {
        let length = match tags::begins(rest) {
            true => tags::whole(rest)?,
            false => memchr::memchr(b'{', rest.get(1..).unwrap_or_default()).map_or(rest.len(), |next| next + 1),
        };
        if rest.starts_with(b"{%") {
            let inside = text.get(at + 2..(at + length).saturating_sub(2)).unwrap_or_default();
            let code = inside.trim_matches(|c: char| c.is_whitespace() || "+-".contains(c));
            match code {
                "raw" => at = raw_end(text, at + length),
                code => {
                    all.push((at, code));
                    at += length;
                }
            }
        } else {
            at += length;
        }
    }
    Some(all)
}

/// Behind what is text as it stands, from octet `from` on.
fn raw_end(text: &str, from: usize) -> usize {
    let behind = text.get(from..).unwrap_or_default();
    let end = behind.match_indices("endraw").map(|(at, word)| at + word.len()).next();
    let close = end.and_then(|end| behind.get(end..)?.find("%}").map(|close| end + close + 2));
    close.map_or(text.len(), |close| from + close)
}

fn shown(code: &str) -> String {
    let mut shown: String = code.chars().take(CHARACTERS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.len() < code.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_ends_and_what_ends_nothing_is_found() {
        for (text, at, problem, hint) in [
            (
                "a{% if vip %}b\n{{ c }}",
                1,
                "{% if vip %} has no {% endif %} behind it",
                "write {% endif %} behind the last",
            ),
            ("{% if a %}{% if b %}{% endif %}", 0, "{% if a %} has no {% endif %}", "write {% endif %}"),
            (
                "\n{%- for x in y %}{% endif %}",
                18,
                "{% endif %} stands where {% for x in y %} of line 2 is not ended",
                "write {% endfor %} before it",
            ),
            (
                "{% raw %}{% if a %}{% endraw %}b{% endif %}",
                32,
                "{% endif %} ends nothing: no {% if … %}",
                "take it out",
            ),
            ("{# {% if a %} #}{% set a %}", 16, "{% set a %} has no {% endset %}", "write {% endset %}"),
        ] {
            let found = find(text, Syntax::Jinja).unwrap_or_else(|| panic!("{text}"));
            assert!(found.at == at && found.problem.starts_with(problem) && found.hint.starts_with(hint), "{found:?}");
        }
        for text in [
            "",
            "{% if a %}{% else %}{% endif %}",
            "{% set a = 1 %}",
            "{{ '{% if a %}' }}",
            "{% if",
            "{% if a %}{{ b",
            "{% raw %}{% if a %}",
        ] {
            assert_eq!(find(text, Syntax::Jinja), None, "{text}");
        }
        let found = find("{% if vip %}", Syntax::Brackets).unwrap();
        assert_eq!(found.problem, "[% if vip %] has no [% endif %] behind it");
    }
}
