#!/usr/bin/env python3
"""Shows the facts of docs/kernel.md on the kernel of this machine, with plain sockets and none of our code.

Usage: scripts/kernel-facts.py [FACT ...]      (such as 2.1 or 6; default: all of them, a minute)

It runs in user and network namespaces of its own (`unshare -rn`), without root. It needs the programs ip, nft and ss. Each
line has the number of a fact, what the kernel did, and what the document expects where that differs. The exit status is
0 if nothing differs. A network that loses segments is a socket filter that drops all segments that arrive at an end.
"""
import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from errno import errorcode
from types import SimpleNamespace

# The fields of `struct tcp_info` by their offset and form.
FIELDS = {
    "state": (0, "B"), "retransmits": (2, "B"), "probes": (3, "B"), "backoff": (4, "B"), "unacked": (24, "I"),
    "last_ack": (56, "I"), "bytes_acked": (120, "Q"), "bytes_received": (128, "Q"), "segs_in": (140, "I"),
    "notsent": (144, "I"), "bytes_retrans": (208, "Q"), "snd_wnd": (228, "I"),
}  # fmt: skip
CLOSE = 7
SIOCINQ, SIOCOUTQ = 0x541B, 0x5411
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
TCP_USER_TIMEOUT, TCP_NOTSENT_LOWAT, TCP_RTO_MAX_MS = 18, 25, 44
POLLRDHUP = 0x2000
CLONE_NEWUSER = 0x10000000
SYSCTLS = "/proc/sys/net/ipv4/"


def info(end):
    raw = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 280)
    return SimpleNamespace(**{name: struct.unpack_from(form, raw, at)[0] for name, (at, form) in FIELDS.items()})


def queue(end, request):
    return struct.unpack("i", fcntl.ioctl(end, request, bytes(4)))[0]


def inq(end):
    return queue(end, SIOCINQ)


def outq(end):
    return queue(end, SIOCOUTQ)


def fin_bit(end, read):
    return info(end).bytes_received - read - inq(end)


def pair(rcvbuf=0, ours="127.0.0.1", theirs="127.0.0.1"):
    """Our end and the peer's, which never block. We accepted."""
    peer = socket.socket()
    if rcvbuf:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    with socket.create_server((ours, 0)) as listener:
        peer.bind((theirs, 0))
        peer.connect(listener.getsockname())
        us, _ = listener.accept()
    us.setblocking(False)
    peer.setblocking(False)
    return us, peer


def option(end, name, value):
    end.setsockopt(socket.IPPROTO_TCP, name, value)


def ask(call, *args):
    """What a call returns, or the name of its error."""
    try:
        return call(*args)
    except OSError as error:
        return errorcode[error.errno]


def recv(end):
    return ask(end.recv, 1 << 20)


def send(end):
    return ask(end.send, b"x")


def peek(end):
    return ask(end.recv, 1, socket.MSG_PEEK)


def so_error(end):
    return errorcode.get(end.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)


def reset(end):
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def lose(*ends):
    """From now on, every segment to these ends is lost."""
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
    program = struct.pack("HP", 1, ctypes.addressof(drop_all))
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def mend(*ends):
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


def fill(end):
    """Sends until both kernels are full."""
    for _ in range(20):
        while ask(end.send, bytes(65_536)) != "EAGAIN":
            pass
        pause(0.02)


def drain(end):
    """How many bytes were there, and what came behind them."""
    count = 0
    while isinstance(got := recv(end), bytes) and got:
        count += len(got)
    return count, got


def pause(seconds=0.05):
    time.sleep(seconds)


def until_dead(end):
    """How long it took the kernel to give up, in seconds."""
    start = time.time()
    while info(end).state != CLOSE:
        pause(0.01)
    return time.time() - start


def run(command):
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def sysctl(name, value):
    with open(SYSCTLS + name, "w", encoding="ascii") as file:
        file.write(str(value))


def in_fin_wait(port):
    listed = subprocess.run(["ss", "-tnH", "state", "fin-wait-1", f"sport = {port}"], capture_output=True, check=True)
    return bool(listed.stdout)


FACTS = []


def fact(number, expected):
    def add(show):
        FACTS.append((number, show, expected))
        return show

    return add


