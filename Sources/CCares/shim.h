// SPDX-License-Identifier: Apache-2.0
// c-ares, and the parts of its interface that Swift cannot call: macros, and the structures of poll.
#ifndef CALLMETER_CCARES_SHIM_H
#define CALLMETER_CCARES_SHIM_H

#include <ares.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

// A channel with a time-out for the first try (each further try waits twice as long) and a number of tries. `servers` is
// "ADDRESS:PORT" or NULL for the system's. NULL when c-ares refuses; `status` says why.
static inline ares_channel callmeter_ares_open(const char *servers, int timeout_ms, int tries, int *status) {
    struct ares_options options;
    memset(&options, 0, sizeof options);
    options.timeout = timeout_ms;
    options.tries = tries;
    ares_channel channel = NULL;
    *status = ares_library_init(ARES_LIB_INIT_ALL);
    if (*status != ARES_SUCCESS) return NULL;
    *status = ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
    if (*status != ARES_SUCCESS) return NULL;
    if (servers) *status = ares_set_servers_ports_csv(channel, servers);
    if (*status == ARES_SUCCESS) return channel;
    ares_destroy(channel);
    return NULL;
}

// Waits until a socket of the channel is ready, a query's time is over, `wake` is readable or `most_ms` are over, and lets the
// channel work. Returns 1 when `wake` was readable.
static inline int callmeter_ares_turn(ares_channel channel, int wake, int most_ms) {
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    struct pollfd polled[ARES_GETSOCK_MAXNUM + 1];
    int mask = ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
    nfds_t count = 0;
    polled[count++] = (struct pollfd){.fd = wake, .events = POLLIN};
    for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        short events = (ARES_GETSOCK_READABLE(mask, i) ? POLLIN : 0) | (ARES_GETSOCK_WRITABLE(mask, i) ? POLLOUT : 0);
        if (events) polled[count++] = (struct pollfd){.fd = sockets[i], .events = events};
    }
    struct timeval most = {most_ms / 1000, most_ms % 1000 * 1000}, next;
    const struct timeval *wait = ares_timeout(channel, &most, &next);
    // Rounded up: a turn too early would find nothing to do and spin.
    int ready = poll(polled, count, (int)(wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000));
    if (ready <= 0) ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    for (nfds_t i = 1; ready > 0 && i < count; i++) {
        if (!polled[i].revents) continue;
        ares_process_fd(
            channel, polled[i].revents & (POLLIN | POLLERR | POLLHUP) ? polled[i].fd : ARES_SOCKET_BAD,
            polled[i].revents & POLLOUT ? polled[i].fd : ARES_SOCKET_BAD);
    }
    return ready > 0 && (polled[0].revents & POLLIN) != 0;
}

// The addresses of a name in the hosts file, into `addresses` (16 bytes each, IPv4 in the first four). Returns how many, at most `room`.
static inline int callmeter_ares_hosts(ares_channel channel, const char *name, int family, uint8_t *addresses, int room) {
    struct hostent *host = NULL;
    if (ares_gethostbyname_file(channel, name, family, &host) != ARES_SUCCESS || !host) return 0;
    int count = 0;
    for (; count < room && host->h_addr_list[count] && (host->h_length == 4 || host->h_length == 16); count++)
        memcpy(addresses + 16 * count, host->h_addr_list[count], (size_t)host->h_length);
    ares_free_hostent(host);
    return count;
}

// A descriptor that becomes readable when something is written to it; negative when the system has none left.
static inline int callmeter_ares_wake_open(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

// Makes it readable; from any thread.
static inline void callmeter_ares_wake(int wake) {
    uint64_t one = 1;
    ssize_t written = write(wake, &one, sizeof one);
    (void)written;
}

#endif
