// SPDX-License-Identifier: Apache-2.0
// Tests of the C++ SDK's toolset and services: a plugin that is linked into the program, under the mock host.
#include "jf_check.h"

#include <jackfield/mock.hpp>
#include <jackfield/plugin.hpp>

#include <atomic>
#include <stdexcept>
#include <unistd.h>

using jackfield::testing::Mock;
using namespace jackfield;

class Bench;

struct BenchPlugin : Plugin {
    using Toolset = Bench;
    BenchPlugin(Host &its, const json::Value &config) : Plugin(its) {
        if (config["refuse"]) throw std::runtime_error("told to refuse");
        late = loop.after(std::chrono::hours(1), [] {});
    }
    Error start() { return started ? Error::fault("started twice") : (started = true, Error()); }
    void stop() {
        for (std::thread &one : threads)
            if (one.joinable()) one.join();
    }

    Log log{host};
    Loop loop{host};
    Ops ops{host};
    Clock clock{host};
    Memory memory{host};
    Secrets secrets{host};
    Calls calls{host};
    Toolsets toolsets{host};
    Timer late;
    std::vector<std::thread> threads;
    std::vector<Pending> kept;
    bool started = false;
};

/** What outlives its instance, on purpose. */
static Pending orphan;
static std::unique_ptr<Lane> lane_of_dead;

class Bench {
  public:
    Bench(BenchPlugin &plugin, const SetInfo &info) : it(plugin), set(info.set) {
        if (info.config["bad"]) throw Error::invalid("the setting 'bad' is bad");
    }

    std::string_view tools() const { return R"([{"name":"x","inputSchema":{"type":"object"}}])"; }
    std::vector<Resource> resources() const { return {Resource("a:b", "b").mime("text/plain")}; }
    Answer read(const Request &request) {
        if (request.name != "a:b") return Error::invalid("no such resource");
        return ResourceResult{{ResourceContents::text(request.name, "contents")}};
    }
    Answer complete(const Request &request) {
        return Completion{{request.params["argument"]["value"].text().value_or("?") + "!"}};
    }

    Answer call(const Request &request) {
        std::string_view name = request.name;
        if (name == "throw_error") throw Error::busy("try later", 250);
        if (name == "throw_std") throw std::runtime_error("standard");
        if (name == "throw_int") throw 7;
        if (name == "throw_memory") throw std::bad_alloc();
        if (name == "throw_failure") throw ToolFailure("could not");
        if (name == "later_only") return Answer::later();
        if (name == "no_error") return Error();
        if (name == "drop") return (void)request.later(it.ops), Answer::later();
        if (name == "drop_later") return it.loop.post([p = request.later(it.ops)] {}), Answer::later();
        if (name == "local_then_throw") {
            Pending local = request.later(it.ops);
            throw std::runtime_error("with a local Pending");
        }
        if (name == "twice") {
            Pending first = request.later(it.ops), second = request.later(it.ops);
            bool none = !second && first;
            bool one = first.finish(ToolResult::text(none ? "one" : "two")),
                 other = first.finish(Error::fault("second"));
            return one && !other ? Answer::later() : Answer(Error::fault("wrong answers of finish"));
        }
        if (name == "take_then_throw") {
            it.kept.push_back(request.later(it.ops));
            throw std::runtime_error("after later");
        }
        if (name == "take_then_answer") {
            it.kept.push_back(request.later(it.ops));
            return ToolResult::text("at once after all");
        }
        if (name == "keep") return keep(request);
        if (name == "orphan") {
            orphan = request.later(it.ops);
            lane_of_dead = std::make_unique<Lane>(it.loop.lane());
            return Answer::later();
        }
        if (name == "thread") return thread(request);
        if (name == "timers") return timers(request);
        if (name == "pipe") return pipe_(request);
        if (name == "callback_throws") {
            it.loop.post([] { throw std::runtime_error("in a post"); });
            it.loop.after(std::chrono::nanoseconds(0), [] { throw 3; }).detach();
            return ToolResult::text("posted");
        }
        if (name == "services") return services();
        if (name == "route") return route(request);
        return request.unknown();
    }