@fact("1.1", (100, b"", "CLOSE_WAIT"))
def a_close_is_data_and_a_fin():
    us, peer = pair()
    peer.send(bytes(100))
    peer.close()
    pause()
    return *drain(us), {8: "CLOSE_WAIT"}.get(info(us).state)


@fact("1.2", ("all that we had", "not all that was sent", "ECONNRESET", b""))
def a_close_with_unread_input_is_a_reset():
    us, peer = pair()
    us.send(b"unread")
    fill(peer)
    held, taken = inq(us), info(peer).bytes_acked - 1 + outq(peer)
    peer.close()
    pause()
    count, behind = drain(us)
    read = "all that we had" if count == held else "less"
    sent = "not all that was sent" if count < taken else "all"
    return read, sent, behind, recv(us)


@fact("1.3", ("first send", 1, "second send", "EPIPE", "reads", 5000, b""))
def the_first_send_after_a_close_succeeds():
    us, peer = pair()
    peer.send(bytes(5000))
    peer.close()
    pause()
    first = send(us)
    pause()
    return "first send", first, "second send", send(us), "reads", *drain(us)


@fact("1.4", (b"", b"late"))
def a_half_closed_peer_still_receives():
    us, peer = pair()
    peer.shutdown(socket.SHUT_WR)
    pause()
    read = recv(us)
    us.send(b"late")
    pause()
    return read, recv(peer)


@fact("1.5", ("lost reset", 1, "EAGAIN", "later", "retransmits", 1, "ECONNRESET"))
def a_reset_is_sent_once():
    us, peer = pair()
    lose(us, peer)
    send(us)
    pause(0.5)
    reset(peer)
    pause()
    lost = info(us).state, recv(us)
    mend(us)
    pause(1)
    retransmits = "retransmits" if info(us).retransmits else "none"
    return "lost reset", *lost, "later", retransmits, outq(us), recv(us)


@fact("1.6", ("retransmits", 0, "probes", 0, "SIOCOUTQ", 0, "ECONNRESET"))
def a_kill_behind_an_acknowledged_ping_leaves_nothing_unanswered():
    us, peer = pair()
    us.send(b"ping")
    pause()
    peer.close()
    pause()
    now = info(us)
    return "retransmits", now.retransmits, "probes", now.probes, "SIOCOUTQ", outq(us), recv(us)


@fact("2.1", ["ECONNRESET, then b'' EPIPE 0"] * 4)
def an_error_is_handed_out_once():
    def cell(first):
        us, peer = pair()
        reset(peer)
        pause()
        return f"{first(us)}, then {recv(us)} {send(us)} {so_error(us)}"

    return [cell(first) for first in (recv, send, peek, so_error)]


@fact("2.2", (True, CLOSE, 0, 0, "ENOTCONN", "ECONNRESET"))
def readings_and_shutdown_consume_no_error():
    us, peer = pair()
    reset(peer)
    pause()
    poll = select.poll()
    poll.register(us)
    seen = bool(poll.poll(0)), info(us).state, inq(us), outq(us), ask(us.shutdown, socket.SHUT_WR)
    return *seen, recv(us)


@fact("2.3", ("EPIPE", 0, b""))
def a_reset_behind_a_fin_is_shown_by_no_read():
    us, peer = pair()
    peer.close()
    pause()
    send(us)
    pause()
    return so_error(us), so_error(us), recv(us)


@fact("2.4", ("ECONNREFUSED", 0, "EAGAIN", "alive", "given up", "ECONNREFUSED"))
def so_error_hands_out_icmp_errors_of_a_living_socket():
    us, peer = pair()
    run("nft add table ip t && nft 'add chain ip t in { type filter hook input priority 0; }'")
    run(f"nft add rule ip t in tcp dport {peer.getsockname()[1]} reject with icmp type port-unreachable")
    send(us)
    pause(0.3)
    soft = so_error(us), so_error(us), recv(us), "alive" if info(us).state == 1 else "dead"
    option(us, TCP_USER_TIMEOUT, 500)
    until_dead(us)
    run("nft delete table ip t")
    return *soft, "given up", recv(us)


@fact("2.6", ("ECONNABORTED", CLOSE))
def a_destroyed_socket_has_an_errno_of_its_own():
    us, peer = pair()
    run(f"ss -K dport = {peer.getsockname()[1]}")
    return recv(us), info(us).state


