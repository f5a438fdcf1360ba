// SPDX-License-Identifier: Apache-2.0
// The `cell` of a plugin's entry.

extension Configuration.Cell {
    static let memoryRange = (16 << 20)...(1 << 40)

    init(_ node: ConfigurationNode, _ label: String, _ context: DecodeContext) {
        self.init()
        guard var section = Section(node, label, context.sink) else { return }
        section.readSize("memory", into: &memory, in: Self.memoryRange)
        section.read("files", into: &files, in: 32...1_000_000)
        section.read("operations", into: &operations, in: 1...100_000)
        if let node = section.take("network") { network = context.sink.boolean(node, "\(label).network") }
        section.read("processes", into: &processes)
        section.read("jit", into: &jit)
        section.read("all_files", into: &allFiles)
        let readable = section.readTexts("read", expected: "a list of files or folders")
        let writable = section.readTexts("write", expected: "a list of files or folders")
        replacePaths(read: readable, write: writable, folder: context.folder)
        section.refuseUnknown()
    }

    private mutating func replacePaths(
        read readable: Redacted<[String]>, write writable: Redacted<[String]>, folder: String
    ) {
        $read = Redacted(readable.wrappedValue.map { resolve($0, in: folder) }, shown: readable.shown)
        $write = Redacted(writable.wrappedValue.map { resolve($0, in: folder) }, shown: writable.shown)
    }
}
