//! `posthaste tls-report`: the results of TLS that were counted, as reports for the domains (RFC 8460).
//!
//! Guarantees: a result leaves the count only after the report that holds it is written durably; run again after a
//! failure, the command goes on with what is left. Leaves to others: counting (`engine::policy::tally`), and the form of
//! a report (`tls::report`).

mod mailing;

use super::cli::TlsReportArgs;
use super::config::EngineConfig;
use super::exit::{Exit, Failure};
use super::send::prepare;
use super::signals::Signals;
use crate::base::remedy;
use crate::engine::policy::tally::{Book, DAY};
use crate::tls::report::{Report, Submitter};
use crate::wire::clock::unix_now;
use crate::wire::disk::{self, Lock};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Runs the command.
///
/// # Errors
/// The data directory is not there or in use, or a report cannot be written.
pub(super) fn run(args: &TlsReportArgs, signals: &Signals) -> Result<Exit, Failure> {
    signals.prepare("interrupted: nothing was written or mailed yet; the same command goes on")?;
    let config = super::configured(args.config.as_deref())?;
    super::share(&config)?;
    let data = args.data.clone().unwrap_or_else(|| config.engine.data.clone());
    if !data.is_dir() {
        let hint = "hint: --data DIR names it, or --config engine.toml by its engine.data";
        return Err(Failure::usage(format!("there is no data directory {}\n{hint}", data.display())));
    }
    super::owner::check(&[&data])?;
    let _lock = Lock::take(&data).map_err(|fault| Failure::failed(fault.to_string()))?;
    let mut book = Book::read(&data).map_err(|e| Failure::failed(e.to_string()))?;
    let until = args.until.unwrap_or(unix_now().0 / DAY);
    let submitter = submitter(args, &config);
    let Some(folder) = &args.write else { return mailing::run(&config, &data, book, until, &submitter, signals) };
    signals.engage()?;
    let reports = book.tallies.take_before(until);
    disk::access::make_directory(folder).map_err(|e| {
        Failure::failed(format!("the folder {} cannot be made: {}", folder.display(), remedy::told(&e)))
    })?;
    let mut page = String::new();
    for report in &reports {
        let file = write(report, &submitter, folder)?;
        let (good, bad) = report.sessions();
        let _infallible =
            writeln!(page, "{}: {good} sessions as they should be, {bad} not: {}", report.domain, file.display());
    }
    // Only now: what is not written yet is still counted.
    book.write(&data).map_err(|e| Failure::failed(format!("the count cannot be written: {e}")))?;
    if reports.is_empty() {
        page.push_str(&nothing(&config));
    }
    super::print_out(&page)
}

/// What is said where there is no report.
fn nothing(config: &EngineConfig) -> String {
    let why = if config.tls.report { "" } else { "; tls.report of the configuration is off" };
    format!("Nothing was counted before that day{why}.\n")
}

fn submitter(args: &TlsReportArgs, config: &EngineConfig) -> Submitter {
    let host = prepare::hostname(config);
    let domain =
        args.contact.as_deref().and_then(|contact| contact.rsplit_once('@')).map_or(&*host, |(_, domain)| domain);
    Submitter {
        organization: args.organization.as_deref().unwrap_or(domain).into(),
        domain: domain.into(),
        contact: args.contact.clone().unwrap_or_else(|| format!("postmaster@{domain}")).into(),
    }
}

/// Its id: of a domain and a day there is one report.
fn id(report: &Report) -> String {
    format!("{}-{}", report.seconds().0, report.domain)
}

/// Writes a report, under the name that RFC 8460 §5.1 gives it.
fn write(report: &Report, submitter: &Submitter, folder: &Path) -> Result<PathBuf, Failure> {
    let (begin, end) = report.seconds();
    let id = id(report);
    let file = folder.join(format!("{}!{}!{begin}!{end}!{id}.json", submitter.domain, report.domain));
    let json = report.json(submitter, &id);
    disk::replace(&file, |to| to.write_all(json.as_bytes())).map_err(|fault| Failure::failed(fault.to_string()))?;
    Ok(file)
}
