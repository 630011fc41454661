/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts, seen from the registers. Data sheets: "Interrupts" (I210: 7.3), GPIE, IVAR,
 * IVAR_MISC, EITR, EIMS, EIMC, EIAC, EIAM, ICR (8.8).
 *
 * MSI-X: vector 0 is everything but packets, vector 1 + n receive queue n. EIAC clears a cause when
 * its message is sent, EIAM masks a queue's vector at the same time: it fires once and is armed by
 * the next plx_igb_intr_rxq(). (An emulator does not mask: it goes on firing until disarmed.)
 * MSI and INTx: all queues are one cause.
 *
 * ICR has to be read in each handler: a cause that is still set makes no new edge. With GPIE.NSICR
 * that read clears it whatever is masked.
 */
#include <errno.h>

#include "hw.h"

#define OTHER_CAUSES (IGB_INT_LSC | IGB_INT_FER | IGB_INT_THS | IGB_INT_DOUTSYNC | IGB_INT_DRSTA)

enum { EITR_MAX_US = IGB_EITR_INTERVAL_MASK >> IGB_EITR_INTERVAL_SHIFT };

void plx_igb_intr_off(struct igb_hw *hw)
{
	igb_write(hw, IGB_IMC, UINT32_MAX);
	igb_write(hw, IGB_EIMC, UINT32_MAX);
	igb_write(hw, IGB_EIAC, 0);
	igb_write(hw, IGB_EIAM, 0);
	igb_flush(hw);
	(void)igb_read(hw, IGB_ICR);
	(void)igb_read(hw, IGB_EICR);
}

/* The byte of IVAR that a receive queue has; the one above it is the transmit queue's. */
static void route_rxq(struct igb_hw *hw, unsigned q, uint32_t vector)
{
	unsigned reg, shift;
	uint32_t value;

	if (hw->mac->ivar_paired) {
		reg = IGB_IVAR(q / 2);
		shift = 16 * (q & 1);
	} else {
		reg = IGB_IVAR(q & 7);
		shift = 16 * (q / 8);
	}
	value = igb_read(hw, reg) & ~(0xffffu << shift);
	igb_write(hw, reg, value | (vector | IGB_IVAR_VALID) << shift);
}

static void unroute_all(struct igb_hw *hw)
{
	unsigned nb = hw->mac->ivar_paired ? hw->mac->nb_queues / 2u : 8;

	for (unsigned i = 0; i < nb; i++)
		igb_write(hw, IGB_IVAR(i), 0);
	igb_write(hw, IGB_IVAR_MISC, 0);
}

int plx_igb_intr_setup(struct igb_hw *hw, enum igb_intr_mode mode, unsigned nb_rx_vectors)
{
	uint32_t rx_bits;

	if (nb_rx_vectors > hw->mac->nb_queues || (mode != IGB_INTR_MSIX && nb_rx_vectors > 0) ||
	    (unsigned)mode > IGB_INTR_MSIX)
		return -EINVAL;
	plx_igb_intr_off(hw);
	hw->intr_mode = mode;
	/* GPIE first: the meaning of the others depends on it. */
	igb_write(hw, IGB_GPIE,
		  mode == IGB_INTR_MSIX
			  ? IGB_GPIE_MSIX | IGB_GPIE_PBA | IGB_GPIE_EIAME | IGB_GPIE_NSICR
			  : IGB_GPIE_NSICR);
	unroute_all(hw);
	if (mode == IGB_INTR_NONE)
		return plx_igb_alive(hw);
	for (unsigned q = 0; q < (mode == IGB_INTR_MSIX ? nb_rx_vectors : hw->mac->nb_queues); q++)
		route_rxq(hw, q, mode == IGB_INTR_MSIX ? IGB_VECTOR_RXQ + q : 0);
	if (mode == IGB_INTR_MSIX) {
		rx_bits = (PLX_BIT(nb_rx_vectors) - 1) << IGB_VECTOR_RXQ;
		igb_write(hw, IGB_IVAR_MISC,
			  (IGB_VECTOR_OTHER | IGB_IVAR_VALID) << IGB_IVAR_MISC_OTHER_SHIFT);
		igb_write(hw, IGB_EIAC, rx_bits | PLX_BIT(IGB_VECTOR_OTHER));
		igb_write(hw, IGB_EIAM, rx_bits);
		for (unsigned v = 0; v <= nb_rx_vectors; v++)
			plx_igb_intr_throttle(hw, v, 0);
	}
	igb_flush(hw);
	return plx_igb_alive(hw);
}

void plx_igb_intr_other(struct igb_hw *hw, bool on)
{
	igb_write(hw, on ? IGB_IMS : IGB_IMC, OTHER_CAUSES);
	if (hw->intr_mode == IGB_INTR_MSIX)
		igb_write(hw, on ? IGB_EIMS : IGB_EIMC, PLX_BIT(IGB_VECTOR_OTHER));
	igb_flush(hw);
}

void plx_igb_intr_rxq(struct igb_hw *hw, unsigned queue, bool on)
{
	if (hw->intr_mode == IGB_INTR_MSIX)
		igb_write(hw, on ? IGB_EIMS : IGB_EIMC, PLX_BIT(IGB_VECTOR_RXQ + queue));
	else
		igb_write(hw, on ? IGB_IMS : IGB_IMC, IGB_INT_RXDW);
	igb_flush(hw);
}

void plx_igb_intr_throttle(struct igb_hw *hw, unsigned vector, unsigned us)
{
	igb_write(hw, IGB_EITR(vector),
		  plx_min_u32(us, EITR_MAX_US) << IGB_EITR_INTERVAL_SHIFT | IGB_EITR_CNT_IGNR);
}

uint32_t plx_igb_intr_causes(struct igb_hw *hw)
{
	static const struct {
		uint32_t icr, cause;
	} map[] = {
		{IGB_INT_LSC, IGB_CAUSE_LINK},	     {IGB_INT_RXDW, IGB_CAUSE_RX},
		{IGB_INT_DRSTA, IGB_CAUSE_RESET},    {IGB_INT_FER, IGB_CAUSE_FATAL},
		{IGB_INT_DOUTSYNC, IGB_CAUSE_FATAL}, {IGB_INT_TIME_SYNC, IGB_CAUSE_TIME},
		{IGB_INT_THS, IGB_CAUSE_THERMAL},    {IGB_INT_RXO, IGB_CAUSE_OVERRUN},
		{IGB_INT_VMMB, IGB_CAUSE_MAILBOX},
	};
	uint32_t icr = igb_read(hw, IGB_ICR), causes = 0;
	int ret = plx_igb_suspect(hw, icr);

	if (ret)
		return ret == -ENODEV ? IGB_CAUSE_GONE : IGB_CAUSE_RESET;
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(map); i++) {
		if (icr & map[i].icr)
			causes |= map[i].cause;
	}
	return causes;
}
