// SPDX-License-Identifier: Apache-2.0
// The entry function of a plugin, and the slots of jf_plugin.

import CJackfield

/// What the entry function gets: `const jf_offer *`.
public typealias PluginOffer = UnsafePointer<jf_offer>?
/// Where the entry function may say why it refuses: `jf_fault *`.
public typealias PluginRefusal = UnsafeMutablePointer<jf_fault>?
/// What the entry function returns: `const jf_plugin *`.
public typealias PluginTable = UnsafePointer<jf_plugin>?

/// A plugin's one exported function. Write, once per plugin:
///
///     @c(jf_entry_1) public func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
///         PluginEntry<MyTools>.entry(offer, why)
///     }
///
/// `MyTools` is a ``Toolset``, ``Routing``, ``Connector``, ``Listener``, ``AuthProvider``, ``Policy``,
/// ``Filter``, ``CredentialSource`` or ``Store``, or a ``Plugin`` that lists several of them.
public enum PluginEntry<Part> {}

extension PluginEntry where Part: Toolset {
    /// The plugin is one toolset.
    public static func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
        pluginTable(offer, why, { _ in nil }, [.toolset(Part.self)])
    }
}

extension PluginEntry where Part: CompletingToolset {
    /// The plugin is one toolset that completes arguments.
    public static func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
        pluginTable(offer, why, { _ in nil }, [.toolset(Part.self)])
    }
}

extension PluginEntry where Part: Routing {
    /// The plugin is one routing strategy.
    public static func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
        pluginTable(offer, why, { _ in nil }, [.routing(Part.self)])
    }
}

extension PluginEntry where Part: StatefulRouting {
    /// The plugin is one routing strategy that hands over what it learnt.
    public static func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
        pluginTable(offer, why, { _ in nil }, [.routing(Part.self)])
    }
}

extension PluginEntry where Part: Connector {
    /// The plugin is one connector.
    public static func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
        pluginTable(offer, why, { _ in nil }, [.connector(Part.self)])
    }
}

extension PluginEntry where Part: Listener {
    /// The plugin is one listener.
    public static func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
        pluginTable(offer, why, { _ in nil }, [.listener(Part.self)])
    }
}

extension PluginEntry where Part: AuthProvider {
    /// The plugin is one provider of principals.
    public static func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
        pluginTable(offer, why, { _ in nil }, [.auth(Part.self)])
    }
}

extension PluginEntry where Part: Policy {
    /// The plugin is one policy.
    public static func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
        pluginTable(offer, why, { _ in nil }, [.policy(Part.self)])
    }
}

extension PluginEntry where Part: Filter {
    /// The plugin is one filter.
    public static func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
        pluginTable(offer, why, { _ in nil }, [.filter(Part.self)])
    }
}

extension PluginEntry where Part: CredentialSource {
    /// The plugin is one source of credentials.
    public static func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
        pluginTable(offer, why, { _ in nil }, [.credentials(Part.self)])
    }
}

extension PluginEntry where Part: Store {
    /// The plugin is one store.
    public static func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
        pluginTable(offer, why, { _ in nil }, [.store(Part.self)])
    }
}

extension PluginEntry where Part: Plugin {
    /// The plugin has the facets that its type lists.
    public static func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
        pluginTable(offer, why, { try Part(host: $0) }, Part.facets)
    }
}

/// Makes the shared part of a new instance, if it has one.
private typealias PluginMaker = (Host) throws -> (any Plugin)?

/// What `create` makes, which its C signature leaves no room for. Set by the entry function, always to the
/// same, before anything else of the plugin runs; entry calls come from one thread at a time.
nonisolated(unsafe) private var makePlugin: PluginMaker?
nonisolated(unsafe) private var pluginFacets: [PluginFacet] = []

private func pluginTable(
    _ offer: PluginOffer, _ why: PluginRefusal, _ maker: @escaping PluginMaker, _ facets: [PluginFacet]
) -> PluginTable {
    guard let offer, offer.pointee.major == JF_ABI_MAJOR else {
        let major = offer?.pointee.major ?? 0
        why?.pointee.set(
            Refusal(JF_E_UNSUPPORTED, "it was built for ABI \(JF_ABI_MAJOR); the host offers \(major)"))
        return nil
    }
    let needed = facets.map(\.minor).max() ?? 0
    guard offer.pointee.minor >= needed else {
        let minor = offer.pointee.minor
        why?.pointee.set(
            Refusal(JF_E_UNSUPPORTED, "it needs ABI \(JF_ABI_MAJOR).\(needed); the host offers 1.\(minor)"))
        return nil
    }
    makePlugin = maker
    pluginFacets = facets
    return table
}

/// The table is immutable once it is made, hence unsafe in name only.
nonisolated(unsafe) private let table: UnsafePointer<jf_plugin> = {
    let table = UnsafeMutablePointer<jf_plugin>.allocate(capacity: 1)
    table.initialize(
        to: jf_plugin(
            size: UInt32(MemoryLayout<jf_plugin>.size), minor: UInt32(JF_ABI_MINOR), create: create,
            destroy: destroy, facet: facet, start: start, drain: drain, stop: stop))
    return UnsafePointer(table)
}()

private func create(
    _ offer: UnsafePointer<jf_offer>?, _ config: jf_view, _ out: UnsafeMutablePointer<OpaquePointer?>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let offer, let out, let makePlugin else { return Int32(JF_E_FAULT) }
    let services: HostServices
    do throws(MissingService) {
        services = try HostServices(offer)
    } catch {
        return Refusal(error).fill(why)
    }
    let bytes = config.ptr == nil ? Array("{}".utf8) : Array(config.bytes)
    guard let configuration = JSONReader(bytes, services) else {
        return Refusal(JF_E_INVALID, "its configuration is not JSON").fill(why)
    }
    do {
        let facets = try pluginFacets.map { try $0.make(services, configuration) }
        let plugin = try makePlugin(Host(services: services, set: 0, configuration: configuration))
        services.plugin = plugin
        let instance = Instance(services, plugin, facets)
        out.pointee = OpaquePointer(Unmanaged.passRetained(instance).toOpaque())
        return Int32(JF_OK)
    } catch {
        // What the author began in vain may not call the host any more.
        services.stop()
        services.settleMemory()
        return Refusal(error).fill(why)
    }
}

private func destroy(_ own: OpaquePointer?) {
    guard let own else { return }
    let instance = Unmanaged<Instance>.fromOpaque(UnsafeRawPointer(own)).takeRetainedValue()
    // Where `start` failed nobody called `stop`.
    instance.stop()
}

private func facet(_ own: OpaquePointer?, _ id: UnsafePointer<CChar>?) -> UnsafeRawPointer? {
    guard let id else { return nil }
    return Instance.with(own) { $0.facet(String(cString: id)) } ?? nil
}

private func start(_ own: OpaquePointer?, _ why: UnsafeMutablePointer<jf_fault>?) -> Int32 {
    do {
        try Instance.with(own) { try $0.start() }
        return Int32(JF_OK)
    } catch {
        return Refusal(error).fill(why)
    }
}

private func drain(_ own: OpaquePointer?, _ deadline: UInt64) { Instance.with(own) { $0.drain(deadline) } }

private func stop(_ own: OpaquePointer?) { Instance.with(own) { $0.stop() } }
