// SPDX-License-Identifier: Apache-2.0
// Who hears that lists changed: what is compared, how changes are gathered, and how many reviews run at once.

import Testing

@testable import JackfieldCore

@Suite("List news") struct ListNewsTests {
    @Test func whatDiffersIsTold() {
        let seen = SeenLists([1, 2, 3, 4])
        #expect(seen.differences([1, 2, 3, 4]).isEmpty)
        #expect(seen.differences([9, 2, 3, 4]) == .tools)
        #expect(seen.differences([1, 2, 9, 4]) == .resources, "templates are resources' news")
        #expect(seen.differences([1, 9, 3, 9]) == [.resources, .prompts])
        #expect(seen.differences([]) == .all)
    }

    @Test func changesAreGatheredIntoOneRound() {
        let news = ListNews()
        #expect(!news.arm(), "nothing to tell")
        news.note("/mcp", .tools)
        #expect(news.arm() && !news.arm(), "one timer for all")
        news.note("/mcp", .prompts)
        news.note("/other", .tools)
        let taken = news.take()
        #expect(taken.changed == ["/mcp": [.tools, .prompts], "/other": .tools] && taken.opened.isEmpty)
        #expect(!news.hasNews && news.take().changed.isEmpty)
        // What changes while the round is under way waits for the next.
        news.begin([audience(0)])
        #expect(news.next() != nil)
        news.note("/mcp", .tools)
        #expect(!news.arm())
        news.settled()
        #expect(!news.isBusy && news.arm())
    }

    @Test func fewReviewsRunAtOnce() {
        let news = ListNews()
        news.note("/mcp", .tools)
        _ = news.arm()
        _ = news.take()
        news.begin((0..<20).map(audience))
        var begun = 0
        while news.next() != nil { begun += 1 }
        #expect(begun == ListNews.mostReviews)
        for left in (0..<12).reversed() {
            news.settled()
            #expect(news.next() != nil && news.next() == nil, "\(left) are left")
        }
        for _ in 0..<ListNews.mostReviews {
            #expect(news.isBusy)
            news.settled()
        }
        #expect(!news.isBusy)
    }

    @Test func aRoundWithoutAnybodyIsOver() {
        let news = ListNews()
        news.note("/mcp", .tools)
        _ = news.arm()
        _ = news.take()
        news.begin([])
        news.endIfEmpty()
        #expect(!news.isBusy)
    }

    private func audience(_ number: Int) -> ListAudience {
        ListAudience(
            .everybody("/\(number)"), path: "/\(number)", caller: .nobody, address: "")
    }
}
