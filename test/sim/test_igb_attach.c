/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking a card over and giving it back, on the model: every part, from states that a dead process
 * leaves, with each fault.
 */
#include "igb_model.h"

static struct igb_model m;

static void start(const struct igb_sim_conf *conf)
{
	model_start(&m, conf);
}

static void start_i350(void)
{
	start(&(struct igb_sim_conf){.type = IGB_SIM_I350, .clock = IGB_SIM_CLOCK_MANUAL});
}

static uint32_t peek(uint32_t reg)
{
	return igb_sim_peek(m.sim, reg);
}

Test(igb_attach, every_part)
{
	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		for (unsigned qemu = 0; qemu < 2; qemu++) {
			int ret;

			start(&(struct igb_sim_conf){
				.type = type, .clock = IGB_SIM_CLOCK_MANUAL, .qemu = qemu});
			ret = plx_igb_attach(&m.hw);
			cr_assert_eq(ret, 0, "%s: %d: %s", plx_igb_macs[type].name, ret,
				     log_lines_text(0));
			cr_assert_eq(m.hw.mac->type, type);
			cr_assert_arr_eq(m.hw.perm_addr, "\x02\xa0\xc9\0\0\0", 6);
			cr_assert(peek(IGB_CTRL_EXT) & IGB_CTRL_EXT_DRV_LOAD);
			cr_assert_eq(peek(IGB_RCTL) & IGB_RCTL_EN, 0);
			cr_assert_eq(peek(IGB_IMS), 0);
			cr_assert_gt(m.hw.phy.id, 0);
			cr_assert_geq(m.hw.rx_buffer_bytes, 32 * 1024, "%s: %u", m.hw.mac->name,
				      m.hw.rx_buffer_bytes);
			assert_no_line();
			plx_igb_detach(&m.hw);
			cr_assert_eq(peek(IGB_CTRL_EXT) & IGB_CTRL_EXT_DRV_LOAD, 0);
			cr_assert_eq(peek(IGB_SW_FW_SYNC) & 0xffff, 0, "locks stay held");
			cr_assert_eq(peek(IGB_SWSM) & 3, 0);
			assert_no_line();
			model_end(&m);
		}
	}
}

/* By the host's clock: nothing is touched too early after a reset. */
Test(igb_attach, in_real_time)
{
	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		start(&(struct igb_sim_conf){.type = type, .clock = IGB_SIM_CLOCK_REAL});
		cr_assert_eq(plx_igb_attach(&m.hw), 0, "%s", log_lines_text(0));
		cr_assert_eq(plx_igb_reset(&m.hw), 0);
		plx_igb_detach(&m.hw);
		model_end(&m);
	}
}

Test(igb_attach, each_port_of_a_card)
{
	for (unsigned port = 0; port < 4; port++) {
		start(&(struct igb_sim_conf){
			.type = IGB_SIM_I350, .port = port, .clock = IGB_SIM_CLOCK_MANUAL});
		cr_assert_eq(plx_igb_attach(&m.hw), 0);
		cr_assert_eq(m.hw.lan_id, port);
		cr_assert_eq(m.hw.perm_addr[5], port, "%02x", m.hw.perm_addr[5]);
		cr_assert_eq(m.hw.nvm.section, port ? 0x40 + 0x40 * port : 0);
		model_end(&m);
	}
}

Test(igb_attach, without_flash)
{
	for (unsigned type = IGB_SIM_I210; type <= IGB_SIM_I211; type++) {
		start(&(struct igb_sim_conf){
			.type = type, .flashless = true, .clock = IGB_SIM_CLOCK_MANUAL});
		cr_assert_eq(plx_igb_attach(&m.hw), 0, "%s", log_lines_text(0));
		cr_assert(m.hw.nvm.one_time);
		model_end(&m);
	}
}

