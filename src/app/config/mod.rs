//! The two files that people write: the engine's configuration and a campaign.
//!
//! Guarantees: an unknown key, a wrong type, a value out of range is an error that names file, line, column and key, and
//! the nearest key that exists; what comes out is plain typed data. Each engine key has one definition ([`engine`]), from
//! which the parser, `posthaste config` and the shipped `config/engine.toml` are made; so has each key of a campaign
//! ([`mod@reference`]).
//! Leaves to others: whether templates, lists and keys that a file names are any good (`content`, `engine::loader`).

mod arrays;
mod asks;
pub mod campaign;
mod dns;
pub mod document;
pub mod engine;
pub mod find;
pub mod literal;
pub mod page;
pub mod reference;
pub mod secret;
mod shown;
mod source;
mod tls_policy;
pub mod values;

#[cfg(test)]
mod source_tests;
#[cfg(test)]
mod tests;

pub use asks::Asks;
pub use campaign::CampaignConfig;
pub use document::{ConfigError, Faults, Placed};
pub use engine::EngineConfig;
pub use find::Found;
