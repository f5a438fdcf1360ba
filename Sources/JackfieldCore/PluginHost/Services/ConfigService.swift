// SPDX-License-Identifier: Apache-2.0
// jf.config/1 for one instance: JSON for plugins that bring no JSON library. Control plane: each call scans anew.

import CJackfield
import Glibc
import JSON

func configService(_ context: UnsafeMutableRawPointer) -> jf_config_1 {
    jf_config_1(
        size: UInt32(MemoryLayout<jf_config_1>.size), flags: 0, context: context, find: configFind,
        next: configNext,
        text: configText, integer: configInteger, real: configReal, quote: configQuote, secret: configSecret)
}

private func kindCode(_ kind: JSONKind) -> UInt32 {
    switch kind {
    case .null: UInt32(JF_JSON_NULL)
    case .bool: UInt32(JF_JSON_BOOL)
    case .number: UInt32(JF_JSON_NUMBER)
    case .string: UInt32(JF_JSON_STRING)
    case .array: UInt32(JF_JSON_ARRAY)
    case .object: UInt32(JF_JSON_OBJECT)
    }
}

/// The part of the caller's own bytes that a node of our padded copy stands for.
private func view(of node: JSONNode, in document: jf_view) -> jf_view {
    jf_view(ptr: document.ptr.map { $0 + node.range.lowerBound }, len: UInt64(node.range.count))
}

private func configFind(
    _ context: UnsafeMutableRawPointer?, _ document: jf_view, _ pointer: jf_view,
    _ value: UnsafeMutablePointer<jf_view>?, _ kind: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    guard let text = try? JSONText(copying: document.bytes) else { return Int32(JF_E_INVALID) }
    guard let path = JSONPointer(pointer.string) else { return Int32(JF_E_INVALID) }
    return text.withRoot { root in
        guard let found = path.find(in: root) else {
            value?.pointee = .absent
            return Int32(JF_ABSENT)
        }
        value?.pointee = view(of: found, in: document)
        kind?.pointee = kindCode(found.kind)
        return Int32(JF_OK)
    }
}

private func configNext(
    _ context: UnsafeMutableRawPointer?, _ container: jf_view, _ cursor: UnsafeMutablePointer<UInt64>?,
    _ key: UnsafeMutablePointer<jf_view>?, _ value: UnsafeMutablePointer<jf_view>?,
    _ kind: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    guard let cursor, let text = try? JSONText(copying: container.bytes) else { return Int32(JF_E_INVALID) }
    let wanted = Int(clamping: cursor.pointee)
    return text.withRoot { root in
        var at = 0
        switch root.kind {
        case .object:
            for member in root.members {
                if at == wanted {
                    key?.pointee = jf_view(
                        ptr: container.ptr.map { $0 + member.keyRange.lowerBound },
                        len: UInt64(member.keyRange.count))
                    value?.pointee = view(of: member.value, in: container)
                    kind?.pointee = kindCode(member.value.kind)
                    cursor.pointee += 1
                    return Int32(JF_OK)
                }
                at += 1
            }
        case .array:
            for element in root.elements {
                if at == wanted {
                    key?.pointee = .absent
                    value?.pointee = view(of: element, in: container)
                    kind?.pointee = kindCode(element.kind)
                    cursor.pointee += 1
                    return Int32(JF_OK)
                }
                at += 1
            }
        default: return Int32(JF_E_INVALID)
        }
        key?.pointee = .absent
        value?.pointee = .absent
        return Int32(JF_ABSENT)
    }
}

private func configText(
    _ context: UnsafeMutableRawPointer?, _ value: jf_view, _ out: UnsafeMutablePointer<jf_blob>?
) -> Int32 {
    guard let text = try? JSONText(copying: value.bytes), let string = text.withRoot({ $0.string() }) else {
        return Int32(JF_E_INVALID)
    }
    var utf8 = string
    out?.pointee = utf8.withUTF8 { .copying(UnsafeRawBufferPointer($0)) }
    return Int32(JF_OK)
}

private func configInteger(
    _ context: UnsafeMutableRawPointer?, _ value: jf_view, _ out: UnsafeMutablePointer<Int64>?
) -> Int32 {
    guard let text = try? JSONText(copying: value.bytes), let number = text.withRoot({ $0.int64 }) else {
        return Int32(JF_E_INVALID)
    }
    out?.pointee = number
    return Int32(JF_OK)
}

private func configReal(
    _ context: UnsafeMutableRawPointer?, _ value: jf_view, _ out: UnsafeMutablePointer<Double>?
) -> Int32 {
    guard let text = try? JSONText(copying: value.bytes), let number = text.withRoot({ $0.double }) else {
        return Int32(JF_E_INVALID)
    }
    out?.pointee = number
    return Int32(JF_OK)
}

private func configQuote(
    _ context: UnsafeMutableRawPointer?, _ text: jf_view, _ out: UnsafeMutablePointer<jf_blob>?
) -> Int32 {
    let quoted = JSONWriter.quoted(text.string)
    out?.pointee = quoted.withUnsafeBytes { .copying($0) }
    return Int32(JF_OK)
}

/// Secrets reach a plugin inside its configuration, where `${env:…}` and `${file:…}` were resolved; no named ones
/// exist yet.
private func configSecret(
    _ context: UnsafeMutableRawPointer?, _ name: jf_view, _ out: UnsafeMutablePointer<jf_blob>?
) -> Int32 {
    Int32(JF_ABSENT)
}