  private:
    Answer keep(const Request &request) {
        it.kept.push_back(request.later(it.ops));
        it.kept.back().on_cancel(it.loop, [this] {
            it.kept.back().finish(ToolResult::text("cancelled"));
            it.kept.pop_back();
        });
        return Answer::later();
    }
    Answer thread(const Request &request) {
        it.threads.emplace_back([this, pending = request.later(it.ops), lane = it.loop.lane()]() mutable {
            pending.progress(1, 2, "half");
            lane.post([this, pending = std::move(pending)]() mutable {
                it.toolsets.changed(set);
                pending.finish(ToolResult::text("from a thread"));
            });
        });
        return Answer::later();
    }
    Answer timers(const Request &request) {
        auto turns = std::make_shared<int>(0);
        auto pending = std::make_shared<Pending>(request.later(it.ops));
        cancelled = it.loop.after(std::chrono::milliseconds(1), [turns] { *turns = 100; });
        cancelled.cancel();
        Timer moved = it.loop.after(std::chrono::milliseconds(1), [turns] { ++*turns; });
        again = std::move(moved);
        turn(turns, pending);
        return Answer::later();
    }
    void turn(std::shared_ptr<int> turns, std::shared_ptr<Pending> pending) {
        step = it.loop.after(std::chrono::milliseconds(5), [this, turns, pending] {
            if (++*turns < 4)
                turn(turns, pending); /* sets anew the timer that fires */
            else
                pending->finish(ToolResult::text(std::to_string(*turns)));
        });
    }
    Answer pipe_(const Request &request) {
        int ends[2];
        if (pipe(ends) != 0) return Error::fault("no pipe");
        auto pending = std::make_shared<Pending>(request.later(it.ops));
        Error error = it.loop.watch(
            ends[0], JF_READABLE,
            [this, ends0 = ends[0], ends1 = ends[1], pending](uint32_t events) {
                char byte = 0;
                bool got = (events & JF_READABLE) != 0 && ::read(ends0, &byte, 1) == 1;
                auto answer = pending; /* ending the watch must not end this closure while it runs */
                watch.end();
                ::close(ends0);
                ::close(ends1);
                answer->finish(ToolResult::text(got ? std::string(1, byte) : "?"));
            },
            watch);
        if (error) return error;
        if (::write(ends[1], "w", 1) != 1) return Error::fault("no write");
        return Answer::later();
    }
    Answer services() {
        Buffer buffer = it.memory.borrow(1000);
        Memory::Block block = it.memory.allocate(64);
        auto secret = it.secrets.get("key");
        bool known = secret && secret->text() == "open sesame", unknown = !it.secrets.get("other");
        bool time = it.clock.monotonic_ns() > 0 && it.clock.wall_ns() > 0 && it.loop.now_ns() > 0;
        uint32_t loops = 0;
        bool index = it.loop.index(&loops) == 0 && loops == 1;
        it.log.info("looked round", {{"secret", known}, {"size", buffer.capacity()}, {"name", "x"}});
        bool all = buffer && buffer.capacity() >= 1000 && block && known && unknown && time && index;
        return ToolResult::text(all ? "all" : "some");
    }
    Answer route(const Request &request) {
        auto pending = std::make_shared<Pending>(request.later(it.ops));
        Error error =
            it.calls.start({"tools/call", R"({"name":"other"})"}, [pending](const CallResult &result) {
                pending->finish(ToolResult::text(std::to_string(result.status) + " " +
                                                 result.body["a"].text().value_or("?")));
            });
        if (error) return error;
        return Answer::later();
    }

    BenchPlugin &it;
    Ref set;
    Timer cancelled, again, step;
    Watch watch;
};

JACKFIELD_PLUGIN(BenchPlugin)

/** A mock with the plugin and one set. */
struct Rig {
    Rig() {
        jf_mock_set_secret(mock, "key", "open sesame");
        ok = mock.up(jf_entry_1);
        if (ok) set = mock.open_set("one");
    }
    Mock mock;
    bool ok;
    jackfield::testing::Set set{mock.get(), 0};
};

TEST(exceptions_become_answers) {
    Rig rig;
    REQUIRE(rig.ok && rig.set, "%s", rig.mock.why());
    auto done = rig.set.call("throw_error");
    CHECK(done.status == JF_E_BUSY && done.why == "try later" && !done.shown, "%s", done.why.c_str());
    done = rig.set.call("throw_std");
    CHECK(done.status == JF_E_FAULT && done.why == "standard" && !done.shown, "%s", done.why.c_str());
    CHECK(rig.set.call("throw_int").status == JF_E_FAULT, "something that is no std::exception");
    CHECK(rig.set.call("throw_memory").status == JF_E_BUSY, "out of memory");
    CHECK(rig.set.call("throw_failure")["isError"].boolean() == true, "a failure is a result");
    CHECK(rig.set.call("later_only").status == JF_E_FAULT, "later without a Pending");
    CHECK(rig.set.call("no_error").status == JF_E_FAULT, "an error that is none");
    done = rig.set.call("nothing");
    CHECK(done.status == JF_E_INVALID && done.shown, "%s", done.why.c_str());
    CHECK(rig.mock.end() == 0, "the plugin broke a rule");
}

