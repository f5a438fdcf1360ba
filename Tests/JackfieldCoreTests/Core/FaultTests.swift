// SPDX-License-Identifier: Apache-2.0
// What of a plugin's fault a client may read (base.h, Errors).

import CJackfield
import Testing

@testable import JackfieldCore

@Suite("Faults") struct FaultTests {
    private static let secret = "cannot run /opt/private/tool; PATH is /home/somebody/bin"

    @Test(
        "a text that is not marked public never reaches a client",
        arguments: [JF_E_GONE, JF_E_TIMEOUT, JF_E_BUSY, JF_E_INVALID, JF_E_DENIED, JF_E_FAULT, -99])
    func privateText(_ code: Int) {
        var fault = jf_fault.empty()
        fault.set(Int32(code), Self.secret)
        #expect(fault.message == Self.secret)
        #expect(!fault.publicMessage.isEmpty)
        #expect(!fault.publicMessage.contains("private") && !fault.publicMessage.contains("PATH"))
    }

    @Test("a public text reaches the client as it is")
    func publicText() {
        var fault = jf_fault.empty()
        fault.set(Int32(JF_E_INVALID), "text must not be empty", flags: UInt32(JF_FAULT_PUBLIC))
        #expect(fault.publicMessage == "text must not be empty")
    }

    @Test("a long text is cut at the end of a character")
    func longText() {
        var fault = jf_fault.empty()
        fault.set(Int32(JF_E_FAULT), String(repeating: "é", count: 300))
        #expect(
            fault.text_len <= 236 && fault.message == String(repeating: "é", count: Int(fault.text_len) / 2))
    }
}
