/* SPDX-License-Identifier: Apache-2.0
 * transport-websocket against raw sockets: `transport-websocket_test transport-websocket.so`. The cases lie
 * by topic in the folder transport-websocket/. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "transport-http/tls_wire.h"
#include "transport-websocket/frames.h"

#include "transport-websocket/fields_cases.h"
#include "transport-websocket/flow_cases.h"
#include "transport-websocket/handshake_cases.h"
#include "transport-websocket/message_cases.h"
#include "transport-websocket/rule_cases.h"
#include "transport-websocket/secure_cases.h"

#include "transport-websocket/connector_cases.h"
#include "transport-websocket/reconnect_cases.h"

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
