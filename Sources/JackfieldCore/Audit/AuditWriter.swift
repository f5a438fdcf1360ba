// SPDX-License-Identifier: Apache-2.0
// The thread that makes lines of records and puts them on disk.

import CLinux
import Glibc
import JSON
import Synchronization

/// How the audit log fares, for `/healthz`.
struct AuditState: Sendable, Equatable {
    var file = ""
    var records: UInt64 = 0
    /// What stands in the way of writing; nil: nothing.
    var failure: String?
}

/// Takes what lanes recorded, a batch at a time. Shared state is behind locks and atomics; the rest belongs to the thread
/// (`@unchecked Sendable`).
final class AuditWriter: @unchecked Sendable {
    private let plan: AuditPlan
    private let log: Log
    private let audit: AuditLog
    private let usage: UsageLedger
    private let arguments: AuditArguments
    /// Filled before the thread starts.
    var lanes: [AuditLane] = []
    private let lost = Atomic<Int>(0)
    private let blocked = Atomic<Int>(0)
    private let stopping = Atomic<Bool>(false)
    private let shown = Mutex(AuditState())
    private let asked = Mutex<[@Sendable () -> Void]>([])
    /// Allocated once, never moved.
    private let work: UnsafeMutablePointer<sem_t>
    private var thread = pthread_t()
    private var isRunning = false

    // The thread's own.
    private var taken: [UInt8] = []
    private var lostBefore = 0
    private var lostSince: UInt64 = 0
    private var syncedAt: UInt64 = 0
    private var countedAt: UInt64 = 0

    /// How long records gather before they are written, in nanoseconds.
    private static let gathering: UInt64 = 5_000_000
    private static let retry: UInt64 = 250_000_000
    private static let counting: UInt64 = 2_000_000_000

    init(_ plan: AuditPlan, gateway: String, signer: AuditSigner?, log: Log) throws(AuditProblem) {
        self.plan = plan
        self.log = log
        audit = try AuditLog(plan, gateway: gateway, signer: signer)
        usage = UsageLedger(plan.stateDirectory + "/usage")
        arguments = AuditArguments(plan)
        work = .allocate(capacity: 1)
        sem_init(work, 0, 0)
    }

    deinit { work.deallocate() }

    // MARK: Any thread

    var state: AuditState { shown.withLock { $0 } }
    var lostRecords: Int { lost.load(ordering: .relaxed) }
    var blockedCalls: Int { blocked.load(ordering: .relaxed) }

    func wake() { sem_post(work) }

    func lose() { lost.add(1, ordering: .relaxed) }

    func block() { blocked.add(1, ordering: .relaxed) }

    /// Once all that was recorded until now is written and counted, or cannot be.
    func afterwards(_ body: @escaping @Sendable () -> Void) {
        asked.withLock { $0.append(body) }
        wake()
    }

    // MARK: Life

    /// Writes the first records and starts the thread.
    func start(version: String) throws(AuditProblem) {
        // A file at its limit is an error of the write, not the end of this process.
        signal(SIGXFSZ, SIG_IGN)
        audit.add("start") { writer in
            writer.key("version")
            writer.value(version)
            writer.key("pid")
            writer.value(getpid())
        }
        put(jf_monotonic_ns(), isForced: true)
        if let failure = state.failure { throw AuditProblem("cannot write the audit log: \(failure)") }
        isRunning =
            pthread_create(&thread, nil, runAuditWriter, Unmanaged.passUnretained(self).toOpaque()) == 0
        guard isRunning else { throw AuditProblem("cannot start the thread of the audit log") }
    }

    /// Writes what there is, and the end. No lane may record any more.
    func stop() {
        guard isRunning else { return }
        isRunning = false
        stopping.store(true, ordering: .releasing)
        wake()
        pthread_join(thread, nil)
        drain()
        audit.add("stop") { _ in }
        audit.checkpoint()
        put(jf_monotonic_ns(), isForced: true)
        usage.save()
    }

    fileprivate func run() {
        _ = jf_thread_set_name("audit")
        while !stopping.load(ordering: .acquiring) {
            let isWoken = wait(pause)
            let now = jf_monotonic_ns()
            if state.failure == nil {
                // More comes with the first record, most of the time; a lane that runs full says so.
                if isWoken { wait(Self.gathering) }
                drain()
            }
            let wasFailing = state.failure != nil
            put(now, isForced: false)
            if wasFailing, state.failure == nil {
                // What gathered meanwhile wakes nobody.
                drain()
                put(now, isForced: false)
            }
            if now &- countedAt > Self.counting {
                countedAt = now
                usage.save()
            }
            answer()
        }
    }

    /// How long nothing is due: nobody wakes for a log that is at rest.
    private var pause: UInt64 {
        if state.failure != nil { return Self.retry }
        return audit.isAtRest && usage.isAtRest ? 30_000_000_000 : min(plan.syncInterval, 1_000_000_000)
    }

    /// Until there is work, or so many nanoseconds are over. Whether there is work.
    @discardableResult
    private func wait(_ pause: UInt64) -> Bool {
        var until = timespec()
        clock_gettime(CLOCK_REALTIME, &until)
        let nanoseconds = UInt64(until.tv_nsec) + pause
        until.tv_sec += Int(nanoseconds / 1_000_000_000)
        until.tv_nsec = Int(nanoseconds % 1_000_000_000)
        guard sem_timedwait(work, &until) == 0 else { return false }
        // One turn serves everybody who woke it.
        while sem_trywait(work) == 0 {}
        return true
    }

