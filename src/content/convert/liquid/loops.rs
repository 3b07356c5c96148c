//! Loops of Liquid in our words, and what goes on with them.
//!
//! Leaves to others: names that a loop changes, which are kept in one object.

use super::expr::{Kind, Reader, Value};
use super::lexer::Tag;
use super::{Block, Open, Work};
use crate::content::names::identifier;

impl<'t> Work<'_, '_, '_, 't> {
    /// `for item in items reversed limit: 3 offset: 1`
    pub(super) fn each(&mut self, tag: Tag<'t>, rest: &str) -> Result<(), String> {
        let scope = self.scope();
        let mut reader = Reader::new(rest, &scope)?;
        let name = reader.name()?;
        if !reader.word("in") {
            return Err("`in` is missing".to_owned());
        }
        let of = reader.value()?;
        let mut of = self.items_of(tag, &name, &of);
        // Behind the other words it means nothing in Liquid.
        let is_reversed = reader.word("reversed");
        let (mut limit, mut offset, mut is_late) = (None, None, false);
        loop {
            if reader.word("limit") && reader.sign(":") {
                limit = Some(reader.value()?.number());
            } else if reader.word("offset") && reader.sign(":") {
                if reader.word("continue") {
                    return Err("a loop that goes on where another one ended is not known here".to_owned());
                }
                offset = Some(reader.value()?.number());
            } else if reader.word("reversed") {
                is_late = true;
            } else if !reader.sign(",") {
                break;
            }
        }
        reader.done()?;
        let asides = reader.asides;
        if is_late {
            self.out.told(tag.at, "`reversed` behind `limit` and `offset` means nothing in Liquid, and is left out");
        }
        asides.into_iter().for_each(|says| self.out.told_of_letter(tag.at, says));
        if limit.is_some() || offset.is_some() {
            let from = offset.clone().unwrap_or_default();
            let to = match (limit, offset) {
                (Some(limit), Some(offset)) => match (limit.parse::<i64>(), offset.parse::<i64>()) {
                    (Ok(limit), Ok(offset)) => limit.saturating_add(offset).to_string(),
                    _ => format!("{offset} + {limit}"),
                },
                (Some(limit), None) => limit,
                (None, _) => String::new(),
            };
            of = format!("({of}|list)[{from}:{to}]");
        }
        let reversed = if is_reversed { "|reverse" } else { "" };
        let name = identifier(&name).into_owned();
        self.begin(tag, "for", Block::Loop, &format!("for {name} in {of}{reversed}"));
        self.locals.push(name);
        Ok(())
    }

    /// What a loop goes through: of an object pairs of a key and a value, where the loop takes them apart.
    fn items_of(&self, tag: Tag<'t>, name: &str, of: &Value) -> String {
        let body = self.text.get(tag.at + tag.whole.len()..).unwrap_or_default();
        let body = body.split("endfor").next().unwrap_or_default();
        let takes_apart = ["[0]", "[1]", ".first", ".last", " | first", " | last"].iter().any(|part| {
            body.match_indices(part).any(|(at, _)| body.get(..at).is_some_and(|front| front.ends_with(name)))
        });
        let code = of.bare();
        match of.kind {
            Kind::Column(holds) if holds.objects && !holds.lists => format!("{code}|default({{}})|items|list"),
            Kind::Column(holds) if holds.lists && !holds.objects => of.items(),
            Kind::Column(_) | Kind::Loose | Kind::Local if takes_apart && !self.names.is_text() => {
                format!("({code}|items|list if {code} is mapping else {})", of.items())
            }
            _ => of.items(),
        }
    }

    /// `cycle "odd", "even"`
    pub(super) fn cycle(&mut self, tag: Tag<'t>, rest: &str) -> Result<(), String> {
        if !self.in_loop() {
            return Err("no loop is open here".to_owned());
        }
        // Theirs goes on each time that it is come by, ours with the loop: only where these are the same is there one.
        let is_loop = |open: &&Open<'_>| matches!(open.kind, Block::Loop);
        let is_alone = self.open.last().as_ref().is_some_and(is_loop) && self.open.iter().filter(is_loop).count() == 1;
        if !is_alone && !self.out.is_one_tag() {
            return Err("it is known in a loop alone, not in one within a loop or a condition".to_owned());
        }
        let scope = self.scope();
        let mut reader = Reader::new(rest, &scope)?;
        let mut values = vec![reader.value()?];
        let group = reader.sign(":").then(|| std::mem::take(&mut values)).and_then(|group| group.into_iter().next());
        if group.is_some() {
            values.push(reader.value()?);
        }
        while reader.sign(",") {
            values.push(reader.value()?);
        }
        reader.done()?;
        let values: Vec<String> = values.iter().map(Value::as_text).collect();
        let values = values.join(", ");
        if !self.cycles.insert(group.map_or_else(|| values.clone(), |group| group.code)) {
            return Err("it goes on where an earlier one ended, which ours does not".to_owned());
        }
        self.out.slot(&format!("loop.cycle({values})"), tag.trim);
        Ok(())
    }
}
