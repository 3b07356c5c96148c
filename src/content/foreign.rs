//! Tags that begin as ours and are those of another engine, or that a web editor has changed: what they are, and what to
//! write instead.
//!
//! Guarantees: nothing that compiles is told of. Leaves to others: tags that look like none of ours (`lint`), whole
//! letters (`convert`).

use super::ahead::Ahead;
use super::convert::{self, Engine};
use super::meanings;
use super::syntax::Syntax;

/// Something that is wrong, at an octet of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) problem: String,
    pub(crate) hint: String,
}

/// So many are told of one text.
const TOLD_MAX: usize = 5;
/// Octets of a tag that is looked at.
const TAG_MAX: usize = 400;

/// Words that statements of Liquid begin with, and ours do not.
const LIQUID: [&str; 26] = [
    "assign",
    "capture",
    "case",
    "comment",
    "cycle",
    "decrement",
    "echo",
    "elsif",
    "endcapture",
    "endcase",
    "endcomment",
    "endtablerow",
    "endunless",
    "increment",
    "liquid",
    "manage_preferences",
    "manage_preferences_link",
    "render",
    "section",
    "tablerow",
    "unless",
    "unsubscribe",
    "unsubscribe_link",
    "web_view",
    "web_view_link",
    "when",
];

/// Helpers of Handlebars that are called in values.
const HELPERS: [&str; 4] = ["formatDate", "insert", "lookup", "partial"];

/// Filters of Liquid under names of their own, and ours.
const FILTERS: [(&str, &str); 17] = [
    ("append", "~"),
    ("divided_by", "/"),
    ("downcase", "lower"),
    ("escape_once", "e"),
    ("lstrip", "trim"),
    ("minus", "-"),
    ("modulo", "%"),
    ("newline_to_br", "replace(\"\\n\", \"<br>\")|safe"),
    ("plus", "+"),
    ("rstrip", "trim"),
    ("size", "length"),
    ("strip", "trim"),
    ("strip_html", "striptags"),
    ("times", "*"),
    ("uniq", "unique"),
    ("upcase", "upper"),
    ("url_encode", "urlencode"),
];

/// Objects that other engines keep the recipient's data in.
const ROOTS: [&str; 13] = [
    "contact",
    "customer",
    "lead",
    "member",
    "organization",
    "params",
    "person",
    "profile",
    "recipient",
    "subscriber",
    "user",
    "data",
    "custom_attribute",
];

/// Elements that web editors put around a part of a tag.
const ELEMENTS: [&str; 16] =
    ["a", "b", "br", "code", "div", "em", "font", "i", "o:p", "p", "s", "small", "span", "strong", "u", "wbr"];

/// What web editors write in the place of plain characters, and these.
const WRITTEN: [(&str, &str); 20] = [
    ("&nbsp;", " "),
    ("&#160;", " "),
    ("&quot;", "\""),
    ("&#34;", "\""),
    ("&ldquo;", "\""),
    ("&rdquo;", "\""),
    ("&#39;", "'"),
    ("&apos;", "'"),
    ("&lsquo;", "'"),
    ("&rsquo;", "'"),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&amp;", "&"),
    ("\u{a0}", " "),
    ("\u{201c}", "\""),
    ("\u{201d}", "\""),
    ("\u{201e}", "\""),
    ("\u{2018}", "'"),
    ("\u{2019}", "'"),
    ("\u{200b}", ""),
];

/// Whether a statement of another engine begins with this word.
pub(crate) fn is_statement(word: &str) -> bool {
    LIQUID.contains(&word)
}

/// Whether a tag is one of another engine.
pub(crate) fn is_one(tag: &str) -> bool {
    strange(tag).is_some()
}

/// What our filter for one of Liquid's is, where the names differ.
pub(crate) fn filter(name: &str) -> Option<&'static str> {
    FILTERS.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours)
}

/// Whether other engines keep the recipient's data under this name.
pub(crate) fn is_root(name: &str) -> bool {
    ROOTS.contains(&name)
}

