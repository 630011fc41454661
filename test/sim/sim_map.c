/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of registers: where they are, on which parts, which bits may be written, what a read or
 * a write does. An offset that no row has is unknown: a violation.
 */
#include <string.h>

#include "sim_private.h"

enum {
	P_82576 = 1 << IGB_SIM_82576,
	P_82580 = 1 << IGB_SIM_82580,
	P_I350 = 1 << IGB_SIM_I350 | 1 << IGB_SIM_I354,
	P_I210 = 1 << IGB_SIM_I210 | 1 << IGB_SIM_I211,
	P_NEW = P_82580 | P_I350 | P_I210,
	P_350_ON = P_I350 | P_I210,
	P_VMDQ = P_82576 | P_82580 | P_I350,
	P_ALL = P_NEW | P_82576,

	/* how */
	RO = 1 << 0,
	RC = 1 << 1,	  /* reading clears */
	WO = 1 << 2,	  /* reads as zero */
	QUEUES = 1 << 3,  /* as many as the part has queues */
	VECTORS = 1 << 4, /* as many as it has vectors */
	MACS = 1 << 5,	  /* of receive addresses, two registers each */
	NOT_EMU = 1 << 6, /* the emulation reads zero and ignores writes */
	KEEP = 1 << 7,	  /* reset leaves it */
};

#define ANY UINT32_MAX

typedef uint32_t (*read_fn)(struct igb_sim *sim, uint32_t offset, unsigned i);
typedef void (*write_fn)(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value);

struct row {
	uint32_t offset;
	uint16_t nb, stride;
	uint8_t parts, how;
	uint32_t mask; /* bits that may be written */
	uint32_t reset;
	const char *name;
	read_fn read;
	write_fn write;
};

#define REG(offset, parts, how, mask, reset, name)                                                 \
	{                                                                                          \
		offset, 1, 0, parts, how, mask, reset, name, NULL, NULL                            \
	}
#define REGS(offset, nb, stride, parts, how, mask, reset, name)                                    \
	{                                                                                          \
		offset, nb, stride, parts, how, mask, reset, name, NULL, NULL                      \
	}
#define ACT(offset, parts, how, mask, reset, name, read, write)                                    \
	{                                                                                          \
		offset, 1, 0, parts, how, mask, reset, name, read, write                           \
	}
#define ACTS(offset, nb, stride, parts, how, mask, reset, name, read, write)                       \
	{                                                                                          \
		offset, nb, stride, parts, how, mask, reset, name, read, write                     \
	}

