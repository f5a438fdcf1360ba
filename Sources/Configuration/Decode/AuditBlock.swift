// SPDX-License-Identifier: Apache-2.0
// Decodes `audit`.

func decodeAudit(_ node: ConfigurationNode, _ context: DecodeContext) -> Configuration.Audit? {
    let sink = context.sink
    var audit = Configuration.Audit()
    if node.kind == .boolean { return sink.boolean(node, "audit") == true ? audit : nil }
    let expected = "true, false, or a mapping such as { arguments: digest }"
    guard var section = Section(node, "audit", sink, expected: expected) else { return nil }
    let path = section.readText("path", expected: "the path of a folder")
    audit.restatePath(path, folder: context.folder)
    section.readChoice(
        "arguments", into: &audit.arguments,
        of: Configuration.Audit.Arguments.allCases.map { ($0.rawValue, $0) })
    audit.redact =
        section.readTexts("redact", expected: "a list of names and JSON pointers", atMost: 1024).wrappedValue
    section.readChoice(
        "on_full", into: &audit.onFull, of: Configuration.Audit.OnFull.allCases.map { ($0.rawValue, $0) })
    section.readChoice(
        "sync", into: &audit.sync, of: Configuration.Audit.Sync.allCases.map { ($0.rawValue, $0) })
    section.readDuration("sync_interval", into: &audit.syncInterval)
    section.readSize("rotate_bytes", into: &audit.rotateBytes, in: 4096...(1 << 40))
    section.readDuration("rotate_age", into: &audit.rotateAge, in: ageRange)
    section.read("keep_files", into: &audit.keepFiles, in: 0...1_000_000)
    section.readSize("keep_bytes", into: &audit.keepBytes, in: 0...(1 << 50))
    section.readDuration("keep_age", into: &audit.keepAge, in: ageRange)
    section.read("sign", into: &audit.sign)
    section.read("sign_every", into: &audit.signEvery, in: 0...1_000_000_000)
    section.readDuration("sign_interval", into: &audit.signInterval)
    section.readSize("buffer", into: &audit.buffer, in: 4096...(1 << 30))
    section.read("calls", into: &audit.calls)
    section.read("lists", into: &audit.lists)
    section.read("denials", into: &audit.denials)
    section.read("changes", into: &audit.changes)
    section.refuseUnknown()
    return audit
}

/// A second to ten years.
private let ageRange: ClosedRange<UInt64> = 1_000_000_000...315_360_000_000_000_000

extension Configuration.Audit {
    fileprivate mutating func restatePath(_ value: Redacted<String?>, folder: String) {
        $path = Redacted(value.wrappedValue.map { resolve($0, in: folder) }, shown: value.shown)
    }

    /// What is in force, readable as YAML.
    var line: String {
        let place = $path.shown ?? path.map(jsonString)
        let names = redact.map(jsonString).joined(separator: ", ")
        return "{ " + (place.map { "path: \($0), " } ?? "")
            + "arguments: \(arguments.rawValue), redact: [\(names)], on_full: \(onFull.rawValue), "
            + "sync: \(sync.rawValue), sync_interval: \(durationText(nanoseconds: syncInterval)), "
            + "rotate_bytes: \(byteSizeText(rotateBytes)), rotate_age: \(durationText(nanoseconds: rotateAge)), "
            + "keep_files: \(keepFiles), keep_bytes: \(byteSizeText(keepBytes)), "
            + (keepAge > 0 ? "keep_age: \(durationText(nanoseconds: keepAge)), " : "")
            + "sign: \(sign), sign_every: \(signEvery), "
            + "sign_interval: \(durationText(nanoseconds: signInterval)), buffer: \(byteSizeText(buffer)), "
            + "calls: \(calls), lists: \(lists), denials: \(denials), changes: \(changes) }"
    }
}
