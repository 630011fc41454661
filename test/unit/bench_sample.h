/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A report as plx-bench makes it, of made-up figures: two pairs, several sizes, loads and repeats,
 * with and without stress, alone and at once, and a curve over delay. The same each time.
 */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <report.h>
#include <report_doc.h>
#include <stdlib.h>
#include <string.h>

struct sample {
	double advantage; /* of the user pair over the kernel's, at 64 bytes */
	bool emulated;	  /* or a link of 1,000 Mb/s */
	bool stress;
	bool delays;
	bool together;
	bool isolate;
	double stress_factor;  /* throughput of the user pair under stress over that without */
	double latency_factor; /* its latency over the kernel's */
	double user_share;     /* of the ceiling that it reaches, when not emulated */
};

static const struct sample sample_usual = {
	.advantage = 4,
	.emulated = true,
	.stress = true,
	.delays = true,
	.together = true,
	.stress_factor = 0.8,
	.latency_factor = 0.7,
	.user_share = 0.99,
};

static const struct {
	const char *name;
	double bytes;
} sample_frames[] = {{"64", 64},     {"128", 128},   {"256", 256},   {"512", 512},
		     {"1024", 1024}, {"1280", 1280}, {"1518", 1518}, {"imix", 361.8333}};

enum { SAMPLE_REPEATS = 3 };

/* What one run is about. */
struct sample_run {
	bool user;
	const char *frame;
	double bytes;
	const char *load;
	double pps; /* offered in one direction; 0: max */
	unsigned repeat;
	bool stress, together;
	double delay_ns;
};

/* 1, give or take 2 %: the repeats of a point differ. */
static double sample_noise(const struct sample_run *run)
{
	unsigned word = run->repeat * 2654435761u + (unsigned)run->bytes * 40503u +
			(run->user ? 97u : 13u) + (run->stress ? 7u : 0u) + (unsigned)run->pps;

	word = (word ^ word >> 13) * 1274126177u;
	return 0.98 + 0.04 * ((word ^ word >> 16) % 1000) / 1000;
}

static double sample_ceiling(double bytes)
{
	return 2 * 1e9 / ((bytes + 20) * 8);
}

/* Received in both directions. */
static double sample_pps(const struct sample *sample, const struct sample_run *run)
{
	double cost_ns = 5000 + run->bytes, pps;

	if (run->pps > 0)
		return 2 * run->pps;
	if (run->user && !sample->emulated)
		return sample_ceiling(run->bytes) * sample->user_share *
		       (0.999 + 0.001 * sample_noise(run));
	if (run->user)
		cost_ns = (5000 + 64) / sample->advantage + run->bytes;
	pps = 1e9 / (cost_ns + run->delay_ns / 32) * sample_noise(run);
	if (run->stress)
		pps *= run->user ? sample->stress_factor : 0.5;
	return run->together ? pps * 0.6 : pps;
}

static json_t *sample_latency(const struct sample *sample, const struct sample_run *run, double pps)
{
	static const double shape[] = {1, 1.4, 2.1, 5, 22, 90, 400};
	double base = (9000 + 4 * run->bytes) * (run->user ? sample->latency_factor : 1) *
		      sample_noise(run) * (run->stress ? 1.6 : 1);
	json_t *latency = json_object();

	json_object_set_new(latency, "count", json_integer(run->pps > 0 ? (json_int_t)pps : 0));
	for (unsigned l = 0; l < REPORT_LATENCIES; l++) {
		double share = report_latencies[l].share;
		bool told = run->pps > 0 && (share == 0 || share == 1 || pps * (1 - share) >= 10);

		json_object_set_new(latency, report_latencies[l].key,
				    told ? json_integer((json_int_t)(base * shape[l]))
					 : json_null());
	}
	return latency;
}

static json_t *sample_stream(const struct sample_run *run, unsigned from, double pps,
			     json_int_t lost)
{
	json_int_t received = (json_int_t)(pps / 2);

	return json_pack("{s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f,"
			 " s:{s:I, s:I, s:I, s:I, s:I}}",
			 "from_port", from, "to_port", from ^ 1, "sent", received + lost,
			 "received", received, "lost", lost, "duplicate", (json_int_t)0,
			 "reordered", (json_int_t)0, "corrupt", (json_int_t)0, "foreign",
			 (json_int_t)(run->user ? 0 : 2), "throughput_pps", pps / 2,
			 "throughput_mbps", pps / 2 * run->bytes * 8 / 1e6, "wire_mbps",
			 pps / 2 * (run->bytes + 20) * 8 / 1e6, "drops", "tx_errors", (json_int_t)0,
			 "tx_dropped", (json_int_t)0, "rx_missed", lost, "rx_errors", (json_int_t)0,
			 "rx_nombuf", (json_int_t)0);
}

