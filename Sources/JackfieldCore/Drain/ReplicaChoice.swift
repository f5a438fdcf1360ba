// SPDX-License-Identifier: Apache-2.0
// Which replicas an operator means by `SERVER` or `SERVER/REPLICA`.

enum ReplicaChoice {
    /// - Parameters:
    ///   - versions: of the server's replicas, in their order.
    ///   - text: nil for all; else the place of one in the configuration, from 0, or the version of some.
    static func find(_ text: String?, server: String, versions: [String?]) -> Result<Set<Int>, ReplicaProblem>
    {
        guard let text else { return .success(Set(versions.indices)) }
        if let at = Int(text), versions.indices.contains(at), String(at) == text { return .success([at]) }
        let same = versions.indices.filter { versions[$0] == text }
        guard same.isEmpty else { return .success(Set(same)) }
        let all = versions.enumerated().map { at, version in
            version.map { "\(at) (version \($0))" } ?? String(at)
        }
        return .failure(
            ReplicaProblem("server \(server) has no replica '\(text)'; there are: \(listed(all))"))
    }

    /// Names for people: not more than fit a line or two.
    static func listed(_ names: [String]) -> String {
        let some = names.prefix(32).joined(separator: ", ")
        return names.count > 32 ? "\(some) and \(names.count - 32) more" : names.isEmpty ? "none" : some
    }
}

struct ReplicaProblem: Error, Equatable {
    let message: String
    init(_ message: String) { self.message = message }
}
