// SPDX-License-Identifier: Apache-2.0
// Joins a Store to the table jf_store_1.

import CJackfield

/// What the C slots see: the facet without its type parameter.
class StoreFacet: Facet {
    let host: Host

    init(_ services: HostServices, _ configuration: JSONReader) {
        host = Host(services: services, set: 0, configuration: configuration)
        super.init(JF_STORE_1, storeTable())
    }

    func get(_ key: [UInt8], _ context: AnswerContext) throws -> StoreAnswer { fatalError("abstract") }
    func put(_ put: StorePut, _ context: AnswerContext) throws -> StoreAnswer { fatalError("abstract") }
    func remove(_ key: [UInt8], _ revision: UInt64?, _ context: AnswerContext) throws -> StoreAnswer {
        fatalError("abstract")
    }
    func list(_ list: StoreList, _ context: AnswerContext) throws -> StoreAnswer { fatalError("abstract") }
    func add(_ add: StoreAdd, _ context: AnswerContext) throws -> StoreAnswer { fatalError("abstract") }
    func take(_ limits: [StoreLimit], _ context: AnswerContext) throws -> StoreAnswer {
        fatalError("abstract")
    }
}

final class TypedStoreFacet<Keeper: Store>: StoreFacet {
    private var keeper: Keeper?

    override init(_ services: HostServices, _ configuration: JSONReader) {
        super.init(services, configuration)
    }

    convenience init(making services: HostServices, _ configuration: JSONReader) throws {
        self.init(services, configuration)
        keeper = try Keeper(host: host)
    }

    private func with(_ body: (inout Keeper) throws -> StoreAnswer) throws -> StoreAnswer {
        guard keeper != nil else { throw PluginError.gone("the store is closed") }
        return try body(&keeper!)
    }

    override func get(_ key: [UInt8], _ context: AnswerContext) throws -> StoreAnswer {
        try with { try $0.get(key, context: context) }
    }
    override func put(_ put: StorePut, _ context: AnswerContext) throws -> StoreAnswer {
        try with { try $0.put(put, context: context) }
    }
    override func remove(_ key: [UInt8], _ revision: UInt64?, _ context: AnswerContext) throws -> StoreAnswer
    {
        try with { try $0.remove(key, revision: revision, context: context) }
    }
    override func list(_ list: StoreList, _ context: AnswerContext) throws -> StoreAnswer {
        try with { try $0.list(list, context: context) }
    }
    override func add(_ add: StoreAdd, _ context: AnswerContext) throws -> StoreAnswer {
        try with { try $0.add(add, context: context) }
    }
    override func take(_ limits: [StoreLimit], _ context: AnswerContext) throws -> StoreAnswer {
        try with { try $0.take(limits, context: context) }
    }
    override func close() {
        keeper?.close()
        keeper = nil
    }
}

func storeTable() -> jf_store_1 {
    jf_store_1(
        size: UInt32(MemoryLayout<jf_store_1>.size), flags: 0, get: get, put: put, remove: removeKey,
        list: list,
        add: add, take: take, watch: nil, unwatch: nil, cancel: cancelOperation)
}

/// The bounds that every store has are checked here, so that no author has to.
private func isKey(_ key: jf_view) -> Bool { key.ptr != nil && key.len >= 1 && key.len <= JF_STORE_KEY_MOST }

private func outOfBounds(_ why: UnsafeMutablePointer<jf_fault>?) -> Int32 {
    var refusal = Refusal(JF_E_INVALID, "a key, value or number is outside its bounds")
    refusal.isNotStarted = true
    return refusal.fill(why)
}

private func run(
    _ own: OpaquePointer?, _ op: jf_ref, _ blob: UnsafeMutablePointer<jf_blob>?,
    _ why: UnsafeMutablePointer<jf_fault>?, _ method: (StoreFacet, AnswerContext) throws -> StoreAnswer
) -> Int32 {
    Instance.with(own) { instance in
        guard let store = instance.store else { return Int32(JF_E_FAULT) }
        return answer(op, store.host, blob, why) { try method(store, $0) }
    } ?? Int32(JF_E_FAULT)
}

private func get(
    _ own: OpaquePointer?, _ op: jf_ref, _ key: jf_view, _ entry: UnsafeMutablePointer<jf_blob>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard isKey(key) else { return outOfBounds(why) }
    return run(own, op, entry, why) { try $0.get(Array(key.bytes), $1) }
}

