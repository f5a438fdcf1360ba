/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin routing-capability: versions, labels, tags, annotations, what a call asks for. */
#include "routing/routing_check.h"

static jf_pair labels[4];

static void describe(uint32_t number, const char *version, const jf_pair *own, uint64_t count) {
    endpoints[number].version = jf_mock_view(version);
    endpoints[number].labels = own;
    endpoints[number].label_count = count;
    endpoints[number].revision++;
}

/* Whether exactly the endpoints of the bit mask are picked; 0: the call is refused. */
static void expect(uint32_t mask, const char *what) {
    memset(picked, 0, sizeof picked);
    uint32_t got = 0, number;
    for (int i = 0; i < 200; i++) {
        int32_t status = try_pick(&number);
        if (status != JF_OK) {
            CHECK(status == JF_ABSENT && mask == 0, "%s: status %d: %s", what, (int)status,
                  jf_mock_why(mock));
            return;
        }
    }
    for (uint32_t e = 0; e < 32; e++)
        got |= (picked[e] > 0 ? 1u : 0u) << e;
    CHECK(got == mask, "%s: endpoints %x, expected %x", what, got, mask);
}

/* Ranges as node-semver defines them; which of the versions fit, one bit each. */
TEST(version_ranges) {
    static const char *const versions[] = {"1.2.3", "1.2.4", "1.10.0", "2.0.0-rc.1", "2.0.0",
                                           "0.2.3", "0.3.0", "v3.1",   "unknown",    NULL};
    static const struct {
        const char *range;
        uint32_t fit;
    } cases[] = {
        {"1.2.3", 0x1},
        {"=1.2.4", 0x2},
        {">=1.2.4", 0x96},
        {">1.2", 0x94},
        {"<2", 0x67},
        {"<=2", 0x77},
        {"^1.2.3", 0x7},
        {"~1.2.3", 0x3},
        {"1.x", 0x7},
        {"1.2", 0x3},
        {"*", 0xf7},
        {"^0.2.3", 0x20},
        {"^0", 0x60},
        {">=1.2 <1.10", 0x3},
        {"1.2.3 || 2", 0x11},
        {">=2.0.0-rc.1", 0x98},
        {"~0.3 || 3", 0xc0},
        {"2.0.0-rc.1", 0x8},
        {" > 1.2.3 , < 3 ", 0x16},
        {"<0", 0},
    };
    begin("{}", 10);
    for (uint32_t i = 0; i < 10; i++)
        describe(i, versions[i], NULL, 0);
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        char config[160];
        snprintf(config, sizeof config, "{\"rules\":[{\"version\":\"%s\"}]}", cases[n].range);
        REQUIRE(attach(config), "%s: %s", cases[n].range, jf_mock_why(mock));
        expect(cases[n].fit, cases[n].range);
    }
    end();
}

TEST(labels_tags_and_names) {
    labels[0] = (jf_pair){jf_mock_view("gpu"), jf_mock_view("")};
    labels[1] = (jf_pair){jf_mock_view("region"), jf_mock_view("eu")};
    labels[2] = (jf_pair){jf_mock_view("gpu"), jf_mock_view("a100")};
    begin("{\"rules\":[{\"tags\":[\"gpu\"]}]}", 4);
    describe(0, NULL, &labels[0], 1);
    describe(1, NULL, &labels[0], 2);
    describe(2, NULL, &labels[1], 2);
    expect(0x3, "a tag");
    CHECK(attach("{\"rules\":[{\"tags\":[\"gpu\"],\"labels\":{\"region\":\"eu\"}}]}"), "%s",
          jf_mock_why(mock));
    expect(0x2, "a tag and a label");
    CHECK(attach("{\"rules\":[{\"labels\":{\"g\\u0070u\":\"*\"}}]}"), "%s", jf_mock_why(mock));
    expect(0x7, "any value");
    CHECK(attach("{\"rules\":[{\"endpoints\":[\"*.0.3:*\",\"http://10.0.0.0:*\"]}]}"), "%s",
          jf_mock_why(mock));
    expect(0x9, "names");
    end();
}

