//! The signing key: read from PEM, judged, and its record to publish.

use crate::base::base64;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use aws_lc_rs::{digest, rsa};
use std::fmt;
use std::sync::Arc;

/// Object identifiers as they stand in a PKCS#8 key (RFC 8017, RFC 8410, RFC 5480).
const OID_RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const OID_ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
const OID_EC: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// Why a key cannot sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyError {
    /// The key file as the user knows it.
    pub file: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DKIM key {}: {}\nhint: {}", self.file, self.problem, self.hint)
    }
}

impl std::error::Error for KeyError {}

/// A key, its domain and its selector: makes one signature a message. Cheap to clone.
#[derive(Clone)]
pub struct Signer {
    pub(super) domain: String,
    pub(super) selector: String,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Rsa(Arc<rsa::KeyPair>),
    Ed25519(Arc<Ed25519KeyPair>),
}

impl Signer {
    /// Reads a private key in PEM: RSA (PKCS#8 or PKCS#1, 2048 to 8192 bits) or Ed25519 (PKCS#8). `file` names it in
    /// errors. The domain and the selector must be ASCII names.
    ///
    /// # Errors
    /// What is wrong with the key, the domain or the selector, and the command that makes a good key.
    pub fn from_pem(domain: &str, selector: &str, pem: &str, file: &str) -> Result<Self, KeyError> {
        for (what, name) in [("domain", domain), ("selector", selector)] {
            if !is_name(name) {
                let problem = format!("the {what} `{}` is no domain name", name.escape_debug());
                let hint = "letters, digits, hyphens and dots; a name beyond ASCII in its xn-- form";
                return Err(error(file, problem, hint));
            }
        }
        let key = read(pem, file)?;
        Ok(Self { domain: domain.to_ascii_lowercase(), selector: selector.to_owned(), key })
    }

    /// The domain that signs (`d=`).
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The selector (`s=`).
    #[must_use]
    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// The size of the key in bits: 256 for Ed25519.
    #[must_use]
    pub fn bits(&self) -> usize {
        match &self.key {
            Key::Rsa(key) => key.public_modulus_len() * 8,
            Key::Ed25519(_) => 256,
        }
    }

    /// Whether it is an Ed25519 key (RFC 8463), which not all receivers verify.
    #[must_use]
    pub fn is_ed25519(&self) -> bool {
        matches!(self.key, Key::Ed25519(_))
    }

    /// The name in DNS under which [`record`](Self::record) is published.
    #[must_use]
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The TXT record to publish (RFC 6376 §3.6.1, RFC 8463 §4).
    #[must_use]
    pub fn record(&self) -> String {
        let mut record = Vec::new();
        match &self.key {
            Key::Rsa(key) => {
                record.extend_from_slice(b"v=DKIM1; k=rsa; p=");
                // A key that was read has a public half; no key could have been made without.
                let der: Option<PublicKeyX509Der<'_>> = key.public_key().as_der().ok();
                base64::encode(der.as_ref().map_or(&[], |d| d.as_ref()), &mut record);
            }
            Key::Ed25519(key) => {
                record.extend_from_slice(b"v=DKIM1; k=ed25519; p=");
                base64::encode(key.public_key().as_ref(), &mut record);
            }
        }
        String::from_utf8_lossy(&record).into_owned()
    }

    /// `a=` (RFC 6376 §3.3, RFC 8463 §3).
    pub(super) fn algorithm(&self) -> &'static str {
        match self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// Octets of a signature.
    pub(super) fn signature_len(&self) -> usize {
        match &self.key {
            Key::Rsa(key) => key.public_modulus_len(),
            Key::Ed25519(_) => 64,
        }
    }

    /// Signs the canonical headers `input` into `signature`, which is [`signature_len`](Self::signature_len) long.
    pub(super) fn sign(&self, input: &[u8], signature: &mut [u8]) -> Option<()> {
        match &self.key {
            Key::Rsa(key) => key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input, signature).ok(),
            Key::Ed25519(key) => {
                // RFC 8463 §3: the hash is what PureEd25519 signs.
                let made = key.try_sign(digest::digest(&digest::SHA256, input).as_ref()).ok()?;
                signature.copy_from_slice(made.as_ref());
                Some(())
            }
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, {} {})", self.record_name(), self.algorithm(), self.bits())
    }
}

