//! What a tag prints, piece by piece: text that stands in the template and values of the list, through every name that the template
//! gives them: `{% set link = "https://acme.example/?n=" ~ city %}` and then `{{ link }}`.
//!
//! Guarantees: bounded, whatever leads to what; a way that cannot be told is left out. Leaves to others: which of the ways a row
//! takes, and whether it comes there at all.

use super::super::super::escape::Escape;
use super::super::super::names::{Name, Names};
use super::super::super::uses::Spot;
use super::super::tree::{end, start};
use super::bound::{At, Bound, Origin, Scope, Unit};
use super::trees_of;
use super::values::Reader;
use minijinja::machinery::ast::{BinOpKind, Expr, Filter, Stmt};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use std::collections::{BTreeMap, BTreeSet};

/// How much is looked at for all tags of a unit.
const STEPS: usize = 100_000;
/// So many ways are told of one tag.
const WAYS: usize = 8;
/// How many names may lead from one to another.
const DEPTH: usize = 12;
/// Filters after which a value is the same text.
const KEEPING: [&str; 7] = ["trim", "safe", "e", "escape", "string", "default", "d"];

/// A piece of what a tag prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// It stands in the template.
    Text(String),
    /// A value of the list, or one that is built in.
    Of(Named),
}

/// See [`Part::Of`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: Name,
    /// What the template writes for it where it comes into the text.
    pub(crate) code: String,
    /// Whether that is the tag that prints it.
    pub(crate) is_slot: bool,
    /// Whether it is the column's own name there.
    pub(crate) is_own: bool,
    pub(crate) is_encoded: bool,
}

/// One way of what is printed.
pub(crate) type Way = Vec<Part>;

/// What the tags of a template print, and those of each file that it reads.
#[derive(Debug, Default)]
pub(crate) struct Prints(BTreeMap<String, BTreeMap<usize, Vec<Way>>>);

impl Prints {
    /// Of these files by their names, of which the first is the template itself.
    pub(crate) fn of(files: &[(String, String)], syntax: &SyntaxConfig, names: &mut Names<'_>) -> Self {
        let trees = trees_of(files, syntax);
        let trees: Vec<(&str, &Stmt<'_>)> = trees.iter().map(|(name, tree)| (*name, tree)).collect();
        let unit = Unit::of(&trees);
        let text = |name: &str| files.iter().find(|(known, _)| known == name).map_or("", |(_, text)| text.as_str());
        let texts = trees.iter().map(|(name, _)| text(name)).collect();
        let mut printer = Printer { reader: Reader::of(&unit, names), texts, steps: STEPS, under_way: Vec::new() };
        let mut found = BTreeMap::<String, BTreeMap<usize, Vec<Way>>>::new();
        for at in &unit.printed {
            if let Some((name, _)) = trees.get(unit.file_of(at.scope)) {
                found.entry((*name).to_owned()).or_default().insert(start(at.expr), printer.ways(*at, true));
            }
        }
        Self(found)
    }

    /// What the tag of a file prints in which nothing stands before `from` and behind `to`.
    pub(crate) fn at(&self, file: &str, from: usize, to: usize) -> &[Way] {
        let tag = self.0.get(file).and_then(|tags| tags.range(from..to).next());
        tag.map_or(&[], |(_, ways)| ways.as_slice())
    }
}

/// Follows what is printed.
struct Printer<'a, 't, 's, 'n> {
    reader: Reader<'a, 't, 's, 'n>,
    texts: Vec<&'s str>,
    steps: usize,
    under_way: Vec<(Scope, &'s str)>,
}

impl<'t, 's> Printer<'_, 't, 's, '_> {
    /// All that an expression may be. `is_slot`: it is what a tag prints.
    fn ways(&mut self, at: At<'t, 's>, is_slot: bool) -> Vec<Way> {
        let Some(left) = self.steps.checked_sub(1) else { return Vec::new() };
        self.steps = left;
        let of = |expr| At { expr, scope: at.scope };
        let mut ways = match at.expr {
            Expr::Const(one) => text_of(&one.value).map(|text| vec![Part::Text(text)]).into_iter().collect(),
            Expr::Var(one) => self.of_name(one.id, at, is_slot),
            Expr::GetAttr(one) if self.reader.is_row(&one.expr, at.scope) => self.of_heading(one.name, at, is_slot),
            Expr::GetItem(one) if self.reader.is_row(&one.expr, at.scope) => match &one.subscript_expr {
                Expr::Const(key) => self.of_heading(key.value.as_str().unwrap_or_default(), at, is_slot),
                _ => Vec::new(),
            },
            Expr::GetAttr(_) | Expr::GetItem(_) => self.of_member(at, is_slot),
            Expr::IfExpr(one) => {
                let mut ways = self.ways(of(&one.true_expr), false);
                ways.extend(one.false_expr.iter().flat_map(|other| self.ways(of(other), false)));
                ways
            }
            Expr::BinOp(one) => match one.op {
                BinOpKind::ScOr => {
                    let mut ways = self.ways(of(&one.left), false);
                    ways.extend(self.ways(of(&one.right), false));
                    ways
                }
                BinOpKind::ScAnd => self.ways(of(&one.right), false),
                BinOpKind::Concat => product(&self.ways(of(&one.left), false), &self.ways(of(&one.right), false)),
                BinOpKind::Add => {
                    let (left, right) = (self.ways(of(&one.left), false), self.ways(of(&one.right), false));
                    if left.iter().chain(&right).any(is_text) { product(&left, &right) } else { Vec::new() }
                }
                _ => Vec::new(),
            },
            Expr::Filter(one) => self.filtered(one, at.scope, is_slot),
            _ => Vec::new(),
        };
        ways.dedup();
        ways.truncate(WAYS);
        ways
    }

