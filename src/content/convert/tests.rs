//! Translations: what they look like, and what is told of them.

use super::*;

fn made(text: &str, engine: Engine) -> String {
    let columns = ["email", "First Name", "points"].map(str::to_owned);
    let made = convert(text, engine, &columns, Syntax::Jinja);
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
    let made = convert("a\n b *|SHOE|*", Engine::Mailchimp, &["email".to_owned()], Syntax::Jinja);
    let [note] = made.notes.as_slice() else { panic!("{made:?}") };
    assert_eq!((note.position, note.is_left), ((2, 4), true));
    assert!(note.says.contains("no column `SHOE`"), "{note:?}");
    // Without a list nothing is known of it.
    let made = convert("*|SHOE|*", Engine::Mailchimp, &[], Syntax::Jinja);
    assert_eq!((made.text.as_str(), made.notes.len()), ("{{ SHOE }}", 0));
}

#[test]
fn what_is_said_of_something_else_is_no_column_of_the_recipient() {
    for (text, engine) in [("{{ event.points }}", Engine::Liquid), ("{{order.points}}", Engine::Handlebars)] {
        let columns = ["email", "points"].map(str::to_owned);
        let made = convert(text, engine, &columns, Syntax::Jinja);
        assert!(matches!(made.notes.as_slice(), [note] if note.is_left && note.says.contains("no column")), "{made:?}");
    }
}

#[test]
fn a_date_of_sending_is_a_column_or_told() {
    let columns = ["email", "Date"].map(str::to_owned);
    for (text, ours) in
        [("*|DATE:d/m/y|*", "{{ Date|date(\"%d/%m/%y\") }}"), ("*|CURRENT_YEAR|*", "{{ Date|date(\"%Y\") }}")]
    {
        let made = convert(text, Engine::Mailchimp, &columns, Syntax::Jinja);
        assert_eq!((made.text.as_str(), made.notes.len()), (ours, 0), "{made:?}");
        let made = convert(&format!("\n {text}"), Engine::Mailchimp, &["email".to_owned()], Syntax::Jinja);
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
    let made = |text, engine| convert(text, engine, &columns, Syntax::Jinja).text;
    assert_eq!(
        made("{{#each items}}{{t}}{{../item}}{{/each}}", Engine::Handlebars),
        "{% for item2 in items|default([]) %}{{ item2.t|default(\"\") }}{{ item }}{% endfor %}"
    );
    assert!(
        made("{% for i in items %}{% assign x = i %}{% endfor %}{{ vars }}", Engine::Liquid)
            .starts_with("{% set vars2 = namespace() %}")
    );
}

#[test]
fn what_a_row_may_make_otherwise_is_told_once() {
    for (text, engine, what) in [
        (
            "{% if points %}a{% endif %}{% unless points %}b{% endunless %}",
            Engine::Liquid,
            "an empty list count as something in Liquid",
        ),
        ("{{ points | divided_by: 2 }}", Engine::Liquid, "drops what is behind the point"),
        ("{{ o.x | default: 5 }}", Engine::Liquid, "0 counts as nothing for this default"),
    ] {
        let made = convert(text, engine, &[], Syntax::Jinja);
        assert!(matches!(made.notes.as_slice(), [note] if !note.is_left && note.says.contains(what)), "{made:?}");
    }
}

#[test]
fn text_that_would_begin_a_tag_does_not() {
    let text = "<style>a{#b{c:d}}</style>{{x}} {# {% *|EMAIL|*{";
    let ours = "<style>a{ #b{c:d}}</style>{{ \"{\" }}{x}} {{ \"{\" }}# {{ \"{\" }}% {{ email }}{";
    assert_eq!(made(text, Engine::Mailchimp), ours);
    let brackets = convert("[[ a ]] [*|EMAIL|*]", Engine::Mailchimp, &[], Syntax::Brackets);
    assert_eq!(brackets.text, "[[ \"[\" ]][ a ]] [[ \"[\" ]][[ email ]]]");
}

#[test]
fn what_is_open_at_the_end_is_closed_and_told() {
    for (text, engine, ours) in [
        ("*|IF:EMAIL|*a", Engine::Mailchimp, "{% if email %}a{% endif %}"),
        ("{{#each points}}a", Engine::Handlebars, "{% for item in points|default([]) %}a{% endfor %}"),
        ("{% if points %}a", Engine::Liquid, "{% if points %}a{% endif %}"),
    ] {
        let made = convert(text, engine, &["points".to_owned()], Syntax::Jinja);
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
