/* SPDX-License-Identifier: BSD-3-Clause */
/* NVM: words read by EERD, a copy for each port, the checksum; the iNVM of a part without flash. */
#include <string.h>

#include "sim_private.h"

enum {
	EERD_NS = 5000,
	CHECKED_WORDS = 0x40,
	NVM_SUM = 0xbaba,
	MAC_WORDS = 3,
	EECD_GNT = BIT(7),
	EECD_REQ = BIT(6),
	EECD_PRES = BIT(8),
	EECD_AUTO_RD = BIT(9),
	EECD_SIZE = 7 << 11,
	EECD_FLASH = BIT(19),
};

static unsigned section(unsigned port)
{
	static const uint16_t first[] = {0, 0x80, 0xc0, 0x100};

	return first[port];
}

static void seal(struct igb_sim *sim, unsigned first)
{
	uint16_t sum = 0;

	for (unsigned i = 0; i < CHECKED_WORDS - 1; i++)
		sum = (uint16_t)(sum + sim->nvm[first + i]);
	sim->nvm[first + CHECKED_WORDS - 1] = (uint16_t)(NVM_SUM - sum);
}

static void fill(struct igb_sim *sim, unsigned first, unsigned port)
{
	uint16_t *words = &sim->nvm[first];
	uint8_t mac[6];

	/* The address of another port is one next to this port's. */
	memcpy(mac, sim->conf.mac, sizeof(mac));
	mac[5] = (uint8_t)(mac[5] + port - sim->conf.port);
	memset(words, 0, CHECKED_WORDS * sizeof(*words));
	for (unsigned i = 0; i < MAC_WORDS; i++)
		words[i] = (uint16_t)(mac[2 * i] | mac[2 * i + 1] << 8);
	words[0x03] = 0x0420 | (sim->part->is_nvm_copied ? BIT(15) : 0);
	words[0x05] = 0x1630;
	words[0x0a] = 0x4002; /* vendor and subsystem are loaded, signature */
	words[0x0b] = 0;
	words[0x0c] = 0x8086;
	words[0x0d] = sim->conf.device_id ? sim->conf.device_id : sim->part->device_id;
	words[0x0e] = 0x8086;
	words[0x0f] = 0x4000;
	words[0x37] = 0xffff; /* no alternate address */
	seal(sim, first);
}

void sim_nvm_init(struct igb_sim *sim)
{
	unsigned nb = sim->part->is_nvm_copied ? 4 : 1;

	memset(sim->nvm, 0xff, sizeof(sim->nvm));
	/* One that has no copies serves all ports: it holds the address of port 0. */
	for (unsigned port = 0; port < nb; port++)
		fill(sim, section(port), port);
	sim->nvm[0x42] = 0x0001;
	sim->nvm[0x43] = 0x8000;
}

void sim_nvm_autoload(struct igb_sim *sim)
{
	const uint8_t *mac = sim->conf.mac;

	reg_set(sim, R_RAL,
		(uint32_t)mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 |
			(uint32_t)mac[3] << 24);
	reg_set(sim, R_RAH, (uint32_t)mac[4] | (uint32_t)mac[5] << 8 | BIT(31));
}

uint32_t sim_eecd_read(struct igb_sim *sim, uint32_t offset, unsigned i)
{
	uint32_t value = reg(sim, offset) & ~(EECD_GNT | EECD_PRES | EECD_AUTO_RD | EECD_FLASH);

	(void)i;
	if (sim->conf.qemu)
		return value | EECD_PRES | EECD_SIZE;
	if (value & EECD_REQ)
		value |= EECD_GNT;
	value |= EECD_AUTO_RD;
	if (!sim->conf.flashless)
		value |= EECD_PRES | EECD_SIZE | EECD_FLASH;
	return value;
}

uint32_t sim_eerd_read(struct igb_sim *sim, uint32_t offset, unsigned i)
{
	uint32_t value = reg(sim, R_EERD);
	unsigned word = value >> 2 & 0x3fff;
	uint16_t data = word < SIM_NVM_WORDS ? sim->nvm[word] : 0xffff;

	(void)offset;
	(void)i;
	if (sim->now_ns < sim->eerd_ns || fault(sim, IGB_SIM_F_NVM_STUCK))
		return value;
	if (word % CHECKED_WORDS == CHECKED_WORDS - 1)
		data = (uint16_t)(data + fault(sim, IGB_SIM_F_NVM_SUM));
	return (value & 0xfffc) | BIT(1) | (uint32_t)data << 16;
}

void sim_eerd_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value)
{
	(void)offset;
	(void)i;
	if (!(value & 1))
		return;
	if (sim->now_ns < sim->eerd_ns)
		sim_violation(sim, IGB_SIM_V_BUSY, "EERD written before the last read was done");
	if (!(reg(sim, R_SW_FW_SYNC) & 1) && !sim->conf.qemu)
		sim_violation(sim, IGB_SIM_V_LOCK, "EERD without the lock of the NVM");
	reg_set(sim, R_EERD, value & 0xfffd);
	sim->eerd_ns = sim->now_ns + (sim->conf.qemu ? 0 : EERD_NS);
}

/* One dword a word that is loaded: type 1, address, data. */
uint32_t sim_invm_read(struct igb_sim *sim, uint32_t offset, unsigned i)
{
	(void)offset;
	if (!sim->conf.flashless)
		return 0;
	return i < MAC_WORDS ? 1u | i << 9 | (uint32_t)sim->nvm[i] << 16 : 0;
}

void igb_sim_nvm_write(struct igb_sim *sim, unsigned word, uint16_t value)
{
	sim_enter(sim);
	if (word < SIM_NVM_WORDS)
		sim->nvm[word] = value;
	sim_leave(sim);
}
