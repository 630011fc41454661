#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Capture files for the tests, made and compared without Pollux, libpcap or scapy.

frames.py make KIND FILE            KIND: sizes (each length of 60..1514), mixed (10,000 frames of
                                    many protocols), runts (each length of 14..59), none
frames.py expect DST SRC IN OUT     OUT: the frames of IN as a forwarder should send them
frames.py same FILE FILE            status 0: the same frames in the same order, times aside
frames.py count FILE
"""

import random
import struct
import sys

ETHERNET = 1
HEADER = struct.Struct("<IHHiIII")
RECORD = struct.Struct("<IIII")


def address(text):
    octets = bytes.fromhex(text.replace(":", ""))
    if len(octets) != 6:
        sys.exit(f"{text}: want a MAC address")
    return octets


# ---- files ----


def write(path, frames):
    with open(path, "wb") as out:
        out.write(HEADER.pack(0xA1B2C3D4, 2, 4, 0, 0, 65535, ETHERNET))
        for i, frame in enumerate(frames):
            out.write(RECORD.pack(1700000000 + i // 1000, i % 1000 * 1000, len(frame), len(frame)))
            out.write(frame)


def read(path):
    """The frames of a file, microseconds or nanoseconds, of either byte order."""
    with open(path, "rb") as file:
        data = file.read()
    orders = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<"}
    orders.update({b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"})
    if data[:4] not in orders or len(data) < HEADER.size:
        sys.exit(f"{path}: not a capture file: {len(data)} bytes")
    order = orders[data[:4]]
    if struct.unpack_from(order + "I", data, 20)[0] != ETHERNET:
        sys.exit(f"{path}: not Ethernet")
    frames, at = [], HEADER.size
    while at < len(data):
        if at + RECORD.size > len(data):
            sys.exit(f"{path}: ends in a record's header")
        _, _, taken, length = struct.unpack_from(order + "IIII", data, at)
        at += RECORD.size
        if taken != length or at + taken > len(data):
            sys.exit(f"{path}: frame {len(frames)} is cut off: {taken} bytes of {length}")
        frames.append(data[at : at + taken])
        at += taken
    return frames


# ---- frames ----


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(rng, ethertype, payload):
    groups = [b"\xff" * 6, address("33:33:00:00:00:01"), address("01:80:c2:00:00:0e")]
    own = bytes([0x02]) + rng.randbytes(5)
    dst = rng.choice(groups) if rng.random() < 0.1 else own
    return dst + bytes([0x02]) + rng.randbytes(5) + struct.pack("!H", ethertype) + payload


def ipv4(rng, protocol, payload):
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), rng.randrange(65536), 0x4000, 64,
                       protocol, 0) + rng.randbytes(8)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(rng, protocol, payload):
    head = struct.pack("!IHBB", 0x60000000 | rng.randrange(1 << 20), len(payload), protocol, 64)
    return head + rng.randbytes(32) + payload


def udp(rng, room):
    body = rng.randbytes(rng.randrange(max(room - 8, 0) + 1))
    ports = struct.pack("!HH", rng.randrange(65536), rng.randrange(65536))
    return ports + struct.pack("!HH", 8 + len(body), 0) + body


def tcp(rng, room):
    body = rng.randbytes(rng.randrange(max(room - 20, 0) + 1))
    return rng.randbytes(12) + struct.pack("!BBHHH", 0x50, 0x10, 65535, 0, 0) + body


def packet(rng, room):
    """An ethertype and a payload of up to room bytes."""
    kind = rng.randrange(8)
    if kind == 0:
        return 0x0806, struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + rng.randbytes(20)
    if kind == 1:
        length = rng.randrange(46, 1501)  # IEEE 802.3: a length in place of the type
        return min(length, room), rng.randbytes(min(length, room))
    if kind == 2:
        return 0x88B5, rng.randbytes(rng.randrange(46, room + 1))
    if kind == 3:
        return 0x86DD, ipv6(rng, 17, udp(rng, room - 40))
    if kind == 4:
        return 0x86DD, ipv6(rng, 6, tcp(rng, room - 40))
    if kind == 5:
        return 0x0800, ipv4(rng, 6, tcp(rng, room - 20))
    return 0x0800, ipv4(rng, 17, udp(rng, room - 20))


def mixed_frame(rng):
    tags = rng.choice([0, 0, 0, 1, 1, 2])
    ethertype, payload = packet(rng, 1500 - 4 * tags)
    for i in range(tags):  # the outermost is written last
        payload = struct.pack("!HH", rng.randrange(1, 4095), ethertype) + payload
        ethertype = 0x88A8 if i == 1 else 0x8100
    frame = ethernet(rng, ethertype, payload)
    return frame.ljust(60, b"\0")


def make(kind):
    rng = random.Random(f"pollux {kind}")
    if kind == "sizes":
        return [ethernet(rng, 0x88B5, rng.randbytes(n - 14)) for n in range(60, 1515)]
    if kind == "runts":
        return [ethernet(rng, 0x88B5, rng.randbytes(n - 14)) for n in range(14, 60)]
    if kind == "mixed":
        return [mixed_frame(rng) for _ in range(10000)]
    if kind == "none":
        return []
    sys.exit(f"{kind}: want sizes, mixed, runts or none")


# ---- commands ----


def same(path_a, path_b):
    a, b = read(path_a), read(path_b)
    for i, (frame_a, frame_b) in enumerate(zip(a, b)):
        if frame_a != frame_b:
            print(f"frame {i} differs:\n{path_a}: {frame_a.hex()}\n{path_b}: {frame_b.hex()}")
            return 1
    if len(a) != len(b):
        print(f"{path_a} has {len(a)} frames, {path_b} has {len(b)}")
        return 1
    return 0


def main(args):
    if len(args) == 3 and args[0] == "make":
        write(args[2], make(args[1]))
    elif len(args) == 5 and args[0] == "expect":
        addresses = address(args[1]) + address(args[2])
        write(args[4], [addresses + frame[12:] for frame in read(args[3])])
    elif len(args) == 3 and args[0] == "same":
        return same(args[1], args[2])
    elif len(args) == 2 and args[0] == "count":
        print(len(read(args[1])))
    else:
        sys.exit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
