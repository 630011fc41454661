/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The igb driver as a port, on the model: offloads as they come out on the wire and in the mbuf,
 * faults as the application is told of them, packets that are under way when it stops.
 */
#include <igb_private.h>
#include <pollux/port_ctl.h>
#include <pollux/port_stats.h>
#include <unistd.h>

#include "../unit/mbuf_env.h"
#include "sim.h"
#include "sim_bus.h"

extern const struct plx_port_driver plx_net_igb_driver;

enum { MBUFS = 2048, WAIT_MS = 10000, FRAME_ROOM = 16384 };

static const struct plx_port_driver *const drivers[] = {&plx_net_igb_driver, NULL};
static struct plx_mempool *pool;
static struct igb_sim *card;
static unsigned port;
static unsigned events[3]; /* by enum plx_port_event; atomic */

static void on_event(unsigned id, enum plx_port_event event, void *arg)
{
	(void)id;
	(void)arg;
	plx_fetch_add_relaxed(&events[event], 1);
}

#define done(call)                                                                                 \
	do {                                                                                       \
		int ret_ = (call);                                                                 \
		cr_assert_eq(ret_, 0, "line %d: %s: %d, %s", __LINE__, #call, ret_,                \
			     log_lines_text(0));                                                   \
	} while (0)

#define wait_for(cond)                                                                             \
	do {                                                                                       \
		bool is_there_ = false;                                                            \
		for (int ms_ = 0; ms_ < WAIT_MS && !(is_there_ = (cond)); ms_++)                   \
			usleep(1000);                                                              \
		cr_assert(is_there_, "line %d: %s did not come, %s", __LINE__, #cond,              \
			  log_lines_text(0));                                                      \
	} while (0)

static void attach(enum igb_sim_type type, const char *args)
{
	const struct igb_sim_conf conf = {.type = type, .link_delay_us = 2000};
	struct plx_pci_dev *dev;

	start_pools();
	done(plx_port_drivers_set(drivers));
	pool = packets_new("port", MBUFS, 0, 0);
	log_lines_start();
	done(igb_sim_create(&conf, &card));
	done(igb_sim_open(card, "0000:5a:00.0", &dev));
	done(plx_port_attach_pci(dev, args, &port));
	done(plx_port_event_add(port, on_event, NULL));
}

static void start(uint32_t rx_offloads, uint32_t tx_offloads, uint32_t mtu)
{
	const struct plx_port_conf conf = {.nb_rx_queues = 1,
					   .nb_tx_queues = 1,
					   .mtu = mtu,
					   .promisc = true,
					   .rx_offloads = rx_offloads,
					   .tx_offloads = tx_offloads};
	const struct plx_port_rxq_conf rxq = {.pool = pool, .node = PLX_NODE_ANY};

	done(plx_port_configure(port, &conf));
	done(plx_port_rxq_setup(port, 0, &rxq));
	done(plx_port_txq_setup(port, 0, NULL));
	done(plx_port_start(port));
	done(plx_port_link_wait(port, WAIT_MS, NULL));
}

static void end(bool is_sound)
{
	plx_port_stop(port);
	done(plx_port_detach(port));
	if (is_sound)
		cr_assert_eq(igb_sim_violations(card, IGB_SIM_NB_VIOLATIONS), 0, "%s",
			     igb_sim_violation_text(card, 0));
	igb_sim_destroy(card);
	plx_port_fini();
	assert_all_home(pool);
	plx_mbuf_pool_destroy(pool);
	end_pools();
}

static struct plx_port_stats stats(void)
{
	struct plx_port_stats s;

	done(plx_port_stats(port, &s));
	return s;
}

static struct plx_mbuf *receive(void)
{
	struct plx_mbuf *m = NULL;

	wait_for(plx_port_rx_burst(port, 0, &m, 1) == 1);
	return m;
}

static void send(struct plx_mbuf *m)
{
	cr_assert_eq(plx_port_tx_burst(port, 0, &m, 1), 1);
}

static int taken(unsigned char *frame)
{
	int len;

	wait_for((len = igb_sim_take(card, frame, FRAME_ROOM)) != IGB_SIM_NONE);
	return len;
}

/* ---- The table of ids ---- */

