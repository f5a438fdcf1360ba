// SPDX-License-Identifier: Apache-2.0
// Events that a legacy client was sent on the streams of its calls, kept for the case that it comes back for them with
// `Last-Event-ID` (MCP 2025-03-26 to 2025-11-25, Streamable HTTP, "Resumability and Redelivery").

import JSON
import Synchronization

/// Where a stream is read at the moment.
struct StreamReader: Sendable {
    let lane: Int
    let client: UInt64
    let exchange: UInt64
}

/// One event: its number within the stream, and the message.
struct ReplayEvent: Sendable {
    let number: UInt32
    let bytes: [UInt8]
    let isLast: Bool
}

/// The id of an event, `STREAM-NUMBER`: it names the stream too, so that only this one is replayed.
struct EventId: Sendable {
    let stream: UInt32
    let number: UInt32

    init(stream: UInt32, number: UInt32) {
        self.stream = stream
        self.number = number
    }

    /// Reads what a client sent back; nil unless it can be one of ours.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= 21 else { return nil }
        let parts = String(decoding: bytes, as: UTF8.self).split(
            separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let stream = UInt32(parts[0]), let number = UInt32(parts[1]) else {
            return nil
        }
        self.init(stream: stream, number: number)
    }

    var text: String { "\(stream)-\(number)" }
}

/// The streams of one session. Any thread.
final class ReplayLog: Sendable {
    private struct Stream {
        var events: [ReplayEvent] = []
        var next: UInt32 = 1
        var reader: StreamReader?
        var isDone = false
    }
    private struct State {
        var streams: [UInt32: Stream] = [:]
        var next: UInt32 = 1
        var bytes = 0
    }

    private let state = Mutex(State())
    private let limit: Int
    private let parking: Parking

    /// - Parameters:
    ///   - limit: bytes that this session may keep.
    ///   - parking: the gateway's bound for everything kept.
    init(limit: Int, parking: Parking) {
        self.limit = limit
        self.parking = parking
    }

    deinit { parking.shrink(by: state.withLock { $0.bytes }) }

    /// A new stream, read where its call came in.
    func open(_ reader: StreamReader) -> UInt32 {
        state.withLock { state in
            let number = state.next
            state.next &+= 1
            state.streams[number] = Stream(reader: reader)
            return number
        }
    }

    /// Keeps an event; returns its id, and who reads the stream now.
    func append(_ stream: UInt32, _ bytes: [UInt8], isLast: Bool) -> (id: EventId, reader: StreamReader?)? {
        state.withLock { state in
            guard var known = state.streams[stream] else { return nil }
            let event = ReplayEvent(number: known.next, bytes: bytes, isLast: isLast)
            known.next += 1
            known.isDone = isLast
            if makeRoom(for: bytes.count, &state, except: stream), parking.grow(by: bytes.count) {
                known.events.append(event)
                state.bytes += bytes.count
            } else {
                // What cannot be kept leaves a gap that nobody may skip: nothing before it is replayed either.
                forget(&known, &state)
            }
            state.streams[stream] = known
            return (EventId(stream: stream, number: event.number), known.reader)
        }
    }

    /// Streams that are over go first, the oldest before the others; false when that does not suffice.
    private func makeRoom(for count: Int, _ state: inout State, except: UInt32) -> Bool {
        while state.bytes + count > limit {
            guard
                let oldest = state.streams.filter({ $0.value.isDone && $0.key != except }).keys.min(),
                var gone = state.streams.removeValue(forKey: oldest)
            else { return false }
            forget(&gone, &state)
        }
        return true
    }

    private func forget(_ stream: inout Stream, _ state: inout State) {
        let bytes = stream.events.reduce(0) { $0 + $1.bytes.count }
        stream.events = []
        state.bytes -= bytes
        parking.shrink(by: bytes)
    }

    /// The reader went away; a stream that is over and was sent whole stays until there is no room for it.
    func detach(_ stream: UInt32, client: UInt64, exchange: UInt64) {
        state.withLock { state in
            guard let reader = state.streams[stream]?.reader, reader.client == client,
                reader.exchange == exchange
            else { return }
            state.streams[stream]?.reader = nil
        }
    }

    /// The events after an id, and from now on a new reader; nil when the stream, or part of what follows, is gone.
    func resume(_ last: EventId, _ reader: StreamReader) -> [ReplayEvent]? {
        state.withLock { state in
            guard let known = state.streams[last.stream], last.number < known.next else { return nil }
            let events = known.events.filter { $0.number > last.number }
            guard events.count == Int(known.next - 1 - last.number) else { return nil }
            state.streams[last.stream]?.reader = reader
            return events
        }
    }
}
