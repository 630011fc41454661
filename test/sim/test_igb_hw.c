/* SPDX-License-Identifier: BSD-3-Clause */
/* The hardware layer after the attach, on the model: link, locks, NVM, clock, interrupts, dumps. */
#include "igb_model.h"

#include "../seed.h"

#include <phy.h>

static struct igb_model m;

static void start(enum igb_sim_type type)
{
	model_start(&m, &(struct igb_sim_conf){.type = type, .clock = IGB_SIM_CLOCK_MANUAL});
	cr_assert_eq(plx_igb_attach(&m.hw), 0, "%s", log_lines_text(0));
}

static void start_i350(void)
{
	start(IGB_SIM_I350);
}

static struct igb_link link_now(void)
{
	struct igb_link link;

	cr_assert_eq(plx_igb_link_read(&m.hw, &link), 0);
	return link;
}

enum { LINK_NS = 3000000000u };

Test(igb_hw, link_comes_up)
{
	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		struct igb_link link;

		start(type);
		cr_assert_eq(plx_igb_link_start(&m.hw, 0, IGB_FC_FULL), 0, "%s", log_lines_text(0));
		cr_assert_not(link_now().up, "%s: at once", m.hw.mac->name);
		igb_sim_advance(m.sim, LINK_NS);
		link = link_now();
		cr_assert(link.up, "%s", m.hw.mac->name);
		cr_assert_eq(link.speed_mbps, 1000);
		cr_assert(link.full_duplex);
		cr_assert_eq(link.fc, IGB_FC_FULL, "%s: %u", m.hw.mac->name, link.fc);
		cr_assert_eq(igb_sim_peek(m.sim, IGB_CTRL) & (IGB_CTRL_RFCE | IGB_CTRL_TFCE),
			     IGB_CTRL_RFCE | IGB_CTRL_TFCE);
		igb_sim_plug(m.sim, false);
		cr_assert_not(link_now().up, "%s: unplugged", m.hw.mac->name);
		igb_sim_plug(m.sim, true);
		igb_sim_advance(m.sim, LINK_NS);
		cr_assert(link_now().up, "%s: plugged in again", m.hw.mac->name);
		cr_assert_eq(plx_igb_link_stop(&m.hw), 0);
		cr_assert_not(link_now().up, "%s: stopped", m.hw.mac->name);
		cr_assert_eq(plx_igb_link_start(&m.hw, 0, IGB_FC_NONE), 0);
		igb_sim_advance(m.sim, LINK_NS);
		link = link_now();
		cr_assert(link.up, "%s: started again", m.hw.mac->name);
		cr_assert_eq(link.fc, IGB_FC_NONE);
		cr_assert_eq(igb_sim_peek(m.sim, IGB_CTRL) & (IGB_CTRL_RFCE | IGB_CTRL_TFCE), 0);
		plx_igb_detach(&m.hw);
		model_end(&m);
	}
}

/* What both can do, and the best of it. */
Test(igb_hw, link_is_negotiated)
{
	static const struct {
		uint32_t ours;
		unsigned partner;
		uint32_t mbps;
		bool full;
	} some[] = {
		{IGB_ADV_ALL, IGB_SIM_100F | IGB_SIM_10F, 100, true},
		{IGB_ADV_ALL, IGB_SIM_100H, 100, false},
		{IGB_ADV_10_FULL | IGB_ADV_10_HALF, 0x1f, 10, true},
		{IGB_ADV_100_HALF, 0x1f, 100, false},
		{IGB_ADV_1000_FULL, 0x1f, 1000, true},
	};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(some); i++) {
		struct igb_link link;

		start_i350();
		igb_sim_partner(m.sim, some[i].partner | IGB_SIM_PAUSE);
		cr_assert_eq(plx_igb_link_start(&m.hw, some[i].ours, IGB_FC_FULL), 0);
		igb_sim_advance(m.sim, LINK_NS);
		link = link_now();
		cr_assert(link.up, "%u", i);
		cr_assert_eq(link.speed_mbps, some[i].mbps, "%u: %u", i, link.speed_mbps);
		cr_assert_eq(link.full_duplex, some[i].full, "%u", i);
		cr_assert_eq(link.fc, some[i].full ? IGB_FC_FULL : IGB_FC_NONE, "%u: %u", i,
			     link.fc);
		model_end(&m);
	}
}

