// SPDX-License-Identifier: Apache-2.0
// The plugin under the mock host, which looks for leaks and broken rules as it goes.

import JackfieldPlugin
import JackfieldPluginTesting
import PLUGIN_MODULE
import Testing

@Suite(.serialized) struct MaskTests {
    @Test func masksTheArgument() throws {
        let host = try MockHost(entry)
        let mask = try host.attachFilter("mask", ["argument": "iban"])
        let passage = mask.request("pay", ["to": 1, "iban": "DE12345678é"])
        #expect(passage.decision == .splice)
        #expect(passage.body == #"{"name":"pay","arguments":{"to":1,"iban":"*******678é"}}"#)
        #expect(mask.request("pay", ["iban": "123"]).body == #"{"name":"pay","arguments":{"iban":"123"}}"#)
        mask.detach()
        #expect(host.end() == [])
    }

    @Test func leavesTheRestAlone() throws {
        let host = try MockHost(entry)
        let mask = try host.attachFilter("mask", ["argument": "a/b", "keep": 0])
        let others: [JSONValue?] = [nil, [:], ["a/b": 12], ["a": ["b": "x"]]]
        for arguments in others { #expect(mask.request("pay", arguments).decision == .pass) }
        #expect(mask.request("pay", ["a/b": "abc"]).body?.contains(#""***""#) == true)
        #expect(host.end() == [])
    }

    @Test func masksRepeatedMembers() throws {
        let host = try MockHost(entry)
        let mask = try host.attachFilter("mask", ["argument": "iban"])
        let passage = mask.request("pay", .raw(#"{"iban":"12345","iban":7,"ib\u0061n":"abcde"}"#))
        #expect(passage.decision == .splice)
        #expect(
            passage.body
                == #"{"name":"pay","arguments":{"iban":"*2345","iban":7,"ib\u0061n":"*bcde"}}"#)
        #expect(host.end() == [])
    }

    @Test func refusesWhatIsNoText() throws {
        let host = try MockHost(entry)
        let mask = try host.attachFilter("mask", ["argument": "iban"])
        let half = JSONValue.raw(#""\ud800""#)
        let refused: [JSONValue] = [["iban": half], .raw(#"{"iban":"a","iban":"\ud800"}"#)]
        for arguments in refused {
            let answer = mask.request("pay", arguments).answer
            #expect(answer.status == .invalid && answer.isPublic)
        }
        #expect(throws: MockFailure.self) { try host.attachFilter("mask") }
        #expect(host.end() == [])
    }
}
