// SPDX-License-Identifier: Apache-2.0
// How commands find a gateway that runs, and ask it for something.

import CLinux
import Glibc
import JSON
import JackfieldCore

/// Options of commands that talk to a running gateway.
enum RunningGateway {
    static let pid = Option.value(
        "pid", "PID", .text, "which gateway, where several run with one state directory")
    static let state = Option.value(
        "state-dir", "DIR", .directory, "the gateway's runtime.state_dir; without it the standard places")
}

/// Sends one request to a running gateway; `each` gets its answers and says whether to wait for more.
/// - Parameter file: what it is about; a gateway of another user gets its text, as it may not read it.
/// - Returns: nil, or why there was no answer.
func askGateway(
    _ arguments: Arguments, _ request: JSONValue, contentOf file: String? = nil, _ each: (JSONValue) -> Bool
) throws(UsageProblem) -> String? {
    var wanted: pid_t?
    if let text = arguments.value("pid") {
        guard let pid = pid_t(text), pid > 0 else {
            throw arguments.problem("--pid takes the number of a process, not '\(text)'")
        }
        wanted = pid
    }
    let states = arguments.value("state-dir").map { [$0] } ?? standardStateDirectories()
    var open: [(pid: pid_t, fd: Int32, key: String?)] = []
    defer { for gateway in open { close(gateway.fd) } }
    var denied: String?
    for state in states {
        let directory = ControlPlace.directory(state)
        for pid in ControlPlace.found(directory) where wanted == nil || wanted == pid {
            if let fd = ControlPlace.connect(directory, pid) {
                open.append((pid, fd, ControlPlace.key(directory, pid)))
            } else if errno == EACCES || errno == EPERM {
                denied = "the gateway with process id \(pid) belongs to another user"
            }
        }
    }
    guard let first = open.first else {
        let places = states.joined(separator: " or ")
        return denied
            ?? (wanted.map { "no gateway with process id \($0) runs" } ?? "no gateway runs")
            + " with state directory \(places); give --state-dir as in runtime.state_dir of its configuration"
    }
    guard open.count == 1 else {
        let pids = open.map { String($0.pid) }.joined(separator: ", ")
        return "several gateways run: \(pids); choose one with --pid"
    }
    var request = request
    if case .object(let members) = request, let key = first.key {
        request = .object(members + [.init("key", .string(key))])
    } else if case .object(let members) = request, let file {
        guard let bytes = ConfigHistory.bytes(of: file), bytes.count <= 1 << 20 else {
            return "\(file) cannot be read, or is larger than the 1 MiB that a gateway of another user takes"
        }
        let content = JSONValue.string(String(decoding: bytes, as: UTF8.self))
        request = .object(members.filter { $0.key != "file" } + [.init("content", content)])
    }
    let line = request.serialized() + [10]
    let stranger =
        "the gateway with process id \(first.pid) does not let this user in; see runtime.control in its configuration"
    guard
        line.withUnsafeBytes({ send(first.fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }) == line.count
    else {
        return first.key == nil
            ? stranger : "the gateway with process id \(first.pid) does not take the request"
    }
    var hasAnswer = false
    var input: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 16_384)
    while true {
        while let end = input.firstIndex(of: 10) {
            let answer = try? JSONValue(parsing: input[..<end])
            input.removeSubrange(...end)
            hasAnswer = true
            if let refusal = answer?["error"]?.string { return refusal }
            guard let answer, each(answer) else { return nil }
        }
        let count = read(first.fd, &part, part.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return hasAnswer || first.key != nil ? nil : stranger }
        input.append(contentsOf: part[..<count])
    }
}

/// Tells every gateway with that state directory something that goes on record; what they answer does not matter.
/// - Returns: how many took it, of how many.
func tellGateways(in state: String, _ members: [JSONMemberValue]) -> (told: Int, found: Int) {
    let directory = ControlPlace.directory(state)
    var told = 0
    var found = 0
    for pid in ControlPlace.found(directory) {
        guard let fd = ControlPlace.connect(directory, pid) else { continue }
        defer { close(fd) }
        found += 1
        let key = ControlPlace.key(directory, pid).map { [JSONMemberValue("key", .string($0))] } ?? []
        let line = JSONValue.object(members + key).serialized() + [10]
        var wait = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        let sent = line.withUnsafeBytes { send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        var answer = [UInt8](repeating: 0, count: 4096)
        guard sent == line.count else { continue }
        let count = read(fd, &answer, answer.count)
        if count > 0, (try? JSONValue(parsing: answer[..<count]))?["done"] != nil { told += 1 }
    }
    return (told, found)
}

/// Where a gateway of this user, or the system's, keeps its state unless it is configured otherwise.
func standardStateDirectories() -> [String] {
    var found: [String] = []
    if let state = environmentValue("XDG_STATE_HOME"), state.hasPrefix("/") {
        found.append(state + "/jackfield")
    } else if let home = environmentValue("HOME"), home.hasPrefix("/"), home != "/" {
        found.append(home + "/.local/state/jackfield")
    }
    return found + ["/var/lib/jackfield"]
}
