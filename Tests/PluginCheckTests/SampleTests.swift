// SPDX-License-Identifier: Apache-2.0
// Values made from schemas, and the entries that connectors are tried with.

import JSON
import JackfieldCore
import Testing

@testable import PluginCheck

@Suite("Samples of the plugin check") struct SampleTests {
    private static let schemas = [
        #"{"type":"object","required":["a"],"properties":{"a":{"type":"integer","minimum":3,"maximum":9}}}"#,
        #"{"type":"object","required":["s"],"properties":{"s":{"type":"string","minLength":5,"maxLength":8}},"#
            + #""additionalProperties":false}"#,
        ##"{"type":"object","required":["l"],"properties":{"l":{"type":"array","minItems":2,"items":"##
            + ##"{"$ref":"#/$defs/n"}}},"$defs":{"n":{"enum":["one","two"]}}}"##,
        #"{"oneOf":[{"type":"object","required":["x"],"properties":{"x":{"const":7}}},{"type":"null"}]}"#,
        #"{"type":"object","required":["f"],"properties":{"f":{"type":"number","exclusiveMinimum":0,"#
            + #""multipleOf":0.5},"d":{"default":4}}}"#,
    ]

    @Test("what is made is valid, whatever the extent", arguments: schemas)
    func valid(_ text: String) throws {
        let source = try JSONValue(parsing: text)
        let schema = try JSONSchema(source), sample = SchemaSample(source)
        let extents: [SchemaSample.Extent] = [.least, .full] + (0..<30).map { .random($0) }
        var made = 0
        for extent in extents {
            guard let value = sample.valid(extent) else { continue }
            made += 1
            #expect(schema.validate(value).isEmpty, "\(value)")
        }
        #expect(made >= 2)
    }

    @Test("what is forbidden is invalid, and there is some", arguments: schemas.prefix(3))
    func forbidden(_ text: String) throws {
        let source = try JSONValue(parsing: text)
        let schema = try JSONSchema(source), sample = SchemaSample(source)
        let base = try #require(sample.valid(.least))
        let wrong = sample.forbidden(from: base, strictly: true)
        #expect(!wrong.isEmpty)
        for value in wrong { #expect(!schema.validate(value).isEmpty, "\(value)") }
    }

    @Test("random values are the same for the same seed")
    func seeds() throws {
        let sample = SchemaSample(try JSONValue(parsing: SampleTests.schemas[2]))
        for seed in [UInt64(1), 99, .max] {
            #expect(sample.attempt(.random(seed)) == sample.attempt(.random(seed)))
        }
        let different = Set((0..<40).compactMap { sample.attempt(.random($0))?.description })
        #expect(different.count > 3)
    }

    @Test("bounds are tried one at a time")
    func bounds() throws {
        let sample = SchemaSample(try JSONValue(parsing: SampleTests.schemas[0]))
        let base = try JSONValue(parsing: #"{"a":5}"#)
        #expect(sample.bounds(from: base).map(\.description) == [#"{"a":3}"#, #"{"a":9}"#])
    }

    // MARK: Connectors

    private func manifest(_ connector: String) throws -> PluginManifest {
        let text =
            #"{"id":"x","version":"1.0.0","abi":"1.0","threads":"per-loop","facets":["jf.connector/1"],"connector":"#
            + connector + "}"
        return try PluginManifest(parsing: text.utf8)
    }

    private func entry(_ connector: String, given: JSONValue? = nil) throws -> (JSONValue?, String) {
        try manifest(connector).connectorSample(program: "/bin/jackfield", path: "/x.so", given: given)
    }

    @Test(
        "a connector with keys only is tried with the first of them",
        arguments: [
            (#"{"keys":["queue"]}"#, #"{"queue":"text"}"#),
            (#"{"keys":["url","queue"]}"#, #"{"queue":"text"}"#),
            (#"{"keys":["queue"],"config":true}"#, #"{"queue":"text"}"#),
            (
                #"{"keys":["queue","topic"],"config":{"type":"object","additionalProperties":false,"#
                    + #""properties":{"queue":{"type":"integer","minimum":2},"topic":{"type":"string"}}}}"#,
                #"{"queue":2}"#
            ),
            (
                #"{"keys":["queue"],"config":{"type":"object","required":["who"],"#
                    + #""properties":{"who":{"enum":["me"]},"queue":{"type":"string","minLength":6}}}}"#,
                #"{"who":"me","queue":"textxx"}"#
            ),
        ])
    func keysOnly(_ connector: String, _ expected: String) throws {
        let (entry, peer) = try entry(connector)
        #expect(entry?.description == expected && peer.isEmpty)
    }

    @Test("programs and HTTP meet the check's own server, other schemes a closed port")
    func peers() throws {
        let program = try entry(#"{"keys":["command"]}"#)
        #expect(program.1 == "stdio" && program.0?["command"] == "/bin/jackfield")
        #expect(program.0?["args"]?.array?.last?.string == goldenServerCase)
        let http = try entry(#"{"keys":["url"],"schemes":["https","http"]}"#)
        #expect(http.1 == "http" && http.0?["url"] == "http://127.0.0.1:@PORT@/mcp")
        let other = try entry(#"{"keys":["url"],"schemes":["wss"]}"#)
        #expect(other.1.isEmpty && other.0?["url"] == "wss://127.0.0.1:9/mcp")
    }

    @Test("an entry that is given is taken as it is, its defaults filled in")
    func given() throws {
        let connector =
            #"{"keys":["queue"],"config":{"type":"object","properties":{"depth":{"default":3}}}}"#
        let (entry, peer) = try entry(connector, given: try JSONValue(parsing: #"{"queue":"jobs"}"#))
        #expect(entry?.description == #"{"queue":"jobs","depth":3}"# && peer.isEmpty)
    }

    @Test(
        "connectors that some entry can select",
        arguments: [
            #"{"keys":["queue"]}"#, #"{"schemes":["wss"]}"#, #"{"keys":["url"],"schemes":["http"]}"#,
            #"{"keys":["queue"],"config":{"additionalProperties":false,"properties":{"queue":{}}}}"#,
            #"{"keys":["queue"],"config":{"additionalProperties":false,"patternProperties":{"q":{}}}}"#,
        ])
    func selected(_ connector: String) throws {
        #expect(FileCase.judgeSelection(try manifest(connector), "file.selection").outcome == .pass)
    }

    @Test(
        "connectors that nothing selects",
        arguments: [
            (#"{"keys":["url"]}"#, "no scheme"),
            (#"{"keys":["queue"],"config":{"additionalProperties":false}}"#, "\"queue\""),
            (#"{"keys":["queue"],"config":{"properties":{"queue":false}}}"#, "\"queue\""),
            (#"{"schemes":["wss"],"config":{"additionalProperties":false}}"#, "\"url\""),
        ])
    func unselected(_ connector: String, _ said: String) throws {
        let result = FileCase.judgeSelection(try manifest(connector), "file.selection")
        #expect(result.outcome == .fail && result.reason.contains(said), "\(result.reason)")
    }
}
