// SPDX-License-Identifier: Apache-2.0
// Decodes `breaker`, `retry`, `hedge`, `bulkhead`, `health` and `objective` of a server.

extension Configuration.Server {
    mutating func readResilience(from section: inout Section, _ context: DecodeContext) {
        if let node = section.take("breaker") {
            breaker = decodeBreaker(node, section.label("breaker"), section.sink) ?? breaker
        }
        if let node = section.take("retry") {
            retry = decodeRetry(node, section.label("retry"), section.sink) ?? retry
        }
        if let node = section.take("hedge") {
            hedge = decodeHedge(node, section.label("hedge"), section.sink)
        }
        if let node = section.take("bulkhead") {
            bulkhead = decodeBulkhead(node, section.label("bulkhead"), section.sink) ?? bulkhead
        }
        if let node = section.take("health") {
            health = decodeHealth(node, section.label("health"), context) ?? health
        }
        if let node = section.take("objective") {
            objective = decodeObjective(node, section.label("objective"), section.sink)
        }
    }
}

/// `false` switches a block off; `true` is the default.
private func isSwitch(_ node: ConfigurationNode, _ label: String, _ sink: ProblemSink) -> Bool? {
    node.kind == .boolean ? sink.boolean(node, label) : nil
}

private func decodeBreaker(
    _ node: ConfigurationNode, _ label: String, _ sink: ProblemSink
) -> Configuration.Breaker? {
    var breaker = Configuration.Breaker()
    if let enabled = isSwitch(node, label, sink) {
        breaker.enabled = enabled
        return breaker
    }
    guard var section = Section(node, label, sink, expected: "false, or a mapping such as { failures: 5 }")
    else { return nil }
    section.read("failures", into: &breaker.failures, in: 1...1_000_000)
    section.read("error_rate", into: &breaker.errorRate, in: 1...100)
    section.read("minimum_calls", into: &breaker.minimumCalls, in: 1...1_000_000)
    section.readDuration("latency", into: &breaker.latency)
    section.readDuration("open_for", into: &breaker.openFor)
    section.readDuration("longest", into: &breaker.longest)
    section.readDuration("slow_start", into: &breaker.slowStart, in: 0...durationRange.upperBound)
    section.refuseUnknown()
    if breaker.longest < breaker.openFor { breaker.longest = breaker.openFor }
    return breaker
}

private func decodeRetry(
    _ node: ConfigurationNode, _ label: String, _ sink: ProblemSink
) -> Configuration.Retry? {
    var retry = Configuration.Retry()
    if let enabled = isSwitch(node, label, sink) {
        if !enabled { retry.attempts = 1 }
        return retry
    }
    guard var section = Section(node, label, sink, expected: "false, or a mapping such as { attempts: 3 }")
    else { return nil }
    section.read("attempts", into: &retry.attempts, in: 1...10)
    section.readDuration("back_off", into: &retry.backOff, in: 0...60_000_000_000)
    section.readDuration("longest", into: &retry.longest)
    section.read("budget", into: &retry.budget, in: 0...100)
    section.refuseUnknown()
    if retry.longest < retry.backOff { retry.longest = retry.backOff }
    return retry
}

private func decodeHedge(
    _ node: ConfigurationNode, _ label: String, _ sink: ProblemSink
) -> Configuration.Hedge? {
    if isSwitch(node, label, sink) == false { return nil }
    let expected = "false, or a mapping such as { after: 50ms } or { percentile: 95 }"
    guard node.kind != .boolean else {
        sink.wrongType(node, label, expected: expected)
        return nil
    }
    guard var section = Section(node, label, sink, expected: expected) else { return nil }
    var hedge = Configuration.Hedge()
    let says = (
        delay: section.has("after"), percentile: section.has("percentile"), floor: section.has("at_least")
    )
    hedge.after = section.readDuration("after")
    var percentile = 95
    section.read("percentile", into: &percentile, in: 50...99)
    if says.percentile { hedge.percentile = percentile }
    section.readDuration("at_least", into: &hedge.atLeast)
    if let node = section.take("tools") {
        hedge.tools =
            sink.texts(node, section.label("tools"), expected: "a list of patterns", atMost: 1024) ?? []
    }
    section.read("budget", into: &hedge.budget, in: 1...100)
    section.refuseUnknown()
    if says.delay == says.percentile {
        sink.error(
            node.position,
            says.delay
                ? "\(label): \"after\" and \"percentile\" exclude each other; keep one of them"
                : "\(label): say when a second try is due, with \"after\" or \"percentile\"")
        return nil
    }
    if says.floor, !says.percentile {
        sink.error(node.position, "\(label): \"at_least\" belongs to a \"percentile\"")
    }
    return hedge
}

