// SPDX-License-Identifier: Apache-2.0
// key=value pairs and JSON as the arguments of tools.

import JSON
import Testing

@testable import jackfield

private func schema(_ text: String) throws -> ToolSchema { ToolSchema(try JSONValue(parsing: text)) }

private let sample = """
    {"type":"object","required":["text","n"],"additionalProperties":false,"properties":{
      "text":{"type":"string"},"n":{"type":"integer"},"x":{"type":"number"},"on":{"type":"boolean"},
      "list":{"type":"array"},"map":{"type":"object"},"none":{"type":"null"},"free":{},
      "maybe":{"anyOf":[{"type":"integer"},{"type":"null"}]},"either":{"type":["string","integer"]},
      "ref":{"$ref":"#/$defs/level"},"mixed":{"enum":["low",3]}},
     "$defs":{"level":{"type":"integer"}}}
    """

private func files(_ path: String) -> Result<[UInt8], ReadFailure> {
    switch path {
    case "note.txt": .success(Array("hello\n".utf8))
    case "n.json": .success(Array(" 12 ".utf8))
    case "raw.bin": .success([0xFF, 0xFE])
    case "/dev/stdin": .success(Array("{\"text\":\"from stdin\"}".utf8))
    default: .failure(ReadFailure(reason: "No such file or directory"))
    }
}

private func given(_ words: String...) throws -> GivenArguments { try GivenArguments(words, readFile: files) }

@Suite struct ToolArgumentTests {
    @Test(arguments: [
        ("text=007", "{\"text\":\"007\"}"), ("text=a=b", "{\"text\":\"a=b\"}"), ("text=", "{\"text\":\"\"}"),
        ("n=7", "{\"n\":7}"), ("x=1.50", "{\"x\":1.50}"), ("x=2", "{\"x\":2}"), ("on=true", "{\"on\":true}"),
        ("list=[1, \"a\"]", "{\"list\":[1,\"a\"]}"), ("map={\"a\":null}", "{\"map\":{\"a\":null}}"),
        ("none=null", "{\"none\":null}"), ("free=5", "{\"free\":\"5\"}"), ("maybe=5", "{\"maybe\":5}"),
        ("maybe=null", "{\"maybe\":null}"), ("either=5", "{\"either\":\"5\"}"), ("ref=5", "{\"ref\":5}"),
        ("mixed=low", "{\"mixed\":\"low\"}"), ("mixed=3", "{\"mixed\":3}"),
        ("text=@note.txt", "{\"text\":\"hello\\n\"}"), ("n=@n.json", "{\"n\":12}"),
        ("text=@@note.txt", "{\"text\":\"@note.txt\"}"), ("-", "{\"text\":\"from stdin\"}"),
        ("{\"n\": 1}", "{\"n\":1}"),
    ])
    func typesValuesBySchema(_ word: String, _ json: String) throws {
        #expect(try given(word).object(for: schema(sample)).description == json)
    }

    @Test(arguments: ["n=x", "n=1.5", "n=\"1\"", "on=yes", "list={}", "maybe=true", "mixed=4", "txt=1"])
    func refusesValuesOfAnotherType(_ word: String) throws {
        let given = try given(word)
        #expect(throws: ToolSchema.Argument.Mismatch.self) { try given.object(for: schema(sample)) }
    }

    @Test func suggestsArguments() throws {
        let given = try given("txt=1")
        #expect(
            throws: ToolSchema.Argument.Mismatch(message: "there is no argument 'txt'; did you mean 'text'?")
        ) {
            try given.object(for: schema(sample))
        }
    }

    @Test func passesUnknownArgumentsOfOpenSchemas() throws {
        let open = try schema("{\"properties\":{\"a\":{\"type\":\"integer\"}}}")
        #expect(try given("a=1", "b=2").object(for: open).description == "{\"a\":1,\"b\":\"2\"}")
    }

    @Test(arguments: [
        ["{not json"], ["[1]"], ["word"], ["=x"], ["a=1", "a=2"], ["{}", "a=1"], ["a=@absent"],
        ["a=@raw.bin"],
    ])
    func refusesWhatIsNoArgument(_ words: [String]) {
        #expect(throws: UsageProblem.self) { try GivenArguments(words, readFile: files) }
    }

    @Test func promptsTakeTexts() throws {
        #expect(try given("a=1", "b=@note.txt").texts.description == "{\"a\":\"1\",\"b\":\"hello\\n\"}")
    }

    @Test func labelsArguments() throws {
        let labels = try schema(sample).arguments.map(\.label)
        #expect(labels.prefix(3) == ["text*:string", "n*:integer", "x:number"])
        #expect(
            labels.contains("maybe:integer") && labels.contains("free")
                && labels.contains("either:string|integer"))
        let level = try schema("{\"properties\":{\"level\":{\"enum\":[\"low\",\"high\"]}}}")
        #expect(level.arguments.map(\.label) == ["level:low|high"])
    }

    @Test func survivesSchemasThatReferToThemselves() throws {
        let endless = try schema("{\"properties\":{\"a\":{\"$ref\":\"#/properties/a\"}}}")
        #expect(endless.arguments.map(\.types) == [[]])
    }

    @Test func guessesNames() {
        let tools: [JSONValue] = [["name": "time__now"], ["name": "files__read"], ["name": "disk__read"]]
        #expect(unknownName("tim__now", "tool", among: tools, "l").hasSuffix("did you mean time__now?"))
        #expect(
            unknownName("read", "tool", among: tools, "l").hasSuffix(
                "did you mean files__read or disk__read?"))
        #expect(
            unknownName("raed", "tool", among: tools, "l").hasSuffix(
                "did you mean files__read or disk__read?"))
        #expect(
            unknownName("other", "tool", among: tools, "jackfield tools").contains("'jackfield tools' lists"))
    }
}
