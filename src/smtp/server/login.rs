//! AUTH at the server (RFC 4954): PLAIN and LOGIN, for one user.
//!
//! Guarantees: the password does not show in Debug output; a response is bounded as any line is. Offered outside of TLS
//! too, for this server has no secrets to keep. Leaves to others: who may do what (MAIL waits for a login, no more).

use crate::base::base64;
use std::fmt;

/// The user that may log in.
#[derive(Clone)]
pub struct Login {
    /// The name.
    pub user: Box<str>,
    /// The password.
    pub password: Box<str>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What the next line answers.
#[derive(Debug)]
pub(super) enum Step {
    Plain,
    User,
    Password { user: Vec<u8> },
}

/// What is said next.
pub(super) enum Next {
    /// This challenge.
    Ask(&'static str, Step),
    /// Logged in.
    Welcome,
    /// This refusal.
    Refuse(&'static str),
}

const WRONG: &str = "535 5.7.8 Authentication credentials invalid";
const GARBLED: &str = "501 5.5.2 Cannot decode the response";
const CANCELLED: &str = "501 5.7.0 Authentication cancelled";

/// AUTH with its parameters.
pub(super) fn begin(login: &Login, rest: &[u8]) -> Next {
    let mut words = rest.split(|&b| b == b' ').filter(|w| !w.is_empty());
    let (mechanism, initial, more) = (words.next().unwrap_or_default(), words.next(), words.next());
    let step = if mechanism.eq_ignore_ascii_case(b"PLAIN") {
        Step::Plain
    } else if mechanism.eq_ignore_ascii_case(b"LOGIN") {
        Step::User
    } else {
        return Next::Refuse("504 5.5.4 Mechanism not supported");
    };
    match (initial, more) {
        (_, Some(_)) => Next::Refuse(GARBLED),
        (Some(b"="), None) => respond(login, step, b""),
        (Some(initial), None) => respond(login, step, initial),
        (None, None) => {
            let challenge = if matches!(step, Step::Plain) { "334 " } else { "334 VXNlcm5hbWU6" };
            Next::Ask(challenge, step)
        }
    }
}

/// A response to a challenge.
pub(super) fn respond(login: &Login, step: Step, line: &[u8]) -> Next {
    if line == b"*" {
        return Next::Refuse(CANCELLED);
    }
    let Some(response) = std::str::from_utf8(line).ok().and_then(base64::decode) else { return Next::Refuse(GARBLED) };
    match step {
        Step::Plain => {
            // RFC 4616 §2: authorization identity, user and password, with a NUL between them.
            let mut parts = response.splitn(3, |&b| b == 0);
            let (_, user, password) =
                (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            judge(login, user, password)
        }
        Step::User => Next::Ask("334 UGFzc3dvcmQ6", Step::Password { user: response }),
        Step::Password { user } => judge(login, &user, &response),
    }
}

fn judge(login: &Login, user: &[u8], password: &[u8]) -> Next {
    if user == login.user.as_bytes() && password == login.password.as_bytes() {
        Next::Welcome
    } else {
        Next::Refuse(WRONG)
    }
}
