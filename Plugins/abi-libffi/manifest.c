/* SPDX-License-Identifier: Apache-2.0
 * abi-libffi: the manifest, with the JSON Schema of its configuration. */
#include <jackfield/base.h>

// clang-format off
JF_MANIFEST("{\"id\":\"abi-libffi\",\"version\":\"0.1.0\",\"abi\":\"1.0\","
            "\"summary\":\"Functions made at run time, through libffi: callbacks for plugins, and tables of third "
            "parties that the host can meter\","
            "\"facets\":[],\"provides\":[\"jf.callback/1\",\"jf.interpose/1\"],"
            "\"requires\":[\"jf.config/1\"],\"optional\":[\"jf.log/1\"],"
            "\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
            "\"callbacks\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1048576,\"default\":4096,"
            "\"description\":\"Most functions that exist at once for each loop, those that libraries may still "
            "hold included\"},"
            "\"kept\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1048576,\"default\":256,"
            "\"description\":\"How many that nobody holds any more wait for the next lease instead of being freed\"},"
            "\"tables\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":4096,\"default\":64,"
            "\"description\":\"Most tables of third parties that are metered at once on each loop\"}"
            "}}}");
// clang-format on
