// SPDX-License-Identifier: Apache-2.0
// The facet jf.filter/1 as a plugin author writes it: sees requests and results pass.

import CJackfield

/// Sees requests on their way to a server and results on their way back, as far as the manifest's
/// `filter.methods` and `filter.phases` say. There is one value per configured filter, on each event loop. All
/// methods are called on the instance's lane, one at a time.
///
/// Errors refuse the call: ``PluginError/denied(_:)`` (403), ``PluginError/invalid(_:)`` (invalid params) and
/// ``PluginError/busy(_:retryAfter:)`` (429), with a text that the client reads where it is
/// ``PluginError/shownToClient``. Any other error is the filter's own failure, and `on_error` says what follows.
public protocol Filter {
    /// Begins to serve one configured filter.
    /// - Parameters:
    ///   - name: as the configuration calls it.
    ///   - configuration: its options, valid against the manifest's `filter.config` schema.
    ///   - host: to be kept for as long as this value lives.
    /// - Throws: why it cannot; the text goes to the gateway's log.
    init(name: String, configuration: JSONReader, host: Host) throws

    /// A request.
    mutating func request(_ passage: borrowing Passage, context: AnswerContext) throws -> Verdict
    /// A result, never an error.
    mutating func result(_ passage: borrowing Passage, context: AnswerContext) throws -> Verdict
    /// A call is over whose request left a memory; once for each, also where it was cancelled.
    mutating func ended(_ call: PassedCall)
    /// The filter was taken out of the configuration, or the gateway stops.
    mutating func detach()
}

extension Filter {
    /// It goes on as it is.
    public mutating func request(_ passage: borrowing Passage, context: AnswerContext) throws -> Verdict {
        .pass
    }
    /// It goes on as it is.
    public mutating func result(_ passage: borrowing Passage, context: AnswerContext) throws -> Verdict {
        .pass
    }
    /// Nothing is remembered.
    public mutating func ended(_ call: PassedCall) {}
    /// Nothing to let go of.
    public mutating func detach() {}
}

/// One request or one result on its way; borrowed until the method returns.
public struct Passage: ~Escapable {
    private let raw: jf_passage
    private let services: HostServices

    /// `raw` must stay readable for as long as the pointer's owner lends it.
    @_lifetime(borrow pointer)
    init(_ pointer: UnsafePointer<jf_passage>, _ services: HostServices) {
        raw = attach(UnsafeRawPointer(pointer), jf_passage()) ?? jf_passage()
        self.services = services
    }

    /// Who asks; nobody is known where ``Principal/isKnown`` is false.
    public var principal: Principal {
        @_lifetime(copy self) get { _overrideLifetime(Principal(raw.principal), copying: self) }
    }
    /// The result says `isError`.
    public var isError: Bool { raw.flags & JF_PASSAGE_ERROR != 0 }
    /// Its client knows links, so that ``Verdict/keep(for:most:preview:)`` is worth while.
    public var canLink: Bool { raw.flags & JF_PASSAGE_LINKS != 0 }
    /// A result may be replaced by a link: the client can read what the gateway keeps for it.
    public var mayLink: Bool { raw.flags & JF_PASSAGE_LINKS != 0 }
    /// The same for a call's request, result and end.
    public var call: UInt64 { raw.call }
    /// What the request's verdict left for this call; 0: nothing.
    public var memory: UInt64 { raw.memory }
    /// Monotonic nanoseconds at which nobody waits any more.
    public var deadlineNanoseconds: UInt64 { raw.deadline_ns }
    /// Milliseconds of Unix time.
    public var nowMilliseconds: UInt64 { raw.now_ms }
    /// What the item is.
    public var kind: ItemKind { ItemKind(rawValue: raw.kind) }
    /// What a tool's annotations say.
    public var traits: RoutingTraits { RoutingTraits(rawValue: raw.traits) }

