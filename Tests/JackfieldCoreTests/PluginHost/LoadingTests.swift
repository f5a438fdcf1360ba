// SPDX-License-Identifier: Apache-2.0
// Loading good plugins: tables of other sizes, side effects undone, identity, discovery.

import CJackfield
import CLinux
import Glibc
import JSON
import Testing

@testable import JackfieldCore

extension PluginHostTests {
    @Suite("Loading") struct LoadingTests {
        @Test("a good plugin is loaded from its private copy")
        func good() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("good")
            let loader = workshop.loader()
            let library = try loader.load(loader.candidate(at: path))
            #expect(library.manifest.id == "good")
            #expect(library.manifest.threads == .serial)
            #expect(library.path == path)
            #expect(library.effectiveMinor == 0)
            #expect(library.sideEffects == [])
            #expect(library.stagedPath == "\(workshop.state)/plugins/\(library.digest.hex)/good.so")
            #expect(try workshop.read(library.stagedPath) == workshop.read(path))
            var status = stat()
            #expect(stat(library.stagedPath, &status) == 0 && status.st_mode & 0o777 == 0o444)
            #expect(stat(directoryName(library.stagedPath), &status) == 0 && status.st_mode & 0o777 == 0o700)

            // The table works: one instance comes and goes.
            var offer = jf_offer()
            var fault = jf_fault()
            var own: OpaquePointer?
            let create = try #require(library.table.pointee.create)
            #expect(create(&offer, jf_view(), &own, &fault) == JF_OK)
            library.table.pointee.destroy(own)
            #expect(workshop.logged == [])
        }