TEST(answers_go_out_exactly_once) {
    Rig rig;
    REQUIRE(rig.ok && rig.set, "%s", rig.mock.why());
    auto done = rig.set.call("drop");
    CHECK(done.status == JF_E_FAULT && done.why.find("keeps no Pending") != std::string::npos, "%s",
          done.why.c_str());
    done = rig.set.call("drop_later");
    CHECK(done.status == JF_E_FAULT && done.why.find("without an answer") != std::string::npos, "%s",
          done.why.c_str());
    CHECK(rig.set.call("local_then_throw").why == "with a local Pending", "the exception is the answer");
    CHECK(rig.set.call("twice").words() == "one", "the first answer counts");
    done = rig.set.call("take_then_throw");
    CHECK(done.status == JF_E_FAULT && done.in_slot && done.why == "after later", "%s", done.why.c_str());
    CHECK(rig.set.call("take_then_answer").words() == "at once after all",
          "an answer at once takes the duty back");
    CHECK(rig.mock.end() == 0, "the plugin broke a rule");
}

TEST(cancels_on_the_lane) {
    Rig rig;
    REQUIRE(rig.ok && rig.set, "%s", rig.mock.why());
    Ref op = rig.set.begin("keep");
    std::thread([&] { jf_mock_cancel_op(rig.mock, op, JF_E_TIMEOUT); }).join();
    CHECK(rig.set.wait(op).words() == "cancelled", "on_cancel did not run");
    op = rig.set.begin("keep");
    jf_mock_stop(rig.mock);
    CHECK(rig.set.wait(op).status == JF_E_GONE, "a stop answers what is open");
    CHECK(rig.mock.end() == 0, "the plugin broke a rule");
}

TEST(late_answers_after_the_end_touch_nothing) {
    Rig rig;
    REQUIRE(rig.ok && rig.set, "%s", rig.mock.why());
    Ref op = rig.set.begin("orphan");
    CHECK(orphan.wanted(), "open");
    jf_mock_destroy(rig.mock);
    CHECK(rig.set.wait(op).status == JF_E_GONE, "the stop answered it");
    CHECK(!orphan.wanted() && !orphan.finish(ToolResult::text("late")), "nobody hears it");
    CHECK(!lane_of_dead->post([] {}), "nothing is posted");
    lane_of_dead.reset();
    CHECK(rig.mock.end() == 0, "the plugin broke a rule");
}

TEST(threads_timers_and_descriptors) {
    Rig rig;
    REQUIRE(rig.ok && rig.set, "%s", rig.mock.why());
    auto done = rig.set.call("thread");
    CHECK(done.words() == "from a thread" && done.progress == 1, "%s", done.text().c_str());
    CHECK(jf_mock_count(rig.mock, 0, JF_MOCK_SET_CHANGED, rig.set.ref(), 0) == 1, "changed was not said");
    CHECK(rig.set.call("timers").words() == "4", "a cancelled timer fired, or one did not");
    CHECK(rig.set.call("pipe").words() == "w", "the descriptor was not read");
    CHECK(rig.mock.end() == 0, "the plugin broke a rule");
}

TEST(callbacks_that_throw_are_logged) {
    Rig rig;
    REQUIRE(rig.ok && rig.set, "%s", rig.mock.why());
    CHECK(rig.set.call("callback_throws").ok(), "posted");
    jf_mock_run_until(
        rig.mock, [](void *it) { return jf_mock_log_count(static_cast<jf_mock *>(it)) >= 2; }, rig.mock.get(),
        2000);
    CHECK(jf_mock_logged(rig.mock, JF_LOG_ERROR, "in a post"), "not logged");
    CHECK(jf_mock_logged(rig.mock, JF_LOG_ERROR, "no std::exception"), "not logged");
    CHECK(rig.mock.end() == 0, "the plugin broke a rule");
}

