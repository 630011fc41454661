/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Advanced descriptors, 16 bytes of two little-endian words each (82576 data sheet 7.1.5 and 7.2.2,
 * I210 7.1.4 and 7.2.2). What the card writes back lies over what the driver wrote:
 *
 *	            word 0                                word 1
 *	rx read     packet address                        header address; bit 0 is DD: must be 0
 *	rx back     RSS hash | header | type, RSS type    VLAN | length | errors and status
 *	tx data     buffer address                        PAYLEN, options | commands, length
 *	tx context  VLAN | MACLEN | IPLEN                 MSS | L4LEN | index | commands
 *	tx back     -                                     bit 32 is DD
 *
 * Constants are bits of the 64-bit word, in the CPU's byte order.
 */
#ifndef IGB_DESC_H
#define IGB_DESC_H

#include <pollux/atomic.h>
#include <pollux/bits.h>
#include <pollux/mmio.h>

struct igb_desc {
	union {
		uint64_t word[2]; /* little-endian */
		uint16_t half[8]; /* the same */
	};
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "parts of words are read and written");
_Static_assert(sizeof(struct igb_desc) == 16, "a descriptor is 16 bytes");
_Static_assert(PLX_CACHE_LINE % sizeof(struct igb_desc) == 0, "none lies across two lines");

enum {
	IGB_RING_MIN = 32,
	IGB_RING_MAX = 4096,
	IGB_RING_STEP = 8,	    /* the length in bytes is a multiple of 128 */
	IGB_RING_ALIGN = 128,	    /* of its first byte */
	IGB_FRAME_MIN = 14,	    /* an Ethernet header */
	IGB_TX_FRAME_MIN = 60,	    /* shorter ones are padded: silicon can, emulators do not */
	IGB_TX_DATA_MAX = 32768,    /* bytes of one data descriptor */
	IGB_TX_DATA_DESCS_MAX = 40, /* of one packet; emulators stop at 64 */
};

/* Receive, word 0 as written back. */
#define IGB_RXD_RSS_TYPE_MASK UINT64_C(0xf)
#define IGB_RXD_TYPE_MASK UINT64_C(0xfff0)
#define IGB_RXD_TYPE_SCTP UINT64_C(0x4000) /* mask 400h, at bit 4 */

/* Receive, word 1 as written back. */
#define IGB_RXD_DD PLX_BIT64(0)
#define IGB_RXD_EOP PLX_BIT64(1)
#define IGB_RXD_VP PLX_BIT64(3)	   /* a tag was taken out */
#define IGB_RXD_UDPCS PLX_BIT64(4) /* these three: it was checked */
#define IGB_RXD_L4CS PLX_BIT64(5)
#define IGB_RXD_IPCS PLX_BIT64(6)
#define IGB_RXD_TSIP PLX_BIT64(15) /* the stamp is in the buffer */
#define IGB_RXD_LB PLX_BIT64(18)   /* looped back within the card */
#define IGB_RXD_L4E PLX_BIT64(29)
#define IGB_RXD_IPE PLX_BIT64(30)
#define IGB_RXD_RXE PLX_BIT64(31)
#define IGB_RXD_LEN_SHIFT 32
#define IGB_RXD_VLAN_SHIFT 48

/* Transmit data, word 1. */
#define IGB_TXD_DTYP_DATA (UINT64_C(3) << 20)
#define IGB_TXD_EOP PLX_BIT64(24)
#define IGB_TXD_IFCS PLX_BIT64(25)
#define IGB_TXD_RS PLX_BIT64(27)
#define IGB_TXD_DEXT PLX_BIT64(29)
#define IGB_TXD_VLE PLX_BIT64(30)
#define IGB_TXD_TSE PLX_BIT64(31)
#define IGB_TXD_DD PLX_BIT64(32)
#define IGB_TXD_IDX_SHIFT 36
#define IGB_TXD_IXSM PLX_BIT64(40)
#define IGB_TXD_TXSM PLX_BIT64(41)
#define IGB_TXD_PAYLEN_SHIFT 46
/* A data descriptor, and one that is a frame of its own; the lengths are added. */
#define IGB_TXD_DATA (IGB_TXD_DTYP_DATA | IGB_TXD_DEXT | IGB_TXD_IFCS)
#define IGB_TXD_FRAME (IGB_TXD_DATA | IGB_TXD_EOP)

/* Transmit context: word 0, word 1. */
#define IGB_TXC_MACLEN_SHIFT 9
#define IGB_TXC_VLAN_SHIFT 16
#define IGB_TXC_DTYP (UINT64_C(2) << 20)
#define IGB_TXC_IPV4 PLX_BIT64(10)
#define IGB_TXC_L4T_TCP (UINT64_C(1) << 11) /* 0: UDP */
#define IGB_TXC_L4T_SCTP (UINT64_C(2) << 11)
#define IGB_TXC_IDX_SHIFT 36
#define IGB_TXC_L4LEN_SHIFT 40
#define IGB_TXC_MSS_SHIFT 48

_Static_assert(IGB_TXD_FRAME == 0x2b300000 - IGB_TXD_RS, "as the data sheet's legacy examples");

typedef uint64_t igb_word __attribute__((may_alias));

/* Two words at once. */
typedef uint64_t igb_pair __attribute__((vector_size(16), aligned(8), may_alias));

static inline void igb_desc_write(struct igb_desc *desc, uint64_t word0, uint64_t word1)
{
	desc->word[0] = PLX_MMIO_LE64(word0);
	desc->word[1] = PLX_MMIO_LE64(word1);
}

/* The word with DD; whatever the card wrote before it is seen by what follows. Pairs with the
 * card's order of writes: frame, descriptor, DD last. */
static inline uint64_t igb_desc_status(const struct igb_desc *desc)
{
	uint64_t word = PLX_MMIO_LE64(plx_load_acquire(&desc->word[1]));

	PLX_MMIO_AFTER_READ();
	return word;
}

/* Length of a receive descriptor, once more from memory: check this value, not another read. */
static inline uint64_t igb_desc_len(const struct igb_desc *desc)
{
	return plx_load_relaxed(&desc->half[6]);
}

static inline uint64_t igb_desc_word0(const struct igb_desc *desc)
{
	return PLX_MMIO_LE64(desc->word[0]);
}

#endif
