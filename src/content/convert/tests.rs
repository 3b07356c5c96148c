//! Translations: what they look like, and what is told of them.

use super::*;

fn made(text: &str, engine: Engine) -> String {
    let columns = ["email", "First Name", "points"].map(str::to_owned);
    let made = convert(text, engine, &columns, Cells::Text, Syntax::Jinja);
    assert!(made.notes.iter().all(|note| !note.is_left), "{text}: {:?}", made.notes);
    made.text
}

#[test]
fn names_are_those_of_the_list() {
    assert_eq!(made("*|FNAME|* *|POINTS|*", Engine::Mailchimp), "{{ first_name }} {{ points }}");
    assert_eq!(made("{{contact.FIRSTNAME}} {{Points}}", Engine::Handlebars), "{{ first_name }} {{ points }}");
    assert_eq!(made("{{ person.first_name }}", Engine::Liquid), "{{ first_name }}");
    assert_eq!(made("%FNAME% -points-", Engine::SendGrid), "{{ first_name }} {{ points }}");
}

#[test]
fn a_name_that_the_list_lacks_is_left_with_its_place() {
    let made = convert("a\n b *|SHOE|*", Engine::Mailchimp, &["email".to_owned()], Cells::Text, Syntax::Jinja);
    let [note] = made.notes.as_slice() else { panic!("{made:?}") };
    assert_eq!((note.position, note.is_left), ((2, 4), true));
    assert!(note.says.contains("no column `SHOE`"), "{note:?}");
    // Without a list nothing is known of it.
    let made = convert("*|SHOE|*", Engine::Mailchimp, &[], Cells::Unknown, Syntax::Jinja);
    assert_eq!((made.text.as_str(), made.notes.len()), ("{{ SHOE }}", 0));
}

#[test]
fn what_is_said_of_something_else_is_no_column_of_the_recipient() {
    for (text, engine) in [("{{ event.points }}", Engine::Liquid), ("{{order.points}}", Engine::Handlebars)] {
        let columns = ["email", "points"].map(str::to_owned);
        let made = convert(text, engine, &columns, Cells::Text, Syntax::Jinja);
        assert!(matches!(made.notes.as_slice(), [note] if note.is_left && note.says.contains("no column")), "{made:?}");
    }
}

#[test]
fn a_date_of_sending_is_a_column_or_told() {
    let columns = ["email", "Date"].map(str::to_owned);
    for (text, ours) in
        [("*|DATE:d/m/y|*", "{{ Date|date(\"%d/%m/%y\") }}"), ("*|CURRENT_YEAR|*", "{{ Date|date(\"%Y\") }}")]
    {
        let made = convert(text, Engine::Mailchimp, &columns, Cells::Text, Syntax::Jinja);
        assert_eq!(made.text, ours);
        let [note] = made.notes.as_slice() else { panic!("{made:?}") };
        assert!(!note.is_left && note.says.contains("taken from the column `Date`"), "{note:?}");
        let made = convert(&format!("\n {text}"), Engine::Mailchimp, &["email".to_owned()], Cells::Text, Syntax::Jinja);
        let [note] = made.notes.as_slice() else { panic!("{made:?}") };
        assert!(
            note.is_left && note.position == (2, 2) && note.says.contains("give the list a column `date`"),
            "{note:?}"
        );
    }
}

#[test]
fn names_of_ours_hide_no_name_of_theirs() {
    let columns = ["item", "items", "vars"].map(str::to_owned);
    let made = |text, engine| convert(text, engine, &columns, Cells::Text, Syntax::Jinja).text;
    assert_eq!(
        made("{{#each items}}{{t}}{{../item}}{{/each}}", Engine::Handlebars),
        "{% for item2 in items|values %}{{ item2.t|default(\"\") }}{{ item }}{% endfor %}"
    );
    assert!(
        made("{% for i in items %}{% assign x = i %}{% endfor %}{{ vars }}", Engine::Liquid)
            .starts_with("{% set vars2 = namespace() %}")
    );
}

#[test]
fn what_only_the_cells_of_a_list_show_is_translated_by_them() {
    let columns = ["email", "points"].map(str::to_owned);
    let made = |text, engine, cells: Cells<'_>| convert(text, engine, &columns, cells, Syntax::Jinja).text;
    for engine in [Engine::Handlebars, Engine::SendGrid] {
        let text = "{{#if points}}a{{/if}}{{#unless points}}b{{/unless}}{{#if email}}c{{/if}}";
        assert_eq!(
            made(text, engine, Cells::Figures(&[false, true])),
            "{% if points|default(0)|float %}a{% endif %}{% if not (points|default(0)|float) %}b{% endif %}{% if email %}c{% endif %}"
        );
        assert!(made(text, engine, Cells::Figures(&[false, false])).starts_with("{% if points %}a"));
    }
    let mut gaps = Holds::default();
    gaps.add("\0[3, null, 1]");
    let typed = [Holds { texts: true, ..Holds::default() }, gaps];
    assert_eq!(
        made("{{ points | sort | join: ',' }}", Engine::Liquid, Cells::Typed(&typed)),
        "{{ points|default([])|select(\"defined\")|sort(case_sensitive=true)|chain(points|default([])|reject(\"defined\"))|list|join(\",\") }}"
    );
}

