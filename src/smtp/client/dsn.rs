//! What a transaction asks of the next hop beyond delivery: delivery status notifications (RFC 3461) and REQUIRETLS
//! (RFC 8689).
//!
//! Guarantees: a DSN parameter is said only where DSN is offered, and nothing that its owner gives can break out of a
//! command (xtext). Leaves to others: whether it is wanted.

use crate::base::out::Out;
use crate::smtp::capabilities::Capabilities;

/// The longest ENVID (RFC 3461 §4.4) and ORCPT (§4.2), encoded; longer ones are left out.
const ENVID_MAX: usize = 100;
const ORCPT_MAX: usize = 500;

/// What a transaction asks for beyond delivery; shared by those that ask for the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Notifications; said only where the server offers DSN.
    pub dsn: Option<Dsn>,
    /// The message may only travel under TLS, from here to its last hop (RFC 8689): where the session is not inside TLS
    /// or the server does not offer REQUIRETLS, its recipients are refused by a reply of our own (550 5.7.30).
    pub require_tls: bool,
}

/// Parameters of RFC 3461. `ORCPT=rfc822;…` is said for each recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dsn {
    /// RET: how much of the message a notification brings back.
    pub ret: Option<Ret>,
    /// ENVID: comes back in notifications. At most 100 octets are said, encoded (RFC 3461 §4.4); a longer one is left out.
    pub envid: Option<Box<[u8]>>,
    /// NOTIFY, the same for each recipient.
    pub notify: Option<Notify>,
}

/// RFC 3461 §4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its header.
    Headers,
}

/// RFC 3461 §4.1: of what a notification is wanted; of nothing is `NEVER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Notify {
    /// Of a delivery.
    pub success: bool,
    /// Of a bounce.
    pub failure: bool,
    /// Of a delay.
    pub delay: bool,
}

impl Options {
    /// Parameters of MAIL.
    pub(super) fn mail(&self, offered: &Capabilities, out: &mut Out) {
        if let (Some(dsn), true) = (&self.dsn, offered.dsn) {
            match dsn.ret {
                Some(Ret::Full) => out.append(b" RET=FULL"),
                Some(Ret::Headers) => out.append(b" RET=HDRS"),
                None => {}
            }
            if let Some(envid) = dsn.envid.as_deref().filter(|e| (1..=ENVID_MAX).contains(&xtext_len(e))) {
                out.append(b" ENVID=");
                xtext(envid, out);
            }
        }
        if self.require_tls {
            out.append(b" REQUIRETLS");
        }
    }

    /// Parameters of RCPT.
    pub(super) fn rcpt(&self, path: &[u8], offered: &Capabilities, out: &mut Out) {
        let (Some(dsn), true) = (&self.dsn, offered.dsn) else { return };
        if let Some(notify) = dsn.notify {
            notify.say(out);
        }
        if !path.is_ascii() {
            out.append(b" ORCPT=utf-8;");
            unitext(path, out);
        } else if xtext_len(path) <= ORCPT_MAX {
            out.append(b" ORCPT=rfc822;");
            xtext(path, out);
        }
    }
}

impl Notify {
    fn say(self, out: &mut Out) {
        let wanted = [(self.success, b"SUCCESS".as_slice()), (self.failure, b"FAILURE"), (self.delay, b"DELAY")];
        let mut before: &[u8] = b" NOTIFY=";
        for (_, word) in wanted.iter().filter(|(wanted, _)| *wanted) {
            out.append(before);
            out.append(word);
            before = b",";
        }
        if before != b"," {
            out.append(b" NOTIFY=NEVER");
        }
    }
}

/// RFC 3461 §4: stands for itself.
fn is_xchar(b: u8) -> bool {
    b.is_ascii_graphic() && b != b'+' && b != b'='
}

fn xtext_len(text: &[u8]) -> usize {
    text.iter().map(|&b| if is_xchar(b) { 1 } else { 3 }).sum()
}

fn xtext(text: &[u8], out: &mut Out) {
    for &b in text {
        if is_xchar(b) {
            out.append(&[b]);
        } else {
            out.append(&[b'+', hex(b >> 4), hex(b & 15)]);
        }
    }
}

/// RFC 6533 §3, utf-8-addr-unitext: what a session that speaks SMTPUTF8 may say.
fn unitext(text: &[u8], out: &mut Out) {
    for &b in text {
        if is_xchar(b) && b != b'\\' || b >= 0x80 {
            out.append(&[b]);
        } else {
            out.append(&[b'\\', b'x', b'{', hex(b >> 4), hex(b & 15), b'}']);
        }
    }
}

fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'A' + (digit - 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(say: impl FnOnce(&mut Out)) -> String {
        let mut out = Out::new();
        say(&mut out);
        let mut text = Vec::new();
        while let Some(piece) = out.take() {
            text.extend_from_slice(piece.as_slice());
        }
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn nothing_breaks_out_of_a_parameter() {
        let everything: Vec<u8> = (0..=255).collect();
        let text = said(|out| xtext(&everything, out));
        assert!(text.bytes().all(|b| b.is_ascii_graphic() && b != b'='), "{text}");
        assert_eq!(text.len(), xtext_len(&everything));
        assert_eq!(said(|out| xtext(b"a+b=c d\r\n", out)), "a+2Bb+3Dc+20d+0D+0A");
        assert_eq!(said(|out| unitext("\u{e4}+=\\ @x".as_bytes(), out)), "\u{e4}\\x{2B}\\x{3D}\\x{5C}\\x{20}@x");
    }

    #[test]
    fn what_is_too_long_is_left_out() {
        let offered = Capabilities { dsn: true, ..Capabilities::default() };
        let options = |envid: &[u8]| {
            let dsn = Dsn { ret: Some(Ret::Headers), envid: Some(envid.into()), notify: None };
            Options { dsn: Some(dsn), require_tls: false }
        };
        assert_eq!(said(|out| options(b"job 7").mail(&offered, out)), " RET=HDRS ENVID=job+207");
        assert_eq!(said(|out| options(&[b' '; 34]).mail(&offered, out)), " RET=HDRS");
        assert_eq!(said(|out| options(b"").mail(&offered, out)), " RET=HDRS");
        assert_eq!(said(|out| options(b"job").rcpt(&[b' '; 200], &offered, out)), "");
    }

    #[test]
    fn of_nothing_is_never() {
        assert_eq!(said(|out| Notify::default().say(out)), " NOTIFY=NEVER");
        let all = Notify { success: true, failure: true, delay: true };
        assert_eq!(said(|out| all.say(out)), " NOTIFY=SUCCESS,FAILURE,DELAY");
        assert_eq!(said(|out| Notify { failure: true, ..Notify::default() }.say(out)), " NOTIFY=FAILURE");
    }
}
