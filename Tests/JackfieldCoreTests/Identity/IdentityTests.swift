// SPDX-License-Identifier: Apache-2.0
// What stands for credentials, what a provider's answer says, what those outside are told.

import CJackfield
import JSON
import Testing

@testable import JackfieldCore

@Suite struct SipHashTests {
    /// The first of the reference's vectors for 128 bits: key 00…0f, input 00…(n-1).
    @Test func itIsTheReference() {
        let expected: [Int: [UInt8]] = [
            0: [
                0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02,
                0x93,
            ],
            1: [
                0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc,
                0x45,
            ],
            2: [
                0x81, 0x77, 0x22, 0x8d, 0xa4, 0xa4, 0x5d, 0xc7, 0xfc, 0xa3, 0x8b, 0xde, 0xf6, 0x0a, 0xff,
                0xe4,
            ],
        ]
        for (count, bytes) in expected {
            let input = (0..<count).map { UInt8($0) }
            var hash = SipHash(key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
            input.withUnsafeBytes { hash.feed($0) }
            let (low, high) = hash.finish()
            var found: [UInt8] = []
            for word in [low, high] { withUnsafeBytes(of: word.littleEndian) { found += $0 } }
            #expect(found == bytes)
        }
    }

    @Test func piecesMakeTheWhole() {
        let input = (0..<100).map { UInt8($0) }
        var whole = SipHash()
        input.withUnsafeBytes { whole.feed($0) }
        let expected = whole.finish()
        for cut in 0...100 {
            var hash = SipHash()
            input[..<cut].withUnsafeBytes { hash.feed($0) }
            for byte in input[cut...] { hash.feed(byte) }
            #expect(hash.finish() == expected)
        }
    }

    @Test func neighboursAreNotMistaken() {
        func hash(_ parts: [String]) -> IdentityKey {
            var hash = SipHash()
            for part in parts { Array(part.utf8).withUnsafeBytes { hash.feed(part: $0) } }
            return IdentityKey(hash.finish())
        }
        #expect(hash(["ab", "c"]) != hash(["a", "bc"]))
        #expect(hash(["", "abc"]) != hash(["abc", ""]))
        #expect(hash(["ab", "c"]) == hash(["ab", "c"]))
    }
}

@Suite struct PrincipalTests {
    private func read(_ text: String) throws -> PrincipalText {
        try Array(text.utf8).withUnsafeBytes { try PrincipalText(parsing: $0) }
    }

