// SPDX-License-Identifier: Apache-2.0
// What a client can be asked and which extensions it speaks, read from and written for both eras.

import JSON

/// What a client declared: the questions that may be put to it, and the extensions that its requests may use. A legacy
/// client declares once, in `initialize`; a modern one with each request (MCP 2026-07-28, "Capabilities").
public struct Abilities: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Elicitation by a form (since 2025-06-18).
    public static let form = Abilities(rawValue: 1)
    /// Elicitation by a URL (since 2025-11-25).
    public static let url = Abilities(rawValue: 2)
    /// Sampling (since 2024-11-05).
    public static let sampling = Abilities(rawValue: 4)
    /// Sampling with tools (since 2025-11-25). Never without `sampling`.
    public static let samplingTools = Abilities(rawValue: 8)
    /// Sampling with other context than `none` (since 2025-11-25). Never without `sampling`.
    public static let samplingContext = Abilities(rawValue: 16)
    /// Roots (since 2024-11-05).
    public static let roots = Abilities(rawValue: 32)
    /// The extension `io.modelcontextprotocol/tasks`; not the experimental tasks of 2025-11-25.
    public static let tasks = Abilities(rawValue: 64)
    /// The extension `io.modelcontextprotocol/ui` (MCP Apps).
    public static let apps = Abilities(rawValue: 128)

    private static let everything: UInt16 = 255
    private static let handshake: Abilities = [
        .form, .url, .sampling, .samplingTools, .samplingContext, .roots,
    ]

    /// Whether there is any question that could be put to the client.
    public var isInteractive: Bool { !isDisjoint(with: [.form, .url, .sampling, .roots]) }

    /// Only what the handshake of a legacy session declares; the extensions are negotiated per request.
    public var interactive: Abilities { intersection(Abilities.handshake) }
}

// MARK: Reading

extension Abilities {
    /// Reads `capabilities` of an `initialize`, as a client of `revision` means them: `elicitation:{}` stands for forms;
    /// what `revision` does not have yet is not declared by it. Nil, or anything but an object, declares nothing.
    public init(legacy capabilities: JSONNode?, _ revision: Revision) {
        self.init(
            capabilities, hasElicitation: revision >= .v2025_06_18, hasVariants: revision >= .v2025_11_25)
    }

    /// Reads `io.modelcontextprotocol/clientCapabilities` of a modern request.
    public init(modern capabilities: JSONNode?) {
        self.init(capabilities, hasElicitation: true, hasVariants: true)
    }

    private init(_ capabilities: JSONNode?, hasElicitation: Bool, hasVariants: Bool) {
        var found: Abilities = []
        guard let capabilities, capabilities.kind == .object else {
            self = found
            return
        }
        func object(_ name: StaticString) -> UnsafeRawBufferPointer? {
            RawMembers.value(name, of: capabilities).flatMap { $0.first == 123 ? $0 : nil }
        }
        if hasElicitation, let value = object("elicitation") {
            found.formUnion(Abilities.elicitation(value, hasVariants: hasVariants))
        }
        if let value = object("sampling") {
            found.insert(.sampling)
            if hasVariants, RawMembers.hasObject("tools", in: value) { found.insert(.samplingTools) }
            if hasVariants, RawMembers.hasObject("context", in: value) { found.insert(.samplingContext) }
        }
        if object("roots") != nil { found.insert(.roots) }
        if let value = object("extensions") {
            if RawMembers.hasObject("io.modelcontextprotocol/tasks", in: value) { found.insert(.tasks) }
            if RawMembers.hasObject("io.modelcontextprotocol/ui", in: value) { found.insert(.apps) }
        }
        self = found
    }

    private static func elicitation(_ value: UnsafeRawBufferPointer, hasVariants: Bool) -> Abilities {
        guard hasVariants, RawMembers.hasObject("url", in: value) else { return .form }
        return RawMembers.hasObject("form", in: value) ? [.form, .url] : .url
    }
}

// MARK: Writing

