// SPDX-License-Identifier: Apache-2.0
// The toolset facet against the mock host: the ways to answer, errors, timers, the end of an instance.

import CJackfield
import CMockHost
import Glibc
import JackfieldPlugin
import Testing

@Suite(.serialized) struct ToolsetTests {
    // MARK: Answers

    @Test func keepsStatePerSet() throws {
        let bench = try Bench()
        #expect(
            bench.call("count").result == textResult("1") && bench.call("count").result == textResult("2"))
        let other = jf_mock_open_set(bench.mock, "other", "{}")
        let op = jf_mock_request(bench.mock, other, UInt32(JF_MOCK_CALL), "count", "{}")
        #expect(bench.state(op).result == textResult("1"))
        jf_mock_close_set(bench.mock, other)
        #expect(kept.closed == ["other after 1"])
        bench.end()
        #expect(kept.closed == ["other after 1", "bench after 2"])
    }

    @Test func answersLaterOnce() throws {
        let bench = try Bench()
        let op = bench.begin("keep")
        #expect(bench.state(op).status == JF_PENDING)
        let pending = try #require(kept.pending)
        #expect(pending.isWanted)
        pending.progress(1, of: 2, "half")
        #expect(pending.finish(.text("done")))
        #expect(!pending.isWanted && !pending.finish(.text("again")) && !pending.giveUp())
        pending.progress(2, of: 2)
        #expect(bench.state(op).result == textResult("done") && !bench.state(op).isInline)
        #expect(jf_mock_op_at(bench.mock, op).progress == 1 && jf_mock_op_at(bench.mock, op).strikes == 0)
        bench.end()
    }

    @Test func answersFromInsideTheSlot() throws {
        let bench = try Bench()
        #expect(bench.call("at once").result == textResult("now"))
        #expect(bench.call("twice").result == textResult("first") && kept.notes == ["true", "false"])
        #expect(bench.call("answer twice").result == textResult("first"))
        bench.end()
    }

    @Test func answersAtOnceAfterAll() throws {
        let bench = try Bench()
        let changed = bench.call("change its mind")
        #expect(changed.result == textResult("after all") && changed.isInline)
        #expect(kept.pending?.finish(.text("too late")) == false)
        let thrown = bench.call("throw in later")
        #expect(thrown.status == JF_E_INVALID && thrown.why == "not like this" && thrown.isInline)
        #expect(kept.pending?.finish(.text("too late")) == false)
        bench.end()
    }

    @Test func failsWhatNobodyAnswers() throws {
        let bench = try Bench()
        let dropped = bench.call("drop")
        #expect(dropped.status == JF_E_FAULT && dropped.why.contains("without an answer"))
        let op = bench.begin("keep")
        kept.pending = nil
        #expect(bench.state(op).status == JF_E_FAULT)
        #expect(bench.call("pretend").status == JF_E_FAULT)
        bench.end()
    }

    @Test func answersFromAnotherThread() throws {
        let bench = try Bench()
        for _ in 0..<100 {
            let op = bench.begin("keep")
            let thread = try #require(startThread())
            #expect(jf_mock_wait_op(bench.mock, op, 5000))
            pthread_join(thread, nil)
            #expect(bench.state(op).result == textResult("from afar"))
            jf_mock_settle(bench.mock)
            #expect(kept.notes == ["on the lane"])
            kept.notes = []
        }
        bench.end()
    }

    private func startThread() -> pthread_t? {
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { _ in
                kept.host?.onLane { kept.notes.append("on the lane") }
                kept.pending?.progress(1)
                kept.pending?.finish(.text("from afar"))
                kept.pending = nil
                return nil
            }, nil)
        return status == 0 ? thread : nil
    }

    // MARK: Errors and encodings

    @Test func mapsErrors() throws {
        let bench = try Bench()
        let own = bench.call("own error")
        #expect(own.status == JF_E_FAULT && own.fault.flags == 0 && own.why.contains("OwnError"))
        let busy = bench.call("busy")
        #expect(busy.status == JF_E_BUSY && busy.fault.retry_ms == 1500 && busy.fault.flags == 0)
        let shown = bench.call("public")
        #expect(shown.status == JF_E_GONE && shown.fault.flags == 1 && shown.why == "the printer is gone")
        #expect(bench.call("fail").result == textResult("no paper", isError: true))
        #expect(bench.call("fail later").result == textResult("no paper", isError: true))
        let unknown = bench.call("nothing")
        #expect(
            unknown.status == JF_E_INVALID && unknown.fault.flags == 1 && unknown.why.contains("'nothing'"))
        #expect(
            bench.call("count", "[]").status == JF_E_INVALID
                && bench.call("count", "{").status == JF_E_INVALID)
        bench.end()
    }

    /// As gateways lend them: the arguments are a part of the params.
    @Test func readsArgumentsInsideParams() throws {
        let bench = try Bench()
        let toolset = try #require(jf_mock_toolset(bench.mock)).pointee
        for (arguments, wanted) in [(#"{ "n" : "\u0041" }"#, "A"), ("{}", "none"), ("[{}]", nil)] {
            let before = #" {"name":"x","arguments":"#
            let params = Array("\(before)\(arguments),\"more\":{}}".utf8)
            let status = params.withUnsafeBufferPointer { bytes in
                let name = Array("read n".utf8)
                return name.withUnsafeBufferPointer { name in
                    var request = jf_request()
                    request.size = UInt32(MemoryLayout<jf_request>.size)
                    request.set = 1
                    request.name = jf_view(ptr: name.baseAddress, len: UInt64(name.count))
                    request.params = jf_view(ptr: bytes.baseAddress, len: UInt64(bytes.count))
                    request.arguments = jf_view(
                        ptr: bytes.baseAddress! + before.utf8.count, len: UInt64(arguments.utf8.count))
                    var result = jf_blob()
                    var fault = jf_fault()
                    fault.size = UInt32(MemoryLayout<jf_fault>.size)
                    let status = toolset.call(jf_mock_self(bench.mock), 1, &request, &result, &fault)
                    let text = jf_mock_take(&result)
                    #expect(text.map { String(cString: $0) } == wanted.map { textResult($0) })
                    free(text)
                    return status
                }
            }
            #expect(status == (wanted == nil ? JF_E_INVALID : JF_OK))
        }
        bench.end()
    }

    @Test func cutsALongReasonBetweenCharacters() throws {
        let bench = try Bench()
        for shift in 0..<3 {
            let name = String(repeating: "x", count: shift) + String(repeating: "€", count: 100)
            let answer = bench.call(name)
            #expect(answer.fault.text_len > 230 && answer.fault.text_len <= 236 && answer.why.hasSuffix("€"))
        }
        bench.end()
    }

    @Test func refusesASet() throws {
        let bench = try Bench()
        #expect(jf_mock_open_set(bench.mock, "no", #"{"refuse":"not today"}"#) == 0)
        #expect(String(cString: jf_mock_why(bench.mock)) == "not today")
        #expect(jf_mock_open_set(bench.mock, "no", "{") == 0)
        bench.end()
    }

    @Test func encodesEveryContent() throws {
        let bench = try Bench()
        #expect(
            bench.call("show").result
                == #"{"resultType":"complete","content":[{"type":"image","data":"AQID","#
                + #""mimeType":"image/png"},{"type":"audio","data":"","mimeType":"audio/wav"},"#
                + #"{"type":"resource","resource":{"uri":"x://b","mimeType":"x/y","blob":"/w=="}},"#
                + #"{"type":"resource_link","uri":"x://l","name":"l"}],"#
                + #""structuredContent":{"deadline":true,"who":"-"}}"#)
        #expect(bench.call("params").result == textResult("params"))
        bench.end()
    }

    @Test func listsAndLeavesOut() throws {
        let bench = try Bench()
        var status: Int32 = 0
        let tools = jf_mock_list(bench.mock, bench.set, UInt32(JF_TOOLS), &status)
        #expect(
            tools.map { String(cString: $0) }
                == #"[{"name":"only","description":"Nothing said.","inputSchema":{"type":"object"}}]"#)
        free(tools)
        #expect(
            jf_mock_list(bench.mock, bench.set, UInt32(JF_RESOURCES), &status) == nil && status == JF_ABSENT)
        // A toolset that completes nothing has no slot for it, so that the host does not advertise it.
        #expect(
            jf_mock_toolset(bench.mock)?.pointee.complete == nil
                && jf_mock_toolset(bench.mock)?.pointee.read != nil)
        bench.end()
    }

    // MARK: Cancellation, timers, the end

    @Test func cancelsAndReleases() throws {
        let bench = try Bench()
        let op = bench.begin("hold")
        #expect(kept.token != nil)
        jf_mock_cancel_op(bench.mock, op, Int32(JF_E_TIMEOUT))
        #expect(kept.pending?.isWanted == false && bench.state(op).status == JF_PENDING)
        #expect(jf_mock_wait_op(bench.mock, op, 5000))
        #expect(bench.state(op).status == JF_E_TIMEOUT && kept.notes == ["canceled"] && kept.token == nil)
        let finished = bench.begin("hold")
        kept.pending?.finish(.text("x"))
        #expect(kept.token == nil, "the cancel body outlives the answer")
        jf_mock_cancel_op(bench.mock, finished, Int32(JF_E_GONE))
        jf_mock_settle(bench.mock)
        #expect(kept.notes == ["canceled"])
        // A body that comes after the answer is not kept either.
        keepToken(kept.pending)
        #expect(kept.token == nil)
        bench.end()
    }

    private func keepToken(_ pending: Pending<ToolResult>?) {
        let token = Token()
        kept.token = token
        pending?.onCancel { withExtendedLifetime(token) {} }
    }

    @Test func firesTimersInOrder() throws {
        let bench = try Bench()
        let host = try #require(kept.host)
        let begin = host.monotonicNanoseconds
        host.after(.milliseconds(20)) {
            kept.notes.append("second")
            kept.timer?.cancel()
            host.after(.zero) { kept.notes.append("third") }
        }
        let first = host.after(.milliseconds(10)) { kept.notes.append("first") }
        kept.timer = host.after(.milliseconds(30)) { kept.notes.append("never") }
        host.after(.seconds(-1)) { kept.notes.append("zeroth") }
        #expect(first.isArmed)
        while kept.notes.count < 4 { jf_mock_run_once(bench.mock, 1000) }
        #expect(kept.notes == ["zeroth", "first", "second", "third"])
        #expect(!first.isArmed && kept.timer?.isArmed == false)
        #expect(host.monotonicNanoseconds >= begin + 20_000_000)
        first.cancel()
        bench.end()
    }

    @Test func saysWhatChanged() throws {
        let bench = try Bench()
        let host = try #require(kept.host)
        host.toolsChanged()
        host.promptsChanged()
        let changed = UInt32(JF_MOCK_SET_CHANGED)
        let kinds = (0..<jf_mock_mark(bench.mock)).compactMap { jf_mock_event_at(bench.mock, $0) }
            .filter { $0.pointee.type == changed && $0.pointee.peer == bench.set }.map {
                Int($0.pointee.flags)
            }
        #expect(kinds == [Int(JF_TOOLS), Int(JF_PROMPTS)])
        #expect(host.configuration["own"]?.bool == true)
        jf_mock_set_secret(bench.mock, "door", "sesame")
        #expect(host.secret("door") == "sesame" && host.secret("window") == nil)
        host.log(.warning, "careful", ["what": "ink", "how": ""])
        #expect(jf_mock_logged(bench.mock, UInt32(JF_LOG_WARNING), "careful what=ink how="))
        bench.end()
    }

    @Test func doesNothingAfterTheEnd() throws {
        let bench = try Bench()
        let host = try #require(kept.host)
        let op = bench.begin("hold")
        let pending = try #require(kept.pending)
        host.after(.seconds(1000)) { kept.notes.append("never") }
        host.onLane { kept.notes.append("never") }
        jf_mock_stop(bench.mock)
        #expect(bench.state(op).status == JF_E_GONE && kept.token == nil && kept.closed == ["bench after 1"])
        jf_mock_destroy(bench.mock)
        #expect(!pending.finish(.text("late")) && !pending.isWanted)
        pending.progress(1)
        host.log(.error, "late")
        host.toolsChanged()
        host.onLane { kept.notes.append("never") }
        #expect(!host.after(.zero) { kept.notes.append("never") }.isArmed)
        #expect(host.monotonicNanoseconds == 0 && host.secret("door") == nil && !host.isLogging(.error))
        #expect(kept.notes.isEmpty && !jf_mock_logged(bench.mock, 0, "late"))
        bench.end()
    }
}
