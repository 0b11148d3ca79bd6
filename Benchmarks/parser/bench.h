/* SPDX-License-Identifier: Apache-2.0 */
/* What the yardsticks of `scripts/bench parser` share: they read messages from files, take the same fields out of each, and
 * print either those fields or the time a message takes.
 *
 *   parse-<library> fields FILE...            one line per file: the fields
 *   parse-<library> time COUNT FILE...        one line per file: nanoseconds of processor time per message
 */
#ifndef BENCH_H
#define BENCH_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What is taken out of every message; text belongs to the library. */
struct fields {
    const char *branch, *from_tag, *to_tag, *call_id, *cseq_method, *user, *host, *sdp_host;
    size_t branch_n, from_tag_n, to_tag_n, call_id_n, cseq_method_n, user_n, host_n, sdp_host_n;
    uint32_t cseq, contact_port, length, sdp_port;
};

static inline void take(const char **text, size_t *n, const char *value) {
    *text = value;
    *n = value ? strlen(value) : 0;
}
#define TAKE(f, name, value) take(&(f)->name, &(f)->name##_n, value)

/* A library: parses, calls `use` with what it found, frees. 0 is success. */
typedef void use_t(const struct fields *);
int parse(const char *bytes, size_t count, use_t *use);
void start(void);

static volatile uint64_t sink;
static void sum(const struct fields *f) {
    sink += f->branch_n + f->from_tag_n + f->to_tag_n + f->call_id_n + f->cseq_method_n + f->user_n + f->host_n
        + f->sdp_host_n + f->cseq + f->contact_port + f->length + f->sdp_port;
}
static void print(const struct fields *f) {
#define SHOW(name) (int)f->name##_n, f->name ? f->name : ""
    printf("branch=%.*s from=%.*s to=%.*s call-id=%.*s cseq=%u %.*s contact=%.*s@%.*s:%u length=%u sdp=%.*s:%u\n",
        SHOW(branch), SHOW(from_tag), SHOW(to_tag), SHOW(call_id), f->cseq, SHOW(cseq_method), SHOW(user), SHOW(host),
        f->contact_port, f->length, SHOW(sdp_host), f->sdp_port);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
    int timed = argc > 3 && !strcmp(argv[1], "time");
    if (!timed && !(argc > 2 && !strcmp(argv[1], "fields"))) {
        fprintf(stderr, "usage: %s fields FILE... | time COUNT FILE...\n", argv[0]);
        return 2;
    }
    start();
    long count = timed ? atol(argv[2]) : 0;
    for (int i = timed ? 3 : 2; i < argc; i++) {
        static char bytes[65536];
        FILE *file = fopen(argv[i], "rb");
        if (!file) { perror(argv[i]); return 2; }
        size_t n = fread(bytes, 1, sizeof bytes - 1, file);
        fclose(file);
        bytes[n] = 0;
        if (!timed) {
            if (parse(bytes, n, print)) { fprintf(stderr, "%s: refused\n", argv[i]); return 1; }
            continue;
        }
        int failed = 0;
        for (long k = 0; k < count / 10; k++) failed |= parse(bytes, n, sum);
        double began = seconds();
        for (long k = 0; k < count; k++) failed |= parse(bytes, n, sum);
        printf("%s %.1f\n", argv[i], (seconds() - began) * 1e9 / (double)count);
        if (failed) { fprintf(stderr, "%s: refused\n", argv[i]); return 1; }
    }
    return 0;
}
#endif