/// Every tag of another engine, by its place: the first ones.
pub(crate) fn tags(text: &str, columns: &[String], syntax: Syntax) -> Vec<Fault> {
    let mut found: Vec<Fault> = Vec::new();
    let mut marks = Marks::of(text);
    let mut at = 0;
    while let Some(open) = text.get(at..).and_then(|rest| memchr::memchr(b'{', rest.as_bytes())) {
        let start = at + open;
        let rest = text.get(start..).unwrap_or_default();
        let end = marks.end(start);
        at = match rest.as_bytes().get(1) {
            Some(b'#') => marks.comment_closes.from(start).map_or(start + 2, |end| end + 2),
            Some(b'%') if word(rest) == "raw" => start + raw_length(rest),
            Some(b'%' | b'{') => end.unwrap_or(start + 2),
            _ => start + 1,
        };
        let tag = end.filter(|end| end - start <= TAG_MAX).and_then(|end| text.get(start..end));
        if let Some((problem, hint)) = tag.and_then(|tag| Some(strange(tag)?.told(tag, columns, syntax))) {
            found.push(Fault { at: start, problem, hint });
        }
        if found.len() == TOLD_MAX {
            break;
        }
    }
    found
}

/// What tags begin and end with, in a text that is read from its front.
struct Marks<'t> {
    text: &'t str,
    slot_opens: Ahead<'t>,
    slot_closes: Ahead<'t>,
    statement_closes: Ahead<'t>,
    comment_closes: Ahead<'t>,
}

impl<'t> Marks<'t> {
    fn of(text: &'t str) -> Self {
        let of = |mark| Ahead::new(text, mark);
        let (slot_opens, slot_closes) = (of("{{"), of("}}"));
        Self { text, slot_opens, slot_closes, statement_closes: of("%}"), comment_closes: of("#}") }
    }

    /// Where the tag ends that begins at `start`; one without an end of its own is none.
    fn end(&mut self, start: usize) -> Option<usize> {
        let rest = self.text.as_bytes().get(start..)?;
        let end = match rest {
            [b'{', b'{', ..] => self.slot_closes.from(start)? + 2,
            [b'{', b'%', ..] => self.statement_closes.from(start)? + 2,
            _ => return None,
        };
        let braces = rest.iter().take(4).take_while(|b| **b == b'{').count();
        let is_cut = self.slot_opens.from(start + braces.max(2)).is_some_and(|next| next < end);
        let is_raw = rest.starts_with(b"{{{") && self.text.as_bytes().get(end) == Some(&b'}');
        (!is_cut).then_some(if is_raw { end + 1 } else { end })
    }
}

