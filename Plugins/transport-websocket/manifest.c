/* SPDX-License-Identifier: Apache-2.0
 * transport-websocket: the manifest, with the JSON Schemas of its listener and connector configuration. */
#include <jackfield/base.h>

// clang-format off
#pragma GCC diagnostic ignored "-Woverlength-strings" // C99 promises 4095 bytes; both compilers take any
#define INTEGER(name, least, fallback, text) \
    "\"" name "\":{\"type\":\"integer\",\"minimum\":" least ",\"default\":" fallback ",\"description\":\"" text "\"}"
#define NUMBER(name, least, most, fallback, text) \
    "\"" name "\":{\"type\":\"number\",\"minimum\":" least ",\"maximum\":" most ",\"default\":" fallback \
    ",\"description\":\"" text "\"}"
#define TEXTS(name, text) \
    "\"" name "\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"default\":[],\"description\":\"" text "\"}"
#define GROUP(name, members) \
    "\"" name "\":{\"type\":\"object\",\"default\":{},\"additionalProperties\":false,\"properties\":{" members "}}"

#define MAX_MESSAGE \
    "\"max_message\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1073741824,\"default\":4194304," \
    "\"description\":\"Largest message in bytes, all its fragments together (close code 1009 beyond)\"}"
#define PULSE \
    INTEGER("ping_interval_ms", "0", "30000", "A ping is sent this often; 0: never") "," \
    INTEGER("pong_timeout_ms", "1", "10000", "A peer silent for this long after a ping is given up") "," \
    INTEGER("close_timeout_ms", "1", "2000", "For the other side's part of the closing handshake")

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
    MAX_MESSAGE "," \
    INTEGER("max_headers", "256", "65536", "Largest head of an upgrade request in bytes (431 beyond)") "," \
    INTEGER("max_connections", "1", "8192", "Open client connections per loop (503 beyond)") "," \
    INTEGER("handshake_timeout_ms", "1", "10000", "From the connection to the end of the upgrade request (408)") "," \
    INTEGER("send_slow", "1", "1048576", "Bytes that wait for a slow reader before it is sent no more, nor read") "," \
    INTEGER("send_buffer", "1", "8388608", "A message that comes when more bytes wait ends the connection " \
            "(close code 1008)") "," PULSE

#define LISTENER \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" \
    "\"address\":{\"type\":\"string\",\"default\":\"127.0.0.1:8810\"," \
    "\"description\":\"IP address and port to listen on; port 0 lets the system choose\"}," \
    TEXTS("allowed_hosts", "Host headers that are answered (host or host:port, * for all); " \
          "empty: localhost names on a loopback address, every name elsewhere") "," \
    TEXTS("allowed_origins", "Origin headers that are allowed (https://app.example, http://localhost:*, " \
          "* for all); empty: pages of this machine on a loopback address, none elsewhere") "," \
    TLS "," \
    GROUP("limits", LIMITS) "}}"

#define RECONNECT \
    INTEGER("initial_ms", "1", "200", "Pause before the first new attempt") "," \
    NUMBER("factor", "1", "100", "2", "The pause grows by this with each failure in a row") "," \
    INTEGER("max_ms", "1", "30000", "Longest pause") "," \
    NUMBER("jitter", "0", "1", "0.2", "Up to this part of a pause is taken off at random") "," \
    INTEGER("healthy_ms", "0", "10000", "A connection that lived so long starts over with initial_ms") "," \
    INTEGER("give_up_after", "0", "0", "Failures in a row after which the server stays down; 0: never")

#define CONNECTOR \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"url\"],\"properties\":{" \
    "\"url\":{\"type\":\"string\",\"description\":\"The server's MCP endpoint, ws:// or wss://\"}," \
    "\"type\":{\"type\":\"string\",\"description\":\"What client files call the transport; not needed\"}," \
    "\"headers\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"},\"default\":{}," \
    "\"description\":\"Headers sent with the upgrade request\"}," \
    MAX_MESSAGE "," \
    INTEGER("queue", "1", "8388608", "Bytes that wait for a server that does not read") "," \
    INTEGER("connect_timeout_ms", "1", "5000", "For one address to accept a connection") "," \
    INTEGER("handshake_timeout_ms", "1", "10000", "From the connection to the server's answer to the upgrade") "," \
    PULSE "," GROUP("reconnect", RECONNECT) "," \
    "\"tls_verify\":{\"type\":\"boolean\",\"default\":true," \
    "\"description\":\"Check the server's certificate; false only for tests\"}," \
    "\"ca_file\":{\"type\":\"string\"," \
    "\"description\":\"PEM file of the certificates to trust instead of the system's\"}}}"

JF_MANIFEST("{\"id\":\"transport-websocket\",\"version\":\"0.1.0\",\"abi\":\"1.0\","
            "\"summary\":\"MCP over WebSocket: listens for clients, connects to servers\","
            "\"facets\":[\"jf.listener/1\",\"jf.connector/1\"],"
            "\"requires\":[\"jf.loop/1\",\"jf.config/1\",\"jf.log/1\",\"jf.clock/1\",\"jf.memory/1\"],"
            "\"optional\":[\"jf.inbound/1\",\"jf.channels/1\"],\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false},"
            "\"listener\":{\"transport\":\"websocket\",\"config\":" LISTENER "},"
            "\"connector\":{\"keys\":[\"url\"],\"schemes\":[\"ws\",\"wss\"],\"config\":" CONNECTOR "}}");
// clang-format on
