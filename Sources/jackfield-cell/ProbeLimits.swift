// SPDX-License-Identifier: Apache-2.0
// What a plugin may use while it is rehearsed.

import CLinux
import Glibc

/// Set by the cell on itself before it touches the plugin; a limit that was lowered cannot be raised again
/// without privileges.
enum ProbeLimits {
    /// Seconds of processor time.
    static let processorTime: UInt64 = 5
    /// Bytes of address space: generous, since runtimes reserve far more than they use.
    static let addressSpace: UInt64 = 16 << 30
    static let descriptors: UInt64 = 256

    /// Nil: done; else what failed. Closes every descriptor but the standard ones and `kept`.
    static func apply(keeping kept: Int32) -> String? {
        // With the host's end, nobody waits for the verdict any more.
        jf_set_parent_death_signal(SIGKILL)
        jf_set_no_new_privileges()
        // Crashes are expected here and must not be reported as the gateway's.
        jf_set_dumpable(0)
        jf_close_range(3, UInt32(kept) - 1, 0)
        jf_close_range(UInt32(kept) + 1, .max, 0)
        var limits = [
            (JF_LIMIT_CORE, UInt64(0), "CORE"), (JF_LIMIT_FILES, descriptors, "NOFILE"),
            (JF_LIMIT_CPU, processorTime + 1, "CPU"),
        ]
        // Sanitizers reserve terabytes.
        if jf_is_sanitized() == 0 { limits.append((JF_LIMIT_ADDRESS_SPACE, addressSpace, "AS")) }
        for (resource, value, name) in limits where jf_set_limit(resource, value) != 0 {
            // A stricter hard limit that was set from outside is just as good.
            guard jf_errno() != EPERM else { continue }
            return "cannot set the resource limit \(name)"
        }
        // The soft limit sends SIGXCPU, which tells why; the hard one would only kill.
        if jf_set_soft_limit(JF_LIMIT_CPU, processorTime) != 0 { return "cannot set the resource limit CPU" }
        return nil
    }
}
