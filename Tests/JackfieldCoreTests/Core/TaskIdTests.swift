// SPDX-License-Identifier: Apache-2.0
// TaskId: what is written is read again, and nothing else is taken for one.

import JSON
import Testing

@testable import JackfieldCore

@Suite("Task id") struct TaskIdTests {
    private func isSame(_ one: TaskId, _ other: TaskId?) -> Bool {
        switch (one, other) {
        case (.kept(let a, let b), .kept(let c, let d)): a == c && b == d
        case (.server(let a, let b, let c, let d, let e), .server(let f, let g, let h, let i, let j)):
            a == f && b == g && c == h && d == i && e == j
        default: false
        }
    }

    private static let names = ["a", "ä/b:c", "", String(repeating: "n", count: 300), "x\u{0}y"]
    private static let ids = [
        "1", "786512e2-9e0d-44bd-8f29-789f320fe840", "ü", " ", String(repeating: "i", count: 1024),
    ]

    @Test func keptOnesComeBack() {
        var numbers = Generator(state: 1)
        for _ in 0..<200 {
            let id = TaskId.kept(
                instance: .random(in: 0...(.max), using: &numbers),
                handle: .random(in: 0...(.max), using: &numbers))
            #expect(isSame(id, TaskId(id.bytes)))
        }
    }

    @Test func serversOnesComeBack() {
        for name in Self.names {
            for id in Self.ids {
                for endpoint in [0, 1, 255, 256, 65_535] {
                    let made = TaskId.server(
                        name: name, endpoint: endpoint, id: id, tool: Self.names[endpoint % 5], path: "/mcp")
                    #expect(isSame(made, TaskId(made.bytes)), "\(name) \(endpoint) \(id.prefix(10))")
                }
            }
        }
    }

    @Test("no two tasks have the same bytes")
    func noneIsAnother() {
        var all: [TaskId] = [
            .kept(instance: 1, handle: 2), .kept(instance: 2, handle: 1), .kept(instance: 1 << 63, handle: 2),
            .kept(instance: 1, handle: 1 << 63),
            // Where the name ends counts.
            .server(name: "ab", endpoint: 0, id: "c", tool: "t", path: "p"),
            .server(name: "a", endpoint: 0, id: "bc", tool: "t", path: "p"),
            .server(name: "a", endpoint: 0, id: "c", tool: "bt", path: "p"),
            .server(name: "a", endpoint: 0, id: "c", tool: "b", path: "tp"),
            .server(name: "ab", endpoint: 1, id: "c", tool: "t", path: "p"),
        ]
        all += Self.names.flatMap { name in
            Self.ids.map { TaskId.server(name: name, endpoint: 3, id: $0, tool: "t", path: "/mcp") }
        }
        #expect(Set(all.map(\.bytes)).count == all.count)
    }

    @Test func whatIsCutShortIsNoId() {
        let kept = TaskId.kept(instance: 3, handle: 4).bytes
        for count in 0..<kept.count { #expect(TaskId(Array(kept.prefix(count))) == nil) }
        #expect(TaskId(kept + [0]) == nil, "nor what is too long")
        let server = TaskId.server(name: "name", endpoint: 1, id: "id", tool: "t", path: "p").bytes
        // Up to the end of the name there is no id at all.
        for count in 0...(server.count - 2) { #expect(TaskId(Array(server.prefix(count))) == nil) }
    }

    @Test func otherBytesAreNoId() {
        #expect(TaskId([]) == nil)
        for kind: UInt8 in [0, 2, 3, 4, 255] {
            #expect(TaskId([kind] + [UInt8](repeating: 1, count: 16)) == nil)
        }
        // A name that is longer than what there is.
        #expect(TaskId([3, 0, 0, 255, 255, 255, 255, 65, 66]) == nil)
        var numbers = Generator(state: 7)
        for _ in 0..<2000 {
            let count = Int.random(in: 0...40, using: &numbers)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &numbers) }
            // Whatever is read says the same when it is written again, unless its text was no UTF-8.
            guard let id = TaskId(bytes) else { continue }
            if case .kept = id { #expect(id.bytes == bytes) }
            #expect(isSame(id, TaskId(id.bytes)))
        }
    }
}