static const struct row table[] = {
	{0},
	/* General */
	ACT(R_CTRL, P_ALL, 0, 0xfcdf1bed, 0x00100201, "CTRL", sim_ctrl_read, sim_ctrl_write),
	ACT(R_STATUS, P_ALL, 0, STATUS_DEV_RST_SET | STATUS_PHYRA, 0, "STATUS", sim_status_read,
	    sim_status_write),
	ACT(R_EECD, P_ALL, KEEP, ANY, 0, "EECD", sim_eecd_read, NULL),
	ACT(R_EERD, P_ALL, 0, 0xffffffff, 0, "EERD", sim_eerd_read, sim_eerd_write),
	ACT(R_CTRL_EXT, P_ALL, 0, ANY, 0, "CTRL_EXT", NULL, sim_ctrl_ext_write),
	REG(0x001c, P_ALL, 0, ANY, 0, "FLA"),
	ACT(R_MDIC, P_ALL, 0, ANY, MDIC_READY, "MDIC", sim_mdic_read, sim_mdic_write),
	REG(R_FCAL, P_ALL, 0, ANY, 0x00c28001, "FCAL"),
	REG(R_FCAH, P_ALL, 0, 0xffff, 0x0100, "FCAH"),
	REG(R_FCT, P_ALL, 0, 0xffff, 0x8808, "FCT"),
	REG(0x0034, P_ALL, 0, ANY, 0, "CONNSW"),
	REG(R_VET, P_ALL, 0, ANY, 0x81008100, "VET"),
	REG(0x003c, P_I210, 0, ANY, 0, "TSSDP"),
	REG(0x0e00, P_ALL, KEEP, ANY, 0x07061302, "LEDCTL"),
	REG(R_MDICNFG, P_NEW, KEEP | NOT_EMU, 0xc3e00000, 0x00200000, "MDICNFG"),
	ACT(R_PHPM, P_NEW, KEEP | NOT_EMU, 0x3f, 0, "PHPM", NULL, sim_phpm_write),
	REG(0x0e30, P_350_ON, NOT_EMU, ANY, 0, "EEER"),
	REG(0x0e34, P_350_ON, NOT_EMU, ANY, 0, "EEE_SU"),
	REG(0x0e38, P_350_ON, NOT_EMU, ANY, 0x0f, "IPCNFG"),
	REG(R_EEMNGCTL, P_ALL, RO, 0, 0x003c0000, "EEMNGCTL"),
	REG(0x1024, P_ALL, 0, ANY, 0, "EEARBC"),
	REG(0x1028, P_ALL, NOT_EMU, ANY, 0, "I2CCMD"),
	REG(0x102c, P_ALL, NOT_EMU, ANY, 0, "I2CPARAMS"),
	ACT(R_EECD_I210, P_I210, KEEP, ANY, 0, "EECD", sim_eecd_read, NULL),
	ACT(R_EERD_I210, P_I210, 0, ANY, 0, "EERD", sim_eerd_read, sim_eerd_write),
	REG(0x12024, P_I210, 0, ANY, 0, "EEARBC"),
	REG(R_EEMNGCTL_I210, P_I210, RO, 0, 0x00040000, "EEMNGCTL"),
	ACTS(R_INVM, SIM_INVM_DWORDS, 4, P_I210, RO, 0, 0, "INVM", sim_invm_read, NULL),
	/* Semaphores, firmware, power, PCI Express */
	REG(0x5800, P_ALL, KEEP, ANY, 0, "WUC"),
	REG(0x5808, P_ALL, KEEP, ANY, 0, "WUFC"),
	REG(0x5810, P_ALL, KEEP, ANY, 0, "WUS"),
	REG(R_MANC, P_ALL, KEEP, ANY, 0, "MANC"),
	REG(0x5838, P_ALL, 0, ANY, 0, "IPAV"),
	REG(0x5860, P_ALL, KEEP, ANY, 0, "MANC2H"),
	REG(0x5b00, P_ALL, KEEP, ANY, 0x00040000, "GCR"),
	REG(0x5b08, P_ALL, KEEP, ANY, 0, "FUNCTAG"),
	REG(0x5b30, P_ALL, RO, 0, 0, "FACTPS"),
	ACT(R_SWSM, P_ALL, KEEP, 0x0f, 0, "SWSM", sim_swsm_read, sim_swsm_write),
	REG(R_FWSM, P_ALL, RO, 0, 0, "FWSM"),
	ACT(R_SW_FW_SYNC, P_ALL, KEEP, 0x01ff01ff, 0, "SW_FW_SYNC", sim_sync_read, sim_sync_write),
	REG(0x5b68, P_ALL, 0, ANY, 0, "PBACL"),
	REG(0x5b70, P_ALL, RO, 0, 0, "DCA_ID"),
	REG(0x5b74, P_ALL, 0, ANY, 1, "DCA_CTRL"),
	REG(0x5bb8, P_NEW, KEEP, ANY, 0, "PCIEMISC"),
	REG(0x5bbc, P_350_ON, RO, 0, 0, "BARCTRL"),
	REG(0x8100, P_350_ON, 0, ANY, 0, "THMJT"),
	REG(0x8110, P_350_ON, RO, 0, 0, "THSTAT"),
	REG(0x2508, P_350_ON, 0, ANY, 0, "DMACR"),
	REG(0x2514, P_350_ON, 0, ANY, 0, "DMCTLX"),
	/* Interrupts */
	ACT(R_ICR, P_ALL, 0, ANY, 0, "ICR", sim_icr_read, sim_intr_write),
	ACT(R_ICS, P_ALL, WO, ANY, 0, "ICS", NULL, sim_intr_write),
	ACT(R_IMS, P_ALL, 0, ANY, 0, "IMS", NULL, sim_intr_write),
	ACT(R_IMC, P_ALL, WO, ANY, 0, "IMC", NULL, sim_intr_write),
	REG(R_IAM, P_ALL, 0, ANY, 0, "IAM"),
	REG(R_GPIE, P_ALL, 0, 0xc00f8f93, 0, "GPIE"),
	ACT(R_EICS, P_ALL, WO, 0xc1ffffff, 0, "EICS", NULL, sim_intr_write),
	ACT(R_EIMS, P_ALL, 0, 0xc1ffffff, 0, "EIMS", NULL, sim_intr_write),
	ACT(R_EIMC, P_ALL, WO, ANY, 0, "EIMC", NULL, sim_intr_write),
	REG(R_EIAC, P_ALL, 0, 0x01ffffff, 0, "EIAC"),
	REG(R_EIAM, P_ALL, 0, 0xc1ffffff, 0, "EIAM"),
	ACT(R_EICR, P_ALL, 0, ANY, 0, "EICR", sim_eicr_read, sim_intr_write),
	ACTS(R_EITR, 25, 4, P_ALL, VECTORS, 0xfffffffd, 0, "EITR", NULL, sim_intr_write),
	REGS(R_IVAR, 8, 4, P_ALL, 0, ANY, 0, "IVAR"),
	REG(R_IVAR_MISC, P_ALL, 0, 0xffff, 0, "IVAR_MISC"),
	/* Receive */
	ACT(R_RCTL, P_ALL, 0, 0x04ffb0fe, 0, "RCTL", NULL, sim_rctl_write),
	REG(R_FCTTV, P_ALL, 0, ANY, 0, "FCTTV"),
	REG(R_FCRTL, P_ALL, 0, 0x8001fff0, 0, "FCRTL"),
	REG(R_FCRTH, P_ALL, 0, 0x0001fff0, 0, "FCRTH"),
	REG(0x2170, P_350_ON, 0, ANY, 0, "FCRTC"),
	REG(R_FCRTV, P_ALL, 0, ANY, 0, "FCRTV"),
	REG(R_RXPBS, P_ALL, 0, ANY, 0, "RXPBS"),
	REG(R_RXCSUM, P_ALL, 0, 0x3bff, 0, "RXCSUM"),
	REG(R_RLPML, P_ALL, 0, 0x3fff, 0x2600, "RLPML"),
	REG(R_RFCTL, P_ALL, 0, ANY, 0, "RFCTL"),
	REGS(R_MTA, 128, 4, P_ALL, 0, ANY, 0, "MTA"),
	REGS(R_RAL, 16, 8, P_ALL, 0, ANY, 0, "RAL"),
	REGS(R_RAH, 16, 8, P_ALL, 0, ANY, 0, "RAH"),
	REGS(R_RAL16, 16, 8, P_VMDQ, MACS, ANY, 0, "RAL"),
	REGS(R_RAL16 + 4, 16, 8, P_VMDQ, MACS, ANY, 0, "RAH"),
	REGS(0x5480, 8, 4, P_ALL, NOT_EMU, ANY, 0, "PSRTYPE"),
	REGS(R_VFTA, 128, 4, P_ALL, 0, ANY, 0, "VFTA"),
	REGS(0xa000, 128, 4, P_ALL, 0, ANY, 0, "UTA"),
	REG(R_MRQC, P_ALL, 0, 0x01ff0007, 0, "MRQC"),
	REG(0x581c, P_VMDQ, 0, ANY, 0, "VT_CTL"),
	REGS(R_RETA, 32, 4, P_ALL, 0, ANY, 0, "RETA"),
	REGS(R_RSSRK, 10, 4, P_ALL, 0, ANY, 0, "RSSRK"),
	REGS(R_ETQF, 8, 4, P_ALL, 0, ANY, 0, "ETQF"),
	REGS(0x5980, 8, 4, P_ALL, 0, ANY, 0, "SAQF"),
	REGS(0x59e0, 8, 4, P_ALL, 0, ANY, 0, "FTQF"),
	REGS(0x5a80, 8, 4, P_ALL, 0, ANY, 0, "IMIR"),
	REGS(0x5aa0, 8, 4, P_ALL, 0, ANY, 0, "IMIREXT"),
	REG(0x5ac0, P_ALL, 0, ANY, 0, "IMIRVP"),
	REG(0x55fc, P_ALL, 0, ANY, 0, "SYNQF"),
	REG(0x0c8c, P_VMDQ, 0, 0xff, 0xff, "VFRE"),
	REG(0x0c90, P_VMDQ, 0, 0xff, 0xff, "VFTE"),
	REG(0x2408, P_VMDQ, 0, ANY, 0, "QDE"),
	REGS(0x5ad0, 8, 4, P_VMDQ, 0, ANY, 0x2600, "VMOLR"),
	REGS(0x3700, 8, 4, P_VMDQ, 0, ANY, 0, "VMVIR"),
	REGS(0x5d00, 32, 4, P_VMDQ, 0, ANY, 0, "VLVF"),
	REG(0x3500, P_ALL, 0, ANY, 0, "DTXSWC"),
	REG(0x5acc, P_I350, 0, ANY, 0, "TXSWC"),
	ACTS(R_RDBAL, 16, 64, P_ALL, QUEUES, 0xffffff80, 0, "RDBAL", NULL, sim_rxq_write),
	ACTS(R_RDBAH, 16, 64, P_ALL, QUEUES, ANY, 0, "RDBAH", NULL, sim_rxq_write),
	ACTS(R_RDLEN, 16, 64, P_ALL, QUEUES, 0x000fff80, 0, "RDLEN", NULL, sim_rxq_write),
	REGS(R_SRRCTL, 16, 64, P_ALL, QUEUES, 0xcff03f7f, 0x400, "SRRCTL"),
	ACTS(R_RDH, 16, 64, P_ALL, QUEUES, 0xffff, 0, "RDH", NULL, sim_rxq_write),
	REGS(0xc014, 16, 64, P_ALL, QUEUES, ANY, 0, "DCA_RXCTRL"),
	ACTS(R_RDT, 16, 64, P_ALL, QUEUES, 0xffff, 0, "RDT", NULL, sim_rxq_write),
	ACTS(R_RXDCTL, 16, 64, P_ALL, QUEUES, 0x061f1f1f, 0x00010a0c, "RXDCTL", NULL,
	     sim_rxq_write),
	ACTS(R_RQDPC, 16, 64, P_ALL, QUEUES | RO, 0, 0, "RQDPC", sim_rqdpc_read, NULL),
	REGS(R_DVMOLR, 16, 64, P_350_ON, QUEUES | NOT_EMU, 0xe0000000, 0, "DVMOLR"),
	/* Transmit */
	ACT(R_TCTL, P_ALL, 0, 0x137ffffa, 0x3f0f8, "TCTL", NULL, sim_rctl_write),
	REG(R_TCTL_EXT, P_ALL, 0, ANY, 0x4040, "TCTL_EXT"),
	REG(R_TIPG, P_ALL, 0, 0x3fffffff, 0x00602008, "TIPG"),
	REG(R_TXPBS, P_ALL, 0, ANY, 0x28, "TXPBS"),
	REG(0x3590, P_ALL, 0, ANY, 0, "DTXCTL"),
	REG(0x359c, P_ALL, 0, ANY, 0x0f760ff6, "DTXTCPFLGL"),
	REG(0x35a0, P_ALL, 0, ANY, 0x0f7f, "DTXTCPFLGH"),
	REG(R_DTXMXPKTSZ, P_NEW, 0, 0x1ff, 0x98, "DTXMXPKTSZ"),
	ACTS(R_TDBAL, 16, 64, P_ALL, QUEUES, 0xffffff80, 0, "TDBAL", NULL, sim_txq_write),
	ACTS(R_TDBAH, 16, 64, P_ALL, QUEUES, ANY, 0, "TDBAH", NULL, sim_txq_write),
	ACTS(R_TDLEN, 16, 64, P_ALL, QUEUES, 0x000fff80, 0, "TDLEN", NULL, sim_txq_write),
	ACTS(R_TDH, 16, 64, P_ALL, QUEUES, 0xffff, 0, "TDH", NULL, sim_txq_write),
	REGS(0xe014, 16, 64, P_ALL, QUEUES, ANY, 0, "DCA_TXCTRL"),
	ACTS(R_TDT, 16, 64, P_ALL, QUEUES, 0xffff, 0, "TDT", NULL, sim_txq_write),
	ACTS(R_TXDCTL, 16, 64, P_ALL, QUEUES, 0x0e1f1f1f, 0, "TXDCTL", NULL, sim_txq_write),
	REGS(R_TDWBAL, 16, 64, P_ALL, QUEUES, 0xffffffff, 0, "TDWBAL"),
	REGS(R_TDWBAH, 16, 64, P_ALL, QUEUES, ANY, 0, "TDWBAH"),
	/* 1588 */
	ACT(R_SYSTIML, P_ALL, 0, ANY, 0, "SYSTIML", sim_time_read, sim_time_write),
	ACT(R_SYSTIMH, P_ALL, 0, ANY, 0, "SYSTIMH", sim_time_read, sim_time_write),
	ACT(R_TIMINCA, P_ALL, 0, ANY, 0, "TIMINCA", NULL, sim_time_write),
	ACT(R_TIMADJL, P_ALL, 0, ANY, 0, "TIMADJL", NULL, sim_time_write),
	ACT(R_TIMADJH, P_ALL, 0, ANY, 0, "TIMADJH", NULL, sim_time_write),
	REG(R_TSYNCTXCTL, P_ALL, 0, 0x10, 0, "TSYNCTXCTL"),
	ACTS(R_TXSTMPL, 2, 4, P_ALL, RO, 0, 0, "TXSTMP", sim_stamp_read, NULL),
	REG(R_TSYNCRXCTL, P_ALL, 0, 0x1e, 0, "TSYNCRXCTL"),
	ACTS(R_RXSTMPL, 2, 4, P_ALL, RO, 0, 0, "RXSTMP", sim_stamp_read, NULL),
	REGS(0xb62c, 2, 4, P_ALL, RO, 0, 0, "RXSATR"),
	ACT(R_TSAUXC, P_NEW, NOT_EMU, ANY, 0x80000000, "TSAUXC", NULL, sim_time_write),
	REGS(0xb644, 4, 4, P_NEW, 0, ANY, 0, "TRGTTIM"),
	REGS(0xb654, 2, 4, P_NEW, 0, ANY, 0, "FREQOUT"),
	REGS(0xb65c, 4, 4, P_NEW, RO, 0, 0, "AUXSTMP"),
	REG(R_TSICR, P_NEW, RC, ANY, 0, "TSICR"),
	REG(R_TSIM, P_NEW, 0, ANY, 0, "TSIM"),
	ACT(R_SYSTIMR, P_NEW, NOT_EMU, ANY, 0, "SYSTIMR", sim_time_read, NULL),
	REG(R_TSYNCRXCFG, P_ALL, 0, ANY, 0, "TSYNCRXCFG"),
	/* Statistics */
	ACTS(R_STATS, 79, 4, P_ALL, RO, 0, 0, "statistics", sim_stat_read, NULL),
	ACT(R_LENERRS, P_ALL, RO, 0, 0, "LENERRS", sim_stat_read, NULL),
	ACT(0x4228, P_ALL, RO, 0, 0, "SCVPC", sim_stat_read, NULL),
	REGS(R_PQGPRC, 16, 0x100, P_ALL, QUEUES | RO, 0, 0, "PQGPRC"),
	REGS(R_PQGPTC, 16, 0x100, P_ALL, QUEUES | RO, 0, 0, "PQGPTC"),
	REGS(R_PQGORC, 16, 0x100, P_ALL, QUEUES | RO, 0, 0, "PQGORC"),
	REGS(R_PQGOTC, 16, 0x100, P_ALL, QUEUES | RO, 0, 0, "PQGOTC"),
	REGS(R_PQMPRC, 16, 0x100, P_ALL, QUEUES | RO, 0, 0, "PQMPRC"),
	/* Serial links */
	REG(0x4200, P_ALL, KEEP, ANY, 0, "PCS_CFG0"),
	REG(0x4208, P_ALL, KEEP, ANY, 0, "PCS_LCTL"),
	REG(0x420c, P_ALL, RO, 0, 0, "PCS_LSTAT"),
	REG(0x4218, P_ALL, KEEP, ANY, 0, "PCS_ANADV"),
};

