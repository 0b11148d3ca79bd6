// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CNetMedia.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(struct sockaddr_in6) <= sizeof(((callmeter_address *)0)->storage), "an address fits");

// Room for a time stamp and an error with the address of its sender, each with its header.
#define CONTROL_LENGTH 128

// --- addresses

void callmeter_address_set(callmeter_address *address, const struct callmeter_endpoint *endpoint) {
    memset(address, 0, sizeof *address);
    if (!endpoint->is_v6) {
        struct sockaddr_in in = {
            .sin_family = AF_INET, .sin_port = htons(endpoint->port), .sin_addr.s_addr = htonl((uint32_t)endpoint->low)};
        memcpy(address->storage, &in, sizeof in);
        address->length = sizeof in;
        return;
    }
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons(endpoint->port)};
    for (int i = 0; i < 8; i++) {
        in.sin6_addr.s6_addr[i] = (uint8_t)(endpoint->high >> (56 - 8 * i));
        in.sin6_addr.s6_addr[i + 8] = (uint8_t)(endpoint->low >> (56 - 8 * i));
    }
    memcpy(address->storage, &in, sizeof in);
    address->length = sizeof in;
}

int callmeter_address_get(const callmeter_address *address, struct callmeter_endpoint *endpoint) {
    return callmeter_endpoint_read(address->storage, endpoint);
}

// --- UDP

int callmeter_udp_open(const callmeter_address *local, int receive_buffer, int send_buffer) {
    sa_family_t family;
    memcpy(&family, local->storage, sizeof family);
    int descriptor = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    if (family == AF_INET) {
        setsockopt(descriptor, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    } else {
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
    }
    if (receive_buffer > 0) setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    if (send_buffer > 0) setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    if (bind(descriptor, (const struct sockaddr *)local->storage, local->length) != 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int callmeter_local_address(int descriptor, callmeter_address *address) {
    socklen_t length = sizeof address->storage;
    memset(address, 0, sizeof *address);
    if (getsockname(descriptor, (struct sockaddr *)address->storage, &length) != 0) return -errno;
    address->length = length;
    return 0;
}

void callmeter_close(int descriptor) { close(descriptor); }

static int64_t arrival_of(struct msghdr *header) {
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
        if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec time;
            memcpy(&time, CMSG_DATA(control), sizeof time);
            return time.tv_sec * 1000000000LL + time.tv_nsec;
        }
    }
    return 0;
}

static void finish(callmeter_packet *datagram, struct msghdr *header, uint32_t length) {
    datagram->length = length;
    datagram->peer.length = header->msg_namelen;
    datagram->arrival = arrival_of(header);
    datagram->truncated = (header->msg_flags & MSG_TRUNC) != 0;
}

int callmeter_receive(int descriptor, callmeter_packet *datagrams, int count) {
    struct mmsghdr messages[CALLMETER_BATCH];
    struct iovec parts[CALLMETER_BATCH];
    _Alignas(struct cmsghdr) char control[CALLMETER_BATCH][CONTROL_LENGTH];
    if (count > CALLMETER_BATCH) count = CALLMETER_BATCH;
    for (int i = 0; i < count; i++) {
        parts[i] = (struct iovec){datagrams[i].data, datagrams[i].capacity};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = datagrams[i].peer.storage, .msg_namelen = sizeof datagrams[i].peer.storage,
            .msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = CONTROL_LENGTH};
    }
    if (count == 1) {
        ssize_t length = recvmsg(descriptor, &messages[0].msg_hdr, MSG_DONTWAIT);
        if (length < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        finish(&datagrams[0], &messages[0].msg_hdr, (uint32_t)length);
        return 1;
    }
    int received = recvmmsg(descriptor, messages, (unsigned)count, MSG_DONTWAIT, NULL);
    if (received < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    for (int i = 0; i < received; i++) finish(&datagrams[i], &messages[i].msg_hdr, messages[i].msg_len);
    return received;
}

int callmeter_send(int descriptor, const void *data, uint32_t length, const callmeter_address *to) {
    // The call that reports an ICMP error of an earlier datagram has not sent this one: once more.
    for (int attempt = 0; attempt < 2; attempt++) {
        ssize_t sent = sendto(
            descriptor, data, length, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)to->storage, to->length);
        if (sent >= 0) return 0;
        if (errno != ECONNREFUSED && errno != EHOSTUNREACH && errno != EINTR) break;
    }
    return -errno;
}

int64_t callmeter_drops(int descriptor) {
    // SO_MEMINFO gives the values of /proc/net/udp for one socket; drops is the ninth (linux/sock_diag.h).
    uint32_t values[9] = {0};
    socklen_t length = sizeof values;
    if (getsockopt(descriptor, SOL_SOCKET, SO_MEMINFO, values, &length) != 0) return -errno;
    return values[8];
}

// --- waiting

int callmeter_epoll_create(void) {
    int descriptor = epoll_create1(EPOLL_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int callmeter_epoll_add(int epoll, int descriptor, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = token};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : -errno;
}

int callmeter_epoll_writing(int epoll, int descriptor, uint64_t token, int on) {
    struct epoll_event event = {.events = EPOLLIN | (on ? EPOLLOUT : 0), .data.u64 = token};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event) == 0 ? 0 : -errno;
}

int callmeter_epoll_remove(int epoll, int descriptor) {
    struct epoll_event event = {0};
    return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event) == 0 ? 0 : -errno;
}

