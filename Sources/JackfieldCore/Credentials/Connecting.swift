// SPDX-License-Identifier: Apache-2.0
// Legacy clients that were sent to a URL, and hear when what they opened it for is done.

import CJackfield
import JSON
import MCP

/// Sessions by the id of the elicitation that they got. Bounded; belongs to its lane.
struct Connecting {
    private static let most = 1000
    private var sessions: [String: [SessionKey]] = [:]

    mutating func note(_ id: String, _ call: Call) {
        guard let key = call.session?.key else { return }
        if sessions.count >= Self.most { sessions = [:] }
        if sessions[id]?.contains(key) != true { sessions[id, default: []].append(key) }
    }

    mutating func take(_ id: String) -> [SessionKey] { sessions.removeValue(forKey: id) ?? [] }
}

extension Lane {
    /// `notifications/elicitation/complete` (MCP 2025-11-25) for sessions that were asked here, wherever their streams are.
    func connected(_ id: String, isDone: Bool) {
        let keys = connecting.take(id)
        guard isDone, !keys.isEmpty else { return }
        gateway.onEveryLane { lane in
            for key in keys { lane.tellConnected(key, id) }
        }
    }

    private func tellConnected(_ key: SessionKey, _ id: String) {
        guard let subscriber = standing.streams.stream(of: key) else { return }
        reply.reset()
        reply.literal(
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/elicitation/complete\",\"params\":{\"elicitationId\":"
        )
        reply.quoted(id)
        reply.literal("}}")
        _ = push(subscriber)
    }
}