/* Writes to the primary, everything else anywhere. */
TEST(annotations_and_tools) {
    labels[0] = (jf_pair){jf_mock_view("role"), jf_mock_view("primary")};
    begin("{\"rules\":[{\"read_only\":false,\"labels\":{\"role\":\"primary\"}},"
          "{\"tools\":[\"render*\",\"x\"],\"version\":\"2\"}]}",
          3);
    describe(0, "1.0", labels, 1);
    describe(1, "2.0", NULL, 0);
    describe(2, "2.0", labels, 1);
    expect(0x5, "not read-only");
    call.traits = JF_PICK_READ_ONLY;
    expect(0x7, "read-only");
    call.name = jf_mock_view("render_page");
    expect(0x6, "a tool that needs version 2");
    call.traits = 0;
    expect(0x4, "both rules");
    withdraw(2);
    expect(0, "nobody");
    restore(2);
    expect(0x4, "somebody again");
    CHECK(attach("{\"otherwise\":\"any\",\"rules\":[{\"version\":\"9\"}]}"), "%s", jf_mock_why(mock));
    expect(0x7, "otherwise any");
    end();
}

TEST(a_call_names_its_version) {
    static jf_pair header;
    begin("{\"version_from\":\"header:x-tool-version\"}", 3);
    describe(0, "1.0.0", NULL, 0);
    describe(1, "1.5.0", NULL, 0);
    describe(2, "2.0.0", NULL, 0);
    expect(0x7, "no wish");
    call.headers = &header;
    call.header_count = 1;
    header = (jf_pair){jf_mock_view("x-tool-version"), jf_mock_view("^1.2")};
    expect(0x2, "^1.2");
    header.value = jf_mock_view("7");
    expect(0, "7");
    header.value = jf_mock_view("rubbish");
    expect(0, "rubbish");
    CHECK(attach("{\"version_from\":\"argument:/v\"}"), "%s", jf_mock_why(mock));
    call.arguments = jf_mock_view("{\"v\":\">=1.5\"}");
    expect(0x6, "an argument");
    end();
}

TEST(a_changed_version_is_seen) {
    begin("{\"rules\":[{\"version\":\"2\"}]}", 3);
    describe(0, "1.0.0", NULL, 0);
    describe(1, "2.0.0", NULL, 0);
    expect(0x2, "before");
    describe(0, "2.1.0", NULL, 0);
    expect(0x3, "after an update");
    endpoints[1].id = 99;
    describe(1, "3.0.0", NULL, 0);
    expect(0x1, "another endpoint in its place");
    offer(0, 30);
    for (uint32_t i = 0; i < 30; i++)
        describe(i, i % 7 == 2 ? "2.0" : "1.0", NULL, 0);
    expect(0x810204u, "many");
    for (uint32_t i = 0; i < 20; i++)
        withdraw(i);
    expect(0x800000u, "most of them gone");
    end();
}

/* Among those that can, by weight and load. */
TEST(spreads_among_those_that_can) {
    begin("{\"seed\":3,\"rules\":[{\"version\":\"2\"}]}", 4);
    for (uint32_t i = 0; i < 4; i++)
        describe(i, i == 0 ? "1.0" : "2.0", NULL, 0);
    endpoints[1].weight = 2;
    pick_many(40000);
    CHECK(picked[0] == 0 && near_share(picked[1], 0.5, 40000), "%llu", (unsigned long long)picked[1]);
    endpoints[1].in_flight = 100;
    pick_many(1000);
    CHECK(picked[1] == 0, "a busy one: %llu", (unsigned long long)picked[1]);
    end();
}

/* A host of 1.0 tells neither versions nor labels: rules that need them fit nobody, names do. */
/* Few of many can: with one, two and five of a hundred, by weight, and as many calls ask for this as for
 * that. */
