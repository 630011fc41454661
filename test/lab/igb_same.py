#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What tcpdump saw at both ends of a forwarder is the same.

igb_same.py NEAR.pcap FAR.pcap LENGTHS: requests of the one direction, and of the other, are the same
frames in the same order, and frames of all those lengths are among them.
"""
import struct
import sys

ETHER = 14


def frames(path):
    """The frames of a pcap file as this machine writes it."""
    with open(path, "rb") as file:
        data = file.read()
    magic, = struct.unpack_from("<I", data)
    if magic not in (0xA1B2C3D4, 0xA1B23C4D):
        sys.exit(f"{path} is no pcap file")
    at, found = 24, []
    while at < len(data):
        kept, length = struct.unpack_from("<8xII", data, at)
        if kept != length:
            sys.exit(f"{path}: a frame of {length} bytes was cut to {kept}")
        found.append(data[at + 16:at + 16 + kept])
        at += 16 + kept
    return found


def main():
    near, far = frames(sys.argv[1]), frames(sys.argv[2])
    wanted = {int(length) for length in sys.argv[3].split()}
    for source in {frame[6:12] for frame in near}:
        ours = [frame for frame in near if frame[6:12] == source]
        theirs = [frame for frame in far if frame[6:12] == source]
        if len(ours) != len(theirs):
            sys.exit(f"from {source.hex(':')}: {len(ours)} frames at the one end, {len(theirs)} at the other")
        for number, (one, other) in enumerate(zip(ours, theirs)):
            if one != other:
                sys.exit(f"frame {number} from {source.hex(':')}: {one.hex()} and {other.hex()}")
        missing = wanted - {len(frame) for frame in ours}
        if missing:
            sys.exit(f"from {source.hex(':')}: no frames of {sorted(missing)} bytes")
    if len({frame[6:12] for frame in near}) != 2:
        sys.exit("want frames of both directions")
    print(f"{len(near)} frames are the same at both ends")


main()
