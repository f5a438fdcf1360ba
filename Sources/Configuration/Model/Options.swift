// SPDX-License-Identifier: Apache-2.0
// The part of an entry that is a plugin's own business: kept as a tree, handed over as JSON.

extension Configuration {
    /// The part of an entry that is a plugin's own business: all its keys that aren't general ones.
    ///
    /// A plugin gets it as JSON (`json`), which differs from the file in these ways only:
    /// - A duration under a key `K` becomes the integer `K_ms`: `connect_timeout: 5s` is
    ///   `"connect_timeout_ms":5000`. A key that ends in `_ms` keeps its name.
    /// - A size with a unit becomes an integer of bytes: `max_body: 1MiB` is `"max_body":1048576`.
    /// - Both hold for unquoted text only (in a native JSON file: for any text), for keys of lower-case
    ///   letters, digits and `_`, and not inside `env` and `headers`.
    /// - What stands in `env`, `headers` and `args` is text as spelled: `PORT: 8080` is `"PORT":"8080"`.
    /// - Numbers keep their spelling; what JSON wouldn't take for a number (`0x1F`, `007`) is text. Expanded
    ///   references are text, unless a tag (`!!int "${env:PORT}"`) says otherwise.
    ///
    /// `json` holds secrets. `description`, `debugDescription` and `dump` show references in their place.
    public struct Options: Sendable, Equatable {
        /// A mapping.
        let node: ConfigurationNode
        /// Whether quoted durations and sizes are converted too.
        let convertsQuoted: Bool

        init(
            entries: [ConfigurationNode.Entry], at position: SourcePosition = .none,
            convertsQuoted: Bool = false
        ) {
            node = ConfigurationNode(.mapping(entries), at: position)
            self.convertsQuoted = convertsQuoted
        }

        /// No options.
        public init() { self.init(entries: []) }

        /// Options of texts, in the order given.
        public init(_ texts: KeyValuePairs<String, String>) {
            self.init(
                entries: texts.map { key, text in
                    let value = ConfigurationNode(.scalar(.init(text: text, style: .quoted)), at: .none)
                    return .init(key: key, keyPosition: .none, value: value)
                })
        }

        /// The options as the file has them.
        public var entries: [ConfigurationNode.Entry] {
            guard case .mapping(let entries) = node.content else { return [] }
            return entries
        }

        /// The value of a key as the file has it.
        public subscript(key: String) -> ConfigurationNode? { node[key] }

        /// The options as the plugin gets them, a JSON object. Holds secrets; made anew with each use.
        public var json: String {
            var writer = OptionsWriter(convertsQuoted: convertsQuoted, secrets: .plain)
            writer.append(options: node)
            return writer.text
        }

        /// Where the entry stands.
        public var position: SourcePosition { node.position }

        /// Where a value stands that a plugin names by its JSON Pointer (RFC 6901) in `json`. Where there
        /// is no such value, the nearest enclosing one answers.
        ///
        /// - Parameter key: asks for the place of the value's key instead, for findings such as "unknown
        ///   key".
        public func position(ofPointer pointer: String, key: Bool = false) -> SourcePosition {
            var current = node
            var keyPosition = node.position
            for token in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
                guard let next = step(from: current, to: unescape(token)) else { break }
                (current, keyPosition) = next
            }
            return key ? keyPosition : current.position
        }

        private func step(
            from node: ConfigurationNode, to token: String
        ) -> (ConfigurationNode, SourcePosition)? {
            switch node.content {
            case .scalar: return nil
            case .sequence(let items):
                guard let index = wholeNumber(token), items.indices.contains(index) else { return nil }
                return (items[index], items[index].position)
            case .mapping(let entries):
                let entry =
                    entries.first { $0.key == token }
                    ?? entries.first { $0.key + OptionsWriter.millisecondsSuffix == token }
                return entry.map { ($0.value, $0.keyPosition) }
            }
        }

        private func unescape(_ token: Substring) -> String {
            var text = ""
            var rest = token
            while let character = rest.popFirst() {
                if character == "~", rest.first == "0" || rest.first == "1" {
                    text.append(rest.removeFirst() == "0" ? "~" : "/")
                } else {
                    text.append(character)
                }
            }
            return text
        }

        /// Equal for the plugin: order of keys, style and place don't count.
        public static func == (left: Options, right: Options) -> Bool {
            left.convertsQuoted == right.convertsQuoted && left.node.isEquivalent(to: right.node)
        }
    }
}

extension Configuration.Options: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The options as JSON, references in place of secrets.
    public var description: String {
        var writer = OptionsWriter(convertsQuoted: convertsQuoted, secrets: .hidden)
        writer.append(options: node)
        return writer.text
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["json": description]) }
}
