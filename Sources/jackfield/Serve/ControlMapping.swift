// SPDX-License-Identifier: Apache-2.0
// From `runtime.control` to users and groups of this machine.

import Configuration
import Glibc
import JackfieldCore

extension ControlAccess {
    /// Looks the names up. One that this machine does not have lets nobody in, and the log says so.
    init(_ control: Configuration.Runtime.Control, _ log: Log) {
        self.init()
        func members(_ names: [String], _ key: String) -> Members {
            var members = Members()
            for name in names {
                if name.hasPrefix("group:") {
                    if let group = groupNumber(String(name.dropFirst(6))) {
                        members.groups.insert(group)
                        continue
                    }
                } else if let user = userNumber(name) {
                    members.users.insert(user)
                    continue
                }
                log.write(
                    .warning, "a name under runtime.control is unknown on this machine and lets nobody in",
                    [.init("key", key), .init("name", name)])
            }
            return members
        }
        operators = members(control.operators, "operators")
        approvers = members(control.approvers, "approvers")
        viewers = members(control.viewers, "viewers")
    }
}

/// A name, or a number that stands for itself.
private func userNumber(_ name: String) -> UInt32? {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var space = [CChar](repeating: 0, count: 16_384)
    guard getpwnam_r(name, &entry, &space, space.count, &found) == 0, let found else {
        return UInt32(name).flatMap { $0 == .max ? nil : $0 }
    }
    return found.pointee.pw_uid
}

private func groupNumber(_ name: String) -> UInt32? {
    var entry = group()
    var found: UnsafeMutablePointer<group>?
    // Members are part of it.
    var space = [CChar](repeating: 0, count: 1 << 20)
    guard getgrnam_r(name, &entry, &space, space.count, &found) == 0, let found else {
        return UInt32(name).flatMap { $0 == .max ? nil : $0 }
    }
    return found.pointee.gr_gid
}
