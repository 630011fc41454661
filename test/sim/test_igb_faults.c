/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port on a card that misbehaves: each fault is told within a bounded time or counted, nothing is
 * overwritten, all packets come home, and the port works again when the card does.
 */
#include "igb_port_env.h"

enum { BEYOND_BYTES = 0x4000 };

/* The port failed, and said so; repaired by a stop and a start. */
static void failed_and_back(enum igb_sim_fault fault)
{
	env_wait(plx_load_acquire(&env.events[PLX_PORT_EVENT_ERROR]) > 0);
	cr_assert_eq(env.events[PLX_PORT_EVENT_ERROR], 1, "no error was told in %d ms",
		     ENV_WAIT_MS);
	cr_assert_eq(env_drain(), 0);
	env_send(4, 100);
	done(plx_port_stop(env.port));
	cr_assert_eq(plx_mempool_in_use(soft_pool), 0);
	if (fault < IGB_SIM_NB_FAULTS)
		igb_sim_fault(env.sim, fault, 0);
	env_start();
	env_traffic();
}

Test(igb_faults, a_transmit_unit_that_hangs)
{
	env_up(IGB_SIM_I350);
	env_traffic();
	igb_sim_fault(env.sim, IGB_SIM_F_TX_HANG, 1);
	cr_assert_eq(env_send(20, 200), 20);
	failed_and_back(IGB_SIM_F_TX_HANG);
	assert_count(soft_xstat(env.port, "tx_hangs"), 1);
	env_clean();
	env_end();
}

Test(igb_faults, done_never_comes)
{
	env_up(IGB_SIM_82576);
	igb_sim_fault(env.sim, IGB_SIM_F_TX_NO_DD, 1);
	cr_assert_gt(env_send(100, 200), 50);
	failed_and_back(IGB_SIM_F_TX_NO_DD);
	env_clean();
	env_end();
}

/* Received, but never told: nothing comes, and nothing is wrong for who looks. */
Test(igb_faults, receive_done_never_comes)
{
	env_up(IGB_SIM_I210);
	igb_sim_fault(env.sim, IGB_SIM_F_RX_NO_DD, 1);
	for (unsigned i = 0; i < 10; i++)
		env_inject(100, i);
	cr_assert_eq(env_drain(), 0);
	igb_sim_fault(env.sim, IGB_SIM_F_RX_NO_DD, 0);
	done(plx_port_stop(env.port));
	cr_assert_eq(plx_mempool_in_use(soft_pool), 0);
	env_start();
	env_traffic();
	env_clean();
	env_end();
}

static void each_is_an_error(enum igb_sim_fault fault, uint32_t value)
{
	struct plx_port_stats stats;

	env_up(IGB_SIM_I350);
	igb_sim_fault(env.sim, fault, value);
	for (unsigned i = 0; i < 30; i++)
		env_inject(100 + i, i);
	cr_assert_eq(env_drain(), 0, "a frame was passed up");
	stats = soft_stats(env.port);
	assert_count(stats.rx.errors, 30);
	assert_count(stats.rx.packets, 0);
	igb_sim_fault(env.sim, fault, 0);
	env_traffic();
	env_clean();
	env_end();
}

Test(igb_faults, lengths_beyond_the_buffer)
{
	each_is_an_error(IGB_SIM_F_RX_LENGTH, BEYOND_BYTES);
}

Test(igb_faults, error_bits)
{
	each_is_an_error(IGB_SIM_F_RX_STATUS, 1u << 31);
}

/* Longer than the ring is: the chain does not grow for ever. */
Test(igb_faults, the_end_of_a_packet_never_comes)
{
	env_up(IGB_SIM_82580);
	igb_sim_fault(env.sim, IGB_SIM_F_RX_NO_EOP, 1);
	for (unsigned i = 0; i < 2000; i++) {
		env_inject(100, i);
		cr_assert_eq(env_drain(), 0);
	}
	/* All of it is one frame; without scatter its second piece is one too many. */
	assert_count(soft_stats(env.port).rx.errors, 1);
	assert_count(soft_xstat(env.port, "rx_too_long"), 1);
	cr_assert_leq(plx_mempool_in_use(soft_pool), (unsigned)ENV_RING, "%u are held",
		      (unsigned)plx_mempool_in_use(soft_pool));
	igb_sim_fault(env.sim, IGB_SIM_F_RX_NO_EOP, 0);
	/* What is left of the last one ends with the next frame. */
	env_inject(100, 0);
	env_drain();
	env_traffic();
	env_clean();
	env_end();
}

static void removed_by(enum igb_sim_fault fault, uint32_t value)
{
	struct plx_mbuf *m;

	env_up(IGB_SIM_I350);
	env_traffic();
	igb_sim_fault(env.sim, fault, value);
	for (unsigned i = 0; i < 20; i++) {
		uint8_t frame[100];

		env_frame(frame, sizeof(frame), i);
		(void)igb_sim_inject(env.sim, frame, sizeof(frame), 0);
		m = packet_new(soft_pool, 100, i);
		plx_port_tx_or_drop(env.port, 0, &m, 1);
	}
	env_wait(plx_load_acquire(&env.events[PLX_PORT_EVENT_REMOVED]) > 0);
	cr_assert_eq(env.events[PLX_PORT_EVENT_REMOVED], 1, "nothing was told in %d ms",
		     ENV_WAIT_MS);
	env_drain();
	env_send(4, 100);
	done(plx_port_stop(env.port));
	cr_assert_eq(plx_mempool_in_use(soft_pool), 0);
	cr_assert_neq(plx_port_start(env.port), 0);
	env_clean();
	env_end();
}