Test(igb_hw, pause_by_what_both_want)
{
	static const struct {
		enum igb_flow_control ours;
		unsigned partner;
		enum igb_flow_control want;
	} some[] = {
		{IGB_FC_FULL, IGB_SIM_PAUSE | IGB_SIM_ASYM_PAUSE, IGB_FC_FULL},
		{IGB_FC_FULL, IGB_SIM_ASYM_PAUSE, IGB_FC_RX_PAUSE},
		{IGB_FC_FULL, 0, IGB_FC_NONE},
		{IGB_FC_RX_PAUSE, IGB_SIM_PAUSE, IGB_FC_RX_PAUSE},
		{IGB_FC_RX_PAUSE, IGB_SIM_ASYM_PAUSE, IGB_FC_RX_PAUSE},
		{IGB_FC_TX_PAUSE, IGB_SIM_PAUSE | IGB_SIM_ASYM_PAUSE, IGB_FC_TX_PAUSE},
		{IGB_FC_TX_PAUSE, IGB_SIM_PAUSE, IGB_FC_NONE},
		{IGB_FC_NONE, IGB_SIM_PAUSE | IGB_SIM_ASYM_PAUSE, IGB_FC_NONE},
	};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(some); i++) {
		start_i350();
		igb_sim_partner(m.sim, 0x1f | some[i].partner);
		cr_assert_eq(plx_igb_link_start(&m.hw, 0, some[i].ours), 0);
		igb_sim_advance(m.sim, LINK_NS);
		cr_assert_eq(link_now().fc, some[i].want, "%u: %u", i, link_now().fc);
		model_end(&m);
	}
}

Test(igb_hw, link_refuses_and_fails)
{
	start_i350();
	cr_assert_eq(plx_igb_link_start(&m.hw, 0x20, IGB_FC_FULL), -EINVAL);
	assert_one_line("igb", PLX_LOG_ERR, "link", "0x20");
	log_lines_start();
	igb_sim_fault(m.sim, IGB_SIM_F_PHY_ERROR, 1);
	cr_assert_eq(plx_igb_link_start(&m.hw, 0, IGB_FC_FULL), -EIO);
	assert_one_line("igb", PLX_LOG_ERR, "did not answer");
	igb_sim_fault(m.sim, IGB_SIM_F_PHY_ERROR, 0);
	cr_assert_eq(igb_sim_peek(m.sim, IGB_SW_FW_SYNC) & 0xffff, 0, "the lock stays held");
	model_end(&m);
}

Test(igb_hw, link_of_a_card_that_is_gone)
{
	struct igb_link link;

	start_i350();
	cr_assert_eq(plx_igb_link_start(&m.hw, 0, IGB_FC_FULL), 0);
	igb_sim_advance(m.sim, LINK_NS);
	cr_assert(link_now().up);
	igb_sim_fault(m.sim, IGB_SIM_F_GONE_ONES, 1);
	cr_assert_eq(plx_igb_link_read(&m.hw, &link), -ENODEV);
	cr_assert_not(link.up, "all ones are no link");
	cr_assert_eq(plx_igb_down(&m.hw), -ENODEV);
	assert_one_line("igb", PLX_LOG_ERR, "gone");
	plx_igb_detach(&m.hw);
	igb_sim_destroy(m.sim);
}

