//! AUTH, TLS as it is demanded, and PIPECONNECT.

use super::play::{config, play, play_with};
use crate::smtp::capabilities::{Auth, Capabilities};
use crate::smtp::client::{Config, Credentials, Known, Mechanism, Starttls};
use std::sync::Arc;

fn login(mechanism: Option<Mechanism>, in_clear: bool) -> Config {
    let credentials = Credentials::new("tim", "tanstaaf", mechanism, in_clear, [1; 32]);
    Config { starttls: Starttls::Implicit, auth: Some(Arc::new(credentials)), ..config() }
}

const HELLO: &str = "S: 220 mx
                     C: EHLO me.example
                     S: 250-mx
                     ";

#[test]
fn plain_says_all_at_once() {
    // RFC 4616 §4's user and password, without an authorization identity.
    let script = HELLO.to_owned()
        + "S: 250 AUTH LOGIN PLAIN
           C: AUTH PLAIN AHRpbQB0YW5zdGFhZg==
           ";
    play(&login(None, false), &(script.clone() + "S: 235 2.7.0 welcome\nE: ready"));
    // The server did not look at the initial response.
    let again = "S: 334
                 C: AHRpbQB0YW5zdGFhZg==
                 ";
    play(&login(None, false), &(script.clone() + again + "S: 235 welcome\nE: ready"));
    let more = "S: 334 bW9yZQ==\nE: unauthenticated: 535 5.5.6 AUTH: the server asks for more than the mechanism has";
    play(&login(None, false), &(script + again + more));
}

#[test]
fn login_says_one_thing_at_a_time() {
    let script = HELLO.to_owned()
        + "S: 250 AUTH LOGIN PLAIN
           C: AUTH LOGIN
           S: 334 VXNlcm5hbWU6
           C: dGlt
           S: 334 UGFzc3dvcmQ6
           C: dGFuc3RhYWY=
           ";
    let config = login(Some(Mechanism::Login), false);
    play(&config, &(script.clone() + "S: 235 ok\nE: ready"));
    play(
        &config,
        &(script + "S: 334 more\nE: unauthenticated: 535 5.5.6 AUTH: the server asks for more than the mechanism has"),
    );
}

#[test]
fn a_refused_login_bounces_nobody() {
    let script = HELLO.to_owned()
        + "S: 250 AUTH PLAIN
           C: AUTH PLAIN AHRpbQB0YW5zdGFhZg==
           ";
    for (refusal, end) in [
        ("535 5.7.8 wrong", "C: QUIT\nS: 221 bye\nE: unauthenticated: 535 5.7.8 wrong"),
        ("454 4.7.0 not now", "C: QUIT\nX\nE: unauthenticated: 454 4.7.0 not now"),
        ("421 4.7.0 bye", "E: session refused at auth: 421 4.7.0 bye"),
        ("what", "E: protocol error at auth: a reply does not begin with a code from 200 to 599"),
    ] {
        play(&login(None, false), &format!("{script}S: {refusal}\n{end}"));
    }
    play(&login(None, false), &(script.clone() + "X\nE: lost at auth"));
    play(&login(None, false), &(script + "T: 20\nE: timeout at auth"));
}

#[test]
fn where_nothing_may_be_said_the_session_ends() {
    let clear = Config { starttls: Starttls::Offered, ..login(None, false) };
    let hello = HELLO.to_owned() + "S: 250 AUTH PLAIN\n";
    let inside = "538 5.7.11 the session has no encryption (TLS), and the password is not said outside of it";
    play(&clear, &format!("{hello}C: QUIT\nS: 221 bye\nE: login withheld: {inside}"));
    let allowed = Config { starttls: Starttls::Offered, ..login(None, true) };
    play(&allowed, &(hello.clone() + "C: AUTH PLAIN AHRpbQB0YW5zdGFhZg==\nS: 235 ok\nE: ready"));
    let none = "504 5.5.4 the server offers no mechanism of AUTH that is wanted (SCRAM-SHA-256, PLAIN, LOGIN)";
    play(&login(Some(Mechanism::Login), false), &format!("{hello}C: QUIT\nX\nE: login withheld: {none}"));
    play(&login(None, false), &format!("{HELLO}S: 250 AUTH CRAM-MD5\nC: QUIT\nX\nE: login withheld: {none}"));
    // A server that knows no EHLO has no AUTH.
    let helo = "S: 220 mx\nC: EHLO me.example\nS: 502 what\nC: HELO me.example\nS: 250 mx\nE: learnt EhloRefused\n";
    play(&login(None, false), &format!("{helo}C: QUIT\nX\nE: login withheld: {none}"));
}

