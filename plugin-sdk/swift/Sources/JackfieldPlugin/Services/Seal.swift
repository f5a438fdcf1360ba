// SPDX-License-Identifier: Apache-2.0
// Sealed text (jf.seal/1, offered by another plugin): state in the hands of a client.

import CJackfield

/// Seals data into text that a client keeps and gives back, which it can neither read nor change. It knows no
/// "once" and no "until": put a number or a time into the data.
public struct Seal: Sendable {
    /// The most bytes that can be sealed.
    public static let limit = Int(JF_SEAL_MOST)

    private let gate: PluginLock<jf_seal_1?>

    fileprivate init(_ gate: PluginLock<jf_seal_1?>) { self.gate = gate }

    /// Seals data for `bound`, text that is not stored and must be the same again to open it: the principal,
    /// for example. The result is base64url, safe in JSON, URLs and headers, and new each time. [any]
    /// - Throws: ``PluginError/Code/invalid`` when it is too long; ``PluginError/Code/gone`` after the plugin
    ///   has stopped; ``PluginError/Code/fault`` without a cryptographic library, randomness or memory.
    public func seal(_ plain: [UInt8], for bound: String = "") throws -> String {
        var sealed = try run(plain, bound) { $0.seal($0.context, $1, $2, $3, $4) }
        return sealed.takeText()
    }

    /// Opens what ``seal(_:for:)`` gave. [any]
    /// - Throws: ``PluginError/Code/invalid``, without saying why, for text that is forged, changed, for
    ///   other `bound` text or sealed by a key that is gone; the rest as for sealing.
    public func open(_ sealed: String, for bound: String = "") throws -> [UInt8] {
        var plain = try run(Array(sealed.utf8), bound) { $0.open($0.context, $1, $2, $3, $4) }
        return plain.takeBytes()
    }

    private func run(
        _ input: [UInt8], _ bound: String,
        _ slot: (jf_seal_1, jf_view, jf_view, UnsafeMutablePointer<jf_blob>, UnsafeMutablePointer<jf_fault>)
            -> Int32
    ) throws -> jf_blob {
        var blob = jf_blob.none
        var fault = jf_fault.empty()
        let status: Int32? = input.withUnsafeBufferPointer { input in
            withView(bound) { bound in
                gate.withLock { table in
                    table.map { slot($0, jf_view(input), bound, &blob, &fault) }
                }
            }
        }
        guard let status else { throw PluginError.gone("the plugin has stopped") }
        guard status == JF_OK else { throw PluginError(status, fault, "sealing failed") }
        return blob
    }
}

extension Host {
    /// What seals text; nil: no plugin offers `jf.seal/1`, or the manifest does not list it. Ask on the lane,
    /// use it anywhere. [lane]
    public var seal: Seal? { services.openSealGate().map { Seal($0) } }
}
