//! Room `queue`.
