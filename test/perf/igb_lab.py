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
import json
import os
import platform
import subprocess
import sys

from ports import (FORWARDER_CPU, SEED, WIRE_CPU, Failure, Forwarder, cpu_model, line_of, measure, run,
                   summarise)

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
    forwarder = Forwarder(make(build, mode, binding))
    try:
        forwarder.wait_ready(make is ours, 90)
        return {"": forwarder.own_rate(make is ours, len(CARDS), seconds, "Tx" if mode == "txonly" else "Rx") / 1e3}
    finally:
        forwarder.stop()


def bind(build, binding):
    run(f"{build}/bin/plx-devbind", "--bind", binding, *CARDS)


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
    version = run("pkg-config", "--modversion", "libdpdk").strip()
    print(f"{cpu_model()}, Linux {platform.release()}, {os.cpu_count()} CPUs, emulated; beside DPDK {version}, "
          f"{arguments.rounds} rounds\n")
    print("| row | unit | Pollux | DPDK | ratio | least | greatest |\n|---|---|---:|---:|---:|---:|---:|",
          flush=True)
    figures, failed = [], 0
    for binding in arguments.bindings.split(","):
        bind(arguments.build, binding)
        for mode in "io", "txonly":
            name = f"igb-{mode}-{binding}"
            try:
                results = measure(arguments.build, lambda build, make, mode=mode, binding=binding: rate(
                    build, make, mode, binding, arguments.seconds), arguments.rounds, (ours, dpdk))
                for row in summarise(name, "kpps", True, results):
                    figures.append(row)
                    print(line_of(row), flush=True)
            except (Failure, subprocess.CalledProcessError, OSError) as error:
                failed += 1
                print(f"igb_lab.py: {name}: {error} {getattr(error, 'stderr', None) or ''}",
                      file=sys.stderr, flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"cpu": cpu_model(), "kernel": platform.release(), "dpdk": version,
                       "rounds": arguments.rounds, "rows": figures}, file, indent=1)
            file.write("\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
