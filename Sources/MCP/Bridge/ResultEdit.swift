// SPDX-License-Identifier: Apache-2.0
// Turns a server's result into the one for the client: its own id, the members its era knows, everything else untouched.

import JSON

/// Why a server's answer cannot be handed on.
public struct ResultProblem: Error {
    public let message: String
}

public enum ResultEdit {
    /// Writes the whole answer to the client.
    /// - Parameters:
    ///   - id: the client's id, raw JSON.
    ///   - result: the server's result object.
    ///   - method: what was asked.
    ///   - server: whether the server is modern.
    ///   - client: the client's revision.
    ///   - identity: raw JSON of our Implementation object.
    ///   - shownURI: resources/read: the URI under which the client knows the resource, where the server's differs.
    public static func write(
        id: UnsafeRawBufferPointer, result: JSONNode, method: Method, serverIsModern: Bool, client: Revision,
        identity: StaticString, shownURI: String? = nil, into out: MessageBuilder
    ) throws(ResultProblem) {
        guard result.kind == .object else { throw ResultProblem(message: "its result is not an object") }
        if serverIsModern, !client.isModern, let type = result.member("resultType"), !type.equals("complete")
        {
            throw ResultProblem(
                message: type.equals("input_required")
                    ? "it asks the user for input, which a client of an older revision cannot be asked here"
                    : "its resultType is unknown to the client's revision")
        }
        out.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        out.bytes(id)
        out.literal(",\"result\":")
        if client.isModern {
            writeModern(result, method, identity, shownURI, out)
        } else if serverIsModern || shownURI != nil || ContentEdit.applies(to: client, method) {
            writeLegacy(result, method, client, shownURI, out)
        } else {
            out.bytes(result.raw)
        }
        out.byte(125)
    }

    /// For a modern client: `resultType` and, on cacheable results, the cache fields are there; we identify ourselves.
    private static func writeModern(
        _ result: JSONNode, _ method: Method, _ identity: StaticString, _ shownURI: String?,
        _ out: MessageBuilder
    ) {
        var edit = ObjectEdit(result, out)
        if result.member("resultType") == nil { edit.insert("\"resultType\":\"complete\"") }
        if method == .resourcesRead {
            if result.member("ttlMs") == nil { edit.insert("\"ttlMs\":0") }
            if result.member("cacheScope") == nil { edit.insert("\"cacheScope\":\"private\"") }
        }
        edit.begin()
        edit.separator()
        out.literal("\"_meta\":{\"io.modelcontextprotocol/serverInfo\":")
        out.literal(identity)
        let meta = result.member("_meta")
        if let meta, meta.kind == .object {
            for member in meta.members where !member.keyEquals("io.modelcontextprotocol/serverInfo") {
                out.literal(",\"")
                out.bytes(member.key)
                out.literal("\":")
                out.bytes(member.value.raw)
            }
        }
        out.byte(125)
        writeContents(result, shownURI, &edit, out)
        edit.rest { $0.keyEquals("_meta") || shownURI != nil && $0.keyEquals("contents") }
    }

    /// `contents` of a resource under the URI that the client knows it by.
    private static func writeContents(
        _ result: JSONNode, _ shownURI: String?, _ edit: inout ObjectEdit, _ out: MessageBuilder
    ) {
        guard let shownURI, let contents = result.member("contents"), contents.kind == .array else { return }
        // `SERVER+URI`: what stands before the server's own URI goes before those of its parts too.
        let head = shownURI.firstIndex(of: "+").map { String(shownURI[...$0]) } ?? ""
        edit.separator()
        out.literal("\"contents\":[")
        var first = true
        for element in contents.elements {
            if !first { out.byte(44) }
            first = false
            guard element.kind == .object else {
                out.bytes(element.raw)
                continue
            }
            var inner = ObjectEdit(element, out)
            inner.begin()
            inner.separator()
            out.literal("\"uri\":")
            out.quoted(head + (element.member("uri")?.string() ?? ""))
            inner.rest { $0.keyEquals("uri") }
        }
        out.byte(93)
    }

