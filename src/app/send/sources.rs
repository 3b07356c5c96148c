//! The sources of a campaign, and who we are to the smarthost: from the configuration to what the engine is told.
//!
//! Guarantees: a pool without sources, an address that is not this machine's, a password that cannot be read is an error
//! of the start with the place of its key. Leaves to others: everything that happens once mail flows (`engine`).

use std::sync::Arc;

use super::super::config::engine::{self, ProxyKind, SmarthostTls};
use super::super::config::{CampaignConfig, ConfigError, EngineConfig};
use super::super::destination::Destination;
use super::super::exit::Failure;
use super::prepare;
use crate::engine::source::{Proxy, Source};
use crate::smtp::client::Credentials;
use crate::wire::proxy::Login;

/// The sources that the campaign is sent from.
///
/// # Errors
/// See the head of this file.
pub fn sources(
    destination: &Destination,
    config: &EngineConfig,
    campaign: &CampaignConfig,
) -> Result<Vec<Source>, ConfigError> {
    let hostname = prepare::hostname(config);
    let chosen = chosen(config, campaign)?;
    // The built-in receiver is on loopback: nothing that is configured for the world leads there.
    if chosen.is_empty() || destination.is_sink() {
        return Ok(vec![Source::unbound(hostname)]);
    }
    chosen.into_iter().map(|source| checked(source, &hostname)).collect()
}

/// The sources of the engine's own pool, without a campaign; the system's own address where there are none.
///
/// # Errors
/// See the head of this file.
pub fn usual(config: &EngineConfig) -> Result<Vec<Source>, ConfigError> {
    let (hostname, pool) = (prepare::hostname(config), config.delivery.pool.as_ref());
    let chosen = config.sources.iter().filter(|source| pool.is_none_or(|pool| source.pool == pool.text));
    let mut made: Vec<Source> = chosen.map(|source| checked(source, &hostname)).collect::<Result<_, _>>()?;
    if made.is_empty() {
        made.push(Source::unbound(hostname));
    }
    Ok(made)
}

/// Whether two campaigns leave from an address in common.
#[must_use]
pub fn share(config: &EngineConfig, one: &CampaignConfig, other: &CampaignConfig) -> bool {
    let [ours, theirs] = [one, other].map(|campaign| chosen(config, campaign).unwrap_or_default());
    config.sources.is_empty() || ours.iter().any(|our| theirs.iter().any(|their| std::ptr::eq(*our, *their)))
}

/// Those of the pool that the campaign, or else the engine, names.
fn chosen<'c>(config: &'c EngineConfig, campaign: &CampaignConfig) -> Result<Vec<&'c engine::Source>, ConfigError> {
    let all = config.sources.iter();
    let Some(pool) = campaign.pool.as_ref().or(config.delivery.pool.as_ref()) else { return Ok(all.collect()) };
    let chosen: Vec<_> = all.filter(|source| source.pool == pool.text).collect();
    if chosen.is_empty() {
        let mut pools: Vec<&str> = config.sources.iter().map(|s| s.pool.as_str()).filter(|p| !p.is_empty()).collect();
        pools.sort_unstable();
        pools.dedup();
        let error = pool.error(format!("no [[source]] is in the pool {:?}", pool.text));
        return Err(match pools.as_slice() {
            [] => error.hint(format!("give sources of the engine's configuration pool = {:?}", pool.text)),
            pools => error.hint(format!("pools that there are: {}", pools.join(", "))),
        });
    }
    Ok(chosen)
}

fn checked(source: &engine::Source, hostname: &Arc<str>) -> Result<Source, ConfigError> {
    let ehlo = source.ehlo.as_deref().map_or_else(|| hostname.clone(), Arc::from);
    let mut made = Source::unbound(ehlo);
    made.name = source.name.as_str().into();
    (made.ipv4, made.ipv6) = (source.ipv4, source.ipv6);
    made.public = source.public.as_slice().into();
    made.weight = source.weight;
    made.limit(source.sessions_max, source.messages_per_hour);
    made.family = source.family;
    made.proxy = source.proxy.as_ref().map(proxy).transpose()?;
    made.check().map_err(|error| {
        source
            .error(error)
            .hint("add the address to an interface (ip address add … dev …), or name one that `ip address` shows")
    })?;
    Ok(made)
}

fn proxy(proxy: &engine::Proxy) -> Result<Proxy, ConfigError> {
    let login = match &proxy.login {
        None => None,
        Some(login) => {
            let made = Login::new(&login.user.text, &login.password()?);
            let too_long = || login.user.error("user and password of a SOCKS5 proxy have at most 255 octets each");
            Some(Arc::new(made.ok_or_else(too_long)?))
        }
    };
    Ok(match proxy.kind {
        ProxyKind::Haproxy => Proxy::Haproxy(proxy.address),
        ProxyKind::Socks5 => Proxy::Socks5(proxy.address, login),
    })
}

/// Whom sessions log in as; nobody where mail does not go to a smarthost.
///
/// # Errors
/// See the head of this file; or the system gives no random numbers.
pub fn credentials(destination: &Destination, config: &EngineConfig) -> Result<Option<Arc<Credentials>>, Failure> {
    match destination {
        Destination::Smarthost(..) => smarthost_credentials(config),
        // A wrong one is told all the same.
        Destination::Sink | Destination::Exchangers(_) => Ok(config.smarthost.login().map(|_unused| None)?),
    }
}

/// Whom sessions with the smarthost log in as.
///
/// # Errors
/// As [`credentials`].
pub fn smarthost_credentials(config: &EngineConfig) -> Result<Option<Arc<Credentials>>, Failure> {
    let Some(login) = config.smarthost.login()? else { return Ok(None) };
    let smarthost = &config.smarthost;
    let (password, seed) = (login.password()?, prepare::random_key()?);
    let user = &login.user.text;
    Ok(Some(Arc::new(Credentials::new(user, &password, smarthost.mechanism, smarthost.auth_in_clear, seed))))
}

/// Whether TLS begins before the greeting.
#[must_use]
pub fn implicit_tls(destination: &Destination, config: &EngineConfig) -> bool {
    let to_smarthost = matches!(destination, Destination::Smarthost(..));
    to_smarthost && config.smarthost.tls == SmarthostTls::Implicit
}
