// SPDX-License-Identifier: Apache-2.0
// Standard output and standard error: data goes to the first, messages to the second.

import CLinux
import Glibc
import Synchronization

/// A descriptor that is written to until its reader goes away. Any thread.
final class Stream: Sendable {
    let descriptor: Int32
    private let failed = Atomic<Bool>(false)
    private let turn = Mutex<Void>(())

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Whether something could not be written; what follows is dropped.
    var hasFailed: Bool { failed.load(ordering: .relaxed) }

    var isTerminal: Bool { isatty(descriptor) == 1 }

    func write(_ text: String) {
        var text = text
        text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
    }

    func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }

    private func write(_ bytes: UnsafeRawBufferPointer) {
        turn.withLock { _ in
            var at = 0
            while at < bytes.count, !hasFailed, let base = bytes.baseAddress {
                let count = Glibc.write(descriptor, base + at, bytes.count - at)
                if count >= 0 {
                    at += count
                } else if jf_errno() == EAGAIN {
                    // A terminal or pipe that somebody else made non-blocking.
                    var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&wanted, 1, -1)
                } else if jf_errno() != EINTR {
                    failed.store(true, ordering: .relaxed)
                }
            }
        }
    }
}

let standardOutput = Stream(1)
let standardError = Stream(2)

/// A message for people, on standard error.
func report(_ text: String) { standardError.write("jackfield: \(printable(text))\n") }
