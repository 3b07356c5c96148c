//! Floor 0, the ground: types that know nothing of mail. No IO, and no clock is read here: time is a value.

pub mod access;
pub mod base64;
pub mod caught;
pub mod charset;
pub mod clock;
pub mod letters;
pub mod many;
pub mod out;
pub mod remedy;
pub mod span;
pub mod spreadsheet;
pub mod wheel;
