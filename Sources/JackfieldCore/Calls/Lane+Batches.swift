// SPDX-License-Identifier: Apache-2.0
// JSON-RPC batches, which 2025-03-26 alone has: taken apart on arrival, answered as a stream with one event per answer.

import CJackfield
import JSON
import MCP

/// Names a batch: the exchange that its answers go to.
struct BatchKey: Hashable {
    let client: UInt64
    let exchange: jf_ref
}

extension Lane {
    private static var batchLimit: Int { 100 }

    /// A message that is an array. Everywhere but in a session of 2025-03-26 that is no message.
    func receiveBatch(_ caller: Principal, _ client: Client, _ message: jf_message, _ root: JSONNode) {
        let session =
            client.isShared
            ? client.session : message.session.present.flatMap { sessions.find($0, of: caller) }
        if session == nil, seekSession(caller, client, message) { return }
        guard let session, session.revision == .v2025_03_26, root.count > 0, root.count <= Self.batchLimit
        else {
            return refuse(
                client, message, id: nil, .invalidRequest,
                "a message must be one JSON object; only 2025-03-26 has batches, of 1 to \(Self.batchLimit) messages",
                status: JF_STATUS_BAD_REQUEST)
        }
        // Each part is scanned on its own, which ends the life of this document: copy them first.
        var parts: [[UInt8]] = []
        var requests = 0
        for element in root.elements {
            if element.member("method")?.equals("initialize") == true {
                return refuse(
                    client, message, id: nil, .invalidRequest, "initialize must not be part of a batch",
                    status: JF_STATUS_BAD_REQUEST)
            }
            // What is no notification or answer gets an answer, if only an error.
            if element.member("id") != nil && element.member("method") != nil
                || element.member("method") == nil
                    && element.member("result") == nil && element.member("error") == nil
            {
                requests += 1
            }
            parts.append([UInt8](element.raw) + [UInt8](repeating: 32, count: JSONParser.padding))
        }
        if !client.isShared {
            if requests == 0 { return acknowledgeAll(caller, client, message, parts) }
            batches[BatchKey(client: client.handle, exchange: message.exchange)] = requests
            // The answer to an array is never a bare object (JSON-RPC 2.0, "Batch"): one answer is a stream, too.
            if requests == 1 {
                send(
                    client, exchange: message.exchange, UnsafeBufferPointer(start: nil, count: 0),
                    final: false)
            }
        }
        deliver(parts, caller, client, message)
    }

    /// Notifications only: delivered, then acknowledged once.
    private func acknowledgeAll(
        _ caller: Principal, _ client: Client, _ message: jf_message, _ parts: [[UInt8]]
    ) {
        // Kept from answering one by one by a batch that expects more than it gets.
        let key = BatchKey(client: client.handle, exchange: message.exchange)
        batches[key] = .max
        deliver(parts, caller, client, message)
        batches[key] = nil
        acknowledge(client, message)
    }

    private func deliver(_ parts: [[UInt8]], _ caller: Principal, _ client: Client, _ message: jf_message) {
        for part in parts where client.isOpen {
            part.withUnsafeBytes { bytes in
                var view = jf_view(UnsafeRawBufferPointer(rebasing: bytes.dropLast(JSONParser.padding)))
                withUnsafePointer(to: &view) { pointer in
                    var single = message
                    single.body = pointer
                    single.body_count = 1
                    single.flags |= UInt32(JF_MSG_PADDED)
                    receive(caller, client, single)
                }
            }
        }
    }

    /// One answer of a batch: an event of its stream, which ends with the last.
    func sendOfBatch(
        _ client: Client, _ exchange: jf_ref, _ parts: UnsafeBufferPointer<ByteSegment>, _ left: Int
    ) -> Int32 {
        // An acknowledgement has no body and is no answer.
        guard parts.count > 0 else { return Int32(JF_OK) }
        let key = BatchKey(client: client.handle, exchange: exchange)
        guard left > 1 else {
            batches[key] = nil
            return send(client, exchange: exchange, parts, final: true)
        }
        batches[key] = left - 1
        return send(client, exchange: exchange, parts, final: false)
    }
}
