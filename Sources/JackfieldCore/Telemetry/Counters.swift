// SPDX-License-Identifier: Apache-2.0
// Counts of what happened, for operators: plain atomics, one set for the gateway.

import Synchronization

/// What is counted. Names are stable: they become metric names.
enum Counter: Int, CaseIterable {
    case questions = 0, questionsRefused, questionsExpired, answersUnasked
    case parked, parkedExpired, statesRefused
    case resumed, replayed, promoted
    case retries, breakersOpened, overloads, healthFailures
    case toolsDrifted, quarantinedCalls
    case responseCacheHits, responseCacheMisses, callsCoalesced
    case rollbacks
    case hedges, hedgesWon
    case refusedCallers, unknownCallers
    case denials, dryDenials, policyFailures
    case sessionsSought, sessionsRestored, sessionsUnkept
    case resultsKept, resultsNotKept, resultsRead

    var name: StaticString {
        switch self {
        case .questions: "questions"
        case .questionsRefused: "questions_refused"
        case .questionsExpired: "questions_expired"
        case .answersUnasked: "answers_unasked"
        case .parked: "parked"
        case .parkedExpired: "parked_expired"
        case .statesRefused: "request_states_refused"
        case .resumed: "streams_resumed"
        case .replayed: "events_replayed"
        case .promoted: "calls_promoted"
        case .retries: "retries"
        case .breakersOpened: "breakers_opened"
        case .overloads: "overloads"
        case .healthFailures: "health_failures"
        case .toolsDrifted: "tools_drifted"
        case .quarantinedCalls: "calls_quarantined"
        case .responseCacheHits: "response_cache_hits"
        case .responseCacheMisses: "response_cache_misses"
        case .callsCoalesced: "calls_coalesced"
        case .rollbacks: "rollbacks"
        case .hedges: "hedges"
        case .hedgesWon: "hedges_won"
        case .refusedCallers: "callers_refused"
        case .unknownCallers: "callers_unverified"
        case .denials: "denials"
        case .dryDenials: "denials_dry"
        case .policyFailures: "policy_failures"
        case .sessionsSought: "sessions_sought"
        case .sessionsRestored: "sessions_restored"
        case .sessionsUnkept: "sessions_unkept"
        case .resultsKept: "results_kept"
        case .resultsNotKept: "results_not_kept"
        case .resultsRead: "results_read"
        }
    }
}

/// Any thread.
final class Counters: Sendable {
    private let values: [CounterCell] = Counter.allCases.map { _ in CounterCell() }

    func add(_ counter: Counter, _ amount: Int = 1) {
        values[counter.rawValue].value.add(amount, ordering: .relaxed)
    }

    func read(_ counter: Counter) -> Int { values[counter.rawValue].value.load(ordering: .relaxed) }
}

private final class CounterCell: Sendable {
    let value = Atomic<Int>(0)
}
