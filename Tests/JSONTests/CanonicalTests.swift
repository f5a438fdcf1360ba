// SPDX-License-Identifier: Apache-2.0
// RFC 8785: one text for equal values.

import JSON
import Testing

@Suite struct CanonicalTests {
    private func canonical(_ text: String) throws -> String {
        try JSONValue(parsing: text).canonicalized().description
    }

    /// RFC 8785, section 3.2.2, and the table of its appendix B as far as JSON can spell it.
    @Test(arguments: [
        ("333333333.33333329", "333333333.3333333"), ("1E30", "1e+30"), ("4.50", "4.5"), ("2e-3", "0.002"),
        ("0.000000000000000000000000001", "1e-27"), ("-0", "0"), ("0.0", "0"), ("-0e5", "0"), ("1.0", "1"),
        ("1e2", "100"), ("5e-324", "5e-324"), ("-5e-324", "-5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"), ("9007199254740992", "9007199254740992"),
        ("295147905179352830000.0", "295147905179352830000"),
        ("9.999999999999997e22", "9.999999999999997e+22"),
        ("1e23", "1e+23"), ("1.0000000000000001e23", "1.0000000000000001e+23"),
        ("999999999999999700000.0", "999999999999999700000"), ("1e21", "1e+21"),
        ("1e20", "100000000000000000000"),
        ("9.999999999999997e-7", "9.999999999999997e-7"), ("0.000001", "0.000001"), ("1e-7", "1e-7"),
        ("333333333.3333332", "333333333.3333332"),
        ("-0.0000033333333333333333", "-0.0000033333333333333333"),
        ("1424953923781206.2", "1424953923781206.2"), ("123.456e-10", "1.23456e-8"),
    ])
    func numbersAreSpelledAsECMAScriptDoes(_ text: String, _ expected: String) throws {
        #expect(try canonical(text) == expected)
    }

    /// Where a double would make two numbers one.
    @Test(arguments: ["9007199254740993", "-9007199254740993", "123456789012345678901234567890", "1e400"])
    func numbersThatNoDoubleHoldsKeepTheirDigits(_ text: String) throws {
        #expect(try canonical(text) == text)
    }

    /// RFC 8785, section 3.2.3: by UTF-16 units, so U+1F600 stands before U+FB33.
    @Test func membersAreSortedByUnitsOfUTF16() throws {
        let text = """
            {"\\u20ac": "Euro Sign", "\\r": "Carriage Return", "\\ufb33": "Hebrew Letter Dalet With Dagesh",
             "1": "One", "\\ud83d\\ude00": "Emoji: Grinning Face", "\\u0080": "Control",
             "\\u00f6": "Latin Small Letter O With Diaeresis"}
            """
        let keys = try JSONValue(parsing: text).canonicalized().object?.map(\.key)
        #expect(keys == ["\r", "1", "\u{80}", "ö", "€", "😀", "\u{FB33}"])
    }

    /// RFC 8785, section 3.2.4.
    @Test func itsExampleComesOutAsItSays() throws {
        let text = #"""
            {
              "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """#
        let expected = #"""
            {"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}
            """#
        #expect(try canonical(text) == expected)
    }

    @Test func nestedObjectsAreSortedAndListsKeepTheirOrder() throws {
        #expect(try canonical(#"[{"b":{"d":1,"c":[3,1,2]},"a":0}]"#) == #"[{"a":0,"b":{"c":[3,1,2],"d":1}}]"#)
    }

    /// Readers differ in which of them counts: none may vanish.
    @Test func membersOfOneNameStayInTheirOrder() throws {
        #expect(try canonical(#"{"b":1,"a":2,"b":0,"a":1}"#) == #"{"a":2,"a":1,"b":1,"b":0}"#)
    }
}
