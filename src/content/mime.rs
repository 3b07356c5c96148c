//! The body (RFC 2045, 2046): what is the same for every row is encoded once, the rest has its place kept.
//!
//! Guarantees: a boundary cannot occur in a part, for it begins with `=_`, which neither quoted-printable nor base 64
//! can make, and is cut from the campaign's secret; each part ends with CRLF, and no line begins with a dot. A long end that
//! no row changes is held once for all messages.

use super::escape::Escape;
use super::forwarded;
use super::media_type::{MediaType, quoted};
use super::names::Name;
use super::qp;
use super::spec::Attachment;
use super::straight::Straight;
use super::template::{Form, Piece, Template};
use crate::base::base64;
use bytes::Bytes;
use std::borrow::Cow;

/// An end of the body that no row changes is shared from so many octets on: below, a copy costs less than a part of its own.
const SHARED_MIN: usize = 64 * 1024;
/// Longest file name that is written as it is, in quotes.
const NAME_PLAIN_MAX: usize = 60;

/// A part of the body.
#[derive(Debug)]
pub(crate) enum Chunk {
    /// Octets as they are sent, and the column behind them.
    Const(Vec<u8>, usize),
    /// A value, escaped and then encoded at the column where the chunk before ended.
    Slot(Name, Escape),
    /// A template that needs minijinja: an index into the composer's programs.
    Program(usize),
}

/// The body of a campaign's messages.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// Content-Type and Content-Transfer-Encoding of the message.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) chunks: Vec<Chunk>,
    /// What follows the chunks in every message; begins with a line, or is empty.
    pub(crate) shared: Bytes,
    pub(crate) programs: Vec<Template>,
    /// The texts that are no programs.
    pub(crate) straight: Vec<Straight>,
}

/// A file as a part of the body.
#[derive(Debug)]
pub(crate) struct File<'a> {
    media_type: MediaType,
    octets: Cow<'a, [u8]>,
    encoding: &'static str,
    name: &'a str,
    inline_id: Option<&'a str>,
    alternative: bool,
}

impl<'a> File<'a> {
    /// The part that a file becomes.
    ///
    /// # Errors
    /// What is wrong with its media type, or with the octets for that type.
    pub(crate) fn of(attachment: &'a Attachment) -> Result<Self, String> {
        let mut media_type = MediaType::parse(&attachment.media_type)?;
        let (mut octets, mut encoding) = (Cow::Borrowed(attachment.bytes.as_slice()), "base64");
        match media_type.essence.split_once('/') {
            Some(("multipart", _)) => return Err("a multipart cannot be a file; attach its parts".to_owned()),
            // RFC 2045 §6.4: of composite types the encoding is 7bit, 8bit or binary.
            Some(("message", _)) => {
                octets = forwarded::as_part(&attachment.bytes)?.into();
                encoding = "7bit";
            }
            Some(("text", _)) if media_type.parameter("charset").is_none() => {
                let charset = charset_of(&attachment.bytes).map(|charset| ("charset".to_owned(), charset.to_owned()));
                media_type.parameters.extend(charset);
            }
            _ => {}
        }
        let (inline_id, alternative) = (attachment.inline_id.as_deref(), attachment.alternative);
        if alternative {
            invite(&mut media_type, &attachment.bytes)?;
        }
        Ok(Self { media_type, octets, encoding, name: &attachment.file_name, inline_id, alternative })
    }
}

/// An invitation names its method in its type as it does within (RFC 6047 §2.4): else mail readers show a file.
fn invite(media_type: &mut MediaType, octets: &[u8]) -> Result<(), String> {
    if media_type.essence != "text/calendar" {
        return Err("only an invitation (text/calendar) can stand beside text and HTML".to_owned());
    }
    let mut lines = octets.split(|b| matches!(b, b'\r' | b'\n'));
    let method = lines.find_map(|line| {
        let (name, value) = line.split_at_checked("METHOD:".len())?;
        let method = std::str::from_utf8(value).ok()?.trim();
        (name.eq_ignore_ascii_case(b"METHOD:") && !method.is_empty()).then(|| method.to_owned())
    });
    let method = method.ok_or("no line of it says what is wanted of its reader, such as METHOD:REQUEST")?;
    match media_type.parameter("method") {
        None => media_type.parameters.push(("method".to_owned(), method)),
        Some(told) if told.eq_ignore_ascii_case(&method) => {}
        Some(told) => return Err(format!("its type says method={told}, and within it stands METHOD:{method}")),
    }
    Ok(())
}

