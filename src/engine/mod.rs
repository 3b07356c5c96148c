//! Floor 5: the sending engine: loader, recipient table, shards, render workers, the recorder (journal thread).

pub mod board;
pub mod brake;
pub mod budget;
pub mod campaign;
pub mod directory;
pub mod dispatch;
pub mod handover;
pub mod held;
pub mod keyset;
pub mod loader;
pub mod memory;
pub mod message;
pub mod policy;
pub mod probe;
pub mod recorder;
pub mod render;
pub mod router;
pub mod run;
pub mod settings;
pub mod shard;
pub mod smarthost;
pub mod source;
pub mod suppression;
pub mod suppressions;
pub mod table;
pub mod watch;
