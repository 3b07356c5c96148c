//! Zones that are signed (RFC 4034, RFC 4035), from a root of our own down, for [`super::dns_server`]: signatures by
//! ECDSA, delegations, denial by NSEC. Include it beside `dns_server`.
//!
//! All zones are served from one address, as a resolver that has them all would. Signatures hold from 2001 to 2060, or
//! ended in 2002: no clock is asked.
#![allow(dead_code, reason = "each test that includes this file uses a part of it")]

use super::dns_server::{Answer, name};
use hickory_resolver::proto::dnssec::crypto::EcdsaSigningKey;
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, NSEC, RRSIG, SigInput};
use hickory_resolver::proto::dnssec::{Algorithm, DigestType, SigningKey, TBS};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, NS, SOA, TLSA};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType, SerialNumber};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

const IN_2001: u32 = 1_000_000_000;
const IN_2002: u32 = 1_020_000_000;
const IN_2060: u32 = 2_850_000_000;
const TTL_S: u32 = 3600;

/// Whether a zone is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    Signed,
    Unsigned,
    /// Its signatures have ended; its parent knows its key.
    Expired,
}

/// Zones from the root down.
pub struct World {
    zones: BTreeMap<Name, Zone>,
}

struct Zone {
    apex: Name,
    key: Option<EcdsaSigningKey>,
    expires: u32,
    records: BTreeMap<Name, Vec<RData>>,
}

impl World {
    /// A signed root and nothing below it.
    pub fn new() -> Self {
        Self { zones: BTreeMap::new() }.zone(".", Signing::Signed)
    }

    /// A zone, delegated from the one above it, which must be there already.
    pub fn zone(mut self, apex: &str, signing: Signing) -> Self {
        let apex = name(apex);
        let key = (signing != Signing::Unsigned).then(|| {
            let pkcs8 = EcdsaSigningKey::generate_pkcs8(Algorithm::ECDSAP256SHA256).expect("a key");
            EcdsaSigningKey::from_pkcs8(&pkcs8, Algorithm::ECDSAP256SHA256).expect("the key")
        });
        let expires = if signing == Signing::Expired { IN_2002 } else { IN_2060 };
        let ns = RData::NS(NS(name("ns.example")));
        if !apex.is_root() {
            let digest = key.as_ref().map(|key| delegation(key, &apex));
            let parent = self.zones.get_mut(&self.apex_for(&apex.base_name())).expect("the parent is there");
            let cut = parent.records.entry(apex.clone()).or_default();
            cut.push(ns.clone());
            cut.extend(digest.map(|ds| RData::DNSSEC(DNSSECRData::DS(ds))));
        }
        let soa = SOA::new(name("ns.example"), name("root.example"), 1, 3600, 600, 86_400, TTL_S);
        let mut own = vec![RData::SOA(soa), ns];
        own.extend(key.as_ref().map(|key| RData::DNSSEC(DNSSECRData::DNSKEY(dnskey(key)))));
        let records = BTreeMap::from([(apex.clone(), own)]);
        self.zones.insert(apex.clone(), Zone { apex, key, expires, records });
        self
    }

    pub fn record(mut self, owner: &str, data: RData) -> Self {
        let owner = name(owner);
        let apex = self.apex_for(&owner);
        self.zones.get_mut(&apex).expect("its zone is there").records.entry(owner).or_default().push(data);
        self
    }

    pub fn mx(self, domain: &str, preference: u16, host: &str) -> Self {
        self.record(domain, RData::MX(MX::new(preference, name(host))))
    }

    pub fn address(self, host: &str, address: &str) -> Self {
        let data = match address.parse().expect("an address in a test") {
            IpAddr::V4(ip) => RData::A(A(ip)),
            IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
        };
        self.record(host, data)
    }

    pub fn cname(self, alias: &str, target: &str) -> Self {
        self.record(alias, RData::CNAME(CNAME(name(target))))
    }

    /// A record of DANE-EE, public key, SHA-256.
    pub fn tlsa(self, owner: &str, digest: [u8; 32]) -> Self {
        let (usage, selector, matching) = (3.into(), 1.into(), 1.into());
        self.record(owner, RData::TLSA(TLSA::new(usage, selector, matching, digest.to_vec())))
    }

    /// The root's key, as a file of trust anchors has it.
    pub fn trust_anchor(&self) -> String {
        let key = self.zones[&Name::root()].key.as_ref().expect("the root is signed");
        format!(". {TTL_S} IN DNSKEY {}\n", dnskey(key))
    }

