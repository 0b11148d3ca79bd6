/* SPDX-License-Identifier: Apache-2.0 */
/* libosip2 as a yardstick; see bench.h. */
#include "bench.h"
#include <osipparser2/osip_parser.h>
#include <osipparser2/sdp_message.h>

void start(void) { parser_init(); }

static const char *parameter(osip_list_t *list, const char *name) {
    osip_generic_param_t *found = NULL;
    osip_generic_param_get_byname(list, (char *)name, &found);
    return found ? found->gvalue : NULL;
}

static int take_sdp(osip_message_t *message, struct fields *f, sdp_message_t **sdp) {
    osip_body_t *body = NULL;
    if (osip_message_get_body(message, 0, &body) < 0 || !body) return 0;
    if (sdp_message_init(sdp) || sdp_message_parse(*sdp, body->body)) return -1;
    char *host = sdp_message_c_addr_get(*sdp, -1, 0);
    char *port = sdp_message_m_port_get(*sdp, 0);
    if (!host || !port) return -1;
    TAKE(f, sdp_host, host);
    f->sdp_port = (uint32_t)atoi(port);
    return 0;
}

int parse(const char *bytes, size_t count, use_t *use) {
    osip_message_t *message;
    sdp_message_t *sdp = NULL;
    struct fields f = {0};
    int failed = -1;
    if (osip_message_init(&message)) return -1;
    if (osip_message_parse(message, bytes, count)) goto end;
    osip_via_t *via = osip_list_get(&message->vias, 0);
    osip_contact_t *contact = osip_list_get(&message->contacts, 0);
    if (!via || !contact || !message->from || !message->to || !message->call_id || !message->cseq
        || !message->content_length) goto end;
    TAKE(&f, branch, parameter(&via->via_params, "branch"));
    TAKE(&f, from_tag, parameter(&message->from->gen_params, "tag"));
    TAKE(&f, to_tag, parameter(&message->to->gen_params, "tag"));
    /* libosip2 cuts a Call-ID at its `@`; this is its first part, and the check takes the first part everywhere. */
    TAKE(&f, call_id, message->call_id->number);
    f.cseq = (uint32_t)strtoul(message->cseq->number, NULL, 10);
    TAKE(&f, cseq_method, message->cseq->method);
    TAKE(&f, user, contact->url->username);
    TAKE(&f, host, contact->url->host);
    f.contact_port = contact->url->port ? (uint32_t)atoi(contact->url->port) : 0;
    f.length = (uint32_t)atoi(message->content_length->value);
    if (take_sdp(message, &f, &sdp)) goto end;
    use(&f);
    failed = 0;
end:
    if (sdp) sdp_message_free(sdp);
    osip_message_free(message);
    return failed;
}
