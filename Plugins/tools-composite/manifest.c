/* SPDX-License-Identifier: Apache-2.0
 * The manifest: what the plugin is, and the JSON Schema of a server that uses it. */
#include <jackfield/base.h>

#pragma GCC diagnostic ignored "-Woverlength-strings" // C99 promises 4095 bytes; both compilers take any

#define NAME "\"type\":\"string\",\"minLength\":1,\"maxLength\":200"
#define POINTER "\"type\":\"string\",\"maxLength\":200,\"pattern\":\"^(/([^~]|~[01])*)?$\""
#define MS "\"type\":\"integer\",\"minimum\":1,\"maximum\":3600000"

// clang-format off
#define TARGET \
    "\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"tool\"]," \
    "\"if\":{\"required\":[\"endpoint\"]},\"then\":{\"properties\":{\"server\":false}}," \
    "\"else\":{\"required\":[\"server\"]}," \
    "\"properties\":{" \
    "\"server\":{" NAME ",\"description\":\"A configured server; its tools have their own names\"}," \
    "\"endpoint\":{\"type\":\"string\",\"pattern\":\"^/mcp(/bundles/[^/]+|/servers/[^/]+)?$\",\"maxLength\":200," \
    "\"description\":\"Instead of server: /mcp or /mcp/bundles/NAME; the tool as it is called there\"}," \
    "\"tool\":{" NAME "}," \
    "\"label\":{" NAME ",\"description\":\"Its name in reports; else the server's\"}," \
    "\"constants\":{\"type\":\"object\",\"description\":\"Arguments that are always these\"}," \
    "\"rename\":{\"type\":\"object\",\"additionalProperties\":{" NAME "}," \
    "\"description\":\"Argument of the composite: its name at the target\"}," \
    "\"drop\":{\"type\":\"array\",\"items\":{" NAME "}," \
    "\"description\":\"Arguments that the target does not get\"}," \
    "\"timeout_ms\":{" MS ",\"description\":\"Else the server's own\"}," \
    "\"weight\":{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":1000000,\"default\":1," \
    "\"description\":\"vote: weighted\"}}"

