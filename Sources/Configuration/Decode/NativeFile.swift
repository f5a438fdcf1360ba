// SPDX-License-Identifier: Apache-2.0
// Turns the tree of a native file into a configuration.

/// What the decoding functions of one file share.
struct DecodeContext {
    let sink: ProblemSink
    /// The folder of the file; relative paths in general keys count from it.
    let folder: String
    /// Whether the file is JSON, where every text is quoted.
    let isJSON: Bool

    /// The entries of a mapping as a plugin's options, checked for what would reach the plugin twice.
    func options(_ entries: [ConfigurationNode.Entry], at position: SourcePosition) -> Configuration.Options {
        let options = Configuration.Options(entries: entries, at: position, convertsQuoted: isJSON)
        checkConversions(options.node, convertsQuoted: isJSON, sink: sink)
        return options
    }
}

func decodeNative(_ root: ConfigurationNode, _ context: DecodeContext) -> Configuration {
    let sink = context.sink
    var configuration = Configuration()
    guard var file = Section(root, "", sink, expected: "") else { return configuration }
    checkVersion(&file, context)
    if let node = file.take("runtime") { configuration.runtime = decodeRuntime(node, context) }
    if let node = file.take("naming") { configuration.naming = decodeNaming(node, sink) }
    if let node = file.take("limits") { configuration.limits = decodeLimits(node, sink) }
    if let node = file.take("tasks") { configuration.tasks = decodeTasks(node, sink) }
    if let node = file.take("listeners") {
        configuration.listeners = decodeListeners(node, context)
    } else {
        configuration.listeners = Configuration.defaultListeners
    }
    if let node = file.take("servers") { configuration.servers = decodeServers(node, context) }
    if let node = file.take("bundles") { configuration.bundles = decodeBundles(node, context) }
    if let node = file.take("lock") { configuration.lock = decodeLock(node, configuration.servers, context) }
    if let node = file.take("audit") { configuration.audit = decodeAudit(node, context) }
    if let node = file.take("auth") { configuration.auth = decodeAuth(node, context) }
    if let node = file.take("policies") {
        configuration.policies = decodeModules(node, "policies", by: "policy", example: "rbac", context)
    }
    if let node = file.take("filters") {
        configuration.filters = decodeModules(node, "filters", by: "filter", example: "redact", context)
    }
    if let node = file.take("tenants") { configuration.tenants = decodeTenants(node, context) }
    if let node = file.take("store") { configuration.store = decodeStore(node, context) }
    if let node = file.take("plugins") { configuration.plugins = decodePlugins(node, context) }
    if let node = file.take("log") { configuration.log = decodeLog(node, sink) }
    // `x-…` holds anchors for use elsewhere in the file; `$schema` is for editors.
    file.refuseUnknown { $0.hasPrefix("x-") || $0 == "$schema" }
    checkBundles(configuration, root, sink)
    checkTenants(configuration, sink)
    checkOpenListeners(configuration, sink)
    return configuration
}

private func checkVersion(_ file: inout Section, _ context: DecodeContext) {
    let line = context.isJSON ? "\"version\": \(Configuration.version)" : "version: \(Configuration.version)"
    guard let node = file.take("version") else {
        context.sink.error(file.position, "\"version\" is missing; add the line `\(line)` at the top")
        return
    }
    if node.kind == .number, node.scalar?.text == String(Configuration.version) { return }
    if node.kind == .number, node.scalar?.isSecret == false {
        context.sink.error(
            node.position,
            "version \(found(node)) is unknown; this build reads version \(Configuration.version)")
    } else {
        context.sink.wrongType(node, "version", expected: "the number \(Configuration.version)")
    }
}

