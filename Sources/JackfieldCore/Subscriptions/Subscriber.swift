// SPDX-License-Identifier: Apache-2.0
// Who hears of changes: standing streams of clients, and legacy sessions, whose subscriptions outlive their streams.

import CJackfield
import MCP

/// Somebody who may subscribe to resources. Belongs to one lane.
class ResourceHolder {
    /// Each knows its place among its interest's holders, and the other way round: both ends are found without search.
    fileprivate(set) var resources: ContiguousArray<ResourceSubscription> = []
    /// Subscriptions that the server has neither confirmed nor refused yet.
    var unsettled = 0
    /// The change told last: one that concerns several of its subscriptions is told once.
    var lastChange: UInt64 = 0

    /// After the subscription at `old` moved to `new`.
    func moved(from old: Int, to new: Int) {}

    func append(_ subscription: ResourceSubscription) -> Int {
        resources.append(subscription)
        if !subscription.isConfirmed { unsettled += 1 }
        return resources.count - 1
    }

    /// Takes one out by putting the last in its place. The caller has corrected the interest it belonged to.
    func remove(at index: Int) {
        let last = resources.count - 1
        if !resources[index].isConfirmed { unsettled -= 1 }
        if index != last {
            resources.swapAt(index, last)
            resources[index].interest.holders[Int(resources[index].place)].index = Int32(index)
        }
        resources.removeLast()
        if index != last { moved(from: last, to: index) }
    }

    func confirm(at index: Int) {
        guard !resources[index].isConfirmed else { return }
        resources[index].isConfirmed = true
        unsettled -= 1
    }

    func setPlace(_ place: Int, at index: Int) { resources[index].place = Int32(place) }

    /// Notes a change to be told later.
    func hold(at index: Int) { resources[index].isChanged = true }

    /// Forgets what was to be told later, and hands it out.
    func takeChanged() -> [Int] {
        var changed: [Int] = []
        for index in resources.indices where resources[index].isChanged {
            resources[index].isChanged = false
            changed.append(index)
        }
        return changed
    }
}

/// One resource that one holder subscribed to.
struct ResourceSubscription {
    unowned let interest: ResourceInterest
    /// The URI as the client spells it, where that differs from the server's.
    let shown: String?
    /// Its place among the interest's holders.
    var place: Int32 = -1
    var isConfirmed: Bool
    /// Changed while nothing could be told.
    var isChanged = false

    var shownURI: String { shown ?? interest.uri }
}

/// A standing stream of notifications to one client: a `subscriptions/listen` request, a legacy session's GET, or the
/// whole of a legacy client's shared channel. Belongs to the lane of its connection.
final class Subscriber: ResourceHolder {
    let client: UInt64
    let exchange: jf_ref
    /// Raw JSON id of the `subscriptions/listen` request; nil for a legacy client.
    let subscription: [UInt8]?
    let session: Session?
    let path: String
    var kinds: ListKinds
    /// The acknowledgement went out (2026-07-28 says: before anything else).
    var isAcknowledged: Bool
    /// Its reader is slow: nothing more until it caught up.
    var isStalled = false
    /// Kinds that changed while nothing could be told.
    var held: ListKinds = []
    /// Its lists as it last heard of them, where not everybody sees the same; nil: they are not known.
    var seen: SeenLists?
    /// Bounds the wait for confirmations; 0: none.
    var timer: UInt64 = 0
    /// Whom it was opened for, and what ends it with the credentials; 0: nothing.
    var caller = Principal.nobody
    var expiry: UInt64 = 0
    /// The tasks that it hears of, and their ids as its client knows them.
    var tasks: [(key: TaskKey, id: String)] = []
    /// Which of the session's streams it is, in their order.
    var turn: UInt64 = 0

    // Links of `SubscriberTable`.
    fileprivate var next: Subscriber?
    fileprivate weak var previous: Subscriber?
    fileprivate var places: (Int32, Int32, Int32) = (-1, -1, -1)
    fileprivate(set) var isOpen = false

    init(
        client: UInt64, exchange: jf_ref, subscription: [UInt8]?, session: Session?, path: String,
        kinds: ListKinds
    ) {
        self.client = client
        self.exchange = exchange
        self.subscription = subscription
        self.session = session
        self.path = path
        self.kinds = kinds
        isAcknowledged = subscription == nil
    }

    convenience init(
        client: UInt64, exchange: jf_ref, subscription: [UInt8]?, session: Session?, path: String,
        tools: Bool, resources: Bool, prompts: Bool
    ) {
        var kinds: ListKinds = []
        if tools { kinds.insert(.tools) }
        if resources { kinds.insert(.resources) }
        if prompts { kinds.insert(.prompts) }
        self.init(
            client: client, exchange: exchange, subscription: subscription, session: session, path: path,
            kinds: kinds)
    }

