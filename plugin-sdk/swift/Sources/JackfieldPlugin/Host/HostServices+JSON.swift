// SPDX-License-Identifier: Apache-2.0
// Reading JSON and secrets through the host. [any]

import CJackfield

extension HostServices {
    /// The value at a JSON Pointer, as a range of `document`; nil: none, or not JSON.
    func find(_ document: UnsafeBufferPointer<UInt8>, _ pointer: String) -> (range: Range<Int>, kind: UInt32)?
    {
        let whole = jf_view(document)
        var value = jf_view.absent
        var kind: UInt32 = 0
        let isFound = withView(pointer) { pointer in
            succeeds { config.find(config.context, whole, pointer, &value, &kind) }
        }
        guard isFound, let range = whole.range(of: value) else { return nil }
        return (range, kind)
    }

    func text(_ value: UnsafeBufferPointer<UInt8>) -> String? {
        var blob = jf_blob.none
        guard succeeds({ config.text(config.context, jf_view(value), &blob) }) else { return nil }
        return blob.takeText()
    }

    func integer(_ value: UnsafeBufferPointer<UInt8>) -> Int? {
        var number: Int64 = 0
        return succeeds { config.integer(config.context, jf_view(value), &number) } ? Int(number) : nil
    }

    func real(_ value: UnsafeBufferPointer<UInt8>) -> Double? {
        var number = 0.0
        return succeeds { config.real(config.context, jf_view(value), &number) } ? number : nil
    }

    func secret(_ name: String) -> String? {
        guard let secret = config.secret else { return nil }
        var blob = jf_blob.none
        let isFound = withView(name) { name in succeeds { secret(config.context, name, &blob) } }
        return isFound ? blob.takeText() : nil
    }
}