private func decodeRuntime(_ node: ConfigurationNode, _ context: DecodeContext) -> Configuration.Runtime {
    var runtime = Configuration.Runtime()
    guard var section = Section(node, "runtime", context.sink) else { return runtime }
    if let loops = section.take("loops"), loops.scalar?.text != "auto" {
        if loops.kind == .number || loops.scalar?.isSecret == true {
            runtime.loops = context.sink.integer(loops, "runtime.loops", in: 1...1024)
        } else {
            let near = loops.scalar.flatMap { nearest(to: $0.text, in: ["auto"]) }
            context.sink.wrongType(
                loops, "runtime.loops", expected: "auto or a number from 1 to 1024", suggestion: near)
        }
    }
    runtime.drainTimeout =
        section.readDuration("drain_timeout", in: 0...durationRange.upperBound) ?? runtime.drainTimeout
    runtime.startupWait =
        section.readDuration("startup_wait", in: 0...durationRange.upperBound) ?? runtime.startupWait
    runtime.swapTrial =
        section.readDuration("swap_trial", in: 0...durationRange.upperBound) ?? runtime.swapTrial
    section.read("swap_calls", into: &runtime.swapCalls, in: 1...1_000_000)
    section.read("swap_failures", into: &runtime.swapFailures, in: 0...100)
    section.read("plugin_generations", into: &runtime.pluginGenerations, in: 1...64)
    section.readChoice(
        "slow_action", into: &runtime.slowAction,
        of: Configuration.Runtime.SlowAction.allCases.map { ($0.rawValue, $0) })
    section.read("slow_strikes", into: &runtime.slowStrikes, in: 1...1_000_000)
    section.readDuration("slow_window", into: &runtime.slowWindow)
    section.readChoice(
        "config_approval", into: &runtime.configApproval,
        of: Configuration.Runtime.Approval.allCases.map { ($0.rawValue, $0) })
    section.read("config_versions", into: &runtime.configVersions, in: 2...100_000)
    if let node = section.take("control") { runtime.control = decodeControl(node, context.sink) }
    func place(_ key: String) -> String? {
        section.take(key).flatMap {
            context.sink.text($0, section.label(key), expected: "a name", atMost: 128)
        }
    }
    runtime.zone = place("zone")
    runtime.region = place("region")
    let state = section.readText("state_dir", expected: "the path of a folder")
    runtime.restateDirectory(state, folder: context.folder)
    let plugins = section.readTexts("plugin_dirs", expected: "a list of folders")
    runtime.replacePluginDirectories(plugins, folder: context.folder)
    section.refuseUnknown()
    return runtime
}

private func decodeControl(
    _ node: ConfigurationNode, _ sink: ProblemSink
) -> Configuration.Runtime.Control {
    var control = Configuration.Runtime.Control()
    guard var section = Section(node, "runtime.control", sink) else { return control }
    let expected = "a list of users, or of group:NAME"
    func names(_ key: String) -> [String] {
        guard let node = section.take(key),
            let names = sink.texts(node, section.label(key), expected: expected, atMost: 256)
        else { return [] }
        for name in names where name.isEmpty || name == "group:" {
            sink.error(node.position, "\(section.label(key)): a name is empty")
        }
        return names
    }
    control.operators = names("operators")
    control.approvers = names("approvers")
    control.viewers = names("viewers")
    section.refuseUnknown()
    return control
}

extension Configuration.Runtime {
    fileprivate mutating func restateDirectory(_ value: Redacted<String?>, folder: String) {
        $stateDirectory = Redacted(value.wrappedValue.map { resolve($0, in: folder) }, shown: value.shown)
    }

    fileprivate mutating func replacePluginDirectories(_ value: Redacted<[String]>, folder: String) {
        $pluginDirectories = Redacted(value.wrappedValue.map { resolve($0, in: folder) }, shown: value.shown)
    }
}

private func decodeNaming(_ node: ConfigurationNode, _ sink: ProblemSink) -> Configuration.Naming {
    var naming = Configuration.Naming()
    guard var section = Section(node, "naming", sink) else { return naming }
    section.readChoice(
        "prefix", into: &naming.prefix,
        of: [("always", .always), ("on-conflict", .onConflict), ("never", .never)])
    if let node = section.take("separator") {
        let expected = "1 to 4 letters, digits, \"_\" or \"-\""
        if let text = sink.text(node, "naming.separator", expected: expected) {
            if text.utf8.count <= 4, text.utf8.allSatisfy(isToolNameByte) {
                naming.separator = text
            } else {
                sink.wrongType(node, "naming.separator", expected: expected)
            }
        }
    }
    section.read("max_length", into: &naming.maxLength, in: 16...128)
    section.refuseUnknown()
    return naming
}

