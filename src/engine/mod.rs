//! Floor 5: the sending engine: loader, recipient table, shards, render workers, the recorder (journal thread).

pub mod keyset;
pub mod loader;
pub mod message;
pub mod suppression;
pub mod table;
