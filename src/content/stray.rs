//! Braces of style sheets and scripts that read as tags of the template: `{#id` of a minified page begins a comment, which
//! swallows what stands up to the next `#}`, and `{%` a statement.
//!
//! Guarantees: nothing that a template may hold on purpose is a stray: a comment, a statement or a value within a style
//! sheet is left alone. Leaves to others: tags of other engines (`foreign`), all that does not compile (`template`).

use super::ahead::Ahead;
use super::foreign::{self, Fault};
use super::syntax::Syntax;
use minijinja::machinery;
use minijinja::syntax::SyntaxConfig;

/// So many are told of one text.
const TOLD_MAX: usize = 3;

/// Octets of a value that somebody means in a style sheet.
const SLOT_MAX: usize = 1000;

/// Words that statements begin with.
const STATEMENTS: [&str; 29] = [
    "autoescape",
    "block",
    "break",
    "call",
    "continue",
    "do",
    "elif",
    "else",
    "endautoescape",
    "endblock",
    "endcall",
    "endfilter",
    "endfor",
    "endif",
    "endmacro",
    "endraw",
    "endset",
    "endwith",
    "extends",
    "filter",
    "for",
    "from",
    "if",
    "import",
    "include",
    "macro",
    "raw",
    "set",
    "with",
];

/// Elements whose content is no markup, and what it is.
const ELEMENTS: [(&str, Language); 3] =
    [("style", Language::Css), ("mj-style", Language::Css), ("script", Language::Script)];

/// What has braces of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Css,
    Script,
}

impl Language {
    fn words(self) -> &'static str {
        match self {
            Self::Css => "style sheet",
            Self::Script => "script",
        }
    }
}

/// A stretch of another language that one is in.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    language: Language,
    /// The element that it is the content of.
    element: &'static str,
    end: usize,
}

/// The strays of a page, by their places: the first ones, and how many there are.
pub(crate) fn strays(page: &str, syntax: Syntax) -> Vec<Fault> {
    Walk::over(page, None, syntax).told()
}

/// The same of a style sheet.
pub(crate) fn strays_of_sheet(css: &str, syntax: Syntax) -> Vec<Fault> {
    let inside = Some(Stretch { language: Language::Css, element: "", end: css.len() });
    Walk::over(css, inside, syntax).told()
}

struct Walk<'t> {
    text: &'t str,
    at: usize,
    inside: Option<Stretch>,
    syntax: Syntax,
    found: Vec<Fault>,
    /// How many there are beside those.
    more: usize,
    values: Ahead<'t>,
    statements: Ahead<'t>,
    comments: Ahead<'t>,
}

impl<'t> Walk<'t> {
    fn over(text: &'t str, inside: Option<Stretch>, syntax: Syntax) -> Self {
        let of = |mark| Ahead::new(text, mark);
        let (values, statements, comments) = (of("}}"), of("%}"), of("#}"));
        Self { text, at: 0, inside, syntax, found: Vec::new(), more: 0, values, statements, comments }
    }

