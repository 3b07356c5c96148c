//! The reply to EHLO: case does not matter, what is not known does not matter, what was read survives being written down.

use posthaste::smtp::capabilities::Capabilities;

pub fn run(data: &[u8]) {
    let read = Capabilities::parse(data);
    assert_eq!(Capabilities::parse(&data.to_ascii_lowercase()), read, "in lower case");
    assert_eq!(Capabilities::parse(&data.to_ascii_uppercase()), read, "in upper case");
    assert_eq!(Capabilities::parse(&[data, b"\nX-UNKNOWN 1=2"].concat()), read, "with a keyword that nobody knows");
    let text = serde_json::to_string(&read).expect("a value that can be written");
    assert_eq!(serde_json::from_str::<Capabilities>(&text).expect("what was written"), read);
    for limit in [read.limits.mail_max, read.limits.rcpt_max, read.limits.rcpt_domain_max] {
        assert_ne!(limit, Some(0), "a limit that forbids mail");
    }
}
