// SPDX-License-Identifier: Apache-2.0
// Decodes `faults` of a plugin.

extension Configuration.Plugin {
    func readFaults(_ node: ConfigurationNode, _ label: String, _ sink: ProblemSink) -> [Fault] {
        let items = sink.items(node, label, expected: "a list") ?? []
        return items.enumerated().compactMap { index, item in
            let path = "\(label)[\(index)]"
            let expected = "a mapping such as { slot: pick, delay: 5ms }"
            guard var section = Section(item, path, sink, expected: expected) else { return nil }
            var fault = Fault()
            if let node = section.take("slot") {
                fault.slot = sink.text(node, "\(path).slot", expected: "the name of a slot")
            }
            if let node = section.take("absent") {
                fault.absent = sink.text(node, "\(path).absent", expected: "the id of a service")
            }
            section.readDuration("delay", into: &fault.delay, in: 0...60_000_000_000)
            section.readChoice(
                "error", into: &fault.failure, of: Fault.Failure.allCases.map { ($0.rawValue, $0) })
            section.read("every", into: &fault.every, in: 1...1_000_000_000)
            section.refuseUnknown()
            if (fault.slot == nil) == (fault.absent == nil) {
                sink.error(item.position, "\(path): give either \"slot\" or \"absent\"")
            } else if fault.slot != nil, fault.delay == 0, fault.failure == nil {
                sink.error(item.position, "\(path): say what happens, with \"delay\" or \"error\"")
            }
            return fault
        }
    }
}
