// SPDX-License-Identifier: Apache-2.0
// What the gateway does with the lock file, and what it ruled about a server's tools.

/// An approved state of tools, and what happens to what differs from it.
public struct LockPlan: Sendable {
    public enum OnChange: Sendable {
        /// It is said, nothing else.
        case warn
        /// The tool is hidden and not called.
        case quarantine
        /// Nothing of its server is shown or called.
        case refuse
    }

    public var lock: ToolLock
    /// For messages.
    public var file: String
    public var onChange: OnChange
    /// Whether tools that nobody approved are hidden and not called.
    public var quarantinesNew: Bool
    /// Servers that are not held to it.
    public var except: Set<String>

    public init(
        lock: ToolLock, file: String, onChange: OnChange = .quarantine, quarantinesNew: Bool = true,
        except: Set<String> = []
    ) {
        self.lock = lock
        self.file = file
        self.onChange = onChange
        self.quarantinesNew = quarantinesNew
        self.except = except
    }
}

/// What holds of a server's tools until it lists again or the lock changes.
struct ToolRuling: Sendable, Equatable {
    /// By the server's own name of a tool: why it is neither shown nor called, in words that follow its name.
    var withheld: [String: String] = [:]
    /// Nothing of the server is shown.
    var isRefused = false

    static let none = ToolRuling()
}
