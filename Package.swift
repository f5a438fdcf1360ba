// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// Jackfield's Swift half: the core, its executables, their tests. Plugins in C are built by the Makefile.

import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-warnings-as-errors"]),
    // Exclusivity is proven by debug builds and tests; in release its run-time checks cost 3 % of a call.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

let package = Package(
    name: "jackfield",
    products: [
        .executable(name: "jackfield", targets: ["jackfield"]),
        .executable(name: "jackfield-cell", targets: ["jackfield-cell"]),
    ],
    targets: [
        .systemLibrary(name: "CJackfield", path: "plugin-sdk/include/jackfield"),
        .target(
            name: "CCell",
            cSettings: [
                .headerSearchPath("../../plugin-sdk/include"),
                .headerSearchPath("../../plugin-sdk/c/include"),
            ]),
        .target(name: "CLinux"),
        .target(name: "CMeter", cSettings: [.headerSearchPath("../../plugin-sdk/include")]),
        .target(name: "CSimdjson", linkerSettings: [.linkedLibrary("simdjson")]),
        .systemLibrary(name: "CYaml", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(name: "JSON", dependencies: ["CSimdjson"], swiftSettings: strict),
        .target(name: "MCP", dependencies: ["JSON"], swiftSettings: strict),
        .target(
            name: "JackfieldCore", dependencies: ["CCell", "CJackfield", "CLinux", "CMeter", "JSON", "MCP"],
            swiftSettings: strict),
        .target(name: "Configuration", dependencies: ["CYaml"], swiftSettings: strict),
        .target(
            name: "CPluginCheck", dependencies: ["CCell"], path: "Sources/PluginCheck/C",
            exclude: ["mock/README.md", "mock/tests"],
            cSettings: [.headerSearchPath("../../../plugin-sdk/include"), .define("_GNU_SOURCE")]),
        .target(
            name: "PluginCheck", dependencies: ["CJackfield", "CPluginCheck", "JackfieldCore", "JSON"],
            path: "Sources/PluginCheck/Swift", swiftSettings: strict),
        .executableTarget(
            name: "jackfield",
            dependencies: ["CLinux", "Configuration", "JackfieldCore", "JSON", "PluginCheck"],
            swiftSettings: strict),
        .executableTarget(
            name: "jackfield-cell", dependencies: ["CCell", "CLinux", "JackfieldCore", "JSON"],
            swiftSettings: strict),
        .testTarget(name: "JSONTests", dependencies: ["JSON"], swiftSettings: strict),
        .testTarget(name: "MCPTests", dependencies: ["MCP", "JSON"], swiftSettings: strict),
        .testTarget(name: "ConfigurationTests", dependencies: ["Configuration"], swiftSettings: strict),
        .testTarget(
            name: "JackfieldCoreTests",
            dependencies: [
                "CJackfield", "CLinux", "CMeter", "JSON", "MCP", "JackfieldCore", "jackfield-cell",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "JackfieldTests",
            dependencies: ["jackfield", "Configuration", "JackfieldCore", "JSON", "PluginCheck"],
            swiftSettings: strict),
        .testTarget(
            name: "PluginCheckTests",
            dependencies: ["CPluginCheck", "JSON", "JackfieldCore", "PluginCheck"],
            swiftSettings: strict),
    ],
    cxxLanguageStandard: .cxx17
)
