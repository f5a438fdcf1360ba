// SPDX-License-Identifier: Apache-2.0
// SessionSubscriptions: what a legacy session missed while it had no stream is told on the next one, once.

import Testing

@testable import JackfieldCore

@Suite("Session subscriptions") struct SessionSubscriptionsTests {
    @Test func listsThatChangedWithoutAStreamAreToldOnTheNext() {
        let own = SessionSubscriptions()
        own.begin([1, 2, 3, 4])
        let first = own.opened(on: 0, [1, 2, 3, 4])
        #expect(first.kinds.isEmpty)
        own.closed(first.turn, [1, 2, 3, 4], untold: [])
        let second = own.opened(on: 1, [9, 2, 8, 4])
        #expect(second.kinds == [.tools, .resources])
        own.closed(second.turn, [9, 2, 8, 4], untold: [])
        #expect(own.opened(on: 0, [9, 2, 8, 4]).kinds.isEmpty)
    }

    @Test func whatTheStreamCouldNotTakeIsToldOnTheNext() {
        let own = SessionSubscriptions()
        own.begin([1, 2, 3, 4])
        let first = own.opened(on: 0, [1, 2, 3, 4])
        own.closed(first.turn, [1, 2, 3, 5], untold: .prompts)
        #expect(own.opened(on: 0, [1, 2, 3, 5]).kinds == .prompts)
    }

    @Test func withoutABeginningNothingCanHaveChanged() {
        let own = SessionSubscriptions()
        #expect(own.opened(on: 0, [1, 2, 3, 4]).kinds.isEmpty)
    }

    @Test func aViewThatWasGoneMeanwhileIsComparedWithWhatItWas() {
        let own = SessionSubscriptions()
        own.begin([1, 2, 3, 4])
        let first = own.opened(on: 0, [])
        #expect(first.kinds.isEmpty)
        own.closed(first.turn, [], untold: .all)
        #expect(own.opened(on: 0, [1, 2, 3, 5]).kinds == .prompts)
    }

    @Test func resourcesAreNotedOnlyWhileNoStreamIsOpen() {
        let own = SessionSubscriptions()
        #expect(own.place("a") == nil)
        #expect(own.place("a") == nil)
        #expect(own.place("b") == nil)
        own.forget("b")
        let first = own.opened(on: 3, [])
        #expect(first.uris == ["a"])
        #expect(own.place("a") == 3)
        #expect(own.takeChanged() == [])
        own.keep("c")
        #expect(own.takeChanged() == ["c"])
        own.closed(first.turn, [], untold: [])
        #expect(own.place("a") == nil)
    }

    @Test func theEndOfAnOlderStreamSaysNothingAboutItsSuccessor() {
        let own = SessionSubscriptions()
        let old = own.opened(on: 0, [1, 1, 1, 1])
        let new = own.opened(on: 1, [2, 2, 2, 2])
        own.closed(old.turn, [7, 7, 7, 7], untold: .all)
        #expect(own.place("a") == 1)
        own.closed(new.turn, [2, 2, 2, 2], untold: [])
        #expect(own.place("a") == nil)
        #expect(own.opened(on: 0, [2, 2, 2, 2]).kinds.isEmpty)
    }

    @Test func itsEndIsHeardOnce() {
        let ends = Counter(0)
        var own: SessionSubscriptions? = SessionSubscriptions()
        own?.atEnd { ends.add(1) }
        own?.atEnd { ends.add(10) }
        #expect(ends.value == 0)
        own = nil
        #expect(ends.value == 1)
    }
}