@fact("2.7", ("SIGPIPE", "EPIPE"))
def a_broken_pipe_is_a_signal_unless_asked_otherwise():
    def cell(flags):
        us, peer = pair()
        peer.close()
        send(us)
        pause()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os._exit(ask(us.send, b"x", flags) != "EPIPE")
        status = os.waitpid(child, 0)[1]
        return {0: "EPIPE", signal.SIGPIPE: "SIGPIPE"}.get(status, status)

    return cell(0), cell(socket.MSG_NOSIGNAL)


@fact("3.1", ("unread", 1, "part read", 1, "after a reset", CLOSE, 1, "all read", 1, "without a FIN", 0))
def the_fin_bit_is_kept():
    us, peer = pair()
    peer.send(bytes(100))
    peer.close()
    pause()
    unread = fin_bit(us, 0)
    us.recv(60)
    part = fin_bit(us, 60)
    send(us)
    pause()
    after = info(us).state, fin_bit(us, 60)
    read = 60 + drain(us)[0]
    other, far = pair()
    far.send(bytes(100))
    reset(far)
    pause()
    without = fin_bit(other, drain(other)[0])
    return "unread", unread, "part read", part, "after a reset", *after, "all read", fin_bit(us, read), "without a FIN", without


@fact("3.2", (CLOSE, 1))
def a_socket_in_time_wait_reads_close():
    us, peer = pair()
    us.shutdown(socket.SHUT_WR)
    peer.close()
    pause()
    return info(us).state, fin_bit(us, 0)


@fact("3.3", ("out of band", 1, "inline", 0))
def an_urgent_byte_forges_the_fin_bit():
    def cell(inline):
        us, peer = pair()
        us.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, inline)
        peer.send(b"ab")
        peer.send(b"!", socket.MSG_OOB)
        pause()
        read, _ = drain(us)
        reset(peer)
        pause()
        return fin_bit(us, read)

    return "out of band", cell(0), "inline", cell(1)


@fact("3.4", "wrong in some of 50,000 samples")
def two_readings_are_two_moments():
    us, peer = pair()
    us.setblocking(True)
    peer.setblocking(True)
    done = threading.Event()

    def flood():
        while not done.is_set():
            ask(peer.send, bytes(5000))

    thread = threading.Thread(target=flood)
    thread.start()
    read = wrong = 0
    for _ in range(50_000):
        read += len(us.recv(3000))
        wrong += fin_bit(us, read) != 0
    done.set()
    us.close()
    thread.join()
    return f"wrong in {'some' if wrong else 'none'} of 50,000 samples"


@fact("3.5", ("FIN", 1, "once read", 8, "RST", CLOSE))
def a_fin_behind_a_shut_window_is_invisible():
    us, peer = pair()
    fill(peer)
    peer.close()
    pause()
    before = info(us).state
    drain(us)
    other, far = pair()
    fill(far)
    reset(far)
    pause()
    return "FIN", before, "once read", info(us).state, "RST", info(other).state


@fact("3.6", ("before", [], "FIN", "0x2000", "before", [], "RST", "0x2018"))
def rdhup_shows_an_end_behind_unread_data():
    def cell(name, end):
        us, peer = pair()
        send(peer)
        pause()
        poll = select.poll()
        poll.register(us, select.POLLPRI | POLLRDHUP)
        before = poll.poll(0)
        end(peer)
        pause()
        return "before", before, name, hex(poll.poll(0)[0][1])

    return cell("FIN", socket.socket.close) + cell("RST", reset)


@fact("3.7", ("kept", (10, True, True, True, True, 2, True), "unacked, backoff", (1, True), (0, False)))
def death_keeps_the_evidence_but_for_two_fields():
    idle, _peer = probed()
    us, peer = pair()
    lose(us, peer)
    option(us, TCP_USER_TIMEOUT, 2000)
    us.send(bytes(10))
    pause(1.5)
    live = info(us)
    until_dead(us)
    dead = info(us)
    kept = outq(us), dead.retransmits >= live.retransmits > 0, dead.bytes_retrans > 0, dead.snd_wnd > 0
    shut, _far = pair(4096)
    option(shut, TCP_USER_TIMEOUT, 1000)
    fill(shut)
    unsent = info(shut).notsent
    until_dead(shut)
    until_dead(idle)
    kept += info(shut).notsent == unsent > 0, info(idle).probes, dead.last_ack > live.last_ack
    return "kept", kept, "unacked, backoff", (live.unacked, live.backoff > 0), (dead.unacked, dead.backoff > 0)