Test(igb_hw, link_change_interrupts)
{
	start_i350();
	igb_sim_intr_mode(m.sim, IGB_SIM_MSIX, NULL, NULL);
	cr_assert_eq(plx_igb_intr_setup(&m.hw, IGB_INTR_MSIX, 8), 0);
	plx_igb_intr_other(&m.hw, true);
	cr_assert_eq(plx_igb_link_start(&m.hw, 0, IGB_FC_FULL), 0);
	igb_sim_advance(m.sim, LINK_NS);
	cr_assert_eq(igb_sim_intr_count(m.sim, 0), 1);
	cr_assert_eq(plx_igb_intr_causes(&m.hw), IGB_CAUSE_LINK);
	cr_assert_eq(plx_igb_intr_causes(&m.hw), 0, "the read has cleared it");
	for (unsigned i = 0; i < 5; i++) {
		igb_sim_plug(m.sim, false);
		cr_assert_eq(plx_igb_intr_causes(&m.hw), IGB_CAUSE_LINK, "%u", i);
		igb_sim_plug(m.sim, true);
		igb_sim_advance(m.sim, LINK_NS);
		cr_assert_eq(plx_igb_intr_causes(&m.hw), IGB_CAUSE_LINK, "%u", i);
	}
	cr_assert_eq(igb_sim_intr_count(m.sim, 0), 11, "%llu",
		     (unsigned long long)igb_sim_intr_count(m.sim, 0));
	plx_igb_intr_other(&m.hw, false);
	igb_sim_plug(m.sim, false);
	cr_assert_eq(igb_sim_intr_count(m.sim, 0), 11, "masked");
	model_end(&m);
}

Test(igb_hw, interrupts_reach_each_vector)
{
	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		unsigned nb;

		start(type);
		igb_sim_intr_mode(m.sim, IGB_SIM_MSIX, NULL, NULL);
		nb = igb_sim_nb_vectors(m.sim) - 1;
		nb = nb > m.hw.mac->nb_queues ? m.hw.mac->nb_queues : nb;
		cr_assert_eq(plx_igb_intr_setup(&m.hw, IGB_INTR_MSIX, nb), 0);
		for (unsigned q = 0; q < nb; q++) {
			igb_write(&m.hw, IGB_EICS, PLX_BIT(IGB_VECTOR_RXQ + q));
			cr_assert_eq(igb_sim_intr_count(m.sim, 1 + q), 0, "masked");
			plx_igb_intr_rxq(&m.hw, q, true);
			igb_write(&m.hw, IGB_EICS, PLX_BIT(IGB_VECTOR_RXQ + q));
			cr_assert_geq(igb_sim_intr_count(m.sim, 1 + q), 1, "%s vector %u",
				      m.hw.mac->name, 1 + q);
		}
		plx_igb_detach(&m.hw);
		model_end(&m);
	}
}

Test(igb_hw, locks)
{
	start_i350();
	cr_assert_eq(plx_igb_lock(&m.hw, IGB_SYNC_EEP), 0);
	cr_assert_eq(igb_sim_peek(m.sim, IGB_SW_FW_SYNC), IGB_SYNC_EEP);
	cr_assert_eq(igb_sim_peek(m.sim, IGB_SWSM) & 3, 0, "semaphores are held on");
	/* Another port's driver has it: this one waits, and gives up. */
	cr_assert_eq(plx_igb_lock(&m.hw, IGB_SYNC_EEP), -ETIMEDOUT);
	assert_one_line("igb", PLX_LOG_ERR, "SW_FW_SYNC", "another driver");
	plx_igb_unlock(&m.hw, IGB_SYNC_EEP);
	cr_assert_eq(igb_sim_peek(m.sim, IGB_SW_FW_SYNC), 0);

	log_lines_start();
	igb_sim_fault(m.sim, IGB_SIM_F_FW_SYNC, IGB_SYNC_EEP);
	cr_assert_eq(plx_igb_lock(&m.hw, IGB_SYNC_EEP), -ETIMEDOUT);
	assert_one_line("igb", PLX_LOG_ERR, "SW_FW_SYNC", "the firmware");
	cr_assert_eq(plx_igb_lock(&m.hw, IGB_SYNC_PHY0), 0, "another bit is free");
	plx_igb_unlock(&m.hw, IGB_SYNC_PHY0);
	igb_sim_fault(m.sim, IGB_SIM_F_FW_SYNC, 0);
	model_end(&m);
}

