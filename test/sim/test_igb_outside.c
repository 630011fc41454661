/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What others leave behind or do to the card, while nobody of us runs too: the next start finds out
 * and mends it, memory that is not ours any more is not written, the control thread is not drowned
 * in interrupts.
 */
#include "igb_port_env.h"

#include <pollux/mmio.h>
#include <regs.h>

enum { DEAD_SLOTS = 16, DEAD_BUFFER = 2048, STORM_LOOK_MS = 300, STORM_MAX = 20 };

static void poke(uint32_t reg, uint32_t value)
{
	plx_mmio_write32((volatile uint8_t *)igb_sim_bar(env.sim) + reg, value);
}

/* The kernel's `reset` file: a function level reset, then the header as it was found. */
static void reset_by_sysfs(void)
{
	uint32_t command = igb_sim_config_read(env.sim, 4, 2);

	igb_sim_flr(env.sim);
	igb_sim_config_write(env.sim, 4, 2, command);
}

static void up_as(enum igb_sim_type type, const char *args, const struct plx_port_conf *conf)
{
	const struct igb_sim_conf card = env_conf(type);

	env_attach(&card, args);
	env_setup(conf);
	env_start();
}

static void up(enum igb_sim_type type, const char *args)
{
	up_as(type, args, &(struct plx_port_conf){.nb_rx_queues = 1, .nb_tx_queues = 1});
}

/* ---- A process that died ---- */

static uint8_t dead_ring[4096] __attribute__((aligned(4096)));
static uint8_t dead_memory[DEAD_SLOTS * DEAD_BUFFER] __attribute__((aligned(4096)));

/* A receive queue with buffers, promiscuous, and frames that wait for bus mastering. */
static void die_in_the_middle(void)
{
	uint8_t frame[100];

	memset(dead_memory, 0xc5, sizeof(dead_memory));
	memset(frame, 0xff, sizeof(frame));
	done(igb_sim_dma_map(env.sim, dead_ring, sizeof(dead_ring)));
	done(igb_sim_dma_map(env.sim, dead_memory, sizeof(dead_memory)));
	igb_sim_config_write(env.sim, 4, 2, 6);
	poke(IGB_CTRL, IGB_CTRL_SLU);
	for (unsigned i = 0; i < DEAD_SLOTS; i++) {
		uint64_t *desc = (uint64_t *)(void *)(dead_ring + sizeof(uint64_t[2]) * i);

		desc[0] = (uintptr_t)dead_memory + (uint64_t)DEAD_BUFFER * i;
		desc[1] = 0;
	}
	poke(IGB_RDBAL(0), (uint32_t)(uintptr_t)dead_ring);
	poke(IGB_RDBAH(0), (uint32_t)((uintptr_t)dead_ring >> 32));
	poke(IGB_RDLEN(0), DEAD_SLOTS * sizeof(uint64_t[2]));
	poke(IGB_SRRCTL(0), IGB_SRRCTL_DESCTYPE_ADV | 2);
	poke(IGB_RXDCTL(0), 8 | 8 << 8 | 1 << 16 | IGB_DCTL_ENABLE);
	for (unsigned ms = 0; ms < ENV_WAIT_MS; ms++) {
		if (igb_sim_peek(env.sim, IGB_RXDCTL(0)) & IGB_DCTL_ENABLE)
			break;
		usleep(1000);
	}
	poke(IGB_RCTL, IGB_RCTL_EN | IGB_RCTL_UPE | IGB_RCTL_BAM | IGB_RCTL_LPE);
	poke(IGB_RDT(0), DEAD_SLOTS - 1);
	env_wait(igb_sim_peek(env.sim, IGB_STATUS) & IGB_STATUS_LU);
	/* Proof that it would write. */
	done(igb_sim_inject(env.sim, frame, sizeof(frame), 0));
	env_wait(dead_memory[0] == 0xff);
	cr_assert_eq(dead_memory[0], 0xff, "the queue does not take frames");
	memset(dead_memory, 0xc5, sizeof(dead_memory));
	igb_sim_config_write(env.sim, 4, 2, 2); /* opening it does this first of all */
	for (unsigned i = 0; i < DEAD_SLOTS / 2; i++)
		done(igb_sim_inject(env.sim, frame, sizeof(frame), 0));
}

static unsigned bytes_touched(void)
{
	unsigned nb = 0;

	for (size_t i = 0; i < sizeof(dead_memory); i++)
		nb += dead_memory[i] != 0xc5;
	return nb;
}

