// SPDX-License-Identifier: Apache-2.0
// `requestState` of our own: what a retry must prove before it gets hold of a parked call. Sealed, so that clients can
// neither read nor make one (MCP 2026-07-28, Multi Round-Trip Requests: "treat as hostile").

import CJackfield
import CLinux
import JSON
import MCP

/// The contents of a sealed state. It expires, and is good for one gateway process, one round and one request.
struct RequestState: Equatable {
    enum Kind: UInt8 {
        /// An upstream call waits for the answers.
        case parked = 1
        /// Nothing waits: the call ended with -32042 and is made again (MCP 2025-11-25, URL mode).
        case repeated = 2
    }

    var kind = Kind.parked
    /// Which process sealed it.
    var instance: UInt64 = 0
    var lane: UInt32 = 0
    var call: UInt64 = 0
    var round: UInt32 = 0
    /// Seconds since 1970.
    var expiry: UInt64 = 0
    /// SHA-256 of the request that it belongs to.
    var digest: [UInt8] = []
    /// `repeated`: the questions, raw JSON of an `inputRequests` object.
    var questions: [UInt8] = []

    private static let version: UInt8 = 1
    private static let size = 2 + 8 + 4 + 8 + 4 + 8 + 32

    var bytes: [UInt8] {
        var out: [UInt8] = [Self.version, kind.rawValue]
        func put<I: FixedWidthInteger>(_ value: I) {
            withUnsafeBytes(of: value.littleEndian) { out.append(contentsOf: $0) }
        }
        put(instance)
        put(lane)
        put(call)
        put(round)
        put(expiry)
        out.append(contentsOf: digest)
        out.append(contentsOf: questions)
        return out
    }

    init() {}

    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.size, bytes[0] == Self.version, let kind = Kind(rawValue: bytes[1]) else {
            return nil
        }
        func take<I: FixedWidthInteger>(_ offset: Int) -> I {
            I(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: I.self))
        }
        self.kind = kind
        instance = take(2)
        lane = take(10)
        call = take(14)
        round = take(22)
        expiry = take(26)
        digest = [UInt8](bytes[34..<66])
        questions = [UInt8](bytes[66...])
    }
}

extension Lane {
    /// The sealing services on this lane: what the current plugin offers, then its other generations, which open what
    /// they sealed.
    private var sealing: [jf_seal_1] {
        offeredServices(JF_SEAL_1).map { attach($0, as: jf_seal_1.self, empty: jf_seal_1()) }
    }

    /// Seals bytes for a principal; text that is safe in JSON. Nil when no plugin can: the log says why.
    func seal(_ plain: [UInt8], for principal: String) -> [UInt8]? {
        guard let sealing = sealing.first, let slot = sealing.seal else {
            log.write(.error, "nothing can be sealed: no plugin offers jf.seal/1; install seal-openssl")
            return nil
        }
        var blob = jf_blob.none
        var fault = jf_fault.empty()
        let status = plain.withUnsafeBytes { plain in
            withView(principal) { slot(sealing.context, jf_view(plain), $0, &blob, &fault) }
        }
        defer { blob.dropOnce() }
        guard status == JF_OK else {
            log.write(
                .error, "sealing failed",
                [.init("why", fault.message.isEmpty ? statusName(status) : fault.message)])
            return nil
        }
        return [UInt8](blob.bytes)
    }

    /// Opens what `seal` made for the same principal; nil for everything else.
    func open(sealed: UnsafeRawBufferPointer, for principal: String) -> [UInt8]? {
        guard sealed.count <= 128 << 10 else { return nil }
        for sealing in sealing {
            guard let slot = sealing.open else { continue }
            var blob = jf_blob.none
            var fault = jf_fault.empty()
            let status = withView(principal) {
                slot(sealing.context, jf_view(sealed), $0, &blob, &fault)
            }
            defer { blob.dropOnce() }
            if status == JF_OK { return [UInt8](blob.bytes) }
        }
        return nil
    }

    /// The state in a retry, if it is ours, of this process, in time, and for this very request.
    func requestState(_ node: JSONNode, _ digest: SHA256Digest, _ principal: String) -> RequestState? {
        guard node.kind == .string, !node.hasEscapes,
            let plain = open(sealed: node.content, for: principal),
            let state = plain.withUnsafeBytes({ RequestState($0) })
        else { return nil }
        guard state.instance == gateway.identity, state.expiry > jf_realtime_ns() / 1_000_000_000,
            state.digest == digest.bytes, Int(state.lane) < laneCount
        else { return nil }
        return state
    }

    func digest(_ method: Method, _ params: JSONNode?) -> SHA256Digest {
        RequestDigest.canonical(method, params).withUnsafeBytes { SHA256.digest(of: $0) }
    }
}

extension SHA256Digest {
    /// The 32 bytes, H0 first, most significant byte first.
    var bytes: [UInt8] {
        var out: [UInt8] = []
        for index in words.indices {
            withUnsafeBytes(of: words[index].bigEndian) { out.append(contentsOf: $0) }
        }
        return out
    }
}
