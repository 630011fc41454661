/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lab_igb_forward [EAL options] -- [MTU]: what comes in by port 0 goes out by port 1 and the other
 * way round, untouched and without loss: a full queue is tried again. Jumbo frames are chains of
 * common mbufs. Ends with a frame whose type is 88B6h, which still goes through, or by a signal;
 * then prints all counters that are not 0.
 */
#include "lab_igb.h"

enum {
	NB_MBUFS = 8192,
	NB_PORTS = 2,
	END_TYPE = 0x88b6, /* IEEE 802, for experiments */
	END_MS = 200,	   /* for what is behind the last frame, if anything is */
};

static bool is_end(const struct plx_mbuf *m)
{
	const uint8_t *type = (const uint8_t *)plx_mbuf_data(m) + 2 * ETHER_ADDR_LEN;

	return type[0] == END_TYPE >> 8 && type[1] == (END_TYPE & 0xff);
}

static uint64_t forward(uint64_t end_ms)
{
	struct plx_mbuf *pkts[LAB_BURST];

	for (unsigned port = 0; port < NB_PORTS; port++) {
		uint32_t nb = plx_port_rx_burst(port, 0, pkts, LAB_BURST);

		if (nb == 0)
			continue;
		if (is_end(pkts[nb - 1]) && end_ms == UINT64_MAX)
			end_ms = lab_ms() + END_MS;
		if (!lab_send(!port, 0, pkts, nb))
			return 0;
	}
	return end_ms;
}

int main(int argc, char **argv)
{
	struct plx_port_conf conf = {
		.nb_rx_queues = 1,
		.nb_tx_queues = 1,
		.rx_offloads = PLX_PORT_RX_SCATTER,
		.tx_offloads = PLX_PORT_TX_MULTI_SEGS,
		.mtu = ETHERMTU,
		.promisc = true,
	};
	int taken = plx_init(argc, argv);
	struct plx_mempool *pool;
	uint64_t end_ms = UINT64_MAX;
	uint32_t nb;

	if (taken < 0)
		return plx_init_exit_status(taken, NULL, stdout);
	if (argc > taken + 1)
		conf.mtu = (uint32_t)atoi(argv[taken + 1]);
	pool = lab_pool("forward", NB_MBUFS);
	if (!pool)
		return 1;
	if (plx_stop_on_signals() || lab_start(0, &conf, pool) || lab_start(1, &conf, pool))
		return 1;
	printf("forwarding %u\n", conf.mtu);
	fflush(stdout);
	while (!plx_stop_requested() && lab_ms() < end_ms)
		end_ms = forward(end_ms);
	for (unsigned port = 0; port < NB_PORTS; port++)
		plx_port_stop(port);
	for (unsigned port = 0; port < NB_PORTS; port++)
		lab_tell(port);
	nb = plx_mempool_in_use(pool);
	if (nb > 0)
		printf("%u mbufs are not at home\n", nb);
	plx_fini();
	return nb > 0;
}
