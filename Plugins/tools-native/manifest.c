/* SPDX-License-Identifier: Apache-2.0
 * The manifest: what the plugin is, and the JSON Schema of a server that uses it. */
#include <jackfield/base.h>

// clang-format off
JF_MANIFEST("{\"id\":\"tools-native\",\"version\":\"0.1.0\",\"abi\":\"1.0\","
            "\"summary\":\"Functions of any C library as tools, from a declaration file, through libffi\","
            "\"facets\":[\"jf.toolset/1\"],"
            "\"requires\":[\"jf.ops/1\"],\"optional\":[\"jf.log/1\",\"jf.callback/1\"],"
            "\"threads\":\"serial\",\"placement\":\"cell\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
            "\"toolset\":{\"config\":{\"type\":\"object\",\"additionalProperties\":false,"
            "\"required\":[\"declarations\"],\"properties\":{"
            "\"declarations\":{\"type\":\"string\",\"format\":\"path\",\"minLength\":1,\"maxLength\":4000,"
            "\"description\":\"The declaration file (TOML): which library, which functions, what their parameters mean\"},"
            "\"max_argument_bytes\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1073741824,\"default\":1048576,"
            "\"description\":\"Most bytes of one text or byte string that a client sends, decoded\"},"
            "\"max_result_bytes\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1073741824,\"default\":1048576,"
            "\"description\":\"Most bytes of one text, buffer or list of rows that comes back\"},"
            "\"workers\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":64,\"default\":2,"
            "\"description\":\"Threads for functions that block; a library that is not thread_safe gets one\"},"
            "\"queue\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100000,\"default\":256,"
            "\"description\":\"Calls that may wait for a thread; further ones are refused as busy\"},"
            "\"stop_wait_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":60000,\"default\":2000,"
            "\"description\":\"How long closing waits for a function that is still running\"}"
            "}}}}");
// clang-format on
