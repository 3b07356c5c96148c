//! Who looks on while a list is loaded.
//!
//! Guarantees: nothing of the load depends on it, and nobody who looks on costs a load anything. Leaves to others: what is told.

/// See the head of this file.
pub trait Onlooker {
    /// So many records were read; `is_ahead`: to rehearse the letter on them, before anything of the list is loaded.
    fn read(&self, records: u64, is_ahead: bool);
    /// What stood around the address in the record of this line, whose field is `field`, was taken away.
    fn cleaned(&self, line: u64, field: &[u8]);
    /// The recipient of the record of this line had come before: it is dropped.
    fn came_again(&self, line: u64);
    /// About so many recipients more will come, if the list goes on as it began; `None`: nobody can tell.
    fn expects(&self, more: Option<u64>);
}
