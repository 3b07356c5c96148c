//! Whether a row can have a message at all, found out without making it; and what is odd about one that can.
//!
//! Guarantees: a row that is rehearsed without a complaint is composed without one, signing apart. What depends on no row
//! is left out, and so are encoding and signing, which cannot fail on a row: it costs a part of a message.
//! Leaves to others: which rows of a list are rehearsed ([`Need`] says how many must be), and what becomes of the others.

use super::binding::LocaleOf;
use super::cell::{self, ColumnType};
use super::compose::{Composed, Composer, EMPTY_SUBJECT, ReversePath, RowRef, Scratch};
use super::error::ComposeError;
use super::field::{Address, Addressed, HeaderPart, One};
use super::locale::Locality;
use super::names::Name;
use super::template::{Form, Piece, Template};
use minijinja::machinery;
use minijinja::machinery::ast::{CallArg, Expr, Stmt};
use minijinja::syntax::SyntaxConfig;

/// How many rows of a list have to be rehearsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Those with long values: nothing else can fail.
    Long,
    /// One for each pattern of values, and a sample: what can fail depends on which values are there, and of what kind. If
    /// one does, that was not so: then each one, and all of them before anybody gets a message.
    Patterns,
    /// Each one.
    Each,
    /// Each one, and all of them before anybody gets a message: the template goes another way for each.
    All,
}

/// Filters of which no text is wrong, as long as their arguments are not.
const TOTAL: [&str; 26] = [
    "__beside",
    "__lowered",
    "__raised",
    "__struck",
    "default",
    "d",
    "upper",
    "lower",
    "title",
    "capitalize",
    "trim",
    "escape",
    "e",
    "safe",
    "urlencode",
    "replace",
    "first",
    "last",
    "length",
    "count",
    "string",
    "striptags",
    "truncate",
    "wordwrap",
    "center",
    "indent",
];

/// A column that the campaign declares to hold something else than text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// What it is called.
    pub column: String,
    /// What it is declared to hold.
    pub kind: ColumnType,
    /// Its place among the list's columns.
    pub(crate) index: usize,
}

impl Declared {
    /// Whether it is declared to hold numbers.
    #[must_use]
    pub fn is_number(&self) -> bool {
        self.kind.is_number()
    }

    /// Its place among the list's columns.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }
}

impl Composer {
    /// How many rows of its list have to be rehearsed.
    #[must_use]
    pub fn rehearsal(&self) -> Need {
        let of = |template: &Template| self.need_of(template);
        let heads = self.headers.iter().map(|part| {
            let renders = part.templates().into_iter().map(of).max().unwrap_or(Need::Long);
            renders.max(Self::each_value_of(part))
        });
        let path = match &self.reverse_path {
            ReversePath::Fixed(_) | ReversePath::Token(..) => Need::Long,
            ReversePath::Rendered(template) => of(template).max(Self::each_value(template)),
        };
        let url = self.unsubscribe.iter().map(|template| of(template).max(Self::each_value(template)));
        let straight = self.straight.iter().map(|text| if text.is_tight() { Need::Each } else { Need::Long });
        heads.chain(url).chain(straight).chain(self.programs.iter().map(of)).chain([path]).max().unwrap_or(Need::Long)
    }

    /// Whether the addresses of a header field come out well, or what has a structure of its own, depends on each value.
    fn each_value_of(part: &HeaderPart) -> Need {
        let of = |one: &One| match &one.address {
            Address::Rendered(address) if !address.is_email() => Self::each_value(address),
            _ => Need::Long,
        };
        match part {
            HeaderPart::Mailbox(field) => of(&field.one),
            HeaderPart::Addresses(_, all) => {
                let addressed = |addressed: &Addressed| match addressed {
                    Addressed::One(one) => of(one),
                    Addressed::Group(_, members) => members.iter().map(of).max().unwrap_or(Need::Long),
                };
                all.iter().map(addressed).max().unwrap_or(Need::Long)
            }
            HeaderPart::Other(_, _, template) => Self::each_value(template),
            _ => Need::Long,
        }
    }

    /// Whether an address or URL comes out well depends on each value.
    fn each_value(template: &Template) -> Need {
        if template.names().any(|name| matches!(name, Name::Column(_))) { Need::Each } else { Need::Long }
    }

    fn need_of(&self, template: &Template) -> Need {
        let Form::Program(name) = &template.form else { return Need::Long };
        let is_straight = |program: &str| is_straight(program, self.with.env.syntax().clone());
        match self.with.env.get_template(name) {
            Ok(program) if !template.may_misread() && is_straight(program.source()) => Need::Patterns,
            _ => Need::All,
        }
    }

