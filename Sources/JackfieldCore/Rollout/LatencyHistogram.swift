// SPDX-License-Identifier: Apache-2.0
// How long calls took, in classes of an eighth of an octave: percentiles without keeping each call.

struct LatencyHistogram: Sendable {
    /// Up to about twelve days.
    private static let classes = 320

    private var counts: [UInt32] = []
    private(set) var total = 0

    /// Takes one time, in nanoseconds.
    mutating func count(_ nanoseconds: UInt64) {
        if counts.isEmpty { counts = Array(repeating: 0, count: Self.classes) }
        counts[Self.place(nanoseconds)] &+= 1
        total += 1
    }

    mutating func add(_ other: LatencyHistogram) {
        guard !other.counts.isEmpty else { return }
        if counts.isEmpty { counts = Array(repeating: 0, count: Self.classes) }
        for at in counts.indices { counts[at] &+= other.counts[at] }
        total += other.total
    }

    /// The class in which so many percent of the times, or fewer, end; nil: none was counted.
    func percentile(_ percent: Int) -> Range<UInt64>? {
        guard total > 0 else { return nil }
        let rank = (total * percent + 99) / 100
        var seen = 0
        for (at, count) in counts.enumerated() {
            seen += Int(count)
            if seen >= rank { return Self.bounds(at) }
        }
        return Self.bounds(Self.classes - 1)
    }

    /// The first eight classes are one unit (1024 ns) wide, all others an eighth of their power of two.
    private static func place(_ nanoseconds: UInt64) -> Int {
        let units = nanoseconds >> 10
        guard units >= 8 else { return Int(units) }
        let power = 63 - units.leadingZeroBitCount
        return min(classes - 1, (power - 2) * 8 + Int(units >> UInt64(power - 3) & 7))
    }

    private static func bounds(_ place: Int) -> Range<UInt64> {
        guard place >= 8 else { return UInt64(place) << 10..<UInt64(place + 1) << 10 }
        let shift = UInt64(place / 8 - 1)
        let start = UInt64(8 + place % 8) << shift
        return start << 10..<(start + 1 << shift) << 10
    }
}
