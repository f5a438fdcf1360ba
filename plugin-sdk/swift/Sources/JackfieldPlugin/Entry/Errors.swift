// SPDX-License-Identifier: Apache-2.0
// Errors that plugins throw, and what the client sees of them.

import CJackfield

/// The client sent wrong arguments: invalid params, with this text for the client to read.
public struct ToolArgumentError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// The tool could not do its job, which is an answer (`isError`) that the model reads and can act on: "no
/// such city", "the service says …". Outside of tools: an internal error with this text.
public struct ToolFailure: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// Every other way to fail. An error type of your own is as good as ``fault(_:)``.
public struct PluginError: Error, CustomStringConvertible {
    public let description: String
    let status: Int
    var isPublic = false
    var retryAfter = Duration.zero

    /// A defect or an unexpected failure.
    public static func fault(_ text: String) -> PluginError { PluginError(text, Int(JF_E_FAULT)) }
    /// A limit was reached.
    public static func busy(_ text: String, retryAfter: Duration = .zero) -> PluginError {
        var error = PluginError(text, Int(JF_E_BUSY))
        error.retryAfter = retryAfter
        return error
    }
    /// Not allowed.
    public static func denied(_ text: String) -> PluginError { PluginError(text, Int(JF_E_DENIED)) }
    /// It took too long.
    public static func timedOut(_ text: String) -> PluginError { PluginError(text, Int(JF_E_TIMEOUT)) }
    /// What the plugin works with went away.
    public static func gone(_ text: String) -> PluginError { PluginError(text, Int(JF_E_GONE)) }

    /// The same error with its text shown to the client; without this it goes to the gateway's log only.
    public var shownToClient: PluginError {
        var error = self
        error.isPublic = true
        return error
    }

    private init(_ description: String, _ status: Int) {
        self.description = description
        self.status = status
    }
}

extension jf_fault {
    static func empty() -> jf_fault {
        var fault = jf_fault()
        fault.size = UInt32(MemoryLayout<jf_fault>.size)
        return fault
    }

    /// Fills in what happened; a text that is too long is cut between characters.
    mutating func set(_ status: Int32, _ text: String, isPublic: Bool = false, retryAfter: Duration = .zero) {
        code = status
        flags = isPublic ? UInt32(JF_FAULT_PUBLIC) : 0
        retry_ms = UInt32(clamping: retryAfter.nanoseconds / 1_000_000)
        let count = withUnsafeMutableBytes(of: &self.text) { room in
            var utf8 = text.utf8[...]
            while utf8.count > room.count { utf8 = Substring(utf8).dropLast().utf8 }
            room.copyBytes(from: utf8)
            return utf8.count
        }
        text_len = UInt32(count)
    }
}

/// How one request ended, in the ABI's words.
enum Outcome {
    case result([UInt8])
    /// Status, text, whether the client may read it, and when to try again.
    case fault(Int32, String, isPublic: Bool = false, retryAfter: Duration = .zero)

    init<Result: Answer>(_ result: Result) {
        var writer = JSONWriter()
        result.encode(into: &writer)
        self = .result(writer.bytes)
    }

    /// What an error means for a request that is answered with `Result`.
    init<Result: Answer>(_ error: any Error, for: Result.Type) {
        switch error {
        case let error as ToolArgumentError:
            self = .fault(Int32(JF_E_INVALID), error.description, isPublic: true)
        case let error as ToolFailure:
            if let result = Result.failure(error.description) {
                self.init(result)
            } else {
                self = .fault(Int32(JF_E_FAULT), error.description, isPublic: true)
            }
        case let error as PluginError:
            self = .fault(
                Int32(error.status), error.description, isPublic: error.isPublic, retryAfter: error.retryAfter
            )
        default: self = .fault(Int32(JF_E_FAULT), "\(error)")
        }
    }

    /// Writes the out-parameters of a slot and returns its status.
    func fill(_ blob: inout jf_blob, _ fault: inout jf_fault) -> Int32 {
        switch self {
        case .result(let bytes):
            blob = .copying(bytes)
            return Int32(JF_OK)
        case .fault(let status, let text, let isPublic, let retryAfter):
            fault.set(status, text, isPublic: isPublic, retryAfter: retryAfter)
            return status
        }
    }
}
