/* SPDX-License-Identifier: BSD-3-Clause */
/* Registers and NVM in text, for debugging and for bug reports. */
#include <errno.h>

#include "hw.h"
#include "nvm.h"

enum {
	EACH_QUEUE = 1 << 0,   /* one for each queue, 0x40 apart */
	CHANGES = 1 << 1,      /* reading it has an effect: only on demand */
	EACH_ADDRESS = 1 << 2, /* RAL, RAH */
	EACH_VECTOR = 1 << 3,
	NOT_82576 = 1 << 4,
	POOLS = 1 << 5,
};

static const struct {
	const char *name;
	uint32_t reg;
	uint32_t flags;
} regs[] = {
	{"CTRL", IGB_CTRL, 0},
	{"STATUS", IGB_STATUS, 0},
	{"CTRL_EXT", IGB_CTRL_EXT, 0},
	{"MDIC", IGB_MDIC, 0},
	{"MDICNFG", IGB_MDICNFG, NOT_82576},
	{"LEDCTL", IGB_LEDCTL, 0},
	{"PHPM", IGB_PHPM, NOT_82576},
	{"SWSM", IGB_SWSM, CHANGES},
	{"FWSM", IGB_FWSM, 0},
	{"SW_FW_SYNC", IGB_SW_FW_SYNC, 0},
	{"MANC", IGB_MANC, 0},
	{"GCR", IGB_GCR, 0},
	{"WUC", IGB_WUC, 0},
	{"ICR", IGB_ICR, CHANGES},
	{"IMS", IGB_IMS, 0},
	{"IAM", IGB_IAM, 0},
	{"GPIE", IGB_GPIE, 0},
	{"EICR", IGB_EICR, CHANGES},
	{"EIMS", IGB_EIMS, 0},
	{"EIAC", IGB_EIAC, 0},
	{"EIAM", IGB_EIAM, 0},
	{"EITR", IGB_EITR(0), EACH_VECTOR},
	{"IVAR0", IGB_IVAR(0), 0},
	{"IVAR1", IGB_IVAR(1), 0},
	{"IVAR2", IGB_IVAR(2), 0},
	{"IVAR3", IGB_IVAR(3), 0},
	{"IVAR_MISC", IGB_IVAR_MISC, 0},
	{"RCTL", IGB_RCTL, 0},
	{"RLPML", IGB_RLPML, 0},
	{"RFCTL", IGB_RFCTL, 0},
	{"RXCSUM", IGB_RXCSUM, 0},
	{"RXPBS", IGB_RXPBS, 0},
	{"MRQC", IGB_MRQC, 0},
	{"VT_CTL", IGB_VT_CTL, POOLS},
	{"RAL", IGB_RAL(0), EACH_ADDRESS},
	{"RAH", IGB_RAH(0), EACH_ADDRESS},
	{"SRRCTL", IGB_SRRCTL(0), EACH_QUEUE},
	{"RDBAL", IGB_RDBAL(0), EACH_QUEUE},
	{"RDBAH", IGB_RDBAH(0), EACH_QUEUE},
	{"RDLEN", IGB_RDLEN(0), EACH_QUEUE},
	{"RDH", IGB_RDH(0), EACH_QUEUE},
	{"RDT", IGB_RDT(0), EACH_QUEUE},
	{"RXDCTL", IGB_RXDCTL(0), EACH_QUEUE},
	{"TCTL", IGB_TCTL, 0},
	{"TCTL_EXT", IGB_TCTL_EXT, 0},
	{"TIPG", IGB_TIPG, 0},
	{"TXPBS", IGB_TXPBS, 0},
	{"DTXCTL", IGB_DTXCTL, 0},
	{"TDBAL", IGB_TDBAL(0), EACH_QUEUE},
	{"TDBAH", IGB_TDBAH(0), EACH_QUEUE},
	{"TDLEN", IGB_TDLEN(0), EACH_QUEUE},
	{"TDH", IGB_TDH(0), EACH_QUEUE},
	{"TDT", IGB_TDT(0), EACH_QUEUE},
	{"TXDCTL", IGB_TXDCTL(0), EACH_QUEUE},
	{"TDWBAL", IGB_TDWBAL(0), EACH_QUEUE},
	{"FCTTV", IGB_FCTTV, 0},
	{"FCRTL", IGB_FCRTL, 0},
	{"FCRTH", IGB_FCRTH, 0},
	{"TIMINCA", IGB_TIMINCA, 0},
	{"TSAUXC", IGB_TSAUXC, NOT_82576},
	{"TSYNCTXCTL", IGB_TSYNCTXCTL, 0},
	{"TSYNCRXCTL", IGB_TSYNCRXCTL, 0},
	{"SYSTIML", IGB_SYSTIML, 0},
	{"SYSTIMH", IGB_SYSTIMH, 0},
};

