/* SPDX-License-Identifier: BSD-3-Clause */
/* A port of net_igb on a card of the model, up in one line; the test is its link partner. */
#ifndef TEST_IGB_PORT_ENV_H
#define TEST_IGB_PORT_ENV_H

#include "../unit/soft_ports.h"

#include <unistd.h>

#include "sim_bus.h"

extern const struct plx_port_driver plx_net_igb_driver;

enum { ENV_WAIT_MS = 10000, ENV_FRAME_MAX = 16384, ENV_RING = 128 };

struct igb_env {
	struct igb_sim *sim;
	unsigned port;
	uint8_t mac[6];
	unsigned events[3]; /* atomic; by enum plx_port_event */
};

static struct igb_env env;

static inline void env_event(unsigned port, enum plx_port_event event, void *arg)
{
	(void)port;
	(void)arg;
	plx_store_release(&env.events[event], env.events[event] + 1);
}

/* Loop until @cond, a bounded time. */
#define env_wait(cond)                                                                             \
	for (unsigned us_ = 0; !(cond) && us_ < ENV_WAIT_MS * 1000u; us_ += 500)                   \
	usleep(500)

#define env_clean()                                                                                \
	cr_assert_eq(igb_sim_violations(env.sim, IGB_SIM_NB_VIOLATIONS), 0, "line %d: %s",         \
		     __LINE__, igb_sim_violation_text(env.sim, 0))

/* A card and its port, attached. @args: the device string's keys, or "". */
static inline void env_attach(const struct igb_sim_conf *conf, const char *args)
{
	struct plx_pci_dev *dev;
	struct ether_addr mac;
	int ret;

	soft_start(&plx_net_igb_driver);
	done(igb_sim_create(conf, &env.sim));
	done(igb_sim_open(env.sim, "0000:5a:00.0", &dev));
	ret = plx_port_attach_pci(dev, args, &env.port);
	cr_assert_eq(ret, 0, "attach: %d, %s", ret, log_lines_text(0));
	done(plx_port_mac(env.port, &mac));
	memcpy(env.mac, &mac, 6);
	done(plx_port_event_add(env.port, env_event, NULL));
}

/* A card that does its work at once, with timers that run. */
static inline struct igb_sim_conf env_conf(enum igb_sim_type type)
{
	return (struct igb_sim_conf){.type = type, .run = IGB_SIM_TICKED, .link_delay_us = 2000};
}

/* Rings that leave packets of soft_pool to send. */
static inline void env_setup(const struct plx_port_conf *conf)
{
	const struct plx_port_rxq_conf rxq = {
		.pool = soft_pool, .nb_desc = ENV_RING, .node = PLX_NODE_ANY};
	const struct plx_port_txq_conf txq = {.nb_desc = ENV_RING, .node = PLX_NODE_ANY};

	done(plx_port_configure(env.port, conf));
	for (unsigned i = 0; i < conf->nb_rx_queues; i++)
		done(plx_port_rxq_setup(env.port, i, &rxq));
	for (unsigned i = 0; i < conf->nb_tx_queues; i++)
		done(plx_port_txq_setup(env.port, i, &txq));
}

static inline void env_start(void)
{
	struct plx_port_link link;

	done(plx_port_start(env.port));
	done(plx_port_link_wait(env.port, ENV_WAIT_MS, &link));
}

static inline void env_up(enum igb_sim_type type)
{
	const struct igb_sim_conf conf = env_conf(type);

	env_attach(&conf, "");
	env_setup(&(struct plx_port_conf){.nb_rx_queues = 1, .nb_tx_queues = 1});
	env_start();
}

/* All packets and all memory are at home. The card goes last: the port holds it. */
static inline void env_end(void)
{
	plx_port_stop(env.port);
	done(plx_port_event_del(env.port, env_event, NULL));
	done(plx_port_detach(env.port));
	igb_sim_destroy(env.sim);
	soft_end();
}

/* A frame to the port; returns its length. */
static inline uint32_t env_frame(uint8_t *frame, uint32_t len, unsigned salt)
{
	memcpy(frame, env.mac, 6);
	memcpy(frame + 6, "\x02\0\0\0\0\x99\x88\xb5", 8);
	for (uint32_t i = 14; i < len; i++)
		frame[i] = byte_of(i, salt);
	return len;
}

static inline void env_inject(uint32_t len, unsigned salt)
{
	uint8_t frame[ENV_FRAME_MAX];
	int ret = igb_sim_inject(env.sim, frame, env_frame(frame, len, salt), 0);

	cr_assert_eq(ret, 0, "inject: %d", ret);
}

/* Packets of queue 0, freed; bursts until there are no more. */
static inline uint32_t env_drain(void)
{
	struct plx_mbuf *pkts[32];
	uint32_t nb, all = 0;

	while ((nb = plx_port_rx_burst(env.port, 0, pkts, 32)) > 0) {
		plx_mbuf_free_bulk(pkts, nb);
		all += nb;
	}
	return all;
}

/* Send @nb packets; returns how many were taken. */
static inline uint32_t env_send(uint32_t nb, uint16_t len)
{
	uint32_t taken = 0;

	for (uint32_t i = 0; i < nb; i++) {
		struct plx_mbuf *m = packet_new(soft_pool, len, i);

		taken += plx_port_tx_or_drop(env.port, 0, &m, 1);
	}
	return taken;
}

/* Both ways, whole. */
static inline void env_traffic(void)
{
	static uint8_t frame[ENV_FRAME_MAX], want[ENV_FRAME_MAX];

	env_drain();
	while (igb_sim_take(env.sim, frame, sizeof(frame)) != IGB_SIM_NONE)
		;
	for (unsigned i = 0; i < 40; i++) {
		uint32_t len = 60 + i * 37, nb;
		struct plx_mbuf *m;
		uint8_t *data;

		env_inject(len, i);
		nb = plx_port_rx_burst(env.port, 0, &m, 1);
		cr_assert_eq(nb, 1, "frame %u did not come; %s", i, log_lines_text(0));
		env_frame(want, len, i);
		cr_assert_eq(m->pkt_len, len);
		cr_assert_arr_eq(plx_mbuf_data(m), want, len);
		data = plx_mbuf_data(m);
		data[0] ^= 0x40;
		cr_assert_eq(plx_port_tx_burst(env.port, 0, &m, 1), 1);
		want[0] ^= 0x40;
		cr_assert_eq(igb_sim_take(env.sim, frame, sizeof(frame)), (int)len, "frame %u", i);
		cr_assert_arr_eq(frame, want, len);
	}
}

#endif
