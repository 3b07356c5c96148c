//! Files that go along: empty ones, ones that are not what their name says, what programs keep beside a file, and what receivers
//! refuse for its name.
//!
//! Guarantees: a file is told of only for what its octets or its name show for certain. Leaves to others: media types (`compile`), how
//! large the letter gets (`composed`).

use super::{Found, Letter};
use crate::content::error::Place;
use crate::content::spec::Attachment;

/// Ends of names that Gmail, Outlook and others refuse, in archives, too.
const REFUSED: [&str; 46] = [
    "ade",
    "adp",
    "apk",
    "appx",
    "appxbundle",
    "bat",
    "cab",
    "chm",
    "cmd",
    "com",
    "cpl",
    "dll",
    "dmg",
    "exe",
    "hta",
    "img",
    "ins",
    "iso",
    "isp",
    "jar",
    "js",
    "jse",
    "lib",
    "lnk",
    "mde",
    "mjs",
    "msc",
    "msi",
    "msix",
    "msp",
    "mst",
    "nsh",
    "pif",
    "ps1",
    "reg",
    "scr",
    "sct",
    "shb",
    "sys",
    "vb",
    "vbe",
    "vbs",
    "vhd",
    "wsc",
    "wsf",
    "wsh",
];
/// Office files that bring programs along.
const MACROS: [&str; 7] = ["docm", "dotm", "xlsm", "xltm", "xlsb", "pptm", "ppsm"];
/// Ends of names of files that are not done, or are a copy.
const UNDONE: [&str; 7] = ["crdownload", "part", "partial", "download", "tmp", "bak", "opdownload"];
/// Files that systems keep in each folder.
const KEPT: [&str; 3] = [".ds_store", "thumbs.db", "desktop.ini"];
/// Ends of names, what such a file is, and what it begins with: any of these.
const BEGINNINGS: [(&str, &str, &[&[u8]]); 13] = [
    ("png", "a PNG picture", &[b"\x89PNG\r\n\x1a\n"]),
    ("jpg jpeg jpe jfif", "a JPEG picture", &[b"\xff\xd8\xff"]),
    ("gif", "a GIF picture", &[b"GIF87a", b"GIF89a"]),
    ("webp", "a WebP picture", &[b"RIFF"]),
    ("bmp", "a BMP picture", &[b"BM"]),
    ("tif tiff", "a TIFF picture", &[b"II*\0", b"MM\0*"]),
    (
        "docx dotx docm xlsx xltx xlsm xlsb pptx ppsx pptm vsdx odt ods odp odg epub pkpass pages numbers key",
        "one of its kind",
        &[b"PK"],
    ),
    ("zip", "a ZIP archive", &[b"PK"]),
    ("doc xls ppt msg pps dot xlt", "a file of Office", &[b"\xd0\xcf\x11\xe0"]),
    ("gz tgz", "a gzip archive", &[b"\x1f\x8b"]),
    ("7z", "a 7z archive", &[b"7z\xbc\xaf\x27\x1c"]),
    ("rtf", "an RTF text", &[b"{\\rtf"]),
    ("ics ical ifb", "a calendar", &[b"BEGIN:VCALENDAR"]),
];
/// What files begin with, and what they are; behind the first eight there are texts.
const KINDS: [(&[u8], &str); 11] = [
    (b"%PDF-", "a PDF"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"PK\x03\x04", "a ZIP archive, or a file of Office"),
    (b"\xd0\xcf\x11\xe0", "a file of an older Office"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"BEGIN:VCALENDAR", "a calendar"),
    (b"BEGIN:VCARD", "a card"),
    (b"{\\rtf", "an RTF text"),
];
/// A PDF may have other octets before its mark, up to here (ISO 32000-1, implementation note 13).
const PDF_MARK_WITHIN: usize = 1024;
/// Files that are texts, in which people write tags of a template.
const TEXTS: [&str; 8] = ["ics", "ical", "vcf", "txt", "html", "htm", "csv", "md"];

/// Looks at the files of a letter.
pub(super) fn look(letter: &Letter<'_>, found: &mut Found<'_>) {
    for (index, file) in letter.spec.attachments.iter().enumerate() {
        let place = Place::Key(format!("attachments[{}]", index + 1));
        let Some((check, draws, says, hint)) = fault(file) else { continue };
        found.key(&place, "").warn_drawing(check, draws, 0, says, hint);
    }
}

