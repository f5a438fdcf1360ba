// SPDX-License-Identifier: Apache-2.0
// Runs a short-lived child process to its end and collects what it wrote.

import CLinux
import Glibc

/// A child that is waited for: for the probe, on the control plane. Blocks the calling thread.
enum ChildProcess {
    struct Fault: Error { let text: String }

    struct End {
        var status: Int32 = 0
        /// The signal that ended it, 0 when it exited.
        var signal: Int32 = 0
        var isTimedOut = false
        var output: [UInt8] = []
        var errors: [UInt8] = []
        var nanoseconds: UInt64 = 0
    }

    /// Most bytes kept of each stream; the rest is read and dropped.
    static let outputLimit = 64 * 1024

    /// The least weight there is, a seventieth of an ordinary process's: beside a busy event loop on the same
    /// processor 10 ms take most of a second, and the loop's calls hardly notice.
    private static let yieldingNiceness: Int32 = 19

    /// Runs a program with an empty standard input, default signals and a process group of its own, which is
    /// killed when `timeout` nanoseconds are over.
    ///
    /// - Parameter yields: it gets processor time only where nobody else wants it, or nearly so.
    static func run(
        _ program: String, _ arguments: [String], environment: [String], timeout: UInt64, yields: Bool = false
    ) throws(Fault) -> End {
        let start = jf_monotonic_ns()
        let output = try Pipe()
        let errors = try Pipe()
        let child = try spawn(program, arguments, environment, output, errors)
        // Where that is not allowed it runs like any other.
        if yields {
            _ = setpriority(
                __priority_which_t(PRIO_PROCESS.rawValue), id_t(child), ChildProcess.yieldingNiceness)
        }
        output.closeWriter()
        errors.closeWriter()
        let pidfd = jf_pidfd_open(child)
        guard pidfd >= 0 else {
            let why = jf_errno()
            kill(-child, SIGKILL)
            var status: Int32 = 0
            waitpid(child, &status, 0)
            throw Fault(text: "cannot watch a child process: \(errorText(why))")
        }
        defer { close(pidfd) }
        var end = collect(child, pidfd, output, errors, deadline: start &+ timeout)
        end.nanoseconds = jf_monotonic_ns() - start
        return end
    }

    private static func collect(
        _ child: pid_t, _ pidfd: Int32, _ output: Pipe, _ errors: Pipe, deadline: UInt64
    ) -> End {
        var end = End()
        var exit = jf_exit()
        var watched = [
            pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0),
            pollfd(fd: output.reader, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errors.reader, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            let now = jf_monotonic_ns()
            if now >= deadline, !end.isTimedOut {
                end.isTimedOut = true
                kill(-child, SIGKILL)
                jf_pidfd_send_signal(pidfd, SIGKILL)
            }
            // Once killed, it ends soon, whatever the deadline says.
            let left = end.isTimedOut ? 1000 : Int32(clamping: (deadline - now) / 1_000_000 + 1)
            _ = poll(&watched, nfds_t(watched.count), left)
            if !output.drain(into: &end.output) { watched[1].fd = -1 }
            if !errors.drain(into: &end.errors) { watched[2].fd = -1 }
            guard watched[0].revents != 0 else { continue }
            jf_pidfd_wait(pidfd, 1, &exit)
            // What it wrote last is in the pipe by now; its own children may keep the pipe open, so no end is
            // waited for, and they go with it.
            kill(-child, SIGKILL)
            _ = output.drain(into: &end.output)
            _ = errors.drain(into: &end.errors)
            end.status = exit.status
            end.signal = exit.signal
            return end
        }
    }

    private static func spawn(
        _ program: String, _ arguments: [String], _ environment: [String], _ output: Pipe,
        _ errors: Pipe
    ) throws(Fault) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.writer, 1)
        posix_spawn_file_actions_adddup2(&actions, errors.writer, 2)
        var all = sigset_t()
        var none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var words = ([program] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        defer { for text in words + variables { free(text) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, program, &actions, &attributes, &words, &variables)
        guard failure == 0 else { throw Fault(text: "cannot run \(program): \(errorText(failure))") }
        return child
    }

    /// A pipe whose ends close with it.
    private final class Pipe {
        let reader: Int32
        private(set) var writer: Int32

        init() throws(Fault) {
            var ends: [Int32] = [-1, -1]
            guard jf_pipe2(&ends, O_CLOEXEC) == 0, jf_set_nonblocking(ends[0], 1) == 0 else {
                let why = jf_errno()
                throw Fault(text: "cannot make a pipe: \(errorText(why))")
            }
            reader = ends[0]
            writer = ends[1]
        }

        deinit {
            close(reader)
            closeWriter()
        }

        func closeWriter() {
            guard writer >= 0 else { return }
            close(writer)
            writer = -1
        }

        /// Takes what is there, but not for ever from a child that writes without end. False: nothing more
        /// will come.
        func drain(into bytes: inout [UInt8]) -> Bool {
            for _ in 0..<32 {
                var got = 0
                let chunk = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
                    got = read(reader, buffer.baseAddress, 4096)
                    count = max(0, got)
                }
                if got == 0 { return false }
                if got < 0 { return jf_errno() == EAGAIN || jf_errno() == EINTR }
                bytes += chunk.prefix(max(0, outputLimit - bytes.count))
            }
            return true
        }
    }
}
