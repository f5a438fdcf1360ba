// SPDX-License-Identifier: Apache-2.0
// A legacy session's view of changes: where its stream is, and what it missed while it had none.

import Synchronization

/// Part of a `Session`. Any thread. A session's streams come and go, and nothing is told twice or to two of them
/// (MCP 2025-11-25, Streamable HTTP): what changes while none is open is kept, and told on the next.
final class SessionSubscriptions: Sendable {
    private struct State: Sendable {
        /// The lane of the open stream.
        var lane: Int?
        /// Counts the streams: the end of an older one says nothing about its successor.
        var turn: UInt64 = 0
        /// The lists as the session last heard of them; empty before the first.
        var lists: [UInt64] = []
        /// Subscribed URIs that changed meanwhile; never more than the session may subscribe to.
        var changed: Set<String> = []
        var onEnd: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    init() {}

    deinit {
        let onEnd = state.withLock { $0.onEnd }
        onEnd?()
    }

    /// The lists (fingerprints by `ItemKind`, none when the view is gone) that the session sees at its beginning.
    func begin(_ lists: [UInt64]) { state.withLock { $0.lists = lists } }

    /// The lists as the session last heard of them.
    var lists: [UInt64] { state.withLock { $0.lists } }

    /// What to do when the session is gone, however it ends. The first one given stays.
    func atEnd(_ body: @escaping @Sendable () -> Void) {
        state.withLock { if $0.onEnd == nil { $0.onEnd = body } }
    }

    /// A stream opened on a lane. Returns its turn, what the session missed, and the lists as it last heard of them.
    /// - Parameter lists: as they are; empty: what the session sees of them is not known yet.
    func opened(
        on lane: Int, _ lists: [UInt64]
    ) -> (turn: UInt64, kinds: ListKinds, uris: [String], lists: [UInt64]) {
        state.withLock { state in
            state.lane = lane
            state.turn += 1
            var kinds: ListKinds = []
            if !lists.isEmpty, state.lists.count == lists.count {
                for kind in ItemKind.allCases where state.lists[kind.rawValue] != lists[kind.rawValue] {
                    kinds.formUnion(ListKinds(kind))
                }
            }
            if !lists.isEmpty { state.lists = lists }
            let uris = state.changed.sorted()
            state.changed = []
            return (state.turn, kinds, uris, state.lists)
        }
    }

    /// A stream ended; `untold` kinds had changed and could not be told on it.
    func closed(_ turn: UInt64, _ lists: [UInt64], untold: ListKinds) {
        state.withLock { state in
            guard state.turn == turn else { return }
            state.lane = nil
            guard !lists.isEmpty else { return }
            state.lists = lists
            for kind in ItemKind.allCases where untold.contains(ListKinds(kind)) {
                // Differs from whatever the list is when the next stream opens.
                state.lists[kind.rawValue] = ~lists[kind.rawValue]
            }
        }
    }

    /// Where to tell that a subscribed URI changed: the lane of the open stream; nil, and noted, when there is none.
    func place(_ uri: String) -> Int? {
        state.withLock { state in
            if let lane = state.lane { return lane }
            state.changed.insert(uri)
            return nil
        }
    }

    /// Notes a change for later although a stream is open: it takes no more just now.
    func keep(_ uri: String) { _ = state.withLock { $0.changed.insert(uri) } }

    /// Hands out what was noted for an open stream.
    func takeChanged() -> [String] {
        state.withLock { state in
            let uris = state.changed.sorted()
            state.changed = []
            return uris
        }
    }

    /// A URI that is no longer subscribed to is not told any more.
    func forget(_ uri: String) { _ = state.withLock { $0.changed.remove(uri) } }
}
