//! A domain that is known costs its askers no memory: the directory's answer is made of what is there already.
#![expect(unsafe_code, reason = "an allocator that counts")]

use posthaste::base::clock::UnixTime;
use posthaste::engine::directory::{Directory, Question};
use posthaste::wire::dns::{Exchanger, Route};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that is ending counts no more.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[test]
fn a_known_domain_costs_no_allocation() {
    const DOMAINS: usize = 10_000;
    let directory = Directory::mx();
    let names: Vec<Arc<str>> = (0..DOMAINS).map(|n| format!("d{n}.example").into()).collect();
    for (n, name) in names.iter().enumerate() {
        let host: Arc<str> = format!("mx{}.example", n % 500).into();
        let route = Route {
            exchangers: vec![Exchanger::plain(10, host.clone(), vec![[192, 0, 2, 1].into()])],
            site: host,
            valid_for: Duration::from_secs(3600),
            skipped: Vec::new(),
            authentic: false,
        };
        directory.insert(&Question::Mx(name.clone()), route, UnixTime(0));
    }
    let before = ALLOCATIONS.with(Cell::get);
    let known = names.iter().filter(|name| directory.get(name, UnixTime(1)).is_some()).count();
    let allocations = ALLOCATIONS.with(Cell::get) - before;
    assert!(before > DOMAINS as u64, "the allocator counts");
    assert_eq!((known, allocations), (DOMAINS, 0));
}
