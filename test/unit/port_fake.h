/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A driver for tests of the port layer: it counts what is alive and what was called, fails at the
 * call that the test names, gives packets on receive as it is told and keeps those sent.
 */
#ifndef TEST_PORT_FAKE_H
#define TEST_PORT_FAKE_H

#include "mbuf_env.h"

#include <pollux/port_driver.h>

enum fake_op {
	FAKE_NONE,
	FAKE_PROBE,
	FAKE_CONFIGURE,
	FAKE_RXQ,
	FAKE_TXQ,
	FAKE_START,
	FAKE_MTU_SET,
	FAKE_MAC_SET,
	FAKE_MAC_ADD,
	FAKE_MAC_DEL,
	FAKE_PROMISC_SET,
	FAKE_ALLMULTI_SET,
	FAKE_VLAN_FILTER,
	FAKE_RSS,
	FAKE_RSS_SET,
	FAKE_CLOCK,
	FAKE_INTR,
	FAKE_OPS,
};

enum { FAKE_KEPT_MAX = 64, FAKE_PKT_BYTES = 60, FAKE_RETA = 128, FAKE_KEY_BYTES = 40 };

static struct fake {
	enum fake_op fail;   /* this call fails with -EIO */
	unsigned fail_after; /* calls of it that succeed before */
	unsigned calls[FAKE_OPS];
	int nb_ports, nb_rxqs, nb_txqs, nb_started; /* alive */
	unsigned nb_forked, nb_updates;
	uint32_t can;
	bool no_burst;
	struct plx_port *last; /* probed last */
	struct plx_port_rss rss;
	unsigned vlan;
	bool vlan_on;
	uint64_t clock_ns;
	int32_t ppb;
	bool armed;
	bool promisc;
} fake;

static struct plx_mempool *fake_pool;

struct fake_priv {
	uint64_t nb_seen, nb_lost;
};

struct fake_rxq {
	struct plx_port_rxq base;
	uint64_t nb_truncated;
	uint32_t to_give;
};

struct fake_txq {
	struct plx_port_txq base;
	uint64_t nb_refused;
	uint32_t room;
	uint32_t nb_kept;
	struct plx_mbuf *kept[FAKE_KEPT_MAX];
};

static inline int fake_fails(enum fake_op op)
{
	fake.calls[op]++;
	if (fake.fail != op)
		return 0;
	if (fake.fail_after > 0) {
		fake.fail_after--;
		return 0;
	}
	fake.fail = FAKE_NONE;
	return -EIO;
}

static inline uint32_t fake_rx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct fake_rxq *q = queue;

	nb = nb < q->to_give ? nb : q->to_give;
	if (nb == 0)
		return 0;
	if (plx_mbuf_alloc_bulk(q->base.pool, pkts, nb) == 0) {
		plx_count(&q->base.stats.nombuf, nb);
		return 0;
	}
	q->to_give -= nb;
	for (uint32_t i = 0; i < nb; i++) {
		memset(plx_mbuf_append(pkts[i], FAKE_PKT_BYTES), 0, FAKE_PKT_BYTES);
		pkts[i]->port = q->base.port_id;
	}
	plx_count(&q->base.stats.packets, nb);
	plx_count(&q->base.stats.bytes, (uint64_t)nb * FAKE_PKT_BYTES);
	plx_count(&q->nb_truncated, 1);
	return nb;
}

static inline uint32_t fake_tx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct fake_txq *q = queue;
	uint32_t room = (q->room < FAKE_KEPT_MAX ? q->room : FAKE_KEPT_MAX) - q->nb_kept;

	if (nb > room)
		plx_count(&q->nb_refused, nb - room);
	nb = nb < room ? nb : room;
	for (uint32_t i = 0; i < nb; i++)
		q->kept[q->nb_kept++] = pkts[i];
	return nb;
}

