// SPDX-License-Identifier: Apache-2.0
// Where the gateway keeps what outlives a run: staged plugins, probe verdicts.

import CLinux
import Glibc
import Synchronization

/// The state directory of this run.
public struct StateDirectory: Sendable {
    public let path: String
    /// Made for this run only; removed when the process exits in an orderly way.
    public let isTemporary: Bool

    /// The first that can be used of: `$XDG_STATE_HOME/jackfield`, `~/.local/state/jackfield`,
    /// `/var/lib/jackfield` (when it is there), a private directory under `/tmp`. The environment is not
    /// asked when the process was started with raised privileges (AT_SECURE). Nil: not even `/tmp` can be
    /// written.
    public static func standard() -> StateDirectory? {
        if jf_is_privileged() == 0 {
            // The XDG base directory specification: relative paths are invalid and ignored.
            if let state = environmentVariable("XDG_STATE_HOME"), state.hasPrefix("/") {
                if let usable = usable(state + "/jackfield", create: true) { return usable }
            } else if let home = environmentVariable("HOME"), home.hasPrefix("/"), home != "/" {
                if let usable = usable(home + "/.local/state/jackfield", create: true) { return usable }
            }
        }
        return usable("/var/lib/jackfield", create: false) ?? temporary()
    }

    /// A directory that exists for this run only.
    public static func temporary() -> StateDirectory? {
        var template = Array("/tmp/jackfield-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return nil }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        temporaryDirectories.withLock { known in
            if known.isEmpty { atexit(removeTemporaryDirectories) }
            known.append(path)
        }
        return StateDirectory(path: path, isTemporary: true)
    }

    private static func usable(_ path: String, create: Bool) -> StateDirectory? {
        if create, makeDirectories(path) != nil { return nil }
        guard access(path, W_OK | X_OK) == 0 else { return nil }
        return StateDirectory(path: path, isTemporary: false)
    }
}

private let temporaryDirectories = Mutex<[String]>([])

private func removeTemporaryDirectories() {
    for path in temporaryDirectories.withLock({ $0 }) { removeTree(path) }
}

/// A variable of the environment; nil when unset or empty.
func environmentVariable(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
}
