#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Ports beside DPDK's: plx-perf-forward and dpdk-testpmd in turns, in one run, on the same CPU and the
same interfaces. The other end of the cable is plx-perf-wire on a second CPU, plain AF_PACKET.

Everything runs in a network namespace that ends with this script, whatever ends it:

    a0 ===veth=== p0 [forwarder on CPU 0] p1 ===veth=== a1

A row whose name ends in -by-without is Pollux with a thing beside Pollux without it.

Rows: io-forwarding in packets/s (null, ring: what the forwarder counts; veth: what the kernel counts
at a1; p0 has GRO on there, which gives it NAPI), the round trip by macswap on p0 alone in
microseconds, and milliseconds from exec to the first forwarded frame. A ratio above 1: Pollux is
ahead.
"""
import argparse
import fnmatch
import json
import os
import platform
import re
import select
import signal
import statistics
import subprocess
import sys
import time

FORWARDER_CPU, WIRE_CPU = 0, 1
FRAME_BYTES = 64
START_SECONDS = 20
SEED = 32


class Failure(Exception):
    pass


# ---- the two forwarders -----------------------------------------------------------------------

def ours(build, vdevs, macswap=False, seed=0, stats=False):
    command = [f"{build}/bin/plx-perf-forward", "-l", str(FORWARDER_CPU), "--no-pci"]
    for vdev in vdevs:
        command += ["--vdev", vdev]
    command += ["--"]
    if macswap:
        command += ["--macswap"]
    if seed:
        command += ["--seed", str(seed)]
    if stats:
        command += ["--stats"]
    return command


def ours_with_stats(build, vdevs, **options):
    return ours(build, vdevs, stats=True, **options)


def dpdk(_build, vdevs, macswap=False, seed=0):
    command = ["dpdk-testpmd", "-l", f"{FORWARDER_CPU},{WIRE_CPU}", "--main-lcore", str(WIRE_CPU),
               "--no-pci", "--in-memory", "-m", "128", "--no-telemetry"]
    for vdev in vdevs:
        command += ["--vdev", vdev]
    command += ["--", "--forward-mode=" + ("macswap" if macswap else "io"), "--nb-cores=1",
                "--total-num-mbufs=16384", "--stats-period=1"]
    if seed:
        command += ["--tx-first"]
    return command


class Forwarder:
    """A running forwarder; its lines of counts are read as they come."""

    def __init__(self, command):
        self.command = command
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace")
        self.output = []

    def line(self, deadline):
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self.process.stdout], [], [], 0.1)
            if ready:
                text = self.process.stdout.readline()
                if text == "":
                    break
                self.output.append(text)
                return text
        raise Failure(f"no figures from: {' '.join(self.command)}\n{''.join(self.output[-15:])}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()

    def wait_ready(self, is_ours, seconds=START_SECONDS):
        """Until its first line of counts: it polls."""
        deadline = time.monotonic() + seconds
        wanted = r"^\d+ \d+$" if is_ours else r"Rx-pps:"
        while not re.search(wanted, self.line(deadline)):
            pass

    def own_rate(self, is_ours, ports, seconds, direction="Rx"):
        """Packets/s by the forwarder's own counters; ours counts by itself what it is about."""
        deadline = time.monotonic() + START_SECONDS + seconds
        if is_ours:
            samples = []
            while len(samples) < seconds + 1:
                found = re.match(r"(\d+) (\d+)$", self.line(deadline))
                if found:
                    samples.append((int(found[1]), int(found[2])))
            return (samples[-1][1] - samples[0][1]) * 1e9 / (samples[-1][0] - samples[0][0])
        rates = []
        while len(rates) < ports * (seconds + 1):
            found = re.search(direction + r"-pps:\s+(\d+)", self.line(deadline))
            if found:
                rates.append(int(found[1]))
        rates = rates[ports:]  # the first second is short
        return sum(rates) / seconds


# ---- the cable --------------------------------------------------------------------------------

def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def make_cables():
    for end in "0", "1":
        run("ip", "link", "add", "a" + end, "type", "veth", "peer", "name", "p" + end)
        for name in "a" + end, "p" + end:
            with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as file:
                file.write("1")
            run("ip", "link", "set", name, "up")


def arrived(interface):
    with open("/proc/self/net/dev", encoding="ascii") as file:
        for line in file:
            name, _, counts = line.partition(":")
            if name.strip() == interface:
                return int(counts.split()[1])
    raise Failure(f"interface {interface} is gone")


