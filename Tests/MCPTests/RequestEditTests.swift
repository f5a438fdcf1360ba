// SPDX-License-Identifier: Apache-2.0
// RequestEdit: a client's request as a server gets it.

import JSON
import MCP
import Testing

@Suite("Request edit") struct RequestEditTests {
    /// Builds the request for `params` (nil: the client sent none).
    static func build(
        _ params: String?, to revision: Revision = .v2026_07_28, method: Method = .toolsCall,
        name: String? = nil,
        nameKey: StaticString = "name", capabilities: String? = nil,
        _ change: (inout OutgoingRequest) -> Void = { _ in }
    ) throws -> String {
        try withRoot(params ?? "null") { root in
            let node = params == nil ? nil : root
            return try withRoot(capabilities ?? "null") { claimed in
                let out = MessageBuilder()
                withBytes(name ?? "") { nameBytes in
                    var request = OutgoingRequest(
                        id: 99, method: method, params: node, meta: RequestMeta(node))
                    request.replacedName = name == nil ? nil : nameBytes
                    request.nameKey = nameKey
                    request.capabilities = capabilities == nil ? nil : claimed
                    change(&request)
                    RequestEdit.write(request, for: revision, identity: identity, into: out)
                }
                _ = try value(out)
                return text(out)
            }
        }
    }

    static func parsed(_ built: String) throws -> JSONValue { try JSONValue(parsing: built) }

    /// The members of params but `_meta`, in the order written.
    static func members(_ built: String) throws -> [JSONMemberValue] {
        try parsed(built)["params"]?.object?.filter { $0.key != "_meta" } ?? []
    }

    static func meta(_ built: String) throws -> JSONValue? { try parsed(built)["params"]?["_meta"] }

    static let modernMeta = """
        {"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},
        "io.modelcontextprotocol/clientInfo":\(identityText)}
        """

    // MARK: The whole message

