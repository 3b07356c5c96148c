//! A private Exim: one daemon in the foreground as our child.

use super::{Server, certificate, free_port, set_up, unpacked, wait_until_it_greets};
use crate::letters::Letter;
use crate::program::{Running, signal};
use crate::scratch::Scratch;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

/// Exim, as long as this lives.
pub struct Exim {
    port: u16,
    daemon: Running,
    scratch: Scratch,
}

impl Exim {
    pub fn start() -> Self {
        let scratch = Scratch::new("exim");
        let package = unpacked("exim", scratch.path());
        let port = free_port();
        certificate("exim.test", &scratch.at("cert.pem"), &scratch.at("key.pem"));
        for folder in ["spool", "log", "mail"] {
            fs::create_dir_all(scratch.at(folder)).expect("a folder in the scratch folder");
        }
        set_up(
            Command::new("chown")
                .arg("-R")
                .arg("Debian-exim:Debian-exim")
                .args(["spool", "log", "mail", "cert.pem", "key.pem"].map(|name| scratch.at(name))),
        );
        let program = package.join("usr/sbin/exim4");
        let text = CONFIGURATION
            .replace("{program}", &program.display().to_string())
            .replace("{scratch}", &scratch.path().display().to_string())
            .replace("{port}", &port.to_string());
        let configuration = scratch.write("exim.conf", text);
        let mut command = Command::new(&program);
        command.arg("-C").arg(configuration).args(["-bdf", "-q30s"]).process_group(0);
        let mut exim = Self { port, daemon: Running::start(&scratch, "daemon", command), scratch };
        let (daemon, log) = (&mut exim.daemon, exim.scratch.at("log/panic"));
        wait_until_it_greets(&format!("127.0.0.1:{port}"), || {
            (!daemon.runs()).then(|| daemon.said() + &fs::read_to_string(&log).unwrap_or_default())
        });
        exim
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        signal("KILL", &format!("-{}", self.daemon.id()));
    }
}

impl Server for Exim {
    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn delivered(&self) -> PathBuf {
        self.scratch.at("mail/new")
    }

    fn stored(&self, stored: &[u8]) -> Vec<Letter> {
        vec![Letter::stored(stored, &["Return-path", "Envelope-to", "Delivery-date", "Received"], "Envelope-to")]
    }

    fn runs(&mut self) -> bool {
        self.daemon.runs()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.scratch.at("log/main")).unwrap_or_default()
    }
}

/// Privileges are dropped at once: all mail belongs to Exim's own user, and a delivery then costs no new process image.
const CONFIGURATION: &str = "\
exim_path = {program}
primary_hostname = exim.test
spool_directory = {scratch}/spool
log_file_path = {scratch}/log/%s
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
pid_file_path = {scratch}/spool/exim.pid
tls_advertise_hosts = *
tls_certificate = {scratch}/cert.pem
tls_privatekey = {scratch}/key.pem
acl_smtp_rcpt = accept_all
deliver_drop_privilege
never_users =
split_spool_directory
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 100000
smtp_connect_backlog = 200
pipelining_advertise_hosts = *
chunking_advertise_hosts = *
host_lookup =
rfc1413_query_timeout = 0s
log_selector = +received_recipients +pipelining

begin acl
accept_all:
  accept

begin routers
all:
  driver = accept
  transport = box

begin transports
box:
  driver = appendfile
  directory = {scratch}/mail
  maildir_format
  user = Debian-exim
  group = Debian-exim
  create_directory
  delivery_date_add
  envelope_to_add
  return_path_add
  batch_max = 1

begin retry
*  *  F,2h,15s
";
