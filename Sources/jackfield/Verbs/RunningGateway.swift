// SPDX-License-Identifier: Apache-2.0
// How commands find a gateway that runs, and ask it for something.

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
/// - Returns: nil, or why there was no answer.
func askGateway(
    _ arguments: Arguments, _ request: JSONValue, _ each: (JSONValue) -> Bool
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
    }
    let line = request.serialized() + [10]
    guard line.withUnsafeBytes({ write(first.fd, $0.baseAddress, $0.count) }) == line.count else {
        return "the gateway with process id \(first.pid) does not take the request"
    }
    var input: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 16_384)
    while true {
        while let end = input.firstIndex(of: 10) {
            let answer = try? JSONValue(parsing: input[..<end])
            input.removeSubrange(...end)
            if let refusal = answer?["error"]?.string { return refusal }
            guard let answer, each(answer) else { return nil }
        }
        let count = read(first.fd, &part, part.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return nil }
        input.append(contentsOf: part[..<count])
    }
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
