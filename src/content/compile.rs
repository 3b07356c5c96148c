//! From a [`Spec`] to a [`Composer`]: everything that can be found wrong before a message is made is found here, and all
//! of it at once.

mod fields;
mod files;
mod fixed;

use super::binding::LocaleOf;
use super::blank::{self, Shows};
use super::cell::ColumnType;
use super::compose::{Composer, ReversePath};
use super::dkim;
use super::error::{ContentError, Place};
use super::escape::Escape;
use super::field::HeaderPart;
use super::filters;
use super::header;
use super::locale::Locality;
use super::mime::{Body, Chunk};
use super::names::{Name, Names};
use super::page::Origin;
use super::partials::Partials;
use super::rehearse::Declared;
use super::spec::{Source, Spec};
use super::template::{Compiler, Excerpt, Template, one_kind_of_line_break};
use super::token::IdentityKey;
use crate::mail::Mailbox;
use bytes::Bytes;
pub(super) use fixed::percent_decoded;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

impl Composer {
    /// Compiles the content of a campaign against the columns of its list.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn compile(mut spec: Spec, columns: &[String], email_column: &str) -> Result<Self, Vec<ContentError>> {
        let origins = spec.origins.clone();
        let before = std::mem::take(&mut spec.errors);
        let names = Names::new(columns, email_column).typed(spec.types.clone(), spec.is_json);
        let mut work =
            Work { to: Compiler::new(names), headers: Vec::new(), campaign: spec.name.clone(), shows: Vec::new() };
        if !before.is_empty() {
            // What is wrong already tells why nothing is left of it.
            work.shows.push(Shows::Always);
        }
        let composer = work.composer(spec);
        match composer {
            Some(mut composer) if work.to.errors.is_empty() && before.is_empty() => {
                composer.wanted.be_told(&origins);
                Ok(composer)
            }
            _ => Err(told(before, work.to.errors, &origins)),
        }
    }
}

/// More errors, as they are about what people wrote, each once: two parts may be made from one file.
fn told(mut told: Vec<ContentError>, errors: Vec<ContentError>, origins: &[Origin]) -> Vec<ContentError> {
    let mut known: HashSet<String> = told.iter().map(ToString::to_string).collect();
    for error in errors {
        let error = match origins.iter().find(|origin| origin.is_of(&error.place)) {
            Some(origin) => origin.told(error),
            None => error,
        };
        if known.insert(error.to_string()) {
            told.push(error);
        }
    }
    told
}

/// A compilation under way.
struct Work<'a> {
    to: Compiler<'a>,
    headers: Vec<HeaderPart>,
    /// The campaign's name.
    campaign: String,
    /// What the parts of the letter show.
    shows: Vec<Shows>,
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
        self.header("To", "to", spec.to.as_deref().unwrap_or("{{ email }}"));
        if let Some(reply_to) = &spec.reply_to {
            self.header("Reply-To", "reply_to", reply_to);
        }
        self.header("Subject", "subject", &spec.subject);
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
        let declared = used.iter().filter_map(|&index| {
            let name = Name::Column(index);
            let kind = self.to.names.declared(name).filter(|kind| *kind != ColumnType::Text)?;
            Some(Declared { column: self.to.names.label(name), kind, index })
        });
        let declared = declared.collect();
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
        let mut with = std::mem::take(&mut self.to.with);
        with.env.set_debug(false);
        Composer {
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            with,
            wanted: std::mem::take(&mut self.to.wanted),
            declared,
            headers: HeaderPart::joined(std::mem::take(&mut self.headers)),
            body: body.chunks,
            shared_canonical: if spec.signers.is_empty() {
                Bytes::new()
            } else {
                dkim::whole_body(body.shared.clone())
            },
            shared: body.shared,
            programs: body.programs,
            straight: body.straight,
            in_body,
            may_be_blank: self.shows.contains(&Shows::ByRow) && !self.shows.contains(&Shows::Always),
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
        self.to.syntax = spec.syntax;
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

    fn body(&mut self, spec: &Spec, key: &IdentityKey, has_url: bool) -> Body {
        if spec.html.is_none() && spec.text.is_none() {
            let hint = "give `html`, `text`, or better both";
            self.error(ContentError::key("html", "the campaign has neither an HTML nor a text template", hint));
        }
        let text = spec.text.as_ref().and_then(|s| self.file(s, Escape::Plain, has_url));
        let html = spec.html.as_ref().and_then(|s| self.file(s, Escape::Html, has_url));
        let files = self.files(spec);
        let written = spec.html.as_ref().or(spec.text.as_ref());
        match written {
            // Files that go along may be all that is meant.
            _ if !files.is_empty() => self.shows.push(Shows::Always),
            Some(source) if self.to.errors.is_empty() && self.shows.iter().all(|shows| *shows == Shows::Nothing) => {
                self.error(blank::error(&source.file));
            }
            _ => {}
        }
        let tag = key.tag(&[b"b".as_slice(), &spec.campaign_number.to_be_bytes()].concat());
        let boundary: String = tag.iter().take(10).map(|b| format!("{b:02x}")).collect();
        Body::build(text, html, files, &boundary)
    }

    fn file(&mut self, source: &Source, escape: Escape, has_url: bool) -> Option<Template> {
        let place = Place::File(source.file.clone());
        let text = one_kind_of_line_break(&source.text);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let template = self.to.compile(Excerpt::whole(&place, text), escape)?;
        self.shows.push(blank::shown_by(&template, text));
        if !has_url && template.names().any(|n| n == Name::UnsubscribeUrl) {
            let problem = "the template uses `unsubscribe_url`, and the campaign has none";
            let error = ContentError::new(&place, problem, "set `url` under [unsubscribe]");
            // It may stand in a file that is read.
            self.error(match text.find("unsubscribe_url") {
                Some(at) => error.at(text, at),
                None => error,
            });
        }
        Some(template)
    }
}

/// Parses one address, and checks that it can be written anywhere.
pub(crate) fn parse(text: &str) -> Result<Mailbox, String> {
    let mailbox = Mailbox::parse(text.as_bytes()).map_err(|e| e.to_string())?;
    super::compose::check_path(mailbox.as_str()).map_err(str::to_owned)?;
    Ok(mailbox)
}
