// SPDX-License-Identifier: Apache-2.0
// Levelled records on standard error, one line each, as text or JSON.

import CLinux
import Glibc
import JSON
import Synchronization

/// The gateway's log. Any thread; never blocks for long: a record that standard error does not take is counted as lost.
public final class Log: Sendable {
    public enum Level: UInt32, Sendable, Comparable {
        case trace = 0, debug, info, warning, error
        public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }

        var name: String {
            switch self {
            case .trace: "trace"
            case .debug: "debug"
            case .info: "info"
            case .warning: "warning"
            case .error: "error"
            }
        }
    }

    public struct Field: Sendable {
        public let name: String
        public let value: String
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    public let level: Level
    private let json: Bool
    private let lost = Atomic<Int>(0)
    /// One writer at a time, so that lines never interleave.
    private let turn = Mutex<Void>(())

    public init(level: Level = .info, json: Bool = false) {
        self.level = level
        self.json = json
    }

    public func isEnabled(_ level: Level) -> Bool { level >= self.level }

    public func write(_ level: Level, _ text: String, _ fields: [Field] = []) {
        guard isEnabled(level) else { return }
        record(level, text, fields)
    }

    /// Writes a record whatever the level is: for what was asked for by name.
    func record(_ level: Level, _ text: String, _ fields: [Field] = []) {
        var line: [UInt8] = []
        line.reserveCapacity(160)
        if json {
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("time")
            writer.value(Log.timestamp())
            writer.key("level")
            writer.value(level.name)
            writer.key("message")
            writer.value(text)
            for field in fields {
                writer.key(field.name)
                writer.value(field.value)
            }
            writer.endObject()
            line = writer.bytes
        } else {
            line.append(contentsOf: Log.timestamp().utf8)
            line.append(32)
            line.append(contentsOf: level.name.utf8)
            line.append(32)
            Log.appendPrintable(text, to: &line)
            for field in fields {
                line.append(32)
                line.append(contentsOf: field.name.utf8)
                line.append(61)
                Log.appendPrintable(field.value, to: &line)
            }
        }
        line.append(10)
        put(line)
    }

    /// Writes a line as it is, for the few that programs wait for (`listening on …`).
    public func announce(_ text: String) {
        put([UInt8](text.utf8) + [10])
    }

    private func put(_ line: [UInt8]) {
        turn.withLock { _ in
            line.withUnsafeBytes { bytes in
                var at = 0
                while at < bytes.count {
                    let count = Glibc.write(2, bytes.baseAddress! + at, bytes.count - at)
                    if count > 0 {
                        at += count
                    } else if count < 0 && jf_errno() == EINTR {
                        continue
                    } else {
                        lost.add(1, ordering: .relaxed)
                        return
                    }
                }
            }
        }
    }

    /// Control characters are shown as escapes: a log line stays one line, and a terminal stays a terminal.
    private static func appendPrintable(_ text: String, to line: inout [UInt8]) {
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 10: line.append(contentsOf: "\\n".utf8)
            case 9: line.append(contentsOf: "\\t".utf8)
            case 0..<32, 127..<160:
                line.append(contentsOf: "\\u{".utf8)
                line.append(contentsOf: String(scalar.value, radix: 16).utf8)
                line.append(125)
            default: line.append(contentsOf: String(scalar).utf8)
            }
        }
    }

    /// RFC 3339 in UTC with milliseconds.
    static func timestamp() -> String {
        let nanoseconds = jf_realtime_ns()
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ value: Int, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let day =
            "\(parts.tm_year + 1900)-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
        let clock =
            "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
        return "\(day)T\(clock).\(padded(Int(nanoseconds / 1_000_000 % 1000), 3))Z"
    }
}
