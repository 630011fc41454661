/* SPDX-License-Identifier: BSD-3-Clause */
/* Options, rows, threads and rounds. */
#include "perf.h"

#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <pollux/pollux.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_OF(name, kind, objects)                                                               \
	{name "-single", kind, 1, PERF_BALANCED, (objects) / 4},                                   \
		{name "-bulk-8", kind, 8, PERF_BALANCED, objects},                                 \
		{name "-bulk-32", kind, 32, PERF_BALANCED, objects},                               \
	{                                                                                          \
		name "-bulk-128", kind, 128, PERF_BALANCED, objects                                \
	}
#define BOUND_ROWS_OF(name, kind, bound, objects)                                                  \
	{name "-single-" bound##_NAME, kind, 1, bound, (objects) / 4},                             \
		{name "-bulk-8-" bound##_NAME, kind, 8, bound, objects},                           \
		{name "-bulk-32-" bound##_NAME, kind, 32, bound, objects},                         \
	{                                                                                          \
		name "-bulk-128-" bound##_NAME, kind, 128, bound, objects                          \
	}
/* Bulks of 8, 24 and 32 go in, bursts of up to 32 are asked for. */
#define BURST_ROWS_OF(name, kind, objects)                                                         \
	{name "-8-of-32", kind, 8, PERF_BALANCED, objects},                                        \
		{name "-24-of-32", kind, 24, PERF_BALANCED, (objects) / 24 * 24},                  \
	{                                                                                          \
		name "-32-of-32", kind, 32, PERF_BALANCED, objects                                 \
	}
#define PERF_CONSUMER_BOUND_NAME "consumer-bound"
#define PERF_PRODUCER_BOUND_NAME "producer-bound"

enum { ONE_CORE = 128 * 4096, TWO_CORE = 128 * 4096 };

static const struct perf_row rows[] = {
	ROWS_OF("ring-spsc-one-core", PERF_RING_SPSC, ONE_CORE),
	ROWS_OF("ring-mpmc-one-core", PERF_RING_MPMC, ONE_CORE),
	ROWS_OF("ring-spsc-two-core", PERF_RING_SPSC_TWO, TWO_CORE),
	BOUND_ROWS_OF("ring-spsc-two-core", PERF_RING_SPSC_TWO, PERF_CONSUMER_BOUND, TWO_CORE),
	BOUND_ROWS_OF("ring-spsc-two-core", PERF_RING_SPSC_TWO, PERF_PRODUCER_BOUND, TWO_CORE),
	ROWS_OF("ring-mpmc-two-core", PERF_RING_MPMC_TWO, TWO_CORE),
	ROWS_OF("ring-mpmc-two-core-contended", PERF_RING_MPMC_CONTENDED, TWO_CORE),
	BURST_ROWS_OF("ring-spsc-one-core-burst", PERF_RING_BURST_SPSC, ONE_CORE),
	BURST_ROWS_OF("ring-mpmc-one-core-burst", PERF_RING_BURST_MPMC, ONE_CORE),
	{"ring-spsc-two-core-burst-32", PERF_RING_BURST_TWO, 32, PERF_BALANCED, TWO_CORE},
	ROWS_OF("mempool-get-put", PERF_POOL, ONE_CORE),
	{"mempool-two-core-bulk-32", PERF_POOL_TWO, 32, PERF_BALANCED, TWO_CORE},
	{"mbuf-alloc-free-single", PERF_MBUF, 1, PERF_BALANCED, ONE_CORE},
	{"mbuf-alloc-free-bulk-32", PERF_MBUF, 32, PERF_BALANCED, ONE_CORE},
	{"mbuf-alloc-free-chain-4", PERF_MBUF_CHAIN, 1, PERF_BALANCED, ONE_CORE},
};

enum { RESULTS_MAX = PLX_ARRAY_SIZE(rows) + 8 };

static struct {
	const char *json;
	const char *pattern;
	unsigned rounds;
	unsigned cpus[2];
	bool list;
	bool help;
} options = {.pattern = "*", .rounds = PERF_ROUNDS};

static bool wanted(const char *name)
{
	return fnmatch(options.pattern, name, 0) == 0;
}

static bool has_worker(const struct perf_row *row)
{
	return row->kind == PERF_RING_SPSC_TWO || row->kind == PERF_RING_MPMC_TWO ||
	       row->kind == PERF_RING_MPMC_CONTENDED || row->kind == PERF_RING_BURST_TWO ||
	       row->kind == PERF_POOL_TWO;
}

/* ---- The worker thread: runs what main posts ---- */

static struct {
	const struct perf_lib *lib;
	const struct perf_row *row; /* NULL: end */
	sem_t posted;		    /* up by main for each job: the worker sleeps between them */
	unsigned ready;		    /* release by the worker, acquire by main: about to run */
	unsigned done;		    /* release by the worker, acquire by main */
	unsigned go;		    /* release by main, acquire by the worker */
	int init;
	const struct perf_lib *libs[2];
} job PLX_CACHE_ALIGNED;

static void pin(unsigned cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus))
		fprintf(stderr, "plx-perf: CPU %u can't be had; figures will be worse\n", cpu);
}

static void *worker_main(void *arg)
{
	(void)arg;
	pin(options.cpus[1]);
	for (unsigned i = 0; i < 2 && job.libs[i] && job.init >= 0; i++)
		job.init = job.libs[i]->worker_init();
	plx_store_release(&job.ready, 1);
	for (unsigned n = 1;; n++) {
		while (sem_wait(&job.posted))
			;
		if (!job.row)
			return NULL;
		plx_store_release(&job.ready, n + 1);
		while (plx_load_acquire(&job.go) < n)
			plx_pause();
		job.lib->run(job.row, PERF_WORKER);
		plx_store_release(&job.done, n);
	}
}

static void wait_for(const unsigned *counter, unsigned n)
{
	while (plx_load_acquire(counter) < n)
		plx_pause();
}

/* Cycles of one run. */
static uint64_t run_once(const struct perf_lib *lib, const struct perf_row *row)
{
	static unsigned nb_jobs;
	uint64_t start;

	lib->prepare();
	if (has_worker(row)) {
		nb_jobs++;
		job.lib = lib;
		job.row = row;
		sem_post(&job.posted);
		wait_for(&job.ready, nb_jobs + 1);
		plx_store_release(&job.go, nb_jobs);
	}
	start = plx_cycles_ordered();
	lib->run(row, PERF_MAIN);
	if (has_worker(row))
		wait_for(&job.done, nb_jobs);
	return plx_cycles_ordered() - start;
}

static void end_worker(pthread_t thread)
{
	job.row = NULL;
	sem_post(&job.posted);
	pthread_join(thread, NULL);
}

/* ---- Rounds ---- */

/* Cycles an object, the best of a few runs: what disturbs a run on a shared machine only adds. */
static double cost_of(const struct perf_lib *lib, const struct perf_row *row)
{
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < PERF_RUNS; i++) {
		uint64_t cycles = run_once(lib, row);

		best = cycles < best ? cycles : best;
	}
	return (double)best / (double)row->objects;
}

