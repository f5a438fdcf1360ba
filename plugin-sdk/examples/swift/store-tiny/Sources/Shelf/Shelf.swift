// SPDX-License-Identifier: Apache-2.0
// A store: entries, counters and token buckets in the memory of one instance.

import JackfieldPlugin

/// The one exported function.
@c(jf_entry_1) public func entry(_ offer: PluginOffer, _ why: PluginRefusal) -> PluginTable {
    PluginEntry<Shelf>.entry(offer, why)
}

/// The store. The SDK has checked bounds by the time a method is called.
struct Shelf: Store {
    private let host: Host
    private var entries: [[UInt8]: StoreEntry] = [:]
    private var limits: [Name: Taken] = [:]
    private var revision: UInt64 = 0

    /// What names a limit.
    private struct Name: Hashable {
        let key: [UInt8]
        let kind: UInt32
        let period: UInt64
    }
    /// What was taken, in thousandths: of a bucket, flowing back; else of the window of that number.
    private struct Taken {
        var amount = 0.0
        var before = 0.0
        var at: UInt64 = 0
    }

    init(host: Host) throws {
        self.host = host
        revision = host.unixNanoseconds / 1000  // greater than those of an earlier run
    }

    private var now: UInt64 { host.unixNanoseconds / 1_000_000 }

    /// The entry of a key, unless it has ended; then it goes.
    private mutating func find(_ key: [UInt8]) -> StoreEntry? {
        guard let entry = entries[key] else { return nil }
        if let expires = entry.expiresMilliseconds, expires <= now {
            entries[key] = nil
            return nil
        }
        return entry
    }

    private mutating func keep(_ key: [UInt8], _ value: [UInt8], until expires: UInt64?) -> StoreEntry {
        revision += 1
        let entry = StoreEntry(key: key, value: value, revision: revision, expiresMilliseconds: expires)
        entries[key] = entry
        return entry
    }

    mutating func get(_ key: [UInt8], context: AnswerContext) throws -> StoreAnswer {
        find(key).map { .entry($0) } ?? .absent
    }

    mutating func put(_ put: StorePut, context: AnswerContext) throws -> StoreAnswer {
        let old = find(put.key)
        switch put.condition {
        case .create where old != nil: return .stale
        case .match(let revision) where old?.revision != revision: return .stale
        default: break
        }
        var entry = keep(put.key, put.value, until: put.ttlMilliseconds.map { now + $0 })
        entry.value = []
        return .entry(entry)
    }

    mutating func remove(_ key: [UInt8], revision: UInt64?, context: AnswerContext) throws -> StoreAnswer {
        guard let entry = find(key) else { return .absent }
        if let revision, revision != entry.revision { return .stale }
        entries[key] = nil
        return .done
    }

    mutating func list(_ list: StoreList, context: AnswerContext) throws -> StoreAnswer {
        let keys = entries.keys.filter { $0.starts(with: list.prefix) }
            .filter { list.after.isEmpty || list.after.lexicographicallyPrecedes($0) }
            .sorted { $0.lexicographicallyPrecedes($1) }
        var found: [StoreEntry] = []
        for key in keys where found.count < list.most {
            guard var entry = find(key) else { continue }
            if list.keysOnly { entry.value = [] }
            found.append(entry)
        }
        return found.isEmpty ? .absent : .entries(found)
    }

    mutating func add(_ add: StoreAdd, context: AnswerContext) throws -> StoreAnswer {
        let old = find(add.key)
        if let old, old.counter == nil {
            throw PluginError.invalid("the key holds no counter").beforeItStarted
        }
        if add.delta == 0 { return old.map { .entry($0) } ?? .absent }
        let (sum, isTooLarge) = (old?.counter ?? 0).addingReportingOverflow(add.delta)
        if isTooLarge { throw PluginError.invalid("the sum is too large").beforeItStarted }
        let value = StoreEntry(counter: sum, key: add.key, revision: 0).value
        let expires = old.map(\.expiresMilliseconds) ?? add.ttlMilliseconds.map { now + $0 }
        return .entry(keep(add.key, value, until: expires))
    }

    mutating func take(_ limits: [StoreLimit], context: AnswerContext) throws -> StoreAnswer {
        let now = now
        var states = limits.map { limit in
            var state = self.limits[name(limit)] ?? Taken()
            flow(&state, limit, now)
            return state
        }
        var verdicts = zip(limits, states).map { limit, state in
            let share = Double(limit.periodMilliseconds - now % limit.periodMilliseconds)
            let before = limit.kind == .sliding ? state.before * share / Double(limit.periodMilliseconds) : 0
            let room = Double(limit.kind == .bucket ? limit.burst : limit.rate) - state.amount - before
            let fits = limit.cost == 0 || Double(limit.cost) <= room
            return StoreVerdict(
                fits: fits, retryMilliseconds: fits ? 0 : wait(limit, Double(limit.cost) - room, now),
                left: UInt64(max(room, 0)))
        }
        guard verdicts.allSatisfy(\.fits) else { return .verdicts(verdicts) }
        for index in limits.indices {
            states[index].amount += Double(limits[index].cost)
            verdicts[index].left -= min(limits[index].cost, verdicts[index].left)
            self.limits[name(limits[index])] = states[index]
        }
        return .verdicts(verdicts)
    }

    private func name(_ limit: StoreLimit) -> Name {
        Name(key: limit.key, kind: limit.kind.rawValue, period: limit.periodMilliseconds)
    }

    /// Brings what was taken up to now.
    private func flow(_ state: inout Taken, _ limit: StoreLimit, _ now: UInt64) {
        if limit.kind == .bucket {
            let back = Double(now - state.at) * Double(limit.rate) / Double(limit.periodMilliseconds)
            state.amount = max(state.amount - back, 0)
            state.at = now
            return
        }
        let window = now / limit.periodMilliseconds
        if window == state.at { return }
        state = Taken(amount: 0, before: window == state.at + 1 ? state.amount : 0, at: window)
    }

    /// When what it lacks is there, not too early.
    private func wait(_ limit: StoreLimit, _ lacks: Double, _ now: UInt64) -> UInt32 {
        if limit.cost > (limit.kind == .bucket ? limit.burst : limit.rate) { return .max }
        let period = Double(limit.periodMilliseconds)
        let rest = Double(limit.periodMilliseconds - now % limit.periodMilliseconds)
        let wait =
            switch limit.kind {
            case .bucket: lacks * period / Double(limit.rate) + 1
            case .sliding: rest + period
            case .fixed: rest
            }
        return UInt32(min(wait, Double(UInt32.max - 1)))
    }
}
