/* SPDX-License-Identifier: Apache-2.0
 * filter-rate-limit: the manifest, with the JSON Schemas of its configuration and of a filter's options. */
#include <jackfield/base.h>

// clang-format off
#define CHOICE(list, standard, text) \
    "{\"enum\":[" list "],\"default\":\"" standard "\",\"description\":\"" text "\"}"
#define TEXT(pattern, text) "{\"type\":\"string\",\"pattern\":\"" pattern "\",\"description\":\"" text "\"}"
#define PER_TIME "^[0-9]{1,9}(\\\\.[0-9]{1,3})?/[0-9]{0,6}(ms|s|sec|second|m|min|minute|h|hour|d|day|w|week)$"

JF_MANIFEST("{\"id\":\"filter-rate-limit\",\"version\":\"0.1.0\",\"abi\":\"1.1\","
            "\"summary\":\"Limits how often, how many at once and how many in all may be called\","
            "\"facets\":[\"jf.filter/1\"],\"provides\":[],"
            "\"requires\":[\"jf.config/1\",\"jf.clock/1\",\"jf.loop/1\",\"jf.ops/1\"],"
            "\"optional\":[\"jf.log/1\",\"jf.state/1\"],"
            "\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
            "\"max_keys\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100000000,\"default\":2000000,"
                "\"description\":\"Most keys of local limits that say something, of all filters together\"}}},"
            "\"filter\":{\"filter\":\"rate-limit\",\"phases\":[\"request\"],"
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"limits\"],\"properties\":{"
            "\"limits\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":16,\"description\":\"All of them hold for each call\","
            "\"items\":{\"type\":\"object\",\"additionalProperties\":false,"
            "\"anyOf\":[{\"required\":[\"rate\"]},{\"required\":[\"quota\"]},{\"required\":[\"concurrency\"]}],"
            "\"properties\":{"
            "\"name\":" TEXT("^[A-Za-z0-9_.+-]{1,64}$", "What clients are told was reached; left out: what it is per") ","
            "\"per\":{\"type\":\"array\",\"maxItems\":6,\"uniqueItems\":true,\"default\":[\"principal\"],"
                "\"items\":{\"enum\":[\"principal\",\"tool\",\"server\",\"tenant\",\"gateway\",\"address\"]},"
                "\"description\":\"What has an allowance of its own; several: each combination\"},"
            "\"rate\":" TEXT(PER_TIME, "So many calls in so long: 100/min, 5/s, 0.5/s, 20/30s") ","
            "\"burst\":{\"type\":\"number\",\"minimum\":1,\"maximum\":1000000000,"
                "\"description\":\"token-bucket: so many at once after a pause; left out: the number in rate\"},"
            "\"algorithm\":" CHOICE("\"token-bucket\",\"sliding-window\",\"fixed\"", "token-bucket", "How a rate is counted") ","
            "\"concurrency\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000000,"
                "\"description\":\"Calls under way at once, in this gateway\"},"
            "\"quota\":" TEXT(PER_TIME, "So many in all in each whole period since 1970 UTC: 10000/day begins at midnight") ","
            "\"cost\":{\"type\":\"object\",\"maxProperties\":256,\"default\":{},"
                "\"additionalProperties\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1000000},"
                "\"description\":\"What a call of SERVER/TOOL takes (with * and ?), the first that fits; else 1\"},"
            "\"store\":" CHOICE("\"local\",\"shared\"", "local", "Where rate and quota are counted: in this gateway, or in the store for all that share it") ","
            "\"on_store_error\":" CHOICE("\"deny\",\"allow\"", "deny", "What happens to calls while the store does not answer")
            "}}}}}}}");
// clang-format on
