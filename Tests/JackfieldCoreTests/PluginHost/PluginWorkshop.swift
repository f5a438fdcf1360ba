// SPDX-License-Identifier: Apache-2.0
// Builds the plugins of Tests/Fixtures/plugins at test time and gives each test directories of its own.

import CLinux
import Glibc
import Testing

@testable import JackfieldCore

/// A temporary directory with a place for plugins and one for state; removed with this value.
final class PluginWorkshop {
    let root: String
    let plugins: String
    let state: String
    /// Lines that loaders of this workshop logged.
    private(set) var logged: [String] = []

    init() throws {
        var template = Array("/tmp/jackfield-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        plugins = root + "/plugins"
        state = root + "/state"
        try #require(mkdir(plugins, 0o755) == 0)
        try #require(mkdir(state, 0o700) == 0)
    }

    deinit { removeTree(root) }

    /// The repository, found from this file's place in it.
    static let repository: String = {
        let here = resolvedPath(#filePath) ?? #filePath
        return (0..<4).reduce(here) { path, _ in directoryName(path) }
    }()

    /// `jackfield-cell` as this build made it, beside the test program.
    static let cell: String = directoryName(resolvedPath("/proc/self/exe") ?? "") + "/jackfield-cell"

    /// Compiles a fixture to `<plugins>/<name>.so`, or to `path`.
    @discardableResult
    func build(_ fixture: String, as path: String? = nil, _ flags: [String] = []) throws -> String {
        let target = path ?? "\(plugins)/\(fixture).so"
        try #require(makeDirectories(directoryName(target)) == nil)
        let source = "\(PluginWorkshop.repository)/Tests/Fixtures/plugins/\(fixture).c"
        try run(
            ["clang", "-std=c11", "-O1", "-fPIC", "-fvisibility=hidden", "-shared", "-pthread"]
                + ["-I", "\(PluginWorkshop.repository)/plugin-sdk/include", source, "-o", target]
                + ["-Wl,-z,relro,-z,now"] + flags)
        // Whatever the umask of whoever runs the tests.
        try #require(chmod(target, 0o755) == 0)
        return target
    }

    /// Runs a program to its end; it has to succeed.
    func run(_ command: [String]) throws {
        let path = "PATH=" + (environmentVariable("PATH") ?? "/usr/bin")
        let end = try ChildProcess.run(
            "/usr/bin/env", command, environment: [path, "TMPDIR=\(root)"], timeout: 120_000_000_000)
        try #require(
            end.status == 0 && end.signal == 0 && !end.isTimedOut,
            "\(command[0]): \(String(decoding: end.errors, as: UTF8.self))")
    }

    /// A loader with this workshop's directories. Each call is like a new start of the gateway.
    func loader(
        policy: PluginPolicy = PluginPolicy(), cell: String? = PluginWorkshop.cell,
        probeTimeout: UInt64 = 5_000_000_000, hostRuntime: String? = nil, version: String = "1"
    ) -> PluginLoader {
        var limits = PluginLoader.Limits()
        limits.probeTimeout = probeTimeout
        return PluginLoader(
            searchPath: [plugins], stateDirectory: state, cellPath: cell, policy: policy,
            hostVersion: version,
            hostRuntime: hostRuntime, limits: limits
        ) { [weak self] level, text in self?.logged.append("\(level.rawValue): \(text)") }
    }

    func write(_ bytes: [UInt8], to path: String) throws {
        try #require(
            bytes.withUnsafeBytes { replaceFile(path, with: $0, mode: 0o755, durable: false) } == nil)
    }

    func read(_ path: String) throws -> [UInt8] {
        try #require(readFile(path, limit: 512 << 20))
    }
}

/// The refusal that loading ends with; records an issue when there is none.
func refusal(_ loader: PluginLoader, _ path: String) -> PluginRefusal? {
    do throws(PluginRefusal) {
        let library = try loader.load(loader.candidate(at: path))
        Issue.record("\(library.manifest.id) was loaded")
        return nil
    } catch {
        return error
    }
}

/// Everything that loads libraries into this process, one test after the other: they look at process-wide
/// state.
@Suite("Plugin host", .serialized)
enum PluginHostTests {}
