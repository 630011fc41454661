/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive against a card that writes back whatever it likes, wherever it likes, in a ring of any
 * shape. The registers are memory. The bursts' source is compiled in, so that libFuzzer sees its
 * branches.
 *
 *	bytes 0-7   shape: part, offloads, ring, pool, frame_max (2), what the port sends, spare
 *	then        steps: a byte, and what belongs to it; see step()
 *
 * What must hold whatever the card does: a packet is well formed, nobody else's, within its buffers
 * and the longest frame, and says nothing that was not asked for; counters agree with what came;
 * each slot of the card's has a buffer of its own; in the end all packets are at home.
 */
#include "../../drivers/igb/rx_burst.c" /* NOLINT(bugprone-suspicious-include) */

#include <pollux/eal.h>
#include <pollux/lcore.h>
#include <sched.h>
#include <stdlib.h>

#include "../../drivers/igb/igb_private.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { POOL_MBUFS = 300, NB_POOLS = 5, BAR_BYTES = 128 * 1024, BURST_MAX = 64, SHAPE_BYTES = 8 };

static const uint32_t rooms[NB_POOLS] = {256, 700, 1024, 2048, 5000};
static struct plx_mempool *pools[NB_POOLS];
static struct plx_port port;
static struct igb_hw hw;

struct run {
	struct igb_rxq *q;
	struct plx_mbuf *held[POOL_MBUFS]; /* by the application */
	uint32_t nb_held;
	uint64_t packets, bytes;
	uint32_t slot; /* that the card fills next */
	const uint8_t *data;
	size_t len;
};

#define must(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "line %d: %s\n", __LINE__, #cond);                         \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void quiet(void *arg, const char *module, enum plx_log_level level, const char *text)
{
	(void)arg;
	(void)module;
	(void)level;
	(void)text;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct plx_eal_conf conf;

	(void)argc;
	(void)argv;
	plx_eal_conf_init(&conf);
	conf.no_huge = true;
	conf.no_pci = true;
	conf.nb_lcores = 1;
	conf.lcores[0].enabled = true;
	must(sched_getaffinity(0, sizeof(conf.lcores[0].cpus), &conf.lcores[0].cpus) == 0);
	must(plx_eal_init(&conf) == 0);
	for (unsigned i = 0; i < NB_POOLS; i++) {
		const struct plx_mbuf_pool_conf pool = {
			.name = (const char *[]){"a", "b", "c", "d", "e"}[i],
			.nb_mbufs = POOL_MBUFS,
			.cache_size = 8,
			.data_room = rooms[i],
			.priv_bytes = 8, /* 1: the application has it */
			.node = PLX_NODE_ANY,
		};

		must(plx_mbuf_pool_create(&pool, &pools[i]) == 0);
	}
	hw.bar = calloc(1, BAR_BYTES);
	hw.bar_bytes = BAR_BYTES;
	must(hw.bar);
	igb_write(&hw, IGB_STATUS, IGB_STATUS_LU);
	plx_log_set_sink(quiet, NULL);
	return 0;
}

/* ---- What the input says ---- */

static bool take(struct run *run, void *to, size_t len)
{
	if (run->len < len)
		return false;
	memcpy(to, run->data, len);
	run->data += len;
	run->len -= len;
	return true;
}

static uint64_t *mark_of(struct plx_mbuf *m)
{
	return plx_mbuf_priv(m);
}

/* ---- Packets ---- */