Test(igb_hw, nvm_words)
{
	uint16_t words[0x140], one;

	start_i350();
	cr_assert_eq(plx_igb_nvm_read(&m.hw, 0, 0x140, words), 0);
	cr_assert_eq(words[0], 0xa002, "%04x", words[0]);
	for (unsigned i = 0; i < 0x140; i += 37) {
		cr_assert_eq(plx_igb_nvm_read(&m.hw, i, 1, &one), 0);
		cr_assert_eq(one, words[i]);
	}
	cr_assert_eq(plx_igb_nvm_read(&m.hw, IGB_NVM_WORDS_MAX, 1, &one), -EINVAL);
	cr_assert_eq(plx_igb_nvm_read(&m.hw, 1, IGB_NVM_WORDS_MAX, words), -EINVAL);
	igb_sim_fault(m.sim, IGB_SIM_F_NVM_STUCK, 1);
	cr_assert_eq(plx_igb_nvm_read(&m.hw, 0, 1, &one), -ETIMEDOUT);
	igb_sim_fault(m.sim, IGB_SIM_F_NVM_STUCK, 0);
	cr_assert_eq(igb_sim_peek(m.sim, IGB_SW_FW_SYNC), 0);
	igb_sim_destroy(m.sim);
}

/* A section of another port may be damaged: it is not this port's. */
Test(igb_hw, nvm_sums_of_ports)
{
	for (unsigned bad = 0; bad < 4; bad++) {
		model_start(&m, &(struct igb_sim_conf){.type = IGB_SIM_I350,
						       .port = 2,
						       .clock = IGB_SIM_CLOCK_MANUAL});
		igb_sim_nvm_write(m.sim, (bad ? 0x40 + 0x40 * bad : 0) + 0x20, 0x1234);
		cr_assert_eq(plx_igb_attach(&m.hw), bad == 0 || bad == 2 ? -EIO : 0, "%u", bad);
		if (bad == 2)
			assert_line(0, "igb", PLX_LOG_ERR, "0xc0-0xff", "0xbaba");
		model_end(&m);
	}
}

/* Make the sum of the first section right. */
static void seal_nvm(void)
{
	uint16_t words[IGB_NVM_SECTION_WORDS], sum = 0;

	m.hw.mac = &plx_igb_macs[IGB_82576];
	cr_assert_eq(plx_igb_nvm_read(&m.hw, 0, IGB_NVM_SECTION_WORDS, words), 0);
	for (unsigned i = 0; i < IGB_NVM_SECTION_WORDS - 1; i++)
		sum = (uint16_t)(sum + words[i]);
	igb_sim_nvm_write(m.sim, 0x3f, (uint16_t)(0xbaba - sum));
}

/* 82576: word 37h may point to another address. */
Test(igb_hw, nvm_alternate_address)
{
	model_start(&m, &(struct igb_sim_conf){
				.type = IGB_SIM_82576, .port = 1, .clock = IGB_SIM_CLOCK_MANUAL});
	igb_sim_nvm_write(m.sim, 0x37, 0x60);
	igb_sim_nvm_write(m.sim, 0x63, 0x2202);
	igb_sim_nvm_write(m.sim, 0x64, 0x4433);
	igb_sim_nvm_write(m.sim, 0x65, 0x6655);
	seal_nvm();
	cr_assert_eq(plx_igb_attach(&m.hw), 0, "%s", log_lines_text(0));
	cr_assert_arr_eq(m.hw.perm_addr, "\x02\x22\x33\x44\x55\x66", 6, "%02x:%02x",
			 m.hw.perm_addr[0], m.hw.perm_addr[1]);
	cr_assert_eq(igb_sim_peek(m.sim, IGB_RAL(0)), 0x44332202);
	model_end(&m);
}