/// The first word of the tag that a text begins with.
fn word(rest: &str) -> &str {
    let inside = rest.get(2..).unwrap_or_default();
    let inside = inside.strip_prefix(['-', '+', '~']).unwrap_or(inside).trim_start();
    inside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// The octets from `{% raw %}` to behind its end.
pub(crate) fn raw_length(rest: &str) -> usize {
    let is_end = |at: &usize| word(rest.get(*at..).unwrap_or_default()) == "endraw";
    let end = rest.match_indices("{%").map(|(at, _)| at).find(is_end);
    let behind = end.and_then(|at| Some(at + rest.get(at..)?.find("%}")? + 2));
    behind.unwrap_or(rest.len())
}

/// What is strange about a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strange<'t> {
    /// It is one of another engine.
    Of(Engine),
    /// It holds what a web editor writes for a character.
    Written(&'t str),
    /// It holds a tag of HTML.
    Cut(&'t str),
    /// It is an action of Go's templates, as listmonk has them: what it says.
    Go(&'t str),
    /// It is a tag of this service's: the name, and what stands for nothing.
    Token(&'static str, &'t str, Option<&'t str>),
}

impl Strange<'_> {
    /// What is wrong, and what to do.
    fn told(self, tag: &str, columns: &[String], syntax: Syntax) -> (String, String) {
        let shown = tag.replace('\n', " ");
        match self {
            Self::Of(engine) => {
                let whole = format!("`posthaste convert FILE --from {}` translates a whole letter", engine.word());
                let named = tag.trim_matches(|c: char| "{}%-~ ".contains(c)).split(' ').next().unwrap_or_default();
                let served = meanings::served(named).filter(|_| meanings::column(named, columns).is_none());
                let hint = match (served, convert::tag(tag, engine, columns, syntax)) {
                    (Some(advice), _) => advice.to_owned(),
                    (None, Some(ours)) => format!("write {}; {whole}", ours.trim()),
                    (None, None) => whole,
                };
                (format!("`{shown}` is a tag of {}", engine.called()), hint)
            }
            Self::Written(what) => {
                let what = called(what);
                (format!("`{shown}` holds {what}, as a web editor writes it, and no template reads that"), mended(tag))
            }
            Self::Go(action) => {
                let hint = match of_go(action, columns) {
                    _ if within(action, columns).is_some() => within(action, columns).unwrap_or_default(),
                    Some(Ours::Slot(name)) => format!("write {}", syntax.slot(&name)),
                    Some(Ours::Statement(code)) => format!("write {}", syntax.statement(&code)),
                    None => of_listmonk(action).map_or_else(
                        || format!("write what is meant as {} has it", syntax.slot("first_name")),
                        str::to_owned,
                    ),
                };
                (format!("`{shown}` is a tag of Go's templates, as listmonk has them"), hint)
            }
            Self::Token(of, name, _) if meanings::served(name).is_some() => {
                (format!("`{shown}` is a tag of {of}"), meanings::served(name).unwrap_or_default().to_owned())
            }
            Self::Token(of, name, default) => {
                let name = meanings::column(name, columns).unwrap_or_else(|| meanings::plain(name));
                let code = match default {
                    Some(default) => format!("{name}|default(\"{}\")", default.trim()),
                    None => name,
                };
                (format!("`{shown}` is a tag of {of}"), format!("write {}", syntax.slot(&code)))
            }
            Self::Cut(what) => {
                let problem = format!("`{shown}` is cut by {}, which a web editor put there", what.escape_debug());
                (problem, mended(tag))
            }
        }
    }
}

/// What stands for a character, as a message names it.
fn called(what: &str) -> String {
    match what {
        "\u{a0}" => "a no-break space".to_owned(),
        "\u{200b}" => "a zero-width space".to_owned(),
        other => format!("`{other}`"),
    }
}

/// The tag as its author meant it.
fn mended(tag: &str) -> String {
    let mut text = tag.to_owned();
    while let Some(cut) = html_in(&text).map(str::to_owned) {
        text = text.replacen(&cut, "", 1);
    }
    for (theirs, ours) in WRITTEN {
        text = text.replace(theirs, ours);
    }
    format!("write {text}")
}

/// What is strange about a tag, if anything.
fn strange(tag: &str) -> Option<Strange<'_>> {
    if let Some(named) = prefixed(tag) {
        return Some(named);
    }
    if is_handlebars(tag) {
        return Some(Strange::Of(Engine::Handlebars));
    }
    if let Some(cut) = html_in(tag) {
        return Some(Strange::Cut(cut));
    }
    let outside = unquoted(tag);
    let written = WRITTEN.iter().filter_map(|(theirs, _)| Some((outside.find(theirs)?, *theirs))).min();
    if let Some((_, theirs)) = written {
        return Some(Strange::Written(theirs));
    }
    if let Some(action) = go(tag) {
        return Some(Strange::Go(action));
    }
    token(tag).or_else(|| is_liquid(tag, &outside).then_some(Strange::Of(Engine::Liquid)))
}

/// What we write for an action of Go's.
enum Ours {
    Slot(String),
    Statement(String),
}

/// Words that actions of Go begin with: those that take a value, those that stand alone, and functions of listmonk.
const GO_VALUE: [&str; 5] = ["if", "with", "range", "else", "index"];
const GO_FUNCTIONS: [&str; 9] = [
    "UnsubscribeURL",
    "ManageURL",
    "OptinURL",
    "MessageURL",
    "ArchiveURL",
    "TrackView",
    "TrackLink",
    "Date",
    "template",
];

/// `{{ .Subscriber.FirstName }}`, `{{ if .Subscriber.Attribs.city }}`, `{{ end }}`, `{{ UnsubscribeURL }}`: what stands in it.
fn go(tag: &str) -> Option<&str> {
    let inside = tag.strip_prefix("{{")?.strip_suffix("}}")?.trim_matches('-').trim();
    let mut words = inside.split_whitespace();
    let first = words.next()?;
    let is_path =
        |word: &str| word.strip_prefix('.').is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()));
    let is_action = is_path(first)
        || first == "end" && words.clone().next().is_none()
        || GO_VALUE.contains(&first) && words.clone().any(is_path)
        || GO_FUNCTIONS.contains(&first) && words.clone().all(|word| word == "." || word.starts_with('"'));
    is_action.then_some(inside)
}

