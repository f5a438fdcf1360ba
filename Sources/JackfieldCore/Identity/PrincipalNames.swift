// SPDX-License-Identifier: Apache-2.0
// What principals have in common: who vouches for them, their roles, their scopes; kept once for all that have the same.

import CJackfield
import Synchronization

/// A provider's name and lists of names, as they are lent. Immutable; any thread. Found by `find`, and given back as often.
final class PrincipalNames: @unchecked Sendable {
    let provider: jf_view
    let roles: UnsafeBufferPointer<jf_view>
    let scopes: UnsafeBufferPointer<jf_view>
    private let memory: UnsafeMutableRawPointer
    /// 0: nobody else finds it.
    private var hash = 0
    /// How many hold it; guarded by `shared`.
    private var holders = 1

    private static let shared = Mutex<[Int: Unmanaged<PrincipalNames>]>([:])

    /// How many are known to be held.
    static var count: Int { shared.withLock { $0.count } }

    /// The only ones with these names, unless two lists have one hash.
    static func find(provider: String, roles: [String], scopes: [String]) -> PrincipalNames {
        var hasher = Hasher()
        hasher.combine(provider)
        hasher.combine(roles)
        hasher.combine(scopes)
        let hash = hasher.finalize()
        return shared.withLock { table in
            if let known = table[hash]?.takeUnretainedValue() {
                guard known.isOf(provider, roles, scopes) else {
                    return PrincipalNames(provider, roles, scopes)
                }
                known.holders += 1
                return known
            }
            let names = PrincipalNames(provider, roles, scopes)
            names.hash = hash
            table[hash] = .passUnretained(names)
            return names
        }
    }

    /// To be called once by each holder, before it lets go: the last takes the names out of the table.
    func giveBack() {
        PrincipalNames.shared.withLock { table in
            holders -= 1
            if holders == 0, table[hash]?.toOpaque() == Unmanaged.passUnretained(self).toOpaque() {
                table[hash] = nil
            }
        }
    }

    private init(_ provider: String, _ roles: [String], _ scopes: [String]) {
        let lists = roles + scopes
        let head = lists.count * MemoryLayout<jf_view>.stride
        let bytes = lists.reduce(provider.utf8.count) { $0 + $1.utf8.count }
        memory = .allocate(byteCount: max(head + bytes, 1), alignment: 16)
        var place = memory + head
        func keep(_ text: String) -> jf_view {
            var text = text
            return text.withUTF8 { utf8 in
                if let base = utf8.baseAddress { place.copyMemory(from: base, byteCount: utf8.count) }
                defer { place += utf8.count }
                return jf_view(UnsafeRawBufferPointer(start: place, count: utf8.count))
            }
        }
        self.provider = keep(provider)
        let list = memory.bindMemory(to: jf_view.self, capacity: lists.count)
        for (at, text) in lists.enumerated() { (list + at).initialize(to: keep(text)) }
        self.roles = UnsafeBufferPointer(start: list, count: roles.count)
        self.scopes = UnsafeBufferPointer(start: list + roles.count, count: scopes.count)
    }

    deinit { memory.deallocate() }

    private func isOf(_ provider: String, _ roles: [String], _ scopes: [String]) -> Bool {
        func same(_ views: UnsafeBufferPointer<jf_view>, _ texts: [String]) -> Bool {
            views.count == texts.count && zip(views, texts).allSatisfy { $0.isText($1) }
        }
        return self.provider.isText(provider) && same(self.roles, roles) && same(self.scopes, scopes)
    }
}