static json_t *sample_lcore(const struct sample_run *run, unsigned lcore)
{
	return json_pack("{s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "lcore", lcore, "cpu",
			 (lcore - 1) % 2, "user_ns",
			 (json_int_t)(run->user ? 950000000 : 300000000), "system_ns",
			 (json_int_t)(run->user ? 0 : 650000000), "minor_faults", (json_int_t)0,
			 "major_faults", (json_int_t)0, "voluntary",
			 (json_int_t)(run->user ? 0 : 120), "involuntary", (json_int_t)4);
}

static json_t *sample_run_json(const struct sample *sample, const struct sample_run *run)
{
	double pps = sample_pps(sample, run);
	double ceiling = sample_ceiling(run->bytes);
	unsigned port = run->user ? 0 : 2;
	json_int_t lost = run->pps > 0 ? 0 : (json_int_t)(pps / 1000);

	return json_pack(
		"{s:s, s:s, s:f, s:s, s:o, s:i, s:b, s:b, s:f, s:f, s:b, s:n, s:f, s:f, s:f,"
		" s:o, s:o, s:o, s:f, s:[o, o], s:[o, o], s:{s:f, s:f, s:o}, s:f}",
		"pair", run->user ? "user" : "kernel", "frame", run->frame, "frame_bytes",
		run->bytes, "load", run->load, "offered_pps",
		run->pps > 0 ? json_real(run->pps) : json_null(), "repeat", run->repeat, "stress",
		run->stress, "together", run->together, "delay_ns", run->delay_ns, "seconds", 1.0,
		"valid", 1, "invalid_because", "throughput_pps", pps, "throughput_mbps",
		pps * run->bytes * 8 / 1e6, "wire_mbps", pps * (run->bytes + 20) * 8 / 1e6,
		"ceiling_pps", sample->emulated ? json_null() : json_real(ceiling),
		"ceiling_percent", sample->emulated ? json_null() : json_real(100 * pps / ceiling),
		"latency_ns", sample_latency(sample, run, pps), "kept", 1.0, "streams",
		sample_stream(run, port, pps, lost), sample_stream(run, port + 1, pps, lost),
		"lcores", sample_lcore(run, port + 1), sample_lcore(run, port + 2), "cpu",
		"lcore_ns_per_packet", run->user ? 900 + run->delay_ns / 32 : 1500.0,
		"kernel_ns_per_packet", run->user ? 0.0 : 3200 + run->delay_ns / 32,
		"softirq_ns_per_packet",
		run->together ? json_null() : json_real(run->user ? 4 : 900), "interrupts_per_s",
		run->user ? 0.0 : 15000.0);
}

/* Both pairs in turn, repeat by repeat. */
static void sample_add(json_t *runs, const struct sample *sample, struct sample_run run)
{
	for (run.repeat = 1; run.repeat <= SAMPLE_REPEATS; run.repeat++) {
		for (unsigned pair = 0; pair < 2; pair++) {
			run.user = pair == 0;
			cr_assert_eq(json_array_append_new(runs, sample_run_json(sample, &run)), 0);
		}
	}
}

static void sample_add_runs(json_t *runs, const struct sample *sample)
{
	static const struct {
		const char *name;
		double pps;
	} loads[] = {{"10%", 10000}, {"50%", 50000}, {"90%", 90000}};

	for (size_t f = 0; f < PLX_ARRAY_SIZE(sample_frames); f++) {
		struct sample_run run = {.frame = sample_frames[f].name,
					 .bytes = sample_frames[f].bytes};

		for (unsigned stress = 0; stress <= sample->stress; stress++) {
			run.stress = stress;
			run.load = "max";
			run.pps = 0;
			sample_add(runs, sample, run);
			for (unsigned l = 0; l < PLX_ARRAY_SIZE(loads); l++) {
				run.load = loads[l].name;
				run.pps = loads[l].pps;
				sample_add(runs, sample, run);
			}
		}
		if (sample->together)
			sample_add(runs, sample,
				   (struct sample_run){.frame = run.frame,
						       .bytes = run.bytes,
						       .load = "max",
						       .together = true});
	}
	for (unsigned d = 1; sample->delays && d <= 5; d++)
		sample_add(runs, sample,
			   (struct sample_run){.frame = "64",
					       .bytes = 64,
					       .load = "max",
					       .delay_ns = 20000.0 * d});
}