/// An action of Go's as we write it.
fn of_go(action: &str, columns: &[String]) -> Option<Ours> {
    let name = |path: &str| {
        let last = path.rsplit('.').next().unwrap_or_default().trim_matches('"');
        meanings::column(last, columns).unwrap_or_else(|| meanings::plain(&parted(last)))
    };
    let words: Vec<&str> = action.split_whitespace().collect();
    match words.as_slice() {
        ["UnsubscribeURL" | "ManageURL", ..] => Some(Ours::Slot("unsubscribe_url".to_owned())),
        ["end"] => Some(Ours::Statement("endif".to_owned())),
        ["if" | "with", path] => Some(Ours::Statement(format!("if {}", name(path)))),
        ["if", "not", path] => Some(Ours::Statement(format!("if not {}", name(path)))),
        ["else", "if", path] => Some(Ours::Statement(format!("elif {}", name(path)))),
        ["range", path] => Some(Ours::Statement(format!("for item in {}", name(path)))),
        ["index", _, key] => Some(Ours::Slot(name(key))),
        [path] if path.starts_with('.') => Some(Ours::Slot(name(path))),
        _ => None,
    }
}

/// What to do about an attribute of listmonk's that an exported list has within a column of JSON.
fn within(action: &str, columns: &[String]) -> Option<String> {
    let (_, path) = action.split_once(".Subscriber.Attribs")?;
    let last = path.trim_matches(['.', ' ', '"']).rsplit('.').next().filter(|name| !name.is_empty())?;
    let whole =
        columns.iter().find(|column| matches!(column.to_ascii_lowercase().as_str(), "attributes" | "attribs"))?;
    let name = meanings::plain(&parted(last));
    meanings::column(last, columns).is_none().then(|| {
        format!(
            "give the list a column {name} of its own, and write {{{{ {name} }}}} here: in a CSV list what {whole} holds is text (in JSON lines, \
             whose {whole} is an object, it is {whole}.{last})"
        )
    })
}

/// What to do about a function of listmonk's that has no counterpart.
fn of_listmonk(action: &str) -> Option<&'static str> {
    let name = action.split_whitespace().next()?;
    match name {
        "TrackView" => Some("take it out: nobody counts here who opens a letter"),
        "TrackLink" => Some("write the address alone: nobody counts here who follows it"),
        "Date" => Some("templates have no clock: write the date, or give the list a column `date`"),
        name => meanings::served(name),
    }
}

/// `FirstName` with its words apart: `First_Name`.
fn parted(name: &str) -> String {
    let mut parted = String::with_capacity(name.len() + 4);
    let mut was_small = false;
    for c in name.chars() {
        if was_small && c.is_ascii_uppercase() {
            parted.push('_');
        }
        was_small = c.is_ascii_lowercase();
        parted.push(c);
    }
    parted
}

/// `{{lead.First Name:default=friend}}`
fn token(tag: &str) -> Option<Strange<'_>> {
    let inside = tag.strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let (name, default) = inside.split_once(":default=").map_or((inside, None), |(name, other)| (name, Some(other)));
    let (root, name) = name.split_once('.')?;
    let is_root = ["lead", "company", "my", "member", "program"].contains(&root);
    let is_name = name.chars().all(|c| c.is_alphanumeric() || " _-".contains(c));
    (is_root && is_name && (default.is_some() || name.contains(' ')))
        .then_some(Strange::Token("Marketo", name, default))
}

