// SPDX-License-Identifier: Apache-2.0
// JSONSchema: keyword by keyword, what passes and what does not; messages, defaults, limits.

import JSON
import Testing

@Suite struct SchemaTests {
    typealias Case = (schema: String, valid: [String], invalid: [String])
    static let cases: [Case] = [
        ("true", ["1", "null"], []),
        ("false", [], ["1", "null", "{}"]),
        ("{}", ["1", "[]"], []),
        (##"{"type":"null"}"##, ["null"], ["0", "false", "\"\""]),
        (##"{"type":"boolean"}"##, ["true", "false"], ["0", "null"]),
        (##"{"type":"number"}"##, ["0", "1.5", "-1e9"], ["\"1\"", "null"]),
        (
            ##"{"type":"integer"}"##, ["0", "1.0", "1e2", "10e-1", "123456789012345678901"],
            ["1.5", "1e-1", "\"1\""]
        ),
        (##"{"type":"string"}"##, ["\"\""], ["1"]),
        (##"{"type":"array"}"##, ["[]"], ["{}"]),
        (##"{"type":"object"}"##, ["{}"], ["[]", "null"]),
        (##"{"type":["string","null"]}"##, ["\"a\"", "null"], ["1"]),
        (##"{"type":["integer","string"]}"##, ["1", "\"a\""], ["1.5", "null"]),
        (
            ##"{"enum":[1,"a",null,[1],{"a":1,"b":2}]}"##,
            ["1", "1.0", "\"a\"", "null", "[1.0]", ##"{"b":2,"a":1}"##], ["2", "[2]"]
        ),
        (##"{"const":{"a":[1]}}"##, [##"{"a":[1.0]}"##], [##"{"a":[2]}"##, "{}", "null"]),
        (##"{"const":false}"##, ["false"], ["0", "[false]"]),
        (##"{"minimum":1.5}"##, ["1.5", "2", "\"x\""], ["1.4", "-2", "1"]),
        (##"{"maximum":100}"##, ["100", "1e2", "-5"], ["100.0001", "1e3"]),
        (##"{"exclusiveMinimum":0}"##, ["1e-300"], ["0", "-0.0", "-1"]),
        (##"{"exclusiveMaximum":9007199254740993}"##, ["9007199254740992"], ["9007199254740993", "1e400"]),
        (##"{"multipleOf":0.01}"##, ["0", "4.02", "0.07", "1.1e1", "\"x\""], ["0.001", "4.021"]),
        (
            ##"{"multipleOf":3}"##, ["0", "9", "-9", "123456789012345678900", "3e20"],
            ["1", "9.5", "123456789012345678901"]
        ),
        (##"{"multipleOf":1e-8}"##, ["12391239123", "0.00000001"], ["1e-9"]),
        (
            ##"{"minLength":2,"maxLength":3}"##, ["\"ab\"", "\"日本語\"", "\"😀😀\"", "1"],
            ["\"a\"", "\"abcd\"", "\"😀\""]
        ),
        (##"{"pattern":"^a+$"}"##, ["\"aa\"", "1"], ["\"\"", "\"ab\""]),
        (##"{"format":"ipv4"}"##, ["\"not an address\""], []),
        (
            ##"{"properties":{"a":{"type":"integer"}}}"##, ["{}", ##"{"a":1}"##, ##"{"b":"x"}"##, "[]"],
            [##"{"a":"x"}"##, ##"{"\u0061":"x"}"##]
        ),
        (##"{"properties":{"a":{"type":"integer"}}}"##, [], [##"{"a":1,"a":"x"}"##]),
        (##"{"required":["a","b"]}"##, [##"{"a":1,"b":null}"##, "[]"], ["{}", ##"{"a":1}"##]),
        (##"{"properties":{"a":{}},"additionalProperties":false}"##, [##"{"a":1}"##, "{}"], [##"{"b":1}"##]),
        (##"{"additionalProperties":{"type":"string"}}"##, [##"{"x":"y"}"##], [##"{"x":1}"##]),
        (
            ##"{"patternProperties":{"^x-":{"type":"string"}},"additionalProperties":false}"##,
            [##"{"x-a":"b"}"##], [##"{"x-a":1}"##, ##"{"y":1}"##]
        ),
        (##"{"propertyNames":{"pattern":"^[a-z]+$"}}"##, [##"{"abc":1}"##], [##"{"A":1}"##]),
        (##"{"propertyNames":false}"##, ["{}"], [##"{"a":1}"##]),
        (##"{"minProperties":1,"maxProperties":2}"##, [##"{"a":1}"##], ["{}", ##"{"a":1,"b":2,"c":3}"##]),
        (
            ##"{"dependentRequired":{"a":["b"]}}"##, ["{}", ##"{"b":1}"##, ##"{"a":1,"b":1}"##],
            [##"{"a":1}"##]
        ),
        (
            ##"{"dependentSchemas":{"a":{"minProperties":2}}}"##, [##"{"b":1}"##, ##"{"a":1,"b":1}"##],
            [##"{"a":1}"##]
        ),
        (
            ##"{"dependencies":{"a":["b"],"c":{"required":["d"]}}}"##, [##"{"a":1,"b":1}"##],
            [##"{"a":1}"##, ##"{"c":1}"##]
        ),
        (##"{"items":{"type":"integer"}}"##, ["[]", "[1,2]", "{}"], [##"["a"]"##, "[1,2.5]"]),
        (
            ##"{"prefixItems":[{"type":"integer"},{"type":"string"}]}"##, ["[]", "[1]", ##"[1,"a",null]"##],
            ["[null]", "[1,2]"]
        ),
        (##"{"prefixItems":[true],"items":false}"##, ["[]", "[1]"], ["[1,2]"]),
        (##"{"items":[{"type":"integer"}],"additionalItems":false}"##, ["[1]"], ["[1,2]", "[null]"]),
        (##"{"contains":{"const":1}}"##, ["[1]", "[0,1]"], ["[]", "[2]"]),
        (
            ##"{"contains":{"const":1},"minContains":2,"maxContains":3}"##, ["[1,1]", "[1,0,1,1]"],
            ["[1]", "[1,1,1,1]"]
        ),
        (##"{"contains":{"const":1},"minContains":0}"##, ["[]", "[2]"], []),
        (##"{"minItems":1,"maxItems":2}"##, ["[1]", "[1,2]"], ["[]", "[1,2,3]"]),
        (
            ##"{"uniqueItems":true}"##, ["[1,2]", ##"[1,"1",true]"##, "[[1],[2]]"],
            ["[1,1.0]", ##"[{"a":1,"b":2},{"b":2,"a":1}]"##]
        ),
        (##"{"allOf":[{"minimum":1},{"maximum":3}]}"##, ["2"], ["0", "4"]),
        (##"{"anyOf":[{"type":"string"},{"minimum":5}]}"##, ["\"a\"", "5", "null"], ["4"]),
        (##"{"oneOf":[{"multipleOf":3},{"multipleOf":5}]}"##, ["3", "5"], ["15", "7"]),
        (##"{"not":{"type":"string"}}"##, ["1"], ["\"a\""]),
        (##"{"not":{"not":{"type":"string"}}}"##, ["\"a\""], ["1"]),
        (
            ##"{"if":{"properties":{"k":{"const":1}},"required":["k"]},"##
                + ##""then":{"required":["a"]},"else":{"required":["b"]}}"##,
            [##"{"k":1,"a":0}"##, ##"{"k":2,"b":0}"##, ##"{"b":0}"##], [##"{"k":1}"##, ##"{"k":2,"a":0}"##]
        ),
        (##"{"then":{"type":"string"}}"##, ["1"], []),
        (##"{"$ref":"#/$defs/n","$defs":{"n":{"type":"integer"}}}"##, ["1"], ["\"a\""]),
        (##"{"$ref":"#/definitions/n","definitions":{"n":{"type":"integer"}}}"##, ["1"], ["\"a\""]),
        (##"{"$ref":"#/$defs/a~1b%25","$defs":{"a/b%":{"type":"integer"}}}"##, ["1"], ["\"a\""]),
        (##"{"$ref":"#n","$defs":{"x":{"$anchor":"n","type":"integer"}}}"##, ["1"], ["\"a\""]),
        (
            ##"{"$id":"http://x.test/s","$ref":"http://x.test/s#/$defs/n","$defs":{"n":{"type":"null"}}}"##,
            ["null"], ["1"]
        ),
        (
            ##"{"properties":{"child":{"$ref":"#"},"v":{"type":"integer"}},"additionalProperties":false}"##,
            [##"{"child":{"child":{"v":1}}}"##],
            [##"{"child":{"child":{"v":"x"}}}"##, ##"{"child":{"w":1}}"##]
        ),
        (##"{"$ref":"#/properties/a","properties":{"a":{"type":"object"}}}"##, ["{}"], ["1"]),
        (##"{"unevaluatedProperties":true,"title":"t","x-anything":7}"##, ["1"], []),
    ]

    @Test(arguments: cases) func validates(_ example: Case) throws {
        let schema = try JSONSchema(JSONValue(parsing: example.schema))
        for json in example.valid { #expect(try schema.validate(JSONValue(parsing: json)) == [], "\(json)") }
        for json in example.invalid {
            #expect(try schema.validate(JSONValue(parsing: json)) != [], "\(json)")
        }
    }

    typealias Message = (schema: String, value: String, violations: [String])
    static let messages: [Message] = [
        (##"{"type":"integer"}"##, "\"x\"", [##"expected an integer, found the string "x"."##]),
        (
            ##"{"type":["string","array","null"]}"##, "{}",
            ["expected null, a string or an array, found an object."]
        ),
        (
            ##"{"properties":{"a":{"items":{"type":"string"}}}}"##, ##"{"a":["x",1,null]}"##,
            ["/a/1: expected a string, found the number 1.", "/a/2: expected a string, found null."]
        ),
        (##"{"required":["name"]}"##, "{}", [##"missing the required property "name"."##]),
        (
            ##"{"properties":{"address":{},"port":{}},"additionalProperties":false}"##, ##"{"adress":1}"##,
            [##"/adress: unknown property "adress"; did you mean "address"?"##]
        ),
        (
            ##"{"properties":{"address":{},"port":{}},"additionalProperties":false}"##, ##"{"zzz":1}"##,
            [##"/zzz: unknown property "zzz"; known are "address", "port"."##]
        ),
        (
            ##"{"enum":["auto","modern","legacy"]}"##, ##""moden""##,
            [##"expected one of "auto", "modern", "legacy", found "moden"; did you mean "modern"?"##]
        ),
        (##"{"minimum":1}"##, "0", ["expected at least 1, found 0."]),
        (
            ##"{"anyOf":[{"type":"string"},{"type":"object","required":["a"]}]}"##, "{}",
            [##"missing the required property "a"."##]
        ),
        (
            ##"{"anyOf":[{"type":"string"},{"type":"integer"},{"type":"number"}]}"##, "null",
            ["expected a number or a string, found null."]
        ),
        (
            ##"{"oneOf":[{"type":"integer"},{"minimum":0}]}"##, "1",
            ["matches more than one of the 2 alternatives."]
        ),
        (##"{"pattern":"^a$"}"##, "\"b\"", [##"expected a string that matches "^a$", found "b"."##]),
        (
            ##"{"a/b":1,"properties":{"a/b~":{"type":"null"}}}"##, ##"{"a/b~":1}"##,
            ["/a~1b~0: expected null, found the number 1."]
        ),
    ]

    @Test(arguments: messages) func explains(_ example: Message) throws {
        let schema = try JSONSchema(JSONValue(parsing: example.schema))
        #expect(
            try schema.validate(JSONValue(parsing: example.value)).map(\.description) == example.violations)
    }

    @Test(
        arguments: [
            ("1", ""), (##"{"type":"strnig"}"##, "/type"), (##"{"type":[]}"##, "/type"),
            (##"{"type":1}"##, "/type"),
            (##"{"properties":[]}"##, "/properties"), (##"{"properties":{"a":1}}"##, "/properties/a"),
            (##"{"required":"a"}"##, "/required"), (##"{"required":[1]}"##, "/required"),
            (##"{"enum":1}"##, "/enum"),
            (##"{"minLength":-1}"##, "/minLength"), (##"{"minItems":1.5}"##, "/minItems"),
            (##"{"minimum":"1"}"##, "/minimum"),
            (##"{"exclusiveMinimum":true}"##, "/exclusiveMinimum"), (##"{"multipleOf":0}"##, "/multipleOf"),
            (##"{"pattern":"("}"##, "/pattern"), (##"{"pattern":"(?=a)"}"##, "/pattern"),
            (##"{"pattern":1}"##, "/pattern"),
            (##"{"patternProperties":{"[":{}}}"##, "/patternProperties/["), (##"{"allOf":[]}"##, "/allOf"),
            (##"{"anyOf":{}}"##, "/anyOf"), (##"{"not":1}"##, "/not"),
            (##"{"uniqueItems":1}"##, "/uniqueItems"),
            (##"{"$ref":"https://example.com/schema"}"##, "/$ref"), (##"{"$ref":"other.json"}"##, "/$ref"),
            (##"{"$ref":"#/$defs/none"}"##, "/$ref"), (##"{"$ref":"#none"}"##, "/$ref"),
            (##"{"$ref":1}"##, "/$ref"),
            (##"{"$dynamicRef":"#a"}"##, "/$dynamicRef"),
            (##"{"unevaluatedProperties":false}"##, "/unevaluatedProperties"),
            (##"{"unevaluatedItems":{}}"##, "/unevaluatedItems"),
            (##"{"items":{"items":{"type":"x"}}}"##, "/items/items/type"),
            (##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"x"}}}"##, "/$defs/a/type"),
            (##"{"$ref":"#"}"##, ""), (##"{"allOf":[{"$ref":"#"}]}"##, ""),
            (##"{"not":{"anyOf":[{"$ref":"#/not"}]}}"##, "/not"),
            (
                ##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}"##,
                "/$defs/a"
            ),
            (##"{"$ref":"#/$defs/n","$defs":{"n":7}}"##, "/$defs/n"),
            (##"{"dependentRequired":{"a":1}}"##, "/dependentRequired/a"),
        ])
    func refuses(_ schema: String, _ pointer: String) throws {
        let value = try JSONValue(parsing: schema)
        let error = try #require(throws: JSONSchemaError.self) { try JSONSchema(value) }
        #expect(error.pointer.description == pointer)
        #expect(error.description.hasSuffix("."))
    }

    @Test func ignoresUnusedDefinitions() throws {
        let schema = try JSONSchema(JSONValue(parsing: ##"{"$defs":{"x":{"pattern":"(?=a)"}}}"##))
        #expect(schema.validate(1) == [])
    }

    @Test func limitsTheSchema() throws {
        var deep: JSONValue = ["type": "string"]
        for _ in 0..<80 { deep = ["items": deep] }
        #expect(throws: JSONSchemaError.self) { try JSONSchema(deep) }
        let wide = JSONValue.object([
            JSONMemberValue("anyOf", .array([JSONValue](repeating: [:], count: JSONSchema.maxSubschemas)))
        ])
        #expect(throws: JSONSchemaError.self) { try JSONSchema(wide) }
        var chain: [JSONMemberValue] = []
        for at in 0..<100 { chain.append(JSONMemberValue("d\(at)", ["$ref": "##/$defs/d\(at + 1)"])) }
        chain.append(JSONMemberValue("d100", [:]))
        let long: JSONValue = ["$ref": "##/$defs/d0", "$defs": .object(chain)]
        #expect(throws: JSONSchemaError.self) { try JSONSchema(long) }
    }

    @Test func givesUpRatherThanRunForEver() throws {
        // Each level doubles the work, and nothing is ever settled early.
        let schema = try JSONSchema(
            JSONValue(
                parsing: ##"{"allOf":[{"items":{"$ref":"#"}},{"items":{"$ref":"#"}}],"not":{"const":1}}"##))
        var value: JSONValue = 0
        for _ in 0..<60 { value = [value] }
        let violations = schema.validate(value)
        #expect(violations.count == 1)
        #expect(violations.first?.keyword == "$limit")
        // Under `not` a failure to decide is no success.
        let negated = try JSONSchema(
            JSONValue(
                parsing:
                    ##"{"not":{"$ref":"#/$defs/x"},"$defs":{"x":{"allOf":[{"items":{"$ref":"#/$defs/x"}},"##
                    + ##"{"items":{"$ref":"#/$defs/x"}}]}}}"##))
        #expect(negated.validate(value).first?.keyword == "$limit")
    }

    @Test func spendsStepsOnPatterns() throws {
        let schema = try JSONSchema(["items": ["pattern": "^(a|b)*c$"]])
        let text = JSONValue(String(repeating: "ab", count: 1_000))
        let value = JSONValue.array([JSONValue](repeating: text, count: 50))
        #expect(schema.validate(value, maxSteps: 1_000).last?.keyword == "$limit")
        #expect(schema.validate(value).map(\.keyword) == [String](repeating: "pattern", count: 50))
    }

    @Test func reportsAtMostAHundred() throws {
        let schema = try JSONSchema(["items": ["type": "string"]])
        #expect(
            schema.validate(.array([JSONValue](repeating: 1, count: 500))).count == JSONSchema.maxViolations)
    }

    @Test(
        arguments: [
            (##"{"properties":{"a":{"default":1},"b":{}}}"##, "{}", ##"{"a":1}"##),
            (##"{"properties":{"a":{"default":1}}}"##, ##"{"a":null}"##, ##"{"a":null}"##),
            (##"{"properties":{"a":{"default":1}}}"##, "[]", "[]"),
            (
                ##"{"properties":{"t":{"default":{},"properties":{"min":{"default":"1.2"}}}}}"##, "{}",
                ##"{"t":{"min":"1.2"}}"##
            ),
            (##"{"properties":{"t":{"properties":{"min":{"default":"1.2"}}}}}"##, "{}", "{}"),
            (
                ##"{"properties":{"t":{"properties":{"min":{"default":"1.2"}}}}}"##, ##"{"t":{}}"##,
                ##"{"t":{"min":"1.2"}}"##
            ),
            (##"{"items":{"properties":{"w":{"default":1}}}}"##, ##"[{},{"w":2}]"##, ##"[{"w":1},{"w":2}]"##),
            (##"{"prefixItems":[{"properties":{"w":{"default":1}}}]}"##, "[{},{}]", ##"[{"w":1},{}]"##),
            (
                ##"{"additionalProperties":{"properties":{"w":{"default":1}}}}"##, ##"{"x":{}}"##,
                ##"{"x":{"w":1}}"##
            ),
            (
                ##"{"allOf":[{"$ref":"#/$defs/d"}],"$defs":{"d":{"properties":{"a":{"default":1}}}}}"##, "{}",
                ##"{"a":1}"##
            ),
            (
                ##"{"properties":{"a":{"$ref":"#/$defs/d"}},"$defs":{"d":{"default":7}}}"##, "{}",
                ##"{"a":7}"##
            ),
            (##"{"properties":{"a":{"$ref":"#","default":{}}}}"##, "{}", ##"{"a":{}}"##),
            (
                ##"{"properties":{"a":{"$ref":"#","default":{}},"b":{"$ref":"#","default":{}}}}"##, "{}",
                ##"{"a":{"b":{}},"b":{"a":{}}}"##
            ),
        ])
    func fillsDefaults(_ schema: String, _ value: String, _ expected: String) throws {
        let schema = try JSONSchema(JSONValue(parsing: schema))
        #expect(schema.applyingDefaults(try JSONValue(parsing: value)).description == expected)
    }
}