/* The card's time goes on by the model's, and by the rate asked for. */
Test(igb_hw, clock)
{
	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		uint64_t ns, sim_ns, passed;

		start(type);
		cr_assert_eq(plx_igb_clock_start(&m.hw, 0), 0);
		cr_assert_eq(plx_igb_clock_set(&m.hw, UINT64_C(1700000000000000000)), 0);
		sim_ns = igb_sim_now_ns(m.sim);
		for (unsigned i = 0; i < 5; i++) { /* past the wrap of 40 bits */
			igb_sim_advance(m.sim, UINT64_C(450000000000));
			cr_assert_eq(plx_igb_clock_read(&m.hw, &ns), 0);
		}
		passed = igb_sim_now_ns(m.sim) - sim_ns;
		ns -= UINT64_C(1700000000000000000);
		cr_assert(ns <= passed && ns + 1000000 >= passed, "%s: %llu of %llu ns",
			  m.hw.mac->name, (unsigned long long)ns, (unsigned long long)passed);
		cr_assert_eq(plx_igb_clock_rate(&m.hw, 1000000), 0);
		cr_assert_eq(plx_igb_clock_set(&m.hw, 0), 0);
		igb_sim_advance(m.sim, 1000000000);
		cr_assert_eq(plx_igb_clock_read(&m.hw, &ns), 0);
		cr_assert(ns > 1000990000 && ns < 1001100000, "%s: %llu", m.hw.mac->name,
			  (unsigned long long)ns);
		cr_assert_eq(plx_igb_clock_rate(&m.hw, -1000000), 0);
		cr_assert_eq(plx_igb_clock_set(&m.hw, 0), 0);
		igb_sim_advance(m.sim, 1000000000);
		cr_assert_eq(plx_igb_clock_read(&m.hw, &ns), 0);
		cr_assert(ns > 998990000 && ns < 999100000, "%s: %llu", m.hw.mac->name,
			  (unsigned long long)ns);
		plx_igb_detach(&m.hw);
		model_end(&m);
	}
}

Test(igb_hw, counters_survive_a_reset)
{
	static const uint8_t frame[60] = {0x02, 0xa0, 0xc9, 0, 0, 0};

	start_i350();
	cr_assert_eq(plx_igb_link_start(&m.hw, 0, IGB_FC_FULL), 0);
	igb_sim_advance(m.sim, LINK_NS);
	cr_assert_eq(plx_igb_rx_setup(&m.hw, &(struct igb_rx_conf){.max_frame_bytes = 1522}), 0);
	plx_igb_rx_enable(&m.hw, true);
	for (unsigned i = 0; i < 7; i++)
		cr_assert_eq(igb_sim_inject(m.sim, frame, sizeof(frame), IGB_SIM_WIRE_CRC), 0);
	cr_assert_eq(plx_igb_reset(&m.hw), 0);
	plx_igb_stats_update(&m.hw);
	cr_assert_eq(m.hw.stats.rx_crc, 7, "%llu", (unsigned long long)m.hw.stats.rx_crc);
	model_end(&m);
}

Test(igb_hw, a_queue_that_does_not_stop)
{
	start_i350();
	igb_sim_fault(m.sim, IGB_SIM_F_QUEUE_STUCK, 1);
	cr_assert_eq(plx_igb_rxq_enable(&m.hw, 3, 0), -ETIMEDOUT);
	cr_assert_eq(log_lines_with("receive queue on"), 1, "%s", log_lines_text(0));
	igb_sim_fault(m.sim, IGB_SIM_F_QUEUE_STUCK, 0);
	igb_sim_destroy(m.sim);
}

static char *text_of(int (*dump)(FILE *out))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cr_assert_not_null(out);
	cr_assert_eq(dump(out), 0);
	fclose(out);
	return text;
}

static int dump_regs(FILE *out)
{
	return plx_igb_dump_regs(&m.hw, out, false);
}

static int dump_nvm(FILE *out)
{
	return plx_igb_dump_nvm(&m.hw, out);
}

/* All that is printed is what is there; nothing is read that the part has not, or that changes by
 * it. */
