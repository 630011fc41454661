#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs a lab and does with QEMU's monitor what programs in the lab ask for by lab_ask.

monitor.py FOLDER COMMAND...: FOLDER is the lab's --share, its --monitor is FOLDER/qmp. A request is
a file ask.ID with one line in it, the answer a file answer.ID with "ok" or what went wrong:

    link N up|down   the link of port N
    unplug N         the guest is asked to let the card of port N go
    plug N           a new card, like the one that has gone
"""
import json
import os
import socket
import subprocess
import sys
import time


class Monitor:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r")
        self.lines.readline()
        self.run("qmp_capabilities")

    def run(self, command, **arguments):
        """Returns None, or the error."""
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while True:
            answer = json.loads(self.lines.readline())
            if "error" in answer:
                return answer["error"]["desc"]
            if "return" in answer:
                return None


def do(monitor, line):
    match line.split():
        case ["link", port, "up" | "down" as state]:
            return monitor.run("set_link", name=f"nic{port}", up=state == "up")
        case ["unplug", port]:
            return monitor.run("device_del", id=f"nic{port}")
        case ["plug", port]:  # as in scripts/lib/lab_qemu.sh
            return monitor.run("device_add", driver="igb", id=f"nic{port}", bus=f"rp{port}",
                               netdev=f"net{port}", mac=f"02:4c:41:42:00:0{port}", romfile="")
    return f"not understood: {line}"


def serve(folder, lab):
    monitor = None
    while lab.poll() is None:
        time.sleep(0.005)
        for name in os.listdir(folder):
            if not name.startswith("ask."):
                continue
            monitor = monitor or Monitor(folder + "/qmp")
            with open(f"{folder}/{name}", encoding="ascii") as file:
                line = file.read()
            os.unlink(f"{folder}/{name}")
            with open(f"{folder}/new", "w", encoding="ascii") as file:
                file.write(do(monitor, line) or "ok")
            os.rename(f"{folder}/new", f"{folder}/answer{name[3:]}")


def main():
    folder, command = sys.argv[1], sys.argv[2:]
    with subprocess.Popen(command) as lab:
        try:
            serve(folder, lab)
        finally:
            lab.terminate()
    sys.exit(lab.returncode)


main()
