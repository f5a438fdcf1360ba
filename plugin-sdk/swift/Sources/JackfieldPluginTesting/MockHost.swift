// SPDX-License-Identifier: Apache-2.0
// A gateway for unit tests: one instance of a plugin, with every service on a real event loop.

import CJackfield
import CMockHost
import Glibc
import JackfieldPlugin

/// A plugin's entry function, the one with `@c(jf_entry_1)`.
public typealias PluginEntryFunction = @convention(c) (PluginOffer, PluginRefusal) -> PluginTable

/// What a ``MockHost`` offers, where it is not the usual.
public struct MockSettings {
    /// Services that the host lacks, by id: "jf.log/1".
    public var hiddenServices: [String] = []
    /// Tables of the test's own by service id, also in place of built-in ones. They must outlive the host.
    public var services: [String: UnsafeRawPointer] = [:]
    /// Secrets by name.
    public var secrets: [String: String] = [:]
    /// What ``Host/loop`` says.
    public var loop: (index: Int, count: Int) = (0, 1)
    /// How many bytes of memory the instance may have; nil: no limit.
    public var memoryLimit: Int?

    /// The usual.
    public init() {}
}

/// Why a plugin could not be brought up.
public struct MockFailure: Error, CustomStringConvertible {
    /// Which step failed, and what the plugin says.
    public let description: String
}

/// The gateway in a test. It loads the plugin, drives it, records what it does, and checks the rules of the
/// ABI as it goes: wrong threads, leaks, requests that are never answered, JSON that is none.
///
///     let host = try MockHost(entry)
///     let set = try host.openSet("dice")
///     #expect(set.call("roll", ["dice": "1d2"]).wait().status == .ok)
///     #expect(host.end() == [])
///
/// The thread that makes it is the lane: use it in one synchronous test function, where no `await` can change
/// threads. Nothing in it runs by itself; ``settle()``, ``wait(until:timeout:)`` and the like run the loop.
public final class MockHost {
    /// The mock itself, for what `jf_mock.h` can do beyond this class.
    public let mock: OpaquePointer
    private var isEnded = false
    var calls: MockCalls?

    /// Brings up a plugin that is linked into the test, without its manifest.
    public convenience init(
        _ entry: PluginEntryFunction, configuration: JSONValue = [:], settings: MockSettings = MockSettings()
    ) throws {
        try self.init(configuration, settings) { jf_mock_attach($0, entry) }
    }

    /// Brings up a plugin's shared object, and holds it to its manifest.
    public convenience init(
        library path: String, configuration: JSONValue = [:], settings: MockSettings = MockSettings()
    ) throws {
        try self.init(configuration, settings) { jf_mock_load($0, path) }
    }

    private init(
        _ configuration: JSONValue, _ settings: MockSettings, _ load: (OpaquePointer) -> Int32
    ) throws {
        guard let mock = jf_mock_new() else { throw MockFailure(description: "out of memory") }
        self.mock = mock
        for id in settings.hiddenServices { jf_mock_hide(mock, id) }
        for (id, table) in settings.services { jf_mock_offer(mock, id, table) }
        for (name, value) in settings.secrets { jf_mock_set_secret(mock, name, value) }
        jf_mock_set_loop(mock, UInt32(clamping: settings.loop.index), UInt32(clamping: settings.loop.count))
        if let limit = settings.memoryLimit { jf_mock_set_memory_limit(mock, UInt64(clamping: limit)) }
        // Several plugins in one test program share the SDK's one note of what their entry function was.
        bringingUp.lock()
        defer { bringingUp.unlock() }
        try step("load", load(mock))
        try step("create", jf_mock_create(mock, configuration.json))
        try step("start", jf_mock_start(mock))
    }

    deinit { jf_mock_free(mock) }

    private func step(_ name: String, _ status: Int32) throws {
        if status != JF_OK { throw MockFailure(description: "\(name): status \(status): \(why)") }
    }

    /// What the plugin said when it last refused something.
    public var why: String { String(cString: jf_mock_why(mock)) }

    // MARK: The end

    /// Asks the plugin to come to an end.
    public func drain(timeout: Duration = .seconds(5)) { jf_mock_drain(mock, milliseconds(timeout)) }

    /// Stops the plugin, as before its end.
    public func stop() { jf_mock_stop(mock) }

    /// Stops and destroys the instance, and looks for what it left behind. Returns every rule that was broken
    /// since the beginning; expect it to be empty.
    @discardableResult
    public func end() -> [String] {
        if !isEnded {
            isEnded = true
            jf_mock_destroy(mock)
        }
        return problems
    }

    /// The rules that were broken so far.
    public var problems: [String] {
        (0..<jf_mock_problems(mock)).compactMap { jf_mock_problem(mock, $0).map { String(cString: $0) } }
    }

    /// Forgets the problems so far: for tests that provoke them.
    public func forgiveProblems() { jf_mock_forgive(mock) }

    // MARK: The loop

    /// Runs the loop until nothing is left to do; timers that are not due do not count.
    public func settle() { jf_mock_settle(mock) }

    /// Moves the host's clock forward, so that timers are due without waiting; runs what became due.
    public func advance(_ duration: Duration) {
        jf_mock_advance(mock, UInt64(milliseconds(duration)) * 1_000_000)
        jf_mock_settle(mock)
    }

    /// Runs the loop until `condition` is true; false: it was not within that time.
    public func wait(
        until condition: @escaping () -> Bool, timeout: Duration = .seconds(5)
    ) -> Bool {
        let box = Condition(condition)
        return jf_mock_run_until(
            mock, { Unmanaged<Condition>.fromOpaque($0!).takeUnretainedValue().body() },
            Unmanaged.passUnretained(box).toOpaque(), milliseconds(timeout))
    }

    /// The longest single callback so far: the ABI's budget is 1 ms.
    public var longestCallback: Duration { .nanoseconds(Int64(clamping: jf_mock_longest(mock))) }

    // MARK: What it was told

    /// Whether a log record of at least this level has `part` in its text or fields.
    public func logged(_ level: LogLevel, _ part: String) -> Bool {
        jf_mock_logged(mock, level.rawValue, part)
    }

    /// Everything that happened so far, oldest first.
    public var events: [MockEvent] {
        (0..<jf_mock_mark(mock)).compactMap { jf_mock_event_at(mock, $0).map { MockEvent($0.pointee) } }
    }

    /// The text of a value in a JSON text, by JSON Pointer: strings decoded, everything else as it stands.
    /// nil: there is none.
    public func value(_ pointer: String, in json: String) -> String? {
        take(jf_mock_json_get(mock, json, pointer))
    }
}

private final class Condition {
    let body: () -> Bool

    init(_ body: @escaping () -> Bool) { self.body = body }
}

/// Serializes what the SDK keeps in one place.
private final class BringingUp: Sendable {
    nonisolated(unsafe) private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    init() {
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
    }

    func lock() { pthread_mutex_lock(mutex) }
    func unlock() { pthread_mutex_unlock(mutex) }
}

private let bringingUp = BringingUp()

/// Whole milliseconds, as far as the mock can count.
func milliseconds(_ duration: Duration) -> UInt32 {
    let (seconds, attoseconds) = duration.components
    let whole = seconds.multipliedReportingOverflow(by: 1000)
    return whole.overflow ? .max : UInt32(clamping: whole.partialValue &+ attoseconds / 1_000_000_000_000_000)
}

/// Takes over a text that the mock allocated.
func take(_ text: UnsafeMutablePointer<CChar>?) -> String? {
    guard let text else { return nil }
    defer { free(text) }
    return String(cString: text)
}
