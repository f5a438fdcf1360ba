// SPDX-License-Identifier: Apache-2.0
// State that outlasts a call (jf.state/1): the configured store, with keys of the plugin's own.

import CJackfield

/// The configured store. Operations are answered on the lane, once, never from inside the method that begins
/// them; not at all when the plugin stops before. Keys are the plugin's own: others do not see them. [lane]
public struct State {
    private let services: HostServices
    private let table: jf_state_1

    fileprivate init(_ services: HostServices, _ table: jf_state_1) {
        self.services = services
        self.table = table
    }

    /// What an operation came to. A condition that does not hold is ``PluginError/Code/stale``.
    public typealias Done<Value> = (Result<Value, PluginError>) -> Void

    /// The entry of a key; nil: there is none.
    @discardableResult
    public func get(_ key: String, _ done: @escaping Done<StoreEntry?>) throws -> StateOperation {
        try begin({ done($0.map { readEntries($0).first }) }, absent: { done(.success(nil)) }) {
            table, user, ref in
            withView(key) { table.get(table.context, $0, stateDone, user, ref) }
        }
    }

    /// Keeps a value: its new entry, without the value.
    @discardableResult
    public func put(
        _ key: String, _ value: [UInt8], condition: StorePut.Condition = .none, for time: Duration? = nil,
        _ done: @escaping Done<StoreEntry>
    ) throws -> StateOperation {
        try begin({
            done($0.flatMap { readEntries($0).first.map { .success($0) } ?? .failure(.fault("no entry")) })
        }) {
            table, user, ref in
            var raw = jf_store_put()
            raw.size = UInt32(MemoryLayout<jf_store_put>.size)
            switch condition {
            case .none: break
            case .create: raw.flags = UInt32(JF_STORE_CREATE)
            case .match(let revision):
                raw.flags = UInt32(JF_STORE_MATCH)
                raw.revision = revision
            }
            raw.ttl_ms = (time?.nanoseconds ?? 0) / 1_000_000
            return withView(key) { key in
                value.withUnsafeBufferPointer { value in
                    raw.key = key
                    raw.value = jf_view(value)
                    return table.put(table.context, &raw, stateDone, user, ref)
                }
            }
        }
    }

    /// Forgets a key; false: there was none. `revision` nil: whatever it has.
    @discardableResult
    public func remove(
        _ key: String, revision: UInt64? = nil, _ done: @escaping Done<Bool>
    ) throws -> StateOperation {
        try begin({ done($0.map { _ in true }) }, absent: { done(.success(false)) }) { table, user, ref in
            withView(key) { table.remove(table.context, $0, revision ?? 0, stateDone, user, ref) }
        }
    }

    /// Entries whose keys begin with `prefix`, in the order of their keys; go on after the last one.
    @discardableResult
    public func list(
        prefix: String = "", after: String = "", most: Int = 100, keysOnly: Bool = false,
        _ done: @escaping Done<[StoreEntry]>
    ) throws -> StateOperation {
        try begin({ done($0.map { readEntries($0) }) }, absent: { done(.success([])) }) { table, user, ref in
            var raw = jf_store_list()
            raw.size = UInt32(MemoryLayout<jf_store_list>.size)
            raw.flags = keysOnly ? UInt32(JF_STORE_KEYS) : 0
            raw.most = UInt64(clamping: most)
            return withView(prefix) { prefix in
                withView(after) { after in
                    raw.prefix = prefix
                    raw.after = after.len > 0 ? after : .absent
                    return table.list(table.context, &raw, stateDone, user, ref)
                }
            }
        }
    }

    /// Adds to a counter, which begins at 0: the sum. `time`: how long it lives from its first change on.
    @discardableResult
    public func add(
        _ key: String, _ delta: Int64 = 1, for time: Duration? = nil, _ done: @escaping Done<Int64>
    ) throws -> StateOperation {
        try begin({ done($0.map { readEntries($0).first?.counter ?? 0 }) }, absent: { done(.success(0)) }) {
            table, user, ref in
            var raw = jf_store_add()
            raw.size = UInt32(MemoryLayout<jf_store_add>.size)
            raw.delta = delta
            raw.ttl_ms = (time?.nanoseconds ?? 0) / 1_000_000
            return withView(key) { key in
                raw.key = key
                return table.add(table.context, &raw, stateDone, user, ref)
            }
        }
    }

