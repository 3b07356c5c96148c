//! What Jinja2 renders otherwise, as far as a template shows it: whoever has tried a letter there saw something else.
//!
//! Guarantees: each kind is told where it stands first in a file; README's table has all of them. Leaves to others: what is
//! refused here (`template`), and what depends on cells.

use super::Placing;
use crate::content::analysis::tree::{each_expression, each_statement, file_names, start, targets};
use crate::content::names::identifier;
use crate::content::spec::Source;
use minijinja::machinery;
use minijinja::machinery::ast::{Expr, Filter, Stmt};
use minijinja::syntax::SyntaxConfig;
use std::collections::BTreeSet;

/// Something that differs: the octet, what, and how to write it so that it does not.
type Difference = (usize, &'static str, String);

const EMPTY: &str = "default stands for an empty cell here, and for none in Jinja2";
const JSON: &str = "tojson keeps the order of keys and letters beyond ASCII, which Jinja2 sorts and escapes";
const WIDTH: &str = "format takes a wide character (\u{674e}) for two columns, and Jinja2 for one";
const IMPORTED: &str = "macros of that file read columns: in Jinja2 they see none";

/// Looks at a template. `file`: one that it may read; `empty_is_text`: an empty cell is text like another.
pub(super) fn look<'s>(
    template: &str,
    empty_is_text: bool,
    file: impl Fn(&str) -> Option<&'s Source>,
    found: &mut Placing<'_>,
) {
    let Ok(tree) = machinery::parse(template, "", SyntaxConfig::default()) else { return };
    let names: BTreeSet<String> = found.columns.iter().map(|column| identifier(column).into_owned()).collect();
    let mut all: Vec<Difference> = Vec::new();
    each_expression(&tree, &mut |expr| {
        let Expr::Filter(filter) = expr else { return };
        let difference = of_filter(filter, &names).filter(|(what, _)| !(empty_is_text && *what == EMPTY));
        all.extend(difference.map(|(what, hint)| (start(expr), what, hint)));
    });
    each_statement(&tree, &mut |statement| {
        let files = match statement {
            Stmt::Import(one) => &one.expr,
            Stmt::FromImport(one) => &one.expr,
            _ => return,
        };
        let mut imported = Vec::new();
        file_names(files, &mut imported);
        if imported.iter().filter_map(|name| file(name)).any(|file| macros_read(&file.text, &names)) {
            all.push((start(files), IMPORTED, "hand the values over as arguments".to_owned()));
        }
    });
    all.sort_by_key(|(at, ..)| *at);
    let mut told = BTreeSet::new();
    for (at, what, hint) in all {
        if told.insert(what) {
            found.note("jinja2", at, what, hint);
        }
    }
}

fn of_filter(filter: &Filter<'_>, names: &BTreeSet<String>) -> Option<(&'static str, String)> {
    match (filter.name, &filter.expr, filter.args.as_slice()) {
        ("default" | "d", Some(Expr::Var(name)), [_]) if names.contains(name.id) => {
            Some((EMPTY, format!("{}|default(\u{2026}, true) is the same in both", name.id)))
        }
        ("tojson", ..) => Some((JSON, String::new())),
        ("format", Some(Expr::Const(text)), [_, ..]) if text.value.as_str().is_some_and(has_width) => {
            Some((WIDTH, String::new()))
        }
        _ => None,
    }
}

/// Whether a pattern such as `%-4s` pads.
fn has_width(pattern: &str) -> bool {
    pattern.split('%').skip(1).any(|code| {
        let width = code.trim_start_matches(['-', '+', ' ', '#', '0']);
        width.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// Whether a macro of a file reads a column.
fn macros_read(text: &str, names: &BTreeSet<String>) -> bool {
    let Ok(tree) = machinery::parse(text, "", SyntaxConfig::default()) else { return false };
    let mut reads = false;
    each_statement(&tree, &mut |statement| {
        let Stmt::Macro(one) = statement else { return };
        let own: BTreeSet<String> = one.args.iter().flat_map(targets).collect();
        each_expression(statement, &mut |expr| {
            if let Expr::Var(name) = expr {
                reads |= names.contains(name.id) && !own.contains(name.id);
            }
        });
    });
    reads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::error::Place;
    use crate::content::lint::Found;
    use crate::content::syntax::Syntax;

    fn told(template: &str) -> Vec<((usize, usize), &'static str)> {
        let columns = ["first name", "n"].map(str::to_owned);
        let macros = Source { file: "m.html".into(), text: "{% macro f() %}{{ n }}{% endmacro %}".into() };
        let pure = Source { file: "p.html".into(), text: "{% macro f(n) %}{{ n }}{% endmacro %}".into() };
        let file = |name: &str| match name {
            "m.html" => Some(&macros),
            _ => Some(&pure),
        };
        let mut found = Found { columns: &columns, syntax: Syntax::Jinja, remarks: Vec::new() };
        look(template, false, file, &mut found.at(&Place::File("t".into()), template));
        let kinds = [EMPTY, JSON, WIDTH, IMPORTED];
        let kind = |says: &str| kinds.into_iter().find(|kind| *kind == says).unwrap();
        found.remarks.iter().map(|remark| (remark.position.unwrap(), kind(&remark.says))).collect()
    }

    #[test]
    fn what_jinja2_renders_otherwise_is_told_where_it_stands_first() {
        assert_eq!(told("a\n{% if n %}{{ first_name|default('x') }}{{ n|d('y') }}{% endif %}"), [((2, 14), EMPTY)]);
        assert_eq!(told("{% for i in [n|tojson] %}{% endfor %}"), [((1, 14), JSON)]);
        assert_eq!(told("{{ '%-4s|%5.2f'|format(n, n) }}"), [((1, 4), WIDTH)]);
        assert_eq!(told("{% from 'm.html' import f %}{{ f() }}"), [((1, 9), IMPORTED)]);
        assert_eq!(told("{% import 'm.html' as m %}"), [((1, 11), IMPORTED)]);
    }

    #[test]
    fn what_is_the_same_in_both_is_not() {
        for template in [
            "{{ n|default('x', true) }}{% set y = 1 %}{{ y|default(2) }}",
            "{{ '%s and %.2f%%'|format(n, n) }}{{ n|format }}",
            "{% from 'p.html' import f %}{{ f(n) }}",
            "{% if",
        ] {
            assert_eq!(told(template), [], "{template}");
        }
    }
}
