// SPDX-License-Identifier: Apache-2.0
// Decodes `rollout` and `versions` of a server.

/// The blocks that speak of replicas' versions, until the replicas are known.
struct VersionBlocks {
    let rollout: ConfigurationNode?
    let versions: ConfigurationNode?
}

extension Configuration.Server {
    /// Returns the blocks, for `checkVersions`.
    mutating func readVersions(from section: inout Section) -> VersionBlocks {
        let blocks = VersionBlocks(rollout: section.take("rollout"), versions: section.take("versions"))
        if let node = blocks.rollout { rollout = decodeRollout(node, section.label("rollout"), section.sink) }
        if let node = blocks.versions {
            versions = decodeVersions(node, section.label("versions"), section.sink)
        }
        return blocks
    }

    /// Whether the versions that the blocks name are there.
    /// - Parameter given: where they stand.
    func checkVersions(_ section: Section, _ given: VersionBlocks) {
        let known = endpoints.compactMap(\.standing.version)
        let distinct = known.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        let list =
            distinct.isEmpty ? "no replica has a version" : "there are \(distinct.joined(separator: ", "))"
        func refuse(_ node: ConfigurationNode, _ label: String, _ text: String, _ version: String) {
            section.sink.error(
                node.position, "\(label): \(text); \(list)", suggestion: nearest(to: version, in: distinct))
        }
        if let rollout, let node = given.rollout {
            let label = section.label("rollout.version")
            if !known.contains(rollout.version) {
                refuse(node, label, "no replica has version \(quoted(rollout.version))", rollout.version)
            } else if known.count == endpoints.count, distinct.count == 1 {
                section.sink.error(
                    node.position,
                    "\(label): every replica has version \(quoted(rollout.version)); calls come from another one"
                )
            }
        }
        if case .version(let version)? = versions?.show, let node = given.versions, !known.contains(version) {
            refuse(node, section.label("versions.show"), "no replica has version \(quoted(version))", version)
        }
    }
}

private func decodeRollout(
    _ node: ConfigurationNode, _ label: String, _ sink: ProblemSink
) -> Configuration.Rollout? {
    let expected = "a mapping such as { version: 2.2.0, steps: [5%, 100%] }"
    guard var section = Section(node, label, sink, expected: expected) else { return nil }
    var rollout = Configuration.Rollout()
    if let node = section.take("version") {
        rollout.version =
            sink.text(node, "\(label).version", expected: "the version of some replicas", atMost: 128) ?? ""
    } else {
        sink.error(node.position, "\(label): \"version\" is missing; it says which replicas are new")
    }
    if let node = section.take("steps") {
        rollout.steps = decodeSteps(node, "\(label).steps", sink) ?? rollout.steps
    }
    section.readDuration("every", into: &rollout.every, in: 0...(30 * durationRange.upperBound))
    section.readChoice(
        "sticky", into: &rollout.sticky,
        of: Configuration.Rollout.Sticky.allCases.map { ($0.rawValue, $0) })
    if let node = section.take("error_rate") {
        if let read = percentage(node), read >= 0 {
            rollout.errorRate = read
        } else {
            sink.wrongType(node, "\(label).error_rate", expected: "a percentage from 0% to 100%")
        }
    }
    if let node = section.take("latency") {
        if node.scalar?.text == "off" || node.scalar?.text == "false" {
            rollout.latency = nil
        } else if let read = node.scalar.flatMap({ numberAndUnit($0.text) }), read.unit.isEmpty,
            (1...1000).contains(read.number)
        {
            rollout.latency = Int((read.number * 100).rounded())
        } else {
            sink.wrongType(
                node, "\(label).latency",
                expected: "how many times the old version's 95th percentile, 1 to 1000, or off")
        }
    }
    section.read("minimum_calls", into: &rollout.minimumCalls, in: 1...1_000_000)
    section.read("tool_errors", into: &rollout.toolErrors)
    section.refuseUnknown()
    return rollout.version.isEmpty ? nil : rollout
}

private func decodeSteps(_ node: ConfigurationNode, _ label: String, _ sink: ProblemSink) -> [Int]? {
    let expected = "ascending percentages, the last one 100%, such as [5%, 25%, 100%]"
    guard let items = sink.items(node, label, expected: expected) else { return nil }
    var steps: [Int] = []
    for (at, item) in items.enumerated() {
        guard let step = percentage(item), step > (steps.last ?? 0) else {
            sink.wrongType(item, "\(label)[\(at)]", expected: expected)
            return nil
        }
        steps.append(step)
    }
    guard steps.count <= 100, let last = items.last, let first = steps.last else {
        sink.error(
            node.position, "\(label): \(items.isEmpty ? "at least one is needed" : "100 are the most")")
        return nil
    }
    guard first == 10000 else {
        sink.error(last.position, "\(label): the last step is 100%", suggestion: "100%")
        return nil
    }
    return steps
}

/// Hundredths of a percent, of `5%`, `5` or `0.25%`; nil: it is none from 0 to 100.
private func percentage(_ node: ConfigurationNode) -> Int? {
    guard let read = node.scalar.flatMap({ numberAndUnit($0.text) }), ["", "%"].contains(read.unit),
        (0...100).contains(read.number)
    else { return nil }
    return Int((read.number * 100).rounded())
}

private func decodeVersions(
    _ node: ConfigurationNode, _ label: String, _ sink: ProblemSink
) -> Configuration.Versions? {
    let expected = "a mapping such as { show: oldest }"
    guard var section = Section(node, label, sink, expected: expected) else { return nil }
    var versions = Configuration.Versions()
    if let node = section.take("show"),
        let text = sink.text(
            node, "\(label).show", expected: "oldest, newest, or the version of some replicas", atMost: 128)
    {
        switch text {
        case "oldest": versions.show = .oldest
        case "newest": versions.show = .newest
        default: versions.show = .version(text)
        }
    }
    section.refuseUnknown()
    return versions
}
