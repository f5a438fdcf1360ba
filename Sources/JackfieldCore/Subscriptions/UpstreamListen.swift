// SPDX-License-Identifier: Apache-2.0
// What one endpoint of a server was asked to tell, and what it agreed to: `subscriptions/listen` of a modern server,
// `resources/subscribe` one by one of a legacy one.

/// One `subscriptions/listen` request of ours.
final class UpstreamListen {
    let kinds: ListKinds
    let uris: [String]
    /// The call; 0 until it is sent.
    var handle: UInt64 = 0
    /// The resources that the server agreed to.
    var honoured: Set<String> = []
    /// Once replaced: resources that it and that its successor told of.
    var late: Set<String> = []
    var told: Set<String> = []
    /// Ends the wait for the acknowledgement.
    var timer: UInt64 = 0

    init(_ kinds: ListKinds, _ uris: [String]) {
        self.kinds = kinds
        self.uris = uris
    }

    /// Takes the acknowledgement. One that repeats every URI, be it in a spelling of its own,
    /// agrees to all of them.
    func agree(to uris: [String]) {
        honoured = uris.count == self.uris.count ? Set(self.uris) : Set(uris).intersection(self.uris)
    }
}

/// An endpoint's side of watching. Belongs to the supervisor's lane.
final class UpstreamInterest {
    /// Handshake that everything below belongs to.
    var epoch = -1
    /// Subscribed before the connection was lost: whoever subscribed is told once, since changes may have been missed.
    var lost: Set<String> = []
    /// A look at what changed is due.
    var isScheduled = false
    var lastLook: UInt64 = 0

    // Modern.
    /// Acknowledged, and heard from.
    var current: UpstreamListen?
    /// Opened to take over from `current` (or to be the first) once it is acknowledged.
    var next: UpstreamListen?
    /// Replaced a moment ago: what the server sent on it before may still be on its way.
    var retiring: [UpstreamListen] = []
    /// Parts of a filter that was refused as a whole, to be asked for one after the other.
    var parts: [[String]] = []
    /// It refused `subscriptions/listen` altogether.
    var isRefused = false

    // Legacy.
    var held: Set<String> = []
    /// Requests under way: true subscribes, false unsubscribes.
    var asking: [String: Bool] = [:]
    /// To be compared with what is wanted.
    var queue: Set<String> = []
    /// The server has no stream to send notifications on.
    var hasNoStream = false
    /// Which of the streams opened so far is the latest.
    var streamTurn = 0
    var streamEpoch = -1

    /// What was subscribed is gone with the connection.
    func lose() {
        lost.formUnion(held)
        held = []
        asking = [:]
        parts = []
        isRefused = false
        hasNoStream = false
    }
}
