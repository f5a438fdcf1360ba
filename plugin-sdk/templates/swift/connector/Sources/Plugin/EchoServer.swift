// SPDX-License-Identifier: Apache-2.0
// An MCP server of the revision 2026-07-28 with one tool. It knows nothing of gateways.

import JackfieldPlugin

struct EchoServer {
    let prefix: String

    /// The answer to one request.
    func serve(_ request: [UInt8]) -> [UInt8] {
        let request = JSONSlice(request[...])
        guard let id = request["id"] else { return error("null", -32600, "this is not a request") }
        switch request["method"]?.raw {
        case "\"server/discover\"":
            return result(
                id.raw,
                """
                "supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":60000,"cacheScope":"public",\
                "_meta":{"io.modelcontextprotocol/serverInfo":{"name":"PLUGIN_NAME","version":"0.1.0"}}
                """)
        case "\"tools/list\"":
            return result(
                id.raw,
                """
                "tools":[{"name":"echo","description":"Says the same.","inputSchema":{"type":"object","properties":\
                {"text":{"type":"string","description":"What to say."}},"required":["text"]}}],"ttlMs":60000,\
                "cacheScope":"public"
                """)
        case "\"tools/call\"":
            guard request["params"]?["name"]?.raw == "\"echo\"" else {
                return error(id.raw, -32602, "there is no such tool")
            }
            guard let said = request["params"]?["arguments"]?["text"]?.raw, said.hasPrefix("\"") else {
                return error(id.raw, -32602, "text must be a string")
            }
            // Between the quotes it can stand in our string as it is.
            let text = JSONValue.text(prefix).json.dropLast() + said.dropFirst()
            return result(id.raw, "\"content\":[{\"type\":\"text\",\"text\":\(text)}]")
        default: return error(id.raw, -32601, "there is no such method")
        }
    }

    private func result(_ id: String, _ members: String) -> [UInt8] {
        Array("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":{\"resultType\":\"complete\",\(members)}}".utf8)
    }

    private func error(_ id: String, _ code: Int, _ text: String) -> [UInt8] {
        Array("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"error\":{\"code\":\(code),\"message\":\"\(text)\"}}".utf8)
    }
}

/// A part of a JSON text that the gateway has checked: objects can be looked into, everything else is raw.
struct JSONSlice {
    private let bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    var raw: String { String(decoding: bytes, as: UTF8.self) }

    /// A member of an object, by a name without escapes.
    subscript(_ name: String) -> JSONSlice? {
        var rest = bytes
        guard rest.popFirst() == UInt8(ascii: "{") else { return nil }
        while true {
            guard let key = JSONSlice.value(&rest), JSONSlice.token(&rest) == UInt8(ascii: ":"),
                let value = JSONSlice.value(&rest)
            else { return nil }
            if key.dropFirst().dropLast().elementsEqual(name.utf8) { return JSONSlice(value) }
            guard JSONSlice.token(&rest) == UInt8(ascii: ",") else { return nil }
        }
    }

    private static func skipSpace(_ rest: inout ArraySlice<UInt8>) {
        while let byte = rest.first, byte <= 32 { rest.removeFirst() }
    }

    private static func token(_ rest: inout ArraySlice<UInt8>) -> UInt8? {
        skipSpace(&rest)
        return rest.popFirst()
    }

    /// Takes one value off the front; nil: there is none.
    private static func value(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        skipSpace(&rest)
        let whole = rest
        var depth = 0
        while let byte = rest.first {
            switch byte {
            case UInt8(ascii: "\""):
                rest.removeFirst()
                while let inner = rest.popFirst(), inner != UInt8(ascii: "\"") {
                    if inner == UInt8(ascii: "\\") { _ = rest.popFirst() }
                }
                if depth == 0 { return whole[..<rest.startIndex] }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return rest.startIndex > whole.startIndex ? whole[..<rest.startIndex] : nil }
                depth -= 1
                if depth == 0 {
                    rest.removeFirst()
                    return whole[..<rest.startIndex]
                }
            case UInt8(ascii: ","), UInt8(ascii: ":"), 0...32:
                if depth == 0 { return rest.startIndex > whole.startIndex ? whole[..<rest.startIndex] : nil }
            default: break
            }
            rest.removeFirst()
        }
        return nil
    }
}
