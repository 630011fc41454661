/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The I210's PLL: a PHY that comes up unconfigured so many times. The hook answers for the one PHY
 * register that tells; the rest is the model's.
 */
#include "igb_model.h"

#include <phy.h>

static struct igb_model m;

static struct {
	const struct plx_mmio_hook *model;
	unsigned bad;  /* naps that it takes */
	unsigned naps; /* seen in configuration space */
	uint16_t page;
	bool asked; /* the next read of MDIC is for the register */
	unsigned reads;
	uint32_t loaded[2]; /* EEARBC's first and last value */
	unsigned loads;
	unsigned astray; /* accesses of another PHY than that of MDIO address 1 */
} phy;

static uint32_t offset_of(const volatile void *addr)
{
	return (uint32_t)((const volatile uint8_t *)addr - m.hw.bar);
}

static bool on_read(void *arg, const volatile void *addr, unsigned bytes, uint64_t *value)
{
	bool ret = phy.model->read(phy.model->arg, addr, bytes, value);

	(void)arg;
	if (offset_of(addr) == IGB_MDIC && phy.asked && (*value & IGB_MDIC_READY))
		*value = IGB_MDIC_READY | (phy.naps < phy.bad ? 0xff : 0x12);
	return ret;
}

static bool on_write(void *arg, volatile void *addr, unsigned bytes, uint64_t value)
{
	uint32_t reg = (uint32_t)(value & IGB_MDIC_REG_MASK) >> IGB_MDIC_REG_SHIFT;

	(void)arg;
	if (offset_of(addr) == 0x12024)
		phy.loaded[phy.loads++ > 0] = (uint32_t)value;
	if (offset_of(addr) == IGB_MDIC) {
		phy.astray += (value >> IGB_MDIC_PHY_SHIFT & 31) != 1;
		if (reg == PHY_PAGE && (value & IGB_MDIC_OP_WRITE))
			phy.page = (uint16_t)value;
		phy.asked = reg == PHY_PLL_STATUS && phy.page == PHY_PAGE_PLL &&
			    (value & IGB_MDIC_OP_READ);
		phy.reads += phy.asked;
	}
	return phy.model->write(phy.model->arg, addr, bytes, value);
}

static int on_cfg_write(void *arg, uint32_t offset, uint16_t value)
{
	phy.naps += offset == 0x44 && (value & 3) == 3;
	return model_cfg_write(arg, offset, value);
}

/* As the port driver comes to it: by attach. */
static int fix(enum igb_sim_type type, unsigned bad)
{
	static const struct plx_mmio_hook hook = {on_read, on_write, NULL};
	int ret;

	memset(&phy, 0, sizeof(phy));
	model_start(&m, &(struct igb_sim_conf){.type = type, .clock = IGB_SIM_CLOCK_MANUAL});
	m.hw.cfg.write16 = on_cfg_write;
	phy.bad = bad;
	phy.model = plx_mmio_hook;
	plx_mmio_hook = &hook;
	ret = plx_igb_attach(&m.hw);
	plx_mmio_hook = phy.model;
	cr_assert_eq(phy.astray, 0, "%u accesses of no PHY", phy.astray);
	return ret;
}

Test(igb_pll, a_good_one_is_left_alone)
{
	cr_assert_eq(fix(IGB_SIM_I210, 0), 0);
	cr_assert_eq(phy.reads, 1, "%u", phy.reads);
	cr_assert_eq(phy.naps, 0);
	cr_assert_eq(phy.loads, 0);
	cr_assert_eq(phy.page, 0, "the page stays chosen");
	assert_no_line();
	model_end(&m);
}

Test(igb_pll, other_parts_have_none)
{
	cr_assert_eq(fix(IGB_SIM_I350, 3), 0);
	cr_assert_eq(phy.reads, 0);
	cr_assert_eq(phy.naps, 0);
	model_end(&m);
}

/* Word 0Ah with its bit 4, then as it was. */
Test(igb_pll, restarts_until_it_is_configured)
{
	for (unsigned bad = 1; bad <= 4; bad++) {
		cr_assert_eq(fix(IGB_SIM_I211, bad), 0);
		cr_assert_eq(phy.naps, bad, "%u of %u", phy.naps, bad);
		cr_assert_eq(phy.loads, 2 * bad, "%u", phy.loads);
		cr_assert_eq(phy.loaded[0] & 0xffff, 0xa0, "%08x", phy.loaded[0]);
		cr_assert_eq(phy.loaded[0] & ~0x100000u, phy.loaded[1] & ~0x100000u);
		cr_assert(phy.loaded[0] & 0x100000, "%08x", phy.loaded[0]);
		cr_assert_eq(phy.page, 0);
		assert_no_line();
		model_end(&m);
	}
}

Test(igb_pll, gives_up)
{
	cr_assert_eq(fix(IGB_SIM_I210, 99), 0, "the port may work without");
	cr_assert_eq(phy.naps, 5, "%u", phy.naps);
	assert_one_line("igb", PLX_LOG_WARN, "PLL", "power cycle");
	model_end(&m);
}
