// SPDX-License-Identifier: Apache-2.0
// What one lane keeps of standing streams and subscriptions, and the counts that all lanes share.

import Synchronization

/// A lane's part in subscriptions. Belongs to the lane's thread, `total` excepted.
final class LaneSubscriptions {
    let streams = SubscriberTable()
    let interests = InterestTable()
    /// Legacy sessions that are kept here, whichever lanes their requests and streams come to.
    var sessions: [SessionKey: SessionRecord] = [:]
    /// Servers at home here that somebody on any lane subscribed to, by generation.
    var watches: [UInt64: ServerWatch] = [:]
    let tasks = TaskListeners()
    /// What servers at home here tell of their tasks, by the handle of our request.
    var taskWatches: [UInt64: TaskWatch] = [:]
    /// Home lanes hear of new interests at the end of this turn.
    var isTelling = false
    /// Counts the changes told.
    var changes: UInt64 = 0
    /// Of the whole gateway; the first lane's is the one that counts.
    let total = StreamTotal()
}

/// Bounds over all lanes. Any thread.
final class StreamTotal: Sendable {
    private let streams = Atomic<Int>(0)
    private let resources = Atomic<Int>(0)

    /// Takes the right to one more stream; false at the limit.
    func takeStream(limit: Int) -> Bool {
        if streams.wrappingAdd(1, ordering: .relaxed).newValue <= limit { return true }
        streams.wrappingSubtract(1, ordering: .relaxed)
        return false
    }

    func giveStream() { streams.wrappingSubtract(1, ordering: .relaxed) }

    /// As `takeStream`, for subscriptions to resources.
    func takeResource(limit: Int) -> Bool {
        if resources.wrappingAdd(1, ordering: .relaxed).newValue <= limit { return true }
        resources.wrappingSubtract(1, ordering: .relaxed)
        return false
    }

    func giveResources(_ count: Int) { resources.wrappingSubtract(count, ordering: .relaxed) }

    var openStreams: Int { streams.load(ordering: .relaxed) }
    var openResources: Int { resources.load(ordering: .relaxed) }
}

/// A legacy session's subscriptions, on the lane that keeps them. The session itself may end at any time.
final class SessionRecord: ResourceHolder {
    weak var session: Session?
    /// Where each is in `resources`, by the URI as the client spells it.
    var places: [String: Int] = [:]
    /// Who waits for the server's word, by the same URI.
    private(set) var waiting: [String: Waiting] = [:]
    private var waits: UInt64 = 0

    struct Waiting {
        let turn: UInt64
        var answers: [@Sendable (InterestRefusal?) -> Void]
    }

    init(_ session: Session) { self.session = session }

    override func moved(from old: Int, to new: Int) { places[resources[new].shownURI] = new }

    /// One more who waits. Returns the turn of the wait, which tells it from an earlier one for the same URI.
    func wait(_ uri: String, _ answer: @escaping @Sendable (InterestRefusal?) -> Void) -> UInt64 {
        if let known = waiting[uri] {
            waiting[uri]?.answers.append(answer)
            return known.turn
        }
        waits += 1
        waiting[uri] = Waiting(turn: waits, answers: [answer])
        return waits
    }

    /// The server's word is there: those who wait hear it.
    func settle(_ uri: String, _ refusal: InterestRefusal?) {
        for answer in waiting.removeValue(forKey: uri)?.answers ?? [] { answer(refusal) }
    }
}

/// Why a resource cannot be subscribed to: a JSON-RPC error for a legacy client.
struct InterestRefusal: Sendable {
    let code: Int
    let text: String
}
