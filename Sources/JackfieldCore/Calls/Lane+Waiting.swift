// SPDX-License-Identifier: Apache-2.0
// Requests held back while servers start, delivered again once every server had its chance to list.

import CJackfield
import CLinux
import JSON
import MCP

/// A request that came before every server had its chance to list. Delivered again, once.
struct WaitingRequest {
    let client: UInt64
    let exchange: jf_ref
    let flags: UInt32
    let body: [UInt8]
    let target: [UInt8]?
    let protocolVersion: [UInt8]?
    let method: [UInt8]?
    let name: [UInt8]?
    let session: [UInt8]?
    let resume: [UInt8]?
    let kind: UInt32
    /// One block of names and values, and where each stands in it.
    let headerText: [UInt8]
    let headers: [(name: Range<Int>, value: Range<Int>)]
    /// How many of these, the last ones, are `jf_message.fields`.
    let fieldCount: Int
}

extension Lane {
    // MARK: Waiting for the first listings

    /// Holds a message back while servers are still starting; true when it was taken. Bounded: beyond a thousand, and
    /// once every server has listed, failed or used up its time, nothing waits any more.
    func hold(_ client: Client, _ message: jf_message) -> Bool {
        guard !isSettled, waiting.count < 1000, waitingBytes < 64 << 20 else { return false }
        let request = WaitingRequest(client, message)
        waiting.append(request)
        waitingBytes += request.bytes
        return true
    }

    func dropWaiting(where isGone: (WaitingRequest) -> Bool) {
        if !waiting.isEmpty { waiting.removeAll(where: isGone) }
        if !identifying.isEmpty { dropUnknown(where: isGone) }
        keeping?.drop(where: isGone)
    }

    /// Every server had its chance: what waited is delivered again.
    func settle() {
        guard !isSettled else { return }
        isSettled = true
        let held = waiting
        waiting = []
        for request in held { request.lend { _ = clientDelivered(request.client, &$0) } }
        keeping?.resume()
    }
}

extension WaitingRequest {
    var bytes: Int { body.count + headerText.count }

    /// A copy of what a listener lends.
    init(_ client: Client, _ message: jf_message) {
        func copy(_ view: jf_view) -> [UInt8]? { view.present.map { [UInt8]($0) } }
        var headers: [(name: Range<Int>, value: Range<Int>)] = []
        var text: [UInt8] = []
        func append(_ pair: jf_pair) {
            let start = text.count
            text.append(contentsOf: pair.name.bytes)
            let middle = text.count
            text.append(contentsOf: pair.value.bytes)
            headers.append((start..<middle, middle..<text.count))
        }
        for at in 0..<Int(message.header_count) { if let pair = message.headers?[at] { append(pair) } }
        for at in 0..<Int(message.field_count) { if let pair = message.fields?[at] { append(pair) } }
        let body = message.body_count > 0 ? message.body.map { [UInt8]($0.pointee.bytes) } ?? [] : []
        self.client = client.handle
        exchange = message.exchange
        kind = message.kind
        flags = message.flags & ~UInt32(JF_MSG_PADDED)
        self.body = body
        target = copy(message.target)
        protocolVersion = copy(message.protocol)
        method = copy(message.method)
        name = copy(message.name)
        session = copy(message.session)
        resume = copy(message.resume)
        headerText = text
        self.headers = headers
        fieldCount = Int(message.field_count)
    }

    /// Lends the copy as a listener lends its message.
    func lend(_ body: (inout jf_message) -> Void) {
        var message = jf_message()
        message.size = UInt32(MemoryLayout<jf_message>.size)
        message.flags = flags
        message.kind = kind
        message.exchange = exchange
        func lend(_ bytes: [UInt8]?, _ body: (jf_view) -> Void) {
            guard let bytes else { return body(.absent) }
            // An empty array may have no address; an empty header must stay present.
            (bytes + [0]).withUnsafeBytes {
                body(jf_view(UnsafeRawBufferPointer(rebasing: $0[0..<bytes.count])))
            }
        }
        lend(target) {
            message.target = $0
            lend(protocolVersion) {
                message.protocol = $0
                lend(method) {
                    message.method = $0
                    lend(name) {
                        message.name = $0
                        lend(session) {
                            message.session = $0
                            lend(resume) {
                                message.resume = $0
                                lend(self.body) { view in
                                    var view = view
                                    withUnsafePointer(to: &view) { pointer in
                                        if !self.body.isEmpty {
                                            message.body = pointer
                                            message.body_count = 1
                                        }
                                        lendHeaders(&message, body)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private func lendHeaders(_ message: inout jf_message, _ body: (inout jf_message) -> Void) {
        headerText.withUnsafeBytes { text in
            let pairs = headers.map { name, value in
                jf_pair(
                    name: jf_view(UnsafeRawBufferPointer(rebasing: text[name])),
                    value: jf_view(UnsafeRawBufferPointer(rebasing: text[value])))
            }
            pairs.withUnsafeBufferPointer { pairs in
                let mirrored = pairs.count - fieldCount
                message.headers = pairs.baseAddress
                message.header_count = UInt64(mirrored)
                message.fields = pairs.baseAddress.map { $0 + mirrored }
                message.field_count = UInt64(fieldCount)
                body(&message)
            }
        }
    }
}