#[test]
fn a_long_password_waits_for_its_challenge() {
    let long = "x".repeat(600);
    let credentials = Credentials::new("tim", &long, None, false, [1; 32]);
    let config = Config { auth: Some(Arc::new(credentials)), ..login(None, false) };
    let mut response = Vec::new();
    crate::base::base64::encode(format!("\0tim\0{long}").as_bytes(), &mut response);
    let response = String::from_utf8(response).unwrap();
    play(&config, &format!("{HELLO}S: 250 AUTH PLAIN\nC: AUTH PLAIN\nS: 334\nC: {response}\nS: 235 ok\nE: ready"));
}

/// The server's side of SCRAM, in a dialogue that is made as it goes.
mod scram {
    use super::*;
    use crate::base::base64;
    use crate::base::clock::Instant;
    use crate::base::out::Out;
    use crate::smtp::client::Session;
    use crate::smtp::client::tests::play::shown;
    use aws_lc_rs::{hmac, pbkdf2};
    use std::num::NonZeroU32;

    fn b64(text: &[u8]) -> String {
        let mut out = Vec::new();
        base64::encode(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    struct Dialogue {
        session: Session,
        told: Vec<String>,
    }

    impl Dialogue {
        fn hear(&mut self, line: &str) -> String {
            let (now, told) = (Instant(1), &mut self.told);
            self.session.handle_input(now, format!("{line}\r\n").as_bytes(), &mut |e| told.push(shown(&e)));
            let mut out = Out::new();
            self.session.poll_transmit(now, &mut out);
            let mut said = Vec::new();
            while let Some(piece) = out.take() {
                said.extend_from_slice(piece.as_slice());
            }
            String::from_utf8(said).unwrap().trim_end_matches("\r\n").to_owned()
        }
    }

    fn sign(key: &[u8], text: &[u8]) -> Vec<u8> {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
    }

    /// A server that knows the password `knows`; what the session told in the end.
    fn serve(config: &Config, knows: &str, proves: bool) -> (Vec<String>, String) {
        let session = Session::new(Arc::new(config.clone()), Known::default(), Instant(1));
        let mut dialogue = Dialogue { session, told: Vec::new() };
        dialogue.hear("220 mx");
        let said = dialogue.hear("250-mx\r\n250 AUTH PLAIN SCRAM-SHA-256");
        let first = base64::decode(said.strip_prefix("AUTH SCRAM-SHA-256 ").unwrap()).unwrap();
        let first = String::from_utf8(first).unwrap();
        let bare = first.strip_prefix("n,,").unwrap();
        let nonce = bare.strip_prefix("n=tim,r=").unwrap();
        let challenge = format!("r={nonce}SERVER,s={},i=4096", b64(b"a salt"));
        let said = dialogue.hear(&format!("334 {}", b64(challenge.as_bytes())));
        let last = String::from_utf8(base64::decode(&said).unwrap()).unwrap();
        let (without_proof, proof) = last.split_once(",p=").unwrap();
        let mut salted = [0; 32];
        let iterations = NonZeroU32::new(4096).unwrap();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, b"a salt", knows.as_bytes(), &mut salted);
        let exchange = format!("{bare},{challenge},{without_proof}");
        let client_key = sign(&salted, b"Client Key");
        let stored = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &client_key);
        let signature = sign(stored.as_ref(), exchange.as_bytes());
        let expected: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        if proof != b64(&expected) {
            dialogue.hear("535 5.7.8 wrong password");
            dialogue.hear("221 bye");
        } else if proves {
            let server = sign(&sign(&salted, b"Server Key"), exchange.as_bytes());
            assert_eq!(dialogue.hear(&format!("334 {}", b64(format!("v={}", b64(&server)).as_bytes()))), "");
            dialogue.hear("235 2.7.0 welcome");
        } else {
            dialogue.hear("235 2.7.0 welcome");
        }
        (dialogue.told, nonce.to_owned())
    }

