// SPDX-License-Identifier: Apache-2.0
// A mapping whose keys are known: reads them one by one, then refuses the rest.

/// A mapping whose keys are known. Reading a key makes it known; what was never read is a finding in the end.
struct Section {
    /// Where the mapping stands in words of the file: `limits`, `servers.time`, "" for the file itself.
    let path: String
    let position: SourcePosition
    let sink: ProblemSink
    private let entries: [ConfigurationNode.Entry]
    private let byKey: [String: Int]
    private var known: [String] = []

    /// Spellings that other programs use, and what they are called here.
    private static let synonyms = [
        "state_directory": "state_dir", "plugin_directories": "plugin_dirs", "plugin_path": "plugin_dirs",
        "threads": "loops", "workers": "loops", "shutdown_timeout": "drain_timeout", "mcpServers": "servers",
        "allowed": "allow", "denied": "deny", "whitelist": "allow", "blacklist": "deny", "allowlist": "allow",
        "denylist": "deny", "logging": "log", "stateDirectory": "state_dir",
    ]

    /// Nil where the value is no mapping; a finding says so. Nothing at all (`limits:`) is an empty mapping.
    init?(_ node: ConfigurationNode, _ path: String, _ sink: ProblemSink, expected: String = "a mapping") {
        switch node.content {
        case .mapping(let entries): self.entries = entries
        case .scalar(let scalar) where scalar.kind == .null: entries = []
        default:
            sink.wrongType(node, path, expected: expected)
            return nil
        }
        self.path = path
        position = node.position
        self.sink = sink
        byKey = Dictionary(
            entries.enumerated().map { ($0.element.key, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    /// How findings call a key of this mapping.
    func label(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The value of a key, which is known from now on.
    mutating func take(_ key: String) -> ConfigurationNode? { takeEntry(key)?.value }

    /// The entry of a key, which is known from now on.
    mutating func takeEntry(_ key: String) -> ConfigurationNode.Entry? {
        known.append(key)
        return byKey[key].map { entries[$0] }
    }

    /// Whether the mapping has a key.
    func has(_ key: String) -> Bool { byKey[key] != nil }

    /// What no `take` asked for.
    var rest: [ConfigurationNode.Entry] {
        let known = Set(known)
        return entries.filter { !known.contains($0.key) }
    }

    /// The keys that were asked for.
    var knownKeys: [String] { known }

    /// Reports each key that no `take` asked for.
    func refuseUnknown(except isAllowed: (String) -> Bool = { _ in false }) {
        for entry in rest where !isAllowed(entry.key) {
            let place = path.isEmpty ? "" : " in \(path)"
            let near = Self.synonyms[entry.key].flatMap { known.contains($0) ? $0 : nil }
            let suggestion = near ?? nearest(to: entry.key, in: known)
            let list = suggestion == nil ? "; the keys here are \(known.joined(separator: ", "))" : ""
            sink.error(
                entry.keyPosition, "unknown key \(quoted(entry.key))\(place)\(list)", suggestion: suggestion)
        }
    }

    // MARK: Values by key. A key that is absent or wrong leaves `value` as it was.

    mutating func read(_ key: String, into value: inout Bool) {
        if let node = take(key), let read = sink.boolean(node, label(key)) { value = read }
    }

    mutating func read(_ key: String, into value: inout Int, in range: ClosedRange<Int>) {
        if let node = take(key), let read = sink.integer(node, label(key), in: range) { value = read }
    }

    mutating func readSize(_ key: String, into value: inout Int, in range: ClosedRange<Int>) {
        if let node = take(key), let read = sink.size(node, label(key), in: range) { value = read }
    }

    mutating func readDuration(_ key: String, in range: ClosedRange<UInt64> = durationRange) -> UInt64? {
        take(key).flatMap { sink.duration($0, label(key), in: range) }
    }

    mutating func readDuration(
        _ key: String, into value: inout UInt64, in range: ClosedRange<UInt64> = durationRange
    ) {
        if let read = readDuration(key, in: range) { value = read }
    }

    mutating func readChoice<Value>(_ key: String, into value: inout Value, of choices: [(String, Value)]) {
        if let node = take(key), let read = sink.choice(node, label(key), of: choices) { value = read }
    }

    /// Text that may be a secret.
    mutating func readText(_ key: String, expected: String = "text") -> Redacted<String?> {
        guard let node = take(key), let text = sink.text(node, label(key), expected: expected) else {
            return Redacted(wrappedValue: nil)
        }
        return Redacted(text, shown: node.scalar?.isSecret == true ? node.scalar?.shown : nil)
    }

    /// A list of texts that may be secrets.
    mutating func readTexts(_ key: String, expected: String, atMost limit: Int = 4096) -> Redacted<[String]> {
        guard let node = take(key),
            let texts = sink.texts(node, label(key), expected: expected, atMost: limit)
        else {
            return Redacted(wrappedValue: [])
        }
        return Redacted(texts, shown: node.holdsSecret ? node.description : nil)
    }
}

/// Bounds of durations in general keys: 1 ms to a day.
let durationRange: ClosedRange<UInt64> = 1_000_000...86_400_000_000_000

extension ConfigurationNode {
    /// Whether any scalar in the tree is a secret.
    var holdsSecret: Bool {
        switch content {
        case .scalar(let scalar): scalar.isSecret
        case .sequence(let items): items.contains { $0.holdsSecret }
        case .mapping(let entries): entries.contains { $0.value.holdsSecret }
        }
    }
}