/// What is told of a template for a list whose column `x` holds this.
#[track_caller]
fn told(text: &str, engine: Engine, holds: &str, what: &str) {
    let columns = ["email", "x"].map(str::to_owned);
    let mut x = Holds::default();
    x.add(holds);
    let typed = [Holds { texts: true, ..Holds::default() }, x];
    let made = convert(text, engine, &columns, Cells::Typed(&typed), Syntax::Jinja);
    let notes: Vec<&str> = made.notes.iter().map(|note| note.says.as_str()).collect();
    match what {
        "" => assert!(notes.is_empty(), "{text}: {notes:?}"),
        what => assert!(notes.iter().filter(|says| says.contains(what)).count() == 1, "{text}: {notes:?}"),
    }
}

#[test]
fn what_a_row_may_make_otherwise_is_told_once() {
    let (liquid, handlebars) = (Engine::Liquid, Engine::Handlebars);
    for (text, engine, holds, what) in [
        (
            "{% if x %}a{% endif %}{% unless x %}b{% endunless %}",
            liquid,
            "Ann",
            "an empty text of the list counts as nothing",
        ),
        ("{% if x %}a{% endif %}", liquid, "\u{0}7", ""),
        ("{{ x | divided_by: 2 }}", liquid, "\u{0}7.5", "drops what is behind the point"),
        ("{{ x | divided_by: 2 }}", liquid, "\u{0}7", ""),
        ("{{ x }}", liquid, "\u{0}{\"a\": 1}", "printed as Python prints them"),
        ("{{ x }}{{x}}", handlebars, "\u{0}{\"a\": 1}", "printed as Python prints them"),
        ("{{ x }}", liquid, "\u{0}[1]", ""),
        ("{{ x }}", handlebars, "\u{0}true", ""),
        ("<p>{{ x }}{{ x }}", liquid, "Ann", "is escaped in an HTML part here"),
        ("<p>{{ x | append: '<br>' }}", liquid, "Ann", "without escaping, as in Liquid"),
        ("{{ x | date: '%B %Y' }}", liquid, "2026-12-24", "the campaign's locale"),
        ("{{ x | date: '%d.%m.%Y' }}", liquid, "2026-12-24", "a text that is no date"),
        ("{% for i in x limit: 2 reversed %}{% endfor %}", liquid, "\u{0}[1]", "means nothing in Liquid"),
        ("{% case x %}{% when 1, 2 %}a{% when 2 %}b{% endcase %}", liquid, "\u{0}1", "has both of them in Liquid"),
        ("{{x}}{{x}}", handlebars, "Ann", "text parts print & < >"),
        ("<p>{{x}}", handlebars, "Ann", ""),
        ("{{#x}}a{{/x}}", handlebars, "\u{0}1", "0 and an empty text count as nothing here"),
        ("{{#x}}{{email}}{{/x}}", handlebars, "\u{0}[{\"a\": 1}]", "Mustache takes the row's where there is none"),
    ] {
        told(text, engine, holds, what);
    }
}

#[test]
fn without_a_list_it_is_told_that_nothing_is_known_of_its_columns() {
    for (text, engine) in
        [("{{ email }}\n {{ x }}{{ y }}", Engine::Liquid), ("{{email}}\n {{#if x}}{{y}}{{/if}}", Engine::Handlebars)]
    {
        let made = convert(text, engine, &[], Cells::Unknown, Syntax::Jinja);
        let unsure: Vec<_> = made.notes.iter().filter(|note| note.says.contains("name the list with --list")).collect();
        assert!(matches!(unsure.as_slice(), [note] if note.position == (2, 2) && !note.is_left), "{made:?}");
        let made = convert("{{ email }}", engine, &[], Cells::Unknown, Syntax::Jinja);
        assert!(made.notes.is_empty(), "{made:?}");
    }
}

