// Plays another kernel to the process into which it is preloaded. The environment names it:
//
// LASTWORD_KERNEL   zero         answers TCP_INFO at full length, and each field is 0
//                   few          fills in the state and the round trip only, as gVisor does
//                   lying        counts no received bytes, except for the connection of the self-test over loopback
//                   no_window    counts all, but shows no window
//                   deny         refuses TCP_INFO
//                   NUMBER       answers TCP_INFO with this number of bytes, as an older Linux does
//                   no_loopback  has no loopback to connect to
//                   multipath    makes each TCP socket a Multipath TCP socket, as mptcpize does
// LASTWORD_REFUSES  LEVEL:NAME   refuses this socket option with EPERM
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { TCP_INFO = 11, MPTCP = 262, CLOSE_WAIT = 8, STATE = 0, RTT = 68, BYTES_RECEIVED = 128, SEND_WINDOW = 228, SELF_TEST_BYTES = 24 };

static const char *kernel(void) {
    const char *name = getenv("LASTWORD_KERNEL");
    return name ? name : "";
}

static int is(const char *name) { return strcmp(kernel(), name) == 0; }

static int fails(int error) {
    errno = error;
    return -1;
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len) {
    int (*real)(int, int, int, void *, socklen_t *) = dlsym(RTLD_NEXT, "getsockopt");
    if (level != IPPROTO_TCP || name != TCP_INFO) return real(fd, level, name, value, len);
    if (is("deny")) return fails(EPERM);
    unsigned char info[512] = {0};
    socklen_t filled = sizeof info;
    if (real(fd, level, name, info, &filled)) return -1;
    if (is("zero")) memset(info, 0, sizeof info);
    if (is("few")) {
        memset(info + STATE + 1, 0, RTT - STATE - 1);
        memset(info + RTT + 8, 0, sizeof info - RTT - 8);
    }
    if (is("no_window")) memset(info + SEND_WINDOW, 0, 4);
    if (is("lying")) {
        uint64_t received;
        memcpy(&received, info + BYTES_RECEIVED, sizeof received);
        if (info[STATE] != CLOSE_WAIT || received != SELF_TEST_BYTES) memset(info + BYTES_RECEIVED, 0, sizeof received);
    }
    if (atoi(kernel()) > 0) filled = atoi(kernel());
    if (*len > filled) *len = filled;
    memcpy(value, info, *len);
    return 0;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len) {
    int (*real)(int, int, int, const void *, socklen_t) = dlsym(RTLD_NEXT, "setsockopt");
    const char *refused = getenv("LASTWORD_REFUSES");
    int refused_level, refused_name;
    if (refused && sscanf(refused, "%d:%d", &refused_level, &refused_name) == 2) {
        if (level == refused_level && name == refused_name) return fails(EPERM);
    }
    return real(fd, level, name, value, len);
}

static int is_loopback(const struct sockaddr *addr) {
    if (addr->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)addr)->sin_addr.s_addr) >> 24 == 127;
    return addr->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)addr)->sin6_addr);
}

int connect(int fd, const struct sockaddr *addr, socklen_t len) {
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    return is("no_loopback") && is_loopback(addr) ? fails(ENETUNREACH) : real(fd, addr, len);
}

int socket(int domain, int type, int protocol) {
    int (*real)(int, int, int) = dlsym(RTLD_NEXT, "socket");
    int is_tcp = (domain == AF_INET || domain == AF_INET6) && (type & 15) == SOCK_STREAM;
    return real(domain, type, is_tcp && is("multipath") ? MPTCP : protocol);
}
