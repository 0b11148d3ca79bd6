/* SPDX-License-Identifier: Apache-2.0 */
/* sofia-sip as a yardstick; see bench.h. It reads every header it knows while it makes the message. */
#include "bench.h"
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sdp.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/su_wait.h>

void start(void) { su_init(); }

int parse(const char *bytes, size_t count, use_t *use) {
    struct fields f = {0};
    int failed = -1;
    sdp_parser_t *sdp = NULL;
    msg_t *message = msg_make(sip_default_mclass(), MSG_DO_EXTRACT_COPY, bytes, (ssize_t)count);
    if (!message) return -1;
    sip_t *sip = sip_object(message);
    if (!sip || !sip->sip_via || !sip->sip_from || !sip->sip_to || !sip->sip_call_id || !sip->sip_cseq
        || !sip->sip_contact || !sip->sip_content_length) goto end;
    TAKE(&f, branch, sip->sip_via->v_branch);
    TAKE(&f, from_tag, sip->sip_from->a_tag);
    TAKE(&f, to_tag, sip->sip_to->a_tag);
    TAKE(&f, call_id, sip->sip_call_id->i_id);
    f.cseq = sip->sip_cseq->cs_seq;
    TAKE(&f, cseq_method, sip->sip_cseq->cs_method_name);
    TAKE(&f, user, sip->sip_contact->m_url->url_user);
    TAKE(&f, host, sip->sip_contact->m_url->url_host);
    f.contact_port = sip->sip_contact->m_url->url_port ? (uint32_t)atoi(sip->sip_contact->m_url->url_port) : 0;
    f.length = sip->sip_content_length->l_length;
    if (sip->sip_payload) {
        sdp = sdp_parse(NULL, sip->sip_payload->pl_data, sip->sip_payload->pl_len, 0);
        sdp_session_t *session = sdp_session(sdp);
        if (!session || !session->sdp_media || !session->sdp_connection) goto end;
        TAKE(&f, sdp_host, session->sdp_connection->c_address);
        f.sdp_port = (uint32_t)session->sdp_media->m_port;
    }
    use(&f);
    failed = 0;
end:
    if (sdp) sdp_parser_free(sdp);
    msg_destroy(message);
    return failed;
}
