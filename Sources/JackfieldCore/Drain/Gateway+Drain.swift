// SPDX-License-Identifier: Apache-2.0
// Draining by command: replicas get no new calls, and those under way end. Control loop only.

import CLinux
import Synchronization

/// What an operator hears of a drain.
struct DrainNews: Sendable {
    /// Calls under way at the drained replicas.
    var open: Int
    var text: String
    /// The last word. `isDone`: what was asked for was reached.
    var isFinal = false
    var isDone = false
}

/// An operator who waits until replicas are empty.
private struct DrainWatch: Sendable {
    let label: String
    let server: Server
    let indexes: Set<Int>
    let report: @Sendable (Result<DrainNews, ReplicaProblem>) -> Void
    let isHeard: @Sendable () -> Bool
    /// The server, and those before it that may have calls of the same replicas.
    var servers: [Server] = []
    var until: UInt64?
    var last: Int?

    /// Calls under way.
    var open: Int {
        servers.reduce(0) { sum, server in
            indexes.reduce(sum) { $0 + server.endpoints[$1].inFlight.load(ordering: .relaxed) }
        }
    }
}

extension Gateway {
    /// The server that a request names; else a sentence.
    func named(_ name: String) -> Result<Server, ReplicaProblem> {
        if let record = records.first(where: { $0.server.name == name }) { return .success(record.server) }
        let names = records.map(\.server.name)
        return .failure(
            ReplicaProblem("there is no server '\(name)'; there are: \(ReplicaChoice.listed(names))"))
    }

    /// Takes replicas out of service.
    /// - Parameters:
    ///   - replica: see `ReplicaChoice`; nil: all.
    ///   - wait: how long to wait until none of their calls is under way, in nanoseconds; nil: not at all.
    ///   - isHeard: whether anybody still listens.
    func drain(
        _ name: String, _ replica: String?, wait: UInt64?, isHeard: @escaping @Sendable () -> Bool,
        report: @escaping @Sendable (Result<DrainNews, ReplicaProblem>) -> Void
    ) {
        switch chosen(name, replica) {
        case .failure(let problem): report(.failure(problem))
        case .success(let (server, indexes)):
            traffic.drain(server.plan, indexes)
            build()
            let label = replica.map { "\(name)/\($0)" } ?? name
            log.write(
                .info, "replicas are drained: they get no new calls",
                [.init("server", name), .init("replicas", places(indexes))])
            let began = control.now
            // Once every loop has the new states, no call begins there any more. Calls that a build or a configuration
            // before this one took are with the servers of that time.
            gather {
                $0.retired.map(\.server) + $0.allLinks.map(\.server)
            } then: { [self] found in
                var watch = DrainWatch(
                    label: label, server: server, indexes: indexes, report: report, isHeard: isHeard)
                watch.until = wait.map { began &+ $0 }
                watch.servers = [server]
                for other in found.joined()
                where other.name == name && other.plan.endpoints == server.plan.endpoints
                    && !watch.servers.contains(where: { $0 === other })
                {
                    watch.servers.append(other)
                }
                follow(watch)
            }
        }
    }

    private func follow(_ watch: DrainWatch) {
        guard watch.isHeard() else { return }
        let (open, label) = (watch.open, watch.label)
        let calls = open == 1 ? "1 call is" : "\(open == 0 ? "no" : String(open)) calls are"
        func end(_ text: String, isDone: Bool = false) {
            watch.report(.success(DrainNews(open: open, text: text, isFinal: true, isDone: isDone)))
        }
        if open == 0 { return end("\(label) is drained: \(calls) under way", isDone: true) }
        guard let until = watch.until else {
            return end("\(label) gets no new calls; \(calls) under way", isDone: true)
        }
        guard traffic.holding(watch.server.plan)?.indexes.isSuperset(of: watch.indexes) == true else {
            return end("\(label) is not drained any more; \(calls) under way")
        }
        guard control.now < until else {
            return end("\(label) gets no new calls, but \(calls) still under way")
        }
        if open != watch.last {
            watch.report(
                .success(DrainNews(open: open, text: "\(label) is being drained: \(calls) under way")))
        }
        var next = watch
        next.last = open
        control.after(50_000_000) { [weak self, next] in self?.follow(next) }
    }

    /// Puts replicas back into service.
    func undrain(_ name: String, _ replica: String?) -> Result<DrainNews, ReplicaProblem> {
        chosen(name, replica).map { server, indexes in
            let label = replica.map { "\(name)/\($0)" } ?? name
            let drained = traffic.holding(server.plan)?.indexes.intersection(indexes) ?? []
            guard !drained.isEmpty else {
                return DrainNews(open: 0, text: "\(label) is not drained", isFinal: true, isDone: true)
            }
            traffic.undrain(server.plan, indexes)
            build()
            log.write(
                .info, "replicas get calls again",
                [.init("server", name), .init("replicas", places(drained))])
            return DrainNews(open: 0, text: "\(label) gets calls again", isFinal: true, isDone: true)
        }
    }

    /// A reload put other replicas in the place of drained ones, or removed their server.
    func endDrain(_ name: String, _ new: ServerPlan?) {
        if let new, traffic.holding(new) != nil { return }
        guard traffic.forget(name) else { return }
        log.write(
            .warning,
            new == nil
                ? "a drain is over: its server left the configuration"
                : "a drain is over: the configuration has other replicas for the server, which get calls",
            [.init("server", name)])
    }

    private func chosen(
        _ name: String, _ replica: String?
    ) -> Result<(server: Server, indexes: Set<Int>), ReplicaProblem> {
        named(name).flatMap { server in
            let versions = server.endpoints.map(\.plan.standing.version)
            return ReplicaChoice.find(replica, server: name, versions: versions).map { (server, $0) }
        }
    }

    private func places(_ indexes: Set<Int>) -> String {
        indexes.sorted().map(String.init).joined(separator: ", ")
    }
}