Test(igb_port, every_id_is_found)
{
	for (const struct igb_id *id = plx_igb_ids; id->name; id++) {
		const struct plx_pci_id pci = {.vendor = IGB_PCI_VENDOR, .device = id->device};

		cr_assert_not_null(plx_pci_id_match(plx_net_igb_driver.pci_ids, &pci), "%04x",
				   id->device);
	}
	for (const struct plx_pci_id *pci = plx_net_igb_driver.pci_ids; pci->vendor; pci++)
		cr_assert_not_null(plx_igb_id_find(pci->vendor, pci->device), "%04x", pci->device);
}

/* ---- What is told to the card ---- */

/* Prefetch, host and write-back thresholds: of receive, of transmit. */
Test(igb_port, thresholds)
{
	static const uint32_t rx[] = {
		[IGB_SIM_82576] = 0x10808, [IGB_SIM_82580] = 0x40808, [IGB_SIM_I350] = 0x40808,
		[IGB_SIM_I354] = 0x4080c,  [IGB_SIM_I210] = 0x40808,  [IGB_SIM_I211] = 0x40808};
	static const uint32_t tx[] = {
		[IGB_SIM_82576] = 0x108, [IGB_SIM_82580] = 0x108, [IGB_SIM_I350] = 0x108,
		[IGB_SIM_I354] = 0x114,	 [IGB_SIM_I210] = 0x108,  [IGB_SIM_I211] = 0x108};

	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		uint32_t is;

		attach(type, "");
		start(0, 0, 0);
		is = igb_sim_peek(card, IGB_RXDCTL(0));
		cr_expect_eq(is, rx[type] | IGB_DCTL_ENABLE, "type %u: RXDCTL %#x", type, is);
		is = igb_sim_peek(card, IGB_TXDCTL(0));
		cr_expect_eq(is, tx[type] | IGB_DCTL_ENABLE, "type %u: TXDCTL %#x", type, is);
		done(plx_port_event_del(port, on_event, NULL));
		end(true);
	}
}

/* ---- Offloads ---- */

/* An Ethernet header with or without a tag, and what follows. */
static uint32_t make_frame(unsigned char *frame, bool tagged, uint16_t tci, uint32_t len)
{
	uint32_t at = 12;

	memset(frame, 0x22, 12);
	frame[0] = 2;
	frame[6] = 2;
	if (tagged) {
		frame[at++] = 0x81;
		frame[at++] = 0;
		frame[at++] = (unsigned char)(tci >> 8);
		frame[at++] = (unsigned char)tci;
	}
	frame[at++] = 0x88;
	frame[at++] = 0xb5;
	for (; at < len; at++)
		frame[at] = byte_of(at, 3);
	return len;
}

static void assert_frame(const struct plx_mbuf *m, const unsigned char *frame, uint32_t len)
{
	cr_assert_eq(m->pkt_len, len, "%u bytes, want %u", m->pkt_len, len);
	cr_assert_arr_eq(plx_mbuf_mtod(m, unsigned char *), frame, len);
	assert_good(m);
}

Test(igb_port, vlan_strip)
{
	unsigned char tagged[200], plain[200];
	struct plx_mbuf *m;

	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		attach(type, "");
		start(PLX_PORT_RX_VLAN_STRIP, 0, 0);
		make_frame(tagged, true, 0x6123, 104);
		memcpy(plain, tagged, 12);
		memcpy(plain + 12, tagged + 16, 88);
		done(igb_sim_inject(card, tagged, 104, 0));
		m = receive();
		assert_frame(m, plain, 100);
		cr_assert_eq(m->vlan_tci, 0x6123);
		cr_assert_eq(m->flags, PLX_MBUF_F_RX_VLAN | PLX_MBUF_F_RX_VLAN_STRIPPED);
		plx_mbuf_free(m);
		end(true);
	}
}

/* What is inserted on the way out comes off on the way in, by one switch of the card: where that
 * was not asked for the tag is put back. */
Test(igb_port, vlan_insert_alone)
{
	unsigned char tagged[200], frame[FRAME_ROOM];
	struct plx_mbuf *m;

	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		attach(type, "");
		start(0, PLX_PORT_TX_VLAN_INSERT, 0);
		make_frame(tagged, true, 0x6123, 104);
		done(igb_sim_inject(card, tagged, 104, 0));
		m = receive();
		assert_frame(m, tagged, 104);
		cr_assert_eq(m->flags, 0);
		cr_assert_eq(stats().rx.bytes, 104);
		memmove(plx_mbuf_mtod(m, char *) + 12, plx_mbuf_mtod(m, char *) + 16, 88);
		cr_assert_eq(plx_mbuf_trim(m, 4), 0);
		m->flags |= PLX_MBUF_F_TX_VLAN;
		m->vlan_tci = 0x6123;
		send(m);
		cr_assert_eq(taken(frame), 104);
		cr_assert_arr_eq(frame, tagged, 104);
		end(true);
	}
}

