/* SPDX-License-Identifier: Apache-2.0
 * store-redis: the manifest, with the JSON Schema of its configuration. */
#include <jackfield/base.h>

// clang-format off
#define INTEGER(low, high, standard, text) \
    "{\"type\":\"integer\",\"minimum\":" #low ",\"maximum\":" #high ",\"default\":" #standard ",\"description\":\"" text "\"}"
#define TEXT(standard, text) "{\"type\":\"string\",\"default\":\"" standard "\",\"description\":\"" text "\"}"

JF_MANIFEST("{\"id\":\"store-redis\",\"version\":\"0.1.0\",\"abi\":\"1.1\","
            "\"summary\":\"Keeps sessions, counters and limits in Redis or Valkey, for several gateways\","
            "\"facets\":[\"jf.store/1\"],\"provides\":[],"
            "\"requires\":[\"jf.config/1\",\"jf.clock/1\",\"jf.loop/1\",\"jf.ops/1\"],"
            "\"optional\":[\"jf.log/1\",\"jf.watches/1\"],"
            "\"threads\":\"per-loop\",\"store\":{\"kind\":\"redis\"},"
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
            "\"address\":" TEXT("127.0.0.1:6379", "HOST:PORT, [IPV6]:PORT or unix:/path/of/socket") ","
            "\"username\":" TEXT("", "Of an ACL; left out: the user called default") ","
            "\"password\":" TEXT("", "Best as ${env:NAME} or ${file:PATH}; left out: none") ","
            "\"database\":" INTEGER(0, 65535, 0, "Its number") ","
            "\"prefix\":" TEXT("jackfield:", "What all keys begin with: gateways with the same one share their state") ","
            "\"connect_timeout_ms\":" INTEGER(10, 60000, 2000, "For name lookup, connection and login together, each step") ","
            "\"timeout_ms\":" INTEGER(10, 60000, 1000, "For the answer to an operation; then the connection is made anew") ","
            "\"max_in_flight\":" INTEGER(1, 1000000, 4096, "Most operations open on an event loop") ","
            "\"max_in_flight_bytes\":" INTEGER(65536, 1073741824, 33554432, "Most bytes of theirs") ","
            "\"backoff_ms\":" INTEGER(1, 60000, 50, "Pause after the first failed try to connect, doubled with each") ","
            "\"backoff_most_ms\":" INTEGER(1, 600000, 3000, "Longest pause; half of each is random") ","
            "\"sweep_ms\":" INTEGER(10, 600000, 1000, "How often the first loop takes expired keys out of the index")
            "}}}");
// clang-format on
