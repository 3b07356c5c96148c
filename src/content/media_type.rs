//! Media types (RFC 2045 §5.1): read with their parameters, written folded, and told by the name of a file.
//!
//! Guarantees: what is written reads as the same type and parameters; nothing in it can end its field. Leaves to others:
//! whether the octets are of that type.

use super::header::FOLD;

/// Longest media type with its parameters.
const OCTETS_MAX: usize = 400;

/// A media type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaType {
    /// `type/subtype`, in lower case.
    pub(crate) essence: String,
    /// Names in lower case, and values without quotes.
    pub(crate) parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Reads `type/subtype; name=value; name="value"`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > OCTETS_MAX {
            return Err(format!("it is longer than {OCTETS_MAX} octets"));
        }
        let (essence, mut rest) = text.split_at(text.find(';').unwrap_or(text.len()));
        let essence = essence.trim().to_ascii_lowercase();
        let is_name = |part: &str| part.len() <= 127 && is_token(part) && !part.contains(['*', '\'', '%']);
        if !essence.split_once('/').is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype)) {
            return Err(format!("`{}` is not of the form type/subtype", essence.escape_debug()));
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        while let Some(behind) = rest.strip_prefix(';') {
            let behind = behind.trim_start();
            if behind.is_empty() {
                break;
            }
            let (name, value) =
                behind.split_once('=').ok_or_else(|| format!("`{}` has no value", behind.escape_debug()))?;
            let name = name.trim().to_ascii_lowercase();
            if !is_token(&name) {
                return Err(format!("`{}` is no name of a parameter", name.escape_debug()));
            }
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(format!("the parameter `{name}` stands there twice"));
            }
            let (value, behind) = parameter_value(value.trim_start())?;
            parameters.push((name, value));
            rest = behind.trim_start();
        }
        if rest.trim_start_matches(';').trim().is_empty() {
            Ok(Self { essence, parameters })
        } else {
            Err(format!("`{}` stands behind a parameter", rest.escape_debug()))
        }
    }

    /// The value of a parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a Content-Type field, folded.
    pub(crate) fn written(&self) -> String {
        let mut out = self.essence.clone();
        let mut column = "Content-Type: ".len() + out.len();
        for (name, value) in &self.parameters {
            let value = if is_token(value) { value.clone() } else { quoted(value) };
            let parameter = format!("{name}={value}");
            let folds = column + 2 + parameter.len() > FOLD;
            out.push_str(if folds { ";\r\n " } else { "; " });
            column = if folds { 1 } else { column + 2 } + parameter.len();
            out.push_str(&parameter);
        }
        out
    }
}

/// The value of a parameter, and what stands behind it.
fn parameter_value(text: &str) -> Result<(String, &str), String> {
    let Some(inner) = text.strip_prefix('"') else {
        let (value, behind) = text.split_at(text.find(';').unwrap_or(text.len()));
        let value = value.trim_end();
        return match is_token(value) {
            true => Ok((value.to_owned(), behind)),
            false => Err(format!("the value `{}` needs quotes", value.escape_debug())),
        };
    };
    let mut value = String::new();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        let character = match character {
            '"' => return Ok((value, characters.as_str())),
            '\\' => characters.next().unwrap_or('\\'),
            character => character,
        };
        if !matches!(character, ' '..='~') {
            return Err(format!("the value of a parameter has `{}` in it", character.escape_debug()));
        }
        value.push(character);
    }
    Err("the quotes of a value do not end".to_owned())
}

/// `text` in quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// RFC 2045 §5.1: printable, without blanks and `tspecials`.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b))
}

