/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two cards with threads of their own on a cable, and a thread at each that sends and receives as
 * fast as it can: with flow control every frame comes, in order, whole. Then the same while a third
 * thread pulls the cable: what comes is whole and in order, and the cards go on.
 */
#define PLX_MMIO_HOOK 1

#include <pollux/mmio.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "seed.h"
#include "sim.h"
#include "sim_regs.h"

enum { DESCS = 64, BUF_BYTES = 2048, FRAME_MIN = 60, FRAME_SPAN = 1400, WAIT_S = 100 };

struct end {
	struct igb_sim *sim;
	enum igb_sim_type type;
	uint8_t *bar;
	uint32_t rx[DESCS][4] __attribute__((aligned(128)));
	uint32_t tx[DESCS][4] __attribute__((aligned(128)));
	uint8_t rx_bufs[DESCS][BUF_BYTES], tx_bufs[DESCS][BUF_BYTES];
	uint32_t nb_frames, nb_sent, nb_came, next_seq;
	uint32_t tx_tail, tx_clean, rx_head;
	bool is_lossy;
	const char *wrong;
};

static bool is_over; /* atomic */
static pthread_barrier_t both_up;

static uint32_t rd(const struct end *e, uint32_t offset)
{
	return plx_mmio_read32(e->bar + offset);
}

static void wr(const struct end *e, uint32_t offset, uint32_t value)
{
	plx_mmio_write32(e->bar + offset, value);
}

/* Dwords 2 and 3, as the card writes them. */
static uint64_t status_of(const uint32_t *desc)
{
	return __atomic_load_n((const uint64_t *)(const void *)&desc[2], __ATOMIC_ACQUIRE);
}

static uint32_t len_of(uint32_t seq)
{
	return FRAME_MIN + seq * 37 % FRAME_SPAN;
}

static void wait_for(const struct end *e, uint32_t offset, uint32_t bits)
{
	time_t end = time(NULL) + WAIT_S;

	while ((rd(e, offset) & bits) != bits && time(NULL) < end)
		;
	if ((rd(e, offset) & bits) == bits)
		return;
	fprintf(stderr, "register %05x: %08x, want %08x\n", offset, rd(e, offset), bits);
	exit(1);
}

static void rx_give(struct end *e, uint32_t i)
{
	uint64_t addr = (uintptr_t)e->rx_bufs[i];

	memcpy(e->rx[i], &addr, 8);
	__atomic_store_n(&e->rx[i][3], 0, __ATOMIC_RELAXED);
	__atomic_store_n(&e->rx[i][2], 0, __ATOMIC_RELAXED);
}

static void start(struct end *e)
{
	uint64_t rx = (uintptr_t)e->rx, tx = (uintptr_t)e->tx;

	for (uint32_t i = 0; i < DESCS; i++)
		rx_give(e, i);
	wr(e, R_CTRL, rd(e, R_CTRL) | CTRL_SLU | CTRL_RFCE | CTRL_TFCE);
	wr(e, R_FCTTV, 0xffff);
	wr(e, R_FCRTL, 4096 | BIT(31));
	wr(e, R_FCRTH, 8192);
	wr(e, R_RDBAL, (uint32_t)rx);
	wr(e, R_RDBAH, (uint32_t)(rx >> 32));
	wr(e, R_RDLEN, sizeof(e->rx));
	wr(e, R_SRRCTL, 2 | 1u << 25);
	if (e->type == IGB_SIM_I350)
		wr(e, R_DVMOLR, BIT(31));
	wr(e, R_TDBAL, (uint32_t)tx);
	wr(e, R_TDBAH, (uint32_t)(tx >> 32));
	wr(e, R_TDLEN, sizeof(e->tx));
	wr(e, R_RXDCTL, QUEUE_ENABLE);
	wr(e, R_TXDCTL, QUEUE_ENABLE);
	wait_for(e, R_RXDCTL, QUEUE_ENABLE);
	wait_for(e, R_TXDCTL, QUEUE_ENABLE);
	wr(e, R_RCTL, RCTL_EN | RCTL_UPE | RCTL_SECRC);
	wr(e, R_TCTL, rd(e, R_TCTL) | TCTL_EN);
	wr(e, R_RDT, DESCS - 1);
	wait_for(e, R_STATUS, STATUS_LU);
}

