/* SPDX-License-Identifier: Apache-2.0
 * Mock host: jf.inbound/1 and jf.channels/1, and driving a listener or connector. */
#include "mock_internal.h"

static int32_t hook(jf_mock *mock, jf_mock_event *event) {
    mock_event_show(mock, event);
    return mock->on_event != NULL ? mock->on_event(mock->on_event_user, mock, event) : JF_OK;
}

void jf_mock_on_event(jf_mock *mock, jf_mock_event_fn function, void *user) {
    mock->on_event = function;
    mock->on_event_user = user;
}

static jf_view keep_view(jf_mock *mock, jf_view view) {
    return (jf_view){(const uint8_t *)mock_keep(mock, view), view.len};
}

/* Reads the bytes that JF_MSG_PADDED promises: AddressSanitizer or a fault tells when they are not there. */
static void touch_padding(jf_view segment) {
    volatile uint8_t sum = 0;
    for (unsigned i = 0; i < 64; i++)
        sum ^= segment.ptr[segment.len + i];
}

static const jf_pair *keep_pairs(jf_mock *mock, const jf_pair *pairs, uint64_t count) {
    jf_pair *kept = mock_keep_bytes(mock, (count + 1) * sizeof *kept);
    for (uint64_t i = 0; i < count; i++)
        kept[i] = (jf_pair){keep_view(mock, pairs[i].name), keep_view(mock, pairs[i].value)};
    return kept;
}

/* A deep copy of a message into its event. */
static void keep_message(jf_mock *mock, jf_mock_event *event, const jf_message *given) {
    jf_message *copy = &event->message;
    mock_copy_table(copy, sizeof *copy, given, "jf_message", mock);
    event->exchange = copy->exchange;
    event->flags = copy->flags;
    event->status = copy->status;
    if (copy->retainable != 0 || copy->retain != NULL || copy->release != NULL)
        mock_problem(mock, "deliver: only the host lends segments: leave owner and the rest behind it zero");
    if (copy->body_count > 1)
        mock_problem(mock, "deliver: body_count is %u, at most 1 inbound", copy->body_count);
    if (copy->body_count > 0 && copy->body == NULL) {
        mock_problem(mock, "deliver: body_count is %u but there is no body", copy->body_count);
    } else if (copy->body_count > 0) {
        if (copy->flags & JF_MSG_PADDED) touch_padding(copy->body[0]);
        mock_event_text(mock, event, copy->body[0]);
        jf_view *segment = mock_keep_bytes(mock, sizeof *segment);
        *segment = (jf_view){(const uint8_t *)event->text, event->length};
        copy->body = segment;
    }
    copy->target = keep_view(mock, copy->target);
    copy->protocol = keep_view(mock, copy->protocol);
    copy->method = keep_view(mock, copy->method);
    copy->name = keep_view(mock, copy->name);
    copy->session = keep_view(mock, copy->session);
    copy->resume = keep_view(mock, copy->resume);
    copy->headers = keep_pairs(mock, copy->headers, copy->header_count);
    copy->fields = keep_pairs(mock, copy->fields, copy->field_count);
}

/* ---- jf.inbound/1 ---- */

/* The client if it is open. A late call is a problem unless the host itself had dropped the client. */
static mock_object *client_of(jf_mock *mock, jf_ref client, const char *slot) {
    mock_on_lane(mock, slot);
    mock_object *object = mock_object_of(mock, client, MOCK_CLIENT);
    if (object != NULL && object->open) return object;
    if (object == NULL || !object->refused)
        mock_problem(mock, "%s: client %llx is %s", slot, (unsigned long long)client,
                     object != NULL ? "closed already" : "unknown");
    return NULL;
}

static int32_t opened(void *context, const jf_client_info *given, jf_ref *client) {
    jf_mock *mock = context;
    mock_on_lane(mock, "jf.inbound/1 opened");
    jf_client_info info;
    mock_copy_table(&info, sizeof info, given, "jf_client_info", mock);
    mock_object *listener = mock_object_of(mock, info.listener, MOCK_LISTENER);
    if (listener == NULL)
        mock_problem(mock, "jf.inbound/1 opened: listener %llx is unknown",
                     (unsigned long long)info.listener);
    mock_object *object = mock_new_object(mock, MOCK_CLIENT);
    *client = object->ref;
    jf_mock_event *event = mock_event(mock, JF_MOCK_CLIENT_OPENED, object->ref, 0);
    event->listener = info.listener;
    event->flags = info.flags;
    event->client = info;
    event->client.certificate = keep_view(mock, info.certificate);
    event->client.server_name = keep_view(mock, info.server_name);
    mock_event_text(mock, event, info.address);
    event->client.address = jf_mock_view(event->text);
    int32_t status = hook(mock, event);
    if (status != JF_OK) {
        object->open = false;
        object->refused = true;
        *client = 0;
    }
    return status;
}

