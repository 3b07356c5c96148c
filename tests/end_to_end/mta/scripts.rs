//! Servers in scripting languages, each with a few lines of our own that make a file of each message: aiosmtpd, npm's
//! smtp-server, Haraka. They take content as it comes, and say so before the 250 leaves.

use super::{Server, certificate, fetched, free_port, shipped, wait_until_it_greets};
use crate::letters::Letter;
use crate::program::{Running, wait_for};
use crate::scratch::Scratch;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Debian's own: another one that comes first in PATH need not know the packages.
const PYTHON: &str = "/usr/bin/python3";

/// One of them, as long as this lives.
pub struct Script {
    address: String,
    program: Running,
    scratch: Scratch,
}

impl Script {
    pub fn aiosmtpd() -> Self {
        let scratch = Self::scratch("aiosmtpd");
        let (pem, key) = (scratch.at("cert.pem"), scratch.at("key.pem"));
        certificate("aiosmtpd.test", &pem, &key);
        let mut command = Command::new(PYTHON);
        command.arg(shipped("aiosmtpd_server.py")).args([scratch.at("mail"), pem, key]);
        command.env("PYTHONPATH", fetched("python"));
        Self::listening(scratch, command)
    }

    pub fn smtp_server() -> Self {
        let scratch = Self::scratch("smtp-server");
        let mut command = Command::new("node");
        command.arg(shipped("node/smtp_server.js")).arg(scratch.at("mail")).arg(fetched("node/node_modules"));
        Self::listening(scratch, command)
    }

    pub fn haraka() -> Self {
        let scratch = Self::scratch("haraka");
        let address = format!("127.0.0.1:{}", free_port());
        for file in [
            "config/connection.ini",
            "config/dhparams.pem",
            "config/log.ini",
            "config/me",
            "config/plugins",
            "plugins/keep.js",
        ] {
            scratch.write(file, fs::read(shipped("haraka").join(file)).expect("a file of the tests"));
        }
        // No process but the one.
        scratch.write("config/smtp.ini", format!("listen={address}\nnodes=0\n"));
        certificate("haraka.test", &scratch.at("config/tls_cert.pem"), &scratch.at("config/tls_key.pem"));
        let mut command = Command::new("node");
        command.arg(fetched("node/node_modules/Haraka").join("bin/haraka")).arg("-c").arg(scratch.path());
        command.env("KEEP_FOLDER", scratch.at("mail"));
        Self::greeting(scratch, command, |_| Some(address.clone()))
    }

    fn scratch(what: &str) -> Scratch {
        let scratch = Scratch::new(what);
        fs::create_dir_all(scratch.at("mail")).expect("a folder in the scratch folder");
        scratch
    }

    /// Starts one that says where it listens.
    fn listening(scratch: Scratch, command: Command) -> Self {
        Self::greeting(scratch, command, |said| {
            let (line, _) = said.split_once('\n')?;
            Some(line.strip_prefix("listening on ")?.trim_end().to_owned())
        })
    }

    fn greeting(scratch: Scratch, command: Command, address: impl Fn(&str) -> Option<String>) -> Self {
        let mut program = Running::start(&scratch, "server", command);
        let address = wait_for("a server's address", Duration::from_secs(60), || {
            assert!(program.runs(), "the server ended at once: {}", program.said());
            address(&program.said())
        });
        wait_until_it_greets(&address, || (!program.runs()).then(|| program.said()));
        Self { address, program, scratch }
    }
}

impl Server for Script {
    fn address(&self) -> String {
        self.address.clone()
    }

    fn delivered(&self) -> PathBuf {
        self.scratch.at("mail")
    }

    fn stored(&self, stored: &[u8]) -> Vec<Letter> {
        Letter::kept(stored)
    }

    fn runs(&mut self) -> bool {
        self.program.runs()
    }

    fn log(&self) -> String {
        self.program.said()
    }
}
