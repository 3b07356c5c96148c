//! Conditions of Liquid in our words.
//!
//! Only `nil` and `false` do not hold in Liquid: 0, an empty text and an empty list do. A comparison of order with what is not
//! there does not hold, either way round. Leaves to others: an empty cell, which counts as `nil` here.

use super::super::writer::{holds_for_zero, number};
use super::expr::{Kind, Reader, Value, Void};

/// What an empty text of a JSON list is taken for.
const EMPTY: &str = "an empty text of the list counts as nothing here, and as something in a condition of Liquid";
/// What is taken for an empty text.
const NULL: &str = "null in the list is equal to \"\" here, and to nil only in Liquid";
/// What `true` and `false` are taken for.
const TRUTHS: &str = "true and false count as 1 and 0 here where they are compared, and are no numbers in Liquid";
/// `true` and `false`, as something that is compared with 1 and 0.
const NUMBERS: [&str; 2] = ["0", "1"];

impl Reader<'_, '_> {
    /// A condition: Liquid has no brackets, and reads `and` and `or` from the end.
    ///
    /// # Errors
    /// Why there is no translation.
    pub(super) fn condition(&mut self) -> Result<Value, String> {
        let left = self.comparison()?;
        for word in ["and", "or"] {
            if self.word(word) {
                let right = self.deeper(Self::condition)?;
                // Ours reads `and` first: what Liquid takes together stands in brackets.
                let both = format!("{} {word} {}", bracketed(&left), bracketed(&right));
                return Ok(Value::long(both));
            }
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Value, String> {
        let left = self.value()?;
        if self.word("contains") {
            let right = self.value()?;
            return Ok(contains(&left, &right));
        }
        let Some(sign) = ["==", "!=", "<>", "<=", ">=", "<", ">"].into_iter().find(|sign| self.sign(sign)) else {
            return Ok(self.holds(&left));
        };
        let right = self.value()?;
        let has_truths = |value: &Value| matches!(value.kind, Kind::Column(holds) if holds.truths);
        if (has_truths(&left) || has_truths(&right))
            && (left.may_be_missing() && right.may_be_missing() || sign.len() == 1)
        {
            self.asides.push(TRUTHS);
        }
        Ok(match sign {
            "==" => self.equal(&left, &right, true),
            "!=" | "<>" => self.equal(&left, &right, false),
            sign => order(&left, sign, &right),
        })
    }

    /// Whether a value holds.
    fn holds(&mut self, value: &Value) -> Value {
        let code = &value.code;
        match value.kind {
            Kind::Nothing(_) => Value::of(Kind::Truth, "false"),
            Kind::Text | Kind::Number(_) | Kind::Figure | Kind::Words | Kind::Items => Value::of(Kind::Truth, "true"),
            Kind::Truth | Kind::Other => value.clone(),
            Kind::Size => {
                Value::long(value.counted().map_or_else(|| "true".to_owned(), |of| format!("{of} is defined")))
            }
            Kind::Loose | Kind::Local => Value::long(format!("{code}|default(false) is not false")),
            Kind::Column(holds) => {
                if holds.texts && !self.scope.names.is_text() {
                    self.asides.push(EMPTY);
                }
                let is_zero_something = holds.numbers || holds.lists || holds.objects;
                match (is_zero_something, holds.truths) {
                    (false, _) => Value { is_long: false, ..Value::other(code.clone()) },
                    (true, false) => Value::long(format!("{code} is defined")),
                    (true, true) => Value::long(format!("{code} is defined and {code} is not false")),
                }
            }
        }
    }

    /// Whether two values are equal; `is`: or else, whether they are not.
    pub(super) fn equal(&mut self, left: &Value, right: &Value, is: bool) -> Value {
        let (value, other) = match (left.kind, right.kind) {
            (_, Kind::Nothing(void)) => return self.void(left, void, is),
            (Kind::Nothing(void), _) => return self.void(right, void, is),
            (Kind::Text | Kind::Number(_) | Kind::Truth, _) => (right, left),
            _ => (left, right),
        };
        let code = value.bare();
        let (sign, not) = if is { ("==", "") } else { ("!=", "not ") };
        match other.kind {
            Kind::Truth if matches!(other.code.as_str(), "true" | "false") => {
                Value::long(format!("{code} is {not}{}", other.code))
            }
            Kind::Text if other.code == "\"\"" => self.empty_text(value, sign),
            Kind::Number(_) => self.equal_number(value, &other.code, is),
            _ => Value::long(format!("{code} {sign} {}", other.bare())),
        }
    }

    fn equal_number(&mut self, value: &Value, number: &str, is: bool) -> Value {
        let code = value.bare();
        let sign = if is { "==" } else { "!=" };
        let is_zero = number.bytes().all(|b| matches!(b, b'0' | b'.' | b'-'));
        if let Some(of) = value.counted().filter(|_| is_zero) {
            return joined(format!("{of} is defined and {code} == {number}"), is);
        }
        let has_truths = match value.kind {
            Kind::Column(holds) => holds.truths,
            Kind::Loose | Kind::Local => self.scope.names.has_kinds_within(),
            _ => false,
        };
        let of = match value.kind {
            Kind::Column(_) if !is_zero => format!("{code}|default(0)"),
            Kind::Column(_) | Kind::Loose | Kind::Local => format!("{code}|default(none)"),
            _ => code.clone(),
        };
        match has_truths && NUMBERS.contains(&number) {
            true => joined(format!("{code} is not boolean and {of} == {number}"), is),
            false => Value::long(format!("{of} {sign} {number}")),
        }
    }

    fn empty_text(&mut self, value: &Value, sign: &str) -> Value {
        match value.kind {
            Kind::Loose | Kind::Local => Value::long(format!("{}|default(none) {sign} \"\"", value.code)),
            kind => {
                if matches!(kind, Kind::Column(holds) if holds.gaps && !self.scope.names.is_text()) {
                    self.asides.push(NULL);
                }
                Value::long(format!("{} {sign} \"\"", value.bare()))
            }
        }
    }

    /// Whether a value is `nil`, `blank` or `empty`.
    fn void(&mut self, value: &Value, void: Void, is: bool) -> Value {
        let code = value.bare();
        if let Kind::Column(holds) = value.kind
            && !self.scope.names.is_text()
        {
            self.asides.extend((holds.texts && void == Void::Nil).then_some(EMPTY));
            self.asides.extend((holds.gaps && void == Void::Empty).then_some(NULL));
        }
        let always = |holds: bool| Value::of(Kind::Truth, (holds == is).to_string());
        let missing = |of: &str| Value::long(format!("{of} is {}", if is { "undefined" } else { "defined" }));
        match (value.kind, void) {
            // `nil == nil`, `nil == blank`; two words that are no values are equal to nothing.
            (Kind::Nothing(Void::Nil), void) => always(matches!(void, Void::Nil | Void::Blank)),
            (Kind::Nothing(other), Void::Nil) => always(other == Void::Blank),
            (Kind::Nothing(_) | Kind::Number(_) | Kind::Figure, _) => always(false),
            (Kind::Text | Kind::Words | Kind::Items | Kind::Truth, Void::Nil) => always(false),
            (Kind::Size, Void::Empty) => always(false),
            (Kind::Size, _) => value.counted().map_or_else(|| always(false), missing),
            (_, Void::Nil) => missing(&code),
            (Kind::Column(holds), _) if holds.is_plain() && !holds.numbers => {
                let trim = if void == Void::Blank { "|trim" } else { "" };
                match is {
                    true => Value::long(format!("not {code}{trim}")),
                    false => Value::other(format!("{code}{trim}")),
                }
            }
            (_, Void::Blank) => joined(
                format!("(not {code} or {code}|string|trim == \"\") and ({code} is false or {code} is not number)"),
                is,
            ),
            (Kind::Loose | Kind::Local, Void::Empty) => {
                joined(format!("{code} is defined and {code} in [\"\", [], {{}}]"), is)
            }
            (_, Void::Empty) => joined(format!("{code} in [\"\", [], {{}}]"), is),
        }
    }
}

/// Several conditions, or that not all of them hold.
fn joined(code: String, is: bool) -> Value {
    Value::long(if is { code } else { format!("not ({code})") })
}

/// `left < right`: with what is not there nothing has an order.
fn order(left: &Value, sign: &str, right: &Value) -> Value {
    if matches!(left.kind, Kind::Nothing(_)) || matches!(right.kind, Kind::Nothing(_)) {
        return Value::of(Kind::Truth, "false");
    }
    let is_text = |value: &Value| value.kind == Kind::Text && number(value.text().unwrap_or_default()).is_none();
    let are_texts = is_text(left) || is_text(right) || left.kind == Kind::Words || right.kind == Kind::Words;
    let side = |value: &Value| match value.kind {
        Kind::Text if !are_texts => value.number(),
        _ => value.bare(),
    };
    let turned = match sign {
        "<" => ">",
        ">" => "<",
        "<=" => ">=",
        _ => "<=",
    };
    // A missing value counts as 0 where 0 is on the right side of the number, too.
    let counts_as_none = |value: &Value, sign: &str, number: &Value| {
        value.may_be_missing() && matches!(number.kind, Kind::Number(_)) && !holds_for_zero(sign, &number.code)
    };
    if counts_as_none(left, sign, right) {
        return Value::long(format!("{}|default(0) {sign} {}", left.code, right.code));
    }
    if counts_as_none(right, turned, left) {
        return Value::long(format!("{} {sign} {}|default(0)", left.code, right.code));
    }
    let given = |value: &Value| match value.counted() {
        Some(of) => Some(format!("{of} is defined and ")),
        None if value.may_be_missing() => Some(format!("{} is defined and ", value.bare())),
        None => None,
    };
    let asked = [left, right].into_iter().filter_map(given).collect::<String>();
    Value::long(format!("{asked}{} {sign} {}", side(left), side(right)))
}

/// `left contains right`
fn contains(left: &Value, right: &Value) -> Value {
    if matches!(left.kind, Kind::Nothing(_)) || matches!(right.kind, Kind::Nothing(_)) {
        return Value::of(Kind::Truth, "false");
    }
    let of = match left.kind {
        Kind::Column(_) | Kind::Loose | Kind::Local => format!("{}|default(\"\")", left.code),
        _ => left.closed(),
    };
    let is_in = format!("{} in {of}", right.bare());
    match right.may_be_missing() {
        true => Value::long(format!("{} is defined and {is_in}", right.bare())),
        false => Value::long(is_in),
    }
}

fn bracketed(value: &Value) -> String {
    // One comparison needs none.
    let joins = [" and ", " or ", "not "].iter().any(|word| value.code.contains(word));
    if value.is_long && joins { format!("({})", value.code) } else { value.code.clone() }
}
