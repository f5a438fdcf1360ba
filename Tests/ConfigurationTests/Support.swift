// SPDX-License-Identifier: Apache-2.0
// What the tests of the configuration share.

import Configuration

/// An environment with a few variables and files, and nothing else.
let testEnvironment = ConfigurationEnvironment(
    variable: { name in
        [
            "HOME": "/home/ada", "TOKEN": "hunter two", "PORT": "8080", "LOOPS": "4", "WAIT": "5s",
            "ON": "true",
            "EMPTY": "", "PATTERN": "time_*",
        ][name]
    },
    file: { path in
        switch path {
        case "/run/token": .success(Array("file secret\n".utf8))
        case "/etc/jackfield/near": .success(Array("near secret\r\n".utf8))
        case "/run/binary": .success([0xFF, 0xFE])
        default: .failure(.init("No such file or directory"))
        }
    })

func parse(
    _ text: String, file: String = "gateway.yaml", environment: ConfigurationEnvironment = testEnvironment
) -> Configuration.Parsed {
    Configuration.parse(Array(text.utf8), file: file, environment: environment)
}

/// A file that must be good.
func good(_ text: String, file: String = "gateway.yaml") throws -> Configuration {
    try Configuration(parsing: text, file: file, environment: testEnvironment)
}

/// A native file with one server.
func server(_ entry: String) throws -> Configuration.Server {
    let configuration = try good("version: 1\nservers:\n  one: \(entry)\n")
    return configuration.servers[0]
}
