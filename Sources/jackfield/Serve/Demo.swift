// SPDX-License-Identifier: Apache-2.0
// What `serve` runs without a file: tools that need nothing but the gateway itself.

import Configuration

/// The demo configuration: the in-process toolset on the default listener.
func demoConfiguration() -> Configuration {
    var configuration = Configuration()
    configuration.listeners = Configuration.defaultListeners
    var demo = Configuration.Server(name: "demo")
    demo.kind = .plugin("tools-demo")
    demo.endpoints = [Configuration.Endpoint(options: Configuration.Options())]
    configuration.servers = [demo]
    return configuration
}
