//! The roof: the `posthaste` program. Everything it does is in [`posthaste::app`].

fn main() {}
