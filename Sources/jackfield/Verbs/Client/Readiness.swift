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

    /// The state of each server behind a gateway, by name; empty where it does not say.
    static func states(_ endpoint: Endpoint) -> [String: String] {
        guard case .success(let response) = plainRequest(endpoint.at("/healthz?servers=1")),
            let body = try? JSONValue(parsing: response.body),
            case .object(let servers)? = body["servers_detail"]
        else { return [:] }
        let pairs = servers.map { ($0.key, state(of: $0.value)) }
        return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }

    /// `up`, or `up: 2, draining: 1` where endpoints differ; what a rollout is at stands behind it.
    static func state(of server: JSONValue) -> String {
        let states = (server["endpoints"]?.array ?? []).compactMap { $0["state"]?.string }
        let names = ["up", "draining", "connecting", "down"]
        let counts = names.map { name in (name, states.filter { $0 == name }.count) }.filter { $0.1 > 0 }
        var text = counts.count == 1 ? counts[0].0 : counts.map { "\($0.0): \($0.1)" }.joined(separator: ", ")
        if let rollout = server["rollout"], let version = rollout["version"]?.string,
            let state = rollout["state"]?.string
        {
            let words = state.split(separator: "_").joined(separator: " ")
            text += "\(text.isEmpty ? "" : "; ")rollout of \(version) \(words)"
        }
        return text.isEmpty ? "-" : text
    }

    var json: JSONValue {
        ["status": .string(status), "up": JSONValue(up), "configured": JSONValue(configured)]
    }
}
