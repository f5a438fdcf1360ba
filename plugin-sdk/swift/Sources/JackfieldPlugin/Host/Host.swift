// SPDX-License-Identifier: Apache-2.0
// What the gateway offers to a plugin, as far as plugin authors see it.

import CJackfield

/// How urgent a log record is.
public enum LogLevel: UInt32, Sendable {
    /// Every step, for debugging the plugin.
    case trace = 0
    /// Decisions, for debugging a configuration.
    case debug
    /// What an operator may want to know: rare events.
    case info
    /// Something is wrong, but work goes on.
    case warning
    /// Something failed.
    case error
}

/// The gateway, as one configured server of a plugin sees it. Cheap to copy.
///
/// Members marked [any] work on every thread. [lane] means the instance's own thread: inside the methods of
/// the plugin's types, in timers and watches, and in what ``onLane(_:)`` runs. The lane serves all calls of
/// its loop, so nothing on it may block; a millisecond is the budget. After the plugin was stopped every
/// member does nothing.
public struct Host: Sendable {
    let services: HostServices
    /// The host's handle of the set; 0 outside of one.
    let set: jf_ref
    /// The plugin's own configuration (not that of one server), valid against the manifest's `config` schema.
    public let configuration: JSONReader

    /// The instance that the facets share; nil: the plugin has none of that type, or it is not made yet.
    /// [lane]
    public func plugin<Shared: Plugin>(_ type: Shared.Type) -> Shared? { services.plugin as? Shared }

    // MARK: Log and time

    /// Writes one record: a sentence, and details as fields. Never blocks. [any]
    public func log(_ level: LogLevel, _ text: String, _ fields: KeyValuePairs<String, String> = [:]) {
        services.write(level.rawValue, text, fields.map { ($0.key, $0.value) })
    }

    /// Whether records of this level are written at all: ask before building an expensive one. [any]
    public func isLogging(_ level: LogLevel) -> Bool { services.isLogging(level.rawValue) }

    /// Nanoseconds of the monotonic clock: for measuring, and the base of deadlines. [any]
    public var monotonicNanoseconds: UInt64 { services.monotonic }

    /// Nanoseconds since 1970-01-01 UTC: for showing and storing, never for measuring. [any]
    public var unixNanoseconds: UInt64 { services.wall }

    /// The monotonic time at which the current batch of events began: cheaper than asking the clock. [lane]
    public var batchNanoseconds: UInt64 { services.batch }

    // MARK: The lane

    /// This event loop's number from 0, and how many there are: each has its own instance where the manifest
    /// says `threads: per-loop`. [any]
    public var loop: (index: Int, count: Int) { services.place }

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

    /// Watches a descriptor, which stays the plugin's: `body` is called with each change of readiness, until
    /// the watch is stopped. Stop it before closing the descriptor. [lane]
    /// - Throws: ``PluginError`` when the host refuses the descriptor or has no watch left.
    public func watch(
        _ descriptor: Int32, for events: Readiness, _ body: @escaping (Readiness) -> Void
    ) throws -> Watch {
        let watch = Watch(services, body)
        let status = services.begin(watch, descriptor, events.rawValue)
        guard status == JF_OK else {
            throw PluginError(
                PluginError.Code(status: status), "descriptor \(descriptor) cannot be watched")
        }
        return watch
    }

    // MARK: Memory

    /// Zeroed memory that the host accounts to this instance; nil: the limit is reached, the count is not
    /// positive, or the host has no `jf.memory/1`, which the manifest must list. [lane]
    public func allocate(_ count: Int) -> HostBuffer? { services.allocate(count, pooled: false) }

    /// A buffer from the loop's pool, at least as large, not zeroed; nil as for ``allocate(_:)``. For bodies
    /// on their way: give it up soon. Its last reference must be released on the lane. [lane]
    public func borrowBuffer(atLeast count: Int) -> HostBuffer? { services.allocate(count, pooled: true) }

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
