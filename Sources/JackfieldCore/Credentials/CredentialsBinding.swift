// SPDX-License-Identifier: Apache-2.0
// How the gateway is let in at one server: what its source supplied, for whom, and for how long.

import CJackfield
import Glibc
import JSON

/// A server's source of credentials on one lane.
final class CredentialsBinding: ModuleBinding {
    struct Key: Hashable {
        /// `Principal.key`; empty: the gateway itself, or everybody.
        let principal: String
        let endpoint: UInt64
    }

    /// Bounds what is remembered; beyond, it is asked for again.
    private static let most = 10_000

    private var supplies: [Key: Supply] = [:]
    /// What is to be done once a supply that was asked for is there.
    var waiting: [Key: [(Authorization) -> Void]] = [:]
    /// Some principal got credentials of its own: its sessions are its own, too.
    private(set) var isPersonal = false

    override func repointed() { supplies = [:] }

    func find(_ caller: Principal, _ endpoint: UInt64, now: UInt64) -> Supply? {
        guard !supplies.isEmpty else { return nil }
        let key = Key(principal: caller.key, endpoint: endpoint)
        if let own = supplies[key] {
            if now < own.until { return own }
            supplies[key] = nil
        }
        guard !caller.isNobody, let common = supplies[Key(principal: "", endpoint: endpoint)],
            common.isShared, now < common.until
        else { return nil }
        return common
    }

    func keep(_ supply: Supply, _ key: Key, now: UInt64) {
        if supplies.count >= Self.most {
            supplies = supplies.filter { now < $0.value.until }
            if supplies.count >= Self.most { supplies = [:] }
        }
        if !supply.isShared, !key.principal.isEmpty { isPersonal = true }
        supplies[supply.isShared ? Key(principal: "", endpoint: key.endpoint) : key] = supply
    }

    func forget(_ caller: Principal, _ endpoint: UInt64) {
        if let known = supplies.removeValue(forKey: Key(principal: caller.key, endpoint: endpoint)),
            !known.isShared
        {
            return
        }
        let common = Key(principal: "", endpoint: endpoint)
        if supplies[common]?.isShared == true { supplies[common] = nil }
    }

    /// - Parameter principal: nil: everything.
    func forget(principal: String?) {
        guard let principal else { return supplies = [:] }
        supplies = supplies.filter { $0.key.principal != principal }
    }
}

/// What asking a source came to.
enum Authorization {
    case ready
    /// The user must open a URL first.
    case connect(Connect)
    /// This principal gets none.
    case denied(String)
    case failed(String, retry: UInt32)
}

/// Where a user has to agree.
struct Connect {
    let id: String
    let url: String
    let message: String

    /// The error object by which a server of 2025-11-25 asks for it.
    var error: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("code")
        writer.value(-32042)
        writer.key("message")
        writer.value(message)
        writer.key("data")
        writer.raw(data)
        writer.endObject()
        return writer.bytes
    }

    var data: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("elicitations")
        writer.beginArray()
        writer.beginObject()
        for (key, value) in [("mode", "url"), ("elicitationId", id), ("url", url), ("message", message)] {
            writer.key(key)
            writer.value(value)
        }
        writer.endObject()
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }
}

/// Header fields that let a request in. Wiped when nobody holds them any more.
final class Supply {
    let fields: UnsafeBufferPointer<jf_pair>
    /// Monotonic nanoseconds.
    let until: UInt64
    /// They are good for every principal.
    let isShared: Bool
    private let memory: UnsafeMutableRawBufferPointer
    private let pairs: UnsafeMutablePointer<jf_pair>

    init(_ headers: [(name: String, value: String)], until: UInt64, isShared: Bool) {
        let bytes = headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes, 1), alignment: 1)
        pairs = .allocate(capacity: max(headers.count, 1))
        var place = 0
        func keep(_ text: String) -> jf_view {
            let start = place
            for byte in text.utf8 {
                memory[place] = byte
                place += 1
            }
            return jf_view(UnsafeRawBufferPointer(rebasing: memory[start..<place]))
        }
        for (at, header) in headers.enumerated() {
            (pairs + at).initialize(to: jf_pair(name: keep(header.name), value: keep(header.value)))
        }
        self.memory = memory
        self.until = until
        self.isShared = isShared
        fields = UnsafeBufferPointer(start: pairs, count: headers.count)
    }

    deinit {
        if let base = memory.baseAddress { explicit_bzero(base, memory.count) }
        memory.deallocate()
        pairs.deallocate()
    }
}