TEST(services_and_other_slots) {
    Rig rig;
    REQUIRE(rig.ok && rig.set, "%s", rig.mock.why());
    CHECK(rig.set.call("services").words() == "all", "a service is not as it should be");
    CHECK(jf_mock_logged(rig.mock, JF_LOG_INFO, "name=x"), "%s", jf_mock_log_at(rig.mock, 0, nullptr));
    CHECK(rig.set.read("a:b")["contents"][size_t(0)]["text"].text() == "contents", "the resource");
    CHECK(rig.set.read("c:d").status == JF_E_INVALID, "no such resource");
    CHECK(rig.set.complete(R"({"argument":{"name":"n","value":"v"}})")["completion"]["values"].raw() ==
              "[\"v!\"]",
          "completed");
    CHECK(rig.set.prompt("p").status == JF_E_UNSUPPORTED, "a class without prompts has no slot for them");
    CHECK(rig.set.list(JF_RESOURCES).root().size() == 1 && rig.set.list(JF_PROMPTS).text().empty(), "lists");
    CHECK(rig.mock.end() == 0, "the plugin broke a rule");
}

TEST(calls_through_the_router) {
    Rig rig;
    REQUIRE(rig.ok && rig.set, "%s", rig.mock.why());
    CHECK(rig.set.call("route").status == JF_E_UNSUPPORTED, "the mock refuses calls without a handler");
    static Ref asked;
    jf_mock_on_call(
        rig.mock, [](void *, jf_mock *, jf_ref id, const jf_call *) -> int32_t { return asked = id, JF_OK; },
        nullptr);
    Ref op = rig.set.begin("route");
    jf_mock_answer(rig.mock, asked, JF_OK, R"({"a":"b"})");
    CHECK(rig.set.wait(op).words() == "0 b", "%s", rig.set.wait(op).text().c_str());
    op = rig.set.begin("route"); /* still open when the instance stops */
    jf_mock_stop(rig.mock);
    CHECK(rig.set.wait(op).status == JF_E_GONE, "a stop answers what is open");
    CHECK(rig.mock.end() == 0, "the plugin broke a rule");
}

TEST(refusals) {
    Mock mock;
    REQUIRE(jf_mock_attach(mock, jf_entry_1) == JF_OK, "%s", mock.why());
    CHECK(jf_mock_create(mock, "{\"refuse\":1}") == JF_E_FAULT, "told to refuse");
    CHECK(std::string(mock.why()) == "told to refuse", "%s", mock.why());
    REQUIRE(jf_mock_create(mock, "{}") == JF_OK && jf_mock_start(mock) == JF_OK, "%s", mock.why());
    CHECK(!mock.open_set("x", "{\"bad\":1}"), "opened");
    CHECK(std::string(mock.why()) == "the setting 'bad' is bad", "%s", mock.why());
    CHECK(jf_mock_facet(mock, "jf.routing/1") == nullptr && jf_mock_facet(mock, "") == nullptr,
          "facets it has not");
    CHECK(mock.end() == 0, "the plugin broke a rule");

    Mock other;
    jf_mock_hide(other, "jf.loop/1");
    REQUIRE(jf_mock_attach(other, jf_entry_1) == JF_OK, "%s", other.why());
    CHECK(jf_mock_create(other, "{}") == JF_E_UNSUPPORTED, "created");
    CHECK(std::string(other.why()) == "the plugin needs the host service jf.loop/1", "%s", other.why());
    CHECK(other.end() == 0, "the plugin broke a rule");

    Mock old;
    jf_mock_set_abi(old, 2, 0);
    CHECK(jf_mock_attach(old, jf_entry_1) == JF_E_UNSUPPORTED, "another major");
    CHECK(old.end() == 0, "the plugin broke a rule");
}

TEST(smaller_and_larger_peers) {
    Rig rig;
    REQUIRE(rig.ok && rig.set, "%s", rig.mock.why());
    const jf_toolset_1 *table = jf_mock_toolset(rig.mock);
    jf_request request{};
    request.size = 24; /* the peer knows neither set nor name */
    jf_blob result{};
    CHECK(table->call(jf_mock_self(rig.mock), jf_mock_begin(rig.mock), &request, &result,
                      jf_mock_fault(rig.mock)) == JF_E_STALE,
          "read beyond the size");
    CHECK(table->call(jf_mock_self(rig.mock), 1, &request, &result, nullptr) == JF_E_STALE, "no fault");
    jf_mock_close_set(rig.mock, rig.set.ref());
    rig.mock.forgive();
    CHECK(rig.mock.end() <= 1, "the operation that the test began itself");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