static int wait_exactly(int epoll, struct epoll_event *events, int capacity, int64_t timeout) {
#ifdef SYS_epoll_pwait2
    struct timespec time = {timeout / 1000000000, timeout % 1000000000};
    long count = syscall(SYS_epoll_pwait2, epoll, events, capacity, timeout < 0 ? NULL : &time, NULL, 0);
    if (count >= 0 || errno != ENOSYS) return (int)count;
#endif
    // Before Linux 5.11: whole milliseconds, rounded up so that the loop does not spin before a deadline.
    return epoll_wait(epoll, events, capacity, timeout < 0 ? -1 : (int)((timeout + 999999) / 1000000));
}

int callmeter_epoll_wait(int epoll, callmeter_event *events, int capacity, int64_t timeout) {
    struct epoll_event found[CALLMETER_EVENTS];
    int count = wait_exactly(epoll, found, capacity > CALLMETER_EVENTS ? CALLMETER_EVENTS : capacity, timeout);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        events[i].token = found[i].data.u64;
        events[i].readable = (found[i].events & EPOLLIN) != 0;
        events[i].writable = (found[i].events & EPOLLOUT) != 0;
        events[i].error = (found[i].events & (EPOLLERR | EPOLLHUP)) != 0;
    }
    return count;
}

int callmeter_wake_create(void) {
    int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int callmeter_wake_watch(int epoll, int descriptor, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = token};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : -errno;
}

void callmeter_wake_signal(int descriptor) {
    uint64_t one = 1;
    // It can only fail when the counter is full, and then the sleeper is awake already.
    ssize_t written = write(descriptor, &one, sizeof one);
    (void)written;
}

void callmeter_wake_drain(int descriptor) {
    uint64_t count;
    ssize_t taken = read(descriptor, &count, sizeof count);
    (void)taken;
}

// --- threads

int64_t callmeter_thread_cpu(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

struct callmeter_thread {
    pthread_t thread;
    void (*run)(void *);
    void *context;
};

static void *enter(void *argument) {
    callmeter_thread *thread = argument;
    // Timers of a media thread are packets' deadlines: the usual slack of 50 us would be added to each.
    prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
    thread->run(thread->context);
    return NULL;
}

callmeter_thread *callmeter_thread_start(const char *name, void (*run)(void *), void *context) {
    callmeter_thread *thread = malloc(sizeof *thread);
    if (!thread) return NULL;
    thread->run = run;
    thread->context = context;
    if (pthread_create(&thread->thread, NULL, enter, thread) != 0) {
        free(thread);
        return NULL;
    }
    pthread_setname_np(thread->thread, name);
    return thread;
}

void callmeter_thread_join(callmeter_thread *thread) {
    pthread_join(thread->thread, NULL);
    free(thread);
}
