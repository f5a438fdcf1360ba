/* SPDX-License-Identifier: Apache-2.0
 * Cell: what the gateway wants of it, and loading the plugin. */
#define _GNU_SOURCE
#include "cell.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define PATHS_MOST 64u

static char *copy(jf_view view) {
    if (view.ptr == NULL) return NULL;
    char *text = malloc(view.len + 1);
    if (text == NULL) cell_die("jackfield-cell: out of memory");
    memcpy(text, view.ptr, view.len);
    text[view.len] = 0;
    return text;
}

static char **copy_list(cell_frame *frame) {
    uint64_t count = cell_get_number(frame);
    if (count > PATHS_MOST) cell_die("jackfield-cell: too many paths");
    char **list = calloc(count + 1, sizeof *list);
    if (list == NULL) cell_die("jackfield-cell: out of memory");
    for (uint64_t i = 0; i < count; i++)
        list[i] = copy(cell_get_view(frame));
    return list;
}

void cell_read_setup(cell_frame *frame, jf_view *config) {
    cell_settings *it = &cell_here.settings;
    it->flags = cell_get_number(frame);
    it->threads = cell_get_number(frame);
    it->memory = cell_get_number(frame);
    it->address_space = cell_get_number(frame);
    it->files = cell_get_number(frame);
    it->workers = cell_get_number(frame);
    it->lane = cell_get_number(frame);
    it->lanes = cell_get_number(frame);
    it->control_ms = cell_get_number(frame);
    it->services = cell_get_number(frame);
    cell_here.log_levels = (uint32_t)cell_get_number(frame);
    it->queue = cell_get_number(frame);
    cell_here.wants = (uint32_t)cell_get_number(frame);
    it->library = copy(cell_get_view(frame));
    it->name = copy(cell_get_view(frame));
    it->listed_services = copy(cell_get_view(frame));
    it->state_dir = copy(cell_get_view(frame));
    it->readable = copy_list(frame);
    it->writable = copy_list(frame);
    it->beside = copy_list(frame);
    *config = cell_get_view(frame);
    if (!cell_frame_done(frame) || it->library == NULL || it->name == NULL)
        cell_die("jackfield-cell: the setup is malformed");
    prctl(PR_SET_NAME, it->name, 0, 0, 0);
}

static const void *no_service(const jf_host *host, const char *id) {
    (void)host;
    (void)id;
    return NULL;
}

static int32_t refuse(jf_fault *why, const char *what) {
    return cell_fault(why, JF_E_FAULT, 0, 0, "plugin %s cannot be loaded in its cell: %s",
                      cell_here.settings.name, what);
}

static const void *facet(const char *id) {
    return cell_here.plugin.facet(cell_here.self, id);
}

static uint64_t find_facets(void) {
    uint64_t slots = 0;
    const void *table;
    if ((table = facet(JF_TOOLSET_1)) != NULL) {
        cell_attach(&cell_here.toolset, sizeof cell_here.toolset, table);
        const jf_toolset_1 *it = &cell_here.toolset;
        if (it->open != NULL && it->list != NULL && it->call != NULL) slots |= CELL_HAS_TOOLSET;
        if (it->read != NULL) slots |= CELL_HAS_READ;
        if (it->prompt != NULL) slots |= CELL_HAS_PROMPT;
        if (it->complete != NULL) slots |= CELL_HAS_COMPLETE;
    }
    if ((table = facet(JF_ROUTING_1)) != NULL) {
        cell_attach(&cell_here.routing, sizeof cell_here.routing, table);
        const jf_routing_1 *it = &cell_here.routing;
        if (it->attach != NULL && it->detach != NULL && it->pick != NULL) slots |= CELL_HAS_ROUTING;
        if (it->observe != NULL) slots |= CELL_HAS_OBSERVE;
        if (it->export_state != NULL && it->import_state != NULL) slots |= CELL_HAS_STATE;
    }
    if ((table = facet(JF_CONNECTOR_1)) != NULL) {
        cell_attach(&cell_here.connector, sizeof cell_here.connector, table);
        const jf_connector_1 *it = &cell_here.connector;
        if (it->open != NULL && it->send != NULL && it->cancel != NULL && it->close != NULL)
            slots |= CELL_HAS_CONNECTOR;
        if (it->usage != NULL) slots |= CELL_HAS_USAGE;
    }
    if ((table = facet(JF_LISTENER_1)) != NULL) {
        cell_attach(&cell_here.listener, sizeof cell_here.listener, table);
        const jf_listener_1 *it = &cell_here.listener;
        if (it->listen != NULL && it->unlisten != NULL && it->reply != NULL && it->close != NULL)
            slots |= CELL_HAS_LISTENER;
    }
    if ((table = facet(JF_SEAL_1)) != NULL) {
        cell_attach(&cell_here.seal, sizeof cell_here.seal, table);
        if (cell_here.seal.seal != NULL && cell_here.seal.open != NULL) slots |= CELL_HAS_SEAL;
    }
    return slots | cell_find_access();
}