/* Its memory may belong to another by now. */
Test(igb_outside, attach_does_not_wake_the_dma_of_the_dead)
{
	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		const struct igb_sim_conf conf = env_conf(type);
		struct plx_pci_dev *dev;

		soft_start(&plx_net_igb_driver);
		done(igb_sim_create(&conf, &env.sim));
		die_in_the_middle();
		done(igb_sim_open(env.sim, "0000:5a:00.0", &dev));
		done(plx_port_attach_pci(dev, "", &env.port));
		cr_assert_eq(bytes_touched(), 0, "part %u: %u bytes", type, bytes_touched());
		cr_assert_eq(igb_sim_config_read(env.sim, 4, 2) & 4, 0, "bus mastering is on");
		done(plx_port_detach(env.port));
		cr_assert_eq(bytes_touched(), 0, "part %u: %u bytes", type, bytes_touched());
		igb_sim_destroy(env.sim);
		soft_end();
	}
}

/* ---- INTx is a level: what is not read or masked comes for ever ---- */

static void no_storm(void)
{
	uint64_t before, nb;

	igb_sim_plug(env.sim, false);
	igb_sim_cause(env.sim, IGB_INT_LSC);
	usleep(50000);
	before = igb_sim_intr_count(env.sim, 0);
	usleep(STORM_LOOK_MS * 1000);
	nb = igb_sim_intr_count(env.sim, 0) - before;
	cr_assert_lt(nb, STORM_MAX, "%llu interrupts in %d ms", (unsigned long long)nb,
		     STORM_LOOK_MS);
	igb_sim_plug(env.sim, true);
}

static void told(enum plx_port_event event)
{
	env_wait(plx_load_acquire(&env.events[event]) > 0);
	cr_assert_eq(env.events[event], 1, "event %d was not told in %d ms", (int)event,
		     ENV_WAIT_MS);
}

static void back(void)
{
	done(plx_port_stop(env.port));
	cr_assert_eq(plx_mempool_in_use(soft_pool), 0);
	env_start();
	env_traffic();
	env_clean();
	env_end();
}

Test(igb_outside, intx_without_bus_mastering)
{
	up(IGB_SIM_I350, "intr=intx");
	igb_sim_config_write(env.sim, 4, 2, 2);
	told(PLX_PORT_EVENT_ERROR);
	no_storm();
	back();
}

Test(igb_outside, intx_after_a_bus_error)
{
	up(IGB_SIM_82576, "intr=intx");
	igb_sim_event(env.sim, PLX_PCI_EVENT_ERROR);
	told(PLX_PORT_EVENT_ERROR);
	no_storm();
	back();
}

Test(igb_outside, intx_of_a_transmit_unit_that_hangs)
{
	up(IGB_SIM_I210, "intr=intx");
	igb_sim_fault(env.sim, IGB_SIM_F_TX_HANG, 1);
	cr_assert_eq(env_send(4, 100), 4);
	told(PLX_PORT_EVENT_ERROR);
	no_storm();
	igb_sim_fault(env.sim, IGB_SIM_F_TX_HANG, 0);
	back();
}

/* It is there until it is closed, and goes on signalling. */
Test(igb_outside, intx_when_the_kernel_asks_for_it)
{
	up(IGB_SIM_I350, "intr=intx");
	igb_sim_event(env.sim, PLX_PCI_EVENT_REQUEST);
	told(PLX_PORT_EVENT_REMOVED);
	no_storm();
	done(plx_port_stop(env.port));
	cr_assert_eq(plx_mempool_in_use(soft_pool), 0);
	env_clean();
	env_end();
}

/* ---- While the port is stopped ---- */

static const struct ether_addr own = {{0x02, 9, 9, 9, 9, 9}}, more = {{0x02, 7, 7, 7, 7, 7}};

static void assert_settings(void)
{
	cr_assert_eq(igb_sim_peek(env.sim, IGB_RAL(0)), 0x09090902, "%08x",
		     igb_sim_peek(env.sim, IGB_RAL(0)));
	cr_assert_eq(igb_sim_peek(env.sim, IGB_RAL(1)), 0x07070702, "%08x",
		     igb_sim_peek(env.sim, IGB_RAL(1)));
	cr_assert(igb_sim_peek(env.sim, IGB_VFTA(3)) & 1u << 4, "VLAN 100 is lost");
	cr_assert(igb_sim_peek(env.sim, IGB_CTRL_EXT) & IGB_CTRL_EXT_DRV_LOAD);
}

static void up_with_settings(void)
{
	up_as(IGB_SIM_I350, "",
	      &(struct plx_port_conf){.nb_rx_queues = 1,
				      .nb_tx_queues = 1,
				      .rx_offloads =
					      PLX_PORT_RX_TIMESTAMP | PLX_PORT_RX_VLAN_FILTER});
	done(plx_port_mac_set(env.port, &own));
	memcpy(env.mac, &own, 6);
	done(plx_port_mac_add(env.port, &more));
	done(plx_port_vlan_filter(env.port, 100, true));
	assert_settings();
}

