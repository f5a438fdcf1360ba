// SPDX-License-Identifier: Apache-2.0
// What tenants used of tools: counts by the hour, kept in the state directory.

import CLinux
import Glibc
import JSON
import Synchronization

/// What was used.
public struct UsageCount: Sendable, Equatable {
    public var calls: UInt64 = 0
    public var errors: UInt64 = 0
    public var denied: UInt64 = 0
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    /// Nanoseconds.
    public var time: UInt64 = 0
    /// Millionths of the operator's unit.
    public var cost: UInt64 = 0

    public init() {}

    public mutating func add(_ other: UsageCount) {
        calls &+= other.calls
        errors &+= other.errors
        denied &+= other.denied
        bytesIn &+= other.bytesIn
        bytesOut &+= other.bytesOut
        time &+= other.time
        cost &+= other.cost
    }
}

/// One line of a day's file.
public struct UsageRow: Sendable {
    public struct Key: Sendable, Hashable {
        /// Hours of Unix time.
        public let hour: UInt64
        public let tenant: String
        public let server: String
        public let tool: String

        /// When the hour began.
        public var hourText: String { AuditTime.text(hour * 3_600_000_000_000) }
    }

    public let key: Key
    public var count: UsageCount
}

/// Counts for one gateway. The thread of the audit log's.
final class UsageLedger {
    /// Tools are counted by name up to so many rows a day; the others together.
    static let mostRows = 100_000
    /// Days that are kept.
    static let mostDays = 400

    private let directory: String
    private var rows: [UsageRow.Key: UsageCount] = [:]
    private var day: UInt64 = 0
    private var isChanged = false
    private var last = UsageRow.Key(hour: .max, tenant: "", server: "", tool: "")

    var isAtRest: Bool { !isChanged }

    init(_ directory: String) {
        self.directory = directory
        begin(jf_realtime_ns() / 1_000_000_000 / 86_400)
    }

    private func begin(_ day: UInt64) {
        self.day = day
        rows = [:]
        for row in Usage.rows(in: Usage.file(directory, day)) { rows[row.key] = row.count }
    }

    /// Calls of one tool come in numbers: what the last one counted under is kept.
    private func key(of reading: AuditReading, _ hour: UInt64) -> UsageRow.Key {
        func isSame(_ field: AuditField, _ known: String) -> Bool {
            var known = known
            guard let bytes = reading[field] else { return known.isEmpty }
            return known.withUTF8 { UnsafeRawBufferPointer($0).elementsEqual(bytes) }
        }
        if last.hour == hour, isSame(.name, last.tool), isSame(.server, last.server),
            isSame(.tenant, last.tenant)
        {
            return last
        }
        last = UsageRow.Key(
            hour: hour, tenant: reading.string(.tenant), server: reading.string(.server),
            tool: reading.string(.name))
        return last
    }

    func count(_ reading: AuditReading) {
        let hour = reading.head.time / 3_600_000_000_000
        if hour / 24 != day {
            save()
            begin(hour / 24)
        }
        var one = UsageCount()
        one.calls = 1
        let outcome = AuditOutcome(rawValue: reading.head.outcome) ?? .open
        if outcome == .denied { one.denied = 1 } else if outcome != .ok, outcome != .open { one.errors = 1 }
        one.bytesIn = reading.head.bytesIn
        one.bytesOut = reading.head.bytesOut
        one.time = reading.head.latency
        one.cost = reading.head.cost
        var key = key(of: reading, hour)
        if rows.count >= Self.mostRows, rows[key] == nil {
            key = UsageRow.Key(hour: hour, tenant: key.tenant, server: key.server, tool: "(others)")
        }
        rows[key, default: UsageCount()].add(one)
        isChanged = true
    }

    /// Writes the day's counts, if there is something new.
    func save() {
        guard isChanged else { return }
        if makeDirectories(directory) != nil { return }
        var writer = JSONWriter(capacity: rows.count * 160)
        for (key, count) in rows { Usage.write(UsageRow(key: key, count: count), to: &writer) }
        let failure = writer.bytes.withUnsafeBytes {
            replaceFile(Usage.file(directory, day), with: $0, mode: 0o600, durable: false)
        }
        guard failure == nil else { return }
        isChanged = false
        let days = Usage.days(in: directory)
        for old in days.dropLast(Self.mostDays) { unlink(Usage.file(directory, old)) }
    }
}

