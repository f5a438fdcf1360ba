/* SPDX-License-Identifier: Apache-2.0
 * The same cases once more with the plugin in a cell: what holds in the gateway's process must hold there.
 * Cases that look at this process, at time or at the plugin's memory are not repeated: in a cell none of that
 * is the plugin's. */
#include "ccell.h"
#include "check.h"

/* jackfield-cell of this build answers within milliseconds; a busy machine gets more. */
#define PATIENCE_MS 8000u

static const jf_plugin *table;

static const jf_plugin *entry(const jf_offer *offer, jf_fault *why) {
    (void)offer;
    (void)why;
    return table;
}

/* The ids of a list, and of another, joined by spaces; to be freed. */
static char *joined(const char *const *first, const char *const *second) {
    char *text = NULL;
    size_t size, count = 0;
    FILE *out = open_memstream(&text, &size);
    for (int list = 0; list < 2; list++)
        for (const char *const *id = list == 0 ? first : second; id != NULL && *id != NULL; id++)
            fprintf(out, "%s%s", count++ > 0 ? " " : "", *id);
    fclose(out);
    return text;
}

jf_entry_fn check_cell_entry(check *c) {
    const check_setup *setup = c->setup;
    const char *why = NULL;
    if (setup->cell == NULL) {
        check_skip(c, "jackfield-cell is not beside this program");
        return NULL;
    }
    jf_cell_spawn spawn = {
        .size = sizeof spawn, .cell = setup->cell, .library = setup->path, .name = "checked"};
    /* What transports reach and start; all others have the rights that a cell has by itself. */
    if (check_has_facet(c, JF_AUTH_1) || check_has_facet(c, JF_CREDENTIALS_1) ||
        check_has_facet(c, JF_STORE_1))
        spawn.flags = JF_CELL_NETWORK | JF_CELL_ALL_FILES;
    if (check_has_facet(c, JF_CONNECTOR_1) || check_has_facet(c, JF_LISTENER_1))
        spawn.flags = JF_CELL_NETWORK | JF_CELL_PROCESSES | JF_CELL_ALL_FILES;
    spawn.threads = setup->threads == CHECK_CONCURRENT ? JF_CELL_CONCURRENT : JF_CELL_LANE;
    spawn.limits.control_ms = PATIENCE_MS;
    spawn.limits.pick_us = PATIENCE_MS * 1000u;
    char *facets = joined(setup->facets, setup->provides),
         *services = joined(setup->required, setup->optional);
    spawn.facets = facets;
    spawn.services = services;
    table = jf_cell_plugin(&spawn, &why);
    free(facets);
    free(services);
    if (table != NULL) return entry;
    check_fail(c, "Tell the authors of jackfield.", "it cannot be described to a cell: %s", why);
    return NULL;
}

/* "placement.toolset-calls" is the case toolset.calls. */
static void in_cell(check *c) {
    char name[64];
    snprintf(name, sizeof name, "%s", strchr(c->name, '.') + 1);
    char *dash = strchr(name, '-');
    if (dash != NULL) *dash = '.';
    const check_case *it = check_find(name);
    if (it == NULL) {
        check_fail(c, "Tell the authors of jackfield.", "there is no case %s", name);
        return;
    }
    c->is_isolated = true;
    it->run(c);
}