/// `{{{ pm:unsubscribe }}}`, `{{var:first_name:"friend"}}`
fn prefixed(tag: &str) -> Option<Strange<'_>> {
    const ROOTS: [(&str, &str); 5] =
        [("pm", "Postmark"), ("var", "Mailjet"), ("data", "Mailjet"), ("mj", "Mailjet"), ("system", "Marketo")];
    let inside = tag.strip_prefix("{{")?.strip_suffix("}}")?;
    let inside = inside.strip_prefix('{').and_then(|inside| inside.strip_suffix('}')).unwrap_or(inside).trim();
    let (root, name) = inside.split_once(':')?;
    let (name, default) = name.split_once(':').map_or((name, None), |(name, default)| (name, Some(default)));
    let (_, of) = ROOTS.iter().find(|(known, _)| *known == root.trim())?;
    let default = default.map(|default| default.trim().trim_matches(['"', '\''])).filter(|text| !text.contains('"'));
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c));
    is_name.then_some(Strange::Token(of, name, default))
}

fn is_handlebars(tag: &str) -> bool {
    let Some(inside) = tag.strip_prefix("{{").and_then(|tag| tag.strip_suffix("}}")) else { return false };
    if let Some(raw) = inside.strip_prefix('{').and_then(|inside| inside.strip_suffix('}')) {
        let is_path = |c: char| c.is_ascii_alphanumeric() || "_.-/@ ".contains(c);
        return !raw.trim().is_empty() && raw.chars().all(is_path);
    }
    // What a web editor writes for a blank.
    if WRITTEN.iter().any(|(theirs, _)| theirs.starts_with('&') && inside.starts_with(theirs)) {
        return false;
    }
    let inside = inside.trim_matches('~');
    let word = inside.trim().split(char::is_whitespace).next().unwrap_or_default();
    let calls = HELPERS.contains(&word) && inside.trim() != word && !inside.contains('|');
    inside.starts_with(['#', '/', '^', '!', '>', '&']) || inside.trim() == "else" || word == "else" || calls
}

fn is_liquid(tag: &str, outside: &str) -> bool {
    if tag.starts_with("{%") && is_statement(word(tag)) {
        return true;
    }
    // A filter with a colon behind its name. In an object a colon stands behind a key.
    outside.match_indices('|').any(|(at, _)| {
        let behind = outside.get(at + 1..).unwrap_or_default().trim_start();
        let name = behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(behind.len());
        name > 0 && behind.get(name..).unwrap_or_default().trim_start().starts_with(':') && !outside.contains("{\"")
    })
}

/// The tag with blanks where it has texts in quotes; octets stay where they are.
pub(crate) fn unquoted(tag: &str) -> String {
    let mut out = String::with_capacity(tag.len());
    let mut quote = None;
    for c in tag.chars() {
        match quote {
            Some(open) => {
                if c == open {
                    quote = None;
                }
                out.extend(std::iter::repeat_n(' ', c.len_utf8()));
            }
            None => {
                quote = Some(c).filter(|c| matches!(c, '"' | '\''));
                out.push(c);
            }
        }
    }
    out
}