_Static_assert(sizeof(table) / sizeof(table[0]) <= UINT8_MAX, "row numbers are bytes");

static unsigned row_count(const struct igb_sim *sim, const struct row *row)
{
	if (row->how & QUEUES)
		return sim->part->nb_queues;
	if (row->how & VECTORS)
		return sim->part->nb_vectors;
	if (row->how & MACS)
		return sim->part->nb_addresses - 16;
	return row->nb;
}

static bool has_row(const struct igb_sim *sim, const struct row *row)
{
	return row->nb && row->parts & 1u << sim->conf.type;
}

void sim_map_build(struct igb_sim *sim)
{
	for (unsigned r = 0; r < sizeof(table) / sizeof(table[0]); r++) {
		const struct row *row = &table[r];

		if (!has_row(sim, row))
			continue;
		for (unsigned i = 0; i < row_count(sim, row); i++) {
			sim->rows[(row->offset + i * row->stride) / 4] = (uint8_t)r;
			reg_set(sim, row->offset + i * row->stride, row->reset);
		}
	}
}

static uint32_t reset_value(const struct igb_sim *sim, const struct row *row)
{
	if (row->offset == R_RXPBS)
		return sim->part->rxpbs_reset;
	if (!sim->conf.qemu)
		return row->reset;
	switch (row->offset) {
	case R_RXDCTL:
		return 0x02010000;
	case R_TXDCTL:
		return 0x02000000;
	case R_RXCSUM:
		return 0x300;
	case R_EEMNGCTL:
		return 0;
	default:
		return row->reset;
	}
}