CHECK_GROUP(
    placement, {"placement.lifecycle-once", "in a cell: an instance begins and ends", NULL, in_cell, false},
    {"placement.lifecycle-two", "in a cell: two instances live side by side", NULL, in_cell, false},
    {"placement.lifecycle-reborn", "in a cell: it can be created again after destroy", NULL, in_cell, false},
    {"placement.config-allowed", "in a cell: what the schema allows is accepted", NULL, in_cell, false},
    {"placement.ops-answers", "in a cell: each call has one answer", JF_TOOLSET_1, in_cell, false},
    {"placement.ops-cancel", "in a cell: a call whose caller left is finished", JF_TOOLSET_1, in_cell, false},
    {"placement.ops-stop", "in a cell: calls that are open at the end are finished", JF_TOOLSET_1, in_cell,
     false},
    {"placement.ops-many", "in a cell: 256 calls at once are all finished", JF_TOOLSET_1, in_cell, false},
    {"placement.toolset-lists", "in a cell: its lists have the shapes of MCP", JF_TOOLSET_1, in_cell, false},
    {"placement.toolset-sets", "in a cell: many sets are open at once", JF_TOOLSET_1, in_cell, false},
    {"placement.toolset-calls", "in a cell: each tool answers with a proper result", JF_TOOLSET_1, in_cell,
     false},
    {"placement.toolset-unknown-tool", "in a cell: unknown tools are refused", JF_TOOLSET_1, in_cell, false},
    {"placement.toolset-wrong-arguments", "in a cell: arguments that a schema forbids are refused",
     JF_TOOLSET_1, in_cell, false},
    {"placement.toolset-resources", "in a cell: each listed resource can be read", JF_TOOLSET_1, in_cell,
     false},
    {"placement.toolset-prompts", "in a cell: each listed prompt can be had", JF_TOOLSET_1, in_cell, false},
    {"placement.routing-picks", "in a cell: it picks an endpoint that there is", JF_ROUTING_1, in_cell,
     false},
    {"placement.routing-outcomes", "in a cell: it takes outcomes of all kinds", JF_ROUTING_1, in_cell, false},
    {"placement.routing-servers", "in a cell: many servers are attached at once", JF_ROUTING_1, in_cell,
     false},
    {"placement.state-round-trip", "in a cell: what it exports it imports", JF_ROUTING_1, in_cell, false},
    {"placement.state-damaged", "in a cell: cut and changed state does not break it", JF_ROUTING_1, in_cell,
     false},
    {"placement.auth-identifies", "in a cell: whatever a request brings has one answer", JF_AUTH_1, in_cell,
     false},
    {"placement.auth-cancel", "in a cell: a request that left is finished", JF_AUTH_1, in_cell, false},
    {"placement.auth-describes", "in a cell: its description is a JSON object", JF_AUTH_1, in_cell, false},
    {"placement.credentials-supplies", "in a cell: whatever is demanded has one answer", JF_CREDENTIALS_1,
     in_cell, false},
    {"placement.policy-decides", "in a cell: each access has one decision", JF_POLICY_1, in_cell, false},
    {"placement.policy-reviews", "in a cell: a review decides about each item", JF_POLICY_1, in_cell, false},
    {"placement.policy-stop", "in a cell: decisions that are open at the end are finished", JF_POLICY_1,
     in_cell, false},
    {"placement.filter-requests", "in a cell: each request has one verdict", JF_FILTER_1, in_cell, false},
    {"placement.filter-results", "in a cell: each result has one verdict", JF_FILTER_1, in_cell, false},
    {"placement.filter-ended", "in a cell: what a request left comes back", JF_FILTER_1, in_cell, false},
    {"placement.store-entries", "in a cell: what is put is found, and only then", JF_STORE_1, in_cell, false},
    {"placement.store-counts", "in a cell: counters count", JF_STORE_1, in_cell, false},
    {"placement.store-limits", "in a cell: limits let through what fits", JF_STORE_1, in_cell, false},
    {"placement.store-watches", "in a cell: changes are told, until unwatch", JF_STORE_1, in_cell, false},
    {"placement.connector-opens", "in a cell: an opened channel is ready or failed, and closed",
     JF_CONNECTOR_1, in_cell, false},
    {"placement.connector-conversation", "in a cell: a golden conversation passes unchanged", JF_CONNECTOR_1,
     in_cell, false},
    {"placement.connector-cancel", "in a cell: nothing is delivered for an exchange that was given up",
     JF_CONNECTOR_1, in_cell, false},
    {"placement.connector-close", "in a cell: nothing comes for a channel that is closed", JF_CONNECTOR_1,
     in_cell, false},
    {"placement.connector-stop", "in a cell: an instance can end with a channel open", JF_CONNECTOR_1,
     in_cell, false},
    {"placement.listener-opens", "in a cell: it listens, says where, and stops listening", JF_LISTENER_1,
     in_cell, false},
    {"placement.listener-conversation", "in a cell: a golden conversation passes unchanged", JF_LISTENER_1,
     in_cell, false},
    {"placement.listener-unlisten", "in a cell: it accepts nobody after unlisten", JF_LISTENER_1, in_cell,
     false},
    {"placement.listener-stop", "in a cell: an instance can end with clients connected", JF_LISTENER_1,
     in_cell, false}, );
