/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx-perf-bench: what plx-bench itself costs, so that it can be told from what it measures.
 *
 *	plx-perf-bench [record|generate|schedule|all [ROUNDS]]
 *
 *	record    a packet of 64 bytes that has come: read and checked, its number noted, its
 *	          latency recorded
 *	generate  an instance that sends as fast as it goes, over net_null at 64 bytes
 *	schedule  the same with a rate: each packet has a time of its own
 *
 * prints the time of a packet: median, least and greatest of the rounds. Callgrind counts the
 * instructions, as test/system/bench_cost.sh has it: within measured_record() and measured_send().
 */
#include <errno.h>
#include <pollux/pollux.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instance.h"
#include "perf.h"

enum {
	MBUFS = 4096,
	CACHE = 256,
	BURST = 32,
	CHUNK = 16, /* bursts between two looks at the clock */
	CHUNKS = 400,
	WARM_CHUNKS = 20,
};

static struct plx_mempool *pool;
static struct packet_form form;
static struct instance instance;
static unsigned port;

/* ---- Record ---- */

/* As the receiving half of an instance does it. */
static PLX_NOINLINE void measured_record(struct plx_mbuf *const *pkts, uint32_t nb,
					 struct tracker *tracker, struct hist *hist,
					 uint64_t now_ns)
{
	for (uint32_t i = 0; i < nb; i++) {
		struct packet_mark mark;

		if (packet_read(plx_mbuf_data(pkts[i]), pkts[i]->data_len, &mark) != PACKET_OURS)
			continue;
		if (tracker_note(tracker, mark.seq))
			hist_record(hist, now_ns - mark.intended_ns);
	}
}

/* Some microseconds, and now and then many. */
static uint64_t some_latency(uint64_t seq)
{
	uint64_t x = seq * UINT64_C(0x9e3779b97f4a7c15) >> 40;

	return 1500 + x % 3000 + (x % 1000 == 0 ? x : 0);
}

static double record_round(void)
{
	static struct plx_mbuf *pkts[CHUNK * BURST];
	const uint64_t now_ns = plx_clock_now_ns();
	uint64_t seq = 0, cycles = 0;

	tracker_reset(&instance.tracker);
	hist_reset(&instance.latency);
	if (plx_mbuf_alloc_bulk(pool, pkts, CHUNK * BURST) == 0)
		return -1;
	for (unsigned i = 0; i < CHUNK * BURST; i++)
		pkts[i]->data_len = (uint16_t)form.bytes;
	for (unsigned chunk = 0; chunk < WARM_CHUNKS + CHUNKS; chunk++) {
		uint64_t start;

		for (unsigned i = 0; i < CHUNK * BURST; i++, seq++)
			packet_write(plx_mbuf_data(pkts[i]), &form, seq,
				     now_ns - some_latency(seq));
		start = plx_cycles_ordered();
		for (unsigned i = 0; i < CHUNK; i++)
			measured_record(&pkts[(size_t)i * BURST], BURST, &instance.tracker,
					&instance.latency, now_ns);
		if (chunk >= WARM_CHUNKS)
			cycles += plx_cycles_ordered() - start;
	}
	plx_mbuf_free_bulk(pkts, CHUNK * BURST);
	if (instance.latency.count != seq || tracker_lost(&instance.tracker, seq) != 0)
		return -1;
	return (double)plx_cycles_to_ns(cycles) / (double)(CHUNKS * CHUNK * BURST);
}

/* ---- Send ---- */

static PLX_NOINLINE void measured_send(void)
{
	instance_poll(&instance);
}

static double send_round(double pps)
{
	uint64_t start = 0, cycles, first = 0;

	instance.load.pps = pps;
	instance_reset(&instance);
	plx_store_release(&instance.phase, PHASE_SEND);
	for (unsigned i = 0; i < (WARM_CHUNKS + CHUNKS) * CHUNK; i++) {
		if (i == WARM_CHUNKS * CHUNK) {
			first = instance.counts.sent;
			start = plx_cycles_ordered();
		}
		measured_send();
	}
	cycles = plx_cycles_ordered() - start;
	/* It is always behind, so each poll was a full burst. */
	if (instance.counts.sent - first != CHUNKS * CHUNK * BURST)
		return -1;
	return (double)plx_cycles_to_ns(cycles) / (double)(CHUNKS * CHUNK * BURST);
}

