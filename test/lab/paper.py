# SPDX-License-Identifier: BSD-3-Clause
"""paper.py REPORT SIZES REPEATS: the report of paper.sh has a ratio for each size, and each packet."""
import json
import pathlib
import sys

folder, sizes, repeats = pathlib.Path(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3])
report = json.loads((folder / "report.json").read_text())
assert report["valid"], [run["invalid_because"] for run in report["runs"] if not run["valid"]]
assert [pair["path"] for pair in report["pairs"]] == ["user", "kernel"], report["pairs"]
assert [port["driver"] for pair in report["pairs"] for port in pair["ports"]] == ["net_igb"] * 2 + ["net_pcap"] * 2
assert {"emulated", "shared CPU", "oversubscribed, ratios indicative"} == set(report["header"]["labels"])

seen = {}
for run in report["runs"]:
    key = run["pair"], run["frame"], run["load"], run["stress"]
    seen[key] = seen.get(key, 0) + 1
    for stream in run["streams"]:
        assert stream["sent"] == stream["received"] + stream["lost"], stream
        assert stream["received"] > 0 and stream["corrupt"] == 0, (key, stream)
    assert (run["latency_ns"]["max"] is None) == (run["load"] == "max"), run["latency_ns"]
wanted = {(p, s, l, t): repeats for p in ("user", "kernel") for s in sizes for l in ("max", "unloaded") for t in (False, True)}
assert seen == wanted, (seen, wanted)

for size in sizes:
    for stress in (False, True):
        found = [ratio for ratio in report["ratios"] if ratio["metric"] == "throughput_pps" and ratio["of"] == "user"
                 and ratio["to"] == "kernel" and ratio["frame"] == size and ratio["load"] == "max" and ratio["stress"] == stress]
        assert len(found) == 1 and found[0]["median"] > 0, (size, stress, found)
assert len(report["claims"]) == 4, report["claims"]
for name in ("report.html", "report.csv", "throughput.svg", "latency.svg"):
    assert (folder / name).stat().st_size > 0, name
assert len(list((folder / "hgrm").glob("*.hgrm"))) == 2 * 2 * len(sizes)
print("ratios:", {size: [round(r["median"], 2) for r in report["ratios"] if r["metric"] == "throughput_pps" and r["of"] == "user"
                         and r["to"] == "kernel" and r["frame"] == size and r["load"] == "max"] for size in sizes})
