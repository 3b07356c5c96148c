//! MTA-STS (RFC 8461): policies and the TXT records that announce them; TLS-RPT (RFC 8460): where reports are wanted.
//! Records are separated by lines.

use posthaste::tls::report::{RUA_MAX, Rua};
use posthaste::tls::sts::{MX_MAX, Mode, POLICY_MAX, Policy, parse_txt};

pub fn run(data: &[u8]) {
    match Policy::parse(data) {
        Ok(policy) => sound(&policy),
        Err(error) => {
            let said = error.to_string();
            assert!(said.len() < 1000 && !said.chars().any(char::is_control), "{said:?}");
        }
    }
    let text = String::from_utf8_lossy(data);
    let records: Vec<&str> = text.lines().collect();
    if let Some(id) = parse_txt(&records) {
        assert!((1..=32).contains(&id.len()) && id.bytes().all(|o| o.is_ascii_alphanumeric()), "{id:?}");
    }
    if let Some(Rua { mailto, https }) = Rua::parse(&records) {
        assert!(mailto.len() <= RUA_MAX && https.len() <= RUA_MAX && mailto.len() + https.len() > 0);
        assert!(
            mailto.iter().chain(&https).all(|uri| uri.bytes().all(|o| o.is_ascii_graphic())),
            "{mailto:?} {https:?}"
        );
        assert!(mailto.iter().all(|mailbox| mailbox.contains('@')), "{mailto:?}");
        assert!(https.iter().all(|uri| uri.len() > 8 && uri[..8].eq_ignore_ascii_case("https://")), "{https:?}");
    }
}

fn sound(policy: &Policy) {
    assert!(policy.mx.len() <= MX_MAX && (policy.mode == Mode::None || !policy.mx.is_empty()), "{policy:?}");
    let text = policy.lines().join("\r\n");
    // What is quoted takes more room than what was read only by line ends and blanks.
    if text.len() <= POLICY_MAX {
        assert_eq!(Policy::parse(text.as_bytes()).as_ref(), Ok(policy), "{text:?}");
    }
    for pattern in &policy.mx {
        let host = pattern.replacen("*.", "mx.", 1);
        assert!(policy.allows(&host) && policy.allows(&format!("{}.", host.to_uppercase())), "{host} by {pattern}");
        if let (Some(parent), 1) = (pattern.strip_prefix("*."), policy.mx.len()) {
            assert!(!policy.allows(parent) && !policy.allows(&format!("a.b.{parent}")), "{pattern}");
        }
    }
    assert!(!policy.allows(""));
}
