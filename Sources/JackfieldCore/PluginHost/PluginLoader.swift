// SPDX-License-Identifier: Apache-2.0
// The pipeline from a file to a loaded plugin: find, manifest, policy, copy, lint, rehearse, open, enter.

import CJackfield
import CLinux
import Glibc

/// Finds plugins and loads them. Use it from one thread; it blocks (files, child processes).
///
/// Nothing of a plugin runs in this process before its file was found trustworthy, its manifest read, the
/// operator's policy asked, a private copy made and checked, and that copy loaded in a child process without
/// harm. What was loaded is never closed; a file with the same content is loaded once.
public final class PluginLoader {
    /// Bounds; each is a named setting.
    public struct Limits: Sendable {
        /// Largest plugin or library file, in bytes.
        public var fileSize: UInt64 = 256 << 20
        /// How long loading may take in the child process, in nanoseconds.
        public var probeTimeout: UInt64 = 5_000_000_000

        public init() {}
    }

    public let searchPath: [String]
    public let stateDirectory: String
    /// `jackfield-cell`; nil: plugins are not rehearsed.
    public let cellPath: String?
    /// Asked whenever a plugin is loaded; a reload may bring another.
    public var policy: PluginPolicy
    public let limits: Limits
    /// Rehearsals leave the processor to others: set once calls are served.
    public var yields = false
    private let log: PluginLog
    private let hostVersion: String
    private let hostRuntime: String?
    private let hostServices: Set<String>
    /// Services that the plugins found so far would offer.
    private var offeredServices: Set<String> = []
    private var stage: PluginStage?
    private var libraries: [String: PluginLibrary] = [:]

    /// - Parameters:
    ///   - searchPath: Directories, the first wins. See ``PluginSearchPath/standard(configured:)``.
    ///   - stateDirectory: For copies and verdicts. See ``StateDirectory/standard()``.
    ///   - cellPath: See ``standardCellPath()``.
    ///   - services: Ids that the host itself offers.
    ///   - hostVersion: Verdicts hold for this version only.
    ///   - hostRuntime: Directory of the host's own runtime libraries, to which plugins beside it are linked.
    public init(
        searchPath: [String], stateDirectory: String, cellPath: String?,
        policy: PluginPolicy = PluginPolicy(),
        services: [String] = JackfieldCore.hostServices, hostVersion: String = Product.version,
        hostRuntime: String? = PluginLoader.standardHostRuntime(), limits: Limits = Limits(),
        log: @escaping PluginLog
    ) {
        self.searchPath = searchPath
        self.stateDirectory = stateDirectory
        self.cellPath = cellPath
        self.policy = policy
        self.limits = limits
        self.log = log
        self.hostVersion = hostVersion
        self.hostRuntime = hostRuntime
        hostServices = Set(services)
    }

    /// `jackfield-cell` beside this program; nil when it is not there.
    public static func standardCellPath() -> String? {
        guard let program = resolvedPath("/proc/self/exe") else { return nil }
        let path = directoryName(program) + "/jackfield-cell"
        return access(path, X_OK) == 0 ? path : nil
    }

    /// Where the plugins lie that were installed with this program, after symbolic links; nil when it is not there.
    public static func installedPlugins() -> String? {
        standardHostRuntime().flatMap { resolvedPath($0 + "/plugins") }
    }

    /// `../lib/jackfield` beside this program; nil when it is not there.
    public static func standardHostRuntime() -> String? {
        resolvedPath("/proc/self/exe").flatMap {
            resolvedPath(directoryName(directoryName($0)) + "/lib/jackfield")
        }
    }

    // MARK: Finding

    /// Every `*.so` of the search path, by directory and then by name, without subdirectories. Where an id
    /// was seen before, the later candidate carries a refusal that says so. Directories that are not there
    /// are passed over.
    public func discover() -> [PluginCandidate] {
        var candidates: [PluginCandidate] = []
        var directories: Set<String> = []
        var first: [String: String] = [:]
        for directory in searchPath {
            guard let real = resolvedPath(directory), let names = directoryEntries(real) else {
                log(.debug, "plugin directory \(directory) cannot be read: \(errorText(jf_errno()))")
                continue
            }
            guard directories.insert(real).inserted else { continue }
            for name in names where name.hasSuffix(".so") {
                let found = candidate(at: real + "/" + name)
                guard let id = found.manifest?.id, let earlier = first[id] else {
                    if let id = found.manifest?.id { first[id] = found.path }
                    candidates.append(found)
                    continue
                }
                guard earlier != found.path else { continue }
                let refusal = PluginRefusal(
                    .find, plugin: id,
                    "\(found.path) is hidden by \(earlier), which has the same id and comes first",
                    advice: "remove one of them")
                log(.warning, refusal.description)
                candidates.append(
                    PluginCandidate(path: found.path, manifest: found.manifest, refusal: refusal))
            }
        }
        return candidates
    }

