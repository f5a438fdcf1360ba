// SPDX-License-Identifier: Apache-2.0
// What a new plugin is called, and what is made of it.

/// What kind of project is made.
struct ProjectKind: Equatable {
    /// Facets by their short names, and `seal`, a service.
    static let facets = [
        "toolset", "routing", "connector", "listener", "seal", "auth", "policy", "filter", "store",
        "credentials",
    ]
    static let languages = ["c", "cpp", "rust", "swift"]

    let facet: String
    let language: String

    /// "a toolset in C++"
    var title: String {
        let what =
            switch facet {
            case "routing": "a routing strategy"
            case "seal": "a service that seals"
            case "auth": "a provider of principals"
            case "credentials": "a source of credentials"
            default: "a \(facet)"
            }
        return "\(what) in \(ProjectKind.title(ofLanguage: language))"
    }

    static func title(ofLanguage language: String) -> String {
        switch language {
        case "c": "C"
        case "cpp": "C++"
        case "rust": "Rust"
        case "swift": "Swift"
        default: language
        }
    }

    /// Names that mean something else already where this kind of plugin is named in a configuration.
    var taken: [String] {
        switch facet {
        case "routing": ["round-robin"]
        case "listener": ["http", "stdio", "websocket"]
        case "connector": ["http", "https", "ws", "wss"]
        case "auth": ["api-key", "introspection", "jwt", "mtls", "none"]
        case "policy": ["abac", "opa", "rbac"]
        case "filter": ["rate-limit", "redact", "schema", "size", "transform"]
        case "store": ["memory", "postgres", "redis", "sqlite"]
        case "credentials": ["oauth", "static", "vault"]
        default: []
        }
    }
}

/// A plugin's id, such as `com.example.word-tools`, and the names that are made of it. All of them consist of
/// letters, digits, '-', '_' and '.', so that they need no escaping in any of the files.
struct ProjectName: Equatable {
    /// `com.example.word-tools`
    let id: String
    /// `word-tools`: the library, and what configurations call it.
    let short: String
    /// `word_tools_plugin`: the Rust library
    let crate: String
    /// `WordToolsPlugin`: the Swift module.
    let module: String

    /// - Throws: why the id cannot be one, with a hint.
    init(_ id: String, for kind: ProjectKind) throws(ProjectProblem) {
        let rule = "write it like word-tools or com.example.word-tools"
        let bytes = Array(id.utf8)
        guard !bytes.isEmpty else { throw ProjectProblem("a plugin needs a name", hint: rule) }
        guard bytes.count <= 128 else { throw ProjectProblem("it is longer than 128 characters", hint: rule) }
        if let wrong = id.unicodeScalars.first(where: { !ProjectName.isAllowed($0) }) {
            let near = ProjectName.repaired(id)
            throw ProjectProblem(
                "'\(id)' has '\(printable(String(wrong)))'; ids have lower-case letters, digits, '-' and '.'",
                hint: near.map { "did you mean '\($0)'?" } ?? rule)
        }
        let parts = id.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0.first != "-" && $0.last != "-" }), let last = parts.last
        else {
            throw ProjectProblem(
                "'\(id)' has a part that is empty, or begins or ends with '-'", hint: rule)
        }
        guard let first = last.first, first.isLetter else {
            throw ProjectProblem("the last part of '\(id)' does not begin with a letter", hint: rule)
        }
        // A connector's becomes a scheme of URLs.
        let most = kind.facet == "connector" ? 32 : 64
        guard last.utf8.count <= most else {
            throw ProjectProblem("the last part of '\(id)' is longer than \(most) characters", hint: rule)
        }
        let short = String(last)
        if kind.taken.contains(short) {
            throw ProjectProblem(
                "'\(short)' means something else in configurations, where the plugin would be named",
                hint: "choose another one: acme-\(short), say")
        }
        self.id = id
        self.short = short
        let words = last.split(separator: "-")
        crate = String(last.map { $0 == "-" ? "_" : $0 }) + "_plugin"
        module = words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined() + "Plugin"
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "0"..."9", "-", ".": true
        default: false
        }
    }

    /// The same in lower case with '-' for '_' and spaces; nil: that does not help.
    private static func repaired(_ text: String) -> String? {
        let repaired = String(text.lowercased().map { $0 == "_" || $0 == " " || $0 == "/" ? "-" : $0 })
        let isGood = repaired.unicodeScalars.allSatisfy(isAllowed) && repaired.first?.isLetter == true
        return isGood && repaired.last != "-" && repaired.last != "." ? repaired : nil
    }
}