/// The charset of a text, where its octets tell it.
#[must_use]
pub fn charset_of(text: &[u8]) -> Option<&'static str> {
    match text {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("utf-16"),
        // ISO-2022 switches by escapes.
        text if memchr::memchr2(0, 0x1b, text).is_some() => None,
        text => std::str::from_utf8(text).is_ok().then_some("utf-8"),
    }
}

/// A node of the MIME tree.
enum Node<'a> {
    Text(&'static str, Template),
    Many(&'static str, Vec<Node<'a>>),
    File(File<'a>),
}

impl Body {
    /// Builds the body. `boundary` makes boundaries unlike those of other campaigns.
    pub(crate) fn build(text: Option<Template>, html: Option<Template>, files: Vec<File<'_>>, boundary: &str) -> Self {
        let (alternative, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.alternative);
        let (inline, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.inline_id.is_some());
        // RFC 2046 §5.1.4: the richest comes last.
        let mut parts = Vec::new();
        parts.extend(text.map(|t| Node::Text("plain", t)));
        if let Some(html) = html {
            let html = Node::Text("html", html);
            parts.push(if inline.is_empty() {
                html
            } else {
                Node::Many("related", std::iter::once(html).chain(inline.into_iter().map(Node::File)).collect())
            });
        }
        parts.extend(alternative.into_iter().map(Node::File));
        let mut root = one_or_many("alternative", parts);
        if !files.is_empty() {
            root = Node::Many("mixed", std::iter::once(root).chain(files.into_iter().map(Node::File)).collect());
        }
        let mut body = Self { headers: headers(&root, boundary, 0), ..Self::default() };
        body.write(root, boundary, 0);
        body.share_end();
        body
    }

    fn write(&mut self, node: Node, boundary: &str, depth: usize) {
        match node {
            Node::Text(_, template) => self.write_text(template),
            Node::File(file) => self.append(|out| match file.encoding {
                "base64" => base64::encode_lines(&file.octets, out),
                _ => out.extend_from_slice(&file.octets),
            }),
            Node::Many(_, parts) => {
                let delimiter = format!("--=_{boundary}{depth}");
                for part in parts {
                    self.constant(format!("{delimiter}\r\n").as_bytes());
                    for (name, value) in headers(&part, boundary, depth + 1) {
                        self.constant(format!("{name}: {value}\r\n").as_bytes());
                    }
                    self.constant(b"\r\n");
                    self.write(part, boundary, depth + 1);
                }
                self.constant(format!("{delimiter}--\r\n").as_bytes());
            }
        }
    }

    /// Takes the last chunk, from the first line that begins in it, for what all messages share.
    fn share_end(&mut self) {
        let is_whole = self.chunks.len() == 1;
        let Some(Chunk::Const(octets, column)) = self.chunks.last_mut() else { return };
        let start = if is_whole { Some(0) } else { memchr::memmem::find(octets, b"\r\n").map(|end| end + 2) };
        let Some(start) = start.filter(|start| octets.len() - start >= SHARED_MIN) else { return };
        let mut shared = std::mem::take(octets);
        *octets = shared.drain(..start).collect();
        *column = 0;
        shared.shrink_to_fit();
        self.shared = shared.into();
    }

    /// Writes a text: its literal parts encoded now, with a soft break behind each slot, so that the line breaks of what
    /// follows do not depend on the value.
    fn write_text(&mut self, template: Template) {
        self.straight.extend(Straight::of(&template));
        let Form::Pieces(mut pieces) = template.form else {
            self.chunks.push(Chunk::Program(self.programs.len()));
            self.programs.push(template);
            return;
        };
        match pieces.last_mut() {
            Some(Piece::Literal(text)) => text.push('\n'),
            _ => pieces.push(Piece::Literal("\n".to_owned())),
        }
        let mut after_slot = false;
        for piece in pieces {
            match piece {
                Piece::Slot(name) => {
                    self.chunks.push(Chunk::Slot(name, template.escape));
                    after_slot = true;
                }
                Piece::Literal(text) => {
                    let mut octets = Vec::with_capacity(text.len() + text.len() / 16);
                    let mut col = 0;
                    if after_slot && !text.starts_with('\n') {
                        qp::soft_break(&mut octets, &mut col);
                    }
                    qp::encode(text.as_bytes(), &mut octets, &mut col);
                    self.constant(&octets);
                    after_slot = false;
                }
            }
        }
    }

    fn constant(&mut self, octets: &[u8]) {
        if !octets.is_empty() {
            self.append(|out| out.extend_from_slice(octets));
        }
    }

    /// Appends what `write` writes.
    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !matches!(self.chunks.last(), Some(Chunk::Const(..))) {
            self.chunks.push(Chunk::Const(Vec::new(), 0));
        }
        if let Some(Chunk::Const(all, column)) = self.chunks.last_mut() {
            write(all);
            *column = all.len() - memchr::memrchr(b'\n', all).map_or(0, |p| p + 1);
        }
    }
}

