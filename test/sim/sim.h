/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model of one port of an igb card, for tests without hardware and without a virtual machine.
 *
 * The model stands behind the MMIO hook of <pollux/mmio.h>: a driver compiled with PLX_MMIO_HOOK=1
 * reads and writes igb_sim_bar() as if it were BAR 0. The card reads and writes memory by IOVA =
 * VA, and only what igb_sim_dma_map() gave it. It follows the data sheets; with `qemu` it takes
 * over the ways in which QEMU's igb differs and which a driver can see.
 *
 * What a driver must not do, and silicon would punish or not forgive, is counted as a violation,
 * with a line that says what it was. A test asserts that there are none.
 *
 * Time is the card's own: it goes on by igb_sim_advance(), by a step for each register read, and,
 * with IGB_SIM_CLOCK_REAL, with the host's clock. Every call is for any thread, if not said
 * otherwise; each takes the card's lock.
 */
#ifndef IGB_SIM_H
#define IGB_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum igb_sim_type {
	IGB_SIM_82576,
	IGB_SIM_82580,
	IGB_SIM_I350,
	IGB_SIM_I354,
	IGB_SIM_I210,
	IGB_SIM_I211,
	IGB_SIM_NB_TYPES,
};

enum igb_sim_run {
	IGB_SIM_SYNC,	 /* work is done inside the register write or the call that causes it */
	IGB_SIM_TICKED,	 /* the same, and a thread looks after the timers each millisecond */
	IGB_SIM_STEPPED, /* work is done by igb_sim_step() only */
	IGB_SIM_THREAD,	 /* work is done by a thread of the card */
};

enum igb_sim_clock {
	IGB_SIM_CLOCK_REAL,   /* the host's clock, plus what is advanced */
	IGB_SIM_CLOCK_MANUAL, /* 10 us for each register read, plus what is advanced */
};

enum {
	IGB_SIM_BAR_BYTES = 128 * 1024,
	IGB_SIM_CONFIG_BYTES = 4096,
	IGB_SIM_FRAME_MAX = 16384, /* bytes of a frame, without FCS */
	IGB_SIM_VECTORS_MAX = 25,
	IGB_SIM_NONE = -1, /* no frame, as a length */
};

/* Zero is the default of everything. */
struct igb_sim_conf {
	enum igb_sim_type type;
	enum igb_sim_run run;
	enum igb_sim_clock clock;
	unsigned port;		/* LAN id, [0, 4): [0, 2) for 82576, 0 for I210 and I211 */
	uint8_t mac[6];		/* all zero: 02:a0:c9:00:00:<port> */
	bool qemu;		/* the emulation's ways */
	bool flashless;		/* I210, I211: iNVM only */
	bool intx_only;		/* the platform has neither MSI-X nor MSI */
	uint32_t link_delay_us; /* from autonegotiation's start to link; 0: 500 ms */
	/* sent frames kept for igb_sim_take(); 0: 4096; then the card waits */
	uint32_t partner_frames;
	uint16_t device_id; /* 0: the copper one of the type */
};

struct igb_sim;

/**
 * Make a card in the state after power-on. The first one sets plx_mmio_hook.
 *
 * Returns 0 with *@out set, -EINVAL, -ENOMEM, -ENOSPC (16 cards), or what a system call said.
 */
int igb_sim_create(const struct igb_sim_conf *conf, struct igb_sim **out);

/** Cut its cable, end its thread, free it. NULL is legal. Nobody may use it any more. */
void igb_sim_destroy(struct igb_sim *sim);

/* ---- The bus side ---- */

/** BAR 0. Not memory: an access that does not come by the hook is a SIGSEGV. */
void *igb_sim_bar(struct igb_sim *sim);

/** Let the card read and write memory (IOVA = VA). Returns 0, -EINVAL, -EEXIST (overlap),
 * -ENOMEM. */
int igb_sim_dma_map(struct igb_sim *sim, void *addr, size_t len_bytes);

/** Take it back, as it was given. A ring of a queue that is on lying there is a violation.
 * -ENOENT. */
int igb_sim_dma_unmap(struct igb_sim *sim, void *addr, size_t len_bytes);

/** Configuration space, little-endian; all ones when gone. @bytes 1, 2 or 4, aligned. */
uint32_t igb_sim_config_read(struct igb_sim *sim, unsigned offset, unsigned bytes);
void igb_sim_config_write(struct igb_sim *sim, unsigned offset, unsigned bytes, uint32_t value);

/** Function level reset: everything but what the NVM holds and the PHY is as after power-on. */
void igb_sim_flr(struct igb_sim *sim);

