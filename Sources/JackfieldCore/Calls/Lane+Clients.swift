// SPDX-License-Identifier: Apache-2.0
// Clients as their transport reports them: connected, sent a message, stopped waiting, left.

import CJackfield
import JSON
import MCP

extension Lane {
    func clientOpened(
        _ instance: PluginInstance, _ info: jf_client_info, _ out: UnsafeMutablePointer<jf_ref>
    ) -> Int32 {
        let client = Client(
            instance, isShared: info.flags & UInt32(JF_CLIENT_SHARED) != 0,
            isSole: info.flags & UInt32(JF_CLIENT_SOLE) != 0, address: info.address.string)
        client.isSecure = info.flags & UInt32(JF_CLIENT_SECURE) != 0
        if let certificate = info.certificate.present { client.certificate = [UInt8](certificate) }
        guard let handle = clients.insert(client) else { return Int32(JF_E_BUSY) }
        client.handle = handle
        out.pointee = handle
        return Int32(JF_OK)
    }

    /// A whole message: checked, understood, and answered, routed or refused before this returns.
    func clientDelivered(_ handle: jf_ref, _ pointer: UnsafePointer<jf_message>) -> Int32 {
        guard let client = clients[handle] else { return Int32(JF_E_STALE) }
        let message = attach(UnsafeRawPointer(pointer), as: jf_message.self, empty: jf_message())
        if let caller = identify(client, message) { take(message, of: client, for: caller) }
        return Int32(JF_OK)
    }

    /// A message of somebody who is known, or of nobody where that is allowed.
    func take(_ message: jf_message, of client: Client, for caller: Principal) {
        switch Int(message.kind) {
        case JF_KIND_STREAM: openLegacyStream(caller, client, message)
        case JF_KIND_END: endLegacySession(caller, client, message)
        default: receive(caller, client, message)
        }
    }

    func receive(_ caller: Principal, _ client: Client, _ message: jf_message) {
        let body = paddedBody(message)
        let document: JSONDocument
        do {
            guard body.count <= limits.message else {
                return refuse(
                    client, message, id: nil, .invalidRequest,
                    "the message is larger than \(limits.message) bytes", status: JF_STATUS_TOO_LARGE)
            }
            document = try requestParser.parse(body, recordDepth: 6)
        } catch {
            return refuse(
                client, message, id: nil, .parse, "the message is not valid JSON: \(error)",
                status: JF_STATUS_BAD_REQUEST)
        }
        if document.root.kind == .array { return receiveBatch(caller, client, message, document.root) }
        do {
            let envelope = try Envelope.read(document.root)
            handle(caller, client, message, envelope, body)
        } catch let problem {
            refuse(
                client, message, id: problem.id.map { UnsafeRawBufferPointer(rebasing: body[$0]) },
                .invalidRequest, "\(problem.message)",
                status: JF_STATUS_BAD_REQUEST)
        }
    }

    /// The client stopped waiting for one exchange. In the modern era that cancels the call; before, it does not: the
    /// call runs on and its answer is dropped.
    func clientExchangeGone(_ handle: jf_ref, _ exchange: jf_ref) {
        guard let client = clients[handle] else { return }
        streamGone(handle, exchange)
        dropWaiting { $0.client == handle && $0.exchange == exchange }
        batches[BatchKey(client: handle, exchange: exchange)] = nil
        detachStreams(client: handle, exchange: exchange)
        var next = client.firstCall
        while let call = next {
            next = call.next
            guard call.exchange == exchange else { continue }
            leave(call)
            if call.revision.isModern { cancel(call, reason: "the client disconnected") }
        }
    }

    /// Nobody reads a call's stream any more, unless its client comes back for it.
    private func leave(_ call: Call) {
        call.clientIsGone = true
        if call.replayStream != 0, let client = call.client {
            // It was slow on the connection that is gone.
            call.isStalled = false
            call.session?.replay?.detach(
                call.replayStream,
                StreamReader(lane: index, client: client.handle, exchange: call.exchange))
        } else if call.dialogue != nil {
            refuseQuestions { $0.call === call }
        }
    }

