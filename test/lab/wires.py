#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The outside of wires.sh: starts the lab, does what it asks for line by line.

wires.py SOCKET MONITOR COMMAND...: SOCKET is the lab's end of port 0's wire, SOCKET.peer ours.
"""
import json
import os
import socket
import subprocess
import sys

GUEST_MAC = bytes.fromhex("024c41420000")
OUR_MAC = bytes.fromhex("020000000002")


class Monitor:
    """QEMU's control socket."""

    def __init__(self, path):
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


def frame_from_guest(wire, wanted):
    """Waits for a frame that holds certain bytes; there are others of the kernel."""
    for _ in range(200):
        frame = wire.recv(2048)
        if wanted in frame:
            return frame
    sys.exit("200 frames came out of the lab, and none was the one wanted")


def main():
    path, monitor_path, command = sys.argv[1], sys.argv[2], sys.argv[3:]
    wire = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    wire.bind(path + ".peer")
    wire.settimeout(30)
    lab = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    monitor = None
    done = False
    for line in lab.stdout:
        print(line, end="", flush=True)
        request = line.strip()
        if request == "lab wants frame":
            monitor = Monitor(monitor_path)
            frame = GUEST_MAC + OUR_MAC + b"\x88\xb5" + b"a frame from outside"
            wire.sendto(frame.ljust(60, b"\0"), path)
            reply = frame_from_guest(wire, b"\xc0\xff\xee" * 20)
            if reply[0:6] != OUR_MAC or reply[6:12] != GUEST_MAC or len(reply) != 142:
                sys.exit(f"the frame of ping is {len(reply)} bytes: {reply.hex()}")
            print("wire: frames cross it both ways")
        elif request == "lab wants link off":
            monitor.run("set_link", name="nic0", up=False)
        elif request == "lab wants link on":
            monitor.run("set_link", name="nic0", up=True)
        elif request == "lab wants unplug":
            monitor.run("device_del", id="nic3")
        elif request == "lab is done":
            done = True
    status = lab.wait(timeout=60)
    os.unlink(path + ".peer")
    if status == 0 and not done:
        sys.exit("the lab ended too early")
    sys.exit(status)


main()
