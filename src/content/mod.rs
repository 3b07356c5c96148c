//! Room `content`.
