/* SPDX-License-Identifier: Apache-2.0
 * The manifest: what the plugin is, and the JSON Schemas of its configuration. */
#include <jackfield/base.h>

/* One member a line. */
/* clang-format off */

#define INTEGER(low, high, standard) \
    "{\"type\":\"integer\",\"minimum\":" #low ",\"maximum\":" #high ",\"default\":" #standard "}"
#define NUMBER(low, high, standard) \
    "{\"type\":\"number\",\"minimum\":" #low ",\"maximum\":" #high ",\"default\":" #standard "}"
#define MS(standard) INTEGER(0, 86400000, standard)
#define COUNT "{\"type\":\"integer\",\"minimum\":0,\"default\":0}"
#define FLAG(standard) "{\"type\":\"boolean\",\"default\":" #standard "}"
#define TEXT "{\"type\":\"string\",\"minLength\":1}"
#define PATHS "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"pattern\":\"^/\"}}"
#define ONE_OF(values, standard) "{\"enum\":[" values "],\"default\":\"" standard "\"}"
#define OBJECT "{\"type\":\"object\",\"additionalProperties\":false,"

#define RESTART \
    OBJECT "\"properties\":{" \
    "\"initial_ms\":" MS(200) "," \
    "\"max_ms\":" MS(30000) "," \
    "\"factor\":" NUMBER(1, 100, 2) "," \
    "\"jitter\":" NUMBER(0, 1, 0.1) "," \
    "\"healthy_ms\":" MS(10000) "," \
    "\"give_up_after\":" INTEGER(0, 1000000, 0) "}}"

#define SHUTDOWN \
    OBJECT "\"properties\":{" \
    "\"close_stdin_ms\":" MS(2000) "," \
    "\"terminate_ms\":" MS(2000) "}}"

#define LIMITS \
    OBJECT "\"properties\":{" \
    "\"memory\":" COUNT "," \
    "\"processes\":" INTEGER(0, 1000000, 0) "," \
    "\"cpu\":" NUMBER(0, 1024, 0) "," \
    "\"open_files\":" INTEGER(0, 1048576, 0) "," \
    "\"file_size\":" COUNT "," \
    "\"cgroup\":" ONE_OF("\"auto\",\"require\",\"off\"", "auto") "}}"

#define RECYCLE \
    OBJECT "\"properties\":{" \
    "\"age_ms\":" COUNT "," \
    "\"idle_ms\":" COUNT "," \
    "\"calls\":" COUNT "," \
    "\"memory\":" COUNT "," \
    "\"drain_ms\":" MS(300000) "}}"

#define SANDBOX \
    OBJECT "\"properties\":{" \
    "\"network\":" FLAG(false) "," \
    "\"root\":" ONE_OF("\"read-only\",\"none\"", "read-only") "," \
    "\"tmp\":" FLAG(true) "," \
    "\"bind\":" PATHS "," \
    "\"bind_read_only\":" PATHS "," \
    "\"program\":" TEXT "}}"

#define INHERITED \
    "[\"PATH\",\"HOME\",\"LOGNAME\",\"USER\",\"SHELL\",\"TERM\",\"LANG\",\"LC_ALL\",\"TMPDIR\",\"TZ\"," \
    "\"XDG_*\",\"VIRTUAL_ENV\"]"

#define CONNECTOR \
    OBJECT "\"required\":[\"command\"],\"properties\":{" \
    "\"type\":{\"type\":\"string\"}," \
    "\"command\":" TEXT "," \
    "\"args\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}," \
    "\"env\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}," \
    "\"cwd\":" TEXT "," \
    "\"inherit_env\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"default\":" INHERITED "}," \
    "\"max_message\":" INTEGER(1024, 1073741824, 4194304) "," \
    "\"queue\":" INTEGER(4096, 4294967296, 8388608) "," \
    "\"pipe_size\":" INTEGER(0, 1048576, 262144) "," \
    "\"stderr\":" ONE_OF("\"log\",\"inherit\",\"discard\"", "log") "," \
    "\"stderr_rate\":" INTEGER(1, 1000000, 100) "," \
    "\"stderr_line\":" INTEGER(16, 1024, 1024) "," \
    "\"stderr_tail\":" INTEGER(0, 65536, 4096) "," \
    "\"concurrency\":" INTEGER(0, 100000, 0) "," \
    "\"waiting\":" INTEGER(0, 1000000, 1000) "," \
    "\"prewarm\":" INTEGER(0, 1, 0) "," \
    "\"start_ms\":" INTEGER(10, 86400000, 60000) "," \
    "\"sample_ms\":" INTEGER(10, 86400000, 1000) "," \
    "\"limits\":" LIMITS "," \
    "\"recycle\":" RECYCLE "," \
    "\"sandbox\":" SANDBOX "," \
    "\"restart\":" RESTART "," \
    "\"shutdown\":" SHUTDOWN "}}"

#define LISTENER \
    OBJECT "\"properties\":{" \
    "\"max_message\":" INTEGER(1024, 1073741824, 4194304) "," \
    "\"queue\":" INTEGER(4096, 4294967296, 8388608) "}}"

/* clang-format on */

JF_MANIFEST(
    "{\"id\":\"transport-stdio\",\"version\":\"0.1.0\",\"abi\":\"1.0\","
    "\"summary\":\"MCP over standard input and output: supervised child processes, and one local client\","
    "\"facets\":[\"jf.listener/1\",\"jf.connector/1\"],"
    "\"requires\":[\"jf.loop/1\",\"jf.config/1\",\"jf.log/1\",\"jf.clock/1\",\"jf.memory/1\"],"
    "\"optional\":[\"jf.inbound/1\",\"jf.channels/1\"],"
    "\"threads\":\"per-loop\","
    "\"config\":" OBJECT "\"properties\":{}},"
    "\"listener\":{\"transport\":\"stdio\",\"config\":" LISTENER "},"
    "\"connector\":{\"keys\":[\"command\"],\"config\":" CONNECTOR "}}");
