// SPDX-License-Identifier: Apache-2.0
// The one `subscriptions/listen` that a modern server has of us (MCP 2026-07-28): how it grows and shrinks without a gap.

import CJackfield
import JSON
import MCP

extension Supervisor {
    /// How long a replaced listen stays open for what is still on its way: 200 ms.
    private static var grace: UInt64 { 200_000_000 }

    private var listKinds: ListKinds {
        var kinds: ListKinds = []
        if status.capabilities.toolsListChanged { kinds.insert(.tools) }
        if status.capabilities.promptsListChanged { kinds.insert(.prompts) }
        if status.capabilities.resourcesListChanged { kinds.insert(.resources) }
        return kinds
    }

    /// Asks for what became wanted, and no longer for what is not: a new listen takes over once it is acknowledged.
    func updateListen() {
        interest.queue = []
        // Its acknowledgement looks again.
        guard interest.next == nil else { return }
        let wanted =
            status.capabilities.resourcesSubscribe
            ? Set(resourceWatch.map { Array($0.entries.keys) } ?? []) : []
        if interest.isRefused {
            return refuse(wanted, code: .methodNotFound, "does not answer subscriptions/listen")
        }
        let held = interest.current?.honoured ?? []
        settle(wanted.intersection(held))
        let part = interest.parts.popLast()
        let target = part.map { held.union(wanted.intersection($0)) } ?? wanted
        if let current = interest.current, current.kinds == listKinds, target == held {
            return interest.parts.isEmpty ? () : lookSoon()
        }
        if target.isEmpty, listKinds.isEmpty { return closeListen() }
        startListen(target.sorted())
    }

    private func startListen(_ uris: [String]) {
        let listen = UpstreamListen(listKinds, uris)
        interest.next = listen
        watchOpenedAt = lane.loop.now
        let out = MessageBuilder()
        var filter = ListenFilter()
        filter.kinds = listen.kinds
        filter.resources = uris
        out.literal("\"notifications\":{")
        filter.write(into: out)
        out.byte(125)
        listen.timer = lane.loop.after(lane.limits.probeTimeout) { [weak self, weak listen] in
            guard let self, let listen else { return }
            listen.timer = 0
            self.unacknowledged(listen)
        }
        let handle = request(
            .subscriptionsListen, params: modernParams(String(decoding: out.joined(), as: UTF8.self)),
            revision: status.revision, timeout: nil
        ) { [weak self] answer in self?.listenEnded(listen, answer) }
        listen.handle = handle
        if interest.current == nil { watch = handle }
    }

    /// The server's acknowledgement of one of our listens, and the resources in it.
    func listenAcknowledged(_ handle: UInt64, _ uris: [String]) {
        guard let listen = interest.next, listen.handle == handle else { return }
        listen.agree(to: uris)
        takeOver(listen)
    }

    /// A server that does not acknowledge may still tell of lists; resources are not counted on.
    private func unacknowledged(_ listen: UpstreamListen) {
        guard interest.next === listen else { return }
        log.write(
            .warning, "server did not acknowledge subscriptions/listen", [.init("server", server.name)])
        guard let current = interest.current else { return takeOver(listen) }
        interest.next = nil
        close(listen)
        refuse(Set(listen.uris).subtracting(current.honoured), "did not acknowledge the subscription")
    }

    private func takeOver(_ listen: UpstreamListen) {
        cancelTimer(of: listen)
        interest.next = nil
        if let old = interest.current { retire(old) }
        interest.current = listen
        watch = listen.handle
        settle(listen.honoured)
        tellLost(listen.honoured)
        let refused = Set(listen.uris).subtracting(listen.honoured)
        if !refused.isEmpty {
            tellLost(refused)
            refuse(refused, code: .invalidParams, "does not offer subscriptions to this resource")
        }
        lookSoon()
    }

    private func retire(_ listen: UpstreamListen) {
        interest.retiring.append(listen)
        lane.loop.after(Supervisor.grace) { [weak self, weak listen] in
            guard let self, let listen else { return }
            self.retired(listen)
            self.close(listen)
        }
    }

    /// A replaced listen is over. What only it said is told now.
    private func retired(_ listen: UpstreamListen) {
        guard let at = interest.retiring.firstIndex(where: { $0 === listen }) else { return }
        interest.retiring.remove(at: at)
        for uri in listen.late.subtracting(listen.told) { lane.resourceChanged(server, uri) }
    }

    private func cancelTimer(of listen: UpstreamListen) {
        if listen.timer != 0 { lane.loop.cancelAfter(listen.timer) }
        listen.timer = 0
    }

    private func close(_ listen: UpstreamListen) {
        cancelTimer(of: listen)
        closeWatch(listen.handle)
    }

    /// Gives a standing request up.
    func closeWatch(_ handle: UInt64) {
        guard handle != 0, let call = lane.calls[handle], call.origin == .supervision else { return }
        call.handler = nil
        lane.stopServer(call, reason: "nobody listens any more")
        lane.finish(call)
    }

    /// Nobody wants to hear anything.
    private func closeListen() {
        guard let current = interest.current else { return }
        interest.current = nil
        watch = 0
        close(current)
    }

    /// Ends everything that stands, for good.
    func closeWatches() {
        for listen in interest.retiring { close(listen) }
        if let next = interest.next { close(next) }
        if let current = interest.current { close(current) }
        interest.retiring = []
        interest.next = nil
        interest.current = nil
        closeWatch(watch)
        watch = 0
    }

    private func listenEnded(_ listen: UpstreamListen, _ answer: InternalAnswer) {
        cancelTimer(of: listen)
        if interest.next === listen { return listenFailed(listen, answer) }
        guard interest.current === listen else {
            return retired(listen)
        }
        interest.current = nil
        watch = 0
        interest.lost.formUnion(listen.honoured)
        if let next = interest.next {
            // A successor on its way takes over by itself.
            watch = next.handle
        } else if step == .up {
            reopenLater()
        }
    }

    /// A listen ended before it was acknowledged. Where one stands already, that one goes on.
    private func listenFailed(_ listen: UpstreamListen, _ answer: InternalAnswer) {
        interest.next = nil
        if interest.current == nil { watch = 0 }
        let known = interest.current?.honoured ?? []
        let new = listen.uris.filter { !known.contains($0) }
        guard case .error(let envelope, _) = answer else {
            // The connection, or a status: the same may work a moment later.
            if interest.current == nil { watchEnded(answer) }
            return
        }
        if new.isEmpty {
            guard interest.current == nil else { return }
            interest.isRefused = true
        } else if interest.current == nil, !listen.kinds.isEmpty {
            // The lists at least; then the resources again.
            interest.parts.append(new)
            return startListen([])
        } else if new.count > 1 {
            // One bad name spoils the whole request: find it by halves.
            interest.parts.append(Array(new[..<(new.count / 2)]))
            interest.parts.append(Array(new[(new.count / 2)...]))
        } else {
            refuse(new, "refused the subscription: \(text(envelope))")
        }
        lookSoon()
    }
}
