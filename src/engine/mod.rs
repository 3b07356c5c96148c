//! Floor 5: the sending engine: loader, recipient table, shards, render workers, the recorder (journal thread).

pub mod message;
pub mod recorder;
