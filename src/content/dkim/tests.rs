//! Keys, canonical forms and signatures against fixed vectors.

use super::canon::{body_hash, body_hash_with, relaxed_body, relaxed_header, whole_body};
use super::*;
use crate::base::base64;
use proptest::prelude::*;

/// RFC 8463 §A.2: the secret key, as PKCS#8.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
const EC: &str =
    "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n";

/// Of 1024 bits.
const SMALL: &str = "-----BEGIN PRIVATE KEY-----\nMIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBALt9/8aVks8XpK3n\nCnssKNyJ3ECq4raWgrdS+IPABH/Uj18elUry0xEUIeVCdIeMcMI8BY8XPeVczPn6\nuVVgOfE7/QoIhb172FzDO2oHT8XITK7MhvkCLeRZ1FQWnUlACrUWTusZcLwq5gs9\nfboqXeuJHeYOdY3VpL1kZN+OVZ5VAgMBAAECgYBAoHfPvbLzC1VKVD86ocgb7LEs\n4TpwcYTxJ/pdf4yNe3lH8kTHpte2JVhhq/x61J/xc7r+zaYaL1jAOfo0QYz20Bdf\nrc5dz12B7OEkcNAmAIUMWzA3Wsi3Mon56xgRJfmvORRImXBtoEE2I+lHfm5yhLsQ\nzBB88Q+59caXHUQEqQJBAPUjTMsvf4ToFdzvnJhgPtUnDkwBhIU0ygBcD0hYPvdx\n+cxsgNdvTEc6/Xcq8tuw14YQOIQisiJFs83nSFAN/QsCQQDDzMzXo5Q68OWeEtpx\niRKUpScD+KHC5Lo2pKoD2YPhWTvQBVhmqm/nfTLAR0WCPUi9YuFuHS0kB+bqjGdP\nBC4fAkBMrOzxRPsbBEkKYTxXAQvGOkAjj/n2fGuOrzzsgQW4+kKLKYknWZ2/TflI\nE/wAsZDIUzyKQBv90lWKWwRoXee/AkEAiyVKFZ0MRG7Z32JqlvDgoX5Uob/ZxVUi\n+J5ArIex7z2pAgYqcpuA9zPEE10TCqFexig1KDnX0JlFAz5QVJkV5QJBAJZ4cEPm\nfAliGoWGSKRu9WzZnuMwp63uYnZ1uvm62+/w+cipoq03/53xQ4BvAR+RYSNS3UGs\nZX4LgLxZ1MInkOY=\n-----END PRIVATE KEY-----\n";

fn said(pem: &str) -> String {
    Signer::from_pem("acme.example", "s1", pem, "s1.pem").unwrap_err().to_string()
}

