// SPDX-License-Identifier: Apache-2.0
// The private, content-addressed copies of plugins that are loaded instead of the operator's files.

import CLinux
import Glibc

/// A plugin's private copy.
struct StagedPlugin: Sendable, Equatable {
    /// SHA-256 of the file; of the whole bundle where it brings libraries of its own.
    let digest: SHA256Digest
    /// The copy, to be opened by dlopen.
    let path: String
    /// Libraries that were copied with it, by name.
    let privateLibraries: [String]
}

/// Places plugins under `<state>/plugins/<sha256>/`, so that what was checked is what is loaded: replacing
/// the original changes nothing until the next load, and a new build gets a path, hence an image, of its own.
///
/// Directories have mode 0700, files 0444. Libraries that the plugin finds through `$ORIGIN` keep their place
/// relative to it: the part of the tree that they share is mirrored below the digest's directory. Libraries
/// of the host's own runtime become symbolic links, all others copies that enter the digest.
final class PluginStage {
    let directory: String
    private let hostRuntime: String?
    private let fileLimit: UInt64
    private let index: DigestIndex

    /// Prepares `<state>/plugins`. The state directory must belong to this user or root and be writable by
    /// nobody else.
    init(stateDirectory: String, hostRuntime: String?, fileLimit: UInt64) throws(TrustedFile.Fault) {
        let advice = "set another state directory"
        let directory = stateDirectory + "/plugins"
        if let failure = makeDirectories(directory) {
            throw TrustedFile.Fault(text: "cannot create \(failure)", advice: advice)
        }
        guard let real = resolvedPath(directory) else {
            throw TrustedFile.Fault(text: "cannot find \(directory)", advice: advice)
        }
        try TrustedFile.checkDirectory(directoryName(real))
        try TrustedFile.checkDirectory(real)
        self.directory = real
        self.hostRuntime = hostRuntime.flatMap { resolvedPath($0) }
        self.fileLimit = fileLimit
        index = DigestIndex(real + "/index.json")
    }

    /// A plugin, the libraries that it brings, and the directory that they all lie below.
    struct Bundle {
        fileprivate let mainDigest: SHA256Digest
        fileprivate let root: [Substring]
        fileprivate let libraries: [OriginLibrary]
        /// What `place` makes of it.
        let staged: StagedPlugin
    }

    /// Computes digests, copies nothing.
    func examine(_ file: borrowing TrustedFile, _ image: ELFImage) throws(TrustedFile.Fault) -> Bundle {
        var search = OriginSearch(hostRuntime: hostRuntime, fileLimit: fileLimit)
        try search.follow(image, in: directoryName(file.path))
        var root = pathComponents(directoryName(file.path))
        for library in search.found {
            root = zip(root, pathComponents(library.directory)).prefix { $0 == $1 }.map(\.0)
        }
        let mainDigest = try digest(of: file)
        let copied = search.found.filter { !$0.isHostRuntime }
        var digest = mainDigest
        if !copied.isEmpty {
            var lines = "\(mainDigest)  \(relative(file.path, root))\n"
            for library in copied.sorted(by: { $0.path < $1.path }) {
                let source = try TrustedFile(library.path, limit: fileLimit)
                lines += "\(try self.digest(of: source))  \(relative(library.path, root))\n"
            }
            digest = SHA256.digest(of: lines)
        }
        let staged = StagedPlugin(
            digest: digest, path: target(file.path, digest, root), privateLibraries: copied.map(\.name))
        return Bundle(mainDigest: mainDigest, root: root, libraries: search.found, staged: staged)
    }

    /// Copies a plugin, or finds its copy intact.
    func place(_ bundle: Bundle, _ file: borrowing TrustedFile) throws(TrustedFile.Fault) {
        try provide(file, bundle.mainDigest, at: bundle.staged.path)
        for library in bundle.libraries {
            let place = target(library.path, bundle.staged.digest, bundle.root)
            if library.isHostRuntime {
                try link(place, to: library.path)
            } else {
                let source = try TrustedFile(library.path, limit: fileLimit)
                try provide(source, try digest(of: source), at: place)
            }
        }
    }

    /// Writes what was learnt. Nil: done; else why not.
    func save() -> String? { index.save() }

    private func relative(_ path: String, _ root: [Substring]) -> String {
        pathComponents(path).dropFirst(root.count).joined(separator: "/")
    }

    private func target(_ path: String, _ digest: SHA256Digest, _ root: [Substring]) -> String {
        "\(directory)/\(digest.hex)/\(relative(path, root))"
    }

    private func digest(of file: borrowing TrustedFile) throws(TrustedFile.Fault) -> SHA256Digest {
        if let known = index.digest(file.path, file.identity) { return known }
        let digest = try file.withBytes { bytes throws(TrustedFile.Fault) in SHA256.digest(of: bytes) }
        index.remember(file.path, file.identity, digest, isPrivate: false)
        return digest
    }

    /// Makes sure that `place` holds the bytes that have this digest.
    private func provide(
        _ source: borrowing TrustedFile, _ digest: SHA256Digest, at place: String
    ) throws(TrustedFile.Fault) {
        if let identity = FileIdentity(path: place) {
            if index.digest(place, identity) == digest { return }
            if let bytes = readFile(place, limit: Int(fileLimit)),
                bytes.withUnsafeBytes({ SHA256.digest(of: $0) }) == digest
            {
                index.remember(place, identity, digest, isPrivate: true)
                return
            }
        }
        if let failure = makeDirectories(directoryName(place)) {
            throw TrustedFile.Fault(
                text: "cannot create \(failure)", advice: "make room in the state directory")
        }
        try source.withBytes { bytes throws(TrustedFile.Fault) in
            guard SHA256.digest(of: bytes) == digest else {
                throw TrustedFile.Fault(text: "it changed while it was read", advice: "try again")
            }
            if let failure = replaceFile(place, with: bytes, mode: 0o444, durable: true) {
                throw TrustedFile.Fault(text: failure, advice: "make room in the state directory")
            }
        }
        guard let identity = FileIdentity(path: place) else { return }
        index.remember(place, identity, digest, isPrivate: true)
    }

    /// Makes `place` a symbolic link to a library of the host's runtime. The host may have moved since.
    private func link(_ place: String, to library: String) throws(TrustedFile.Fault) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = buffer.withUnsafeMutableBytes {
            readlink(place, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        if length > 0, buffer[..<length].elementsEqual(library.utf8) { return }
        let failure: String? = makeDirectories(directoryName(place)).map { "create \($0)" }
        let fresh = place + ".\(getpid())"
        unlink(fresh)
        guard failure == nil, symlink(library, fresh) == 0, rename(fresh, place) == 0 else {
            let why = jf_errno()
            throw TrustedFile.Fault(
                text: "cannot \(failure ?? "link \(place): \(errorText(why))")",
                advice: "make room in the state directory")
        }
    }
}
