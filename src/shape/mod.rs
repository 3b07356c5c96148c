//! Room `shape`.
