// SPDX-License-Identifier: Apache-2.0
// The way to a running gateway for its operator: a socket in the state directory, JSON lines both ways.

import CJackfield
import CLinux
import Glibc
import JSON

/// Where gateways can be reached: `DIR/run/PID.sock`, for the same user, root, and whom the configuration names.
public enum ControlPlace {
    public static func directory(_ stateDirectory: String) -> String { stateDirectory + "/run" }

    static func name(_ pid: pid_t) -> String { "\(pid).sock" }

    /// What a request that changes something must show. The socket alone proves the user; a plugin in a cell is the same
    /// user, and Landlock keeps it from files such as this one, not from sockets with a name.
    static func keyPath(_ directory: String, _ pid: pid_t) -> String { "\(directory)/\(pid).key" }

    /// The key of the gateway with that process id; nil: it cannot be read.
    public static func key(_ directory: String, _ pid: pid_t) -> String? {
        let fd = open(keyPath(directory, pid), O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = read(fd, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }

    /// Writes a new key; nil with errno.
    static func makeKey(_ directory: String) -> String? {
        var seed: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let filled = withUnsafeMutableBytes(of: &seed) { getrandom($0.baseAddress, $0.count, 0) }
        guard filled == MemoryLayout.size(ofValue: seed) else { return nil }
        let key = [seed.0, seed.1, seed.2, seed.3].map { String($0, radix: 36) }.joined(separator: "-")
        let path = keyPath(directory, getpid())
        unlink(path)
        let fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        let bytes = Array(key.utf8)
        return write(fd, bytes, bytes.count) == bytes.count ? key : nil
    }

    /// Process ids with a socket there, alive or not, in ascending order.
    public static func found(_ directory: String) -> [pid_t] {
        (directoryEntries(directory) ?? []).compactMap { name in
            name.hasSuffix(".sock") ? pid_t(name.dropLast(5)) : nil
        }.sorted()
    }

    /// Connects; nil with errno. ECONNREFUSED: nobody listens there any more.
    public static func connect(_ directory: String, _ pid: pid_t) -> Int32? {
        let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard fd >= 0 else { return nil }
        let status = withAddress(directory, pid) { Glibc.connect(fd, $0, $1) }
        if status == 0 { return fd }
        let why = jf_errno()
        close(fd)
        jf_set_errno(why)
        return nil
    }

    /// The directory may have any length, unlike a socket's address: it is named by a descriptor.
    static func withAddress(
        _ directory: String, _ pid: pid_t, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return -1 }
        defer { close(folder) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array("/proc/self/fd/\(folder)/\(name(pid))".utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

/// The listening side. Belongs to the control loop.
final class ControlDoor {
    /// Guests at a time, those of one other user, and bytes of one request: an operator of another user sends a
    /// configuration's text, as the gateway may not read their file.
    private static let guests = 16
    private static let guestsOfOneUser = 4
    private static let lineLimit = 64 << 10
    private static let textLimit = 1536 << 10

    unowned let gateway: Gateway
    private let directory: String
    private let key: String
    private let fd: Int32
    private var watch: UInt64 = 0
    private var open: [ControlGuest] = []
    private var isClosed = false

    /// Nil: it cannot be opened, and the log says why; the gateway does without.
    init?(_ gateway: Gateway, _ directory: String) {
        func complain(_ text: String) {
            gateway.log.write(
                .warning,
                "commands such as 'jackfield plugin swap' and 'jackfield drain' cannot reach this gateway",
                [.init("why", text)])
        }
        self.gateway = gateway
        self.directory = directory
        if let failure = makeDirectories(directory) {
            complain("cannot create \(failure)")
            return nil
        }
        _ = chmod(directory, 0o700)
        // Sockets of gateways that were killed.
        for pid in ControlPlace.found(directory) {
            if let peer = ControlPlace.connect(directory, pid) {
                Glibc.close(peer)
            } else if jf_errno() == ECONNREFUSED {
                unlink(directory + "/" + ControlPlace.name(pid))
                unlink(ControlPlace.keyPath(directory, pid))
            }
        }
        guard let key = ControlPlace.makeKey(directory) else {
            complain("\(ControlPlace.keyPath(directory, getpid())): \(errorText(jf_errno()))")
            return nil
        }
        self.key = key
        fd = socket(AF_UNIX, JF_SOCK_STREAM, 0)
        // Before it has a name: nobody else can connect at any time.
        guard fd >= 0, fchmod(fd, 0o600) == 0,
            ControlPlace.withAddress(directory, getpid(), { bind(fd, $0, $1) }) == 0, listen(fd, 8) == 0
        else {
            complain("\(directory)/\(ControlPlace.name(getpid())): \(errorText(jf_errno()))")
            if fd >= 0 { Glibc.close(fd) }
            return nil
        }
        watch = gateway.control.watch(
            fd, UInt32(JF_READABLE), doorReady, Unmanaged.passUnretained(self).toOpaque())
        openPath()
    }

    /// Lets those come whom the configuration names.
    func openPath() {
        guard let why = ControlPlace.openPath(directory, gateway.controlAccess) else { return }
        gateway.log.write(
            .warning, "those whom runtime.control names may not reach this gateway", [.init("why", why)])
    }

    deinit { close() }

    /// Removes the socket; guests who still hear of something keep their connection until the process ends.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        gateway.control.unwatch(watch)
        Glibc.close(fd)
        unlink(directory + "/" + ControlPlace.name(getpid()))
        unlink(ControlPlace.keyPath(directory, getpid()))
    }

    fileprivate func accept() {
        while true {
            let peer = jf_accept4(fd, nil, nil, JF_SOCK_ACCEPTED)
            guard peer >= 0 else { return }
            guard let who = ControlPeer(peer, gateway.controlAccess), open.count < Self.guests,
                who.isOwn || open.count(where: { $0.user == who.user }) < Self.guestsOfOneUser
            else {
                Glibc.close(peer)
                continue
            }
            let isLong = !who.isOwn && who.role == .operator
            open.append(ControlGuest(peer, self, who, limit: isLong ? Self.textLimit : Self.lineLimit))
        }
    }

    func left(_ guest: ControlGuest) { open.removeAll { $0 === guest } }

    /// One request.
    func handle(_ line: ArraySlice<UInt8>, _ guest: ControlGuest) {
        guard let request = try? JSONValue(parsing: line), let what = request["do"]?.string else {
            return guest.refuse("a request is one line of JSON with a member 'do'")
        }
        guard Self.right(what, request["action"]?.string).isOf(guest.role) else {
            let text = "'\(what)' is not for \(guest.role.word)s; see runtime.control"
            gateway.recordRequest(request, by: guest.user, denied: text)
            return guest.refuse(text)
        }
        switch what {
        case "generations":
            gateway.surveyGenerations { list in
                guest.say(.object([.init("generations", .array(list.map(\.json)))]))
                guest.end()
            }
        case "swap":
            guard let id = request["plugin"]?.string, let file = request["file"]?.string,
                file.hasPrefix("/")
            else { return guest.refuse("a swap needs 'plugin' and an absolute 'file'") }
            guard mayChange(request, guest) else { return }
            // The last word comes on the control loop, like all others.
            gateway.swapPlugin(id, file: file) { report in
                guest.say(report.json)
                if report.isFinal { guest.end() }
            }
        case "restart":
            guard let id = request["plugin"]?.string else { return guest.refuse("a restart needs 'plugin'") }
            guard mayChange(request, guest) else { return }
            gateway.restartCells(of: id) { isDone, text in
                guest.say(.object([.init(isDone ? "done" : "error", .string(text))]))
                guest.end()
            }
        case "clear":
            guard mayChange(request, guest) else { return }
            gateway.clearCaches(of: request["server"]?.string) { isDone, text in
                guest.say(.object([.init(isDone ? "done" : "error", .string(text))]))
                guest.end()
            }
        case "explain": explain(request, guest)
        default:
            if handleTraffic(what, request, guest) || handleRecords(what, request, guest) { return }
            let known =
                (["clear", "explain", "generations", "restart", "swap"] + Self.trafficRequests
                + Self.recordRequests)
                .sorted()
            guest.refuse("unknown request '\(what)'; there are: \(known.joined(separator: ", "))")
        }
    }

    /// Whether whoever asks can read the key, which proves more than the socket does; of another user the kernel has said
    /// enough. What is asked goes on record with what comes of it.
    func mayChange(_ request: JSONValue, _ guest: ControlGuest) -> Bool {
        if !guest.isOwn || request["key"]?.string == key {
            if request["do"]?.string == "swap" {
                gateway.recordRequest(request, by: guest.user, isBegin: true)
            }
            guest.asked = request
            return true
        }
        gateway.recordRequest(request, by: guest.user, denied: "the gateway's key is missing")
        guest.refuse(
            "this changes the gateway and needs its key, which is in \(ControlPlace.keyPath(directory, getpid()))"
        )
        return false
    }
}

/// One operator's connection. Belongs to the control loop; named elsewhere only (`@unchecked Sendable`).
final class ControlGuest: @unchecked Sendable {
    private let fd: Int32
    /// Whose process it is, as the kernel says.
    let user: uid_t
    let role: ControlRole
    let isOwn: Bool
    /// What it may change and asked for, until that is on record; what came of it so far.
    var asked: JSONValue?
    private var hasAnswer = false
    private var failure: String?
    private weak var door: ControlDoor?
    private let limit: Int
    private var watch: UInt64 = 0
    private var input: [UInt8] = []
    private var seen = 0
    private var isOpen = true

    /// Whether it still listens.
    var isThere: Bool { isOpen }

    init(_ fd: Int32, _ door: ControlDoor, _ who: ControlPeer, limit: Int) {
        self.fd = fd
        user = who.user
        role = who.role
        isOwn = who.isOwn
        self.door = door
        self.limit = limit
        watch = door.gateway.control.watch(
            fd, UInt32(JF_READABLE), guestReady, Unmanaged.passUnretained(self).toOpaque())
    }

    fileprivate func read() {
        var part = [UInt8](repeating: 0, count: 4096)
        while isOpen {
            let count = Glibc.read(fd, &part, part.count)
            guard count > 0 else {
                if count == 0 || jf_errno() != EAGAIN { end() }
                return
            }
            input.append(contentsOf: part[..<count])
            let start = seen
            seen = input.count
            if let end = input[start...].firstIndex(of: 10) {
                seen = 0
                let line = input[..<end]
                input = []
                door?.handle(line, self)
            } else if input.count > limit {
                refuse("the request is longer than \(limit) bytes")
            }
        }
    }

    /// One line. What a guest does not read is not kept for it: it is let go.
    func say(_ value: JSONValue) {
        guard isOpen else { return }
        hasAnswer = true
        failure = Self.failure(value)
        let bytes = value.serialized() + [10]
        let count = bytes.withUnsafeBytes { send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count != bytes.count { end() }
    }

    /// Why an answer says that nothing came of it.
    private static func failure(_ answer: JSONValue) -> String? {
        if let error = answer["error"]?.string { return error }
        let text = answer["text"]?.string ?? ""
        if let step = answer["step"]?.string {
            let isFailure = [SwapReport.Step.rolledBack, .refused].contains { $0.rawValue == step }
            return isFailure ? text : nil
        }
        return answer["final"]?.bool == true && answer["done"]?.bool == false ? text : nil
    }

    func refuse(_ text: String) {
        say(.object([.init("error", .string(text))]))
        end()
    }

    func end() {
        guard isOpen else { return }
        isOpen = false
        if let asked {
            self.asked = nil
            door?.gateway.recordRequest(asked, by: user, failed: failure, hasLeft: !hasAnswer)
        }
        door?.gateway.control.unwatch(watch)
        close(fd)
        door?.left(self)
    }
}

extension SwapReport {
    var json: JSONValue {
        .object([
            .init("step", .string(step.rawValue)), .init("plugin", .string(plugin)),
            .init("generation", .number(String(generation))), .init("text", .string(text)),
            .init("final", .bool(isFinal)),
        ])
    }
}

extension GenerationSummary {
    var json: JSONValue {
        .object([
            .init("plugin", .string(plugin)), .init("generation", .number(String(number))),
            .init("version", .string(version)), .init("sha256", .string(digest)),
            .init("path", .string(path)), .init("state", .string(state)),
            .init("reason", .string(reason)), .init("placement", .string(placement)),
            .init("instances", .number(String(instances))), .init("open_calls", .number(String(openCalls))),
            .init("channels", .number(String(channels))), .init("clients", .number(String(clients))),
            .init("calls", .number(String(calls))), .init("failures", .number(String(failures))),
            .init("cells", .array(cells.map(\.json))),
        ])
    }
}

extension Gateway {
    /// Lets operators in, where the command line asked for that.
    func openDoor() {
        guard let controlDirectory else { return }
        door = ControlDoor(self, controlDirectory)
    }
}

private func doorReady(_ user: UnsafeMutableRawPointer?, _ events: UInt32) {
    guard let user else { return }
    Unmanaged<ControlDoor>.fromOpaque(user).takeUnretainedValue().accept()
}

private func guestReady(_ user: UnsafeMutableRawPointer?, _ events: UInt32) {
    guard let user else { return }
    // It may let itself go while it reads.
    let guest = Unmanaged<ControlGuest>.fromOpaque(user).takeUnretainedValue()
    guest.read()
}
