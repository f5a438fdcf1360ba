// SPDX-License-Identifier: Apache-2.0
// Errors that plugins throw and get, and what the client sees of them.

import CJackfield

/// The client sent wrong arguments: invalid params, with this text for the client to read.
public struct ToolArgumentError: Error, CustomStringConvertible {
    /// One sentence for the client.
    public let description: String

    /// - Parameter description: what is wrong, and what would be right.
    public init(_ description: String) { self.description = description }
}

/// The tool could not do its job, which is an answer (`isError`) that the model reads and can act on: "no
/// such city", "the service says …". Outside of tools: an internal error with this text.
public struct ToolFailure: Error, CustomStringConvertible {
    /// One sentence for the model.
    public let description: String

    /// - Parameter description: what went wrong, and what to try instead.
    public init(_ description: String) { self.description = description }
}

/// Every other way to fail, and what host services throw. An error type of your own is as good as
/// ``fault(_:)``.
public struct PluginError: Error, CustomStringConvertible {
    /// What kind of failure it is: one of the ABI's statuses below zero.
    public struct Code: Sendable, Hashable {
        let status: Int32

        init(_ status: Int) { self.status = Int32(truncatingIfNeeded: status) }
        init(status: Int32) { self.status = status }

        /// Bad input.
        public static let invalid = Code(JF_E_INVALID)
        /// No such capability, id or kind.
        public static let unsupported = Code(JF_E_UNSUPPORTED)
        /// What a handle named is gone.
        public static let stale = Code(JF_E_STALE)
        /// A limit was reached.
        public static let busy = Code(JF_E_BUSY)
        /// Not allowed.
        public static let denied = Code(JF_E_DENIED)
        /// The deadline passed.
        public static let timedOut = Code(JF_E_TIMEOUT)
        /// The peer, process or instance went away.
        public static let gone = Code(JF_E_GONE)
        /// A defect or an unexpected failure.
        public static let fault = Code(JF_E_FAULT)
    }

    /// One sentence: what happened, where, what to do.
    public let description: String
    /// What kind of failure it is.
    public let code: Code
    /// Whether the client may read the text; otherwise it goes to the gateway's log only.
    public private(set) var isPublic = false
    /// Whether the work provably did not begin, so that the gateway may try another endpoint.
    public private(set) var isNotStarted = false
    /// When to try again; zero: unknown.
    public private(set) var retryAfter = Duration.zero

    /// A failure of any kind.
    public init(_ code: Code, _ description: String, retryAfter: Duration = .zero) {
        self.code = code
        self.description = description
        self.retryAfter = retryAfter
    }

    /// A defect or an unexpected failure.
    public static func fault(_ text: String) -> PluginError { PluginError(.fault, text) }
    /// Bad input; add ``shownToClient`` where it came from the client.
    public static func invalid(_ text: String) -> PluginError { PluginError(.invalid, text) }
    /// A limit was reached.
    public static func busy(_ text: String, retryAfter: Duration = .zero) -> PluginError {
        PluginError(.busy, text, retryAfter: retryAfter)
    }
    /// Not allowed.
    public static func denied(_ text: String) -> PluginError { PluginError(.denied, text) }
    /// It took too long.
    public static func timedOut(_ text: String) -> PluginError { PluginError(.timedOut, text) }
    /// What the plugin works with went away.
    public static func gone(_ text: String) -> PluginError { PluginError(.gone, text) }

    /// The same error with its text shown to the client; without this it goes to the gateway's log only.
    public var shownToClient: PluginError {
        var error = self
        error.isPublic = true
        return error
    }

    /// The same error with the promise that nothing was sent or begun, so that a retry is safe.
    public var beforeItStarted: PluginError {
        var error = self
        error.isNotStarted = true
        return error
    }

