/* SPDX-License-Identifier: Apache-2.0
 * store-postgres: the manifest, with the JSON Schema of its configuration. */
#include <jackfield/base.h>

// clang-format off
#define INTEGER(low, high, standard, text) \
    "{\"type\":\"integer\",\"minimum\":" #low ",\"maximum\":" #high ",\"default\":" #standard ",\"description\":\"" text "\"}"
#define TEXT(standard, text) "{\"type\":\"string\",\"default\":\"" standard "\",\"description\":\"" text "\"}"

JF_MANIFEST("{\"id\":\"store-postgres\",\"version\":\"0.1.0\",\"abi\":\"1.1\","
            "\"summary\":\"Keeps sessions, counters and limits in PostgreSQL, for several gateways\","
            "\"facets\":[\"jf.store/1\"],\"provides\":[],"
            "\"requires\":[\"jf.config/1\",\"jf.clock/1\",\"jf.loop/1\",\"jf.ops/1\"],"
            "\"optional\":[\"jf.log/1\",\"jf.watches/1\"],"
            "\"threads\":\"per-loop\",\"store\":{\"kind\":\"postgres\"},"
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
            "\"connection\":" TEXT("", "A connection string of libpq, as keywords or URI: hosts, ports, dbname, user, sslmode, ...; what it leaves out comes from PG... variables") ","
            "\"password\":" TEXT("", "Best as ${env:NAME} or ${file:PATH}; left out: what libpq finds") ","
            "\"schema\":{\"type\":\"string\",\"pattern\":\"^[a-z_][a-z0-9_]{0,47}$\",\"default\":\"jackfield\",\"description\":\"Where the tables are: gateways with the same one share their state\"},"
            "\"create\":{\"type\":\"boolean\",\"default\":true,\"description\":\"Make schema, tables and functions where they are missing\"},"
            "\"synchronous_commit\":{\"enum\":[\"on\",\"off\",\"local\",\"remote_write\",\"remote_apply\"],\"default\":\"on\",\"description\":\"When entries and counters count as kept; limits are always kept as with off\"},"
            "\"connect_timeout_ms\":" INTEGER(100, 60000, 5000, "For connection, login and preparation together") ","
            "\"timeout_ms\":" INTEGER(10, 60000, 2000, "For the answer to an operation; then the connection is made anew") ","
            "\"max_in_flight\":" INTEGER(1, 100000, 1024, "Most operations open on an event loop") ","
            "\"max_in_flight_bytes\":" INTEGER(65536, 1073741824, 33554432, "Most bytes of theirs") ","
            "\"backoff_ms\":" INTEGER(1, 60000, 100, "Pause after the first failed try to connect, doubled with each") ","
            "\"backoff_most_ms\":" INTEGER(1, 600000, 5000, "Longest pause; half of each is random") ","
            "\"sweep_ms\":" INTEGER(10, 600000, 1000, "How often the first loop deletes expired entries; limits every 60th time")
            "}}}");
// clang-format on
