// SPDX-License-Identifier: Apache-2.0
// How long calls took lately, as a percentile: counts by size, of which the oldest half is forgotten every ten seconds.

/// A histogram of the last ten to twenty seconds. Its buckets are an eighth of an octave wide, so a percentile is at most
/// 12.5 % too large and never too small.
struct LatencyEstimate {
    private struct Half {
        var counts = [UInt32](repeating: 0, count: LatencyEstimate.buckets)
        var total = 0

        mutating func clear() {
            guard total > 0 else { return }
            for at in counts.indices { counts[at] = 0 }
            total = 0
        }
    }

    /// How long a half is filled, in nanoseconds.
    static let span: UInt64 = 10_000_000_000
    /// Below this many, nothing is said of the distribution.
    static let fewest = 20
    private static let buckets = 64 * 8

    private var newer = Half()
    private var older = Half()
    private var since: UInt64 = 0

    /// Calls that are remembered.
    var total: Int { newer.total + older.total }

    /// Takes a call's latency, in nanoseconds, at a monotonic time.
    mutating func add(_ latency: UInt64, _ now: UInt64) {
        turn(now)
        newer.counts[Self.bucket(latency)] &+= 1
        newer.total += 1
    }

    /// What so many per cent of the calls took at most; nil while too few are known, of which the slowest would be the
    /// percentile.
    func percentile(_ percent: Int) -> UInt64? {
        guard percent > 0, percent < 100, total >= max(Self.fewest, 100 / (100 - percent)) else { return nil }
        let rank = (total * percent + 99) / 100
        var seen = 0
        for at in 0..<Self.buckets {
            seen += Int(newer.counts[at]) + Int(older.counts[at])
            if seen >= rank { return Self.upperBound(at) }
        }
        return nil
    }

    private mutating func turn(_ now: UInt64) {
        let age = now &- since
        guard age >= Self.span else { return }
        if age < 2 * Self.span {
            swap(&newer, &older)
            newer.clear()
        } else {
            newer.clear()
            older.clear()
        }
        since = now
    }

    /// The octave times eight plus the three bits behind the leading one.
    private static func bucket(_ latency: UInt64) -> Int {
        let latency = max(latency, 8)
        let octave = 63 - latency.leadingZeroBitCount
        return octave * 8 + Int(latency >> UInt64(octave - 3) & 7)
    }

    private static func upperBound(_ bucket: Int) -> UInt64 {
        let octave = bucket / 8
        let next = UInt64(8 + bucket % 8 + 1)
        guard octave >= 3 else { return next }
        let (bound, overflow) = next.multipliedReportingOverflow(by: 1 << UInt64(octave - 3))
        return overflow ? .max : bound
    }
}