Test(igb_attach, media_are_refused_by_name)
{
	static const struct {
		uint16_t device;
		enum igb_sim_type type;
		const char *name;
	} some[] = {{0x1522, IGB_SIM_I350, "FIBER"},  {0x1523, IGB_SIM_I350, "SERDES"},
		    {0x1524, IGB_SIM_I350, "SGMII"},  {0x10e6, IGB_SIM_82576, "FIBER"},
		    {0x1537, IGB_SIM_I210, "SERDES"}, {0x1511, IGB_SIM_82580, "SGMII"}};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(some); i++) {
		start(&(struct igb_sim_conf){.type = some[i].type, .device_id = some[i].device});
		cr_assert_eq(plx_igb_attach(&m.hw), -ENOTSUP);
		assert_one_line("igb", PLX_LOG_ERR, some[i].name, "copper");
		model_end(&m);
	}
	/* By what the board says. */
	start(&(struct igb_sim_conf){.type = IGB_SIM_I354});
	igb_write(&m.hw, IGB_CTRL_EXT, 2u << IGB_CTRL_EXT_LINK_MODE_SHIFT);
	igb_write(&m.hw, IGB_RCTL, IGB_RCTL_EN);
	cr_assert_eq(plx_igb_attach(&m.hw), -ENOTSUP);
	assert_one_line("igb", PLX_LOG_ERR, "I354", "SGMII");
	cr_assert_eq(peek(IGB_RCTL), IGB_RCTL_EN, "what is refused is left alone");
	model_end(&m);
	start_i350();
	m.hw.device = 0x10a7;
	cr_assert_eq(plx_igb_attach(&m.hw), -ENOTSUP);
	assert_one_line("igb", PLX_LOG_ERR, "10a7");
	m.hw.device = 0x1521;
	m.hw.bar_bytes = 0x8000;
	cr_assert_eq(plx_igb_attach(&m.hw), -ENOTSUP);
	model_end(&m);
}

/* What kill -9 leaves: units and queues on, interrupts, every lock, another address. */
Test(igb_attach, over_a_dead_process)
{
	static uint8_t ring[4096] __attribute__((aligned(4096)));

	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		struct igb_hw dead;

		start(&(struct igb_sim_conf){.type = type, .clock = IGB_SIM_CLOCK_MANUAL});
		cr_assert_eq(igb_sim_dma_map(m.sim, ring, sizeof(ring)), 0);
		cr_assert_eq(plx_igb_attach(&m.hw), 0);
		cr_assert_eq(plx_igb_link_start(&m.hw, 0, IGB_FC_FULL), 0);
		cr_assert_eq(plx_igb_intr_setup(&m.hw, IGB_INTR_MSIX, 1), 0);
		plx_igb_intr_other(&m.hw, true);
		cr_assert_eq(
			plx_igb_rx_setup(&m.hw, &(struct igb_rx_conf){.max_frame_bytes = 1522}), 0);
		igb_write(&m.hw, IGB_RDBAL(0), (uint32_t)(uintptr_t)ring);
		igb_write(&m.hw, IGB_RDBAH(0), (uint32_t)((uintptr_t)ring >> 32));
		igb_write(&m.hw, IGB_RDLEN(0), 1024);
		igb_write(&m.hw, IGB_SRRCTL(0), IGB_SRRCTL_DESCTYPE_ADV | 2);
		cr_assert_eq(plx_igb_rxq_enable(&m.hw, 0, 8 | 8 << 8 | 1 << 16), 0);
		plx_igb_rx_enable(&m.hw, true);
		cr_assert_eq(plx_igb_mac_add(&m.hw, (const uint8_t *)"\x02\1\2\3\4\5"), 0);
		plx_igb_promisc_set(&m.hw, true);
		cr_assert_eq(plx_igb_lock(&m.hw, IGB_SYNC_EEP | plx_igb_phy_lock_bit(&m.hw)), 0);
		(void)igb_read(&m.hw, IGB_SWSM);
		(void)igb_read(&m.hw, IGB_SWSM);
		assert_no_violation(&m);

		dead = m.hw;
		memset(&m.hw, 0, sizeof(m.hw));
		m.hw.bar = dead.bar;
		m.hw.bar_bytes = dead.bar_bytes;
		m.hw.device = dead.device;
		m.hw.cfg = dead.cfg;
		cr_assert_eq(plx_igb_attach(&m.hw), 0, "%s", log_lines_text(log_lines.nb - 1));
		cr_assert_eq(log_lines_with("freed"), 2, "%s", log_lines_text(0));
		cr_assert_eq(peek(IGB_SW_FW_SYNC) & 0xffff, 0);
		cr_assert_eq(peek(IGB_RCTL) & (IGB_RCTL_EN | IGB_RCTL_UPE), 0);
		cr_assert_eq(peek(IGB_RAH(1)), 0, "its address stays");
		cr_assert_eq(peek(IGB_EIMS), 0);
		cr_assert_eq(igb_sim_dma_unmap(m.sim, ring, sizeof(ring)), 0);
		model_end(&m); /* unmapping under a queue that is on would be a violation */
	}
}

