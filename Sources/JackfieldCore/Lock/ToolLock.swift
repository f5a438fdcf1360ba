// SPDX-License-Identifier: Apache-2.0
// The lock file: the definitions of tools that an operator approved, by server.

import JSON

/// Approved definitions. The file is JSON with sorted members and one member a line, so that a version control system shows
/// what an approval changed; it holds no times and no names of machines.
public struct ToolLock: Sendable, Equatable {
    /// The version that this build reads and writes.
    public static let version = 1
    /// Bytes of a lock file.
    public static let byteLimit = 64 << 20
    /// Levels of nesting: a tool's own 128, and the file's round it.
    private static let depthLimit = 160

    /// Approved tools by server and by the server's own name of the tool.
    public var servers: [String: [String: ToolDefinition]] = [:]

    public init() {}

    /// Under which name the lock has a server, or one version of it: no server's own name has an `@`.
    public static func name(_ server: String, _ version: String?) -> String {
        version.map { "\(server)@\($0)" } ?? server
    }

    /// The server that a name is of.
    public static func server(_ name: String) -> String { String(name.prefix { $0 != "@" }) }

    /// Reads a file's text. The text is checked in every respect: whatever is wrong refuses the whole.
    public init(reading bytes: [UInt8]) throws(ToolLockProblem) {
        guard bytes.count <= Self.byteLimit else {
            throw ToolLockProblem("it has more than \(Self.byteLimit >> 20) MiB")
        }
        let text: JSONText
        do throws(JSONError) {
            text = try bytes.withUnsafeBytes { bytes in
                Result { () throws(JSONError) in
                    try JSONText(copying: bytes, maxBytes: Self.byteLimit, maxDepth: Self.depthLimit)
                }
            }.get()
        } catch {
            throw ToolLockProblem("it is not valid JSON: \(error)")
        }
        let root = text.withRoot { JSONValue($0) }
        guard case .object(let members) = root else { throw ToolLockProblem("it is not a JSON object") }
        // Before anything else: a later version may have other members.
        guard let version = root["version"] else { throw ToolLockProblem("it has no \"version\"") }
        guard version.int == Self.version else {
            throw ToolLockProblem(
                "its version \(shown(version)) is unknown; this build reads version \(Self.version)")
        }
        try Self.check(members, ["version", "servers"], "the file")
        guard case .object(let entries)? = root["servers"] else {
            throw ToolLockProblem("its \"servers\" is not an object")
        }
        for entry in entries {
            guard servers[entry.key] == nil else {
                throw ToolLockProblem("server \(shown(.string(entry.key))) stands twice")
            }
            servers[entry.key] = try Self.tools(entry)
        }
    }

    private static func tools(_ entry: JSONMemberValue) throws(ToolLockProblem) -> [String: ToolDefinition] {
        let server = "server \(shown(.string(entry.key)))"
        guard case .object(let members) = entry.value, case .object(let tools)? = entry.value["tools"] else {
            throw ToolLockProblem("\(server) has no object \"tools\"")
        }
        try check(members, ["tools"], server)
        var found: [String: ToolDefinition] = [:]
        for tool in tools {
            let place = "tool \(shown(.string(tool.key))) of \(server)"
            guard case .object(let parts) = tool.value else {
                throw ToolLockProblem("\(place) is not an object")
            }
            try check(parts, ["sha256", "definition"], place)
            guard let value = tool.value["definition"], let definition = ToolDefinition(value),
                definition.name == tool.key, definition.value == value.canonicalized()
            else {
                throw ToolLockProblem("\(place) has no \"definition\" of a tool of that name")
            }
            guard let digest = tool.value["sha256"]?.string.flatMap({ SHA256Digest(hex: $0) }) else {
                throw ToolLockProblem("\(place) has no \"sha256\" of 64 hexadecimal digits")
            }
            guard digest == definition.digest else {
                throw ToolLockProblem("the hash of \(place) does not belong to its definition")
            }
            guard found.updateValue(definition, forKey: tool.key) == nil else {
                throw ToolLockProblem("\(place) stands twice")
            }
        }
        return found
    }

    /// Refuses members that are unknown or stand twice.
    private static func check(
        _ members: [JSONMemberValue], _ known: [String], _ place: String
    ) throws(ToolLockProblem) {
        for member in members where !known.contains(member.key) {
            throw ToolLockProblem("\(place) has an unknown member \(shown(.string(member.key)))")
        }
        guard Set(members.map(\.key)).count == members.count else {
            throw ToolLockProblem("\(place) has a member twice")
        }
    }

    /// The text of the file, the same for equal locks.
    public func serialized() -> String {
        let entries = servers.map { server, tools in
            JSONMemberValue(
                server,
                [
                    "tools": .object(
                        tools.map { name, tool in
                            JSONMemberValue(
                                name, ["sha256": .string(tool.digest.hex), "definition": tool.value])
                        })
                ])
        }
        let file: JSONValue = ["version": JSONValue(Self.version), "servers": .object(entries)]
        return file.canonicalized().pretty() + "\n"
    }
}

/// Why a lock file is refused; a part of a sentence that follows the file's name.
public struct ToolLockProblem: Error, Equatable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
