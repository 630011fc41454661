/* SPDX-License-Identifier: BSD-3-Clause */
/* net_null: what comes in, what goes out, what it counts, and what its device string takes. */
#include "soft_ports.h"

extern const struct plx_port_driver plx_net_null_driver;

enum { BURST = 32 };

static void start_null(void)
{
	soft_start(&plx_net_null_driver);
}

TestSuite(null_port, .init = start_null, .fini = soft_end);

Test(null_port, device_strings)
{
	assert_refused_device("net_null0,size=0", -EINVAL, "size");
	assert_refused_device("net_null0,size=65281", -EINVAL, "65280");
	assert_refused_device("net_null0,size=many", -EINVAL, "size");
	assert_refused_device("net_null0,copy=perhaps", -EINVAL, "copy");
	assert_refused_device("net_null0,no-rx=2", -EINVAL, "no-rx");
	assert_refused_device("net_null0,sise=64", -EINVAL, "'sise'");
	assert_refused_device("net_null0,size=64,size=65", -EINVAL, "size");
	soft_attach("net_null0,size=1,copy=1,no-rx=0");
	soft_attach("net_null1,size=65280,copy,no-rx");
	assert_no_line();
}

/* All mbufs hold something that must not be seen in what comes in. */
static void soil_mbufs(void)
{
	static struct plx_mbuf *pkts[SOFT_MBUFS];

	packets_make(pkts, SOFT_MBUFS, 300);
	for (uint32_t i = 0; i < SOFT_MBUFS; i++) {
		plx_mbuf_adj(pkts[i], 20);
		pkts[i]->flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_RX_VLAN;
		pkts[i]->offload = UINT64_MAX;
	}
	plx_mbuf_free_bulk(pkts, SOFT_MBUFS);
}

Test(null_port, frames_that_come_in)
{
	static const struct {
		const char *device;
		uint32_t len;
	} cases[] = {
		{"net_null0", 64},
		{"net_null1,size=1", 1},
		{"net_null2,size=2048", 2048},
		{"net_null3,size=0x40,copy=0", 64},
	};

	for (unsigned c = 0; c < PLX_ARRAY_SIZE(cases); c++) {
		unsigned port = soft_up(cases[c].device);
		struct plx_mbuf *pkts[BURST];

		soil_mbufs();
		assert_count(plx_port_rx_burst(port, 0, pkts, BURST), BURST);
		for (uint32_t i = 0; i < BURST; i++) {
			assert_good(pkts[i]);
			assert_count(pkts[i]->pkt_len, cases[c].len);
			assert_count(pkts[i]->data_len, cases[c].len);
			assert_count(pkts[i]->data_off, PLX_MBUF_HEADROOM);
			assert_count(pkts[i]->port, port);
			assert_count(pkts[i]->flags, 0);
			assert_count(pkts[i]->offload, 0);
		}
		plx_mbuf_free_bulk(pkts, BURST);
		assert_count(soft_stats(port).rx.packets, BURST);
		assert_count(soft_stats(port).rx.bytes, (uint64_t)BURST * cases[c].len);
	}
}

Test(null_port, copies)
{
	unsigned port = soft_up("net_null0,size=300,copy=1");
	const struct plx_mbuf *last;
	struct plx_mbuf *pkts[BURST];
	unsigned char *data;

	soil_mbufs();
	assert_count(plx_port_rx_burst(port, 0, pkts, BURST), BURST);
	for (uint32_t i = 0; i < BURST; i++) {
		data = plx_mbuf_data(pkts[i]);
		for (uint32_t b = 0; b < 300; b++)
			cr_assert_eq(data[b], 0, "byte %u is %u", b, data[b]);
		memset(data, 0xa5, 300);
	}
	/* What goes out does not come back. */
	assert_count(plx_port_tx_burst(port, 0, pkts, BURST), BURST);
	assert_count(plx_port_rx_burst(port, 0, pkts, 1), 1);
	last = pkts[0];
	data = plx_mbuf_data(last);
	cr_assert_eq(data[299], 0);
	plx_mbuf_free(pkts[0]);
	assert_count(soft_stats(port).tx.bytes, BURST * 300);
}

Test(null_port, nothing_comes_in)
{
	unsigned port = soft_up("net_null0,no-rx=1");
	struct plx_mbuf *pkts[BURST];

	assert_count(plx_port_rx_burst(port, 0, pkts, BURST), 0);
	packets_make(pkts, 3, 60);
	assert_count(plx_port_tx_burst(port, 0, pkts, 3), 3);
	assert_count(soft_stats(port).rx.packets, 0);
	assert_count(soft_stats(port).rx.nombuf, 0);
	assert_count(soft_stats(port).tx.packets, 3);
}

Test(null_port, a_pool_that_runs_short)
{
	struct plx_mempool *small = packets_new("small", 45, 0, 0), *first = soft_pool;
	struct plx_mbuf *pkts[2 * BURST];
	unsigned port;

	soft_pool = small;
	port = soft_up("net_null0");
	soft_pool = first;
	assert_count(plx_port_rx_burst(port, 0, pkts, BURST), BURST);
	/* What is there comes, the rest is counted. */
	assert_count(plx_port_rx_burst(port, 0, pkts + BURST, BURST), 45 - BURST);
	assert_count(soft_stats(port).rx.nombuf, 2 * BURST - 45);
	assert_count(plx_port_rx_burst(port, 0, pkts + 45, 1), 0);
	assert_count(soft_stats(port).rx.nombuf, 2 * BURST - 45 + 1);
	assert_count(soft_stats(port).rx.packets, 45);
	assert_count(soft_stats(port).rx.bytes, 45 * 64);
	for (unsigned i = 0; i < 45; i++)
		assert_good(pkts[i]);

	assert_count(plx_port_tx_burst(port, 0, pkts, 45), 45);
	assert_count(plx_port_rx_burst(port, 0, pkts, BURST), BURST);
	plx_mbuf_free_bulk(pkts, BURST);
	done(plx_port_stop(port));
	done(plx_port_detach(port));
	assert_all_home(small);
	plx_mbuf_pool_destroy(small);
}