/* Loads a library and takes its table. */
static int32_t enter(const char *path, jf_plugin *out, jf_fault *why) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) return refuse(why, dlerror());
    void *symbol = dlsym(library, "jf_entry_1");
    if (symbol == NULL) return refuse(why, "it has no function jf_entry_1: build it for ABI 1");
    jf_entry_fn entry;
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from an object to a function pointer */
    jf_offer offer = {sizeof offer, JF_ABI_MAJOR, JF_ABI_MINOR, &cell_here, no_service};
    const jf_plugin *table = entry(&offer, why);
    if (table == NULL)
        return why->text_len > 0 ? JF_E_UNSUPPORTED : refuse(why, "it refused without saying why");
    cell_attach(out, sizeof *out, table);
    if (out->create == NULL || out->destroy == NULL || out->facet == NULL)
        return refuse(why, "its table lacks create, destroy or facet");
    return JF_OK;
}

static int32_t create(const jf_plugin *plugin, const void *(*service)(const jf_host *, const char *),
                      jf_view config, jf_self **out, jf_fault *why) {
    /* For as long as the process lives, since instances keep it. */
    jf_offer *lasting = malloc(sizeof *lasting);
    if (lasting == NULL) return refuse(why, "out of memory");
    *lasting = (jf_offer){sizeof *lasting, JF_ABI_MAJOR, JF_ABI_MINOR, &cell_here, service};
    int32_t status = plugin->create(lasting, config, out, why);
    if (status != JF_OK) return status < 0 ? status : refuse(why, "create gave no answer");
    return *out != NULL ? JF_OK : refuse(why, "create gave no instance");
}

/* Whoever needs a service of one that cannot be had says so itself. */
static void load_beside(void) {
    for (char **at = cell_here.settings.beside; at[0] != NULL && at[1] != NULL; at += 2) {
        cell_neighbour it = {0};
        jf_fault why = {.size = sizeof why};
        if (cell_here.beside_count == JF_CELL_BESIDE) break;
        int32_t status = enter(at[0], &it.plugin, &why);
        if (status == JF_OK) status = create(&it.plugin, cell_own_service, cell_text(at[1]), &it.self, &why);
        if (status == JF_OK && it.plugin.start != NULL) status = it.plugin.start(it.self, &why);
        if (status == JF_OK)
            cell_here.beside[cell_here.beside_count++] = it;
        else
            cell_note(JF_LOG_WARNING, "a plugin that is to run beside it cannot: %.*s", (int)why.text_len,
                      why.text);
    }
}

int32_t cell_load(jf_view config, jf_fault *why, uint64_t *slots) {
    load_beside();
    int32_t status = enter(cell_here.settings.library, &cell_here.plugin, why);
    if (status == JF_OK) status = create(&cell_here.plugin, cell_service, config, &cell_here.self, why);
    if (status == JF_OK) *slots = find_facets();
    return status;
}
