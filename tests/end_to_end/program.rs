//! Runs programs with a bound on how long: above all `posthaste`.

use crate::scratch::Scratch;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Nothing here takes longer, on the slowest machine that is still of use.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// How often a condition that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until `ready` gives something; panics, naming `what`, when it takes longer than `limit`.
pub fn wait_for<T>(what: &str, limit: Duration, mut ready: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = ready() {
            return found;
        }
        assert!(Instant::now() < end, "waited {limit:?} in vain for {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// What a program left behind.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Checks the exit code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        let is = self.status;
        assert!(is.code() == Some(code), "{is}, not exit code {code}:\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The JSON object on the last line of standard output.
    #[track_caller]
    pub fn json(&self) -> Value {
        let last = self.stdout.lines().next_back().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|e| {
            panic!("standard output does not end with a JSON object ({e}):\n{}\n{}", self.stdout, self.stderr)
        })
    }
}

/// A number of a JSON object.
#[track_caller]
pub fn number(object: &Value, key: &str) -> u64 {
    object.get(key).and_then(Value::as_u64).unwrap_or_else(|| panic!("no number {key:?} in {object}"))
}

/// A program that runs. What it writes goes to files, so that it never waits for its reader; dropped, it is killed.
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    pub fn start(scratch: &Scratch, name: &str, mut command: Command) -> Self {
        let (stdout, stderr) = (scratch.at(format!("{name}.stdout")), scratch.at(format!("{name}.stderr")));
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).expect("a file in the scratch folder"))
            .stderr(File::create(&stderr).expect("a file in the scratch folder"))
            .spawn()
            .unwrap_or_else(|e| panic!("{} does not start: {e}", command.get_program().display()));
        Self { child, stdout, stderr }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// Everything written so far, to either stream.
    pub fn said(&self) -> String {
        [&self.stdout, &self.stderr].map(read).concat()
    }

    /// Kills it, as `kill -9` does. False: it had ended before.
    pub fn kill9(mut self) -> bool {
        let alive = self.runs();
        let _ = self.child.kill();
        let status = self.child.wait().expect("our own child");
        // It may have ended between the look and the signal.
        alive && std::os::unix::process::ExitStatusExt::signal(&status) == Some(9)
    }

    /// Sends a signal by name: `INT`, `TERM`.
    pub fn signal(&self, name: &str) {
        signal(name, &self.id().to_string());
    }

    /// Waits until it ends.
    #[track_caller]
    pub fn wait(mut self, limit: Duration) -> Ended {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                return Ended { status, stdout: read(&self.stdout), stderr: read(&self.stderr) };
            }
            assert!(Instant::now() < end, "it still runs after {limit:?}; so far it said:\n{}", self.said());
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(file: impl AsRef<std::path::Path>) -> String {
    String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
}

/// Sends a signal to a process, or to a process group when `target` is negative.
pub fn signal(name: &str, target: &str) {
    // `kill` is built into every shell; the program of that name is not everywhere.
    let _ = Command::new("sh").args(["-c", "kill -s \"$0\" -- \"$1\"", name, target]).stderr(Stdio::null()).status();
}

/// `posthaste` with arguments.
pub fn posthaste<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
    command.args(arguments);
    command
}

/// Runs a program to its end.
#[track_caller]
pub fn run(scratch: &Scratch, name: &str, command: Command) -> Ended {
    Running::start(scratch, name, command).wait(PATIENCE)
}

/// Runs a program that must succeed; for tools.
#[track_caller]
pub fn tool(program: &str, arguments: &[&OsStr]) -> Vec<u8> {
    let done = Command::new(program).args(arguments).output().unwrap_or_else(|e| {
        panic!("{program} does not start ({e}); tests/mta/setup installs what the end-to-end tests need")
    });
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

/// `posthaste sink` as a process of its own.
pub struct SinkProcess {
    running: Running,
    pub address: String,
}

impl SinkProcess {
    /// Starts it on a port that the system chooses.
    pub fn start(scratch: &Scratch, arguments: &[&str]) -> Self {
        let command = posthaste(["sink", "--listen", "127.0.0.1:0", "--json"].iter().chain(arguments));
        let mut running = Running::start(scratch, "sink", command);
        let address = wait_for("the sink's address", PATIENCE, || {
            assert!(running.runs(), "the sink ended at once: {}", running.said());
            address_in(&running.said())
        });
        Self { running, address }
    }

    /// Ends it; what it counted.
    #[track_caller]
    pub fn stop(self) -> Value {
        self.running.signal("INT");
        self.running.wait(PATIENCE).expect_code(0).json()
    }
}

/// The first loopback address with a port other than 0, on a line that is complete.
fn address_in(said: &str) -> Option<String> {
    let (lines, _) = said.rsplit_once('\n')?;
    let (_, after) = lines.split_once("127.0.0.1:")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<u16>().ok().filter(|port| *port != 0).map(|port| format!("127.0.0.1:{port}"))
}
