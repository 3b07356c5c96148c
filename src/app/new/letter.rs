//! What a new campaign is made of: its file, a letter as HTML and as text, a list to try with.
//!
//! Guarantees: it is sent as it is; whatever a list's columns are called, the file is TOML and the letter compiles.

use super::roles::Roles;
use crate::mail::reply::Printable;

/// Columns that the campaign's file tells of.
const COLUMNS_TOLD: usize = 40;

/// The campaign's file.
pub fn campaign(name: &str, list: &str, sheet: Option<&str>, roles: &Roles) -> String {
    let sheet = sheet.map(|sheet| format!("sheet = {}\n", quoted(sheet))).unwrap_or_default();
    let columns: Vec<String> =
        roles.columns.iter().take(COLUMNS_TOLD).map(|name| Printable(name.as_bytes()).to_string()).collect();
    let mapping = roles.first_name.iter().filter(|first| first.mapped).map(|first| {
        format!(
            "\n[recipients.columns]                    # other names for columns, for templates\n{} = {}\n",
            first.field,
            quoted(&first.column)
        )
    });
    let mapping: String = mapping.collect();
    format!(
        r#"# A campaign. Files are relative to this one. Rehearse it; nothing leaves the machine:
#   posthaste send campaign.toml --sink
# Every other key: posthaste config --campaign
name = {name}
from = "Acme <news@acme.example>"         # whom it is from: change it
subject = "News from Acme"
html = "letter.html"                      # the letter: every column of the list is a name it can use
text = "letter.txt"                       # the same for readers without HTML

[unsubscribe]                             # large providers want it; {{{{ token }}}} tells who it is
url = "https://acme.example/unsubscribe/{{{{ token }}}}"

[recipients]                              # columns: {columns}
file = {list}
{sheet}email = {email}
{mapping}"#,
        name = quoted(name),
        columns = columns.join(", "),
        list = quoted(list),
        email = quoted(&roles.email),
    )
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn greeting(roles: &Roles) -> String {
    match &roles.first_name {
        // An empty cell, too, is greeted.
        Some(first) => format!("Hello {{{{ {} | default(\"there\", true) }}}},", first.field),
        None => "Hello,".to_owned(),
    }
}

/// The letter as text.
pub fn text(roles: &Roles) -> String {
    format!(
        "{}

this is the first letter of this campaign. Write here what is new, and
keep it short: most people read it on a phone.

What is new: https://acme.example/news

Until soon,
the people at Acme

--
You get this because you signed up at acme.example.
To leave: {{{{ unsubscribe_url }}}}
Acme Ltd, 1 Example Street, Exampleton
",
        greeting(roles)
    )
}

/// The letter as HTML.
pub fn html(roles: &Roles) -> String {
    HTML.replace("GREETING", &greeting(roles))
}

/// A list to try with. Its domains are reserved (RFC 2606): nobody is written to by accident.
pub fn list() -> String {
    "email,first_name,city\n\
     ann@post.example,Ann,Lisbon\n\
     bob@post.example,Bob,Utrecht\n\
     chioma@mail.example,Chioma,Lagos\n\
     dai@mail.example,,Cardiff\n"
        .to_owned()
}

const HTML: &str = r#"<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="supported-color-schemes" content="light dark">
    <title>News from Acme</title>
    <style>
      :root { color-scheme: light dark; supported-color-schemes: light dark; }
      @media (max-width: 620px) {
        .sheet { width: 100% !important; }
        .pad { padding-left: 20px !important; padding-right: 20px !important; }
      }
      @media (prefers-color-scheme: dark) {
        .page { background-color: #12151b !important; }
        .sheet { background-color: #1a1f28 !important; }
        .ink { color: #e7eaf0 !important; }
        .dim { color: #9aa5b8 !important; }
      }
    </style>
  </head>
  <body class="page" style="margin:0;padding:0;background-color:#eef1f6;">
    <div style="display:none;max-height:0;overflow:hidden;">What is new at Acme, in a minute.</div>
    <table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background-color:#eef1f6;">
      <tr>
        <td align="center" style="padding:24px 0;">
          <table role="presentation" class="sheet" width="600" cellpadding="0" cellspacing="0" border="0" style="width:600px;background-color:#ffffff;">
            <tr>
              <td class="pad ink" style="padding:32px 40px 8px 40px;font-family:Helvetica,Arial,sans-serif;font-size:24px;line-height:30px;font-weight:bold;color:#182033;">
                News from Acme
              </td>
            </tr>
            <tr>
              <td class="pad ink" style="padding:8px 40px;font-family:Helvetica,Arial,sans-serif;font-size:16px;line-height:25px;color:#182033;">
                <p style="margin:0 0 16px 0;">GREETING</p>
                <p style="margin:0 0 16px 0;">this is the first letter of this campaign. Write here what is new, and keep it short: most people read it on a phone.</p>
              </td>
            </tr>
            <tr>
              <td class="pad" style="padding:8px 40px 24px 40px;">
                <table role="presentation" cellpadding="0" cellspacing="0" border="0">
                  <tr>
                    <td style="background-color:#2f5bea;border-radius:8px;">
                      <a href="https://acme.example/news" style="display:inline-block;padding:12px 24px;font-family:Helvetica,Arial,sans-serif;font-size:16px;color:#ffffff;text-decoration:none;">See what is new</a>
                    </td>
                  </tr>
                </table>
              </td>
            </tr>
            <tr>
              <td class="pad dim" style="padding:16px 40px 32px 40px;font-family:Helvetica,Arial,sans-serif;font-size:13px;line-height:20px;color:#5b6577;">
                You get this because you signed up at acme.example.
                <a href="{{ unsubscribe_url }}" class="dim" style="color:#5b6577;">Unsubscribe</a><br>
                Acme Ltd, 1 Example Street, Exampleton
              </td>
            </tr>
          </table>
        </td>
      </tr>
    </table>
  </body>
</html>
"#;

#[cfg(test)]
mod tests {
    use super::super::roles::Name;
    use super::*;
    use crate::app::config::CampaignConfig;
    use crate::app::config::document::Document;
    use std::path::Path;

    #[test]
    fn whatever_columns_are_called_the_file_is_a_campaign() {
        for column in ["a\"b", "x\ny", "'''", "\u{1b}[2J", "Vor\u{a0}name", "#"] {
            let first_name = Name { column: column.into(), field: "first_name".into(), mapped: true };
            let roles =
                Roles { columns: vec![column.into(), "e".into()], email: "e".into(), first_name: Some(first_name) };
            let text = campaign("spring", "../li \"st\".csv", None, &roles);
            let read = CampaignConfig::from_document(&Document::new(Path::new("s/campaign.toml"), text.clone()));
            match read {
                Ok(read) => {
                    assert_eq!(read.recipients.columns[0].1.value, column);
                    assert_eq!((read.name.as_str(), read.recipients.email.value.as_str()), ("spring", "e"));
                }
                // A column's name is one line: the parser says so, and the file is TOML all the same.
                Err(e) => assert!(column.contains(char::is_control), "{e}\n{text}"),
            }
        }
    }
}