    /// One file, wherever it lies.
    public func candidate(at path: String) -> PluginCandidate {
        var report = PluginReport(path: path)
        do throws(PluginRefusal) {
            let file = try trustedFile(&report)
            _ = try image(file, &report, readingSymbols: false)
            for service in report.manifest?.provides ?? [] { offeredServices.insert(service) }
            return PluginCandidate(path: report.path, manifest: report.manifest, refusal: nil)
        } catch {
            return PluginCandidate(path: report.path, manifest: report.manifest, refusal: error)
        }
    }

    // MARK: Inspecting and loading

    /// All facts about a file, and whether it would be loaded. It is copied and rehearsed as `load` would,
    /// but does not run in this process. A crash that is on file is tried again, and forgotten if it is gone.
    public func inspect(_ path: String) -> PluginReport {
        var report = PluginReport(path: path)
        do throws(PluginRefusal) {
            _ = try prepare(&report, anew: true)
        } catch {
            report.refusal = error
        }
        return report
    }

    /// Loads a candidate, or finds that its content is loaded already. What loading it changed in the process
    /// is put back where that is possible, and logged. With a cell nothing of it is loaded here.
    public func load(
        _ candidate: PluginCandidate, placement: PluginPlacement = .inproc,
        because placed: PlacementChoice.Reason = .configured
    ) throws(PluginRefusal) -> PluginLibrary {
        if let refusal = candidate.refusal { throw refusal }
        var report = PluginReport(path: candidate.path)
        report.manifest = candidate.manifest
        let staged = try prepare(&report, anew: false)
        if case .cell(let plan) = placement { return try isolate(plan, staged, report, placed) }
        if let library = libraries[staged.path] { return library }
        guard let manifest = report.manifest else { preconditionFailure("a prepared plugin has a manifest") }
        for finding in report.findings where finding.severity == .warning {
            log(.warning, "plugin \(manifest.id): \(finding.text)")
        }
        let library = try open(manifest, staged, report, placed)
        libraries[staged.path] = library
        return library
    }

    /// The same build for cells: its copy is there already, so that nothing is looked for or checked again.
    public func isolated(
        _ library: PluginLibrary, _ plan: CellPlan, because placed: PlacementChoice.Reason
    ) throws(PluginRefusal) -> PluginLibrary {
        var report = PluginReport(path: library.path)
        report.manifest = library.manifest
        let staged = StagedPlugin(digest: library.digest, path: library.stagedPath, privateLibraries: [])
        return try isolate(plan, staged, report, placed)
    }

    private func isolate(
        _ plan: CellPlan, _ staged: StagedPlugin, _ report: PluginReport, _ placed: PlacementChoice.Reason
    ) throws(PluginRefusal) -> PluginLibrary {
        guard let manifest = report.manifest else { preconditionFailure("a prepared plugin has a manifest") }
        if placed != .configured, let obstacle = PlacementChoice.obstacle(manifest) {
            throw refusal(.services, report, obstacle, "pin it by sha256 or write placement: inproc")
        }
        guard let cellPath else {
            throw refusal(
                .open, report, "it is to run in a cell, and jackfield-cell is not beside this program",
                "install jackfield-cell, or say placement: inproc")
        }
        for service in manifest.provides where service == JF_HTTP_1 {
            log(
                .warning,
                "plugin \(manifest.id) runs in a cell, from where \(service) is not offered: /healthz and what "
                    + "other plugins mount is not served")
        }
        let state = stateDirectory + "/cells/" + manifest.id
        if let failure = makeDirectories(state) {
            throw refusal(.open, report, failure, "choose another runtime.state_dir")
        }
        do throws(CellFault) {
            let table = try plan.table(
                manifest, library: staged.path, cell: cellPath, runtime: hostRuntime, state: state)
            return PluginLibrary(
                manifest: manifest, staged: staged, path: report.path, table: table, sideEffects: [],
                isIsolated: true, placed: placed)
        } catch {
            throw refusal(.open, report, error.text, "correct the 'cell' of its entry")
        }
    }

