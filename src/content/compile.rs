//! From a [`Spec`] to a [`Composer`]: everything that can be found wrong before a message is made is found here, and all
//! of it at once.

use super::binding::LocaleOf;
use super::compose::{Address, Composer, HeaderPart, Mailboxed, ReversePath};
use super::dkim;
use super::error::{ContentError, Place};
use super::escape::Escape;
use super::filters;
use super::header;
use super::locale::Locality;
use super::mime::{Body, Chunk};
use super::names::{Name, Names};
use super::page::Origin;
use super::partials::Partials;
use super::spec::{Attachment, Source, Spec};
use super::template::{Compiler, Excerpt, Template, Templates, one_kind_of_line_break};
use super::token::IdentityKey;
use crate::mail::Mailbox;
use minijinja::Environment;
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest name of a header.
const NAME_MAX: usize = 64;

/// Fields that the composer writes itself, and the key that sets them; and those that a sender may not set.
const RESERVED: [(&str, &str); 17] = [
    ("Date", ""),
    ("Message-ID", "message_id_domain"),
    ("From", "from"),
    ("To", "to"),
    ("Cc", ""),
    ("Bcc", ""),
    ("Sender", "from"),
    ("Reply-To", "reply_to"),
    ("Subject", "subject"),
    ("MIME-Version", ""),
    ("List-Unsubscribe", "unsubscribe.url"),
    ("List-Unsubscribe-Post", "unsubscribe.url"),
    ("DKIM-Signature", ""),
    ("Return-Path", "return_path"),
    ("Received", ""),
    ("List-Id", "list_id"),
    ("Feedback-ID", "feedback_id"),
];

/// Fields of which a message has at most one (RFC 5322 §3.6), and which are signed.
const SINGLE: [&str; 2] = ["In-Reply-To", "References"];

impl Composer {
    /// Compiles the content of a campaign against the columns of its list.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn compile(mut spec: Spec, columns: &[String], email_column: &str) -> Result<Self, Vec<ContentError>> {
        let origins = spec.origins.clone();
        let before = std::mem::take(&mut spec.errors);
        let names = Names::new(columns, email_column).typed(spec.types.clone(), spec.is_json);
        let mut work = Work { to: Compiler::new(names), headers: Vec::new() };
        let composer = work.composer(spec);
        match composer {
            Some(mut composer) if work.to.errors.is_empty() && before.is_empty() => {
                composer.numbers.iter_mut().for_each(|wanted| wanted.be_told(&origins));
                Ok(composer)
            }
            _ => Err(told(before, work.to.errors, &origins)),
        }
    }
}

/// More errors, as they are about what people wrote, each once: two parts may be made from one file.
fn told(mut told: Vec<ContentError>, errors: Vec<ContentError>, origins: &[Origin]) -> Vec<ContentError> {
    for error in errors {
        let error = match origins.iter().find(|origin| origin.is_of(&error.place)) {
            Some(origin) => origin.told(error),
            None => error,
        };
        if !told.contains(&error) {
            told.push(error);
        }
    }
    told
}

/// A compilation under way.
struct Work<'a> {
    to: Compiler<'a>,
    headers: Vec<HeaderPart>,
}

