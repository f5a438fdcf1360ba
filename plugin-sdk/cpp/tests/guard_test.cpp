// SPDX-License-Identifier: Apache-2.0
// Tests of the C++ SDK's guards: a plugin that is a provider, a policy, a filter and a source of credentials,
// linked into the program. Errors are returned, so that it is built without exceptions as well.
#include "jf_check.h"

#include <jackfield/mock.hpp>
#include <jackfield/plugin.hpp>

using jackfield::testing::Done;
using jackfield::testing::Mock;
using namespace jackfield;

static Pending held;
static std::string seen;
static bool is_canceled;

struct GuardPlugin;

class Members {
  public:
    Members(GuardPlugin &its, const GuardInfo &info) : plugin(its), name(info.name) {}
    static std::unique_ptr<Members> make(GuardPlugin &its, const GuardInfo &info, Error &error) {
        std::string realm;
        if ((error = info.options().read_if("realm", realm))) return nullptr;
        return std::make_unique<Members>(its, info);
    }
    Answer identify(const Credentials &asked);
    json::Node describe() { return json::object({{"scopes_supported", json::array({"a", "b"})}}); }

    GuardPlugin &plugin;
    std::string name;
};

class Rules {
  public:
    Rules(GuardPlugin &its, const GuardInfo &info) : plugin(its), handle(info.handle) {}
    Ruling decide(const Access &asked);
    PrincipalClass classify(const Principal &who) {
        if (!who.known()) return PrincipalClass::own();
        return who.has_role("odd") ? PrincipalClass::none()
                                   : PrincipalClass::named("of " + std::string(who.tenant()));
    }
    GuardPlugin &plugin;
    Ref handle;
};

class Sieve {
  public:
    Sieve(GuardPlugin &its, const GuardInfo &) : plugin(its) {}
    Answer request(const Passage &asked);
    Answer result(const Passage &asked) {
        if (asked.is_error()) return Error::denied("no errors here").shown();
        seen = std::to_string(asked.memory());
        if (json::Value large = asked.body()["large"]) {
            if (!asked.may_link()) return Verdict(asked).replace(large, nullptr);
            json::Node preview = json::object({{"content", json::Node::raw("[]")}, {"large", 1}});
            return Verdict(asked).replace(large, nullptr).keep(preview, 1000, 9);
        }
        return Verdict(asked).replace(asked.body()["content"], json::Node::raw("[]"));
    }
    void ended(const Passed &call) { seen = std::to_string(call.memory) + " " + std::to_string(call.status); }
    GuardPlugin &plugin;
};

class Keys {
  public:
    Keys(GuardPlugin &its, const GuardInfo &) : plugin(its) {}
    Answer supply(const Demand &asked);
    GuardPlugin &plugin;
};

struct GuardPlugin : Plugin {
    using Auth = Members;
    using Policy = Rules;
    using Filter = Sieve;
    using CredentialSource = Keys;
    using Plugin::Plugin;
    Loop loop{host};
    Ops ops{host};
    Identities identities{host};
    Policies policies{host};
    Connected connected{host};
};

/** Takes the question for later, and hears when nobody waits any more. */
static void hold(const Question &asked, GuardPlugin &plugin) {
    held = asked.later(plugin.ops);
    is_canceled = false;
    held.on_cancel(plugin.loop, [] { is_canceled = true; });
}

Answer Members::identify(const Credentials &asked) {
    std::string_view token;
    if (Error error = asked.bearer(token)) return error;
    if (token.data() == nullptr) return Answer::absent();
    if (token == "later") {
        hold(asked, plugin);
        return Answer::later();
    }
    if (token == "lost") {
        asked.later(plugin.ops);
        return Answer::later();
    }
    if (token == "both") {
        hold(asked, plugin);
        held.finish(Identity("first"));
        return Identity("second");
    }
    if (token == "empty") return Answer::later();
    if (token == "forget") plugin.identities.forget("key 1");
    if (!same_secret(token, "alice's")) return Error::denied("nobody has this token").shown();
    Identity it("al\"ice");
    it.tenant = "acme";
    it.issuer = name;
    it.roles = {"admin", "reader"};
    it.scopes = {"mcp"};
    it.attributes = json::object({{"local", asked.local()}});
    it.credential = "key 1";
    it.expires_ms = asked.now_ms() > 0 ? 4000000000000 : 0;
    it.keep_ms = 0;
    return it;
}

