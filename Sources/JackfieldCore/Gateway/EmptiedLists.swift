// SPDX-License-Identifier: Apache-2.0
// Lists that are suddenly empty: a server that came back too early, or has lost what it serves, looks like one that has
// nothing to offer.

/// Decides when an empty list is believed, where there was something in it before: at once if the server announced a change,
/// else when it has stayed empty for a while.
struct EmptiedLists {
    /// In nanoseconds.
    static let doubt: UInt64 = 30_000_000_000

    private var since: [ItemKind: UInt64] = [:]
    private var announced: Set<ItemKind> = []

    /// The server said that a list is another now.
    mutating func announced(_ kind: ItemKind) { announced.insert(kind) }

    /// Whether an empty list is taken as it is.
    mutating func isBelieved(_ kind: ItemKind, _ now: UInt64) -> Bool {
        if announced.contains(kind) { return true }
        guard let first = since[kind] else {
            since[kind] = now
            return false
        }
        return now &- first >= Self.doubt
    }

    /// A list was taken.
    mutating func settled(_ kind: ItemKind) {
        since[kind] = nil
        announced.remove(kind)
    }
}
