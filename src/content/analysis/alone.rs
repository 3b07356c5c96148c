//! Texts that stand alone in a condition: `plan == "Pro" or "Free"` holds in every row.
//!
//! Leaves to others: what else a condition asks (`truth`).

use super::Walk;
use super::tree::{end, start};
use minijinja::machinery::ast::{BinOpKind, Expr};

impl Walk<'_, '_> {
    /// A text alone beside `or` and `and`, as people write `plan == "Pro" or "Free"`: it holds in every row.
    pub(super) fn holds_always(&mut self, left: &Expr<'_>, right: &Expr<'_>) {
        let word =
            |expr: &Expr<'_>| expr.as_const().filter(|value| value.as_str().is_some_and(|text| !text.is_empty()));
        let is_other = |op: &BinOpKind| matches!(op, BinOpKind::Ne);
        let Some((alone, other)) = word(right).map(|_| (right, left)).or_else(|| word(left).map(|_| (left, right)))
        else {
            return;
        };
        let text = |expr: &Expr<'_>| self.text.get(start(expr)..end(expr)).unwrap_or_default().to_owned();
        // The comparison may stand before other words.
        let (mut first, mut words) = (other, vec![text(alone)]);
        let compared = loop {
            match first {
                Expr::BinOp(one) if matches!(one.op, BinOpKind::Eq | BinOpKind::Ne) => break Some(one),
                Expr::BinOp(one) if matches!(one.op, BinOpKind::ScOr | BinOpKind::ScAnd) => {
                    words.extend(word(&one.right).map(|_| text(&one.right)));
                    first = &one.left;
                }
                _ => break None,
            }
        };
        let hint = match compared {
            Some(one) => {
                words.push(text(&one.right));
                words.reverse();
                let not = if is_other(&one.op) { "not " } else { "" };
                format!("write {} {not}in [{}]", text(&one.left), words.join(", "))
            }
            None => "compare it with something, or take it out".to_owned(),
        };
        let problem = format!("{} alone is compared with nothing: a text holds in every row", text(alone));
        self.fault(start(alone), problem, hint);
    }
}
