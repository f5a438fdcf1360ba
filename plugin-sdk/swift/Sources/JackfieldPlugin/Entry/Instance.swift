// SPDX-License-Identifier: Apache-2.0
// One instance of the plugin: what stands behind `jf_self *`.

import CJackfield

/// A facet of an instance: its table, and its part in the instance's end. New facets subclass it.
class Facet {
    /// "jf.toolset/1"
    let id: String
    /// The C table; lives as long as this object.
    let table: UnsafeRawPointer

    init<Table>(_ id: String, _ table: Table) {
        self.id = id
        let memory = UnsafeMutablePointer<Table>.allocate(capacity: 1)
        memory.initialize(to: table)
        self.table = UnsafeRawPointer(memory)
    }

    deinit { table.deallocate() }

    /// Lets go of everything that belongs to the author. [control]
    func close() {}
}

/// Confined to its lane but for `services`.
final class Instance {
    let services: HostServices
    private let facets: [Facet]
    /// The facet that request slots ask for, so that a call needs no search.
    let toolset: ToolsetFacet?

    init(_ services: HostServices, _ facets: [Facet]) {
        self.services = services
        self.facets = facets
        toolset = facets.lazy.compactMap { $0 as? ToolsetFacet }.first
    }

    func facet(_ id: String) -> UnsafeRawPointer? { facets.first { $0.id == id }?.table }

    func stop() {
        services.stop()
        for facet in facets { facet.close() }
    }

    /// The instance behind a slot's first argument; stays owned by the host until `destroy`.
    static func behind(_ own: OpaquePointer?) -> Instance {
        Unmanaged<Instance>.fromOpaque(UnsafeRawPointer(own!)).takeUnretainedValue()
    }
}
