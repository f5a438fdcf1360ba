// SPDX-License-Identifier: Apache-2.0
// Views as principals see them, kept for a while: one for all principals to whom policies say the same.

/// Belongs to one lane. Bounded: what was used longest ago goes first.
final class ShownViews {
    /// Which principals share a view: the endpoint, and the class that each policy puts them in.
    struct Key: Hashable {
        let path: String
        let classes: [UInt8]

        /// Tells cursors of one class from those of others. Seeded anew in each process.
        var mark: UInt64 {
            var hasher = Hasher()
            hasher.combine(self)
            return UInt64(bitPattern: Int64(hasher.finalize())) | 1
        }
    }

    private struct Entry {
        let whole: View
        let shown: View
        let items: Int
        var used: UInt64
    }

    /// Views that are kept at most, and items in all of them.
    static let mostViews = 256
    static let mostItems = 200_000

    private var entries: [Key: Entry] = [:]
    private var items = 0
    private var clock: UInt64 = 0
    /// Reviews under way whose result will be kept, so that others of the class wait for the same.
    var reviews: [Key: Review] = [:]
    /// Counts changes of policies: a review that began before one is of no use after it.
    private(set) var generation: UInt64 = 0
    /// Requests that wait for reviews.
    var waiting = 0
    var waitingBytes = 0
    /// What a request that is delivered again waited for.
    var handedOver: (review: Review, outcome: Review.Outcome)?

    var count: Int { entries.count }

    func find(_ key: Key, of whole: View) -> View? {
        guard let entry = entries[key], entry.whole === whole else { return nil }
        clock += 1
        entries[key]?.used = clock
        return entry.shown
    }

    func keep(_ shown: View, of whole: View, for key: Key) {
        forget(key)
        let size = shown.entries.reduce(1) { $0 + $1.count }
        guard size <= Self.mostItems else { return }
        while entries.count >= Self.mostViews || items + size > Self.mostItems {
            guard let oldest = entries.min(by: { $0.value.used < $1.value.used }) else { break }
            forget(oldest.key)
        }
        clock += 1
        entries[key] = Entry(whole: whole, shown: shown, items: size, used: clock)
        items += size
    }

    private func forget(_ key: Key) {
        if let entry = entries.removeValue(forKey: key) { items -= entry.items }
    }

    /// A new catalogue: views that are not in it are of no use.
    func keep(of catalog: Catalog) {
        for (key, entry) in entries where catalog.view(key.path) !== entry.whole { forget(key) }
        for (key, review) in reviews where catalog.view(key.path) !== review.whole { reviews[key] = nil }
    }

    /// Policies decide otherwise from now on.
    func removeAll() {
        generation += 1
        entries.removeAll()
        items = 0
        reviews.removeAll()
    }
}