@fact("3.8", (10, 11))
def our_own_fin_is_one_byte_of_siocoutq():
    us, peer = pair()
    lose(us, peer)
    us.send(bytes(10))
    before = outq(us)
    us.shutdown(socket.SHUT_WR)
    return before, outq(us)


def silence(*lost):
    """What our kernel says for 2 s after a ping, when segments to these ends (0: us, 1: the peer) are lost."""
    ends = pair()
    lose(*(ends[n] for n in lost))
    us, peer = ends
    peer.send(b"news")
    pause(0.3)
    us.send(b"ping")
    pause(0.05)
    before = info(us)
    pause(1.7)
    now = info(us)
    grows = [name for name in ("retransmits", "bytes_acked", "segs_in") if getattr(now, name) > getattr(before, name)]
    return "grow", grows, "unacked", now.unacked, "last_ack", "young" if now.last_ack < 1600 else "old"


@fact("4.1", ("grow", ["retransmits"], "unacked", 1, "last_ack", "old"))
def a_cut_path():
    return silence(0, 1)


@fact("4.2", ("grow", [], "unacked", 0, "last_ack", "old"))
def a_process_that_does_nothing():
    return silence()


@fact("4.3", ("grow", ["retransmits", "segs_in"], "unacked", 1, "last_ack", "young"))
def a_path_that_loses_only_our_segments():
    return silence(1)


@fact("4.4", "whole ticks of 10 ms or less")
def ages_come_in_whole_ticks():
    us, _ = pair()
    send(us)
    pause()
    ages = sorted({info(us).last_ack for _ in range(50_000)})
    tick = min(later - earlier for earlier, later in zip(ages, ages[1:]))
    whole = all((age - ages[0]) % tick == 0 for age in ages)
    return f"whole ticks of {'10 ms or less' if tick <= 10 else tick}" if whole else f"ages {ages}"


@fact("4.5", ("limit 0", "rarely 1", "limit 500", "often 1", "dead path", "2 or more"))
def a_living_kernel_may_leave_one_probe_unanswered():
    def cell(limit):
        sysctl("tcp_invalid_ratelimit", limit)
        us, peer = pair(4096)
        option(us, TCP_RTO_MAX_MS, 1000)
        fill(us)
        seen = []
        for _ in range(300):
            pause(0.01)
            seen.append(info(us).probes)
        lose(us, peer)
        pause(2.8)
        often = "often" if len(seen) - seen.count(0) > 30 else "rarely"
        return f"{often} {max(1, *seen)}", "2 or more" if info(us).probes >= 2 else "less"

    (unlimited, _), (limited, dead) = cell(0), cell(500)
    return "limit 0", unlimited, "limit 500", limited, "dead path", dead


def own_network(fault, repair):
    """A connection with nothing in flight and one with a byte in flight, 2.5 s into a fault of our own host."""
    run("ip addr replace 10.9.9.1/32 dev lo && ip addr replace 10.9.9.2/32 dev lo")
    idle, _idle_peer = pair(0, "10.9.9.2", "10.9.9.1")
    busy, far = pair(0, "10.9.9.2", "10.9.9.1")
    lose(far)
    send(busy)
    pause(0.3)
    before = info(busy)
    run(fault)
    send(idle)
    pause(2.5)
    now, later = info(idle), info(busy)
    run(repair)
    nothing = "unacked", now.unacked, "notsent", now.notsent, "window", now.snd_wnd > 0, "probes", now.probes > 0
    return nothing, ("retransmits", later.retransmits > before.retransmits, later.bytes_retrans > before.bytes_retrans)


NEVER_LEFT = ("unacked", 0, "notsent", 1, "window", True, "probes", True)
ROUTE = "ip route replace blackhole 10.9.9.1/32 table local", "ip route replace local 10.9.9.1 dev lo table local"
FILTER = (
    "nft add table ip t && nft 'add chain ip t out { type filter hook output priority 0; }'"
    " && nft add rule ip t out ip daddr 10.9.9.1 drop",
    "nft delete table ip t",
)


@fact("5.1", (NEVER_LEFT, NEVER_LEFT))
def without_a_way_out_and_nothing_in_flight():
    return own_network(*ROUTE)[0], own_network(*FILTER)[0]


