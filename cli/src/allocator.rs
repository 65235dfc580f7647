//! jemalloc in place of the C library's allocator.
//!
//! Entries are made on one thread and freed on another, minutes later: the C library's allocator keeps a third more
//! memory for that, and takes longer (docs/performance.md). jemalloc defines `malloc` and its kin itself, since a
//! `#[global_allocator]` hides from the compiler that memory comes zeroed: sled's 20 MiB of unused counters would be
//! written at the start. Naming the functions has the linker take them.

use std::ffi::{c_int, c_void};
use tikv_jemalloc_sys as jemalloc;

#[used]
static MALLOC: unsafe extern "C" fn(usize) -> *mut c_void = jemalloc::malloc;
#[used]
static CALLOC: unsafe extern "C" fn(usize, usize) -> *mut c_void = jemalloc::calloc;
#[used]
static REALLOC: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void = jemalloc::realloc;
#[used]
static ALIGNED: unsafe extern "C" fn(*mut *mut c_void, usize, usize) -> c_int = jemalloc::posix_memalign;
#[used]
static FREE: unsafe extern "C" fn(*mut c_void) = jemalloc::free;
