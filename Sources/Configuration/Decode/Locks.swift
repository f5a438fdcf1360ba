// SPDX-License-Identifier: Apache-2.0
// Decodes `lock`.

func decodeLock(
    _ node: ConfigurationNode, _ servers: [Configuration.Server], _ context: DecodeContext
) -> Configuration.Lock? {
    let sink = context.sink
    guard var section = Section(node, "lock", sink) else { return nil }
    var lock = Configuration.Lock(file: "")
    lock.position = node.position
    let file = section.readText("file", expected: "the path of a file")
    lock.restateFile(file, folder: context.folder)
    section.readChoice(
        "on_change", into: &lock.onChange,
        of: Configuration.Lock.OnChange.allCases.map { ($0.rawValue, $0) })
    section.readChoice(
        "new_tools", into: &lock.newTools,
        of: Configuration.Lock.NewTools.allCases.map { ($0.rawValue, $0) })
    let names = servers.map(\.name)
    if let node = section.take("except"),
        let items = sink.items(node, "lock.except", expected: "a list of servers")
    {
        for (index, item) in items.enumerated() {
            guard let name = sink.text(item, "lock.except[\(index)]", expected: "the name of a server")
            else { continue }
            if names.contains(name) {
                lock.except.append(name)
            } else {
                sink.error(
                    item.position, "lock.except: there is no server \(quoted(item.scalar?.shown ?? ""))",
                    suggestion: item.holdsSecret ? nil : nearest(to: name, in: names))
            }
        }
    }
    section.refuseUnknown()
    return lock
}

extension Configuration.Lock {
    fileprivate mutating func restateFile(_ value: Redacted<String?>, folder: String) {
        let path = resolve(value.wrappedValue ?? Self.standardName, in: folder)
        $file = Redacted(path, shown: value.shown)
    }
}
