// SPDX-License-Identifier: Apache-2.0
// Results that the gateway keeps in the store: in parts, since one value of a store has its bounds.

import CJackfield

/// Parts of a kept result: `KEY/0` has the length of all and the first bytes, `KEY/1` what follows, and so on.
enum KeptParts {
    static let size = Int(JF_STORE_VALUE_MOST)
    /// Parts outlive the first by so much, in milliseconds: who finds that one finds all.
    static let grace: UInt64 = 60_000
    static let head = MemoryLayout<UInt64>.size

    static func key(_ key: String, _ part: Int) -> [UInt8] { Array("\(key)/\(part)".utf8) }

    /// How many parts there are.
    static func count(_ bytes: Int) -> Int { max(1, (bytes + head + size - 1) / size) }
}

/// A result on its way into the store: the first part last.
final class KeptWriting {
    private let store: StoreBinding
    private let key: String
    private let ttl: UInt64
    private let bytes: [UInt8]
    private var left: Int
    private let done: (KeptWriting) -> Void
    private(set) var isDone = false

    init(
        _ store: StoreBinding, _ bytes: [UInt8], as key: String, for ttl: UInt64,
        _ done: @escaping (KeptWriting) -> Void
    ) {
        self.store = store
        self.key = key
        self.ttl = ttl
        self.bytes = withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { Array($0) } + bytes
        self.done = done
        left = KeptParts.count(bytes.count)
    }

    func next() {
        guard left > 0 else {
            isDone = true
            return done(self)
        }
        let at = left - 1
        let part = bytes[at * KeptParts.size..<min((at + 1) * KeptParts.size, bytes.count)]
        let ttl = min(ttl &+ (at == 0 ? 0 : KeptParts.grace), UInt64(JF_STORE_TTL_MOST))
        store.write(KeptParts.key(key, at), Array(part), ttl: ttl, .always) { [self] answer in
            guard answer.status == JF_OK else { return done(self) }
            left -= 1
            next()
        }
    }

    /// Removes what was written, as far as the store lets it.
    func undo() {
        // A write that failed may have been done all the same.
        for at in max(left - 1, 0)..<KeptParts.count(bytes.count - KeptParts.head) {
            store.erase(KeptParts.key(key, at), revision: 0) { _ in }
        }
    }
}

extension StoreBinding {
    /// Keeps bytes for `ttl` milliseconds; `done` is told once, later.
    func keep(
        _ bytes: [UInt8], as key: String, for ttl: UInt64, _ done: @escaping (KeptWriting) -> Void
    ) {
        KeptWriting(self, bytes, as: key, for: ttl, done).next()
    }

    /// What is kept; told once, later. JF_ABSENT: nothing, or not all of it any more; below 0: it is not known.
    func kept(as key: String, _ done: @escaping (_ status: Int32, [UInt8]) -> Void) {
        read(key, 0, [], of: 0, done)
    }

    private func read(
        _ key: String, _ at: Int, _ bytes: [UInt8], of count: Int,
        _ done: @escaping (_ status: Int32, [UInt8]) -> Void
    ) {
        read(KeptParts.key(key, at)) { [weak self] answer in
            guard let self, answer.status >= 0, let entry = answer.entry else {
                return done(answer.status < 0 ? answer.status : Int32(JF_ABSENT), [])
            }
            var value = entry.value[...]
            var bytes = bytes
            var count = count
            if at == 0 {
                guard value.count >= KeptParts.head else { return done(Int32(JF_ABSENT), []) }
                let length = value.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
                count = Int(clamping: UInt64(littleEndian: length))
                value = value.dropFirst(KeptParts.head)
            }
            bytes.append(contentsOf: value)
            if bytes.count == count { return done(Int32(JF_OK), bytes) }
            guard bytes.count < count, !value.isEmpty else { return done(Int32(JF_ABSENT), []) }
            self.read(key, at + 1, bytes, of: count, done)
        }
    }
}
