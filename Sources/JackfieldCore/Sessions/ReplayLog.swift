// SPDX-License-Identifier: Apache-2.0
// Events that a legacy client was sent on the streams of its calls, kept for the case that it comes back for them with
// `Last-Event-ID` (MCP 2025-03-26 to 2025-11-25, Streamable HTTP, "Resumability and Redelivery").

import Synchronization

/// Where a stream is read at the moment. Clients and exchanges are numbers of their lane.
struct StreamReader: Hashable, Sendable {
    let lane: Int
    let client: UInt64
    let exchange: UInt64
}

/// What an event means to a client that misses it.
enum ReplayWeight: Sendable {
    /// Progress or a log message: may be left out.
    case note
    /// Everything behind it is worth nothing without it.
    case needed
    /// The answer: nothing follows.
    case last
}

/// One event: its number within the stream, and the message.
struct ReplayEvent: Sendable {
    let number: UInt32
    let bytes: [UInt8]
    let weight: ReplayWeight

    var isLast: Bool { weight == .last }
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
        let parts = bytes.split(separator: 45, omittingEmptySubsequences: false)
        func number(_ digits: Slice<UnsafeRawBufferPointer>) -> UInt32? {
            guard digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
            return UInt32(String(decoding: digits, as: UTF8.self))
        }
        guard parts.count == 2, let stream = number(parts[0]), let event = number(parts[1]) else {
            return nil
        }
        self.init(stream: stream, number: event)
    }

    var text: String { "\(stream)-\(number)" }
}

/// What a client that came back is owed.
struct Resumption: Sendable {
    let events: [ReplayEvent]
    /// Who read the stream up to now; it reads it no more.
    let former: StreamReader?
    /// Nothing will follow `events`.
    let isDone: Bool
}

/// How many bytes the logs of all sessions may keep together. Any thread.
final class ReplayBudget: Sendable {
    private let bytes = Atomic<Int>(0)
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    func take(_ more: Int) -> Bool {
        if bytes.add(more, ordering: .relaxed).newValue <= limit { return true }
        bytes.subtract(more, ordering: .relaxed)
        return false
    }

    func release(_ less: Int) { bytes.subtract(less, ordering: .relaxed) }

    var held: Int { bytes.load(ordering: .relaxed) }
}

/// The streams of one session. Any thread.
final class ReplayLog: Sendable {
    /// Bytes that all sessions of a gateway may keep together: 64 MiB.
    static let budget = 64 << 20
    /// What an event and a stream cost beside the bytes of the messages.
    static let eventOverhead = 64
    static let streamOverhead = 256
    /// How long a stream that is over is kept: 60 s.
    static let keepDone: UInt64 = 60_000_000_000

    private struct Stream {
        var events: [ReplayEvent] = []
        var bytes = ReplayLog.streamOverhead
        var next: UInt32 = 1
        /// The newest event that is gone and that nobody may skip; 0: none.
        var lost: UInt32 = 0
        var reader: StreamReader?
        var isDone = false
    }
    private struct State {
        var streams: [UInt32: Stream] = [:]
        /// Streams that are over, in the order of their ends.
        var done: [(stream: UInt32, at: UInt64)] = []
        var next: UInt32
        var bytes = 0
    }

    private let state: Mutex<State>
    private let first: UInt32
    private let limit: Int
    private let budget: ReplayBudget

    /// - Parameters:
    ///   - limit: bytes that this session may keep.
    ///   - budget: the bound of all sessions together.
    ///   - first: the number of the first stream. A session that came from elsewhere begins where nobody did, so that ids of
    ///     there mean nothing here.
    init(limit: Int, budget: ReplayBudget, first: UInt32 = 1) {
        state = Mutex(State(next: first))
        self.first = first
        self.limit = limit
        self.budget = budget
    }

    deinit { budget.release(state.withLock { $0.bytes }) }

    /// A new stream, read where its call came in; nil when there is no room for one, so that it has no ids.
    func open(_ reader: StreamReader) -> UInt32? {
        state.withLock { state in
            guard makeRoom(Self.streamOverhead, in: &state, for: 0) else { return nil }
            let number = state.next
            state.next &+= 1
            state.streams[number] = Stream(reader: reader)
            return number
        }
    }

