// SPDX-License-Identifier: Apache-2.0
// Parking: the limits hold from any number of threads, and what was refused takes no place.

import Glibc
import Synchronization
import Testing

@testable import JackfieldCore

@Suite("Parking") struct ParkingTests {
    private func parking(_ calls: Int, _ bytes: Int) -> Parking {
        var limits = LimitsPlan()
        limits.parkedCalls = calls
        limits.parkedBytes = bytes
        return Parking(limits)
    }

    @Test func placesAreCounted() {
        let parking = parking(2, 1000)
        #expect(parking.take(bytes: 10))
        #expect(parking.take(bytes: 10))
        #expect(!parking.take(bytes: 10))
        #expect(parking.calls == 2 && parking.held == 20, "a refusal takes nothing")
        parking.release(bytes: 10)
        #expect(parking.take(bytes: 5))
        parking.release(bytes: 10)
        parking.release(bytes: 5)
        #expect(parking.calls == 0 && parking.held == 0)
    }

    @Test func bytesAreCounted() {
        let parking = parking(10, 100)
        #expect(parking.take(bytes: 100), "the limit itself is allowed")
        #expect(!parking.take(bytes: 1))
        #expect(parking.calls == 1 && parking.held == 100)
        #expect(!parking.grow(by: 1))
        parking.shrink(by: 60)
        #expect(parking.grow(by: 30))
        #expect(!parking.grow(by: 31))
        #expect(parking.held == 70)
        #expect(parking.take(bytes: 30))
        parking.release(bytes: 70)
        parking.release(bytes: 30)
        #expect(parking.calls == 0 && parking.held == 0)
    }

    @Test func nothingIsParkedWhereNothingMayBe() {
        #expect(!parking(0, 1000).take(bytes: 0))
        #expect(!parking(10, 0).take(bytes: 1))
    }

    @Test func threadsNeverExceedTheLimitsAndLoseNothing() throws {
        let shared = Shared(parking(7, 7 * 64))
        var threads: [pthread_t] = []
        for _ in 0..<8 {
            var thread = pthread_t()
            let status = pthread_create(
                &thread, nil,
                { pointer in
                    guard let pointer else { return nil }
                    Unmanaged<Shared>.fromOpaque(pointer).takeUnretainedValue().work()
                    return nil
                }, Unmanaged.passUnretained(shared).toOpaque())
            try #require(status == 0)
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
        #expect(shared.taken.value > 0)
        #expect(shared.excess.value == 0)
        #expect(shared.parking.calls == 0 && shared.parking.held == 0)
    }

    /// What the threads of a test share.
    private final class Shared: Sendable {
        let parking: Parking
        let inside = Counter(0)
        let taken = Counter(0)
        let excess = Counter(0)

        init(_ parking: Parking) { self.parking = parking }

        func work() {
            for round in 0..<20_000 {
                guard parking.take(bytes: 32) else { continue }
                taken.add(1)
                if inside.add(1) > 7 { excess.add(1) }
                var held = 32
                if round % 3 == 0, parking.grow(by: 32) { held += 32 }
                if round % 5 == 0, held == 64 {
                    parking.shrink(by: 32)
                    held -= 32
                }
                inside.add(-1)
                parking.release(bytes: held)
            }
        }
    }
}
