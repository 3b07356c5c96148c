//! What a campaign asks of the next hops beyond delivery: `[dsn]` (RFC 3461) and `require_tls` (RFC 8689).
//!
//! Guarantees: what is asked can be said on the wire. Leaves to others: servers that do not offer it (`smtp::client`).

use super::document::{ConfigError, Item, Section};
use super::engine::choice;
use super::reference;
use crate::smtp::client::{Dsn, Notify, Options, Ret};

/// Options of the campaign's transactions; the default asks for nothing.
pub type Asks = Options;

/// RFC 3461 §4.4: octets of an ENVID as it is said.
const ENVID_MAX: usize = 100;

/// Reads both.
pub(super) fn read(root: &Section<'_>, all: &[String]) -> Result<Asks, ConfigError> {
    let require_tls = root.get("require_tls").map(|item| item.switch()).transpose()?.unwrap_or_default();
    let dsn = root.get("dsn").map(|item| dsn(&item.section(&reference::known("dsn"), all)?)).transpose()?;
    Ok(Options { dsn, require_tls })
}

fn dsn(section: &Section<'_>) -> Result<Dsn, ConfigError> {
    let rets = [("full", Ret::Full), ("headers", Ret::Headers)];
    Ok(Dsn {
        ret: section.get("ret").map(|item| choice(&item, &rets)).transpose()?,
        envid: section.get("envid").map(|item| envid(&item)).transpose()?,
        notify: section.get("notify").map(|item| notify(&item)).transpose()?,
    })
}

fn notify(item: &Item<'_>) -> Result<Notify, ConfigError> {
    let mut notify = Notify::default();
    let wrong = |item: &Item<'_>| {
        item.error("must be \"never\", or a list of \"success\", \"failure\", \"delay\"")
            .hint("write it like notify = [\"failure\", \"delay\"]")
    };
    let Ok(list) = item.list() else {
        return if item.text()? == "never" { Ok(notify) } else { Err(wrong(item)) };
    };
    for item in &list {
        match item.text()? {
            "success" => notify.success = true,
            "failure" => notify.failure = true,
            "delay" => notify.delay = true,
            _ => return Err(wrong(item)),
        }
    }
    if list.is_empty() { Err(wrong(item)) } else { Ok(notify) }
}

fn envid(item: &Item<'_>) -> Result<Box<[u8]>, ConfigError> {
    let text = item.text()?;
    // Said as xtext: what is no plain character takes three octets.
    let plain = |b: u8| b.is_ascii_graphic() && b != b'+' && b != b'=';
    let octets: usize = text.bytes().map(|b| if plain(b) { 1 } else { 3 }).sum();
    if text.is_empty() || octets > ENVID_MAX || !text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        return Err(
            item.error(format!("must be 1 to {ENVID_MAX} printable ASCII characters, is {octets} as it is sent"))
        );
    }
    Ok(text.as_bytes().into())
}
