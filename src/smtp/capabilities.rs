//! What a server said it can do: the reply to EHLO (RFC 5321 §4.1.1.1), read once.
//!
//! Guarantees: an unknown keyword is nothing, a garbled parameter is as if it were not there. Leaves to others: using it.

use serde::{Deserialize, Serialize};

/// The extensions that matter to a sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// CHUNKING (RFC 3030).
    pub chunking: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtp_utf8: bool,
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// REQUIRETLS (RFC 8689).
    pub require_tls: bool,
    /// PIPECONNECT, as Exim says it: commands may leave before the greeting.
    pub pipe_connect: bool,
    /// SIZE (RFC 1870).
    pub size: Size,
    /// LIMITS (RFC 9422).
    pub limits: Limits,
    /// AUTH (RFC 4954): the mechanisms offered.
    pub auth: Auth,
}

/// What SIZE said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Size {
    /// Not offered.
    #[default]
    Absent,
    /// Offered without a fixed limit (no parameter, or 0).
    Unlimited,
    /// The most octets that a message may have.
    Max(u64),
}

/// What LIMITS said; `None`: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// MAILMAX: transactions in one session.
    pub mail_max: Option<u32>,
    /// RCPTMAX: recipients in one transaction.
    pub rcpt_max: Option<u32>,
    /// RCPTDOMAINMAX: different domains among the recipients of one session's transaction.
    pub rcpt_domain_max: Option<u32>,
}

/// Mechanisms of AUTH.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// PLAIN (RFC 4616).
    pub plain: bool,
    /// LOGIN.
    pub login: bool,
    /// SCRAM-SHA-256 (RFC 7677).
    pub scram_sha_256: bool,
    /// CRAM-MD5 (RFC 2195).
    pub cram_md5: bool,
    /// XOAUTH2 or OAUTHBEARER (RFC 7628).
    pub oauth: bool,
}

impl Capabilities {
    /// Reads the text of an EHLO reply: its lines joined by newlines, the first being the server's name.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut found = Self::default();
        for line in text.split(|&b| b == b'\n').skip(1) {
            found.line(line);
        }
        found
    }

    fn line(&mut self, line: &[u8]) {
        let mut words = line.split(|b| matches!(b, b' ' | b'\t')).filter(|w| !w.is_empty());
        let Some(keyword) = words.next() else { return };
        let is = |name: &str| keyword.eq_ignore_ascii_case(name.as_bytes());
        if is("PIPELINING") {
            self.pipelining = true;
        } else if is("CHUNKING") {
            self.chunking = true;
        } else if is("8BITMIME") {
            self.eight_bit_mime = true;
        } else if is("SMTPUTF8") {
            self.smtp_utf8 = true;
        } else if is("STARTTLS") {
            self.starttls = true;
        } else if is("ENHANCEDSTATUSCODES") {
            self.enhanced_status_codes = true;
        } else if is("DSN") {
            self.dsn = true;
        } else if is("REQUIRETLS") {
            self.require_tls = true;
        } else if is("PIPECONNECT") || is("PIPE_CONNECT") || is("X_PIPE_CONNECT") {
            self.pipe_connect = true;
        } else if is("SIZE") {
            self.size = match words.next().and_then(number) {
                None | Some(0) => Size::Unlimited,
                Some(max) => Size::Max(max),
            };
        } else if is("LIMITS") {
            words.for_each(|w| self.limits.parameter(w));
        } else if is("AUTH") {
            words.for_each(|w| self.auth.mechanism(w));
        } else if keyword.get(..5).is_some_and(|k| k.eq_ignore_ascii_case(b"AUTH=")) {
            // An old draft's form, which some servers still add for old clients.
            self.auth.mechanism(keyword.get(5..).unwrap_or_default());
            words.for_each(|w| self.auth.mechanism(w));
        }
    }
}

