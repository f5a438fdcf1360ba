// SPDX-License-Identifier: Apache-2.0
// Reports for machines: their shape is a promise, and whatever a plugin says must not break it.

import JSON
import Testing

@testable import PluginCheck

@Suite("Reports of the plugin check") struct ReportTests {
    private func report(_ results: [CheckResult], path: String = "/no/such/acme.so") -> CheckReport {
        let run = CheckRun(
            CheckSubject(path: path), seed: 7, timeout: 1, program: "/usr/bin/jackfield", options: [],
            selection: [])
        return CheckReport(run, results)
    }

    private func result(
        _ name: String, _ outcome: CheckResult.Outcome, _ reason: String = "", advice: String = "",
        ms: Double = 0
    ) -> CheckResult {
        var made = CheckResult(name, outcome, reason, advice: advice)
        made.milliseconds = ms
        return made
    }

    @Test("JSON: the members of the format, in their order")
    func json() throws {
        let json = report([
            result("file.elf", .pass, ms: 1.26),
            result("ops.cancel", .fail, "it waits", advice: "Do not.", ms: 20),
        ]).json
        let expected = """
            {"format":1,"plugin":"acme.so","file":"/no/such/acme.so","seed":"7","good":false,\
            "pass":1,"warn":0,"skip":0,"fail":1,"crash":0,"cases":[\
            {"case":"file.elf","outcome":"pass","milliseconds":1.3},\
            {"case":"ops.cancel","outcome":"fail","reason":"it waits","advice":"Do not.","milliseconds":20,\
            "again":"jackfield plugin check /no/such/acme.so --case ops.cancel --seed 7"}]}
            """
        let parsed = try JSONValue(parsing: expected)
        #expect(json["cases"]?[0]?["milliseconds"]?.double == 1.3)
        #expect(json.isEqual(to: parsed), "\(json.description)")
        #expect(json.object?.map(\.key) == parsed.object?.map(\.key))
        #expect(json["cases"]?[1]?.object?.map(\.key) == parsed["cases"]?[1]?.object?.map(\.key))
    }

    @Test("warnings and skips are good, failures and crashes are not")
    func good() {
        #expect(report([result("a.b", .pass), result("a.c", .warn), result("a.d", .skip)]).isGood)
        #expect(!report([result("a.b", .fail)]).isGood)
        #expect(!report([result("a.b", .crash)]).isGood)
    }

    @Test("JUnit: one element a case, its outcome as CI systems know it")
    func junit() {
        let text = report([
            result("file.elf", .pass, ms: 1500), result("file.code", .warn, "it is old", advice: "Renew it."),
            result("ops.cancel", .skip, "it has none"),
            result("ops.once", .fail, "it waits", advice: "Do not."),
            result("size.host", .crash, "SIGSEGV", advice: "Look."),
        ]).junit
        let again = "again: jackfield plugin check /no/such/acme.so --case"
        let expected = """
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuite name="acme.so" tests="5" failures="1" errors="1" skipped="1" time="1.500">
              <properties>
                <property name="file" value="/no/such/acme.so"/>
                <property name="seed" value="7"/>
              </properties>
              <testcase classname="acme.so.file" name="file.elf" time="1.500"/>
              <testcase classname="acme.so.file" name="file.code" time="0.000"><system-out>warning: it is old. \
            Renew it.</system-out></testcase>
              <testcase classname="acme.so.ops" name="ops.cancel" time="0.000"><skipped message="it has none"/>\
            </testcase>
              <testcase classname="acme.so.ops" name="ops.once" time="0.000"><failure message="it waits">Do not.
            \(again) ops.once --seed 7</failure></testcase>
              <testcase classname="acme.so.size" name="size.host" time="0.000"><error message="SIGSEGV">Look.
            \(again) size.host --seed 7</error></testcase>
            </testsuite>

            """
        #expect(text == expected)
    }

    @Test(
        "JUnit: what a plugin says stays text",
        arguments: [
            ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
            ("\"quoted\" and 'so'", "&quot;quoted&quot; and 'so'"),
            ("]]></failure>", "]]&gt;&lt;/failure&gt;"), ("line\nand\ttab", "line and tab"),
            ("bell \u{7} nul \u{0}", "bell ? nul ?"), ("not XML: \u{FFFE}\u{FFFF}", "not XML: ??"),
            ("grüß \u{1F600}", "grüß \u{1F600}"), ("&amp;", "&amp;amp;"),
        ])
    func escaping(_ said: String, _ written: String) {
        let text = report([result("a.b", .fail, said)]).junit
        #expect(text.contains("<failure message=\"\(written)\">"), "\(text)")
    }

    @Test("JUnit: the file's name is text, too")
    func fileName() {
        let text = report([result("a.b", .pass)], path: "/no/<such>/&\".so").junit
        #expect(text.contains("<testsuite name=\"&amp;&quot;.so\""))
        #expect(text.contains("value=\"/no/&lt;such&gt;/&amp;&quot;.so\""))
    }

    @Test("what a child reports is read back", arguments: CheckResult.Outcome.allCases)
    func roundTrip(_ outcome: CheckResult.Outcome) throws {
        let sent = result("ops.cancel", outcome, "it said \"no\" \\ \u{1}", advice: "Look.")
        let read = try #require(CheckResult(JSONValue(parsing: sent.json.description)))
        #expect(read.name == sent.name && read.outcome == outcome)
        #expect(read.reason == sent.reason && read.advice == sent.advice)
    }

    @Test(
        "what is no result is none",
        arguments: ["{}", "[]", "1", #"{"case":"a.b"}"#, #"{"case":"a.b","outcome":"fine"}"#])
    func noResult(_ text: String) throws {
        #expect(CheckResult(try JSONValue(parsing: text)) == nil)
    }
}

extension CheckResult: Equatable {
    public static func == (a: CheckResult, b: CheckResult) -> Bool {
        a.name == b.name && a.outcome == b.outcome && a.reason == b.reason && a.advice == b.advice
    }
}
