// SPDX-License-Identifier: Apache-2.0
// What a configuration file says, checked and typed.

/// What a configuration file says, checked and typed, with a default for everything that it leaves out.
///
/// The keys, their types and defaults are described in docs/reference/configuration.md. A value is
/// immutable in use: a running gateway swaps the whole of it. Printing one never shows what `${env:…}` or
/// `${file:…}` stand for.
public struct Configuration: Sendable {
    /// The process: event loops, draining, state.
    public var runtime = Runtime()
    /// How tools are named where servers are put together.
    public var naming = Naming()
    /// Bounds of what clients, servers and messages may take.
    public var limits = Limits()
    /// Which calls go on as tasks of the gateway.
    public var tasks = Tasks()
    /// Where clients connect.
    public var listeners: [Listener] = []
    /// The MCP servers, in the order of the file.
    public var servers: [Server] = []
    /// Curated sets of tools, in the order of the file.
    public var bundles: [Bundle] = []
    /// What tools are held to; nil: nothing.
    public var lock: Lock?
    /// What is recorded; nil: nothing.
    public var audit: Audit?
    /// Who may come in.
    public var auth = Auth()
    /// Who may do what, in the order in which they are asked.
    public var policies: [Module] = []
    /// What looks at requests and results, in the order of requests.
    public var filters: [Module] = []
    /// Who shares the gateway; nil: nobody is told apart by tenant.
    public var tenants: Tenants?
    /// Where plugins' state lives; nil: in the memory of the gateway.
    public var store: Store?
    /// Plugins that differ from their defaults, in the order of the file.
    public var plugins: [Plugin] = []
    /// The gateway's own log.
    public var log = Log()
    /// The file that this came from; nil for one made in code.
    public var path: String?
    /// What its writer should look at, though it can be used.
    public var warnings: [ConfigurationProblem] = []

    /// A configuration with every default, no server and no listener.
    public init() {}

    /// The folder from which relative paths in the file count: the file's own.
    public var folder: String { path.map { parentFolder(of: $0) } ?? "." }

    /// A finding about a place of this file, for checks that need more than the file (a plugin's schema,
    /// say).
    public func problem(
        _ severity: ConfigurationProblem.Severity = .error, at position: SourcePosition, _ message: String,
        suggestion: String? = nil
    ) -> ConfigurationProblem {
        ConfigurationProblem(
            severity, file: path ?? "configuration", position: position, message: message,
            suggestion: suggestion)
    }

    /// The `version` that this build reads.
    public static let version = 1

    /// What a file without `listeners` gets: Streamable HTTP on 127.0.0.1:8808.
    public static var defaultListeners: [Listener] {
        [Listener(transport: "http", options: Options(["address": "127.0.0.1:8808"]))]
    }
}
