// SPDX-License-Identifier: Apache-2.0
// What a gateway says at /readyz.

import JSON

/// The body of `/readyz`.
struct Readiness: Sendable, Equatable {
    /// `ok`, `starting` or `stopping`.
    let status: String
    let up: Int
    let configured: Int

    init?(_ body: [UInt8]) {
        guard let value = try? JSONValue(parsing: body), let status = value["status"]?.string,
            let up = value["servers"]?["up"]?.int, let configured = value["servers"]?["configured"]?.int
        else { return nil }
        self.status = status
        self.up = up
        self.configured = configured
    }

    /// Asks the host of an endpoint; nil: it is no gateway, or not reachable over plain HTTP.
    static func ask(_ endpoint: Endpoint) -> Readiness? {
        guard case .success(let response) = plainRequest(endpoint.at("/readyz")) else { return nil }
        return Readiness(response.body)
    }

    var json: JSONValue {
        ["status": .string(status), "up": JSONValue(up), "configured": JSONValue(configured)]
    }
}
