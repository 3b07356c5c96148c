//! Texts of fixed words and values, which need no interpreter: they are held to the same bound as all others.
//!
//! Guarantees: a row whose text is longer than [`RENDERED_MAX`] has no message, and costs no memory for it.

use super::error::{ComposeError, Place};
use super::escape::Escape;
use super::names::Name;
use super::template::{Form, Piece, RENDERED_MAX, Template, Values, too_long};

/// More octets than this one of a value becomes nowhere.
const ESCAPED_MAX: usize = 6;
/// Octets of a value that is not long: of rows with others each is rehearsed.
const VALUE_OCTETS: usize = 1000;

/// What is asked of such a text.
#[derive(Debug)]
pub(crate) struct Straight {
    place: Place,
    /// Octets of its own words.
    fixed: usize,
    slots: Vec<Name>,
    escape: Escape,
}

impl Straight {
    /// What is asked of a template; `None` of one that counts by itself.
    pub(crate) fn of(template: &Template) -> Option<Self> {
        let Form::Pieces(pieces) = &template.form else { return None };
        let fixed = pieces.iter().map(|piece| if let Piece::Literal(text) = piece { text.len() } else { 0 }).sum();
        let slots = pieces.iter().filter_map(|piece| if let Piece::Slot(name) = piece { Some(*name) } else { None });
        Some(Self { place: template.place.clone(), fixed, slots: slots.collect(), escape: template.escape })
    }

    /// Whether a row without long values can have too long a text.
    pub(crate) fn is_tight(&self) -> bool {
        let values = self.slots.len().saturating_mul(VALUE_OCTETS * ESCAPED_MAX);
        self.fixed.saturating_add(values) > RENDERED_MAX
    }

    /// Counts the octets of a row's text.
    ///
    /// # Errors
    /// There are too many.
    pub(crate) fn count(&self, values: &Values) -> Result<(), ComposeError> {
        let plain: usize = self.slots.iter().map(|name| values.get(*name).len()).sum();
        let most = plain.saturating_mul(ESCAPED_MAX).saturating_add(self.fixed);
        if most <= RENDERED_MAX {
            return Ok(());
        }
        let mut text = String::new();
        let mut octets = self.fixed;
        for name in &self.slots {
            text.clear();
            self.escape.write(values.get(*name), &mut text);
            octets = octets.saturating_add(text.len());
            if octets > RENDERED_MAX {
                return Err(too_long(&self.place));
            }
        }
        if octets > RENDERED_MAX { Err(too_long(&self.place)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::UnixTime;
    use crate::content::{Composed, Composer, Need, RowRef, Scratch, Source, Spec};

    fn composer(text: &str, html: bool) -> Composer {
        let source = Some(Source { file: "t".into(), text: text.into() });
        let (text, html) = if html { (None, source) } else { (source, None) };
        let spec = Spec { from: "a@a.example".into(), subject: "s".into(), text, html, ..Spec::default() };
        Composer::compile(spec, &["email", "a"].map(str::to_owned), "email").unwrap()
    }

    #[test]
    fn a_text_without_branches_is_as_long_as_one_with_them_at_most() {
        let slots = "{{ a }}".repeat(64);
        let (octets, quotes) = ("x".repeat(64 << 10), "'".repeat(13_200));
        let (mut scratch, mut out) = (Scratch::default(), Composed::default());
        for (text, value, html, fits) in [
            (slots.clone(), &octets, false, true),
            (format!("{slots}x"), &octets, false, false),
            (format!("{slots}x"), &quotes, false, true),
            (slots.clone(), &quotes, true, false),
            ("x".repeat(RENDERED_MAX), &quotes, false, true),
            ("x".repeat(RENDERED_MAX + 1), &quotes, false, false),
        ] {
            let fields = [value.as_bytes()];
            let results = [text.clone(), format!("{text}{{% if a == 'y' %}}{{% endif %}}")].map(|text| {
                let composer = composer(&text, html);
                let fields = fields.get(..composer.columns_used().len()).unwrap();
                let row = RowRef { number: 0, mailbox: "p@p.example", fields };
                let composed = composer.compose(&mut scratch, &row, UnixTime(1), &mut out);
                assert_eq!(composer.rehearse(&mut scratch, &row, &mut out), composed);
                composed
            });
            let wanted = if fits { Ok(()) } else { Err(too_long(&Place::File("t".into()))) };
            assert_eq!(results, [wanted.clone(), wanted], "{} octets of text, {} of value", text.len(), value.len());
        }
    }

    #[test]
    fn rows_with_short_values_are_rehearsed_where_they_can_be_too_long() {
        assert_eq!(composer(&"{{ a }}".repeat(600), true).rehearsal(), Need::Long);
        assert_eq!(composer(&"{{ a }}".repeat(800), true).rehearsal(), Need::Each);
        assert_eq!(composer(&"x".repeat(RENDERED_MAX + 1), true).rehearsal(), Need::Each);
    }
}
