//! Templates of other engines, of any text: a translation ends, its notes have places in the original, and what is written
//! reads as a template of ours, in braces and in brackets.
//!
//! The first octet chooses the engine, how the tags are written and what is known of the list; the rest is the template.

use posthaste::content::convert::{Cells, Engine, Holds, convert};
use posthaste::content::{Composer, Source, Spec, Syntax};

pub fn run(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let (_, engine) = Engine::WORDS[usize::from(choice) % Engine::WORDS.len()];
    let syntax = if choice & 0x80 == 0 { Syntax::Jinja } else { Syntax::Brackets };
    let columns = ["email", "name", "First Name", "items"].map(str::to_owned);
    let mut holds = [Holds::default(); 4];
    holds[0].add("ann@a.example");
    holds[1].add("\u{0}0.5");
    holds[2].add("\u{0}true");
    holds[3].add("\u{0}[{\"a\": {}}]");
    let cells = match choice & 0x60 {
        0 => Cells::Unknown,
        0x20 => Cells::Text,
        _ => Cells::Typed(&holds),
    };
    let made = convert(&text, engine, &columns, cells, syntax);
    let lines = text.lines().count().max(1) + text.matches('\r').count() + 1;
    for note in &made.notes {
        assert!((1..=lines).contains(&note.position.0) && note.position.1 > 0 && !note.says.is_empty(), "{note:?}");
    }
    let braces = syntax.in_braces(&made.text);
    assert_eq!(braces.chars().count(), made.text.chars().count());
    let spec = Spec {
        name: "fuzz".into(),
        syntax,
        from: "news@acme.example".into(),
        text: Some(Source { file: "a.txt".into(), text: braces.into_owned() }),
        unsubscribe_url: Some("https://acme.example/u".into()),
        is_json: true,
        ..Spec::default()
    };
    if let Err(errors) = Composer::compile(spec, &columns, "email") {
        for error in errors {
            let told = error.to_string();
            assert!(!told.contains("the template is not valid"), "{told}\n{}\n{text}", made.text);
        }
    }
}
