//! The few things of the process itself that std has no face for: its end at once, its signals, its users.

use std::ffi::{CStr, CString};
use std::io;

/// Ends the process now: no destructor runs, nothing is waited for. What must last is on stable storage already.
pub fn end_now(code: u8) -> ! {
    #[expect(unsafe_code, reason = "std's exit runs what may wait for a terminal that nobody reads")]
    // SAFETY: it takes a number and does not return.
    unsafe {
        libc::_exit(i32::from(code))
    }
}

/// Whether this process was started with the signal ignored, as `nohup` does.
#[must_use]
pub fn ignores(signal: i32) -> bool {
    let mut found = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    #[expect(unsafe_code, reason = "sigaction has no safe face in std")]
    // SAFETY: with a null action it only writes `found`, which is as large as it writes and read only when it succeeded.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), found.as_mut_ptr()) == 0
            && found.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Has these signals arrived, also where this process was started with them blocked: those that waited arrive now.
///
/// # Errors
/// The system refuses.
pub fn unblock(signals: &[i32]) -> io::Result<()> {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    #[expect(unsafe_code, reason = "the mask of signals has no safe face in std")]
    // SAFETY: `set` is initialised by the first call and as large as all of them read and write.
    let refused = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), std::ptr::null_mut())
    };
    if refused == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(refused)) }
}

/// What is made from here on has none of these permissions.
pub fn set_umask(mask: u32) {
    #[expect(unsafe_code, reason = "umask has no safe face in std")]
    // SAFETY: it takes a number and cannot fail.
    unsafe {
        libc::umask(mask as libc::mode_t);
    }
}

/// Whether this process is root's: what it makes is root's too.
#[must_use]
pub fn is_root() -> bool {
    #[expect(unsafe_code, reason = "geteuid has no safe face in std")]
    // SAFETY: it takes nothing and cannot fail.
    unsafe {
        libc::geteuid() == 0
    }
}

/// What a user is called; a number that no user has is written as `sudo -u` takes it.
#[must_use]
pub fn user_name(id: u32) -> String {
    const OCTETS: usize = 64 * 1024;
    let mut entry = std::mem::MaybeUninit::<libc::passwd>::uninit();
    let mut text = vec![0; OCTETS];
    let mut found = std::ptr::null_mut();
    #[expect(unsafe_code, reason = "getpwuid_r has no safe face in std")]
    // SAFETY: `entry` and `text` are as large as the call is told; `found` is null or leads to `entry`, which is then written,
    // and whose name is a C string in `text`.
    let name = unsafe {
        libc::getpwuid_r(id, entry.as_mut_ptr(), text.as_mut_ptr(), text.len(), &raw mut found);
        found.as_ref().map(|user| CStr::from_ptr(user.pw_name).to_string_lossy().into_owned())
    };
    name.unwrap_or_else(|| format!("#{id}"))
}

/// The number of a group, by its name or written as a number.
///
/// # Errors
/// There is no such group (`NotFound`), or the system cannot say.
pub fn group_id(name: &str) -> io::Result<u32> {
    const OCTETS: usize = 64 * 1024;
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let wanted = CString::new(name)?;
    let mut entry = std::mem::MaybeUninit::<libc::group>::uninit();
    let mut text = vec![0; OCTETS];
    let mut found = std::ptr::null_mut();
    #[expect(unsafe_code, reason = "getgrnam_r has no safe face in std")]
    // SAFETY: `wanted` is a C string, `entry` and `text` are as large as the call is told, and `found` is null or leads to
    // `entry`, which is then written.
    let (error, id) = unsafe {
        let error =
            libc::getgrnam_r(wanted.as_ptr(), entry.as_mut_ptr(), text.as_mut_ptr(), text.len(), &raw mut found);
        (error, found.as_ref().map(|group| group.gr_gid))
    };
    match (error, id) {
        (0, Some(id)) => Ok(id),
        (0, None) => Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no group {name}"))),
        (error, _) => Err(io::Error::from_raw_os_error(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_name_and_by_number() {
        assert_eq!(group_id("root").ok(), Some(0));
        assert_eq!(group_id("4711").ok(), Some(4711));
        assert_eq!(group_id("no such group").map_err(|e| e.kind()), Err(io::ErrorKind::NotFound));
    }

    #[test]
    fn users_have_their_names_or_their_numbers() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(3_999_999_999), "#3999999999");
    }

    #[test]
    fn what_this_process_ignores_is_known() {
        // Rust's start-up code does.
        assert!(ignores(libc::SIGPIPE));
        assert!(!ignores(libc::SIGUSR2));
    }
}
