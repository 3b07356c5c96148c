//! The body (RFC 2045, 2046): what is the same for every row is encoded once, the rest has its place kept.
//!
//! Guarantees: a boundary cannot occur in a part, for it begins with `=_`, which neither quoted-printable nor base 64
//! can make; each part ends with CRLF, and no line begins with a dot.

use super::escape::Escape;
use super::names::Name;
use super::qp;
use super::spec::Attachment;
use super::template::{Form, Piece, Template};
use crate::base::base64;

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
    pub(crate) programs: Vec<Template>,
}

/// A node of the MIME tree.
enum Node<'a> {
    Text(&'static str, Template),
    Many(&'static str, Vec<Node<'a>>),
    File(&'a Attachment),
}

impl Body {
    /// Builds the body. `boundary` makes boundaries unlike those of other campaigns.
    pub(crate) fn build(
        text: Option<Template>,
        html: Option<Template>,
        attachments: &[Attachment],
        boundary: &str,
    ) -> Self {
        let (inline, files): (Vec<_>, Vec<_>) = attachments.iter().partition(|a| a.inline_id.is_some());
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
        let mut root = one_or_many("alternative", parts);
        if !files.is_empty() {
            root = Node::Many("mixed", std::iter::once(root).chain(files.into_iter().map(Node::File)).collect());
        }
        let mut body = Self { headers: headers(&root, boundary, 0), ..Self::default() };
        body.write(root, boundary, 0);
        body
    }

    fn write(&mut self, node: Node, boundary: &str, depth: usize) {
        match node {
            Node::Text(_, template) => self.write_text(template),
            Node::File(file) => {
                let mut lines = Vec::new();
                base64::encode_lines(&file.bytes, &mut lines);
                self.constant(&lines);
            }
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

    /// Writes a text: its literal parts encoded now, with a soft break behind each slot, so that the line breaks of what
    /// follows do not depend on the value.
    fn write_text(&mut self, template: Template) {
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
        let column = |all: &[u8]| all.len() - memchr::memrchr(b'\n', all).map_or(0, |p| p + 1);
        if let Some(Chunk::Const(all, col)) = self.chunks.last_mut() {
            all.extend_from_slice(octets);
            *col = column(all);
        } else if !octets.is_empty() {
            self.chunks.push(Chunk::Const(octets.to_vec(), column(octets)));
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
        Node::Many(subtype, _) => (format!("multipart/{subtype};\r\n boundary=\"=_{boundary}{depth}\""), "7bit"),
        Node::File(file) => (file.media_type.clone(), "base64"),
    };
    let mut fields =
        vec![("Content-Type".to_owned(), kind), ("Content-Transfer-Encoding".to_owned(), encoding.to_owned())];
    if let Node::File(file) = node {
        let disposition = if file.inline_id.is_some() { "inline" } else { "attachment" };
        fields.push(("Content-Disposition".to_owned(), format!("{disposition}{}", file_name(&file.file_name))));
        fields.extend(file.inline_id.as_ref().map(|id| ("Content-ID".to_owned(), format!("<{id}>"))));
    }
    fields
}

/// `filename=` as readers know it: quoted when it is plain ASCII, else by RFC 2231, in parts of one line each.
fn file_name(name: &str) -> String {
    if name.is_ascii() && name.len() <= 60 {
        return format!(";\r\n filename=\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
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
        out.push_str(&format!(";\r\n filename*{i}*={charset}{part}"));
    }
    out
}
