// SPDX-License-Identifier: Apache-2.0
//
// The answering side of the benchmarks: as little work per message as a SIP server can do, so that the client is what is measured.
// REGISTER: 401 with a fixed challenge, then 200 whatever the credentials. INVITE: 180 and 200 with SDP. Anything else: 200.
//
//     answer SECONDS [EXPIRES]    binds a free UDP port of 127.0.0.1, prints it, answers until the time is over or SIGTERM;
//                                 registrations are granted for EXPIRES seconds (600)
//
// cc -O2 -o answer answer.c

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32, SIZE = 4096 };

static char in[BATCH][SIZE], out[2 * BATCH][SIZE];
static struct sockaddr_in from[BATCH];
static struct iovec in_part[BATCH], out_part[2 * BATCH];
static struct mmsghdr got[BATCH], put[2 * BATCH];
static int queued;
static char contact[128], sdp[256], expires[32];

struct text {
    char *at;
    size_t left;
};

static void add(struct text *text, const char *piece, size_t length) {
    if (length > text->left) length = text->left;
    memcpy(text->at, piece, length);
    text->at += length;
    text->left -= length;
}

static void add_string(struct text *text, const char *piece) { add(text, piece, strlen(piece)); }

static int begins(const char *line, size_t length, const char *with) {
    size_t n = strlen(with);
    return length >= n && strncasecmp(line, with, n) == 0;
}

// Copies what RFC 3261 section 8.2.6.2 wants in a response, line by line, and gives To a tag.
static void answer(const char *request, size_t length, const char *status, const char *more, const char *body, int to) {
    struct text text = {out[queued], SIZE};
    add_string(&text, "SIP/2.0 ");
    add_string(&text, status);
    add_string(&text, "\r\n");
    const char *line = request, *end = request + length;
    while (line < end) {
        const char *stop = memchr(line, '\n', end - line);
        size_t n = stop ? (size_t)(stop - line) + 1 : (size_t)(end - line);
        if (n <= 2) break;
        if (begins(line, n, "Via:") || begins(line, n, "From:") || begins(line, n, "Call-ID:") || begins(line, n, "CSeq:")) {
            add(&text, line, n);
        } else if (begins(line, n, "To:")) {
            add(&text, line, n - 2);
            if (!memmem(line, n, ";tag=", 5)) add_string(&text, ";tag=answer");
            add_string(&text, "\r\n");
        } else if (begins(line, n, "Contact:") && begins(request, length, "REGISTER") && status[0] == '2') {
            add(&text, line, n - 2);
            add_string(&text, expires);
        }
        line += n;
    }
    add_string(&text, more);
    char last[64];
    snprintf(last, sizeof last, "Content-Length: %zu\r\n\r\n", strlen(body));
    add_string(&text, last);
    add_string(&text, body);
    out_part[queued] = (struct iovec){out[queued], text.at - out[queued]};
    put[queued].msg_hdr = (struct msghdr){
        .msg_name = &from[to], .msg_namelen = sizeof from[to], .msg_iov = &out_part[queued], .msg_iovlen = 1};
    queued++;
}

static void handle(int slot, size_t length) {
    const char *request = in[slot];
    if (begins(request, length, "SIP/") || begins(request, length, "ACK ")) return;
    if (begins(request, length, "REGISTER")) {
        int credentials = memmem(request, length, "\nAuthorization:", 15) != NULL;
        if (credentials)
            answer(request, length, "200 OK", "", "", slot);
        else
            answer(request, length, "401 Unauthorized",
                   "WWW-Authenticate: Digest realm=\"bench.example\", nonce=\"b7c9036dbf357f7683f054aea940e9703dc8f84c\", "
                   "algorithm=MD5, qop=\"auth\"\r\n",
                   "", slot);
    } else if (begins(request, length, "INVITE")) {
        answer(request, length, "180 Ringing", contact, "", slot);
        char more[256];
        snprintf(more, sizeof more, "%sContent-Type: application/sdp\r\n", contact);
        answer(request, length, "200 OK", more, sdp, slot);
    } else {
        answer(request, length, "200 OK", "", "", slot);
    }
}

int main(int count, char **words) {
    if (count != 2 && count != 3) {
        fprintf(stderr, "usage: answer SECONDS [EXPIRES]\n");
        return 2;
    }
    int room = 8 << 20, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    if (bind(fd, (struct sockaddr *)&here, size) || getsockname(fd, (struct sockaddr *)&here, &size)) {
        perror("bind");
        return 1;
    }
    snprintf(expires, sizeof expires, ";expires=%d\r\n", count == 3 ? atoi(words[2]) : 600);
    int port = ntohs(here.sin_port);
    printf("%d\n", port);
    fflush(stdout);
    snprintf(contact, sizeof contact, "Contact: <sip:answer@127.0.0.1:%d>\r\n", port);
    snprintf(sdp, sizeof sdp,
             "v=0\r\no=answer 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0 8\r\n"
             "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\n");
    for (int i = 0; i < BATCH; i++) in_part[i] = (struct iovec){in[i], SIZE};
    time_t until = time(NULL) + atoi(words[1]);
    while (time(NULL) < until) {
        struct pollfd waiting = {fd, POLLIN, 0};
        if (poll(&waiting, 1, 200) <= 0) continue;
        for (int i = 0; i < BATCH; i++)
            got[i].msg_hdr = (struct msghdr){
                .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &in_part[i], .msg_iovlen = 1};
        int n = recvmmsg(fd, got, BATCH, 0, NULL);
        queued = 0;
        for (int i = 0; i < n; i++) handle(i, got[i].msg_len);
        for (int sent = 0; sent < queued;) {
            int now = sendmmsg(fd, put + sent, queued - sent, 0);
            if (now <= 0) break;
            sent += now;
        }
    }
    return 0;
}