    /// Whether news must wait.
    var isHeld: Bool { !isAcknowledged || isStalled }

    fileprivate subscript(place kind: Int) -> Int32 {
        get { kind == 0 ? places.0 : kind == 1 ? places.1 : places.2 }
        set {
            switch kind {
            case 0: places.0 = newValue
            case 1: places.1 = newValue
            default: places.2 = newValue
            }
        }
    }
}

/// Names a stream: on HTTP by its exchange, on a shared channel (where exchanges are 0) by the id of its request.
private struct StreamKey: Hashable {
    let client: UInt64
    let exchange: UInt64
    let id: [UInt8]

    init(_ client: UInt64, _ exchange: UInt64, _ id: [UInt8]?) {
        self.client = client
        self.exchange = exchange
        self.id = exchange == 0 ? id ?? [] : []
    }

    init(_ subscriber: Subscriber) {
        self.init(subscriber.client, subscriber.exchange, subscriber.subscription)
    }
}

/// The standing streams of one lane, found by stream, client, session, or path and kind, without walking over others.
final class SubscriberTable {
    private var byStream: [StreamKey: Subscriber] = [:]
    /// The first of each client's chain.
    private var byClient: [UInt64: Subscriber] = [:]
    private var bySession: [SessionKey: Subscriber] = [:]
    /// Who wants to hear of a kind at a path.
    private var rosters: [String: [ContiguousArray<Subscriber>]] = [:]

    var count: Int { byStream.count }

    /// False when the client has a stream of this name already.
    func insert(_ subscriber: Subscriber) -> Bool {
        let key = StreamKey(subscriber)
        guard byStream[key] == nil else { return false }
        byStream[key] = subscriber
        subscriber.isOpen = true
        if let first = byClient[subscriber.client] {
            subscriber.next = first
            first.previous = subscriber
        }
        byClient[subscriber.client] = subscriber
        if let session = subscriber.session { bySession[session.key] = subscriber }
        join(subscriber)
        return true
    }

    /// Enters a stream into the rosters of its kinds.
    private func join(_ subscriber: Subscriber) {
        guard !subscriber.kinds.isEmpty else { return }
        for (at, kind) in ListKinds.each.enumerated() where subscriber.kinds.contains(kind) {
            let count = rosters[subscriber.path, default: [[], [], []]][at].count
            subscriber[place: at] = Int32(count)
            rosters[subscriber.path, default: [[], [], []]][at].append(subscriber)
        }
    }

    func remove(_ subscriber: Subscriber) {
        guard subscriber.isOpen else { return }
        subscriber.isOpen = false
        byStream[StreamKey(subscriber)] = nil
        let next = subscriber.next
        let previous = subscriber.previous
        previous?.next = next
        next?.previous = previous
        if previous == nil { byClient[subscriber.client] = next }
        subscriber.next = nil
        subscriber.previous = nil
        if let session = subscriber.session, bySession[session.key] === subscriber {
            bySession[session.key] = nil
        }
        for at in 0..<3 { leave(subscriber, at) }
    }

    private func leave(_ subscriber: Subscriber, _ at: Int) {
        let place = Int(subscriber[place: at])
        guard place >= 0 else { return }
        subscriber[place: at] = -1
        guard let last = rosters[subscriber.path]?[at].popLast() else { return }
        if last !== subscriber {
            rosters[subscriber.path]?[at][place] = last
            last[place: at] = Int32(place)
        }
        if rosters[subscriber.path]?.allSatisfy(\.isEmpty) == true { rosters[subscriber.path] = nil }
    }

    func stream(_ client: UInt64, _ exchange: UInt64, id: [UInt8]? = nil) -> Subscriber? {
        byStream[StreamKey(client, exchange, id)]
    }

    func stream(of session: SessionKey) -> Subscriber? { bySession[session] }

    func streams(of client: UInt64) -> [Subscriber] {
        var found: [Subscriber] = []
        var next = byClient[client]
        while let subscriber = next {
            found.append(subscriber)
            next = subscriber.next
        }
        return found
    }

    /// Who hears at a path that a list of this kind changed.
    func listeners(at path: String, _ kind: ListKinds) -> ContiguousArray<Subscriber> {
        guard let at = ListKinds.each.firstIndex(of: kind) else { return [] }
        return rosters[path]?[at] ?? []
    }

    func hasListeners(at path: String, _ kind: ListKinds) -> Bool {
        guard let at = ListKinds.each.firstIndex(of: kind) else { return false }
        return rosters[path]?[at].isEmpty == false
    }

    var all: [Subscriber] { Array(byStream.values) }
}
