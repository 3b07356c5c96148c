//! A private Postfix: its `master` runs in the foreground as our child, without the scripts of an installation.

use super::{Server, certificate, free_port, set_up, unpacked, wait_until_it_greets};
use crate::letters::Letter;
use crate::program::{Running, signal};
use crate::scratch::Scratch;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The queue's folders that belong to Postfix's user.
const QUEUES: [&str; 14] = [
    "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace",
    "maildrop", "public", "lib",
];

/// Postfix, as long as this lives.
pub struct Postfix {
    port: u16,
    master: Running,
    scratch: Scratch,
}

impl Postfix {
    pub fn start() -> Self {
        Self::start_with("may", "")
    }

    /// One that talks only to clients with this certificate (a PEM file).
    pub fn for_clients_with(trusted: &Path) -> Self {
        let more = format!("smtpd_tls_CAfile = {}\nsmtpd_tls_req_ccert = yes\n", trusted.display());
        Self::start_with("encrypt", &more)
    }

    fn start_with(tls: &str, more: &str) -> Self {
        let scratch = Scratch::new("postfix");
        let package = unpacked("postfix", scratch.path());
        let port = free_port();
        for queue in QUEUES {
            fs::create_dir_all(scratch.at("spool").join(queue)).expect("a folder in the scratch folder");
        }
        for folder in ["spool/pid", "etc", "mail", "log"] {
            fs::create_dir_all(scratch.at(folder)).expect("a folder in the scratch folder");
        }
        let owned = QUEUES.map(|queue| scratch.at("spool").join(queue));
        set_up(Command::new("chown").arg("postfix").args(owned));
        set_up(Command::new("chown").arg("nobody").arg(scratch.at("mail")));
        set_up(Command::new("chgrp").arg("postdrop").args([scratch.at("spool/maildrop"), scratch.at("spool/public")]));
        certificate("postfix.test", &scratch.at("etc/cert.pem"), &scratch.at("etc/key.pem"));
        let fill = |text: &str| {
            text.replace("{scratch}", &scratch.path().display().to_string())
                .replace("{package}", &package.display().to_string())
                .replace("{port}", &port.to_string())
        };
        scratch.write("etc/main.cf", fill(MAIN).replace("{tls}", tls) + more);
        scratch.write("etc/master.cf", fill(MASTER));
        let mut command = Command::new(package.join("usr/lib/postfix/sbin/master"));
        command.arg("-c").arg(scratch.at("etc")).arg("-d").env_clear();
        // Its daemons find their configuration by MAIL_CONFIG alone.
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("MAIL_CONFIG", scratch.at("etc"));
        command.env("LD_LIBRARY_PATH", package.join("usr/lib/postfix")).process_group(0);
        let mut postfix = Self { port, master: Running::start(&scratch, "master", command), scratch };
        let (master, scratch) = (&mut postfix.master, &postfix.scratch);
        wait_until_it_greets(&format!("127.0.0.1:{port}"), || {
            (!master.runs()).then(|| master.said() + &fs::read_to_string(scratch.at("log/mail")).unwrap_or_default())
        });
        postfix
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // Its daemons are in the group of their master.
        signal("KILL", &format!("-{}", self.master.id()));
    }
}

impl Server for Postfix {
    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn delivered(&self) -> PathBuf {
        self.scratch.at("mail/all/new")
    }

    fn stored(&self, stored: &[u8]) -> Vec<Letter> {
        vec![Letter::stored(stored, &["Return-Path", "X-Original-To", "Delivered-To", "Received"], "X-Original-To")]
    }

    fn runs(&mut self) -> bool {
        self.master.runs()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.scratch.at("log/mail")).unwrap_or_default()
    }
}

const MAIN: &str = "\
compatibility_level = 3.6
queue_directory = {scratch}/spool
data_directory = {scratch}/spool/lib
command_directory = {package}/usr/sbin
daemon_directory = {package}/usr/lib/postfix/sbin
shlib_directory = {package}/usr/lib/postfix
meta_directory = {package}/etc/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = {scratch}/log/mail
maillog_file_prefixes = {scratch}
import_environment = LD_LIBRARY_PATH MAIL_CONFIG
export_environment = LD_LIBRARY_PATH MAIL_CONFIG
myhostname = postfix.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:all/
virtual_mailbox_base = {scratch}/mail
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_transport = virtual
virtual_destination_recipient_limit = 1
alias_maps =
alias_database =
smtputf8_enable = yes
local_header_rewrite_clients =
smtpd_tls_cert_file = {scratch}/etc/cert.pem
smtpd_tls_key_file = {scratch}/etc/key.pem
smtpd_tls_security_level = {tls}
smtpd_tls_received_header = yes
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
";

const MASTER: &str = "\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";
