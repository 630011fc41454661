/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of net_null, net_ring and net_tap share: ports of one driver, up in one line. */
#ifndef TEST_SOFT_PORTS_H
#define TEST_SOFT_PORTS_H

#include "mbuf_env.h"

#include <pollux/port.h>
#include <pollux/port_ctl.h>
#include <pollux/port_driver.h>
#include <pollux/port_stats.h>

enum { SOFT_MBUFS = 512 };

static const struct plx_port_driver *soft_drivers[2];
static struct plx_mempool *soft_pool;

static inline void soft_start(const struct plx_port_driver *driver)
{
	start_pools();
	soft_drivers[0] = driver;
	cr_assert_eq(plx_port_drivers_set(soft_drivers), 0);
	note_memory();
	soft_pool = packets_new("soft", SOFT_MBUFS, 0, 0);
	log_lines_start();
}

/* All packets are at home, and so is the memory of the ports. */
static inline void soft_end(void)
{
	plx_port_fini();
	end_packets(soft_pool);
	end_pools();
}

static inline unsigned soft_attach(const char *device)
{
	unsigned port = PLX_PORT_NONE;
	int ret = plx_port_attach(device, &port);

	cr_assert_eq(ret, 0, "%s: %d, %s", device, ret, log_lines_text(0));
	return port;
}

#define done(call)                                                                                 \
	do {                                                                                       \
		int ret_ = (call);                                                                 \
		cr_assert_eq(ret_, 0, "line %d: %s: %d, %s", __LINE__, #call, ret_,                \
			     log_lines_text(0));                                                   \
	} while (0)

/* With as many queues; @offloads: of each way, all that there are. */
static inline void soft_setup(unsigned port, unsigned nb_rx, unsigned nb_tx, bool offloads,
			      uint32_t mtu)
{
	struct plx_port_conf conf = {.nb_rx_queues = nb_rx, .nb_tx_queues = nb_tx, .mtu = mtu};
	const struct plx_port_rxq_conf rxq = {.pool = soft_pool, .node = PLX_NODE_ANY};
	struct plx_port_info info;

	done(plx_port_info(port, &info));
	if (offloads) {
		conf.rx_offloads = info.rx_offloads;
		conf.tx_offloads = info.tx_offloads;
	}
	done(plx_port_configure(port, &conf));
	for (unsigned i = 0; i < nb_rx; i++)
		done(plx_port_rxq_setup(port, i, &rxq));
	for (unsigned i = 0; i < nb_tx; i++)
		done(plx_port_txq_setup(port, i, NULL));
}

static inline unsigned soft_up(const char *device)
{
	unsigned port = soft_attach(device);

	soft_setup(port, 1, 1, false, 0);
	done(plx_port_start(port));
	return port;
}

static inline struct plx_port_stats soft_stats(unsigned port)
{
	struct plx_port_stats stats;

	done(plx_port_stats(port, &stats));
	return stats;
}

static inline uint64_t soft_xstat(unsigned port, const char *name)
{
	uint64_t value = 0;
	int ret = plx_port_xstat(port, name, &value);

	cr_assert_eq(ret, 0, "%s: %d", name, ret);
	return value;
}

#define assert_count(got, want)                                                                    \
	do {                                                                                       \
		unsigned long long got_ = (got), want_ = (want);                                   \
		cr_assert_eq(got_, want_, "line %d: %s is %llu, want %llu", __LINE__, #got, got_,  \
			     want_);                                                               \
	} while (0)

/* The device string is refused by one line that holds @word. */
#define assert_refused_device(device, error, word)                                                 \
	do {                                                                                       \
		unsigned port_ = 77;                                                               \
		int ret_;                                                                          \
		log_lines_start();                                                                 \
		ret_ = plx_port_attach((device), &port_);                                          \
		cr_assert_eq(ret_, (error), "line %d: %s: %d, want %d", __LINE__, (device), ret_,  \
			     (error));                                                             \
		assert_one_line("port", PLX_LOG_ERR, word);                                        \
		log_lines_start();                                                                 \
	} while (0)

/* @nb packets of @len bytes. */
static inline void packets_make(struct plx_mbuf **pkts, uint32_t nb, uint16_t len)
{
	for (uint32_t i = 0; i < nb; i++)
		pkts[i] = packet_new(soft_pool, len, i);
}

/* A chain of @nb_segs segments of @len bytes each. */
static inline struct plx_mbuf *chain_new(unsigned nb_segs, uint16_t len)
{
	struct plx_mbuf *head = packet_new(soft_pool, len, 0);

	for (unsigned i = 1; i < nb_segs; i++)
		cr_assert_eq(plx_mbuf_chain(head, packet_new(soft_pool, len, i)), 0);
	return head;
}

#endif