/* What a card does when it has sent them. */
static inline void fake_send(struct fake_txq *q)
{
	for (uint32_t i = 0; i < q->nb_kept; i++)
		plx_count(&q->base.stats.bytes, q->kept[i]->pkt_len);
	plx_count(&q->base.stats.packets, q->nb_kept);
	plx_mbuf_free_bulk(q->kept, q->nb_kept);
	q->nb_kept = 0;
}

static inline void fake_info(struct plx_port *port, struct plx_port_info *info)
{
	(void)port;
	info->can = fake.can;
	info->rx_offloads = PLX_PORT_RX_SCATTER | PLX_PORT_RX_VLAN_FILTER;
	info->tx_offloads = PLX_PORT_TX_MULTI_SEGS;
	info->max_rx_queues = 4;
	info->max_tx_queues = PLX_PORT_QUEUES_MAX + 8;
	info->rx_ring = (struct plx_port_limits){.min = 32, .max = 1024, .step = 8};
	info->rx_ring_default = 256;
	info->max_mtu = 9000;
	info->max_macs = 4;
	info->rss_types = PLX_PORT_RSS_IPV4 | PLX_PORT_RSS_IPV6;
	info->rss_key_bytes = FAKE_KEY_BYTES;
	info->reta_size = FAKE_RETA;
}

static inline int fake_configure(struct plx_port *port)
{
	(void)port;
	return fake_fails(FAKE_CONFIGURE);
}

/* The bytes of a struct behind offset @from are zero: the last user of that memory left others. */
static inline void assert_zeros(const void *struct_, size_t from, size_t bytes)
{
	const unsigned char *at = struct_;

	for (size_t i = from; i < bytes; i++)
		assert_or_abort(at[i] == 0, "byte %zu is %#x", i, at[i]);
}

static inline int fake_rxq_setup(struct plx_port *port, struct plx_port_rxq *rxq)
{
	int ret = fake_fails(FAKE_RXQ);

	assert_or_abort(!port->rxqs[rxq->queue], "the old one is not gone first");
	assert_or_abort(rxq->port == port && rxq->port_id == port->id && rxq->pool &&
				rxq->nb_desc && !rxq->burst,
			"the base is not filled in");
	assert_zeros(rxq, offsetof(struct fake_rxq, to_give), sizeof(struct fake_rxq));
	if (ret == 0)
		fake.nb_rxqs++;
	else
		memset((char *)rxq + sizeof(*rxq), 0x5a, sizeof(struct fake_rxq) - sizeof(*rxq));
	return ret;
}

static inline int fake_txq_setup(struct plx_port *port, struct plx_port_txq *txq)
{
	int ret = fake_fails(FAKE_TXQ);

	assert_or_abort(!port->txqs[txq->queue], "the old one is not gone first");
	assert_or_abort(txq->port == port && txq->port_id == port->id && txq->nb_desc &&
				!txq->burst,
			"the base is not filled in");
	assert_zeros(txq, offsetof(struct fake_txq, room), sizeof(struct fake_txq));
	((struct fake_txq *)txq)->room = FAKE_KEPT_MAX;
	if (ret == 0)
		fake.nb_txqs++;
	return ret;
}

/* What is not set anew shows. */
static inline void fake_rxq_release(struct plx_port *port, struct plx_port_rxq *rxq)
{
	assert_or_abort(!port->rxqs[rxq->queue], "it can be found");
	fake.nb_rxqs--;
	memset(rxq, 0x5a, sizeof(struct fake_rxq));
}

static inline void fake_txq_release(struct plx_port *port, struct plx_port_txq *txq)
{
	struct fake_txq *q = (struct fake_txq *)txq;

	assert_or_abort(!port->txqs[txq->queue], "it can be found");
	plx_mbuf_free_bulk(q->kept, q->nb_kept);
	fake.nb_txqs--;
	memset(q, 0x5a, sizeof(*q));
}

