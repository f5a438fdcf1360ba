/* SPDX-License-Identifier: Apache-2.0
 * store-memory: the manifest, with the JSON Schema of its configuration. */
#include <jackfield/base.h>

// clang-format off
#define INTEGER(low, high, standard, text) \
    "{\"type\":\"integer\",\"minimum\":" #low ",\"maximum\":" #high ",\"default\":" #standard ",\"description\":\"" text "\"}"

JF_MANIFEST("{\"id\":\"store-memory\",\"version\":\"0.1.0\",\"abi\":\"1.1\","
            "\"summary\":\"Keeps sessions, counters and limits in the memory of the process\","
            "\"facets\":[\"jf.store/1\"],\"provides\":[],"
            "\"requires\":[\"jf.config/1\",\"jf.clock/1\",\"jf.loop/1\"],"
            "\"optional\":[\"jf.log/1\",\"jf.watches/1\"],"
            "\"threads\":\"per-loop\",\"store\":{\"kind\":\"memory\"},"
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
            "\"max_bytes\":" INTEGER(65536, 1099511627776, 268435456,
                "Most bytes of entries and limits together, what keeps them included") ","
            "\"max_entries\":" INTEGER(1, 100000000, 1000000, "Most entries and counters") ","
            "\"max_limits\":" INTEGER(1, 100000000, 4000000, "Most limits that say something") ","
            "\"sweep_ms\":" INTEGER(10, 60000, 250, "How often what has expired is looked for")
            "}}}");
// clang-format on