/* The clock too: it counts, and stamps go on where they were. */
static uint64_t stamp_now(void)
{
	struct plx_mbuf *m;
	uint64_t ns;

	env_inject(100, 1);
	cr_assert_eq(plx_port_rx_burst(env.port, 0, &m, 1), 1, "no frame; %s", log_lines_text(0));
	cr_assert(m->flags & PLX_MBUF_F_RX_TIMESTAMP);
	ns = m->timestamp;
	plx_mbuf_free(m);
	return ns;
}

Test(igb_outside, a_reset_while_stopped)
{
	uint64_t first, second;

	up_with_settings();
	first = stamp_now();
	done(plx_port_stop(env.port));
	reset_by_sysfs();
	env_start();
	assert_settings();
	second = stamp_now();
	cr_assert(second > first && second - first < UINT64_C(60000000000), "%llu, then %llu",
		  (unsigned long long)first, (unsigned long long)second);
	env_traffic();
	env_clean();
	env_end();
}

Test(igb_outside, a_reset_while_stopped_and_no_header_afterwards)
{
	up_with_settings();
	done(plx_port_stop(env.port));
	igb_sim_flr(env.sim);
	cr_assert_eq(igb_sim_config_read(env.sim, 4, 2) & 2, 0, "it would not be deaf");
	env_start();
	assert_settings();
	env_traffic();
	env_clean();
	env_end();
}

/* A register of a queue that is not used: start does not write it, a reset does. */
#define MARK IGB_RDBAL(5)

static void mark(void)
{
	poke(MARK, 0x1000);
	cr_assert_eq(igb_sim_peek(env.sim, MARK), 0x1000);
}

/* What the error left in it is not known: it is reset, not only started. */
Test(igb_outside, a_bus_error_while_stopped)
{
	up(IGB_SIM_I354, "");
	done(plx_port_stop(env.port));
	igb_sim_event(env.sim, PLX_PCI_EVENT_ERROR);
	told(PLX_PORT_EVENT_ERROR);
	assert_count(soft_xstat(env.port, "rx_device_faults"), 1);
	mark();
	env_start();
	cr_assert_eq(igb_sim_peek(env.sim, MARK), 0, "it was not reset");
	env_traffic();
	env_clean();
	env_end();
}

/* The reset at the end of a stop does not end: the next start begins with one. */
Test(igb_outside, a_stop_that_fails)
{
	up(IGB_SIM_I350, "");
	igb_sim_fault(env.sim, IGB_SIM_F_RESET_STUCK, 1);
	done(plx_port_stop(env.port));
	cr_assert_eq(plx_mempool_in_use(soft_pool), 0);
	cr_assert_eq(igb_sim_config_read(env.sim, 4, 2) & 4, 0, "bus mastering is on");
	igb_sim_fault(env.sim, IGB_SIM_F_RESET_STUCK, 0);
	igb_sim_violations_forget(env.sim);
	mark();
	env_start();
	cr_assert_eq(igb_sim_peek(env.sim, MARK), 0, "it was not reset");
	env_traffic();
	env_clean();
	env_end();
}

/* ---- A port that only sends ---- */

Test(igb_outside, a_reset_of_a_port_that_only_sends)
{
	static const enum igb_sim_type types[] = {IGB_SIM_I350, IGB_SIM_82576};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(types); i++) {
		memset(env.events, 0, sizeof(env.events));
		up_as(types[i], "", &(struct plx_port_conf){.nb_rx_queues = 0, .nb_tx_queues = 1});
		cr_assert_eq(env_send(2, 100), 2);
		reset_by_sysfs();
		told(PLX_PORT_EVENT_ERROR);
		done(plx_port_stop(env.port));
		env_start();
		cr_assert_eq(env_send(2, 100), 2);
		env_clean();
		env_end();
	}
}

/* ---- What the driver leaves to others ---- */

