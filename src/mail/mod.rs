//! Floor 1, the words: what mail is made of, with no opinion on how it travels (RFC 5321, 5322, 3463).

pub mod address;
pub mod content;
pub mod envelope;
pub mod event;
pub mod finding;
pub mod large_domains;
pub mod limit;
pub mod outcome;
pub mod reply;
pub mod tag_list;
pub mod words;

pub use address::{AddressError, Mailbox};
pub use content::Content;
pub use envelope::Envelope;
pub use limit::Limit;
pub use outcome::{Disposition, Scope};
pub use reply::{Class, Enhanced, Reply, ReplyRef};