    func clientWritable(_ handle: jf_ref, _ exchange: jf_ref) {
        guard let client = clients[handle] else { return }
        streamWritable(handle, exchange)
        var next = client.firstCall
        while let call = next {
            next = call.next
            if call.exchange == exchange { call.isStalled = false }
        }
    }

    /// The connection is gone, and with it every exchange on it.
    func clientClosed(_ handle: jf_ref) {
        guard let client = clients.remove(handle) else { return }
        client.isOpen = false
        streamsGone(of: handle)
        dropWaiting { $0.client == handle }
        detachStreams(client: handle, exchange: nil)
        if !batches.isEmpty { batches = batches.filter { $0.key.client != handle } }
        var next = client.firstCall
        while let call = next {
            next = call.next
            leave(call)
            // A shared channel ends its whole conversation; an HTTP connection of the legacy era does not.
            if call.revision.isModern || client.isShared { cancel(call, reason: "the client disconnected") }
        }
        if client.isSole { gateway.soleClientClosed() }
    }

    // MARK: Writing to clients

    /// One message to a client. Returns the transport's status.
    @discardableResult
    func send(
        _ client: Client, exchange: jf_ref, _ parts: UnsafeBufferPointer<ByteSegment>, final: Bool,
        status: Int = JF_STATUS_OK, session: UnsafeRawBufferPointer? = nil, retryAfter: UInt32 = 0,
        ready: ReadyBytes? = nil, event: UnsafeRawBufferPointer? = nil,
        fields: UnsafeBufferPointer<jf_pair>? = nil
    ) -> Int32 {
        guard client.isOpen, let listener = client.instance.listener, let slot = listener.reply else {
            return Int32(JF_E_STALE)
        }
        if !batches.isEmpty, final, let left = batches[BatchKey(client: client.handle, exchange: exchange)] {
            return sendOfBatch(client, exchange, parts, left)
        }
        var message = jf_message()
        message.size = UInt32(MemoryLayout<jf_message>.size)
        message.flags = final ? UInt32(JF_MSG_FINAL) : 0
        message.status = Int32(status)
        message.exchange = exchange
        message.retry_ms = retryAfter
        message.body_count = UInt32(parts.count)
        if let session { message.session = jf_view(session) }
        if let event { message.resume = jf_view(event) }
        if let fields {
            message.fields = fields.baseAddress
            message.field_count = UInt64(fields.count)
        }
        let answer: Int32
        if let base = parts.baseAddress, parts.count > 0 {
            // A ByteSegment is laid out like a jf_view: the same two words.
            answer = base.withMemoryRebound(to: jf_view.self, capacity: parts.count) { views in
                message.body = views
                if let ready { ReadyBytes.offer(ready, parts, &message) }
                return slot(client.instance.own, client.handle, &message)
            }
        } else {
            answer = slot(client.instance.own, client.handle, &message)
        }
        if final {
            client.instance.tally.calls &+= 1
            if answer == JF_E_FAULT || answer == JF_E_UNSUPPORTED {
                client.instance.tally.failures &+= 1
            }
        }
        return answer
    }

    /// Refuses a message that no call was made for.
    func refuse(
        _ client: Client, _ message: jf_message, id: UnsafeRawBufferPointer?, _ code: ErrorCode,
        _ text: String,
        data: String? = nil, status: Int, retryAfter: UInt32 = 0
    ) {
        // On a shared channel nothing but requests is answered; what could not be read at all is, without an id.
        if client.isShared, id == nil, code != .parse, code != .invalidRequest { return }
        reply.reset()
        Answers.error(id: id, code, text, data: data, into: reply)
        send(
            client, exchange: message.exchange, reply.finish(), final: true, status: status,
            retryAfter: retryAfter)
    }

    /// Acknowledges a notification: HTTP answers 202, a shared channel says nothing.
    func acknowledge(_ client: Client, _ message: jf_message) {
        guard !client.isShared else { return }
        send(
            client, exchange: message.exchange, UnsafeBufferPointer(start: nil, count: 0), final: true,
            status: JF_STATUS_ACCEPTED)
    }
}
