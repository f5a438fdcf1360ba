// SPDX-License-Identifier: Apache-2.0
// A plugin of several facets, or with a life of its own beside them.

import CJackfield

/// One instance of a plugin. Only needed where several facets share something, or where work begins and ends
/// with the instance; a single ``Toolset``, ``Routing``, ``Connector`` or ``Listener`` goes to
/// ``PluginEntry`` as it is. There is one instance per event loop where the manifest says
/// `threads: per-loop`, and one in all where it says `serial`. All methods are called on its lane.
///
///     final class Radio: Plugin {
///         static var facets: [PluginFacet] { [.connector(RadioChannel.self), .listener(RadioPort.self)] }
///         init(host: Host) throws {}
///     }
///
/// The facets reach it with ``Host/plugin(_:)``.
public protocol Plugin: AnyObject {
    /// What the plugin does: the facets that its manifest lists.
    static var facets: [PluginFacet] { get }

    /// Makes the instance; its configuration is `host.configuration`. Begins no work yet.
    /// - Throws: why it cannot be made. The text goes to the gateway's log, the plugin is refused.
    init(host: Host) throws
    /// Begins work.
    /// - Throws: why it cannot; the instance is then destroyed.
    func start() throws
    /// Asks for no new work and a quiet end by that monotonic time.
    func drain(deadlineNanoseconds: UInt64)
    /// Ends all work: threads are joined, descriptors closed. Open requests have failed by then and the host
    /// does nothing any more.
    func stop()
}

extension Plugin {
    /// Nothing to begin.
    public func start() throws {}
    /// Nothing to bring to an end.
    public func drain(deadlineNanoseconds: UInt64) {}
    /// Nothing to end.
    public func stop() {}
}

/// One facet of a ``Plugin``.
public struct PluginFacet {
    typealias Maker = (HostServices, JSONReader) throws -> Facet
    /// The minor version of the ABI that has it.
    var minor: UInt16 = 0
    let make: Maker

    /// An MCP server in process.
    public static func toolset<Tools: Toolset>(_ type: Tools.Type) -> PluginFacet {
        PluginFacet { services, configuration in
            TypedToolsetFacet<Tools>(services, configuration, complete: nil)
        }
    }

    /// An MCP server in process that completes arguments.
    public static func toolset<Tools: CompletingToolset>(_ type: Tools.Type) -> PluginFacet {
        PluginFacet { services, configuration in
            TypedToolsetFacet<Tools>(services, configuration) { tools, request, context in
                try tools.complete(request, context: context)
            }
        }
    }

    /// A strategy that picks endpoints.
    public static func routing<Strategy: Routing>(_ type: Strategy.Type) -> PluginFacet {
        PluginFacet { services, configuration in
            RoutingFacet(services, configuration, handsOver: false) { server, options, host in
                StrategyServer(try Strategy(server: server, configuration: options, host: host))
            }
        }
    }

    /// A strategy that hands what it learnt to its next generation.
    public static func routing<Strategy: StatefulRouting>(_ type: Strategy.Type) -> PluginFacet {
        PluginFacet { services, configuration in
            RoutingFacet(services, configuration, handsOver: true) { server, options, host in
                StatefulServer(try Strategy(server: server, configuration: options, host: host))
            }
        }
    }

    /// Channels to MCP servers.
    public static func connector<Link: Connector>(_ type: Link.Type) -> PluginFacet {
        PluginFacet { try TypedConnectorFacet<Link>($0, $1) }
    }

    /// A way in for MCP clients.
    public static func listener<Port: Listener>(_ type: Port.Type) -> PluginFacet {
        PluginFacet { try TypedListenerFacet<Port>($0, $1) }
    }

    /// What tells who asks.
    public static func auth<Provider: AuthProvider>(_ type: Provider.Type) -> PluginFacet {
        PluginFacet(minor: 1) { services, configuration in
            GuardFacet<AuthServer>(JF_AUTH_1, authTable(), services, configuration) {
                TypedAuthServer(try Provider(name: $0, configuration: $1, host: $2), $2)
            }
        }
    }

    /// What tells who may do what.
    public static func policy<Rules: Policy>(_ type: Rules.Type) -> PluginFacet {
        PluginFacet(minor: 1) { services, configuration in
            GuardFacet<PolicyServer>(JF_POLICY_1, policyTable(), services, configuration) {
                TypedPolicyServer(try Rules(name: $0, configuration: $1, host: $2), $2)
            }
        }
    }

    /// What sees calls and results pass.
    public static func filter<Sieve: Filter>(_ type: Sieve.Type) -> PluginFacet {
        PluginFacet(minor: 1) { services, configuration in
            GuardFacet<FilterServer>(JF_FILTER_1, filterTable(), services, configuration) {
                TypedFilterServer(try Sieve(name: $0, configuration: $1, host: $2), $2)
            }
        }
    }

    /// What servers are shown so that they let the gateway in.
    public static func credentials<Source: CredentialSource>(_ type: Source.Type) -> PluginFacet {
        PluginFacet(minor: 1) { services, configuration in
            GuardFacet<CredentialServer>(JF_CREDENTIALS_1, credentialsTable(), services, configuration) {
                TypedCredentialServer(try Source(server: $0, configuration: $1, host: $2), $2)
            }
        }
    }

    /// Where state lives.
    public static func store<Keeper: Store>(_ type: Keeper.Type) -> PluginFacet {
        PluginFacet(minor: 1) { try TypedStoreFacet<Keeper>(making: $0, $1) }
    }
}
