#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
The igb driver beside DPDK's, in the lab: plx-perf-forward and dpdk-testpmd in turns, in one virtual
machine, on the same two emulated cards, cabled to each other, each on one lcore.

    scripts/lab.sh run --ports 2 --cpus 2 --timeout 3000 -- test/perf/igb_lab.py

io: 32 packets of 64 bytes by each port go round for ever. txonly: packets are made, and sent by both
ports. Packets/s of both ports together, by the program's own counters. A ratio above 1: Pollux is
ahead. What it says is how the two drivers get along with this emulator; silicon is something else.
"""
import argparse
import os
import sys

from ports import FORWARDER_CPU, SEED, WIRE_CPU, Forwarder, run, run_table

CARDS = "0000:01:00.0", "0000:02:00.0"
LCORE, OTHER = WIRE_CPU, FORWARDER_CPU  # CPU 0 has the guest's interrupts


def ours(build, mode, binding):
    command = [f"{build}/bin/plx-perf-forward", "-l", str(LCORE), "-m", "64"]
    if binding == "uio":
        command += ["--allow-unsafe-dma"]
    for card in CARDS:
        command += ["-a", card]
    return command + ["--"] + (["--txonly"] if mode == "txonly" else ["--seed", str(SEED)])


def dpdk(_build, mode, _binding):
    command = ["dpdk-testpmd", "-l", f"{OTHER},{LCORE}", "--main-lcore", str(OTHER), "--in-memory", "-m", "128",
               "--no-telemetry"]
    for card in CARDS:
        command += ["-a", card]
    command += ["--", f"--forward-mode={mode}", "--nb-cores=1", "--total-num-mbufs=16384", "--stats-period=1"]
    return command + (["--tx-first"] if mode == "io" else [])


def rate(build, make, mode, binding, seconds):
    run(f"{build}/bin/plx-devbind", "--bind", binding, *CARDS)
    forwarder = Forwarder(make(build, mode, binding))
    try:
        forwarder.wait_ready(make is ours, 90)
        return {"": forwarder.own_rate(make is ours, len(CARDS), seconds, "Tx" if mode == "txonly" else "Rx") / 1e3}
    finally:
        forwarder.stop()


def parse_arguments():
    parser = argparse.ArgumentParser(description="The igb driver beside DPDK's, in the lab.")
    parser.add_argument("--build", default="build", help="build folder of a release (build)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each row (7)")
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement (3)")
    parser.add_argument("--bindings", default="vfio,uio", help="vfio,uio (both)")
    parser.add_argument("--json", help="write the figures to this file")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if not os.environ.get("PLX_LAB"):
        print("igb_lab.py: runs in the lab: scripts/lab.sh run --ports 2 -- test/perf/igb_lab.py", file=sys.stderr)
        return 2
    table = {}
    for binding in arguments.bindings.split(","):
        for mode in "io", "txonly":
            table[f"igb-{mode}-{binding}"] = ("kpps", True, lambda build, make, mode=mode, binding=binding: rate(
                build, make, mode, binding, arguments.seconds))
    return run_table(table, arguments, (ours, dpdk), ", emulated")


if __name__ == "__main__":
    sys.exit(main())