struct fault {
	enum igb_sim_fault fault;
	uint32_t value;
	int want;
	const char *line; /* in one of the lines; NULL: no line */
};

/* Each one ends within its bounds, with a line that names the register or what is wrong. */
Test(igb_attach, faults)
{
	static const struct fault faults[] = {
		{IGB_SIM_F_GONE_ONES, 1, -ENODEV, "gone"},
		{IGB_SIM_F_GONE_ZEROS, 1, -ENODEV, "gone"},
		{IGB_SIM_F_SMBI_HELD, 1, -ETIMEDOUT, "0x05b50"},
		{IGB_SIM_F_SWESMBI_HELD, 1, -ETIMEDOUT, "SWSM"},
		{IGB_SIM_F_FW_SYNC, 0xff, -ETIMEDOUT, "SW_FW_SYNC"},
		{IGB_SIM_F_NVM_SUM, 3, -EIO, "add up to"},
		{IGB_SIM_F_NVM_STUCK, 1, -ETIMEDOUT, "NVM read"},
		{IGB_SIM_F_PHY_SILENT, 1, -ETIMEDOUT, "PHY access"},
		{IGB_SIM_F_PHY_ERROR, 1, -EIO, "no PHY"},
		{IGB_SIM_F_RESET_STUCK, 1, -ETIMEDOUT, "reset"},
		{IGB_SIM_F_MASTER_STUCK, 1, 0, NULL},
	};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(faults); i++) {
		const struct fault *f = &faults[i];
		int ret;

		start(&(struct igb_sim_conf){.type = IGB_SIM_I350, .clock = IGB_SIM_CLOCK_MANUAL});
		igb_sim_fault(m.sim, f->fault, f->value);
		ret = plx_igb_attach(&m.hw);
		cr_assert_eq(ret, f->want, "fault %u: %d, want %d: %s", f->fault, ret, f->want,
			     log_lines_text(0));
		if (f->line)
			cr_assert_geq(log_lines_with(f->line), 1, "fault %u: %s", f->fault,
				      log_lines_text(0));
		else
			assert_no_line();
		igb_sim_fault(m.sim, f->fault, 0);
		if (ret == 0 || ret == -ENODEV) {
			igb_sim_destroy(m.sim);
			continue;
		}
		/* And after it nothing is in the way of the next try. */
		log_lines_start();
		m.hw.gone = 0;
		ret = plx_igb_attach(&m.hw);
		cr_assert_eq(ret, 0, "fault %u: %d: %s", f->fault, ret, log_lines_text(0));
		igb_sim_destroy(m.sim);
	}
}

/* As runtime power management leaves it: the power state in configuration space, and no answer. */
Test(igb_attach, from_d3hot)
{
	start_i350();
	igb_sim_config_write(m.sim, 0x44, 2, 3);
	cr_assert_eq(plx_igb_alive(&m.hw), -EIO);
	cr_assert_eq(log_lines_with("low power"), 1, "%s", log_lines_text(0));
	cr_assert_eq(plx_igb_attach(&m.hw), 0, "%s", log_lines_text(1));
	cr_assert_eq(igb_sim_config_read(m.sim, 0x44, 2) & 3, 0);
	model_end(&m);
}

/* Goes away after so many register reads. */
static struct {
	const struct plx_mmio_hook *model;
	struct igb_sim *sim;
	enum igb_sim_fault how;
	unsigned left, after;
} thief;

static bool thief_read(void *arg, const volatile void *addr, unsigned bytes, uint64_t *value)
{
	(void)arg;
	thief.after += thief.left == 0;
	if (thief.left > 0 && --thief.left == 0)
		igb_sim_fault(thief.sim, thief.how, 1);
	return thief.model->read(thief.model->arg, addr, bytes, value);
}

static bool thief_write(void *arg, volatile void *addr, unsigned bytes, uint64_t value)
{
	(void)arg;
	return thief.model->write(thief.model->arg, addr, bytes, value);
}