Test(igb_port, stamps)
{
	unsigned char frame[2000];
	uint64_t last = 0;

	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		struct plx_port_info info;

		attach(type, "");
		done(plx_port_info(port, &info));
		cr_assert_eq((info.rx_offloads & PLX_PORT_RX_TIMESTAMP) != 0,
			     plx_igb_macs[type].has_rx_stamps);
		if (!(info.rx_offloads & PLX_PORT_RX_TIMESTAMP)) {
			end(true);
			continue;
		}
		start(PLX_PORT_RX_TIMESTAMP, 0, 0);
		last = 0;
		for (uint32_t len = 60; len <= 1514; len += 77) {
			struct plx_mbuf *m;

			make_frame(frame, false, 0, len);
			done(igb_sim_inject(card, frame, len, 0));
			m = receive();
			assert_frame(m, frame, len);
			cr_assert(m->flags & PLX_MBUF_F_RX_TIMESTAMP);
			cr_assert_gt(m->timestamp, last, "%s: %llu after %llu",
				     plx_igb_macs[type].name, (unsigned long long)m->timestamp,
				     (unsigned long long)last);
			last = m->timestamp;
			plx_mbuf_free(m);
		}
		end(true);
	}
}

Test(igb_port, jumbo_frames)
{
	static unsigned char frame[FRAME_ROOM];

	attach(IGB_SIM_I350, "");
	start(PLX_PORT_RX_SCATTER, PLX_PORT_TX_MULTI_SEGS, 9000);
	for (uint32_t len = 1500; len <= 9014; len += 313) {
		unsigned char back[FRAME_ROOM];
		struct plx_mbuf *m;

		make_frame(frame, false, 0, len);
		done(igb_sim_inject(card, frame, len, 0));
		m = receive();
		cr_assert_eq(m->pkt_len, len);
		cr_assert_eq(m->nb_segs, (len + 2047) / 2048);
		send(m);
		cr_assert_eq(taken(back), (int)len);
		cr_assert_arr_eq(back, frame, len);
	}
	end(true);
}

Test(igb_port, mac_loopback)
{
	unsigned char frame[200];
	struct plx_mbuf *m = NULL;

	attach(IGB_SIM_I350, "loopback=1");
	start(0, 0, 0);
	m = plx_mbuf_alloc(pool);
	make_frame(frame, false, 0, 100);
	memcpy(plx_mbuf_append(m, 100), frame, 100);
	send(m);
	m = receive();
	assert_frame(m, frame, 100);
	plx_mbuf_free(m);
	cr_assert_eq(igb_sim_take(card, frame, sizeof(frame)), IGB_SIM_NONE, "it went out");
	end(true);
}

/* ---- Faults ---- */

static void forward_until(const unsigned *event)
{
	unsigned char frame[60];
	struct plx_mbuf *m;

	make_frame(frame, false, 0, 60);
	for (int i = 0; plx_load_relaxed(event) == 0 && i < WAIT_MS; i++) {
		igb_sim_inject(card, frame, 60, 0);
		if (plx_port_rx_burst(port, 0, &m, 1) == 1 &&
		    plx_port_tx_burst(port, 0, &m, 1) == 0)
			plx_mbuf_free(m);
		usleep(1000);
	}
	cr_assert_eq(plx_load_relaxed(event), 1, "%s", log_lines_text(0));
}

/* Bursts say "nothing", and the port works again after the next start. */
static void recovers(void)
{
	struct plx_mbuf *m = NULL;
	unsigned char frame[60];

	for (int i = 0; i < 100; i++)
		if (plx_port_rx_burst(port, 0, &m, 1) == 1)
			plx_mbuf_free(m);
	m = packet_new(pool, 60, 0);
	cr_assert_eq(plx_port_tx_burst(port, 0, &m, 1), 0);
	plx_mbuf_free(m);
	done(plx_port_stop(port));
	assert_all_home(pool);
	done(plx_port_start(port));
	done(plx_port_link_wait(port, WAIT_MS, NULL));
	make_frame(frame, false, 0, 60);
	done(igb_sim_inject(card, frame, 60, 0));
	m = receive();
	assert_frame(m, frame, 60);
	plx_mbuf_free(m);
}