    private func open(
        _ manifest: PluginManifest, _ staged: StagedPlugin, _ report: PluginReport,
        _ placed: PlacementChoice.Reason
    ) throws(PluginRefusal) -> PluginLibrary {
        let before = ProcessSnapshot()
        let table: jf_plugin
        do throws(EntryFault) {
            table = try OpenedPlugin(path: staged.path).table()
        } catch {
            _ = before.changes(undoing: true)
            throw refusal(error.stage, report, error.text, error.advice)
        }
        let effects = before.changes(undoing: true)
        try judge(effects, .sideEffects, report)
        for effect in effects { log(.warning, "plugin \(manifest.id) \(effect) while it was loaded") }
        // Built against newer headers is fine; asking for more than it was built for is a mistake.
        if Int(table.minor) < manifest.abi.minor {
            log(
                .warning,
                "plugin \(manifest.id): its manifest says ABI \(manifest.abi), its table "
                    + "\(JF_ABI_MAJOR).\(table.minor)"
            )
        }
        return PluginLibrary(
            manifest: manifest, staged: staged, path: report.path, table: table, sideEffects: effects,
            placed: placed)
    }

    /// The digest by which a candidate would be known, after every check that needs none of it in this process.
    public func digest(of candidate: PluginCandidate) throws(PluginRefusal) -> SHA256Digest {
        if let refusal = candidate.refusal { throw refusal }
        var report = PluginReport(path: candidate.path)
        report.manifest = candidate.manifest
        return try prepare(&report, anew: false).digest
    }

    /// The private copy of a candidate, after every check that needs none of it in this process.
    public func stagedPath(of candidate: PluginCandidate) throws(PluginRefusal) -> String {
        if let refusal = candidate.refusal { throw refusal }
        var report = PluginReport(path: candidate.path)
        report.manifest = candidate.manifest
        return try prepare(&report, anew: false).path
    }

    private func judge(
        _ effects: [SideEffect], _ stage: PluginRefusal.Stage, _ report: PluginReport
    ) throws(PluginRefusal) {
        guard policy.refusesSideEffects, !effects.isEmpty else { return }
        throw refusal(
            stage, report,
            "loading it has side effects: it \(effects.map(\.text).joined(separator: "; it "))",
            "move that from its constructors to 'create', or allow side effects")
    }

    // MARK: Steps

    /// Everything before dlopen. What is learnt stays in the report even if it ends with a refusal.
    private func prepare(_ report: inout PluginReport, anew: Bool) throws(PluginRefusal) -> StagedPlugin {
        let file = try trustedFile(&report)
        let original = try image(file, &report, readingSymbols: false)
        if let (text, advice) = policy.objection(id: report.name, path: report.path) {
            throw refusal(.policy, report, text, advice)
        }
        let stage = try openStage(report)
        let staged: StagedPlugin
        do throws(TrustedFile.Fault) {
            let bundle = try stage.examine(file, original)
            staged = bundle.staged
            report.digest = staged.digest
            report.privateLibraries = staged.privateLibraries
            if let (text, advice) = policy.objection(id: report.name, path: report.path, staged: staged) {
                throw TrustedFile.Fault(text: text, advice: advice, stage: .policy)
            }
            try stage.place(bundle, file)
        } catch {
            throw refusal(error.stage ?? .stage, report, error.text, error.advice)
        }
        if let failure = stage.save() { log(.warning, "the index of plugins was not written: \(failure)") }
        report.stagedPath = staged.path
        if !anew, libraries[staged.path] != nil { return staged }
        try checkCopy(staged, &report)
        try checkServices(report)
        try rehearse(staged, &report, anew: anew)
        return staged
    }

    private func trustedFile(_ report: inout PluginReport) throws(PluginRefusal) -> TrustedFile {
        do throws(TrustedFile.Fault) {
            let file = try TrustedFile(report.path, limit: limits.fileSize)
            report.path = file.path
            report.size = file.identity.size
            return file
        } catch {
            throw refusal(.find, report, error.text, error.advice)
        }
    }

