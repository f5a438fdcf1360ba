// SPDX-License-Identifier: Apache-2.0
// TaskView: tasks in every shape in which servers send one, whole or broken.

import JSON
import MCP
import Testing

@Suite("Task view") struct TaskViewTests {
    static let modern =
        #""taskId":"t\u0031","status":"working","statusMessage":"half \"way\"","createdAt":"2026-01-02T03:04:05Z","lastUpdatedAt":"2026-01-02T03:04:06+01:00","ttlMs":60000,"pollIntervalMs":5000"#
    static let legacy =
        #""taskId":"t1","status":"working","createdAt":"2026-01-02T03:04:05Z","lastUpdatedAt":"2026-01-02T03:04:06+01:00","ttl":60000,"pollInterval":5000,"statusMessage":"half \"way\"""#

    static let fields = TaskFields(
        status: .working, statusMessage: #"half "way""#, createdAt: "2026-01-02T03:04:05Z",
        lastUpdatedAt: "2026-01-02T03:04:06+01:00", ttl: 60000, pollInterval: 5000)

    /// A task of a server, with one member replaced.
    static func text(_ isModern: Bool, _ member: String, _ value: String?) -> String {
        var members = [
            ("taskId", #""t""#), ("status", #""working""#), ("createdAt", #""c""#),
            ("lastUpdatedAt", #""u""#),
            (isModern ? "ttlMs" : "ttl", "1"), (isModern ? "pollIntervalMs" : "pollInterval", "2"),
        ].filter { $0.0 != member }
        if let value { members.append((member, value)) }
        return "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }

    static func state(_ text: String, _ isModern: Bool) throws -> (String, TaskFields) {
        try withRoot(text) { root in
            let view = try TaskView.state(root, serverIsModern: isModern)
            return (view.id, view.fields)
        }
    }

    @Test func eachEraHasItsShapes() throws {
        for (text, isModern, isCreated) in [
            (#"{"resultType":"task",\#(Self.modern)}"#, true, true), (#"{\#(Self.modern)}"#, true, false),
            (#"{"resultType":"complete",\#(Self.modern)}"#, true, false),
            (#"{"resultType":"task",\#(Self.modern)}"#, true, false),
            (#"{"task":{\#(Self.legacy)},"_meta":{}}"#, false, true), (#"{\#(Self.legacy)}"#, false, false),
        ] {
            try withRoot(text) { root in
                let view =
                    isCreated
                    ? try TaskView.created(root, serverIsModern: isModern)
                    : try TaskView.state(root, serverIsModern: isModern)
                #expect(view.id == "t1")
                #expect(view.fields == Self.fields)
            }
        }
    }

    @Test func answersThatHandOutTasksAreTold() throws {
        for (text, modern, legacy) in [
            (#"{"resultType":"task","taskId":"t"}"#, true, false), (#"{"task":{"taskId":"t"}}"#, false, true),
            (#"{"resultType":"complete","task":{}}"#, false, true), (#"{"content":[]}"#, false, false),
            (#"{"task":"t"}"#, false, false), (#"{"resultType":["task"]}"#, false, false),
            ("[]", false, false),
        ] {
            try withRoot(text) { root in
                #expect(TaskView.isCreated(root, serverIsModern: true) == modern, "\(text)")
                #expect(TaskView.isCreated(root, serverIsModern: false) == legacy, "\(text)")
            }
        }
    }

    @Test(
        "a task that cannot be kept is refused", arguments: [true, false],
        [
            ("taskId", nil, "taskId"), ("taskId", "7", "taskId"), ("taskId", #""""#, "taskId"),
            ("status", nil, "status"), ("status", #""done""#, "status"), ("status", "1", "status"),
            ("createdAt", nil, "createdAt"), ("createdAt", "1700000000", "createdAt"),
        ] as [(String, String?, String)])
    func refused(_ isModern: Bool, _ row: (String, String?, String)) throws {
        do {
            _ = try Self.state(Self.text(isModern, row.0, row.1), isModern)
            Issue.record("was taken")
        } catch let problem as ResultProblem {
            #expect(problem.message.contains(row.2), "\(problem.message)")
        }
    }

    @Test("what is no task is refused", arguments: ["null", "[]", "5", #""t""#, "{}", #"{"task":[]}"#])
    func noTask(_ text: String) throws {
        for isModern in [true, false] {
            try withRoot(text) { root in
                #expect(throws: ResultProblem.self) { try TaskView.state(root, serverIsModern: isModern) }
                #expect(throws: ResultProblem.self) { try TaskView.created(root, serverIsModern: isModern) }
            }
        }
    }

    @Test func idsHaveALimit() throws {
        let longest = String(repeating: "i", count: TaskView.longestId)
        #expect(try Self.state(Self.text(true, "taskId", #""\#(longest)""#), true).0 == longest)
        #expect(throws: ResultProblem.self) {
            try Self.state(Self.text(true, "taskId", #""\#(longest)i""#), true)
        }
    }

    @Test(
        "spans of time", arguments: [true, false],
        [
            ("0", 0), ("60000", 60000), ("60000.0", 60000), ("6e4", 60000), ("1.9", 1), ("-1", 0),
            ("-0.5", 0),
            ("null", nil), (#""60000""#, nil), ("true", nil), ("{}", nil), (nil, nil),
            ("9007199254740991", 9_007_199_254_740_991), ("9223372036854775807", 9_007_199_254_740_991),
            ("1e300", 9_007_199_254_740_991), ("1e999", 9_007_199_254_740_991),
        ] as [(String?, UInt64?)])
    func spans(_ isModern: Bool, _ row: (String?, UInt64?)) throws {
        let ttl = try Self.state(Self.text(isModern, isModern ? "ttlMs" : "ttl", row.0), isModern).1
        #expect(ttl.ttl == row.1)
        #expect(ttl.pollInterval == 2)
        let poll = isModern ? "pollIntervalMs" : "pollInterval"
        #expect(try Self.state(Self.text(isModern, poll, row.0), isModern).1.pollInterval == row.1)
    }

    @Test func theOtherErasSpansMeanNothing() throws {
        let modern = try Self.state(Self.text(true, "ttlMs", nil).replacingLast("}", #","ttl":9}"#), true).1
        #expect(modern.ttl == nil)
        let legacy = try Self.state(Self.text(false, "ttl", nil).replacingLast("}", #","ttlMs":9}"#), false).1
        #expect(legacy.ttl == nil)
    }

    @Test func optionalMembersOfAnotherTypeAreLeftOut() throws {
        for isModern in [true, false] {
            for value in ["7", "null", "[]"] {
                let message = try Self.state(Self.text(isModern, "statusMessage", value), isModern).1
                #expect(message.statusMessage == nil)
                let updated = try Self.state(Self.text(isModern, "lastUpdatedAt", value), isModern).1
                #expect(updated.lastUpdatedAt == "c")
            }
            #expect(
                try Self.state(Self.text(isModern, "lastUpdatedAt", nil), isModern).1.lastUpdatedAt == "c")
        }
    }

    // MARK: Payloads

    static func payload(_ status: String, _ more: String, isModern: Bool = true) throws -> String {
        let text = Self.text(isModern, "status", "\"\(status)\"").replacingLast("}", more + "}")
        return try withRoot(text) { root in
            let view = try TaskView.state(root, serverIsModern: isModern)
            let form = ResultForm(
                method: .toolsCall, serverIsModern: isModern, client: .newest, identity: identity)
            switch view.payload(form) {
            case .none: return "none"
            case .questions(let bytes): return "questions \(String(decoding: bytes, as: UTF8.self))"
            case .serverResult(let node, _): return "result \(String(decoding: node.raw, as: UTF8.self))"
            case .serverError(let node, _): return "error \(String(decoding: node.raw, as: UTF8.self))"
            case .failure(let code, _): return "failure \(code.rawValue)"
            case .result, .error: return "bytes"
            }
        }
    }

    @Test(
        "a modern task holds what belongs to its state",
        arguments: [
            ("working", "none"), ("input_required", #"questions {"q":1}"#), ("completed", #"result {"r":1}"#),
            ("failed", #"error {"e":1}"#), ("cancelled", "none"),
        ])
    func payloads(_ status: String, _ wanted: String) throws {
        let all = #","inputRequests":{"q":1},"result":{"r":1},"error":{"e":1}"#
        #expect(try Self.payload(status, all) == wanted)
        // A legacy task holds nothing, whatever members it has.
        #expect(try Self.payload(status, all, isModern: false) == "none")
    }

    @Test(
        "a modern task without what belongs to its state",
        arguments: ["", #","inputRequests":[1],"error":"x""#, #","inputRequests":null,"error":null"#])
    func missingPayload(_ more: String) throws {
        #expect(try Self.payload("input_required", more) == "none")
        #expect(try Self.payload("failed", more) == "failure -32603")
        #expect(throws: ResultProblem.self) { try Self.payload("completed", more) }
        #expect(throws: ResultProblem.self) { try Self.payload("completed", #","result":[1]"#) }
        #expect(try Self.payload("completed", "", isModern: false) == "none")
    }

    @Test func statesHaveTheirNames() throws {
        for status in TaskStatus.allCases {
            try withRoot(#""\#(status.text)""#) { #expect(TaskStatus($0) == status) }
            #expect(status.isTerminal == [.completed, .failed, .cancelled].contains(status))
        }
        for text in ["null", "1", #""Working""#, #""""#] {
            try withRoot(text) { #expect(TaskStatus($0) == nil) }
        }
        #expect(TaskStatus(nil) == nil)
    }
}

extension String {
    /// The last occurrence of a text replaced.
    fileprivate func replacingLast(_ text: Character, _ other: String) -> String {
        guard let at = lastIndex(of: text) else { return self }
        return self[..<at] + other
    }
}