fn is_name(name: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(label)
}

fn error(file: &str, problem: impl Into<String>, hint: impl Into<String>) -> KeyError {
    KeyError { file: file.to_owned(), problem: problem.into(), hint: hint.into() }
}

fn make_one(file: &str) -> String {
    format!("make one with: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out {file}")
}

fn read(pem: &str, file: &str) -> Result<Key, KeyError> {
    let Some((label, body)) = section(pem) else {
        return Err(error(file, "there is no PEM key in the file", make_one(file)));
    };
    let Some(der) = base64::decode(body) else {
        return Err(error(file, "the PEM text is damaged: it is not base 64", "copy the whole file again"));
    };
    let rsa = match label {
        "PRIVATE KEY" if contains(&der, OID_ED25519) => {
            let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der);
            return key.map(|key| Key::Ed25519(Arc::new(key))).map_err(|why| {
                error(file, format!("the Ed25519 key is damaged ({why})"), "copy the whole file again")
            });
        }
        "PRIVATE KEY" if contains(&der, OID_RSA) => rsa::KeyPair::from_pkcs8(&der),
        "RSA PRIVATE KEY" if !pem.contains("ENCRYPTED") => rsa::KeyPair::from_der(&der),
        "PRIVATE KEY" if contains(&der, OID_EC) => return Err(wrong_type("an EC key", file)),
        "EC PRIVATE KEY" => return Err(wrong_type("an EC key", file)),
        "DSA PRIVATE KEY" => return Err(wrong_type("a DSA key", file)),
        "PRIVATE KEY" => return Err(wrong_type("a key of another type", file)),
        "ENCRYPTED PRIVATE KEY" | "RSA PRIVATE KEY" => {
            let hint = format!("remove the passphrase with: openssl pkey -in {file} -out plain.pem");
            return Err(error(file, "the key is encrypted with a passphrase", hint));
        }
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE" => {
            let problem = format!("this is a {}, and signing needs the private key", label.to_lowercase());
            return Err(error(file, problem, "name the file that `openssl genpkey` wrote"));
        }
        other => return Err(error(file, format!("a PEM `{}` is no key", other.escape_debug()), make_one(file))),
    };
    rsa.map(|key| Key::Rsa(Arc::new(key))).map_err(|why| match why.to_string().as_str() {
        "TooSmall" => error(file, "the RSA key has less than 2048 bits, which receivers distrust", make_one(file)),
        "TooLarge" => error(file, "the RSA key has more than 8192 bits", make_one(file)),
        why => error(file, format!("the RSA key is damaged ({why})"), "copy the whole file again"),
    })
}

fn wrong_type(what: &str, file: &str) -> KeyError {
    error(file, format!("{what} cannot sign for DKIM, which knows RSA and Ed25519"), make_one(file))
}

fn contains(der: &[u8], oid: &[u8]) -> bool {
    // The identifier of the key's type stands at the front; 64 octets are ample.
    memchr::memmem::find(der.get(..64).unwrap_or(der), oid).is_some()
}

/// Label and body of the first PEM section that is not parameters.
fn section(pem: &str) -> Option<(&str, &str)> {
    let mut rest = pem;
    loop {
        let (_, after) = rest.split_once("-----BEGIN ")?;
        let (label, after) = after.split_once("-----")?;
        let (body, after) = after.split_once(&format!("-----END {label}-----"))?;
        if !label.ends_with("PARAMETERS") {
            return Some((label, strip_pem_headers(body)));
        }
        rest = after;
    }
}

/// Old encrypted keys have headers ("Proc-Type: …") and an empty line before the base 64.
fn strip_pem_headers(body: &str) -> &str {
    if !body.contains(':') {
        return body;
    }
    body.split_once("\n\n").or_else(|| body.split_once("\r\n\r\n")).map_or(body, |(_, rest)| rest)
}
