"""Writes the inputs that the fuzz targets begin with, one file each: the vectors of docs/wire-vectors.json.

Usage: fuzz/seeds.py FOLDER. The bytes before a stream are those that fuzz/src/decoder.rs and dialect.rs take off it.
"""

import json
import pathlib
import ssl
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER_LEN = 4
# Which first byte makes the decoder wait for what.
HELLO, WELCOME, GOODBYE, ANY = 0, 1, 2, 4
CUTS = bytes([0, 6, 40, 255])

# One stream of each wire of the dialect target, in its order there.
DIALECTS = [
    b"\0\0\0\x05hello\0\0\0\0\0\0\0\x01c\0\0\x04",
    b"one\n\ntwo, which is longer\nunfinished",
    b"PING\r\n*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\nQUIT\r\n",
    b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0\xc0\0\x30\x05\0\x01ahi\xe0\0",
    b"\x03\0\x01a\x09\x10\0\0\0\0\0\0\0\x07\x82\0ab",
    b"\x01\0\0\x02{}\x02\0\0\0\x03\0\0\0\x04\0\0\x03abc",
]

# PROXY headers of both versions: of a player, without an address, of a health check, and with fields and a checksum.
V2 = b"\r\n\r\n\0\r\nQUIT\n"
PROXY_HEADERS = [
    b"PROXY TCP4 192.0.2.7 10.0.0.1 4660 7000\r\nrest",
    b"PROXY TCP6 2001:db8::7 2001:db8::1 1 7000\r\n",
    b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n",
    V2 + b"\x20\0\0\0",
    V2 + b"\x21\x11\0\x16\xc0\0\x02\x07\x0a\0\0\x01\x12\x34\x1b\x58\xea\0\0\x03\0\x04\0\0\0\0rest",
    V2 + b"\x21\x21\0\x24" + bytes(range(36)),
    V2 + b"\x21\x31\0\xd8" + b"/" * 216,
]


# The targets whose input is the payload of one frame.
PARSERS = ["hello", "welcome", "goodbye", "notice", "heartbeat"]

EXTENSIONS = [b"", b"\0\x09\0\x04nine\0\0\0\0\0\x09\0\x05again", b"\0\x01\0\x05cut"]

# A query of each list: the first byte says of which.
QUERIES = [
    b"\0cause=peer_fin,kicked&player=an%20n&session=000102030405060708090a0b0c0d0e0f&since=7&limit=2&after=0",
    b"\0since=2026-11-22T20:49:55Z&since=1",
    b"\x01player=ann&address=%5B::1%5D:7000&profile=mobile&link=peer_frozen&limit=1000"
    b"&after=000102030405060708090a0b0c0d0e0f",
    b"\x01address=10.0.0.0/8",
]

# Names as players choose them.
NAMES = ["ann", "\x1b[2J\n", "a\u202eb\u2066", "cafe\u0301", "\U0001f469\u200d\U0001f680", "a\u200d<U+001B>"]


# Frames of each policy, which the kernel refuses; then it takes a part of them, and time passes.
POLICIES = bytes([8, 0x80, 0]) + b"".join(bytes([18]) + sent.to_bytes(2, "little") for sent in range(2_000, 36_000, 3_000)) * 3
POLICIES += bytes([18, 0xD0, 0x17, 15, 200, 13, 0x10, 0x27, 16, 22, 0])
# A server with a rate, whose client sends more than that.
OVER_THE_RATE = bytes([0, 4, 0]) + bytes([0, 0, 2, 104, 105, 0]) * 30 + bytes([13, 0x10, 0x27, 16]) * 6


# A server with TLS behind a proxy: the header, the handshake, a hello that is let in, a frame from elsewhere, and the end.
LAYERS = bytes([4, 8, 3, 24, 21, 0, 0, 11, 0, 6, 23, 100, 0, 21, 2, 22, 0])


# Two ends of TLS of each version: the handshake, words both ways in parts, a close each. Then one with a changed byte.
ROUNDS = bytes([6, 0] * 4)
SAYS, PASSES, SPOILS, CLOSES = (bytes([what]) for what in (0, 2, 4, 5))
CLIENT, SERVER = b"\0", b"\1"
WORDS = SAYS + CLIENT + b"\x88\x13\xe8\x03" + PASSES + CLIENT + b"\x64\0" + SAYS + SERVER + b"\x10\0\xff\xff"
TLS_SCRIPTS = [
    bytes([1, version]) + ROUNDS + WORDS + last + ROUNDS
    for version in range(3)
    for last in (CLOSES + CLIENT + CLOSES + SERVER, SAYS + CLIENT + b"\x20\0\xff\xff" + SPOILS + CLIENT + b"\x09\0\x04")
]


