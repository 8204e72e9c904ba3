//! The `shardway` binary.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    env,
    process::ExitCode,
};

fn main() -> ExitCode {
    shardway::cli::run(env::args_os(), allocations_of_this_thread)
}

/// The system's allocator, counting for each thread what it is asked for.
///
/// The count is how `shardway bench` shows that a lookup allocates nothing. It costs one addition in thread-local memory
/// per allocation. It is here because implementing an allocator takes `unsafe`, which the library forbids.
struct CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

thread_local! {
    // Constant and without a destructor: reading it never allocates, even while its thread is being torn down.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn allocations_of_this_thread() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

fn count() {
    ALLOCATIONS.with(|allocations| allocations.set(allocations.get() + 1));
}

#[expect(unsafe_code, reason = "an allocator cannot be written without")]
// SAFETY: all four methods pass their arguments on to the system's allocator and return what it returns.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}