@fact("5.2", ("retransmits", True, False))
def without_a_route_and_data_in_flight():
    return own_network(*ROUTE)[1]


@fact("5.3", ("retransmits", True, True))
def behind_a_filter_of_our_own_and_data_in_flight():
    return own_network(*FILTER)[1]


@fact("5.4", ("probes", "grow", "peer sends", "grow", "peer repeats", 0))
def a_repeated_segment_resets_the_probes_that_never_left():
    run("ip addr replace 10.9.9.1/32 dev lo && ip addr replace 10.9.9.2/32 dev lo")
    us, peer = pair(0, "10.9.9.2", "10.9.9.1")
    run(FILTER[0])
    send(us)
    pause(1)
    before = info(us).probes
    send(peer)
    pause(0.02)
    first = info(us).probes
    pause(0.28)
    again = info(us).probes
    run(FILTER[1])
    grow = "grow" if before > 0 else before, "grow" if first >= before else first
    return "probes", grow[0], "peer sends", grow[1], "peer repeats", again


@fact("6.1", ("2.4 to 3.9 s", "ETIMEDOUT"))
def the_give_up_is_the_first_retry_after_the_computed_time():
    sysctl("tcp_retries2", 3)
    us, peer = pair()
    option(us, TCP_RTO_MAX_MS, 1000)
    lose(us, peer)
    send(us)
    took = until_dead(us)
    sysctl("tcp_retries2", 15)
    return "2.4 to 3.9 s" if 2.4 <= took <= 3.9 else f"{took:.1f} s", recv(us)


@fact("6.3", ("1.2 s later", [0, 1], "3.7 s later", [0, 0]))
def a_link_that_comes_back_is_used_at_the_next_retry():
    limited, far = pair()
    free, far_too = pair()
    option(limited, TCP_RTO_MAX_MS, 1000)
    lose(limited, free, far, far_too)
    send(limited)
    send(free)
    pause(4)
    mend(limited, free, far, far_too)
    pause(1.2)
    soon = [info(end).unacked for end in (limited, free)]
    pause(2.5)
    return "1.2 s later", soon, "3.7 s later", [info(end).unacked for end in (limited, free)]


def probed(user_timeout=0, rcvbuf=0):
    """Two ends behind a cut, the first of which is probed after 1 s and ended 2 s later where it is idle."""
    us, peer = pair(rcvbuf)
    if rcvbuf:
        fill(us)
    us.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 2)):
        option(us, name, value)
    option(us, TCP_USER_TIMEOUT, user_timeout)
    lose(us, peer)
    return us, peer


@fact("6.4", ("idle", 3, "ETIMEDOUT", "after 5 s", "data unacknowledged", 1, "window shut", 1))
def keepalive_is_silent_while_data_is_unacknowledged():
    idle, _peer = probed()
    busy, _far = probed()
    send(busy)
    took = until_dead(idle)
    shut, _other = probed(rcvbuf=4096)
    pause(5)
    later = "after 5 s", "data unacknowledged", info(busy).state, "window shut", info(shut).state
    return "idle", round(took), recv(idle), *later


@fact("6.5", ("keepalive", 2, "reader", 4, "ETIMEDOUT", "longest rest", True, "shut window", "ETIMEDOUT"))
def user_timeout_ends_those_who_live():
    limited, _peer = probed(1500)
    keepalive = round(until_dead(limited))
    us, peer = pair(16_384)
    option(us, TCP_USER_TIMEOUT, 4000)
    fill(us)
    start = moved = time.time()
    acked, rest = info(us).bytes_acked, 0
    while info(us).state != CLOSE:
        pause(0.1)
        ask(peer.recv, 1600)
        rest = max(rest, time.time() - moved)
        if info(us).bytes_acked > acked:
            moved, acked = time.time(), info(us).bytes_acked
    took = round(time.time() - start)
    shut, _far = pair(4096)
    option(shut, TCP_USER_TIMEOUT, 1000)
    fill(shut)
    until_dead(shut)
    return "keepalive", keepalive, "reader", took, recv(us), "longest rest", rest < 3, "shut window", recv(shut)


