// SPDX-License-Identifier: Apache-2.0
// Plugins' keys in the one store: an id and a slash stand in front of each, so that plugins never meet.

import CJackfield
import Glibc

/// Room of one lane to write keys in, for the time of one slot.
final class StateKeys {
    private static let most = Int(JF_STORE_KEY_MOST)
    /// Keys of a take, or the two of a list.
    private let bytes = UnsafeMutablePointer<UInt8>.allocate(
        capacity: StateKeys.most * Int(JF_STORE_TAKE_MOST))
    private var used = 0
    let limits = UnsafeMutablePointer<jf_store_limit>.allocate(capacity: Int(JF_STORE_TAKE_MOST))

    deinit {
        bytes.deallocate()
        limits.deallocate()
    }

    /// The bytes that the slash adds.
    static func length(of id: String) -> Int { id.utf8.count + 1 }

    /// A plugin's key as the store has it, good until the next `reset`. Nil: it is longer than keys may be.
    func key(_ id: String, _ key: jf_view) -> jf_view? {
        var id = id
        return id.withUTF8 { id -> jf_view? in
            // Not the sum: a length comes from a plugin.
            guard let base = id.baseAddress, key.len <= UInt64(StateKeys.most - id.count - 1) else {
                return nil
            }
            let start = bytes + used
            memcpy(start, base, id.count)
            start[id.count] = 47
            if let from = key.ptr { memcpy(start + id.count + 1, from, Int(key.len)) }
            let length = id.count + 1 + Int(key.len)
            used += length
            return jf_view(ptr: start, len: UInt64(length))
        }
    }

    /// Forgets all keys.
    func reset() { used = 0 }

    /// The limits of a take under a plugin's own keys. Nil: one of the keys is empty or too long.
    func limits(
        _ id: String, _ asked: UnsafePointer<jf_store_limit>, _ count: Int
    ) -> UnsafePointer<jf_store_limit>? {
        for at in 0..<count {
            guard asked[at].key.ptr != nil, asked[at].key.len > 0, let own = key(id, asked[at].key) else {
                return nil
            }
            limits[at] = asked[at]
            limits[at].key = own
        }
        return UnsafePointer(limits)
    }

    /// Entries as their plugin knows them: without the id in their keys. Nil: that is no answer of entries, or holds
    /// somebody else's.
    static func entries(_ answer: UnsafeRawBufferPointer, of id: String) -> [UInt8]? {
        let head = MemoryLayout<jf_store_entry>.size
        let prefix = Array(id.utf8) + [47]
        var entries: [UInt8] = []
        entries.reserveCapacity(answer.count)
        var at = 0
        while at < answer.count {
            guard answer.count - at >= head else { return nil }
            var entry = answer.loadUnaligned(fromByteOffset: at, as: jf_store_entry.self)
            let key = Int(entry.key_len)
            let value = Int(entry.value_len)
            let size = (head + key + value + 7) / 8 * 8
            guard size <= answer.count - at, key >= prefix.count,
                answer[at + head..<at + head + prefix.count].elementsEqual(prefix)
            else { return nil }
            entry.key_len -= UInt32(prefix.count)
            withUnsafeBytes(of: &entry) { entries.append(contentsOf: $0) }
            entries.append(contentsOf: answer[at + head + prefix.count..<at + head + key + value])
            while entries.count % 8 != 0 { entries.append(0) }
            at += size
        }
        return entries
    }
}
