// SPDX-License-Identifier: Apache-2.0
// Dates and times of day for the tool `now`, without a time zone database.

/// A fixed distance from UTC.
struct UTCOffset {
    let minutes: Int

    /// Reads "Z", "+02:00", "-0530" or "+9". nil: none of these, or beyond 18 hours.
    init?(_ text: String) {
        if text == "Z" || text == "z" {
            minutes = 0
            return
        }
        guard let sign = text.first, sign == "+" || sign == "-" else { return nil }
        let parts = text.dropFirst().split(separator: ":", omittingEmptySubsequences: false)
        let digits = parts.joined()
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        let hours: Int
        let rest: Int
        switch (parts.count, digits.utf8.count) {
        case (1, 1), (1, 2): (hours, rest) = (Int(digits)!, 0)
        case (1, 4),
            (2, 4) where parts[0].utf8.count == 2:
            (hours, rest) = (Int(digits.prefix(2))!, Int(digits.suffix(2))!)
        default: return nil
        }
        guard rest < 60, hours * 60 + rest <= 18 * 60 else { return nil }
        minutes = (hours * 60 + rest) * (sign == "-" ? -1 : 1)
    }

    /// "Z" or "+02:00"
    var text: String {
        if minutes == 0 { return "Z" }
        return (minutes < 0 ? "-" : "+") + padded(minutes.magnitude / 60, 2) + ":"
            + padded(minutes.magnitude % 60, 2)
    }
}

/// ISO 8601 with milliseconds: "2026-07-28T12:34:56.789+02:00". For times from 1970 on.
func timestamp(milliseconds: Int, at offset: UTCOffset) -> String {
    let local = milliseconds + offset.minutes * 60_000
    var (day, time) = local.quotientAndRemainder(dividingBy: 86_400_000)
    if time < 0 {
        day -= 1
        time += 86_400_000
    }
    let date = civilDate(daysSince1970: day)
    let days = [(date.year, 4), (date.month, 2), (date.day, 2)]
    let clock = [(time / 3_600_000, 2), (time / 60_000 % 60, 2), (time / 1000 % 60, 2)]
    return days.map { padded($0.magnitude, $1) }.joined(separator: "-") + "T"
        + clock.map { padded($0.magnitude, $1) }.joined(separator: ":")
        + "." + padded(UInt(time % 1000), 3) + offset.text
}

/// The Gregorian date of a day. Years are counted from March, so that the leap day comes last; 400 of them
/// have 146,097 days.
func civilDate(daysSince1970 day: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let isAfterDecember = month >= 10
    return (
        yearOfEra + era * 400 + (isAfterDecember ? 1 : 0), isAfterDecember ? month - 9 : month + 3,
        dayOfYear - (153 * month + 2) / 5 + 1
    )
}

private func padded(_ number: UInt, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