fn one_or_many<'a>(subtype: &'static str, mut parts: Vec<Node<'a>>) -> Node<'a> {
    match parts.len() {
        1 => parts.remove(0),
        _ => Node::Many(subtype, parts),
    }
}

/// The fields that describe a node.
fn headers(node: &Node, boundary: &str, depth: usize) -> Vec<(String, String)> {
    let (kind, encoding) = match node {
        Node::Text(subtype, _) => (format!("text/{subtype}; charset=utf-8"), "quoted-printable"),
        Node::Many(subtype, _) => {
            // RFC 2387 §3.1: the type of what the others belong to.
            let root = if *subtype == "related" { " type=\"text/html\";" } else { "" };
            (format!("multipart/{subtype};{root}\r\n boundary=\"=_{boundary}{depth}\""), "7bit")
        }
        Node::File(file) => (file.media_type.written(), file.encoding),
    };
    let mut fields =
        vec![("Content-Type".to_owned(), kind), ("Content-Transfer-Encoding".to_owned(), encoding.to_owned())];
    if let Node::File(file) = node
        && !file.alternative
    {
        let disposition = if file.inline_id.is_some() { "inline" } else { "attachment" };
        fields.push(("Content-Disposition".to_owned(), format!("{disposition}{}", file_name(file.name))));
        fields.extend(file.inline_id.map(|id| ("Content-ID".to_owned(), format!("<{id}>"))));
    }
    fields
}

/// `filename=` as readers know it: quoted when it is plain ASCII; else by RFC 2231, in parts of one line each, and behind that
/// for whoever does not know it a plain one that looks like it.
fn file_name(name: &str) -> String {
    if name.is_ascii() && name.len() <= NAME_PLAIN_MAX {
        return format!(";\r\n filename={}", quoted(name));
    }
    let mut parts: Vec<String> = vec![String::new()];
    for c in name.chars() {
        let mut text = String::new();
        Escape::Url.write(c.encode_utf8(&mut [0; 4]), &mut text);
        match parts.last_mut() {
            Some(part) if part.len() + text.len() <= 50 => part.push_str(&text),
            _ => parts.push(text),
        }
    }
    let mut out = String::new();
    for (i, part) in parts.iter().enumerate() {
        let charset = if i == 0 { "utf-8''" } else { "" };
        match parts.len() {
            1 => out.push_str(&format!(";\r\n filename*={charset}{part}")),
            _ => out.push_str(&format!(";\r\n filename*{i}*={charset}{part}")),
        }
    }
    out + &format!(";\r\n filename={}", quoted(&plain_name(name)))
}

/// The name in plain ASCII, short enough for a line: its ending stays.
fn plain_name(name: &str) -> String {
    let plain = |text: &str| -> String { text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '_' }).collect() };
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= 10 => (plain(stem), format!(".{}", plain(ending))),
        _ => (plain(name), String::new()),
    };
    stem.chars().take(NAME_PLAIN_MAX - ending.len()).collect::<String>() + &ending
}