/* At any register access it ends, and says so once. */
Test(igb_attach, gone_in_the_middle)
{
	const struct plx_mmio_hook hook = {thief_read, thief_write, NULL};
	unsigned nb_gone = 0;

	for (unsigned reads = 1; reads < 900; reads += reads < 100 ? 7 : 61) {
		int ret;

		start(&(struct igb_sim_conf){.type = reads & 1 ? IGB_SIM_I350 : IGB_SIM_82576,
					     .clock = IGB_SIM_CLOCK_MANUAL});
		thief.model = plx_mmio_hook;
		thief.sim = m.sim;
		thief.how = reads & 2 ? IGB_SIM_F_GONE_ONES : IGB_SIM_F_GONE_ZEROS;
		thief.left = reads;
		thief.after = 0;
		plx_mmio_hook = &hook;
		ret = plx_igb_attach(&m.hw);
		if (thief.left == 0) {
			cr_assert_eq(ret, -ENODEV, "%u reads: %d", reads, ret);
			cr_assert_eq(log_lines_with("is gone"), 1, "%u reads, %u lines", reads,
				     log_lines.nb);
			nb_gone++;
		} else {
			cr_assert_eq(ret, 0);
		}
		plx_igb_detach(&m.hw);
		plx_mmio_hook = thief.model;
		igb_sim_destroy(m.sim);
		/* All ones are no reason to wait. */
		if (thief.how == IGB_SIM_F_GONE_ONES)
			cr_assert_lt(thief.after, 700, "%u reads, then %u", reads, thief.after);
	}
	cr_assert_gt(nb_gone, 15, "%u", nb_gone);
}

/* What the card was told by the time of each reset. */
static struct {
	const struct plx_mmio_hook *model;
	unsigned resets;
	bool units_on, masters, unmasked;
} order;

static bool order_read(void *arg, const volatile void *addr, unsigned bytes, uint64_t *value)
{
	(void)arg;
	return order.model->read(order.model->arg, addr, bytes, value);
}

static bool order_write(void *arg, volatile void *addr, unsigned bytes, uint64_t value)
{
	(void)arg;
	if ((volatile uint8_t *)addr == m.hw.bar + IGB_CTRL && (value & IGB_CTRL_RST)) {
		order.resets++;
		order.units_on |= (peek(IGB_RCTL) & IGB_RCTL_EN) || (peek(IGB_TCTL) & IGB_TCTL_EN);
		order.masters |= !(peek(IGB_CTRL) & IGB_CTRL_GIO_MASTER_DISABLE);
		order.unmasked |= peek(IGB_IMS) || peek(IGB_EIMS);
	}
	return order.model->write(order.model->arg, addr, bytes, value);
}

Test(igb_attach, a_reset_finds_it_quiet)
{
	const struct plx_mmio_hook hook = {order_read, order_write, NULL};

	start_i350();
	igb_write(&m.hw, IGB_RCTL, IGB_RCTL_EN);
	igb_write(&m.hw, IGB_TCTL, IGB_TCTL_EN | IGB_TCTL_PSP);
	igb_write(&m.hw, IGB_IMS, IGB_INT_LSC);
	igb_write(&m.hw, IGB_EIMS, 3);
	order.model = plx_mmio_hook;
	plx_mmio_hook = &hook;
	cr_assert_eq(plx_igb_attach(&m.hw), 0);
	plx_mmio_hook = order.model;
	cr_assert_eq(order.resets, 1, "%u", order.resets);
	cr_assert_not(order.units_on);
	cr_assert_not(order.masters);
	cr_assert_not(order.unmasked);
	model_end(&m);
}

Test(igb_attach, deaf_after_a_reset_from_outside)
{
	start_i350();
	cr_assert_eq(plx_igb_attach(&m.hw), 0);
	igb_sim_flr(m.sim);
	cr_assert_eq(plx_igb_reset(&m.hw), -EIO);
	cr_assert_eq(log_lines_with("memory decoding"), 1, "%s", log_lines_text(0));
	igb_sim_config_write(m.sim, 4, 2, 6);
	cr_assert_eq(plx_igb_reset(&m.hw), 0);
	cr_assert(peek(IGB_CTRL_EXT) & IGB_CTRL_EXT_DRV_LOAD);
	cr_assert(peek(IGB_RAH(0)) & IGB_RAH_AV);
	model_end(&m);
}
