/* SPDX-License-Identifier: Apache-2.0
 * Caught by connector.views: it reads a body after `send` returned. */
#include "connector.h"

static void answer(void *user) {
    echo *it = user;
    free(it->text);
    it->text = strndup((const char *)it->of->self->view.ptr, it->of->self->view.len);
    good_answer(it);
}
static int32_t send(jf_self *self, jf_ref handle, const jf_message *message, jf_fault *why) {
    int32_t status = good_send(self, handle, message, why);
    if (status != JF_OK || message->exchange == 0) return status;
    echo *it = good_channel(self, handle)->echoes;
    self->view = message->body[0];
    self->loop->cancel(self->loop->context, it->timer);
    return self->loop->timer(self->loop->context, 1000000, answer, it, &it->timer);
}
#define SEND send

#include "plugin.h"
