// SPDX-License-Identifier: Apache-2.0
// The host's side of the rehearsal: runs a plugin in a child process first, and remembers how it went.

import CLinux
import Glibc
import JSON

/// Loads plugins in `jackfield-cell --probe` before the host does, so that a constructor that aborts, hangs
/// or changes signals is found there. It finds accidents, not malice: code can tell the two runs apart.
///
/// Verdicts are kept in `<state>/probes/<sha256>.json` and hold for one version of the host and one build of
/// the cell; a warm start spawns nothing. A crash or a timeout stays on file, too, and keeps that digest out.
/// A refusal does not: it may be due to something outside the plugin, such as a library that is not
/// installed.
struct PluginProbe {
    /// The rehearsal itself could not be run: not the plugin's fault.
    struct Fault: Error {
        let text: String
        let advice: String
    }

    let cellPath: String
    let directory: String
    let hostVersion: String
    /// Nanoseconds; eight times as much where it yields.
    let timeout: UInt64
    /// It runs beside calls that are served, and shall not take the processor from them.
    var yields = false

    private static let sizeLimit = 1 << 20

    /// The file that holds a digest's verdict.
    func verdictPath(_ digest: SHA256Digest) -> String { "\(directory)/\(digest.hex).json" }

    /// The verdict on a staged plugin, and whether it was on file. `anew`: what is on file about a crash or a
    /// timeout does not count.
    func verdict(on staged: StagedPlugin, anew: Bool) throws(Fault) -> (verdict: ProbeVerdict, isKnown: Bool)
    {
        guard let cell = FileIdentity(path: cellPath) else {
            let why = jf_errno()
            throw Fault(text: "cannot find \(cellPath): \(errorText(why))", advice: "install jackfield-cell")
        }
        let key = "\(hostVersion) \(cell.inode):\(cell.size):\(cell.modified)"
        if let known = known(staged.digest, key), known.outcome == .accepted || !anew { return (known, true) }
        let verdict = try rehearse(staged.path)
        if verdict.outcome != .refused, let failure = keep(verdict, staged.digest, key) {
            throw Fault(text: failure, advice: "make the state directory writable")
        }
        return (verdict, false)
    }

    private func known(_ digest: SHA256Digest, _ key: String) -> ProbeVerdict? {
        guard let bytes = readFile(verdictPath(digest), limit: PluginProbe.sizeLimit),
            let json = try? JSONValue(parsing: bytes), json["host"]?.string == key
        else { return nil }
        return json["probe"].flatMap { ProbeVerdict($0) }
    }

    private func keep(_ verdict: ProbeVerdict, _ digest: SHA256Digest, _ key: String) -> String? {
        if let failure = makeDirectories(directory) { return "cannot create \(failure)" }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("host")
        writer.value(key)
        writer.key("probe")
        writer.value(verdict.json)
        writer.endObject()
        return writer.bytes.withUnsafeBytes {
            replaceFile(verdictPath(digest), with: $0, mode: 0o600, durable: false)
        }
    }

    private var patience: UInt64 { yields ? min(timeout, .max / 8) * 8 : timeout }

    private func rehearse(_ path: String) throws(Fault) -> ProbeVerdict {
        let end: ChildProcess.End
        do throws(ChildProcess.Fault) {
            end = try ChildProcess.run(
                cellPath, ["--probe", path], environment: PluginProbe.environment(), timeout: patience,
                yields: yields)
        } catch {
            throw Fault(text: error.text, advice: "check that \(cellPath) can be executed")
        }
        let time = "\(end.nanoseconds / 1_000_000) ms"
        var verdict: ProbeVerdict
        if end.isTimedOut || end.signal == SIGXCPU {
            verdict = ProbeVerdict(.timedOut)
            verdict.message =
                end.isTimedOut
                ? "it was not loaded after \(patience / 1_000_000) ms, probably stuck in a constructor"
                : "it used all processor time that loading may take"
        } else if end.signal != 0 {
            verdict = ProbeVerdict(.crashed)
            verdict.message =
                "crashed with \(signalName(end.signal)) in \(time)\(PluginProbe.quoted(end.errors))"
        } else if let line = PluginProbe.lastLine(end.output), let json = try? JSONValue(parsing: line),
            let told = ProbeVerdict(json)
        {
            return told
        } else if end.status == 126 || end.status == 127 {
            throw Fault(
                text: "\(cellPath) does not start\(PluginProbe.quoted(end.errors))",
                advice: "run '\(cellPath) --version' to see why")
        } else {
            verdict = ProbeVerdict(.crashed)
            verdict.message =
                "ended the process with status \(end.status) in \(time)\(PluginProbe.quoted(end.errors))"
        }
        verdict.stage = PluginRefusal.Stage.probe.name
        verdict.milliseconds = Double(end.nanoseconds / 1000) / 1000
        return verdict
    }

    /// Only what a library may need to be found and to speak a language: no secrets of the host.
    private static func environment() -> [String] {
        let passed = [
            "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "ASAN_OPTIONS",
            "TSAN_OPTIONS",
        ]
        return passed.compactMap { name in environmentVariable(name).map { "\(name)=\($0)" } }
            // The runtime's crash report takes seconds and starts another process.
            + ["SWIFT_BACKTRACE=enable=no"]
    }

    /// The verdict is the last line: a constructor may have printed others.
    private static func lastLine(_ output: [UInt8]) -> ArraySlice<UInt8>? {
        output.split(separator: UInt8(ascii: "\n")).last
    }

    /// The end of what the child wrote to standard error, as one line.
    private static func quoted(_ errors: [UInt8]) -> String {
        let lines = errors.split(whereSeparator: { $0 < 32 })
        guard let last = lines.last else { return "" }
        return ", saying \"\(String(decoding: last.prefix(160), as: UTF8.self))\""
    }
}
