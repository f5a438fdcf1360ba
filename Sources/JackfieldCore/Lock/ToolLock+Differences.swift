// SPDX-License-Identifier: Apache-2.0
// What a server lists, against what was approved.

/// One tool that is not as it was approved.
public struct ToolChange: Sendable {
    public enum Kind: String, Sendable { case added, removed, changed }

    public let kind: Kind
    public let tool: String
    /// Of a changed tool.
    public let difference: DefinitionDifference?
}

extension ToolLock {
    /// The changes of a server's tools, by name. A server that was never locked has all its tools added.
    public func changes(of server: String, listed: [ToolDefinition]) -> [ToolChange] {
        let approved = servers[server] ?? [:]
        let now = Dictionary(listed.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var changes = approved.keys.filter { now[$0] == nil }.map {
            ToolChange(kind: .removed, tool: $0, difference: nil)
        }
        for (name, definition) in now {
            guard let old = approved[name] else {
                changes.append(ToolChange(kind: .added, tool: name, difference: nil))
                continue
            }
            guard old.digest != definition.digest else { continue }
            changes.append(
                ToolChange(
                    kind: .changed, tool: name,
                    difference: DefinitionDifference(from: old.value, to: definition.value)))
        }
        return changes.sorted { $0.tool < $1.tool }
    }

    /// Approves what a server lists now, and nothing else of it.
    public mutating func approve(_ listed: [ToolDefinition], of server: String) {
        servers[server] = Dictionary(listed.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }
}
