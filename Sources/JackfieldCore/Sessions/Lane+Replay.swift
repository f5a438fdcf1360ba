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
            call.replayStream = log.open(
                StreamReader(lane: index, client: client.handle, exchange: call.exchange))
        }
        return (log, call.replayStream)
    }

    /// Sends an event of a call's stream to wherever it is read, and keeps it; false where events have no ids.
    func emit(_ call: Call, _ parts: UnsafeBufferPointer<ByteSegment>, isLast: Bool) -> Bool {
        guard let (log, stream) = replayStream(call) else { return false }
        let bytes = parts.reduce(into: [UInt8]()) { bytes, part in
            bytes.append(contentsOf: UnsafeBufferPointer(start: part.pointer, count: Int(part.count)))
        }
        guard let (id, reader) = log.append(stream, bytes, isLast: isLast) else { return true }
        guard let reader else { return true }
        guard reader.lane != index else {
            sendEvent(reader, id, bytes, isLast: isLast)
            return true
        }
        let lane = gateway.lane(reader.lane)
        lane.loop.post { lane.sendEvent(reader, id, bytes, isLast: isLast) }
        return true
    }

    private func sendEvent(_ reader: StreamReader, _ id: EventId, _ bytes: [UInt8], isLast: Bool) {
        guard let client = clients[reader.client] else { return }
        if isLast { resumed[BatchKey(client: reader.client, exchange: reader.exchange)] = nil }
        var text = id.text
        text.withUTF8 { id in
            bytes.withUnsafeBytes { bytes in
                var segment = ByteSegment(
                    pointer: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    count: UInt64(bytes.count))
                withUnsafePointer(to: &segment) { segment in
                    _ = send(
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
        guard let events = log.resume(last, reader) else { return false }
        counters.add(.resumed)
        counters.add(.replayed, events.count)
        resumed[BatchKey(client: client.handle, exchange: message.exchange)] = (session, last.stream)
        if events.isEmpty {
            send(client, exchange: message.exchange, UnsafeBufferPointer(start: nil, count: 0), final: false)
        }
        for event in events {
            let id = EventId(stream: last.stream, number: event.number)
            sendEvent(reader, id, event.bytes, isLast: event.isLast)
        }
        return true
    }

    /// A connection or exchange is gone: what is read there waits for the client to come back.
    func detachStreams(client: UInt64, exchange: jf_ref?) {
        guard !resumed.isEmpty else { return }
        for (key, stream) in resumed
        where key.client == client && (exchange == nil || key.exchange == exchange) {
            stream.session.replay?.detach(stream.number, client: key.client, exchange: key.exchange)
            resumed[key] = nil
        }
    }
}