    /// Keeps an event; returns its id, and who reads the stream now. What cannot be kept has an id all the same: who reads
    /// now has it, and later nobody skips it, unless it was a note.
    func append(
        _ stream: UInt32, _ bytes: [UInt8], _ weight: ReplayWeight, now: UInt64
    ) -> (id: EventId, reader: StreamReader?, isKept: Bool)? {
        state.withLock { state in
            guard let number = state.streams[stream]?.next, state.streams[stream]?.isDone == false else {
                return nil
            }
            let size = bytes.count + Self.eventOverhead
            let isKept = makeRoom(size, in: &state, for: stream)
            state.streams[stream]?.next += 1
            if isKept {
                state.streams[stream]?.events.append(
                    ReplayEvent(number: number, bytes: bytes, weight: weight))
                state.streams[stream]?.bytes += size
            } else if weight != .note {
                lose(stream, upTo: number, in: &state)
            }
            let reader = state.streams[stream]?.reader
            if weight == .last {
                state.streams[stream]?.isDone = true
                state.streams[stream]?.reader = nil
                state.done.append((stream, now))
            }
            return (EventId(stream: stream, number: number), reader, isKept)
        }
    }

    /// Takes bytes of the session's and of the common bound. What gives way: streams that are over, the oldest first; then
    /// the notes of the stream that needs the room.
    private func makeRoom(_ size: Int, in state: inout State, for stream: UInt32) -> Bool {
        func fits(_ state: inout State) -> Bool {
            guard state.bytes + size <= limit, budget.take(size) else { return false }
            state.bytes += size
            return true
        }
        if fits(&state) { return true }
        var gone = 0
        defer { state.done.removeFirst(gone) }
        while gone < state.done.count {
            drop(state.done[gone].stream, in: &state)
            gone += 1
            if fits(&state) { return true }
        }
        guard let bytes = state.streams[stream]?.bytes else { return false }
        // More than is needed, so that a flood of notes does not come here with each of them.
        thin(stream, by: max(size, bytes / 2), in: &state)
        return fits(&state)
    }

    private func drop(_ stream: UInt32, in state: inout State) {
        guard let bytes = state.streams.removeValue(forKey: stream)?.bytes else { return }
        free(bytes, in: &state)
    }

    private func free(_ bytes: Int, in state: inout State) {
        state.bytes -= bytes
        budget.release(bytes)
    }

    /// Leaves out notes, the oldest first.
    private func thin(_ stream: UInt32, by wanted: Int, in state: inout State) {
        var freed = 0
        state.streams[stream]?.events.removeAll { event in
            guard freed < wanted, event.weight == .note else { return false }
            freed += event.bytes.count + Self.eventOverhead
            return true
        }
        state.streams[stream]?.bytes -= freed
        free(freed, in: &state)
    }

    /// An event is lost that must not be skipped: what came before it is of no use either.
    private func lose(_ stream: UInt32, upTo number: UInt32, in state: inout State) {
        let kept = state.streams[stream]?.bytes ?? Self.streamOverhead
        state.streams[stream]?.events = []
        state.streams[stream]?.lost = number
        state.streams[stream]?.bytes = Self.streamOverhead
        free(kept - Self.streamOverhead, in: &state)
    }

    /// The reader went away, or takes no more just now; another one's stream stays its own.
    func detach(_ stream: UInt32, _ reader: StreamReader) {
        state.withLock { state in
            if state.streams[stream]?.reader == reader { state.streams[stream]?.reader = nil }
        }
    }

    /// The events after an id, and from now on a new reader; nil when the stream, or something of what follows, is gone.
    func resume(_ last: EventId, _ reader: StreamReader) -> Resumption? {
        state.withLock { state in
            guard let known = state.streams[last.stream], last.number < known.next, last.number >= known.lost
            else { return nil }
            state.streams[last.stream]?.reader = known.isDone ? nil : reader
            return Resumption(
                events: known.events.filter { $0.number > last.number },
                former: known.reader == reader ? nil : known.reader, isDone: known.isDone)
        }
    }

    /// Forgets streams that were over for long: their clients have their answers.
    func trim(_ now: UInt64) {
        state.withLock { state in
            let old = state.done.prefix { now &- min(now, $0.at) > Self.keepDone }
            for (stream, _) in old { drop(stream, in: &state) }
            state.done.removeFirst(old.count)
        }
    }

    /// Whether a stream of this number was ever opened here.
    func hasOpened(_ stream: UInt32) -> Bool { stream >= first && stream < state.withLock { $0.next } }

    /// Streams known, for tests.
    var count: Int { state.withLock { $0.streams.count } }
}
