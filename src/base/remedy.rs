//! What to do where the system refuses to open or to make a file, or to let it grow.
//!
//! Guarantees: whoever writes files tells the same remedy for the same error. Leaves to others: what is said besides it.

use std::io::{self, ErrorKind};

/// The remedy; `None` where the error says enough, or is none of the system's: then it has its words already.
#[must_use]
pub fn of(error: &io::Error) -> Option<&'static str> {
    let number = error.raw_os_error()?;
    match error.kind() {
        _ if matches!(number, libc::EMFILE | libc::ENFILE) => {
            Some("raise the limit on open files (ulimit -n, LimitNOFILE= of systemd)")
        }
        ErrorKind::PermissionDenied => {
            Some("run this as the user whose file it is (ls -l names them), or give it to this user (chown, chmod)")
        }
        ErrorKind::StorageFull => Some("make room on that file system"),
        ErrorKind::QuotaExceeded => Some("make room within that quota, or have it raised"),
        ErrorKind::FileTooLarge => Some("raise the limit on the size of files (ulimit -f, LimitFSIZE= of systemd)"),
        ErrorKind::ReadOnlyFilesystem => Some("remount it read-write, or name another place"),
        ErrorKind::IsADirectory => Some("a directory lies in the place of that file: move it away"),
        _ => None,
    }
}

/// The error, and on a line of its own the hint.
#[must_use]
pub fn told(error: &io::Error) -> String {
    of(error).map_or_else(|| error.to_string(), |remedy| format!("{error}\nhint: {remedy}"))
}

/// The error and the remedy on one line, for a log.
#[must_use]
pub fn in_line(error: &io::Error) -> String {
    of(error).map_or_else(|| error.to_string(), |remedy| format!("{error}; hint: {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_refuses_has_a_remedy_and_words_of_others_stay_as_they_are() {
        // ENOSPC, EDQUOT, EFBIG, EROFS, EISDIR, EMFILE, ENFILE, EACCES, EPERM.
        for (number, word) in [
            (28, "room"),
            (122, "quota"),
            (27, "ulimit -f"),
            (30, "read-write"),
            (21, "move it away"),
            (24, "ulimit -n"),
            (23, "ulimit -n"),
            (13, "chown"),
            (1, "chown"),
        ] {
            let error = io::Error::from_raw_os_error(number);
            assert!(told(&error).contains("\nhint: ") && told(&error).contains(word), "{}", told(&error));
            assert!(in_line(&error).contains("; hint: ") && !in_line(&error).contains('\n'));
            let worded = io::Error::new(error.kind(), "cannot write x: full\nhint: make room");
            assert_eq!(told(&worded), worded.to_string());
        }
    }
}
