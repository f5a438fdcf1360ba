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
    /// - Throws: why it cannot be handed on; what was written must then be dropped.
    public static func write(
        id: UnsafeRawBufferPointer, result: JSONNode, form: ResultForm, into out: MessageBuilder
    ) throws(ResultProblem) {
        out.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        out.bytes(id)
        out.literal(",\"result\":")
        try writeBody(result, form, into: out)
        out.byte(125)
    }

    /// As `write(id:result:form:into:)`, with the parts of the form that most calls need.
    public static func write(
        id: UnsafeRawBufferPointer, result: JSONNode, method: Method, serverIsModern: Bool, client: Revision,
        identity: StaticString, shownURI: String? = nil, structured: StructuredShape = .asIs,
        cache: CachePolicy = CachePolicy(), into out: MessageBuilder
    ) throws(ResultProblem) {
        var form = ResultForm(
            method: method, serverIsModern: serverIsModern, client: client, identity: identity)
        form.shownURI = shownURI
        form.structured = structured
        form.cache = cache
        try write(id: id, result: result, form: form, into: out)
    }

    /// Writes the result object alone.
    /// - Throws: why it cannot be handed on.
    public static func writeBody(
        _ result: JSONNode, _ form: ResultForm, into out: MessageBuilder
    ) throws(ResultProblem) {
        guard result.kind == .object else { throw ResultProblem(message: "its result is not an object") }
        if form.client.isModern { return writeModern(result, form, out) }
        if form.serverIsModern, let type = result.member("resultType"), !type.equals("complete") {
            throw ResultProblem(
                message: type.equals("input_required")
                    ? "it asks the user for input, which a client of an older revision cannot be asked here"
                    : "its resultType is unknown to the client's revision")
        }
        if form.serverIsModern || form.dropsReserved || form.shownURI != nil || form.relatedTask != nil
            || form.structured != .asIs || ContentEdit.applies(form)
        {
            writeLegacy(result, form, out)
        } else {
            out.bytes(result.raw)
        }
    }

    /// For a modern client: `resultType` and, on cacheable results, the cache fields are there; we identify ourselves.
    private static func writeModern(_ result: JSONNode, _ form: ResultForm, _ out: MessageBuilder) {
        var edit = ObjectEdit(result, out)
        let type = result.member("resultType")
        if type == nil { edit.insert("\"resultType\":\"complete\"") }
        let isCacheable = form.method == .resourcesRead && type?.equals("complete") ?? true
        if isCacheable { writeCacheFields(result, form.cache, &edit, out) }
        edit.begin()
        edit.separator()
        out.literal("\"_meta\":{\"io.modelcontextprotocol/serverInfo\":")
        out.literal(form.identity)
        if let meta = result.member("_meta"), meta.kind == .object {
            for member in meta.members where !RequestEdit.isReserved(member) {
                out.literal(",\"")
                out.bytes(member.key)
                out.literal("\":")
                out.bytes(member.value.raw)
            }
        }
        out.byte(125)
        writeContents(result, form, &edit, out)
        let editsContent = ContentEdit.applies(form)
        if editsContent { writeContent(result, form, &edit, out) }
        edit.rest { member in
            member.keyEquals("_meta") || form.shownURI != nil && member.keyEquals("contents")
                || editsContent && ContentEdit.holdsContent(member)
                || isCacheable && (member.keyEquals("ttlMs") || member.keyEquals("cacheScope"))
        }
    }

    /// `ttlMs` and `cacheScope`, required on cacheable results; what a server says amiss means stale and private.
    private static func writeCacheFields(
        _ result: JSONNode, _ policy: CachePolicy, _ edit: inout ObjectEdit, _ out: MessageBuilder
    ) {
        let isPublic = policy.isPublic ?? (result.member("cacheScope")?.equals("public") == true)
        edit.begin()
        edit.separator()
        out.literal("\"ttlMs\":")
        out.integer(policy.ttl ?? UInt64(max(0, result.member("ttlMs")?.int64 ?? 0)))
        out.literal(isPublic ? ",\"cacheScope\":\"public\"" : ",\"cacheScope\":\"private\"")
    }

    /// Content that the client's revision, or the URIs that it knows, put in other words.
    private static func writeContent(
        _ result: JSONNode, _ form: ResultForm, _ edit: inout ObjectEdit, _ out: MessageBuilder
    ) {
        for member in result.members where ContentEdit.holdsContent(member) {
            edit.separator()
            ContentEdit.write(member, form, out)
        }
    }

    /// `contents` of a resource under the URI that the client knows it by.
    private static func writeContents(
        _ result: JSONNode, _ form: ResultForm, _ edit: inout ObjectEdit, _ out: MessageBuilder
    ) {
        guard let shownURI = form.shownURI, let contents = result.member("contents"),
            contents.kind == .array
        else { return }
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
            let own = element.member("uri")?.string() ?? ""
            var inner = ObjectEdit(element, out)
            inner.begin()
            inner.separator()
            out.literal("\"uri\":")
            out.quoted(form.shownURIs[own] ?? head + own)
            inner.rest { $0.keyEquals("uri") }
        }
        out.byte(93)
    }

    /// For a legacy client: the members that only the modern era has are dropped, structured content is an object.
    private static func writeLegacy(_ result: JSONNode, _ form: ResultForm, _ out: MessageBuilder) {
        var edit = ObjectEdit(result, out)
        edit.begin()
        writeContents(result, form, &edit, out)
        let editsContent = ContentEdit.applies(form)
        if editsContent { writeContent(result, form, &edit, out) }
        let editsMeta = writeLegacyMeta(result.member("_meta"), form, &edit, out)
        var isWrapped = false
        if let value = result.member("structuredContent"), form.wraps(value) {
            isWrapped = true
            edit.separator()
            out.literal("\"structuredContent\":{\"result\":")
            out.bytes(value.raw)
            out.byte(125)
        }
        edit.rest { member in
            if member.keyEquals("_meta") { return editsMeta }
            if member.keyEquals("resultType") || member.keyEquals("ttlMs") || member.keyEquals("cacheScope") {
                return true
            }
            if form.shownURI != nil, member.keyEquals("contents") { return true }
            if editsContent, ContentEdit.holdsContent(member) { return true }
            return member.keyEquals("structuredContent") && (isWrapped || !form.keeps(member.value))
        }
    }

    /// `_meta` without the keys of the server's hop, and with that of the task. False where it can stay as it is.
    private static func writeLegacyMeta(
        _ meta: JSONNode?, _ form: ResultForm, _ edit: inout ObjectEdit, _ out: MessageBuilder
    ) -> Bool {
        let isObject = meta?.kind == .object
        let hasReserved = isObject && meta?.members.contains(where: RequestEdit.isReserved) == true
        guard hasReserved || form.relatedTask != nil else { return false }
        edit.separator()
        out.literal("\"_meta\":{")
        var first = true
        if let task = form.relatedTask {
            RelatedTask.member(task, out)
            first = false
        }
        if let meta, isObject {
            for member in meta.members where !RequestEdit.isReserved(member) {
                out.literal(first ? "\"" : ",\"")
                first = false
                out.bytes(member.key)
                out.literal("\":")
                out.bytes(member.value.raw)
            }
        }
        out.byte(125)
        return true
    }

    /// Writes an error answer, its code translated between the eras.
    /// - Returns: the code that the client sees.
    public static func writeError(
        id: UnsafeRawBufferPointer, error: JSONNode, form: ResultForm, into out: MessageBuilder
    ) -> ErrorCode {
        out.literal("{\"jsonrpc\":\"2.0\",\"id\":")
        out.bytes(id)
        out.literal(",\"error\":")
        let shown = writeErrorBody(error, form, into: out)
        out.byte(125)
        return shown
    }

    /// As `writeError(id:error:form:into:)`, with the parts of the form that most calls need.
    public static func writeError(
        id: UnsafeRawBufferPointer, error: JSONNode, method: Method, serverIsModern: Bool = true,
        client: Revision, shownURI: String? = nil, into out: MessageBuilder
    ) -> ErrorCode {
        var form = ResultForm(method: method, serverIsModern: serverIsModern, client: client, identity: "{}")
        form.shownURI = shownURI
        return writeError(id: id, error: error, form: form, into: out)
    }

    /// Writes the error object alone.
    /// - Returns: the code that the client sees.
    public static func writeErrorBody(
        _ error: JSONNode, _ form: ResultForm, into out: MessageBuilder
    ) -> ErrorCode {
        let code = ErrorCode(rawValue: Int(error.member("code")?.int64 ?? -32603))
        let shown = form.shown(code)
        out.literal("{\"code\":")
        out.integer(shown.rawValue)
        out.literal(",\"message\":")
        if let message = error.member("message"), message.kind == .string {
            out.bytes(message.raw)
        } else {
            out.literal("\"the server gave no message\"")
        }
        if let data = error.member("data") {
            out.literal(",\"data\":")
            if let uri = form.shownURI, data.member("uri")?.kind == .string {
                // Which resource is not there: the one that the client asked for, under its name for it.
                var edit = ObjectEdit(data, out)
                edit.begin()
                edit.separator()
                out.literal("\"uri\":")
                out.quoted(uri)
                edit.rest { $0.keyEquals("uri") }
            } else {
                out.bytes(data.raw)
            }
        }
        out.byte(125)
        return shown
    }
}

extension ResultForm {
    /// Whether a structured result reaches the client inside of `{"result":…}`.
    fileprivate func wraps(_ value: JSONNode) -> Bool {
        guard client >= .v2025_06_18, !client.isModern else { return false }
        switch structured {
        case .wrapped: return true
        // Without a schema, null says no more than absence.
        case .asIs: return value.kind != .object && value.kind != .null
        case .dropped: return false
        }
    }

    /// Whether one that is not wrapped stays.
    fileprivate func keeps(_ value: JSONNode) -> Bool {
        client >= .v2025_06_18 && structured == .asIs && value.kind == .object
    }

    /// A server's error code in the words of the client's era.
    fileprivate func shown(_ code: ErrorCode) -> ErrorCode {
        if client.isModern {
            switch code {
            case .resourceNotFound: return .invalidParams
            // Between us and the server: the client's own headers and version were right.
            case .urlElicitationRequired, .headerMismatch, .unsupportedVersion: return .internalError
            default: return code
            }
        }
        return serverIsModern && code == .invalidParams && method == .resourcesRead ? .resourceNotFound : code
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
