// SPDX-License-Identifier: Apache-2.0
// The plugin against the golden cases that the same example in every language must pass.

import ByName
import Glibc
import JackfieldPlugin
import JackfieldPluginTesting
import Testing

@Suite(.serialized) struct GoldenTests {
    /// The cases, beside the examples' folders. ROUTING_BY_NAME_CASES names another place.
    private func cases() throws -> String {
        let path =
            getenv("ROUTING_BY_NAME_CASES").map { String(cString: $0) }
            ?? "\(#filePath)".split(separator: "/", omittingEmptySubsequences: false).dropLast(5)
            .joined(separator: "/") + "/routing-by-name.json"
        let file = try #require(fopen(path, "r"), "\(path) cannot be read")
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = bytes.withUnsafeMutableBytes { fread($0.baseAddress, 1, $0.count, file) }
        try #require(count > 0 && count < bytes.count)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    @Test func passesEveryCase() throws {
        let host = try MockHost(entry)
        let golden = Golden(host, try cases())
        var steps = 0
        for number in golden.elements("") {
            let name = golden["\(number)/name"] ?? "?"
            let routing = try host.attachRouting(
                "golden", ["seed": .integer(Int(golden["\(number)/seed"] ?? "") ?? 0)])
            let endpoints = golden.elements("\(number)/endpoints").compactMap { golden[$0] }
                .compactMap { UInt64($0) }.map { MockEndpoint($0) }
            for step in golden.elements("\(number)/steps") {
                try run(golden, step, routing, endpoints, "\(name), step \(step)")
                steps += 1
            }
            routing.detach()
        }
        #expect(steps > 100, "the file has few cases")
        #expect(host.end() == [])
    }

    private func run(
        _ golden: Golden, _ step: String, _ routing: MockRouting, _ endpoints: [MockEndpoint],
        _ place: String
    ) throws {
        let status = golden["\(step)/status"].flatMap { Int32($0) }
        if let tool = golden["\(step)/pick"] {
            let expected = golden["\(step)/expect"].flatMap { Int($0) }
            #expect(routing.pick(tool, among: endpoints) == .init(status: .ok, index: expected), "\(place)")
        } else if let endpoint = golden["\(step)/observe"].flatMap({ UInt64($0) }) {
            routing.observe(endpoint, status: try #require(status))
        } else if let state = golden["\(step)/export"] {
            #expect(try routing.exportState() == state, "\(place)")
        } else {
            let state = try #require(golden["\(step)/import"], "\(place) does nothing known")
            #expect(routing.importState(state).rawValue == status ?? 0, "\(place)")
        }
    }

    @Test func remembersWithoutLimit() throws {
        let host = try MockHost(entry)
        let routing = try host.attachRouting()
        for endpoint in 1...1000 as ClosedRange<UInt64> { routing.observe(endpoint, status: -7) }
        #expect(try routing.exportState().split(separator: "\n").count == 1001)
        #expect(host.end() == [])
    }
}

/// The golden file, read with the mock host's JSON reader.
private struct Golden {
    private let host: MockHost
    private let json: String

    init(_ host: MockHost, _ json: String) {
        self.host = host
        self.json = json
    }

    subscript(pointer: String) -> String? { host.value(pointer, in: json) }

    /// The pointers of an array's elements.
    func elements(_ pointer: String) -> [String] {
        var pointers: [String] = []
        while self["\(pointer)/\(pointers.count)"] != nil { pointers.append("\(pointer)/\(pointers.count)") }
        return pointers
    }
}