    /// Reads the image and, unless the report has the same one already, the manifest.
    private func image(
        _ file: borrowing TrustedFile, _ report: inout PluginReport, readingSymbols: Bool
    ) throws(PluginRefusal) -> ELFImage {
        let image: ELFImage
        do throws(ELFFault) {
            image = try ELFImage(file.input, readingSymbols: readingSymbols)
        } catch {
            throw refusal(.elf, report, "it \(error)", "rebuild it or fetch it again")
        }
        guard let note = image.manifest else {
            throw refusal(
                .manifest, report, "it has no manifest note",
                "put JF_MANIFEST(...) in one of its source files")
        }
        if report.manifest?.source != note {
            do throws(PluginManifest.Fault) {
                report.manifest = try PluginManifest(parsing: note)
            } catch {
                throw refusal(.manifest, report, error.text, "correct its JF_MANIFEST and rebuild it")
            }
        }
        if let abi = report.manifest?.abi, abi.major != Int(JF_ABI_MAJOR) {
            throw refusal(
                .manifest, report,
                "it is built for ABI \(abi); this host speaks \(JF_ABI_MAJOR).\(JF_ABI_MINOR)",
                "get a build for ABI \(JF_ABI_MAJOR)")
        }
        return image
    }

    private func openStage(_ report: PluginReport) throws(PluginRefusal) -> PluginStage {
        if let stage { return stage }
        do throws(TrustedFile.Fault) {
            let fresh = try PluginStage(
                stateDirectory: stateDirectory, hostRuntime: hostRuntime, fileLimit: limits.fileSize)
            stage = fresh
            return fresh
        } catch {
            throw refusal(.stage, report, error.text, error.advice)
        }
    }

    /// Reads manifest and properties from the copy: these are the bytes that will run.
    private func checkCopy(_ staged: StagedPlugin, _ report: inout PluginReport) throws(PluginRefusal) {
        let original = report.path
        report.path = staged.path
        defer { report.path = original }
        let file = try trustedFile(&report)
        let image = try image(file, &report, readingSymbols: true)
        report.image = image
        report.findings = ELFLint.check(image)
        report.path = original
        let errors = report.findings.filter { $0.severity == .error }
        if !errors.isEmpty {
            throw refusal(.lint, report, errors.map(\.text).joined(separator: "; "), "rebuild it")
        }
        if let (text, advice) = policy.objection(needed: image.needed) {
            throw refusal(.policy, report, text, advice)
        }
    }

    private func checkServices(_ report: PluginReport) throws(PluginRefusal) {
        guard let manifest = report.manifest else { return }
        let missing = manifest.requires.filter { !hostServices.contains($0) && !offeredServices.contains($0) }
        guard missing.isEmpty else {
            throw refusal(
                .services, report,
                "it requires \(missing.joined(separator: ", ")), which neither this host nor "
                    + "another plugin offers",
                "use a newer host, or install the plugin that offers \(missing.count == 1 ? "it" : "them")")
        }
    }

    private func rehearse(
        _ staged: StagedPlugin, _ report: inout PluginReport, anew: Bool
    ) throws(PluginRefusal) {
        guard policy.probes, let cellPath else { return }
        let probe = PluginProbe(
            cellPath: cellPath, directory: stateDirectory + "/probes", hostVersion: hostVersion,
            timeout: limits.probeTimeout, yields: yields)
        let verdict: ProbeVerdict
        let isKnown: Bool
        do throws(PluginProbe.Fault) {
            (verdict, isKnown) = try probe.verdict(on: staged, anew: anew)
        } catch {
            throw refusal(.probe, report, error.text, error.advice)
        }
        report.probe = verdict
        switch verdict.outcome {
        case .accepted:
            try judge(verdict.sideEffects.map { SideEffect(text: $0, isUndone: false) }, .probe, report)
        case .refused:
            let stage = PluginRefusal.Stage(name: verdict.stage)
            throw refusal(stage, report, verdict.message, verdict.advice.isEmpty ? nil : verdict.advice)
        case .crashed, .timedOut:
            let advice = "run 'jackfield plugin inspect \(report.path)'"
            throw refusal(
                .probe, report, verdict.message + (isKnown ? " on an earlier start" : ""),
                isKnown ? advice + " to try again" : advice)
        }
    }

    private func refusal(
        _ stage: PluginRefusal.Stage, _ report: PluginReport, _ text: String, _ advice: String?
    ) -> PluginRefusal {
        PluginRefusal(
            stage, plugin: report.name, text,
            advice: advice ?? "run 'jackfield plugin inspect \(report.path)'")
    }
}