private func decodeLimits(_ node: ConfigurationNode, _ sink: ProblemSink) -> Configuration.Limits {
    var limits = Configuration.Limits()
    guard var section = Section(node, "limits", sink) else { return limits }
    section.readSize("message", into: &limits.message, in: 1024...(1 << 30))
    section.readSize("header", into: &limits.header, in: 1024...(16 << 20))
    section.read("depth", into: &limits.depth, in: 8...1024)
    section.read("calls_per_client", into: &limits.callsPerClient, in: 1...1_000_000)
    section.read("calls_per_server", into: &limits.callsPerServer, in: 1...1_000_000)
    section.read("calls", into: &limits.calls, in: 1...10_000_000)
    section.read("sessions", into: &limits.sessions, in: 0...10_000_000)
    section.read("principals", into: &limits.principals, in: 1...100_000_000)
    section.read("page_size", into: &limits.pageSize, in: 0...1_000_000)
    section.readDuration("timeout", into: &limits.callTimeout)
    section.read("streams", into: &limits.streams, in: 0...10_000_000)
    section.read("subscriptions_per_stream", into: &limits.subscriptionsPerStream, in: 0...1_000_000)
    section.readSize("replay", into: &limits.replay, in: 0...(1 << 30))
    limits.readQuestions(from: &section)
    section.read("tasks", into: &limits.tasks, in: 0...1_000_000)
    section.readSize("task_bytes", into: &limits.taskBytes, in: heldBytesRange)
    section.refuseUnknown()
    return limits
}

/// Bounds of what many calls or tasks hold together.
private let heldBytesRange = (64 << 10)...(64 << 30)

extension Configuration.Limits {
    fileprivate mutating func readQuestions(from section: inout Section) {
        section.read("parked_calls", into: &parkedCalls, in: 0...1_000_000)
        // The protocol side of it counts in seconds.
        section.readDuration("parked_age", into: &parkedAge, in: 1_000_000_000...durationRange.upperBound)
        section.readSize("parked_bytes", into: &parkedBytes, in: heldBytesRange)
        section.read("rounds", into: &rounds, in: 1...1000)
        section.read("questions_per_call", into: &questionsPerCall, in: 1...100_000)
        section.read("upstream_sessions", into: &upstreamSessions, in: 1...10_000)
        section.readDuration("upstream_idle", into: &upstreamIdle)
    }
}

private func decodeTasks(_ node: ConfigurationNode, _ sink: ProblemSink) -> Configuration.Tasks {
    var tasks = Configuration.Tasks()
    guard var section = Section(node, "tasks", sink) else { return tasks }
    if let node = section.take("promote_after"), node.scalar?.text != "off" {
        tasks.promoteAfter = promotion(node, "tasks.promote_after", sink)
    }
    section.readDuration("ttl", into: &tasks.ttl)
    section.readDuration("poll_interval", into: &tasks.pollInterval)
    section.refuseUnknown()
    return tasks
}

/// A duration, where `off` is meant by other words too.
private func promotion(_ node: ConfigurationNode, _ label: String, _ sink: ProblemSink) -> UInt64? {
    let words = ["off", "false", "no", "never", "none", "disabled", "null", "~", "", "0", "0s"]
    let text = node.scalar.flatMap { $0.isSecret ? nil : $0.text.lowercased() }
    guard let text, words.contains(text) || nearest(to: text, in: ["off"]) != nil else {
        return sink.duration(node, label, in: durationRange)
    }
    sink.wrongType(node, label, expected: "off or a duration such as 30s or 250ms", suggestion: "off")
    return nil
}

private func decodeLog(_ node: ConfigurationNode, _ sink: ProblemSink) -> Configuration.Log {
    var log = Configuration.Log()
    guard var section = Section(node, "log", sink) else { return log }
    section.readChoice(
        "level", into: &log.level, of: Configuration.Log.Level.allCases.map { ($0.rawValue, $0) })
    section.readChoice(
        "format", into: &log.format, of: Configuration.Log.Format.allCases.map { ($0.rawValue, $0) })
    section.refuseUnknown()
    return log
}

/// `[A-Za-z0-9_-]`, what every client takes in the name of a tool.
func isToolNameByte(_ byte: UInt8) -> Bool { isLetterOrDigit(byte) || byte == 0x5F || byte == 0x2D }