    /// What a resolver says that has all of it and follows aliases.
    pub fn answer(&self, owner: &str, kind: RecordType) -> Answer {
        let mut owner = name(owner);
        let mut records = Vec::new();
        for _ in 0..8 {
            let zone = self.authority(&owner, kind);
            let set = zone.signed(&owner, kind);
            if !set.is_empty() {
                records.extend(set);
                return Answer::new(ResponseCode::NoError, records);
            }
            let Some(target) = zone.alias(&owner) else {
                let code = if zone.exists(&owner) { ResponseCode::NoError } else { ResponseCode::NXDomain };
                let mut answer = Answer::new(code, records);
                answer.authorities = zone.denial(&owner);
                return answer;
            };
            records.extend(zone.signed(&owner, RecordType::CNAME));
            owner = target;
        }
        Answer::new(ResponseCode::ServFail, Vec::new())
    }

    /// The zone that speaks for these records: the parent's side for a DS record.
    fn authority(&self, owner: &Name, kind: RecordType) -> &Zone {
        let within = if kind == RecordType::DS && !owner.is_root() { owner.base_name() } else { owner.clone() };
        &self.zones[&self.apex_for(&within)]
    }

    fn apex_for(&self, owner: &Name) -> Name {
        let holds = self.zones.keys().filter(|apex| apex.zone_of(owner));
        holds.max_by_key(|apex| apex.num_labels()).expect("the root holds all").clone()
    }
}

impl Zone {
    fn signed(&self, owner: &Name, kind: RecordType) -> Vec<Record> {
        let data = self.records.get(owner).into_iter().flatten().filter(|data| data.record_type() == kind);
        let set: Vec<_> = data.map(|data| Record::from_rdata(owner.clone(), TTL_S, data.clone())).collect();
        self.with_signature(owner, kind, set)
    }

    fn with_signature(&self, owner: &Name, kind: RecordType, mut set: Vec<Record>) -> Vec<Record> {
        // What is at a zone cut but the proof of its delegation is the child's (RFC 4035 §2.2).
        let is_childs = kind == RecordType::NS && *owner != self.apex;
        let Some(key) = self.key.as_ref().filter(|_| !set.is_empty() && !is_childs) else { return set };
        let input = SigInput {
            type_covered: kind,
            algorithm: Algorithm::ECDSAP256SHA256,
            num_labels: owner.num_labels(),
            original_ttl: TTL_S,
            sig_expiration: SerialNumber::new(self.expires),
            sig_inception: SerialNumber::new(IN_2001),
            key_tag: dnskey(key).calculate_key_tag().expect("a tag"),
            signer_name: self.apex.clone(),
        };
        let covered = TBS::from_input(owner, DNSClass::IN, &input, set.iter()).expect("a record set");
        let signature = RRSIG::from_sig(input, key.sign(&covered).expect("a signature"));
        set.push(Record::from_rdata(owner.clone(), TTL_S, RData::DNSSEC(DNSSECRData::RRSIG(signature))));
        set
    }

    fn alias(&self, owner: &Name) -> Option<Name> {
        self.records.get(owner)?.iter().find_map(|data| match data {
            RData::CNAME(target) => Some(target.0.clone()),
            _ => None,
        })
    }

    /// Whether there is anything at the name or below it.
    fn exists(&self, owner: &Name) -> bool {
        self.records.keys().any(|name| owner.zone_of(name))
    }

    /// That there is no such record: the SOA, and the NSEC records that cover the name and its wildcard (RFC 4035
    /// §3.1.3).
    fn denial(&self, owner: &Name) -> Vec<Record> {
        let mut proof = self.signed(&self.apex, RecordType::SOA);
        if self.key.is_none() {
            return proof;
        }
        let mut encloser = owner.clone();
        while !self.exists(&encloser) {
            encloser = encloser.base_name();
        }
        let wildcard = encloser.prepend_label("*").expect("a name");
        let wanted = if self.exists(owner) { vec![owner] } else { vec![owner, &wildcard] };
        let before = |name: &Name| self.records.keys().rfind(|owner| *owner <= name);
        let covering: BTreeSet<_> = wanted.into_iter().filter_map(before).collect();
        covering.into_iter().for_each(|name| proof.extend(self.nsec(name)));
        proof
    }

    fn nsec(&self, owner: &Name) -> Vec<Record> {
        let mut names = self.records.keys().skip_while(|name| *name != owner).skip(1);
        let next = names.next().unwrap_or(&self.apex).clone();
        let types: BTreeSet<_> = self.records[owner].iter().map(RData::record_type).collect();
        let nsec = RData::DNSSEC(DNSSECRData::NSEC(NSEC::new_cover_self(next, types)));
        self.with_signature(owner, RecordType::NSEC, vec![Record::from_rdata(owner.clone(), TTL_S, nsec)])
    }
}

fn dnskey(key: &EcdsaSigningKey) -> DNSKEY {
    DNSKEY::from_key(&key.to_public_key().expect("a public key"))
}

fn delegation(key: &EcdsaSigningKey, apex: &Name) -> DS {
    DS::from_key(&key.to_public_key().expect("a public key"), apex, DigestType::SHA256).expect("a digest")
}
