// SPDX-License-Identifier: Apache-2.0
// Drains that outlast the process: whoever took a replica out of service, a restart does not put it back.

import CLinux
import JSON

/// The drains of one configuration in a file, `{"version":1,"drains":{SERVER:{"replicas":SHA256,"drained":[0,2]}}}`. Replicas are
/// told by a digest of where they are, for URLs may hold secrets. Belongs to the control loop.
final class KeptDrains {
    private static let largest = 1 << 20

    let path: String
    private let log: Log

    init(_ path: String, _ log: Log) {
        self.path = path
        self.log = log
    }

    /// What the file says of servers that have the same replicas still.
    func read(_ servers: [ServerPlan]) -> [String: Drain] {
        guard let bytes = readFile(path, limit: Self.largest) else { return [:] }
        guard let kept = try? JSONValue(parsing: bytes), kept["version"]?.int == 1,
            let members = kept["drains"]?.object
        else {
            log.write(.warning, "kept drains cannot be read, and are over", [.init("file", path)])
            return [:]
        }
        var drains: [String: Drain] = [:]
        for member in members {
            let plan = servers.first { $0.name == member.key }
            let indexes = Set(member.value["drained"]?.array?.compactMap(\.int) ?? [])
            guard let plan, member.value["replicas"]?.string == Self.digest(plan), !indexes.isEmpty,
                indexes.isSubset(of: Set(plan.endpoints.indices))
            else {
                log.write(
                    .warning,
                    plan == nil
                        ? "a drain is over: its server left the configuration"
                        : "a drain is over: the configuration has other replicas for the server, which get calls",
                    [.init("server", member.key)])
                continue
            }
            drains[plan.name] = Drain(replicas: plan.endpoints, indexes: indexes)
            log.write(
                .warning, "replicas are drained since before the restart; 'jackfield undrain' ends it",
                [
                    .init("server", plan.name),
                    .init("replicas", indexes.sorted().map(String.init).joined(separator: ", ")),
                ])
        }
        return drains
    }

    func write(_ drains: [String: Drain]) {
        let entries = drains.sorted { $0.key < $1.key }.map { name, drain in
            JSONMemberValue(
                name,
                .object([
                    .init("replicas", .string(Self.digest(drain.replicas))),
                    .init("drained", .array(drain.indexes.sorted().map { JSONValue($0) })),
                ]))
        }
        let text =
            JSONValue.object([.init("version", 1), .init("drains", .object(entries))]).serialized() + [10]
        let failure = text.withUnsafeBytes { replaceFile(path, with: $0, mode: 0o600, durable: true) }
        guard let failure else { return }
        log.write(
            .warning, "drains cannot be kept: a restart will end them",
            [.init("file", path), .init("why", failure)])
    }

    private static func digest(_ plan: ServerPlan) -> String { digest(plan.endpoints) }

    /// By where they are: a token that was renewed makes no other replicas.
    private static func digest(_ replicas: [EndpointPlan]) -> String {
        let places = replicas.map { replica -> JSONValue in
            let options = (try? JSONValue(parsing: replica.options)) ?? .null
            if let url = options["url"] { return url }
            return options["command"] == nil
                ? options : .array([options["command"] ?? .null, options["args"] ?? .null])
        }
        return ConfigHistory.digest(JSONValue.array(places).serialized())
    }
}

extension Gateway {
    /// Drains by command are kept in a file from now on, and hold again that were. Before `run`.
    public func keepDrains(in path: String) { traffic.keep(KeptDrains(path, log), plan.servers) }
}