@fact("6.7", ("without", True, "with 1 s", False))
def a_closed_connection_keeps_its_data():
    def closed(limit):
        us, peer = pair(4096)
        fill(us)
        option(us, TCP_USER_TIMEOUT, limit)
        port = us.getsockname()[1]
        us.close()
        return port, peer

    (free, _peer), (limited, _far) = closed(0), closed(1000)
    pause(2.5)
    return "without", in_fin_wait(free), "with 1 s", in_fin_wait(limited)


OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.SOL_SOCKET, socket.SO_OOBINLINE, 1),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 8),
    (socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, 16_384), (socket.IPPROTO_TCP, TCP_RTO_MAX_MS, 1200),
)  # fmt: skip


@fact("6.8", ([True] * 6, ["EINVAL", None, None, "EINVAL"]))
def accepted_connections_inherit_the_options():
    listener = socket.socket()
    for each in OPTIONS:
        listener.setsockopt(*each)
    listener.listen()
    _client = socket.create_connection(("127.0.0.1", listener.getsockname()[1]))
    us, _ = listener.accept()
    inherited = [us.getsockopt(level, name) == value for level, name, value in OPTIONS]
    return inherited, [ask(option, us, TCP_RTO_MAX_MS, value) for value in (999, 1000, 120_000, 120_001)]


@fact("6.9", ("over 1 MB", "at most 80 KB"))
def the_low_water_mark_bounds_what_waits_in_the_kernel():
    def cell(mark):
        us, _peer = pair(4096)
        option(us, TCP_NOTSENT_LOWAT, mark)
        fill(us)
        return info(us).notsent

    free, bounded = cell(0), cell(16_384)
    return "over 1 MB" if free > 1_000_000 else free, "at most 80 KB" if bounded <= 16_384 + 65_536 else bounded


@fact("6.10", ("cut to somaxconn", ["ESTABLISHED", "ESTABLISHED", "SYN_SENT"]))
def a_backlog_is_cut_and_a_full_one_answers_nothing():
    listener = socket.create_server(("127.0.0.1", 0), backlog=100_000)
    address = listener.getsockname()
    listed = subprocess.run(["ss", "-ltnH", f"sport = {address[1]}"], capture_output=True, check=True)
    with open("/proc/sys/net/core/somaxconn", encoding="ascii") as file:
        cut = int(listed.stdout.split()[2]) == int(file.read())
    listener.listen(1)
    clients = [socket.socket() for _ in range(3)]
    for client in clients:
        client.setblocking(False)
        client.connect_ex(address)
        pause()
    states = [{1: "ESTABLISHED", 2: "SYN_SENT"}.get(info(client).state) for client in clients]
    return "cut to somaxconn" if cut else "not cut", states


@fact("6.11", "3 or more retries in 190 ms")
def the_shortest_time_to_a_retry_can_be_lowered():
    sysctl("tcp_rto_min_us", 5000)
    us, peer = pair()
    send(us)
    pause()
    lose(us, peer)
    send(us)
    pause(0.19)
    retries = info(us).retransmits
    sysctl("tcp_rto_min_us", 200_000)
    return "3 or more retries in 190 ms" if retries >= 3 else f"{retries} retries"


@fact("7.1", True)
def the_size_of_proc_self_fd_is_the_count():
    return os.stat("/proc/self/fd").st_size == len(os.listdir("/proc/self/fd")) - 1


@fact("7.2", "EINVAL")
def several_threads_cannot_enter_a_user_namespace():
    libc, done = ctypes.CDLL(None, use_errno=True), threading.Event()
    threading.Thread(target=done.wait).start()
    refused = libc.unshare(CLONE_NEWUSER) != 0
    name = errorcode[ctypes.get_errno()] if refused else 0
    done.set()
    return name


def main(wanted):
    differ = 0
    for number, show, expected in FACTS:
        if wanted and not any(number == one or number.startswith(one + ".") for one in wanted):
            continue
        shown = show()
        differs = shown != expected
        differ += differs
        words = f"  DIFFERS, expected {expected}" if differs else ""
        print(f"{number:5}{show.__name__.replace('_', ' ')}: {shown}{words}", flush=True)
    print(f"Linux {os.uname().release}: {differ} differ")
    return differ > 0


if os.environ.get("KERNEL_FACTS") is None:
    os.environ["KERNEL_FACTS"] = "inside"
    os.execvp("unshare", ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, *sys.argv])
sys.exit(main(sys.argv[1:]))
