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
public enum PluginEntry<Tools: Toolset> {
    public static func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
        pluginTable(offer, why) { services, configuration in
            [TypedToolsetFacet<Tools>(services, configuration, complete: nil)]
        }
    }
}

extension PluginEntry where Tools: CompletingToolset {
    /// The same for a toolset that completes arguments.
    public static func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
        pluginTable(offer, why) { services, configuration in
            [
                TypedToolsetFacet<Tools>(services, configuration) { tools, request, context in
                    try tools.complete(request, context: context)
                }
            ]
        }
    }
}

/// Makes the facets of a new instance.
private typealias FacetMaker = (HostServices, JSONReader) -> [Facet]

/// What `create` makes, which its C signature leaves no room for. Set by the entry function, always to the
/// same, before anything else of the plugin runs; entry calls come from one thread at a time.
nonisolated(unsafe) private var makeFacets: FacetMaker?

private func pluginTable(_ offer: PluginOffer, _ why: PluginRefusal, _ maker: @escaping FacetMaker)
    -> PluginTable
{
    guard let offer, offer.pointee.major == JF_ABI_MAJOR else {
        why?.pointee.set(
            Int32(JF_E_UNSUPPORTED),
            "it was built for ABI \(JF_ABI_MAJOR); the host offers \(offer?.pointee.major ?? 0)")
        return nil
    }
    makeFacets = maker
    return table
}

/// The table is immutable once it is made, hence unsafe in name only.
nonisolated(unsafe) private let table: UnsafePointer<jf_plugin> = {
    let table = UnsafeMutablePointer<jf_plugin>.allocate(capacity: 1)
    table.initialize(
        to: jf_plugin(
            size: UInt32(MemoryLayout<jf_plugin>.size), minor: UInt32(JF_ABI_MINOR), create: create,
            destroy: destroy,
            facet: facet, start: nil, drain: nil, stop: stop))
    return UnsafePointer(table)
}()

private func create(
    _ offer: UnsafePointer<jf_offer>?, _ config: jf_view, _ out: UnsafeMutablePointer<OpaquePointer?>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let offer, let out, let makeFacets else { return Int32(JF_E_FAULT) }
    let services: HostServices
    do throws(MissingService) {
        services = try HostServices(offer)
    } catch {
        why?.pointee.set(
            Int32(JF_E_UNSUPPORTED), "it needs the service \(error.id), which the host does not offer")
        return Int32(JF_E_UNSUPPORTED)
    }
    let bytes = config.ptr == nil ? Array("{}".utf8) : Array(config.bytes)
    guard let configuration = JSONReader(bytes, services) else {
        why?.pointee.set(Int32(JF_E_INVALID), "its configuration is not JSON")
        return Int32(JF_E_INVALID)
    }
    let instance = Instance(services, makeFacets(services, configuration))
    out.pointee = OpaquePointer(Unmanaged.passRetained(instance).toOpaque())
    return Int32(JF_OK)
}

private func destroy(_ own: OpaquePointer?) {
    guard let own else { return }
    let instance = Unmanaged<Instance>.fromOpaque(UnsafeRawPointer(own)).takeRetainedValue()
    // Where `start` failed nobody called `stop`.
    instance.stop()
}

private func facet(_ own: OpaquePointer?, _ id: UnsafePointer<CChar>?) -> UnsafeRawPointer? {
    guard let id else { return nil }
    return Instance.behind(own).facet(String(cString: id))
}

private func stop(_ own: OpaquePointer?) { Instance.behind(own).stop() }
