//! Floor 5: the sending engine: loader, recipient table, shards, render workers, the recorder (journal thread).

pub mod directory;
pub mod message;
pub mod router;
pub mod smarthost;
pub mod recorder;
pub mod keyset;
pub mod loader;
pub mod suppression;
pub mod table;
