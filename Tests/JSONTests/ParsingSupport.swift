// SPDX-License-Identifier: Apache-2.0
// What the JSON tests share: parsing bytes with given padding.

import JSON

/// Parses a copy of `bytes` that is followed by `padding`, repeated to the promised length.
func parsing<Value>(
    _ bytes: [UInt8], with parser: JSONParser = JSONParser(), recordDepth: Int = 255,
    padding: [UInt8] = [0], _ body: (JSONDocument) throws -> Value
) throws -> Value {
    var copy = bytes
    for at in 0..<JSONParser.padding { copy.append(padding[at % padding.count]) }
    return try copy.withUnsafeBytes { all in
        try body(
            parser.parse(UnsafeRawBufferPointer(rebasing: all[..<bytes.count]), recordDepth: recordDepth))
    }
}

/// The error that parsing `bytes` gives, or nil.
func parseError(
    _ bytes: [UInt8], with parser: JSONParser = JSONParser(), padding: [UInt8] = [0]
) -> JSONError? {
    do {
        try parsing(bytes, with: parser, padding: padding) { _ in }
        return nil
    } catch {
        return error as? JSONError
    }
}

func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }

/// A small generator with a fixed seed, so that failures repeat (SplitMix64).
struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

let sampleMessage = #"""
    {"jsonrpc":"2.0","id":42,"method":"tools/call","params":{"name":"search","arguments":{"q":"a\"b\\\u00e9",
    "n":[1,-2.5e+3,true,false,null,{},[]],"deep":[[{"x":{"y":[0]}}]]},"_meta":{"progressToken":"ünï😀"}}}
    """#
