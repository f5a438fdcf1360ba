// SPDX-License-Identifier: Apache-2.0
// Times of records: RFC 3339 in UTC with microseconds, without a call of the C library for each.

import JSON

enum AuditTime {
    /// Writes nanoseconds of Unix time as a JSON string.
    static func write(_ nanoseconds: UInt64, to writer: inout JSONWriter) {
        withUnsafeTemporaryAllocation(byteCount: 27, alignment: 1) { text in
            let seconds = Int(nanoseconds / 1_000_000_000)
            let (day, rest) = (seconds / 86_400, seconds % 86_400)
            let date = civil(day)
            put(date.year, 4, text, 0)
            text[4] = UInt8(ascii: "-")
            put(date.month, 2, text, 5)
            text[7] = UInt8(ascii: "-")
            put(date.day, 2, text, 8)
            text[10] = UInt8(ascii: "T")
            put(rest / 3600, 2, text, 11)
            text[13] = UInt8(ascii: ":")
            put(rest / 60 % 60, 2, text, 14)
            text[16] = UInt8(ascii: ":")
            put(rest % 60, 2, text, 17)
            text[19] = UInt8(ascii: ".")
            put(Int(nanoseconds / 1000 % 1_000_000), 6, text, 20)
            text[26] = UInt8(ascii: "Z")
            writer.string(UnsafeRawBufferPointer(text))
        }
    }

    static func text(_ nanoseconds: UInt64) -> String {
        var writer = JSONWriter()
        write(nanoseconds, to: &writer)
        return String(decoding: writer.bytes.dropFirst().dropLast(), as: UTF8.self)
    }

    private static func put(_ number: Int, _ width: Int, _ text: UnsafeMutableRawBufferPointer, _ at: Int) {
        var number = number
        for place in stride(from: at + width - 1, through: at, by: -1) {
            text[place] = UInt8(ascii: "0") + UInt8(number % 10)
            number /= 10
        }
    }

    /// The day of the Gregorian calendar that is so many days after 1970-01-01 (eras of 400 years, years that begin in
    /// March).
    static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let ofEra = shifted % 146_097
        let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let month = (5 * ofYear + 2) / 153
        return (
            year + era * 400 + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9,
            ofYear - (153 * month + 2) / 5 + 1
        )
    }
}
