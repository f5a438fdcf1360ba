// SPDX-License-Identifier: Apache-2.0
// Builds the tree of values from the events of a reader: anchors, merge keys, duplicate keys, bounds.

/// Builds one tree of values from the events of a reader.
///
/// What makes the tree impossible (too deep, an unknown alias) is thrown; what leaves the rest readable (a
/// key that stands twice) goes to the sink.
struct TreeBuilder {
    private struct Frame {
        let isMapping: Bool
        let position: SourcePosition
        let anchor: String?
        var items: [ConfigurationNode] = []
        var entries: [ConfigurationNode.Entry] = []
        var key: (text: String, position: SourcePosition, merges: Bool)?
        var keys: [String: SourcePosition] = [:]
        /// What `<<` brings in, in order; own keys win, then earlier ones.
        var merged: [ConfigurationNode] = []
    }

    private static let mergeKey = "<<"

    private let sink: ProblemSink
    /// Whether an unquoted `<<` merges, as in YAML 1.1; JSON has no such thing.
    private let merges: Bool
    private var frames: [Frame] = []
    private var anchors: [String: ConfigurationNode] = [:]
    private var size = 0
    /// The finished tree.
    private(set) var root: ConfigurationNode?

    init(sink: ProblemSink, merges: Bool) {
        self.sink = sink
        self.merges = merges
    }

    /// A scalar, which is a key where a mapping waits for one.
    mutating func scalar(
        _ scalar: ConfigurationNode.Scalar, at position: SourcePosition, anchor: String? = nil
    ) throws(SyntaxFailure) {
        let node = ConfigurationNode(.scalar(scalar), at: position)
        if let anchor { anchors[anchor] = node }
        if awaitsKey {
            takeKey(scalar, at: position)
        } else {
            try add(node)
        }
    }

    /// The beginning of a sequence or mapping.
    mutating func begin(mapping: Bool, at position: SourcePosition, anchor: String? = nil)
        throws(SyntaxFailure)
    {
        if awaitsKey {
            throw SyntaxFailure(position, "a key must be text, found a \(mapping ? "mapping" : "list")")
        }
        guard frames.count < FileLimits.depth else { throw tooDeep(position) }
        try count(ConfigurationNode.baseSize, at: position)
        frames.append(Frame(isMapping: mapping, position: position, anchor: anchor))
    }

    /// The end of the innermost sequence or mapping.
    mutating func end() throws(SyntaxFailure) {
        guard var frame = frames.popLast() else { return }
        if frame.isMapping { apply(&frame) }
        let content: ConfigurationNode.Content =
            frame.isMapping ? .mapping(frame.entries) : .sequence(frame.items)
        let node = ConfigurationNode(content, at: frame.position)
        if let anchor = frame.anchor { anchors[anchor] = node }
        try add(node, alreadyCounted: true)
    }

    /// An alias: the anchored value again.
    mutating func alias(_ name: String, at position: SourcePosition) throws(SyntaxFailure) {
        if awaitsKey { throw SyntaxFailure(position, "a key must be text, found the alias *\(name)") }
        guard let node = anchors[name] else {
            let enclosing = frames.contains { $0.anchor == name }
            throw SyntaxFailure(
                position,
                enclosing
                    ? "the alias *\(name) stands inside the value that it repeats"
                    : "no anchor &\(name) stands before this alias",
                suggestion: enclosing ? nil : nearest(to: name, in: anchors.keys.sorted()).map { "*" + $0 })
        }
        guard frames.count + node.height <= FileLimits.depth else { throw tooDeep(position) }
        try count(node.size, at: position)
        try add(node, alreadyCounted: true)
    }

    private var awaitsKey: Bool {
        guard let frame = frames.last else { return false }
        return frame.isMapping && frame.key == nil
    }

    private mutating func takeKey(_ scalar: ConfigurationNode.Scalar, at position: SourcePosition) {
        let last = frames.count - 1
        let isMerge = merges && scalar.style == .plain && scalar.text == Self.mergeKey
        frames[last].key = (scalar.text, position, isMerge)
        if scalar.text.contains("${env:") || scalar.text.contains("${file:") {
            sink.error(
                position, "references are expanded in values only, not in keys such as \(quoted(scalar.text))"
            )
        }
    }

    private mutating func add(_ node: ConfigurationNode, alreadyCounted: Bool = false) throws(SyntaxFailure) {
        if !alreadyCounted { try count(node.size, at: node.position) }
        guard !frames.isEmpty else {
            root = node
            return
        }
        let last = frames.count - 1
        guard frames[last].isMapping, let key = frames[last].key else {
            frames[last].items.append(node)
            return
        }
        frames[last].key = nil
        if key.merges { return takeMerge(node, into: last) }
        if let first = frames[last].keys[key.text] {
            sink.error(
                key.position, "the key \(quoted(key.text)) stands twice; the first is on line \(first.line)")
            return
        }
        try count(key.text.utf8.count, at: key.position)
        frames[last].keys[key.text] = key.position
        frames[last].entries.append(.init(key: key.text, keyPosition: key.position, value: node))
    }

    /// Notes what a `<<` brings in.
    private mutating func takeMerge(_ node: ConfigurationNode, into frame: Int) {
        switch node.content {
        case .mapping:
            frames[frame].merged.append(node)
        case .sequence(let items) where items.allSatisfy({ $0.kind == .mapping }):
            frames[frame].merged += items
        default:
            sink.error(node.position, "<< merges a mapping or a list of mappings, found \(found(node))")
        }
    }

    /// Adds the merged keys that the mapping doesn't state itself.
    private func apply(_ frame: inout Frame) {
        for case .mapping(let entries) in frame.merged.map(\.content) {
            for entry in entries where frame.keys[entry.key] == nil {
                frame.keys[entry.key] = entry.keyPosition
                frame.entries.append(entry)
            }
        }
    }

    private mutating func count(_ cost: Int, at position: SourcePosition) throws(SyntaxFailure) {
        size += cost
        guard size <= FileLimits.expanded else {
            throw SyntaxFailure(
                position,
                "the file holds too many values, or its aliases repeat too much: more than "
                    + "\(FileLimits.expanded >> 20) MiB when written out")
        }
    }

    private func tooDeep(_ position: SourcePosition) -> SyntaxFailure {
        SyntaxFailure(position, "nested deeper than \(FileLimits.depth) levels")
    }
}
