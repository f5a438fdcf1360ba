// SPDX-License-Identifier: Apache-2.0
// Which streams have yet to hear whether their lists changed: what one sees of a list decides, not that something changed.

import MCP

/// What lists were when a stream last heard of them: fingerprints by `ItemKind`. One for all streams that saw the same.
final class SeenLists {
    let fingerprints: [UInt64]

    init(_ fingerprints: [UInt64]) { self.fingerprints = fingerprints }

    /// Kinds of lists that are others now. A view that is gone or new has other lists throughout.
    func differences(_ now: [UInt64]) -> ListKinds {
        guard now.count == fingerprints.count else { return .all }
        return ItemKind.allCases.reduce(into: []) { kinds, kind in
            if now[kind.rawValue] != fingerprints[kind.rawValue] { kinds.formUnion(ListKinds(kind)) }
        }
    }
}

/// Streams whose principals see the same: policies are asked once for all of them.
final class ListAudience {
    enum Key: Hashable {
        /// Nothing stands between them and the whole view.
        case everybody(String)
        case shared(ShownViews.Key)
        /// What a policy says depends on more than a class: on this person, from this address.
        case person(String, ObjectIdentifier, String)
    }

    let key: Key
    let path: String
    /// One of them.
    let caller: Principal
    let address: String
    /// Kinds that may have changed; those whose lists were never seen hear of these.
    var kinds: ListKinds = []
    var members: [Subscriber] = []

    init(_ key: Key, path: String, caller: Principal, address: String) {
        self.key = key
        self.path = path
        self.caller = caller
        self.address = address
    }
}

/// Belongs to one lane. Changes are gathered for a moment; while a round of reviews is under way they wait for the next.
final class ListNews {
    /// Changes within this time are one. 50 ms.
    static let gathering: UInt64 = 50_000_000
    /// When a policy had no answer it is asked again. 2 s.
    static let again: UInt64 = 2_000_000_000
    /// Reviews at once.
    static let mostReviews = 8

    /// Kinds of lists that may be others, by path.
    private var changed: [String: ListKinds] = [:]
    /// Streams that opened after their session had missed something, perhaps.
    private var opened: [Subscriber] = []
    private var round: ArraySlice<ListAudience> = []
    /// Reviews under way.
    private var open = 0
    /// The round is armed, or under way.
    private(set) var isBusy = false

    var hasNews: Bool { !changed.isEmpty || !opened.isEmpty }

    func note(_ path: String, _ kinds: ListKinds) { changed[path, default: []].formUnion(kinds) }

    func note(_ subscriber: Subscriber) { opened.append(subscriber) }

    /// True: the caller arms the round.
    func arm() -> Bool {
        guard !isBusy, hasNews else { return false }
        isBusy = true
        return true
    }

    /// Hands out what was gathered.
    func take() -> (changed: [String: ListKinds], opened: [Subscriber]) {
        defer {
            changed = [:]
            opened = []
        }
        return (changed, opened)
    }

    func begin(_ audiences: [ListAudience]) { round = audiences[...] }

    /// The next review of the round; nil: none is left, or enough are under way.
    func next() -> ListAudience? {
        guard open < Self.mostReviews, let audience = round.popFirst() else { return nil }
        open += 1
        return audience
    }

    func settled() {
        open -= 1
        if open == 0, round.isEmpty { isBusy = false }
    }

    /// A round without anybody is over at once.
    func endIfEmpty() { if open == 0, round.isEmpty { isBusy = false } }
}
