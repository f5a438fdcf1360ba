/* SPDX-License-Identifier: Apache-2.0
 * The tables and the entry of a gallery plugin: what is not replaced by a macro is good. Included last. */
#ifndef CREATE
#define CREATE good_create
#endif
#ifndef DESTROY
#define DESTROY good_destroy
#endif
#ifndef START
#define START NULL
#endif
#ifndef STOP
#define STOP good_stop
#endif
#ifndef FACET_SIZE
#define FACET_SIZE sizeof(FACET_TYPE)
#endif
#ifndef PLUGIN_SIZE
#define PLUGIN_SIZE sizeof(jf_plugin)
#endif
/* toolset */
#ifndef OPEN
#define OPEN good_open
#endif
#ifndef CLOSE
#define CLOSE good_close
#endif
#ifndef LIST
#define LIST good_list
#endif
#ifndef CALL
#define CALL good_call
#endif
#ifndef READ
#define READ NULL
#endif
#ifndef CANCEL
#define CANCEL NULL
#endif
/* routing */
#ifndef ATTACH
#define ATTACH good_attach
#endif
#ifndef DETACH
#define DETACH good_detach
#endif
#ifndef PICK
#define PICK good_pick
#endif
#ifndef OBSERVE
#define OBSERVE good_observe
#endif
#ifndef EXPORT
#define EXPORT good_export
#endif
#ifndef IMPORT
#define IMPORT good_import
#endif
/* connector */
#ifndef USAGE
#define USAGE NULL
#endif
#ifndef SEND
#define SEND good_send
#endif
#ifndef GIVE_UP
#define GIVE_UP good_cancel
#endif
/* listener */
#ifndef LISTEN
#define LISTEN good_listen
#endif
#ifndef UNLISTEN
#define UNLISTEN good_unlisten
#endif
#ifndef REPLY
#define REPLY good_reply
#endif
/* auth, credentials, policy, filter, store */
#ifndef IDENTIFY
#define IDENTIFY good_identify
#endif
#ifndef DESCRIBE
#define DESCRIBE good_describe
#endif
#ifndef SUPPLY
#define SUPPLY good_supply
#endif
#ifndef DECIDE
#define DECIDE good_decide
#endif
#ifndef REVIEW
#define REVIEW good_review
#endif
#ifndef CLASSIFY
#define CLASSIFY good_classify
#endif
#ifndef REQUEST
#define REQUEST good_request
#endif
#ifndef RESULT
#define RESULT good_result
#endif
#ifndef ENDED
#define ENDED good_ended
#endif
#ifndef PUT
#define PUT good_put
#endif
#ifndef TAKE
#define TAKE good_take
#endif
#ifndef UNWATCH
#define UNWATCH good_unwatch
#endif
#ifdef ACCESS_FACET
ACCESS_FACET
#endif

#ifndef NO_MANIFEST
JF_MANIFEST(MANIFEST);
#endif

#ifndef FACET
static const void *gallery_facet(jf_self *self, const char *id) {
    FACET_TABLE;
    (void)self;
    return strcmp(id, FACET_ID) == 0 ? &gallery_table : NULL;
}
#define FACET gallery_facet
#endif

#ifndef OWN_ENTRY
GOOD const jf_plugin gallery_plugin = {.size = PLUGIN_SIZE,
                                       .minor = JF_ABI_MINOR,
                                       .create = CREATE,
                                       .destroy = DESTROY,
                                       .facet = FACET,
                                       .start = START,
                                       .stop = STOP};
#endif
#ifndef ENTRY
const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    (void)offer, (void)why;
    return &gallery_plugin;
}
#endif
