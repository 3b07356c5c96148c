//! Signing keys made by openssl as the shipped configuration advises, and dkimpy as the judge of signatures.

use crate::letters::Letter;
use crate::program::tool;
use crate::scratch::Scratch;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// An RSA-2048 key with selector `s1`, an Ed25519 key with selector `s2`, both of acme.example.
pub struct Keys {
    scratch: Scratch,
    dns: Value,
}

/// What an engine's configuration says of the keys.
pub const SIGNING: &str = "\
[[dkim]]
domain = \"acme.example\"
selector = \"s1\"
key = \"s1.pem\"
second = { selector = \"s2\", key = \"s2.pem\" }
";

impl Keys {
    pub fn make() -> Self {
        let scratch = Scratch::new("keys");
        let (rsa, ed25519) = (scratch.at("s1.pem"), scratch.at("s2.pem"));
        openssl(&["genrsa", "-out"], &[rsa.as_os_str(), "2048".as_ref()]);
        openssl(&["genpkey", "-algorithm", "ed25519", "-out"], &[ed25519.as_os_str()]);
        let public = |key: &Path| openssl(&["pkey", "-pubout", "-outform", "DER", "-in"], &[key.as_os_str()]);
        let (rsa, ed25519) = (public(&rsa), public(&ed25519));
        // RFC 8463 §4: the record of an Ed25519 key holds its 32 octets alone.
        let dns = json!({
            "s1._domainkey.acme.example": format!("v=DKIM1; k=rsa; p={}", base64(&rsa)),
            "s2._domainkey.acme.example": format!("v=DKIM1; k=ed25519; p={}", base64(&ed25519[ed25519.len() - 32..])),
        });
        Self { scratch, dns }
    }

    pub fn copy_to(&self, folder: &Path) {
        for key in ["s1.pem", "s2.pem"] {
            std::fs::copy(self.scratch.at(key), folder.join(key)).expect("a key in the scratch folder");
        }
    }

    /// Checks that dkimpy finds both signatures good on each letter.
    #[track_caller]
    pub fn verify<'l>(&self, letters: impl IntoIterator<Item = &'l Letter>) {
        let scratch = Scratch::new("dkim");
        let dns = scratch.write("dns.json", self.dns.to_string());
        let letters: Vec<_> = letters
            .into_iter()
            .enumerate()
            .map(|(n, letter)| scratch.write(&format!("{n}.eml"), &letter.content))
            .collect();
        let judged = check(&dns, &letters);
        let judged = String::from_utf8_lossy(&judged);
        let verdict: Value = serde_json::from_str(&judged).unwrap_or_else(|e| panic!("{e}: {judged}"));
        let expected = json!({"rsa-sha256": letters.len(), "ed25519-sha256": letters.len(), "failed": []});
        assert_eq!(verdict, expected, "the verdict of dkimpy on {} letters", letters.len());
    }
}

/// Runs `dkim_check.py` in the first Python that has dkimpy.
#[track_caller]
fn check(dns: &Path, letters: &[impl AsRef<OsStr>]) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let venv = root.join("target/venv/bin/python3");
    let pythons = [venv.as_os_str(), "/usr/bin/python3".as_ref(), "python3".as_ref()];
    let has_dkimpy = |python: &&&OsStr| {
        let tried = Command::new(python).args(["-c", "import dkim, nacl.signing"]).output();
        tried.is_ok_and(|done| done.status.success())
    };
    let python = pythons.iter().find(has_dkimpy).expect("no python3 here has dkimpy: run tests/mta/setup (as root)");
    let done = Command::new(python)
        .arg(root.join("tests/end_to_end/dkim_check.py"))
        .arg(dns)
        .args(letters)
        .output()
        .expect("it has just run");
    assert!(done.status.success(), "dkim_check.py: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

#[track_caller]
fn openssl(words: &[&str], rest: &[&OsStr]) -> Vec<u8> {
    let arguments: Vec<&OsStr> = words.iter().map(OsStr::new).chain(rest.iter().copied()).collect();
    tool("openssl", &arguments)
}

fn base64(octets: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in octets.chunks(3) {
        let bits = three.iter().chain(&[0; 2]).take(3).fold(0_usize, |bits, octet| bits << 8 | usize::from(*octet));
        for place in 0..4 {
            let character = ALPHABET[bits >> (18 - 6 * place) & 63];
            text.push(if place <= three.len() { char::from(character) } else { '=' });
        }
    }
    text
}

#[test]
fn base64_of_every_length() {
    for (octets, expected) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
        assert_eq!(base64(octets.as_bytes()), expected);
    }
}