Test(igb_hw, dumps)
{
	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		char line[64], *text;

		start(type);
		igb_sim_cause(m.sim, IGB_INT_LSC);
		text = text_of(dump_regs);
		snprintf(line, sizeof(line), "00000  CTRL  %08x\n", igb_sim_peek(m.sim, IGB_CTRL));
		cr_assert(strstr(text, line), "no %s in %s", line, text);
		snprintf(line, sizeof(line), "05400  RAL0  %08x\n",
			 igb_sim_peek(m.sim, IGB_RAL(0)));
		cr_assert(strstr(text, line), "no %s", line);
		cr_assert_eq(strstr(text, "  ICR  "), NULL);
		cr_assert_eq(plx_igb_intr_causes(&m.hw), IGB_CAUSE_LINK, "the dump ate it");
		free(text);

		text = text_of(dump_nvm);
		cr_assert(strstr(text, "02:a0:c9:00:00:00"), "%s", text);
		cr_assert(strstr(text, "sum of section 0: good"), "%s", text);
		free(text);
		model_end(&m);
	}
}

/* What can't be sent, or does not stop, holds up a stop for 50 ms of the card's time at most. */
Test(igb_hw, a_stop_ends)
{
	for (unsigned stuck = 0; stuck < 2; stuck++) {
		start_i350();
		for (unsigned q = 0; q < 8; q++)
			cr_assert_eq(plx_igb_txq_enable(&m.hw, q, 8), 0);
		if (stuck)
			igb_sim_fault(m.sim, IGB_SIM_F_QUEUE_STUCK, 1);
		cr_assert_eq(plx_igb_down(&m.hw), 0);
		if (!stuck)
			assert_no_line();
		igb_sim_fault(m.sim, IGB_SIM_F_QUEUE_STUCK, 0);
		for (unsigned q = 0; q < 8; q++)
			cr_assert_eq(igb_sim_peek(m.sim, IGB_TXDCTL(q)) & IGB_DCTL_ENABLE, 0);
		igb_sim_destroy(m.sim);
	}
}

/* Start, link, stop, again and again on the same card, and it is as on the first day. */
Test(igb_hw, life_cycles)
{
	unsigned cycles = test_is_long() ? 1000 : 20;

	start_i350();
	for (unsigned i = 0; i < cycles; i++) {
		cr_assert_eq(
			plx_igb_rx_setup(&m.hw, &(struct igb_rx_conf){.max_frame_bytes = 1522}), 0);
		cr_assert_eq(plx_igb_tx_setup(&m.hw), 0);
		cr_assert_eq(plx_igb_link_start(&m.hw, 0, IGB_FC_FULL), 0);
		igb_sim_advance(m.sim, LINK_NS);
		cr_assert(link_now().up, "%u", i);
		cr_assert_eq(plx_igb_down(&m.hw), 0);
	}
	assert_no_line();
	plx_igb_detach(&m.hw);
	model_end(&m);
}

/* Frames that wait for a link are no reason to wait, or for a line. */
Test(igb_hw, a_stop_without_a_link)
{
	static uint32_t ring[32][4] __attribute__((aligned(4096)));
	static uint8_t frame[64] __attribute__((aligned(64)));

	start_i350();
	cr_assert_eq(igb_sim_dma_map(m.sim, ring, sizeof(ring)), 0);
	cr_assert_eq(igb_sim_dma_map(m.sim, frame, sizeof(frame)), 0);
	cr_assert_eq(plx_igb_tx_setup(&m.hw), 0);
	igb_write(&m.hw, IGB_TDBAL(0), (uint32_t)(uintptr_t)ring);
	igb_write(&m.hw, IGB_TDBAH(0), (uint32_t)((uintptr_t)ring >> 32));
	igb_write(&m.hw, IGB_TDLEN(0), sizeof(ring));
	cr_assert_eq(plx_igb_txq_enable(&m.hw, 0, 8), 0);
	plx_igb_tx_enable(&m.hw, true);
	ring[0][0] = (uint32_t)(uintptr_t)frame;
	ring[0][1] = (uint32_t)((uintptr_t)frame >> 32);
	ring[0][2] = 0x2b300000 + 60;
	ring[0][3] = 60 << 14;
	igb_write(&m.hw, IGB_TDT(0), 1);
	cr_assert_eq(plx_igb_down(&m.hw), 0);
	assert_no_line();
	cr_assert_eq(igb_sim_dma_unmap(m.sim, ring, sizeof(ring)), 0);
	cr_assert_eq(igb_sim_dma_unmap(m.sim, frame, sizeof(frame)), 0);
	model_end(&m);
}

