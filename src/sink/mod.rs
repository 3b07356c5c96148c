//! Room `sink`.
