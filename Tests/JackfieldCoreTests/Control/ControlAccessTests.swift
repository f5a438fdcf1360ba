// SPDX-License-Identifier: Apache-2.0
// Who may do what at the control door.

import CLinux
import Glibc
import Testing

@testable import JackfieldCore

@Suite("Control access") struct ControlAccessTests {
    private var access: ControlAccess {
        var access = ControlAccess()
        access.operators.users = [10]
        access.approvers.groups = [20]
        access.viewers.users = [10, 30]
        access.viewers.groups = [40]
        return access
    }

    @Test func theHighestRoleCounts() {
        #expect(access.role(of: 10, []) == .operator)
        #expect(access.role(of: 11, [1, 20]) == .approver)
        #expect(access.role(of: 30, []) == .viewer && access.role(of: 30, [20]) == .approver)
        #expect(access.role(of: 12, [40]) == .viewer)
        #expect(access.role(of: 20, [10, 30]) == nil, "a user's number is no group's")
        #expect(ControlAccess().role(of: 0, [0]) == nil)
    }

    @Test func aSocketIsAGroupsWhereOnlyOneComesIn() {
        #expect(access.onlyGroup == nil && ControlAccess().onlyGroup == nil)
        var one = ControlAccess()
        one.approvers.groups = [20]
        #expect(one.onlyGroup == 20)
        one.viewers.groups = [20]
        #expect(one.onlyGroup == 20)
        one.operators.groups = [21]
        #expect(one.onlyGroup == nil)
    }

    /// Each request with the least role that may make it.
    @Test(
        arguments: [
            ("generations", nil, ControlRole.viewer), ("explain", nil, .viewer), ("flush", nil, .viewer),
            ("rollout", nil, .viewer), ("rollout", "status", .viewer), ("rollout", "promote", .operator),
            ("rollout", "explode", .operator), ("config", "history", .viewer), ("config", "text", .approver),
            ("config", "approve", .approver), ("config", "apply", .operator),
            ("config", "rollback", .operator),
            ("config", nil, .operator), ("swap", nil, .operator), ("restart", nil, .operator),
            ("clear", nil, .operator), ("drain", nil, .operator), ("undrain", nil, .operator),
            ("lock", nil, .operator), ("whatever comes", nil, .operator),
        ] as [(String, String?, ControlRole)])
    func rights(_ what: String, _ action: String?, _ least: ControlRole) {
        let right = ControlDoor.right(what, action)
        for role in [ControlRole.viewer, .approver, .operator] {
            #expect(right.isOf(role) == (role.rawValue >= least.rawValue), "\(what) \(action ?? "") \(role)")
        }
    }

    @Test func thePeerIsWhomTheKernelNames() throws {
        var pair: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, JF_SOCK_STREAM, 0, &pair) == 0)
        defer { for fd in pair { close(fd) } }
        var groups = [gid_t](repeating: 0, count: 1024)
        let count = jf_peer_groups(pair[0], &groups, 1024)
        try #require(count >= 1)
        #expect(groups[0] == getegid())
        var own = [gid_t](repeating: 0, count: 1024)
        let most = getgroups(1024, &own)
        #expect(Set(own.prefix(Int(most))).isSubset(of: Set(groups.prefix(Int(count)))))
        #expect(jf_peer_groups(-1, &groups, 1024) == -1 && jf_peer_groups(pair[0], &groups, 0) == -1)
        let who = try #require(ControlPeer(pair[0], ControlAccess()))
        #expect(who.isOwn && who.role == .operator && who.user == geteuid())
    }
}
