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
    /// One block of names and values, and where each stands in it.
    let headerText: [UInt8]
    let headers: [(name: Range<Int>, value: Range<Int>)]
}

extension Lane {
    // MARK: Waiting for the first listings

    /// Holds a message back while servers are still starting; true when it was taken. Bounded: beyond a thousand, and
    /// once every server has listed, failed or used up its time, nothing waits any more.
    func hold(_ client: Client, _ message: jf_message) -> Bool {
        guard !isSettled, waiting.count < 1000, waitingBytes < 64 << 20 else { return false }
        func copy(_ view: jf_view) -> [UInt8]? { view.present.map { [UInt8]($0) } }
        var headers: [(name: Range<Int>, value: Range<Int>)] = []
        var text: [UInt8] = []
        for at in 0..<Int(message.header_count) {
            guard let pair = message.headers?[at] else { break }
            let start = text.count
            text.append(contentsOf: pair.name.bytes)
            let middle = text.count
            text.append(contentsOf: pair.value.bytes)
            headers.append((start..<middle, middle..<text.count))
        }
        let body = message.body_count > 0 ? message.body.map { [UInt8]($0.pointee.bytes) } ?? [] : []
        waiting.append(
            WaitingRequest(
                client: client.handle, exchange: message.exchange,
                flags: message.flags & ~UInt32(JF_MSG_PADDED),
                body: body, target: copy(message.target), protocolVersion: copy(message.protocol),
                method: copy(message.method), name: copy(message.name), session: copy(message.session),
                headerText: text, headers: headers))
        waitingBytes += body.count + text.count
        return true
    }

    private func redeliver(_ request: WaitingRequest, _ message: inout jf_message) {
        request.headerText.withUnsafeBytes { text in
            let pairs = request.headers.map { name, value in
                jf_pair(
                    name: jf_view(UnsafeRawBufferPointer(rebasing: text[name])),
                    value: jf_view(UnsafeRawBufferPointer(rebasing: text[value])))
            }
            pairs.withUnsafeBufferPointer { pairs in
                message.headers = pairs.baseAddress
                message.header_count = UInt64(pairs.count)
                _ = clientDelivered(request.client, &message)
            }
        }
    }

    func dropWaiting(where isGone: (WaitingRequest) -> Bool) {
        if !waiting.isEmpty { waiting.removeAll(where: isGone) }
    }

    /// Every server had its chance: what waited is delivered again.
    func settle() {
        guard !isSettled else { return }
        isSettled = true
        let held = waiting
        waiting = []
        for request in held { redeliver(request) }
    }

    private func redeliver(_ request: WaitingRequest) {
        var message = jf_message()
        message.size = UInt32(MemoryLayout<jf_message>.size)
        message.flags = request.flags
        message.exchange = request.exchange
        func lend(_ bytes: [UInt8]?, _ body: (jf_view) -> Void) {
            guard let bytes else { return body(.absent) }
            // An empty array may have no address; an empty header must stay present.
            (bytes + [0]).withUnsafeBytes {
                body(jf_view(UnsafeRawBufferPointer(rebasing: $0[0..<bytes.count])))
            }
        }
        lend(request.target) {
            message.target = $0
            lend(request.protocolVersion) {
                message.protocol = $0
                lend(request.method) {
                    message.method = $0
                    lend(request.name) {
                        message.name = $0
                        lend(request.session) {
                            message.session = $0
                            lend(request.body) { body in
                                var body = body
                                withUnsafePointer(to: &body) { pointer in
                                    message.body = pointer
                                    message.body_count = 1
                                    redeliver(request, &message)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