static inline int fake_start(struct plx_port *port)
{
	int ret = fake_fails(FAKE_START);

	if (ret)
		return ret;
	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++)
		port->rxqs[i]->burst = fake.no_burst ? NULL : fake_rx_burst;
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++)
		port->txqs[i]->burst = fake_tx_burst;
	fake.nb_started++;
	return 0;
}

static inline void fake_stop(struct plx_port *port)
{
	fake.nb_started--;
	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++) {
		struct fake_rxq *q = (struct fake_rxq *)port->rxqs[i];

		plx_count(&q->base.stats.missed, q->to_give);
		q->to_give = 0;
	}
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++) {
		struct fake_txq *q = (struct fake_txq *)port->txqs[i];

		plx_count(&q->base.stats.dropped, q->nb_kept);
		plx_mbuf_free_bulk(q->kept, q->nb_kept);
		q->nb_kept = 0;
	}
}

static inline int fake_mtu_set(struct plx_port *port, uint32_t mtu)
{
	(void)port;
	(void)mtu;
	return fake_fails(FAKE_MTU_SET);
}

static inline int fake_mac_set(struct plx_port *port, const struct ether_addr *mac)
{
	(void)port;
	(void)mac;
	return fake_fails(FAKE_MAC_SET);
}

static inline int fake_mac_add(struct plx_port *port, const struct ether_addr *mac)
{
	(void)port;
	(void)mac;
	return fake_fails(FAKE_MAC_ADD);
}

static inline int fake_mac_del(struct plx_port *port, const struct ether_addr *mac)
{
	(void)port;
	(void)mac;
	return fake_fails(FAKE_MAC_DEL);
}

static inline int fake_promisc_set(struct plx_port *port, bool on)
{
	int ret = fake_fails(FAKE_PROMISC_SET);

	(void)port;
	if (ret == 0)
		fake.promisc = on;
	return ret;
}

static inline int fake_allmulti_set(struct plx_port *port, bool on)
{
	(void)port;
	(void)on;
	return fake_fails(FAKE_ALLMULTI_SET);
}

static inline int fake_vlan_filter(struct plx_port *port, unsigned vlan, bool on)
{
	(void)port;
	fake.vlan = vlan;
	fake.vlan_on = on;
	return fake_fails(FAKE_VLAN_FILTER);
}

static inline int fake_rss(struct plx_port *port, struct plx_port_rss *rss)
{
	(void)port;
	*rss = fake.rss;
	return fake_fails(FAKE_RSS);
}

static inline int fake_rss_set(struct plx_port *port, const struct plx_port_rss *rss)
{
	int ret = fake_fails(FAKE_RSS_SET);

	(void)port;
	if (ret == 0)
		fake.rss = *rss;
	return ret;
}

static inline int fake_clock_read(struct plx_port *port, uint64_t *ns)
{
	(void)port;
	*ns = fake.clock_ns;
	return fake_fails(FAKE_CLOCK);
}

static inline int fake_clock_set(struct plx_port *port, uint64_t ns)
{
	(void)port;
	fake.clock_ns = ns;
	return fake_fails(FAKE_CLOCK);
}

static inline int fake_clock_step(struct plx_port *port, int64_t ns)
{
	(void)port;
	fake.clock_ns += (uint64_t)ns;
	return fake_fails(FAKE_CLOCK);
}

static inline int fake_clock_rate(struct plx_port *port, int32_t ppb)
{
	(void)port;
	fake.ppb = ppb;
	return fake_fails(FAKE_CLOCK);
}

/* Descriptors that are none. */
enum { FAKE_INTR_FD = 1000000 };

static inline int fake_rxq_intr_fd(struct plx_port *port, unsigned queue)
{
	int ret = fake_fails(FAKE_INTR);

	assert_or_abort(port->conf.rx_intr && queue < port->conf.nb_rx_queues, "not checked");
	return ret ? ret : FAKE_INTR_FD + (int)queue;
}

