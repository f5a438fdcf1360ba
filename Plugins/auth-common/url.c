/* SPDX-License-Identifier: Apache-2.0
 * Which URLs a provider makes requests to, and for how long answers hold. */
#include "url.h"

#include "uri.h"

bool au_url_is_local(jf_view url) {
    struct url parts;
    return url_parse(url, &parts) && host_is_loopback(parts.host);
}

const char *au_url_wrong(jf_view url, bool local, bool plain) {
    struct url parts;
    if (url.len > 2048 || !url_parse(url, &parts)) return "is no http or https URL";
    if (memchr(url.ptr, '#', url.len) != NULL) return "has a fragment";
    bool here = host_is_loopback(parts.host);
    if (here && !local) return "is on this machine";
    if (!parts.secure && !plain && !here) return "is not https";
    return NULL;
}

void au_option_url(struct au_options *options, const char *name, jf_view url, bool plain) {
    if (url.ptr == NULL) return;
    const char *wrong = au_url_wrong(url, true, plain);
    if (wrong != NULL)
        au_option_wrong(options, "%s \"%.*s\" %s", name, url.len < 80 ? (int)url.len : 80,
                        (const char *)url.ptr, wrong);
}

jf_view au_header(const jf_http_response *response, const char *name) {
    for (uint64_t i = 0; i < response->header_count; i++)
        if (au_same(response->headers[i].name, (jf_view){(const uint8_t *)name, strlen(name)}))
            return response->headers[i].value;
    return (jf_view){0};
}

uint64_t au_max_age(const jf_http_response *response, uint64_t preset) {
    uint64_t age = preset;
    jf_view rest = au_header(response, "cache-control");
    while (rest.len != 0) {
        jf_view after = {0}, part = view_trim(view_until(rest, ',', &after)), number = {0};
        jf_view name = view_trim(view_until(part, '=', &number));
        rest = after;
        if (view_is_nocase(name, "no-store") || view_is_nocase(name, "no-cache")) return 0;
        if (!view_is_nocase(name, "max-age")) continue;
        number = view_trim(number);
        age = 0;
        for (uint64_t i = 0;
             i < number.len && number.ptr[i] >= '0' && number.ptr[i] <= '9' && age < 1000000000; i++)
            age = age * 10 + (uint64_t)(number.ptr[i] - '0');
    }
    return age;
}
