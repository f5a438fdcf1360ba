// SPDX-License-Identifier: Apache-2.0
// A request repeated with answers (MCP 2026-07-28, "Multi round-trip requests"), and what must be the same in both.

import JSON

public enum RetryEdit {
    /// Writes the whole request again, with the answers in its params. Every other member of the request and of its
    /// params stays as it is spelled; answers and state of an earlier round are replaced. Copies all it writes.
    /// - Parameters:
    ///   - root: the client's request.
    ///   - responses: keys as raw JSON strings (with quotes) and raw values; empty leaves `inputResponses` out.
    ///   - requestState: a raw JSON string as the server gave it; nil leaves the member out.
    public static func writeBody(
        original root: JSONNode, responses: [(key: [UInt8], value: [UInt8])], requestState: [UInt8]?,
        into out: MessageBuilder
    ) {
        let params = root.member("params")
        let edited = self.params(params, responses, requestState)
        let added = params == nil ? [(name: "params" as StaticString, value: edited)] : []
        out.copy(ObjectCopy.bytes(root, adding: added) { $0.keyEquals("params") ? .value(edited) : .keep })
    }

    /// As `writeBody`, only the params object. Nil params are an empty object.
    public static func writeParams(
        original params: JSONNode?, responses: [(key: [UInt8], value: [UInt8])], requestState: [UInt8]?,
        into out: MessageBuilder
    ) {
        out.copy(self.params(params, responses, requestState))
    }

    private static func params(
        _ params: JSONNode?, _ responses: [(key: [UInt8], value: [UInt8])], _ requestState: [UInt8]?
    ) -> [UInt8] {
        var added: [(name: StaticString, value: [UInt8])] = []
        if !responses.isEmpty {
            var value: [UInt8] = [123]
            for (at, response) in responses.enumerated() {
                if at > 0 { value.append(44) }
                value.append(contentsOf: response.key)
                value.append(58)
                value.append(contentsOf: response.value)
            }
            value.append(125)
            added.append((name: "inputResponses", value: value))
        }
        if let requestState { added.append((name: "requestState", value: requestState)) }
        if let params {
            let bytes = try? Recorded.contents(params) { params in
                ObjectCopy.bytes(params, adding: added) { isOfRound($0) ? .drop : .keep }
            }
            if let bytes { return bytes }
        }
        var writer = JSONWriter()
        writer.beginObject()
        for (name, value) in added {
            writer.key(name)
            writer.raw(value)
        }
        writer.endObject()
        return writer.bytes
    }

    /// Members that belong to one round of a request.
    static func isOfRound(_ member: JSONMember) -> Bool {
        member.keyEquals("inputResponses") || member.keyEquals("requestState")
    }
}

public enum RequestDigest {
    /// The bytes to hash so that a retry can be told from another request: the method, and the params but for `_meta`,
    /// `inputResponses` and `requestState`. The order of members and the spelling of their names do not count; the bytes
    /// of values do.
    public static func canonical(_ method: Method, _ params: JSONNode?) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("method")
        writer.value(method.name)
        writer.key("params")
        writer.beginObject()
        if let params, params.kind == .object {
            try? Recorded.contents(params) { writeMembers($0, &writer) }
        }
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    private static func writeMembers(_ params: JSONNode, _ writer: inout JSONWriter) {
        var members: [(name: [UInt8], at: Int, value: UnsafeRawBufferPointer)] = []
        for (at, member) in params.members.enumerated() {
            if member.keyEquals("_meta") || RetryEdit.isOfRound(member) { continue }
            members.append((ObjectCopy.decodedKey(member), at, member.value.raw))
        }
        // A repeated name keeps its order: the first one decides what is called.
        members.sort { a, b in
            a.name == b.name ? a.at < b.at : a.name.lexicographicallyPrecedes(b.name)
        }
        for member in members {
            member.name.withUnsafeBytes { writer.key($0) }
            writer.raw(member.value)
        }
    }
}
