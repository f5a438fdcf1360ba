// SPDX-License-Identifier: Apache-2.0
// Reads members of a manifest object, each with a fault that names it.

import JSON

/// One object of a manifest. `path` names it in faults ("" for the whole).
struct ManifestReader {
    typealias Fault = PluginManifest.Fault

    private static let namesLimit = 64
    private let json: JSONValue
    private let path: String

    init(_ json: JSONValue, path: String) throws(Fault) {
        guard let members = json.object else {
            throw Fault(
                text: path.isEmpty
                    ? "its manifest is not a JSON object"
                    : "manifest member '\(path)' must be an object, not \(json.kindName)")
        }
        var seen: Set<String> = []
        for member in members where !seen.insert(member.key).inserted {
            throw Fault(
                text: "manifest member '\(path.isEmpty ? "" : path + ".")\(member.key)' stands there twice")
        }
        self.json = json
        self.path = path
    }

    private func name(_ key: String) -> String { path.isEmpty ? key : path + "." + key }

    private func fault(_ key: String, _ expected: String) -> Fault {
        guard let value = json[key] else { return Fault(text: "manifest member '\(name(key))' is missing") }
        let found = value.string.map { "\"\($0.prefix(60))\"" } ?? value.kindName
        return Fault(text: "manifest member '\(name(key))' must be \(expected), not \(found)")
    }

    /// A text of at most `most` bytes; nil when absent.
    func text(_ key: String, most: Int) throws(Fault) -> String? {
        guard let value = json[key] else { return nil }
        guard let text = value.string, text.utf8.count <= most else {
            throw fault(key, "a text of at most \(most) bytes")
        }
        return text
    }

    /// A name such as "routing-hash" or "com.acme.auth"; required.
    func identifier(_ key: String) throws(Fault) -> String {
        guard let text = json[key]?.string, ManifestReader.isName(text[...]) else {
            throw fault(key, "a name of lower-case letters, digits, '-' and '.', at most 128")
        }
        return text
    }

    /// "1.2.3", with an optional pre-release and build part (semver.org); required.
    func version(_ key: String) throws(Fault) -> String {
        guard let text = json[key]?.string, text.utf8.count <= 64 else {
            throw fault(key, "a version such as \"1.2.3\"")
        }
        let core = text.prefix { $0 != "-" && $0 != "+" }
        let parts = core.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ ManifestReader.number($0) != nil }) else {
            throw fault(key, "a version such as \"1.2.3\"")
        }
        return text
    }

    /// "1.0"; required.
    func abi(_ key: String) throws(Fault) -> PluginManifest.ABIVersion {
        let parts = json[key]?.string?.split(separator: ".", omittingEmptySubsequences: false) ?? []
        guard parts.count == 2, let major = ManifestReader.number(parts[0]),
            let minor = ManifestReader.number(parts[1])
        else { throw fault(key, "an ABI version such as \"1.0\"") }
        return PluginManifest.ABIVersion(major: major, minor: minor)
    }

    func threads(_ key: String) throws(Fault) -> PluginManifest.Threads {
        guard let threads = json[key]?.string.flatMap(PluginManifest.Threads.init(rawValue:)) else {
            throw fault(
                key, PluginManifest.Threads.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or "))
        }
        return threads
    }

    /// "cell", or absent: that something may run in the gateway's process is not for its author to say.
    func asksForCell(_ key: String) throws(Fault) -> Bool {
        guard let value = json[key] else { return false }
        guard value.string == "cell" else {
            throw fault(key, "\"cell\" or left out; only a configuration puts a plugin in process")
        }
        return true
    }

    /// False when absent.
    func flag(_ key: String) throws(Fault) -> Bool {
        guard let value = json[key] else { return false }
        guard let flag = value.bool else { throw fault(key, "true or false") }
        return flag
    }

    /// Words by name; nil when absent.
    func words(_ key: String) throws(Fault) -> [String: String]? {
        guard let value = json[key] else { return nil }
        guard case .object(let members) = value else { throw fault(key, "an object of texts") }
        var words: [String: String] = [:]
        for member in members {
            guard let word = member.value.string else { throw fault(key, "an object of texts") }
            words[member.key] = word
        }
        return words
    }

    /// Ids such as "jf.loop/1"; empty when absent.
    func ids(_ key: String) throws(Fault) -> [String] {
        try list(key, "a list of ids such as \"jf.loop/1\"") { text in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            return parts.count == 2 && ManifestReader.isName(parts[0]) && parts[0].contains(".")
                && ManifestReader.number(parts[1]) ?? 0 > 0
        }
    }

    /// Names such as configuration keys and URL schemes; empty when absent.
    func names(_ key: String) throws(Fault) -> [String] {
        try list(key, "a list of names") { text in
            !text.isEmpty && text.utf8.count <= 64 && text.utf8.allSatisfy { $0 > 32 && $0 < 127 }
        }
    }

    private func list(_ key: String, _ expected: String, _ isGood: (String) -> Bool) throws(Fault) -> [String]
    {
        guard let value = json[key] else { return [] }
        guard let elements = value.array, elements.count <= ManifestReader.namesLimit else {
            throw fault(key, expected)
        }
        var texts: [String] = []
        for (index, element) in elements.enumerated() {
            guard let text = element.string, isGood(text) else {
                let found = element.string.map { "\"\($0.prefix(60))\"" } ?? element.kindName
                throw Fault(
                    text: "manifest member '\(name(key))[\(index)]' must be part of \(expected), not \(found)"
                )
            }
            guard !texts.contains(text) else {
                throw Fault(text: "manifest member '\(name(key))' names \"\(text)\" twice")
            }
            texts.append(text)
        }
        return texts
    }

    /// A JSON Schema; nil when absent.
    func schema(_ key: String) throws(Fault) -> PluginManifest.Schema? {
        guard let value = json[key] else { return nil }
        guard value.object != nil || value.bool != nil else { throw fault(key, "a JSON Schema") }
        do throws(JSONSchemaError) {
            return PluginManifest.Schema(source: value, compiled: try JSONSchema(value))
        } catch {
            throw Fault(
                text:
                    "manifest member '\(name(key))' is no usable JSON Schema: at #\(error.pointer): "
                    + "\(error.message)"
            )
        }
    }

    /// The member that describes a facet: required where the facet is listed, out of place where it is not.
    func part(
        _ key: String, of facet: String, _ facets: [String], isRequired: Bool = true
    ) throws(Fault) -> ManifestReader? {
        guard let value = json[key] else {
            guard isRequired, facets.contains(facet) else { return nil }
            throw Fault(text: "manifest member '\(name(key))' is missing, though 'facets' lists \(facet)")
        }
        guard facets.contains(facet) else {
            throw Fault(
                text: "manifest member '\(name(key))' is out of place, since 'facets' does not list \(facet)")
        }
        return try ManifestReader(value, path: name(key))
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 128, first != 45, first != 46 else {
            return false
        }
        return text.utf8.allSatisfy { byte in
            (97...122).contains(byte) || (48...57).contains(byte) || byte == 45 || byte == 46
        }
    }

    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.count <= 9, text.utf8.allSatisfy({ (48...57).contains($0) }) else {
            return nil
        }
        return Int(text)
    }
}

extension JSONValue {
    /// The kind, for faults.
    fileprivate var kindName: String {
        switch kind {
        case .null: "null"
        case .bool: "true or false"
        case .number: "a number"
        case .string: "a text"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

/// A sentence without its capital and full stop, to stand inside another.
func asClause(_ sentence: String) -> String {
    let text = sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence
    return text.prefix(1).lowercased() + text.dropFirst()
}
