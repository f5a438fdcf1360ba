// SPDX-License-Identifier: Apache-2.0
// ClientEra: which era a message belongs to, and the checks on modern requests in their order.

import JSON
import MCP
import Testing

/// Headers as texts, lent as spans.
struct Headers: Sendable {
    var version: String?
    var method: String?
    var name: String?
    var malformed = false
    var absent = false

    func lend<Value>(_ body: (MirroredHeaders) throws -> Value) rethrows -> Value {
        let texts = [version, method, name].map { $0.map { Array($0.utf8) } }
        return try lend(texts[0], texts[1], texts[2], body)
    }

    private func lend<Value>(
        _ version: [UInt8]?, _ method: [UInt8]?, _ name: [UInt8]?, _ body: (MirroredHeaders) throws -> Value
    ) rethrows -> Value {
        try (version ?? []).withUnsafeBytes { versionBytes in
            try (method ?? []).withUnsafeBytes { methodBytes in
                try (name ?? []).withUnsafeBytes { nameBytes in
                    var headers = MirroredHeaders()
                    headers.protocolVersion = version == nil ? nil : versionBytes
                    headers.method = method == nil ? nil : methodBytes
                    headers.name = name == nil ? nil : nameBytes
                    headers.malformed = malformed
                    headers.absent = absent
                    return try body(headers)
                }
            }
        }
    }
}

