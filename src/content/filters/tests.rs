//! Filters and methods of text, each against what Python gives.

use super::register;
use minijinja::Environment;

fn eval(expression: &str) -> Result<String, String> {
    let mut env = Environment::new();
    register(&mut env);
    env.compile_expression(expression).and_then(|e| e.eval(())).map(|v| v.to_string()).map_err(|e| e.to_string())
}

#[track_caller]
fn gives(expression: &str, want: &str) {
    assert_eq!(eval(expression).as_deref(), Ok(want), "{expression}");
}

#[test]
fn text_is_cut_and_wrapped_as_jinja2_does_it() {
    gives("'one two three four'|truncate(11)", "one two...");
    gives("'one two three four'|truncate(11, true)", "one two ...");
    gives("'one two three'|truncate(11)", "one two three");
    gives("'one two three four'|truncate(length=9, end='\u{2026}', leeway=0)", "one two\u{2026}");
    gives("'abc'|center(6)", " abc  ");
    gives("'ab'|center(5)", "  ab ");
    gives("'a fine, day_off 3'|wordcount", "4");
    gives("'aaa bbb ccc'|wordwrap(7)", "aaa bbb\nccc");
    gives("'aaaaaaaaa bb'|wordwrap(4, wrapstring='|')", "aaaa|aaaa|a bb");
    gives("'aaaaaaaaa bb'|wordwrap(4, false)", "aaaaaaaaa\nbb");
    gives("'well-known thing'|wordwrap(6)", "well-\nknown\nthing");
    gives("{'a': 1, 'b': none, 'c': '<'}|xmlattr", " a=\"1\" c=\"&lt;\"");
    gives("'<b>'|forceescape|forceescape", "&amp;lt;b&amp;gt;");
    assert!(eval("'x'|truncate(2)").is_err());
    assert!(eval("{'a b': 1}|xmlattr").is_err());
    assert!(eval("'x'|center(100000)").is_err());
}

#[test]
fn methods_of_text_are_python_s() {
    for (expression, want) in [
        ("\"they're bill's\".title()", "They'Re Bill'S"),
        ("'aBc'.swapcase()", "AbC"),
        ("'7'.zfill(3)", "007"),
        ("'-7'.zfill(4)", "-007"),
        ("'ab'.ljust(4, '.')", "ab.."),
        ("'ab'.rjust(4)", "  ab"),
        ("'a=b=c'.partition('=')", "('a', '=', 'b=c')"),
        ("'a=b=c'.rpartition('=')", "('a=b', '=', 'c')"),
        ("'abc'.partition('=')", "('abc', '', '')"),
        ("'prefix'.removeprefix('pre')", "fix"),
        ("'a b c'.rsplit(' ', 1)", "['a b', 'c']"),
        ("' a  b '.rsplit()", "['a', 'b']"),
        ("'abc'.index('c')", "2"),
        ("'Ab Cd'.istitle()", "True"),
        ("'12'.isdecimal()", "True"),
        ("[1, 2].index(2)", "1"),
        ("'a\\tb'.expandtabs(4)", "a   b"),
    ] {
        gives(expression, want);
    }
    assert!(eval("'abc'.index('x')").is_err());
    assert!(eval("'abc'.nothing()").is_err());
}
