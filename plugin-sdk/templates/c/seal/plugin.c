/* SPDX-License-Identifier: Apache-2.0
 * Offers the service jf.seal/1: text that clients keep for the gateway, and can neither read nor make. Here
 * the text stays in the gateway's memory, and the client gets a ticket for it. With a key of yours (in an
 * HSM, a cloud's key service) put encryption in the vault's place: then sealed text outlives the gateway. */
#include "vault.h"
#include <jackfield/config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"
JF_MANIFEST(MANIFEST);

/** One instance: the gateway makes one for each event loop. */
struct jf_self {
    jf_seal_1 seal; /**< what this plugin offers */
};

static int32_t refuse(jf_fault *why, int32_t code, uint32_t flags, const char *text) {
    if (why == NULL) return code;
    why->code = code;
    why->flags = flags;
    why->text_len = (uint32_t)snprintf(why->text, sizeof why->text, "%s", text);
    return code;
}

/* ---- The service: called from every thread ---- */

static int32_t seal(void *context, jf_view plain, jf_view bound, jf_blob *sealed, jf_fault *why) {
    (void)context;
    if (plain.len > JF_SEAL_MOST || bound.len > JF_SEAL_MOST)
        return refuse(why, JF_E_INVALID, 0, "more than 64 KiB cannot be sealed");
    char *ticket = malloc(TICKET);
    if (ticket == NULL || vault_put(plain, bound, ticket) != JF_OK) {
        free(ticket);
        return refuse(why, JF_E_FAULT, 0, "no memory or randomness for a ticket");
    }
    *sealed = (jf_blob){(uint8_t *)ticket, TICKET, ticket, free};
    return JF_OK;
}

static int32_t open_(void *context, jf_view sealed, jf_view bound, jf_blob *plain, jf_fault *why) {
    (void)context;
    int32_t status = vault_get(sealed, bound, plain);
    if (status == JF_ABSENT) /* whatever the reason: who tries tickets shall learn nothing */
        return refuse(why, JF_E_INVALID, JF_FAULT_PUBLIC, "this text was not sealed here, or is too old");
    return status == JF_OK ? JF_OK : refuse(why, status, 0, "out of memory");
}

/* ---- The life of an instance ---- */

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_SEAL_1) == 0 ? &self->seal : NULL;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    static const uint8_t pointer[] = "/most";
    const jf_config_1 *json = offer->service(offer->host, JF_CONFIG_1);
    jf_view raw;
    uint32_t kind;
    int64_t most = 65536;
    if (!JF_HAS(json, integer)) return refuse(why, JF_E_UNSUPPORTED, 0, "PLUGIN_ID needs jf.config/1");
    int32_t status = json->find(json->context, config, (jf_view){pointer, sizeof pointer - 1}, &raw, &kind);
    if (status == JF_OK) status = json->integer(json->context, raw, &most);
    if (status < 0 || most < 16 || most > 1000000)
        return refuse(why, JF_E_INVALID, 0, "most must be an integer from 16 to 1000000");
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL || !vault_take((uint32_t)most)) {
        free(self);
        return refuse(why, JF_E_BUSY, 0, "out of memory");
    }
    self->seal = (jf_seal_1){.size = sizeof self->seal, .context = self, .seal = seal, .open = open_};
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    vault_give();
    free(self);
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    if (offer->major == JF_ABI_MAJOR) return &plugin;
    refuse(why, JF_E_UNSUPPORTED, 0, "PLUGIN_ID was built for ABI 1");
    return NULL;
}