static int32_t client_message(void *context, jf_ref client, const jf_message *message) {
    jf_mock *mock = context;
    mock_object *object = client_of(mock, client, "jf.inbound/1 deliver");
    if (object == NULL) return JF_E_STALE;
    jf_mock_event *event = mock_event(mock, JF_MOCK_CLIENT_MESSAGE, client, 0);
    keep_message(mock, event, message);
    int32_t status = hook(mock, event);
    if (status != JF_OK) {
        object->open = false;
        object->refused = true;
    }
    return object->open ? JF_OK : status != JF_OK ? status : JF_E_STALE;
}

static void client_event(jf_mock *mock, uint32_t type, const char *slot, jf_ref client, jf_ref exchange) {
    mock_object *object = client_of(mock, client, slot);
    if (object == NULL) return;
    if (type == JF_MOCK_CLIENT_CLOSED) object->open = false;
    hook(mock, mock_event(mock, type, client, exchange));
}

static void client_gone(void *context, jf_ref client, jf_ref exchange) {
    client_event(context, JF_MOCK_CLIENT_GONE, "jf.inbound/1 gone", client, exchange);
}

static void client_writable(void *context, jf_ref client, jf_ref exchange) {
    client_event(context, JF_MOCK_CLIENT_WRITABLE, "jf.inbound/1 writable", client, exchange);
}

static void client_closed(void *context, jf_ref client) {
    client_event(context, JF_MOCK_CLIENT_CLOSED, "jf.inbound/1 closed", client, 0);
}

void jf_mock_want(jf_mock *mock, uint32_t wants) {
    mock->wants = wants;
}

jf_ref jf_mock_listen(jf_mock *mock, const char *address, const char *config, char *bound,
                      size_t bound_size) {
    const jf_listener_1 *facet = jf_mock_listener(mock);
    if (bound != NULL && bound_size > 0) bound[0] = 0;
    if (facet == NULL || facet->listen == NULL) return 0;
    mock_object *object = mock_new_object(mock, MOCK_LISTENER);
    jf_blob where = {0};
    int32_t status = facet->listen(mock->self, object->ref, jf_mock_view(address),
                                   jf_mock_view(config != NULL ? config : "{}"), &where, jf_mock_fault(mock));
    object->open = status == JF_OK;
    char *text = status == JF_OK ? jf_mock_take(&where) : NULL;
    if (status == JF_OK && text == NULL) mock_problem(mock, "listen answered JF_OK without saying where");
    if (text != NULL && bound != NULL && bound_size > 0) {
        strncpy(bound, text, bound_size - 1);
        bound[bound_size - 1] = 0;
    }
    free(text);
    return status == JF_OK ? object->ref : 0;
}

int32_t jf_mock_reply(jf_mock *mock, jf_ref client, jf_ref exchange, uint32_t flags, int32_t status,
                      const char *json) {
    const jf_listener_1 *facet = jf_mock_listener(mock);
    if (facet == NULL || facet->reply == NULL) return JF_E_UNSUPPORTED;
    jf_view body = jf_mock_view(json);
    jf_message message = {.size = sizeof message,
                          .flags = flags,
                          .status = status,
                          .exchange = exchange,
                          .body = json != NULL ? &body : NULL,
                          .body_count = json != NULL ? 1 : 0};
    return facet->reply(mock->self, client, &message);
}

void jf_mock_refuse(jf_mock *mock, jf_ref client) {
    mock_object *object = mock_object_of(mock, client, MOCK_CLIENT);
    if (object == NULL) return;
    object->open = false;
    object->refused = true;
}

/* ---- jf.channels/1 ---- */

static mock_object *channel_of(jf_mock *mock, jf_ref channel, const char *slot) {
    mock_on_lane(mock, slot);
    mock_object *object = mock_object_of(mock, channel, MOCK_CHANNEL);
    if (object != NULL && object->open) return object;
    mock_problem(mock, "%s: channel %llx is %s", slot, (unsigned long long)channel,
                 object != NULL ? "closed already" : "unknown");
    return NULL;
}

static void channel_ready(void *context, jf_ref channel, uint32_t flags) {
    jf_mock *mock = context;
    if (channel_of(mock, channel, "jf.channels/1 ready") == NULL) return;
    jf_mock_event *event = mock_event(mock, JF_MOCK_CHANNEL_READY, channel, 0);
    event->flags = flags;
    hook(mock, event);
}

static int32_t channel_message(void *context, jf_ref channel, const jf_message *message) {
    jf_mock *mock = context;
    if (channel_of(mock, channel, "jf.channels/1 deliver") == NULL) return JF_E_STALE;
    jf_mock_event *event = mock_event(mock, JF_MOCK_CHANNEL_MESSAGE, channel, 0);
    keep_message(mock, event, message);
    return hook(mock, event);
}