    #[test]
    fn both_sides_prove_that_they_know_the_password() {
        let config = login(None, false);
        let (told, nonce) = serve(&config, "tanstaaf", true);
        assert_eq!(told, ["ready"]);
        let (told, another) = serve(&config, "tanstaaf", true);
        assert_eq!(told, ["ready"]);
        assert_ne!(nonce, another);
        assert_eq!(serve(&config, "else", true).0, ["unauthenticated: 535 5.7.8 wrong password"]);
        let unproven = "unauthenticated: 535 5.7.8 AUTH: the server did not prove that it knows the password";
        assert_eq!(serve(&config, "tanstaaf", false).0, [unproven]);
    }

    #[test]
    fn a_garbled_challenge_ends_the_session() {
        let nonce = String::from_utf8(login(None, false).auth.unwrap().nonce()).unwrap();
        let first = b64(format!("n,,n=tim,r={nonce}").as_bytes());
        let garbled = "535 5.7.8 AUTH: the server's challenge cannot be read";
        let steal = "535 5.7.8 AUTH: the server's nonce does not begin with ours";
        let hello = HELLO.to_owned() + "S: 250 AUTH SCRAM-SHA-256\n";
        let script = format!("{hello}C: AUTH SCRAM-SHA-256 {first}\n");
        for (challenge, end) in [
            (b64(b"what"), garbled),
            (b64(b"r=mine,s=YQ==,i=4096"), steal),
            ("!".to_owned(), "535 5.5.6 AUTH: the server asks for more than the mechanism has"),
        ] {
            // The nonce is a new one in each session: one dialogue, not one for each cut.
            let session = Session::new(Arc::new(login(None, false)), Known::default(), Instant(1));
            let mut dialogue = Dialogue { session, told: Vec::new() };
            dialogue.hear("220 mx");
            let said = dialogue.hear("250-mx\r\n250 AUTH SCRAM-SHA-256");
            assert!(script.ends_with(&format!("C: {said}\n")), "{said}");
            assert_eq!(dialogue.hear(&format!("334 {challenge}")), "");
            assert_eq!(dialogue.told, [format!("unauthenticated: {end}")]);
        }
    }
}

#[test]
fn required_tls_that_cannot_be_had_ends_the_session_before_anything_is_said() {
    let config = Config { starttls: Starttls::Required, ..config() };
    let hello = "S: 220 mx\nC: EHLO me.example\n";
    let quit = "C: QUIT\nS: 221 bye\nE: no TLS: ";
    play(&config, &format!("{hello}S: 250 mx\n{quit}the server does not offer STARTTLS"));
    let offers = format!("{hello}S: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\n");
    play(&config, &format!("{offers}S: 454 4.7.0 not now\n{quit}the server offers STARTTLS and refuses it"));
    play(&config, &format!("{offers}S: 501 what\n{quit}the server offers STARTTLS and refuses it"));
    let helo = format!("{hello}S: 500 what\nC: HELO me.example\nS: 250 mx\nE: learnt EhloRefused\n");
    play(&config, &format!("{helo}{quit}the server does not offer STARTTLS"));
    let secured = format!("{offers}S: 220 go\nE: starttls\nTLS\nC: EHLO me.example\nS: 250 mx\nE: ready");
    play(&config, &secured);
    // TLS did not help a host to be forgiven: a broken one is tried again.
    play_with(&config, Known { starttls_broken: true, ..Known::default() }, &secured);
}

