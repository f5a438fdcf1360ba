// SPDX-License-Identifier: Apache-2.0
// The `_meta` key that ties a legacy message to its task (2025-11-25, "Related task metadata").

import JSON

public enum RelatedTask {
    /// The task that a request's, notification's or result's `_meta` names; nil where it names none.
    public static func id(_ object: JSONNode?) -> String? {
        guard let related = object?.member("_meta")?.member(TaskNames.related),
            let id = related.member("taskId")?.string(), !id.isEmpty
        else { return nil }
        return id
    }

    /// Writes an object (params or a result) with the key in its `_meta`, in place of one that is there; everything else
    /// keeps its spelling. Without an object: one that holds nothing else.
    public static func write(_ object: JSONNode?, _ id: String, into out: MessageBuilder) {
        guard let object, object.kind == .object else {
            out.literal("{\"_meta\":{")
            member(id, out)
            return out.literal("}}")
        }
        var edit = ObjectEdit(object, out)
        edit.begin()
        edit.separator()
        out.literal("\"_meta\":{")
        member(id, out)
        if let meta = object.member("_meta"), meta.kind == .object {
            for member in meta.members where !member.keyEquals(TaskNames.related) {
                out.literal(",\"")
                out.bytes(member.key)
                out.literal("\":")
                out.bytes(member.value.raw)
            }
        }
        out.byte(125)
        edit.rest { $0.keyEquals("_meta") }
    }

    /// The member itself, without a comma.
    static func member(_ id: String, _ out: MessageBuilder) {
        out.byte(34)
        out.literal(TaskNames.related)
        out.literal("\":{\"taskId\":")
        out.quoted(id)
        out.byte(125)
    }
}
