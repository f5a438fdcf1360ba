// SPDX-License-Identifier: Apache-2.0
// Points in time as MCP writes them: ISO 8601, UTC, milliseconds.

public enum Timestamp {
    /// The last millisecond that four digits of a year can say.
    private static let latest: UInt64 = 253_402_300_799_999

    /// `2026-07-28T09:05:07.042Z` for milliseconds since 1970-01-01T00:00:00Z. Later than the year 9999: its end.
    public static func text(_ milliseconds: UInt64) -> String {
        let time = min(milliseconds, latest)
        let (year, month, day) = date(Int(time / 86_400_000))
        let rest = Int(time % 86_400_000)
        return digits(year, 4) + "-" + digits(month, 2) + "-" + digits(day, 2) + "T"
            + digits(rest / 3_600_000, 2) + ":" + digits(rest / 60_000 % 60, 2) + ":"
            + digits(rest / 1000 % 60, 2) + "." + digits(rest % 1000, 3) + "Z"
    }

    /// The Gregorian date of a day since 1970-01-01. Years are counted from March, so that the leap day ends them.
    private static func date(_ day: Int) -> (year: Int, month: Int, day: Int) {
        let cycle = 146_097  // days in 400 years
        let shifted = day + 719_468  // since 0000-03-01
        let inCycle = shifted % cycle
        let yearOfCycle = (inCycle - inCycle / 1460 + inCycle / 36_524 - inCycle / 146_096) / 365
        let dayOfYear = inCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        let month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        let year = shifted / cycle * 400 + yearOfCycle + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * fromMarch + 2) / 5 + 1)
    }

    private static func digits(_ value: Int, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
