//! The roof: the `posthaste` program. Everything it does is in [`posthaste::app`].

use std::process::ExitCode;

fn main() -> ExitCode {
    posthaste::app::run(std::env::args_os()).into()
}
