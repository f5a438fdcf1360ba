/* SPDX-License-Identifier: Apache-2.0
 * transport-http: the manifest, with the JSON Schemas of its listener and connector configuration. */
#include <jackfield/base.h>

// One literal; C11 asks compilers for 4095 bytes, and all take more.
#pragma GCC diagnostic ignored "-Woverlength-strings"

// clang-format off
#define DURATION(name, fallback, text) \
    "\"" name "\":{\"type\":\"integer\",\"minimum\":1,\"default\":" fallback ",\"description\":\"" text "\"}"
#define COUNT(name, least, fallback, text) \
    "\"" name "\":{\"type\":\"integer\",\"minimum\":" least ",\"default\":" fallback ",\"description\":\"" text "\"}"
#define TEXTS(name, text) \
    "\"" name "\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"default\":[],\"description\":\"" text "\"}"

#define PATH(name, text) \
    "\"" name "\":{\"type\":\"string\",\"format\":\"path\",\"minLength\":1,\"description\":\"" text "\"}"
#define TLS \
    "\"tls\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"certificate\",\"key\"]," \
    "\"description\":\"Clients connect with TLS only; left out: without\",\"properties\":{" \
    PATH("certificate", "PEM file of the server's certificate, followed by those that lead to its authority's") "," \
    PATH("key", "PEM file of its private key, without a pass phrase") "," \
    PATH("client_ca", "PEM file of the authorities whose client certificates are accepted") "," \
    "\"client_certificates\":{\"enum\":[\"none\",\"optional\",\"required\"],\"description\":" \
    "\"Whether clients are asked for certificates; one that does not hold is never let in. Usually optional, none " \
    "without client_ca\"}," \
    "\"min_version\":{\"type\":[\"string\",\"number\"],\"pattern\":\"^1[.][23]$\",\"minimum\":1.2," \
    "\"maximum\":1.3,\"default\":\"1.2\"," \
    "\"description\":\"Oldest version of TLS; the newest that both sides have is used\"}," \
    "\"reload\":{\"enum\":[\"automatic\",\"never\"],\"default\":\"automatic\"," \
    "\"description\":\"The files are read again for new connections when they have changed\"}}}"

#define LIMITS \
    COUNT("max_body", "1", "4194304", "Largest request body in bytes (413 beyond)") "," \
    COUNT("max_headers", "256", "65536", "Largest request head in bytes (431 beyond)") "," \
    COUNT("max_connections", "1", "8192", "Open client connections per loop (503 beyond)") "," \
    DURATION("header_timeout_ms", "10000", "From the first byte of a request to the end of its head (408)") "," \
    DURATION("body_timeout_ms", "30000", "Between two pieces of a request body (408)") "," \
    DURATION("idle_timeout_ms", "75000", "A connection without a request is closed")

#define LISTENER \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" \
    "\"address\":{\"type\":\"string\",\"default\":\"127.0.0.1:8808\"," \
    "\"description\":\"IP address and port to listen on; port 0 lets the system choose\"}," \
    TEXTS("allowed_hosts", "Host headers that are answered (host or host:port, * for all); " \
          "empty: localhost names on a loopback address, every name elsewhere") "," \
    TEXTS("allowed_origins", "Origin headers that are allowed (https://app.example, http://localhost:*, " \
          "* for all); empty: pages of this machine on a loopback address, none elsewhere") "," \
    "\"keep_alive_ms\":{\"type\":\"integer\",\"minimum\":0,\"default\":15000,\"description\":" \
    "\"A comment is sent on an event stream silent for this long; 0: never\"}," \
    COUNT("stream_buffer", "4096", "1048576", "Bytes that may wait for the reader of an event stream; " \
          "one that is sent more for all that is closed") "," \
    "\"sse\":{\"type\":\"boolean\",\"default\":false,\"description\":" \
    "\"Serve HTTP+SSE of MCP 2024-11-05 too, at /sse, /sse/servers/NAME and /sse/bundles/NAME\"}," \
    TLS "," \
    "\"limits\":{\"type\":\"object\",\"default\":{},\"additionalProperties\":false,\"properties\":{" LIMITS "}}}}"

#define CONNECTOR \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"url\"],\"properties\":{" \
    "\"url\":{\"type\":\"string\",\"description\":\"The server's MCP endpoint, http:// or https://\"}," \
    "\"type\":{\"type\":\"string\",\"description\":\"What client files call the transport; not needed\"}," \
    "\"headers\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"},\"default\":{}," \
    "\"description\":\"Headers sent with every request\"}," \
    DURATION("connect_timeout_ms", "5000", "For one address to accept a connection") "," \
    COUNT("max_connections", "1", "256", "Requests under way to this server per loop; 1024 more wait") "," \
    COUNT("max_streams", "1", "1024", "Event streams of this server per loop that stay open, such as calls that " \
          "wait for a client's user; they come on top of max_connections") "," \
    DURATION("idle_timeout_ms", "60000", "An unused connection is closed") "," \
    DURATION("queue_timeout_ms", "30000", "A request that waited so long for a connection fails") "," \
    "\"sse\":{\"type\":\"boolean\",\"default\":false,\"description\":" \
    "\"The server speaks HTTP+SSE of MCP 2024-11-05; such servers are also found out\"}," \
    COUNT("resume_attempts", "0", "5", "Tries in a row to resume an event stream that broke before its answer; 0: none") "," \
    COUNT("max_message", "1", "4194304", "Largest answer or event in bytes") "," \
    "\"tls_verify\":{\"type\":\"boolean\",\"default\":true," \
    "\"description\":\"Check the server's certificate; false only for tests\"}," \
    "\"ca_file\":{\"type\":\"string\"," \
    "\"description\":\"PEM file of the certificates to trust instead of the system's\"}}}"

JF_MANIFEST("{\"id\":\"transport-http\",\"version\":\"0.1.0\",\"abi\":\"1.0\","
            "\"summary\":\"MCP over Streamable HTTP: listens for clients, connects to servers\","
            "\"facets\":[\"jf.listener/1\",\"jf.connector/1\"],"
            "\"requires\":[\"jf.loop/1\",\"jf.config/1\",\"jf.log/1\",\"jf.clock/1\",\"jf.memory/1\"],"
            "\"optional\":[\"jf.inbound/1\",\"jf.channels/1\"],"
            "\"provides\":[\"jf.http/1\"],\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false},"
            "\"listener\":{\"transport\":\"http\",\"config\":" LISTENER "},"
            "\"connector\":{\"keys\":[\"url\"],\"schemes\":[\"http\",\"https\"],\"config\":" CONNECTOR "}}");
// clang-format on
