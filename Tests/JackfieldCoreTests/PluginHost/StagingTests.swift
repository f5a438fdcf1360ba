// SPDX-License-Identifier: Apache-2.0
// Private copies: trust in files, libraries beside the plugin, damage, and the index of digests.

import CJackfield
import CLinux
import Glibc
import JSON
import Testing

@testable import JackfieldCore

extension PluginHostTests {
    @Suite("Staging") struct StagingTests {
        @Test("files and directories that others can write are refused")
        func writable() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("good")
            chmod(path, 0o775)
            #expect(refusal(workshop.loader(), path)?.message == "\(path) can be written by its group")
            chmod(path, 0o757)
            let refused = try #require(refusal(workshop.loader(), path))
            #expect(refused.message == "\(path) can be written by everybody")
            #expect(refused.advice == "run 'chmod go-w \(path)'")
            chmod(path, 0o755)
            chmod(workshop.plugins, 0o777)
            #expect(
                refusal(workshop.loader(), path)?.message
                    == "\(workshop.plugins) can be written by its group and everybody")
            chmod(workshop.plugins, 0o755)
            chmod(workshop.state, 0o770)
            let state = try #require(refusal(workshop.loader(), path))
            #expect(state.stage == .stage)
            #expect(state.message == "\(workshop.state) can be written by its group")
        }

        @Test(
            "files of other users are refused", .enabled(if: geteuid() == 0, "only root can give files away"))
        func owner() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("good")
            #expect(chown(path, 65534, 65534) == 0)
            let refused = try #require(refusal(workshop.loader(), path))
            #expect(refused.message == "\(path) belongs to user 65534, whom this host does not trust")
            #expect(refused.advice == "give it to root or to user 0 with chown")
        }

        @Test("a symbolic link is followed before its target is checked")
        func symbolicLink() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("good", as: workshop.root + "/open/good.so")
            let link = workshop.plugins + "/good.so"
            #expect(symlink(path, link) == 0)
            let loader = workshop.loader()
            #expect(try loader.load(loader.candidate(at: link)).path == path)
            chmod(directoryName(path), 0o777)
            #expect(refusal(workshop.loader(), link)?.stage == .find)
        }

        @Test("a damaged copy is replaced")
        func damaged() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("good")
            let staged = try #require(workshop.loader().inspect(path).stagedPath)
            var bytes = try workshop.read(staged)
            bytes[bytes.count - 1] ^= 1
            try workshop.write(bytes, to: staged)
            #expect(try #require(workshop.loader().inspect(path).stagedPath) == staged)
            #expect(try workshop.read(staged) == workshop.read(path))
        }

        @Test("a changed file gets a new digest, though its size and time of modification stay")
        func changed() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("good")
            let first = try #require(workshop.loader().inspect(path).digest)
            var status = stat()
            #expect(stat(path, &status) == 0)
            var bytes = try workshop.read(path)
            bytes[bytes.count - 1] ^= 1
            let descriptor = open(path, O_WRONLY)
            #expect(pwrite(descriptor, bytes, bytes.count, 0) == bytes.count)
            close(descriptor)
            var times = [status.st_atim, status.st_mtim]
            #expect(utimensat(AT_FDCWD, path, &times, 0) == 0)
            #expect(try #require(workshop.loader().inspect(path).digest) != first)
        }

        @Test("a damaged index counts as empty and is written anew")
        func index() throws {
            let workshop = try PluginWorkshop()
            let path = try workshop.build("good")
            let digest = try #require(workshop.loader().inspect(path).digest)
            let index = workshop.state + "/plugins/index.json"
            try workshop.write(Array("{\"version\":1,\"files\":{\"".utf8), to: index)
            #expect(workshop.loader().inspect(path).digest == digest)
            let written = try JSONValue(parsing: try workshop.read(index))
            let digests = written["files"]?.object?.compactMap { $0.value["sha256"]?.string } ?? []
            #expect(digests.contains(digest.hex))
        }

        @Test(
            "a library beside the plugin is copied with it and enters the digest",
            arguments: ["$ORIGIN", "$ORIGIN/../lib"])
        func privateLibrary(_ runPath: String) throws {
            let workshop = try PluginWorkshop()
            let libraries = runPath == "$ORIGIN" ? workshop.plugins : workshop.root + "/lib"
            let name = runPath == "$ORIGIN" ? "libacme_same.so" : "libacme_other.so"
            func build(_ answer: Int) throws {
                try workshop.build(
                    "private_library", as: "\(libraries)/\(name)",
                    ["-DANSWER=\(answer)", "-Wl,-soname,\(name)"])
            }
            try build(7)
            let path = try workshop.build(
                "needs_library",
                ["-L\(libraries)", "-l:\(name)", "-Wl,-rpath,\(runPath)", "-Wl,--enable-new-dtags"])
            let loader = workshop.loader()
            let library = try loader.load(loader.candidate(at: path))
            #expect(library.table.pointee.minor == 7)
            let below = String(library.stagedPath.dropFirst((workshop.state + "/plugins/").count))
            #expect(below.hasPrefix(library.digest.hex))
            #expect(below.hasSuffix(runPath == "$ORIGIN" ? "/needs_library.so" : "/plugins/needs_library.so"))
            let report = loader.inspect(path)
            #expect(report.privateLibraries == [name])
            #expect(report.digest == library.digest)
            #expect(try library.digest.hex != sha256(of: path))

            // Another build of the library alone makes another bundle.
            try build(8)
            #expect(workshop.loader().inspect(path).digest != library.digest)
        }

        @Test("libraries of the host's own runtime are linked to, wherever the host lies now")
        func hostRuntime() throws {
            let workshop = try PluginWorkshop()
            let path = try moveHost(workshop, to: "first")
            let report = workshop.loader(hostRuntime: workshop.root + "/first").inspect(path)
            let staged = try #require(report.stagedPath)
            #expect(report.isLoadable)
            #expect(report.privateLibraries == [])
            let link = directoryName(directoryName(staged)) + "/libacme_host.so"
            #expect(resolvedPath(link) == workshop.root + "/first/libacme_host.so")
            #expect(report.digest?.hex == (try sha256(of: path)))

            let moved = try moveHost(workshop, to: "second")
            let again = workshop.loader(hostRuntime: workshop.root + "/second").inspect(moved)
            #expect(again.digest == report.digest)
            #expect(resolvedPath(link) == workshop.root + "/second/libacme_host.so")
        }

        /// A host's tree: its runtime in a directory, the plugin below it.
        private func moveHost(_ workshop: PluginWorkshop, to name: String) throws -> String {
            let runtime = workshop.root + "/" + name
            try workshop.build(
                "private_library", as: runtime + "/libacme_host.so",
                ["-DANSWER=1", "-Wl,-soname,libacme_host.so"])
            let path = runtime + "/plugins/needs_library.so"
            if name == "first" {
                try workshop.build(
                    "needs_library", as: path,
                    ["-L\(runtime)", "-l:libacme_host.so", "-Wl,-rpath,$ORIGIN/..", "-Wl,--enable-new-dtags"])
            } else {
                try #require(makeDirectories(directoryName(path)) == nil)
                try workshop.write(
                    try workshop.read(workshop.root + "/first/plugins/needs_library.so"), to: path)
            }
            return path
        }

        private func sha256(of path: String) throws -> String {
            try #require(readFile(path, limit: 1 << 24)).withUnsafeBytes { SHA256.digest(of: $0).hex }
        }

        @Test("temporary state directories are private")
        func temporaryState() throws {
            let state = try #require(StateDirectory.temporary())
            defer { removeTree(state.path) }
            #expect(state.isTemporary)
            var status = stat()
            #expect(stat(state.path, &status) == 0 && status.st_mode & 0o777 == 0o700)
        }
    }
}
