// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// A Jackfield plugin as a Swift package: one dynamic library that exports one function.

import PackageDescription

let package = Package(
    name: "auth-bearer-list",
    products: [.library(name: "auth-bearer-list", type: .dynamic, targets: ["Members", "MembersManifest"])],
    dependencies: [.package(name: "JackfieldPlugin", path: "../../../swift")],
    targets: [
        // One C file, since only C can put text into an ELF note.
        .target(
            name: "MembersManifest", dependencies: [.product(name: "CJackfield", package: "JackfieldPlugin")]),
        .target(
            name: "Members", dependencies: [.product(name: "JackfieldPlugin", package: "JackfieldPlugin")],
            linkerSettings: [
                .unsafeFlags(
                    [
                        // Only the entry function is exported, nothing of Swift's.
                        "-use-ld=lld", "-Xlinker", "--version-script=\(Context.packageDirectory)/exports.map",
                        "-Xlinker", "-z", "-Xlinker", "now",
                        // Installed in lib/jackfield/plugins, the plugin finds the gateway's Swift runtime
                        // above it.
                        "-no-toolchain-stdlib-rpath", "-Xlinker", "-rpath", "-Xlinker", "$ORIGIN/..",
                    ], .when(configuration: .release))
            ]),
        .testTarget(
            name: "MembersTests",
            dependencies: ["Members", .product(name: "JackfieldPluginTesting", package: "JackfieldPlugin")]),
    ]
)