/// The first tag of HTML in a tag of a template.
fn html_in(tag: &str) -> Option<&str> {
    // Where a tag of HTML has quotes, those of the template are not known any more.
    tag.match_indices('<').find_map(|(at, _)| {
        let rest = tag.get(at..)?;
        let whole = rest.get(..=rest.find('>')?)?;
        let inside = whole.get(1..whole.len() - 1)?.trim_start_matches('/').trim_end_matches('/').trim_end();
        let (name, attributes) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
        let is_known = ELEMENTS.contains(&name.to_ascii_lowercase().as_str());
        let before = tag.get(..at)?;
        let is_quoted = before.matches('"').count() % 2 == 1 || before.matches('\'').count() % 2 == 1;
        (is_known && !is_quoted && (attributes.is_empty() || attributes.contains('='))).then_some(whole)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(usize, String)> {
        let columns = ["email", "first_name", "x"].map(str::to_owned);
        tags(text, &columns, Syntax::Jinja).into_iter().map(|fault| (fault.at, fault.hint)).collect()
    }

    #[test]
    fn tags_of_other_engines_are_told_with_what_to_write() {
        for (tag, ours) in [
            ("{{{ first_name }}}", "write {{ first_name|safe }};"),
            ("{{#if first_name}}", "write {% if first_name %};"),
            ("{{/if}}", "write {% endif %};"),
            ("{{else}}", "write {% else %};"),
            ("{{!-- a note --}}", "write {# a note #};"),
            ("{{insert first_name \"default=you\"}}", "write {{ first_name|default(\"you\") }};"),
            ("{{ first_name | default: \"you\" }}", "write {{ first_name|default(\"you\") }};"),
            ("{{ FNAME | upcase | default: 'x' }}", "write {{ first_name|upper|default(\"x\", true) }};"),
            ("{%- assign y = x -%}", "write {%- set y = x -%};"),
            ("{% elsif x %}", "write {% elif x %};"),
            ("{% unless x %}", "write {% if not x %};"),
            ("{{ first_name&nbsp;}}", "write {{ first_name }}"),
            ("{{\u{a0}first_name }}", "write {{ first_name }}"),
            ("{{ x|default(&quot;y&quot;) }}", "write {{ x|default(\"y\") }}"),
            ("{{ x|default(\u{201c}y\u{201d}) }}", "write {{ x|default(\"y\") }}"),
            ("{% if x &gt; 5 %}", "write {% if x > 5 %}"),
            ("{{lead.First Name:default=friend}}", "write {{ first_name|default(\"friend\") }}"),
            ("{{&nbsp;x&nbsp;}}", "write {{ x }}"),
            ("{{&#160;first_name }}", "write {{ first_name }}"),
            ("{{ .Subscriber.FirstName }}", "write {{ first_name }}"),
            ("{{- .Subscriber.Attribs.home_town -}}", "write {{ home_town }}"),
            ("{{ .Subscriber.Attribs.X }}", "write {{ x }}"),
            ("{{ if .Subscriber.Attribs.x }}", "write {% if x %}"),
            ("{{ if not .Subscriber.Attribs.x }}", "write {% if not x %}"),
            ("{{ end }}", "write {% endif %}"),
            ("{{ index .Subscriber.Attribs \"x\" }}", "write {{ x }}"),
            ("{{ UnsubscribeURL }}", "write {{ unsubscribe_url }}"),
            ("{{ MessageURL }}", "there is no page of the letter on the web"),
            ("{{ TrackView }}", "take it out"),
            ("{{{ pm:unsubscribe }}}", "write {{ unsubscribe_url }}"),
            ("{{pm:unsubscribe}}", "write {{ unsubscribe_url }}"),
            ("{{var:first_name:\"friend\"}}", "write {{ first_name|default(\"friend\") }}"),
            ("{% unsubscribe_link %}", "write {{ unsubscribe_url }};"),
            ("{% manage_preferences 'Settings' %}", "link to a page of your own"),
            ("{% web_view %}", "there is no page of the letter on the web"),
            ("{{{unsubscribe_preferences}}}", "link to a page of your own"),
            ("{{ TrackLink \"https://a.example/\" . }}", "write the address alone"),
            ("{{<b>x</b>}}", "write {{x}}"),
            ("{{ <span style=\"color:red\">x</span> }}", "write {{ x }}"),
        ] {
            let found = told(&format!("ab {tag} c"));
            assert!(matches!(found.as_slice(), [(3, hint)] if hint.starts_with(ours)), "{tag}: {found:?}");
        }
    }

    #[test]
    fn what_compiles_is_not_told_of() {
        for text in [
            "{{ x }} {{ {\"a\": x|d} }} {{ {'a': 1}.a }} {{ {\"k\": x|upper}[\"k\"] }}",
            "{{ x|default(\"Tom &amp; Jerry\") }} {{ \"\u{201c}\" }} {{ x|replace(\"<b>\", \"\") }}",
            "{% if x <b and c> d %}{% endif %}{# {{#if x}} #}{% raw %}{{#if x}}{{/if}}{% endraw %}",
            "{{ insert }} {{ x or lookup }} {{ x if x else y }} { #a } {{",
            "{% set x = [1, 2][0:1] %}{{ x[1:]|join(',') }}",
        ] {
            assert_eq!(told(text), [], "{text}");
        }
    }

    #[test]
    fn no_length_makes_the_look_last() {
        for piece in ["{{", "{%", "{#", "{{ x {{", "{{{", "{% raw %}"] {
            assert_eq!(told(&piece.repeat(200_000)), [], "{piece}");
        }
    }

    #[test]
    fn no_more_are_told_than_people_read() {
        assert_eq!(told(&"{{#if x}}".repeat(20)).len(), TOLD_MAX);
    }
}