    fn filtered(&mut self, one: &'t Filter<'s>, scope: Scope, is_slot: bool) -> Vec<Way> {
        let Some(base) = &one.expr else { return Vec::new() };
        match one.name {
            name if KEEPING.contains(&name) => self.ways(At { expr: base, scope }, is_slot),
            "urlencode" => {
                let ways = self.ways(At { expr: base, scope }, is_slot);
                ways.into_iter().map(|way| way.into_iter().map(encoded).collect()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn of_heading(&mut self, heading: &str, at: At<'t, 's>, is_slot: bool) -> Vec<Way> {
        let name = self.reader.names.of_heading(heading).ok();
        name.map(|name| vec![self.value(name, at, is_slot, true)]).into_iter().collect()
    }

    /// What is taken out of a list or an object that stands in the template.
    fn of_member(&mut self, at: At<'t, 's>, is_slot: bool) -> Vec<Way> {
        // What a row's own lists and objects hold is known by row.
        let cells = |spots: BTreeSet<Spot>| spots.iter().map(Spot::cell).collect::<Option<Vec<usize>>>();
        let columns = self.reader.stands_for(at).and_then(cells).unwrap_or_default();
        columns.into_iter().map(|column| vec![self.value(Name::Column(column), at, is_slot, false)]).collect()
    }

    fn value(&self, name: Name, at: At<'t, 's>, is_slot: bool, is_own: bool) -> Part {
        Part::Of(Named { name, code: self.code(at), is_slot, is_own, is_encoded: false })
    }

    /// An expression as it is written.
    fn code(&self, at: At<'t, 's>) -> String {
        let text = self.texts.get(self.reader.unit.file_of(at.scope)).copied().unwrap_or_default();
        text.get(start(at.expr)..end(at.expr)).unwrap_or_default().to_owned()
    }

    fn of_name(&mut self, name: &'s str, at: At<'t, 's>, is_slot: bool) -> Vec<Way> {
        let unit = self.reader.unit;
        let bound = unit.lookup(at.scope, name);
        let own = self.reader.names.resolve(name).ok();
        if bound.is_empty() || self.under_way.contains(&(at.scope, name)) {
            return own.map(|own| vec![self.value(own, at, is_slot, bound.is_empty())]).into_iter().collect();
        }
        if self.under_way.len() >= DEPTH {
            return Vec::new();
        }
        self.under_way.push((at.scope, name));
        let mut ways: Vec<Way> = bound.into_iter().flat_map(|bound| self.of_bound(bound, at, is_slot)).collect();
        self.under_way.pop();
        // What comes whole is written as it is called here; up to where it is bound it may be the column.
        let own = own.map(|own| vec![self.value(own, at, is_slot, false)]);
        for way in &mut ways {
            if let [Part::Of(value)] = way.as_mut_slice() {
                let code = self.code(at);
                *value = Named { code, is_slot, is_own: false, ..value.clone() };
            }
        }
        ways.extend(own.filter(|own| !ways.contains(own)));
        ways
    }

    fn of_bound(&mut self, bound: &Bound<'t, 's>, at: At<'t, 's>, is_slot: bool) -> Vec<Way> {
        if !bound.path.is_empty() {
            return self.of_member(at, is_slot);
        }
        match bound.origin {
            Origin::Is(is) => self.ways(is, false),
            Origin::Item(_) => self.of_member(at, is_slot),
            Origin::Of(file, name) => {
                let unit = self.reader.unit;
                unit.of_file(file, name).into_iter().flat_map(|bound| self.of_bound(bound, at, is_slot)).collect()
            }
            Origin::Made(body, scope) => self.of_body(body, scope),
            Origin::Module(_) | Origin::Unknown => Vec::new(),
        }
    }

    /// What a block prints that is given to a name.
    fn of_body(&mut self, body: &'t [Stmt<'s>], scope: Scope) -> Vec<Way> {
        let mut ways: Vec<Way> = vec![Vec::new()];
        for statement in body {
            let next = match statement {
                Stmt::EmitRaw(one) => vec![vec![Part::Text(one.raw.replace("&amp;", "&"))]],
                Stmt::EmitExpr(one) => self.ways(At { expr: &one.expr, scope }, true),
                _ => return Vec::new(),
            };
            ways = product(&ways, &next);
        }
        ways
    }
}

/// Each way of the first, and behind it each of the second.
pub(crate) fn product(first: &[Way], second: &[Way]) -> Vec<Way> {
    let both = first.iter().flat_map(|one| second.iter().map(move |other| one.iter().chain(other).cloned().collect()));
    both.take(WAYS).collect()
}

fn is_text(way: &Way) -> bool {
    way.iter().any(|part| matches!(part, Part::Text(text) if text.parse::<f64>().is_err()))
}

fn text_of(value: &Value) -> Option<String> {
    match value.kind() {
        ValueKind::String => value.as_str().map(str::to_owned),
        ValueKind::Number => Some(value.to_string()),
        _ => None,
    }
}

/// The part as `urlencode` writes it.
fn encoded(part: Part) -> Part {
    match part {
        Part::Text(text) => {
            let mut written = String::new();
            Escape::Url.write(&text, &mut written);
            Part::Text(written)
        }
        Part::Of(value) => Part::Of(Named { is_encoded: true, ..value }),
    }
}
