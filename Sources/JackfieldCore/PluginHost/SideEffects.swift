// SPDX-License-Identifier: Apache-2.0
// What loading a library changed in the process besides mapping it, and putting it back.

import CLinux
import Glibc

/// One change that a library made while it was loaded.
public struct SideEffect: Sendable, Equatable, CustomStringConvertible {
    /// A clause with the plugin as its subject: "changed the handling of SIGPIPE".
    public let text: String
    /// The host put it back as it was.
    public let isUndone: Bool

    public var description: String { isUndone ? text + " (put back)" : text }
}

/// Process-wide state before a library's constructors run: signal dispositions and mask, umask, locale,
/// working directory, environment, resource limits, floating-point mode, and, while the process has one
/// thread only, its threads and descriptors (other threads open descriptors of their own meanwhile; there the
/// probe in a child has to do).
///
/// Take and compare on the thread that loads. Costs about 0.1 ms.
final class ProcessSnapshot {
    private let signals: OpaquePointer?
    private let status = ProcessStatus()
    private let locale = ProcessSnapshot.currentLocale()
    private let workingDirectory = ProcessSnapshot.currentDirectory()
    private let environment = ProcessSnapshot.currentEnvironment()
    private let limits = ProcessSnapshot.currentLimits()
    private let floatMode = jf_float_mode()
    private let descriptors: [Int32: String]?

    init() {
        signals = jf_signals_save()
        descriptors = status.threads == 1 ? ProcessSnapshot.openDescriptors() : nil
    }

    deinit { jf_signals_free(signals) }

    /// What differs now. `undoing`: puts back what can safely be put back. The environment is not (other
    /// threads may be reading it), nor are descriptors and threads (the library may be using them).
    func changes(undoing: Bool) -> [SideEffect] {
        var changes: [SideEffect] = []
        func note(_ text: String, undo: (() -> Bool)? = nil) {
            changes.append(SideEffect(text: text, isUndone: undoing && (undo?() ?? false)))
        }
        let now = ProcessStatus()
        if let signals {
            let changed = signalNames(jf_signals_changed(signals))
            let masked = signalNames(jf_signals_mask_changed(signals))
            let isUndone = undoing && !(changed + masked).isEmpty && jf_signals_restore(signals) == 0
            if !changed.isEmpty {
                note("changed the handling of \(changed.joined(separator: ", "))") { isUndone }
            }
            if !masked.isEmpty {
                note("changed the signal mask for \(masked.joined(separator: ", "))") { isUndone }
            }
        }
        if let before = status.umask, let after = now.umask, before != after {
            note("changed the umask from \(octal(before)) to \(octal(after))") {
                _ = Glibc.umask(before)
                return true
            }
        }
        let localeNow = ProcessSnapshot.currentLocale()
        if localeNow != locale {
            note("changed the locale from \(locale) to \(localeNow)") { [locale] in
                setlocale(LC_ALL, locale) != nil
            }
        }
        let directoryNow = ProcessSnapshot.currentDirectory()
        if directoryNow != workingDirectory {
            note("changed the working directory to \(directoryNow ?? "an unknown place")") {
                [workingDirectory] in
                workingDirectory.map { chdir($0) == 0 } ?? false
            }
        }
        if jf_float_mode() != floatMode {
            note("changed the floating-point mode (built with -ffast-math?)") { [floatMode] in
                jf_set_float_mode(floatMode)
                return true
            }
        }
        for change in limitChanges() { note(change.text, undo: change.undo) }
        let environmentNow = ProcessSnapshot.currentEnvironment()
        if environmentNow != environment {
            note("changed the environment: \(changedVariables(environmentNow).joined(separator: ", "))")
        }
        if let descriptors {
            if now.threads > 1 {
                note("started \(now.threads - 1) thread\(now.threads == 2 ? "" : "s")")
            }
            for text in descriptorChanges(descriptors, ProcessSnapshot.openDescriptors()) { note(text) }
        }
        return changes
    }

