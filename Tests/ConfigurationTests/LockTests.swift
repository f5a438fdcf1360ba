// SPDX-License-Identifier: Apache-2.0
// The block `lock`.

import Configuration
import Testing

@Suite struct LockTests {
    private func file(_ lock: String) -> String {
        "version: 1\nservers: { time: { command: t }, files: { command: f } }\nlock: \(lock)"
    }

    @Test func itsDefaultsAreStrict() throws {
        #expect(try good("version: 1", file: "/etc/jackfield/g.yaml").lock == nil)
        for empty in ["{}", ""] {
            let lock = try #require(try good(file(empty), file: "/etc/jackfield/g.yaml").lock)
            #expect(lock.file == "/etc/jackfield/jackfield.lock")
            #expect(lock.onChange == .quarantine && lock.newTools == .quarantine && lock.except.isEmpty)
        }
    }

    @Test func everyKeyIsRead() throws {
        let text = file("{ file: locks/a.lock, on_change: refuse, new_tools: allow, except: [time] }")
        let lock = try #require(try good(text, file: "/etc/g.yaml").lock)
        #expect(lock.file == "/etc/locks/a.lock")
        #expect(lock.onChange == .refuse && lock.newTools == .allow && lock.except == ["time"])
        #expect(try good(file("{ file: /a, on_change: warn }")).lock?.onChange == .warn)
        #expect(try good(text, file: "/etc/g.yaml").description.contains("on_change: refuse"))
    }

    @Test(arguments: [
        ("{ on_change: quarantin }", "quarantine"), ("{ new_tools: alow }", "allow"),
        ("{ except: [tim] }", "time"), ("{ fil: x }", "file"), ("x.lock", ""), ("{ except: time }", ""),
        ("{ file: [] }", ""),
    ])
    func whatIsWrongIsSaid(_ lock: String, _ suggestion: String) throws {
        let problem = try #require(parse(file(lock)).problems.first { $0.severity == .error })
        #expect(problem.message.contains("lock"))
        #expect(suggestion.isEmpty || problem.suggestion == suggestion, "\(problem)")
    }

    @Test func aReloadSeesItsChanges() throws {
        let old = try good(file("{ on_change: warn }"))
        #expect(Configuration.diff(old, try good("\n" + file("{ on_change: warn }"))).lockChanged == false)
        #expect(Configuration.diff(old, try good(file("{}"))).lockChanged)
        #expect(Configuration.diff(old, try good("version: 1")).lockChanged)
    }
}