private func put(
    _ own: OpaquePointer?, _ op: jf_ref, _ given: UnsafePointer<jf_store_put>?,
    _ entry: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let raw = attach(UnsafeRawPointer(given), jf_store_put()) else { return Int32(JF_E_FAULT) }
    let condition: StorePut.Condition
    switch raw.flags {
    case 0: condition = .none
    case UInt32(JF_STORE_CREATE): condition = .create
    case UInt32(JF_STORE_MATCH) where raw.revision != 0: condition = .match(raw.revision)
    default: return outOfBounds(why)
    }
    guard isKey(raw.key), raw.value.ptr != nil, raw.value.len <= JF_STORE_VALUE_MOST,
        raw.ttl_ms <= JF_STORE_TTL_MOST
    else { return outOfBounds(why) }
    let put = StorePut(
        Array(raw.key.bytes), Array(raw.value.bytes), condition: condition,
        ttlMilliseconds: raw.ttl_ms > 0 ? raw.ttl_ms : nil)
    return run(own, op, entry, why) { try $0.put(put, $1) }
}

private func removeKey(
    _ own: OpaquePointer?, _ op: jf_ref, _ key: jf_view, _ revision: UInt64,
    _ entry: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard isKey(key) else { return outOfBounds(why) }
    return run(own, op, entry, why) { try $0.remove(Array(key.bytes), revision > 0 ? revision : nil, $1) }
}

private func list(
    _ own: OpaquePointer?, _ op: jf_ref, _ given: UnsafePointer<jf_store_list>?,
    _ entries: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let raw = attach(UnsafeRawPointer(given), jf_store_list()) else { return Int32(JF_E_FAULT) }
    guard raw.flags >> 16 == 0, raw.most >= 1, raw.most <= JF_STORE_LIST_MOST,
        raw.prefix.len <= JF_STORE_KEY_MOST, raw.after.len <= JF_STORE_KEY_MOST
    else { return outOfBounds(why) }
    let list = StoreList(
        prefix: Array(raw.prefix.bytes), after: Array(raw.after.bytes), most: Int(raw.most),
        keysOnly: raw.flags & UInt32(JF_STORE_KEYS) != 0)
    return run(own, op, entries, why) { try $0.list(list, $1) }
}

private func add(
    _ own: OpaquePointer?, _ op: jf_ref, _ given: UnsafePointer<jf_store_add>?,
    _ entry: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let raw = attach(UnsafeRawPointer(given), jf_store_add()) else { return Int32(JF_E_FAULT) }
    guard isKey(raw.key), raw.flags >> 16 == 0, raw.ttl_ms <= JF_STORE_TTL_MOST else {
        return outOfBounds(why)
    }
    let add = StoreAdd(
        Array(raw.key.bytes), raw.delta, ttlMilliseconds: raw.ttl_ms > 0 ? raw.ttl_ms : nil)
    return run(own, op, entry, why) { try $0.add(add, $1) }
}

private func take(
    _ own: OpaquePointer?, _ op: jf_ref, _ given: UnsafePointer<jf_store_limit>?, _ count: UInt64,
    _ verdicts: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let given, count >= 1, count <= JF_STORE_TAKE_MOST else { return outOfBounds(why) }
    var limits: [StoreLimit] = []
    for raw in UnsafeBufferPointer(start: given, count: Int(count)) {
        guard isKey(raw.key), let kind = StoreLimit.Kind(rawValue: raw.kind), raw.period_ms >= 1,
            raw.period_ms <= JF_STORE_PERIOD_MOST, raw.rate <= JF_STORE_AMOUNT_MOST,
            raw.burst <= JF_STORE_AMOUNT_MOST, raw.cost <= JF_STORE_AMOUNT_MOST,
            kind == .bucket ? raw.rate >= 1 : raw.burst == 0
        else { return outOfBounds(why) }
        limits.append(
            StoreLimit(
                Array(raw.key.bytes), kind, burst: raw.burst, rate: raw.rate,
                periodMilliseconds: raw.period_ms, cost: raw.cost))
    }
    return run(own, op, verdicts, why) { try $0.take(limits, $1) }
}
