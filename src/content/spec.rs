//! What a campaign's messages are made from, as the application hands it over: text and octets, no file names to open.

use super::cell::ColumnType;
use super::dkim::Signer;
use super::error::ContentError;
use super::page::Origin;
use super::syntax::Syntax;
use crate::base::charset::Charset;
use std::collections::BTreeMap;

/// A text and the name of the file it came from, for errors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The file name as the user knows it.
    pub file: String,
    /// What the file holds.
    pub text: String,
}

/// A file sent along, or an image shown inside the HTML part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// The name the reader sees.
    pub file_name: String,
    /// `type/subtype`.
    pub media_type: String,
    /// The octets.
    pub bytes: Vec<u8>,
    /// `Some("logo")`: shown by the HTML part as `cid:logo`. `None`: a file to save.
    pub inline_id: Option<String>,
    /// An invitation that is another form of the letter, beside text and HTML, and no file.
    pub alternative: bool,
}

/// The content of a campaign. Unless said otherwise, each text is a template; an error in it names the key.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// The campaign's name: `{{ campaign }}`.
    pub name: String,
    /// `Name <address>` or `address`; the name is a template, the address is not.
    pub from: String,
    /// As `from`; the address is a template too. Default: `{{ email }}`.
    pub to: Option<String>,
    /// As `to`.
    pub reply_to: Option<String>,
    /// The reverse-path, with `{token}` or `{{ token }}` for VERP. `None`: the address of `from`. Empty: `<>`.
    pub return_path: Option<String>,
    /// The Subject.
    pub subject: String,
    /// The HTML part.
    pub html: Option<Source>,
    /// The plain text part.
    pub text: Option<Source>,
    /// How people wrote the tags of what stands here. All texts here have them in braces: [`Syntax::in_braces`].
    pub syntax: Syntax,
    /// What files that are yet to be read are written in; `None`: in what they declare, or what is certain.
    pub encoding: Option<Charset>,
    /// What has been found wrong with it so far.
    pub errors: Vec<ContentError>,
    /// Its addresses would have been completed, or its pictures embedded, and an error has kept that from being done.
    pub is_incomplete: bool,
    /// Where the tags of parts that were made from others came from; for errors.
    pub origins: Vec<Origin>,
    /// Files that templates read by `include`, `extends` and `import`, by their names; of one that may not be read, why.
    pub partials: BTreeMap<String, Result<Source, String>>,
    /// What columns of the list hold, as far as the campaign says it.
    pub types: Vec<(String, ColumnType)>,
    /// Whether the list is JSON, whose rows say themselves what their values are.
    pub is_json: bool,
    /// Whether an empty cell is text for `default` and `is defined`; else it is undefined.
    pub empty_is_text: bool,
    /// The locale of dates, numbers and money: its name, or `{{ column }}`.
    pub locale: Option<String>,
    /// More headers: the name (no template) and the value.
    pub headers: Vec<(String, String)>,
    /// Attachments and inline images.
    pub attachments: Vec<Attachment>,
    /// One-click unsubscription (RFC 8058): begins with `https://`; values are percent-encoded. `{{ unsubscribe_url }}`.
    pub unsubscribe_url: Option<String>,
    /// Unsubscription by mail: an address, or a whole `mailto:` URL; values are percent-encoded.
    pub unsubscribe_mailto: Option<String>,
    /// List-Id (RFC 2919), `Name <list.example>` or `list.example`; no template.
    pub list_id: Option<String>,
    /// Feedback-ID.
    pub feedback_id: Option<String>,
    /// The right side of Message-IDs (no template). Default: the domain of `from`.
    pub message_id_domain: Option<String>,
    /// DKIM signers: each adds a signature.
    pub signers: Vec<Signer>,
    /// The campaign's secret: tokens and Message-IDs derive from it, so it must stay the same over restarts.
    pub identity_key: [u8; 32],
    /// The number that tokens carry.
    pub campaign_number: u32,
    /// Most recipients in one transaction: rows share a message only within a block of so many rows. 0 counts as 1.
    pub share_block: u32,
}
