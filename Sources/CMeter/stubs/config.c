/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.config/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t config_find_slow(struct service *service, jf_view document, jf_view pointer,
    jf_view *value, uint32_t *kind) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CONFIG_FIND, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "document", document);
        note_view(&probe, "pointer", pointer);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.config.find(service->context, document, pointer, value, kind);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (value != NULL) note_size(&probe, "value", *value);
            if (kind != NULL) note_number(&probe, "kind", (int64_t)*kind);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t config_find(void *context, jf_view document, jf_view pointer, jf_view *value, uint32_t *kind) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CONFIG_FIND];
    if (!pass_any(hot)) return config_find_slow(service, document, pointer, value, kind);
    return passed(service->shim, JF_SLOT_CONFIG_FIND, service->real.config.find(service->context, document,
        pointer, value, kind));
}

static COLD int32_t config_next_slow(struct service *service, jf_view container, uint64_t *cursor,
    jf_view *key, jf_view *value, uint32_t *kind) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CONFIG_NEXT, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "container", container);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.config.next(service->context, container, cursor, key, value, kind);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (cursor != NULL) note_number(&probe, "cursor", (int64_t)*cursor);
            if (key != NULL) note_view(&probe, "key", *key);
            if (value != NULL) note_size(&probe, "value", *value);
            if (kind != NULL) note_number(&probe, "kind", (int64_t)*kind);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t config_next(void *context, jf_view container, uint64_t *cursor, jf_view *key, jf_view *value,
    uint32_t *kind) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CONFIG_NEXT];
    if (!pass_any(hot)) return config_next_slow(service, container, cursor, key, value, kind);
    return passed(service->shim, JF_SLOT_CONFIG_NEXT, service->real.config.next(service->context, container,
        cursor, key, value, kind));
}

static COLD int32_t config_text_slow(struct service *service, jf_view value, jf_blob *out) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CONFIG_TEXT, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "value", value);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.config.text(service->context, value, out);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "out", out);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t config_text(void *context, jf_view value, jf_blob *out) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CONFIG_TEXT];
    if (!pass_any(hot)) return config_text_slow(service, value, out);
    return passed(service->shim, JF_SLOT_CONFIG_TEXT, service->real.config.text(service->context, value,
        out));
}

static COLD int32_t config_integer_slow(struct service *service, jf_view value, int64_t *out) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CONFIG_INTEGER, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "value", value);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.config.integer(service->context, value, out);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (out != NULL) note_number(&probe, "out", (int64_t)*out);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t config_integer(void *context, jf_view value, int64_t *out) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CONFIG_INTEGER];
    if (!pass_any(hot)) return config_integer_slow(service, value, out);
    return passed(service->shim, JF_SLOT_CONFIG_INTEGER, service->real.config.integer(service->context,
        value, out));
}

static COLD int32_t config_real_slow(struct service *service, jf_view value, double *out) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CONFIG_REAL, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "value", value);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.config.real(service->context, value, out);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (out != NULL) note_real(&probe, "out", *out);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t config_real(void *context, jf_view value, double *out) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CONFIG_REAL];
    if (!pass_any(hot)) return config_real_slow(service, value, out);
    return passed(service->shim, JF_SLOT_CONFIG_REAL, service->real.config.real(service->context, value,
        out));
}

static COLD int32_t config_quote_slow(struct service *service, jf_view text, jf_blob *out) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CONFIG_QUOTE, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "text", text);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.config.quote(service->context, text, out);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "out", out);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t config_quote(void *context, jf_view text, jf_blob *out) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CONFIG_QUOTE];
    if (!pass_any(hot)) return config_quote_slow(service, text, out);
    return passed(service->shim, JF_SLOT_CONFIG_QUOTE, service->real.config.quote(service->context, text,
        out));
}

static COLD int32_t config_secret_slow(struct service *service, jf_view name, jf_blob *out) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CONFIG_SECRET, service->is_provided);
    if (probe.traces) {
        note_view(&probe, "name", name);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.config.secret(service->context, name, out);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "out", out);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t config_secret(void *context, jf_view name, jf_blob *out) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CONFIG_SECRET];
    if (!pass_any(hot)) return config_secret_slow(service, name, out);
    return passed(service->shim, JF_SLOT_CONFIG_SECRET, service->real.config.secret(service->context, name,
        out));
}

void wrap_config(jf_config_1 *own, const jf_config_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->find != NULL) own->find = config_find;
    if (real->next != NULL) own->next = config_next;
    if (real->text != NULL) own->text = config_text;
    if (real->integer != NULL) own->integer = config_integer;
    if (real->real != NULL) own->real = config_real;
    if (real->quote != NULL) own->quote = config_quote;
    if (real->secret != NULL) own->secret = config_secret;
}