/// The media type that a file's name tells.
#[must_use]
pub fn media_type_of(file_name: &str) -> &'static str {
    match file_name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).as_deref() {
        Some("pdf") => "application/pdf",
        Some("png") => "image/png",
        Some("jpg" | "jpeg" | "jpe" | "jfif") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("avif") => "image/avif",
        Some("heic") => "image/heic",
        Some("bmp") => "image/bmp",
        Some("tif" | "tiff") => "image/tiff",
        Some("ico") => "image/vnd.microsoft.icon",
        Some("svg") => "image/svg+xml",
        Some("txt" | "text" | "log") => "text/plain",
        Some("md" | "markdown") => "text/markdown",
        Some("html" | "htm") => "text/html",
        Some("css") => "text/css",
        Some("csv") => "text/csv",
        Some("tsv") => "text/tab-separated-values",
        Some("ics" | "ical" | "ifb") => "text/calendar",
        Some("vcf" | "vcard") => "text/vcard",
        Some("rtf") => "application/rtf",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        Some("eml") => "message/rfc822",
        Some("zip") => "application/zip",
        Some("gz" | "tgz") => "application/gzip",
        Some("7z") => "application/x-7z-compressed",
        Some("tar") => "application/x-tar",
        Some("epub") => "application/epub+zip",
        Some("pkpass") => "application/vnd.apple.pkpass",
        Some("p7m") => "application/pkcs7-mime",
        Some("p7s") => "application/pkcs7-signature",
        Some("asc" | "pgp") => "application/pgp-encrypted",
        Some("mp3") => "audio/mpeg",
        Some("m4a") => "audio/mp4",
        Some("wav") => "audio/wav",
        Some("ogg" | "oga") => "audio/ogg",
        Some("mp4" | "m4v") => "video/mp4",
        Some("mov") => "video/quicktime",
        Some("webm") => "video/webm",
        Some(office) => office_type(office),
        None => "application/octet-stream",
    }
}

/// The types of office programs.
fn office_type(ending: &str) -> &'static str {
    match ending {
        "doc" | "dot" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "dotx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
        "docm" => "application/vnd.ms-word.document.macroEnabled.12",
        "xls" | "xlt" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xltx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
        "xlsm" => "application/vnd.ms-excel.sheet.macroEnabled.12",
        "xlsb" => "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
        "ppt" | "pps" => "application/vnd.ms-powerpoint",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "ppsx" => "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
        "odt" => "application/vnd.oasis.opendocument.text",
        "ods" => "application/vnd.oasis.opendocument.spreadsheet",
        "odp" => "application/vnd.oasis.opendocument.presentation",
        "odg" => "application/vnd.oasis.opendocument.graphics",
        "vsdx" => "application/vnd.ms-visio.drawing.main+xml",
        "pages" => "application/vnd.apple.pages",
        "numbers" => "application/vnd.apple.numbers",
        "key" => "application/vnd.apple.keynote",
        "msg" => "application/vnd.ms-outlook",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_and_written_as_they_need() {
        for (text, written) in [
            ("application/pdf", "application/pdf"),
            ("Text/Calendar; METHOD=REQUEST", "text/calendar; method=REQUEST"),
            ("text/calendar;method=REQUEST ; charset = \"utf-8\";", "text/calendar; method=REQUEST; charset=utf-8"),
            ("a/b; name=\"x y\\\"z\"", "a/b; name=\"x y\\\"z\""),
            ("image/svg+xml", "image/svg+xml"),
        ] {
            let read = MediaType::parse(text).unwrap();
            assert_eq!(read.written(), written);
            assert_eq!(MediaType::parse(&read.written()).unwrap(), read);
        }
        let long = MediaType::parse(&format!("a/b; one={}; two={}", "x".repeat(60), "y".repeat(60))).unwrap();
        assert!(long.written().split("\r\n ").all(|line| line.len() <= 78), "{}", long.written());
    }

    #[test]
    fn what_is_no_media_type_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "is not of the form type/subtype"),
            ("pdf", "`pdf` is not of the form"),
            ("a/b c", "is not of the form"),
            ("a/b; charset", "`charset` has no value"),
            ("a/b; x=a b", "the value `a b` needs quotes"),
            ("a/b; x=\"a", "the quotes of a value do not end"),
            ("a/b; x=\"a\" y", "`y` stands behind a parameter"),
            ("a/b; x=1; X=2", "the parameter `x` stands there twice"),
            ("a/b; x=\"\u{e9}\"", "has `\u{e9}` in it"),
            ("a/b; x=\"\r\n\"", "has `\\r` in it"),
        ] {
            let said = MediaType::parse(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn the_names_of_files_tell_types_that_can_be_read() {
        for ending in ["pdf", "DOCX", "xlsx", "pptx", "odt", "ics", "vcf", "eml", "csv", "jpeg", "svg"] {
            let told = media_type_of(&format!("A file.{ending}"));
            assert_ne!(told, "application/octet-stream", "{ending}");
            assert!(MediaType::parse(told).is_ok(), "{told}");
        }
        assert_eq!(media_type_of("no ending"), "application/octet-stream");
    }
}