    @Test func everythingIsLent() throws {
        let text = try read(
            #"{"subject":"alice","tenant":"acme","issuer":"https://id","roles":["a","b"],"scopes":["x"],"#
                + #""credential":"k","attributes":{"team":1},"expires_ms":5,"keep_ms":7}"#)
        let principal = Principal(text, provider: 0, name: "jwt")
        let lent = principal.lent.pointee
        #expect(lent.subject.string == "alice")
        #expect(lent.tenant.string == "acme")
        #expect(lent.issuer.string == "https://id")
        #expect(lent.provider.string == "jwt")
        #expect(lent.credential.string == "k")
        #expect(lent.attributes.string == #"{"team":1}"#)
        #expect((0..<Int(lent.role_count)).map { lent.roles[$0].string } == ["a", "b"])
        #expect((0..<Int(lent.scope_count)).map { lent.scopes[$0].string } == ["x"])
        #expect(lent.expires_ms == 5)
        #expect(text.keep == 7)
        #expect(lent.id == principal.id && lent.id != 0)
        #expect(principal.hasScopes(["x"]) && !principal.hasScopes(["x", "y"]))
        #expect((principal.subject, principal.tenant, principal.credential) == ("alice", "acme", "k"))
        #expect(principal.key == text.key && principal.owns(text.key) && principal.showed("k"))
        for other in ["", "alice", text.key + " ", String(text.key.dropLast())] {
            #expect(!principal.owns(other) && !principal.showed(other))
        }
        #expect(principal.expires == 5)
    }

    /// Every length of a part, since each is found by the lengths of the others.
    @Test func partsAreFoundInTheKey() {
        for tenant in ["", "t", String(repeating: "t", count: 10)] {
            for issuer in ["", "i", String(repeating: "é", count: 60)] {
                for subject in ["s", String(repeating: "s", count: 300)] {
                    var text = PrincipalText()
                    (text.tenant, text.issuer, text.subject) = (tenant, issuer, subject)
                    let lent = Principal(text, provider: 3, name: "p").lent.pointee
                    #expect(lent.tenant.string == tenant && lent.issuer.string == issuer)
                    #expect(lent.subject.string == subject && lent.key.string == text.key)
                }
            }
        }
        // Nobody in particular of a tenant, and nobody at all.
        var text = PrincipalText()
        text.tenant = "acme"
        let anyone = Principal(text, provider: -1, name: "")
        #expect(anyone.isAnonymous && !anyone.isNobody && anyone.owns(text.key) && anyone.tenant == "acme")
        text = PrincipalText()
        text.issuer = "https://id"
        let nobody = Principal(text, provider: -1, name: "")
        #expect(nobody.isNobody && nobody.key.isEmpty && nobody.owns(""))
        #expect(nobody.lent.pointee.issuer.string == "https://id")
    }

    @Test func whatWasShownIsKept() {
        var text = PrincipalText()
        (text.subject, text.attributes) = ("s", #"{"a":1}"#)
        let principal = Principal(text, provider: 0, name: "p", presented: Array("token".utf8))
        #expect(principal.presented.elementsEqual("token".utf8))
        #expect(principal.lent.pointee.attributes.string == #"{"a":1}"#)
        #expect(Principal(text, provider: 0, name: "p").presented.isEmpty)
    }

    @Test func equalNamesAreKeptOnce() {
        func names(_ provider: String, _ roles: [String], _ scopes: [String]) -> PrincipalNames {
            .find(provider: provider, roles: roles, scopes: scopes)
        }
        let first = names("once", ["a", "b"], ["c"])
        let same = names("once", ["a", "b"], ["c"])
        let others = [
            names("once", ["a"], ["b", "c"]), names("once", ["b", "a"], ["c"]),
            names("twice", ["a", "b"], ["c"]),
            names("once", ["ab"], ["c"]), names("once", [], []),
        ]
        #expect(first === same && others.allSatisfy { $0 !== first })
        #expect(first.roles.map(\.string) == ["a", "b"] && first.scopes.map(\.string) == ["c"])
        first.giveBack()
        let third = names("once", ["a", "b"], ["c"])
        #expect(third === same, "somebody still holds them")
        same.giveBack()
        third.giveBack()
        #expect(names("once", ["a", "b"], ["c"]) !== first, "nobody did")
        for names in others { names.giveBack() }
    }

    @Test func nobodyIsNobody() {
        let lent = Principal.nobody.lent.pointee
        #expect(Principal.nobody.isNobody && lent.id == 0)
        #expect(lent.subject.len == 0 && lent.key.len == 0)
        #expect(lent.attributes.string == "{}")
    }

    /// No two principals share a key, however their names are put together.
    @Test func keysAreApart() {
        var keys: Set<String> = []
        let parts = ["", "a", "1:a", "a1", "1:", "0:", "b", "ab"]
        for tenant in parts {
            for issuer in parts {
                for subject in parts where !subject.isEmpty {
                    var text = PrincipalText()
                    (text.tenant, text.issuer, text.subject) = (tenant, issuer, subject)
                    #expect(keys.insert(text.key).inserted)
                }
            }
        }
    }

    @Test(
        arguments: [
            "", "[]", "{}", #"{"subject":""}"#, #"{"subject":1}"#, #"{"subject":"a","roles":"x"}"#,
            #"{"subject":"a","roles":[1]}"#, #"{"subject":"a","expires_ms":-1}"#,
            #"{"subject":"a","expires_ms":"1"}"#, #"{"subject":"a","attributes":[]}"#, #"{"subject":"a""#,
        ])
    func badAnswersNameNobody(_ text: String) {
        #expect(throws: PrincipalProblem.self) { try read(text) }
    }

    @Test func hugeAnswersNameNobody() {
        let long = String(repeating: "x", count: PrincipalText.mostBytes)
        #expect(throws: PrincipalProblem.self) { try read(#"{"subject":"\#(long)"}"#) }
        let many = Array(repeating: "\"r\"", count: PrincipalText.mostNames + 1).joined(separator: ",")
        #expect(throws: PrincipalProblem.self) { try read(#"{"subject":"a","roles":[\#(many)]}"#) }
    }
}

@Suite struct ChallengeTests {
    @Test func wordsOfTheSpecification() {
        let plain = Challenge(status: JF_STATUS_UNAUTHORIZED, error: nil, text: "x", scopes: ["a", "b"])
        #expect(
            plain.value(metadata: "https://g/.well-known/x")
                == #"Bearer resource_metadata="https://g/.well-known/x", scope="a b""#)
        let wrong = Challenge(
            status: JF_STATUS_UNAUTHORIZED, error: "invalid_token", text: "it \"ended\"\r\n")
        #expect(
            wrong.value(metadata: nil)
                == #"Bearer error="invalid_token", error_description="it 'ended'??""#)
        #expect(
            Challenge(status: JF_STATUS_UNAUTHORIZED, error: nil, text: "").value(metadata: nil) == "Bearer")
    }

    @Test(
        arguments: [
            ("localhost:8808", "http://localhost:8808"), ("127.0.0.1", "http://127.0.0.1"),
            ("[::1]:80", "http://[::1]:80"), ("evil.example", "http://own"), ("localhost.evil", "http://own"),
            ("127.0.0.1.evil:80", "http://own"), ("localhost:80@evil", "http://own"), ("", "http://own"),
        ])
    func theClientDoesNotChooseItsAudience(_ host: String, _ expected: String) {
        let found = Array(host.utf8).withUnsafeBytes { Origin.of($0, isSecure: false, "http://own") }
        #expect(found == expected)
    }

    @Test(
        arguments: [
            ("https://a.example/x?y=1", true), ("http://127.0.0.1:80/x", true), ("http://localhost", true),
            ("http://a.example/", false), ("javascript:alert(1)", false), ("data:text/html,x", false),
            ("file:///etc/passwd", false), ("https://a b", false), ("http://127.0.0.1.evil/", false),
            ("http://localhost@evil/", false), ("HTTPS://a", false), ("", false),
        ])
    func onlySafeURLsAreShown(_ url: String, _ isSafe: Bool) { #expect(Connect.isSafe(url) == isSafe) }
}