TEST(few_of_many_can) {
    begin("{\"seed\":7,\"rules\":[{\"tools\":[\"rare\"],\"tags\":[\"rare\"]},{\"tools\":[\"find\"],\"tags\":["
          "\"common\"]}],\"version_from\":\"header:x-tool-version\"}",
          100);
    static jf_pair rare, common, header;
    rare = (jf_pair){jf_mock_view("rare"), jf_mock_view("")};
    common = (jf_pair){jf_mock_view("common"), jf_mock_view("")};
    header = (jf_pair){jf_mock_view("x-tool-version"), jf_mock_view("^2")};
    for (uint32_t few = 1; few <= 5; few += few == 1 ? 1 : 3) {
        for (uint32_t i = 0; i < 100; i++)
            describe(i, i < 2 ? "2.1.0" : "1.0.0", i < few ? &rare : &common, 1);
        endpoints[0].weight = 3;
        uint64_t rares = 0, commons = 0, first = 0, wrong = 0;
        for (uint32_t n = 0; n < 6000; n++) {
            call.name = jf_mock_view(n % 2 == 0 ? "rare" : "find");
            uint32_t got = pick();
            wrong += (n % 2 == 0) != (got < few);
            first += got == 0;
            *(n % 2 == 0 ? &rares : &commons) += 1;
        }
        CHECK(wrong == 0, "%llu of %u could not do it", (unsigned long long)wrong, few);
        /* With nothing open the first draw decides. */
        CHECK(near_share(first, 3.0 / (few + 2), (double)rares), "%u: %llu", few, (unsigned long long)first);
    }
    call.headers = &header;
    call.header_count = 1;
    call.name = jf_mock_view("rare");
    pick_many(1000);
    CHECK(picked[0] + picked[1] == 1000 && near_share(picked[0], 0.75, 1000), "of a version: %llu, %llu",
          (unsigned long long)picked[0], (unsigned long long)picked[1]);
    end();
}

TEST(a_host_of_1_0) {
    begin_as(0, "{\"rules\":[{\"version\":\"*\"}]}", 3);
    expect(0, "versions");
    CHECK(attach("{\"rules\":[{\"tags\":[\"x\"]}]}"), "%s", jf_mock_why(mock));
    expect(0, "tags");
    CHECK(attach("{\"rules\":[{\"endpoints\":[\"*0.1:*\"]}]}"), "%s", jf_mock_why(mock));
    expect(0x2, "names");
    end();
}

TEST(ordinary) {
    check_ordinary("{\"rules\":[{\"endpoints\":[\"http*\"]}]}");
}
TEST(allocates_nothing) {
    check_no_allocation("{\"max_endpoints\":16,\"rules\":[{\"endpoints\":[\"http*\"]}]}");
}
TEST(random_sequences) {
    check_random(
        "{\"max_endpoints\":10,\"version_from\":\"argument:/version\",\"rules\":[{\"tags\":[\"gpu\"]},"
        "{\"idempotent\":true,\"version\":\">=1\"},{\"tools\":[\"f*d\"],\"labels\":{\"role\":\"*\"}}]}",
        true);
}
TEST(refuses_wrong_options) {
    static const char *const wrong[] = {"{\"rules\":7}",
                                        "{\"rules\":[7]}",
                                        "{\"rules\":[{\"version\":\"\"}]}",
                                        "{\"rules\":[{\"version\":\"a\"}]}",
                                        "{\"rules\":[{\"version\":\"1 ||\"}]}",
                                        "{\"rules\":[{\"version\":\"1.2.3.4\"}]}",
                                        "{\"rules\":[{\"version\":\"1||1||1||1||1||1||1||1||1\"}]}",
                                        "{\"rules\":[{\"tags\":\"x\"}]}",
                                        "{\"rules\":[{\"labels\":[1]}]}",
                                        "{\"rules\":[{\"labels\":{\"a\":1}}]}",
                                        "{\"rules\":[{\"read_only\":1}]}",
                                        "{\"rules\":[{\"tools\":[1]}]}",
                                        "{\"otherwise\":\"maybe\"}",
                                        "{\"version_from\":\"nowhere\"}",
                                        NULL};
    check_refused("{}", wrong);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
