// SPDX-License-Identifier: Apache-2.0
// What filters have to do with one call, from its request to its end.

import CJackfield
import CLinux
import JSON
import MCP

/// Belongs to its call, and to operations that filters have not finished.
final class Passing {
    /// A filter that let the request pass and has yet to see its result or its end.
    struct Step {
        let filter: FilterBinding
        /// The build that saw the request sees the rest.
        let attachment: Attachment
        let phases: FilterPhases
        var memory: UInt64 = 0
        var since: UInt64 = 0
    }

    private(set) var steps: [Step] = []
    /// How many of `steps` have yet to see the result: the first of them.
    var left = 0
    /// Every filter has seen the result.
    var isOver = false
    /// The operation that the result waits for; 0: none.
    var operation: UInt64 = 0
    /// The result is on its way into the store: goes on without that.
    var keeping: (() -> Void)?
    /// How the result is to be written, once the server's part is over.
    var form: ResultForm?
    var status = Int32(JF_E_GONE)
    /// Of the result.
    var bytes = 0
    /// A filter wants to see the result.
    private(set) var seesResults = false
    let target: Lane.Target
    /// Its result is a tool's.
    let isTool: Bool
    private let caller: Principal
    private let texts: UnsafeMutableRawPointer
    private var shown = jf_passage()
    private var isTold = false

    /// - Parameter path: the endpoint's; nil: none.
    init(_ call: Call, _ target: Lane.Target, _ server: String, at path: String?) {
        self.target = target
        isTool = call.method == .toolsCall
        caller = call.caller
        let address = call.client?.address ?? ""
        let definition = target.item?.raw ?? []
        let shownName = target.shown ?? target.shownURI ?? target.name
        let all = [server, target.name, shownName, path ?? "", address]
        let count = all.reduce(definition.count) { $0 + $1.utf8.count }
        texts = .allocate(byteCount: max(count, 1), alignment: 1)
        var place = texts
        func keep(_ bytes: UnsafeRawBufferPointer) -> jf_view {
            guard let base = bytes.baseAddress, bytes.count > 0 else { return jf_view("") }
            place.copyMemory(from: base, byteCount: bytes.count)
            defer { place += bytes.count }
            return jf_view(UnsafeRawBufferPointer(start: place, count: bytes.count))
        }
        func keep(_ text: String) -> jf_view {
            var text = text
            return text.withUTF8 { keep(UnsafeRawBufferPointer($0)) }
        }
        shown.size = UInt32(MemoryLayout<jf_passage>.size)
        shown.principal = caller.lent
        shown.call = call.handle
        shown.traits = target.traits.rawValue
        shown.method = jf_view(call.method.name)
        switch call.method {
        case .toolsCall: shown.kind = UInt32(JF_TOOLS)
        case .promptsGet: shown.kind = UInt32(JF_PROMPTS)
        case .completionComplete
        where target.replacement?.starts(with: "{\"type\":\"ref/prompt\"".utf8) == true:
            shown.kind = UInt32(JF_PROMPTS)
        default: shown.kind = UInt32(JF_RESOURCES)
        }
        shown.server = keep(server)
        shown.name = keep(target.name)
        shown.shown = keep(shownName)
        if path != nil { shown.target = keep(path ?? "") }
        if !address.isEmpty { shown.address = keep(address) }
        if !definition.isEmpty { shown.definition = definition.withUnsafeBytes { keep($0) } }
    }

    deinit { texts.deallocate() }

    /// A filter let the request pass.
    func add(_ filter: FilterBinding, _ attachment: Attachment, _ phases: FilterPhases, memory: UInt64 = 0) {
        guard phases.contains(.result) || memory != 0 else { return }
        attachment.take()
        if phases.contains(.result) { seesResults = true }
        let step = Step(
            filter: filter, attachment: attachment, phases: phases, memory: memory,
            since: memory == 0 ? 0 : jf_monotonic_ns())
        // What is kept must be what all others made of it: the first in the list sees results last.
        if filter.plan.links {
            steps.insert(step, at: steps.firstIndex { !$0.filter.plan.links } ?? steps.count)
        } else {
            steps.append(step)
        }
        left = steps.count
    }

    /// What a filter is shown; valid while this object and the bytes of `body` are.
    func passage(
        _ body: UnsafeRawBufferPointer, arguments: UnsafeRawBufferPointer?, memory: UInt64, isError: Bool,
        links: Bool, deadline: UInt64
    ) -> jf_passage {
        var it = shown
        it.body = jf_view(body)
        if let arguments { it.arguments = jf_view(arguments) }
        it.memory = memory
        it.deadline_ns = deadline
        it.now_ms = jf_realtime_ns() / 1_000_000
        if isError { it.flags |= UInt32(JF_PASSAGE_ERROR) }
        if links { it.flags |= UInt32(JF_PASSAGE_LINKS) }
        return it
    }

    /// Notes how a try ended. True: what the server did is told already, and filters did the rest.
    func endsTwice(_ status: Int32) -> Bool {
        self.status = status
        return isTold
    }

    /// The server's part is over and told.
    func serverIsDone() { isTold = true }

    /// The call is over: those that left a memory hear of it, once.
    func end() {
        let now = jf_monotonic_ns()
        let ended = steps
        steps = []
        left = 0
        for step in ended {
            if step.memory != 0, let own = step.attachment.instance.own {
                var passed = jf_passed()
                passed.size = UInt32(MemoryLayout<jf_passed>.size)
                passed.status = status
                passed.call = shown.call
                passed.memory = step.memory
                passed.latency_ns = now &- step.since
                passed.bytes = UInt64(bytes)
                step.attachment.instance.filter?.ended?(own, step.attachment.handle, &passed)
            }
            step.attachment.release()
        }
    }
}

/// A passage that its plugin may look at until its operation is over.
final class PassageLoan {
    let passing: Passing
    let body: UnsafeRawBufferPointer
    let passage: UnsafeMutablePointer<jf_passage>
    private let memory: UnsafeMutableRawPointer

    /// Copies the body.
    init(
        _ passing: Passing, _ bytes: UnsafeRawBufferPointer, arguments: UnsafeRawBufferPointer?,
        memory own: UInt64,
        isError: Bool, links: Bool, deadline: UInt64
    ) {
        self.passing = passing
        memory = .allocate(byteCount: bytes.count + 1, alignment: 1)
        if let base = bytes.baseAddress { memory.copyMemory(from: base, byteCount: bytes.count) }
        body = UnsafeRawBufferPointer(start: memory, count: bytes.count)
        var part: UnsafeRawBufferPointer?
        if let arguments, let base = arguments.baseAddress, let start = bytes.baseAddress {
            part = UnsafeRawBufferPointer(start: memory + (base - start), count: arguments.count)
        }
        passage = .allocate(capacity: 1)
        passage.initialize(
            to: passing.passage(
                body, arguments: part, memory: own, isError: isError, links: links, deadline: deadline))
    }

    deinit {
        passage.deallocate()
        memory.deallocate()
    }
}
