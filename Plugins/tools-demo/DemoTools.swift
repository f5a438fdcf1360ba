// SPDX-License-Identifier: Apache-2.0
// The toolset: what it lists, and which function answers what.

import JackfieldPlugin

/// Tools that need nothing but the gateway itself.
struct DemoTools: CompletingToolset {
    private let host: Host
    /// The tools that the configuration lets through.
    let tools: [Tool]

    init(name: String, configuration: JSONReader, host: Host) throws {
        self.host = host
        let only = configuration["only"]?.elements.compactMap(\.text)
        tools = DemoTools.all.filter { only?.contains($0.name) ?? true }
        host.log(.debug, "demo tools opened", ["server": name, "tools": String(tools.count)])
    }

    var resources: [Resource] {
        [
            Resource(
                Welcome.uri, name: "welcome", title: "Welcome",
                description: "What this server is, and what to try.",
                mimeType: "text/markdown", size: Welcome.text.utf8.count)
        ]
    }

    var templates: [ResourceTemplate] {
        [
            ResourceTemplate(
                "\(Greeting.prefix){name}", name: "greeting", title: "Greeting",
                description: "A greeting for somebody, by name.", mimeType: "text/plain")
        ]
    }

    var prompts: [Prompt] { [Summarize.prompt] }

    // MARK: Requests

    func call(_ name: String, arguments: Arguments, context: CallContext) throws -> ToolResult {
        guard tools.contains(where: { $0.name == name }) else { throw unknown(name) }
        switch name {
        case "echo": return .text(try arguments.text("text"))
        case "add": return try add(arguments)
        case "now": return try now(arguments)
        case "uuid": return try uuid(arguments)
        case "random": return try random(arguments)
        case "wait": return try wait(arguments, context)
        case "fail": throw ToolFailure(try arguments.text("message", default: "This tool always fails."))
        default: throw unknown(name)
        }
    }

    func read(_ uri: String, context: CallContext) throws -> ResourceResult? {
        if uri == Welcome.uri { return Welcome.read() }
        return try Greeting.read(uri)
    }

    func prompt(_ name: String, arguments: Arguments, context: CallContext) throws -> PromptResult? {
        name == Summarize.prompt.name ? try Summarize.get(arguments) : nil
    }

    func complete(_ request: CompletionRequest, context: CallContext) throws -> Completion {
        guard request.subject == .prompt(Summarize.prompt.name), request.argument == "style" else {
            return Completion([])
        }
        return Completion(Summarize.styles.map(\.name), matching: request.value)
    }

    // MARK: Short tools

    private func add(_ arguments: Arguments) throws -> ToolResult {
        let sum = try arguments.number("a") + arguments.number("b")
        guard sum.isFinite else { throw ToolFailure("The sum is too large for a double-precision number.") }
        return .structured(["sum": .number(sum)])
    }

    private func now(_ arguments: Arguments) throws -> ToolResult {
        let text = try arguments.text("offset", default: "Z")
        guard let offset = UTCOffset(text) else {
            throw ToolArgumentError(
                "argument 'offset' must look like +02:00 and lie within 18 hours, or be Z")
        }
        let milliseconds = Int(host.unixNanoseconds / 1_000_000)
        let time = timestamp(milliseconds: milliseconds, at: offset)
        return .structured(
            ["time": .text(time), "offset": .text(offset.text), "unix_ms": .integer(milliseconds)], text: time
        )
    }

    private func uuid(_ arguments: Arguments) throws -> ToolResult {
        let version = try arguments.integer("version", in: 4...7, default: 4)
        guard version == 4 || version == 7 else {
            throw ToolArgumentError("argument 'version' must be 4 or 7")
        }
        let count = try arguments.integer("count", in: 1...100, default: 1)
        let uuids = (0..<count).map { _ in
            version == 4 ? randomUUID() : timeOrderedUUID(milliseconds: host.unixNanoseconds / 1_000_000)
        }
        return .structured(
            ["uuids": .array(uuids.map { .text($0) })], text: uuids.joined(separator: "\n"))
    }

    private func random(_ arguments: Arguments) throws -> ToolResult {
        let least = try arguments.integer("min", default: 1)
        let most = try arguments.integer("max", default: 100)
        let count = try arguments.integer("count", in: 1...1000, default: 1)
        guard least <= most else { throw ToolArgumentError("argument 'min' must not be above 'max'") }
        let values = (0..<count).map { _ in Int.random(in: least...most) }
        return .structured(
            ["values": .array(values.map { .integer($0) })],
            text: values.map(String.init).joined(separator: ", "))
    }

    private func wait(_ arguments: Arguments, _ context: CallContext) throws -> ToolResult {
        let milliseconds = try arguments.integer("milliseconds", in: 0...Wait.longest)
        return context.later { Wait(context.host, milliseconds, $0).begin() }
    }
}
