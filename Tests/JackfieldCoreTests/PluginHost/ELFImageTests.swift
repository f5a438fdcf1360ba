// SPDX-License-Identifier: Apache-2.0
// Reading ELF files: facts of real ones, strip(1), and damaged bytes that must never trap.

import Testing

@testable import JackfieldCore

@Suite("ELF image") struct ELFImageTests {
    private func image(_ bytes: [UInt8]) throws -> ELFImage {
        try bytes.withUnsafeBytes { try ELFImage(bytes: $0) }
    }

    @Test("the facts of a plugin are read, stripped or not, whichever hash table it has")
    func facts() throws {
        let workshop = try PluginWorkshop()
        for (style, strips) in [("gnu", false), ("gnu", true), ("sysv", false), ("both", true)] {
            let path = try workshop.build(
                "extra_exports",
                ["-Wl,--hash-style=\(style)", "-Wl,-soname,libextra.so", "-Wl,-rpath,$ORIGIN:/opt/x"])
            if strips { try workshop.run(["strip", path]) }
            let bytes = try workshop.read(path)
            let image = try image(bytes)
            #expect(image.size == UInt64(bytes.count))
            #expect(image.soname == "libextra.so")
            #expect(image.needed.contains("libc.so.6"))
            #expect(image.runPath == ["$ORIGIN", "/opt/x"])
            #expect(image.entryMajors == [1])
            let names = Set(image.exports.map(\.name))
            #expect(names.isSuperset(of: ["jf_entry_1", "acme_count", "acme_counter"]))
            #expect(!names.contains("calloc"))
            #expect(image.exports.first { $0.name == "acme_counter" }?.isFunction == false)
            #expect(image.stack == .plain)
            #expect(image.bindsNow && image.hasReadOnlyRelocations)
            #expect(!image.hasTextRelocations && !image.hasStaticTLS && !image.isNotOpenable)
            #expect(try PluginManifest(parsing: #require(image.manifest)).id == "extra-exports")
        }
    }

    @Test("static thread-local storage is a warning, text relocations and writable code are errors")
    func lint() throws {
        let workshop = try PluginWorkshop()
        var image = try image(try workshop.read(try workshop.build("good")))
        #expect(ELFLint.check(image) == [])
        image.hasStaticTLS = true
        image.hasTextRelocations = true
        image.hasReadOnlyRelocations = false
        image.stack = .unsaid
        image.segments.append(
            ELFImage.Segment(
                type: 1, flags: 7, offset: 0, address: 0, fileSize: 0, memorySize: 0, alignment: 0))
        image.needed = ["./local.so"]
        image.usesObsoleteRPath = true
        image.exports.append(ELFImage.Export(name: "$s4Acme5shareSivpZ", isFunction: false, isUnique: true))
        let found = Dictionary(uniqueKeysWithValues: ELFLint.check(image).map { ($0.code, $0.severity) })
        #expect(
            found == [
                "static-tls": .warning, "text-relocations": .error, "no-relro": .note,
                "executable-stack": .error,
                "writable-code": .error, "needed-path": .error, "rpath": .note, "extra-exports": .warning,
                "unique-symbols": .warning,
            ])
    }

    @Test("no damaged byte makes reading trap or hang")
    func damaged() throws {
        let workshop = try PluginWorkshop()
        let whole = try workshop.read(try workshop.build("good"))
        var refused = 0
        // Every byte of the headers and tables, one after the other, with the values that overflow soonest.
        for position in 0..<whole.count {
            for value: UInt8 in [0x00, 0x7f, 0xff] where whole[position] != value {
                var bytes = whole
                bytes[position] = value
                if (try? image(bytes)) == nil { refused += 1 }
            }
        }
        #expect(refused > 0)
        for length in 0..<whole.count {
            #expect(throws: ELFFault.self) { try image(Array(whole[..<length])) }
        }
    }

    @Test("a note that claims more than there is, and one that is too long, are faults")
    func notes() throws {
        let workshop = try PluginWorkshop()
        var bytes = try workshop.read(try workshop.build("good"))
        let marker = Array("Jackfield\0".utf8)
        let at = try #require((12..<bytes.count - 10).first { bytes[$0..<$0 + 10].elementsEqual(marker) })
        bytes[at - 8 + 3] = 0x7f
        #expect(throws: ELFFault("is damaged: a note reaches beyond its segment")) { try image(bytes) }
        bytes[at - 8 + 3] = 0
        bytes[at] = UInt8(ascii: "j")
        #expect(try image(bytes).manifest == nil)
    }
}
