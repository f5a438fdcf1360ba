// SPDX-License-Identifier: Apache-2.0
// Our own task ids: sealed, so that nobody can guess or make one, and bound to whom they were given.

import JSON
import MCP

/// What a task id of ours stands for.
enum TaskId {
    /// A task that the gateway keeps, by its handle; good for one process.
    case kept(instance: UInt64, handle: UInt64)
    /// A task of a modern server, which keeps it: good as long as the server and the sealing key live. `tool` is the
    /// server's own name of what was called at `path`, so that policies can be asked about it again.
    case server(name: String, endpoint: Int, id: String, tool: String, path: String)

    var bytes: [UInt8] {
        var out: [UInt8] = []
        func put<I: FixedWidthInteger>(_ value: I) {
            withUnsafeBytes(of: value.littleEndian) { out.append(contentsOf: $0) }
        }
        switch self {
        case .kept(let instance, let handle):
            out.append(1)
            put(instance)
            put(handle)
        case .server(let name, let endpoint, let id, let tool, let path):
            out.append(3)
            put(UInt16(clamping: endpoint))
            for text in [name, tool, path] {
                put(UInt32(clamping: text.utf8.count))
                out.append(contentsOf: text.utf8)
            }
            out.append(contentsOf: id.utf8)
        }
        return out
    }

    init?(_ bytes: [UInt8]) {
        func take<I: FixedWidthInteger>(_ at: Int) -> I? {
            guard at + I.bitWidth / 8 <= bytes.count else { return nil }
            return bytes.withUnsafeBytes { I(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: I.self)) }
        }
        switch bytes.first {
        case 1:
            guard bytes.count == 17, let instance: UInt64 = take(1), let handle: UInt64 = take(9) else {
                return nil
            }
            self = .kept(instance: instance, handle: handle)
        case 3:
            guard let endpoint: UInt16 = take(1) else { return nil }
            var at = 3
            func text() -> String? {
                guard let length: UInt32 = take(at), bytes.count - at - 4 >= Int(length) else { return nil }
                let start = at + 4
                at = start + Int(length)
                return String(decoding: bytes[start..<at], as: UTF8.self)
            }
            guard let name = text(), let tool = text(), let path = text(), at < bytes.count else {
                return nil
            }
            let id = String(decoding: bytes[at...], as: UTF8.self)
            self = .server(name: name, endpoint: Int(endpoint), id: id, tool: tool, path: path)
        default: return nil
        }
    }
}

extension Lane {
    /// The id under which a client knows a task; nil when nothing can be sealed.
    func sealTask(_ id: TaskId, for principal: String) -> String? {
        // Another domain than request states: neither is good as the other.
        seal(id.bytes, for: "task:" + principal).map { String(decoding: $0, as: UTF8.self) }
    }

    func openTask(_ text: String, for principal: String) -> TaskId? {
        var text = text
        let plain = text.withUTF8 { open(sealed: UnsafeRawBufferPointer($0), for: "task:" + principal) }
        return plain.flatMap { TaskId($0) }
    }
}
