/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx-igb rings: the registers of queues, and the descriptors in the memory of whoever drives the
 * card. The card and its driver go on meanwhile: a dump of a running queue is a film's still.
 *
 * A descriptor is told apart by what stands in it alone: DD says that the card has written it back.
 */
#include <desc.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "card.h"

enum {
	RING_BYTES_STEP = 128,
	RING_BYTES_MAX = 1 << 19, /* 20 bits of xDLEN, of which the uppermost is reserved */
};

struct ring {
	const char *name; /* "rx", "tx" */
	unsigned queue;
	uint64_t base;
	uint32_t bytes, head, tail, dctl;
	bool is_rx;
};

/* ---- What a descriptor says ---- */

struct bit {
	uint64_t mask;
	const char *name;
};

static void print_bits(uint64_t word, const struct bit *bits)
{
	for (; bits->name; bits++)
		if (word & bits->mask)
			printf(" %s", bits->name);
}

static void print_rx(const struct igb_desc *desc)
{
	static const struct bit bits[] = {
		{IGB_RXD_EOP, "EOP"},
		{IGB_RXD_VP, "VP"},
		{IGB_RXD_UDPCS, "UDPCS"},
		{IGB_RXD_L4CS, "L4CS"},
		{IGB_RXD_IPCS, "IPCS"},
		{IGB_RXD_TSIP, "TSIP"},
		{IGB_RXD_LB, "LB"},
		{IGB_RXD_L4E, "L4E!"},
		{IGB_RXD_IPE, "IPE!"},
		{IGB_RXD_RXE, "RXE!"},
		{0, NULL},
	};
	uint64_t back = desc->word[1];

	if (!(back & IGB_RXD_DD)) {
		printf("buffer %#" PRIx64 "\n", desc->word[0]);
		return;
	}
	printf("written back: %u bytes, DD", (uint16_t)(back >> IGB_RXD_LEN_SHIFT));
	print_bits(back, bits);
	if (back & IGB_RXD_VP)
		printf(", tag %04x", (uint16_t)(back >> IGB_RXD_VLAN_SHIFT));
	printf(", type %04x, hash %08x\n", (uint16_t)(desc->word[0] & IGB_RXD_TYPE_MASK),
	       (uint32_t)(desc->word[0] >> 32));
}

static void print_tx(const struct igb_desc *desc)
{
	static const struct bit bits[] = {
		{IGB_TXD_EOP, "EOP"},	{IGB_TXD_IFCS, "IFCS"}, {IGB_TXD_RS, "RS"},
		{IGB_TXD_VLE, "VLE"},	{IGB_TXD_TSE, "TSE"},	{IGB_TXD_IXSM, "IXSM"},
		{IGB_TXD_TXSM, "TXSM"}, {IGB_TXD_DD, "DD"},	{0, NULL},
	};
	uint64_t word = desc->word[1], type = word & (UINT64_C(15) << 20);

	if (desc->word[0] == 0 && word == 0) {
		printf("never used\n");
	} else if ((word & IGB_TXD_DEXT) && type == IGB_TXC_DTYP) {
		printf("context %u: MACLEN %u, IPLEN %u, L4LEN %u, MSS %u, tag %04x\n",
		       (unsigned)(word >> IGB_TXC_IDX_SHIFT & 7),
		       (unsigned)(desc->word[0] >> IGB_TXC_MACLEN_SHIFT & 0x7f),
		       (unsigned)(desc->word[0] & 0x1ff),
		       (unsigned)(word >> IGB_TXC_L4LEN_SHIFT & 0xff),
		       (unsigned)(word >> IGB_TXC_MSS_SHIFT),
		       (uint16_t)(desc->word[0] >> IGB_TXC_VLAN_SHIFT));
	} else {
		printf("buffer %#" PRIx64 ", %u bytes", desc->word[0], (uint16_t)word);
		print_bits(word, bits);
		printf(", packet of %u\n", (unsigned)(word >> IGB_TXD_PAYLEN_SHIFT));
	}
}

/* ---- A ring ---- */

static bool is_the_cards(const struct ring *ring, uint32_t slot)
{
	if (ring->head <= ring->tail)
		return slot >= ring->head && slot < ring->tail;
	return slot >= ring->head || slot < ring->tail;
}

