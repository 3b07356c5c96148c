//! The machine in the way: a held, read-only or full data directory, a refusing server, dead DNS, a refused ring.
//! Mounting needs root, as the end-to-end tests do.

use super::Desk;
use super::nobody::NOBODY;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::UdpSocket;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take to say what it should.
const PATIENCE: Duration = Duration::from_secs(60);

/// A send under way; killed when it goes.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(desk: &Desk, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
        command.current_dir(desk.path()).args(["send", "w.toml", "--data", "data"]).args(more);
        Self(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Waits until standard error says `words`; all that it said until then.
    fn says(&mut self, words: &str) -> String {
        let mut lines = BufReader::new(self.0.stderr.as_mut().unwrap());
        let (mut said, start) = (String::new(), Instant::now());
        while !said.contains(words) {
            assert!(lines.read_line(&mut said).unwrap() > 0, "{words:?} was never said:\n{said}");
            assert!(start.elapsed() < PATIENCE, "{words:?} was not said in time:\n{said}");
        }
        said
    }

    /// Sends SIGINT; the code it ends with, and what it said meanwhile.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let mut said = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.0.wait().unwrap().code(), said)
    }
}

/// A small file system of memory, below a desk.
pub(super) struct Mount(PathBuf);

impl Mount {
    pub(super) fn new(desk: &Desk, name: &str, options: &str) -> Self {
        let place = desk.path().join(name);
        std::fs::create_dir_all(&place).unwrap();
        let mount = Self(place);
        mount.run("mount", &["-t", "tmpfs", "-o", options, "tmpfs"]);
        mount
    }

    pub(super) fn run(&self, program: &str, options: &[&str]) {
        let done = Command::new(program).args(options).arg(&self.0).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{program} {options:?}: {said}(these tests need root)");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_data_directory_that_another_send_holds_is_named_with_its_holder() {
    let desk = Desk::new();
    let mut first = Running::start(&desk, &["--smarthost", NOBODY]);
    first.says("the site rests");
    let holder = first.0.id().to_string();
    desk.refused("a data directory in use", &[], 1, &["data", &holder, "hint: "]);
    let (code, _) = first.interrupt();
    assert_eq!(code, Some(3));
    // It is free again, and nothing is lost.
    assert_eq!(desk.send(&[]).0, Some(0));
}

#[test]
fn a_smarthost_that_refuses_is_named_and_its_recipients_wait() {
    let desk = Desk::new();
    let mut sending = Running::start(&desk, &["--smarthost", NOBODY]);
    let said = sending.says("the site rests");
    assert!(said.contains(NOBODY) && said.contains("refused"), "{said}");
    let (code, said) = sending.interrupt();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("1 recipient waits") && said.contains("hint: go on with: posthaste send"), "{said}");
}

#[test]
fn dead_dns_leaves_recipients_waiting_and_says_why() {
    let desk = Desk::new();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = silent.local_addr().unwrap();
    desk.put("e.toml", format!("[delivery]\nroute = \"mx\"\n[dns]\nservers = [\"{server}\"]\ntimeout = \"200ms\"\n"));
    let mut sending = Running::start(&desk, &["--config", "e.toml"]);
    let said = sending.says("no route");
    assert!(said.contains("a.example") && said.contains("4.4.3"), "{said}");
    let (code, said) = sending.interrupt();
    assert_eq!(code, Some(3), "{said}");
    drop(silent);
}

#[test]
fn a_read_only_data_directory_is_named() {
    let desk = Desk::new();
    let _mount = Mount::new(&desk, "data", "ro,size=1m");
    desk.refused("a read-only data directory", &[], 1, &["data", "Read-only file system", "hint: "]);
}

#[test]
fn a_disk_that_fills_stops_the_send_and_the_same_command_finishes_when_there_is_room() {
    let desk = Desk::new();
    let rows: String = (0..60_000).map(|n| format!("person{n}@d{}.example,Ann\n", n % 50)).collect();
    desk.put("w.csv", format!("email,first\n{rows}"));
    let mount = Mount::new(&desk, "data", "size=6m");
    desk.refused("a full disk", &[], 1, &["No space left on device", "hint: "]);
    mount.run("mount", &["-o", "remount,size=200m"]);
    let (code, said) = desk.send(&[]);
    assert_eq!(code, Some(0), "{said}");
    let report = Command::new(env!("CARGO_BIN_EXE_posthaste"))
        .current_dir(desk.path())
        .args(["report", "w", "--data", "data", "--json"])
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["delivered"], 60_000, "{report}");
}

#[test]
fn keys_that_cannot_sign_are_refused_by_kind_and_size() {
    let key = |options: &[&str]| {
        let made = Command::new("openssl").arg("genpkey").args(options).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        made.stdout
    };
    let desk = Desk::new();
    desk.put("e.toml", "[[dkim]]\ndomain = \"acme.example\"\nselector = \"s1\"\nkey = \"s1.pem\"\n");
    desk.put("s1.pem", key(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:768"]));
    desk.refused("a DKIM key of 768 bits", &["--config", "e.toml"], 2, &["s1.pem", "hint: ", "openssl"]);
    desk.put("s1.pem", key(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]));
    desk.refused("a DKIM key of another kind", &["--config", "e.toml"], 2, &["s1.pem", "hint: ", "openssl"]);
}

/// Has the kernel refuse `io_uring_setup` with EPERM in a process that is about to start, as container runtimes do.
#[expect(unsafe_code, reason = "a seccomp filter is installed between fork and exec, which std cannot do")]
fn without_io_uring(command: &mut Command) -> &mut Command {
    fn forbid() -> std::io::Result<()> {
        let step = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
        let mut filter = [
            // The system call's number; if it is io_uring_setup, EPERM; anything else is allowed.
            step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
            step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_io_uring_setup as u32),
            step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
            step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
        ];
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
        // SAFETY: both calls take plain numbers and a pointer to a program that lives until they return.
        let refused = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
                || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) != 0
        };
        if refused { Err(std::io::Error::last_os_error()) } else { Ok(()) }
    }
    // SAFETY: `forbid` makes two system calls and allocates nothing.
    unsafe { command.pre_exec(forbid) }
}

#[test]
fn a_refused_io_uring_is_explained_with_the_command_that_mends_it() {
    let desk = Desk::new();
    let smarthost = ["--smarthost", NOBODY];
    for more in [&["--sink"][..], &smarthost, &["--sink", "--dry-run"], &["sink"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
        command.current_dir(desk.path());
        match more {
            ["sink"] => command.args(["sink", "--listen", "127.0.0.1:0", "--for", "1"]),
            _ => command.args(["send", "w.toml", "--data", "data"]).args(more),
        };
        let output = without_io_uring(&mut command).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{more:?}: {said}");
        for words in ["io_uring", "hint: ", "seccomp"] {
            assert!(said.contains(words), "{more:?}: {words:?} is missing in\n{said}");
        }
    }
}