static void measure(const struct perf_row *row, const struct perf_lib *peer,
		    struct perf_result *result)
{
	double ours[PERF_ROUNDS_MAX], theirs[PERF_ROUNDS_MAX], ratio[PERF_ROUNDS_MAX];

	run_once(&perf_ours, row); /* warm up */
	if (peer)
		run_once(peer, row);
	for (unsigned i = 0; i < options.rounds; i++) {
		if (peer && i % 2)
			theirs[i] = cost_of(peer, row);
		ours[i] = cost_of(&perf_ours, row);
		if (peer && i % 2 == 0)
			theirs[i] = cost_of(peer, row);
		if (peer)
			ratio[i] = theirs[i] / ours[i];
	}
	*result = (struct perf_result){.name = row->name, .unit = "cycles/object"};
	result->ours = perf_spread_of(ours, options.rounds);
	result->has_peer = peer != NULL;
	if (peer) {
		result->peer = perf_spread_of(theirs, options.rounds);
		result->ratio = perf_spread_of(ratio, options.rounds);
	}
}

static int run_rows(const struct perf_lib *peer, struct perf_result *results)
{
	pthread_t thread;
	int nb = 0, ret;

	job.libs[0] = &perf_ours;
	job.libs[1] = peer;
	sem_init(&job.posted, 0, 0);
	ret = pthread_create(&thread, NULL, worker_main, NULL);
	if (ret) {
		fprintf(stderr, "plx-perf: no thread: %s\n", strerror(ret));
		return -1;
	}
	wait_for(&job.ready, 1);
	if (job.init < 0) {
		fprintf(stderr, "plx-perf: the worker can't register: %s\n", strerror(-job.init));
		end_worker(thread);
		return -1;
	}
	for (size_t i = 0; i < PLX_ARRAY_SIZE(rows); i++) {
		if (!wanted(rows[i].name))
			continue;
		measure(&rows[i], peer, &results[nb]);
		perf_print_result(&results[nb++]);
	}
	end_worker(thread);
	return nb;
}

/* ---- Options ---- */

static void usage(FILE *out)
{
	fprintf(out,
		"usage: plx-perf [options]\n"
		"  --peer dpdk        alternate with DPDK's rings, pools and mbufs; print the "
		"ratio\n"
		"  --json FILE        write the rows to FILE as well\n"
		"  --rows PATTERN     only rows that match, for example 'ring-spsc-*'\n"
		"  --rounds N         rounds of each row, 1 to %d [%d]\n"
		"  --cpus A,B         the main and the worker thread's CPU [the first two "
		"allowed]\n"
		"  --list             print the rows' names\n"
		"  --help             print this\n",
		PERF_ROUNDS_MAX, PERF_ROUNDS);
}

