// SPDX-License-Identifier: Apache-2.0
// What the gateway offers to a plugin, as far as plugin authors see it.

import CJackfield

/// How urgent a log record is.
public enum LogLevel: UInt32, Sendable {
    case trace = 0
    case debug, info, warning, error
}

/// The gateway, as one configured server of a plugin sees it. Cheap to copy.
///
/// Members marked [any] work on every thread. [lane] means the instance's own thread: inside the methods of a
/// ``Toolset``, in timers, and in what ``onLane(_:)`` runs. The lane serves all calls of its loop, so nothing
/// on it may block; a millisecond is the budget. After the plugin was stopped every member does nothing.
public struct Host: Sendable {
    let services: HostServices
    /// The host's handle of the set; 0 outside of one.
    let set: jf_ref
    /// The plugin's own configuration (not that of one server), valid against the manifest's `config` schema.
    public let configuration: JSONReader

    // MARK: Log and time

    /// Writes one record: a sentence, and details as fields. Never blocks. [any]
    public func log(_ level: LogLevel, _ text: String, _ fields: KeyValuePairs<String, String> = [:]) {
        services.write(level.rawValue, text, fields.map { ($0.key, $0.value) })
    }

    /// Whether records of this level are written at all. [any]
    public func isLogging(_ level: LogLevel) -> Bool { services.isLogging(level.rawValue) }

    /// Nanoseconds of the monotonic clock: for measuring, and the base of deadlines. [any]
    public var monotonicNanoseconds: UInt64 { services.monotonic }

    /// Nanoseconds since 1970-01-01 UTC: for showing and storing, never for measuring. [any]
    public var unixNanoseconds: UInt64 { services.wall }

    // MARK: The lane

    /// Runs `body` once after `delay` (resolution 1 ms, never early). Should the host have no timer left,
    /// `body` is released instead and a warning logged; a ``Pending`` that it held then fails by itself.
    /// [lane]
    @discardableResult
    public func after(_ delay: Duration, _ body: @escaping () -> Void) -> Timer {
        let timer = Timer(services, body)
        if !services.arm(timer, after: delay.nanoseconds) {
            timer.cancel()
            log(.warning, "a timer could not be set")
        }
        return timer
    }

    /// Runs `body` on the lane soon, never from inside this call: the way back from other threads. [any]
    public func onLane(_ body: @escaping @Sendable () -> Void) { services.post(body) }

    // MARK: Secrets and changes

    /// The secret that a configuration names; nil when there is none of that name. [any]
    public func secret(_ name: String) -> String? { services.secret(name) }

    /// Says that ``Toolset/tools`` answers something else now; the host lists again. [any]
    public func toolsChanged() { services.changed(set, UInt32(JF_TOOLS)) }
    /// The same for ``Toolset/resources``. [any]
    public func resourcesChanged() { services.changed(set, UInt32(JF_RESOURCES)) }
    /// The same for ``Toolset/templates``. [any]
    public func templatesChanged() { services.changed(set, UInt32(JF_TEMPLATES)) }
    /// The same for ``Toolset/prompts``. [any]
    public func promptsChanged() { services.changed(set, UInt32(JF_PROMPTS)) }
}