#[test]
fn the_ed25519_record_is_that_of_rfc_8463() {
    let signer = Signer::from_pem("football.example.com", "brisbane", ED25519, "e.pem").unwrap();
    assert_eq!(signer.record(), "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    assert_eq!(signer.record_name(), "brisbane._domainkey.football.example.com");
    assert_eq!(signer.bits(), 256);
}

#[test]
fn headers_and_bodies_relax_as_in_rfc_6376() {
    // RFC 6376 §3.4.5.
    let mut out = Vec::new();
    relaxed_header(b"A: X\r\n", &mut out);
    relaxed_header(b"B : Y\t\r\n\tZ  \r\n", &mut out);
    assert_eq!(out, b"a:X\r\nb:Y Z\r\n");
    out.clear();
    relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n", &mut out);
    assert_eq!(out, b" C\r\nD E\r\n");
}

#[test]
fn the_body_hash_is_that_of_rfc_6376_and_8463() {
    let hash = |body: &[u8]| {
        let mut text = Vec::new();
        base64::encode(&body_hash(body, &mut Vec::new()), &mut text);
        String::from_utf8(text).unwrap()
    };
    // RFC 6376 §3.4.4: the empty body; RFC 8463 §A.3.
    assert_eq!(hash(b""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(hash(b"\r\n"), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(
        hash(b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"),
        "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
    );
}

#[test]
fn keys_that_cannot_sign_are_refused_with_advice() {
    let cases = [
        ("nothing", "there is no PEM key in the file"),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            "this is a public key, and signing needs the private key",
        ),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
            "the key is encrypted with a passphrase",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----",
            "the key is encrypted with a passphrase",
        ),
        ("-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----", "the PEM text is damaged"),
        ("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----", "the RSA key is damaged"),
        (EC, "an EC key cannot sign for DKIM"),
        (SMALL, "the RSA key has less than 2048 bits"),
    ];
    for (pem, want) in cases {
        let said = said(pem);
        assert!(said.starts_with("DKIM key s1.pem: ") && said.contains(want) && said.contains("\nhint: "), "{said}");
    }
    let said = Signer::from_pem("acme example", "s1", ED25519, "s1.pem").unwrap_err().to_string();
    assert!(said.contains("the domain `acme example` is no domain name"), "{said}");
}

proptest! {
    #[test]
    fn the_fast_body_hash_is_that_of_the_whole_rule(lines in proptest::collection::vec("([ a\\t]{0,6}|([ ]{0,5}a){1,4})", 0..8), end in any::<bool>()) {
        let mut body = lines.join("\r\n");
        if end {
            body.push_str("\r\n");
        }
        let mut relaxed = Vec::new();
        relaxed_body(body.as_bytes(), &mut relaxed);
        let want = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &relaxed);
        prop_assert_eq!(&body_hash(body.as_bytes(), &mut Vec::new())[..], want.as_ref());
        // Cut at any line, the parts are hashed to the same.
        for (at, _) in body.match_indices("\r\n") {
            let (begin, rest) = body.split_at(at + 2);
            let rest = whole_body(rest.as_bytes().to_vec().into());
            if !rest.is_empty() {
                let hash = body_hash_with(begin.as_bytes(), &rest, &mut Vec::new());
                prop_assert_eq!(&hash[..], want.as_ref(), "cut at {}", at);
            }
        }
    }
}

/// The record of [`ED25519`]'s public half.
const PUBLISHED: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

fn signer(pem: &str) -> Signer {
    Signer::from_pem("football.example.com", "brisbane", pem, "e.pem").unwrap()
}

#[test]
fn a_message_verifies_with_the_published_key_and_with_no_other() {
    let message = b"From: Joe <joe@football.example.com>\r\nTo: Suzie <s@shopping.example.net>\r\nSubject: Is dinner\r\n ready?\r\n\r\nHi.  \r\n\r\nJoe.\r\n\r\n";
    let signed = sign(message, vec![signer(ED25519)], crate::base::clock::UnixTime(1_528_637_909)).unwrap();
    let key = Published::read(PUBLISHED).unwrap();
    assert!(key.is_of(&signer(ED25519)) && key.bits() == 256 && !key.is_test);
    let check = |octets: &[u8]| verify(octets, "football.example.com", "brisbane", &key);
    assert_eq!(check(&signed), Ok(()));
    assert_eq!(verify(&signed, "football.example.com", "other", &key), Err(VerifyError::Unsigned));
    assert_eq!(check(message), Err(VerifyError::Unsigned));
    let text = String::from_utf8(signed).unwrap();
    for (from, to, error) in [
        ("Joe.", "Jim.", VerifyError::Body),
        ("dinner", "lunch", VerifyError::Signature),
        ("\r\n\r\nHi.", "\r\nSubject: second\r\n\r\nHi.", VerifyError::Signature),
        ("c=relaxed/relaxed", "c=simple/simple", VerifyError::Tag("c")),
        (" bh=", " xh=", VerifyError::Tag("bh")),
    ] {
        assert_eq!(check(text.replacen(from, to, 1).as_bytes()), Err(error), "{to}");
    }
    // What relaxed forms forgive.
    assert_eq!(check(text.replace("Is dinner\r\n ready?", "Is   dinner\r\n\tready?").as_bytes()), Ok(()));
    let other = Published::read("v=DKIM1; k=ed25519; p=iIKLjcrKJppXEBCmgMCNP9xYFkweJWnzvojVX8+v5wE=").unwrap();
    assert!(!other.is_of(&signer(ED25519)));
    assert_eq!(verify(text.as_bytes(), "football.example.com", "brisbane", &other), Err(VerifyError::Signature));
}

#[test]
fn records_that_are_no_key_say_why() {
    let p = "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    for (record, said) in [
        ("v=DKIM1; k=ed25519; p=".to_owned(), "its p= is empty: the key is revoked"),
        ("v=DKIM1; k=ed25519".to_owned(), "it has no p="),
        (format!("v=DKIM2; k=ed25519; {p}"), "its version is `DKIM2`, not DKIM1"),
        (format!("v=DKIM1; k=dsa; {p}"), "its k= is `dsa`, and can be rsa or ed25519"),
        (format!("v=DKIM1; {p}"), "its p= is no RSA key"),
        (format!("k=ed25519; {}", &p[..30]), "its p= is no Ed25519 key"),
        (format!("k=ed25519; h=sha1; {p}"), "its h= is `sha1`"),
        (format!("k=ed25519; s=tlsrpt; {p}"), "its s= is `tlsrpt`: it is not for email"),
        (format!("k=ed25519; v=DKIM1; {p}"), "its v=DKIM1 is not its first tag"),
        ("v=spf1 -all".to_owned(), "its version is `spf1 -all`, not DKIM1"),
        ("hello".to_owned(), "it is no list of tags: `hello` has no value"),
    ] {
        let error = Published::read(&record).unwrap_err().to_string();
        assert!(error.starts_with(said), "{record}: {error}");
    }
    for record in [format!("k=ed25519; {p}"), format!("v=DKIM1;k=ed25519;h=sha1:sha256;s=*;t=s;n=note;{p}")] {
        assert!(!Published::read(&record).unwrap().is_test, "{record}");
    }
    assert!(Published::read(&format!("k=ed25519; t=y:s; {p}")).unwrap().is_test);
}
