//! Certificates, keys and roots that are of no use: which file, why, and what it should be. Nothing is sent.

use super::Desk;

/// A certificate and its key, PEM.
fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["client.example".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// Refuses the configuration, whoever asks: a send and a probe.
#[track_caller]
fn refused(title: &str, desk: &Desk, toml: &str, said: &[&str]) {
    desk.put("e.toml", toml);
    desk.refused(title, &["--config", "e.toml"], 2, said);
    let probe = std::process::Command::new(env!("CARGO_BIN_EXE_posthaste"))
        .current_dir(desk.path())
        .args(["probe", "127.0.0.1:9", "--config", "e.toml"])
        .output()
        .unwrap();
    let message = String::from_utf8(probe.stderr).unwrap();
    assert!(probe.status.code() == Some(2) && said.iter().all(|words| message.contains(words)), "{title}:\n{message}");
}

#[test]
fn files_of_tls_that_are_of_no_use_are_named() {
    let (chain, key) = pair();
    let (_, other_key) = pair();
    let desk = Desk::new();
    desk.put("chain.pem", &chain);
    desk.put("key.pem", &key);
    desk.put("other.pem", &other_key);
    desk.put("empty.pem", "");
    desk.put("cut.pem", chain.get(..chain.len() / 2).unwrap());
    desk.put("broken.pem", chain.replace("MII", "MIX"));
    let roots = "hint: give a PEM file of root certificates";
    let both = "tls.roots, tls.certificate and tls.key name PEM files";
    for (title, toml, said) in [
        ("roots that are missing", "roots = \"no.pem\"", &["no.pem: No such file", both][..]),
        ("roots that are a folder", "roots = \".\"", &["Is a directory", both]),
        ("roots without an end", "roots = \"/dev/zero\"", &["/dev/zero: more than 4194304 octets", both]),
        ("roots without a certificate", "roots = \"empty.pem\"", &["empty.pem: no certificate in there", roots]),
        ("roots that are cut off", "roots = \"cut.pem\"", &["cut.pem: ", roots]),
        (
            "roots that are damaged",
            "roots = \"broken.pem\"",
            &["broken.pem: certificate 1 of the file is malformed", roots],
        ),
        ("a certificate without a key", "certificate = \"chain.pem\"", &["tls.key is not", "hint: name both"]),
        ("a key without a certificate", "key = \"key.pem\"", &["tls.certificate is not", "hint: name both"]),
        (
            "a key of another certificate",
            "certificate = \"chain.pem\"\nkey = \"other.pem\"",
            &["other.pem: the key is not that of the first certificate of ", "chain.pem", "hint: give a PEM file"],
        ),
        (
            "a certificate in the key's place",
            "certificate = \"chain.pem\"\nkey = \"chain.pem\"",
            &["chain.pem: no private key in there"],
        ),
        (
            "a key in the certificate's place",
            "certificate = \"key.pem\"\nkey = \"key.pem\"",
            &["key.pem: no certificate in there"],
        ),
    ] {
        refused(title, &desk, &format!("[tls]\n{toml}\n"), said);
    }
}