enum igb_sim_intr {
	IGB_SIM_INTR_NONE,
	IGB_SIM_INTX, /* vector 0; masked when signalled, until igb_sim_intx_unmask() */
	IGB_SIM_MSI,  /* vector 0 */
	IGB_SIM_MSIX,
};

/**
 * How interrupts reach the host: @fn is called with the vector, under the card's lock, so it must
 * not call the model (an eventfd is what it should write). NULL: they are counted only. A cause
 * that waits is signalled at once.
 */
typedef void (*igb_sim_intr_fn)(void *arg, unsigned vector);
void igb_sim_intr_mode(struct igb_sim *sim, enum igb_sim_intr mode, igb_sim_intr_fn fn, void *arg);
void igb_sim_intx_unmask(struct igb_sim *sim);
unsigned igb_sim_nb_vectors(struct igb_sim *sim);
bool igb_sim_has_messages(struct igb_sim *sim);
/** Messages sent by a vector so far. */
uint64_t igb_sim_intr_count(struct igb_sim *sim, unsigned vector);

/* ---- The cable ---- */

/** Connect two cards; each has the other as its link partner. Both must be without one. */
int igb_sim_connect(struct igb_sim *a, struct igb_sim *b);
/** Pull the cable out, or the link partner's plug in again. */
void igb_sim_plug(struct igb_sim *sim, bool in);

/* What the link partner of a card without a cable advertises; all, by default. */
enum igb_sim_partner {
	IGB_SIM_10H = 1 << 0,
	IGB_SIM_10F = 1 << 1,
	IGB_SIM_100H = 1 << 2,
	IGB_SIM_100F = 1 << 3,
	IGB_SIM_1000F = 1 << 4,
	IGB_SIM_PAUSE = 1 << 5,
	IGB_SIM_ASYM_PAUSE = 1 << 6,
};
/** Autonegotiation is started again. */
void igb_sim_partner(struct igb_sim *sim, unsigned abilities);

/* What is wrong with an injected frame. */
enum igb_sim_wire {
	IGB_SIM_WIRE_CRC = 1 << 0,    /* bad FCS */
	IGB_SIM_WIRE_SYMBOL = 1 << 1, /* symbol error inside the frame */
	IGB_SIM_WIRE_ALIGN = 1 << 2,  /* a part of a byte too many */
	IGB_SIM_WIRE_LENGTH = 1 << 3, /* its length field lies */
};

/**
 * Send a frame to the card, as it is, however short or long.
 *
 * @bytes, @len_bytes  without FCS                       [1, IGB_SIM_FRAME_MAX]
 * @wire               enum igb_sim_wire
 * Returns 0, -ENETDOWN (no link: nobody hears it), -ENOBUFS (frames of a stepped or threaded card
 *         wait on the wire), -EINVAL, -ENOMEM. Whether the card takes it is the card's business.
 */
int igb_sim_inject(struct igb_sim *sim, const void *bytes, size_t len_bytes, unsigned wire);

/** Frames on the wire or in the card's packet buffer, not in memory yet. */
unsigned igb_sim_waiting(struct igb_sim *sim);

/** False while the card has asked for a pause, or its packet buffer is nearly full. */
bool igb_sim_has_room(struct igb_sim *sim);

/**
 * The oldest frame the card has sent to its link partner, without FCS. At most @room bytes are
 * written. Returns its length, IGB_SIM_NONE: there is none.
 */
int igb_sim_take(struct igb_sim *sim, void *bytes, size_t room);

/* ---- Running ---- */

/** Do at most @nb frames of work (each way), however the card runs. Returns how many were done. */
unsigned igb_sim_step(struct igb_sim *sim, unsigned nb);

/** Let time pass: timers fire, links come up. */
void igb_sim_advance(struct igb_sim *sim, uint64_t ns);
uint64_t igb_sim_now_ns(struct igb_sim *sim);

/** Wait until a threaded card has nothing to do, @ms at most. Returns whether it has. */
bool igb_sim_settle(struct igb_sim *sim, unsigned ms);

/** A register as it is, without what a read does (time, clearing, locks). */
uint32_t igb_sim_peek(struct igb_sim *sim, uint32_t offset);

/* ---- Violations ---- */