Test(igb_port, reset_from_outside)
{
	attach(IGB_SIM_I350, "");
	start(0, 0, 0);
	igb_sim_flr(card);
	igb_sim_config_write(card, 4, 2, 6);
	forward_until(&events[PLX_PORT_EVENT_ERROR]);
	recovers();
	end(false);
}

Test(igb_port, bus_master_off)
{
	attach(IGB_SIM_82576, "");
	start(0, 0, 0);
	igb_sim_config_write(card, 4, 2, 2);
	forward_until(&events[PLX_PORT_EVENT_ERROR]);
	recovers();
	end(false);
}

Test(igb_port, bus_error)
{
	attach(IGB_SIM_I210, "");
	start(0, 0, 0);
	igb_sim_event(card, PLX_PCI_EVENT_ERROR);
	forward_until(&events[PLX_PORT_EVENT_ERROR]);
	recovers();
	end(true);
}

static void hangs(enum igb_sim_fault fault)
{
	attach(IGB_SIM_I350, "");
	start(0, 0, 0);
	igb_sim_fault(card, fault, 1);
	forward_until(&events[PLX_PORT_EVENT_ERROR]);
	igb_sim_fault(card, fault, 0);
	recovers();
	end(true);
}

Test(igb_port, transmit_hang)
{
	hangs(IGB_SIM_F_TX_HANG);
}

Test(igb_port, no_transmit_report)
{
	hangs(IGB_SIM_F_TX_NO_DD);
}

static void removed(enum igb_sim_fault fault)
{
	struct plx_mbuf *m;

	attach(IGB_SIM_I350, "");
	start(0, 0, 0);
	if (fault == IGB_SIM_NB_FAULTS)
		igb_sim_remove(card);
	else
		igb_sim_fault(card, fault, 1);
	forward_until(&events[PLX_PORT_EVENT_REMOVED]);
	for (int i = 0; i < 1000; i++)
		if (plx_port_rx_burst(port, 0, &m, 1) == 1)
			plx_mbuf_free(m);
	done(plx_port_stop(port));
	assert_all_home(pool);
	cr_assert_eq(plx_port_start(port), -ENODEV);
	end(false);
}

Test(igb_port, removed)
{
	removed(IGB_SIM_NB_FAULTS);
}

Test(igb_port, reads_as_ones)
{
	removed(IGB_SIM_F_GONE_ONES);
}

Test(igb_port, reads_as_zeros)
{
	removed(IGB_SIM_F_GONE_ZEROS);
}

/* ---- Stop ---- */

/* A link that is down sends nothing: what was taken is counted as dropped, and goes home. */
Test(igb_port, stop_with_the_link_down)
{
	struct plx_port_stats before, after;
	struct plx_mbuf *m;
	struct plx_port_link link;

	attach(IGB_SIM_I350, "");
	start(0, 0, 0);
	igb_sim_plug(card, false);
	wait_for(plx_port_link(port, &link) == 0 && !link.up);
	before = stats();
	for (unsigned i = 0; i < 40; i++) {
		m = packet_new(pool, 60, i);
		send(m);
	}
	done(plx_port_stop(port));
	after = stats();
	cr_assert_eq(after.tx.dropped - before.tx.dropped, 40, "%llu dropped",
		     (unsigned long long)(after.tx.dropped - before.tx.dropped));
	cr_assert_eq(after.tx.packets, before.tx.packets);
	assert_all_home(pool);
	end(true);
}

static void flaps(const char *args, unsigned nb)
{
	attach(IGB_SIM_I350, args);
	start(0, 0, 0);
	for (unsigned i = 0; i < nb; i++) {
		struct plx_port_link link;

		igb_sim_plug(card, false);
		wait_for(plx_port_link(port, &link) == 0 && !link.up);
		igb_sim_plug(card, true);
		wait_for(plx_port_link(port, &link) == 0 && link.up);
		cr_assert_eq(link.speed_mbps, 1000);
		cr_assert(link.full_duplex);
	}
	end(true);
}

Test(igb_port, link_flaps)
{
	flaps("", 20);
}

Test(igb_port, link_flaps_by_each_interrupt)
{
	static const char *const args[] = {"intr=msix", "intr=msi", "intr=intx", "intr=none"};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(args); i++)
		flaps(args[i], 4);
}
