// SPDX-License-Identifier: Apache-2.0
// TaskRecord: the states of a task that the gateway runs, and which step each of them allows. Timestamp: how times are
// written.

import JSON
import MCP
import Testing

@Suite("Task record") struct TaskRecordTests {
    static let start: UInt64 = 1_767_225_600_000  // 2026-01-01T00:00:00Z

    static func record(ttl: UInt64? = 1000) -> TaskRecord {
        TaskRecord(now: start, ttl: ttl, pollInterval: 50, statusMessage: "begun")
    }

    /// A record in each state.
    static func every() -> [TaskRecord] {
        TaskStatus.allCases.map { status in
            var task = record()
            switch status {
            case .working: break
            case .inputRequired: _ = task.ask([123, 125], now: start + 1)
            case .completed: task.complete([123, 125], isError: false, now: start + 1)
            case .failed: task.fail([123, 125], now: start + 1)
            case .cancelled: task.cancel(now: start + 1)
            }
            return task
        }
    }

    @Test func everyStateIsReached() {
        #expect(Self.every().map(\.status) == TaskStatus.allCases)
    }

    @Test("a step is taken or refused whole")
    func steps() {
        let steps: [(name: String, to: TaskStatus?, take: (inout TaskRecord) -> Bool)] = [
            ("ask", .inputRequired, { $0.ask([1], now: Self.start + 9) != nil }),
            ("say", nil, { $0.say("x", now: Self.start + 9) }),
            ("complete", .completed, { $0.complete([2], isError: true, now: Self.start + 9) }),
            ("fail", .failed, { $0.fail([3], message: "m", now: Self.start + 9) }),
            ("cancel", .cancelled, { $0.cancel(message: "m", now: Self.start + 9) }),
        ]
        for before in Self.every() {
            for step in steps {
                var task = before
                let isTaken = step.take(&task)
                #expect(isTaken == !before.status.isTerminal, "\(step.name) from \(before.status)")
                if isTaken {
                    #expect(task.status == step.to ?? before.status)
                    #expect(task.updatedAt == Self.start + 9)
                } else {
                    #expect(task.status == before.status)
                    #expect(task.updatedAt == before.updatedAt)
                    #expect(task.outcome == before.outcome)
                    #expect(task.statusMessage == before.statusMessage)
                    #expect(task.questions == before.questions)
                }
            }
        }
    }

    @Test func outcomesAreThoseOfTheirSteps() {
        var task = Self.record()
        task.complete([1, 2], isError: true, now: Self.start)
        #expect(task.outcome == .result([1, 2], isError: true))
        #expect(task.statusMessage == nil)
        task = Self.record()
        task.fail([3], message: "broken", now: Self.start)
        #expect(task.outcome == .error([3]))
        #expect(task.statusMessage == "broken")
        task = Self.record()
        task.cancel(now: Self.start)
        #expect(task.outcome == nil)
        // What the call comes to afterwards is dropped.
        let isTaken = task.complete([1], isError: false, now: Self.start)
        #expect(!isTaken)
        #expect(task.outcome == nil)
    }