/* The read that finds SWSM.SMBI free takes it. */
static uint32_t read_one(struct igb_hw *hw, uint32_t reg)
{
	uint32_t value = igb_read(hw, reg);

	if (reg == IGB_SWSM && !(value & IGB_SWSM_SMBI))
		igb_clear(hw, IGB_SWSM, IGB_SWSM_SMBI);
	return value;
}

static void print_table(struct igb_hw *hw, FILE *out, unsigned i)
{
	uint32_t flags = regs[i].flags;
	unsigned nb = flags & EACH_QUEUE ? hw->mac->nb_queues : hw->mac->nb_addresses;

	if (flags & EACH_VECTOR)
		nb = hw->mac->nb_queues + 1u;
	for (unsigned n = 0; n < nb; n++) {
		uint32_t reg = regs[i].reg + (flags & EACH_QUEUE ? 0x40 : 4) * n;

		if (flags & EACH_ADDRESS)
			reg = IGB_RAL(n) + (regs[i].reg - IGB_RAL(0));
		fprintf(out, "%05x  %s%u  %08x\n", reg, regs[i].name, n, igb_read(hw, reg));
	}
}

int plx_igb_dump_regs(struct igb_hw *hw, FILE *out, bool all)
{
	int ret = plx_igb_alive(hw);

	if (ret)
		return ret;
	fprintf(out, "# %s: %s port %u; address, register, value\n", hw->name, hw->mac->name,
		hw->lan_id);
	fprintf(out, "%05x  EECD  %08x\n", hw->mac->eecd, igb_read(hw, hw->mac->eecd));
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(regs); i++) {
		if ((regs[i].flags & CHANGES) && !all)
			continue;
		if (((regs[i].flags & NOT_82576) && !hw->mac->has_phpm) ||
		    ((regs[i].flags & POOLS) && hw->mac->nb_pools == 0))
			continue;
		if (regs[i].flags & (EACH_QUEUE | EACH_ADDRESS | EACH_VECTOR))
			print_table(hw, out, i);
		else
			fprintf(out, "%05x  %s  %08x\n", regs[i].reg, regs[i].name,
				read_one(hw, regs[i].reg));
	}
	return plx_igb_alive(hw);
}

static void print_words(FILE *out, const uint16_t *words, uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++)
		fprintf(out, "%s%04x%s", i % 8 == 0 ? "" : " ", words[i],
			i % 8 == 7 || i + 1 == nb ? "\n" : "");
}

static void print_image(struct igb_hw *hw, FILE *out, const uint16_t *words, uint32_t nb)
{
	struct igb_nvm_image image;

	if (plx_igb_nvm_parse(hw->mac, hw->lan_id, words, nb, &image)) {
		fprintf(out, "# blank\n");
		return;
	}
	fprintf(out, "# version %x.%02x, device %04x, board %s\n", image.info.version >> 12,
		image.info.version & 0xff, image.device, image.pba[0] ? image.pba : "not told");
	fprintf(out, "# address of port %u: %02x:%02x:%02x:%02x:%02x:%02x%s\n", hw->lan_id,
		image.mac[0], image.mac[1], image.mac[2], image.mac[3], image.mac[4], image.mac[5],
		image.alternate ? " (alternate)" : "");
	for (unsigned i = 0; i < image.nb_sections; i++)
		fprintf(out, "# sum of section %u: %s\n", i,
			image.bad_sections & 1u << i ? "WRONG" : "good");
}

int plx_igb_dump_nvm(struct igb_hw *hw, FILE *out)
{
	/* Ports' sections end at word 140h; what follows is option ROM and firmware. */
	uint16_t words[0x140];
	uint32_t nb = 0;
	int ret = plx_igb_alive(hw);

	if (ret)
		return ret;
	if (hw->nvm.one_time) {
		fprintf(out, "# %s: one-time memory, %u doublewords\n", hw->name, IGB_INVM_WORDS);
		for (unsigned i = 0; i < IGB_INVM_WORDS; i++)
			fprintf(out, "%08x%s", igb_read(hw, IGB_INVM_DATA(i)),
				i % 8 == 7 ? "\n" : " ");
		return plx_igb_alive(hw);
	}
	while (nb < PLX_ARRAY_SIZE(words) && nb < hw->nvm.words) {
		ret = plx_igb_nvm_peek(hw, nb, IGB_NVM_SECTION_WORDS, words + nb);
		if (ret)
			break;
		nb += IGB_NVM_SECTION_WORDS;
	}
	if (nb == 0)
		return ret;
	fprintf(out, "# %s: NVM, %u of %u words\n", hw->name, nb, hw->nvm.words);
	print_image(hw, out, words, nb);
	print_words(out, words, nb);
	return ret == -ETIMEDOUT ? 0 : ret;
}
