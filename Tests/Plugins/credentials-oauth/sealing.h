/* SPDX-License-Identifier: Apache-2.0
 * Sealing for a plugin under test. */
#ifndef SEALING_H
#define SEALING_H

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA="
static const char *keys = "\"" KEY_A "\"";

/** The real seal-openssl, which is beside the plugin. */
static const jf_seal_1 *seal_begin(void) {
    char path[4096], config[300];
    const char *slash = strrchr(jf_check_plugin, '/');
    int length = slash != NULL ? (int)(slash - jf_check_plugin + 1) : 0;
    snprintf(path, sizeof path, "%.*sseal-openssl.so", length, jf_check_plugin);
    snprintf(config, sizeof config, "{\"keys\":[%s]}", keys);
    sealing = jf_mock_new();
    CHECK(jf_mock_up(sealing, path, config), "%s: %s", path, jf_mock_why(sealing));
    return jf_mock_facet(sealing, JF_SEAL_1);
}

static void seal_end(void) {
    CHECK(jf_mock_destroy(sealing) == 0, "seal-openssl broke a rule");
    jf_mock_free(sealing);
}

#endif
