//! Marketing and transactional mail that receivers take for one: Google, Yahoo and Apple want each from a domain and from addresses of
//! its own, so that what readers report of the one does not keep back the other.
//!
//! Guarantees: what is compared are the campaigns in the folder of the campaign's file, as far as they can be read. Leaves to others:
//! what else is sent from the domain, which nobody here knows.

use super::super::config::{CampaignConfig, EngineConfig};
use super::super::send::{signing, sources};
use crate::mail::finding::{Finding, Severity};
use std::path::{Path, PathBuf};

/// No more files are looked at.
const FILES_MAX: usize = 200;

/// What is worth knowing of a campaign and of those beside it.
pub(super) fn look(config: &EngineConfig, campaign: &CampaignConfig) -> Option<Finding> {
    let others = beside(&campaign.file).into_iter().filter_map(|file| CampaignConfig::read(&file).ok());
    let others = others.filter(|other| other.is_transactional != campaign.is_transactional);
    // Of several one that shares more says more.
    let mut shared: Option<(CampaignConfig, Option<String>)> = None;
    for other in others {
        let domain = domain_of_both(config, &campaign.from.value, &other.from.value);
        let is_enough = domain.is_some();
        if is_enough || (shared.is_none() && sources::share(config, campaign, &other)) {
            shared = Some((other, domain));
        }
        if is_enough {
            break;
        }
    }
    let (other, domain) = shared?;
    let are_addresses = sources::share(config, campaign, &other);
    let (severity, both) = match (&domain, are_addresses) {
        (Some(domain), true) => (Severity::Warning, format!("are from {domain}, and leave from the same addresses")),
        (Some(domain), false) => (Severity::Warning, format!("are from {domain}")),
        (None, _) => (Severity::Note, "leave from the same addresses".to_owned()),
    };
    let says = format!(
        "{} beside it is {}, and this is {}: both {both}, so that what readers report of marketing keeps back orders and passwords",
        other.file.display(),
        word(&other),
        word(campaign)
    );
    let hint = "give one of them a domain of its own in From, such as news.YOUR.DOMAIN, with a [[dkim]] key for it, and a pool of its \
                own: pool = \"marketing\" in the [[source]] and in the campaign";
    let place = format!("{}:{}:{}", campaign.file.display(), campaign.from.line, campaign.from.column);
    Some(Finding::new(severity, "mixed-streams", place, says).hint(hint))
}

fn word(campaign: &CampaignConfig) -> &'static str {
    if campaign.is_transactional { "transactional" } else { "marketing" }
}

/// The domain by which receivers know both: one that signs both; where nobody signs, that of both.
fn domain_of_both(config: &EngineConfig, one: &str, other: &str) -> Option<String> {
    let [ours, theirs] = [one, other].map(|from| signing::domains(config, from));
    match ours.is_empty() && theirs.is_empty() {
        true => {
            Some(signing::domain_of(one)).filter(|domain| domain.contains('.') && *domain == signing::domain_of(other))
        }
        false => ours.into_iter().find(|domain| theirs.contains(domain)).map(str::to_owned),
    }
}

/// The other files of the folder that may be campaigns, in order of their names.
fn beside(file: &Path) -> Vec<PathBuf> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let may_be = |path: &PathBuf| {
        path.extension().is_some_and(|end| end == "toml") && path.file_name() != file.file_name() && path.is_file()
    };
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(may_be).take(FILES_MAX).collect();
    found.sort_unstable();
    // As the campaign's own file is named.
    found.iter().map(|path| path.strip_prefix("./").unwrap_or(path).to_owned()).collect()
}
