// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// The Swift SDK for Jackfield plugins. Add it with `.package(path:)`; see README.md.

import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "JackfieldPlugin",
    products: [
        // Static: each plugin has a copy of its own, and exports nothing of it.
        .library(name: "JackfieldPlugin", type: .static, targets: ["JackfieldPlugin"]),
        // The ABI headers, for the C file with the manifest.
        .library(name: "CJackfield", type: .static, targets: ["CJackfield"]),
        // The mock host for tests of plugins: in Swift, and as it is (jf_mock.h).
        .library(name: "JackfieldPluginTesting", type: .static, targets: ["JackfieldPluginTesting"]),
        .library(name: "CMockHost", type: .static, targets: ["CMockHost"]),
    ],
    targets: [
        .target(name: "CJackfield"),
        .target(name: "CPluginLock"),
        .target(
            name: "JackfieldPlugin", dependencies: ["CJackfield", "CPluginLock"],
            // Views of the host's memory are types that cannot outlive a call.
            swiftSettings: strict + [.enableExperimentalFeature("Lifetimes")]),
        .target(
            name: "CMockHost", dependencies: ["CJackfield"], exclude: ["source/README.md", "source/tests"],
            cSettings: [.define("_GNU_SOURCE")]),
        .target(
            name: "JackfieldPluginTesting", dependencies: ["CJackfield", "CMockHost", "JackfieldPlugin"],
            swiftSettings: strict),
        .testTarget(
            name: "JackfieldPluginTests",
            dependencies: ["CJackfield", "CMockHost", "JackfieldPlugin", "JackfieldPluginTesting"],
            swiftSettings: strict),
    ]
)