    @Test func questionsHaveKeysThatAreNeverUsedTwice() throws {
        var task = Self.record()
        var keys: [String] = []
        for round in 0..<5 {
            for _ in 0...1 {
                let key = task.ask([123, 125], now: Self.start)
                keys.append(try #require(key))
            }
            #expect(task.status == .inputRequired)
            #expect(task.questions.map(\.key) == Array(keys.suffix(2)))
            for (key, after) in [
                (keys[2 * round + 1], TaskStatus.inputRequired), (keys[2 * round], .working),
            ] {
                let isClosed = task.close(key, now: Self.start)
                #expect(isClosed)
                #expect(task.status == after)
            }
        }
        #expect(Set(keys).count == 10)
        for key in keys + ["", "q99"] {
            let isClosed = task.close(key, now: Self.start)
            #expect(!isClosed)
        }
        #expect(task.status == .working)
    }

    @Test func theEndClosesAllQuestions() throws {
        for end in [
            { $0.complete([], isError: false, now: Self.start) }, { $0.fail([], now: Self.start) },
            { $0.cancel(now: Self.start) },
        ] as [(inout TaskRecord) -> Bool] {
            var task = Self.record()
            let key = task.ask([123, 125], now: Self.start)
            let isEnded = end(&task)
            #expect(isEnded)
            #expect(task.questions.isEmpty)
            let isClosed = task.close(try #require(key), now: Self.start)
            #expect(!isClosed)
            #expect(task.status.isTerminal)
        }
    }

    @Test func timeDoesNotRunBackwards() {
        var task = Self.record()
        task.say("later", now: Self.start + 10)
        task.say("earlier", now: Self.start + 5)
        #expect(task.updatedAt == Self.start + 10)
        #expect(task.createdAt == Self.start)
        #expect(task.statusMessage == "earlier")
    }

    @Test func aTaskIsKeptForItsSpan() {
        let task = Self.record()
        #expect(task.expiry == Self.start + 1000)
        #expect(!task.isExpired(Self.start + 999))
        #expect(task.isExpired(Self.start + 1000))
        #expect(Self.record(ttl: nil).expiry == nil)
        #expect(!Self.record(ttl: nil).isExpired(.max))
        #expect(Self.record(ttl: .max).expiry == nil)
        #expect(Self.record(ttl: 0).isExpired(Self.start))
    }

    @Test func whatItShows() throws {
        var task = Self.record()
        task.say("half", now: Self.start + 1500)
        #expect(
            task.fields(for: .newest)
                == TaskFields(
                    status: .working, statusMessage: "half", createdAt: "2026-01-01T00:00:00.000Z",
                    lastUpdatedAt: "2026-01-01T00:00:01.500Z", ttl: 1000, pollInterval: 50))
        task.complete(Array(#"{"content":[]}"#.utf8), isError: true, now: Self.start + 2000)
        #expect(task.fields(for: .newest).status == .completed)
        #expect(task.fields(for: .v2025_11_25).status == .failed)
        var fine = Self.record()
        fine.complete([123, 125], isError: false, now: Self.start)
        #expect(fine.fields(for: .v2025_11_25).status == .completed)
    }

    static func shown(_ task: TaskRecord) throws -> JSONValue {
        let out = MessageBuilder()
        try withBytes("1") { id in
            try task.withPayload { payload in
                try TaskEdit.writeState(
                    id, task.fields(for: .newest), payload, id: "t", client: .newest, identity: identity,
                    into: out)
            }
        }
        return try #require(value(out)["result"])
    }

    @Test func itsPayloadIsThatOfItsState() throws {
        var task = Self.record()
        #expect(try Self.shown(task)["status"] == "working")
        _ = task.ask(Array(#"{"method":"roots/list"}"#.utf8), now: Self.start)
        _ = task.ask(Array(#"{"method":"elicitation/create","params":{}}"#.utf8), now: Self.start)
        try expectSame(
            #require(Self.shown(task)["inputRequests"]),
            #"{"q1":{"method":"roots/list"},"q2":{"method":"elicitation/create","params":{}}}"#)
        var done = task
        done.complete(Array(#"{"content":[1.50]}"#.utf8), isError: false, now: Self.start)
        try expectSame(#require(Self.shown(done)["result"]), #"{"content":[1.50]}"#)
        #expect(try Self.shown(done)["inputRequests"] == nil)
        var broken = task
        broken.fail(Array(#"{"code":-1,"message":"m"}"#.utf8), now: Self.start)
        try expectSame(#require(Self.shown(broken)["error"]), #"{"code":-1,"message":"m"}"#)
        task.cancel(now: Self.start)
        #expect(try Self.shown(task)["status"] == "cancelled")
        #expect(task.inputRequests == [123, 125])
    }

    // MARK: Timestamps

    @Test(
        "timestamps are ISO 8601 in UTC",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"),
            (86_399_999, "1970-01-01T23:59:59.999Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"), (1_709_210_096_789, "2024-02-29T12:34:56.789Z"),
            (1_785_193_507_042, "2026-07-27T23:05:07.042Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "9999-12-31T23:59:59.999Z"), (.max, "9999-12-31T23:59:59.999Z"),
        ] as [(UInt64, String)])
    func timestamps(_ milliseconds: UInt64, _ text: String) {
        #expect(Timestamp.text(milliseconds) == text)
    }

    @Test func everyDayOfFourHundredYearsFollowsTheOneBefore() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var (year, month, day) = (1970, 1, 1)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        for at in 0..<146_097 as Range<UInt64> {
            let text = Timestamp.text(at * 86_400_000)
            guard text == "\(year)-\(two(month))-\(two(day))T00:00:00.000Z" else {
                Issue.record("day \(at) is \(text)")
                return
            }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            day += 1
            if day > lengths[month - 1] + (month == 2 && isLeap ? 1 : 0) { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
        #expect(year == 2370)
    }
}