Ruling Rules::decide(const Access &asked) {
    if (asked.name() == "later") {
        hold(asked, plugin);
        return Ruling::later();
    }
    if (asked.name() == "broken") return Error::fault("no rules");
    if (asked.name() == "secret") return Ruling::hide("secrets");
    if (asked.name() == "changed") plugin.policies.changed(handle);
    if (asked.name() == "write" && !asked.principal().has_scope("write"))
        return Ruling::needs({"read", "write"}, "scopes", "It needs more.");
    if (asked.arguments()["limit"].integer().value_or(0) > 10)
        return Ruling::deny("limits", "A rule of many words, too long for what a text keeps in itself.")
            .dry();
    return Ruling::allow(asked.labels().find("free").data() != nullptr ? "free" : "");
}

Answer Sieve::request(const Passage &asked) {
    json::Value arguments = asked.arguments();
    if (asked.name() == "later") {
        hold(asked, plugin);
        return Answer::later();
    }
    if (asked.name() == "cached")
        return Verdict::instead(json::object({{"content", json::list(std::vector<int>())}}));
    if (asked.name() == "nested") {
        Verdict verdict(asked);
        return verdict.replace(arguments["a"], 1).replace(arguments["a"]["b"], 2);
    }
    if (asked.name() == "other") return Verdict(asked).replace(json::Value::trusted("{}"), 1);
    if (asked.name() == "remember") return Verdict(asked).remember(77);
    if (!arguments["iban"]) return Verdict::pass();
    Verdict verdict(asked);
    verdict.add(arguments, "by", asked.principal().subject()).add(arguments, "z", nullptr);
    return verdict.replace(arguments["iban"], "*\"*").add(arguments["empty"], "one", 1).remember(5);
}

Answer Keys::supply(const Demand &asked) {
    if (asked.refused() != 0) {
        plugin.connected.forget(asked.principal().key());
        return Error::denied("it was refused");
    }
    if (!asked.principal().known()) return Answer::absent();
    if (asked.principal().subject() == "later") {
        hold(asked, plugin);
        return Answer::later();
    }
    if (asked.may_connect()) {
        plugin.connected.connected("id 1", JF_E_DENIED);
        return Supply::connect("https://a.example/?x=1", "Agree, please.", "id 1");
    }
    return Supply::of("authorization", "Bearer \"x\"").header("x-key", "k").expires(5000).keep(0);
}

JF_MANIFEST(R"json({
  "id": "test-guard", "version": "1.0.0", "abi": "1.1", "summary": "Guards.",
  "facets": ["jf.auth/1", "jf.policy/1", "jf.filter/1", "jf.credentials/1"],
  "requires": ["jf.loop/1", "jf.ops/1"], "optional": ["jf.identity/1", "jf.policies/1", "jf.connected/1"],
  "threads": "per-loop", "auth": {"provider": "members", "fields": ["authorization"]},
  "policy": {"policy": "rules"}, "filter": {"filter": "sieve"}, "credentials": {"source": "keys"}})json");
JACKFIELD_PLUGIN(GuardPlugin)

static Done identify(Mock &mock, Ref list, const char *value) {
    return mock.done(jf_mock_identify_field(mock, list, "authorization", value));
}

