// SPDX-License-Identifier: Apache-2.0
// A server as operators see it: each endpoint's state and the reason for it, and how its calls have fared.

import CLinux
import JSON
import MCP
import Synchronization

extension Server {
    /// Writes an object. `now` is monotonic, in nanoseconds.
    func write(_ statuses: [EndpointStatus], _ now: UInt64, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("in_flight")
        writer.value(inFlight.load(ordering: .relaxed))
        writer.key("waiting")
        writer.value(room.waiting.load(ordering: .relaxed))
        writer.key("retries_left")
        writer.value(retryBudget.left)
        if let hedge { write(hedge, to: &writer) }
        if let objective { write(objective, now, to: &writer) }
        if let reuse {
            writer.key("response_cache")
            reuse.write(to: &writer)
        }
        if let rollout {
            writer.key("rollout")
            rollout.write(to: &writer)
        }
        if let versions {
            writer.key("versions")
            versions.write(to: &writer)
        }
        writer.key("endpoints")
        writer.beginArray()
        for (endpoint, status) in zip(endpoints, statuses) { endpoint.write(status, now, to: &writer) }
        writer.endArray()
        writer.endObject()
    }

    private func write(_ hedge: ServerHedge, to writer: inout JSONWriter) {
        writer.key("hedges_left")
        writer.value(hedge.budget.left)
        guard let delay = hedge.delay else { return }
        writer.key("hedge_after_ms")
        writer.value(Double(delay / 1000) / 1000)
    }

    private func write(_ objective: ServerObjective, _ now: UInt64, to writer: inout JSONWriter) {
        writer.key("objective")
        writer.beginObject()
        writer.key("availability")
        writer.value(objective.plan.availability)
        for (name, span) in [("burn_rate_5m", UInt64(5)), ("burn_rate_1h", 60)] {
            guard let rate = objective.burnRate(span, now) else { continue }
            writer.key(name)
            writer.value(rate)
        }
        let hour = objective.recent(60, now)
        writer.key("calls_1h")
        writer.value(Int(hour.calls))
        writer.key("bad_1h")
        writer.value(Int(hour.bad))
        writer.endObject()
    }
}

extension Endpoint {
    fileprivate func write(_ status: EndpointStatus, _ now: UInt64, to writer: inout JSONWriter) {
        let breaker = health.state(now)
        let window = health.recent(now)
        writer.beginObject()
        writer.key("state")
        writer.value(status.state.rawValue)
        if !status.reason.isEmpty {
            writer.key("reason")
            writer.value(status.reason)
        }
        if let revision = status.revision {
            writer.key("revision")
            writer.value("\(revision.text)")
        }
        if let version = plan.standing.version {
            writer.key("version")
            writer.value(version)
        }
        writer.key("breaker")
        let isHalfOpen = breaker.isTrying || breaker.until <= now
        writer.value(!breaker.isOpen ? "closed" : isHalfOpen ? "half_open" : "open")
        if breaker.isOpen, !breaker.isTrying, breaker.until > now {
            writer.key("open_for_ms")
            writer.value(Int((breaker.until - now) / 1_000_000))
        }
        writer.key("share")
        writer.value(Double(health.readiness(now)) / 1000)
        writer.key("in_flight")
        writer.value(inFlight.load(ordering: .relaxed))
        writer.key("latency_ms")
        writer.value(Double(latency.load(ordering: .relaxed) / 1000) / 1000)
        writer.key("calls_10s")
        writer.value(window.calls)
        writer.key("failures_10s")
        writer.value(window.failures)
        if let processes = processes.withLock({ $0.sum }) {
            writer.key("processes")
            processes.write(now, to: &writer)
        }
        writer.endObject()
    }
}
