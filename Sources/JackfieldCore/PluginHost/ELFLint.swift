// SPDX-License-Identifier: Apache-2.0
// Properties of a plugin's file that would harm the host, or that its author should know.

import CJackfield

/// Checks a library before anything of it runs. Errors refuse the plugin; warnings are logged and listed by
/// `plugin inspect`; notes are only listed.
public enum ELFLint {
    /// Most export names that a finding spells out.
    static let namesShown = 5

    public static func check(_ image: ELFImage) -> [PluginFinding] {
        protections(image) + loading(image) + symbols(image) + libraries(image)
    }

    private static func protections(_ image: ELFImage) -> [PluginFinding] {
        var findings: [PluginFinding] = []
        switch image.stack {
        case .plain: break
        case .executable:
            findings.append(
                PluginFinding(
                    .error, "executable-stack",
                    "it asks for an executable stack, which would make every stack of the host executable: "
                        + "link with -Wl,-z,noexecstack"))
        case .unsaid:
            findings.append(
                PluginFinding(
                    .error, "executable-stack",
                    "it does not say what stack it needs, which means an executable one: "
                        + "link with -Wl,-z,noexecstack"))
        }
        for segment in image.segments where segment.type == 1 && segment.isWritable && segment.isExecutable {
            findings.append(
                PluginFinding(
                    .error, "writable-code",
                    "a segment is writable and executable at once: do not link with -N or --omagic"))
            break
        }
        if image.hasTextRelocations {
            findings.append(
                PluginFinding(
                    .error, "text-relocations", "its code is patched on loading: compile with -fPIC"))
        }
        if !image.hasReadOnlyRelocations {
            findings.append(
                PluginFinding(
                    .note, "no-relro", "its tables stay writable after loading: link with -Wl,-z,relro,-z,now"
                ))
        }
        return findings
    }

    private static func loading(_ image: ELFImage) -> [PluginFinding] {
        var findings: [PluginFinding] = []
        if image.isNotOpenable {
            findings.append(
                PluginFinding(
                    .error, "not-openable",
                    "it is linked so that dlopen refuses it (-pie or -z nodlopen): use -shared"))
        }
        if image.hasStaticTLS {
            findings.append(
                PluginFinding(
                    .warning, "static-tls",
                    "it uses static thread-local storage, of which a process has little: "
                        + "compile without -ftls-model=initial-exec"))
        }
        return findings
    }

    private static func symbols(_ image: ELFImage) -> [PluginFinding] {
        var findings: [PluginFinding] = []
        if !image.entryMajors.contains(Int(JF_ABI_MAJOR)) {
            let entry = "jf_entry_\(JF_ABI_MAJOR)"
            let others = image.entryMajors.map { "jf_entry_\($0)" }.joined(separator: ", ")
            findings.append(
                PluginFinding(
                    .error, "no-entry",
                    !others.isEmpty
                        ? "it exports \(others) but not \(entry), which this host calls: "
                            + "build it for ABI \(JF_ABI_MAJOR)"
                        : image.exports.contains { $0.name == entry }
                            ? "\(entry) is exported but is not a function"
                            : "it does not export \(entry): mark the function JF_PUBLIC"))
        }
        let extra = image.exports.map(\.name)
            .filter { ELFImage.entryMajor($0) == nil && !linkerOwn.contains($0) }.sorted()
        if !extra.isEmpty {
            let swift = extra.count { $0.hasPrefix("$s") }
            let kind = swift == extra.count ? " (Swift's own)" : ""
            findings.append(
                PluginFinding(
                    .warning, "extra-exports",
                    "it exports \(extra.count) more symbol\(extra.count == 1 ? "" : "s")\(kind) than its "
                        + "entry: \(listed(extra)); hide them with -fvisibility=hidden or a version script"))
        }
        let unique = image.exports.filter(\.isUnique).map(\.name)
        if !unique.isEmpty {
            findings.append(
                PluginFinding(
                    .warning, "unique-symbols",
                    "\(listed(unique)) \(unique.count == 1 ? "is" : "are") shared with every library of the "
                        + "process: compile with -fno-gnu-unique"))
        }
        return findings
    }

    private static func libraries(_ image: ELFImage) -> [PluginFinding] {
        var findings: [PluginFinding] = []
        for directory in image.runPath where !directory.hasPrefix("/") && !OriginPath.isRelative(directory) {
            findings.append(
                PluginFinding(
                    .error, "relative-run-path",
                    "its library search path names "
                        + "\(directory.isEmpty ? "the current directory" : "'\(directory)'"): "
                        + "use a path that begins with / or $ORIGIN"))
        }
        for name in image.needed where name.contains("/") {
            findings.append(
                name.hasPrefix("/")
                    ? PluginFinding(
                        .warning, "needed-path", "it needs \(name) at that very place: link it by name")
                    : PluginFinding(
                        .error, "needed-path",
                        "it needs '\(name)' relative to the current directory: give that library a soname"))
        }
        if image.usesObsoleteRPath {
            findings.append(
                PluginFinding(
                    .note, "rpath",
                    "it uses DT_RPATH, which its libraries inherit: link with --enable-new-dtags"))
        }
        return findings
    }

    /// Older linkers export these from every library.
    private static let linkerOwn: Set<String> = ["_init", "_fini", "_edata", "_end", "__bss_start"]

    private static func listed(_ names: [String]) -> String {
        let shown = names.prefix(namesShown).joined(separator: ", ")
        return names.count > namesShown ? shown + " and \(names.count - namesShown) more" : shown
    }
}
