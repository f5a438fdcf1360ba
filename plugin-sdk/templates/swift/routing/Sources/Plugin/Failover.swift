// SPDX-License-Identifier: Apache-2.0
// A routing strategy: the first replica that works gets the calls; one that fails is passed over for a while.

import JackfieldPlugin

/// The one exported function.
@c(jf_entry_1) public func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<Failover>.entry(offer, why)
}

/// One server that uses the strategy, on one event loop.
struct Failover: Routing {
    private let skip: Int
    /// Calls that still pass an endpoint over.
    private var pauses: [EndpointID: Int] = [:]

    init(server: String, configuration: JSONReader, host: Host) throws {
        skip = configuration["skip"]?.integer ?? 20
    }

    /// On the path of every call: without failures, the usual case, there is nothing to look up.
    mutating func pick(_ call: borrowing RoutingCall, among endpoints: borrowing Endpoints) -> Int? {
        if pauses.isEmpty { return 0 }
        for index in 0..<endpoints.count {
            let endpoint = endpoints[index].id
            guard let left = pauses[endpoint] else { return index }
            // After the last one the next call tries it again.
            pauses[endpoint] = left > 1 ? left - 1 : nil
        }
        // All of them pause: no reason to prefer another.
        return 0
    }

    mutating func observe(_ outcome: RoutingOutcome) {
        pauses[outcome.endpoint] = outcome.failure == nil ? nil : skip
    }
}
