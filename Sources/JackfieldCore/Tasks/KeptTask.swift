// SPDX-License-Identifier: Apache-2.0
// Tasks that the gateway keeps itself, because one side has none or others: calls that became tasks, and their results.

import JSON
import MCP
import Synchronization

/// Names a call on a lane.
struct CallPlace: Sendable, Equatable {
    let lane: Int
    let handle: UInt64
}

/// One kept task.
struct KeptTask: Sendable {
    var record: TaskRecord
    /// Our id, as the client knows it.
    let id: String
    /// The server behind it, where its name is shown.
    let serverName: String?
    /// The words in which results are stored.
    let revision: Revision
    /// What policies are asked about; nil: there were none.
    var tool: TaskTool?
    /// The call behind it, while it runs.
    var call: CallPlace?
    /// What is asked, by key, so that an answer's shape can be checked wherever it arrives.
    var asks: [String: Question] = [:]
    /// Legacy clients that wait for the result (`tasks/result`).
    var waiters: [CallPlace] = []
    /// Counted against the limit.
    var bytes = 0
}

/// All kept tasks. Any thread.
final class TaskTable: Sendable {
    private struct State {
        var tasks: [UInt64: KeptTask] = [:]
        var next: UInt64 = 1
        var bytes = 0
    }

    private let state = Mutex(State())
    private let maxCount: Int
    private let maxBytes: Int

    init(_ limits: LimitsPlan) {
        maxCount = limits.tasks
        maxBytes = limits.taskBytes
    }

    /// Keeps a task; nil at the limit. `name` gives its id from its handle, nil when it cannot.
    func add(
        _ record: TaskRecord, revision: Revision, call: CallPlace, serverName: String?,
        tool: TaskTool? = nil, now: UInt64, name: (UInt64) -> String?
    ) -> UInt64? {
        state.withLock { state in
            if state.tasks.count >= maxCount {
                // What is over and out of time gives way at once; the sweep finds the rest.
                for (handle, task) in state.tasks where task.call == nil && task.record.isExpired(now) {
                    state.bytes -= task.bytes
                    state.tasks[handle] = nil
                }
            }
            guard state.tasks.count < maxCount, let id = name(state.next) else { return nil }
            let handle = state.next
            state.next += 1
            state.tasks[handle] = KeptTask(
                record: record, id: id, serverName: serverName, revision: revision, tool: tool, call: call)
            return handle
        }
    }

    func find(_ handle: UInt64) -> KeptTask? { state.withLock { $0.tasks[handle] } }

    /// Changes a task in place; nil when it is gone.
    func change<R: Sendable>(_ handle: UInt64, _ body: (inout KeptTask) -> R) -> R? {
        state.withLock { state in
            guard state.tasks[handle] != nil else { return nil }
            return body(&state.tasks[handle]!)
        }
    }

    /// Room for a result; false at the limit.
    func take(bytes: Int, for handle: UInt64) -> Bool {
        state.withLock { state in
            guard state.tasks[handle] != nil, state.bytes + bytes <= maxBytes else { return false }
            state.bytes += bytes
            state.tasks[handle]?.bytes += bytes
            return true
        }
    }

    /// Forgets tasks whose time is over, and returns them with their handles.
    func sweep(_ now: UInt64) -> [(handle: UInt64, task: KeptTask)] {
        state.withLock { state in
            var gone: [(handle: UInt64, task: KeptTask)] = []
            for (handle, task) in state.tasks where task.record.isExpired(now) {
                state.bytes -= task.bytes
                state.tasks[handle] = nil
                gone.append((handle, task))
            }
            return gone
        }
    }

    var count: Int { state.withLock { $0.tasks.count } }
}