Test(igb_hw, a_reset_gives_filters_back)
{
	const uint8_t mac[] = {0x02, 1, 2, 3, 4, 5};

	start_i350();
	cr_assert_eq(plx_igb_mac_set(&m.hw, (const uint8_t *)"\x02\x77\0\0\0\1"), 0);
	cr_assert_eq(plx_igb_mac_add(&m.hw, mac), 0);
	cr_assert_eq(plx_igb_vlan_set(&m.hw, 5, true), 0);
	plx_igb_vlan_filter(&m.hw, true);
	plx_igb_allmulti_set(&m.hw, true);
	cr_assert_eq(plx_igb_reset(&m.hw), 0);
	cr_assert_eq(igb_sim_peek(m.sim, IGB_RAL(0)), 0x00007702);
	cr_assert_eq(igb_sim_peek(m.sim, IGB_RAL(1)), 0x03020102);
	cr_assert(igb_sim_peek(m.sim, IGB_RAH(1)) & IGB_RAH_AV);
	cr_assert_eq(igb_sim_peek(m.sim, IGB_VFTA(0)), 32);
	cr_assert_eq(plx_igb_rx_setup(&m.hw, &(struct igb_rx_conf){.max_frame_bytes = 1522}), 0);
	cr_assert(igb_sim_peek(m.sim, IGB_RCTL) & IGB_RCTL_VFE);
	cr_assert(igb_sim_peek(m.sim, IGB_RCTL) & IGB_RCTL_MPE);
	/* The kernel gets the factory's address back. */
	plx_igb_detach(&m.hw);
	cr_assert_eq(igb_sim_peek(m.sim, IGB_RAL(0)), 0x00c9a002, "0x%08x",
		     igb_sim_peek(m.sim, IGB_RAL(0)));
	cr_assert_eq(igb_sim_peek(m.sim, IGB_RAH(1)), 0);
	model_end(&m);
}

/* ---- Addresses ---- */

static struct {
	const struct plx_mmio_hook *model;
	uint8_t mac[IGB_MAC_BYTES]; /* one that stays */
	unsigned lost, reads;
} watched;

static bool is_taken(const uint8_t *mac)
{
	uint32_t low =
		mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24;
	uint32_t high = mac[4] | (uint32_t)mac[5] << 8 | IGB_RAH_AV;
	uint32_t hash = plx_igb_mta_hash(mac);

	for (unsigned n = 0; n < m.hw.mac->nb_addresses; n++)
		if (igb_sim_peek(m.sim, IGB_RAL(n)) == low &&
		    igb_sim_peek(m.sim, IGB_RAH(n)) == high)
			return true;
	return mac[0] & 1 && igb_sim_peek(m.sim, IGB_MTA(hash >> 5)) >> (hash & 31) & 1;
}

static bool watched_read(void *arg, const volatile void *addr, unsigned bytes, uint64_t *value)
{
	(void)arg;
	watched.reads += (const volatile uint8_t *)addr == m.hw.bar + IGB_SWSM;
	return watched.model->read(watched.model->arg, addr, bytes, value);
}

static bool watched_write(void *arg, volatile void *addr, unsigned bytes, uint64_t value)
{
	bool ret;

	(void)arg;
	ret = watched.model->write(watched.model->arg, addr, bytes, value);
	watched.lost += watched.mac[0] && !is_taken(watched.mac);
	return ret;
}

static const struct plx_mmio_hook watched_hook = {watched_read, watched_write, NULL};

static void watch_begin(void)
{
	memset(&watched, 0, sizeof(watched));
	watched.model = plx_mmio_hook;
	plx_mmio_hook = &watched_hook;
}

