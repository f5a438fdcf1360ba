// SPDX-License-Identifier: Apache-2.0
// Calls of servers with a rollout: what their answers say of the version that gave them.

import CJackfield
import JSON
import MCP

extension Lane {
    /// Notes of an answer whether it is an error, for a server with a rollout.
    func noteAnswer(_ call: Call, _ envelope: Envelope) {
        guard call.server?.rollout?.plan.countsToolErrors == true else { return }
        call.isToolError =
            envelope.kind == .error || envelope.outcome?.member("isError")?.bool == true
    }

    /// Takes a try's end into its server's rollout.
    func count(_ call: Call, _ rollout: Rollout, unanswered: Bool, _ now: UInt64) {
        let latency = now &- (call.triedAt != 0 ? call.triedAt : call.startedAt)
        let event = rollout.ended(
            call.endpointIndex, failed: unanswered || call.isToolError, latency: latency, now: now)
        guard let event, let server = call.server else { return }
        gateway.report(event, of: rollout, server)
    }
}

extension Gateway {
    /// Says what became of a rollout. Any thread.
    func report(_ event: RolloutTrack.Event, of rollout: Rollout, _ server: Server) {
        let track = rollout.now
        recordRollout(event, rollout, server)
        var fields: [Log.Field] = [.init("server", server.name), .init("version", rollout.plan.version)]
        switch event {
        case .climbed(let share):
            fields.append(.init("share", percentText(share)))
            log.write(.info, "a rollout goes on: the new version gets more calls", fields)
        case .completed:
            log.write(.info, "a rollout is complete: all calls go to the new version", fields)
        case .rolledBack(let why):
            counters.add(.rollbacks)
            server.reuse?.clear()
            fields += [
                .init("why", why), .init("failed_calls", String(track.failuresInAll)),
                .init("calls", String(track.callsInAll)),
            ]
            log.write(.warning, "a rollout was rolled back: the new version gets no more calls", fields)
        }
    }
}