    /// What a service of the host answered. `status` counts where the fault says nothing.
    init(_ status: Int32, _ fault: jf_fault, _ what: String) {
        let text = fault.reason
        code = Code(status: status)
        description = text.isEmpty ? "\(what): status \(status)" : text
        isPublic = fault.flags & UInt32(JF_FAULT_PUBLIC) != 0
        isNotStarted = fault.flags & UInt32(JF_FAULT_NOT_STARTED) != 0
        retryAfter = .milliseconds(Int64(fault.retry_ms))
    }
}

/// Why something was refused or failed, in the ABI's words.
struct Refusal {
    var status: Int32
    var text: String
    var isPublic = false
    var isNotStarted = false
    var retryAfter = Duration.zero

    init(_ status: Int, _ text: String, isPublic: Bool = false) {
        self.status = Int32(truncatingIfNeeded: status)
        self.text = text
        self.isPublic = isPublic
    }

    init(_ error: any Error) {
        switch error {
        case let error as ToolArgumentError: self.init(JF_E_INVALID, error.description, isPublic: true)
        case let error as ToolFailure: self.init(JF_E_FAULT, error.description, isPublic: true)
        case let error as PluginError:
            self.init(Int(error.code.status), error.description, isPublic: error.isPublic)
            isNotStarted = error.isNotStarted
            retryAfter = error.retryAfter
        case let error as MissingService:
            self.init(
                JF_E_UNSUPPORTED, "it needs the service \(error.id), which the host does not offer")
        default: self.init(JF_E_FAULT, "\(error)")
        }
        // A slot that refuses must say so, whatever code the author made up.
        if status >= 0 { status = Int32(JF_E_FAULT) }
    }

    /// Writes the fault and returns the status of the slot.
    func fill(_ why: UnsafeMutablePointer<jf_fault>?) -> Int32 {
        why?.pointee.set(self)
        return status
    }
}

extension jf_fault {
    static func empty() -> jf_fault {
        var fault = jf_fault()
        fault.size = UInt32(MemoryLayout<jf_fault>.size)
        return fault
    }

    /// The text, invalid UTF-8 repaired.
    var reason: String {
        withUnsafeBytes(of: text) { room in
            String(decoding: room.prefix(Int(text_len)), as: UTF8.self)
        }
    }

    /// Fills in what happened; a text that is too long is cut between characters.
    mutating func set(_ refusal: Refusal) {
        code = refusal.status
        flags = refusal.isPublic ? UInt32(JF_FAULT_PUBLIC) : 0
        if refusal.isNotStarted { flags |= UInt32(JF_FAULT_NOT_STARTED) }
        retry_ms = UInt32(clamping: refusal.retryAfter.nanoseconds / 1_000_000)
        let count = withUnsafeMutableBytes(of: &self.text) { room in
            var utf8 = refusal.text.utf8[...]
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
    /// Done, and there is nothing to say: the blob stays absent.
    case nothing
    /// JF_ABSENT, a normal answer.
    case absent
    case refusal(Refusal)

    static func fault(_ status: Int, _ text: String, isPublic: Bool = false) -> Outcome {
        .refusal(Refusal(status, text, isPublic: isPublic))
    }

    init<Result: Answer>(_ result: Result) { self = result.encoded.outcome }

    /// What an error means for a request that is answered with `Result`.
    init<Result: Answer>(_ error: any Error, for: Result.Type) {
        if let error = error as? ToolFailure, let result = Result.failure(error.description) {
            self.init(result)
        } else {
            self = .refusal(Refusal(error))
        }
    }

    /// Writes the out-parameters of a slot and returns its status.
    func fill(_ blob: inout jf_blob, _ fault: inout jf_fault) -> Int32 {
        switch self {
        case .result(let bytes):
            blob = .copying(bytes)
            return Int32(JF_OK)
        case .nothing: return Int32(JF_OK)
        case .absent: return Int32(JF_ABSENT)
        case .refusal(let refusal):
            fault.set(refusal)
            return refusal.status
        }
    }
}
