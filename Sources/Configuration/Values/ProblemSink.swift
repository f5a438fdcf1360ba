// SPDX-License-Identifier: Apache-2.0
// Collects what is wrong in a file while it is read.

/// Collects findings while a file is read. Confined to the thread that reads the file.
final class ProblemSink {
    /// More findings than this are counted, not kept: nobody reads them, and each costs time.
    static let limit = 500

    let file: String
    private var kept: [ConfigurationProblem] = []
    private var seen: Set<ConfigurationProblem> = []
    private var dropped = 0
    private(set) var hasErrors = false

    init(file: String) { self.file = file }

    func error(_ position: SourcePosition, _ message: String, suggestion: String? = nil) {
        hasErrors = true
        add(.error, position, message, suggestion)
    }

    func warning(_ position: SourcePosition, _ message: String, suggestion: String? = nil) {
        add(.warning, position, message, suggestion)
    }

    /// True when further findings would only be counted; callers may then skip costly work for their text.
    var isFull: Bool { kept.count >= Self.limit }

    /// All findings, in the order of the file.
    var problems: [ConfigurationProblem] {
        // A stable order for findings of one place: the order in which they were made.
        var all = kept.enumerated()
            .sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }
            .map(\.element)
        if dropped > 0 {
            let message = "\(dropped) more findings are not shown"
            all.append(.init(hasErrors ? .error : .warning, file: file, position: .none, message: message))
        }
        return all
    }

    private func add(
        _ severity: ConfigurationProblem.Severity, _ position: SourcePosition, _ message: String,
        _ suggestion: String?
    ) {
        // A suggestion is there to be copied: one that can't be printed as it is, or is no word, helps
        // nobody.
        let suggestion = suggestion.flatMap { $0.utf8.count <= 160 && isPrintable($0) ? $0 : nil }
        let problem = ConfigurationProblem(
            severity, file: file, position: position, message: message, suggestion: suggestion)
        // A node that aliases show in many places is checked in each of them; one finding is enough.
        guard !seen.contains(problem) else { return }
        guard kept.count < Self.limit else {
            dropped += 1
            return
        }
        seen.insert(problem)
        kept.append(problem)
    }
}