/* The other end sees that the port is stopped, and a link when nobody has the card any more. */
Test(igb_outside, the_link_goes_with_the_port)
{
	const struct igb_sim_conf conf = env_conf(IGB_SIM_I210);
	static const enum igb_sim_type types[] = {IGB_SIM_I350, IGB_SIM_I210, IGB_SIM_82576};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(types); i++) {
		const struct igb_sim_conf own_conf = env_conf(types[i]);
		struct igb_sim *peer;
		volatile uint8_t *bar;

		env_attach(&own_conf, "");
		env_setup(&(struct plx_port_conf){.nb_rx_queues = 1, .nb_tx_queues = 1});
		done(igb_sim_create(&conf, &peer));
		igb_sim_config_write(peer, 4, 2, 6);
		bar = igb_sim_bar(peer);
		plx_mmio_write32(bar + IGB_CTRL, IGB_CTRL_SLU);
		done(igb_sim_connect(env.sim, peer));
		env_start();
		env_wait(igb_sim_peek(peer, IGB_STATUS) & IGB_STATUS_LU);
		cr_assert(igb_sim_peek(peer, IGB_STATUS) & IGB_STATUS_LU, "part %u", types[i]);
		done(plx_port_stop(env.port));
		env_wait(!(igb_sim_peek(peer, IGB_STATUS) & IGB_STATUS_LU));
		cr_assert_not(igb_sim_peek(peer, IGB_STATUS) & IGB_STATUS_LU, "part %u", types[i]);
		env_start();
		done(plx_port_stop(env.port));
		env_clean();
		done(plx_port_event_del(env.port, env_event, NULL));
		done(plx_port_detach(env.port));
		env_wait(igb_sim_peek(peer, IGB_STATUS) & IGB_STATUS_LU);
		cr_assert(igb_sim_peek(peer, IGB_STATUS) & IGB_STATUS_LU, "part %u: powered down",
			  types[i]);
		env_clean();
		igb_sim_destroy(peer);
		igb_sim_destroy(env.sim);
		soft_end();
	}
}

/* What is asked for by name is had, or it is an error. */
Test(igb_outside, interrupts_that_there_are_not)
{
	static const struct {
		const char *args;
		int want;
	} cases[] = {{"intr=msix", -ENOTSUP},
		     {"intr=msi", -ENOTSUP},
		     {"intr=intx", 0},
		     {"intr=auto", 0},
		     {"intr=none", 0}};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		struct igb_sim_conf conf = env_conf(IGB_SIM_I350);

		conf.intx_only = true;
		env_attach(&conf, cases[i].args);
		env_setup(&(struct plx_port_conf){.nb_rx_queues = 1, .nb_tx_queues = 1});
		log_lines_start();
		cr_assert_eq(plx_port_start(env.port), cases[i].want, "%s", cases[i].args);
		if (cases[i].want)
			assert_one_line("port", PLX_LOG_ERR, cases[i].args, "intr=auto");
		cr_assert_eq(igb_sim_config_read(env.sim, 4, 2) & 4, cases[i].want ? 0 : 4);
		env_clean();
		env_end();
	}
}

/* ---- What the card counts ---- */

/* Of each queue, beside what the driver counts; what somebody's reset zeroed is no wrap. */
Test(igb_outside, counters_of_queues)
{
	up_as(IGB_SIM_I350, "", &(struct plx_port_conf){.nb_rx_queues = 1, .nb_tx_queues = 1});
	for (unsigned i = 0; i < 20; i++)
		env_inject(100, i);
	cr_assert_eq(env_drain(), 20);
	cr_assert_eq(env_send(7, 200), 7);
	assert_count(soft_xstat(env.port, "rx_q0_card_packets"), 20);
	assert_count(soft_xstat(env.port, "rx_q0_card_bytes"), 20 * 104);
	assert_count(soft_xstat(env.port, "tx_q0_card_packets"), 7);
	assert_count(soft_xstat(env.port, "tx_q0_card_bytes"), 7 * 204);
	reset_by_sysfs();
	assert_count(soft_xstat(env.port, "rx_q0_card_packets"), 20);
	told(PLX_PORT_EVENT_ERROR);
	done(plx_port_stop(env.port));
	assert_count(soft_xstat(env.port, "rx_q0_card_packets"), 20);
	env_setup(&(struct plx_port_conf){.nb_rx_queues = 1, .nb_tx_queues = 1});
	env_start();
	env_inject(100, 0);
	cr_assert_eq(env_drain(), 1);
	assert_count(soft_xstat(env.port, "rx_q0_card_packets"), 21);
	assert_count(soft_xstat(env.port, "rx_q0_card_bytes"), 21 * 104);
	env_clean();
	env_end();
}

/* The counter of the I350's clock is full after 18 minutes: it is read while nobody receives. */
Test(igb_outside, the_clock_of_a_port_that_is_stopped)
{
	const uint64_t minutes_ns = UINT64_C(60000000000);
	uint64_t first, passed;

	up_with_settings();
	first = stamp_now();
	done(plx_port_stop(env.port));
	for (unsigned i = 0; i < 5; i++) {
		igb_sim_advance(env.sim, 5 * minutes_ns);
		usleep(1500000); /* for a look at it */
	}
	env_start();
	passed = stamp_now() - first;
	cr_assert(passed > 25 * minutes_ns && passed < 26 * minutes_ns, "%llu s passed",
		  (unsigned long long)(passed / 1000000000));
	env_clean();
	env_end();
}
