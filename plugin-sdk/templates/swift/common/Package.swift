// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// The plugin PLUGIN_ID: one dynamic library that exports one function. The Makefile builds it.

import PackageDescription

/// `share/jackfield/sdk` of the installed Jackfield, or the package in it.
let sdk = Context.environment["JACKFIELD_SDK"] ?? "PLUGIN_SDK"
let package = Package(
    name: "PLUGIN_NAME",
    products: [.library(name: "PLUGIN_NAME", type: .dynamic, targets: ["PLUGIN_MODULE", "Manifest"])],
    dependencies: [.package(name: "JackfieldPlugin", path: sdk.hasSuffix("/swift") ? sdk : sdk + "/swift")],
    targets: [
        // One C file, since only C can put text into an ELF note.
        .target(
            name: "Manifest", dependencies: [.product(name: "CJackfield", package: "JackfieldPlugin")],
            publicHeadersPath: "."),
        .target(
            name: "PLUGIN_MODULE",
            dependencies: [.product(name: "JackfieldPlugin", package: "JackfieldPlugin")],
            path: "Sources/Plugin",
            linkerSettings: [
                .unsafeFlags(
                    [
                        // Only the entry function is exported, nothing of Swift's.
                        "-use-ld=lld", "-Xlinker", "--version-script=\(Context.packageDirectory)/exports.map",
                        "-Xlinker", "-z", "-Xlinker", "now",
                        // Installed in lib/jackfield/plugins, the plugin finds the gateway's Swift runtime above it.
                        "-no-toolchain-stdlib-rpath", "-Xlinker", "-rpath", "-Xlinker", "$ORIGIN/..",
                    ], .when(configuration: .release))
            ]),
        .testTarget(
            name: "PluginTests",
            dependencies: [
                "PLUGIN_MODULE", .product(name: "JackfieldPluginTesting", package: "JackfieldPlugin"),
            ],
            path: "Tests"),
    ]
)