static int bad_option(const char *name, const char *value, const char *allowed)
{
	fprintf(stderr, "plx-perf: --%s '%s': want %s\n", name, value, allowed);
	return 2;
}

static bool cpu_allowed(unsigned long cpu)
{
	cpu_set_t cpus;

	return cpu < CPU_SETSIZE && sched_getaffinity(0, sizeof(cpus), &cpus) == 0 &&
	       CPU_ISSET(cpu, &cpus);
}

static int parse_cpus(const char *value)
{
	unsigned long cpus[2];
	char *end;

	for (int i = 0; i < 2; i++) {
		cpus[i] = strtoul(value, &end, 10);
		if (end == value || *end != (i ? '\0' : ',') || !cpu_allowed(cpus[i]))
			return -1;
		options.cpus[i] = (unsigned)cpus[i];
		value = end + 1;
	}
	return 0;
}

static void default_cpus(void)
{
	unsigned nb = 0;

	for (unsigned cpu = 0; cpu < CPU_SETSIZE && nb < 2; cpu++)
		if (cpu_allowed(cpu))
			options.cpus[nb++] = cpu;
	if (nb == 1)
		options.cpus[1] = options.cpus[0];
}

/* 0, or the exit status of a bad option. */
static int parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"peer", required_argument, NULL, 'p'}, {"json", required_argument, NULL, 'j'},
		{"rows", required_argument, NULL, 'r'}, {"rounds", required_argument, NULL, 'n'},
		{"cpus", required_argument, NULL, 'c'}, {"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},	{NULL, 0, NULL, 0},
	};
	unsigned long rounds;
	char *end;
	int opt;

	default_cpus();
	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (opt == 'j') {
			options.json = optarg;
		} else if (opt == 'r') {
			options.pattern = optarg;
		} else if (opt == 'n') {
			rounds = strtoul(optarg, &end, 10);
			if (*end || rounds < 1 || rounds > PERF_ROUNDS_MAX)
				return bad_option("rounds", optarg, "1 to 999");
			options.rounds = (unsigned)rounds;
		} else if (opt == 'c') {
			if (parse_cpus(optarg))
				return bad_option("cpus", optarg, "two CPUs of this process: A,B");
		} else if (opt == 'l') {
			options.list = true;
		} else if (opt == 'h') {
			options.help = true;
		} else if (opt != 'p') {
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "plx-perf: '%s': want options only, see --help\n", argv[optind]);
		return 2;
	}
	return 0;
}

/* ---- The program ---- */

static int run_all(const struct perf_lib *peer, struct perf_result *results)
{
	const char *peer_name = peer ? peer->name : NULL;
	int nb, more, ret;

	/* Programs are started first: nothing of this process is in their way. */
	more = perf_startup(results, RESULTS_MAX, peer_name, options.rounds, options.cpus[0],
			    wanted);
	if (more < 0)
		return -1;
	/* The peer first: it wants the CPUs as they were. */
	if (peer && peer->init(options.cpus[0]) < 0)
		return -1;
	ret = perf_ours.init(options.cpus[0]);
	if (ret)
		return ret;
	nb = run_rows(peer, results + more);
	perf_ours.fini();
	if (peer)
		peer->fini();
	return nb < 0 ? -1 : nb + more;
}

/* Looked at before the minutes that the rows take. */
static bool writable(const char *path)
{
	FILE *file = fopen(path, "ae");

	if (!file)
		fprintf(stderr, "plx-perf: --json '%s': %s\n", path, strerror(errno));
	else
		fclose(file);
	return file != NULL;
}

int perf_main(int argc, char **argv, const struct perf_lib *peer)
{
	static struct perf_result results[RESULTS_MAX];
	int nb, status = parse_options(argc, argv);

	if (status)
		return status;
	if (options.help) {
		usage(stdout);
		return 0;
	}
	if (options.list) {
		perf_startup_list();
		for (size_t i = 0; i < PLX_ARRAY_SIZE(rows); i++)
			puts(rows[i].name);
		return 0;
	}
	if (options.json && !writable(options.json))
		return 1;
	perf_print_header(peer ? peer->version : NULL, options.rounds, options.cpus[0],
			  options.cpus[1]);
	nb = run_all(peer, results);
	if (nb < 0)
		return 1;
	if (nb == 0) {
		fprintf(stderr, "plx-perf: --rows '%s': no row matches, see --list\n",
			options.pattern);
		return 2;
	}
	if (options.json &&
	    perf_write_json(options.json, results, (unsigned)nb, peer ? peer->name : NULL,
			    peer ? peer->version : NULL, options.rounds))
		return 1;
	return 0;
}
