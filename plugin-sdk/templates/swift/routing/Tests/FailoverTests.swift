// SPDX-License-Identifier: Apache-2.0
// The strategy under the mock host, which looks for leaks and broken rules as it goes.

import JackfieldPlugin
import JackfieldPluginTesting
import PLUGIN_MODULE
import Testing

@Suite(.serialized) struct FailoverTests {
    let replicas = (10...12).map { MockEndpoint($0) }
    /// JF_E_GONE
    let gone: Int32 = -7

    @Test func staysWithTheFirst() throws {
        let host = try MockHost(entry)
        let route = try host.attachRouting()
        for _ in 0..<5 {
            #expect(route.pick("find", among: replicas).index == 0)
            route.observe(10, status: 0)
        }
        route.detach()
        #expect(host.end() == [])
    }

    @Test func passesOverWhatFailedAndComesBack() throws {
        let host = try MockHost(entry)
        let route = try host.attachRouting("search", ["skip": 2])
        route.observe(10, status: gone)
        #expect((0..<3).map { _ in route.pick("find", among: replicas).index } == [1, 1, 0])
        route.observe(10, status: gone)
        route.observe(10, status: 0)
        #expect(route.pick("find", among: replicas).index == 0)
        route.detach()
        #expect(host.end() == [])
    }

    @Test func choosesTheFirstWhenAllFail() throws {
        let host = try MockHost(entry)
        let route = try host.attachRouting()
        for replica in replicas { route.observe(replica.id.rawValue, status: gone) }
        #expect(route.pick("find", among: replicas).index == 0)
        route.detach()
        #expect(host.end() == [])
    }
}