TEST(providers_answer) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    auto list = mock.provider("staff");
    REQUIRE(bool(list), "%s", mock.why());
    Done alice = identify(mock, list, "BEARER  alice's ");
    REQUIRE(alice.ok() && alice.in_slot, "%s", alice.why.c_str());
    std::string expected =
        R"({"subject":"al\"ice","tenant":"acme","issuer":"staff","roles":["admin","reader"],)"
        R"("scopes":["mcp"],"attributes":{"local":true},"credential":"key 1",)"
        R"("expires_ms":4000000000000,"keep_ms":0})";
    CHECK(alice.text() == expected, "%s", alice.text().c_str());
    CHECK(identify(mock, list, nullptr).status == JF_ABSENT, "no credentials");
    CHECK(identify(mock, list, "Basic x").status == JF_ABSENT, "others");
    for (const char *value : {"Bearer ", "Bearer eve's", "Bearer alice'sx", "Bearer alice"}) {
        Done refused = identify(mock, list, value);
        CHECK(refused.status == JF_E_DENIED && refused.shown, "%s: %s", value, refused.why.c_str());
    }
    jf_credentials twice = jf_mock_request_credentials(mock);
    jf_pair fields[2] = {{view("authorization"), view("Bearer a")},
                         {view("authorization"), view("Bearer b")}};
    twice.fields = fields;
    twice.field_count = 2;
    CHECK(mock.done(jf_mock_identify(mock, list, &twice)).status == JF_E_DENIED, "two of them");
    char *told = jf_mock_describe(mock, list, nullptr);
    CHECK(told != nullptr && std::string(told) == R"({"scopes_supported":["a","b"]})", "what it tells");
    std::free(told);
    uint32_t mark = jf_mock_mark(mock);
    identify(mock, list, "Bearer forget");
    const jf_mock_event *event = jf_mock_find(mock, mark, JF_MOCK_IDENTITY_FORGOTTEN, 0, 0);
    CHECK(event != nullptr && std::string(event->text) == "key 1", "it was not told");
    Ref old = list;
    list.detach();
    CHECK(identify(mock, old, "Bearer alice's").status == JF_E_STALE, "it is detached");
    CHECK(!mock.provider("staff", R"({"realm": 1})") &&
              std::string(mock.why()) == "option 'realm' must be a string",
          "%s", mock.why());
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(questions_are_answered_later_exactly_once) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    {
        auto list = mock.provider("staff");
        Ref op = jf_mock_identify_field(mock, list, "authorization", "Bearer later");
        CHECK(mock.done(op).status == JF_PENDING && held.wanted(), "it is open");
        Pending moved = std::move(held);
        CHECK(moved.finish(Identity("bob")) && !moved.finish(Identity("eve")), "once");
        Done bob = mock.done(op);
        CHECK(bob.ok() && !bob.in_slot && bob.text() == R"({"subject":"bob"})", "%s", bob.text().c_str());

        op = jf_mock_identify_field(mock, list, "authorization", "Bearer later");
        CHECK(held.finish(Answer::absent()) && mock.done(op).status == JF_ABSENT, "absent later");
        op = jf_mock_identify_field(mock, list, "authorization", "Bearer later");
        CHECK(held.finish(Error::denied("no").shown()) && mock.done(op).status == JF_E_DENIED,
              "refused later");
        op = jf_mock_identify_field(mock, list, "authorization", "Bearer later");
        held = Pending();
        CHECK(mock.done(op).status == JF_E_FAULT, "dropped");
        op = jf_mock_identify_field(mock, list, "authorization", "Bearer later");
        jf_mock_cancel_op(mock, op, JF_E_GONE);
        jf_mock_settle(mock);
        CHECK(is_canceled && !held.wanted(), "the caller left");
        held.give_up();
        CHECK(mock.done(op).status == JF_E_GONE, "given up");

        CHECK(identify(mock, list, "Bearer lost").status == JF_E_FAULT, "dropped in the slot");
        Done both = identify(mock, list, "Bearer both");
        CHECK(both.ok() && both.text() == R"({"subject":"first"})", "%s", both.text().c_str());
        CHECK(identify(mock, list, "Bearer empty").status == JF_E_FAULT, "later without a Pending");

        op = jf_mock_identify_field(mock, list, "authorization", "Bearer later");
        jf_mock_stop(mock);
        CHECK(mock.done(op).status == JF_E_GONE && !held.finish(Identity("late")), "stopped");
    }
    held = Pending();
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

static jf_mock_ruling decide(Mock &mock, Ref policy, const char *tool, const char *principal = nullptr,
                             const char *arguments = nullptr) {
    jf_access access = jf_mock_access(mock, jf_mock_principal(mock, principal), tool, arguments);
    return jf_mock_ruling_of(mock, jf_mock_decide(mock, policy, &access));
}