/// The files of usage: `usage/YYYY-MM-DD.jsonl`, a line for each hour, tenant, server and tool.
public enum Usage {
    public static func directory(_ state: String) -> String { state + "/usage" }

    static func file(_ directory: String, _ day: UInt64) -> String {
        directory + "/" + AuditTime.text(day * 86_400_000_000_000).prefix(10) + ".jsonl"
    }

    /// Days with a file, ascending.
    static func days(in directory: String) -> [UInt64] {
        (directoryEntries(directory) ?? []).compactMap { name -> UInt64? in
            guard name.hasSuffix(".jsonl") else { return nil }
            return nanoseconds(ofTime: name.dropLast(6) + "T00:00:00Z").map { $0 / 86_400_000_000_000 }
        }
    }

    /// All rows since a time in nanoseconds of Unix time, whole hours.
    public static func rows(_ directory: String, since: UInt64) -> [UsageRow] {
        days(in: directory).filter { $0 >= since / 86_400_000_000_000 }.flatMap {
            rows(in: file(directory, $0))
        }
        .filter { $0.key.hour >= since / 3_600_000_000_000 }
    }

    static func rows(in file: String) -> [UsageRow] {
        guard let bytes = readFile(file, limit: 256 << 20) else { return [] }
        return bytes.split(separator: 10).compactMap { line in
            guard let value = try? JSONValue(parsing: line),
                let hour = value["hour"]?.string.flatMap({ nanoseconds(ofTime: $0) })
            else { return nil }
            func number(_ name: String) -> UInt64 { UInt64(max(0, value[name]?.int ?? 0)) }
            var count = UsageCount()
            count.calls = number("calls")
            count.errors = number("errors")
            count.denied = number("denied")
            count.bytesIn = number("bytes_in")
            count.bytesOut = number("bytes_out")
            count.time = number("time_us") * 1000
            count.cost = number("cost_millionths")
            return UsageRow(
                key: UsageRow.Key(
                    hour: hour / 3_600_000_000_000, tenant: value["tenant"]?.string ?? "",
                    server: value["server"]?.string ?? "", tool: value["tool"]?.string ?? ""), count: count)
        }
    }

    static func write(_ row: UsageRow, to writer: inout JSONWriter) {
        var line = JSONWriter()
        line.beginObject()
        line.key("hour")
        AuditTime.write(row.key.hour * 3_600_000_000_000, to: &line)
        line.key("tenant")
        line.value(row.key.tenant)
        line.key("server")
        line.value(row.key.server)
        line.key("tool")
        line.value(row.key.tool)
        row.count.write(to: &line)
        line.endObject()
        writer.bytes.append(contentsOf: line.bytes)
        writer.bytes.append(10)
    }
}

extension UsageCount {
    /// Writes members.
    public func write(to writer: inout JSONWriter) {
        writer.key("calls")
        writer.value(calls)
        writer.key("errors")
        writer.value(errors)
        writer.key("denied")
        writer.value(denied)
        writer.key("bytes_in")
        writer.value(bytesIn)
        writer.key("bytes_out")
        writer.value(bytesOut)
        writer.key("time_us")
        writer.value(time / 1000)
        writer.key("cost_millionths")
        writer.value(cost)
    }
}

/// Nanoseconds of Unix time of `2026-11-22T10:00:00Z`, with or without a fraction; nil: no such text.
public func nanoseconds(ofTime text: some StringProtocol) -> UInt64? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes[4] == 45, bytes[7] == 45, bytes[10] == 84, bytes[13] == 58,
        bytes[16] == 58,
        bytes.last == 90
    else { return nil }
    func number(_ range: Range<Int>) -> Int? {
        bytes[range].reduce(Int?(0)) { sum, digit in
            sum.flatMap { (48...57).contains(digit) ? $0 * 10 + Int(digit - 48) : nil }
        }
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
        let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19), year >= 1970,
        (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
    else { return nil }
    var fraction = 0
    if bytes.count > 20 {
        let digits = bytes.count - 21
        guard bytes[19] == 46, (1...9).contains(digits), let value = number(20..<(20 + digits)) else {
            return nil
        }
        fraction = value
        for _ in digits..<9 { fraction *= 10 }
    }
    // Days since 1970-01-01, in years that begin in March.
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let ofEra = shifted % 400
    let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let days = era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    return UInt64((days * 86_400 + hour * 3600 + minute * 60 + second) * 1_000_000_000 + fraction)
}
