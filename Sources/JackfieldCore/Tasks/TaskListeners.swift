// SPDX-License-Identifier: Apache-2.0
// Which streams want to hear of which tasks (the extension's `taskIds` in `subscriptions/listen`).

/// A task, whoever keeps it.
enum TaskKey: Hashable, Sendable {
    case kept(UInt64)
    /// Of a modern server: its name and its own id.
    case server(String, String)
}

/// Belongs to one lane.
final class TaskListeners {
    struct Listener {
        unowned let subscriber: Subscriber
        /// The id under which this client knows the task.
        let id: String
        /// Of a task that its server keeps: what policies are asked about.
        let tool: TaskTool?
    }

    /// Names one listener.
    struct Place: Hashable {
        let subscriber: ObjectIdentifier
        let key: TaskKey
    }

    private var byKey: [TaskKey: [Listener]] = [:]
    /// News that wait for policies, the newest for each: `params` of a server's, empty for a kept task.
    var undecided: [Place: [UInt8]] = [:]

    func join(_ subscriber: Subscriber, _ key: TaskKey, _ id: String, _ tool: TaskTool? = nil) {
        subscriber.tasks.append((key, id))
        byKey[key, default: []].append(Listener(subscriber: subscriber, id: id, tool: tool))
    }

    /// Takes a stream out of everything; returns the keys that nobody listens for any more.
    func leave(_ subscriber: Subscriber) -> [TaskKey] {
        var deserted: [TaskKey] = []
        for (key, _) in subscriber.tasks {
            byKey[key]?.removeAll { $0.subscriber === subscriber }
            if byKey[key]?.isEmpty == true {
                byKey[key] = nil
                deserted.append(key)
            }
        }
        subscriber.tasks = []
        return deserted
    }

    func listeners(_ key: TaskKey) -> [Listener] { byKey[key] ?? [] }
}

/// Our `subscriptions/listen` for one task of a modern server. Belongs to the server's home lane.
final class TaskWatch {
    let key: TaskKey
    /// Lanes on which somebody listens.
    var lanes: Set<Int>
    /// The standing request.
    var handle: UInt64 = 0

    init(_ key: TaskKey, lane: Int) {
        self.key = key
        lanes = [lane]
    }
}