def wire(build, *arguments):
    return ["taskset", "-c", str(WIRE_CPU), f"{build}/bin/plx-perf-wire", *map(str, arguments)]


# ---- rows: each gives one figure, or a list of samples -----------------------------------------

def forward_own(build, make, vdevs, seconds, seed=0):
    forwarder = Forwarder(make(build, vdevs, seed=seed))
    try:
        forwarder.wait_ready(make is not dpdk)
        return forwarder.own_rate(make is not dpdk, len(vdevs), seconds)
    finally:
        forwarder.stop()


def forward_blast(build, make, vdevs, seconds):
    """What left by p1, and what came to p0: what else was sent found its queue full."""
    forwarder = Forwarder(make(build, vdevs))
    try:
        forwarder.wait_ready(make is ours)
        blast = subprocess.Popen(wire(build, "blast", "a0", seconds + 0.5, FRAME_BYTES))
        time.sleep(0.3)
        start, came, left = time.monotonic(), arrived("p0"), arrived("a1")
        time.sleep(seconds)
        elapsed = time.monotonic() - start
        came, left = arrived("p0") - came, arrived("a1") - left
        if blast.wait() != 0:
            raise Failure("the sender ended with an error")
        return left / elapsed, came / elapsed
    finally:
        forwarder.stop()


def forward_veth(build, make, vdevs, seconds):
    """forward_blast() with NAPI at p0, which the sender's frames need; other rows go without."""
    try:
        run("ethtool", "-K", "p0", "gro", "on")
        figures = forward_blast(build, make, vdevs, seconds)
    except BaseException:
        try:
            run("ethtool", "-K", "p0", "gro", "off")
        except (subprocess.CalledProcessError, OSError):
            pass  # what went wrong first is told
        raise
    run("ethtool", "-K", "p0", "gro", "off")
    return figures


