//! Postfix's smtp-sink: takes everything, and writes each message with its envelope to a file.

use super::{Server, fetched, free_port, wait_until_it_greets};
use crate::letters::{Letter, crlf, first_field, text};
use crate::program::Running;
use crate::scratch::Scratch;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

/// smtp-sink, as long as this lives.
pub struct SmtpSink {
    port: u16,
    program: Running,
    scratch: Scratch,
}

impl SmtpSink {
    pub fn start() -> Self {
        let scratch = Scratch::new("smtp-sink");
        let package = fetched("postfix");
        let port = free_port();
        let mail = scratch.at("mail");
        fs::create_dir_all(&mail).expect("a folder in the scratch folder");
        // It writes as another user.
        fs::set_permissions(&mail, fs::Permissions::from_mode(0o777)).expect("our own folder");
        let mut command = Command::new(package.join("usr/sbin/smtp-sink"));
        command.env("LD_LIBRARY_PATH", package.join("usr/lib/postfix")).args(["-u", "nobody", "-d"]);
        command.arg(mail.join("message.")).arg(format!("127.0.0.1:{port}")).arg("200");
        let mut sink = Self { port, program: Running::start(&scratch, "smtp-sink", command), scratch };
        let program = &mut sink.program;
        wait_until_it_greets(&format!("127.0.0.1:{port}"), || (!program.runs()).then(|| program.said()));
        sink
    }
}

impl Server for SmtpSink {
    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn delivered(&self) -> PathBuf {
        self.scratch.at("mail")
    }

    /// The envelope as it was said, in fields of its own; a Received; the content; an empty line.
    fn stored(&self, stored: &[u8]) -> Vec<Letter> {
        let mut rest = stored.strip_suffix(b"\n").expect("an empty line ends the file");
        let (mut return_path, mut recipients) = (String::new(), Vec::new());
        loop {
            let (field, after) = first_field(rest);
            let field = text(field);
            let (name, value) = field.split_once(": ").unwrap_or_else(|| panic!("no Received before {field:?}"));
            let path = value.split('>').next().unwrap_or_default().trim_start_matches('<');
            rest = after;
            match name {
                "X-Mail-Args" => path.clone_into(&mut return_path),
                "X-Rcpt-Args" => recipients.push(path.to_owned()),
                "Received" => break,
                _ => {}
            }
        }
        let trace = text(&stored[..stored.len() - rest.len()]);
        let letter = |recipient| Letter {
            recipient,
            return_path: return_path.clone(),
            trace: trace.clone(),
            content: crlf(rest),
        };
        recipients.into_iter().map(letter).collect()
    }

    fn runs(&mut self) -> bool {
        self.program.runs()
    }

    fn log(&self) -> String {
        self.program.said()
    }
}
