// SPDX-License-Identifier: Apache-2.0
// Which era a client speaks, decided message by message (MCP 2026-07-28, "Versioning"; both eras share one URL).

import JSON

/// What the transport says about a message, beside its bytes.
public struct MirroredHeaders {
    /// Values are nil where the transport has no such header or the client did not send it.
    public var protocolVersion: UnsafeRawBufferPointer?
    public var method: UnsafeRawBufferPointer?
    public var name: UnsafeRawBufferPointer?
    /// A mirrored header was repeated or could not be decoded.
    public var malformed = false
    /// The transport has no headers at all (stdio): the rules about them do not apply.
    public var absent = false

    public init() {}
}

/// The reserved keys of a modern request's `_meta`.
public struct RequestMeta {
    public var node: JSONNode?
    public var protocolVersion: JSONNode?
    public var clientCapabilities: JSONNode?
    public var logLevel: JSONNode?
    public var progressToken: JSONNode?
    public var traceparent: JSONNode?

    public init(_ params: JSONNode?) {
        guard let meta = params?.member("_meta"), meta.kind == .object else { return }
        node = meta
        for member in meta.members {
            if member.keyEquals("progressToken") {
                progressToken = member.value
            } else if member.keyEquals("traceparent") {
                traceparent = member.value
            } else if member.keyEquals("io.modelcontextprotocol/protocolVersion") {
                protocolVersion = member.value
            } else if member.keyEquals("io.modelcontextprotocol/clientCapabilities") {
                clientCapabilities = member.value
            } else if member.keyEquals("io.modelcontextprotocol/logLevel") {
                logLevel = member.value
            }
        }
    }
}

/// A refusal of the request itself, before anything was done for it.
public struct ProtocolRefusal: Error {
    public var code: ErrorCode
    public var message: String
    /// Raw JSON for the error's `data`, if any.
    public var data: String?

    public init(_ code: ErrorCode, _ message: String, data: String? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }
}

public enum ClientEra {
    /// Whether a message must be judged by the modern rules. Any version header that is not a known legacy revision
    /// counts as modern; without the header, a reserved `_meta` key does, but never on `initialize`.
    public static func isModern(
        method: Method, headers: MirroredHeaders, meta: RequestMeta
    ) -> Bool {
        if let header = headers.protocolVersion {
            guard let revision = Revision(header) else { return true }
            return revision.isModern
        }
        if method == .initialize { return false }
        return meta.protocolVersion != nil
    }

    /// The checks on a modern request, in the order in which peers expect them: mirrored headers repeated, required
    /// `_meta` keys, headers equal body, version served, method known (MCP 2026-07-28, Streamable HTTP).
    public static func checkModern(
        _ envelope: Envelope, headers: MirroredHeaders, meta: RequestMeta
    ) throws(ProtocolRefusal) {
        if headers.malformed {
            throw ProtocolRefusal(
                .headerMismatch, "a mirrored MCP header is repeated or cannot be decoded; send each once")
        }
        guard let version = meta.protocolVersion, version.kind == .string else {
            throw ProtocolRefusal(
                .invalidParams,
                "params._meta needs \"io.modelcontextprotocol/protocolVersion\" (a string) on every request")
        }
        guard let capabilities = meta.clientCapabilities, capabilities.kind == .object else {
            throw ProtocolRefusal(
                .invalidParams,
                "params._meta needs \"io.modelcontextprotocol/clientCapabilities\" (an object) on every request"
            )
        }
        _ = capabilities
        if !headers.absent { try checkHeaders(envelope, headers, version) }
        guard let revision = Revision(version), revision.isModern else {
            let asked = version.string() ?? ""
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("supported")
            writer.beginArray()
            writer.value(Revision.newest.text)
            writer.endArray()
            writer.key("requested")
            writer.value(asked)
            writer.endObject()
            throw ProtocolRefusal(
                .unsupportedVersion, "protocol version \(asked) is not served statelessly here",
                data: String(decoding: writer.bytes, as: UTF8.self))
        }
    }

    private static func checkHeaders(
        _ envelope: Envelope, _ headers: MirroredHeaders, _ version: JSONNode
    ) throws(ProtocolRefusal) {
        guard let header = headers.protocolVersion else {
            throw ProtocolRefusal(.headerMismatch, "the MCP-Protocol-Version header is missing")
        }
        guard version.equals(header) else {
            throw ProtocolRefusal(
                .headerMismatch, "MCP-Protocol-Version and the protocolVersion in params._meta differ")
        }
        guard let method = headers.method else {
            throw ProtocolRefusal(.headerMismatch, "the Mcp-Method header is missing")
        }
        guard let name = envelope.methodName, name.equals(method) else {
            throw ProtocolRefusal(.headerMismatch, "Mcp-Method and \"method\" in the body differ")
        }
        guard let mirrored = envelope.method.mirroredName else { return }
        guard let value = envelope.params?.member(mirrored), value.kind == .string else { return }
        guard let sent = headers.name else {
            throw ProtocolRefusal(.headerMismatch, "the Mcp-Name header is missing")
        }
        guard value.equals(sent) else {
            throw ProtocolRefusal(.headerMismatch, "Mcp-Name and params.\(mirrored) in the body differ")
        }
    }
}
