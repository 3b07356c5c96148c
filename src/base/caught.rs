//! A panic as an error, so that whoever waits for a thread's work learns that it does not come.
//!
//! Leaves to others: telling where it was (the hook does), and what is worth still what the panicking code was changing.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does it.
///
/// # Errors
/// What it panicked with.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|why| match why.downcast::<String>() {
        Ok(said) => *said,
        Err(why) => why.downcast_ref::<&str>().copied().unwrap_or("for a reason that is no text").to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_in_its_own_words() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught::<()>(|| panic!("plain")), Err("plain".to_owned()));
        assert_eq!(caught::<()>(|| panic!("of {}", 2)), Err("of 2".to_owned()));
        assert_eq!(caught::<()>(|| std::panic::panic_any(3)), Err("for a reason that is no text".to_owned()));
    }
}