@Suite("Client era") struct ClientEraTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let what: String
        let message: String
        let headers: Headers
        let isModern: Bool
        var testDescription: String { what }
    }

    static let described = #"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#

    static func message(_ method: String, _ params: String = "{}") -> String {
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\(method)\",\"params\":\(params)}"
    }

    static let legacyRows: [Row] = RevisionTests.dates.dropLast().map { (date: String) -> Row in
        Row(
            what: "HTTP, legacy header \(date)", message: message("tools/list"),
            headers: Headers(version: date),
            isModern: false)
    }

    static let rows: [Row] =
        legacyRows + [
            Row(
                what: "HTTP, modern header", message: message("tools/list"),
                headers: Headers(version: "2026-07-28"),
                isModern: true),
            Row(
                what: "HTTP, header of an unknown later version", message: message("tools/list"),
                headers: Headers(version: "2099-01-01"), isModern: true),
            Row(
                what: "HTTP, header that is no version", message: message("tools/list"),
                headers: Headers(version: "latest"), isModern: true),
            Row(
                what: "HTTP, empty header", message: message("tools/list"), headers: Headers(version: ""),
                isModern: true),
            Row(
                what: "HTTP, no header, reserved key in _meta", message: message("tools/list", described),
                headers: Headers(), isModern: true),
            Row(
                what: "HTTP, no header, reserved key of a wrong type",
                message: message("tools/list", #"{"_meta":{"io.modelcontextprotocol/protocolVersion":5}}"#),
                headers: Headers(), isModern: true),
            Row(
                what: "HTTP, no header, escaped reserved key",
                message: message(
                    "tools/list", #"{"_meta":{"io.modelcontextprotocol\/protocolVersion":"2026-07-28"}}"#),
                headers: Headers(), isModern: true),
            Row(
                what: "HTTP, no header, only vendor keys in _meta",
                message: message("tools/list", #"{"_meta":{"com.example/x":1,"progressToken":1}}"#),
                headers: Headers(), isModern: false),
            Row(
                what: "HTTP, legacy header beside the reserved key",
                message: message("tools/list", described),
                headers: Headers(version: "2025-11-25"), isModern: false),
            Row(
                what: "HTTP, initialize without header", message: message("initialize"), headers: Headers(),
                isModern: false),
            Row(
                what: "HTTP, initialize with a legacy header", message: message("initialize"),
                headers: Headers(version: "2025-06-18"), isModern: false),
            Row(
                what: "HTTP, initialize with a modern header", message: message("initialize"),
                headers: Headers(version: "2026-07-28"), isModern: true),
            Row(
                what: "HTTP, neither header nor _meta", message: message("tools/list"), headers: Headers(),
                isModern: false),
            Row(
                what: "stdio, reserved key", message: message("tools/list", described),
                headers: Headers(absent: true), isModern: true),
            Row(
                what: "stdio, reserved key on initialize", message: message("initialize", described),
                headers: Headers(absent: true), isModern: false),
            Row(
                what: "stdio, initialize", message: message("initialize"), headers: Headers(absent: true),
                isModern: false),
            Row(
                what: "stdio, _meta that is no object", message: message("tools/list", #"{"_meta":[]}"#),
                headers: Headers(absent: true), isModern: false),
        ]

    @Test("the era follows from header, method and _meta", arguments: rows)
    func era(_ row: Row) throws {
        try withRoot(row.message) { root in
            let envelope = try Envelope.read(root)
            let meta = RequestMeta(envelope.params)
            let isModern = row.headers.lend {
                ClientEra.isModern(method: envelope.method, headers: $0, meta: meta)
            }
            #expect(isModern == row.isModern)
        }
    }

    @Test func metaKeysAreFoundWhereverTheyStand() throws {
        let params = """
            {"name":"x","_meta":{"com.example/k":0,"traceparent":"t","io.modelcontextprotocol\\/logLevel":"info",
            "progressToken":"p","io.modelcontextprotocol/clientCapabilities":{},
            "io.modelcontextprotocol/protocolVersion":"2026-07-28"}}
            """
        try withRoot(params) { root in
            let meta = RequestMeta(root)
            #expect(meta.node?.count == 6)
            #expect(meta.protocolVersion?.string() == "2026-07-28")
            #expect(meta.clientCapabilities?.kind == .object)
            #expect(meta.logLevel?.string() == "info")
            #expect(meta.progressToken?.string() == "p")
            #expect(meta.traceparent?.string() == "t")
        }
        #expect(RequestMeta(nil).node == nil)
    }

    // MARK: Checks on a modern request

    struct Check: Sendable, CustomTestStringConvertible {
        let what: String
        let message: String
        let headers: Headers
        /// The code that refuses it; nil: it passes.
        let code: ErrorCode?
        var says: String = ""
        var testDescription: String { what }
    }

    static func meta(version: String = #""2026-07-28""#, capabilities: String = "{}") -> String {
        #"{"io.modelcontextprotocol/protocolVersion":\#(version),"#
            + #""io.modelcontextprotocol/clientCapabilities":\#(capabilities)}"#
    }

    static func call(_ method: String = "tools/call", name: String? = #""name":"t""#, meta: String = meta())
        -> String
    {
        message(method, "{\(name.map { $0 + "," } ?? "")\"_meta\":\(meta)}")
    }

    static let good = Headers(version: "2026-07-28", method: "tools/call", name: "t")

    static let checks = [
        Check(what: "a complete request", message: call(), headers: good, code: nil),
        Check(
            what: "clientInfo may be absent, capabilities empty", message: call(), headers: good, code: nil),
        Check(
            what: "a method without a mirrored name", message: call("tools/list", name: nil),
            headers: Headers(version: "2026-07-28", method: "tools/list"), code: nil),
        Check(
            what: "stdio has no headers to compare", message: call(), headers: Headers(absent: true),
            code: nil),
        Check(
            what: "values are compared decoded", message: call(name: #""name":"\u0074""#), headers: good,
            code: nil),
        Check(
            what: "resources mirror their uri", message: call("resources/read", name: #""uri":"a://b""#),
            headers: Headers(version: "2026-07-28", method: "resources/read", name: "a://b"), code: nil),
        Check(
            what: "a version spelled with escapes is the same version",
            message: call(meta: meta(version: #""2026\u002d07-28""#)), headers: good, code: nil),
        Check(
            what: "malformed headers come first", message: message("tools/call"),
            headers: Headers(malformed: true), code: .headerMismatch),
        Check(
            what: "no params at all", message: #"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#,
            headers: good,
            code: .invalidParams, says: "protocolVersion"),
        Check(
            what: "no _meta", message: message("tools/call", #"{"name":"t"}"#), headers: good,
            code: .invalidParams,
            says: "protocolVersion"),
        Check(
            what: "version of a wrong type", message: call(meta: meta(version: "7")), headers: good,
            code: .invalidParams, says: "protocolVersion"),
        Check(
            what: "no capabilities",
            message: call(meta: #"{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#),
            headers: good, code: .invalidParams, says: "clientCapabilities"),
        Check(
            what: "capabilities of a wrong type", message: call(meta: meta(capabilities: "[]")),
            headers: good,
            code: .invalidParams, says: "clientCapabilities"),
        Check(
            what: "missing _meta is told before missing headers", message: message("tools/call"),
            headers: Headers(),
            code: .invalidParams),
        Check(
            what: "no version header", message: call(), headers: Headers(method: "tools/call", name: "t"),
            code: .headerMismatch, says: "MCP-Protocol-Version"),
        Check(
            what: "version header differs", message: call(),
            headers: Headers(version: "2025-11-25", method: "tools/call", name: "t"), code: .headerMismatch,
            says: "MCP-Protocol-Version"),
        Check(
            what: "a differing header is told before an unserved version",
            message: call(meta: meta(version: #""2099-01-01""#)), headers: good, code: .headerMismatch),
        Check(
            what: "no method header", message: call(), headers: Headers(version: "2026-07-28", name: "t"),
            code: .headerMismatch, says: "Mcp-Method"),
        Check(
            what: "method header differs", message: call(),
            headers: Headers(version: "2026-07-28", method: "tools/list", name: "t"), code: .headerMismatch,
            says: "Mcp-Method"),
        Check(
            what: "method header differs in case", message: call(),
            headers: Headers(version: "2026-07-28", method: "Tools/Call", name: "t"), code: .headerMismatch,
            says: "Mcp-Method"),
        Check(
            what: "no name header", message: call(),
            headers: Headers(version: "2026-07-28", method: "tools/call"),
            code: .headerMismatch, says: "Mcp-Name"),
        Check(
            what: "name header differs", message: call(),
            headers: Headers(version: "2026-07-28", method: "tools/call", name: "u"), code: .headerMismatch,
            says: "Mcp-Name"),
        Check(
            what: "name header differs from a prompt's name", message: call("prompts/get"),
            headers: Headers(version: "2026-07-28", method: "prompts/get", name: "T"), code: .headerMismatch,
            says: "Mcp-Name"),
        Check(
            what: "a mismatch is told before an unserved version",
            message: call(meta: meta(version: #""2099-01-01""#)),
            headers: Headers(version: "2099-01-01", method: "tools/call", name: "u"), code: .headerMismatch),
        Check(
            what: "an unknown version", message: call(meta: meta(version: #""2099-01-01""#)),
            headers: Headers(version: "2099-01-01", method: "tools/call", name: "t"),
            code: .unsupportedVersion),
        Check(
            what: "an unknown version on stdio", message: call(meta: meta(version: #""2099-01-01""#)),
            headers: Headers(absent: true), code: .unsupportedVersion),
        Check(
            what: "a legacy version is not served statelessly",
            message: call(meta: meta(version: #""2025-06-18""#)),
            headers: Headers(absent: true), code: .unsupportedVersion),
        Check(
            what: "an unserved version is told before an unknown method",
            message: call("x/y", name: nil, meta: meta(version: #""2099-01-01""#)),
            headers: Headers(version: "2099-01-01", method: "x/y"), code: .unsupportedVersion),
    ]

    @Test("a modern request is checked in the order that peers expect", arguments: checks)
    func check(_ check: Check) throws {
        try withRoot(check.message) { root in
            let envelope = try Envelope.read(root)
            check.headers.lend { headers in
                do throws(ProtocolRefusal) {
                    try ClientEra.checkModern(envelope, headers: headers, meta: RequestMeta(envelope.params))
                    #expect(check.code == nil)
                } catch {
                    #expect(check.code == error.code, "\(error.message)")
                    #expect(error.message.contains(check.says), "\(error.message)")
                }
            }
        }
    }

    @Test(
        "an unserved version is answered with what is served",
        arguments: ["2099-01-01", "2024-11-05", "a\\\"\\n"])
    func unsupportedVersion(_ spelled: String) throws {
        let message = Self.call(meta: Self.meta(version: "\"\(spelled)\""))
        let asked = try JSONValue(parsing: "\"\(spelled)\"")
        try withRoot(message) { root in
            let envelope = try Envelope.read(root)
            var headers = MirroredHeaders()
            headers.absent = true
            do throws(ProtocolRefusal) {
                try ClientEra.checkModern(envelope, headers: headers, meta: RequestMeta(envelope.params))
                Issue.record("passed")
            } catch {
                #expect(error.code == .unsupportedVersion)
                let data = try JSONValue(parsing: error.data ?? "")
                #expect(data == ["supported": ["2026-07-28"], "requested": asked])
            }
        }
    }

    @Test func codesHaveTheirNumbers() {
        let numbers: [(ErrorCode, Int)] = [
            (.parse, -32700), (.invalidRequest, -32600), (.methodNotFound, -32601), (.invalidParams, -32602),
            (.internalError, -32603), (.headerMismatch, -32020), (.missingCapability, -32021),
            (.unsupportedVersion, -32022), (.resourceNotFound, -32002), (.urlElicitationRequired, -32042),
        ]
        for (code, number) in numbers { #expect(code.rawValue == number) }
        // Own codes stand outside the range that JSON-RPC and MCP reserve.
        #expect(!(-32768 ... -32000).contains(ErrorCode.cancelled.rawValue))
    }
}
