//! The provided-buffer ring: memory that the kernel fills with what it receives (io_uring_register_buf_ring(3)).
//!
//! Guarantees: the memory lives as long as the value; a buffer is offered to the kernel only while nobody on our side
//! holds it, so giving one back twice does nothing. Leaves to others: dropping the ring before this value.

use io_uring::IoUring;
use io_uring::types::BufRingEntry;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

/// The only buffer group of a ring.
pub(super) const GROUP: u16 = 1;

/// Who has a buffer now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Kernel,
    Us,
}

/// Anonymous, zeroed memory.
struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

impl Mapping {
    #[expect(unsafe_code, reason = "page-aligned memory that the kernel shares")]
    fn new(bytes: usize) -> io::Result<Self> {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: an anonymous mapping at an address of the kernel's choice touches no memory of ours.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, prot, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, bytes })
    }
}

impl Drop for Mapping {
    #[expect(unsafe_code, reason = "gives the mapping back")]
    fn drop(&mut self) {
        // SAFETY: exactly the range that `new` mapped, and no slice of it outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// Buffers of one size, shared with the kernel.
pub(super) struct BufRing {
    entries: Mapping,
    memory: Mapping,
    holders: Box<[Holder]>,
    size: u32,
    /// Entries written; the kernel sees them after [`BufRing::publish`].
    tail: u16,
    available: usize,
}

impl BufRing {
    /// Registers `count` (a power of two, at most 32768) buffers of `size` octets with `ring`.
    #[expect(unsafe_code, reason = "registers memory with the kernel")]
    pub(super) fn new(ring: &IoUring, count: u16, size: u32) -> io::Result<Self> {
        if !count.is_power_of_two() || size == 0 {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let entries = Mapping::new(usize::from(count) * size_of::<BufRingEntry>())?;
        let memory = Mapping::new(usize::from(count) * size as usize)?;
        // SAFETY: the mapping holds `count` entries and lives in `Self`, which its owner drops after the ring.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(entries.start.as_ptr() as u64, count, GROUP, 0)?;
        }
        let holders = vec![Holder::Us; usize::from(count)].into_boxed_slice();
        let mut buffers = Self { entries, memory, holders, size, tail: 0, available: 0 };
        for id in 0..count {
            buffers.give(id);
        }
        buffers.publish();
        Ok(buffers)
    }

    /// How many buffers the kernel has, or will have after [`BufRing::publish`].
    pub(super) fn available(&self) -> usize {
        self.available
    }

    /// The kernel filled `id`: it is ours until [`BufRing::give`].
    pub(super) fn hold(&mut self, id: u16) {
        if let Some(holder) = self.holders.get_mut(usize::from(id))
            && *holder == Holder::Kernel
        {
            *holder = Holder::Us;
            self.available -= 1;
        }
    }

    /// The first `len` octets of buffer `id`; empty for a number that is none of ours.
    #[expect(unsafe_code, reason = "reads memory that the kernel wrote")]
    pub(super) fn slice(&self, id: u32, len: u32) -> &[u8] {
        let index = id as usize;
        if self.holders.get(index) != Some(&Holder::Us) || len > self.size {
            return &[];
        }
        // SAFETY: inside the mapping, by the checks above; zeroed at first, so initialised; the kernel does not write to
        // a buffer that it does not hold, and it only writes inside io_uring_enter, for which the owner needs `&mut`.
        unsafe {
            let start = self.memory.start.as_ptr().add(index * self.size as usize);
            std::slice::from_raw_parts(start, len as usize)
        }
    }

    /// Offers buffer `id` to the kernel again, seen at the next [`BufRing::publish`].
    #[expect(unsafe_code, reason = "writes an entry of the shared ring")]
    pub(super) fn give(&mut self, id: u16) {
        let index = usize::from(id);
        match self.holders.get_mut(index) {
            Some(holder) if *holder == Holder::Us => *holder = Holder::Kernel,
            _ => return,
        }
        let place = usize::from(self.tail) & (self.holders.len() - 1);
        // SAFETY: `place` is below the number of entries, a power of two; the kernel reads entries only below the
        // published tail, and at most as many as there are buffers are out, so it does not read this one now. The
        // memory address is inside the mapping.
        unsafe {
            let entry = &mut *self.entries.start.as_ptr().cast::<BufRingEntry>().add(place);
            entry.set_addr(self.memory.start.as_ptr().add(index * self.size as usize) as u64);
            entry.set_len(self.size);
            entry.set_bid(id);
        }
        self.tail = self.tail.wrapping_add(1);
        self.available += 1;
    }

    /// Lets the kernel see the buffers given since the last call.
    #[expect(unsafe_code, reason = "the tail lies in memory shared with the kernel")]
    pub(super) fn publish(&mut self) {
        // SAFETY: the first entry of a registered ring holds the tail; it is aligned for a u16 and only we write it.
        unsafe {
            let tail = BufRingEntry::tail(self.entries.start.as_ptr().cast()).cast_mut();
            AtomicU16::from_ptr(tail).store(self.tail, Ordering::Release);
        }
    }
}
