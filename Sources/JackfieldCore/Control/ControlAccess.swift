// SPDX-License-Identifier: Apache-2.0
// Who comes in at the control door, and what each may do there.

import CLinux
import Glibc

/// What somebody at the control door may do; each includes the ones before it.
public enum ControlRole: Int, Sendable {
    /// Looks: generations, rollouts, what policies say, the list of versions.
    case viewer
    /// Reads configurations, and agrees to what somebody else applied.
    case approver
    /// Everything, as the gateway's own user.
    case `operator`

    public var word: String {
        switch self {
        case .viewer: "viewer"
        case .approver: "approver"
        case .operator: "operator"
        }
    }
}

/// What a request does.
enum ControlRight: Int, Sendable {
    case look, approve, change

    func isOf(_ role: ControlRole) -> Bool { role.rawValue >= rawValue }
}

/// Users and groups of this machine that come in beside the gateway's own user and root (`runtime.control`).
public struct ControlAccess: Sendable, Equatable {
    public struct Members: Sendable, Equatable {
        public var users: Set<UInt32> = []
        public var groups: Set<UInt32> = []

        public init() {}

        var isEmpty: Bool { users.isEmpty && groups.isEmpty }

        func has(_ user: UInt32, _ groups: [UInt32]) -> Bool {
            users.contains(user) || groups.contains { self.groups.contains($0) }
        }
    }

    public var operators = Members()
    public var approvers = Members()
    public var viewers = Members()

    public init() {}

    var isEmpty: Bool { operators.isEmpty && approvers.isEmpty && viewers.isEmpty }

    /// The highest role that somebody has; nil: they do not come in.
    func role(of user: UInt32, _ groups: [UInt32]) -> ControlRole? {
        if operators.has(user, groups) { return .operator }
        if approvers.has(user, groups) { return .approver }
        return viewers.has(user, groups) ? .viewer : nil
    }

    /// The only group that comes in; nil: there are several, or users by name.
    var onlyGroup: UInt32? {
        let all = [operators, approvers, viewers]
        let groups = all.reduce(into: Set<UInt32>()) { $0.formUnion($1.groups) }
        return all.allSatisfy(\.users.isEmpty) && groups.count == 1 ? groups.first : nil
    }
}

/// Who is at the other end of a connection, as the kernel says.
struct ControlPeer {
    let user: uid_t
    let role: ControlRole
    /// The gateway's own user, or root: a plugin in a cell may be the same, so that changes need the key.
    let isOwn: Bool

    /// Nil: nobody who comes in.
    init?(_ fd: Int32, _ access: ControlAccess) {
        var user = uid_t.max
        guard jf_peer_user(fd, &user) == 0 else { return nil }
        self.user = user
        isOwn = user == geteuid() || user == 0
        if isOwn {
            role = .operator
            return
        }
        guard !access.isEmpty else { return nil }
        var groups = [gid_t](repeating: 0, count: 1024)
        let count = jf_peer_groups(fd, &groups, Int32(groups.count))
        guard let role = access.role(of: user, Array(groups.prefix(Int(max(count, 0))))) else { return nil }
        self.role = role
    }
}

extension ControlDoor {
    /// What a request does, for those whose role is not everything. A request that is not listed here changes something.
    static func right(_ what: String, _ action: String?) -> ControlRight {
        switch what {
        case "explain", "flush", "generations": .look
        case "rollout": action == nil || action == "status" ? .look : .change
        case "config":
            switch action {
            case "history": .look
            case "approve", "text": .approve
            default: .change
            }
        default: .change
        }
    }
}

extension Gateway {
    /// Others come in from now on. Control loop.
    public func admit(_ access: ControlAccess) {
        controlAccess = access
        door?.openPath()
    }
}

extension ControlPlace {
    /// Lets those reach the socket whom the door may let in; who they are is asked when they come. Nil: done, else why not.
    static func openPath(_ directory: String, _ access: ControlAccess) -> String? {
        let path = directory + "/" + name(getpid())
        if access.isEmpty {
            _ = chmod(path, 0o600)
            _ = chmod(directory, 0o700)
            return nil
        }
        var isGroups = false
        if let group = access.onlyGroup {
            isGroups = chown(path, uid_t.max, group) == 0 && chown(directory, uid_t.max, group) == 0
        }
        guard chmod(path, isGroups ? 0o660 : 0o666) == 0, chmod(directory, isGroups ? 0o750 : 0o755) == 0
        else {
            return "\(directory): \(errorText(jf_errno()))"
        }
        // The folders above are the operator's: they are left as they are.
        var above = directoryName(directory)
        while true {
            var status = stat()
            if stat(above, &status) == 0, status.st_mode & 0o001 == 0,
                status.st_mode & 0o010 == 0 || !isGroups
            {
                return "nobody else can pass through \(above); 'chmod o+x \(above)' lets them"
            }
            guard above != "/", above != "." else { return nil }
            above = directoryName(above)
        }
    }
}
