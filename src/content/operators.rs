//! Words and signs of other languages in a tag that cannot be read: `elseif`, `&&`, `!vip`, `tags contains "a"`, `===`: what is written
//! here instead.
//!
//! Guarantees: only a tag that does not compile is looked at; what stands in quotes is left alone, and what is told is the whole tag.
//! Leaves to others: tags of other engines that are known as theirs (`foreign`).

use super::foreign::unquoted;
use super::syntax::Syntax;
use super::tags;

/// Statements of other languages, and ours.
const STATEMENTS: [(&str, &str); 11] = [
    ("else if", "elif"),
    ("elseif", "elif"),
    ("elsif", "elif"),
    ("foreach", "for"),
    ("endforeach", "endfor"),
    ("endeach", "endfor"),
    ("fi", "endif"),
    ("end if", "endif"),
    ("end for", "endfor"),
    ("endelse", "endif"),
    ("let", "set"),
];
/// Signs and words of other languages, and ours; the longer ones first.
const SIGNS: [(&str, &str); 16] = [
    ("!==", "!="),
    ("===", "=="),
    ("<>", "!="),
    ("=>", ">="),
    ("=<", "<="),
    ("&&", " and "),
    ("&amp;&amp;", " and "),
    ("||", " or "),
    (" AND ", " and "),
    (" OR ", " or "),
    (" NOT ", " not "),
    (" eq ", " == "),
    (" ne ", " != "),
    (" gt ", " > "),
    (" lt ", " < "),
    (" equals ", " == "),
];

/// What to write in the place of the tag in which an octet stands, where it has something of another language.
pub(crate) fn instead(text: &str, at: usize, syntax: Syntax) -> Option<String> {
    let tag = tag_at(text, at)?;
    let (open, inside) = tag.split_at_checked(2)?;
    let inside = inside.get(..inside.len().checked_sub(2)?)?;
    let (front, words) = inside.split_at(inside.len() - inside.trim_start_matches(['-', '+']).len());
    let (words, back) = words.split_at(words.trim_end_matches(['-', '+']).len());
    let mut code = words.trim().to_owned();
    if open == "{%" {
        if code == "end" {
            return ended(text, at).map(|ours| format!("write {}", syntax.statement(&ours)));
        }
        code = statement(&code);
    }
    code = signs(&code);
    code = negated(&code);
    code = contained(&code);
    code = chosen(&code);
    let code = squeezed(&code);
    if code == squeezed(words.trim()) {
        return None;
    }
    let whole = if open == "{%" { syntax.statement(&code) } else { syntax.slot(&code) };
    let (opens, closes) = whole.split_at(2);
    let (closes, ends) = closes.split_at_checked(closes.len().checked_sub(2)?)?;
    Some(format!("write {opens}{front}{closes}{back}{ends}"))
}

/// What ends the block that is open before an octet.
fn ended(text: &str, at: usize) -> Option<String> {
    let mut open = Vec::new();
    for tag in text.get(..at)?.split("{%").skip(1) {
        let tag = tag.trim_start_matches(['-', '+']).trim_start();
        let word = tag.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        match word {
            "if" | "for" | "with" | "macro" | "filter" | "block" | "call" | "autoescape" => open.push(word),
            word if word.starts_with("end") => _ = open.pop().filter(|_| word != "end"),
            _ => {}
        }
    }
    // The tag itself may be among them.
    open.last().map(|word| format!("end{word}"))
}

/// The code with `a if x else b` for `x ? a : b`.
fn chosen(code: &str) -> String {
    let bare = unquoted(code);
    let parts = || {
        let ask = bare.find('?')?;
        let colon = ask + bare.get(ask..)?.rfind(':')?;
        let is_one = bare.matches('?').count() == 1 && bare.matches(':').count() == 1;
        let all = (code.get(..ask)?.trim(), code.get(ask + 1..colon)?.trim(), code.get(colon + 1..)?.trim());
        (is_one && ![all.0, all.1, all.2].contains(&"")).then(|| format!("{} if {} else {}", all.1, all.0, all.2))
    };
    parts().unwrap_or_else(|| code.to_owned())
}

/// The tag of a template that an octet stands in, or at whose end it is.
fn tag_at(text: &str, at: usize) -> Option<&str> {
    let front = text.get(..at + 2).or_else(|| text.get(..at)).unwrap_or(text);
    let open = front.rfind("{%").max(front.rfind("{{"))?;
    let rest = text.get(open..)?;
    let close = if rest.starts_with("{%") { &b"%}"[..] } else { &b"}}"[..] };
    let length = tags::length(rest.as_bytes(), close)?;
    (open + length >= at).then(|| rest.get(..length)).flatten()
}

