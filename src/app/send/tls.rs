//! From configuration to TLS: what all connections share, and what is demanded of domains.
//!
//! Guarantees: a file that cannot be used is said by its name before anything is sent.
//! Leaves to others: obeying it (`engine::policy`, `tls`).

use std::io::Read as _;
use std::path::Path;

use super::super::config::engine::TlsPolicy;
use super::super::config::{CampaignConfig, EngineConfig};
use super::super::exit::Failure;
use crate::base::remedy;
use crate::engine::directory::{Directory, Site};
use crate::engine::policy::Policies;
use crate::engine::policy::rules::{Pattern, Rule, Rules};
use crate::engine::policy::sts::Sts;
use crate::engine::policy::tally::Tally;
use crate::engine::smarthost::Smarthost;
use crate::tls::{ClientConfig, ClientOptions, Identity, Pem, Roots};
use crate::wire::https::{Fetcher, Options};

/// A PEM file is no longer, in octets; the roots of a system are 200 KB.
const PEM_MAX: u64 = 4 << 20;
/// The folder of MTA-STS policies below the data directory.
const STS_FOLDER: &str = "mta-sts";
/// Sessions with web servers that are kept for resumption: one fetch a day and domain resumes none.
const WEB_PEERS_MAX: usize = 1;

/// What every TLS connection shares.
///
/// # Errors
/// A file cannot be read or used: which, and why.
pub fn client(config: &EngineConfig) -> Result<ClientConfig, Failure> {
    let tls = &config.tls;
    let identity = match (&tls.certificate, &tls.key) {
        (None, None) => None,
        (Some(chain), Some(key)) => Some(Identity { chain: pem(chain)?, key: pem(key)? }),
        (Some(_), None) => {
            return Err(Failure::usage("tls.certificate is set and tls.key is not. hint: name both or neither"));
        }
        (None, Some(_)) => {
            return Err(Failure::usage("tls.key is set and tls.certificate is not. hint: name both or neither"));
        }
    };
    made(&ClientOptions { identity, ..options(config)? })
}

/// What connections with web servers share.
///
/// # Errors
/// As [`client`].
pub fn web(config: &EngineConfig) -> Result<ClientConfig, Failure> {
    made(&ClientOptions { peers_max: WEB_PEERS_MAX, ..options(config)? })
}

/// What is demanded of domains: by these rules and, unless that is switched off, by themselves.
///
/// # Errors
/// The folder of policies below `data` cannot be used.
pub fn policies(config: &EngineConfig, rules: Rules, data: &Path) -> Result<Policies, Failure> {
    let sts = if config.tls.mta_sts { Some(mta_sts(config, data)?) } else { None };
    Ok(Policies::new(rules, sts))
}

/// Has it counted how TLS goes, if the configuration asks for that.
///
/// # Errors
/// What was counted before cannot be read, or no thread can be had.
pub fn counted(config: &EngineConfig, data: &Path, policies: Policies) -> Result<(Policies, Option<Tally>), Failure> {
    if !config.tls.report {
        return Ok((policies, None));
    }
    let (tally, teller) = Tally::spawn(data, policies.sts().cloned())
        .map_err(|e| Failure::failed(format!("the results of TLS cannot be counted: {e}")))?;
    Ok((policies.telling(teller), Some(tally)))
}

/// What the configuration demands.
#[must_use]
pub fn rules(config: &EngineConfig) -> Rules {
    let rule = |policy: &TlsPolicy| {
        let names = policy.names.iter().map(|name| name.as_str().into()).collect();
        (policy.domains.iter().map(|domain| Pattern::new(domain)).collect(), Rule { level: policy.level, names })
    };
    let all = Rule { level: config.delivery.tls, names: Vec::new() };
    Rules::new(all, config.tls_policies.iter().map(rule).collect())
}

/// What the configuration and the campaign demand: one that requires TLS goes to verified hosts only (RFC 8689 §4.2.1).
#[must_use]
pub fn rules_for(config: &EngineConfig, campaign: &CampaignConfig) -> Rules {
    let rules = rules(config);
    if campaign.asks.require_tls { rules.verified() } else { rules }
}

fn mta_sts(config: &EngineConfig, data: &Path) -> Result<Sts, Failure> {
    let fetcher = Fetcher::new(web(config)?, Options { port: config.tls.mta_sts_port, ..Options::default() });
    let folder = data.join(STS_FOLDER);
    Sts::new(fetcher, &folder).map_err(|e| {
        let hint = remedy::of(&e).unwrap_or("give this user the folder");
        Failure::failed(format!("the MTA-STS policies in {}: {e}\nhint: {hint}", folder.display()))
    })
}

/// The directory of a smarthost, with what is demanded of it.
#[must_use]
pub fn smarthost(smarthost: &Smarthost, policies: &Policies) -> Directory {
    match smarthost {
        Smarthost::Address(address) => {
            let demand = policies.of_host(&address.ip().to_string());
            Directory::fixed(Site::fixed(&smarthost.to_string(), *address).demanding(demand))
        }
        Smarthost::Host(..) => Directory::smarthost(smarthost),
    }
}

fn options(config: &EngineConfig) -> Result<ClientOptions, Failure> {
    let roots = config.tls.roots.as_deref().map(pem).transpose()?.map_or(Roots::System, Roots::Pem);
    Ok(ClientOptions { minimum: config.delivery.tls_minimum, roots, ..ClientOptions::default() })
}

fn made(options: &ClientOptions) -> Result<ClientConfig, Failure> {
    ClientConfig::new(options).map_err(|error| Failure::usage(error.to_string()))
}

fn pem(file: &Path) -> Result<Pem, Failure> {
    let wrong = |why: String| {
        let hint = "hint: tls.roots, tls.certificate and tls.key name PEM files";
        Failure::usage(format!("{}: {why}\n{hint}", file.display()))
    };
    let mut text = Vec::new();
    let read = std::fs::File::open(file).and_then(|from| from.take(PEM_MAX + 1).read_to_end(&mut text));
    read.map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > PEM_MAX {
        return Err(wrong(format!("more than {PEM_MAX} octets")));
    }
    Ok(Pem { file: file.display().to_string().into(), text: text.into() })
}
