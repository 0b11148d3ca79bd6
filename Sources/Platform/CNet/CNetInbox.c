// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CNetInbox.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "CNetMedia.h"

// The largest UDP payload, and some lines more: at an even 64 KiB all buffers would meet in the same places of the cache.
#define SLOT_STRIDE (65536 + 1088)

// A read that tells an ICMP error has read nothing; more may come while it is asked again.
#define ATTEMPTS 4

struct callmeter_inbox {
    uint8_t *bytes;
    struct mmsghdr messages[CALLMETER_INBOX_SLOTS];
    struct iovec vectors[CALLMETER_INBOX_SLOTS];
    struct sockaddr_in6 sources[CALLMETER_INBOX_SLOTS];
};

static void prepare(callmeter_inbox *inbox, int index) {
    inbox->vectors[index] = (struct iovec){inbox->bytes + (size_t)index * SLOT_STRIDE, 65536};
    inbox->messages[index].msg_hdr = (struct msghdr){
        .msg_name = &inbox->sources[index], .msg_namelen = sizeof inbox->sources[index],
        .msg_iov = &inbox->vectors[index], .msg_iovlen = 1};
}

callmeter_inbox *callmeter_inbox_create(void) {
    callmeter_inbox *inbox = calloc(1, sizeof *inbox);
    if (!inbox) return NULL;
    void *bytes = mmap(NULL, (size_t)CALLMETER_INBOX_SLOTS * SLOT_STRIDE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED) {
        free(inbox);
        return NULL;
    }
    inbox->bytes = bytes;
    for (int i = 0; i < CALLMETER_INBOX_SLOTS; i++) prepare(inbox, i);
    return inbox;
}

void callmeter_inbox_destroy(callmeter_inbox *inbox) {
    if (!inbox) return;
    munmap(inbox->bytes, (size_t)CALLMETER_INBOX_SLOTS * SLOT_STRIDE);
    free(inbox);
}

static int receive_one(callmeter_inbox *inbox, int descriptor) {
    ssize_t length = recvmsg(descriptor, &inbox->messages[0].msg_hdr, MSG_DONTWAIT);
    if (length < 0) return -1;
    inbox->messages[0].msg_len = (unsigned)length;
    return 1;
}

int callmeter_inbox_receive(callmeter_inbox *inbox, int descriptor, int count) {
    if (count > CALLMETER_INBOX_SLOTS) count = CALLMETER_INBOX_SLOTS;
    for (int i = 0; i < count; i++) inbox->messages[i].msg_hdr.msg_namelen = sizeof inbox->sources[i];
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        int received = count == 1 ? receive_one(inbox, descriptor)
                                  : recvmmsg(descriptor, inbox->messages, (unsigned)count, MSG_DONTWAIT, NULL);
        if (received >= 0) return received;
        // What ICMP brought is told once here and lies in the error queue as well, with its destination.
        if (errno == EAGAIN) return 0;
    }
    return 0;
}

const void *callmeter_inbox_datagram(const callmeter_inbox *inbox, int index, uint32_t *length,
                                     struct callmeter_endpoint *source) {
    *length = inbox->messages[index].msg_len;
    if (!callmeter_endpoint_read(&inbox->sources[index], source)) return NULL;
    return inbox->vectors[index].iov_base;
}

int callmeter_inbox_open(const struct callmeter_endpoint *local, int buffer_size, struct callmeter_endpoint *bound) {
    callmeter_address address;
    callmeter_address_set(&address, local);
    int family = local->is_v6 ? AF_INET6 : AF_INET;
    int descriptor = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    int on = 1;
    int error = callmeter_error_queue_enable(descriptor, local->is_v6);
    if (!error && local->is_v6 && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) error = errno;
    if (buffer_size > 0) {
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof buffer_size);
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &buffer_size, sizeof buffer_size);
    }
    if (!error && bind(descriptor, (const struct sockaddr *)address.storage, address.length) != 0) error = errno;
    if (!error) error = -callmeter_local_address(descriptor, &address);
    if (!error && callmeter_address_get(&address, bound)) return descriptor;
    close(descriptor);
    return error ? -error : -EAFNOSUPPORT;
}