static void check_packet(const struct igb_rxq *q, struct plx_mbuf *m)
{
	uint32_t longest = q->frame_max + (q->put_tag_back ? 4 : 0), len = 0, nb = 0;
	uint32_t allowed = PLX_MBUF_F_RX_TIMESTAMP * q->stamp | q->rss_meta[1];
	const char *why = NULL;

	for (unsigned i = 0; i < IGB_RX_META; i++)
		allowed |= q->meta[i];
	must(plx_mbuf_check(m, true, &why) == 0);
	must(m->pkt_len >= IGB_FRAME_MIN && m->pkt_len <= longest);
	must(m->port == q->base.port_id);
	must((m->flags & ~allowed) == 0);
	must(m->nb_segs == 1 || q->scatter);
	for (struct plx_mbuf *part = m; part; part = part->next) {
		must(part->pool_id == m->pool_id);
		must(*mark_of(part) == 0);
		*mark_of(part) = 1;
		must(part->data_len > 0 && part->data_off + part->data_len <= part->buf_len);
		must(part == m ? part->data_off + (q->put_tag_back ? 4 : 0) >= q->data_off
			       : part->data_off == q->data_off);
		must(part->data_off + part->data_len <= q->data_off + q->buf_bytes);
		len += part->data_len;
		nb++;
	}
	must(len == m->pkt_len && nb == m->nb_segs);
}

static void give_back(struct run *run, uint32_t nb)
{
	while (nb-- > 0 && run->nb_held > 0) {
		struct plx_mbuf *m = run->held[--run->nb_held];

		for (struct plx_mbuf *part = m; part; part = part->next)
			*mark_of(part) = 0;
		plx_mbuf_free(m);
	}
}

/* Slots [@from, tail) are new for the card: each has a buffer, and no DD. */
static void check_refill(const struct igb_rxq *q, uint32_t from)
{
	must(q->nb_free >= 1 && q->nb_free <= q->nb_desc);
	must(q->head < q->nb_desc && q->tail < q->nb_desc);
	must((q->head + (q->nb_desc - q->nb_free)) % q->nb_desc == q->tail);
	must(igb_read(&hw, IGB_RDT(0)) == q->tail);
	for (uint32_t i = from; i != q->tail; i = (i + 1) % q->nb_desc) {
		must(q->sw[i] && *mark_of(q->sw[i]) == 0);
		must(q->ring[i].word[0] == q->sw[i]->buf_iova + q->data_off);
		must(q->ring[i].word[1] == 0);
	}
}

static void burst(struct run *run, uint32_t nb)
{
	struct plx_mbuf *pkts[BURST_MAX];
	struct igb_rxq *q = run->q;
	uint32_t tail = q->tail, got;

	if (nb > POOL_MBUFS - run->nb_held)
		give_back(run, nb);
	got = q->base.burst(q, pkts, nb);
	must(got <= nb);
	for (uint32_t i = 0; i < got; i++) {
		check_packet(q, pkts[i]);
		run->bytes += pkts[i]->pkt_len;
		run->held[run->nb_held++] = pkts[i];
	}
	run->packets += got;
	must(q->base.stats.packets == run->packets && q->base.stats.bytes == run->bytes);
	must(q->base.stats.errors ==
	     q->bad_frame + q->bad_length + q->too_long + q->too_short + q->unended);
	check_refill(q, tail);
}

/* ---- The card ---- */

static void write_back(struct run *run, uint32_t slot, uint64_t word0, uint64_t word1)
{
	igb_desc_write(&run->q->ring[slot % run->q->nb_desc], word0, word1);
}

/* The card's next slot, if the tail leaves it one. */
static bool next_slot(struct run *run, uint32_t *slot)
{
	if (run->slot == igb_read(&hw, IGB_RDT(0)))
		return false;
	*slot = run->slot;
	run->slot = (run->slot + 1) % run->q->nb_desc;
	return true;
}

