/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's registers as functions: what the port driver (igb.c, rx.c, tx.c) calls.
 *
 *	plx_igb_attach -> [ set filters, RSS, interrupts, rings -> plx_igb_link_start ->
 *	                    rx_enable, tx_enable ... -> plx_igb_down ]* -> plx_igb_detach
 *
 * Errors    -ENODEV: the device is gone (or deaf: memory decoding off, in D3); -ETIMEDOUT: a bit
 *           did not come; -EIO: bad checksum, bad answer; -ENOTSUP: this part does not have it. One
 *           line was logged, which names the register. A device that is gone is told once.
 * Waits     each is bounded; a stall of the process or of the machine is not charged to the device.
 * Thread    none of this locks. All calls on one hw come from one thread at a time, except those
 *           that say otherwise. The data path uses igb_write() on its own doorbells alone.
 */
#ifndef IGB_HW_H
#define IGB_HW_H

#include <pollux/atomic.h>
#include <pollux/log.h>
#include <pollux/mmio.h>
#include <pollux/port.h>
#include <stdbool.h>
#include <stdio.h>

#include "hw_stats.h"
#include "mac.h"
#include "regs.h"

extern struct plx_log_module plx_log_igb;

/* Lines begin with the device's name. */
#define igb_log(hw, level, fmt, ...)                                                               \
	plx_log(&plx_log_igb, level, "%s: " fmt, (hw)->name, ##__VA_ARGS__)

enum { IGB_MAC_BYTES = 6, IGB_ADDRESSES_MAX = 128, IGB_QUEUES_MAX = 16 };

/*
 * Configuration space, as lib/bus gives it; an offset is even. Returns 0 or -errno. A device that
 * is gone reads ffff.
 */
struct igb_cfg {
	int (*read16)(void *arg, uint32_t offset, uint16_t *value);
	int (*write16)(void *arg, uint32_t offset, uint16_t value);
	void *arg;
};

enum igb_flow_control {
	IGB_FC_NONE,
	IGB_FC_RX_PAUSE, /* obeys pause frames */
	IGB_FC_TX_PAUSE, /* sends them */
	IGB_FC_FULL,
};

/* What to advertise. */
enum igb_advertise {
	IGB_ADV_10_HALF = 1 << 0,
	IGB_ADV_10_FULL = 1 << 1,
	IGB_ADV_100_HALF = 1 << 2,
	IGB_ADV_100_FULL = 1 << 3,
	IGB_ADV_1000_FULL = 1 << 4,
	IGB_ADV_ALL = 31,
};

struct igb_link {
	bool up, full_duplex;
	uint32_t speed_mbps;
	enum igb_flow_control fc; /* as agreed with the partner */
};

/* What the NVM says; all of it is 0 when there is none. */
struct igb_nvm {
	uint32_t words;	  /* that it holds */
	uint16_t section; /* first word of this port's copy of the first 40h words */
	uint16_t version, compat;
	uint32_t image_id;
	bool one_time; /* I210, I211 without flash */
};

struct igb_phy {
	const char *name;
	uint32_t id; /* registers 2 and 3; the low 4 bits are the revision */
	uint8_t addr;
};

/* What was asked of the filters; the registers follow it, and get it back after a reset. */
struct igb_filters {
	uint8_t nb; /* addresses beside the port's own */
	uint8_t address[IGB_ADDRESSES_MAX][IGB_MAC_BYTES];
	uint8_t own[IGB_MAC_BYTES];
	bool promisc, allmulti, vlan_filter;
	bool overflow; /* more unicast addresses than the card compares: all unicast comes in */
	uint32_t mta[IGB_TABLE_WORDS], vfta[IGB_TABLE_WORDS];
};

/* The 1588 clock; see plx_igb_clock_start(). */
struct igb_ptp {
	uint64_t last_raw;   /* extended to 64 bits; atomic: the data path reads it */
	int64_t offset_ns;   /* time = counted + offset; atomic */
	uint64_t read_at_ns; /* CLOCK_MONOTONIC_RAW of that read */
	int32_t freq_ppb;
	bool running;
};

enum igb_intr_mode { IGB_INTR_NONE, IGB_INTR_INTX, IGB_INTR_MSI, IGB_INTR_MSIX };

struct igb_hw {
	/* the caller's, set before plx_igb_attach(); the rest zero */
	volatile uint8_t *bar; /* BAR 0 */
	size_t bar_bytes;
	uint16_t device; /* PCI device id */
	struct igb_cfg cfg;
	char name[64];		    /* for lines: the PCI address or the port's name */
	void (*on_gone)(void *arg); /* once, in the thread that saw it; may be NULL */
	void *on_gone_arg;

	/* set by plx_igb_attach(); read-only after that */
	const struct igb_mac *mac;
	const struct igb_id *id;
	uint8_t lan_id; /* port of the card [0, 3] */
	uint8_t perm_addr[IGB_MAC_BYTES];
	struct igb_nvm nvm;
	struct igb_phy phy;
	uint32_t rx_buffer_bytes; /* the card's receive packet buffer */
	uint32_t ledctl;	  /* as found */

	/* state */
	uint32_t gone;		  /* atomic; 1: seen to be gone */
	const char *deaf;	  /* atomic; told: why it is there and its registers are not */
	uint32_t locks;		  /* SW_FW_SYNC bits held */
	uint32_t max_frame_bytes; /* with FCS */
	uint32_t advertise;	  /* enum igb_advertise */
	enum igb_flow_control fc_wanted; /* what is advertised */
	bool loopback;			 /* the MAC does not ask the PHY: see plx_igb_rx_setup() */
	struct igb_link link;
	struct igb_filters filters;
	struct igb_ptp ptp;
	enum igb_intr_mode intr_mode;
	struct igb_hw_stats stats;
};

/* ---- Registers (inline; hw.c) ---- */

static inline uint32_t igb_read(const struct igb_hw *hw, uint32_t reg)
{
	return plx_mmio_read32(hw->bar + reg);
}

static inline void igb_write(const struct igb_hw *hw, uint32_t reg, uint32_t value)
{
	plx_mmio_write32(hw->bar + reg, value);
}

/* All writes before this have arrived when it returns. */
static inline void igb_flush(const struct igb_hw *hw)
{
	(void)igb_read(hw, IGB_STATUS);
}

static inline void igb_set(const struct igb_hw *hw, uint32_t reg, uint32_t bits)
{
	igb_write(hw, reg, igb_read(hw, reg) | bits);
}

static inline void igb_clear(const struct igb_hw *hw, uint32_t reg, uint32_t bits)
{
	igb_write(hw, reg, igb_read(hw, reg) & ~bits);
}

/* One bounded wait: until (register & mask) == value. */
struct igb_wait {
	uint32_t reg, mask, value;
	uint32_t interval_us; /* between two reads; 100 and more sleep */
	uint32_t timeout_us;
	const char *what; /* for the line: "RXDCTL.ENABLE of queue 3"; NULL: no line */
};

/**
 * Wait for a register. The last read comes after the time is up, and a stall between two reads is
 * charged as a few intervals at most: a device is not blamed for a machine that stood still.
 *
 * Returns 0, -ETIMEDOUT (one line), -ENODEV.
 */
int plx_igb_wait(struct igb_hw *hw, const struct igb_wait *wait);

/** Sleep or spin for at least so long. */
void plx_igb_delay_us(uint64_t us);

/**
 * Is the device there? Asks STATUS, and configuration space when STATUS reads all ones or zero.
 *
 * Returns 0; -ENODEV: it is gone for good (told once in a line and by on_gone; from then on always
 *         -ENODEV); -EIO: it is there and deaf: memory decoding is off, in D3, reset from
 *         outside.
 * Thread  any.
 */
int plx_igb_alive(struct igb_hw *hw);

/** Was it reset by nobody but us since plx_igb_attach()? DRV_LOAD says so. */
static inline bool plx_igb_is_ours(const struct igb_hw *hw)
{
	return igb_read(hw, IGB_CTRL_EXT) & IGB_CTRL_EXT_DRV_LOAD;
}

/** plx_igb_alive() if @value, as read from a register, looks like that of no device; else 0. */
int plx_igb_suspect(struct igb_hw *hw, uint32_t value);

/* ---- Life (reset.c) ---- */

/**
 * Take the card over from whatever state it is in, another process's too: stops its DMA, frees
 * stale locks, resets it, checks the NVM, learns its address and its PHY.
 *
 * @hw     the caller's fields set, the rest zero; memory decoding is on, bus mastering off: what
 *         the last user left must not be written to
 * Returns 0: quiet (no DMA, interrupts masked), with defaults and DRV_LOAD set. -ENOTSUP: an id or
 *         a medium that is not driven; -ENODEV, -ETIMEDOUT, -EIO (checksum, no PHY, no address).
 */
int plx_igb_attach(struct igb_hw *hw);

/**
 * Reset, and give the filters, the address and the clock back what was asked of them. Rings, RSS,
 * interrupts and receive settings are gone, the link is down. For a start after a fault: FLR from
 * outside, hang, DRSTA, master disable.
 *
 * Returns 0, -ENODEV, -EIO, -ETIMEDOUT.
 */
int plx_igb_reset(struct igb_hw *hw);

/**
 * Stop: receiver and transmitter off, interrupts masked, queues off, DMA ended, reset. After 0 the
 * device touches no memory any more. After an error that is not known: the caller turns bus
 * mastering off before memory is freed.
 *
 * Returns 0, -ENODEV, -EIO (deaf), -ETIMEDOUT (the reset did not end).
 */
int plx_igb_down(struct igb_hw *hw);

/** Down, LEDs and address as found, DRV_LOAD cleared: the kernel's driver can have it. */
void plx_igb_detach(struct igb_hw *hw);

/* ---- Receive and transmit units (unit.c) ---- */

struct igb_rx_conf {
	uint32_t max_frame_bytes; /* with FCS and tags [64, mac->max_frame_bytes] */
	bool ip_csum, l4_csum;	  /* check IPv4 headers; TCP, UDP and SCTP sums */
	bool vlan_strip;
	bool hash;     /* RSS hash in the descriptor */
	bool loopback; /* MAC loopback: what is sent comes back, nothing goes out */
	bool stamps;   /* 16 bytes with a receive time before each frame; -ENOTSUP without them */
};

/** All but the rings, with the receiver off. Returns 0, -EINVAL, -ENOTSUP, -ENODEV. */
int plx_igb_rx_setup(struct igb_hw *hw, const struct igb_rx_conf *conf);
int plx_igb_tx_setup(struct igb_hw *hw);

/** Turn the receiver or transmitter on or off; off: waits 10 ms for what is under way. */
void plx_igb_rx_enable(struct igb_hw *hw, bool on);
void plx_igb_tx_enable(struct igb_hw *hw, bool on);

/**
 * Write RXDCTL or TXDCTL with ENABLE set, and wait for it to stick.
 *
 * @dctl   thresholds and flags beside ENABLE
 * Returns 0, -ETIMEDOUT, -ENODEV. Tails are written after this: before it they are ignored.
 */
int plx_igb_rxq_enable(struct igb_hw *hw, unsigned queue, uint32_t dctl);
int plx_igb_txq_enable(struct igb_hw *hw, unsigned queue, uint32_t dctl);

/** All queues off; waits 50 ms at most, for senders only while there is a link: a queue with frames
 * that can't be sent stays on until the reset. Returns 0, -ENODEV, -EIO. */
int plx_igb_queues_off(struct igb_hw *hw);

/* ---- Locks between functions, software and firmware (sem.c) ---- */

/** Free what a dead process may hold. */
void plx_igb_locks_recover(struct igb_hw *hw);

/** Take or give back bits of SW_FW_SYNC (IGB_SYNC_...). Returns 0, -ETIMEDOUT, -ENODEV. */
int plx_igb_lock(struct igb_hw *hw, uint32_t bits);
void plx_igb_unlock(struct igb_hw *hw, uint32_t bits);

/** The lock of this port's PHY. */
uint32_t plx_igb_phy_lock_bit(const struct igb_hw *hw);

/* ---- NVM (nvm.c; nvm_parse.c) ---- */

enum { IGB_NVM_SECTION_WORDS = 0x40, IGB_NVM_WORDS_MAX = 0x8000 };

/** Read @nb words from @word on. Returns 0, -EINVAL, -ENODEV, -ETIMEDOUT, -ENODATA (no NVM). */
int plx_igb_nvm_read(struct igb_hw *hw, uint32_t word, uint32_t nb, uint16_t *to);

/** Is there one, and how large: hw->nvm.words, one_time; nothing is read of it. Returns 0,
 * -ENODATA, -ENODEV. */
int plx_igb_nvm_find(struct igb_hw *hw);

/** Check each section's sum, twice again if it is wrong, and learn hw->nvm. -EIO, or as above. */
int plx_igb_nvm_check(struct igb_hw *hw);

/** The factory address of this port, from RAR 0 or the NVM, with its alternate. 0, -EIO, ... */
int plx_igb_nvm_mac(struct igb_hw *hw, uint8_t mac[IGB_MAC_BYTES]);

/** What can be told of an NVM's words; a pure function, for tools and fuzzers. */
struct igb_nvm_image {
	struct igb_nvm info;
	uint8_t mac[IGB_MAC_BYTES]; /* of the port asked for; the alternate one if there is one */
	bool alternate;
	uint16_t device;
	uint8_t nb_sections;  /* that have a sum */
	uint8_t bad_sections; /* bit n: section n's sum is wrong */
	char pba[12];	      /* board number; "" when it is not told */
};

/**
 * @words   what was read, from word 0 on    @nb   how many
 * Returns 0 (sums may be wrong: bad_sections), -EINVAL (less than a section, or blank).
 */
int plx_igb_nvm_parse(const struct igb_mac *mac, unsigned lan_id, const uint16_t *words,
		      uint32_t nb, struct igb_nvm_image *image);

/* ---- PHY and link (phy.c, link.c) ---- */

/** Clause 22 register of the PHY, under its lock. Returns 0, -EIO (MDI error), ... */
int plx_igb_phy_read(struct igb_hw *hw, unsigned reg, uint16_t *value);
int plx_igb_phy_write(struct igb_hw *hw, unsigned reg, uint16_t value);

/** Find the PHY: its address and id. -EIO: none answers. */
int plx_igb_phy_find(struct igb_hw *hw);

/** Hard reset by CTRL.PHY_RST unless the management firmware forbids it. */
int plx_igb_phy_reset(struct igb_hw *hw);

/**
 * Power the PHY up, advertise, restart autonegotiation. The link comes up some seconds later.
 *
 * @advertise  enum igb_advertise, 0 for all
 * Returns 0, -EINVAL, -EIO, -ETIMEDOUT, -ENODEV.
 */
int plx_igb_link_start(struct igb_hw *hw, uint32_t advertise, enum igb_flow_control fc);

/** Drop the link: the partner sees it. The PHY is powered down unless the management firmware
 * shares it; plx_igb_link_start() and plx_igb_link_release() power it up. 0, -EIO, -ETIMEDOUT,
 * -ENODEV. */
int plx_igb_link_stop(struct igb_hw *hw);

/** The PHY as after power-on: it offers all, for whoever has the card next. As above. */
int plx_igb_link_release(struct igb_hw *hw);

/**
 * The link as it is now; with MAC loopback it is up, whatever hangs on the cable. When it has come
 * up, what was agreed about pause is put into force.
 *
 * @link   out; down on an error. A PHY that does not answer is none: there is no pause then, one
 *         line says so, and the next call asks it again
 * Returns 0, -ENODEV, -EIO (deaf).
 */
int plx_igb_link_read(struct igb_hw *hw, struct igb_link *link);

/** Pause frames by what both ends advertise (IEEE 802.3 table 28B-3); registers 4 and 5. Pure. */
enum igb_flow_control plx_igb_fc_resolve(uint16_t local, uint16_t partner);

/** Water marks for frames of max_frame_bytes, pause time, pause address. */
void plx_igb_fc_setup(struct igb_hw *hw);

/* ---- LEDs (led.c) ---- */

enum igb_led { IGB_LED_NORMAL, IGB_LED_ON, IGB_LED_OFF, IGB_LED_BLINKING };

/** All LEDs of the port alike, or back to normal. */
void plx_igb_led(struct igb_hw *hw, enum igb_led led);

/* ---- Filters (filter.c, vlan.c); remembered over resets ---- */

/** The port's own address. -EINVAL: zero or a group. */
int plx_igb_mac_set(struct igb_hw *hw, const uint8_t mac[IGB_MAC_BYTES]);

/**
 * One more address, unicast or multicast, IGB_ADDRESSES_MAX at most. The card compares some of them
 * exactly; multicast ones beyond go by a 12-bit hash, unicast ones beyond turn the unicast filter
 * off (one line): then other frames come in too.
 *
 * Returns 0, -EINVAL, -EEXIST, -ENOSPC; del: -ENOENT.
 */
int plx_igb_mac_add(struct igb_hw *hw, const uint8_t mac[IGB_MAC_BYTES]);
int plx_igb_mac_del(struct igb_hw *hw, const uint8_t mac[IGB_MAC_BYTES]);

void plx_igb_promisc_set(struct igb_hw *hw, bool on);
void plx_igb_allmulti_set(struct igb_hw *hw, bool on);

/** Take only tagged frames of the VLANs set (and untagged ones), or all. */
void plx_igb_vlan_filter(struct igb_hw *hw, bool on);
/** -EINVAL: vlan > 4095. */
int plx_igb_vlan_set(struct igb_hw *hw, unsigned vlan, bool on);

/** RCTL's filter bits as they are wanted now; for plx_igb_rx_setup(). */
uint32_t plx_igb_filter_rctl(const struct igb_hw *hw);

/** All filters anew, after a reset; the second: the VLANs alone. */
void plx_igb_filters_restore(struct igb_hw *hw);
void plx_igb_vlans_restore(struct igb_hw *hw);

/** 12-bit hash of a multicast address for MTA, RCTL.MO = 0. Pure. */
uint32_t plx_igb_mta_hash(const uint8_t mac[IGB_MAC_BYTES]);

/* ---- RSS (rss.c) ---- */

enum {
	IGB_RSS_TYPES = PLX_PORT_RSS_IPV4 | PLX_PORT_RSS_IPV4_TCP | PLX_PORT_RSS_IPV4_UDP |
			PLX_PORT_RSS_IPV6 | PLX_PORT_RSS_IPV6_TCP | PLX_PORT_RSS_IPV6_UDP,
};

/**
 * @rss    resolved: key_bytes 0 (the driver's key) or 40, reta_size 128, entries below
 *         mac->nb_queues; types 0: off
 * Returns 0, -EINVAL. Types may change while receiving, the rest is better left.
 */
int plx_igb_rss_set(struct igb_hw *hw, const struct plx_port_rss *rss);

/** What the registers say. */
void plx_igb_rss_get(struct igb_hw *hw, struct plx_port_rss *rss);

/* ---- Interrupts, the register side (hw_intr.c) ---- */

enum {
	IGB_VECTOR_OTHER = 0, /* MSI-X: link, errors */
	IGB_VECTOR_RXQ = 1,   /* queue n: vector 1 + n */
};

/* What an interrupt (or a look without one) says. */
enum igb_cause {
	IGB_CAUSE_LINK = 1 << 0,
	IGB_CAUSE_RX = 1 << 1,	  /* INTx, MSI: some queue has frames */
	IGB_CAUSE_RESET = 1 << 2, /* reset from outside: start anew */
	IGB_CAUSE_FATAL = 1 << 3, /* memory error, descriptors out of step: start anew */
	IGB_CAUSE_TIME = 1 << 4,
	IGB_CAUSE_THERMAL = 1 << 5,
	IGB_CAUSE_GONE = 1 << 6,
	IGB_CAUSE_OVERRUN = 1 << 7, /* frames were dropped */
	IGB_CAUSE_MAILBOX = 1 << 8,
};

/**
 * Route causes to vectors. All stay masked.
 *
 * @nb_rx_vectors  MSI-X: queues [0, nb) with a vector of their own; 0 otherwise
 * Returns 0, -EINVAL.
 */
int plx_igb_intr_setup(struct igb_hw *hw, enum igb_intr_mode mode, unsigned nb_rx_vectors);

/** Unmask or mask link and errors. */
void plx_igb_intr_other(struct igb_hw *hw, bool on);

/**
 * Let the next frame of a queue signal its vector; or not. After arming look at the ring once more
 * before sleeping, else a frame that came before is missed. INTx, MSI: one cause for all queues.
 * Thread  the queue's; arming of one queue touches no state of another's.
 */
void plx_igb_intr_rxq(struct igb_hw *hw, unsigned queue, bool on);

/** At most one interrupt of a vector in so many us; 0: no limit [0, 8191]. */
void plx_igb_intr_throttle(struct igb_hw *hw, unsigned vector, unsigned us);

/** Read and clear the causes: enum igb_cause. Has to be called after each interrupt of
 * IGB_VECTOR_OTHER, of MSI and INTx: else there is no next one. INTx: 0 says another's. */
uint32_t plx_igb_intr_causes(struct igb_hw *hw);

/** Mask everything and forget what is pending. */
void plx_igb_intr_off(struct igb_hw *hw);

/* ---- Counters (hw_stats.c; the list is in hw_stats.h) ---- */

enum { IGB_STATS_READ_MS = 1000 }; /* read at least so often: see hw_stats.c */

/**
 * Add what the card counted since the last call to hw->stats. One thread per port calls this;
 * others read hw->stats by plx_load_relaxed() at any time. Nothing is added when the device is
 * gone.
 */
void plx_igb_stats_update(struct igb_hw *hw);

/** Forget what the registers hold; hw->stats stays. After a reset. */
void plx_igb_stats_resync(struct igb_hw *hw);

/* ---- 1588 (ptp.c) ---- */

/** Start the clock at @ns. Returns 0, -ENODEV. */
int plx_igb_clock_start(struct igb_hw *hw, uint64_t ns);
void plx_igb_clock_stop(struct igb_hw *hw);

/** Read. To be called once in 8 minutes at least: some parts' counters wrap. 0, -ENODEV, -EBUSY. */
int plx_igb_clock_read(struct igb_hw *hw, uint64_t *ns);
int plx_igb_clock_set(struct igb_hw *hw, uint64_t ns);
/** Go on after a reset, from what CLOCK_MONOTONIC_RAW says has passed. 0, -ENODEV. */
int plx_igb_clock_restore(struct igb_hw *hw);
/** Step by @ns, forward or back. */
int plx_igb_clock_step(struct igb_hw *hw, int64_t ns);
/** Run faster or slower by @ppb, from the nominal rate. -ERANGE: more than 62,499,999. */
int plx_igb_clock_rate(struct igb_hw *hw, int32_t ppb);

enum { IGB_STAMP_BYTES = 16 }; /* before the frame, when rx_conf.stamps */

/**
 * The receive time that lies before a frame, in ns of the clock.
 *
 * @stamp   the 16 bytes
 * Thread  any; no register is read. Right if the clock was read within 8 minutes.
 */
uint64_t plx_igb_stamp_ns(const struct igb_hw *hw, const uint8_t *stamp);

/* ---- Dumps (dump.c) ---- */

/** Registers by name; those that reading changes are left out unless @all. -ENODEV. */
int plx_igb_dump_regs(struct igb_hw *hw, FILE *out, bool all);
/** The NVM in words and what it means. */
int plx_igb_dump_nvm(struct igb_hw *hw, FILE *out);

#endif
