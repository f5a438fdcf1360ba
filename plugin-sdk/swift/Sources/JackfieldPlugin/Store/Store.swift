// SPDX-License-Identifier: Apache-2.0
// The facet jf.store/1 as a plugin author writes it: where state lives. See jackfield/store.h for the bounds of
// keys, values and numbers, and for what each operation promises.

import CJackfield

/// Keeps state that outlasts a call, a loop or a gateway. There is one value per event loop: the manifest says
/// `threads: per-loop`, since the gateway asks stores on each of them. All methods are called on the instance's
/// lane and must not block: what takes longer answers with ``AnswerContext/later(_:)``.
///
/// Errors: ``PluginError/invalid(_:)`` for what is out of bounds, ``PluginError/gone(_:)`` and
/// ``PluginError/timedOut(_:)`` where the store cannot be reached, ``PluginError/busy(_:retryAfter:)`` where
/// there is no room; add ``PluginError/beforeItStarted`` where nothing was changed.
public protocol Store {
    /// Makes the store; its configuration is `host.configuration`.
    /// - Throws: why it cannot; the text goes to the gateway's log.
    init(host: Host) throws

    /// The entry of a key, or ``StoreAnswer/absent``.
    mutating func get(_ key: [UInt8], context: AnswerContext) throws -> StoreAnswer
    /// Keeps a value: answers its entry without value, or ``StoreAnswer/stale`` where the condition does not hold.
    mutating func put(_ put: StorePut, context: AnswerContext) throws -> StoreAnswer
    /// Forgets a key: ``StoreAnswer/done``, ``StoreAnswer/absent`` or, where it has another revision,
    /// ``StoreAnswer/stale``. `revision` nil: whatever it has.
    mutating func remove(_ key: [UInt8], revision: UInt64?, context: AnswerContext) throws -> StoreAnswer
    /// Entries in the order of their keys' bytes, or ``StoreAnswer/absent`` where none are left.
    mutating func list(_ list: StoreList, context: AnswerContext) throws -> StoreAnswer
    /// Adds to a counter: its entry, whose value is ``StoreEntry/init(counter:key:revision:expiresMilliseconds:)``.
    mutating func add(_ add: StoreAdd, context: AnswerContext) throws -> StoreAnswer
    /// Takes from all of the limits, or from none: ``StoreAnswer/verdicts(_:)``, one for each.
    mutating func take(_ limits: [StoreLimit], context: AnswerContext) throws -> StoreAnswer

    /// The instance stops.
    mutating func close()
}

extension Store {
    /// Nothing to let go of.
    public mutating func close() {}
}

/// Something that is kept.
public struct StoreEntry: Sendable, Equatable {
    /// Its key.
    public var key: [UInt8]
    /// Its value; empty where an operation answers none.
    public var value: [UInt8]
    /// Never 0; each change gives a greater one.
    public var revision: UInt64
    /// When it is gone, milliseconds of Unix time; nil: never.
    public var expiresMilliseconds: UInt64?

    /// An entry.
    public init(key: [UInt8], value: [UInt8] = [], revision: UInt64, expiresMilliseconds: UInt64? = nil) {
        self.key = key
        self.value = value
        self.revision = revision
        self.expiresMilliseconds = expiresMilliseconds
    }

    /// The entry of a counter.
    public init(counter: Int64, key: [UInt8], revision: UInt64, expiresMilliseconds: UInt64? = nil) {
        let value = withUnsafeBytes(of: counter.littleEndian) { Array($0) }
        self.init(key: key, value: value, revision: revision, expiresMilliseconds: expiresMilliseconds)
    }

    /// The value of a counter; nil: it is none.
    public var counter: Int64? {
        value.count == 8
            ? value.withUnsafeBytes { Int64(littleEndian: $0.loadUnaligned(as: Int64.self)) } : nil
    }
}

/// A value to be kept.
public struct StorePut: Sendable, Equatable {
    /// When it may be kept.
    public enum Condition: Sendable, Equatable {
        /// Always.
        case none
        /// Only where the key is absent.
        case create
        /// Only where the key has this revision.
        case match(UInt64)
    }
    /// The key.
    public var key: [UInt8]
    /// The value.
    public var value: [UInt8]
    /// When it may be kept.
    public var condition: Condition
    /// It is gone after so many milliseconds; nil: it stays.
    public var ttlMilliseconds: UInt64?

    /// A value to be kept.
    public init(
        _ key: [UInt8], _ value: [UInt8], condition: Condition = .none, ttlMilliseconds: UInt64? = nil
    ) {
        self.key = key
        self.value = value
        self.condition = condition
        self.ttlMilliseconds = ttlMilliseconds
    }
}

/// Which keys.
public struct StoreList: Sendable, Equatable {
    /// Keys that begin with it; empty: all.
    public var prefix: [UInt8] = []
    /// Only keys behind this one; empty: from the first.
    public var after: [UInt8] = []
    /// Entries at most.
    public var most = 100
    /// Values are left out.
    public var keysOnly = false

    /// All keys.
    public init(prefix: [UInt8] = [], after: [UInt8] = [], most: Int = 100, keysOnly: Bool = false) {
        self.prefix = prefix
        self.after = after
        self.most = most
        self.keysOnly = keysOnly
    }
}

/// A counter's change.
public struct StoreAdd: Sendable, Equatable {
    /// The counter.
    public var key: [UInt8]
    /// What is added; 0 reads it.
    public var delta: Int64
    /// How long the counter lives from its first change on; nil: for ever.
    public var ttlMilliseconds: UInt64?

    /// A counter's change.
    public init(_ key: [UInt8], _ delta: Int64, ttlMilliseconds: UInt64? = nil) {
        self.key = key
        self.delta = delta
        self.ttlMilliseconds = ttlMilliseconds
    }
}