static void send_some(struct end *e)
{
	static const uint8_t header[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
	uint32_t from = e->tx_tail;

	while (e->tx_clean != e->tx_tail && status_of(e->tx[e->tx_clean]) == UINT64_C(1) << 32)
		e->tx_clean = (e->tx_clean + 1) % DESCS;
	while (e->nb_sent < e->nb_frames && (e->tx_tail + 1) % DESCS != e->tx_clean) {
		uint32_t len = len_of(e->nb_sent), *d = e->tx[e->tx_tail];
		uint8_t *buf = e->tx_bufs[e->tx_tail];
		uint64_t addr = (uintptr_t)buf;

		memset(buf, (uint8_t)e->nb_sent, len);
		memcpy(buf, header, sizeof(header));
		memcpy(buf + 14, &e->nb_sent, 4);
		memcpy(d, &addr, 8);
		__atomic_store_n(&d[2], 0x2b300000 | len, __ATOMIC_RELAXED);
		__atomic_store_n(&d[3], len << 14, __ATOMIC_RELAXED);
		e->tx_tail = (e->tx_tail + 1) % DESCS;
		e->nb_sent++;
	}
	if (e->tx_tail != from)
		wr(e, R_TDT, e->tx_tail);
}

static void check_frame(struct end *e, const uint8_t *buf, uint32_t status, uint32_t len)
{
	uint32_t seq;

	memcpy(&seq, buf + 14, 4);
	if ((status & 3) != 3 || status >> 29)
		e->wrong = "status";
	else if (e->is_lossy ? seq < e->next_seq : seq != e->next_seq)
		e->wrong = "order";
	else if ((len & 0xffff) != len_of(seq) || buf[len_of(seq) - 1] != (uint8_t)seq)
		e->wrong = "bytes";
	e->next_seq = seq + 1;
	e->nb_came++;
}

static void receive_some(struct end *e)
{
	uint32_t from = e->rx_head;

	for (;;) {
		uint64_t status = status_of(e->rx[e->rx_head]);

		if (!(status & RXS_DD))
			break;
		check_frame(e, e->rx_bufs[e->rx_head], (uint32_t)status, (uint32_t)(status >> 32));
		rx_give(e, e->rx_head);
		e->rx_head = (e->rx_head + 1) % DESCS;
	}
	if (e->rx_head != from)
		wr(e, R_RDT, (e->rx_head + DESCS - 1) % DESCS);
}

static void *drive(void *arg)
{
	struct end *e = arg;
	time_t end;

	start(e);
	pthread_barrier_wait(&both_up); /* frames to who does not listen yet are lost */
	end = time(NULL) + WAIT_S;
	while (!e->wrong && time(NULL) < end && !__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
		send_some(e);
		receive_some(e);
		if (!e->is_lossy && e->nb_came == e->nb_frames && e->tx_clean == e->tx_tail &&
		    e->nb_sent == e->nb_frames)
			break;
	}
	return NULL;
}

static struct end *end_new(enum igb_sim_type type, bool is_lossy)
{
	const struct igb_sim_conf conf = {
		.type = type, .run = IGB_SIM_THREAD, .link_delay_us = 2000};
	struct end *e = aligned_alloc(4096, (sizeof(*e) + 4095) / 4096 * 4096);

	if (!e)
		exit(1);
	memset(e, 0, sizeof(*e));
	if (igb_sim_create(&conf, &e->sim) || igb_sim_dma_map(e->sim, e, sizeof(*e)))
		exit(1);
	igb_sim_config_write(e->sim, 4, 2, 6);
	e->bar = igb_sim_bar(e->sim);
	e->type = type;
	e->is_lossy = is_lossy;
	e->nb_frames = is_lossy ? UINT32_MAX : test_is_long() ? 200000 : 4000;
	return e;
}

static int verdict(struct end *e, const char *name)
{
	bool is_short = !e->is_lossy && e->nb_came != e->nb_frames;
	int bad = e->wrong || is_short || e->nb_came == 0;

	if (igb_sim_violations(e->sim, IGB_SIM_NB_VIOLATIONS)) {
		fprintf(stderr, "%s: %s\n", name, igb_sim_violation_text(e->sim, 0));
		bad = 1;
	}
	fprintf(stderr, "%s%s: sent %u, came %u; wrong: %s\n", name, e->is_lossy ? ", flaps" : "",
		e->nb_sent, e->nb_came, e->wrong ? e->wrong : "nothing");
	if (bad)
		fprintf(stderr,
			"  next %u, missed %u, no buffer %u, XOFF sent %u, seen %u, off %u\n",
			e->next_seq, rd(e, S_MPC), rd(e, S_RNBC), rd(e, S_XOFFTXC),
			rd(e, S_XOFFRXC), (unsigned)igb_sim_drops(e->sim).rx_disabled);
	return bad;
}

static void flap(struct end *e)
{
	for (unsigned i = 0; i < (test_is_long() ? 100 : 10); i++) {
		struct timespec pause = {.tv_nsec = 10000000};

		nanosleep(&pause, NULL);
		igb_sim_plug(e->sim, i % 2);
	}
}

static int run(bool is_lossy)
{
	struct end *a = end_new(IGB_SIM_I350, is_lossy), *b = end_new(IGB_SIM_82576, is_lossy);
	pthread_t threads[2];
	int bad;

	is_over = false;
	pthread_barrier_init(&both_up, NULL, 2);
	if (igb_sim_connect(a->sim, b->sim))
		return 1;
	pthread_create(&threads[0], NULL, drive, a);
	pthread_create(&threads[1], NULL, drive, b);
	if (is_lossy) {
		flap(a);
		igb_sim_plug(a->sim, true);
		__atomic_store_n(&is_over, true, __ATOMIC_RELEASE);
	}
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	pthread_barrier_destroy(&both_up);
	bad = verdict(a, "I350") | verdict(b, "82576");
	igb_sim_destroy(a->sim);
	igb_sim_destroy(b->sim);
	free(a);
	free(b);
	return bad;
}

int main(void)
{
	return run(false) || run(true);
}
