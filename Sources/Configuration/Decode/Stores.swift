// SPDX-License-Identifier: Apache-2.0
// Decodes `store`.

func decodeStore(_ node: ConfigurationNode, _ context: DecodeContext) -> Configuration.Store? {
    let sink = context.sink
    let example = "{ kind: redis, address: \"127.0.0.1:6379\" }"
    guard var section = Section(node, "store", sink, expected: "a mapping such as \(example)") else {
        return nil
    }
    guard let kindNode = section.take("kind") else {
        let near = section.rest.first { nearest(to: $0.key, in: ["kind"]) != nil }
        sink.error(
            near?.keyPosition ?? node.position, "store: \"kind\" is missing",
            suggestion: near == nil ? "kind: redis" : "kind")
        return nil
    }
    let expected = "the kind of a store: memory, sqlite, redis, postgres"
    guard let kind = sink.text(kindNode, "store.kind", expected: expected) else { return nil }
    guard isName(kind, extra: "_.-", atMost: 64) else {
        sink.wrongType(kindNode, "store.kind", expected: expected)
        return nil
    }
    var store = Configuration.Store(kind: kind)
    store.position = node.position
    section.readDuration("timeout", into: &store.timeout)
    section.read("operations", into: &store.operations, in: 1...1_000_000)
    section.readDuration("probe", into: &store.probe)
    section.read("required", into: &store.required)
    if let node = section.take("sessions"), let isKept = sink.boolean(node, "store.sessions") {
        store.sessions = isKept
        if isKept, kind == "memory" {
            sink.error(
                node.position,
                "store.sessions: the store 'memory' ends with the gateway, and so do sessions there; drop this line or "
                    + "configure another store")
        }
    }
    store.options = context.options(section.rest, at: node.position)
    return store
}