void sim_map_reset(struct igb_sim *sim)
{
	for (unsigned r = 0; r < sizeof(table) / sizeof(table[0]); r++) {
		const struct row *row = &table[r];

		if (!has_row(sim, row) || row->how & KEEP)
			continue;
		for (unsigned i = 0; i < row_count(sim, row); i++)
			reg_set(sim, row->offset + i * row->stride, reset_value(sim, row));
	}
	/* Only the first queues of the emulation are on. */
	for (unsigned q = 1; sim->conf.qemu && q < sim->part->nb_queues; q++) {
		reg_set(sim, q_off(R_RXDCTL, q), 0x00010000);
		reg_set(sim, q_off(R_TXDCTL, q), 0);
	}
}

uint32_t sim_map_canonical(const struct igb_sim *sim, uint32_t offset)
{
	uint32_t queue = offset >> 8 & 3, low = offset & 0xff;

	if (offset == 0x0004)
		return R_CTRL;
	if (offset >= 0x2800 && offset < 0x2c00 && low < QUEUE_STRIDE)
		return 0xc000 + queue * QUEUE_STRIDE + low;
	if (offset >= 0x3800 && offset < 0x3c00 && low < QUEUE_STRIDE)
		return 0xe000 + queue * QUEUE_STRIDE + low;
	if (offset >= 0x1500 && offset < 0x1514 && !sim->conf.qemu) {
		static const uint32_t old[] = {R_ICR, R_ICS, R_IMS, R_IMC, R_IAM};

		return old[(offset - 0x1500) / 4];
	}
	return offset;
}

