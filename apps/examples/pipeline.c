/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker numbers packets, the main lcore checks the numbers and gives the packets back. The
 * producer ends after -n packets or on a stop, the consumer once the ring is empty after that.
 */
#include <ctype.h>
#include <inttypes.h>
#include <pollux/pollux.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] = "usage: plx-pipeline [EAL options] -- [-n PACKETS]\n";

enum { BURST = 32 };

struct pipeline {
	struct plx_mempool *pool;
	struct plx_ring *ring;
	uint64_t nb_packets;
	int ended;		      /* the producer's: nothing more comes */
	uint64_t received, misplaced; /* the consumer's; misplaced: without the number due */
};

static int produce(void *arg)
{
	struct pipeline *p = arg;
	struct plx_mbuf *pkts[BURST];
	uint64_t number = 0;

	while (number < p->nb_packets && !plx_stop_requested()) {
		uint32_t n = (uint32_t)plx_min_u64(BURST, p->nb_packets - number), sent = 0;

		n = plx_mbuf_alloc_bulk(p->pool, pkts, n); /* 0: all of them are under way */
		for (uint32_t i = 0; i < n; i++) {
			*(uint64_t *)plx_mbuf_append(pkts[i], sizeof(number)) = number++;
			plx_mbuf_pass(pkts[i]);
		}
		while (sent < n)
			sent += plx_ring_sp_enqueue_burst(p->ring, (void **)&pkts[sent], n - sent);
	}
	plx_store_release(&p->ended, 1); /* pairs with the acquire in consume() */
	return 0;
}

static void consume(struct pipeline *p)
{
	struct plx_mbuf *pkts[BURST];
	uint32_t n;
	int ended;

	do {
		ended = plx_load_acquire(&p->ended); /* first, then see whether the ring is empty */
		n = plx_ring_sc_dequeue_burst(p->ring, (void **)pkts, BURST);
		for (uint32_t i = 0; i < n; i++)
			p->misplaced += *plx_mbuf_mtod(pkts[i], uint64_t *) != p->received++;
		plx_mbuf_free_bulk(pkts, n);
	} while (n > 0 || !ended);
}

static int run(struct pipeline *p)
{
	const struct plx_mbuf_pool_conf conf = {
		.name = "pipeline", .nb_mbufs = 4096, .cache_size = 256, .node = PLX_NODE_ANY};
	uint64_t start_ns;
	int status = 1;

	if (plx_mbuf_pool_create(&conf, &p->pool) || /* what fails has logged one line */
	    plx_ring_create("pipeline", 1024, PLX_NODE_ANY, &p->ring) || plx_stop_on_signals())
		goto destroy_both;
	start_ns = plx_clock_now_ns();
	if (plx_lcore_launch(plx_lcore_next(~0u, true), produce, p)) {
		fprintf(stderr, "plx-pipeline: one lcore only: want two, as in -l 0,1\n");
		goto destroy_both;
	}
	consume(p);
	plx_lcore_wait_all();
	printf("%" PRIu64 " packets, %.0f packets/s, %" PRIu64 " misplaced, %u not given back\n",
	       p->received, 1e9 * (double)p->received / (double)(plx_clock_now_ns() - start_ns),
	       p->misplaced, plx_mempool_in_use(p->pool));
	status = p->misplaced || plx_mempool_in_use(p->pool);

destroy_both: /* NULL, not made yet, is legal */
	plx_ring_destroy(p->ring);
	plx_mbuf_pool_destroy(p->pool);
	return status;
}

static int parse_args(int argc, char **argv, uint64_t *nb_packets)
{
	int c;

	opterr = 0;
	while ((c = getopt(argc, argv, "n:")) == 'n') {
		char *end = optarg;

		*nb_packets = isdigit((unsigned char)*optarg) ? strtoull(optarg, &end, 10) : 0;
		if (*nb_packets == 0 || *end)
			break;
	}
	if (c == -1 && optind == argc)
		return 0;
	if (c == '?') /* no option, or -n without its value */
		fprintf(stderr, "plx-pipeline: '-%c': want -n PACKETS, 1 or more\n", optopt);
	else
		fprintf(stderr, "plx-pipeline: '%s': want -n PACKETS, 1 or more\n",
			c == 'n' ? optarg : argv[optind]);
	return 2;
}

int main(int argc, char **argv)
{
	struct pipeline p = {.nb_packets = 10000000};
	int ret = plx_init(argc, argv);

	if (ret < 0)
		return plx_init_exit_status(ret, usage, stdout);
	ret = parse_args(argc - ret, argv + ret, &p.nb_packets);
	if (ret == 0)
		ret = run(&p);
	plx_fini();
	return ret;
}
