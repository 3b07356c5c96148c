//! Where a domain wants its reports: the TXT record of `_smtp._tls.DOMAIN` (RFC 8460 §3).

use crate::tls::txt;

/// Of one domain so many addresses are used: the first ones.
pub const RUA_MAX: usize = 4;

/// Where reports go. At least one of the lists is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rua {
    /// Mailboxes: printable ASCII without blanks, with one `@` at least; to be parsed as an address before use.
    pub mailto: Vec<Box<str>>,
    /// Addresses to POST to, whole: `https://…`.
    pub https: Vec<Box<str>>,
}

impl Rua {
    /// Reads the TXT records, each with its strings joined. `None`: no report is wanted, for there is no such record, more
    /// than one, or it names no address that can be used.
    #[must_use]
    pub fn parse<S: AsRef<str>>(records: &[S]) -> Option<Self> {
        let fields = txt::fields(records, "v=TLSRPTv1")?;
        let mut rua = Self::default();
        // `rua` is named once; of a second one there is no telling which is meant.
        let uris = fields.iter().find_map(|field| field.strip_prefix("rua="))?;
        for uri in uris.split(',').map(|uri| uri.trim_matches([' ', '\t'])) {
            if let Some(mailbox) = scheme(uri, "mailto:").and_then(mailbox)
                && rua.mailto.len() < RUA_MAX
            {
                rua.mailto.push(mailbox);
            } else if let Some(rest) = scheme(uri, "https://")
                && rua.https.len() < RUA_MAX
                && !rest.is_empty()
                && uri.bytes().all(|octet| octet.is_ascii_graphic())
            {
                rua.https.push(uri.into());
            }
        }
        (!rua.mailto.is_empty() || !rua.https.is_empty()).then_some(rua)
    }
}

fn scheme<'u>(uri: &'u str, scheme: &str) -> Option<&'u str> {
    let head = uri.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| uri.get(scheme.len()..)).flatten()
}

/// The mailbox of a mailto URI (RFC 6068), its header fields cut off.
fn mailbox(text: &str) -> Option<Box<str>> {
    let text = text.split_once('?').map_or(text, |(mailbox, _)| mailbox);
    let mut plain = Vec::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        plain.push(match octet {
            b'%' => {
                let digits = [octets.next()?, octets.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok().filter(|d| !d.starts_with('+'))?, 16).ok()?
            }
            other => other,
        });
    }
    let good = plain.iter().all(u8::is_ascii_graphic) && plain.contains(&b'@') && plain.len() <= 320;
    String::from_utf8(plain).ok().filter(|_| good).map(Into::into)
}