TEST(policies_decide) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    auto policy = mock.policy("rules");
    jf_mock_ruling it = decide(mock, policy, "read");
    CHECK(it.status == JF_OK && it.decision == JF_ALLOW && it.rule == nullptr && !it.dry, "allowed");
    it = decide(mock, policy, "secret");
    CHECK(it.decision == JF_HIDE && std::string(it.rule) == "secrets", "hidden");
    const char *reader = R"({"subject":"a","scopes":["read"]})",
               *writer = R"({"subject":"b","scopes":["read","write"]})";
    it = decide(mock, policy, "write", reader);
    CHECK(it.decision == JF_DENY && std::string(it.scopes) == "read write" &&
              std::string(it.text) == "It needs more.",
          "%s", it.scopes);
    CHECK(decide(mock, policy, "write", writer).decision == JF_ALLOW, "it has the scope");
    it = decide(mock, policy, "read", nullptr, R"({"limit": 11})");
    CHECK(it.decision == JF_DENY && it.dry && std::string(it.text).size() > 60, "%s", it.text);
    CHECK(decide(mock, policy, "broken").status == JF_E_FAULT, "no decision");

    uint32_t mark = jf_mock_mark(mock);
    decide(mock, policy, "changed");
    CHECK(jf_mock_find(mock, mark, JF_MOCK_POLICY_CHANGED, policy, 0) != nullptr, "it was not told");

    jf_access access = jf_mock_access(mock, jf_mock_principal(mock, nullptr), "later", nullptr);
    Ref op = jf_mock_decide(mock, policy, &access);
    CHECK(held.finish(Ruling::needs({"a", "b"}, "r").dry()), "later");
    Done later = mock.done(op);
    CHECK(later.text() == R"({"decision":"deny","rule":"r","scopes":["a","b"],"dry":true})", "%s",
          later.text().c_str());

    int32_t status = JF_OK;
    char *name = jf_mock_classify(mock, policy, jf_mock_principal(mock, R"({"subject":"a","tenant":"acme"})"),
                                  &status);
    CHECK(name != nullptr && std::string(name) == "of acme", "its class");
    std::free(name);
    CHECK(jf_mock_classify(mock, policy, jf_mock_principal(mock, nullptr), &status) == nullptr &&
              status == JF_ABSENT,
          "its own");
    CHECK(jf_mock_classify(mock, policy, jf_mock_principal(mock, R"({"subject":"a","roles":["odd"]})"),
                           &status) == nullptr &&
              status == JF_E_UNSUPPORTED,
          "none");
    policy.detach();
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(filters_change) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    auto filter = mock.filter("sieve");
    const jf_principal *ann = jf_mock_principal(mock, R"({"subject":"ann"})");
    auto pass = [&](const char *tool, const char *arguments) {
        return jf_mock_filter_request(mock, filter, ann, tool, arguments);
    };
    Ref op = pass("pay", R"({"iban": "DE1" , "empty": { }})");
    jf_mock_filtered it = jf_mock_filtered_of(mock, op);
    REQUIRE(it.status == JF_OK && it.decision == JF_SPLICE, "%s", mock.done(op).why.c_str());
    CHECK(it.splices == 4 && it.memory == 5, "%u splices", it.splices);
    CHECK(std::string(it.body) ==
              R"({"name":"pay","arguments":{"iban": "*\"*" , "empty": { "one":1},"by":"ann","z":null}})",
          "%s", it.body);
    Ref back = jf_mock_filter_result(mock, op, R"({"content": [{"type":"text","text":"a"}], "x": 1})");
    CHECK(std::string(jf_mock_filtered_of(mock, back).body) == R"({"content": [], "x": 1})" && seen == "5",
          "%s", jf_mock_filtered_of(mock, back).body);
    jf_mock_filter_ended(mock, op, JF_E_GONE);
    CHECK(seen == "5 " + std::to_string(JF_E_GONE), "%s", seen.c_str());

    CHECK(jf_mock_filtered_of(mock, pass("pay", nullptr)).decision == JF_PASS, "as it is");
    op = pass("remember", nullptr);
    CHECK(jf_mock_filtered_of(mock, op).decision == JF_PASS && jf_mock_filtered_of(mock, op).memory == 77,
          "memory");
    jf_mock_filter_ended(mock, op, JF_OK);
    it = jf_mock_filtered_of(mock, pass("cached", nullptr));
    CHECK(it.decision == JF_ANSWER && std::string(it.body) == R"({"content":[]})", "%s", it.body);
    CHECK(mock.done(pass("nested", R"({"a":{"b":1}})")).status == JF_E_FAULT, "one within another");
    CHECK(mock.done(pass("other", "{}")).status == JF_E_FAULT, "another text");
    op = pass("pay", "{}");
    back = jf_mock_filter_result(mock, op, R"({"content":[],"isError":true})");
    CHECK(mock.done(back).status == JF_E_DENIED && mock.done(back).shown, "refused");

    op = pass("later", R"({"a":1})");
    CHECK(mock.done(op).status == JF_PENDING && held.finish(Verdict::instead(json::object({{"content", 1}}))),
          "later");
    CHECK(jf_mock_filtered_of(mock, op).decision == JF_ANSWER, "an answer later");
    filter.detach();
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(filters_keep_results) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    auto filter = mock.filter("sieve");
    auto result = [&](const char *body, uint32_t flags) {
        jf_passage passage{};
        passage.size = sizeof passage;
        passage.flags = flags;
        passage.principal = jf_mock_principal(mock, nullptr);
        passage.method = view("tools/call");
        passage.name = view("pay");
        passage.body = view(body);
        return jf_mock_filtered_of(mock, jf_mock_filter_pass(mock, filter, &passage, true));
    };
    const char *large = R"({"content": [], "large": "12345"})";
    jf_mock_filtered it = result(large, JF_PASSAGE_LINKS);
    CHECK(it.status == JF_OK && it.decision == JF_SPILL && it.splices == 1, "%u", it.decision);
    CHECK(std::string(it.body) == R"({"content": [], "large": null})", "where it cannot be kept: %s",
          it.body);
    it = result(large, 0);
    CHECK(it.decision == JF_SPLICE && std::string(it.body) == R"({"content": [], "large": null})",
          "without links: %s", it.body);
    CHECK(result(R"({"content": []})", JF_PASSAGE_LINKS).decision == JF_SPLICE, "it is small");

    /* The bytes, with nothing but what is to be kept. */
    jf_passage raw{};
    raw.size = sizeof raw;
    raw.body = view(large);
    Answer alone = Verdict(Passage(&raw, 0, nullptr)).keep(json::object({{"content", 1}}), 5, 6);
    jf_verdict head;
    jf_spill spill;
    Blob blob = alone.take();
    std::string_view bytes = blob.text();
    REQUIRE(bytes.size() == sizeof head + sizeof spill + 16, "%zu bytes", bytes.size());
    std::memcpy(&head, bytes.data(), sizeof head);
    std::memcpy(&spill, bytes.data() + sizeof head, sizeof spill);
    CHECK(head.decision == JF_SPILL && head.count == 0 && head.memory == 0, "its head");
    CHECK(spill.ttl_ms == 5 && spill.most == 6 && spill.len == 13, "what is kept");
    CHECK(bytes.substr(sizeof head + sizeof spill) == std::string_view("{\"content\":1}\0\0\0", 16),
          "its preview");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(sources_supply) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    auto source = mock.source("search");
    auto supply = [&](const char *who, int32_t refused, uint32_t flags) {
        jf_demand demand = jf_mock_demand(mock, jf_mock_principal(mock, who));
        demand.refused = refused;
        demand.flags |= flags;
        return jf_mock_supply(mock, source, &demand);
    };
    const char *ann = R"({"subject":"ann"})";
    Done it = mock.done(supply(ann, 0, 0));
    CHECK(it.text() ==
              R"({"headers":{"authorization":"Bearer \"x\"","x-key":"k"},"expires_ms":5000,"keep_ms":0})",
          "%s", it.text().c_str());
    CHECK(mock.done(supply(nullptr, 0, 0)).status == JF_ABSENT, "nothing is needed");
    uint32_t mark = jf_mock_mark(mock);
    it = mock.done(supply(ann, 0, JF_DEMAND_URL));
    CHECK(it.text() ==
              R"({"connect":{"url":"https://a.example/?x=1","message":"Agree, please.","id":"id 1"}})",
          "%s", it.text().c_str());
    const jf_mock_event *event = jf_mock_find(mock, mark, JF_MOCK_CONNECTED, 0, 0);
    CHECK(event != nullptr && std::string(event->text) == "id 1" && event->status == JF_E_DENIED,
          "it was not told");
    CHECK(mock.done(supply(ann, JF_STATUS_UNAUTHORIZED, 0)).status == JF_E_DENIED, "refused");
    CHECK(jf_mock_find(mock, mark, JF_MOCK_SUPPLY_FORGOTTEN, 0, 0) != nullptr, "forgotten");
    Ref op = supply(R"({"subject":"later"})", 0, 0);
    CHECK(held.finish(Supply::of("x-key", "k")), "later");
    CHECK(mock.done(op).text() == R"({"headers":{"x-key":"k"}})", "%s", mock.done(op).text().c_str());
    source.detach();
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
