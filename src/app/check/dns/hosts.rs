//! The name of an address (PTR), back from it to the address, and the name that we say in EHLO.

use super::super::super::send::names;
use super::Judged;
use super::egress::Known;
use crate::identity::{Facts, Kind, Lack, generic_part, reverse_name};
use crate::mail::finding::{Finding, Severity};
use std::net::IpAddr;

/// What Google answers.
const DRAWS: &str = "550 5.7.25";
/// No more names of an address are followed.
const NAMES_MAX: usize = 10;

pub(super) fn judge(facts: &Facts, known: &Known) -> Judged {
    let address = known.address;
    let place = address.to_string();
    // An EHLO name that no server takes is told without DNS.
    let ehlo = known.ehlo.as_deref().filter(|name| names::is_public(name)).map(str::to_ascii_lowercase);
    let ehlo_addresses = ehlo.as_deref().map(|name| facts.addresses(name));
    let names: Vec<&str> = facts
        .look(&reverse_name(address), Kind::Ptr)?
        .names()
        .filter(|name| !name.is_empty())
        .take(NAMES_MAX)
        .collect();
    // All of them are heard, so that everything is left open at once.
    let forward: Vec<Result<Vec<IpAddr>, Lack>> = names.iter().map(|name| facts.addresses(name)).collect();
    let mut confirmed: Vec<&str> = Vec::new();
    for (name, addresses) in names.iter().zip(forward) {
        if addresses?.contains(&address) {
            confirmed.push(name);
        }
    }
    let wanted = ehlo.as_deref().or(names.first().copied()).unwrap_or("mail.YOUR.DOMAIN");
    let record = format!("{}. PTR {wanted}.", reverse_name(address));
    let error = |check, says: String| Finding::new(Severity::Error, check, &place, says).draws(DRAWS);
    let mut findings = Vec::new();
    match (names.as_slice(), confirmed.as_slice()) {
        ([], _) => {
            let hint = format!("have whoever gives you the address publish: {record}");
            findings.push(error("ptr-missing", "the address has no name (PTR)".to_owned()).hint(hint));
        }
        (names, []) => {
            let says = format!("its name {} does not lead back to it", names.join(", "));
            let hint = format!("{}, or another PTR: {record}", address_line(wanted, address));
            findings.push(error("ptr-forward", says).hint(hint));
        }
        (_, confirmed) => {
            let generic = confirmed.iter().find_map(|name| Some((*name, generic_part(name, address)?)));
            // One good name is enough.
            if let Some((name, part)) =
                generic.filter(|_| confirmed.iter().all(|name| generic_part(name, address).is_some()))
            {
                let says = format!("its name {name} looks like one that a provider gave to a range ({part})");
                let hint = format!("have whoever gives you the address publish a name of yours: {record}");
                findings.push(Finding::new(Severity::Warning, "ptr-generic", &place, says).hint(hint).draws(DRAWS));
            }
        }
    }
    if let (Some(ehlo), Some(addresses)) = (ehlo, ehlo_addresses) {
        findings.extend(said(&ehlo, &addresses?, address, &names));
    }
    Ok(findings)
}

fn said(ehlo: &str, addresses: &[IpAddr], address: IpAddr, names: &[&str]) -> Option<Finding> {
    let warn = |check, says: String, hint: String| {
        Some(Finding::new(Severity::Warning, check, address.to_string(), says).hint(hint))
    };
    if addresses.is_empty() {
        let says = format!("the EHLO name {ehlo} has no address");
        return warn("ehlo-address", says, address_line(ehlo, address));
    }
    if !addresses.contains(&address) {
        let first: Vec<String> = addresses.iter().take(3).map(ToString::to_string).collect();
        let says = format!("the EHLO name {ehlo} leads to {}, and not to this address", first.join(", "));
        return warn(
            "ehlo-address",
            says,
            format!("{}, or ehlo of the [[source]] = its own name", address_line(ehlo, address)),
        );
    }
    if !names.is_empty() && !names.contains(&ehlo) {
        let says = format!("the EHLO name {ehlo} is another one than the address has ({})", names.join(", "));
        return warn("ehlo-ptr", says, format!("{}. PTR {ehlo}.", reverse_name(address)));
    }
    None
}

fn address_line(name: &str, address: IpAddr) -> String {
    format!("{name}. {} {address}", if address.is_ipv4() { "A" } else { "AAAA" })
}