    private func limitChanges() -> [(text: String, undo: () -> Bool)] {
        zip(limits, ProcessSnapshot.currentLimits()).enumerated().compactMap { resource, pair in
            let (before, after) = pair
            guard before != after else { return nil }
            let name = ProcessSnapshot.limitNames[Int32(resource)] ?? "number \(resource)"
            return (
                "changed the resource limit \(name)", { jf_set_soft_limit(Int32(resource), before.soft) == 0 }
            )
        }
    }

    private func changedVariables(_ now: [String]) -> [String] {
        let difference = Set(environment).symmetricDifference(now)
        return Set(difference.map { String($0.prefix { $0 != "=" }) }).sorted()
    }

    private func descriptorChanges(_ before: [Int32: String], _ after: [Int32: String]) -> [String] {
        var texts: [String] = []
        for number in Set(before.keys).union(after.keys).sorted() {
            switch (before[number], after[number]) {
            case (nil, let opened?): texts.append("left descriptor \(number) open (\(opened))")
            case (_?, nil): texts.append("closed descriptor \(number), which was not its own")
            case (let old, let new) where old != new: texts.append("replaced descriptor \(number)")
            default: break
            }
        }
        return texts
    }

    private static func currentLocale() -> String {
        setlocale(LC_ALL, nil).map { String(cString: $0) } ?? "C"
    }

    private static func currentDirectory() -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        return getcwd(&buffer, buffer.count).map { String(cString: $0) }
    }

    private static func currentEnvironment() -> [String] {
        guard var next = jf_environment() else { return [] }
        var variables: [String] = []
        while let variable = next.pointee {
            variables.append(String(cString: variable))
            next += 1
        }
        return variables
    }

    private struct Limit: Equatable {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
    }

    private static func currentLimits() -> [Limit] {
        (0..<JF_LIMIT_COUNT).map { resource in
            var limit = Limit()
            jf_get_limit(resource, &limit.soft, &limit.hard)
            return limit
        }
    }

    private static let limitNames: [Int32: String] = [
        JF_LIMIT_CPU: "CPU", JF_LIMIT_CORE: "CORE", JF_LIMIT_FILES: "NOFILE", JF_LIMIT_FILE_SIZE: "FSIZE",
        JF_LIMIT_ADDRESS_SPACE: "AS",
    ]

    /// Open descriptors and what they refer to, without the one that this listing needs.
    private static func openDescriptors() -> [Int32: String] {
        guard let directory = opendir("/proc/self/fd") else { return [:] }
        defer { closedir(directory) }
        let own = dirfd(directory)
        var open: [Int32: String] = [:]
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let number = Int32(name), number != own else { continue }
            var target = [UInt8](repeating: 0, count: 256)
            let length = target.withUnsafeMutableBytes {
                readlinkat(own, name, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
            }
            open[number] = String(decoding: target.prefix(max(0, length)), as: UTF8.self)
        }
        return open
    }
}

/// The lines of /proc/self/status that matter here: unlike umask(2), reading them changes nothing.
private struct ProcessStatus {
    private(set) var umask: mode_t?
    private(set) var threads = 0

    init() {
        guard let bytes = readFile("/proc/self/status", limit: 1 << 16) else { return }
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            if line.starts(with: "Umask:".utf8) {
                umask = mode_t(ProcessStatus.value(line), radix: 8)
            } else if line.starts(with: "Threads:".utf8) {
                threads = Int(ProcessStatus.value(line)) ?? 0
                break
            }
        }
    }

    private static func value(_ line: ArraySlice<UInt8>) -> String {
        String(decoding: line.drop { $0 != UInt8(ascii: "\t") }.dropFirst(), as: UTF8.self)
    }
}

/// "SIGPIPE" for 13; real-time signals by number.
func signalName(_ number: Int32) -> String {
    jf_signal_name(number).map { "SIG" + String(cString: $0) } ?? "signal \(number)"
}

private func signalNames(_ set: UInt64) -> [String] {
    (1...64).filter { set >> UInt64($0 - 1) & 1 == 1 }.map { signalName(Int32($0)) }
}

private func octal(_ mode: mode_t) -> String {
    let digits = String(mode, radix: 8)
    return String(repeating: "0", count: max(0, 3 - digits.count)) + digits
}
