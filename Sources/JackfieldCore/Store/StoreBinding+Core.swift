// SPDX-License-Identifier: Apache-2.0
// What the gateway itself keeps in the store: entries under keys that begin with a slash, which no plugin's do.

import CJackfield

/// How an operation of the gateway's own ended.
struct StoreAnswer {
    let status: Int32
    /// The entry; of a `put` it has no value. Nil: there is none, or the status says why not.
    var entry: StoreEntry?
    var message = ""
    /// When another try is worth it, in milliseconds; 0: not said.
    var retry: UInt32 = 0
}

/// An entry, copied.
struct StoreEntry {
    let revision: UInt64
    let value: [UInt8]

    /// Reads an answer of one entry. Nil: it is none, or another key's.
    init?(_ answer: UnsafeRawBufferPointer, of key: [UInt8]) {
        let head = MemoryLayout<jf_store_entry>.size
        guard answer.count >= head else { return nil }
        let entry = answer.loadUnaligned(as: jf_store_entry.self)
        let start = head + Int(entry.key_len)
        guard Int(entry.key_len) == key.count, start + Int(entry.value_len) <= answer.count,
            answer[head..<start].elementsEqual(key)
        else { return nil }
        revision = entry.revision
        value = [UInt8](answer[start..<start + Int(entry.value_len)])
    }
}

/// Where a `put` holds.
enum StoreCondition {
    case always
    case absent
    case revision(UInt64)
}

extension StoreBinding {
    /// - Parameter done: on the lane, later, once.
    func read(_ key: [UInt8], _ done: @escaping (StoreAnswer) -> Void) {
        operate(key, done) { own, store, operation, view, blob, fault in
            store.get?(own, operation, view, &blob, &fault)
        }
    }

    /// - Parameter ttl: milliseconds.
    func write(
        _ key: [UInt8], _ value: [UInt8], ttl: UInt64, _ condition: StoreCondition,
        _ done: @escaping (StoreAnswer) -> Void
    ) {
        var put = jf_store_put()
        put.size = UInt32(MemoryLayout<jf_store_put>.size)
        put.ttl_ms = ttl
        switch condition {
        case .always: break
        case .absent: put.flags = UInt32(JF_STORE_CREATE)
        case .revision(let revision):
            put.flags = UInt32(JF_STORE_MATCH)
            put.revision = revision
        }
        operate(key, done) { own, store, operation, view, blob, fault in
            value.withUnsafeBytes { value in
                put.key = view
                put.value = jf_view(value)
                return store.put?(own, operation, &put, &blob, &fault)
            }
        }
    }

    /// - Parameter revision: 0: whatever it has.
    func erase(_ key: [UInt8], revision: UInt64, _ done: @escaping (StoreAnswer) -> Void) {
        operate(key, done) { own, store, operation, view, blob, fault in
            store.remove?(own, operation, view, revision, &blob, &fault)
        }
    }

    private func operate(
        _ key: [UInt8], _ done: @escaping (StoreAnswer) -> Void,
        _ slot: (OpaquePointer, jf_store_1, jf_ref, jf_view, inout jf_blob, inout jf_fault) -> Int32?
    ) {
        var asked = StateOperation(asker: nil, done: nil, user: nil, hasEntries: false)
        asked.core = { answer in
            var own = StoreAnswer(
                status: answer.status, message: answer.message, retry: answer.retry)
            if answer.status == JF_OK { own.entry = StoreEntry(answer.blob.bytes, of: key) }
            done(own)
        }
        let status = key.withUnsafeBytes { bytes in
            begin(asked, nil) { own, store, operation, blob, fault in
                slot(own, store, operation, jf_view(bytes), &blob, &fault) ?? Int32(JF_E_UNSUPPORTED)
            }
        }
        guard status != JF_OK else { return }
        lane.loop.later {
            done(StoreAnswer(status: status, message: "the store takes no more at the moment"))
        }
    }

    /// Hears of changes of keys that begin with a prefix, for as long as the gateway runs. False: this store cannot tell.
    /// - Parameter told: on the lane. The key, nil: anything may have changed; and its revision, 0: gone, or not known.
    func watch(own prefix: [UInt8], _ told: @escaping ([UInt8]?, UInt64) -> Void) -> Bool {
        guard let own = use.instance.own, let slot = use.instance.store?.watch else { return false }
        lastWatch += 1
        let watch = lastWatch
        watches[watch] = StateWatch(asker: nil, changed: nil, user: nil, prefix: prefix, told: told)
        var fault = jf_fault.empty()
        let status = prefix.withUnsafeBytes { slot(own, watch, jf_view($0), &fault) }
        if status != JF_OK { watches[watch] = nil }
        return status == JF_OK
    }
}