    /// Takes from all of the limits, or, where one has too little, from none: a verdict for each.
    @discardableResult
    public func take(_ limits: [StoreLimit], _ done: @escaping Done<[StoreVerdict]>) throws -> StateOperation
    {
        try begin({ done($0.map { readVerdicts($0) }) }) { table, user, ref in
            let keys = limits.flatMap(\.key)
            return keys.withUnsafeBufferPointer { keys in
                var at = 0
                let raw = limits.map { limit in
                    defer { at += limit.key.count }
                    return jf_store_limit(
                        key: jf_view(UnsafeBufferPointer(rebasing: keys[at..<at + limit.key.count])),
                        kind: limit.kind.rawValue, reserved: 0, burst: limit.burst, rate: limit.rate,
                        period_ms: limit.periodMilliseconds, cost: limit.cost)
                }
                return raw.withUnsafeBufferPointer {
                    table.take(table.context, $0.baseAddress, UInt64($0.count), stateDone, user, ref)
                }
            }
        }
    }

    private func begin(
        _ done: @escaping (Result<jf_view, PluginError>) -> Void, absent: (() -> Void)? = nil,
        _ slot: (jf_state_1, UnsafeMutableRawPointer, UnsafeMutablePointer<jf_ref>) -> Int32
    ) throws -> StateOperation {
        guard services.isRunning else { throw PluginError.gone("the plugin has stopped") }
        let operation = StateOperation(
            services, done, absent ?? { done(.failure(.fault("the store answered nothing"))) })
        services.leases[ObjectIdentifier(operation)] = operation
        let status = slot(table, Unmanaged.passUnretained(operation).toOpaque(), &operation.handle)
        guard status == JF_OK else {
            services.leases.removeValue(forKey: ObjectIdentifier(operation))
            throw PluginError(
                PluginError.Code(status: status), "the store takes no operation: status \(status)")
        }
        return operation
    }
}

/// An operation of ``State`` under way; the host keeps it alive. Confined to the lane.
public final class StateOperation: Lease {
    private let services: HostServices
    private var done: ((Result<jf_view, PluginError>) -> Void)?
    private var absent: (() -> Void)?
    fileprivate var handle: jf_ref = 0

    fileprivate init(
        _ services: HostServices, _ done: @escaping (Result<jf_view, PluginError>) -> Void,
        _ absent: @escaping () -> Void
    ) {
        self.services = services
        self.done = done
        self.absent = absent
    }

    /// Gives it up: its closure is not called. What it changes may be changed. Harmless when it is over. [lane]
    public func abandon() {
        guard done != nil else { return }
        services.leases.removeValue(forKey: ObjectIdentifier(self))
        end()
    }

    func end() {
        guard done != nil else { return }
        done = nil
        absent = nil
        if let table = services.stateService { table.abandon?(table.context, handle) }
    }

    fileprivate func finish(_ status: Int32, _ answer: jf_view, _ why: UnsafePointer<jf_fault>?) {
        services.leases.removeValue(forKey: ObjectIdentifier(self))
        guard let done, let absent else { return }
        self.done = nil
        self.absent = nil
        switch status {
        case Int32(JF_OK): done(.success(answer))
        case Int32(JF_ABSENT): absent()
        default:
            let fault = attach(UnsafeRawPointer(why), jf_fault.empty()) ?? .empty()
            done(.failure(PluginError(status, fault, "the store could not do it")))
        }
    }
}

extension Host {
    /// The configured store; nil: the host has none, or the manifest does not list `jf.state/1`. [lane]
    public var state: State? {
        guard let table = services.stateService, table.get != nil, table.put != nil, table.remove != nil,
            table.list != nil, table.add != nil, table.take != nil
        else { return nil }
        return State(services, table)
    }
}

private func stateDone(
    _ user: UnsafeMutableRawPointer?, _ operation: jf_ref, _ status: Int32, _ answer: jf_view,
    _ why: UnsafePointer<jf_fault>?
) {
    guard let user else { return }
    Unmanaged<StateOperation>.fromOpaque(user).takeUnretainedValue().finish(status, answer, why)
}
