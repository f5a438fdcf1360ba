// SPDX-License-Identifier: Apache-2.0
// Writes a plugin's options as JSON, with the conversions that `Configuration.Options` documents.

struct OptionsWriter {
    static let millisecondsSuffix = "_ms"
    /// Mappings of texts: names and values are the user's, nothing in them is converted.
    static let textMappings: Set<String> = ["env", "headers"]
    /// Lists of texts.
    static let textLists: Set<String> = ["args"]

    let convertsQuoted: Bool
    let secrets: SecretText
    private(set) var text = ""

    init(convertsQuoted: Bool, secrets: SecretText) {
        self.convertsQuoted = convertsQuoted
        self.secrets = secrets
    }

    /// Writes the whole of an entry's options.
    mutating func append(options: ConfigurationNode) {
        guard case .mapping(let entries) = options.content else { return }
        appendMapping(entries, isTop: true)
    }

    /// What a scalar under a key becomes.
    enum Conversion {
        case asWritten
        case milliseconds(key: String, UInt64)
        case bytes(Int)
    }

    static func conversion(
        of scalar: ConfigurationNode.Scalar, key: String, convertsQuoted: Bool
    ) -> Conversion {
        guard scalar.style == .plain || convertsQuoted, scalar.tag == nil,
            key.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F })
        else { return .asWritten }
        if let nanoseconds = durationNanoseconds(scalar.text) {
            let name = key.hasSuffix(millisecondsSuffix) ? key : key + millisecondsSuffix
            return .milliseconds(key: name, nanoseconds / 1_000_000)
        }
        return byteSizeWithUnit(scalar.text).map { .bytes($0) } ?? .asWritten
    }

    /// The name under which an entry reaches the plugin.
    static func name(of entry: ConfigurationNode.Entry, convertsQuoted: Bool) -> String {
        guard let scalar = entry.value.scalar,
            case .milliseconds(let name, _) = conversion(
                of: scalar, key: entry.key, convertsQuoted: convertsQuoted)
        else { return entry.key }
        return name
    }

    private mutating func appendMapping(_ entries: [ConfigurationNode.Entry], isTop: Bool) {
        text += "{"
        for (index, entry) in entries.enumerated() {
            if index > 0 { text += "," }
            if isTop, Self.textMappings.contains(entry.key) || Self.textLists.contains(entry.key) {
                appendKey(entry.key)
                appendTexts(entry.value)
            } else if let scalar = entry.value.scalar {
                append(scalar, key: entry.key)
            } else {
                appendKey(entry.key)
                append(entry.value)
            }
        }
        text += "}"
    }

    private mutating func append(_ node: ConfigurationNode) {
        switch node.content {
        case .scalar(let scalar): appendJSONScalar(scalar, secrets: secrets, to: &text)
        case .mapping(let entries): appendMapping(entries, isTop: false)
        case .sequence(let items):
            text += "["
            for (index, item) in items.enumerated() {
                if index > 0 { text += "," }
                append(item)
            }
            text += "]"
        }
    }

    private mutating func append(_ scalar: ConfigurationNode.Scalar, key: String) {
        switch Self.conversion(of: scalar, key: key, convertsQuoted: convertsQuoted) {
        case .milliseconds(let name, let value) where !(scalar.isSecret && secrets == .hidden):
            appendKey(name)
            text += String(value)
        case .bytes(let value) where !(scalar.isSecret && secrets == .hidden):
            appendKey(key)
            text += String(value)
        default:
            appendKey(key)
            appendJSONScalar(scalar, secrets: secrets, to: &text)
        }
    }

    /// Numbers and booleans as texts, one level down; null stays null (it unsets a variable).
    private mutating func appendTexts(_ node: ConfigurationNode) {
        switch node.content {
        case .scalar: append(node)
        case .sequence(let items):
            text += "["
            for (index, item) in items.enumerated() {
                if index > 0 { text += "," }
                appendText(item)
            }
            text += "]"
        case .mapping(let entries):
            text += "{"
            for (index, entry) in entries.enumerated() {
                if index > 0 { text += "," }
                appendKey(entry.key)
                appendText(entry.value)
            }
            text += "}"
        }
    }

    private mutating func appendText(_ node: ConfigurationNode) {
        guard let scalar = node.scalar, scalar.kind != .null else {
            appendUnconverted(node)
            return
        }
        appendJSONString(secrets == .hidden ? scalar.shown : scalar.text, to: &text)
    }

    private mutating func appendUnconverted(_ node: ConfigurationNode) {
        text += jsonText(of: node, secrets: secrets)
    }

    private mutating func appendKey(_ key: String) {
        appendJSONString(key, to: &text)
        text += ":"
    }
}

/// Reports options that would reach the plugin twice: `connect_timeout: 5s` beside `connect_timeout_ms`.
func checkConversions(_ node: ConfigurationNode, convertsQuoted: Bool, sink: ProblemSink, isTop: Bool = true)
{
    switch node.content {
    case .scalar: return
    case .sequence(let items):
        for item in items { checkConversions(item, convertsQuoted: convertsQuoted, sink: sink, isTop: false) }
    case .mapping(let entries):
        let keys = Set(entries.map(\.key))
        for entry in entries where !(isTop && OptionsWriter.textMappings.contains(entry.key)) {
            let name = OptionsWriter.name(of: entry, convertsQuoted: convertsQuoted)
            if name != entry.key, keys.contains(name) {
                sink.error(
                    entry.keyPosition,
                    "\(quoted(entry.key)) and \(quoted(name)) say the same; keep one of them")
            }
            checkConversions(entry.value, convertsQuoted: convertsQuoted, sink: sink, isTop: false)
        }
    }
}
