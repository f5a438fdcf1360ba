/* SPDX-License-Identifier: Apache-2.0
 * store-sqlite: the manifest, with the JSON Schema of its configuration. */
#include <jackfield/base.h>

// clang-format off
#define INTEGER(low, high, standard, text) \
    "{\"type\":\"integer\",\"minimum\":" #low ",\"maximum\":" #high ",\"default\":" #standard ",\"description\":\"" text "\"}"

JF_MANIFEST("{\"id\":\"store-sqlite\",\"version\":\"0.1.0\",\"abi\":\"1.1\","
            "\"summary\":\"Keeps sessions, counters and limits in one SQLite file\","
            "\"facets\":[\"jf.store/1\"],\"provides\":[],"
            "\"requires\":[\"jf.config/1\",\"jf.clock/1\",\"jf.ops/1\"],"
            "\"optional\":[\"jf.log/1\",\"jf.watches/1\"],"
            "\"threads\":\"per-loop\",\"store\":{\"kind\":\"sqlite\"},"
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"path\"],\"properties\":{"
            "\"path\":{\"type\":\"string\",\"format\":\"path\",\"minLength\":1,\"description\":\"The file; its folder must be there, on a local disk\"},"
            "\"synchronous\":{\"enum\":[\"normal\",\"full\",\"off\"],\"default\":\"normal\",\"description\":\"What survives a power cut: normal, all but the last moments; full, everything answered; off, maybe nothing\"},"
            "\"check\":{\"type\":\"boolean\",\"default\":true,\"description\":\"Look through the file for damage when it is opened\"},"
            "\"busy_ms\":" INTEGER(1, 60000, 2000, "How long another process may hold the file until operations fail") ","
            "\"poll_ms\":" INTEGER(10, 60000, 200, "How often changes by other processes are looked for, where something is watched") ","
            "\"sweep_ms\":" INTEGER(10, 600000, 1000, "How often what has expired is deleted") ","
            "\"max_in_flight\":" INTEGER(1, 1000000, 4096, "Most operations open, all loops together") ","
            "\"max_in_flight_bytes\":" INTEGER(65536, 1073741824, 67108864, "Most bytes of theirs") ","
            "\"max_bytes\":" INTEGER(1048576, 1099511627776, 4294967296, "Most bytes of the file")
            "}}}");
// clang-format on
