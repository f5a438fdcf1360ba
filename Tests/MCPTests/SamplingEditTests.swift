// SPDX-License-Identifier: Apache-2.0
// Sampling requests as clients of each revision get them.

import JSON
import MCP
import Testing

@Suite("Sampling edit") struct SamplingEditTests {
    static let legacy = Revision.allCases.filter { !$0.isModern }
    static let text = #"{"type":"text","text":"a\u0062"}"#
    static let image = #"{"type":"image","data":"AA==","mimeType":"image/png"}"#
    static let sound = #"{"type":"audio","data":"BB==","mimeType":"audio/wav"}"#

    static func request(_ members: String) throws -> Question {
        try asked(.samplingCreateMessage, #"{"maxTokens":9,\#(members)}"#)
    }

    @Test(
        "a content array becomes consecutive messages of the same role before 2025-11-25", arguments: legacy)
    func arrays(_ revision: Revision) throws {
        let question = try Self.request(
            """
            "messages":[{"role":"user","content":\(Self.text)},
            {"_meta":{"a":1},"c\\u006fntent":[\(Self.text),\(Self.image)],"role":"assistant","x":2},
            {"role":"user","content":[]},{"role":"user","content":[\(Self.image)]}],"temperature":1.0
            """)
        let written = try put(question, to: revision).params
        if revision >= .v2025_11_25 {
            #expect(written == question.text)
        } else {
            try expectSame(
                JSONValue(parsing: written),
                """
                {"maxTokens":9,"messages":[{"role":"user","content":\(Self.text)},
                {"_meta":{"a":1},"content":\(Self.text),"role":"assistant","x":2},
                {"content":\(Self.image),"role":"assistant"},
                {"role":"user","content":\(Self.image)}],"temperature":1.0}
                """)
            #expect(written.contains(#""temperature":1.0"#))
        }
    }

    @Test("audio came with 2025-03-26", arguments: legacy, [sound, "[\(text),\(sound)]"])
    func audio(_ revision: Revision, _ content: String) throws {
        let question = try Self.request(#""messages":[{"role":"user","content":\#(content)}]"#)
        let written = try? put(question, to: revision)
        #expect((written != nil) == (revision >= .v2025_03_26))
    }

    static let tools: [(members: String, takesTools: Bool)] = [
        (#""messages":[],"tools":[{"name":"t"}],"toolChoice":{"mode":"required"}"#, true),
        (#""messages":[],"\u0074ools":[{"name":"t"}]"#, true),
        (#""messages":[{"role":"assistant","content":{"type":"tool_use"}}]"#, true),
        (#""messages":[{"role":"user","content":[{"type":"tool_result"}]}]"#, true),
        (#""messages":[],"tools":[ ],"toolChoice":{"mode":"none"}"#, false),
        (#""messages":[],"tools":null"#, false),
        (#""messages":[],"toolChoice":{}"#, false),
    ]

    @Test("tools go only to clients that declared them", arguments: legacy)
    func tools(_ revision: Revision) throws {
        for (members, takesTools) in Self.tools {
            let question = try Self.request(members)
            #expect(question.needs == (takesTools ? [.sampling, .samplingTools] : .sampling))
            for abilities in [Abilities.sampling, [.sampling, .samplingTools]] {
                let written = try? put(question, to: revision, abilities).params
                let hasTools = revision >= .v2025_11_25 && abilities.contains(.samplingTools)
                if hasTools {
                    #expect(written == question.text)
                } else if takesTools {
                    #expect(written == nil)
                } else {
                    // Without tools these members change nothing, and an old client might refuse them.
                    #expect(written == #"{"maxTokens":9,"messages":[]}"#)
                }
            }
        }
    }

    @Test(
        "context is none unless declared", arguments: legacy,
        [#""none""#, #""thisServer""#, #""allServers""#, #""th\u0069sServer""#, "7"])
    func context(_ revision: Revision, _ wanted: String) throws {
        let question = try Self.request(#""include\u0043ontext":\#(wanted),"messages":[]"#)
        let kept = #"{"maxTokens":9,"include\u0043ontext":\#(wanted),"messages":[]}"#
        let none = #"{"maxTokens":9,"include\u0043ontext":"none","messages":[]}"#
        #expect(try put(question, to: revision, [.sampling, .samplingContext]).params == kept)
        #expect(try put(question, to: revision, .sampling).params == none)
    }

    @Test func noContextKeepsItsSpelling() throws {
        let question = try Self.request(#""includeContext":"n\u006fne","messages":[]"#)
        #expect(try put(question, to: .v2025_11_25, .sampling).params == question.text)
    }

    @Test("many blocks are split in one pass")
    func many() throws {
        let blocks = [String](repeating: Self.text, count: 20_000).joined(separator: ",")
        let question = try Self.request(#""messages":[{"role":"user","content":[\#(blocks)]}]"#)
        let written = try JSONValue(parsing: put(question, to: .v2025_06_18).params)
        #expect(written["messages"]?.array?.count == 20_000)
    }
}