    /// The MCP method: "tools/call".
    public var method: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.method, within: self) }
    }
    /// The server's name in the configuration.
    public var server: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.server, within: self) }
    }
    /// The item as its server spells it.
    public var name: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.name, within: self) }
    }
    /// The item as this endpoint's clients know it.
    public var shown: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.shown, within: self) }
    }
    /// What the server listed of it, JSON; nil: it is in no list.
    public var definition: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.definition, within: self) }
    }
    /// The client's address; nil: not known.
    public var address: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.address, within: self) }
    }
    /// A request: its `params`; a result: the result object. JSON.
    public var body: Span<UInt8> {
        @_lifetime(copy self) get { span(raw.body, within: self) }
    }
    /// A request's arguments; nil: it has none.
    public var arguments: Span<UInt8>? {
        @_lifetime(copy self) get { optionalSpan(raw.arguments, within: self) }
    }

    /// A part of the arguments by JSON Pointer ("/query"); nil: there is none.
    public func argument(_ pointer: String) -> PassagePart? {
        raw.arguments.ptr == nil ? nil : part(pointer, of: raw.arguments)
    }
    /// The arguments of that name, all of them where a client repeats one: servers take the first or the last.
    public func everyArgument(_ name: String) -> [PassagePart] {
        guard let offset = raw.body.range(of: raw.arguments)?.lowerBound,
            let whole = JSONReader(Array(raw.arguments.bytes), services)
        else { return [] }
        return whole.places(of: name).map { (range, value) in
            PassagePart(value: value, range: range.lowerBound + offset..<range.upperBound + offset)
        }
    }
    /// A part of the body by JSON Pointer; nil: there is none.
    public func part(_ pointer: String) -> PassagePart? { part(pointer, of: raw.body) }

    private func part(_ pointer: String, of whole: jf_view) -> PassagePart? {
        guard let offset = raw.body.range(of: whole)?.lowerBound,
            let (range, _) = services.find(whole.bytes, pointer),
            let value = JSONReader(Array(whole.bytes[range]), services)
        else { return nil }
        return PassagePart(value: value, range: range.lowerBound + offset..<range.upperBound + offset)
    }
}

/// A value in the body of a ``Passage``; it may be kept.
public struct PassagePart: Sendable {
    /// What it says, copied.
    public let value: JSONReader
    /// Where it stands in the body.
    public let range: Range<Int>
}

/// What is to become of a passage.
public struct Verdict: Answer, Equatable {
    struct Change: Equatable {
        let range: Range<Int>
        let json: String
    }

    private enum Form: Equatable { case changes([Change]), answer(String), pending }
    private var form = Form.changes([])
    private struct Kept: Equatable {
        let milliseconds: UInt64
        let most: UInt64
        let preview: String
    }
    private var kept: Kept?
    /// Kept for this call's ``Passage/memory`` and ``Filter/ended(_:)``; 0: nothing is.
    public var memory: UInt64 = 0

    /// It goes on as it is, unless changes follow.
    public static let pass = Verdict()
    /// A result takes the place of what passes: of a request, the server is not asked.
    public static func answer(_ result: JSONValue) -> Verdict {
        var verdict = Verdict()
        verdict.form = .answer(result.json)
        return verdict
    }
    /// Stands for a verdict that comes later.
    public static let pending: Verdict = {
        var verdict = Verdict()
        verdict.form = .pending
        return verdict
    }()
    /// Whether it stands for a verdict that comes later.
    public var isPending: Bool { form == .pending }

    /// Of a tool's result: the gateway keeps it whole, and a link to it takes its place. The manifest's `links` must say so.
    /// Changes hold where it cannot be kept.
    /// - Parameters:
    ///   - preview: a result object whose `content` gets the link.
    ///   - most: bytes of all kept results; above, this one is not kept.
    public mutating func keep(for milliseconds: UInt64, most: UInt64, preview: JSONValue) {
        kept = Kept(milliseconds: milliseconds, most: most, preview: preview.json)
    }

    /// Replaces a part of the body. Parts may come in any order, but none within another.
    public mutating func replace(_ part: PassagePart, with value: JSONValue) {
        guard case .changes(var changes) = form else { return }
        changes.append(Change(range: part.range, json: value.json))
        form = .changes(changes)
    }

    /// Adds a member to an object of the body, which has none of that name.
    public mutating func add(_ name: String, _ value: JSONValue, to object: PassagePart) {
        guard case .changes(var changes) = form, object.value.kind == .object else { return }
        let end = object.range.upperBound - 1
        let isFirst = object.value.members.isEmpty && !changes.contains { $0.range == end..<end }
        let member = JSONValue.text(name).json + ":" + value.json
        changes.append(Change(range: end..<end, json: isFirst ? member : "," + member))
        form = .changes(changes)
    }

    /// As it goes to the host: the bytes of a jf_verdict and what follows it.
    public var encoded: EncodedAnswer {
        var bytes: [UInt8] = []
        func append(_ number: UInt64) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
        func head(_ decision: Int, _ count: Int) {
            append(UInt64(decision) | UInt64(count) << 32)
            append(memory)
        }
        switch form {
        case .pending: return EncodedAnswer(outcome: .nothing)
        case .answer(let json):
            head(Int(JF_ANSWER), 0)
            bytes.append(contentsOf: json.utf8)
        case .changes(let changes):
            if changes.isEmpty, memory == 0, kept == nil { return EncodedAnswer(outcome: .nothing) }
            if let kept {
                head(Int(JF_SPILL), changes.count)
                append(kept.milliseconds)
                append(kept.most)
                append(UInt64(kept.preview.utf8.count))
                bytes.append(contentsOf: kept.preview.utf8)
                while bytes.count % 8 != 0 { bytes.append(0) }
            } else {
                head(changes.isEmpty ? Int(JF_PASS) : Int(JF_SPLICE), changes.count)
            }
            // The order of insertions at one place is that in which they were added.
            let sorted = changes.enumerated().sorted {
                ($0.element.range.lowerBound, $0.offset) < ($1.element.range.lowerBound, $1.offset)
            }
            var done = 0
            for (_, change) in sorted {
                guard change.range.lowerBound >= done else {
                    return EncodedAnswer(outcome: .fault(JF_E_FAULT, "its changes lie within each other"))
                }
                done = change.range.upperBound
                append(UInt64(change.range.lowerBound))
                append(UInt64(change.range.upperBound))
                append(UInt64(change.json.utf8.count))
                bytes.append(contentsOf: change.json.utf8)
                while bytes.count % 8 != 0 { bytes.append(0) }
            }
        }
        return EncodedAnswer(outcome: .result(bytes))
    }