    private func answer() {
        let bodies = asked.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        guard !bodies.isEmpty else { return }
        if state.failure == nil { drain() }
        put(jf_monotonic_ns(), isForced: true)
        usage.save()
        for body in bodies { body() }
    }

    // MARK: Records

    private func drain() {
        for lane in lanes {
            lane.take(&taken)
            taken.withUnsafeBytes { bytes in
                var at = 0
                while at < bytes.count {
                    let reading = AuditReading(UnsafeRawBufferPointer(rebasing: bytes[at...]))
                    write(reading)
                    at += Int(reading.head.length)
                }
            }
        }
        noteLosses()
    }

    /// What was not recorded is on record itself.
    private func noteLosses() {
        let lost = lostRecords
        guard lost > lostBefore else { return }
        let missing = lost - lostBefore
        lostBefore = lost
        audit.add("lost") { writer in
            writer.key("records")
            writer.value(missing)
        }
    }

    private func write(_ reading: AuditReading) {
        let head = reading.head
        if head.kind == AuditKind.call.rawValue {
            usage.count(reading)
            guard plan.calls else { return }
        }
        let kind = AuditKind(rawValue: head.kind) ?? .call
        audit.add(kind.text, time: head.time) { writer in
            reading.write(to: &writer)
            arguments.write(reading[.arguments], to: &writer)
            reading.writeOutcome(to: &writer)
        }
        if audit.waiting >= min(AuditLog.batch, plan.rotateBytes), state.failure == nil {
            put(jf_monotonic_ns(), isForced: false)
        }
    }

    // MARK: The disk

    /// Writes, syncs, signs and rotates, as far as each is due.
    private func put(_ now: UInt64, isForced: Bool) {
        if audit.waiting == 0 { audit.checkpointIfDue(now) }
        var failure: String?
        var code = audit.flush()
        if code == 0, isForced || plan.sync == .batch || now &- syncedAt >= plan.syncInterval {
            syncedAt = now
            code = audit.sync()
        }
        if code != 0 {
            failure = "\(audit.fileName): \(errorText(code))"
        } else {
            do throws(AuditProblem) { try audit.rotateIfDue() } catch { failure = error.description }
        }
        let state = AuditState(
            file: audit.fileName, records: audit.sequence, failure: code == 0 ? nil : failure)
        let before = shown.withLock { shown in
            defer { shown = state }
            return shown.failure
        }
        report(before, failure)
    }

    private func report(_ before: String?, _ failure: String?) {
        if let failure, before == nil {
            lostSince = UInt64(lostRecords)
            log.write(
                .error,
                plan.onFull == .block
                    ? "the audit log cannot be written: calls are refused once its buffer is full"
                    : "the audit log cannot be written: records are lost once its buffer is full",
                [.init("directory", plan.directory), .init("why", failure)])
        } else if failure == nil, before != nil {
            log.write(
                .warning, "the audit log is written again",
                [.init("lost_records", String(UInt64(lostRecords) - lostSince))])
        }
    }
}

private func runAuditWriter(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<AuditWriter>.fromOpaque(argument).takeUnretainedValue().run()
    return nil
}

extension AuditReading {
    /// Who, what and by which rule.
    func write(to writer: inout JSONWriter) {
        if self[.subject] != nil {
            writer.key("principal")
            writer.beginObject()
            for (field, name) in Self.principal { put(field, name, &writer) }
            writer.endObject()
        }
        for (field, name) in Self.circumstances { put(field, name, &writer) }
        if head.isPlugin != 0 {
            writer.key("by")
            writer.value("plugin")
        }
        let isDenied = head.outcome == AuditOutcome.denied.rawValue
        if head.kind != AuditKind.change.rawValue {
            writer.key("decision")
            writer.value(isDenied ? "denied" : "allowed")
        }
        if let reason = AuditReason(rawValue: head.reason), reason != .none {
            writer.key("reason")
            writer.value(reason.text)
        }
        put(.rule, "rule", &writer)
    }

    func writeOutcome(to writer: inout JSONWriter) {
        writer.key("outcome")
        writer.value((AuditOutcome(rawValue: head.outcome) ?? .open).text)
        if head.code != 0 {
            writer.key("code")
            writer.value(head.code)
        }
        put(.text, "text", &writer)
        if let details = self[.details] {
            writer.key("details")
            writer.raw(details)
        }
        if head.kind == AuditKind.call.rawValue {
            writer.key("latency_us")
            writer.value(head.latency / 1000)
            writer.key("bytes_out")
            writer.value(head.bytesOut)
        }
        if head.bytesIn != 0 {
            writer.key("bytes_in")
            writer.value(head.bytesIn)
        }
        put(.trace, "trace", &writer)
    }

    private func put(_ field: AuditField, _ name: StaticString, _ writer: inout JSONWriter) {
        guard let text = self[field] else { return }
        writer.key(name)
        writer.string(text)
    }

    private static let principal: [(AuditField, StaticString)] = [
        (.principal, "key"), (.subject, "subject"), (.tenant, "tenant"), (.issuer, "issuer"),
        (.provider, "provider"), (.credential, "credential"),
    ]
    private static let circumstances: [(AuditField, StaticString)] = [
        (.user, "user"), (.action, "action"), (.client, "client"), (.method, "method"), (.tool, "tool"),
        (.server, "server"), (.name, "name"),
    ]
}
