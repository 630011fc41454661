#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The outside of igb_wire.sh: sends good and bad frames into a forwarder in the lab, compares what
comes out of it, and its counters.

igb_wire.py FOLDER FRAMES JUMBO SEED COMMAND...: in FOLDER are the ends of two wires, port0 and port1,
ours being port0.peer and port1.peer. The forwarder says "forwarding MTU" when it runs, first for
FRAMES, then for JUMBO of them; half go in by either end. Every frame comes out at the other end, in
order and byte for byte, or is one that a counter of the port has to name; the sums are exact.
"""
import collections
import os
import random
import select
import socket
import struct
import subprocess
import sys

ETHER, FRAME_MIN, TAG = 14, 60, 4
POOL = 5003  # different frames, sent again and again
WINDOW = 1000  # frames under way; QEMU keeps 10,000
# A jumbo frame takes up to five descriptors. The emulation takes frames as long as one is free, and
# loses those that find too few, without a counter: of a ring of 512 there are always more.
WINDOW_JUMBO = 64
PATIENCE_S = 60
END_TYPE = b"\x88\xb6"
NAMED = ("rx_oversize_errors", "rx_length_errors", "rx_fragment_errors", "rx_jabber_errors", "rx_crc_errors",
         "rx_missed_packets")
MAY_BE_UNREADABLE = ("random_headers", "random_bytes", "cut_vlan", "runt", "tiny")


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Frames:
    """Frames of each kind; kinds are the methods without an underscore."""

    def __init__(self, seed, mtu):
        self._random = random.Random(seed)
        self._longest = mtu + ETHER + TAG
        self._common = mtu + ETHER

    def _addresses(self):
        kind = self._random.randrange(8)
        if kind == 0:
            to = b"\xff" * 6
        elif kind == 1:
            to = b"\x01\x00\x5e" + self._random.randbytes(3)
        else:
            to = b"\x02" + self._random.randbytes(5)
        return to + b"\x02" + self._random.randbytes(5)

    def _ip(self, length, tags=b"", bad=None):
        """IPv4 with UDP or TCP; bad: the header whose checksum is wrong."""
        frame = self._addresses() + tags + b"\x08\x00"
        length = max(length - len(frame), 40)
        protocol = self._random.choice((6, 17))
        addresses = self._random.randbytes(8)
        head = struct.pack("!BBHHBBH", 0x45, 0, length, self._random.randrange(65536), 64, protocol, 0)
        head = head[:10] + struct.pack("!H", checksum(head + addresses) ^ (bad == "ip")) + addresses
        body = bytearray(self._random.randbytes(length - 20))
        if protocol == 17:
            body[4:6] = struct.pack("!H", len(body))
        else:
            body[12] = 0x50
        at = 6 if protocol == 17 else 16
        body[at:at + 2] = b"\0\0"
        total = checksum(addresses + struct.pack("!BBH", 0, protocol, len(body)) + bytes(body))
        body[at:at + 2] = struct.pack("!H", total ^ (0x100 if bad == "l4" else 0))
        return frame + head + bytes(body)

    def _length(self, low=FRAME_MIN):
        """Often one of the ends."""
        kind = self._random.randrange(8)
        if kind < 3:
            return (low, self._common, self._longest)[kind]
        return self._random.randint(low, self._longest)

    def common(self):
        return self._ip(self._length())

    def bad_ip_checksum(self):
        return self._ip(self._length(), bad="ip")

    def bad_l4_checksum(self):
        return self._ip(self._length(), bad="l4")

    def vlan_stack(self):
        tags = b""
        for _ in range(self._random.randint(1, 5)):
            tags += self._random.choice((b"\x81\x00", b"\x88\xa8", b"\x91\x00"))
            tags += self._random.randbytes(2)
        return self._ip(self._length(), tags=tags)

    def cut_vlan(self):
        """A tag, and nothing behind it."""
        return self._addresses() + b"\x81\x00" + self._random.randbytes(self._random.randrange(4))

    def runt(self):
        return self._random.randbytes(self._random.randrange(ETHER, FRAME_MIN))

    def tiny(self):
        """Not even a header."""
        return self._random.randbytes(self._random.randrange(1, ETHER))

    def oversize(self):
        return self._random.randbytes(self._random.randint(self._longest + 1, 9700))

    def random_bytes(self):
        return self._random.randbytes(self._length(ETHER))

    def random_headers(self):
        """A type that is known, and garbage behind."""
        kind = self._random.choice((b"\x08\x00\x45", b"\x08\x00\x4f", b"\x86\xdd\x60", b"\x88\xf7", b"\x08\x06"))
        frame = self._addresses() + kind
        return frame + self._random.randbytes(self._length() - len(frame))

    def pool(self):
        """(kind, frame, what comes out or None) of each."""
        weights = {"tiny": 1, "oversize": 2, "runt": 3, "cut_vlan": 1}
        kinds = [name for name in dir(type(self)) if not name.startswith("_") and name != "pool"]
        chosen = [name for name in kinds for _ in range(weights.get(name, 4))]
        found = []
        while len(found) < POOL:
            kind = self._random.choice(chosen)
            frame = getattr(self, kind)()
            if frame[12:14] != END_TYPE and frame[:6] != b"\x01\x80\xc2\x00\x00\x01":
                found.append((kind, frame, self._expected(frame)))
        return found

    def _expected(self, frame):
        if len(frame) > self._longest:
            return None
        return frame.ljust(FRAME_MIN, b"\0")


class End:
    """One of our two ends: what we send there, and what has to come out of it."""

    def __init__(self, folder, port):
        self.port = port
        self.path = f"{folder}/port{port}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path + ".peer")
        self.socket.setblocking(False)

    def begin(self):
        self.socket.connect(self.path)
        self.sent = collections.Counter()
        self.nb_sent = 0
        self.nb_short = 0
        self.nb_long = 0
        self.nb_received = 0
        self.pending = collections.deque()
        self.lost = []

    def send(self, item, other):
        """False: not now."""
        kind, frame, expected = item
        try:
            self.socket.send(frame)
        except BlockingIOError:
            return False
        self.nb_sent += 1
        self.sent[kind] += 1
        self.nb_short += len(frame) < FRAME_MIN
        self.nb_long += expected is None
        if expected is not None:
            other.pending.append(item)
        return True

    def _take(self, frame):
        """The next one that is pending, or one behind it: those between are lost."""
        for lost, (_, _, expected) in enumerate(self.pending):
            if frame == expected:
                self.lost += [self.pending.popleft()[:2] for _ in range(lost)]
                self.pending.popleft()
                return
        kind, sent, expected = self.pending[0]
        sys.exit(f"port {self.port}: frame {self.nb_received}, {kind}, {len(sent)} bytes sent, {len(frame)} "
                 f"received, which is none that was sent\nwant {expected.hex()}\ngot  {frame.hex()}")

    def receive(self):
        """How many frames came."""
        for count in range(64):
            try:
                frame = self.socket.recv(16384)
            except BlockingIOError:
                return count
            if not self.pending:
                sys.exit(f"port {self.port}: {len(frame)} bytes too much: {frame.hex()}")
            self._take(frame)
            self.nb_received += 1
        return 64


def pump(ends, pools, number, window):
    """Sends that many by either end, until all has come out. The last one is sure to."""
    last = [next(item for item in pool if item[0] == "common") for pool in pools]
    while True:
        progress = 0
        for number_of_end, end in enumerate(ends):
            other = ends[1 - number_of_end]
            for _ in range(32):
                if end.nb_sent >= number or len(other.pending) >= window:
                    break
                item = pools[number_of_end][end.nb_sent % POOL]
                if not end.send(item if end.nb_sent + 1 < number else last[number_of_end], other):
                    break
                progress += 1
            progress += end.receive()
        if progress:
            continue
        if all(end.nb_sent >= number and not end.pending for end in ends):
            return
        writable = [end.socket for end, other in (ends, ends[::-1])
                    if end.nb_sent < number and len(other.pending) < window]
        if not any(select.select([end.socket for end in ends], writable, [], PATIENCE_S)):
            sys.exit("nothing moves: " + ", ".join(
                f"port {end.port}: {end.nb_sent} sent, {len(end.pending)} missing, next is "
                f"{end.pending[0][0] if end.pending else 'none'}" for end in ends))


def check(counters, ends, mtu):
    """All that was sent is in the counters, and nothing else."""
    for end, other in (ends, ends[::-1]):
        values = collections.Counter({name: value for port, name, value, _ in counters if port == end.port})
        drops = sum(value for port, name, value, drop in counters
                    if port == end.port and drop and name in NAMED)
        wanted = {
            "rx_packets": end.nb_sent - end.nb_long - drops + values["rx_oversize_errors"],
            "rx_good_packets": values["rx_packets"],
            "rx_undersize_errors": end.nb_short,
            "tx_packets": end.nb_received + len(end.lost),
            "tx_good_packets": end.nb_received,
        }
        torn = [(kind, len(frame), frame[:48].hex()) for kind, frame in end.lost if kind not in MAY_BE_UNREADABLE]
        wrong = {name: value for name, value in wanted.items() if values[name] != value}
        if wrong or torn or values["rx_packets"] != other.nb_received + len(other.lost):
            sys.exit(f"MTU {mtu}, port {end.port}: {end.nb_sent} sent, {drops} in counters of drops, "
                     f"{other.nb_received} came out of the other, {len(other.lost)} did not; want {wrong}, "
                     f"{len(torn)} of these are lost: {torn[:8]}; "
                     f"all sent {dict(end.sent)}; counters {dict(values)}")
        print(f"MTU {mtu}, port {end.port}: {end.nb_sent} sent, {other.nb_received} came out, {drops} counted as "
              f"dropped, {end.nb_long} too long, {len(other.lost)} unreadable to the emulation; {dict(end.sent)}", flush=True)


def play(lab, ends, numbers, seed):
    """Returns how many rounds there were."""
    rounds, counters, mtu = 0, [], 0
    for line in lab.stdout:
        words = line.split()
        if line.startswith("forwarding "):
            mtu = int(words[1])
            pools = [Frames(seed + port, mtu).pool() for port in (0, 1)]
            for end in ends:
                end.begin()
            counters = []
            pump(ends, pools, numbers[min(rounds, 1)] // 2,
                 WINDOW if mtu <= 1500 else WINDOW_JUMBO)
            ends[0].socket.send((b"\x02" * 12 + END_TYPE).ljust(FRAME_MIN, b"\0"))
            ends[0].nb_sent += 1
            rounds += 1
        elif line.startswith("port ") and len(words) == 5:
            counters.append((int(words[1]), words[2], int(words[3]), words[4] == "drop"))
        elif line.startswith("all told"):
            take_end(ends[1])
            check(counters, ends, mtu)
        else:
            print(line, end="", flush=True)
    return rounds


def take_end(end):
    frame = end.socket.recv(16384)
    if frame[12:14] != END_TYPE:
        sys.exit(f"the last frame is {frame.hex()}")
    end.nb_received += 1


def main():
    folder, seed, command = sys.argv[1], int(sys.argv[4]), sys.argv[5:]
    numbers = [int(word) for word in sys.argv[2:4]]
    ends = [End(folder, port) for port in (0, 1)]
    lab = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        rounds = play(lab, ends, numbers, seed)
        status = lab.wait(timeout=60)
    finally:
        lab.terminate()
        lab.wait()
        for end in ends:
            os.unlink(end.path + ".peer")
    if status == 0 and rounds != 2:
        sys.exit(f"{rounds} rounds, want 2")
    sys.exit(status)


main()
