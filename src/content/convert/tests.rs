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
        assert!(matches!(made.notes.as_slice(), [note] if note.is_left && note.position == (1, 1)), "{made:?}");
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
