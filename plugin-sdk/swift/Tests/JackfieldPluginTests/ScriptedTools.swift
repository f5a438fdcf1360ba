// SPDX-License-Identifier: Apache-2.0
// A toolset whose tools do what plugins do wrong or rarely, and the mock host around it.

import CJackfield
import CMockHost
import JackfieldPlugin
import JackfieldPluginTesting
import Testing

private struct OwnError: Error {}

/// What tools leave behind for the tests; one test runs at a time.
final class Kept: @unchecked Sendable {
    var pending: Pending<ToolResult>?
    var host: Host?
    var timer: Timer?
    var closed: [String] = []
    var notes: [String] = []
    /// Released together with the closure that holds it.
    weak var token: Token?
}

final class Token {}

nonisolated(unsafe) var kept = Kept()

struct ScriptedTools: Toolset {
    let name: String
    let host: Host
    var calls = 0

    init(name: String, configuration: JSONReader, host: Host) throws {
        if let why = configuration["refuse"]?.text { throw PluginError.denied(why) }
        self.name = name
        self.host = host
        kept.host = host
    }

    var tools: [Tool] { [Tool("only", "Nothing said.", inputSchema: ["type": "object"])] }
    var resources: [Resource] { [] }

    mutating func close() { kept.closed.append("\(name) after \(calls)") }

    mutating func call(_ name: String, arguments: Arguments, context: CallContext) throws -> ToolResult {
        calls += 1
        switch name {
        case "count": return .text(String(calls))
        case "keep": return context.later { kept.pending = $0 }
        case "drop": return context.later { _ in }
        case "at once": return context.later { $0.finish(.text("now")) }
        case "twice":
            return context.later { pending in
                kept.notes = [pending.finish(.text("first")), pending.finish(.text("second"))].map(
                    String.init)
            }
        case "throw in later":
            return try context.later { pending in
                kept.pending = pending
                throw ToolArgumentError("not like this")
            }
        case "change its mind":
            let _: ToolResult = context.later { kept.pending = $0 }
            return .text("after all")
        case "answer twice":
            let _: ToolResult = context.later { $0.finish(.text("first")) }
            return .text("second")
        case "pretend": return .pending
        case "own error": throw OwnError()
        case "busy": throw PluginError.busy("full", retryAfter: .milliseconds(1500))
        case "public": throw PluginError.gone("the printer is gone").shownToClient
        case "fail": throw ToolFailure("no paper")
        case "fail later": return context.later { $0.fail(ToolFailure("no paper")) }
        case "hold":
            return context.later { pending in
                let token = Token()
                kept.token = token
                pending.onCancel { [pending] in
                    withExtendedLifetime(token) { kept.notes.append("canceled") }
                    pending.giveUp()
                }
                kept.pending = pending
            }
        case "show":
            return ToolResult(
                [
                    .image([1, 2, 3], mimeType: "image/png"), .audio([], mimeType: "audio/wav"),
                    .resource(.blob("x://b", [255], mimeType: "x/y")), .link(Resource("x://l", name: "l")),
                ],
                structured: [
                    "deadline": .bool(context.deadlineNanoseconds > 0),
                    "who": .text(context.principal ?? "-"),
                ])
        case "read n": return .text(try arguments.text("n", default: "none"))
        case "params": return .text(context.params.find("/name")?.text ?? "?")
        default: throw unknown(name)
        }
    }
}

@c(scripted_entry) public func scriptedEntry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<ScriptedTools>.entry(offer, why)
}

/// A mock host with the scripted plugin and one open set.
final class Bench {
    let host: MockHost
    let set: jf_ref
    var mock: OpaquePointer { host.mock }

    init() throws {
        kept = Kept()
        host = try MockHost(scriptedEntry, configuration: ["own": true])
        set = jf_mock_open_set(host.mock, "bench", "{}")
        try #require(set != 0)
    }

    /// Ends everything; the mock found no broken rule.
    func end() {
        kept.pending = nil
        kept.host = nil
        #expect(host.end() == [])
    }

    func begin(_ tool: String, _ arguments: String = "{}") -> jf_ref {
        jf_mock_request(mock, set, UInt32(JF_MOCK_CALL), tool, arguments)
    }

    func state(_ op: jf_ref) -> (status: Int, isInline: Bool, result: String, why: String, fault: jf_fault) {
        let op = jf_mock_op_at(mock, op)
        return (
            Int(op.status), op.inline_result, op.result.map { String(cString: $0) } ?? "",
            op.why.map { String(cString: $0) } ?? "", op.fault
        )
    }

    func call(_ tool: String, _ arguments: String = "{}") -> (
        status: Int, isInline: Bool, result: String, why: String, fault: jf_fault
    ) {
        state(begin(tool, arguments))
    }
}

/// A result with one text.
func textResult(_ text: String, isError: Bool = false) -> String {
    #"{"resultType":"complete","content":[{"type":"text","text":"\#(text)"}]"#
        + (isError ? #","isError":true}"# : "}")
}
