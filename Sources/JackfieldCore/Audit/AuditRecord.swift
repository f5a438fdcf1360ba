// SPDX-License-Identifier: Apache-2.0
// A record on its way from an event loop to the writer: a fixed head and texts behind it, in one run of bytes.

import CJackfield

/// What a record is about.
enum AuditKind: UInt8 {
    case call = 1, list, denial, change

    var text: StaticString {
        switch self {
        case .call: "call"
        case .list: "list"
        case .denial: "denial"
        case .change: "change"
        }
    }
}

/// How what a record is about ended.
enum AuditOutcome: UInt8 {
    /// Nobody was told anything: whoever asked had gone, or asks again with answers.
    case open = 0
    case ok, toolError, refused, failed, cancelled, denied

    var text: StaticString {
        switch self {
        case .open: "open"
        case .ok: "ok"
        case .toolError: "tool_error"
        case .refused: "error"
        case .failed: "failed"
        case .cancelled: "cancelled"
        case .denied: "denied"
        }
    }
}

/// Why something was denied.
enum AuditReason: UInt8 {
    case none = 0
    case identity, policy, filter, limit, quarantine, overload, unknown, approval, audit

    var text: StaticString {
        switch self {
        case .none: ""
        case .identity: "identity"
        case .policy: "policy"
        case .filter: "filter"
        case .limit: "limit"
        case .quarantine: "quarantine"
        case .overload: "overload"
        case .unknown: "unknown"
        case .approval: "approval"
        case .audit: "audit"
        }
    }
}

/// What a text in a record is.
enum AuditField: UInt8 {
    case method = 1, tool, server, name, client, principal, subject, tenant, issuer, provider, credential,
        trace
    case rule, text, arguments, action, user, details
}

/// The numbers of a record. Trivial: copied into and out of bytes.
struct AuditHead {
    /// Bytes of the record, head included.
    var length: UInt32 = 0
    var kind: UInt8 = 0
    var outcome: UInt8 = 0
    var reason: UInt8 = 0
    var isPlugin: UInt8 = 0
    /// JSON-RPC's code of an error; 0: none.
    var code: Int32 = 0
    var unused: Int32 = 0
    /// Nanoseconds of Unix time.
    var time: UInt64 = 0
    /// Nanoseconds.
    var latency: UInt64 = 0
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0
    /// Millionths of the operator's unit.
    var cost: UInt64 = 0
}

/// A record that is being put together; its memory is used again.
struct AuditDraft {
    static let headSize = MemoryLayout<AuditHead>.size
    /// Texts of clients are cut here; arguments are not.
    static let longest = 512

    private(set) var bytes: [UInt8] = []
    var head = AuditHead()

    var isEmpty: Bool { bytes.isEmpty }

    mutating func begin(_ kind: AuditKind, time: UInt64) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: Self.room)
        head = AuditHead()
        head.kind = kind.rawValue
        head.time = time
    }

    mutating func add(_ field: AuditField, _ text: UnsafeRawBufferPointer, most: Int = longest) {
        guard text.count > 0 else { return }
        let count = min(text.count, most)
        bytes.append(field.rawValue)
        var length = UInt32(count)
        withUnsafeBytes(of: &length) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[..<count]))
    }

    mutating func add(_ field: AuditField, _ text: String, most: Int = longest) {
        var text = text
        text.withUTF8 { add(field, UnsafeRawBufferPointer($0), most: most) }
    }

    mutating func add(_ caller: Principal) {
        guard !caller.isNobody else { return }
        let lent = caller.lent.pointee
        add(.principal, lent.key.bytes)
        add(.subject, lent.subject.bytes)
        add(.tenant, lent.tenant.bytes)
        add(.issuer, lent.issuer.bytes)
        add(.provider, lent.provider.bytes)
        add(.credential, lent.credential.bytes)
    }

    /// Puts the numbers in their place: the record is whole.
    mutating func end() {
        head.length = UInt32(bytes.count)
        let head = head
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: head, as: AuditHead.self) }
    }

    /// As new; memory beyond what most calls need is given back.
    mutating func recycle() {
        if bytes.capacity > 64 << 10 { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
    }

    private static let room = [UInt8](repeating: 0, count: headSize)
}

/// A record as the writer reads it; valid while its bytes are.
struct AuditReading {
    let head: AuditHead
    private var texts = [19 of UnsafeRawBufferPointer?](repeating: nil)

    /// - Parameter bytes: begins with a whole record.
    init(_ bytes: UnsafeRawBufferPointer) {
        head = bytes.loadUnaligned(as: AuditHead.self)
        var at = AuditDraft.headSize
        let end = Int(head.length)
        while at < end {
            let field = Int(bytes[at])
            let length = Int(bytes.loadUnaligned(fromByteOffset: at + 1, as: UInt32.self))
            texts[field] = UnsafeRawBufferPointer(rebasing: bytes[(at + 5)..<(at + 5 + length)])
            at += 5 + length
        }
    }

    subscript(field: AuditField) -> UnsafeRawBufferPointer? { texts[Int(field.rawValue)] }

    func string(_ field: AuditField) -> String {
        self[field].map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
