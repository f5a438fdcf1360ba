// SPDX-License-Identifier: Apache-2.0
// Each kind of bad plugin gets its own refusal, and leaves the process as it was.

import Testing

@testable import JackfieldCore

extension PluginHostTests {
    @Suite("Refusals") struct RefusalTests {
        struct Case: Sendable, CustomTestStringConvertible {
            let fixture: String
            var flags: [String] = []
            let stage: PluginRefusal.Stage
            let message: String
            var testDescription: String { fixture + flags.joined() }
        }

        static let cases: [Case] = [
            Case(fixture: "no_note", stage: .manifest, message: "it has no manifest note"),
            Case(
                fixture: "two_notes", stage: .elf,
                message: "it has more than one manifest note; JF_MANIFEST may stand in one source file only"),
            Case(
                fixture: "bad_json", stage: .manifest,
                message: "its manifest is not JSON: the JSON text ends at byte 27 inside an array or object"),
            Case(
                fixture: "bad_shape", stage: .manifest,
                message:
                    "manifest member 'requires' must be a list of ids such as \"jf.loop/1\", not "
                    + "\"jf.loop/1\""
            ),
            Case(
                fixture: "wrong_abi", stage: .manifest,
                message: "it is built for ABI 2.0; this host speaks 1.1"),
            Case(
                fixture: "later_entry", stage: .lint,
                message: "it exports jf_entry_2 but not jf_entry_1, which this host calls: build it for ABI 1"
            ),
            Case(
                fixture: "hidden_entry", stage: .lint,
                message: "it does not export jf_entry_1: mark the function JF_PUBLIC"),
            Case(
                fixture: "good", flags: ["-Wl,-z,execstack"], stage: .lint,
                message:
                    "it asks for an executable stack, which would make every stack of the host executable: "
                    + "link with -Wl,-z,noexecstack"),
            Case(
                fixture: "good", flags: ["-Wl,-z,nodlopen"], stage: .lint,
                message: "it is linked so that dlopen refuses it (-pie or -z nodlopen): use -shared"),
            Case(
                fixture: "good", flags: ["-Wl,-rpath,lib"], stage: .lint,
                message: "its library search path names 'lib': use a path that begins with / or $ORIGIN"),
            Case(
                fixture: "unknown_service", stage: .services,
                message:
                    "it requires com.example.nowhere/1, which neither this host nor another plugin offers"),
            Case(
                fixture: "missing_symbol", stage: .open,
                message: "it cannot be loaded: undefined symbol: function_of_nobody"),
            Case(
                fixture: "entry_refuses", stage: .entry, message: "it refused: needs ABI 1.7 or newer"),
            Case(
                fixture: "small_table", stage: .table,
                message: "its table says 16 bytes; with create, destroy and facet it has at least 32"),
            Case(fixture: "empty_slots", stage: .table, message: "its table lacks destroy, facet"),
        ]

        @Test("a bad plugin is refused", arguments: cases)
        func refused(_ bad: Case) throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build(bad.fixture, bad.flags)
            let before = ProcessSnapshot()
            let refused = try #require(refusal(workshop.loader(), path))
            #expect(refused.stage == bad.stage)
            #expect(refused.message == bad.message)
            #expect(!refused.advice.isEmpty)
            #expect(before.changes(undoing: false) == [])
        }

        @Test(
            "what the child finds is found in this process, too",
            arguments: ["missing_symbol", "entry_refuses", "small_table", "empty_slots"])
        func refusedWithoutProbe(_ fixture: String) throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build(fixture)
            let expected = try #require(RefusalTests.cases.first { $0.fixture == fixture })
            let refused = try #require(refusal(workshop.loader(cell: nil), path))
            #expect(refused.stage == expected.stage)
            #expect(refused.message == expected.message)
        }

        @Test("a refusal reads as one sentence with advice")
        func text() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("no_note")
            #expect(
                refusal(workshop.loader(), path)?.description
                    == "plugin no_note.so refused at 'manifest': it has no manifest note; "
                    + "put JF_MANIFEST(...) in one of its source files")
        }

        @Test("a library cut off anywhere is refused and harms nobody")
        func truncated() throws {
            let workshop = try PluginWorkshop()
            let whole = try workshop.read(try workshop.build("good", as: workshop.root + "/whole/good.so"))
            let cut = workshop.plugins + "/cut.so"
            for length in stride(from: 0, to: whole.count, by: 64) {
                try workshop.write(Array(whole[..<length]), to: cut)
                let refused = try #require(refusal(workshop.loader(cell: nil), cut))
                #expect(refused.stage == .elf, "at \(length)")
                #expect(
                    refused.message.hasPrefix("it is truncated or damaged: ")
                        || refused.message.hasPrefix("it is not an ELF file: "),
                    "at \(length): \(refused.message)")
            }
        }

        @Test("files that are no plugins are refused by what they are")
        func otherFiles() throws {
            let workshop = try PluginWorkshop()
            let loader = workshop.loader()
            let text = workshop.plugins + "/text.so"
            try workshop.write(Array(String(repeating: "no ELF here\n", count: 20).utf8), to: text)
            #expect(refusal(loader, text)?.message == "it is not an ELF file")

            let program = try workshop.read("/proc/self/exe")
            var other = Array(program.prefix(4096))
            other[18] = 0xf3
            try workshop.write(other, to: text)
            #expect(
                refusal(loader, text)?.message.hasPrefix("it is built for riscv; this machine is ") == true)

            var object = try workshop.read(try workshop.build("good"))
            object[16] = 1
            try workshop.write(object, to: text)
            #expect(
                refusal(loader, text)?.message
                    == "it is an object file, not linked yet; a plugin is a shared library (-shared)")

            let missing = try #require(refusal(loader, workshop.plugins + "/missing.so"))
            #expect(missing.stage == .find)
            #expect(
                missing.message == "cannot find \(workshop.plugins)/missing.so: No such file or directory")
            #expect(refusal(loader, workshop.plugins)?.message == "\(workshop.plugins) is not a regular file")
        }
    }
}
