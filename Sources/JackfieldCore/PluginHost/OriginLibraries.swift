// SPDX-License-Identifier: Apache-2.0
// The libraries that a plugin finds beside itself, through $ORIGIN in its search path.

import CLinux
import Glibc

/// One library that the dynamic loader would take from a directory named relative to the plugin.
struct OriginLibrary: Sendable, Equatable {
    /// As DT_NEEDED spells it.
    let name: String
    /// Where it was found, after symbolic links.
    let directory: String
    /// Part of the host's own runtime: linked to, not copied, and trusted as the host is.
    let isHostRuntime: Bool

    var path: String { directory + "/" + name }
}

/// Follows DT_NEEDED from a plugin through every library that is found by an `$ORIGIN` entry, as ld.so(8)
/// does: entries in order, an absolute entry that has the library ends the search for it.
struct OriginSearch {
    /// Most libraries that one plugin may bring.
    static let libraryLimit = 64

    /// Directory of the host's own runtime libraries, resolved; nil where it has none of its own.
    let hostRuntime: String?
    /// Largest library file in bytes.
    let fileLimit: UInt64
    private(set) var found: [OriginLibrary] = []

    init(hostRuntime: String?, fileLimit: UInt64) {
        self.hostRuntime = hostRuntime
        self.fileLimit = fileLimit
    }

    /// Libraries of an image whose file lies in `directory`.
    mutating func follow(_ image: ELFImage, in directory: String) throws(TrustedFile.Fault) {
        try follow(image, in: directory, inherited: [])
    }

    private mutating func follow(
        _ image: ELFImage, in directory: String, inherited: [Place]
    ) throws(TrustedFile.Fault) {
        let own = image.runPath.compactMap { Place($0, directory) }
        // DT_RPATH also serves the libraries that are loaded on behalf of its owner; DT_RUNPATH does not.
        let places = image.runPath.isEmpty || image.usesObsoleteRPath ? own + inherited : own
        for name in image.needed where !name.contains("/") {
            guard let place = places.first(where: { isFile($0.directory + "/" + name) }), place.isOrigin,
                let directory = resolvedPath(place.directory)
            else { continue }
            let library = OriginLibrary(
                name: name, directory: directory, isHostRuntime: isInHostRuntime(directory + "/" + name))
            guard !found.contains(library) else { continue }
            guard found.count < OriginSearch.libraryLimit else {
                throw TrustedFile.Fault(
                    text: "it brings more than \(OriginSearch.libraryLimit) libraries of its own",
                    advice: "link some of them statically")
            }
            found.append(library)
            let below = try read(library)
            try follow(below, in: directory, inherited: image.usesObsoleteRPath ? places : [])
        }
    }

    private func read(_ library: OriginLibrary) throws(TrustedFile.Fault) -> ELFImage {
        do throws(ELFFault) {
            if library.isHostRuntime {
                let descriptor = open(library.path, O_RDONLY | O_CLOEXEC)
                guard descriptor >= 0 else {
                    let why = jf_errno()
                    throw ELFFault("cannot be opened: \(errorText(why))")
                }
                defer { close(descriptor) }
                var status = stat()
                fstat(descriptor, &status)
                let input = ELFInput(descriptor: descriptor, size: FileIdentity(status).size)
                return try ELFImage(input, readingSymbols: false)
            }
        } catch {
            throw fault(library, error)
        }
        let file = try TrustedFile(library.path, limit: fileLimit)
        do throws(ELFFault) {
            return try ELFImage(file.input, readingSymbols: false)
        } catch {
            throw fault(library, error)
        }
    }

    private func fault(_ library: OriginLibrary, _ fault: ELFFault) -> TrustedFile.Fault {
        TrustedFile.Fault(text: "its library \(library.path) \(fault)", advice: "rebuild that library")
    }

    private func isInHostRuntime(_ path: String) -> Bool {
        guard let hostRuntime, let real = resolvedPath(path) else { return false }
        return directoryName(real) == hostRuntime
    }

    private func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// A directory that is searched.
    private struct Place {
        let directory: String
        let isOrigin: Bool

        init?(_ entry: String, _ origin: String) {
            if let expanded = OriginPath.expanded(entry, in: origin) {
                directory = expanded
                isOrigin = true
            } else if entry.hasPrefix("/"), !entry.contains("$") {
                directory = entry
                isOrigin = false
            } else {
                return nil
            }
        }
    }
}
