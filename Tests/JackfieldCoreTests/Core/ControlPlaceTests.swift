// SPDX-License-Identifier: Apache-2.0
// Where operators find gateways.

import CLinux
import Glibc
import Testing

@testable import JackfieldCore

@Suite struct ControlPlaceTests {
    @Test func aDirectoryOfAnyLengthIsReached() throws {
        let state = try #require(StateDirectory.temporary())
        let directory = state.path + "/" + String(repeating: "long/", count: 60) + "run"
        #expect(makeDirectories(directory) == nil)
        let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(fd) }
        #expect(ControlPlace.withAddress(directory, 4711) { bind(fd, $0, $1) } == 0)
        #expect(ControlPlace.connect(directory, 4711) == nil)
        #expect(listen(fd, 1) == 0)
        let peer = try #require(ControlPlace.connect(directory, 4711))
        close(peer)
        #expect(ControlPlace.found(directory) == [4711])
        #expect(ControlPlace.found(directory + "/none") == [])
    }
}
