/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx-perf-igb: the igb driver's receive and transmit bursts on rings in memory, with the card's
 * part done between them, so that what the bursts cost can be told alone.
 *
 *	plx-perf-igb [plain|meta] [BURST [ROUNDS]]
 *
 * prints the time of the bursts a packet. test/perf/igb_instructions.sh counts instructions: it
 * runs this program under callgrind, which collects within measured() only.
 */
#include <pollux/clock.h>
#include <pollux/eal.h>
#include <pollux/lcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../drivers/igb/igb_private.h"

enum {
	RING = 512,
	MBUFS = 4096,
	CACHE = 256,
	FRAME = 60,
	WARM_ROUNDS = 256,
	BURST_DEFAULT = 32,
	ROUNDS_DEFAULT = 100000,
};

static struct plx_port port = {.mtu = 1500, .name = "perf"};
static struct igb_hw hw;
static uint32_t rx_tail, tx_tail, rx_slot, tx_slot;

/* The card fills @nb buffers. */
static void card_receive(struct igb_rxq *q, uint32_t nb, uint64_t word0, uint64_t status)
{
	for (; nb > 0 && rx_slot != rx_tail; nb--) {
		q->ring[rx_slot].word[0] = word0;
		q->ring[rx_slot].word[1] = status | (uint64_t)FRAME << IGB_RXD_LEN_SHIFT;
		rx_slot = (rx_slot + 1) % RING;
	}
}

/* The card sends all there is and reports where it is asked to. */
static void card_send(struct igb_txq *q)
{
	for (; tx_slot != tx_tail; tx_slot = (tx_slot + 1) % RING)
		if (q->ring[tx_slot].word[1] & IGB_TXD_RS)
			q->ring[tx_slot].word[1] |= IGB_TXD_DD;
}

static PLX_NOINLINE uint32_t measured(struct igb_rxq *rxq, struct igb_txq *txq,
				      struct plx_mbuf **pkts, uint32_t burst)
{
	uint32_t nb = rxq->base.burst(rxq, pkts, burst);

	return nb > 0 ? txq->base.burst(txq, pkts, nb) : 0;
}

static int make_pool(struct plx_mempool **pool)
{
	const struct plx_mbuf_pool_conf conf = {
		.name = "perf",
		.nb_mbufs = MBUFS,
		.cache_size = CACHE,
		.node = PLX_NODE_ANY,
	};

	return plx_mbuf_pool_create(&conf, pool);
}

static int make_queues(struct plx_mempool *pool, uint32_t offloads, struct igb_rxq **rxq,
		       struct igb_txq **txq)
{
	const struct igb_rxq_conf conf = {.hw = &hw, .offloads = offloads, .frame_max = 1518};
	int ret;

	hw.mac = &plx_igb_macs[IGB_I350];
	port.conf.rx_offloads = offloads;
	*rxq = plx_mem_alloc(sizeof(**rxq), 0, PLX_NODE_ANY);
	*txq = plx_mem_alloc(sizeof(**txq), 0, PLX_NODE_ANY);
	if (!*rxq || !*txq)
		return -ENOMEM;
	(*rxq)->base.pool = pool;
	(*rxq)->base.nb_desc = RING;
	(*rxq)->base.node = PLX_NODE_ANY;
	(*rxq)->tail_reg = &rx_tail;
	(*txq)->base.nb_desc = RING;
	(*txq)->base.node = PLX_NODE_ANY;
	(*txq)->tail_reg = &tx_tail;
	ret = plx_igb_rxq_open(&port, *rxq);
	if (ret == 0)
		ret = plx_igb_txq_open(&port, *txq);
	if (ret == 0)
		ret = plx_igb_txq_prepare(&port, *txq, 0, 1518);
	if (ret)
		return ret;
	(*rxq)->base.port = &port;
	ret = plx_igb_rxq_prepare(*rxq, &conf);
	if (ret)
		return ret;
	plx_igb_rx_fill(*rxq);
	rx_tail = (*rxq)->tail;
	return 0;
}

struct mode {
	const char *name;
	uint32_t offloads;
	uint64_t word0, status;
};

static const struct mode modes[] = {
	{"plain", 0, 0, 0},
	{"meta", PLX_PORT_RX_IP_CSUM | IGB_RX_L4_CSUM | PLX_PORT_RX_RSS_HASH,
	 UINT64_C(0x12345678) << 32 | 0x211, IGB_RXD_IPCS | IGB_RXD_UDPCS},
};

static int run(const struct mode *mode, uint32_t burst, uint64_t rounds)
{
	struct plx_mempool *pool;
	struct plx_mbuf *pkts[PLX_BURST_MAX];
	struct igb_rxq *rxq;
	struct igb_txq *txq;
	uint64_t cycles = 0, nb = 0, bytes;
	int ret = make_pool(&pool);

	if (ret == 0)
		ret = make_queues(pool, mode->offloads, &rxq, &txq);
	if (ret)
		return ret;
	for (uint64_t i = 0; i < rounds + WARM_ROUNDS; i++) {
		uint64_t start;
		uint32_t got;

		card_receive(rxq, burst, mode->word0, mode->status | IGB_RXD_DD | IGB_RXD_EOP);
		start = plx_cycles();
		got = measured(rxq, txq, pkts, burst);
		if (i >= WARM_ROUNDS) {
			cycles += plx_cycles() - start;
			nb += got;
		}
		card_send(txq);
	}
	printf("%s, bursts of %u: %llu packets of %llu, %.2f ns a packet\n", mode->name, burst,
	       (unsigned long long)nb, (unsigned long long)burst * rounds,
	       nb > 0 ? (double)plx_cycles_to_ns(cycles) / (double)nb : 0);
	plx_igb_tx_flush(txq, tx_slot, &bytes);
	plx_igb_rx_flush(rxq);
	ret = nb == burst * rounds && plx_mempool_in_use(pool) == 0 ? 0 : -EUCLEAN;
	plx_igb_txq_close(txq);
	plx_igb_rxq_close(rxq);
	plx_mbuf_pool_destroy(pool);
	return ret;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : modes[0].name;
	uint32_t burst = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : BURST_DEFAULT;
	uint64_t rounds = argc > 3 ? strtoull(argv[3], NULL, 10) : ROUNDS_DEFAULT;
	static struct plx_eal_conf conf;
	int ret = -EINVAL;

	plx_eal_conf_init(&conf);
	conf.no_huge = true;
	conf.no_pci = true;
	if (burst == 0 || burst > PLX_BURST_MAX || plx_eal_init(&conf)) {
		fprintf(stderr, "usage: %s [plain|meta] [BURST [ROUNDS]]\n", argv[0]);
		return 2;
	}
	for (size_t i = 0; i < PLX_ARRAY_SIZE(modes); i++)
		if (strcmp(name, modes[i].name) == 0)
			ret = run(&modes[i], burst, rounds);
	if (ret)
		fprintf(stderr, "%s: %s\n", name, strerror(-ret));
	plx_eal_fini();
	return ret ? 1 : 0;
}