    @Test func aModernServerGetsAModernRequest() throws {
        let built = try Self.build(#"{"name":"a","arguments":{"x":1}}"#)
        try expectSame(
            Self.parsed(built),
            """
            {"jsonrpc":"2.0","id":99,"method":"tools/call",
            "params":{"name":"a","arguments":{"x":1},"_meta":\(Self.modernMeta)}}
            """)
    }

    @Test(
        "a legacy server gets a request without modern keys",
        arguments: Revision.allCases.filter { !$0.isModern })
    func legacy(_ revision: Revision) throws {
        let built = try Self.build(
            #"{"name":"a","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#, to: revision)
        try expectSame(
            Self.parsed(built), #"{"jsonrpc":"2.0","id":99,"method":"tools/call","params":{"name":"a"}}"#)
    }

    @Test("params may be absent, empty, or hold nothing but _meta", arguments: [nil, "{}", #"{"_meta":{}}"#])
    func absentParams(_ params: String?) throws {
        try expectSame(
            Self.parsed(Self.build(params, method: .toolsList)),
            #"{"jsonrpc":"2.0","id":99,"method":"tools/list","params":{"_meta":\#(Self.modernMeta)}}"#)
        try expectSame(
            Self.parsed(Self.build(params, to: .v2025_06_18, method: .toolsList)),
            #"{"jsonrpc":"2.0","id":99,"method":"tools/list","params":{}}"#)
    }

    @Test("ids are ours", arguments: [0, 1, UInt64.max])
    func ids(_ id: UInt64) throws {
        let built = try Self.build("{}") { $0.id = id }
        #expect(try Self.parsed(built)["id"] == .number(String(id)))
    }

    // MARK: Members

    @Test("order and spelling of members stay", arguments: ["first", "middle", "last", "twice", "absent"])
    func orderAndSpelling(_ place: String) throws {
        let meta = #""_meta" : {"a":1}"#
        let own = [
            #""z":1.50"#, #""a" : "\u00e9\/""#, #""name":"n""#, #""b":[ 1 , {"k":-0} ]"#,
            #""n\u0061me2":null"#,
        ]
        var all = own
        switch place {
        case "first": all.insert(meta, at: 0)
        case "middle": all.insert(meta, at: 2)
        case "last": all.append(meta)
        case "twice": all.insert(meta, at: 1); all.append(meta)
        default: break
        }
        for revision in [Revision.v2026_07_28, .v2025_03_26] {
            let built = try Self.build("{" + all.joined(separator: " ,\n") + "}", to: revision)
            #expect(try Self.members(built).map(\.key) == ["z", "a", "name", "b", "name2"])
            for member in own { #expect(built.contains(member), "\(member) in \(built)") }
        }
    }

    @Test(
        "the name is replaced and nothing else",
        arguments: [
            (#"{"name":"old","arguments":{"name":"old"}}"#, ["name", "arguments"]),
            (#"{"arguments":{"name":"old"},"name":"old"}"#, ["arguments", "name"]),
            (
                #"{"x":0,"n\u0061me":"old","arguments":{"name":"old"},"_meta":{"name":"old"}}"#,
                ["x", "name", "arguments"]
            ),
            (#"{"_meta":{},"arguments":{"name":"old"},"name" : "old" , "y":1}"#, ["arguments", "name", "y"]),
        ])
    func replacesTheName(_ params: String, _ order: [String]) throws {
        for revision in [Revision.v2026_07_28, .v2025_11_25] {
            let built = try Self.build(params, to: revision, name: #""new \"name\"""#)
            let members = try Self.members(built)
            #expect(members.map(\.key) == order)
            #expect(members.first { $0.key == "name" }?.value == #"new "name""#)
            #expect(members.first { $0.key == "arguments" }?.value == ["name": "old"])
        }
    }

    @Test func theReplacedMemberMayBeAnother() throws {
        let built = try Self.build(
            #"{"name":"keep","uri":"shown://x"}"#, method: .resourcesRead, name: #""own://x""#, nameKey: "uri"
        )
        #expect(
            try Self.members(built) == [JSONMemberValue("name", "keep"), JSONMemberValue("uri", "own://x")])
    }

    @Test func aNameThatIsNotThereIsNotInvented() throws {
        #expect(try Self.members(Self.build(#"{"a":1}"#, name: #""x""#)).map(\.key) == ["a"])
    }

    @Test func hugeArgumentsAreReferenced() throws {
        let params =
            #"{"name":"old","arguments":{"blob":"\#(String(repeating: "q", count: 300_000))"},"_meta":{"k":1}}"#
        let document = try JSONText(params)
        try document.withRoot { root in
            let out = MessageBuilder()
            let arguments = try #require(root.member("arguments"))
            try withBytes(#""new""#) { name in
                var request = OutgoingRequest(
                    id: 1, method: .toolsCall, params: root, meta: RequestMeta(root))
                request.replacedName = name
                RequestEdit.write(request, for: .newest, identity: identity, into: out)
                let parts = out.finish()
                let source = try #require(document.bytes.baseAddress)
                let inside = parts.filter { part in
                    guard let start = part.pointer else { return false }
                    return UnsafeRawPointer(start) >= source
                        && UnsafeRawPointer(start) < source + document.bytes.count
                }
                #expect(inside.count == 1)
                #expect(Int(inside.first?.count ?? 0) >= arguments.range.count)
                #expect(parts.reduce(0) { $0 + Int($1.count) } - Int(inside.first?.count ?? 0) < 1000)
            }
            let built = try value(out)
            #expect(built["params"]?["arguments"] == JSONValue(arguments))
            #expect(built["params"]?["name"] == "new")
        }
    }

    // MARK: _meta

    @Test func reservedKeysAreRegenerated() throws {
        let params = """
            {"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-01-01",
            "io.modelcontextprotocol/clientCapabilities":{"sampling":{}},
            "io.modelcontextprotocol/clientInfo":{"name":"client","version":"9"},
            "io.modelcontextprotocol/subscriptionId":4,"io.modelcontextprotocol/later":true,"progressToken":"theirs"}}
            """
        try expectSame(#require(try Self.meta(Self.build(params))), Self.modernMeta)
        #expect(try Self.meta(Self.build(params, to: .v2025_11_25)) == nil)
    }

    @Test(
        "reserved keys are recognised however they are spelled",
        arguments: [
            #"io.modelcontextprotocol\/clientCapabilities"#, #"\u0069o.modelcontextprotocol/protocolVersion"#,
        ])
    func escapedReservedKeys(_ key: String) throws {
        // Passed on, it would stand beside ours, and which one counts would be the server's choice.
        let params = #"{"_meta":{"\#(key)":{"sampling":{}},"com.example/k":1}}"#
        let modern = try JSONText(Self.build(params)).withRoot { JSONValue($0) }
        #expect(repeatedKeys(modern) == [])
        #expect(modern["params"]?["_meta"]?["io.modelcontextprotocol/clientCapabilities"] == [:])
        #expect(try Self.meta(Self.build(params, to: .v2025_06_18)) == ["com.example/k": 1])
    }

    @Test func keysOfOthersPassUntouched() throws {
        let vendor =
            #""com.example/a":{"deep":[1.0,"\u00e9"]},"plain":null,"tracestate":"x=1","baggage":"k=v","e\"sc":2"#
        for revision in [Revision.v2026_07_28, .v2025_06_18] {
            let built = try Self.build(#"{"_meta":{"progressToken":5,\#(vendor)}}"#, to: revision)
            for member in vendor.split(separator: ",", maxSplits: 1) { #expect(built.contains(member)) }
            let wanted = try #require(try JSONValue(parsing: "{\(vendor)}").object)
            let meta = try #require(try Self.meta(built))
            for member in wanted { #expect(meta[member.key] == member.value) }
            #expect(meta["progressToken"] == nil)
        }
    }

    @Test("a _meta that is no object is replaced", arguments: ["null", "[]", "5", #""x""#])
    func metaOfAWrongType(_ meta: String) throws {
        try expectSame(#require(try Self.meta(Self.build(#"{"_meta":\#(meta)}"#))), Self.modernMeta)
        #expect(try Self.meta(Self.build(#"{"_meta":\#(meta)}"#, to: .v2025_06_18)) == nil)
    }

    @Test func capabilitiesAreWhatThisHopClaims() throws {
        let params = #"{"_meta":{"io.modelcontextprotocol/clientCapabilities":{"roots":{}}}}"#
        let built = try Self.build(params, capabilities: #"{"elicitation":{"form":{}}}"#)
        let key = "io.modelcontextprotocol/clientCapabilities"
        #expect(try Self.meta(built)?[key] == ["elicitation": ["form": [:]]])
        #expect(try Self.meta(Self.build(params))?[key] == [:])
    }

    @Test(
        "extensions are negotiated per hop and left out",
        arguments: [
            (#"{"extensions":{"a/b":{}}}"#, "{}"),
            (#"{"extensions":{},"sampling":{"tools":{}}}"#, #"{"sampling":{"tools":{}}}"#),
            (
                #"{"roots":{},"e\u0078tensions":{"a/b":{}},"elicitation":{}}"#,
                #"{"roots":{},"elicitation":{}}"#
            ), ("{}", "{}"),
        ])
    func extensions(_ declared: String, _ claimed: String) throws {
        let meta = try Self.meta(Self.build("{}", capabilities: declared))
        try expectSame(#require(meta?["io.modelcontextprotocol/clientCapabilities"]), claimed)
        let kept = try Self.meta(Self.build("{}", capabilities: declared) { $0.keepsExtensions = true })
        try expectSame(#require(kept?["io.modelcontextprotocol/clientCapabilities"]), declared)
    }

    @Test func abilitiesAreDeclaredInTheModernForm() throws {
        for abilities in [Abilities.form, [.form, .tasks], [.sampling, .roots], []] {
            let meta = try Self.meta(Self.build("{}") { $0.abilities = abilities })
            let claimed = try #require(meta?["io.modelcontextprotocol/clientCapabilities"])
            #expect(try claimed == JSONValue(parsing: abilities.modernCapabilities()))
            #expect(try Self.meta(Self.build("{}", to: .v2025_11_25) { $0.abilities = abilities }) == nil)
        }
    }

    @Test func theLogLevelGoesToModernServersOnly() throws {
        let params = #"{"_meta":{"io.modelcontextprotocol/logLevel":"debug"}}"#
        func level(_ wanted: LogLevel?, to revision: Revision) throws -> JSONValue? {
            try Self.meta(Self.build(params, to: revision) { $0.logLevel = wanted })?[
                "io.modelcontextprotocol/logLevel"]
        }
        #expect(try level(.warning, to: .v2026_07_28) == "warning")
        #expect(try level(.warning, to: .v2025_11_25) == nil)
        // What the client sent was meant for this hop.
        #expect(try level(nil, to: .v2026_07_28) == nil)
    }

    @Test("progress is asked for under our own token", arguments: [Revision.v2026_07_28, .v2025_03_26])
    func progressToken(_ revision: Revision) throws {
        let params = #"{"_meta":{"progressToken":"theirs","p\u0072ogressToken":1}}"#
        let wanted = try Self.meta(Self.build(params, to: revision) { $0.wantsProgress = true })
        #expect(wanted?["progressToken"] == 99)
        #expect(try Self.meta(Self.build(params, to: revision))?["progressToken"] == nil)
        let unasked = try Self.meta(Self.build(nil, to: revision) { $0.wantsProgress = true })
        #expect(unasked?["progressToken"] == 99)
    }

    // MARK: Trace context (W3C)

    static let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test("the trace goes on under our span", arguments: [Revision.v2026_07_28, .v2025_06_18])
    func traceContinues(_ revision: Revision) throws {
        let params = #"{"_meta":{"traceparent":"\#(Self.trace)","tracestate":"a=b"}}"#
        let meta = try Self.meta(Self.build(params, to: revision) { $0.spanId = 0x00ab_cdef_0123_4567 })
        #expect(meta?["traceparent"] == "00-0af7651916cd43dd8448eb211c80319c-00abcdef01234567-01")
        #expect(meta?["tracestate"] == "a=b")
    }

    @Test func aSpanIsNeverAllZero() throws {
        let meta = try Self.meta(Self.build(#"{"_meta":{"traceparent":"\#(Self.trace)"}}"#))
        #expect(meta?["traceparent"] == "00-0af7651916cd43dd8448eb211c80319c-0000000000000001-01")
    }

    @Test func noTraceIsBegun() throws {
        let meta = try Self.meta(Self.build("{}") { $0.spanId = 5 })
        #expect(meta?["traceparent"] == nil)
    }

    @Test(
        "a traceparent that cannot be read is not edited",
        arguments: [
            #""""#, #""00-short-01""#, "5", "null",
            #""00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01""#,
            #""00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01""#,
            #""0\u0030-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01""#,
        ])
    func unreadableTrace(_ spelled: String) throws {
        let meta = try Self.meta(Self.build(#"{"_meta":{"traceparent":\#(spelled)}}"#) { $0.spanId = 5 })
        #expect(try meta?["traceparent"] == JSONValue(parsing: spelled))
    }
}
