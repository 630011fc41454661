#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The outside of wires.sh: starts the lab, does what it asks for line by line.

wires.py FOLDER COMMAND...: there are the lab's sockets, port0 of its wire, ours being port0.peer,
qmp and gdb.
"""
import json
import os
import socket
import stat
import subprocess
import sys

GUEST_MAC = bytes.fromhex("024c41420000")
OUR_MAC = bytes.fromhex("020000000002")


class Monitor:
    """QEMU's control socket."""

    def __init__(self, path):
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & 0o077:
            sys.exit(f"{path} is open to others: mode {mode:o}")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r")
        assert "QMP" in json.loads(self.lines.readline())
        self.run("qmp_capabilities")

    def run(self, command, **arguments):
        message = {"execute": command, "arguments": arguments}
        self.socket.sendall(json.dumps(message).encode())
        while True:
            answer = json.loads(self.lines.readline())
            if "error" in answer:
                sys.exit(f"{command} {arguments}: {answer['error']}")
            if "return" in answer:
                return answer["return"]


def stop_by_gdb(path):
    """What gdb does first, which stops the guest, and last: "?" is why it stands, "D" detaches."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as gdb:
        gdb.settimeout(20)
        gdb.connect(path)
        for command, wanted in ((b"$?#3f", b"$T05"), (b"$D#44", b"$OK")):
            gdb.sendall(command)
            answer = b""
            while b"#" not in answer:
                answer += gdb.recv(4096) or sys.exit(f"gdb: {command} is answered by {answer}")
            gdb.sendall(b"+")
            if wanted not in answer:
                sys.exit(f"gdb: {command} is answered by {answer}")
    print("gdb: the guest has been stopped and goes on", flush=True)


def frame_from_guest(wire, wanted):
    """Waits for a frame that holds certain bytes; there are others of the kernel."""
    for _ in range(200):
        frame = wire.recv(2048)
        if wanted in frame:
            return frame
    sys.exit("200 frames came out of the lab, and none was the one wanted")


def play(folder, lab, wire):
    """Returns whether the lab has come to its end."""
    monitor = None
    for line in lab.stdout:
        print(line, end="", flush=True)
        request = line.strip()
        if request == "lab wants frame":
            monitor = Monitor(folder + "/qmp")
            frame = GUEST_MAC + OUR_MAC + b"\x88\xb5" + b"a frame from outside"
            wire.sendto(frame.ljust(60, b"\0"), folder + "/port0")
            reply = frame_from_guest(wire, b"\xc0\xff\xee" * 20)
            if reply[0:6] != OUR_MAC or reply[6:12] != GUEST_MAC or len(reply) != 142:
                sys.exit(f"the frame of ping is {len(reply)} bytes: {reply.hex()}")
            print("wire: frames cross it both ways")
        elif request == "lab wants link off":
            monitor.run("set_link", name="nic0", up=False)
        elif request == "lab wants link on":
            monitor.run("set_link", name="nic0", up=True)
        elif request.startswith("lab wants error "):
            line = "pcie_aer_inject_error rp2 " + request.split()[-1]
            said = monitor.run("human-monitor-command", **{"command-line": line})
            if not said.startswith("OK"):
                sys.exit(f"{line}: {said}")
        elif request == "lab wants unplug":
            monitor.run("device_del", id="nic3")
        elif request == "lab wants gdb":
            stop_by_gdb(folder + "/gdb")
        elif request == "lab is done":
            return True
    return False


def main():
    folder, command = sys.argv[1], sys.argv[2:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.bind(folder + "/port0.peer")
        wire.settimeout(60)
        lab = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            done = play(folder, lab, wire)
            status = lab.wait(timeout=60)
        finally:
            lab.terminate()
            lab.wait()
            os.unlink(folder + "/port0.peer")
    if status == 0 and not done:
        sys.exit("the lab ended too early")
    sys.exit(status)


main()
