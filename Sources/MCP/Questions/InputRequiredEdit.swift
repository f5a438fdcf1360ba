// SPDX-License-Identifier: Apache-2.0
// Questions on their way from a modern server to a modern client: the texts say which server asks, all else passes.

import JSON

public enum InputRequiredEdit {
    /// An `input_required` result whose questions begin with the server's name, raw JSON; nil for any other result, and for
    /// questions that cannot be read, which pass as they came.
    /// - Parameter result: with a whole index.
    public static func named(_ result: JSONNode, serverName: String) -> [UInt8]? {
        guard let input = InputRequired(result), !input.isMalformed, input.count > 0 else { return nil }
        guard let requests = result.member("inputRequests"),
            let named = named(requests: requests, serverName: serverName)
        else { return nil }
        let out = MessageBuilder()
        var edit = ObjectEdit(result, out)
        edit.begin()
        edit.separator()
        out.literal("\"inputRequests\":")
        out.copy(named)
        edit.rest { $0.keyEquals("inputRequests") }
        return out.joined()
    }

    /// The object `inputRequests` alone, in the same way; nil when it is none that can be read.
    public static func named(requests: JSONNode, serverName: String) -> [UInt8]? {
        guard requests.kind == .object, requests.count > 0, requests.count <= InputRequired.maxEntries else {
            return nil
        }
        let out = MessageBuilder()
        var first = true
        for member in requests.members {
            guard let question = try? QuestionEdit.neutral(entry: member.value) else { return nil }
            out.literal(first ? "{\"" : ",\"")
            first = false
            out.bytes(member.key)
            out.literal("\":")
            QuestionEdit.writeEntry(question, serverName: serverName, into: out)
        }
        out.byte(125)
        return out.joined()
    }
}
