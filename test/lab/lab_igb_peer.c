/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lab_igb_peer [EAL options] -- sink | bounce FRAMES: the other end of testpmd's port, on port 0.
 * sink takes all frames that come until a signal, and tells how many whenever there is a pause.
 * bounce sends FRAMES frames of all lengths, and every one has to come back, in order, byte for
 * byte, with its addresses exchanged. Then all counters are printed.
 */
#include "lab_igb.h"
#include "lab_igb_frames.h"

enum {
	NB_MBUFS = 4096,
	WINDOW = 128, /* frames under way */
	PAUSE_MS = 100,
	LENGTHS = 1514 - LAB_FRAME_MIN + 1,
};

static struct plx_mempool *pool;

static int sink(void)
{
	struct plx_mbuf *pkts[LAB_BURST];
	uint64_t total = 0, told = 0, last_ms = 0;

	puts("receiving");
	fflush(stdout);
	while (!plx_stop_requested()) {
		uint32_t nb = plx_port_rx_burst(0, 0, pkts, LAB_BURST);

		plx_mbuf_free_bulk(pkts, nb);
		total += nb;
		if (nb > 0) {
			last_ms = lab_ms();
		} else if (total > told && lab_ms() - last_ms > PAUSE_MS) {
			printf("%" PRIu64 " frames\n", total);
			fflush(stdout);
			told = total;
		}
	}
	return 0;
}

static uint32_t make(uint8_t *data, uint32_t number, bool is_back)
{
	const struct lab_ends there = {.from = {2, 0, 0, 0, 0, 1}, .to = {2, 0, 0, 0, 0, 2}};
	const struct lab_ends back = {.from = {2, 0, 0, 0, 0, 2}, .to = {2, 0, 0, 0, 0, 1}};
	const struct shape shape = {.payload = (uint16_t)(LAB_FRAME_MIN - 26 + number % LENGTHS),
				    .seed = number + 1};
	struct frame f;

	frame_make(&f, &shape, is_back ? &back : &there);
	memcpy(data, f.data, f.len);
	return f.len;
}

static int send_one(uint32_t number)
{
	struct plx_mbuf *m = plx_mbuf_alloc(pool);
	uint8_t data[FRAME_ROOM];
	uint32_t len = make(data, number, false);

	want(m, "no mbuf");
	memcpy(plx_mbuf_append(m, (uint16_t)len), data, len);
	want(lab_send(0, 0, &m, 1), "frame %u", number);
	return 0;
}

static int check_one(const struct plx_mbuf *m, uint32_t number)
{
	uint8_t data[FRAME_ROOM];
	uint32_t len = make(data, number, true);

	want(m->pkt_len == len && m->nb_segs == 1, "frame %u: %u bytes, want %u", number,
	     m->pkt_len, len);
	want(memcmp(plx_mbuf_data(m), data, len) == 0, "frame %u of %u bytes: other bytes", number,
	     len);
	return 0;
}

static int bounce(uint32_t nb)
{
	uint64_t end = lab_ms() + LAB_PATIENCE_MS;
	uint32_t sent = 0, back = 0;

	while (back < nb) {
		struct plx_mbuf *pkts[LAB_BURST];
		uint32_t got;
		int bad = 0;

		while (sent < nb && sent - back < WINDOW)
			if (send_one(sent++))
				return 1;
		got = plx_port_rx_burst(0, 0, pkts, LAB_BURST);
		for (uint32_t i = 0; i < got && !bad; i++)
			bad = check_one(pkts[i], back++);
		plx_mbuf_free_bulk(pkts, got);
		if (bad)
			return 1;
		if (got > 0)
			end = lab_ms() + LAB_PATIENCE_MS;
		want(lab_ms() < end, "%u of %u sent have come back", back, sent);
	}
	printf("%u frames came back\n", back);
	return 0;
}

int main(int argc, char **argv)
{
	const struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1, .promisc = true};
	int taken = plx_init(argc, argv), ret;

	if (taken < 0)
		return plx_init_exit_status(taken, NULL, stdout);
	if (argc <= taken + 1)
		return 2;
	pool = lab_pool("peer", NB_MBUFS);
	if (!pool || plx_stop_on_signals() || lab_start(0, &conf, pool))
		return 1;
	ret = strcmp(argv[taken + 1], "sink") == 0 ? sink()
						   : bounce((uint32_t)atoi(argv[taken + 2]));
	plx_port_stop(0);
	lab_tell(0);
	plx_fini();
	return ret;
}