def client_hello(version):
    """The first bytes of OpenSSL's client."""
    context = ssl.create_default_context()
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["lastword/1"])
    sent = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return sent.read()


def script(stream):
    """An input of the machine: a greeted server gets this stream, writes, waits and gets an end."""
    some = stream[:255]
    return bytes([0, 0, 0, 4, len(some)]) + some + bytes([16, 13, 0x10, 0x27, 22, 0])


def configurations():
    """The reference configuration: whole, by its sections, and with its examples switched on."""
    whole = (ROOT / "config/lastword.toml").read_text()
    yield whole.replace("token_file", "token_fil")
    for section in whole.split("\n["):
        if "token_file" not in section:
            yield section if section.startswith("#") else "[" + section
    yield "[liveness.profiles.my_game]\nheartbeat_ms = 1000\ndead_ms = 8000\n"
    yield '[[listen]]\naddr = "127.0.0.1:7000"\n[[listen]]\naddr = "[::]:7001"\nbehind_proxy = true\n'
    yield '[admission]\nallow = ["10.0.0.0/8", "::ffff:192.0.2.0/120"]\ndeny = ["2001:db8::/32"]\nexempt = []\n'
    yield "[rates]\nframes_per_second = 60\nframes_burst = 120\nbytes_per_second = 9000\nbytes_burst = 9000\nover_ms = 0\n"


def first_byte(vector):
    """What a receiver of this vector waits for."""
    first = vector.get("frame") in ("hello", "welcome") or vector.get("state") == "first"
    if not first:
        return ANY
    return HELLO if vector["direction"] == "client" else WELCOME


def seeds():
    """Yields target and input."""
    live = b""
    for vector in json.loads((ROOT / "docs/wire-vectors.json").read_text()):
        stream = bytes.fromhex(vector["hex"])
        yield "decoder", bytes([first_byte(vector)]) + CUTS + stream
        if first_byte(vector) == ANY and "error" not in vector and len(stream) < 100:
            live += stream
        name = vector.get("frame") or vector["name"].split()[0]
        target = "heartbeat" if name in ("ping", "pong", "ack") else name
        if target in PARSERS:
            yield target, stream[HEADER_LEN:]
        if name in ("goodbye", "notice"):
            yield "decoder", bytes([GOODBYE]) + CUTS + stream
        yield "machine", script(stream)
    yield from (("machine", steps) for steps in (POLICIES, OVER_THE_RATE, LAYERS))
    yield "decoder", bytes([ANY]) + CUTS + live
    for header in PROXY_HEADERS:
        yield "proxy_header", header
    for wire, stream in enumerate(DIALECTS):
        yield "dialect", bytes([wire, 4]) + CUTS + stream
        yield "dialect", bytes([wire, 1]) + CUTS + stream
        yield "dialect", bytes([wire, 4]) + CUTS[::-1] + stream * 30
    yield from (("extensions", extensions) for extensions in EXTENSIONS)
    yield from (("queries", query) for query in QUERIES)
    yield from (("escape", name.encode()) for name in NAMES)
    yield from (("tls", script) for script in TLS_SCRIPTS)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        hello = client_hello(version)
        yield "tls", bytes([0]) + CUTS + hello
        # An alert, and a record that nobody can open.
        yield "tls", bytes([0]) + CUTS + hello + b"\x15\x03\x03\0\x02\x01\0"
        yield "tls", bytes([0]) + CUTS + hello + b"\x14\x03\x03\0\x01\x01\x17\x03\x03\0\x20" + bytes(32)
    yield from (("config", text.encode()) for text in configurations())
    # Remote, target, and a header by its number: a host by name, one by bytes, and one behind a proxy.
    yield "hosts", bytes([2, 2, 0, 5])
    yield "hosts", bytes([1, 2, 0, 0, 5]) + b"[::1]" + bytes([3, 9])
    yield "hosts", bytes([2, 2, 0, 4, 9, 0, 1]) + b"x"


for number, (target, data) in enumerate(seeds()):
    folder = pathlib.Path(sys.argv[1]) / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{number:03}").write_bytes(data)
