//! Setting the ring up, and saying what to do where the system refuses it.

use io_uring::IoUring;
use std::{fmt, fs, io};

/// The ring could not be set up: what was refused, the likely cause, and what mends it.
#[derive(Debug)]
pub struct SetupError {
    /// The call that was refused.
    pub call: &'static str,
    /// The system's answer.
    pub source: io::Error,
    cause: &'static str,
    hint: &'static str,
}

impl SetupError {
    pub(super) fn new(call: &'static str, source: io::Error) -> Self {
        let disabled = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
        let (cause, hint) = explain(source.raw_os_error().unwrap_or(0), disabled.trim());
        Self { call, source, cause, hint }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was refused: {}; {}\nhint: {}", self.call, self.source, self.cause, self.hint)
    }
}

impl std::error::Error for SetupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The likely cause of `errno`, given `/proc/sys/kernel/io_uring_disabled`, and the command that mends it.
fn explain(errno: i32, disabled: &str) -> (&'static str, &'static str) {
    match (errno, disabled) {
        (libc::EPERM, "1" | "2") => {
            ("io_uring is switched off by the sysctl kernel.io_uring_disabled", "sysctl -w kernel.io_uring_disabled=0")
        }
        (libc::EPERM | libc::EACCES | libc::ENOSYS, _) => (
            "a seccomp profile blocks io_uring (Docker's default one does), or the kernel was built without it",
            "docker run --security-opt seccomp=unconfined …, or a profile that allows io_uring_setup, io_uring_enter and \
             io_uring_register; under systemd, SystemCallFilter=@io-event io_uring_setup io_uring_enter io_uring_register",
        ),
        (libc::ENOMEM, _) => (
            "the limit of locked memory is too small, or memory is short",
            "ulimit -l unlimited, or LimitMEMLOCK=infinity in the systemd unit",
        ),
        (libc::EMFILE | libc::ENFILE, _) => {
            ("no file descriptor is left", "ulimit -n 65536, or LimitNOFILE=65536 in the systemd unit")
        }
        (libc::EINVAL, _) => (
            "the kernel is older than 6.1, or the ring's sizes are out of range",
            "run Linux 6.1 or newer; buffers are a power of two, at most 32768",
        ),
        _ => ("the cause is not known", "look at dmesg, and at the limits of the process"),
    }
}

/// Whether the system gives rings at all, so that it is known before anything else is tried with one.
///
/// # Errors
/// It refuses; the error says what mends that.
pub fn check() -> Result<(), SetupError> {
    build(8).map(drop)
}

/// A ring for one thread.
pub(super) fn build(submissions: u32) -> Result<IoUring, SetupError> {
    IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_taskrun_flag()
        // Completions come in bursts of many per submission: multishot receives, and a burst of accepts.
        .setup_cqsize(submissions.saturating_mul(8))
        .setup_clamp()
        .build(submissions)
        .map_err(|e| SetupError::new("io_uring_setup", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_its_cause_and_the_command_that_mends_it() {
        let text = |errno, disabled| {
            let (cause, hint) = explain(errno, disabled);
            format!("{cause} {hint}")
        };
        assert!(text(libc::EPERM, "2").contains("sysctl -w kernel.io_uring_disabled=0"));
        assert!(text(libc::EPERM, "0").contains("--security-opt seccomp="));
        assert!(text(libc::ENOSYS, "").contains("seccomp"));
        assert!(text(libc::ENOMEM, "0").contains("ulimit -l"));
        assert!(text(libc::EINVAL, "0").contains("6.1"));
        let error = SetupError::new("io_uring_setup", io::Error::from_raw_os_error(libc::ENOMEM)).to_string();
        assert!(error.starts_with("io_uring_setup was refused") && error.contains("\nhint: "), "{error}");
    }
}
