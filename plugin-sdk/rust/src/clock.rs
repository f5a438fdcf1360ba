// SPDX-License-Identifier: Apache-2.0
// The system's clocks, for plugins whose manifest does not name jf.clock/1.

use std::time::SystemTime;

/// CLOCK_MONOTONIC: `Instant` is made of it on Linux but does not tell its number.
pub(crate) fn monotonic_ns() -> u64 {
    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanoseconds: i64,
    }
    extern "C" {
        fn clock_gettime(clock: i32, out: *mut Timespec) -> i32;
    }
    const CLOCK_MONOTONIC: i32 = 1;
    let mut now = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: 64-bit Linux, where both members are 64 bits wide.
    unsafe { clock_gettime(CLOCK_MONOTONIC, &mut now) };
    now.seconds as u64 * 1_000_000_000 + now.nanoseconds as u64
}

pub(crate) fn unix_ns() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}