enum igb_sim_violation {
	IGB_SIM_V_UNKNOWN,  /* access of a register that the part has not */
	IGB_SIM_V_RESERVED, /* reserved bits, read-only registers, wrong width */
	IGB_SIM_V_TAIL,	    /* tail out of range, past the head, of a queue that is off */
	IGB_SIM_V_RING,	    /* shape of a ring, or changed while its queue is on */
	IGB_SIM_V_DMA,	    /* address that is not mapped */
	IGB_SIM_V_DESC,	    /* descriptor that the part does not allow */
	IGB_SIM_V_LOCK,	    /* PHY, NVM or semaphore touched without the lock */
	IGB_SIM_V_BUSY,	    /* MDIC or EERD written before the last one was done */
	IGB_SIM_V_RESET,    /* register touched too early after a reset */
	IGB_SIM_V_CONF,	    /* a combination that the part does not allow */
	IGB_SIM_NB_VIOLATIONS,
};

/** How many of a kind, or IGB_SIM_NB_VIOLATIONS for all. */
uint64_t igb_sim_violations(struct igb_sim *sim, enum igb_sim_violation kind);
/** Line @i of the first 32; "" past the last. Valid while the card is. */
const char *igb_sim_violation_text(struct igb_sim *sim, unsigned i);
void igb_sim_violations_forget(struct igb_sim *sim);

/* ---- What the card dropped, which no register tells ---- */

struct igb_sim_drops {
	uint64_t rx_disabled; /* for a queue that is off, or RCTL.EN off */
	uint64_t rx_filtered; /* to other addresses or VLANs */
	uint64_t rx_no_dma;   /* master disabled, no bus mastering, IOMMU fault */
	uint64_t tx_lost;     /* the emulation's ways: link down, no bus mastering */
};
struct igb_sim_drops igb_sim_drops(struct igb_sim *sim);

/* ---- Misbehaviour on command ---- */

enum igb_sim_fault {
	IGB_SIM_F_GONE_ONES,	/* every register and all configuration reads as ones; no DMA */
	IGB_SIM_F_GONE_ZEROS,	/* registers read as zero, configuration as ones; no DMA */
	IGB_SIM_F_GONE_AFTER,	/* gone (ones) after this many descriptors more */
	IGB_SIM_F_TX_NO_DD,	/* frames are sent, nothing is written back */
	IGB_SIM_F_TX_HANG,	/* no descriptor is fetched any more */
	IGB_SIM_F_RX_NO_DD,	/* frames are put into memory, nothing is written back */
	IGB_SIM_F_RX_LENGTH,	/* OR this into the length of each write-back */
	IGB_SIM_F_RX_NO_EOP,	/* EOP never comes */
	IGB_SIM_F_RX_STATUS,	/* OR this into the status and error dword */
	IGB_SIM_F_SMBI_HELD,	/* SWSM.SMBI reads 1, whoever writes it */
	IGB_SIM_F_SWESMBI_HELD, /* SWSM.SWESMBI does not stick: firmware has it */
	IGB_SIM_F_FW_SYNC,	/* firmware's half of SW_FW_SYNC, bits 15:0 */
	IGB_SIM_F_NVM_SUM,	/* the checksum is wrong by this; at once */
	IGB_SIM_F_NVM_STUCK,	/* EERD is never done */
	IGB_SIM_F_PHY_SILENT,	/* MDIC is never ready */
	IGB_SIM_F_PHY_ERROR,	/* MDIC answers with ERROR */
	IGB_SIM_F_RESET_STUCK,	/* CTRL.RST never falls */
	IGB_SIM_F_MASTER_STUCK, /* STATUS.GIO_MASTER_ENABLE never falls */
	IGB_SIM_F_QUEUE_STUCK,	/* queues neither go on nor off */
	IGB_SIM_F_INTR_LOST,	/* this many messages are lost */
	IGB_SIM_F_NO_LINK,	/* autonegotiation never ends */
	IGB_SIM_NB_FAULTS,
};

/** Set a fault; 0 ends it. */
void igb_sim_fault(struct igb_sim *sim, enum igb_sim_fault which, uint32_t value);

/**
 * Write this into the next free receive descriptor of a queue, no matter what it says; the head
 * goes on and the interrupt comes. For fuzzing what a driver makes of a write-back.
 *
 * Returns 0, -EAGAIN (no descriptor is free, or the queue is off).
 */
int igb_sim_rx_write_back(struct igb_sim *sim, unsigned queue, const uint32_t dwords[4]);

/** Set interrupt causes, as the card would: ICR bits. */
void igb_sim_cause(struct igb_sim *sim, uint32_t icr);

/** Write a word of the NVM; the checksum is not mended. */
void igb_sim_nvm_write(struct igb_sim *sim, unsigned word, uint16_t value);

#endif
