// SPDX-License-Identifier: Apache-2.0
// URITemplate: which URIs a template of RFC 6570 could have produced.

import Testing

@testable import JackfieldCore

@Suite("URI template") struct URITemplateTests {
    static let cases: [(template: String, uri: String, matches: Bool)] = [
        ("file:///a", "file:///a", true), ("file:///a", "file:///ab", false),
        ("file:///a", "file:///", false),
        ("file:///{name}", "file:///a", true), ("file:///{name}", "file:///a/b", false),
        ("file:///{name}", "file:///", true), ("file:///{name}", "file://", false),
        ("file:///{+path}", "file:///a/b/c", true), ("file:///{#frag}", "file:///#a/b", true),
        ("db://{host}/{table}", "db://h/t", true), ("db://{host}/{table}", "db://h", false),
        ("db://{host}/{table}", "db://h/t/u", false), ("db://{host}/{table}/row", "db://h/t/row", true),
        ("a://x{/path*}", "a://x/1/2", true), ("a://x{/path}", "a://x/1", true),
        ("a://x{?q,r}", "a://x?q=1&r=2", true),
        ("a://x?f=1{&q}", "a://x?f=1&q=a", true), ("a://{x}{y}", "a://12", true),
        ("a://{x}-{y}", "a://1-2", true),
        ("a://{x}-{y}", "a://12", false), ("a://{x*}", "a://1,2", true), ("a://{.ext}", "a://.png", true),
        ("a://{;x}", "a://;x=1", true), ("{x}", "", true), ("{x}", "anything", true),
        ("{x}", "any/thing", false),
        ("{+x}", "any/thing", true), ("", "", true), ("", "a", false), ("a{", "a{", true),
        ("a{b", "a{b", true),
        ("a}b", "a}b", true), ("a{}b", "ab", true), ("ü/{x}", "ü/1", true), ("x{a}x{b}x", "xxx", true),
        ("x{a}x{b}x", "xx", false), ("x{a}y{b}x", "x1y2y3x", true),
    ]

    @Test("a template matches what it could have produced", arguments: cases)
    func matches(_ template: String, _ uri: String, _ wanted: Bool) {
        #expect(withBytes(uri) { URITemplate(template).matches($0) } == wanted)
    }

    @Test func whatSimpleExpressionsProduceMatches() {
        var random = Generator(state: 23)
        for _ in 0..<2_000 {
            var template = ""
            var uri = ""
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let value = String(
                    (0..<Int.random(in: 0...4, using: &random)).map { _ in
                        "ab%-".randomElement(using: &random) ?? "a"
                    })
                switch Int.random(in: 0...2, using: &random) {
                case 0:
                    template += "{v}"
                    uri += value
                case 1:
                    template += "{+v}"
                    uri += value + "/" + value
                default:
                    template += value + "/"
                    uri += value + "/"
                }
            }
            #expect(withBytes(uri) { URITemplate(template).matches($0) }, "\(template) \(uri)")
        }
    }

    @Test func moreLiteralTextIsMoreSpecific() {
        #expect(URITemplate("a://{x}").specificity < URITemplate("a://b/{x}").specificity)
        #expect(URITemplate("a://b/{verylongname}").specificity == URITemplate("a://b/{x}").specificity)
        #expect(URITemplate("").specificity == 0)
    }

    @Test func hostileTemplatesAndURIsAreBounded() {
        let template = URITemplate(String(repeating: "{a}x", count: 40))
        let uri = String(repeating: "x", count: 4_096)
        #expect(withBytes(uri) { template.matches($0) })
        #expect(!withBytes(uri + "x") { template.matches($0) }, "longer than any URI that is looked at")
    }
}
