// SPDX-License-Identifier: Apache-2.0
// Streams of legacy calls that outlive their connection: every event has an id, and a client that comes back with the
// last one it saw gets the rest, on whichever loop.

import CJackfield
import JSON
import MCP

extension Lane {
    /// The replay stream of a call, opened with its first event; nil where the client cannot come back.
    private func replayStream(_ call: Call) -> (log: ReplayLog, stream: UInt32)? {
        guard let log = call.session?.replay, let client = call.client, !client.isShared,
            call.revision >= .v2025_03_26, !call.revision.isModern
        else { return nil }
        if call.replayStream == 0 {
            guard !call.clientIsGone,
                batches[BatchKey(client: client.handle, exchange: call.exchange)] == nil
            else { return nil }
            guard
                let stream = log.open(
                    StreamReader(lane: index, client: client.handle, exchange: call.exchange))
            else { return nil }
            call.replayStream = stream
        }
        return (log, call.replayStream)
    }

    /// Sends an event of a call's stream to wherever it is read, and keeps it; false where events have no ids.
    func emit(_ call: Call, _ parts: UnsafeBufferPointer<ByteSegment>, _ weight: ReplayWeight) -> Bool {
        guard let (log, stream) = replayStream(call) else { return false }
        let bytes = parts.reduce(into: [UInt8]()) { bytes, part in
            bytes.append(contentsOf: UnsafeBufferPointer(start: part.pointer, count: Int(part.count)))
        }
        guard let (id, reader, isKept) = log.append(stream, bytes, weight, now: loop.now) else { return true }
        guard let reader else {
            // Neither read nor kept: nobody will ever see the question that it may have been.
            if !isKept, weight == .needed, call.dialogue != nil {
                let handle = call.handle
                loop.post { [self] in refuseQuestions { $0.call.handle == handle } }
            }
            return true
        }
        let isLast = weight == .last
        guard reader.lane != index else {
            let status = sendEvent(reader, id, bytes, isLast: isLast)
            // `writable` comes for the exchange that the call knows; another one is cut, and comes back, if it is too slow.
            if status == JF_E_BUSY, reader.client == call.client?.handle, reader.exchange == call.exchange {
                call.isStalled = true
            }
            return true
        }
        let lane = gateway.lane(reader.lane)
        lane.loop.post { lane.sendEvent(reader, id, bytes, isLast: isLast) }
        return true
    }

    @discardableResult
    private func sendEvent(_ reader: StreamReader, _ id: EventId, _ bytes: [UInt8], isLast: Bool) -> Int32 {
        guard let client = clients[reader.client] else { return Int32(JF_E_STALE) }
        if isLast { resumed[BatchKey(client: reader.client, exchange: reader.exchange)] = nil }
        var text = id.text
        return text.withUTF8 { id in
            bytes.withUnsafeBytes { bytes in
                var segment = ByteSegment(
                    pointer: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    count: UInt64(bytes.count))
                return withUnsafePointer(to: &segment) { segment in
                    send(
                        client, exchange: reader.exchange, UnsafeBufferPointer(start: segment, count: 1),
                        final: isLast, event: UnsafeRawBufferPointer(id))
                }
            }
        }
    }

    /// GET with `Last-Event-ID`: replays what followed on that stream and goes on with it. False when the id is of none of
    /// this session's streams, or what followed is not kept any more.
    func resumeStream(_ client: Client, _ message: jf_message, _ session: Session) -> Bool {
        guard let last = message.resume.present.flatMap({ EventId($0) }), let log = session.replay else {
            return false
        }
        let reader = StreamReader(lane: index, client: client.handle, exchange: message.exchange)
        guard let resumption = log.resume(last, reader) else { return false }
        counters.add(.resumed)
        counters.add(.replayed, resumption.events.count)
        if let former = resumption.former {
            let lane = gateway.lane(former.lane)
            if former.lane == index { endReading(former) } else { lane.loop.post { lane.endReading(former) } }
        }
        if !resumption.isDone {
            resumed[BatchKey(client: client.handle, exchange: message.exchange)] = (session, last.stream)
        }
        let nothing = UnsafeBufferPointer<ByteSegment>(start: nil, count: 0)
        if resumption.events.isEmpty {
            send(client, exchange: message.exchange, nothing, final: false)
            // It had everything already.
            if resumption.isDone { send(client, exchange: message.exchange, nothing, final: true) }
        }
        for event in resumption.events {
            let id = EventId(stream: last.stream, number: event.number)
            sendEvent(reader, id, event.bytes, isLast: event.isLast)
        }
        return true
    }

    /// A stream is read elsewhere from now on: the exchange that it was read on ends.
    private func endReading(_ former: StreamReader) {
        resumed[BatchKey(client: former.client, exchange: former.exchange)] = nil
        guard let client = clients[former.client] else { return }
        var next = client.firstCall
        while let call = next {
            next = call.next
            if call.exchange == former.exchange { call.isStalled = false }
        }
        send(client, exchange: former.exchange, UnsafeBufferPointer(start: nil, count: 0), final: true)
    }

    /// A connection or exchange is gone: what is read there waits for the client to come back.
    func detachStreams(client: UInt64, exchange: jf_ref?) {
        guard !resumed.isEmpty else { return }
        for (key, stream) in resumed
        where key.client == client && (exchange == nil || key.exchange == exchange) {
            stream.session.replay?.detach(
                stream.number, StreamReader(lane: index, client: key.client, exchange: key.exchange))
            resumed[key] = nil
        }
    }
}