impl Limits {
    /// RFC 9422 §3: `name=value`. A value of 0 would forbid mail altogether: it is taken as garbled.
    fn parameter(&mut self, word: &[u8]) {
        let Some(at) = memchr::memchr(b'=', word) else { return };
        let (name, value) = word.split_at(at);
        let value = value.get(1..).and_then(number).filter(|&n| n > 0);
        let Some(value) = value.map(|n| u32::try_from(n).unwrap_or(u32::MAX)) else { return };
        if name.eq_ignore_ascii_case(b"MAILMAX") {
            self.mail_max = Some(value);
        } else if name.eq_ignore_ascii_case(b"RCPTMAX") {
            self.rcpt_max = Some(value);
        } else if name.eq_ignore_ascii_case(b"RCPTDOMAINMAX") {
            self.rcpt_domain_max = Some(value);
        }
    }
}

impl Auth {
    fn mechanism(&mut self, word: &[u8]) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        self.plain |= is("PLAIN");
        self.login |= is("LOGIN");
        self.scram_sha_256 |= is("SCRAM-SHA-256");
        self.cram_md5 |= is("CRAM-MD5");
        self.oauth |= is("XOAUTH2") || is("OAUTHBEARER");
    }
}

/// A decimal number of up to 20 digits (RFC 1870 §4); too big a one is the biggest.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 20 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0u64, |n, b| n.saturating_mul(10).saturating_add(u64::from(b - b'0'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_big_server_says_is_understood() {
        let found = Capabilities::parse(
            b"mx.example at your service\nPIPELINING\nsize 157286400\n8BITMIME\nSTARTTLS\nENHANCEDSTATUSCODES\nDSN\n\
              chunking\nSMTPUTF8\nLIMITS MAILMAX=20 rcptmax=100 RCPTDOMAINMAX=1\nAUTH LOGIN PLAIN CRAM-MD5 scram-sha-256\n\
              REQUIRETLS\nPIPECONNECT\nX-WHAT 1",
        );
        assert_eq!(
            found,
            Capabilities {
                pipelining: true,
                chunking: true,
                eight_bit_mime: true,
                smtp_utf8: true,
                starttls: true,
                enhanced_status_codes: true,
                dsn: true,
                require_tls: true,
                pipe_connect: true,
                size: Size::Max(157_286_400),
                limits: Limits { mail_max: Some(20), rcpt_max: Some(100), rcpt_domain_max: Some(1) },
                auth: Auth { plain: true, login: true, scram_sha_256: true, cram_md5: true, oauth: false },
            }
        );
    }

    #[test]
    fn the_first_line_is_a_name_even_if_it_looks_like_a_keyword() {
        assert_eq!(Capabilities::parse(b"PIPELINING"), Capabilities::default());
    }

    #[test]
    fn garbled_parameters_are_as_if_absent() {
        for (line, size) in [
            ("SIZE", Size::Unlimited),
            ("SIZE 0", Size::Unlimited),
            ("SIZE x", Size::Unlimited),
            ("SIZE -1", Size::Unlimited),
            ("SIZE 99999999999999999999", Size::Max(u64::MAX)),
            ("SIZE 999999999999999999999", Size::Unlimited),
            ("SIZE=10", Size::Absent),
        ] {
            assert_eq!(Capabilities::parse(format!("mx\n{line}").as_bytes()).size, size, "{line}");
        }
        let limits = Capabilities::parse(b"mx\nLIMITS RCPTMAX=0 MAILMAX= MAILMAX =3 RCPTDOMAINMAX=x RCPTMAX").limits;
        assert_eq!(limits, Limits::default());
        assert_eq!(Capabilities::parse(b"mx\nLIMITS RCPTMAX=99999999999").limits.rcpt_max, Some(u32::MAX));
    }

    #[test]
    fn the_old_form_of_auth_counts() {
        let auth = Capabilities::parse(b"mx\nAUTH=PLAIN XOAUTH2").auth;
        assert!(auth.plain && auth.oauth && !auth.login);
    }
}