    /// Whether `row` can have a message. `out` is room to work in.
    ///
    /// # Errors
    /// Why it can have none.
    pub fn rehearse(&self, scratch: &mut Scratch, row: &RowRef, out: &mut Composed) -> Result<(), ComposeError> {
        // Every tag is as long as every other.
        let tag = [0; 32];
        self.with_values(scratch, row, &tag, out, |scratch, values, out| {
            self.write_reverse_path(scratch, values, out)?;
            for part in &self.headers {
                if !matches!(part, HeaderPart::Fixed { .. } | HeaderPart::Date | HeaderPart::MessageId) {
                    out.content.clear();
                    self.write_header(part, scratch, values, &tag, Default::default(), &mut out.content)?;
                    scratch.signed.clear();
                }
            }
            self.straight.iter().try_for_each(|text| text.count(values))?;
            for template in &self.programs {
                scratch.text.clear();
                template.render(&self.with, values, &mut scratch.text)?;
            }
            Ok(())
        })
    }
}

impl Composer {
    /// The columns that templates read and that are declared to hold something else than text.
    #[must_use]
    pub fn declared(&self) -> &[Declared] {
        &self.declared
    }

    /// Why the cell of such a column, in a row of these fields, is not what it is declared to be; an empty one is nothing.
    #[must_use]
    pub fn misfit(&self, declared: &Declared, fields: &[&[u8]]) -> Option<&'static str> {
        let at = |index: usize| self.places.get(index).and_then(|&place| fields.get(place)).copied();
        let field = at(declared.index).filter(|field| !field.is_empty())?;
        let locale = match self.with.reading.locale {
            LocaleOf::Campaign(locale) => Some(locale),
            LocaleOf::Row(Name::Column(index)) => {
                at(index).and_then(|field| Locality::of(cell::as_written(field).as_ref()))
            }
            LocaleOf::Row(_) | LocaleOf::Nobody => None,
        };
        cell::as_kind(field, Some(declared.kind), locale).err()
    }

    /// Whether the Subject of `row` comes out empty; of a row that has no message it is not said. `out` is room to work in.
    #[must_use]
    pub fn has_empty_subject(&self, scratch: &mut Scratch, row: &RowRef, out: &mut Composed) -> bool {
        let is_it = |part: &&HeaderPart| matches!(part, HeaderPart::Text(name, template) if name == "Subject" && may_be_empty(template));
        let Some(part) = self.headers.iter().find(is_it) else { return false };
        let mut is_empty = false;
        let tag = [0; 32];
        let made = self.with_values(scratch, row, &tag, out, |scratch, values, out| {
            out.content.clear();
            self.write_header(part, scratch, values, &tag, Default::default(), &mut out.content)?;
            scratch.signed.clear();
            is_empty = out.content == EMPTY_SUBJECT;
            Ok(())
        });
        made.is_ok() && is_empty
    }

    /// Whether the letter of `row` comes out empty, it shows nothing; of a row that has no message it is not said.
    #[must_use]
    pub fn is_blank(&self, scratch: &mut Scratch, row: &RowRef, out: &mut Composed) -> bool {
        let mut is_blank = false;
        let made = self.may_be_blank.then(|| {
            self.with_values(scratch, row, &[0; 32], out, |scratch, values, out| {
                is_blank = self.write_body(scratch, values, &mut out.content)?;
                Ok(())
            })
        });
        matches!(made, Some(Ok(()))) && is_blank
    }
}

/// Whether nothing may be left of a template: no text of its own stands in it.
fn may_be_empty(template: &Template) -> bool {
    match &template.form {
        Form::Pieces(pieces) => {
            !pieces.iter().any(|piece| matches!(piece, Piece::Literal(text) if !text.trim().is_empty()))
        }
        Form::Program(_) => true,
    }
}

/// Whether a template is text and values, each behind filters of which none can be wrong: it takes one way for every row.
fn is_straight(source: &str, syntax: SyntaxConfig) -> bool {
    let Ok(Stmt::Template(tree)) = machinery::parse(source, "", syntax) else { return false };
    tree.children.iter().all(|part| match part {
        Stmt::EmitRaw(_) => true,
        Stmt::EmitExpr(value) => is_chain(&value.expr),
        _ => false,
    })
}

