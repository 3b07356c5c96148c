//! What a message says: templates, MIME, headers and DKIM signatures, from a campaign's [`Spec`] and one row of its list.
//!
//! Guarantees: what is wrong with a campaign's content is found before anything is sent; no value of a row can add a
//! header, a recipient or a line to the envelope; the octets that come out are canonical (CRLF, lines of at most 990
//! octets, none of which begins with a dot), so they are sent as they are after DATA and in BDAT alike; a recipient's
//! Message-ID is the same in every attempt. Leaves to others: files, clocks, and when to send.

mod ahead;
mod analysis;
mod binding;
mod blank;
mod cell;
mod compile;
mod compose;
pub mod convert;
mod error;
mod escape;
mod field;
mod filters;
mod foreign;
mod forwarded;
mod header;
mod kinds;
pub mod lint;
mod locale;
mod mailboxes;
mod meanings;
mod media_type;
mod mime;
mod names;
mod nested;
mod operators;
mod page;
mod partials;
mod qp;
mod rehearse;
mod rewrite;
mod spec;
mod straight;
mod stray;
mod syntax;
mod tags;
mod template;
mod token;
mod unclosed;
mod unit;
mod uses;
mod values;
mod words;

pub mod dkim;

pub use cell::{ColumnType, JSON_MARK, bare, field_of_number, is_plainly_number, locale_of_number, truth_of};
pub use compose::{Composed, Composer, OctetsMin, RowRef, Scratch};
pub use error::{ComposeError, ContentError, Place};
pub use filters::dates::writes_date;
pub use header::folds;
pub use lint::Remark;
pub use media_type::media_type_of;
pub use mime::charset_of;
pub(crate) use names::identifier;
pub use page::{Files, Origin, Treated, Treatment, treat};
pub use partials::{files_read_by, plain_name};
pub use rehearse::{Declared, Need};
pub use spec::{Attachment, Source, Spec};
pub use syntax::Syntax;
pub use token::{IdentityKey, MESSAGE_ID_LEN, Token};
pub use unit::{Amounts, Misread, beside};
pub use uses::{AmountUse, Asks, NumberUse, Spot, Step, SumUse, TruthUse, Word};

#[cfg(test)]
mod template_tests;
#[cfg(test)]
mod tests;
