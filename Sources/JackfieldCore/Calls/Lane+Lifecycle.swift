// SPDX-License-Identifier: Apache-2.0
// A lane's part in starting servers and in the orderly end.

import CJackfield
import CLinux
import MCP

extension Lane {
    /// Operations that an instance has not finished, given up or not.
    func hasOperations(of instance: PluginInstance) -> Bool {
        var found = false
        channels.forEach { handle, channel in
            if channel.instance === instance, operations.count(on: handle) > 0 { found = true }
        }
        return found
    }

    /// Begins to keep a server's endpoints usable; on its home lane.
    func supervise(_ server: Server) {
        for endpoint in server.endpoints {
            let supervisor = Supervisor(server, endpoint, lane: self)
            supervisors[endpoint.id] = supervisor
            supervisor.start()
        }
    }

    /// Ends it. Channels that no lane shows any more close here, when their last call ends elsewhere.
    func endSupervision(_ server: Server) {
        for endpoint in server.endpoints {
            guard let supervisor = supervisors.removeValue(forKey: endpoint.id) else { continue }
            supervisor.stop()
            // A server that never made it into the catalogue has no link that would close its channel.
            if link(server) == nil, !hasRetired(server), let channel = supervisor.channel { close(channel) }
        }
    }

    /// No new clients; streams end; calls under way may finish.
    func beginDrain(listeners: Int) {
        for instance in instances { instance.unlisten(count: listeners) }
        settle()
        endSubscriptions()
        endParked()
        let deadline = jf_monotonic_ns() + gateway.drainTimeout
        for instance in instances { instance.drain(deadline: deadline) }
        gateway.laneDrained(self)
    }

    /// True once, when the lane is draining and has no client's call under way.
    func reportDrained() -> Bool {
        guard openCalls == 0, !hasReportedDrained else { return false }
        hasReportedDrained = true
        return true
    }

    func closeChannels() {
        isClosing = true
        var cut: [Call] = []
        calls.forEach { _, call in if call.origin != .supervision { cut.append(call) } }
        for call in cut where calls[call.handle] === call {
            // In the session-based era a closed connection says nothing: servers are told.
            stopServer(call, reason: "the gateway stops")
            refuseOpen(call, .cancelled)
            if calls[call.handle] === call { serverFailed(call, "the gateway stops") }
        }
        for link in links { for pool in link.pools { pool?.close() } }
        for supervisor in supervisors.values {
            supervisor.stop()
            supervisor.endSession()
        }
        supervisors.removeAll()
        var open: [Channel] = []
        channels.forEach { _, channel in open.append(channel) }
        for channel in open { close(channel) }
        gateway.laneChannelClosed(self)
    }

    /// True once, when the lane is closing and has no channel left.
    func reportClosed() -> Bool {
        guard isClosing, channels.count == 0, !hasReportedClosed else { return false }
        hasReportedClosed = true
        return true
    }

    func stopInstances() {
        for instance in instances.reversed() { instance.stop() }
        for instance in instances.reversed() { instance.destroy() }
        loop.stop()
    }
}
