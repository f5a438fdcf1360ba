// SPDX-License-Identifier: Apache-2.0
// Whether the store answers, for `/healthz`, `/readyz` and the log.

import CLinux
import JSON
import Synchronization

/// What every lane last saw of the store. Any thread.
final class StoreHealth: Sendable {
    private enum Sight: Sendable, Equatable {
        case unknown, up
        case down(String)
    }

    let kind: String
    let isRequired: Bool
    private let log: Log
    private let sights: Mutex<[Sight]>
    /// When it stopped answering, in nanoseconds of Unix time.
    private let downSince = Mutex<UInt64>(0)

    init(_ plan: StorePlan, lanes: Int, log: Log) {
        kind = plan.kind
        isRequired = plan.isRequired
        self.log = log
        sights = Mutex(Array(repeating: .unknown, count: lanes))
    }

    /// A lane sees it otherwise than before.
    /// - Parameter why: nil: it answers.
    func report(_ lane: Int, _ why: String?) {
        let change = sights.withLock { sights in
            let before = StoreHealth.sum(sights)
            sights[lane] = why.map { .down($0) } ?? .up
            return (before, StoreHealth.sum(sights))
        }
        switch change {
        case (.up, .up), (.down, .down): break
        case (_, .down(let why)):
            downSince.withLock { $0 = jf_realtime_ns() }
            log.write(.warning, "the store does not answer", [.init("kind", kind), .init("why", why)])
        case (.down, .up): log.write(.info, "the store answers again", [.init("kind", kind)])
        default: break
        }
    }

    private static func sum(_ sights: [Sight]) -> Sight {
        if let down = sights.first(where: { if case .down = $0 { true } else { false } }) { return down }
        return sights.contains(.unknown) ? .unknown : .up
    }

    /// Whether readiness waits for it.
    var isMissed: Bool { isRequired && sights.withLock { StoreHealth.sum($0) } != .up }

    /// Why it is down, and since when; nil: it is not known to be.
    private var absence: (why: String, since: String)? {
        guard case .down(let why) = sights.withLock({ StoreHealth.sum($0) }) else { return nil }
        return (why, AuditTime.text(downSince.withLock { $0 }))
    }

    /// What is amiss, as a sentence for people; nil: nothing.
    func complaint(users: [String]) -> String? {
        guard let (why, since) = absence else { return nil }
        return "the store \(kind) has not answered since \(since): \(why)"
            + (users.isEmpty ? "" : "; used by \(users.joined(separator: ", "))")
    }

    /// A JSON object.
    /// - Parameter users: ids of the plugins that keep state in it: told while it is down.
    func json(users: [String]) -> String {
        let quoted = { (text: String) in String(decoding: JSONWriter.quoted(text), as: UTF8.self) }
        let head = "{\"kind\":\(quoted(kind)),\"status\":"
        guard let (why, since) = absence else {
            return head + (sights.withLock { StoreHealth.sum($0) } == .up ? "\"up\"}" : "\"starting\"}")
        }
        return head + "\"down\",\"since\":\"\(since)\",\"why\":\(quoted(why)),\"used_by\":["
            + users.map(quoted).joined(separator: ",") + "]}"
    }
}
