// SPDX-License-Identifier: Apache-2.0
// `jackfield top`: an endpoint, watched.

import CLinux
import Glibc
import JSON
import JackfieldCore

let topCommand: Command = Command(
    name: "top",
    summary: "watch an MCP endpoint",
    details: """
        Once a second: whether it answers, the round trip of one small request (server/discover; ping \
        where the server is legacy) over a connection of its own, what it lists, and how many servers of a \
        gateway are up (/readyz). Round trips run from the last byte sent to the first received; over \
        https they are not measured. On a terminal the view is refreshed in place until you press \
        control-C; elsewhere each look is a line.
        """,
    options: CommonOptions.client + [
        .flag("once", "look once and exit; 1 where the endpoint is down"),
        .value("interval", "TIME", .duration, "between two looks", fallback: "1s"),
    ],
    examples: [
        Example("jackfield top", "the local gateway"),
        Example("jackfield top --once --json", "a check for a script"),
    ]
) { arguments throws(UsageProblem) in
    let options = try RemoteOptions(arguments)
    let isOnce = arguments.has("once")
    let isJSON = arguments.has("json")
    let pause = Int32(clamping: (arguments.duration("interval") ?? 1_000_000_000) / 1_000_000)
    let isLive = standardOutput.isTerminal && !isOnce && !isJSON
    let isOver = SharedFlag()
    if isLive { standardOutput.write("\u{1B}[?1049h\u{1B}[?25l") }
    let server = options.plan(name: "remote", options.endpoint)
    let status = withSession([server], options, endsByInterrupt: !isOnce) { remote in
        var window = RoundTrips()
        _ = remote.settled()
        while true {
            let look = Look(remote, &window)
            if isOver.isRaised || standardOutput.hasFailed { return 0 }
            if isJSON {
                let value = look.json
                standardOutput.write(isOnce ? value.pretty() + "\n" : "\(value)\n")
            } else if isLive {
                standardOutput.write("\u{1B}[H\u{1B}[2J" + look.text(style: Style(descriptor: 1)))
            } else {
                standardOutput.write(isOnce ? look.text(style: Style(descriptor: 1)) : look.line + "\n")
            }
            if isOnce { return look.isUp ? 0 : 1 }
            _ = poll(nil, 0, pause)
        }
    }
    isOver.raise()
    if isLive { standardOutput.write("\u{1B}[?25h\u{1B}[?1049l") }
    return status
}

/// The latest round trips.
struct RoundTrips: Sendable, Equatable {
    /// Of one minute at the usual pace.
    static let limit = 60
    private(set) var nanoseconds: [UInt64] = []

    mutating func add(_ value: UInt64) {
        nanoseconds.append(value)
        if nanoseconds.count > RoundTrips.limit { nanoseconds.removeFirst() }
    }

    /// The median by nearest rank; nil: nothing was measured.
    var median: UInt64? {
        nanoseconds.isEmpty ? nil : nanoseconds.sorted()[(nanoseconds.count - 1) / 2]
    }

    var count: Int { nanoseconds.count }
    var longest: UInt64? { nanoseconds.max() }
}

/// One look at the endpoint.
private struct Look {
    let endpoint: Endpoint
    let summary: ServerSummary
    let readiness: Readiness?
    /// Why the last round trip failed; nil: it did not, or none was tried.
    let failure: String?
    let window: RoundTrips

    init(_ remote: Remote, _ window: inout RoundTrips) {
        endpoint = remote.options.endpoint
        var failure: String?
        if endpoint.scheme == "http" {
            let isModern = (remote.summaries()[0].revision ?? "2026-07-28") >= "2026-07-28"
            switch plainRequest(
                endpoint, headers: Look.headers(remote, isModern), body: Look.body(isModern), readsBody: false
            )
            {
            case .success(let response): window.add(response.roundTrip)
            case .failure(let problem): failure = problem.reason
            }
            readiness = Readiness.ask(endpoint)
        } else {
            readiness = nil
        }
        summary = remote.summaries()[0]
        self.failure = failure
        self.window = window
    }

    private static func headers(_ remote: Remote, _ isModern: Bool) -> [(name: String, value: String)] {
        var headers = remote.options.headers
        headers.append(("Content-Type", "application/json"))
        headers.append(("Accept", "application/json, text/event-stream"))
        if isModern {
            headers.append(("MCP-Protocol-Version", "2026-07-28"))
            headers.append(("Mcp-Method", "server/discover"))
        }
        return headers
    }

    private static func body(_ isModern: Bool) -> String {
        guard isModern else { return "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}" }
        let client = "{\"name\":\"jackfield-top\",\"version\":\"\(Product.version)\"}"
        return "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\",\"params\":{\"_meta\":{"
            + "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
            + "\"io.modelcontextprotocol/clientCapabilities\":{},"
            + "\"io.modelcontextprotocol/clientInfo\":\(client)}}}"
    }

    var isUp: Bool { failure == nil && summary.state == "up" }
    private var state: String { failure == nil ? summary.state : "down" }
    private var reason: String { failure ?? summary.reason }

    func text(style: Style) -> String {
        let shownState = isUp ? style.good(state) : style.bad(state)
        var pairs = [("State", ""), ("Endpoint", endpoint.text)]
        pairs.append(("Protocol", summary.revision ?? "unknown"))
        if let median = window.median, let longest = window.longest {
            pairs.append(
                (
                    "Round trip",
                    "\(milliseconds(median)) median, \(milliseconds(longest)) longest of \(window.count)"
                ))
        } else if endpoint.scheme == "https" {
            pairs.append(("Round trip", "not measured over https"))
        }
        pairs.append(("Offers", offers(summary)))
        if let readiness {
            pairs.append(("Servers", "\(readiness.up) of \(readiness.configured) up, \(readiness.status)"))
        }
        let why = reason.isEmpty ? "" : ": \(printable(reason))"
        return keyed(pairs, style: style, dressed: ["State": shownState + why])
    }

    /// `up 0.41ms tools=12 servers=2/2`
    var line: String {
        var parts = [state]
        if let latest = window.nanoseconds.last, failure == nil { parts.append(milliseconds(latest)) }
        parts.append("tools=\(summary.tools)")
        if let readiness { parts.append("servers=\(readiness.up)/\(readiness.configured)") }
        if !reason.isEmpty { parts.append("(\(printable(reason)))") }
        return parts.joined(separator: " ")
    }

    var json: JSONValue {
        var members: [JSONMemberValue] = [
            .init("url", .string(endpoint.text)), .init("state", .string(state)),
            .init("reason", reason.isEmpty ? nil : .string(reason)),
            .init("protocol", summary.revision.map { .string($0) } ?? nil),
            .init("roundTripMedianMs", window.median.map { JSONValue(Double($0 / 1000) / 1000) } ?? nil),
            .init("roundTripLongestMs", window.longest.map { JSONValue(Double($0 / 1000) / 1000) } ?? nil),
            .init("tools", JSONValue(summary.tools)), .init("resources", JSONValue(summary.resources)),
            .init("prompts", JSONValue(summary.prompts)),
        ]
        if let readiness { members.append(.init("readiness", readiness.json)) }
        return .object(members)
    }
}

/// `0.41 ms`
func milliseconds(_ nanoseconds: UInt64) -> String {
    let hundredths = (nanoseconds + 5_000) / 10_000
    let fraction = hundredths % 100
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) ms"
}