static const struct row *row_of(struct igb_sim *sim, uint32_t *offset, const char *how)
{
	const struct row *row;

	*offset = sim_map_canonical(sim, *offset);
	row = &table[sim->rows[*offset / 4]];
	if (row->name)
		return row;
	if (*offset < 0x1500 || *offset >= 0x1514 || !sim->conf.qemu)
		sim_violation(sim, IGB_SIM_V_UNKNOWN, "%s of %05x, which the %s has not", how,
			      *offset, sim->part->name);
	return NULL;
}

static unsigned place(const struct row *row, uint32_t offset)
{
	return row->stride ? (offset - row->offset) / row->stride : 0;
}

uint32_t sim_map_read(struct igb_sim *sim, uint32_t offset)
{
	const struct row *row = row_of(sim, &offset, "read");
	uint32_t value;

	if (!row || row->how & WO || (row->how & NOT_EMU && sim->conf.qemu))
		return 0;
	if (row->read)
		return row->read(sim, offset, place(row, offset));
	value = reg(sim, offset);
	if (row->how & RC)
		reg_set(sim, offset, 0);
	return value;
}

void sim_map_write(struct igb_sim *sim, uint32_t offset, uint32_t value)
{
	const struct row *row = row_of(sim, &offset, "write");
	uint32_t old;

	if (!row || (row->how & NOT_EMU && sim->conf.qemu))
		return;
	if (row->how & RO) {
		sim_violation(sim, IGB_SIM_V_RESERVED, "write of %s (%05x), which is read-only",
			      row->name, offset);
		return;
	}
	/* What a bit was may be written back. */
	old = reg(sim, offset);
	if (value & ~row->mask & ~old)
		sim_violation(sim, IGB_SIM_V_RESERVED, "%s (%05x): %08x sets reserved bits %08x",
			      row->name, offset, value, value & ~row->mask & ~old);
	if (row->write)
		row->write(sim, offset, place(row, offset), value & (row->mask | old));
	else
		reg_set(sim, offset, (value & row->mask) | (old & ~row->mask));
}