/// The code with our word for the statement.
fn statement(code: &str) -> String {
    let begins = |theirs: &str| {
        let rest = code.strip_prefix(theirs)?;
        (!rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')).then_some(rest)
    };
    let known = STATEMENTS.iter().find_map(|(theirs, ours)| Some((*ours, begins(theirs)?)));
    match known {
        Some((ours, rest)) => {
            // What stands in parentheses behind it is a condition as well.
            let rest = rest.trim();
            if rest.is_empty() { ours.to_owned() } else { format!("{ours} {rest}") }
        }
        None => code.to_owned(),
    }
}

/// The code with our signs, outside of quotes.
fn signs(code: &str) -> String {
    let mut code = code.to_owned();
    for (theirs, ours) in SIGNS {
        while let Some(at) = unquoted(&code).find(theirs) {
            code.replace_range(at..at + theirs.len(), ours);
        }
    }
    // One sign of equality compares nothing.
    let bare = unquoted(&code);
    let is_alone = |at: &usize| {
        let octet = |at: usize| bare.as_bytes().get(at).copied().unwrap_or_default();
        !b"=!<>~".contains(&octet(at.wrapping_sub(1))) && octet(at + 1) != b'='
    };
    let is_condition = ["if ", "elif "].iter().any(|word| bare.starts_with(word)) && !bare.contains('(');
    let alone: Vec<usize> = bare.match_indices('=').map(|(at, _)| at).filter(is_alone).collect();
    for at in alone.into_iter().rev().filter(|_| is_condition) {
        code.insert(at, '=');
    }
    code
}

/// The code with `not` for each `!` that is no part of `!=`.
fn negated(code: &str) -> String {
    let bare = unquoted(code);
    let is_not = |at: &usize| bare.as_bytes().get(at + 1) != Some(&b'=');
    let places: Vec<usize> = bare.match_indices('!').map(|(at, _)| at).filter(is_not).collect();
    let mut code = code.to_owned();
    for at in places.into_iter().rev() {
        code.replace_range(at..=at, " not ");
    }
    code
}

/// The code with `y in x` for `x contains y`.
fn contained(code: &str) -> String {
    const MARK: &str = " contains ";
    let mut code = code.to_owned();
    while let Some(at) = unquoted(&code).find(MARK) {
        let behind = at + MARK.len();
        let bare = unquoted(&code);
        let is_end = |c: char| c.is_whitespace() || "()".contains(c);
        let from = bare.get(..at).and_then(|front| front.rfind(is_end)).map_or(0, |end| end + 1);
        let rest = code.get(behind..).unwrap_or_default();
        let to = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => rest.get(1..).and_then(|rest| rest.find(quote)).map(|end| end + 2),
            _ => rest.find(is_end),
        };
        let to = behind + to.unwrap_or(rest.len());
        let (Some(whole), Some(part)) = (code.get(from..at), code.get(behind..to)) else { break };
        let ours = format!("{part} in {whole}");
        code.replace_range(from..to, &ours);
    }
    code
}

/// The code with one blank where there are several, outside of quotes.
fn squeezed(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut quote = None;
    let mut was_blank = false;
    for c in code.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            _ => {}
        }
        let is_blank = c == ' ' && quote.is_none();
        if !(is_blank && (was_blank || out.ends_with('('))) {
            out.push(c);
        }
        was_blank = is_blank;
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_languages_write_is_told_as_the_tag_to_write() {
        for (theirs, ours) in [
            ("{% elseif x %}", "{% elif x %}"),
            ("{%- else if x == 'a && b' -%}", "{%- elif x == 'a && b' -%}"),
            ("{% if a && b || !c %}", "{% if a and b or not c %}"),
            ("{% if a&&b %}", "{% if a and b %}"),
            ("{% if !(a) %}", "{% if not (a) %}"),
            ("{% if a !== b %}", "{% if a != b %}"),
            ("{% if a === \"=\" %}", "{% if a == \"=\" %}"),
            ("{% if a = \"b\" %}", "{% if a == \"b\" %}"),
            ("{% if a <> b %}", "{% if a != b %}"),
            ("{% if tags contains \"a b\" and x %}", "{% if \"a b\" in tags and x %}"),
            ("{% if (tags contains x) %}", "{% if (x in tags) %}"),
            ("{% if a AND NOT b %}", "{% if a and not b %}"),
            ("{{ a ? 'b?' : 'c' }}", "{{ 'b?' if a else 'c' }}"),
            ("{% foreach x in y %}", "{% for x in y %}"),
            ("{% endforeach %}", "{% endfor %}"),
            ("{{ 'a' if !b else 'c' }}", "{{ 'a' if not b else 'c' }}"),
        ] {
            let text = format!("{{{{ a }}}} {theirs} {{{{ b }}}}");
            let at = 8 + theirs.len() / 2;
            assert_eq!(instead(&text, at, Syntax::Jinja), Some(format!("write {ours}")), "{theirs}");
        }
        for (text, ours) in
            [("{% if a %}{% for b in c %}{% endfor %}{% end %}", "endif"), ("{% for a in b %}{% end %}", "endfor")]
        {
            let told = instead(text, text.len() - 4, Syntax::Jinja);
            assert_eq!(told, Some(format!("write {{% {ours} %}}")), "{text}");
        }
        let told = instead("{% if a && b %}", 8, Syntax::Brackets);
        assert_eq!(told.as_deref(), Some("write [% if a and b %]"));
        for text in ["{% if a and b %}", "{{ a|default('&&') }}", "{% if a == '!' %}", "{{ 'a || b' }}", "{% if", "x"] {
            for at in 0..text.len() {
                assert_eq!(instead(text, at, Syntax::Jinja), None, "{text}");
            }
        }
    }
}