extension Abilities {
    /// `io.modelcontextprotocol/clientCapabilities` for a modern server, as raw JSON. Lends a table's bytes: no allocation.
    public func modernCapabilities() -> [UInt8] {
        Abilities.modernTable[Int(rawValue & Abilities.everything)]
    }

    /// `capabilities` of our `initialize` towards a legacy server that is asked for `revision`, as raw JSON: what that
    /// revision can express. Tasks are left out, the experimental ones of 2025-11-25 are another protocol.
    public func legacyCapabilities(_ revision: Revision) -> [UInt8] {
        render { writer in
            if revision >= .v2025_11_25 {
                writeQuestions(&writer)
            } else {
                if contains(.form), revision >= .v2025_06_18 { Abilities.writeEmpty("elicitation", &writer) }
                if contains(.sampling) { Abilities.writeEmpty("sampling", &writer) }
                if contains(.roots) { Abilities.writeEmpty("roots", &writer) }
            }
            subtracting(.tasks).writeExtensions(&writer)
        }
    }

    private static let modernTable: [[UInt8]] = (0...everything).map { raw in
        let abilities = Abilities(rawValue: raw)
        return abilities.render { writer in
            abilities.writeQuestions(&writer)
            abilities.writeExtensions(&writer)
        }
    }

    private func render(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        body(&writer)
        writer.endObject()
        return writer.bytes
    }

    private func writeQuestions(_ writer: inout JSONWriter) {
        if !isDisjoint(with: [.form, .url]) {
            writer.key("elicitation")
            writer.beginObject()
            if contains(.form) { Abilities.writeEmpty("form", &writer) }
            if contains(.url) { Abilities.writeEmpty("url", &writer) }
            writer.endObject()
        }
        if contains(.sampling) {
            writer.key("sampling")
            writer.beginObject()
            if contains(.samplingTools) { Abilities.writeEmpty("tools", &writer) }
            if contains(.samplingContext) { Abilities.writeEmpty("context", &writer) }
            writer.endObject()
        }
        if contains(.roots) { Abilities.writeEmpty("roots", &writer) }
    }

    private func writeExtensions(_ writer: inout JSONWriter) {
        if isDisjoint(with: [.tasks, .apps]) { return }
        writer.key("extensions")
        writer.beginObject()
        if contains(.tasks) { Abilities.writeEmpty("io.modelcontextprotocol/tasks", &writer) }
        if contains(.apps) {
            // The one content type of MCP Apps 2026-01-26.
            writer.key("io.modelcontextprotocol/ui")
            writer.beginObject()
            writer.key("mimeTypes")
            writer.beginArray()
            writer.value("text/html;profile=mcp-app" as StaticString)
            writer.endArray()
            writer.endObject()
        }
        writer.endObject()
    }

    private static func writeEmpty(_ name: StaticString, _ writer: inout JSONWriter) {
        writer.key(name)
        writer.beginObject()
        writer.endObject()
    }
}

// MARK: Matching

extension Abilities {
    /// Whether a question may be put to this client. A server must not embed one that the client's capabilities do not
    /// cover (MCP 2026-07-28, "Multi round-trip requests").
    public func cover(_ method: Method, _ params: JSONNode?) -> Bool {
        let needed = Abilities.needed(for: method, params)
        return !needed.isEmpty && isSuperset(of: needed)
    }

    /// `data.requiredCapabilities` of error -32021 for a question, as raw JSON: `{}` for what is not a question.
    public static func required(for method: Method, _ params: JSONNode?) -> [UInt8] {
        needed(for: method, params).modernCapabilities()
    }

    /// What a question takes; nothing for what is not a question.
    static func needed(for method: Method, _ params: JSONNode?) -> Abilities {
        switch method {
        case .elicitationCreate:
            guard let mode = params.flatMap({ RawMembers.value("mode", of: $0) }) else { return .form }
            return RawMembers.isString(mode, "form") ? .form : RawMembers.isString(mode, "url") ? .url : []
        case .samplingCreateMessage:
            guard let params else { return .sampling }
            return SamplingEdit.usesTools(params) ? [.sampling, .samplingTools] : .sampling
        case .rootsList: return .roots
        default: return []
        }
    }
}