static inline int fake_rxq_intr_arm(struct plx_port *port, unsigned queue, bool on)
{
	assert_or_abort(port->conf.rx_intr && queue < port->conf.nb_rx_queues, "not checked");
	fake.armed = on;
	return fake_fails(FAKE_INTR);
}

/* The "card" counts a hundred more at each look. */
static inline void fake_stats_update(struct plx_port *port)
{
	struct fake_priv *priv = port->priv;

	priv->nb_seen += 100;
	fake.nb_updates++;
	port->outside.rx.missed = priv->nb_lost;
}

static inline void fake_dump(struct plx_port *port, FILE *out)
{
	(void)port;
	fprintf(out, "  fake: yes\n");
}

static inline int fake_probe(struct plx_port *port, const struct plx_devargs *args)
{
	int ret = fake_fails(FAKE_PROBE);

	(void)args;
	if (ret)
		return ret;
	port->priv = calloc(1, sizeof(struct fake_priv));
	port->mac = (struct ether_addr){{2, 0, 0, 0, 0, (uint8_t)port->id}};
	fake.nb_ports++;
	fake.last = port;
	return 0;
}

static inline void fake_remove(struct plx_port *port)
{
	for (unsigned i = 0; i < PLX_PORT_QUEUES_MAX; i++) {
		assert_or_abort(!port->rxqs[i] && !port->txqs[i], "queue %u is there", i);
	}
	free(port->priv);
	fake.nb_ports--;
}

static inline void fake_forked(struct plx_port *port)
{
	fake.nb_forked += port->priv != NULL;
}

static const struct plx_port_ops fake_ops = {
	.info = fake_info,
	.configure = fake_configure,
	.rxq_setup = fake_rxq_setup,
	.txq_setup = fake_txq_setup,
	.rxq_release = fake_rxq_release,
	.txq_release = fake_txq_release,
	.start = fake_start,
	.stop = fake_stop,
	.mtu_set = fake_mtu_set,
	.mac_set = fake_mac_set,
	.mac_add = fake_mac_add,
	.mac_del = fake_mac_del,
	.promisc_set = fake_promisc_set,
	.allmulti_set = fake_allmulti_set,
	.vlan_filter = fake_vlan_filter,
	.rss = fake_rss,
	.rss_set = fake_rss_set,
	.clock_read = fake_clock_read,
	.clock_set = fake_clock_set,
	.clock_step = fake_clock_step,
	.clock_rate = fake_clock_rate,
	.rxq_intr_fd = fake_rxq_intr_fd,
	.rxq_intr_arm = fake_rxq_intr_arm,
	.stats_update = fake_stats_update,
	.dump = fake_dump,
};

/* Can do the least: no call that may be left out. */
static const struct plx_port_ops plain_ops = {
	.start = fake_start,
	.stop = fake_stop,
};

static const struct plx_devargs_key fake_keys[] = {
	{.name = "size", .help = "BYTES: of a packet"}, {.name = "many", .repeats = true}, {0}};

static const struct plx_port_counter fake_rxq_counters[] = {
	{"rx_truncated", offsetof(struct fake_rxq, nb_truncated), true}, {0}};
static const struct plx_port_counter fake_txq_counters[] = {
	{"tx_refused", offsetof(struct fake_txq, nb_refused), false}, {0}};
static const struct plx_port_counter fake_port_counters[] = {
	{"rx_seen", offsetof(struct fake_priv, nb_seen), false}, {0}};

static const struct plx_port_driver fake_driver = {
	.name = "net_fake",
	.keys = fake_keys,
	.ops = &fake_ops,
	.rxq_bytes = sizeof(struct fake_rxq),
	.txq_bytes = sizeof(struct fake_txq),
	.rxq_counters = fake_rxq_counters,
	.txq_counters = fake_txq_counters,
	.port_counters = fake_port_counters,
	.probe = fake_probe,
	.remove = fake_remove,
	.forked = fake_forked,
};

