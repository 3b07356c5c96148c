//! The values of a row, ready for templates: for composing and for rehearsing alike.
//!
//! Leaves to others: what is done with them.

use super::cell;
use super::compose::{Composed, Composer, RowRef, Scratch, check_url};
use super::error::ComposeError;
use super::template::Values;
use super::token::Token;
use smallvec::SmallVec;
use std::borrow::Cow;

impl Composer {
    /// Does something with the values of a row, of which the URL for unsubscribing is made first.
    pub(crate) fn with_values(
        &self,
        scratch: &mut Scratch,
        row: &RowRef,
        tag: &[u8; 32],
        out: &mut Composed,
        with: impl FnOnce(&mut Scratch, &Values, &mut Composed) -> Result<(), ComposeError>,
    ) -> Result<(), ComposeError> {
        if row.fields.len() != self.fields {
            return Err(ComposeError::Fields { got: row.fields.len(), want: self.fields });
        }
        out.content.clear();
        out.reverse_path.clear();
        (out.subject_is_empty, out.is_blank) = (false, false);
        let columns: SmallVec<[Cow<str>; 16]> = row.fields.iter().map(|f| cell::as_written(f)).collect();
        let token = Token::assemble(self.campaign_number, row.number, tag);
        let mut url = std::mem::take(&mut scratch.unsubscribe);
        url.clear();
        let mut values = Values {
            columns: &columns,
            fields: row.fields,
            places: &self.places,
            email: row.mailbox,
            token: token.as_str(),
            campaign: &self.campaign,
            unsubscribe_url: "",
        };
        if let Some(template) = &self.unsubscribe {
            template.render(&self.with, &values, &mut url)?;
            check_url("List-Unsubscribe", &url)?;
        }
        values.unsubscribe_url = &url;
        let result = with(scratch, &values, out);
        scratch.unsubscribe = url;
        result.map_err(|error| self.told(error))
    }
}