Test(igb_faults, removed_in_mid_burst)
{
	removed_by(IGB_SIM_F_GONE_AFTER, 7);
}

Test(igb_faults, registers_read_as_ones)
{
	removed_by(IGB_SIM_F_GONE_ONES, 1);
}

Test(igb_faults, registers_read_as_zeros)
{
	removed_by(IGB_SIM_F_GONE_ZEROS, 1);
}

static int unmap(const struct plx_mem_segment *segment, void *arg)
{
	(void)arg;
	return igb_sim_dma_unmap(env.sim, segment->addr, segment->len_bytes);
}

static int map(const struct plx_mem_segment *segment, void *arg)
{
	(void)arg;
	return igb_sim_dma_map(env.sim, segment->addr, segment->len_bytes);
}

/* The IOMMU refuses a transfer: the card says so, and so does the port. */
Test(igb_faults, an_iommu_fault)
{
	env_up(IGB_SIM_I350);
	cr_assert_eq(plx_mem_walk(unmap, NULL), 0);
	env_inject(100, 0);
	cr_assert_gt(igb_sim_violations(env.sim, IGB_SIM_V_DMA), 0);
	cr_assert_eq(env_drain(), 0);
	env_wait(plx_load_acquire(&env.events[PLX_PORT_EVENT_ERROR]) > 0);
	cr_assert_eq(plx_mem_walk(map, NULL), 0);
	igb_sim_violations_forget(env.sim);
	failed_and_back(IGB_SIM_NB_FAULTS);
	env_clean();
	env_end();
}

Test(igb_faults, a_fatal_error_of_the_bus)
{
	env_up(IGB_SIM_I354);
	igb_sim_event(env.sim, PLX_PCI_EVENT_ERROR);
	failed_and_back(IGB_SIM_NB_FAULTS);
	env_clean();
	env_end();
}

Test(igb_faults, bus_mastering_is_turned_off_from_outside)
{
	env_up(IGB_SIM_I350);
	igb_sim_config_write(env.sim, 4, 2, 2);
	failed_and_back(IGB_SIM_NB_FAULTS);
	env_clean();
	env_end();
}

Test(igb_faults, reset_from_outside)
{
	env_up(IGB_SIM_I211);
	igb_sim_flr(env.sim);
	failed_and_back(IGB_SIM_NB_FAULTS);
	env_clean();
	env_end();
}

Test(igb_faults, interrupts_get_lost)
{
	struct plx_port_link link = {.up = true};

	env_up(IGB_SIM_I350);
	igb_sim_fault(env.sim, IGB_SIM_F_INTR_LOST, 1000);
	igb_sim_plug(env.sim, false);
	env_wait(plx_port_link(env.port, &link) == 0 && !link.up);
	cr_assert(!link.up, "the link is not down after %d ms", ENV_WAIT_MS);
	igb_sim_plug(env.sim, true);
	done(plx_port_link_wait(env.port, ENV_WAIT_MS, &link));
	env_traffic();
	env_clean();
	env_end();
}

Test(igb_faults, link_flaps)
{
	struct plx_port_link link;

	env_up(IGB_SIM_I350);
	for (unsigned i = 0; i < 100; i++) {
		link.up = true;
		igb_sim_plug(env.sim, false);
		env_wait(plx_port_link(env.port, &link) == 0 && !link.up);
		cr_assert(!link.up, "flap %u is not seen", i);
		env_send(4, 200);
		igb_sim_plug(env.sim, true);
		done(plx_port_link_wait(env.port, ENV_WAIT_MS, &link));
	}
	env_traffic();
	assert_count(soft_xstat(env.port, "rx_link_changes"), 201);
	env_clean();
	env_end();
}

/* What a dead process holds is taken after a bounded time. */
Test(igb_faults, a_semaphore_that_is_held_for_ever)
{
	static const enum igb_sim_fault held[] = {IGB_SIM_F_SMBI_HELD, IGB_SIM_F_SWESMBI_HELD,
						  IGB_SIM_F_FW_SYNC};
	static const char *const words[] = {"0x05b50", "SWSM", "SW_FW_SYNC"};

	env_up(IGB_SIM_I350);
	for (unsigned i = 0; i < 3; i++) {
		int ret;

		done(plx_port_stop(env.port));
		igb_sim_fault(env.sim, held[i], 0xff);
		ret = plx_port_start(env.port);
		/* The PHY can't be had, and a line says what holds it. */
		cr_assert_eq(ret, -ETIMEDOUT, "lock %u: %d", i, ret);
		cr_assert_geq(log_lines_with(words[i]), 1, "lock %u: %s", i, log_lines_text(0));
		cr_assert_eq(plx_mempool_in_use(soft_pool), 0);
		igb_sim_fault(env.sim, held[i], 0);
		log_lines_start();
		igb_sim_violations_forget(env.sim); /* of who takes a lock by force */
		env_start();
		env_traffic();
	}
	env_clean();
	env_end();
}