        @Test("the same content is loaded once, new content beside the old")
        func identity() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("good")
            let loader = workshop.loader()
            let first = try loader.load(loader.candidate(at: path))
            #expect(try loader.load(loader.candidate(at: path)) === first)
            try workshop.build("good", ["-Wl,-soname,another-build.so"])
            let second = try loader.load(loader.candidate(at: path))
            #expect(second !== first)
            #expect(second.digest != first.digest)
            #expect(second.table.pointee.create != nil)
            #expect(first.table.pointee.create != nil)
        }

        @Test("a table without later slots is completed with NULL")
        func shortTable() throws {
            let workshop = try PluginWorkshop()
            let loader = workshop.loader()
            let table = try loader.load(loader.candidate(at: workshop.build("short_table"))).table.pointee
            #expect(table.size == 32)
            #expect(table.create != nil && table.destroy != nil && table.facet != nil)
            #expect(table.start == nil && table.drain == nil && table.stop == nil)
        }

        @Test("a table from a newer minor is read as far as it is known")
        func largeTable() throws {
            let workshop = try PluginWorkshop()
            let loader = workshop.loader()
            let library = try loader.load(loader.candidate(at: workshop.build("large_table")))
            #expect(library.table.pointee.size == 120)
            #expect(library.table.pointee.minor == 9)
            #expect(library.effectiveMinor == Int(JF_ABI_MINOR))
            #expect(library.manifest.abi.description == "1.9")
        }

        @Test("what a constructor changed is put back and told")
        func sideEffects() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("side_effects")
            // Threads of a pool run with signals blocked.
            var window = sigset_t()
            sigemptyset(&window)
            sigaddset(&window, SIGWINCH)
            pthread_sigmask(SIG_UNBLOCK, &window, nil)
            let before = ProcessSnapshot()
            let loader = workshop.loader()
            let library = try loader.load(loader.candidate(at: path))
            defer { unsetenv("JACKFIELD_FIXTURE") }
            let texts = library.sideEffects.map(\.text)
            #expect(texts.contains("changed the handling of SIGUSR2, SIGPIPE"))
            #expect(texts.contains("changed the signal mask for SIGWINCH"))
            #expect(texts.contains { $0.hasPrefix("changed the umask from ") && $0.hasSuffix(" to 000") })
            #expect(texts.contains { $0.hasPrefix("changed the locale from ") })
            #expect(texts.contains("changed the working directory to /"))
            #expect(texts.contains("changed the floating-point mode (built with -ffast-math?)"))
            #expect(
                library.sideEffects.filter { !$0.isUndone }.map(\.text) == [
                    "changed the environment: JACKFIELD_FIXTURE"
                ])
            #expect(
                before.changes(undoing: false).map(\.text) == ["changed the environment: JACKFIELD_FIXTURE"])
            #expect(
                workshop.logged.contains(
                    "warning: plugin side-effects changed the signal mask for SIGWINCH (put back) while it "
                        + "was loaded"
                ))
        }

        @Test("strict policy refuses side effects, before the plugin runs here where a probe saw them")
        func strict() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("side_effects")
            var policy = PluginPolicy()
            policy.refusesSideEffects = true
            let probed = try #require(refusal(workshop.loader(policy: policy), path))
            #expect(probed.stage == .probe)
            #expect(probed.message.hasPrefix("loading it has side effects: it changed the handling of "))
            #expect(getenv("JACKFIELD_FIXTURE") == nil)

            let before = ProcessSnapshot()
            defer { unsetenv("JACKFIELD_FIXTURE") }
            let here = try #require(refusal(workshop.loader(policy: policy, cell: nil), path))
            #expect(here.stage == .sideEffects)
            #expect(
                before.changes(undoing: false).map(\.text) == ["changed the environment: JACKFIELD_FIXTURE"])
        }

        @Test("extra exports are warned about, and listed")
        func extraExports() throws {
            let workshop = try PluginWorkshop()
            let loader = workshop.loader()
            let path = try workshop.build("extra_exports")
            _ = try loader.load(loader.candidate(at: path))
            let finding = try #require(loader.inspect(path).findings.first { $0.code == "extra-exports" })
            #expect(
                finding.text.hasPrefix("it exports 2 more symbols than its entry: acme_count, acme_counter; ")
            )
            #expect(workshop.logged == ["warning: plugin extra-exports: \(finding.text)"])
        }

        @Test("discovery is sorted, shallow, and the first of two equal ids wins")
        func discovery() throws {
            let workshop = try PluginWorkshop()
            try workshop.build("good", as: workshop.plugins + "/b.so")
            try workshop.build("extra_exports", as: workshop.plugins + "/a.so")
            try workshop.build("no_note", as: workshop.plugins + "/c.so")
            try workshop.build("good", as: workshop.plugins + "/deeper/d.so")
            try workshop.build("good", as: workshop.root + "/later/good.so")
            try workshop.write([], to: workshop.plugins + "/readme.txt")
            let search = [
                workshop.root + "/absent", workshop.plugins, workshop.plugins + "/.",
                workshop.root + "/later",
            ]
            let loader = PluginLoader(
                searchPath: search, stateDirectory: workshop.state, cellPath: nil, log: { _, _ in })
            let found = loader.discover()
            #expect(found.map { fileName($0.path) } == ["a.so", "b.so", "c.so", "good.so"])
            #expect(found.map { $0.refusal?.stage } == [nil, nil, .manifest, .find])
            #expect(found.map(\.name) == ["extra-exports", "good", "c.so", "good"])
            #expect(
                found[3].refusal?.message
                    == "\(workshop.root)/later/good.so is hidden by \(workshop.plugins)/b.so, which has the "
                    + "same id "
                    + "and comes first")
        }

        @Test("a report holds the facts, also when the plugin would be refused")
        func report() throws {
            let workshop = try PluginWorkshop()
            let good = workshop.loader().inspect(try workshop.build("good"))
            #expect(good.isLoadable)
            #expect(good.json["loadable"]?.bool == true)
            #expect(good.json["manifest"]?["id"]?.string == "good")
            #expect(good.json["exports"]?.array?.compactMap(\.string).contains("jf_entry_1") == true)
            #expect(good.json["needed"]?.array?.compactMap(\.string).contains("libc.so.6") == true)
            #expect(good.json["probe"]?["verdict"]?.string == "accepted")
            let bad = workshop.loader().inspect(try workshop.build("unknown_service"))
            #expect(bad.refusal?.stage == .services)
            #expect(bad.json["refusal"]?["stage"]?.string == "services")
            #expect(bad.digest != nil && bad.image != nil && bad.manifest?.requires.count == 2)
        }
    }
}
