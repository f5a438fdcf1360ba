// SPDX-License-Identifier: Apache-2.0
// From the bytes of a file to a configuration.

extension Configuration {
    /// What reading a file gave.
    public struct Parsed: Sendable {
        /// The configuration; nil where `problems` holds an error.
        public let configuration: Configuration?
        /// All findings, in the order of the file.
        public let problems: [ConfigurationProblem]
    }

    /// Reads the text of a configuration file: native YAML or JSON, or a client's list of servers. Finds
    /// all that is wrong, not only the first.
    ///
    /// - Parameters:
    ///   - bytes: at most 8 MiB of UTF-8.
    ///   - file: its name for findings; relative paths in it count from its folder. A name in `.json` is
    ///     JSON, any other may be either.
    ///   - environment: what references stand for.
    public static func parse(
        _ bytes: [UInt8], file: String, environment: ConfigurationEnvironment = .process
    ) -> Parsed {
        let sink = ProblemSink(file: file)
        guard let document = readDocument(bytes, into: sink) else {
            return Parsed(configuration: nil, problems: sink.problems)
        }
        guard case .mapping(let entries) = document.root.content else {
            let expected = "a mapping with \"version\" and \"servers\""
            sink.wrongType(document.root, "the file", expected: expected)
            return Parsed(configuration: nil, problems: sink.problems)
        }
        let folder = parentFolder(of: file)
        let context = DecodeContext(sink: sink, folder: folder, isJSON: document.notation == .json)
        func expander(_ syntax: ReferenceSyntax) -> Expander {
            Expander(
                source: document.source, syntax: syntax, environment: environment, folder: folder, sink: sink)
        }
        var configuration: Configuration
        if let client = ClientFile(document.root, notation: document.notation) {
            let servers = expandServers(client.servers, with: expander(.client))
            configuration = decodeClientFile(client.with(servers: servers), context)
        } else {
            let expander = expander(.native)
            let expanded = entries.filter { !$0.key.hasPrefix("x-") }.map { entry in
                let value =
                    entry.key == "servers"
                    ? expandServers(entry.value, with: expander) : expander.expand(entry.value)
                return ConfigurationNode.Entry(key: entry.key, keyPosition: entry.keyPosition, value: value)
            }
            configuration = decodeNative(
                ConfigurationNode(.mapping(expanded), at: document.root.position), context)
        }
        let problems = sink.problems
        if sink.hasErrors { return Parsed(configuration: nil, problems: problems) }
        configuration.path = file
        configuration.warnings = problems
        return Parsed(configuration: configuration, problems: problems)
    }

    /// Reads the text of a configuration file, as `parse` does.
    ///
    /// - Throws: all findings, where one of them is an error. Otherwise they are in `warnings`.
    public init(
        parsing text: String, file: String, environment: ConfigurationEnvironment = .process
    ) throws(ConfigurationError) {
        let parsed = Configuration.parse(Array(text.utf8), file: file, environment: environment)
        guard let configuration = parsed.configuration else {
            throw ConfigurationError(problems: parsed.problems)
        }
        self = configuration
    }

    /// Reads a configuration file. A file that can't be read is a finding like any other.
    public static func load(path: String, environment: ConfigurationEnvironment = .process) -> Parsed {
        switch readFile(path, limit: FileLimits.bytes) {
        case .success(let bytes): return parse(bytes, file: path, environment: environment)
        case .failure(let failure):
            let message = "can't read the file: \(failure.reason)"
            let problem = ConfigurationProblem(.error, file: path, position: .none, message: message)
            return Parsed(configuration: nil, problems: [problem])
        }
    }
}

/// Expands the references of each server. One that is switched off may lack what it would need.
private func expandServers(_ node: ConfigurationNode, with expander: Expander) -> ConfigurationNode {
    guard case .mapping(let entries) = node.content else { return expander.expand(node) }
    let expanded = entries.map { entry in
        let isOff =
            entry.value["enabled"]?.scalar?.text == "false" || entry.value["disabled"]?.scalar?.text == "true"
        let value = expander.expand(entry.value, lenient: isOff)
        return ConfigurationNode.Entry(key: entry.key, keyPosition: entry.keyPosition, value: value)
    }
    return ConfigurationNode(.mapping(expanded), at: node.position)
}

extension ClientFile {
    fileprivate func with(servers: ConfigurationNode) -> ClientFile {
        ClientFile(servers: servers, others: others)
    }

    private init(servers: ConfigurationNode, others: [ConfigurationNode.Entry]) {
        self.servers = servers
        self.others = others
    }
}