private func decodeBulkhead(
    _ node: ConfigurationNode, _ label: String, _ sink: ProblemSink
) -> Configuration.Bulkhead? {
    guard var section = Section(node, label, sink, expected: "a mapping such as { calls: 8, queue: 64 }")
    else { return nil }
    var bulkhead = Configuration.Bulkhead()
    func bound(_ key: String) -> Int? {
        var value = 0
        section.read(key, into: &value, in: 1...1_000_000)
        return value == 0 ? nil : value
    }
    bulkhead.calls = bound("calls")
    section.read("queue", into: &bulkhead.queue, in: 0...1_000_000)
    section.readDuration("wait", into: &bulkhead.wait)
    bulkhead.perTool = bound("per_tool")
    bulkhead.perClient = bound("per_client")
    section.refuseUnknown()
    return bulkhead
}

private func decodeHealth(
    _ node: ConfigurationNode, _ label: String, _ context: DecodeContext
) -> Configuration.Health? {
    let sink = context.sink
    var health = Configuration.Health()
    if let enabled = isSwitch(node, label, sink) {
        if !enabled { health.interval = 0 }
        return health
    }
    guard var section = Section(node, label, sink, expected: "false, or a mapping such as { interval: 10s }")
    else { return nil }
    if let node = section.take("interval") {
        if node.kind == .boolean || node.scalar?.text == "off" {
            if node.scalar?.text != "true" { health.interval = 0 }
        } else if let read = sink.duration(
            node, "\(label).interval", in: 100_000_000...durationRange.upperBound)
        {
            health.interval = read
        }
    }
    section.readDuration("timeout", into: &health.timeout)
    section.read("failures", into: &health.failures, in: 1...1000)
    if let node = section.take("tool") {
        health.tool = sink.text(node, "\(label).tool", expected: "the server's own name of a tool")
    }
    if let node = section.take("arguments") {
        if let arguments = Section(node, "\(label).arguments", sink) {
            health.arguments = context.options(arguments.rest, at: node.position).json
        }
        if health.tool == nil { sink.error(node.position, "\(label): \"arguments\" belong to a \"tool\"") }
    }
    if let node = section.take("expect") {
        health.expect = sink.text(node, "\(label).expect", expected: "a part of the answer's text")
        if health.tool == nil { sink.error(node.position, "\(label): \"expect\" belongs to a \"tool\"") }
    }
    if let node = section.take("expect_tools") {
        health.expectedTools =
            sink.texts(
                node, "\(label).expect_tools", expected: "the server's own names of tools", atMost: 1024)
            ?? []
    }
    section.refuseUnknown()
    return health
}

private func decodeObjective(
    _ node: ConfigurationNode, _ label: String, _ sink: ProblemSink
) -> Configuration.Objective? {
    guard
        var section = Section(
            node, label, sink, expected: "a mapping such as { availability: 99.9, latency: 500ms }")
    else { return nil }
    var objective = Configuration.Objective()
    if let node = section.take("availability") {
        let expected = "a percentage from 50 to 99.999"
        let read = node.scalar.flatMap { numberAndUnit($0.text) }
        if let read, ["", "%"].contains(read.unit), (50...99.999).contains(read.number) {
            objective.availability = Int((read.number * 1000).rounded())
        } else {
            sink.wrongType(node, "\(label).availability", expected: expected)
        }
    }
    objective.latency = section.readDuration("latency")
    section.refuseUnknown()
    return objective
}