def round_trip(build, make, vdevs, count):
    forwarder = Forwarder(make(build, vdevs, macswap=True))
    try:
        forwarder.wait_ready(make is ours)
        lines = run(*wire(build, "probe", "a0", count, FRAME_BYTES)).split()
        if lines.count("lost") > count // 100:
            raise Failure(f"{lines.count('lost')} of {count} probes were lost")
        samples = sorted(int(line) / 1e3 for line in lines if line != "lost")
        return samples[len(samples) // 2], samples[len(samples) * 99 // 100]
    finally:
        forwarder.stop()


def first_frame(build, make, vdevs):
    # Not pinned: the forwarder, its child, needs a CPU of its own choice.
    return int(run(f"{build}/bin/plx-perf-wire", "first", "a0", str(START_SECONDS),
                   *make(build, vdevs))) / 1e6


VETH = {
    "pcap": (lambda i: f"net_pcap{i},iface=p{i}", lambda i: f"net_pcap{i},iface=p{i}"),
    "pcap-not-immediate": (lambda i: f"net_pcap{i},iface=p{i},immediate=0",
                           lambda i: f"net_pcap{i},iface=p{i}"),
    "af-packet": (lambda i: f"net_af_packet{i},iface=p{i}",
                  lambda i: f"net_af_packet{i},iface=p{i}"),
    "af-xdp": (lambda i: f"net_af_xdp{i},iface=p{i}", lambda i: f"net_af_xdp{i},iface=p{i}"),
    "af-xdp-no-busy-poll": (lambda i: f"net_af_xdp{i},iface=p{i}",
                            lambda i: f"net_af_xdp{i},iface=p{i},busy_budget=0"),
}


def rows():
    """Name -> (unit, higher is better, function(build, make) -> figures by suffix[, who]): who is
    the pair that takes turns, ours and DPDK's if not told."""
    table = {}
    for ports in 1, 2:
        table[f"io-null-{ports}-port"] = ("Mpps", True, lambda build, make, ports=ports: {
            "": forward_own(build, make, [f"net_null{i}" for i in range(ports)], 2) / 1e6})
    table["io-null-2-port-stats-by-without"] = ("Mpps", True, lambda build, make: {
        "": forward_own(build, make, ["net_null0", "net_null1"], 2) / 1e6},
        (ours_with_stats, ours))
    table["io-ring-2-port"] = ("Mpps", True, lambda build, make: {
        "": forward_own(build, make, ["net_ring0", "net_ring1"], 2, SEED) / 1e6})
    for name, strings in VETH.items():
        def veth(build, make, strings=strings):
            vdevs = [strings[make is dpdk](i) for i in range(2)]
            rate, offered = forward_veth(build, make, vdevs, 2)
            return {"": rate / 1e6, "-offered": offered / 1e6}
        table[f"io-{name}"] = ("Mpps", True, veth)
    for name, strings in VETH.items():
        def trip(build, make, strings=strings):
            p50, p99 = round_trip(build, make, [strings[make is dpdk](0)], 3000)
            return {"-p50": p50, "-p99": p99}
        table[f"round-trip-{name}"] = ("us", False, trip)
    table["exec-to-first-frame"] = ("ms", False, lambda build, make: {
        "": first_frame(build, make, [VETH["af-packet"][make is dpdk](0)])})
    return table


# ---- the run ----------------------------------------------------------------------------------

def measure(build, function, rounds, who):
    """[{suffix: (first's, second's)}], alternating who is first in time."""
    results = []
    for number in range(rounds):
        pair = {}
        for make in who if number % 2 == 0 else reversed(who):
            pair[make] = function(build, make)
        first, second = (pair[make] for make in who)
        results.append({key: (first[key], second[key]) for key in first})
    return results


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summarise(name, unit, higher, results):
    for suffix in results[0]:
        pairs = [result[suffix] for result in results]
        ratios = [a / b if higher else b / a for a, b in pairs]
        yield {"name": name + suffix, "unit": unit, "rounds": len(pairs),
               "ours": spread([a for a, _ in pairs]), "dpdk": spread([b for _, b in pairs]),
               "ratio": spread(ratios) if suffix != "-offered" else None}


def line_of(row):
    text = f"| {row['name']} | {row['unit']} | {row['ours']['median']:.4g} | {row['dpdk']['median']:.4g} |"
    if row["ratio"] is None:
        return text + " | | |"
    ratio = row["ratio"]
    return text + f" **{ratio['median']:.2f}** | {ratio['min']:.2f} | {ratio['max']:.2f} |"


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def run_table(table, arguments, who, where):
    """Measure all rows of a table as rows() makes it, print them and write --json. Returns the exit
    status; @who are ours and DPDK's, for rows that name no other pair."""
    version = run("pkg-config", "--modversion", "libdpdk").strip()
    print(f"{cpu_model()}, Linux {platform.release()}, {os.cpu_count()} CPUs{where}; beside DPDK {version}, "
          f"{arguments.rounds} rounds\n")
    print("| row | unit | Pollux | DPDK | ratio | least | greatest |\n|---|---|---:|---:|---:|---:|---:|",
          flush=True)
    figures, failed = [], 0
    for name, (unit, higher, function, *other) in table.items():
        try:
            results = measure(arguments.build, function, arguments.rounds, other[0] if other else who)
            for row in summarise(name, unit, higher, results):
                figures.append(row)
                print(line_of(row), flush=True)
        except (Failure, subprocess.CalledProcessError, OSError) as error:
            failed += 1
            print(f"{os.path.basename(sys.argv[0])}: {name}: {error} {getattr(error, 'stderr', None) or ''}",
                  file=sys.stderr, flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"cpu": cpu_model(), "kernel": platform.release(), "dpdk": version,
                       "rounds": arguments.rounds, "rows": figures}, file, indent=1)
            file.write("\n")
    return 1 if failed else 0


def parse_arguments():
    parser = argparse.ArgumentParser(description="Ports of Pollux beside those of DPDK.")
    parser.add_argument("--build", default="build", help="build folder of a release (build)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each row (7)")
    parser.add_argument("--rows", default="*", help="names to run, a shell pattern (all)")
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    table = {name: row for name, row in rows().items() if fnmatch.fnmatch(name, arguments.rows)}
    if arguments.list:
        print("\n".join(table))
        return 0
    if not table or arguments.rounds < 1:
        print(f"ports.py: no row is named like '{arguments.rows}' (--list), or no rounds",
              file=sys.stderr)
        return 2
    if os.environ.get("PLX_PORTS_NAMESPACE") != "1":
        os.environ["PLX_PORTS_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child",
                              "--mount-proc", sys.executable, *sys.argv])
    make_cables()
    return run_table(table, arguments, (ours, dpdk), "")


if __name__ == "__main__":
    sys.exit(main())
