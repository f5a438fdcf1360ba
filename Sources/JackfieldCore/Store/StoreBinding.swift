// SPDX-License-Identifier: Apache-2.0
// The configured store on one lane: operations of plugins, their ends, and whether it answers.

import CJackfield
import CLinux

/// One instance of the store's plugin, until its last operation is over. Belongs to its lane.
final class StoreUse: OperationOwner {
    let instance: PluginInstance
    /// Operations that it has not finished, given up or not.
    private(set) var owed = 0
    private var isLeft = false

    init(_ instance: PluginInstance) {
        self.instance = instance
        instance.bindings += 1
    }

    func take() { owed += 1 }

    func release() {
        owed -= 1
        endIfOver()
    }

    func leave() {
        isLeft = true
        endIfOver()
    }

    private func endIfOver() {
        guard isLeft, owed == 0 else { return }
        isLeft = false
        instance.bindings -= 1
    }

    func cancel(_ operation: UInt64) {
        if let own = instance.own { instance.store?.cancel?(own, operation) }
    }
}

/// An operation that somebody waits for.
struct StateOperation {
    /// Nil: the gateway itself.
    let asker: PluginInstance?
    let done: jf_state_done_fn?
    let user: UnsafeMutableRawPointer?
    /// The answer is entries, with keys.
    let hasEntries: Bool
    /// Of the gateway's own operations: what it does with the end.
    var core: ((ModuleAnswer) -> Void)?
}

/// What leads plugins to the store. Confined to its lane (`@unchecked Sendable` to travel in what the loop runs).
final class StoreBinding: @unchecked Sendable {
    unowned let lane: Lane
    let plan: StorePlan
    let keys = StateKeys()
    private(set) var use: StoreUse
    private var replaced: StoreUse?
    private var open: [UInt64: StateOperation] = [:]
    var watches: [UInt64: StateWatch] = [:]
    var lastWatch: UInt64 = 0
    /// Nil: nothing is known yet. And why it is down.
    private var isUp: Bool?
    private var why = ""
    /// Something was answered since it was last looked.
    private var wasHeard = false

    init(_ instance: PluginInstance, _ lane: Lane, _ plan: StorePlan) {
        self.lane = lane
        self.plan = plan
        use = StoreUse(instance)
        lane.loop.post { [weak self] in self?.look() }
    }

    // MARK: Operations

    /// Begins an operation. Its end comes later in every case.
    func begin(
        _ asked: StateOperation, _ out: UnsafeMutablePointer<jf_ref>?,
        _ slot: (OpaquePointer, jf_store_1, jf_ref, inout jf_blob, inout jf_fault) -> Int32
    ) -> Int32 {
        // What was given up and is still owed counts: a store that never answers is not asked without end.
        guard use.owed < plan.operations, open.count < plan.operations else { return Int32(JF_E_BUSY) }
        guard let own = use.instance.own, let store = use.instance.store else { return Int32(JF_E_GONE) }
        let (now, operation) = lane.operate { slot(own, store, $0, &$1, &$2) }
        open[operation] = asked
        out?.pointee = operation
        if let now {
            lane.loop.later { [self] in
                ended(operation, now)
                var blob = now.blob
                blob.dropOnce()
            }
        } else {
            lane.wait(for: operation, of: use, until: jf_monotonic_ns() &+ plan.timeout) { [weak self] in
                self?.ended(operation, $0)
            }
        }
        return Int32(JF_OK)
    }

    private func ended(_ operation: UInt64, _ answer: ModuleAnswer) {
        note(answer)
        guard let it = open.removeValue(forKey: operation) else { return }
        if let core = it.core { return core(answer) }
        guard let asker = it.asker, asker.own != nil else { return }
        var fault = jf_fault.empty()
        if answer.status < 0, answer.status != JF_E_STALE {
            fault.set(
                answer.status, answer.message, flags: answer.isUntouched ? UInt32(JF_FAULT_NOT_STARTED) : 0)
            fault.retry_ms = answer.retry
            it.done?(it.user, operation, answer.status, .absent, &fault)
            return
        }
        guard it.hasEntries, answer.status == JF_OK else {
            it.done?(it.user, operation, answer.status, jf_view(answer.blob.bytes), nil)
            return
        }
        guard let entries = StateKeys.entries(answer.blob.bytes, of: asker.id) else {
            lane.log.write(
                .error, "the store answered with something else than a plugin's entries",
                [.init("kind", plan.kind), .init("plugin", asker.id)])
            fault.set(Int32(JF_E_FAULT), "the store answered with something else than entries")
            it.done?(it.user, operation, Int32(JF_E_FAULT), .absent, &fault)
            return
        }
        entries.withUnsafeBytes { it.done?(it.user, operation, answer.status, jf_view($0), nil) }
    }

    /// A plugin does not want to hear of its operation any more.
    func abandon(_ operation: UInt64, of asker: PluginInstance) {
        guard open[operation]?.asker === asker else { return }
        open[operation] = nil
        lane.giveUp(operation)
    }

    /// An instance goes: nothing is told to it any more.
    func forget(_ asker: PluginInstance) {
        for (operation, it) in open where it.asker === asker { abandon(operation, of: asker) }
        for (watch, it) in watches where it.asker === asker { unwatch(watch, of: asker) }
    }

    // MARK: Health

    /// It answers, as far as is known.
    var isThere: Bool { isUp != false }

    /// Asks whether it is there, unless somebody heard of it just now, and again after a while.
    private func look() {
        if isUp != true || !wasHeard {
            let nobody = StateOperation(asker: nil, done: nil, user: nil, hasEntries: false)
            // No plugin's key: they begin with an id.
            _ = begin(nobody, nil) { own, store, operation, blob, fault in
                store.get?(own, operation, jf_view("/probe"), &blob, &fault) ?? Int32(JF_E_UNSUPPORTED)
            }
        }
        wasHeard = false
        let soon: UInt64 = 500_000_000
        lane.loop.after(isUp == true ? plan.probe : min(plan.probe, soon)) { [weak self] in self?.look() }
    }

    private func note(_ answer: ModuleAnswer) {
        wasHeard = true
        switch Int(answer.status) {
        case JF_E_GONE, JF_E_TIMEOUT, JF_E_DENIED, JF_E_FAULT:
            let text = answer.message.isEmpty ? statusName(answer.status) : answer.message
            guard isUp != false || why != text else { return }
            isUp = false
            why = text
            lane.gateway.storeHealth?.report(lane.index, text)
        default:
            guard isUp != true else { return }
            isUp = true
            lane.gateway.storeHealth?.report(lane.index, nil)
        }
    }

    // MARK: Swaps

    /// Why another build cannot take over; nil: it can, or is another plugin's.
    func problem(_ instance: PluginInstance) -> String? {
        guard instance.id == use.instance.id, instance.store == nil else { return nil }
        return "the new build of \(instance.id) offers no jf.store/1 where it runs"
    }

    /// Leads to another build of the store's plugin; the way back stays open.
    func repoint(to instance: PluginInstance) {
        guard instance.id == use.instance.id, instance !== use.instance else { return }
        replaced?.leave()
        let old = use
        replaced = old
        use = StoreUse(instance)
        carryWatches(from: old.instance)
    }

    func repointBack(_ id: String) {
        guard use.instance.id == id, let back = replaced else { return }
        let new = use
        use = back
        replaced = nil
        carryWatches(from: new.instance)
        new.leave()
    }

    func forgetReplaced(_ id: String) {
        guard use.instance.id == id else { return }
        replaced?.leave()
        replaced = nil
    }
}