/* While addresses come and go, also beyond the registers, each one that stays is taken always. */
Test(igb_hw, an_address_that_stays_is_never_refused)
{
	enum { NB = 40 };
	uint8_t macs[NB][IGB_MAC_BYTES];

	start(IGB_SIM_82576);
	for (unsigned i = 0; i < NB; i++) {
		const uint8_t mac[] = {i % 3 ? 2 : 1, 0, 0x5e, 7, (uint8_t)(i * 37), (uint8_t)i};

		memcpy(macs[i], mac, sizeof(mac));
	}
	for (unsigned kept = 0; kept < 4; kept++) {
		watch_begin();
		cr_assert_eq(plx_igb_mac_add(&m.hw, macs[kept]), 0);
		memcpy(watched.mac, macs[kept], IGB_MAC_BYTES);
		for (unsigned i = 4; i < NB / 2 + 4; i++)
			cr_assert_eq(plx_igb_mac_add(&m.hw, macs[i]), 0);
		cr_assert_eq(watched.lost, 0, "address %u: lost after %u writes", kept,
			     watched.lost);
		for (unsigned i = 4; i < NB / 2 + 4; i++)
			cr_assert_eq(plx_igb_mac_del(&m.hw, macs[i]), 0);
		cr_assert_eq(watched.lost, 0, "address %u: lost after %u writes", kept,
			     watched.lost);
		plx_mmio_hook = watched.model;
		cr_assert_eq(plx_igb_mac_del(&m.hw, macs[kept]), 0);
	}
	model_end(&m);
}

/* What failed is not done later. */
Test(igb_hw, an_address_for_a_card_that_is_deaf)
{
	static const uint8_t one[] = {2, 0, 0, 0, 0, 1}, two[] = {2, 0, 0, 0, 0, 2};

	start_i350();
	cr_assert_eq(plx_igb_mac_add(&m.hw, one), 0);
	igb_sim_config_write(m.sim, 4, 2, 0);
	cr_assert_eq(plx_igb_mac_add(&m.hw, two), -EIO);
	cr_assert_eq(plx_igb_mac_del(&m.hw, one), -EIO);
	cr_assert_eq(plx_igb_mac_set(&m.hw, two), -EIO);
	igb_sim_config_write(m.sim, 4, 2, 6);
	cr_assert_eq(plx_igb_reset(&m.hw), 0);
	cr_assert(is_taken(one));
	cr_assert(is_taken(m.hw.perm_addr));
	cr_assert_not(is_taken(two));
	cr_assert_eq(plx_igb_mac_add(&m.hw, two), 0, "it is not there");
	model_end(&m);
}

/* A link is a link, whatever the PHY says of pause frames; it is asked again. */
Test(igb_hw, a_phy_that_does_not_tell_of_pause)
{
	struct igb_link link;

	start_i350();
	cr_assert_eq(plx_igb_link_start(&m.hw, 0, IGB_FC_FULL), 0);
	igb_sim_advance(m.sim, LINK_NS);
	igb_sim_fault(m.sim, IGB_SIM_F_PHY_ERROR, 1);
	for (unsigned i = 0; i < 3; i++) {
		link = link_now();
		cr_assert(link.up);
		cr_assert_eq(link.speed_mbps, 1000);
		cr_assert_eq(link.fc, IGB_FC_NONE);
	}
	cr_assert_geq(log_lines_with("no pause frames"), 1, "%s", log_lines_text(0));
	igb_sim_fault(m.sim, IGB_SIM_F_PHY_ERROR, 0);
	link = link_now();
	cr_assert_eq(link.fc, IGB_FC_FULL);
	model_end(&m);
}

/* Somebody who lives may have SWSM while he waits for the firmware, which is 100 ms. */
Test(igb_hw, locks_are_taken_by_force_late)
{
	start_i350();
	igb_sim_fault(m.sim, IGB_SIM_F_SMBI_HELD, 1);
	watch_begin();
	plx_igb_locks_recover(&m.hw);
	plx_mmio_hook = watched.model;
	cr_assert_geq(watched.reads, 300000 / 50, "%u looks, each 50 us", watched.reads);
	cr_assert_eq(log_lines_with("freed"), 1, "%s", log_lines_text(0));
	igb_sim_fault(m.sim, IGB_SIM_F_SMBI_HELD, 0);
	igb_sim_destroy(m.sim);
}
