//! `posthaste config`: every setting of the engine, what a configuration changes of them, every key of a campaign.
//!
//! Guarantees: without an argument it prints what a configuration file is made from; one that is checked is judged as `send`
//! judges it, with all that is wrong at once, and the files that it names are looked at. Leaves to others: what the keys
//! are (`config`).

use super::cli::ConfigArgs;
use super::config::document::Document;
use super::config::{EngineConfig, Faults, reference};
use super::exit::{Exit, Failure};
use super::send;
use crate::engine::suppressions::Suppressions;
use std::fmt::Write as _;
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// A configuration that is wrong: all that is.
pub(super) fn run(args: &ConfigArgs) -> Result<Exit, Failure> {
    match &args.file {
        Some(file) => super::print_folded(&checked(file)?),
        None if args.campaign => super::print_out(&reference::reference()),
        None => super::print_out(&EngineConfig::template()),
    }
}

fn checked(file: &Path) -> Result<String, Failure> {
    let document = Document::read(file).map_err(Faults::from)?;
    let lines = EngineConfig::differences(&document)?;
    files(&EngineConfig::whole(&document)?)?;
    let mut text = format!("{} is as it should be.\n", file.display());
    if lines.is_empty() {
        text.push_str("It changes nothing: every setting is the default.\n");
    } else {
        text.push_str("It differs from the defaults by:\n");
        for line in &lines {
            let _ = writeln!(text, "  {line}");
        }
    }
    Ok(text)
}

/// Looks at the files that the configuration names; tells of all that cannot be used.
fn files(config: &EngineConfig) -> Result<(), Failure> {
    let logins = config.sources.iter().filter_map(|source| source.proxy.as_ref()?.login.as_ref());
    let smarthost = config.smarthost.login();
    let mut wrong: Vec<String> = Vec::new();
    let passwords = logins.chain(smarthost.as_ref().ok().and_then(Option::as_ref)).map(|login| login.password());
    wrong.extend(passwords.filter_map(Result::err).map(|e| e.to_string()));
    wrong.extend(smarthost.as_ref().err().map(ToString::to_string));
    wrong.extend(send::tls::client(config).err().map(|failure| failure.message));
    let signers = config.dkim.iter().map(|dkim| send::signing::signers(config, &format!("x@{}", dkim.domain)));
    wrong.extend(signers.filter_map(Result::err).map(|failure| failure.message));
    wrong.extend(Suppressions::read([0; 16], &config.engine.suppression).err().map(|e| e.to_string()));
    if wrong.is_empty() { Ok(()) } else { Err(Failure::usage(wrong.join("\n"))) }
}
