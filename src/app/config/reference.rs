//! The keys of a campaign's file: each is defined once, in the tables below.
//!
//! From them come which keys the parser (`campaign`) knows and what it suggests for one that it does not, the reference
//! that `posthaste config --campaign` prints, and the list in README.md. Guarantees: the reference is a campaign's file,
//! and stays one whatever is taken in of what stands in comments. Leaves to others: what the values mean.

use std::fmt::Write;

/// A table of the file.
#[derive(Debug)]
pub struct Table {
    /// Its name; empty: the top of the file.
    pub name: &'static str,
    /// How often it stands.
    pub stands: Stands,
    /// What it is for.
    pub doc: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
    /// Where its keys are the campaign's own: one, with a value.
    pub free: &'static str,
}

/// How often a table stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It must be there.
    Once,
    /// It may be there.
    Perhaps,
    /// It may be there several times, as `[[name]]`.
    Often,
}

/// The definition of one key.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What a value is or counts, and its bounds.
    pub unit: &'static str,
    /// Whether it must be there.
    pub need: Need,
    /// What it does.
    pub doc: &'static str,
}

/// Whether a key must be there; each with a value as it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It must; an example.
    Must(&'static str),
    /// It has this default.
    Default(&'static str),
    /// Without it there is none; an example.
    May(&'static str),
}

use Need::{Default, May, Must};

const fn key(name: &'static str, unit: &'static str, need: Need, doc: &'static str) -> Key {
    Key { name, unit, need, doc }
}

/// Every table, in the order in which they are shown.
pub const TABLES: &[Table] = &[
    Table {
        name: "",
        stands: Stands::Once,
        doc: "",
        keys: &[
            key(
                "name",
                "1 to 64 of a-z 0-9 . _ -",
                Must(r#""spring""#),
                "The campaign's name. Sent again under the same name it goes on; another name is another campaign.",
            ),
            key(
                "from",
                "mailbox, perhaps with a name",
                Must(r#""Acme <news@acme.example>""#),
                "Whom it is from; its domain chooses the key that signs.",
            ),
            key("to", "template", Default(r#""{{ email }}""#), "The To header."),
            key("reply_to", "mailbox", May(r#""help@acme.example""#), "Where answers go, if not to from."),
            key(
                "return_path",
                "address",
                May(r#""b+{token}@bounce.acme.example""#),
                "Where bounces go; {token} stands for the recipient's token. Without it: the address of from.",
            ),
            key("subject", "template", Must(r#""News of spring""#), "The subject."),
            key(
                "html",
                "file",
                Must(r#""letter.html""#),
                "The template of the letter as HTML, or as MJML. This or text must be there.",
            ),
            key(
                "text",
                "file",
                Must(r#""letter.txt""#),
                "The template of the letter as text. This or html must be there.",
            ),
            key(
                "locale",
                "locale, or the column that names it",
                May(r#""de_DE""#),
                "How dates, numbers and money are written; \"{{ language }}\" takes it from a column.",
            ),
            key(
                "text_from_html",
                "switch",
                May("false"),
                "Make a text part of the HTML. Without it: where there is no text.",
            ),
            key("inline_css", "switch", Default("false"), "Copy the rules of <style> to where they apply."),
            key(
                "preheader",
                "template",
                May(r#""What is new, in a minute""#),
                "What mailboxes show beside the subject.",
            ),
            key(
                "base_url",
                "address",
                May(r#""https://acme.example/""#),
                "What relative links and pictures are relative to.",
            ),
            key("embed_images", "switch", Default("false"), "Send pictures of the campaign's folder along."),
            key(
                "list_id",
                "id, like news.acme.example",
                May(r#""news.acme.example""#),
                "The List-Id header (RFC 2919).",
            ),
            key(
                "feedback_id",
                "up to four words with colons between",
                May(r#""spring:acme""#),
                "The Feedback-ID header, by which Gmail counts complaints.",
            ),
            key(
                "transactional",
                "switch",
                Default("false"),
                "It answers what each recipient did (an order, a password): no way out is asked for.",
            ),
            key(
                "on_uncertain",
                "retry | hold",
                Default(r#""retry""#),
                "Who may have got it and whose reply was lost: tried again (perhaps twice), or held (perhaps never).",
            ),
            key(
                "retry",
                "durations, 1s to 30d",
                May(r#"["5m", "1h"]"#),
                "Waits before the second, third, … attempt. Without it: delivery.retry of the engine.",
            ),
            key(
                "lifetime",
                "duration, 1s to 30d",
                May(r#""2d""#),
                "How long a recipient is tried. Without it: delivery.lifetime of the engine.",
            ),
            key(
                "max_bounced",
                "percentage",
                Default(r#""20%""#),
                "More bounces than this among the last 500, and the mailing is held. 100% leaves this brake off, and no other guard.",
            ),
            key(
                "pool",
                "pool",
                May(r#""bulk""#),
                "Send from the sources of this pool. Without it: delivery.pool of the engine.",
            ),
            key(
                "require_tls",
                "switch",
                Default("false"),
                "Go only to hosts that prove their name, and ask for TLS all the way (RFC 8689).",
            ),
        ],
        free: "",
    },
    Table {
        name: "content",
        stands: Stands::Perhaps,
        doc: "How templates are written, in files and in keys.",
        keys: &[
            key(
                "syntax",
                "jinja | brackets",
                May(r#""brackets""#),
                "brackets: [[ name ]], [% if name %], [# note #], where a page has braces of its own. Without it: {{ name }}, {% if name %}, {# note #}.",
            ),
            key(
                "encoding",
                "name of an encoding",
                May(r#""windows-1250""#),
                "What templates are written in that are not UTF-8. Without it: what they declare (meta charset), or what is certain.",
            ),
        ],
        free: "",
    },
    Table { name: "links", stands: Stands::Perhaps, doc: "What becomes of links.", keys: &[], free: "" },
    Table {
        name: "links.utm",
        stands: Stands::Perhaps,
        doc: "Parameters, behind utm_, at each link to the web.",
        keys: &[
            key("source", "template", Must(r#""newsletter""#), "Where visitors come from."),
            key("medium", "template", May(r#""email""#), "By what."),
            key("campaign", "template", May(r#""spring""#), "For what."),
            key("term", "template", May(r#""shoes""#), "By which word."),
            key("content", "template", May(r#""button""#), "By which link."),
            key("id", "template", May(r#""7""#), "The number of the campaign, for who counts visits."),
        ],
        free: "",
    },
    Table {
        name: "headers",
        stands: Stands::Perhaps,
        doc: "More headers: their names, and templates.",
        keys: &[],
        free: r#"X-Campaign = "spring""#,
    },
    Table {
        name: "unsubscribe",
        stands: Stands::Perhaps,
        doc: "The way out: List-Unsubscribe, and List-Unsubscribe-Post with a url (RFC 8058). One of the two must be there.",
        keys: &[
            key(
                "url",
                "template that begins with https://",
                May(r#""https://acme.example/u/{{ token }}""#),
                "Where one click unsubscribes.",
            ),
            key("mailto", "template", May(r#""leave+{{ token }}@acme.example""#), "Whom a mail unsubscribes."),
        ],
        free: "",
    },
    Table {
        name: "attachments",
        stands: Stands::Often,
        doc: "A file that goes with each message.",
        keys: &[
            key("file", "file", Must(r#""prices.pdf""#), "The file."),
            key("type", "media type", May(r#""application/pdf""#), "Without it: by the file's name."),
            key("inline_id", "Content-ID", May(r#""logo""#), "For a picture that the HTML shows as cid:logo."),
            key(
                "alternative",
                "switch",
                May("true"),
                "For an invitation (iCalendar): it stands beside text and HTML, and mail readers show it so.",
            ),
        ],
        free: "",
    },
    Table {
        name: "dsn",
        stands: Stands::Perhaps,
        doc: "Delivery status notifications (RFC 3461).",
        keys: &[
            key(
                "notify",
                "never, or a list of success, failure, delay",
                May(r#"["failure", "delay"]"#),
                "When somebody shall be told.",
            ),
            key("ret", "full | headers", May(r#""headers""#), "How much of the message comes back."),
            key(
                "envid",
                "1 to 100 printable characters",
                May(r#""spring-1""#),
                "What comes back as Original-Envelope-Id.",
            ),
        ],
        free: "",
    },
    Table {
        name: "recipients",
        stands: Stands::Once,
        doc: "The list. It must be there.",
        keys: &[
            key(
                "file",
                "file, - for standard input",
                Must(r#""people.csv""#),
                "The list: CSV, TSV, JSON, also .gz and .zst; XLSX, ODS.",
            ),
            key("format", "csv | tsv | jsonl", May(r#""csv""#), "How it is written. Without it: by the file's name."),
            key(
                "delimiter",
                "one character, or comma, semicolon, tab, pipe",
                May(r#"";""#),
                "What separates columns. Without it: what is found.",
            ),
            key(
                "encoding",
                "name of an encoding",
                May(r#""windows-1252""#),
                "What the text is written in. Without it: what is certain.",
            ),
            key("sheet", "name of a sheet", May(r#""Contacts""#), "Which sheet of XLSX or ODS. Without it: the first."),
            key(
                "header_line",
                "number of a line or row",
                May("3"),
                "Where the names of the columns stand. Without it: where the email column is named.",
            ),
            key("email", "column", Default(r#""email""#), "The column that holds the address."),
            key(
                "keys",
                "columns",
                May(r#"["customer_id"]"#),
                "Columns that reports show beside each recipient, besides those of the letter.",
            ),
            key(
                "several",
                "refuse | first | each",
                Default(r#""refuse""#),
                "What becomes of cells that hold several addresses.",
            ),
            key(
                "empty_cells",
                "undefined | text",
                Default(r#""undefined""#),
                "Whether an empty cell is something for default and is defined in templates.",
            ),
            key(
                "max_rejected",
                "percentage",
                Default(r#""5%""#),
                "More bad rows than this, and nothing is sent; of a list of over 65,536 rows those behind the first 10,000 are judged while it is sent.",
            ),
        ],
        free: "",
    },
    Table {
        name: "recipients.columns",
        stands: Stands::Perhaps,
        doc: "Other names for columns of the list, that templates can use.",
        keys: &[],
        free: r#"first_name = "First name""#,
    },
    Table {
        name: "recipients.types",
        stands: Stands::Perhaps,
        doc: "What columns hold: text, number, integer, boolean or date.",
        keys: &[],
        free: r#"points = "number""#,
    },
];

/// The keys and tables that may stand in a table; `""` is the top of the file.
#[must_use]
pub fn known(table: &str) -> Vec<&'static str> {
    let keys = TABLES.iter().filter(|t| t.name == table).flat_map(|t| t.keys.iter().map(|key| key.name));
    let below = TABLES.iter().filter_map(|t| match t.name.rsplit_once('.') {
        Some((above, name)) => (above == table).then_some(name),
        None => (table.is_empty() && !t.name.is_empty()).then_some(t.name),
    });
    keys.chain(below).collect()
}

/// Every key and table by its whole name, for the hint at a key that is none.
#[must_use]
pub fn names() -> Vec<String> {
    let whole = |table: &Table, name: &str| {
        if table.name.is_empty() { name.to_owned() } else { format!("{}.{name}", table.name) }
    };
    let keys = TABLES.iter().flat_map(|table| table.keys.iter().map(move |key| whole(table, key.name)));
    let tables = TABLES.iter().map(|table| table.name.to_owned()).filter(|name| !name.is_empty());
    keys.chain(tables).collect()
}

const HEAD: &str = "\
# posthaste: every key of a campaign's file.
# What stands without a # must be there, here with an example; what stands behind one may be left out.
# Files are relative to this file. In templates every column of the list is a name.
# An unknown key is an error. Durations are numbers with a unit: ms, s, m, h, d.
";

/// The reference: a campaign's file that tells of every key.
#[must_use]
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    for table in TABLES {
        let off = if table.stands == Stands::Once { "" } else { "# " };
        if !table.name.is_empty() {
            let (open, close) = if table.stands == Stands::Often { ("[[", "]]") } else { ("[", "]") };
            let _ = write!(text, "\n# {}\n{off}{open}{}{close}\n", table.doc, table.name);
        }
        for key in table.keys {
            let (mark, told, value) = match key.need {
                Must(example) => (off, "must be there", example),
                Default(value) => ("# ", "the default is shown", value),
                May(example) => ("# ", "an example is shown", example),
            };
            let _ = write!(text, "# {} ({}; {told})\n{mark}{} = {value}\n", key.doc, key.unit, key.name);
        }
        if !table.free.is_empty() {
            let _ = writeln!(text, "# {}", table.free);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::CampaignConfig;
    use super::super::document::Document;
    use super::*;
    use std::path::Path;

    fn read(text: &str) -> Result<CampaignConfig, String> {
        let document = Document::new(Path::new("c.toml"), text.to_owned());
        CampaignConfig::from_document(&document).map_err(|e| e.to_string())
    }

    /// The reference with what stands in comments taken in, where `takes` says so of its line.
    fn with(takes: impl Fn(&str) -> bool) -> String {
        let is_key = |line: &str| {
            let bare = |c: char| c.is_ascii_lowercase() || c == '_' || c == '-' || c == 'X' || c == 'C';
            line.starts_with('[') || line.split_once(" = ").is_some_and(|(name, _)| name.chars().all(bare))
        };
        let line = |line: &str| match line.strip_prefix("# ") {
            Some(inner) if is_key(inner) && takes(inner) => format!("{inner}\n"),
            _ => format!("{line}\n"),
        };
        reference().lines().map(line).collect()
    }

    /// What a campaign says, without the places where it says it.
    fn said(campaign: &CampaignConfig) -> String {
        let text = format!("{campaign:?}");
        let mut parts = text.split("line: ");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            text + part.trim_start_matches(|c: char| c.is_ascii_digit() || ", :column".contains(c))
        })
    }

    #[test]
    fn the_reference_is_a_campaign_with_and_without_what_stands_in_comments() {
        read(&reference()).unwrap();
        read(&with(|_| true)).unwrap();
    }

    #[test]
    fn the_defaults_are_those_of_the_parser() {
        let defaults: Vec<String> = TABLES
            .iter()
            .flat_map(|table| table.keys)
            .filter_map(|key| match key.need {
                Default(value) => Some(format!("{} = {value}", key.name)),
                _ => None,
            })
            .collect();
        let stated = with(|line| defaults.iter().any(|default| default == line));
        assert_ne!(stated, reference());
        assert_eq!(said(&read(&stated).unwrap()), said(&read(&reference()).unwrap()));
    }

    #[test]
    fn every_key_is_read() {
        for table in TABLES {
            for key in table.keys {
                // Of no type that any key has.
                let line = format!("{} = 1979-05-27", key.name);
                let whole = with(|_| true);
                let (head, behind) = match table.name {
                    "" => ("", whole.as_str()),
                    name => {
                        let title =
                            if table.stands == Stands::Often { format!("[[{name}]]\n") } else { format!("[{name}]\n") };
                        let at = whole.find(&title).unwrap() + title.len();
                        whole.split_at(at)
                    }
                };
                let (own, below) = behind.split_at(behind.find("\n[").unwrap_or(behind.len()));
                let own: String = own
                    .lines()
                    .map(|own| if own.starts_with(&format!("{} = ", key.name)) { line.clone() } else { own.to_owned() } + "\n")
                    .collect();
                let text = format!("{head}{own}{below}");
                assert!(text.contains(&line), "{} of [{}] is not in\n{text}", key.name, table.name);
                let error = read(&text).unwrap_err();
                let path =
                    if table.name.is_empty() { key.name.to_owned() } else { format!("{}.{}", table.name, key.name) };
                assert!(error.contains(&format!(" {path}: ")), "{path} is not read:\n{error}");
            }
        }
    }

    #[test]
    fn the_list_in_the_readme_is_that_of_the_tables() {
        let readme = include_str!("../../../README.md");
        let block = readme.split("```text\n").find(|block| block.starts_with("name from ")).expect("the list of keys");
        let (mut listed, mut table) = (Vec::new(), "");
        for word in block.split("```").next().unwrap_or_default().split_whitespace() {
            match word.strip_prefix('[').and_then(|word| word.strip_suffix(']')) {
                Some(name) => {
                    table = name.trim_matches(['[', ']']);
                    listed.push(table.to_owned());
                }
                None if table.is_empty() => listed.push(word.to_owned()),
                None => listed.push(format!("{table}.{word}")),
            }
        }
        let mut names = names();
        listed.sort();
        names.sort();
        assert_eq!(listed, names, "left: README.md, right: the tables of this file");
    }
}
