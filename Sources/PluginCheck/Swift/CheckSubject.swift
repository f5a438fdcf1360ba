// SPDX-License-Identifier: Apache-2.0
// The plugin under test as its file shows it, and the configurations that it is tried with.

import CJackfield
import Glibc
import JSON
import JackfieldCore

/// What the user gives where nothing can be made from a schema. JSON each.
public struct CheckInputs: Sendable {
    /// The plugin's own configuration.
    public var config: JSONValue?
    /// An entry of `servers`, for connectors and toolsets.
    public var server: JSONValue?
    /// An entry of `listeners`.
    public var listener: JSONValue?
    /// The `routing` of a server.
    public var routing: JSONValue?
    /// The options of an entry of `auth.providers`, of `policies` and of `filters`, and of a server's `credentials`, by the
    /// facet's member of the manifest.
    public var attached: [String: JSONValue] = [:]
    /// The members of the manifest that ``attached`` knows, which are the names of the options as well.
    public static let attachedParts = ["auth", "credentials", "policy", "filter"]

    public init() {}
}

/// A plugin's file, read and not loaded.
public struct CheckSubject: Sendable {
    /// Absolute.
    public let path: String
    /// nil: why is in ``fault``.
    public private(set) var image: ELFImage?
    public private(set) var manifest: PluginManifest?
    /// What is wrong with the file, or with its manifest where there is an image.
    public private(set) var fault = ""

    static let sizeLimit = 256 << 20

    public init(path: String) {
        let real = realpath(path, nil)
        defer { free(real) }
        self.path = real.map { String(cString: $0) } ?? path
        let bytes: [UInt8]
        switch CheckSubject.read(self.path) {
        case .success(let content): bytes = content
        case .failure(let error):
            fault = error.text
            return
        }
        do {
            image = try bytes.withUnsafeBytes { try ELFImage(bytes: $0) }
        } catch {
            fault = "it \(error)"
            return
        }
        guard let note = image?.manifest else {
            fault = "it has no manifest note"
            return
        }
        do throws(PluginManifest.Fault) {
            manifest = try PluginManifest(parsing: note)
        } catch {
            fault = error.text
        }
    }

    private struct Unreadable: Error { let text: String }

    private static func read(_ path: String) -> Result<[UInt8], Unreadable> {
        func failure(_ what: String) -> Result<[UInt8], Unreadable> {
            .failure(Unreadable(text: "\(path) \(what): \(String(cString: strerror(errno)))"))
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return failure("cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return failure("cannot be read") }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= sizeLimit else {
            return .failure(Unreadable(text: "\(path) is no regular file of at most 256 MiB"))
        }
        let size = Int(status.st_size)
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: max(size, 1)) { buffer, initialized in
            while count < size {
                let got = Glibc.read(descriptor, buffer.baseAddress! + count, size - count)
                guard got > 0 else { break }
                count += got
            }
            initialized = count
        }
        return count == size ? .success(bytes) : failure("cannot be read")
    }
}

extension PluginManifest {
    /// A configuration that the schema allows, its defaults filled in; nil: none could be made.
    func sample(_ schema: Schema?, given: JSONValue?) -> JSONValue? {
        guard let schema else { return given ?? .object([]) }
        if let given { return schema.compiled.applyingDefaults(given) }
        return SchemaSample(schema.source).valid(.least).map { schema.compiled.applyingDefaults($0) }
    }

    /// The options with which a facet is attached, from the schema in its member of the manifest.
    func attachedSample(_ part: String, given: JSONValue?) -> JSONValue? {
        guard let source = document[part]?["config"], let schema = try? JSONSchema(source) else {
            return given ?? .object([])
        }
        if let given { return schema.applyingDefaults(given) }
        return SchemaSample(source).valid(.least).map { schema.applyingDefaults($0) }
    }

    /// The instance's own configuration; a store has its options there, since nothing is attached to it.
    func instanceSample(given: JSONValue?) -> JSONValue? {
        guard configSchema == nil, let source = document["store"]?["config"] else {
            return sample(configSchema, given: given)
        }
        guard let schema = try? JSONSchema(source) else { return given ?? .object([]) }
        if let given { return schema.applyingDefaults(given) }
        return SchemaSample(source).valid(.least).map { schema.applyingDefaults($0) }
    }

    /// An entry of `servers` for the connector, and what answers behind it ("stdio", "http", "").
    ///
    /// The entry has what selects the plugin in a gateway: `command`, a `url` of one of its schemes, or else the
    /// first of its keys, whether its schema requires that member or not.
    func connectorSample(program: String, path: String, given: JSONValue?) -> (
        entry: JSONValue?, peer: String
    ) {
        guard let connector else { return (nil, "") }
        if let given { return (connector.config?.compiled.applyingDefaults(given) ?? given, "") }
        let scheme = connector.schemes.first { $0 == "http" } ?? connector.schemes.first
        let isProgram = connector.keys.contains("command")
        let own = isProgram || scheme != nil ? nil : connector.keys.first { $0 != "url" }
        guard var entry = connector.entry(with: own) else { return (nil, "") }
        var peer = ""
        if isProgram {
            entry["command"] = .string(program)
            entry["args"] = .array(
                ["plugin", "check", path, "--case", goldenServerCase].map { .string($0) })
            peer = "stdio"
        } else if let scheme {
            peer = scheme == "http" ? "http" : ""
            entry["url"] = .string("\(scheme)://127.0.0.1:\(peer.isEmpty ? "9" : "@PORT@")/mcp")
        }
        guard let config = connector.config else { return (entry, peer) }
        let filled = config.compiled.applyingDefaults(entry)
        return config.compiled.validate(filled).isEmpty ? (filled, peer) : (nil, "")
    }
}

extension PluginManifest.Connector {
    /// The least that the schema asks for, and `key`; not checked against the schema.
    fileprivate func entry(with key: String?) -> JSONValue? {
        var schema = config?.source ?? .object([])
        if schema.object == nil { schema = .object([]) }
        if let key { schema["required"] = .array((schema["required"]?.array ?? []) + [.string(key)]) }
        return SchemaSample(schema).attempt(.least).flatMap { $0.object == nil ? nil : $0 }
    }
}

/// `--case` with this name plays the MCP server that connectors of child processes are tried with.
public let goldenServerCase = "golden-server"