Test(null_port, a_pool_of_small_mbufs)
{
	unsigned port = soft_attach("net_null0,size=2049");
	const struct plx_port_conf conf = {.nb_rx_queues = 1, .mtu = 2035};
	const struct plx_port_rxq_conf rxq = {.pool = soft_pool, .node = PLX_NODE_ANY};

	done(plx_port_configure(port, &conf));
	cr_assert_eq(plx_port_rxq_setup(port, 0, &rxq), -EINVAL);
	assert_one_line("port", PLX_LOG_ERR, "net_null0", "2049");
}

Test(null_port, packets_that_are_refused)
{
	unsigned port = soft_attach("net_null0");
	struct plx_port_info info;
	struct plx_mbuf *pkts[5];

	soft_setup(port, 0, 1, false, 1000);
	done(plx_port_start(port));
	done(plx_port_info(port, &info));
	pkts[0] = packet_new(soft_pool, (uint16_t)info.max_frame_bytes, 0);
	pkts[1] = packet_new(soft_pool, (uint16_t)(info.max_frame_bytes + 1), 0);
	pkts[2] = chain_new(3, 50);
	pkts[3] = packet_new(soft_pool, 1, 0);
	pkts[4] = packet_new(soft_pool, 64, 0);
	assert_count(plx_port_tx_burst(port, 0, pkts, 5), 5);
	assert_count(soft_stats(port).tx.packets, 3);
	assert_count(soft_stats(port).tx.bytes, info.max_frame_bytes + 65);
	assert_count(soft_stats(port).tx.errors, 2);
	assert_count(soft_xstat(port, "tx_too_long"), 1);
	assert_count(soft_xstat(port, "tx_chains_refused"), 1);

	/* The MTU may change while it runs. */
	done(plx_port_mtu_set(port, 9000));
	pkts[0] = packet_new(soft_pool, 2000, 0);
	assert_count(plx_port_tx_burst(port, 0, pkts, 1), 1);
	done(plx_port_mtu_set(port, 100));
	pkts[0] = packet_new(soft_pool, 2000, 0);
	assert_count(plx_port_tx_burst(port, 0, pkts, 1), 1);
	assert_count(soft_stats(port).tx.packets, 4);
	assert_count(soft_stats(port).tx.errors, 3);
}

Test(null_port, chains)
{
	static const char *const devices[] = {"net_null0", "net_null1,copy=1"};

	for (unsigned d = 0; d < 2; d++) {
		unsigned port = soft_attach(devices[d]);
		struct plx_mbuf *pkts[3];

		soft_setup(port, 0, 1, true, 65521);
		done(plx_port_start(port));
		pkts[0] = chain_new(32, 2000);
		pkts[1] = chain_new(34, 2000);
		pkts[2] = chain_new(2, 1);
		assert_count(plx_port_tx_burst(port, 0, pkts, 3), 3);
		assert_count(soft_stats(port).tx.packets, 2);
		assert_count(soft_stats(port).tx.bytes, 64002);
		assert_count(soft_stats(port).tx.errors, 1);
	}
}

Test(null_port, addresses)
{
	static const unsigned numbers[] = {0, 1, 255, 256, 1000};
	struct ether_addr macs[PLX_ARRAY_SIZE(numbers)];

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(numbers); i++) {
		char device[32];

		snprintf(device, sizeof(device), "net_null%u", numbers[i]);
		done(plx_port_mac(soft_attach(device), &macs[i]));
		cr_assert_eq(macs[i].ether_addr_octet[0] & 3, 2, "not a local unicast address");
		for (unsigned j = 0; j < i; j++)
			cr_assert_neq(memcmp(&macs[i], &macs[j], sizeof(macs[0])), 0,
				      "devices %u and %u have one address", numbers[j], numbers[i]);
	}
}

Test(null_port, mtu_fits_its_own_frames)
{
	unsigned port = soft_attach("net_null0,size=9014");
	struct plx_port_info info;
	uint32_t mtu;

	done(plx_port_info(port, &info));
	done(plx_port_mtu(port, &mtu));
	assert_count(mtu, 9000);
	assert_count(info.min_mtu, 9000);
	cr_assert_eq(plx_port_mtu_set(port, 8999), -EINVAL);
}

Test(null_port, many_queues)
{
	unsigned port = soft_attach("net_null0");
	struct plx_mbuf *pkts[4];

	soft_setup(port, PLX_PORT_QUEUES_MAX, PLX_PORT_QUEUES_MAX, false, 0);
	done(plx_port_start(port));
	for (unsigned q = 0; q < PLX_PORT_QUEUES_MAX; q++) {
		assert_count(plx_port_rx_burst(port, q, pkts, 4), 4);
		assert_count(plx_port_tx_burst(port, PLX_PORT_QUEUES_MAX - 1 - q, pkts, 4), 4);
	}
	assert_count(soft_stats(port).rx.packets, 4 * PLX_PORT_QUEUES_MAX);
	assert_count(soft_stats(port).tx.packets, 4 * PLX_PORT_QUEUES_MAX);
}
