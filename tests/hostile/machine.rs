//! What std does not offer: how much memory this thread holds, and two options of sockets.
#![expect(unsafe_code, reason = "an allocator that counts, and setsockopt")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

thread_local! {
    /// Octets that this thread has allocated and not freed; and the most that was.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn count(octets: isize) {
    // A thread that is ending counts no more.
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        held.set((now + octets, most.max(now + octets)));
    });
}

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Runs `work`; also the most octets that this thread held meanwhile, above what it held before.
pub fn most_held<T>(work: impl FnOnce() -> T) -> (T, isize) {
    let before = HELD.with(|held| {
        let (now, _) = held.get();
        held.set((now, now));
        now
    });
    let made = work();
    (made, HELD.with(|held| held.get().1) - before)
}

fn set<T>(fd: i32, option: i32, value: &T) {
    // SAFETY: the value outlives the call, and its size is told.
    let result = unsafe {
        libc::setsockopt(fd, libc::SOL_SOCKET, option, std::ptr::from_ref(value).cast(), size_of::<T>() as u32)
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

/// Makes the close of the last handle reset the connection.
pub fn reset_on_close(stream: &TcpStream) {
    set(stream.as_raw_fd(), libc::SO_LINGER, &libc::linger { l_onoff: 1, l_linger: 0 });
}

/// What this listener accepts holds little of what is not read.
pub fn small_receive_buffer(listener: &TcpListener) {
    set(listener.as_raw_fd(), libc::SO_RCVBUF, &16_384_i32);
}