#[test]
fn a_login_that_needs_tls_never_goes_on_in_clear_text_whatever_was_learnt() {
    let broken = Known { starttls_broken: true, ..Known::default() };
    let offers = "S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250-AUTH PLAIN\nS: 250 STARTTLS\n";
    let config = Config { starttls: Starttls::Offered, ..login(None, false) };
    for known in [Known::default(), broken] {
        let play = |end: &str| play_with(&config, known, &format!("{offers}C: STARTTLS\n{end}"));
        let inside = "S: 220 go\nE: starttls\nTLS\nC: EHLO me.example\n";
        let auth = "S: 250-mx\nS: 250 AUTH PLAIN\nC: AUTH PLAIN AHRpbQB0YW5zdGFhZg==\nS: 235 ok\nE: ready";
        play(&format!("{inside}{auth}"));
        for refusal in ["454 4.7.0 not now", "502 what"] {
            play(&format!("S: {refusal}\nC: QUIT\nX\nE: no TLS: the server offers STARTTLS and refuses it"));
        }
        // A failure teaches nothing that a session with this login would heed.
        play("X\nE: lost at starttls");
        play("T: 20\nE: timeout at starttls");
        play(&format!("{inside}X\nE: lost at hello"));
    }
    let clear = Config { starttls: Starttls::Offered, ..login(None, true) };
    let auth = "C: AUTH PLAIN AHRpbQB0YW5zdGFhZg==\nS: 235 ok\nE: ready";
    play_with(&clear, broken, &format!("{offers}{auth}"));
    play(&clear, &format!("{offers}C: STARTTLS\nS: 454 4.7.0 not now\n{auth}"));
}

#[test]
fn implicit_tls_needs_no_starttls() {
    let config = Config { starttls: Starttls::Implicit, ..config() };
    play(&config, "S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250 STARTTLS\nE: ready");
}

/// What the host offered last time.
fn early() -> Capabilities {
    Capabilities { pipelining: true, pipe_connect: true, ..Capabilities::default() }
}

#[test]
fn a_host_that_lets_it_hears_ehlo_before_it_greets() {
    let known = Known { early: Some(early()), pipelining_works: true, ..Known::default() };
    let script = "Q
                  C: EHLO me.example
                  S: 220 mx
                  S: 250-mx
                  S: 250-PIPELINING
                  S: 250 PIPECONNECT
                  E: ready
                  C: QUIT";
    play_with(&config(), known, script);
    // It offers something else by now, or nothing of the sort.
    let hello = "D\nC: EHLO me.example\nS: 220 mx\nS: 250-mx\nS: 250 ";
    let more = Capabilities { auth: Auth { plain: true, ..Auth::default() }, pipelining: false, ..early() };
    let learnt = format!("{hello}X_PIPE_CONNECT\nS: 250 nothing\n").replace("S: 250 X_", "S: 250-X_");
    let learnt = learnt.replace("250 nothing", "250 AUTH PLAIN");
    play_with(&config(), known, &format!("{learnt}E: learnt Early(Some({more:?}))\nE: ready"));
    play_with(&config(), known, &format!("{hello}HELP\nE: learnt Early(None)\nE: ready"));
    // What it says of itself first is read and judged as ever.
    play_with(&config(), known, "D\nC: EHLO me.example\nS: 421 busy\nE: session refused at greeting: 421 busy");
    let sync = "554 synchronization error";
    let refused =
        format!("D\nC: EHLO me.example\nS: {sync}\nE: learnt Early(None)\nE: session refused at greeting: {sync}");
    play_with(&config(), known, &refused);
    play_with(&config(), known, "D\nC: EHLO me.example\nT: 10\nE: timeout at greeting");
}

#[test]
fn a_host_that_offers_pipeconnect_is_remembered_with_what_it_offers() {
    let script = "S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250-PIPELINING\nS: 250 PIPECONNECT\n";
    play(&config(), &format!("{script}E: learnt Early(Some({:?}))\nE: ready", early()));
    // Behind STARTTLS nothing is early.
    let tls = "S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nE: starttls\nTLS\n";
    play(&config(), &format!("{tls}C: EHLO me.example\nS: 250-mx\nS: 250 PIPECONNECT\nE: ready"));
}