/// `name | filter | filter(…)`, where the arguments stand in the template: with those of a row any filter can be wrong.
fn is_chain(expr: &Expr<'_>) -> bool {
    let Expr::Filter(filter) = expr else { return matches!(expr, Expr::Var(_) | Expr::Const(_)) };
    let is_other = matches!(filter.name, "default" | "d");
    let is_same = |arg: &CallArg<'_>| match arg {
        CallArg::Pos(value) if is_other => is_chain(value),
        CallArg::Pos(value) | CallArg::Kwarg(_, value) => value.as_const().is_some(),
        CallArg::PosSplat(_) | CallArg::KwargSplat(_) => false,
    };
    TOTAL.contains(&filter.name) && filter.expr.as_ref().is_some_and(is_chain) && filter.args.iter().all(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::UnixTime;
    use crate::content::{Source, Spec};

    #[test]
    fn a_rehearsal_says_what_composing_says() {
        let columns = ["email", "a", "b"].map(str::to_owned);
        let keys: [fn(&mut Spec); 7] = [
            |_| {},
            |spec| spec.subject = "{{ a|int }}".into(),
            |spec| spec.reply_to = Some("{{ a }}@a.example".into()),
            |spec| spec.return_path = Some("{{ b }}+{token}@a.example".into()),
            |spec| spec.to = Some("{{ a }} <{{ b }}>".into()),
            |spec| spec.unsubscribe_url = Some("https://a.example/{{ a }}/{{ token }}".into()),
            |spec| {
                spec.html =
                    Some(Source { file: "h".into(), text: "{% for i in range(b|int) %}{{ a }}{% endfor %}".into() })
            },
        ];
        let mut failed = 0;
        for key in keys {
            let mut spec = Spec {
                from: "a@a.example".into(),
                subject: "{{ a }}".into(),
                text: Some(Source { file: "t".into(), text: "{{ a }}{% if b %}{{ b }}{% endif %}".into() }),
                ..Spec::default()
            };
            key(&mut spec);
            let composer = Composer::compile(spec, &columns, "email").unwrap();
            let (mut scratch, mut out) = (Scratch::default(), Composed::default());
            let long = "x".repeat(9000);
            for value in ["", "7", "x", "a b", "x@a.example", "\u{e9}", "a\tb", "1000000", long.as_str()] {
                let fields = [value.as_bytes(), value.as_bytes()];
                let fields = fields.get(..composer.columns_used().len()).unwrap();
                let row = RowRef { number: 0, mailbox: "p@p.example", fields };
                let composed = composer.compose(&mut scratch, &row, UnixTime(1), &mut out);
                assert_eq!(composer.rehearse(&mut scratch, &row, &mut out), composed, "{value}");
                failed += usize::from(composed.is_err());
            }
        }
        assert!(failed > 20, "{failed}");
    }

    #[test]
    fn what_is_odd_about_a_row_that_has_a_message_is_told() {
        let columns = ["email", "n", "lang", "day"].map(str::to_owned);
        let spec = Spec {
            from: "a@a.example".into(),
            subject: "{{ n }}".into(),
            text: Some(Source { file: "t".into(), text: "{{ n }} {{ day }} {{ 1|number }}".into() }),
            types: vec![
                ("n".into(), ColumnType::Number),
                ("day".into(), ColumnType::Date),
                ("lang".into(), ColumnType::Text),
            ],
            locale: Some("{{ lang }}".into()),
            ..Spec::default()
        };
        let composer = Composer::compile(spec, &columns, "email").unwrap();
        let names: Vec<&str> = composer.declared().iter().map(|declared| declared.column.as_str()).collect();
        assert_eq!((names, composer.columns_used()), (vec!["n", "day"], &[1, 2, 3][..]));
        let misfits = |fields: [&str; 3]| {
            let fields = fields.map(str::as_bytes);
            composer.declared().iter().filter_map(|declared| composer.misfit(declared, &fields)).collect::<Vec<_>>()
        };
        assert!(misfits(["1.234,5", "de_DE", "24.12.2026"]).is_empty() && misfits(["", "", ""]).is_empty());
        assert_eq!(misfits(["1.234,5", "", "soon"]), ["no number", "no date"]);
        let (mut scratch, mut out) = (Scratch::default(), Composed::default());
        for (n, is_empty) in [("", true), (" ", true), ("7", false)] {
            let fields = [n.as_bytes(), b"", b""];
            let row = RowRef { number: 0, mailbox: "p@p.example", fields: &fields };
            assert_eq!(composer.has_empty_subject(&mut scratch, &row, &mut out), is_empty, "{n:?}");
        }
    }

    #[test]
    fn a_template_that_takes_one_way_is_told_from_others() {
        let is_straight = |text: &str| super::is_straight(text, SyntaxConfig::default());
        for straight in [
            "Hi {{ a }}",
            "{{ a|default('you')|upper }}{# note %} #} { x }",
            "{{- a | truncate(9) -}}",
            "{{ a|default('x|y') }}{% raw %}{{{% endraw %}",
            "{{ a|default(b|upper, true) }}",
        ] {
            assert!(is_straight(straight), "{straight}");
        }
        for other in [
            "{% if a %}b{% endif %}",
            "{{ a if b else c }}",
            "{{ a + 1 }}",
            "{{ a.b() }}",
            "{{ a|int }}",
            "{{ a|default(b|int) }}",
            "{{ a|truncate(n) }}",
            "{{ a|center(width=n) }}",
            "{{ a|replace('x', b) }}",
            "{{ a",
        ] {
            assert!(!is_straight(other), "{other}");
        }
    }

    #[test]
    fn a_column_that_is_declared_to_hold_something_can_be_wrong_in_each_row() {
        for (text, need) in
            [("{{ day|default('soon') }}", Need::Patterns), ("{{ day|default('soon', true) }}", Need::All)]
        {
            let spec = Spec {
                from: "a@a.example".into(),
                subject: "s".into(),
                text: Some(Source { file: "t".into(), text: text.into() }),
                types: vec![("day".into(), ColumnType::Date)],
                ..Spec::default()
            };
            let composer = Composer::compile(spec, &["email", "day"].map(str::to_owned), "email").unwrap();
            assert_eq!(composer.rehearsal(), need, "{text}");
        }
    }
}