    /// For a legacy client: the members that only the modern era has are dropped; structured content that is not an
    /// object cannot be expressed there, so the text copy stands alone.
    private static func writeLegacy(
        _ result: JSONNode, _ method: Method, _ client: Revision, _ shownURI: String?, _ out: MessageBuilder
    ) {
        var edit = ObjectEdit(result, out)
        edit.begin()
        writeContents(result, shownURI, &edit, out)
        let isOld = ContentEdit.applies(to: client, method)
        if isOld {
            for member in result.members where ContentEdit.holdsContent(member) {
                edit.separator()
                ContentEdit.write(member, client, out)
            }
        }
        let meta = result.member("_meta")
        if let meta, meta.kind == .object, meta.members.contains(where: RequestEdit.isReserved) {
            edit.separator()
            out.literal("\"_meta\":")
            var inner = ObjectEdit(meta, out)
            inner.begin()
            inner.rest(dropping: RequestEdit.isReserved)
        }
        edit.rest { member in
            if member.keyEquals("_meta"), member.value.members.contains(where: RequestEdit.isReserved) {
                return true
            }
            if member.keyEquals("resultType") || member.keyEquals("ttlMs") || member.keyEquals("cacheScope") {
                return true
            }
            if shownURI != nil, member.keyEquals("contents") { return true }
            if isOld, ContentEdit.holdsContent(member) { return true }
            if member.keyEquals("structuredContent") {
                return client < .v2025_06_18 || member.value.kind != .object
            }
            return false
        }
    }

    /// Writes an error answer, its code translated between the eras.
    public static func writeError(
        id: UnsafeRawBufferPointer, error: JSONNode, method: Method, serverIsModern: Bool = true,
        client: Revision,
        into out: MessageBuilder
    ) -> ErrorCode {
        let code = ErrorCode(rawValue: Int(error.member("code")?.int64 ?? -32603))
        var shown = code
        if client.isModern {
            if code == .resourceNotFound { shown = .invalidParams }
            if code == .urlElicitationRequired { shown = .internalError }
            // Between us and the server: the client's own headers and version were right.
            if code == .headerMismatch || code == .unsupportedVersion { shown = .internalError }
        } else if serverIsModern, code == .invalidParams, method == .resourcesRead {
            shown = .resourceNotFound
        }
        out.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        out.bytes(id)
        out.literal(",\"error\":{\"code\":")
        out.integer(shown.rawValue)
        out.literal(",\"message\":")
        if let message = error.member("message"), message.kind == .string {
            out.bytes(message.raw)
        } else {
            out.literal("\"the server gave no message\"")
        }
        if let data = error.member("data") {
            out.literal(",\"data\":")
            out.bytes(data.raw)
        }
        out.literal("}}")
        return shown
    }
}

/// Rewrites an object: insertions first, then the original members but for the dropped ones, in runs.
struct ObjectEdit {
    let node: JSONNode
    let out: MessageBuilder
    private var opened = false
    private var wroteAny = false

    init(_ node: JSONNode, _ out: MessageBuilder) {
        self.node = node
        self.out = out
    }

    mutating func begin() {
        if !opened {
            out.byte(123)
            opened = true
        }
    }

    mutating func separator() {
        if wroteAny { out.byte(44) }
        wroteAny = true
    }

    /// Inserts a whole member.
    mutating func insert(_ member: StaticString) {
        begin()
        separator()
        out.literal(member)
    }

    /// Appends every original member that `dropped` does not name, then closes the object.
    mutating func rest(dropping dropped: (JSONMember) -> Bool) {
        let base = UnsafeRawBufferPointer(
            start: node.raw.baseAddress.map { $0 - node.range.lowerBound }, count: node.range.upperBound)
        var run: Range<Int>?
        for member in node.members {
            if dropped(member) {
                if let span = run {
                    separator()
                    out.bytes(UnsafeRawBufferPointer(rebasing: base[span]))
                    run = nil
                }
            } else {
                run = (run?.lowerBound ?? member.range.lowerBound)..<member.range.upperBound
            }
        }
        if let span = run {
            separator()
            out.bytes(UnsafeRawBufferPointer(rebasing: base[span]))
        }
        out.byte(125)
    }
}
