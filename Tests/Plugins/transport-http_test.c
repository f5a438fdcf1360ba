/* SPDX-License-Identifier: Apache-2.0
 * transport-http against raw sockets: `transport-http_test transport-http.so`. The cases lie by topic in the
 * folder transport-http/. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "transport-http/tls_wire.h"
#include "transport-http/wire.h"

#include "transport-http/listener_cases.h"

#include "transport-http/live_cases.h"

#include "transport-http/legacy_cases.h"

#include "transport-http/fields_cases.h"
#include "transport-http/secure_cases.h"

#include "transport-http/refusal_cases.h"
#include "transport-http/retain_cases.h"
#include "transport-http/stream_cases.h"

#include "transport-http/connector_cases.h"
#include "transport-http/credential_cases.h"
#include "transport-http/fault_cases.h"
#include "transport-http/resume_cases.h"
#include "transport-http/service_cases.h"
#include "transport-http/sse_channel_cases.h"
#include "transport-http/ticket_cases.h"
#include "transport-http/tls_cases.h"

#include "transport-http/close_cases.h"
#include "transport-http/pool_cases.h"

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