/// What is said of a file: the check, what receivers answer, what is there, and how to mend it.
type Said = (&'static str, &'static str, String, &'static str);

fn fault(file: &Attachment) -> Option<Said> {
    let name = file.file_name.escape_debug().to_string();
    let lower = file.file_name.to_lowercase();
    let (stem, end) = lower.rsplit_once('.').unwrap_or((&lower, ""));
    if lower.starts_with("~$") || lower.starts_with(".~") || KEPT.contains(&lower.as_str()) || UNDONE.contains(&end) {
        let says = match UNDONE.contains(&end) {
            true => format!("{name} is a copy, or a file that is not done, by its name"),
            false => format!("{name} is what a program keeps beside its files, and none that anybody reads"),
        };
        return Some(("attachment-name", "", says, "name the file itself; close it in the program first"));
    }
    if file.bytes.iter().all(|octet| octet.is_ascii_whitespace() || *octet == 0) {
        let says = match file.bytes.is_empty() {
            true => format!("{name} is empty: it has no octet"),
            false => format!("{name} is empty: nothing but blanks and zeros are in it"),
        };
        return Some(("attachment-empty", "", says, "save or export it again, and look how large it is"));
    }
    if REFUSED.contains(&end) {
        let twice = if stem.contains('.') { ", all the more where it looks like another kind" } else { "" };
        let says = format!("Gmail and others refuse letters with .{end} files{twice}");
        return Some(("attachment-type", "552 5.7.0", says, "link to the file instead"));
    }
    if let Some(is) = other_than(end, &file.bytes) {
        let says = format!("{name} {is}: its reader's program does not open it");
        let hint = "export or download it again, open it, and give it the name of its kind";
        return Some(("attachment-content", "", says, hint));
    }
    if MACROS.contains(&end) {
        let says = format!("{name} may bring programs along (macros): many receivers refuse it or take it out");
        return Some(("attachment-type", "", says, "save it without macros, as .docx or .xlsx, or better as .pdf"));
    }
    let tag = TEXTS.contains(&end).then(|| tag_in(&file.bytes)).flatten()?;
    let says = format!("`{tag}` stands in {name} as it is written: files go along unchanged, the same to everybody");
    Some(("attachment-tags", "", says, "write what holds for all, or link to a page that knows the recipient"))
}

/// What a file is, where that is not what its name says.
fn other_than(end: &str, octets: &[u8]) -> Option<String> {
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    let bare = octets.trim_ascii_start();
    let begins = |mark: &&[u8]| bare.get(..mark.len()).is_some_and(|front| front.eq_ignore_ascii_case(mark));
    let (what, is_it) = match end {
        "pdf" => {
            let front = octets.get(..PDF_MARK_WITHIN).unwrap_or(octets);
            ("a PDF", memchr::memmem::find(front, b"%PDF-").is_some())
        }
        end => match BEGINNINGS.iter().find(|(ends, ..)| ends.split(' ').any(|known| known == end)) {
            Some((_, what, marks)) => (*what, marks.iter().any(begins)),
            // A text with the octets of a program or a picture is none.
            None if TEXTS.contains(&end) || matches!(end, "" | "svg" | "json" | "xml") => {
                ("a text", !KINDS.iter().take(8).any(|(mark, _)| octets.starts_with(mark)))
            }
            None => return None,
        },
    };
    // Two kinds of Office files are taken for each other by the programs themselves.
    let is_office = matches!(end, "doc" | "xls" | "ppt" | "dot" | "xlt" | "pps")
        && ["PK", "{\\rtf", "<"].iter().any(|mark| begins(&mark.as_bytes()));
    if is_it || is_office {
        return None;
    }
    if [&b"<!doctype html"[..], b"<html", b"<head", b"<body"].iter().any(begins) {
        return Some(format!(
            "is not {what} but a page of HTML, such as a server sends in the place of a file that is not there"
        ));
    }
    let known = KINDS.iter().find(|(mark, _)| octets.starts_with(mark)).map(|(_, what)| *what);
    Some(match known {
        Some(known) => format!("is not {what} but {known}"),
        None => format!("is not {what}: it does not begin as one does"),
    })
}

/// The first tag of a template in a text.
fn tag_in(octets: &[u8]) -> Option<String> {
    /// So far ahead the end of a tag is looked for.
    const NEAR_OCTETS: usize = 60;
    let text = std::str::from_utf8(octets).ok()?;
    [("{{", "}}"), ("*|", "|*"), ("{%", "%}")].into_iter().find_map(|(open, close)| {
        text.match_indices(open).find_map(|(at, _)| {
            let behind = text.get(at + open.len()..)?;
            let near = behind.as_bytes().get(..NEAR_OCTETS).unwrap_or(behind.as_bytes());
            let inside = behind.get(..memchr::memmem::find(near, close.as_bytes())?)?;
            let is_name = inside.trim().starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            let is_tag = is_name && !inside.contains(['\n', ';']);
            is_tag.then(|| format!("{open}{inside}{close}").escape_debug().to_string())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, octets: &[u8]) -> Option<(&'static str, String)> {
        let file = Attachment { file_name: name.into(), bytes: octets.to_vec(), ..Attachment::default() };
        fault(&file).map(|(check, _, says, _)| (check, says))
    }

    #[test]
    fn files_that_nobody_can_open_are_told_as_what_they_are() {
        for (name, octets, check, says) in [
            ("plan.pdf", &b""[..], "attachment-empty", "no octet"),
            ("plan.pdf", b"\0\0 \n", "attachment-empty", "blanks and zeros"),
            ("plan.pdf", b"<!DOCTYPE html><html>404", "attachment-content", "not a PDF but a page of HTML"),
            ("plan.PDF", b"\n <html>404 not found</html>", "attachment-content", "a page of HTML"),
            ("plan.pdf", b"PK\x03\x04rest", "attachment-content", "a ZIP archive, or a file of Office"),
            ("plan.pdf", b"hello", "attachment-content", "does not begin as one does"),
            ("a.docx", b"%PDF-1.7", "attachment-content", "but a PDF"),
            ("a.png", b"\xff\xd8\xff\xe0", "attachment-content", "but a JPEG picture"),
            ("a.txt", b"%PDF-1.7", "attachment-content", "not a text but a PDF"),
            ("a.ics", b"SUMMARY:x", "attachment-content", "not a calendar"),
            ("~$plan.docx", b"\x05Ann", "attachment-name", "keeps beside"),
            (".~lock.plan.odt#", b",ann", "attachment-name", "keeps beside"),
            ("plan.pdf.crdownload", b"%PDF-1.7", "attachment-name", "not done"),
            ("run.exe", b"MZ", "attachment-type", ".exe"),
            ("invoice.pdf.js", b"x()", "attachment-type", "another kind"),
            ("a.docm", b"PK\x03\x04", "attachment-type", "macros"),
            ("a.ics", b"BEGIN:VCALENDAR\r\nSUMMARY:Hi {{ first_name }}\r\n", "attachment-tags", "{{ first_name }}"),
            ("a.txt", b"Dear *|FNAME|*", "attachment-tags", "*|FNAME|*"),
        ] {
            let said = told(name, octets);
            assert!(said.as_ref().is_some_and(|(one, text)| *one == check && text.contains(says)), "{name}: {said:?}");
        }
    }

    #[test]
    fn files_as_they_should_be_are_let_be() {
        for (name, octets) in [
            ("plan.pdf", &b"%PDF-1.7\n"[..]),
            ("plan.pdf", b"\xef\xbb\xbfjunk\n%PDF-1.4"),
            ("a.docx", b"PK\x03\x04"),
            ("a.xls", b"\xd0\xcf\x11\xe0"),
            ("a.xls", b"<table><tr><td>1"),
            ("a.jpg", b"\xff\xd8\xff\xe1"),
            ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            ("a.html", b"<!DOCTYPE html><style>a{b:c}@media x{d{e:f}}</style>"),
            ("a.csv", b"\xef\xbb\xbfa;b\n1;2\n"),
            ("a.ics", b"\r\nBEGIN:VCALENDAR\r\n"),
            ("a.txt", b"{{ 1 }} %} {{}}"),
            ("a.txt", b"{{ a name that goes on for so long that nobody would ever call a column of a list by it }}"),
            ("a.bin", b"hello"),
            ("README", b"hello"),
            ("b.eml", b"From: a@b.example\r\n\r\n"),
        ] {
            assert_eq!(told(name, octets), None, "{name}");
        }
    }
}
