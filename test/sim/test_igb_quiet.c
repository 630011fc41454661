/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the driver asks of the card, and when: a burst reads no register and rings one doorbell at
 * most; the counters are read though nobody asks for them.
 */
#include "igb_port_env.h"

#include <pollux/mmio.h>
#include <regs.h>

enum { BURST = 32, ROUNDS = 50, GOOD_PACKETS = 0x4074 };

/* Of this thread: the control thread may look at the card meanwhile. */
static const struct plx_mmio_hook *model;
static __thread unsigned nb_reads, nb_writes;

static bool on_read(void *arg, const volatile void *addr, unsigned bytes, uint64_t *value)
{
	(void)arg;
	nb_reads++;
	return model->read(model->arg, addr, bytes, value);
}

static bool on_write(void *arg, volatile void *addr, unsigned bytes, uint64_t value)
{
	(void)arg;
	nb_writes++;
	return model->write(model->arg, addr, bytes, value);
}

static const struct plx_mmio_hook counting = {on_read, on_write, NULL};

static void assert_cheap(const char *what, unsigned round)
{
	cr_assert_eq(nb_reads, 0, "%s %u reads %u registers", what, round, nb_reads);
	cr_assert_leq(nb_writes, 1, "%s %u writes %u registers", what, round, nb_writes);
	nb_writes = 0;
}

/* Frames of 60 to 1,999 bytes go out again; each third one wants a tag or is in two pieces. */
static void change(struct plx_mbuf **pkts, unsigned nb)
{
	for (unsigned i = 0; i < nb; i += 3) {
		struct plx_mbuf *more = plx_mbuf_alloc(soft_pool);

		pkts[i]->flags |= PLX_MBUF_F_TX_VLAN;
		pkts[i]->vlan_tci = (uint16_t)(i + 1);
		cr_assert_not_null(more);
		cr_assert_not_null(plx_mbuf_append(more, 50));
		cr_assert_eq(plx_mbuf_chain(pkts[i], more), 0);
	}
}

Test(igb_quiet, bursts_read_no_register_and_ring_once)
{
	static uint8_t frame[ENV_FRAME_MAX];

	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		const struct igb_sim_conf card = env_conf(type);
		struct plx_mbuf *pkts[BURST];
		unsigned rung = 0;

		env_attach(&card, "");
		env_setup(&(struct plx_port_conf){.nb_rx_queues = 1,
						  .nb_tx_queues = 1,
						  .mtu = 2100,
						  .rx_offloads = PLX_PORT_RX_SCATTER,
						  .tx_offloads = PLX_PORT_TX_VLAN_INSERT |
								 PLX_PORT_TX_MULTI_SEGS});
		env_start();
		model = plx_mmio_hook;
		plx_mmio_hook = &counting;
		for (unsigned round = 0; round < ROUNDS; round++) {
			for (unsigned i = 0; i < BURST; i++)
				env_inject(60 + (round * 61 + i * 97) % 1940, i);
			nb_reads = nb_writes = 0;
			cr_assert_eq(plx_port_rx_burst(env.port, 0, pkts, BURST), BURST);
			rung += nb_writes;
			assert_cheap("receive", round);
			change(pkts, BURST);
			cr_assert_eq(plx_port_tx_burst(env.port, 0, pkts, BURST), BURST);
			rung += nb_writes;
			assert_cheap("transmit", round);
			while (igb_sim_take(env.sim, frame, sizeof(frame)) != IGB_SIM_NONE)
				;
		}
		plx_mmio_hook = model;
		cr_assert_geq(rung, ROUNDS, "%u doorbells: they are not seen", rung);
		env_clean();
		env_end();
	}
}

/* A second after a frame it is in the port's counters, and the register is empty. */
static void wait_until_read(void)
{
	cr_assert_gt(igb_sim_peek(env.sim, GOOD_PACKETS), 0, "the card does not count");
	env_wait(igb_sim_peek(env.sim, GOOD_PACKETS) == 0);
	cr_assert_eq(igb_sim_peek(env.sim, GOOD_PACKETS), 0, "nobody reads it");
}

Test(igb_quiet, counters_are_read_though_nobody_asks)
{
	unsigned before;

	env_up(IGB_SIM_I350);
	for (unsigned i = 1; i <= 3; i++) {
		before = igb_sim_peek(env.sim, GOOD_PACKETS);
		env_inject(100, i);
		cr_assert_eq(igb_sim_peek(env.sim, GOOD_PACKETS), before + 1);
		wait_until_read();
	}
	cr_assert_eq(env_drain(), 3);
	assert_count(soft_xstat(env.port, "rx_good_packets"), 3);
	assert_count(soft_xstat(env.port, "rx_saturated_counters"), 0);
	env_clean();
	env_end();
}