/// One limit that a take must fit under. Amounts are thousandths.
public struct StoreLimit: Sendable, Equatable {
    /// How it counts.
    public enum Kind: UInt32, Sendable {
        /// A token bucket, full at first.
        case bucket = 0
        /// A sliding window.
        case sliding = 1
        /// A fixed window, counted from Unix time 0.
        case fixed = 2
    }
    /// Its key.
    public var key: [UInt8]
    /// How it counts.
    public var kind: Kind
    /// A bucket: its size. Else 0.
    public var burst: UInt64
    /// How much comes back in a period, or fits into it.
    public var rate: UInt64
    /// The period.
    public var periodMilliseconds: UInt64
    /// What is taken; 0 asks how much is left.
    public var cost: UInt64

    /// A limit.
    public init(
        _ key: [UInt8], _ kind: Kind, burst: UInt64 = 0, rate: UInt64, periodMilliseconds: UInt64,
        cost: UInt64 = 1000
    ) {
        self.key = key
        self.kind = kind
        self.burst = burst
        self.rate = rate
        self.periodMilliseconds = periodMilliseconds
        self.cost = cost
    }
}

/// What a limit says.
public struct StoreVerdict: Sendable, Equatable {
    /// There was enough under this limit.
    public var fits: Bool
    /// If not: when there will be; `UInt32.max`: never.
    public var retryMilliseconds: UInt32
    /// What remains now, in thousandths.
    public var left: UInt64

    /// A verdict.
    public init(fits: Bool, retryMilliseconds: UInt32 = 0, left: UInt64 = 0) {
        self.fits = fits
        self.retryMilliseconds = retryMilliseconds
        self.left = left
    }
}

/// What a store answers.
public struct StoreAnswer: Answer {
    private enum Form { case bytes([UInt8]), done, absent, stale, pending }
    private let form: Form

    /// Entries, in order.
    public static func entries(_ entries: [StoreEntry]) -> StoreAnswer {
        var bytes: [UInt8] = []
        for entry in entries {
            append(&bytes, entry.revision)
            append(&bytes, entry.expiresMilliseconds ?? 0)
            append(&bytes, UInt64(UInt32(entry.key.count)) | UInt64(UInt32(entry.value.count)) << 32)
            bytes += entry.key
            bytes += entry.value
            while bytes.count % 8 != 0 { bytes.append(0) }
        }
        return StoreAnswer(form: .bytes(bytes))
    }
    /// One entry.
    public static func entry(_ entry: StoreEntry) -> StoreAnswer { entries([entry]) }
    /// What the limits say, in their order.
    public static func verdicts(_ verdicts: [StoreVerdict]) -> StoreAnswer {
        var bytes: [UInt8] = []
        for verdict in verdicts {
            append(&bytes, (verdict.fits ? 1 : 0) | UInt64(verdict.retryMilliseconds) << 32)
            append(&bytes, verdict.left)
        }
        return StoreAnswer(form: .bytes(bytes))
    }
    /// Done, without an entry.
    public static let done = StoreAnswer(form: .done)
    /// There is none.
    public static let absent = StoreAnswer(form: .absent)
    /// The condition does not hold; nothing was changed.
    public static let stale = StoreAnswer(form: .stale)
    /// Stands for an answer that comes later.
    public static let pending = StoreAnswer(form: .pending)
    /// Whether it stands for an answer that comes later.
    public var isPending: Bool { if case .pending = form { true } else { false } }

    /// As it goes to the host: entries or verdicts, in the bytes of jackfield/store.h.
    public var encoded: EncodedAnswer {
        switch form {
        case .bytes(let bytes): EncodedAnswer(outcome: .result(bytes))
        case .absent: EncodedAnswer(outcome: .absent)
        case .stale: EncodedAnswer(outcome: .fault(JF_E_STALE, "the condition does not hold"))
        case .done, .pending: EncodedAnswer(outcome: .nothing)
        }
    }

    /// An answer is no JSON: see ``encoded``.
    public func encode(into writer: inout JSONWriter) { writer.value(.null) }

    private static func append(_ bytes: inout [UInt8], _ number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
}

/// Reads the entries of an answer; what is cut short is left out.
func readEntries(_ view: jf_view) -> [StoreEntry] {
    var entries: [StoreEntry] = []
    var rest = UnsafeRawBufferPointer(view.bytes)[...]
    while rest.count >= MemoryLayout<jf_store_entry>.size {
        let head = UnsafeRawBufferPointer(rebasing: rest).loadUnaligned(as: jf_store_entry.self)
        rest = rest.dropFirst(MemoryLayout<jf_store_entry>.size)
        let size = Int(head.key_len) + Int(head.value_len)
        guard rest.count >= size else { break }
        entries.append(
            StoreEntry(
                key: Array(rest.prefix(Int(head.key_len))),
                value: Array(rest.dropFirst(Int(head.key_len)).prefix(Int(head.value_len))),
                revision: head.revision, expiresMilliseconds: head.expires_ms > 0 ? head.expires_ms : nil))
        rest = rest.dropFirst((size + 7) / 8 * 8)
    }
    return entries
}

/// Reads the verdicts of an answer.
func readVerdicts(_ view: jf_view) -> [StoreVerdict] {
    let bytes = UnsafeRawBufferPointer(view.bytes)
    let size = MemoryLayout<jf_store_verdict>.size
    return (0..<bytes.count / size).map {
        let raw = bytes.loadUnaligned(fromByteOffset: $0 * size, as: jf_store_verdict.self)
        return StoreVerdict(fits: raw.fits == 1, retryMilliseconds: raw.retry_ms, left: raw.left)
    }
}
