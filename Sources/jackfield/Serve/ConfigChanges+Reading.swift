// SPDX-License-Identifier: Apache-2.0
// What others than the gateway's own user read of its configurations, through the control door.

import JSON
import JackfieldCore

extension ConfigChanges {
    /// Bytes of one answer.
    private static let part = 48 << 10

    /// The newest versions, as many as one answer holds, and what waits.
    func historyAnswer(_ history: ConfigHistory) -> JSONValue {
        var versions: [JSONValue] = []
        var size = 0
        for version in history.versions.reversed() {
            let json = version.json
            size += json.serialized().count
            if size > Self.part { break }
            versions.append(json)
        }
        return .object([
            .init("versions", .array(versions.reversed())),
            .init("pending", history.pending?.version.json ?? .null),
        ])
    }

    /// A part of a version's text: from byte `from` on; `next` is where it goes on, absent at the end.
    func textAnswer(_ request: JSONValue, _ history: ConfigHistory) -> JSONValue {
        let number = request["number"]?.int ?? 0
        guard let text = history.anyText(number) else {
            return .object([.init("error", .string("version \(number) is not kept"))])
        }
        let start = min(max(request["from"]?.int ?? 0, 0), text.count)
        var end = min(start + Self.part, text.count)
        // No character is cut.
        while end > start, end < text.count, text[end] & 0xC0 == 0x80 { end -= 1 }
        var members: [JSONMemberValue] = [
            .init("text", .string(String(decoding: text[start..<end], as: UTF8.self)))
        ]
        if end < text.count, end > start { members.append(.init("next", JSONValue(end))) }
        return .object(members)
    }
}
