// SPDX-License-Identifier: Apache-2.0
// Runs one case in this process.

import CPluginCheck
import Glibc
import JSON
import JackfieldCore

/// Runs a case. What the plugin does to this process stays done: only for processes that end right after.
///
/// - Parameter report: a descriptor that gets the result, as one line of JSON, where the plugin ends the
///   process first; -1: nowhere, and signals keep their meaning for a debugger.
/// - Returns: nil where there is no such case.
public func runCase(
    _ name: String, _ subject: CheckSubject, _ inputs: CheckInputs, seed: UInt64, program: String,
    report: Int32
) -> CheckResult? {
    let start = monotonicNanoseconds()
    var result: CheckResult
    if let file = FileCase.all.first(where: { $0.description.name == name }) {
        result = file.judge(subject)
    } else {
        guard let manifest = subject.manifest else {
            return CheckCase.all.contains { $0.name == name } ? CheckResult(name, .skip, subject.fault) : nil
        }
        var setup = makeSetup(subject, manifest, inputs, seed: seed, program: program)
        var raw = check_result()
        guard check_run(name, &setup, report, &raw) else { return nil }
        result = CheckResult(name, raw)
    }
    result.milliseconds = Double(monotonicNanoseconds() - start) / 1e6
    return result
}

/// The C half's view of the plugin. Its text is never freed: the process ends with the case.
private func makeSetup(
    _ subject: CheckSubject, _ manifest: PluginManifest, _ inputs: CheckInputs, seed: UInt64, program: String
) -> check_setup {
    var setup = check_setup()
    setup.path = kept(subject.path)
    setup.seed = seed
    switch manifest.threads {
    case .perLoop: setup.threads = Int32(CHECK_PER_LOOP)
    case .serial: setup.threads = Int32(CHECK_SERIAL)
    case .concurrent: setup.threads = Int32(CHECK_CONCURRENT)
    }
    setup.facets = kept(manifest.facets)
    setup.required = kept(manifest.requires)
    setup.optional = kept(manifest.optional)
    setup.provides = kept(manifest.provides)
    let config = manifest.instanceSample(given: inputs.config)
    setup.config = kept(config?.description)
    if let config, let schema = manifest.configSchema {
        let sample = SchemaSample(schema.source)
        setup.good_configs = kept(sample.bounds(from: config).map(\.description))
        setup.bad_configs = kept(sample.forbidden(from: config, strictly: true).map(\.description))
    }
    if manifest.facets.contains("jf.toolset/1") {
        setup.toolset = kept(manifest.sample(manifest.toolset?.config, given: inputs.server)?.description)
    }
    if let listener = manifest.listener {
        setup.transport = kept(listener.transport)
        setup.listener = kept(manifest.sample(listener.config, given: inputs.listener)?.description)
    }
    if let routing = manifest.routing {
        setup.routing = kept(manifest.sample(routing.config, given: inputs.routing)?.description)
    }
    func attached(_ part: String) -> UnsafePointer<CChar>? {
        guard manifest.facets.contains("jf.\(part)/1") else { return nil }
        return kept(manifest.attachedSample(part, given: inputs.attached[part])?.description)
    }
    setup.auth = attached("auth")
    setup.source = attached("credentials")
    setup.policy = attached("policy")
    setup.filter = attached("filter")
    setup.fields = kept((manifest.document["auth"]?["fields"]?.array ?? []).compactMap(\.string))
    let (entry, peer) = manifest.connectorSample(program: program, path: subject.path, given: inputs.server)
    setup.connector = kept(entry?.description)
    setup.peer = kept(peer)
    setup.cell = kept(PluginLoader.standardCellPath())
    setup.judge = judgeForC
    setup.make = makeForC
    setup.user = Unmanaged.passRetained(ToolJudge(seed: seed)).toOpaque()
    return setup
}

private func kept(_ text: String?) -> UnsafePointer<CChar>? {
    text.flatMap { strdup($0) }.map { UnsafePointer($0) }
}

/// A list that ends with NULL.
private func kept(_ texts: [String]) -> UnsafePointer<UnsafePointer<CChar>?>? {
    let list = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: texts.count + 1)
    for (at, text) in texts.enumerated() { (list + at).initialize(to: kept(text)) }
    (list + texts.count).initialize(to: nil)
    return UnsafePointer(list)
}

func monotonicNanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}

/// Plays an MCP server on standard input and output, for the connectors of cases that start one.
public func runGoldenServer() -> Int32 { check_golden_stdio() }