static const struct plx_port_driver plain_driver = {
	.name = "net_plain",
	.ops = &plain_ops,
	.rxq_bytes = sizeof(struct fake_rxq),
	.txq_bytes = sizeof(struct fake_txq),
	.probe = fake_probe,
	.remove = fake_remove,
};

static const struct plx_port_driver *const fake_drivers[] = {&fake_driver, &plain_driver, NULL};

static inline void start_ports(void)
{
	start_pools();
	fake = (struct fake){.can = 0x3ff};
	cr_assert_eq(plx_port_drivers_set(fake_drivers), 0);
	note_memory();
	fake_pool = packets_new("fake", 512, 0, 0);
}

/* Nothing of a port is left, nor of its packets. */
static inline void end_ports(void)
{
	plx_port_fini();
	assert_or_abort(fake.nb_ports == 0, "%d ports left", fake.nb_ports);
	assert_or_abort(fake.nb_rxqs == 0, "%d receive queues left", fake.nb_rxqs);
	assert_or_abort(fake.nb_txqs == 0, "%d transmit queues left", fake.nb_txqs);
	assert_or_abort(fake.nb_started == 0, "%d are started", fake.nb_started);
	end_packets(fake_pool);
	end_pools();
}

static inline unsigned attach(const char *device)
{
	unsigned port = PLX_PORT_NONE;
	int ret = plx_port_attach(device, &port);

	cr_assert_eq(ret, 0, "%s: %d, %s", device, ret, log_lines_text(0));
	return port;
}

/* An attached port, its queues set up. */
static inline unsigned setup(const char *device, unsigned nb_queues)
{
	unsigned port = attach(device);
	int ret = plx_port_setup(port, nb_queues, nb_queues, fake_pool);

	cr_assert_eq(ret, 0, "%d, %s", ret, log_lines_text(0));
	return port;
}

static inline unsigned started(const char *device, unsigned nb_queues)
{
	unsigned port = setup(device, nb_queues);
	int ret = plx_port_start(port);

	cr_assert_eq(ret, 0, "%d, %s", ret, log_lines_text(0));
	return port;
}

static inline struct fake_rxq *rxq_of(unsigned queue)
{
	return (struct fake_rxq *)fake.last->rxqs[queue];
}

static inline struct fake_txq *txq_of(unsigned queue)
{
	return (struct fake_txq *)fake.last->txqs[queue];
}

static inline enum plx_port_state state_of(unsigned port)
{
	struct plx_port_info info = {0};

	cr_assert_eq(plx_port_info(port, &info), 0);
	return info.state;
}

/* @call returned @want, after one line about it with @word in it. */
#define assert_refused(call, want, word)                                                           \
	do {                                                                                       \
		int ret_;                                                                          \
		log_lines_start();                                                                 \
		ret_ = (call);                                                                     \
		cr_assert_eq(ret_, (want), "%s: %d, want %d", #call, ret_, (want));                \
		assert_one_line("port", PLX_LOG_ERR, (word));                                      \
		log_lines_start();                                                                 \
	} while (0)

/* It failed as the driver said, which logs the line itself. */
#define assert_failed(call)                                                                        \
	do {                                                                                       \
		int ret_;                                                                          \
		log_lines_start();                                                                 \
		ret_ = (call);                                                                     \
		cr_assert_eq(ret_, -EIO, "%s: %d", #call, ret_);                                   \
		assert_no_line();                                                                  \
	} while (0)

#define assert_done(call)                                                                          \
	do {                                                                                       \
		int ret_;                                                                          \
		log_lines_start();                                                                 \
		ret_ = (call);                                                                     \
		cr_assert_eq(ret_, 0, "%s: %d, %s", #call, ret_, log_lines_text(0));               \
		assert_no_line();                                                                  \
	} while (0)

#endif
