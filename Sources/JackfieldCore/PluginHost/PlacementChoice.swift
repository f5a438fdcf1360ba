// SPDX-License-Identifier: Apache-2.0
// Where a plugin runs, and why: what the configuration says, else what its author asks for, else where it comes from.

import CJackfield

/// What a configuration says of a plugin's place.
public enum PlacementWish: Sendable, Equatable { case inproc, cell }

/// Where a plugin runs, and why.
public struct PlacementChoice: Sendable, Equatable {
    /// The rule that decided, in the order in which they are asked.
    public enum Reason: Sendable, Equatable {
        /// The configuration's `placement`.
        case configured
        /// The manifest's `placement`.
        case author
        /// Its `sha256` stands in the configuration.
        case pinned
        /// It lies in the directory that was installed with this program.
        case firstParty
        /// None of these.
        case stranger
        /// It kept its event loop for too long, too often.
        case slow
    }

    public let isCell: Bool
    public let reason: Reason

    public init(isCell: Bool, reason: Reason) {
        self.isCell = isCell
        self.reason = reason
    }

    /// - Parameters:
    ///   - path: the plugin's file, after symbolic links.
    ///   - isPinned: the operator's file has its digest; nothing else is loaded in its place.
    ///   - installed: where the plugins lie that came with this program, after symbolic links; nil: nowhere.
    public init(
        _ manifest: PluginManifest, path: String, wish: PlacementWish?, isPinned: Bool, installed: String?
    ) {
        if let wish {
            self.init(isCell: wish == .cell, reason: .configured)
        } else if manifest.asksForCell {
            self.init(isCell: true, reason: .author)
        } else if isPinned {
            self.init(isCell: false, reason: .pinned)
        } else if let installed, directoryName(path) == installed {
            self.init(isCell: false, reason: .firstParty)
        } else {
            self.init(isCell: true, reason: .stranger)
        }
    }

    /// `in a cell, since …`.
    public var text: String {
        let place = isCell ? "in a cell" : "in process"
        return switch reason {
        case .configured: "\(place), as the configuration says"
        case .author: "\(place), as its manifest asks"
        case .pinned: "\(place), since the configuration pins its sha256"
        case .firstParty: "\(place), since it was installed with this program"
        case .stranger: "\(place), since it was neither installed with this program nor pinned by sha256"
        case .slow: "\(place), since it kept its event loop for too long"
        }
    }

    /// The configuration's word for it.
    public var word: String { isCell ? "cell" : "inproc" }

    /// Why the plugin cannot run there; one sentence with what to do. Nil: it can.
    public func problem(_ manifest: PluginManifest) -> String? {
        guard isCell else { return nil }
        let name = "plugin \(manifest.id)"
        switch reason {
        case .configured:
            // What it offers to others is absent then, which the operator chose.
            return PlacementChoice.need(manifest).map { "\(name): \($0); say placement: inproc" }
        case .author:
            return PlacementChoice.obstacle(manifest).map {
                "\(name): \($0), and its manifest asks for one; write placement: inproc"
            }
        case .stranger, .slow, .pinned, .firstParty:
            return PlacementChoice.obstacle(manifest).map {
                "\(name): \($0), and plugins that were neither installed with this program nor pinned run in one; "
                    + "pin it by sha256 or write placement: inproc"
            }
        }
    }

    /// What of a plugin a cell cannot do, as a clause; nil: nothing.
    public static func obstacle(_ manifest: PluginManifest) -> String? {
        if let need = need(manifest) { return need }
        guard let lost = manifest.provides.first(where: { $0 != JF_SEAL_1 }) else { return nil }
        return "it offers \(lost) to other plugins, which a cell cannot pass on"
    }

    private static func need(_ manifest: PluginManifest) -> String? {
        manifest.requires.first { !servicesInCells.contains($0) }.map {
            "it requires \($0), which is not offered in a cell"
        }
    }
}

/// Function pointers cannot leave a process: what offers them runs in the same cell.
public let servicesBesideInCells: Set<String> = [JF_CALLBACK_1]

/// What a plugin may require in a cell. Others' callbacks would have to wait on the gateway's event loop.
public let servicesInCells: Set<String> = Set(hostServices).union([JF_SEAL_1])
    .union(servicesBesideInCells)