JF_MANIFEST("{\"id\":\"tools-composite\",\"version\":\"0.1.0\",\"abi\":\"1.0\","
"\"summary\":\"Tools that call tools of several servers at once: all, merge, first, vote, race, hedge; many calls as one: batch\","
"\"facets\":[\"jf.toolset/1\"],"
"\"requires\":[\"jf.ops/1\",\"jf.calls/1\",\"jf.loop/1\"],\"optional\":[\"jf.log/1\",\"jf.toolsets/1\"],"
"\"threads\":\"per-loop\","
"\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
"\"toolset\":{\"config\":{\"type\":\"object\",\"additionalProperties\":false,"
"\"required\":[\"composites\"],\"properties\":{"
"\"composites\":{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":64,"
"\"description\":\"The tools, by name\","
"\"propertyNames\":{\"pattern\":\"^[A-Za-z0-9_.-]{1,64}$\"},"
"\"additionalProperties\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"mode\","
"\"targets\"],"
"\"properties\":{"
"\"title\":{\"type\":\"string\",\"maxLength\":200},"
"\"description\":{\"type\":\"string\",\"maxLength\":4000},"
"\"mode\":{\"enum\":[\"all\",\"merge\",\"first\",\"vote\",\"race\",\"hedge\",\"batch\"],"
"\"description\":\"What becomes of the answers\"},"
"\"targets\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":64,"
"\"description\":\"The tools that are called; their order breaks ties\","
"\"items\":{" TARGET "}},"
"\"quorum\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":64,"
"\"description\":\"Good answers that are needed; 1, with vote: unanimous all\"},"
"\"stop_at_quorum\":{\"type\":\"boolean\",\"default\":false,"
"\"description\":\"all, merge: answer once the quorum is there and cancel the others\"},"
"\"timeout_ms\":{" MS ",\"default\":30000,\"description\":\"For the whole; what has come by then counts\"},"
"\"concurrency\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":64,\"default\":64,"
"\"description\":\"Targets that are asked at the same time\"},"
"\"items\":{" POINTER ",\"description\":\"merge: where in structuredContent the array is\"},"
"\"unique\":{\"type\":\"boolean\",\"description\":\"merge: equal items once\"},"
"\"unique_by\":{" POINTER ",\"description\":\"merge: items with the same value there once\"},"
"\"vote\":{\"enum\":[\"majority\",\"weighted\",\"unanimous\"],\"description\":\"vote: the rule; majority\"},"
"\"compare\":{" POINTER ",\"description\":\"vote: what of structuredContent is compared; all of it\"},"
"\"otherwise\":{\"enum\":[\"error\",\"plurality\"],"
"\"description\":\"vote: without an absolute majority: fail, or the most votes win; error\"},"
"\"tie\":{\"enum\":[\"error\",\"first\"],"
"\"description\":\"vote, otherwise plurality: fail, or the first target in the list decides; error\"},"
"\"delay_ms\":{" MS ",\"description\":\"hedge: how long the next target waits; 100\"},"
"\"percentile\":{\"type\":\"integer\",\"minimum\":50,\"maximum\":99,"
"\"description\":\"hedge: after 20 answers, this percentile of the last 128 instead of delay_ms\"},"
"\"argument\":{" NAME ",\"description\":\"batch: the target's argument that takes the list of items\"},"
"\"item\":{\"type\":\"string\",\"pattern\":\"^/([^/~]|~[01])+$\",\"maxLength\":200,"
"\"description\":\"batch: the argument of a call that becomes an item, as in /id; all of them as an object\"},"
"\"results\":{" POINTER ",\"description\":\"batch: where in the answer the list of results is; its only list\"},"
"\"by\":{\"enum\":[\"order\",\"key\"],"
"\"description\":\"batch: results come in the order of the items, or name them; order\"},"
"\"key\":{" POINTER ",\"description\":\"batch, by key: where in a result, and in an item that is an object, its name is\"},"
"\"error\":{" POINTER ",\"description\":\"batch: where in a result it says why it failed\"},"
"\"missing\":{\"enum\":[\"error\",\"empty\"],"
"\"description\":\"batch: a call without a result fails, or gets an empty one; error\"},"
"\"window_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":60000,"
"\"description\":\"batch: how long calls are collected; 5\"},"
"\"max\":{\"type\":\"integer\",\"minimum\":2,\"maximum\":1000,"
"\"description\":\"batch: most items of one call; 50\"},"
"\"single\":{\"description\":\"batch: the tool for a call that is alone in its window; else a batch of one\"," TARGET "},"
"\"allow_unsafe\":{\"type\":\"boolean\",\"default\":false,"
"\"description\":\"race, hedge: also tools that are neither read-only nor idempotent\"},"
"\"input_schema\":{\"type\":\"object\",\"required\":[\"type\"],"
"\"properties\":{\"type\":{\"const\":\"object\"}},"
"\"description\":\"Else that of the first target, without constants, renamed\"},"
"\"annotations\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
"\"title\":{\"type\":\"string\"},\"readOnlyHint\":{\"type\":\"boolean\"},"
"\"destructiveHint\":{\"type\":\"boolean\"},"
"\"idempotentHint\":{\"type\":\"boolean\"},\"openWorldHint\":{\"type\":\"boolean\"}}}}}},"
"\"max_calls\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100000,\"default\":1000,"
"\"description\":\"Composite calls under way per event loop; further ones are refused as busy\"},"
"\"max_depth\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":8,\"default\":3,"
"\"description\":\"How deep composite tools may call composite tools\"},"
"\"max_answer_bytes\":{\"type\":\"integer\",\"minimum\":1024,\"maximum\":4194304,\"default\":262144,"
"\"description\":\"Most bytes of one target's answer; a larger one counts as failed\"},"
"\"max_total_bytes\":{\"type\":\"integer\",\"minimum\":1024,\"maximum\":16777216,\"default\":1048576,"
"\"description\":\"Most bytes of all answers of one call; further ones count as failed\"},"
"\"refresh_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":86400000,\"default\":60000,"
"\"description\":\"How often the targets' schemas and annotations are read again; 0: never\"}"
"}}}}");
// clang-format on