static void print_descs(const struct ring *ring, const struct igb_desc *descs)
{
	printf("#      slot  word 0            word 1\n");
	for (uint32_t i = 0; i < ring->bytes / sizeof(*descs); i++) {
		printf("%c%c %c  %5u  %016" PRIx64 "  %016" PRIx64 "  ",
		       i == ring->head ? 'H' : ' ', i == ring->tail ? 'T' : ' ',
		       is_the_cards(ring, i) ? '*' : ' ', i, descs[i].word[0], descs[i].word[1]);
		if (ring->is_rx)
			print_rx(&descs[i]);
		else
			print_tx(&descs[i]);
	}
}

/* Returns 0 also when the memory is out of reach, which is told. */
static int dump_memory(const struct card *card, const struct ring *ring)
{
	struct igb_desc *descs;
	const char *why = "";

	if (ring->bytes == 0) {
		printf("# no descriptors: it was never set up\n");
		return 0;
	}
	if (ring->bytes % RING_BYTES_STEP || ring->bytes > RING_BYTES_MAX) {
		printf("# descriptors left out: a length of %u bytes is not valid\n", ring->bytes);
		return 0;
	}
	descs = malloc(ring->bytes);
	if (!descs)
		return card_fail(card, "out of memory");
	if (memory_read(card, ring->base, descs, ring->bytes, &why) == 0)
		print_descs(ring, descs);
	else
		printf("# descriptors left out: %s\n", why);
	free(descs);
	return 0;
}

static struct ring read_ring(const struct igb_hw *hw, unsigned n, bool is_rx)
{
	struct ring ring = {.name = is_rx ? "rx" : "tx", .queue = n, .is_rx = is_rx};

	ring.base = igb_read(hw, is_rx ? IGB_RDBAL(n) : IGB_TDBAL(n));
	ring.base |= (uint64_t)igb_read(hw, is_rx ? IGB_RDBAH(n) : IGB_TDBAH(n)) << 32;
	ring.bytes = igb_read(hw, is_rx ? IGB_RDLEN(n) : IGB_TDLEN(n));
	ring.head = igb_read(hw, is_rx ? IGB_RDH(n) : IGB_TDH(n));
	ring.tail = igb_read(hw, is_rx ? IGB_RDT(n) : IGB_TDT(n));
	ring.dctl = igb_read(hw, is_rx ? IGB_RXDCTL(n) : IGB_TXDCTL(n));
	return ring;
}

static void print_registers(const struct igb_hw *hw, const struct ring *ring)
{
	const char letter = ring->is_rx ? 'R' : 'T', side = ring->is_rx ? 'R' : 'T';

	printf("%s queue %u: %s, %zu descriptors\n", ring->name, ring->queue,
	       ring->dctl & IGB_DCTL_ENABLE ? "on" : "off", ring->bytes / sizeof(struct igb_desc));
	printf("  %cDBA %016" PRIx64 "  %cDLEN %u  %cDH %u  %cDT %u  %cXDCTL %08x", letter,
	       ring->base, letter, ring->bytes, letter, ring->head, letter, ring->tail, side,
	       ring->dctl);
	if (ring->is_rx)
		printf("  SRRCTL %08x", igb_read(hw, IGB_SRRCTL(ring->queue)));
	printf("\n");
}

static int dump_dir(const struct card *card, int queue, bool is_rx, unsigned *nb)
{
	const struct igb_hw *hw = &card->hw;
	int ret = 0;

	for (unsigned n = 0; n < hw->mac->nb_queues && ret == 0; n++) {
		struct ring ring = read_ring(hw, n, is_rx);

		if (queue == RINGS_ALL ? !(ring.dctl & IGB_DCTL_ENABLE) : n != (unsigned)queue)
			continue;
		print_registers(hw, &ring);
		ret = dump_memory(card, &ring);
		(*nb)++;
	}
	return ret;
}

int card_rings(struct card *card, int queue, unsigned dirs)
{
	unsigned nb = 0;
	int ret = 0;

	if (queue != RINGS_ALL && queue >= card->hw.mac->nb_queues)
		return card_fail(card, "--queue %d: an %s has queues 0 to %u", queue,
				 card->hw.mac->name, card->hw.mac->nb_queues - 1);
	printf("# %s: %s port %u; H head, T tail, * the card's\n", card->info.name,
	       card->hw.mac->name, card->hw.lan_id);
	if (dirs & RINGS_RX)
		ret = dump_dir(card, queue, true, &nb);
	if (ret == 0 && (dirs & RINGS_TX))
		ret = dump_dir(card, queue, false, &nb);
	if (ret == 0 && nb == 0)
		printf("# no queue is on; --queue N shows one that is off\n");
	return ret || plx_igb_alive(&card->hw) ? 1 : 0;
}
