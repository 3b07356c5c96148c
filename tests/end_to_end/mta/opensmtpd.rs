//! A private OpenSMTPD. Its users, its queue and its programs have fixed names, so that it lives in a root of its own:
//! the unpacked package, the libraries that it is linked with, a shell, and a few devices.

use super::{Server, certificate, free_port, set_up, unpacked, wait_until_it_greets};
use crate::letters::Letter;
use crate::program::{Running, signal, tool};
use crate::scratch::Scratch;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Its programs, as paths in its root.
const PROGRAMS: [&str; 3] = ["usr/sbin/smtpd", "usr/libexec/opensmtpd/mail.maildir", "usr/libexec/opensmtpd/mail.mda"];

/// OpenSMTPD, as long as this lives.
pub struct OpenSmtpd {
    port: u16,
    daemon: Running,
    scratch: Scratch,
}

impl OpenSmtpd {
    pub fn start() -> Self {
        let scratch = Scratch::new("opensmtpd");
        let root = unpacked("opensmtpd", scratch.path());
        let port = free_port();
        furnish(&root);
        certificate("opensmtpd.test", &root.join("etc/cert.pem"), &root.join("etc/key.pem"));
        fs::set_permissions(root.join("etc/key.pem"), fs::Permissions::from_mode(0o600)).expect("our own file");
        for (file, content) in [
            ("etc/smtpd.conf", &*CONFIGURATION.replace("{port}", &port.to_string())),
            ("etc/passwd", PASSWD),
            ("etc/group", GROUP),
            ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
            ("etc/hosts", "127.0.0.1 localhost\n"),
            ("etc/mailname", "opensmtpd.test\n"),
        ] {
            fs::write(root.join(file), content).expect("a file in the scratch folder");
        }
        let mut command = Command::new("chroot");
        command.arg(&root).args(["/usr/sbin/smtpd", "-d", "-F", "-f", "/etc/smtpd.conf"]).process_group(0);
        let mut server = Self { port, daemon: Running::start(&scratch, "daemon", command), scratch };
        let daemon = &mut server.daemon;
        wait_until_it_greets(&format!("127.0.0.1:{port}"), || (!daemon.runs()).then(|| daemon.said()));
        server
    }

    fn root(&self) -> PathBuf {
        self.scratch.at("opensmtpd")
    }
}

impl Drop for OpenSmtpd {
    fn drop(&mut self) {
        signal("KILL", &format!("-{}", self.daemon.id()));
    }
}

impl Server for OpenSmtpd {
    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn delivered(&self) -> PathBuf {
        self.root().join("mail/all/new")
    }

    fn stored(&self, stored: &[u8]) -> Vec<Letter> {
        vec![Letter::stored(stored, &["Return-Path", "Delivered-To", "Received"], "Delivered-To")]
    }

    fn runs(&mut self) -> bool {
        self.daemon.runs()
    }

    fn log(&self) -> String {
        self.daemon.said()
    }
}

/// Puts into the root what a package takes for granted.
fn furnish(root: &Path) {
    for folder in ["bin", "dev", "tmp", "root", "mail", "var/run", "var/spool/smtpd"] {
        fs::create_dir_all(root.join(folder)).expect("a folder in the scratch folder");
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("our own folder");
    fs::set_permissions(root.join("var/spool/smtpd"), fs::Permissions::from_mode(0o711)).expect("our own folder");
    set_up(Command::new("chown").arg(USER_OF_MAIL).arg(root.join("mail")));
    fs::copy("/bin/dash", root.join("bin/sh")).expect("Debian's shell");
    let mut libraries = BTreeSet::new();
    for program in PROGRAMS.into_iter().chain(["bin/sh"]) {
        let listed = tool("ldd", &[root.join(program).as_os_str()]);
        let listed = String::from_utf8_lossy(&listed).into_owned();
        libraries.extend(listed.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from));
    }
    for library in libraries {
        let to = root.join(library.strip_prefix("/").expect("an absolute path"));
        fs::create_dir_all(to.parent().expect("below the root")).expect("a folder in the scratch folder");
        fs::copy(&library, to).expect("a library that is installed");
    }
    for (device, minor) in [("null", "3"), ("random", "8"), ("urandom", "9")] {
        set_up(Command::new("mknod").args(["-m", "666"]).arg(root.join("dev").join(device)).args(["c", "1", minor]));
    }
}

/// The user that letters belong to, by number: it is known in the server's root alone.
const USER_OF_MAIL: &str = "903:903";

const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
opensmtpd:x:901:901::/var/lib/opensmtpd/empty:/bin/false
opensmtpq:x:902:902::/var/lib/opensmtpd/empty:/bin/false
mail:x:903:903::/mail:/bin/sh
";

const GROUP: &str = "\
root:x:0:
opensmtpd:x:901:
opensmtpq:x:902:
mail:x:903:
";

/// Its limits are as it comes: 100 messages a session, 1,000 recipients a message.
const CONFIGURATION: &str = "\
pki opensmtpd.test cert \"/etc/cert.pem\"
pki opensmtpd.test key \"/etc/key.pem\"
table everyone { \"@\" = \"mail\" }
listen on 127.0.0.1 port {port} tls pki opensmtpd.test hostname opensmtpd.test
action \"keep\" maildir \"/mail/all\" virtual <everyone>
match from any for any action \"keep\"
";