#[test]
fn what_a_list_holds_says_how_a_column_is_printed_and_asked() {
    let columns = ["x".to_owned()];
    for (engine, text, holds, ours) in [
        (Engine::Liquid, "{{ x }}", "\u{0}true", "{{ x|string|lower }}"),
        (Engine::Liquid, "{{ x }}", "\u{0}[1]", "{{ x|default([])|join }}"),
        (Engine::Handlebars, "{{x}}", "\u{0}[1]", "{{ x|default([])|join(\",\") }}"),
        (Engine::Liquid, "{% if x %}{% endif %}", "\u{0}0", "{% if x is defined %}{% endif %}"),
        (Engine::Liquid, "{% if x == blank %}{% endif %}", "a", "{% if not x|trim %}{% endif %}"),
        (Engine::Liquid, "{% if x < 5 %}{% endif %}", "\u{0}0", "{% if x is defined and x < 5 %}{% endif %}"),
        (Engine::Liquid, "{% if x > 5 %}{% endif %}", "\u{0}0", "{% if x|default(0) > 5 %}{% endif %}"),
        (Engine::Liquid, "{{ x | default: 1 }}", "\u{0}false", "{{ x|default(1, true) }}"),
        (Engine::Liquid, "{{ x | round: 2 }}", "\u{0}1.5", "{{ x|default(0)|round(2, \"away\") }}"),
        (Engine::Handlebars, "{{#if x}}{{/if}}", "\u{0}{}", "{% if x or x is mapping %}{% endif %}"),
        (
            Engine::Handlebars,
            "{{#x}}{{a}}{{/x}}",
            "\u{0}[{\"a\": \"b\"}]",
            "{% for item in x|default([]) %}{{ item.a|default(\"\") }}{% endfor %}",
        ),
        (Engine::Mailchimp, "*|IF:X=5|**|END:IF|*", "\u{0}5", "{% if x|default(none) == 5 %}{% endif %}"),
        (Engine::Mailchimp, "*|IF:X < 5|**|END:IF|*", "\u{0}5", "{% if x is defined and x < 5 %}{% endif %}"),
    ] {
        let mut x = Holds::default();
        x.add(holds);
        let made = convert(text, engine, &columns, Cells::Typed(&[x]), Syntax::Jinja);
        assert_eq!(made.text, ours, "{text}");
    }
}

#[test]
fn what_would_come_out_otherwise_is_left() {
    for (text, engine, why) in [
        ("{{ x | first }}", Engine::Liquid, "`first` of a text is nothing in Liquid"),
        ("{{ x | date: '%^a' }}", Engine::Liquid, "`%^a`"),
        ("{{ x | date: '%H %Z' }}", Engine::Liquid, "`%Z`"),
        ("{% increment x %}", Engine::Liquid, "no statement `increment`"),
        ("{{formatDate x 'MMMM' '-0800'}}", Engine::SendGrid, "names a time zone"),
        ("{{formatDate x 'MMMM' zone=1}}", Engine::SendGrid, "`zone=` means nothing"),
        ("{{=<% %>=}}", Engine::Handlebars, "tags in other braces are not read"),
        ("*|RANDOM:a,b|*", Engine::Mailchimp, "no letter is left to chance"),
        ("*|TRANSLATE:de|*", Engine::Mailchimp, "in other languages"),
        ("*|DATE:z|*", Engine::Mailchimp, "templates have no clock"),
    ] {
        let columns = ["email", "x"].map(str::to_owned);
        let made = convert(&format!("\n {text}"), engine, &columns, Cells::Text, Syntax::Jinja);
        let left = made.notes.iter().find(|note| note.is_left);
        let left = left.unwrap_or_else(|| panic!("{text}: {made:?}"));
        assert!(left.position == (2, 2) && left.says.contains(why), "{text}: {left:?}");
    }
}

#[test]
fn text_that_would_begin_a_tag_does_not() {
    let text = "<style>a{#b{c:d}}</style>{{x}} {# {% *|EMAIL|*{";
    let ours = "<style>a{ #b{c:d}}</style>{{ \"{\" }}{x}} {{ \"{\" }}# {{ \"{\" }}% {{ email }}{";
    assert_eq!(made(text, Engine::Mailchimp), ours);
    let brackets = convert("[[ a ]] [*|EMAIL|*]", Engine::Mailchimp, &[], Cells::Unknown, Syntax::Brackets);
    assert_eq!(brackets.text, "[[ \"[\" ]][ a ]] [[ \"[\" ]][[ email ]]]");
}

#[test]
fn what_is_open_at_the_end_is_closed_and_told() {
    for (text, engine, ours) in [
        ("*|IF:EMAIL|*a", Engine::Mailchimp, "{% if email %}a{% endif %}"),
        ("{{#each points}}a", Engine::Handlebars, "{% for item in points|values %}a{% endfor %}"),
        ("{% if points %}a", Engine::Liquid, "{% if points %}a{% endif %}"),
    ] {
        let made = convert(text, engine, &["points".to_owned()], Cells::Text, Syntax::Jinja);
        assert_eq!(made.text, ours);
        let mut left = made.notes.iter().filter(|note| note.is_left);
        assert!(left.next().is_some_and(|note| note.position == (1, 1)) && left.next().is_none(), "{made:?}");
    }
}

#[test]
fn one_tag_is_translated_by_itself() {
    let columns = ["first_name".to_owned()];
    let one = |text, engine| tag(text, engine, &columns, Syntax::Jinja);
    assert_eq!(one("*|IF:FNAME|*", Engine::Mailchimp).as_deref(), Some("{% if first_name %}"));
    assert_eq!(one("*|END:IF|*", Engine::Mailchimp).as_deref(), Some("{% endif %}"));
    assert_eq!(one("{{/each}}", Engine::Handlebars).as_deref(), Some("{% endfor %}"));
    assert_eq!(one("{%- assign x = 1 -%}", Engine::Liquid).as_deref(), Some("{%- set x = 1 -%}"));
    assert_eq!(one("*|ARCHIVE|*", Engine::Mailchimp), None);
    assert_eq!(one("text", Engine::Liquid), None);
}
