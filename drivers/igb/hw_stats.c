/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's counters into 64 bits. Data sheets: "Statistics Register Descriptions" (I210: 8.18),
 * per queue (I210: 8.19; not cleared by reading).
 *
 * How often they must be read: those of 32 bits stick at ffffffff, packets at 1 Gb/s after 48
 * minutes (1.488 million a second), and are cleared by reading. Those of 64 bits never end. Octets
 * of a queue run round after 34 s at 1 Gb/s; so IGB_STATS_READ_MS is a second. RQDPC has 32 bits on
 * the I210; the 12 bits that older data sheets give it would be full after 2.8 ms of dropping at
 * line rate, so "saturated" counts that too: rx_dropped of a queue is a lower bound then.
 *
 * Reading all takes some 80 + 6 a queue register reads, about 1 us each on silicon.
 */
#include "hw.h"

#define RQDPC_12_BITS 0xfffu

static const uint32_t regs_32[] = {
#define X(field, reg, name, is_drop) reg,
	IGB_HW_COUNTERS_32(X)
#undef X
};

static const uint32_t regs_64[] = {
#define X(field, reg, name, is_drop) reg,
	IGB_HW_COUNTERS_64(X)
#undef X
};

/* Where regs_32[] and regs_64[] go: the struct begins with these fields, in that order. */
enum {
	NB_32 = PLX_ARRAY_SIZE(regs_32),
	NB_64 = PLX_ARRAY_SIZE(regs_64),
};

_Static_assert(offsetof(struct igb_hw_stats, saturated) == (NB_32 + NB_64) * sizeof(uint64_t),
	       "fields out of order");

struct queue_read {
	uint32_t rx_packets, tx_packets, rx_octets, tx_octets, rx_multicast, dropped;
};

/* One round of reads; added up only when the device was there to the end. */
struct reading {
	uint32_t value_32[NB_32];
	uint64_t value_64[NB_64];
	struct queue_read queue[IGB_QUEUES_MAX];
	bool suspect; /* some register read all ones */
};

static uint32_t look(const struct igb_hw *hw, uint32_t reg, struct reading *reading)
{
	uint32_t value = igb_read(hw, reg);

	if (plx_unlikely(value == UINT32_MAX))
		reading->suspect = true;
	return value;
}

static void read_queue(const struct igb_hw *hw, unsigned q, struct reading *reading)
{
	struct queue_read *to = &reading->queue[q];

#define X(field, reg) to->field = look(hw, reg(q), reading);
	IGB_HW_QUEUE_COUNTERS(X)
#undef X
	to->dropped = look(hw, IGB_RQDPC(q), reading);
	if (hw->mac->rqdpc_stays && to->dropped)
		igb_write(hw, IGB_RQDPC(q), 0);
}

static void read_all(const struct igb_hw *hw, struct reading *reading)
{
	reading->suspect = false;
	for (unsigned i = 0; i < NB_32; i++)
		reading->value_32[i] = look(hw, regs_32[i], reading);
	for (unsigned i = 0; i < NB_64; i++) {
		uint64_t low = look(hw, regs_64[i], reading);

		reading->value_64[i] = (uint64_t)look(hw, regs_64[i] + 4, reading) << 32 | low;
	}
	for (unsigned q = 0; q < hw->mac->nb_queues; q++)
		read_queue(hw, q, reading);
}

static void add(uint64_t *counter, uint64_t n)
{
	if (n)
		plx_store_relaxed(counter, *counter + n);
}

static void add_queue(struct igb_hw *hw, unsigned q, const struct queue_read *read)
{
	struct igb_hw_queue_stats *to = &hw->stats.queue[q];

#define X(field, reg)                                                                              \
	add(&to->field, (uint32_t)(read->field - hw->stats.last[q].field));                        \
	hw->stats.last[q].field = read->field;
	IGB_HW_QUEUE_COUNTERS(X)
#undef X
	add(&to->rx_dropped, read->dropped);
	if (!hw->mac->rqdpc_stays && read->dropped == RQDPC_12_BITS)
		add(&hw->stats.saturated, 1);
}

void plx_igb_stats_update(struct igb_hw *hw)
{
	uint64_t *field = &hw->stats.rx_good_packets;
	struct reading reading;

	if (plx_load_relaxed(&hw->gone))
		return;
	read_all(hw, &reading);
	/* All ones may be a counter at its end, or nobody. */
	if (reading.suspect && plx_igb_alive(hw))
		return;
	for (unsigned i = 0; i < NB_32; i++) {
		add(field++, reading.value_32[i]);
		if (reading.value_32[i] == UINT32_MAX)
			add(&hw->stats.saturated, 1);
	}
	for (unsigned i = 0; i < NB_64; i++)
		add(field++, reading.value_64[i]);
	for (unsigned q = 0; q < hw->mac->nb_queues; q++)
		add_queue(hw, q, &reading.queue[q]);
}

void plx_igb_stats_resync(struct igb_hw *hw)
{
	struct reading reading;

	read_all(hw, &reading);
	if (reading.suspect && plx_igb_alive(hw))
		return;
	for (unsigned q = 0; q < hw->mac->nb_queues; q++) {
#define X(field, reg) hw->stats.last[q].field = reading.queue[q].field;
		IGB_HW_QUEUE_COUNTERS(X)
#undef X
	}
}
