#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a report of plx-bench says beside what net_fault told that it did.

usage: check.py faults REPORT TOLD PLAN TOLD PLAN   each stream's counts are those of the plan
       check.py kept REPORT                        the sender was not held up for long: there is a latency
       check.py late REPORT SHARE MS               the latency that SHARE do not exceed is MS at least
       check.py quiet REPORT MS                    the worst of all latencies is below MS; else 77

TOLD is the file of tell=, of the port that the first stream comes to, then of the other. PLAN is
"drop=17 flip=13": how often; what is not named never."""

import json
import sys

KEPT = 0.9
KINDS = ("drop", "flip", "dup", "swap", "hold", "stall", "insert")


def fail(what):
    print(what)
    sys.exit(1)


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def same(what, got, want):
    if got != want:
        fail(f"{what}: {got}, want {want}")


def check_stream(name, stream, told, plan):
    if told["undone"]:
        fail(f"{name}: {told['undone']} faults could not be done: {told}")
    for kind in KINDS:
        same(f"{name}: net_fault: {kind}", told[kind], plan.get(kind, 0))
    same(f"{name}: lost", stream["lost"], told["drop"] + told["flip"])
    same(f"{name}: corrupt", stream["corrupt"], told["flip"])
    same(f"{name}: duplicate", stream["duplicate"], told["dup"])
    same(f"{name}: reordered", stream["reordered"], told["swap"] + told["hold"])
    same(f"{name}: foreign", stream["foreign"], told["insert"])
    same(f"{name}: received + lost", stream["received"] + stream["lost"], stream["sent"])


def plan_of(text):
    return {kind: int(times) for kind, times in (item.split("=") for item in text.split())}


def faults(report, *rest):
    runs = report["runs"]
    same("runs", len(runs), 1)
    same("valid", runs[0]["valid"], True)
    for i, stream in enumerate(runs[0]["streams"]):
        check_stream(f"stream {i}", stream, read(rest[2 * i]), plan_of(rest[2 * i + 1]))
    # At rate max no latency is told: it would be the size of the buffers. Nor of a rate that was not kept.
    total = sum(stream["received"] for stream in runs[0]["streams"])
    if runs[0]["load"] == "max" or runs[0]["kept"] < KEPT:
        total = 0
    same("samples of latency", runs[0]["latency_ns"]["count"], total)


def kept(report):
    least = min(run["kept"] for run in report["runs"])
    if least < KEPT:
        fail(f"this machine kept {least:.0%} of the rate")


def late(report, share, milliseconds):
    for run in report["runs"]:
        got = run["latency_ns"][share]
        if got is None or got < float(milliseconds) * 1e6:
            fail(f"{share} is {got} ns, want {milliseconds} ms at least: {run['latency_ns']}")


def quiet(report, milliseconds):
    worst = max(run["latency_ns"]["max"] or float("inf") for run in report["runs"])
    if worst >= float(milliseconds) * 1e6:
        print(f"this machine alone is away for {worst / 1e6:.1f} ms")
        sys.exit(77)


{"faults": faults, "kept": kept, "late": late, "quiet": quiet}[sys.argv[1]](read(sys.argv[2]), *sys.argv[3:])