static double generate_round(void)
{
	return send_round(0);
}

static double schedule_round(void)
{
	return send_round(1e9);
}

/* ---- Rows ---- */

static const struct row {
	const char *name, *text;
	double (*round)(void);
} rows[] = {
	{"record", "record, 64-byte frames", record_round},
	{"generate", "generate, 64-byte frames, bursts of 32", generate_round},
	{"schedule", "generate at a rate, 64-byte frames", schedule_round},
};

static int run_row(const struct row *row, unsigned rounds)
{
	struct perf_result result = {.name = row->text, .unit = "ns/packet"};
	double ns[PERF_ROUNDS_MAX];

	for (unsigned i = 0; i < rounds; i++) {
		ns[i] = row->round();
		if (ns[i] < 0) {
			fprintf(stderr, "plx-perf-bench: %s: packets are missing\n", row->name);
			return -EUCLEAN;
		}
	}
	result.ours = perf_spread_of(ns, rounds);
	perf_print_result(&result);
	return 0;
}

static int set_up(void)
{
	const struct plx_mbuf_pool_conf conf = {
		.name = "perf",
		.nb_mbufs = MBUFS,
		.cache_size = CACHE,
		.node = PLX_NODE_ANY,
	};
	const uint8_t mac[6] = {2};
	int ret = plx_port_attach("net_null0,no-rx=1", &port);

	if (ret == 0)
		ret = plx_mbuf_pool_create(&conf, &pool);
	if (ret == 0)
		ret = plx_port_setup(port, 1, 1, pool);
	if (ret == 0)
		ret = plx_port_start(port);
	packet_form_make(&form, PACKET_MIN, 0, mac, mac);
	instance.port = port;
	instance.pool = pool;
	instance.load.nb_sizes = 1;
	instance.load.forms[0] = &form;
	instance.load.burst = BURST;
	return ret;
}

static int run(const char *name, unsigned rounds)
{
	int ret = set_up();

	for (size_t i = 0; ret == 0 && i < PLX_ARRAY_SIZE(rows); i++)
		if (strcmp(name, "all") == 0 || strcmp(name, rows[i].name) == 0)
			ret = run_row(&rows[i], rounds);
	instance_release(&instance);
	plx_port_stop(port);
	plx_port_close(port);
	if (ret == 0 && plx_mempool_in_use(pool) > 0)
		ret = -EUCLEAN;
	plx_mbuf_pool_destroy(pool);
	return ret;
}

static unsigned cpu_of(unsigned lcore)
{
	cpu_set_t cpus;
	unsigned cpu = 0;

	if (plx_lcore_cpuset(lcore, &cpus))
		return 0;
	while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &cpus))
		cpu++;
	return cpu;
}

static bool is_row(const char *name)
{
	for (size_t i = 0; i < PLX_ARRAY_SIZE(rows); i++)
		if (strcmp(name, rows[i].name) == 0)
			return true;
	return strcmp(name, "all") == 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "all";
	unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : PERF_ROUNDS;
	char no_huge[] = "--no-huge", no_pci[] = "--no-pci";
	char *eal[] = {argv[0], no_huge, no_pci, NULL};
	unsigned other;
	int ret;

	if (!is_row(name) || rounds < 1 || rounds > PERF_ROUNDS_MAX) {
		fprintf(stderr, "usage: %s [record|generate|schedule|all [ROUNDS]]\n", argv[0]);
		return 2;
	}
	if (plx_init(3, eal) < 0)
		return 1;
	other = plx_lcore_next(plx_lcore_main(), true);
	perf_print_header(NULL, (unsigned)rounds, cpu_of(plx_lcore_main()),
			  cpu_of(other < PLX_LCORE_NONE ? other : plx_lcore_main()));
	ret = run(name, (unsigned)rounds);
	if (ret)
		fprintf(stderr, "plx-perf-bench: %s\n", strerror(-ret));
	plx_fini();
	return ret ? 1 : 0;
}
