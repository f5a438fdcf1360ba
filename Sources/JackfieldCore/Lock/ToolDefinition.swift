// SPDX-License-Identifier: Apache-2.0
// What a tool says of itself to models and clients, in one spelling, with the hash that stands for it.

import JSON

/// A tool's definition: those of its members that tell a model what it does and a client how to call it. Spelling, order of
/// members and everything else that a server may vary from one start to the next do not count.
public struct ToolDefinition: Sendable, Equatable {
    public let name: String
    /// An object of ``members`` alone, canonical (RFC 8785).
    public let value: JSONValue
    /// SHA-256 of the canonical text.
    public let digest: SHA256Digest

    /// Icons and `_meta` are left out: they hold time stamps and signed URLs that change with each listing.
    static let members: Set<String> = [
        "annotations", "description", "execution", "inputSchema", "name", "outputSchema", "title",
    ]

    /// - Parameter tool: an element of a tools list. Nil: it is no object, or has not exactly one `name`.
    public init?(_ tool: JSONValue) {
        guard case .object(let all) = tool else { return nil }
        let kept = all.filter { Self.members.contains($0.key) }
        let names = kept.filter { $0.key == "name" }
        guard names.count == 1, let name = names[0].value.string else { return nil }
        self.name = name
        value = JSONValue.object(kept).canonicalized()
        digest = value.serialized().withUnsafeBytes { SHA256.digest(of: $0) }
    }

    /// A listed tool; nil never happens, as its text was read as a tool before.
    init?(_ item: ListedItem) {
        guard let value = try? JSONValue(parsing: item.raw) else { return nil }
        self.init(value)
    }
}
