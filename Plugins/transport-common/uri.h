/* SPDX-License-Identifier: Apache-2.0
 * The little of RFC 3986 that an HTTP transport needs: http(s) URLs, host:port texts, socket addresses. */
#ifndef TRANSPORT_COMMON_URI_H
#define TRANSPORT_COMMON_URI_H

#include "text.h"
#include <netinet/in.h>
#include <sys/socket.h>

/** An absolute http or https URL, as views into its text. */
struct url {
    bool secure;
    jf_view authority; /**< host and port as written */
    jf_view host;      /**< without brackets */
    uint16_t port;     /**< the scheme's own when not written */
    jf_view path;      /**< from '/' on, query included, without fragment; may be empty */
};

/** Takes a URL apart. False: not http(s), user information in it, or characters that no URL has. */
bool url_parse(jf_view text, struct url *out);
/** Splits "host", "host:port", "[v6]" or "[v6]:port". `*port` stays as it is when the text has none. */
bool authority_split(jf_view text, jf_view *host, uint16_t *port);
/** True for localhost, 127.0.0.0/8 as text and ::1. */
bool host_is_loopback(jf_view host);

/** An address for bind, connect and display. */
struct endpoint {
    socklen_t length;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
};

/** Reads a literal IPv4 or IPv6 address, "localhost" (127.0.0.1) or "*" (0.0.0.0). False: a name to look up.
 */
bool endpoint_literal(jf_view host, uint16_t port, struct endpoint *out);
/** Whether an address is nobody's on the open Internet: loopback, private, link-local and so on (RFC 6890).
 */
bool endpoint_is_special(const struct endpoint *e);
bool endpoint_is_loopback(const struct endpoint *endpoint);
uint16_t endpoint_port(const struct endpoint *endpoint);
/** Writes "127.0.0.1:80" or "[::1]:80" and returns its length; `room` of 64 is enough. */
uint32_t endpoint_text(const struct endpoint *endpoint, char *out, uint32_t room);

#endif
