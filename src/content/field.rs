//! The header fields of a campaign's messages, compiled: what is the same in all of them is written once.
//!
//! Guarantees: names and addresses were told apart before any value came in. Leaves to others: writing fields (`header`,
//! `kinds`), and what a campaign may say in them (`compile`).

use super::compose::address;
use super::dkim;
use super::error::ComposeError;
use super::header;
use super::kinds::{self, Kind};
use super::mailboxes;
use super::template::{Template, Templates, Values};
use crate::mail::Mailbox;

/// One or more header fields.
#[derive(Debug)]
pub(crate) enum HeaderPart {
    /// The same in every message: the names, the octets, and the canonical form of the signed ones.
    Fixed {
        names: Vec<String>,
        raw: Vec<u8>,
        signed: Vec<u8>,
    },
    Date,
    MessageId,
    Mailbox(Mailboxed),
    /// Several addresses, or groups of them.
    Addresses(String, Vec<Addressed>),
    Text(String, Template),
    /// What is not text for people.
    Other(Kind, String, Template),
    Unsubscribe {
        url: bool,
        mailto: Option<Template>,
    },
}

/// A field that holds one mailbox.
#[derive(Debug)]
pub(crate) struct Mailboxed {
    pub(crate) name: String,
    pub(crate) one: One,
}

/// `Name <address>`.
#[derive(Debug)]
pub(crate) struct One {
    pub(crate) display: Template,
    pub(crate) address: Address,
}

/// One of several addresses.
#[derive(Debug)]
pub(crate) enum Addressed {
    One(One),
    Group(Template, Vec<One>),
}

#[derive(Debug)]
pub(crate) enum Address {
    Fixed(Mailbox),
    Rendered(Template),
}

impl One {
    fn templates(&self) -> Vec<&Template> {
        match &self.address {
            Address::Fixed(_) => vec![&self.display],
            Address::Rendered(address) => vec![&self.display, address],
        }
    }

    /// Name and address for one row; an empty address where the row has none.
    pub(crate) fn render(
        &self,
        field: &str,
        with: &Templates,
        values: &Values,
    ) -> Result<(String, String), ComposeError> {
        let mut display = String::new();
        self.display.render(with, values, &mut display)?;
        let template = match &self.address {
            Address::Fixed(mailbox) => return Ok((display, mailbox.as_str().to_owned())),
            Address::Rendered(template) => template,
        };
        let mut rendered = String::new();
        template.render(with, values, &mut rendered)?;
        let rendered = rendered.trim_matches(|c: char| c == ' ' || header::folds(c));
        // A value may bring a name along. It is one mailbox all the same: the last angle bracket tells.
        let (name, text) = match rendered.strip_suffix('>').and_then(|open| open.rsplit_once('<')) {
            Some((name, text)) if display.trim().is_empty() => (Some(name.trim()), text),
            _ => (None, rendered),
        };
        if let Some(name) = name {
            display = mailboxes::without_quotes(name).unwrap_or_else(|| name.to_owned());
        }
        Ok((display, if text.is_empty() { String::new() } else { address(field, text)? }))
    }
}

impl HeaderPart {
    /// A field with this value, which is valid and folded as it should be.
    pub(crate) fn fixed(name: &str, value: &str) -> Self {
        Self::ready(name, format!("{name}: {value}\r\n").into_bytes())
    }

    /// A field that has been written.
    pub(crate) fn ready(name: &str, raw: Vec<u8>) -> Self {
        let mut signed = Vec::new();
        if dkim::is_signed(name) {
            dkim::relaxed_header(&raw, &mut signed);
        }
        Self::Fixed { names: vec![name.to_owned()], raw, signed }
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Fixed { names, .. } => names.iter().map(String::as_str).collect(),
            Self::Date => vec!["Date"],
            Self::MessageId => vec!["Message-ID"],
            Self::Mailbox(Mailboxed { name, .. })
            | Self::Addresses(name, _)
            | Self::Text(name, _)
            | Self::Other(_, name, _) => vec![name],
            Self::Unsubscribe { .. } => vec!["List-Unsubscribe"],
        }
    }

    pub(crate) fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Fixed { .. } | Self::Date | Self::MessageId => Vec::new(),
            Self::Mailbox(mailboxed) => mailboxed.one.templates(),
            Self::Addresses(_, all) => all
                .iter()
                .flat_map(|addressed| match addressed {
                    Addressed::One(one) => one.templates(),
                    Addressed::Group(name, members) => {
                        std::iter::once(name).chain(members.iter().flat_map(One::templates)).collect()
                    }
                })
                .collect(),
            Self::Text(_, template) | Self::Other(_, _, template) => vec![template],
            Self::Unsubscribe { mailto, .. } => mailto.iter().collect(),
        }
    }

    /// The parts, with those that are the same in every message written now, and neighbours joined.
    pub(crate) fn joined(parts: Vec<Self>) -> Vec<Self> {
        let mut out: Vec<Self> = Vec::new();
        for part in parts {
            let part = part.settled();
            match (out.last_mut(), part) {
                (
                    Some(Self::Fixed { names, raw, signed }),
                    Self::Fixed { names: more_names, raw: more_raw, signed: more_signed },
                ) => {
                    names.extend(more_names);
                    raw.extend(more_raw);
                    signed.extend(more_signed);
                }
                (_, part) => out.push(part),
            }
        }
        out
    }

    fn settled(self) -> Self {
        let mut raw = Vec::new();
        let done = match &self {
            Self::Mailbox(Mailboxed { name, one: One { display, address: Address::Fixed(mailbox) } }) => {
                display.constant().map(|d| header::mailbox(name, d, mailbox.as_str(), &mut raw))
            }
            Self::Text(name, template) => template.constant().map(|t| header::text(name, t, &mut raw)),
            Self::Other(kind, name, template) => template.constant().map(|t| kinds::write(*kind, name, t, &mut raw)),
            _ => None,
        };
        match done {
            Some(Ok(())) => Self::ready(self.names().first().copied().unwrap_or_default(), raw),
            _ => self,
        }
    }
}