static json_t *sample_pair(const struct sample *sample, bool user)
{
	json_t *ports = json_array();

	for (unsigned i = 0; i < 2; i++) {
		char name[32];

		snprintf(name, sizeof(name), user ? "0000:00:%02x.0" : "net_pcap%u", 2 + i);
		json_array_append_new(
			ports, json_pack("{s:i, s:s, s:s, s:s?, s:i, s:b, s:i, s:i}", "port",
					 (user ? 0 : 2) + i, "name", name, "driver",
					 user ? "net_igb" : "net_pcap", "interface",
					 user ? NULL : "igb2", "link_mbps", 1000, "emulated",
					 sample->emulated, "lcore", (user ? 1 : 3) + i, "cpu", i));
	}
	return json_pack("{s:s, s:s, s:o}", "name", user ? "user" : "kernel", "path",
			 user ? "user" : "kernel", "ports", ports);
}

static json_t *sample_header(const struct sample *sample)
{
	return json_pack(
		"{s:s, s:[s, s, s, s, s, s], s:s, s:{s:s, s:i, s:s, s:i, s:n, s:s}, s:s, s:s,"
		" s:{s:s, s:f, s:b, s:s, s:f}, s:s, s:{s:i, s:i, s:i}, s:f,"
		" s:{s:[s, s], s:[s], s:[f, f], s:s, s:f, s:f, s:i, s:i, s:n, s:i, s:s, s:b,"
		" s:[i, i]}, s:o}",
		"time", "2026-11-22T13:00:00Z", "command", "plx-bench", "--", "--pair", "user=0:1",
		"--pair", "kernel=2:3", "pollux", "0.1.0", "machine", "cpu",
		"AMD EPYC <made up> & \"quoted\"", "nb_cpus", 8, "hypervisor", "KVMKVMKVM",
		"memory_mb", 24000, "governor", "isolated_cpus", "2-7", "kernel", "6.1.0-37-amd64",
		"compiler", "gcc 12.2.0 -O3 -g", "clock", "source", "tsc", "hz", 2.4e9, "invariant",
		1, "learned", "cpuid", "error_ppm", 0.3, "iommu", "translated", "hugepages",
		"page_kb", 2048, "total", 256, "free", 250, "steal_percent", 0.1, "options",
		"sizes", "64", "imix", "rates", "max", "latency_loads_percent", 10.0, 50.0,
		"search", "pdr", "duration_s", 1.0, "warmup_s", 0.2, "repeats", SAMPLE_REPEATS,
		"burst", 32, "mbufs", "stress_streams", sample->stress ? 4 : 0, "stress_cpus",
		"0-1", "isolate", sample->isolate, "delays_ns", 0, 20000, "labels",
		sample->emulated ? json_pack("[s, s]", "emulated", "shared CPU") : json_array());
}

static json_t *sample_floors(void)
{
	json_t *floors = json_array();

	for (unsigned i = 1; i <= 4; i++)
		json_array_append_new(
			floors, json_pack("{s:i, s:i, s:f, s:i, s:i, s:i, s:i, s:i, s:f}", "lcore",
					  i, "cpu", (i - 1) % 2, "seconds", 0.5, "max_ns",
					  60123 * i, "p99_9_ns", 2400 + 150 * i, "over_1us", 123,
					  "over_10us", 12, "over_100us", 1, "lost_percent", 0.7));
	return floors;
}

static json_t *sample_searches(void)
{
	json_t *searches = json_array();

	for (unsigned pair = 0; pair < 2; pair++)
		json_array_append_new(searches,
				      json_pack("{s:s, s:s, s:f, s:s, s:b, s:f, s:f, s:f, s:f, "
						"s:[{s:f, s:f, s:f, s:n, s:b}]}",
						"pair", pair ? "kernel" : "user", "frame", "64",
						"frame_bytes", 64.0, "kind", "ndr", "stress", 0,
						"delay_ns", 0.0, "pps", pair ? 90000.0 : 360000.0,
						"mbps", pair ? 46.08 : 184.32, "loss_allowed", 0.0,
						"trials", "pps", 90000.0, "loss", 0.0, "kept", 1.0,
						"invalid_because", "ok", 1));
	return searches;
}

/* Not derived yet. */
static json_t *sample_report(const struct sample *sample)
{
	json_t *runs = json_array(), *report;
	struct sample_run tool = {
		.user = true, .frame = "64", .bytes = 64, .pps = 10000, .repeat = 1};
	struct sample ring = {.latency_factor = 0.1};

	sample_add_runs(runs, sample);
	report = json_pack("{s:s, s:i, s:o, s:[o, o], s:o, s:[{s:i, s:s, s:o}], s:o, s:o}",
			   "schema", "plx-bench", "version", 1, "header", sample_header(sample),
			   "pairs", sample_pair(sample, true), sample_pair(sample, false), "floors",
			   sample_floors(), "bias", "frame_bytes", 64, "load", "10000pps",
			   "latency_ns", sample_latency(&ring, &tool, 20000), "runs", runs,
			   "searches", sample_searches());
	cr_assert(report, "the sample could not be packed");
	return report;
}

#endif
