// SPDX-License-Identifier: Apache-2.0
// `list_changed` where policies decide what lists show: only for those whose own list is really another. Everybody else
// would learn that something changes which they may not know.

import CJackfield
import MCP

extension Lane {
    /// Whether lists are not the same for everybody.
    var listsDiffer: Bool { isGuarded }

    // MARK: What may have changed

    /// Lists of these kinds at a path may be others for some.
    func suspect(_ path: String, _ kinds: ListKinds) {
        guard
            ListKinds.each.contains(where: {
                kinds.contains($0) && standing.streams.hasListeners(at: path, $0)
            })
        else { return }
        listNews.note(path, kinds)
        armListNews()
    }

    /// A session's stream: its lists may be others than when it last heard of them.
    func suspect(_ subscriber: Subscriber) {
        listNews.note(subscriber)
        armListNews()
    }

    private func armListNews(after delay: UInt64 = ListNews.gathering) {
        guard listNews.arm() else { return }
        loop.after(delay) { [weak self] in self?.tellLists() }
    }

    /// Policies are about to come between clients and lists: until now everybody saw everything.
    func rememberLists() {
        var whole: [String: SeenLists] = [:]
        for subscriber in standing.streams.all {
            if whole[subscriber.path] == nil, let view = catalog.view(subscriber.path) {
                whole[subscriber.path] = SeenLists(view.fingerprints)
            }
            subscriber.seen = whole[subscriber.path]
        }
    }

    /// What a stream's lists were when it last heard of them, for its session to keep; empty: nothing is known of them.
    func seen(by subscriber: Subscriber) -> [UInt64] {
        listsDiffer ? subscriber.seen?.fingerprints ?? [] : lists(at: subscriber.path)
    }

    // MARK: A round

    private func tellLists() {
        let (changed, opened) = listNews.take()
        var audiences: [ListAudience.Key: ListAudience] = [:]
        var keys: [ObjectIdentifier: [UInt8]?] = [:]
        var known: Set<ObjectIdentifier> = []
        func add(_ subscriber: Subscriber, _ kinds: ListKinds) {
            guard subscriber.isOpen, known.insert(ObjectIdentifier(subscriber)).inserted else { return }
            let caller = subscriber.caller
            let address = clients[subscriber.client]?.address ?? ""
            let key: ListAudience.Key
            if !listsDiffer {
                key = .everybody(subscriber.path)
            } else {
                let classes = keys[ObjectIdentifier(caller)] ?? self.classes(of: caller)
                keys[ObjectIdentifier(caller)] = .some(classes)
                key =
                    classes.map { .shared(ShownViews.Key(path: subscriber.path, classes: $0)) }
                    ?? .person(subscriber.path, ObjectIdentifier(caller), address)
            }
            let audience =
                audiences[key]
                ?? ListAudience(key, path: subscriber.path, caller: caller, address: address)
            audiences[key] = audience
            audience.kinds.formUnion(kinds)
            audience.members.append(subscriber)
        }
        for (path, kinds) in changed {
            for kind in ListKinds.each where kinds.contains(kind) {
                for subscriber in standing.streams.listeners(at: path, kind) { add(subscriber, kinds) }
            }
        }
        for subscriber in opened { add(subscriber, .all) }
        listNews.begin(Array(audiences.values))
        listNews.endIfEmpty()
        reviewNext()
    }

    private func reviewNext() {
        while let audience = listNews.next() { review(audience) }
        // What changed meanwhile.
        armListNews()
    }

    private func review(_ audience: ListAudience) {
        guard let view = catalog.view(audience.path) else { return settle(audience, nil) }
        var key: ShownViews.Key?
        switch audience.key {
        case .everybody: return settle(audience, .shown(view))
        case .shared(let shared): key = shared
        case .person: break
        }
        if let key, let known = shownViews.find(key, of: view) { return settle(audience, .shown(known)) }
        let review: Review
        if let key, let begun = shownViews.reviews[key] {
            review = begun
        } else {
            review = newReview(view, audience.caller, audience.address, key, mark: key?.mark ?? 1)
            proceed(review)
            if let outcome = review.outcome { return settle(audience, outcome) }
            if let key { shownViews.reviews[key] = review }
        }
        review.hearers.append { [weak self] outcome in
            guard let self else { return }
            if outcome == nil { for member in audience.members { self.listNews.note(member) } }
            self.settle(audience, outcome)
            self.reviewNext()
        }
    }

    /// - Parameter outcome: nil: there is nothing to compare with, or not yet.
    private func settle(_ audience: ListAudience, _ outcome: Review.Outcome?) {
        defer { listNews.settled() }
        switch outcome {
        case nil: return
        case .failed:
            // Nobody can know what they see; as soon as that is known, they hear whether it is another.
            loop.after(ListNews.again) { [weak self] in
                guard let self else { return }
                for member in audience.members where member.isOpen { self.suspect(member) }
            }
        case .shown(let view):
            let now = SeenLists(view.fingerprints)
            for subscriber in audience.members where subscriber.isOpen {
                let kinds = subscriber.seen?.differences(now.fingerprints) ?? audience.kinds
                subscriber.seen = now
                for kind in ListKinds.each where kinds.contains(kind) && subscriber.kinds.contains(kind) {
                    tell(subscriber, kind)
                }
            }
        }
    }
}
