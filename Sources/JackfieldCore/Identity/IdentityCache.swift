// SPDX-License-Identifier: Apache-2.0
// Principals by what was shown for them: what a provider has accepted, it need not be asked again for a while.

/// Stands for the credentials of a request and the endpoint that they were shown at.
struct IdentityKey: Hashable {
    let low: UInt64
    let high: UInt64

    init(_ hash: (low: UInt64, high: UInt64)) {
        low = hash.low
        high = hash.high
    }

    /// Keyed already.
    func hash(into hasher: inout Hasher) { hasher.combine(low) }
}

/// The principals of one lane. Bounded: of two halves, the one that nobody asked for last gives way.
struct IdentityCache {
    private struct Entry {
        let principal: Principal
        /// Monotonic nanoseconds.
        let until: UInt64
        let plugin: String
    }

    private var young: [IdentityKey: Entry] = [:]
    private var old: [IdentityKey: Entry] = [:]
    private let half: Int

    init(limit: Int) { half = max(1, limit / 2) }

    mutating func find(_ key: IdentityKey, now: UInt64) -> Principal? {
        if let entry = young[key] {
            if now < entry.until { return entry.principal }
            young[key] = nil
            return nil
        }
        guard let entry = old.removeValue(forKey: key), now < entry.until else { return nil }
        insert(key, entry)
        return entry.principal
    }

    mutating func insert(_ key: IdentityKey, _ principal: Principal, until: UInt64, plugin: String) {
        insert(key, Entry(principal: principal, until: until, plugin: plugin))
    }

    private mutating func insert(_ key: IdentityKey, _ entry: Entry) {
        if young.count >= half {
            old = young
            young = [:]
        }
        young[key] = entry
    }

    /// Forgets what a plugin vouched for: everything, or what was shown under one name.
    mutating func forget(plugin: String, credential: String?) {
        func isKept(_ entry: Entry) -> Bool {
            entry.plugin != plugin || credential.map { entry.principal.credential != $0 } ?? false
        }
        young = young.filter { isKept($0.value) }
        old = old.filter { isKept($0.value) }
    }

    mutating func removeAll() {
        young = [:]
        old = [:]
    }

    var count: Int { young.count + old.count }
}