static bool step(struct run *run)
{
	uint64_t words[2];
	uint32_t slot;
	uint16_t len;
	uint8_t op;

	if (!take(run, &op, 1))
		return false;
	switch (op & 7) {
	case 0: /* a burst of 1 to 32 */
		burst(run, (op >> 3) + 1u);
		return true;
	case 1: /* the application frees 1 to 32 */
		give_back(run, (op >> 3) + 1u);
		return true;
	case 2: /* good frames, 1 to 32 of one length */
		if (!take(run, &len, sizeof(len)))
			return false;
		for (unsigned i = 0; i <= op >> 3 && next_slot(run, &slot); i++)
			write_back(run, slot, 0,
				   IGB_RXD_DD | IGB_RXD_EOP | (uint64_t)len << IGB_RXD_LEN_SHIFT);
		return true;
	case 3: /* parts of a frame, 1 to 32 full buffers without an end */
		for (unsigned i = 0; i <= op >> 3 && next_slot(run, &slot); i++)
			write_back(run, slot, 0,
				   IGB_RXD_DD | (uint64_t)run->q->buf_bytes << IGB_RXD_LEN_SHIFT);
		return true;
	case 4: /* any content, in its turn */
		if (!take(run, words, sizeof(words)))
			return false;
		if (next_slot(run, &slot))
			write_back(run, slot, words[0], words[1] | IGB_RXD_DD);
		return true;
	case 5: /* any content, anywhere */
		if (!take(run, &len, sizeof(len)) || !take(run, words, sizeof(words)))
			return false;
		write_back(run, len, words[0], words[1]);
		return true;
	case 6: /* status and length of any kind, in 1 to 32 slots */
		if (!take(run, &words[1], sizeof(words[1])))
			return false;
		for (unsigned i = 0; i <= op >> 3 && next_slot(run, &slot); i++)
			write_back(run, slot, words[1], words[1] ^ (uint64_t)i << 32);
		return true;
	default: /* the whole ring, as by a card gone mad */
		if (!take(run, &words[1], sizeof(words[1])))
			return false;
		for (slot = 0; slot < run->q->nb_desc; slot++)
			write_back(run, slot, 0, words[1]);
		return true;
	}
}

/* ---- The queue ---- */

static struct igb_rxq *make_queue(const uint8_t shape[SHAPE_BYTES])
{
	static const uint32_t rings[] = {32, 40, 64, 128, 256, 512};
	const uint32_t all = PLX_PORT_RX_SCATTER | IGB_RX_META_OFFLOADS;
	uint32_t offloads = ((uint32_t)shape[1] | (uint32_t)shape[7] << 8) & all;
	struct igb_rxq_conf conf = {.hw = &hw, .offloads = offloads};
	struct igb_rxq *q = plx_mem_alloc(sizeof(*q), 0, PLX_NODE_ANY);

	must(q);
	hw.mac = &plx_igb_macs[shape[0] % IGB_NB_MACS];
	if (!hw.mac->has_rx_stamps)
		conf.offloads &= ~(uint32_t)PLX_PORT_RX_TIMESTAMP;
	conf.frame_max = 90 + (shape[4] | (uint32_t)shape[5] << 8) % 9145;
	conf.tx_offloads = shape[6] & 1 ? PLX_PORT_TX_VLAN_INSERT : 0;
	port = (struct plx_port){.id = 3, .mtu = conf.frame_max - 22};
	port.conf.rx_offloads = conf.offloads;
	port.conf.nb_rx_queues = 1;
	port.rxqs[0] = &q->base;
	q->base.pool = pools[shape[3] % NB_POOLS];
	q->base.port = &port;
	q->base.port_id = 3;
	q->base.nb_desc = rings[shape[2] % PLX_ARRAY_SIZE(rings)];
	q->base.node = PLX_NODE_ANY;
	if (plx_igb_rxq_open(&port, q)) {
		plx_mem_free(q);
		return NULL;
	}
	must(plx_igb_rxq_prepare(q, &conf) == 0);
	plx_igb_rx_small_buffers(&hw, &port);
	must(plx_igb_rxq_start(&hw, q, false) == 0);
	plx_igb_rx_fill(q);
	igb_write(&hw, IGB_RDT(0), q->tail);
	check_refill(q, q->head);
	return q;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t shape[SHAPE_BYTES];
	static struct run run;

	run = (struct run){.data = data, .len = len};
	if (!take(&run, shape, sizeof(shape)))
		return 0;
	run.q = make_queue(shape);
	if (!run.q)
		return 0;
	while (step(&run))
		;
	burst(&run, BURST_MAX);
	plx_igb_rx_flush(run.q);
	give_back(&run, POOL_MBUFS);
	must(plx_mempool_in_use(run.q->base.pool) == 0);
	must(plx_mempool_audit(run.q->base.pool) == 0);
	plx_igb_rxq_close(run.q);
	plx_mem_free(run.q);
	return 0;
}