static void channel_failed(void *context, jf_ref channel, jf_ref exchange, const jf_fault *why) {
    jf_mock *mock = context;
    if (channel_of(mock, channel, "jf.channels/1 failed") == NULL) return;
    jf_mock_event *event = mock_event(mock, JF_MOCK_CHANNEL_FAILED, channel, exchange);
    if (why == NULL)
        mock_problem(mock, "jf.channels/1 failed: no fault says why");
    else
        mock_copy_table(&event->fault, sizeof event->fault, why, "jf_fault", mock);
    event->status = event->fault.code;
    hook(mock, event);
}

static void channel_writable(void *context, jf_ref channel) {
    jf_mock *mock = context;
    if (channel_of(mock, channel, "jf.channels/1 writable") == NULL) return;
    hook(mock, mock_event(mock, JF_MOCK_CHANNEL_WRITABLE, channel, 0));
}

static void channel_closed(void *context, jf_ref channel) {
    jf_mock *mock = context;
    mock_object *object = channel_of(mock, channel, "jf.channels/1 closed");
    if (object == NULL) return;
    object->open = false;
    hook(mock, mock_event(mock, JF_MOCK_CHANNEL_CLOSED, channel, 0));
}

jf_ref jf_mock_open(jf_mock *mock, const char *name, const char *config) {
    const jf_connector_1 *facet = jf_mock_connector(mock);
    if (facet == NULL || facet->open == NULL) return 0;
    mock_object *object = mock_new_object(mock, MOCK_CHANNEL);
    char *own_name = strdup(name), *own_config = strdup(config != NULL ? config : "{}");
    int32_t status = facet->open(mock->self, object->ref, jf_mock_view(own_name), jf_mock_view(own_config),
                                 &object->handle, jf_mock_fault(mock));
    free(own_name);
    free(own_config);
    if (status != JF_OK) object->open = false;
    return status == JF_OK ? object->ref : 0;
}

jf_ref jf_mock_handle(jf_mock *mock, jf_ref channel) {
    mock_object *object = mock_object_of(mock, channel, MOCK_CHANNEL);
    return object != NULL ? object->handle : 0;
}

int32_t jf_mock_send(jf_mock *mock, jf_ref channel, jf_ref exchange, const char *json) {
    const jf_connector_1 *facet = jf_mock_connector(mock);
    if (facet == NULL || facet->send == NULL) return JF_E_UNSUPPORTED;
    char *copy = json != NULL ? strdup(json) : NULL;
    jf_view body = jf_mock_view(copy);
    jf_message message = {.size = sizeof message,
                          .flags = JF_MSG_FINAL,
                          .exchange = exchange,
                          .body = json != NULL ? &body : NULL,
                          .body_count = json != NULL ? 1 : 0};
    int32_t status = facet->send(mock->self, jf_mock_handle(mock, channel), &message, jf_mock_fault(mock));
    free(copy);
    return status;
}

void jf_mock_cancel(jf_mock *mock, jf_ref channel, jf_ref exchange) {
    const jf_connector_1 *facet = jf_mock_connector(mock);
    if (facet != NULL && facet->cancel != NULL)
        facet->cancel(mock->self, jf_mock_handle(mock, channel), exchange);
}

int32_t jf_mock_usage(jf_mock *mock, jf_ref channel, jf_usage *usage) {
    const jf_connector_1 *connector = jf_mock_connector(mock);
    *usage = (jf_usage){.size = sizeof *usage};
    if (!JF_HAS(connector, usage)) return JF_E_UNSUPPORTED;
    return connector->usage(mock->self, jf_mock_handle(mock, channel), usage);
}

bool jf_mock_close(jf_mock *mock, jf_ref channel, uint32_t timeout_ms) {
    const jf_connector_1 *facet = jf_mock_connector(mock);
    mock_object *object = mock_object_of(mock, channel, MOCK_CHANNEL);
    if (facet == NULL || facet->close == NULL || object == NULL || !object->open) return false;
    facet->close(mock->self, object->handle, jf_mock_now(mock) + (uint64_t)timeout_ms * 1000000u);
    return jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_CLOSED, channel, 0, timeout_ms) != NULL;
}

void mock_transport_open(jf_mock *mock) {
    mock->inbound_table = (jf_inbound_1){.size = sizeof(jf_inbound_1),
                                         .context = mock,
                                         .opened = opened,
                                         .deliver = client_message,
                                         .gone = client_gone,
                                         .writable = client_writable,
                                         .closed = client_closed,
                                         .wants = &mock->wants};
    mock->channels_table = (jf_channels_1){.size = sizeof(jf_channels_1),
                                           .context = mock,
                                           .ready = channel_ready,
                                           .deliver = channel_message,
                                           .failed = channel_failed,
                                           .writable = channel_writable,
                                           .closed = channel_closed};
}