    /// A verdict is no JSON: see ``encoded``.
    public func encode(into writer: inout JSONWriter) { writer.value(.null) }
}

/// How a call ended whose request left a memory.
public struct PassedCall: Sendable {
    /// Why there was no answer; nil: there was one.
    public let failure: PluginError.Code?
    /// As in its ``Passage``.
    public let call: UInt64
    /// As in its ``Verdict``.
    public let memory: UInt64
    /// Nanoseconds since the request.
    public let latencyNanoseconds: UInt64
    /// Of the result; 0 without.
    public let bytes: UInt64
}

// MARK: The table

class FilterServer: GuardServer {
    func request(_ passage: borrowing Passage, _ context: AnswerContext) throws -> Verdict {
        fatalError("abstract")
    }
    func result(_ passage: borrowing Passage, _ context: AnswerContext) throws -> Verdict {
        fatalError("abstract")
    }
    func ended(_ call: PassedCall) { fatalError("abstract") }
}

final class TypedFilterServer<Sieve: Filter>: FilterServer {
    private var sieve: Sieve

    init(_ sieve: Sieve, _ host: Host) {
        self.sieve = sieve
        super.init(host)
    }

    override func request(_ passage: borrowing Passage, _ context: AnswerContext) throws -> Verdict {
        try sieve.request(passage, context: context)
    }
    override func result(_ passage: borrowing Passage, _ context: AnswerContext) throws -> Verdict {
        try sieve.result(passage, context: context)
    }
    override func ended(_ call: PassedCall) { sieve.ended(call) }
    override func detach() { sieve.detach() }
}

func filterTable() -> jf_filter_1 {
    jf_filter_1(
        size: UInt32(MemoryLayout<jf_filter_1>.size), flags: 0, attach: attachFilter, detach: detachFilter,
        request: filterRequest, result: filterResult, ended: callEnded, cancel: cancelOperation)
}

private func attachFilter(
    _ own: OpaquePointer?, _ name: jf_view, _ config: jf_view, _ handle: UnsafeMutablePointer<jf_ref>?,
    _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    Instance.with(own) { $0.filter?.attach(name, config, handle, why) ?? Int32(JF_E_FAULT) }
        ?? Int32(JF_E_FAULT)
}

private func detachFilter(_ own: OpaquePointer?, _ handle: jf_ref) {
    Instance.with(own) { $0.filter?.detach(handle) }
}

private func filterRequest(
    _ own: OpaquePointer?, _ op: jf_ref, _ handle: jf_ref, _ passage: UnsafePointer<jf_passage>?,
    _ verdict: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let passage else { return Int32(JF_E_FAULT) }
    return Instance.with(own) { instance in
        guard let server = instance.filter?[handle] else { return Int32(JF_E_STALE) }
        return answer(op, server.host, verdict, why) {
            try server.request(Passage(passage, server.host.services), $0)
        }
    } ?? Int32(JF_E_FAULT)
}

private func filterResult(
    _ own: OpaquePointer?, _ op: jf_ref, _ handle: jf_ref, _ passage: UnsafePointer<jf_passage>?,
    _ verdict: UnsafeMutablePointer<jf_blob>?, _ why: UnsafeMutablePointer<jf_fault>?
) -> Int32 {
    guard let passage else { return Int32(JF_E_FAULT) }
    return Instance.with(own) { instance in
        guard let server = instance.filter?[handle] else { return Int32(JF_E_STALE) }
        return answer(op, server.host, verdict, why) {
            try server.result(Passage(passage, server.host.services), $0)
        }
    } ?? Int32(JF_E_FAULT)
}

private func callEnded(_ own: OpaquePointer?, _ handle: jf_ref, _ passed: UnsafePointer<jf_passed>?) {
    guard let passed = attach(UnsafeRawPointer(passed), jf_passed()) else { return }
    Instance.with(own) {
        $0.filter?[handle]?.ended(
            PassedCall(
                failure: passed.status == JF_OK ? nil : PluginError.Code(status: passed.status),
                call: passed.call, memory: passed.memory, latencyNanoseconds: passed.latency_ns,
                bytes: passed.bytes))
    }
}