    fn told(mut self) -> Vec<Fault> {
        while let Some(found) = memchr::memchr2(b'{', b'<', self.rest().as_bytes()) {
            self.at += found;
            if self.rest().starts_with('<') { self.markup() } else { self.brace() }
        }
        let more = self.more;
        if let Some(last) = self.found.last_mut().filter(|_| more > 0) {
            last.problem.push_str(&format!(" (and {more} more)"));
        }
        self.found
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// A `<`: one of the elements begins or ends.
    fn markup(&mut self) {
        let rest = self.rest();
        if let Some(inside) = self.inside {
            if self.at >= inside.end && !inside.element.is_empty() {
                self.inside = None;
            }
            self.at += 1;
            return;
        }
        let named = |name: &str| {
            let is_it = rest.get(1..=name.len()).is_some_and(|front| front.eq_ignore_ascii_case(name));
            is_it && rest.as_bytes().get(name.len() + 1).is_none_or(|b| b.is_ascii_whitespace() || b"/>".contains(b))
        };
        self.at += 1;
        if let Some(&(element, language)) = ELEMENTS.iter().find(|(name, _)| named(name)) {
            // A tag without an end goes on to that of the text.
            let Some(open) = self.rest().find('>') else { return self.at = self.text.len() };
            self.at += open + 1;
            let end = end_tag(self.rest(), element).map_or(self.text.len(), |length| self.at + length);
            self.inside = Some(Stretch { language, element, end });
        }
    }

    /// A `{`.
    fn brace(&mut self) {
        let rest = self.rest();
        let inside = self.inside.filter(|inside| self.at < inside.end);
        let length = match rest.as_bytes().get(1) {
            Some(b'%') => self.statement(rest, inside),
            Some(b'#') => self.comment(rest, inside),
            Some(b'{') => self.slot(rest, inside),
            _ => 1,
        };
        self.at += length;
    }

    fn statement(&mut self, rest: &str, inside: Option<Stretch>) -> usize {
        let close = self.statements.from(self.at).map(|at| at + 2 - self.at);
        let code = rest.get(2..).unwrap_or_default();
        let code = code.strip_prefix(['-', '+']).unwrap_or(code).trim_start();
        let word = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        if word == "raw" {
            return foreign::raw_length(rest);
        }
        let ends_inside = |inside: Stretch| close.is_some_and(|close| self.at + close <= inside.end);
        match inside {
            Some(inside) if !STATEMENTS.contains(&word) && (!ends_inside(inside) || !foreign::is_statement(word)) => {
                self.stray(inside, "a statement", "%");
                2
            }
            Some(inside) if !ends_inside(inside) => {
                self.stray(inside, "a statement", "%");
                2
            }
            _ => close.unwrap_or(2),
        }
    }

    fn comment(&mut self, rest: &str, inside: Option<Stretch>) -> usize {
        let close = self.comments.from(self.at).map(|at| at - self.at);
        let Some(inside) = inside else { return close.map_or(2, |close| close + 2) };
        let text = close.filter(|close| self.at + close + 2 <= inside.end).and_then(|close| rest.get(2..close));
        let is_meant = text.is_some_and(|text| {
            let front = text.strip_prefix(['-', '+']).unwrap_or(text);
            let is_short = !text.contains(['\n', '{', '}', ';', ':']);
            front.is_empty() || front.starts_with(char::is_whitespace) || is_short
        });
        match close.filter(|_| is_meant) {
            Some(close) => close + 2,
            None => {
                self.stray(inside, "a comment", "#");
                2
            }
        }
    }

    fn slot(&mut self, rest: &str, inside: Option<Stretch>) -> usize {
        let close = self.values.from(self.at).map(|at| at + 2 - self.at);
        let Some(inside) = inside else { return close.unwrap_or(2) };
        let is_near = |close: &usize| *close <= SLOT_MAX && self.at + close <= inside.end;
        let tag = close.filter(is_near).and_then(|close| rest.get(..close));
        let is_meant =
            tag.is_some_and(|tag| foreign::is_one(tag) || machinery::parse(tag, "", SyntaxConfig::default()).is_ok());
        match tag.filter(|_| is_meant) {
            Some(tag) => tag.len(),
            None => {
                self.stray(inside, "a value", "{");
                2
            }
        }
    }

    /// What begins here was not written for the template.
    fn stray(&mut self, inside: Stretch, what: &str, second: &str) {
        if self.found.len() == TOLD_MAX {
            self.more += 1;
            return;
        }
        let words = inside.language.words();
        let shown: String = self.rest().chars().take_while(|c| !c.is_whitespace()).take(24).collect();
        let problem =
            format!("`{}` in a {words} reads as the beginning of {what} of the template", shown.escape_debug());
        let other = match self.syntax {
            Syntax::Jinja => {
                "; or set syntax = \"brackets\" under [content] of the campaign's file: tags are [[ name ]] then, and braces mean nothing"
            }
            Syntax::Brackets => "",
        };
        let hint = match (inside.language, self.syntax) {
            (_, Syntax::Brackets) => {
                "write a blank between the two brackets, or [% raw %] before it and [% endraw %] behind it".to_owned()
            }
            (Language::Css, _) if second == "#" => format!(
                "write a blank between: `{{ #`, or `{{# ` with a blank behind it where a comment is meant; or {{% raw %}} before the style sheet and \
                 {{% endraw %}} behind it{other}"
            ),
            _ => format!(
                "write a blank between: `{{ {second}`; or {{% raw %}} before the {words} and {{% endraw %}} behind it{other}"
            ),
        };
        self.found.push(Fault { at: self.at, problem, hint });
    }
}

/// Where the end tag of an element begins.
pub(crate) fn end_tag(text: &str, name: &str) -> Option<usize> {
    text.match_indices("</")
        .map(|(at, _)| at)
        .find(|at| text.get(at + 2..at + 2 + name.len()).is_some_and(|behind| behind.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(page: &str) -> Vec<usize> {
        strays(page, Syntax::Jinja).iter().map(|fault| fault.at).collect()
    }

    #[test]
    fn braces_of_minified_pages_are_found_where_they_stand() {
        for (page, begins) in [
            ("<style>a{#b{c:d}}</style>", vec!["{#b"]),
            ("<style>@media x{#y{c:d}}p{e:f}</style>{# note #}", vec!["{#y"]),
            ("<STYLE type=a>@media x{#y{c:d}</STYLE><p>{# note #}", vec!["{#y"]),
            ("<mj-style>@media x{#y{c:d}#}</mj-style>", vec!["{#y"]),
            ("<style>{# begins and does not end</style> #}", vec!["{# begins"]),
            ("<style>a{b:url(data:x{%23y%}z)}</style>", vec!["{%23"]),
            ("<style>@keyframes k{0%{a:b}{%c:d}</style>", vec!["{%c"]),
            ("<script>f({{a:1},b})</script>", vec!["{{a"]),
            ("<script>x={{a:{b:1}}}</script>", vec!["{{a"]),
            ("<script>if(a){{let b=1}}</script>", vec!["{{let"]),
        ] {
            let wanted: Vec<usize> = begins.iter().filter_map(|text| page.find(text)).collect();
            assert_eq!(places(page), wanted, "{page}");
        }
    }

    #[test]
    fn what_a_template_means_in_a_style_sheet_is_left_alone() {
        for page in [
            "<style>a{ #b{c:d} } {# a note: with {braces}; #}{#short#}{#- a -#}{##}</style>",
            "<style>{% if dark %}a{color:{{ color }}}{% endif %}</style>",
            "<style>a{color:{{ color|default(\"#{fff}\") }}}</style>",
            "{% raw %}<style>a{#b{c:d}}</style>{% endraw %}",
            "<style>{% raw %}a{#b{c:d}}{%- endraw %}{{ c }}</style>",
            "{# <style>a{#b{}} </style> #}<p>{{ x }}",
            "<p>a{#b{c:d}} #} {% x",
            "<script type=\"application/ld+json\">{\"a\": {\"b\": \"{{ url }}\"}}</script>",
            "<styles>{#x{</styles>",
            "<style",
            "<style>",
            "<style>{",
        ] {
            assert_eq!(places(page), Vec::<usize>::new(), "{page}");
        }
    }

    #[test]
    fn no_length_makes_the_look_last() {
        for piece in ["{#", "{%", "{{", "{{ x", "{% raw %}", "<style", "<style>", "<"] {
            strays(&piece.repeat(200_000), Syntax::Jinja);
            strays_of_sheet(&piece.repeat(200_000), Syntax::Jinja);
        }
    }

    #[test]
    fn many_are_told_with_their_number() {
        let page = format!("<style>{}</style>", "@media x{#y{c:d}}".repeat(9));
        let found = strays(&page, Syntax::Jinja);
        assert_eq!(found.len(), TOLD_MAX);
        assert!(found.last().is_some_and(|last| last.problem.ends_with("(and 6 more)")), "{found:?}");
        assert!(found[0].hint.contains("{ #") && found[0].hint.contains("syntax = \"brackets\""), "{found:?}");
        assert_eq!(strays_of_sheet("@media x{#y{c:d}}", Syntax::Jinja).len(), 1);
    }
}
