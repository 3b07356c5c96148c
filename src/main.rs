//! The roof: the `posthaste` program. Everything it does is in [`posthaste::app`].

use std::process::ExitCode;

fn main() -> ExitCode {
    posthaste::observe::terminal::tell_panics();
    posthaste::app::run(std::env::args_os()).into()
}
