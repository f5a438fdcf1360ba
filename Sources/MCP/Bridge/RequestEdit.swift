// SPDX-License-Identifier: Apache-2.0
// Turns a client's request into the one for the server behind: fresh id, the server's own name, `_meta` renewed.

import JSON

/// What a request to a server is made of. Spans must stay valid until the message has been handed over.
public struct OutgoingRequest {
    public var id: UInt64
    public var method: Method
    public var params: JSONNode?
    /// Raw JSON text (with quotes) that replaces `params.name` or `params.uri`; nil keeps the client's.
    public var replacedName: UnsafeRawBufferPointer?
    /// The member that `replacedName` replaces.
    public var nameKey: StaticString = "name"
    public var meta: RequestMeta
    /// Ask for progress under our own token (the id).
    public var wantsProgress = false
    /// What a modern client declared, to be claimed in its words; nil stands for `abilities`.
    public var capabilities: JSONNode?
    /// Whether `extensions` go along: they are negotiated per hop, so only where the client sees this one server as it is.
    public var keepsExtensions = false
    /// What the client can be asked, where it did not say so in the modern form.
    public var abilities: Abilities = []
    /// The least severe log messages wanted; towards modern servers.
    public var logLevel: LogLevel?
    /// Legacy servers: ask for a task instead of a result. The client's own `params.task` never goes along.
    public var task: TaskWish?
    /// Our span id within the client's trace (W3C Trace Context); used when the client sent `traceparent`.
    public var spanId: UInt64 = 0

    public init(id: UInt64, method: Method, params: JSONNode?, meta: RequestMeta) {
        self.id = id
        self.method = method
        self.params = params
        self.meta = meta
    }
}

public enum RequestEdit {
    /// Writes the whole JSON-RPC request for a server of the given revision.
    public static func write(
        _ request: OutgoingRequest, for revision: Revision, identity: StaticString, into out: MessageBuilder
    ) {
        out.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        out.integer(request.id)
        out.literal(",\"method\":\"")
        out.literal(request.method.name)
        out.literal("\",\"params\":{")
        let wroteMeta = writeMeta(request, revision, identity, out)
        writeMembers(request, after: wroteMeta, isLegacy: !revision.isModern, out)
        out.literal("}}")
    }

    /// Every member but `_meta`, in the client's order and spelling, the name replaced where asked.
    private static func writeMembers(
        _ request: OutgoingRequest, after wroteAny: Bool, isLegacy: Bool, _ out: MessageBuilder
    ) {
        var first = !wroteAny
        if isLegacy, let task = request.task {
            out.literal(first ? "\"task\":{" : ",\"task\":{")
            first = false
            if let ttl = task.ttl {
                out.literal("\"ttl\":")
                out.integer(ttl)
            }
            out.byte(125)
        }
        guard let params = request.params else { return }
        let base = UnsafeRawBufferPointer(
            start: params.raw.baseAddress.map { $0 - params.range.lowerBound }, count: params.range.upperBound
        )
        // Runs of untouched members leave in one piece, commas included.
        var run: Range<Int>?
        func flush() {
            guard let span = run else { return }
            if !first { out.byte(44) }
            first = false
            out.bytes(UnsafeRawBufferPointer(rebasing: base[span]))
            run = nil
        }
        for member in params.members {
            if member.keyEquals("_meta") || isLegacy && isRetry(member)
                || request.method == .toolsCall && member.keyEquals("task")
            {
                flush()
            } else if let replacement = request.replacedName, member.keyEquals(request.nameKey) {
                flush()
                if !first { out.byte(44) }
                first = false
                out.byte(34)
                out.literal(request.nameKey)
                out.literal("\":")
                out.bytes(replacement)
            } else {
                run = (run?.lowerBound ?? member.range.lowerBound)..<member.range.upperBound
            }
        }
        flush()
    }

    /// `_meta`: the reserved keys are ours on each hop, the trace goes on with our span, all other keys pass.
    private static func writeMeta(
        _ request: OutgoingRequest, _ revision: Revision, _ identity: StaticString, _ out: MessageBuilder
    ) -> Bool {
        var first = true
        func key(_ text: StaticString) {
            if first {
                out.literal("\"_meta\":{")
                first = false
            } else {
                out.byte(44)
            }
            out.literal(text)
        }
        if revision.isModern {
            key("\"io.modelcontextprotocol/protocolVersion\":\"")
            out.literal(revision.text)
            out.literal("\",\"io.modelcontextprotocol/clientCapabilities\":")
            if let capabilities = request.capabilities {
                var inner = ObjectEdit(capabilities, out)
                inner.begin()
                let keeps = request.keepsExtensions
                if !keeps, request.abilities.contains(.tasks) {
                    inner.insert("\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}")
                }
                inner.rest { !keeps && $0.keyEquals("extensions") }
            } else if request.abilities.isEmpty {
                out.literal("{}")
            } else {
                out.copy(request.abilities.modernCapabilities())
            }
            out.literal(",\"io.modelcontextprotocol/clientInfo\":")
            out.literal(identity)
            if let level = request.logLevel {
                key("\"io.modelcontextprotocol/logLevel\":\"")
                out.literal(level.text)
                out.byte(34)
            }
        }
        if request.wantsProgress {
            key("\"progressToken\":")
            out.integer(request.id)
        }
        if let meta = request.meta.node {
            for member in meta.members {
                if member.keyEquals("progressToken") || isReserved(member) { continue }
                key("\"")
                out.bytes(member.key)
                out.literal("\":")
                if member.keyEquals("traceparent"), let parent = TraceParent(member.value) {
                    parent.write(span: request.spanId, into: out)
                } else {
                    out.bytes(member.value.raw)
                }
            }
        }
        if !first { out.byte(125) }
        return !first
    }

    /// The members of a retry, which older revisions do not know.
    private static func isRetry(_ member: JSONMember) -> Bool {
        member.keyEquals("inputResponses") || member.keyEquals("requestState")
    }

    /// Keys under `io.modelcontextprotocol/` are regenerated on every hop.
    static func isReserved(_ member: JSONMember) -> Bool {
        member.keyHasEscapes
            ? member.keyString().utf8.starts(with: "io.modelcontextprotocol/".utf8)
            : member.key.starts(with: "io.modelcontextprotocol/")
    }
}

/// A W3C `traceparent` value: `00-<32 hex>-<16 hex>-<2 hex>`.
struct TraceParent {
    let bytes: UnsafeRawBufferPointer

    init?(_ node: JSONNode) {
        guard node.kind == .string, node.content.count >= 55 else { return nil }
        bytes = node.content
        for (at, unit) in bytes.prefix(55).enumerated() {
            if at == 2 || at == 35 || at == 52 {
                if unit != 45 { return nil }
            } else if !(unit >= 48 && unit <= 57 || unit >= 97 && unit <= 102) {
                return nil
            }
        }
    }

    /// The same trace and flags, with our own span as the parent.
    func write(span: UInt64, into out: MessageBuilder) {
        out.byte(34)
        out.bytes(UnsafeRawBufferPointer(rebasing: bytes[0..<36]))
        out.hexadecimal(span == 0 ? 1 : span)
        out.bytes(UnsafeRawBufferPointer(rebasing: bytes[52..<bytes.count]))
        out.byte(34)
    }
}
