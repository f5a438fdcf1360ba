// SPDX-License-Identifier: Apache-2.0
// One value of a configuration file with the place where it stands.

/// One value of a configuration file, as written, with the place where it stands.
///
/// A value that came from `${env:…}` or `${file:…}` is a secret: `description`, `debugDescription` and `dump`
/// show the reference instead of it.
public struct ConfigurationNode: Sendable {
    /// What a value is, by the rules of JSON: `yes`, `0x1F` or `1_000` are strings.
    public enum Kind: Sendable { case null, boolean, number, string, sequence, mapping }

    /// How a scalar was written.
    public enum Style: Sendable { case plain, quoted }

    /// The YAML tag of a scalar: `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`.
    public enum Tag: String, Sendable { case string = "str", integer = "int", float, boolean = "bool", null }

    /// A scalar value.
    public struct Scalar: Sendable {
        /// The text, unescaped, with references expanded. Secret when `isSecret`.
        public internal(set) var text: String
        public let style: Style
        public let tag: Tag?
        /// The text before its references were expanded; nil when it held none.
        var reference: String?

        /// Whether `text` holds an expanded reference, and so must never be printed.
        public var isSecret: Bool { reference != nil }
        /// The text that may be printed: references in place of what they stand for.
        public var shown: String { reference ?? text }

        init(text: String, style: Style, tag: Tag? = nil, reference: String? = nil) {
            self.text = text
            self.style = style
            self.tag = tag
            self.reference = reference
        }
    }

    /// One key of a mapping and its value.
    public struct Entry: Sendable {
        public let key: String
        public let keyPosition: SourcePosition
        public internal(set) var value: ConfigurationNode

        init(key: String, keyPosition: SourcePosition, value: ConfigurationNode) {
            self.key = key
            self.keyPosition = keyPosition
            self.value = value
        }
    }

    /// The value itself. Keys of a mapping are unique and in the order of the file.
    public enum Content: Sendable {
        case scalar(Scalar)
        case sequence([ConfigurationNode])
        case mapping([Entry])
    }

    public internal(set) var content: Content
    public let position: SourcePosition
    /// What this tree costs in bytes, roughly, with what aliases repeat counted each time.
    let size: Int
    /// Levels of nesting below this value: 0 for a scalar.
    let height: Int

    init(_ content: Content, at position: SourcePosition) {
        self.content = content
        self.position = position
        switch content {
        case .scalar(let scalar):
            size = Self.baseSize + scalar.text.utf8.count
            height = 0
        case .sequence(let items):
            size = items.reduce(Self.baseSize) { $0 + $1.size }
            height = 1 + (items.lazy.map(\.height).max() ?? 0)
        case .mapping(let entries):
            size = entries.reduce(Self.baseSize) { $0 + $1.key.utf8.count + $1.value.size }
            height = 1 + (entries.lazy.map(\.value.height).max() ?? 0)
        }
    }

    /// What a value costs beside its text.
    static let baseSize = 64

    /// What the value is. Expanded references are strings, unless a tag (`!!int`) says otherwise.
    public var kind: Kind {
        switch content {
        case .sequence: .sequence
        case .mapping: .mapping
        case .scalar(let scalar): scalar.kind
        }
    }

    /// The scalar, if it is one.
    public var scalar: Scalar? {
        if case .scalar(let scalar) = content { scalar } else { nil }
    }

    /// The value of a key, if this is a mapping that has it.
    public subscript(key: String) -> ConfigurationNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }

    /// Whether two values mean the same: order of keys, style and place don't count.
    func isEquivalent(to other: ConfigurationNode) -> Bool {
        switch (content, other.content) {
        case (.scalar(let left), .scalar(let right)):
            return left.kind == right.kind && left.text == right.text
        case (.sequence(let left), .sequence(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.isEquivalent(to: $1) }
        case (.mapping(let left), .mapping(let right)):
            guard left.count == right.count else { return false }
            let byKey = Dictionary(right.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
            return left.allSatisfy { entry in
                byKey[entry.key].map { entry.value.isEquivalent(to: $0) } ?? false
            }
        default: return false
        }
    }
}

extension ConfigurationNode.Scalar {
    /// What the text is where nothing else says what is expected.
    var kind: ConfigurationNode.Kind {
        switch tag {
        case .string: return .string
        case .integer, .float: return .number
        case .boolean: return .boolean
        case .null: return .null
        case nil: break
        }
        guard style == .plain, !isSecret else { return .string }
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "false": return .boolean
        default: return isJSONNumber(text) ? .number : .string
        }
    }

    /// Whether the text is what its tag promises. Always true without a tag.
    var fitsTag: Bool {
        switch tag {
        case nil, .string, .null: true
        case .boolean: text == "true" || text == "false"
        case .float: isJSONNumber(text)
        case .integer: isJSONNumber(text) && !text.utf8.contains { [0x2E, 0x65, 0x45].contains($0) }
        }
    }
}

extension ConfigurationNode: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The value as JSON, references in place of secrets.
    public var description: String { jsonText(of: self, secrets: .hidden) }
    public var debugDescription: String { "\(position) \(description)" }
    public var customMirror: Mirror { Mirror(self, children: ["json": description, "position": position]) }
}

extension ConfigurationNode.Scalar: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text, references in place of secrets.
    public var description: String { shown }
    public var debugDescription: String { shown }
    public var customMirror: Mirror { Mirror(self, children: ["shown": shown]) }
}