impl Work<'_> {
    fn composer(&mut self, spec: Spec) -> Option<Composer> {
        let key = IdentityKey::new(&spec.identity_key);
        self.reading(&spec);
        let from = self.mailbox("From", "from", &spec.from);
        let from_address = from.as_ref().and_then(|f| self.fixed_address(f));
        let unsubscribe = self.unsubscribe_url(&spec);
        let mailto = self.unsubscribe_mailto(&spec);
        let reverse_path = self.reverse_path(&spec, from_address.as_ref());
        let message_id_domain = self.message_id_domain(&spec, from_address.as_ref());

        self.headers.extend([HeaderPart::Date, HeaderPart::MessageId]);
        self.headers.extend(from.map(HeaderPart::Mailbox));
        let to = self.mailbox("To", "to", spec.to.as_deref().unwrap_or("{{ email }}"));
        self.headers.extend(to.map(HeaderPart::Mailbox));
        let reply_to = spec.reply_to.as_deref().and_then(|r| self.mailbox("Reply-To", "reply_to", r));
        self.headers.extend(reply_to.map(HeaderPart::Mailbox));
        self.text_header("Subject", "subject", &spec.subject);
        self.extra_headers(&spec.headers);
        self.list_headers(&spec);
        if unsubscribe.is_some() || mailto.is_some() {
            self.headers.push(HeaderPart::Unsubscribe { url: unsubscribe.is_some(), mailto });
        }
        if unsubscribe.is_some() {
            self.headers.push(HeaderPart::fixed("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
        let body = self.body(&spec, &key, unsubscribe.is_some());
        self.headers.push(HeaderPart::fixed("MIME-Version", "1.0"));
        for (name, value) in &body.headers {
            self.headers.push(HeaderPart::fixed(name, value));
        }
        if !self.to.errors.is_empty() {
            return None;
        }
        Some(self.assemble(spec, key, unsubscribe, reverse_path?, message_id_domain?, body))
    }

    fn assemble(
        &mut self,
        spec: Spec,
        key: IdentityKey,
        unsubscribe: Option<Template>,
        reverse_path: ReversePath,
        message_id_domain: String,
        body: Body,
    ) -> Composer {
        let in_head: Vec<Name> = self
            .headers
            .iter()
            .flat_map(HeaderPart::templates)
            .chain(unsubscribe.iter())
            .chain(reverse_path.template())
            .flat_map(Template::names)
            .collect();
        let mut in_body: Vec<Name> = body.programs.iter().flat_map(Template::names).collect();
        in_body.extend(body.chunks.iter().filter_map(|c| match c {
            Chunk::Slot(name, _) => Some(*name),
            _ => None,
        }));
        in_body.sort_unstable();
        in_body.dedup();
        let of_one_recipient = |n: &Name| matches!(n, Name::Email | Name::Token);
        let shareable = !in_head.iter().chain(&in_body).any(of_one_recipient);
        let used = self.to.names.used();
        let mut in_headers: Vec<usize> = in_head
            .iter()
            .filter_map(|n| match n {
                Name::Column(column) => Some(*column),
                _ => None,
            })
            .collect();
        in_headers.sort_unstable();
        in_headers.dedup();

        let signed: Vec<String> =
            self.headers.iter().flat_map(HeaderPart::names).filter(|n| dkim::is_signed(n)).map(str::to_owned).collect();
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let reading = self.to.with.reading.clone();
        let mut with = std::mem::replace(&mut self.to.with, Templates { env: Environment::empty(), reading });
        with.env.set_debug(false);
        Composer {
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            with,
            numbers: std::mem::take(&mut self.to.numbers),
            headers: HeaderPart::joined(std::mem::take(&mut self.headers)),
            body: body.chunks,
            programs: body.programs,
            in_body,
            unsubscribe,
            reverse_path,
            places: (0..=used.last().copied().unwrap_or(0)).map(|c| used.partition_point(|&u| u < c)).collect(),
            fields: used.len(),
            used,
            in_headers,
            shareable,
            origins: spec.origins,
            share_block: spec.share_block.max(1),
            campaign: spec.name,
            campaign_number: spec.campaign_number,
            key,
            message_id_domain,
            signers: spec.signers.into_iter().map(|s| dkim::Prepared::new(s, &signed)).collect(),
        }
    }

    /// How the templates read a row, and the files that they read.
    fn reading(&mut self, spec: &Spec) {
        self.to.partials = Partials(spec.partials.clone());
        self.to.with.reading.empty_is_text = spec.empty_is_text;
        let Some(locale) = spec.locale.as_deref().map(str::trim) else { return };
        let hint = "such as \"de_DE\", or the column that names it: \"{{ locale }}\"";
        self.to.with.reading.locale = match locale.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
            Some(column) => match self.to.names.of_heading(column.trim()) {
                Ok(name) => LocaleOf::Row(name),
                Err(no) => {
                    let (problem, hint) = self.to.names.describe(column.trim(), &no);
                    return self.error(ContentError::key("locale", problem, hint));
                }
            },
            None => match Locality::of(locale) {
                Some(known) => {
                    self.to.with.env.add_global(filters::LOCALE, locale.to_owned());
                    LocaleOf::Campaign(known)
                }
                None => {
                    let problem = format!("the locale `{}` is not known", locale.escape_debug());
                    return self.error(ContentError::key("locale", problem, hint));
                }
            },
        };
    }

    fn error(&mut self, error: ContentError) {
        self.to.errors.push(error);
    }

    /// Compiles the value of a key: one line, no control characters.
    fn key(&mut self, key: &str, value: &str, escape: Escape) -> Option<Template> {
        let place = Place::Key(key.to_owned());
        self.part(Excerpt::whole(&place, value), escape)
    }

    fn part(&mut self, source: Excerpt, escape: Escape) -> Option<Template> {
        if let Some(c) = header::first_control(source.text()) {
            let at = source.start + source.text().find(c).unwrap_or(0);
            let problem = format!("a control character (U+{:04X}) in a header", u32::from(c));
            self.error(ContentError::new(source.place, problem, "write the value on one line").at(source.whole, at));
            return None;
        }
        self.to.compile(source, escape)
    }

    /// Compiles `Name <address>` or `address`. The parts are told apart in the template, so no value can move them.
    fn mailbox(&mut self, name: &'static str, key: &str, value: &str) -> Option<Mailboxed> {
        let place = Place::Key(key.to_owned());
        let excerpt = |start: usize, end: usize| {
            let text = value.get(start..end).unwrap_or_default();
            let lead = text.len() - text.trim_start().len();
            let start = start + lead;
            Excerpt { place: &place, whole: value, start, end: start + text.trim().len() }
        };
        let end = value.trim_end().len();
        let (display, address) = match (value.trim_end().strip_suffix('>'), value.rfind('<')) {
            (Some(_), Some(open)) => (Some(excerpt(0, open)), excerpt(open + 1, end - 1)),
            _ => (None, excerpt(0, end)),
        };
        if let Some(d) =
            display.filter(|d| d.text().contains('<') && d.text().contains('@') && !d.text().starts_with('"'))
        {
            let hint = "exactly one address: name@domain, or Name <name@domain>";
            self.error(ContentError::new(&place, "there is more than one address", hint).at(value, d.start));
            return None;
        }
        let display = match display {
            Some(d) if d.text().len() >= 2 && d.text().starts_with('"') && d.text().ends_with('"') => {
                let inner = Excerpt { start: d.start + 1, end: d.end - 1, ..d };
                let plain = inner.text().replace("\\\"", "\"").replace("\\\\", "\\");
                match plain == inner.text() {
                    true => self.part(inner, Escape::Plain),
                    false => self.part(Excerpt::whole(&place, &plain), Escape::Plain),
                }
            }
            Some(d) => self.part(d, Escape::Plain),
            None => self.part(excerpt(0, 0), Escape::Plain),
        };
        let template = self.part(address, Escape::Plain)?;
        let address = match template.constant() {
            None => Address::Rendered(template),
            Some(text) => match parse(text) {
                Ok(mailbox) => Address::Fixed(mailbox),
                Err(reason) => {
                    let problem = format!("`{}` is no address: {reason}", text.escape_debug());
                    let hint = "exactly one address: name@domain, or Name <name@domain>";
                    self.error(ContentError::new(&place, problem, hint).at(value, address.start));
                    return None;
                }
            },
        };
        Some(Mailboxed { name, display: display?, address })
    }

    fn fixed_address(&mut self, from: &Mailboxed) -> Option<Mailbox> {
        match &from.address {
            Address::Fixed(mailbox) => Some(mailbox.clone()),
            Address::Rendered(_) => {
                let problem = "the address depends on the row, and the sender must be the same for all";
                self.error(ContentError::key("from", problem, "only the name in front of <address> may be a template"));
                None
            }
        }
    }

    fn text_header(&mut self, name: &str, key: &str, value: &str) {
        if let Some(template) = self.key(key, value, Escape::Plain) {
            self.headers.push(HeaderPart::Text(name.to_owned(), template));
        }
    }

    fn extra_headers(&mut self, headers: &[(String, String)]) {
        for (i, (name, value)) in headers.iter().enumerate() {
            let key = format!("headers.{name}");
            let earlier = || headers.iter().take(i).any(|(n, _)| n.eq_ignore_ascii_case(name));
            let reserved = RESERVED.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
            let key_name: String = key.escape_debug().collect();
            if !is_header_name(name) {
                let hint = format!("a letter, then letters, digits and hyphens; at most {NAME_MAX} characters");
                self.error(ContentError::key(&key_name, "this is no valid header name", hint));
            } else if let Some((_, own)) = reserved {
                let hint = match *own {
                    "" => "leave it out".to_owned(),
                    own => format!("use the key `{own}`"),
                };
                self.error(ContentError::key(&key, "this header is not the campaign's to set here", hint));
            } else if name.get(..8).is_some_and(|p| p.eq_ignore_ascii_case("Content-")) {
                self.error(ContentError::key(
                    &key,
                    "this header describes the body, which is built here",
                    "leave it out",
                ));
            } else if earlier() && SINGLE.iter().any(|s| s.eq_ignore_ascii_case(name)) {
                self.error(ContentError::key(&key, "a message has at most one of these", "leave one out"));
            } else {
                self.text_header(name, &key, value);
            }
        }
    }

    fn list_headers(&mut self, spec: &Spec) {
        if let Some(id) = &spec.list_id {
            let (name, id) = match id.trim().strip_suffix('>').and_then(|t| t.rsplit_once('<')) {
                Some((name, id)) => (name.trim(), id),
                None => ("", id.trim()),
            };
            let is_plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            if id.is_empty()
                || id.len() > 255
                || id.starts_with('.')
                || !is_plain
                || header::first_control(name).is_some()
            {
                let hint = "such as: Acme news <news.acme.example>";
                self.error(ContentError::key("list_id", "this is no list identifier (RFC 2919)", hint));
                return;
            }
            let mut field = Vec::new();
            // With a name or without, the identifier stands in angle brackets.
            let done = match name {
                "" => header::text("List-Id", &format!("<{id}>"), &mut field),
                name => header::mailbox("List-Id", name.trim_matches('"'), id, &mut field),
            };
            if done.is_ok() {
                self.headers.push(HeaderPart::ready("List-Id", field));
            }
        }
        if let Some(id) = &spec.feedback_id {
            self.text_header("Feedback-ID", "feedback_id", id);
        }
    }

    fn unsubscribe_url(&mut self, spec: &Spec) -> Option<Template> {
        let url = spec.unsubscribe_url.as_deref()?;
        let key = "unsubscribe.url";
        if !url.starts_with("https://") {
            let problem = "the URL does not begin with https://, which one-click unsubscription needs (RFC 8058)";
            self.error(ContentError::key(key, problem, "such as: https://acme.example/u/{{ token }}").at(url, 0));
            return None;
        }
        self.no_loop(key, url)
    }

    fn unsubscribe_mailto(&mut self, spec: &Spec) -> Option<Template> {
        let mailto = spec.unsubscribe_mailto.as_deref()?;
        self.no_loop("unsubscribe.mailto", mailto.strip_prefix("mailto:").unwrap_or(mailto))
    }

    /// A URL template; it may not use the URL that it makes.
    fn no_loop(&mut self, key: &str, url: &str) -> Option<Template> {
        let template = self.key(key, url, Escape::Url)?;
        if template.names().any(|n| n == Name::UnsubscribeUrl) {
            self.error(ContentError::key(key, "the URL is made from itself", "leave `unsubscribe_url` out of it"));
            return None;
        }
        if let Some(bad) = template.constant().and_then(|t| t.chars().find(|&c| !super::compose::fits_url(c))) {
            let problem = format!("`{}` may not stand in a URL", bad.escape_debug());
            self.error(ContentError::key(key, problem, "write it as %XX"));
        }
        Some(template)
    }

    fn reverse_path(&mut self, spec: &Spec, from: Option<&Mailbox>) -> Option<ReversePath> {
        let key = "return_path";
        let Some(path) = spec.return_path.as_deref() else {
            return Some(ReversePath::Fixed(from?.as_str().to_owned()));
        };
        if path.trim().is_empty() {
            return Some(ReversePath::Fixed(String::new()));
        }
        // "{token}" is the short form; "{{token}}" stays as it is.
        let long = path.replace("{{token}}", "{{ token }}").replace("{token}", "{{ token }}");
        let template = self.key(key, long.trim(), Escape::Plain)?;
        let Some(text) = template.constant() else {
            return Some(ReversePath::Rendered(template));
        };
        match parse(text) {
            Ok(mailbox) => Some(ReversePath::Fixed(mailbox.as_str().to_owned())),
            Err(reason) => {
                let problem = format!("`{}` is no address: {reason}", text.escape_debug());
                self.error(ContentError::key(key, problem, "such as: b+{token}@bounce.acme.example").at(path, 0));
                None
            }
        }
    }

    fn message_id_domain(&mut self, spec: &Spec, from: Option<&Mailbox>) -> Option<String> {
        let Some(domain) = spec.message_id_domain.as_deref() else {
            return Some(from?.domain().to_owned());
        };
        match parse(&format!("a@{domain}")) {
            Ok(mailbox) if mailbox.domain().is_ascii() => Some(mailbox.domain().to_owned()),
            _ => {
                let problem = format!("`{}` is no domain", domain.escape_debug());
                self.error(ContentError::key("message_id_domain", problem, "such as: mail.acme.example"));
                None
            }
        }
    }

    fn body(&mut self, spec: &Spec, key: &IdentityKey, has_url: bool) -> Body {
        if spec.html.is_none() && spec.text.is_none() {
            let hint = "give `html`, `text`, or better both";
            self.error(ContentError::key("html", "the campaign has neither an HTML nor a text template", hint));
        }
        let text = spec.text.as_ref().and_then(|s| self.file(s, Escape::Plain, has_url));
        let html = spec.html.as_ref().and_then(|s| self.file(s, Escape::Html, has_url));
        for file in &spec.attachments {
            self.attachment(file, spec.html.is_some());
        }
        let tag = key.tag(&[b"b".as_slice(), &spec.campaign_number.to_be_bytes()].concat());
        let boundary: String = tag.iter().take(10).map(|b| format!("{b:02x}")).collect();
        Body::build(text, html, &spec.attachments, &boundary)
    }

    fn file(&mut self, source: &Source, escape: Escape, has_url: bool) -> Option<Template> {
        let place = Place::File(source.file.clone());
        let text = one_kind_of_line_break(&source.text);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let template = self.to.compile(Excerpt::whole(&place, text), escape)?;
        if !has_url && template.names().any(|n| n == Name::UnsubscribeUrl) {
            let problem = "the template uses `unsubscribe_url`, and the campaign has none";
            self.error(ContentError::new(&place, problem, "set `url` under [unsubscribe]"));
        }
        Some(template)
    }

    fn attachment(&mut self, file: &Attachment, has_html: bool) {
        let key = format!("attachments, {}", file.file_name.escape_debug());
        let token =
            |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b));
        let is_media_type =
            file.media_type.len() <= 127 && file.media_type.split_once('/').is_some_and(|(a, b)| token(a) && token(b));
        if file.file_name.is_empty() || file.file_name.len() > 255 || header::first_control(&file.file_name).is_some() {
            self.error(ContentError::key(
                &key,
                "this is no usable file name",
                "1 to 255 octets, no control characters",
            ));
        }
        if !is_media_type {
            let problem = format!("`{}` is no media type", file.media_type.escape_debug());
            self.error(ContentError::key(&key, problem, "such as: application/pdf"));
        }
        let Some(id) = &file.inline_id else { return };
        if id.is_empty() || id.len() > 100 || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@+".contains(&b)) {
            let problem = format!("`{}` is no usable inline id", id.escape_debug());
            self.error(ContentError::key(&key, problem, "letters, digits and any of -_.@+, at most 100"));
        }
        if !has_html {
            let hint = "add `html`, or make it a plain attachment";
            self.error(ContentError::key(&key, "an inline image needs an HTML part to show it", hint));
        }
    }
}

/// Parses one address, and checks that it can be written anywhere.
pub(crate) fn parse(text: &str) -> Result<Mailbox, String> {
    let mailbox = Mailbox::parse(text.as_bytes()).map_err(|e| e.to_string())?;
    super::compose::check_path(mailbox.as_str()).map_err(str::to_owned)?;
    Ok(mailbox)
}

fn is_header_name(name: &str) -> bool {
    name.len() <= NAME_MAX
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
