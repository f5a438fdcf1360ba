// SPDX-License-Identifier: Apache-2.0
// Whether the store answers, for `/healthz`, `/readyz` and the log.

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

    /// A JSON object.
    var json: String {
        let (status, why): (String, String?) =
            switch sights.withLock({ StoreHealth.sum($0) }) {
            case .unknown: ("starting", nil)
            case .up: ("up", nil)
            case .down(let why): ("down", why)
            }
        let quoted = { (text: String) in String(decoding: JSONWriter.quoted(text), as: UTF8.self) }
        return "{\"kind\":\(quoted(kind)),\"status\":\"\(status)\""
            + (why.map { ",\"why\":\(quoted($0))" } ?? "") + "}"
    }
}
