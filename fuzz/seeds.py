"""Writes the inputs that the fuzz targets begin with, one file each: the vectors of docs/wire-vectors.json.

Usage: fuzz/seeds.py FOLDER. The bytes before a stream are those that fuzz/src/decoder.rs and dialect.rs take off it.
"""

import json
import pathlib
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
        if name == "hello":
            yield "hello", stream[HEADER_LEN:]
        elif name in ("goodbye", "notice"):
            yield "goodbye", stream[HEADER_LEN:]
            yield "decoder", bytes([GOODBYE]) + CUTS + stream
    yield "decoder", bytes([ANY]) + CUTS + live
    for wire, stream in enumerate(DIALECTS):
        yield "dialect", bytes([wire, 4]) + CUTS + stream
        yield "dialect", bytes([wire, 1]) + CUTS + stream
        yield "dialect", bytes([wire, 4]) + CUTS[::-1] + stream * 30


for number, (target, data) in enumerate(seeds()):
    folder = pathlib.Path(sys.argv[1]) / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{number:03}").write_bytes(data)
