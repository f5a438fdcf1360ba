// SPDX-License-Identifier: Apache-2.0
// The key of an audit log, and the service that signs with it.

import CJackfield
import CLinux
import Glibc

/// `jf.signing/1` of a plugin. Its slots may be called on any thread (`@unchecked Sendable`).
public struct SigningService: @unchecked Sendable {
    private let context: UnsafeMutableRawPointer?
    private let makePublic: PublicKeySlot
    private let makeSignature: SignSlot
    private let check: VerifySlot

    private typealias Fault = UnsafeMutablePointer<jf_fault>?
    private typealias PublicKeySlot =
        @convention(c) (UnsafeMutableRawPointer?, jf_view, UnsafeMutablePointer<UInt8>?, Fault) -> Int32
    private typealias SignSlot =
        @convention(c) (UnsafeMutableRawPointer?, jf_view, jf_view, UnsafeMutablePointer<UInt8>?, Fault) ->
        Int32
    private typealias VerifySlot =
        @convention(c) (UnsafeMutableRawPointer?, jf_view, jf_view, jf_view, Fault) -> Int32

    /// Nil: the table lacks something.
    init?(_ table: UnsafeRawPointer) {
        let table = attach(table, as: jf_signing_1.self, empty: jf_signing_1())
        guard let sign = table.sign, let verify = table.verify, let key = table.public_key else { return nil }
        context = table.context
        makePublic = key
        makeSignature = sign
        check = verify
    }

    func publicKey(of secret: [UInt8]) throws(AuditProblem) -> [UInt8] {
        var key = [UInt8](repeating: 0, count: Int(JF_SIGNING_KEY))
        var fault = jf_fault.empty()
        let status = secret.withUnsafeBytes { makePublic(context, jf_view($0), &key, &fault) }
        guard status == JF_OK else { throw AuditProblem(fault.message) }
        return key
    }

    func sign(_ message: UnsafeRawBufferPointer, with secret: [UInt8]) -> [UInt8]? {
        var signature = [UInt8](repeating: 0, count: Int(JF_SIGNING_SIGNATURE))
        var fault = jf_fault.empty()
        let status = secret.withUnsafeBytes {
            makeSignature(context, jf_view($0), jf_view(message), &signature, &fault)
        }
        return status == JF_OK ? signature : nil
    }

    /// Nil: it fits; else why not.
    func objection(to signature: [UInt8], of message: UnsafeRawBufferPointer, by key: [UInt8]) -> String? {
        var fault = jf_fault.empty()
        let status = key.withUnsafeBytes { key in
            signature.withUnsafeBytes {
                check(context, jf_view(key), jf_view(message), jf_view($0), &fault)
            }
        }
        return status == JF_OK ? nil : fault.message
    }
}

/// Signs for one audit log.
struct AuditSigner: Sendable {
    let service: SigningService
    let secret: [UInt8]
    let key: AuditKey

    /// Takes the key of the state directory, or makes one there: `audit.key` for the owner alone, `audit.pub` beside it.
    init(_ service: SigningService, in state: String) throws(AuditProblem) {
        self.service = service
        let path = state + "/" + AuditKey.secretName
        if let bytes = readFile(path, limit: 4096) {
            guard let secret = AuditKey.secret(inPEM: bytes) else {
                throw AuditProblem("\(path) is no Ed25519 key in PEM; to begin with a new one, move it away")
            }
            self.secret = secret
        } else {
            if access(path, F_OK) == 0 {
                throw AuditProblem("cannot read \(path): \(errorText(jf_errno()))")
            }
            var secret = [UInt8](repeating: 0, count: Int(JF_SIGNING_KEY))
            guard getrandom(&secret, secret.count, 0) == secret.count else {
                throw AuditProblem("there is no randomness for a key: \(errorText(jf_errno()))")
            }
            self.secret = secret
            if let failure = makeDirectories(state) { throw AuditProblem("cannot create \(failure)") }
            let pem = AuditKey.pem("PRIVATE KEY", AuditKey.secretPrefix + secret)
            if let problem = pem.withUnsafeBytes({ replaceFile(path, with: $0, mode: 0o600, durable: true) })
            {
                throw AuditProblem(problem)
            }
        }
        key = AuditKey(bytes: try service.publicKey(of: secret))
        let shown = AuditKey.pem("PUBLIC KEY", AuditKey.publicPrefix + key.bytes)
        let place = state + "/" + AuditKey.publicName
        if readFile(place, limit: 4096) != shown,
            let problem = shown.withUnsafeBytes({ replaceFile(place, with: $0, mode: 0o644, durable: true) })
        {
            throw AuditProblem(problem)
        }
    }

    func sign(_ message: UnsafeRawBufferPointer) -> [UInt8]? { service.sign(message, with: secret) }
}

/// A public key of Ed25519, and the files that keys lie in (RFC 8410, RFC 7468): any OpenSSL reads them.
public struct AuditKey: Sendable, Equatable {
    public static let secretName = "audit.key"
    public static let publicName = "audit.pub"
    let bytes: [UInt8]

    /// The beginning of the key's digest: which key a signature is of.
    public var id: String { String(bytes.withUnsafeBytes { SHA256.digest(of: $0) }.hex.prefix(16)) }

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// Reads `audit.pub`, or a secret key's file. Nil: it holds no public key of Ed25519.
    public init?(pem: [UInt8]) {
        guard let der = AuditKey.der(inPEM: pem, "PUBLIC KEY"), der.count == 44,
            der.starts(with: AuditKey.publicPrefix)
        else { return nil }
        bytes = Array(der.dropFirst(12))
    }

    /// What stands before the 32 bytes in PKCS #8 and in SubjectPublicKeyInfo (RFC 8410, sections 4 and 7).
    static let secretPrefix: [UInt8] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32]
    static let publicPrefix: [UInt8] = [48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0]

    static func secret(inPEM pem: [UInt8]) -> [UInt8]? {
        guard let der = der(inPEM: pem, "PRIVATE KEY"), der.count == 48, der.starts(with: secretPrefix) else {
            return nil
        }
        return Array(der.dropFirst(16))
    }

    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func pem(_ label: String, _ der: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        for start in stride(from: 0, to: der.count, by: 3) {
            let part = der[start..<min(start + 3, der.count)]
            var bits: UInt32 = 0
            for index in 0..<3 { bits = bits << 8 | (index < part.count ? UInt32(part[start + index]) : 0) }
            for index in 0..<4 {
                text.append(
                    index <= part.count
                        ? alphabet[Int(bits >> UInt32(18 - 6 * index)) & 63] : UInt8(ascii: "="))
            }
        }
        return Array("-----BEGIN \(label)-----\n".utf8) + text + Array("\n-----END \(label)-----\n".utf8)
    }

    private static func der(inPEM pem: [UInt8], _ label: String) -> [UInt8]? {
        let lines = pem.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
        guard let first = lines.firstIndex(of: "-----BEGIN \(label)-----"),
            let last = lines.firstIndex(of: "-----END \(label)-----"), first < last
        else { return nil }
        var bytes: [UInt8] = []
        var (bits, count): (UInt32, UInt32) = (0, 0)
        for digit in lines[(first + 1)..<last].joined().utf8 where digit != UInt8(ascii: "=") {
            guard let value = alphabet.firstIndex(of: digit) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return bytes
    }
}

extension SigningService {
    /// For `AuditVerification`: nil, or why a signature does not fit.
    public func judge(_ key: AuditKey, _ message: UnsafeRawBufferPointer, _ signature: [UInt8]) -> String? {
        objection(to: signature, of: message, by: key.bytes)
    }
}
