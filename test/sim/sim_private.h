/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the model share:
 *
 *   sim.c          life, clock, the MMIO hook, who does the work and when
 *   sim_map.c      the table of registers: what exists, on which part, how it behaves
 *   sim_ctrl.c     control, status, resets, semaphores
 *   sim_nvm.c      NVM and iNVM
 *   sim_phy.c      MDIO, the PHY, autonegotiation, link
 *   sim_intr.c     causes, vectors, throttling
 *   sim_ring.c     memory, rings, descriptor write-back
 *   sim_rx.c       packet buffer to memory; sim_filter.c: which frames
 *   sim_parse.c    headers and checksums; sim_rss.c: hash and queue
 *   sim_tx.c       memory to wire; sim_seg.c: offloads, segmentation
 *   sim_wire.c     cables, link partner, pause frames
 *   sim_stats.c    statistics registers
 *   sim_time.c     1588 clock
 *   sim_fault.c    misbehaviour, violations
 *   sim_bus.c      the card as a plx_pci_dev
 *
 * Unless a comment says otherwise a function wants sim->lock held. Locks: sim->lock, then
 * sim->wire_lock of any card; never two cards' `lock`.
 */
#ifndef IGB_SIM_PRIVATE_H
#define IGB_SIM_PRIVATE_H

#include <pthread.h>
#include <stdarg.h>

#include "sim.h"
#include "sim_regs.h"

enum {
	SIM_CARDS_MAX = 16,
	SIM_QUEUES_MAX = 16,
	SIM_PENDING_MAX = 128, /* write-backs that wait for WTHRESH */
	SIM_RANGES_MAX = 4096,
	SIM_NVM_WORDS = 2048,
	SIM_INVM_DWORDS = 64,
	SIM_PHY_PAGES = 256,
	SIM_TEXTS = 32,
	SIM_TEXT_BYTES = 160,
	SIM_WIRE_FRAMES = 512, /* injected, not looked at yet */
	SIM_CABLE_FRAMES = 4,  /* under way on a cable; pause frames come too late for those */
	SIM_HEADER_MAX = 512,
	SIM_TX_BYTES_MAX = 512 * 1024, /* of one packet's buffers */
	SIM_FCS_BYTES = 4,
	SIM_READ_NS = 10000, /* IGB_SIM_CLOCK_MANUAL */
};

#define SIM_MS UINT64_C(1000000)
#define SIM_NEVER UINT64_MAX

/* What one type has and the others have not. */
struct sim_part {
	const char *name;
	uint16_t device_id;
	unsigned nb_queues, nb_addresses, nb_vectors;
	uint32_t phy_id;
	bool ivar_paired;      /* IVAR[q / 2]; else IVAR[q % 8] */
	bool is_nvm_copied;    /* a copy of words 0..3F for each port */
	bool has_mdicnfg;      /* the PHY's address is there, not in MDIC */
	bool has_lan_phy_lock; /* SW_FW_SYNC has a bit for each port's PHY */
	bool has_rx_stamp;     /* SRRCTL.TIMESTAMP */
	bool has_dvmolr;
	bool lb_vlan_big_endian;
	unsigned rxpbs_reset;
	enum {
		SIM_CLOCK_64,  /* SYSTIM is 64 bits, of 16 ns ticks */
		SIM_CLOCK_40,  /* 40 bits of ns */
		SIM_CLOCK_SEC, /* seconds and ns */
	} clock;
};

struct sim_frame {
	struct sim_frame *next;
	uint32_t len;		    /* without FCS */
	uint32_t wire;		    /* enum igb_sim_wire */
	bool is_looped, is_waiting; /* waiting: counted by RNBC */
	uint8_t bytes[];
};

struct sim_fifo {
	struct sim_frame *first, **end;
	unsigned nb;
	uint64_t bytes;
};

struct sim_write_back {
	uint64_t addr; /* of the descriptor */
	uint32_t dw[4];
};

/* Common to both directions. */
struct sim_queue {
	bool is_on, is_wanted;
	uint64_t change_ns; /* when ENABLE takes effect; SIM_NEVER: nothing to do */
	struct sim_write_back pending[SIM_PENDING_MAX];
	unsigned nb_pending;
	uint64_t flush_ns; /* when EITR writes them back */
	bool has_cause;	   /* of an interrupt, waits with them */
	/* transmit */
	uint32_t ctx[2][4];
	bool is_broken; /* a violation stopped it */
};

/* What the headers of a frame are. */
struct sim_packet {
	uint32_t l2_len; /* with all tags */
	uint32_t nb_tags;
	uint16_t tag; /* of the outermost */
	uint16_t ethertype;
	bool is_ipv4, is_ipv6, is_fragment, has_ext;
	uint32_t l3, l3_len; /* offset, header with options and extensions */
	uint32_t l4_bytes;   /* from the L4 header to the end of the IP packet */
	uint8_t l4;	     /* IP protocol, 0: none that is known */
};

struct igb_sim {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct igb_sim_conf conf;
	const struct sim_part *part;
	uint8_t *bar;
	uint32_t regs[IGB_SIM_BAR_BYTES / 4];
	uint8_t rows[IGB_SIM_BAR_BYTES / 4]; /* index into the table of registers, 0: unknown */

	/* the clock */
	uint64_t start_ns, advanced_ns, now_ns;

	/* the thread */
	pthread_t thread;
	bool has_thread, is_ending, is_busy, is_kicked;

	/* PCI */
	uint8_t config[IGB_SIM_CONFIG_BYTES];
	struct {
		uint64_t first, last;
	} ranges[SIM_RANGES_MAX]; /* what DMA may reach, ascending */
	unsigned nb_ranges;

	/* resets */
	uint64_t reset_done_ns; /* CTRL.RST falls */
	uint64_t touch_ns;	/* earliest access after a reset */

	/* NVM */
	uint16_t nvm[SIM_NVM_WORDS];
	uint64_t eerd_ns;

	/* PHY and link */
	uint16_t phy[SIM_PHY_PAGES][32];
	uint64_t mdic_ns; /* when READY comes */
	uint64_t link_ns; /* when autonegotiation ends */
	bool is_phy_up;	  /* the PHY sees its partner */
	bool is_negotiating;
	bool is_link_up; /* STATUS.LU */
	bool was_link_low;
	unsigned partner; /* abilities of the one outside */
	bool is_plugged;

	/* interrupts */
	enum igb_sim_intr intr_mode;
	igb_sim_intr_fn intr_fn;
	void *intr_arg;
	bool is_intx_masked;
	uint64_t intr_ready_ns[IGB_SIM_VECTORS_MAX]; /* EITR allows the next */
	uint64_t intr_count[IGB_SIM_VECTORS_MAX];
	uint32_t intr_sent; /* EICR bits that were told already */
	bool is_ic_sent;    /* the same of ICR, without MSI-X */

	/* data */
	struct sim_queue rxq[SIM_QUEUES_MAX], txq[SIM_QUEUES_MAX];
	unsigned next_txq;
	struct sim_fifo buffer; /* the receive packet buffer */
	bool is_xoff_sent;
	uint64_t xoff_ns; /* when it is sent again */
	bool is_partner_paused;
	uint64_t pause_ns; /* we are asked to be silent until then */
	uint8_t *tx_bytes; /* SIM_TX_BYTES_MAX, of the packet being sent */

	/* 1588 */
	uint64_t systim_base_ns; /* sim time at which systim was ... */
	uint64_t systim;	 /* ... this, in ns or in units of the 82576 */
	uint32_t systim_latch;

	struct igb_sim_drops drops;
	uint32_t faults[IGB_SIM_NB_FAULTS];
	uint64_t nb_violations[IGB_SIM_NB_VIOLATIONS];
	char texts[SIM_TEXTS][SIM_TEXT_BYTES];
	unsigned nb_texts;

	/* the wire, under wire_lock */
	pthread_mutex_t wire_lock;
	struct sim_fifo wire; /* to this card */
	struct sim_fifo sent; /* to a link partner that is no card */
	unsigned abilities;   /* advertised, 0: the PHY is off; atomic */
	struct igb_sim *peer; /* atomic */
};

/* ---- sim.c ---- */

static inline uint32_t reg(const struct igb_sim *sim, uint32_t offset)
{
	return sim->regs[offset / 4];
}

static inline void reg_set(struct igb_sim *sim, uint32_t offset, uint32_t value)
{
	sim->regs[offset / 4] = value;
}

static inline void reg_bits(struct igb_sim *sim, uint32_t offset, uint32_t clear, uint32_t set)
{
	sim->regs[offset / 4] = (sim->regs[offset / 4] & ~clear) | set;
}

/* Offset of a queue's register. */
static inline uint32_t q_off(uint32_t offset, unsigned queue)
{
	return offset + queue * QUEUE_STRIDE;
}

/* Take the lock and let time pass. */
void sim_enter(struct igb_sim *sim);
/* Give it back; then do the work there is, as the card's way of running says. */
void sim_leave(struct igb_sim *sim);
/* There may be work. Any lock but another card's. */
void sim_kick(struct igb_sim *sim);
/* Everything that time brings about. */
void sim_tick(struct igb_sim *sim);
/* The earliest moment at which sim_tick() has something to do; SIM_NEVER: none. */
uint64_t sim_next_ns(const struct igb_sim *sim);
bool sim_is_gone(const struct igb_sim *sim);

/* ---- sim_map.c ---- */

void sim_map_build(struct igb_sim *sim);
/* @offset is a multiple of 4 within the BAR. */
uint32_t sim_map_read(struct igb_sim *sim, uint32_t offset);
void sim_map_write(struct igb_sim *sim, uint32_t offset, uint32_t value);
/* Reset values of all registers. */
void sim_map_reset(struct igb_sim *sim);
/* The register behind an alias. */
uint32_t sim_map_canonical(const struct igb_sim *sim, uint32_t offset);

/* ---- Behaviour of registers: called from the table. @i: which of its row ---- */

uint32_t sim_status_read(struct igb_sim *sim, uint32_t offset, unsigned i);
void sim_status_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value);
uint32_t sim_ctrl_read(struct igb_sim *sim, uint32_t offset, unsigned i);
void sim_ctrl_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value);
void sim_ctrl_ext_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value);
uint32_t sim_swsm_read(struct igb_sim *sim, uint32_t offset, unsigned i);
void sim_swsm_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value);
uint32_t sim_sync_read(struct igb_sim *sim, uint32_t offset, unsigned i);
void sim_sync_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value);
uint32_t sim_eecd_read(struct igb_sim *sim, uint32_t offset, unsigned i);
uint32_t sim_eerd_read(struct igb_sim *sim, uint32_t offset, unsigned i);
void sim_eerd_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value);
uint32_t sim_invm_read(struct igb_sim *sim, uint32_t offset, unsigned i);
uint32_t sim_mdic_read(struct igb_sim *sim, uint32_t offset, unsigned i);
void sim_mdic_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value);
void sim_phpm_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value);
uint32_t sim_icr_read(struct igb_sim *sim, uint32_t offset, unsigned i);
void sim_intr_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value);
uint32_t sim_eicr_read(struct igb_sim *sim, uint32_t offset, unsigned i);
uint32_t sim_stat_read(struct igb_sim *sim, uint32_t offset, unsigned i);
uint32_t sim_rqdpc_read(struct igb_sim *sim, uint32_t offset, unsigned i);
void sim_rxq_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value);
void sim_txq_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value);
void sim_rctl_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value);
uint32_t sim_time_read(struct igb_sim *sim, uint32_t offset, unsigned i);
void sim_time_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value);
uint32_t sim_stamp_read(struct igb_sim *sim, uint32_t offset, unsigned i);

/* ---- sim_ctrl.c ---- */

extern const struct sim_part sim_parts[IGB_SIM_NB_TYPES];

/* CTRL.RST, FLR: all of the MAC. */
void sim_reset(struct igb_sim *sim);
void sim_ctrl_tick(struct igb_sim *sim);
/* The card may read and write memory. */
bool sim_is_master(const struct igb_sim *sim);

/* ---- sim_nvm.c ---- */

void sim_nvm_init(struct igb_sim *sim);
/* RAR0 from the NVM. */
void sim_nvm_autoload(struct igb_sim *sim);

/* ---- sim_phy.c ---- */

void sim_phy_init(struct igb_sim *sim);
void sim_phy_restart(struct igb_sim *sim);
void sim_phy_tick(struct igb_sim *sim);
/* What the other end advertises, 0: nobody is there. */
unsigned sim_phy_partner(const struct igb_sim *sim);
void sim_link_update(struct igb_sim *sim);

/* ---- sim_intr.c ---- */

void sim_intr_reset(struct igb_sim *sim);
/* ICR causes. */
void sim_cause(struct igb_sim *sim, uint32_t icr);
/* A write-back of a queue. */
void sim_cause_queue(struct igb_sim *sim, unsigned queue, bool is_tx);
/* Send what may be sent now. */
void sim_intr_tick(struct igb_sim *sim);
uint64_t sim_intr_next_ns(const struct igb_sim *sim);
/* EITR of a queue's vector in ns; 0: at once. */
uint64_t sim_intr_interval_ns(const struct igb_sim *sim, unsigned queue, bool is_tx);

/* ---- sim_ring.c ---- */

bool sim_is_mapped(const struct igb_sim *sim, uint64_t addr, uint64_t len);
/* False after a violation (and what an IOMMU does): the address is not mapped. */
bool sim_dma_read(struct igb_sim *sim, uint64_t addr, void *bytes, size_t len);
bool sim_dma_write(struct igb_sim *sim, uint64_t addr, const void *bytes, size_t len);
void sim_dma_fault(struct igb_sim *sim);

struct sim_ring {
	uint64_t base;
	uint32_t nb, head, tail;
};
struct sim_ring sim_rx_ring(const struct igb_sim *sim, unsigned queue);
struct sim_ring sim_tx_ring(const struct igb_sim *sim, unsigned queue);
/* Dwords 0..3 of a descriptor, the one with DD last; a fault may take it back. */
void sim_write_back(struct igb_sim *sim, unsigned queue, bool is_tx, uint64_t addr,
		    const uint32_t dw[4], bool cause);
void sim_flush(struct igb_sim *sim, unsigned queue, bool is_tx);
void sim_ring_tick(struct igb_sim *sim);
uint64_t sim_ring_next_ns(const struct igb_sim *sim);
/* Counts one descriptor; may remove the card. */
void sim_descriptor_done(struct igb_sim *sim);

/* ---- sim_rx.c, sim_filter.c, sim_parse.c, sim_rss.c ---- */

/* A frame from the wire or from loopback. Owns it. */
void sim_rx_arrive(struct igb_sim *sim, struct sim_frame *frame);
/* One frame from the packet buffer to memory. Returns whether there was progress. */
bool sim_rx_one(struct igb_sim *sim);
uint32_t sim_rx_buffer_bytes(const struct igb_sim *sim);
bool sim_filter(const struct igb_sim *sim, const struct sim_frame *frame,
		const struct sim_packet *packet);
bool sim_is_oversized(const struct igb_sim *sim, const struct sim_frame *frame,
		      const struct sim_packet *packet);
void sim_parse(const struct igb_sim *sim, const uint8_t *bytes, uint32_t len,
	       struct sim_packet *packet);
/* Status bits and packet type of the checksums; *sum: fragment checksum. */
void sim_checksums(const struct igb_sim *sim, const uint8_t *bytes, const struct sim_packet *packet,
		   uint32_t *type, uint32_t *status);
uint16_t sim_sum16(const uint8_t *bytes, uint32_t len, uint32_t sum);
uint32_t sim_crc32c(const uint8_t *bytes, uint32_t len);
uint32_t sim_crc32(const uint8_t *bytes, uint32_t len);
uint32_t sim_toeplitz(const uint8_t *key, const uint8_t *input, uint32_t len);
struct sim_rss {
	uint32_t hash, type;
	unsigned queue;
};
struct sim_rss sim_rss(const struct igb_sim *sim, const uint8_t *bytes,
		       const struct sim_packet *packet);

/* ---- sim_tx.c, sim_seg.c ---- */

/* One packet of one queue. Returns whether there was progress. */
bool sim_tx_one(struct igb_sim *sim);
void sim_tx_stop(struct igb_sim *sim, unsigned queue);

struct sim_tx_packet {
	uint8_t *bytes;
	uint32_t len;
	uint32_t cmd, olinfo; /* of the first data descriptor: dwords 2 and 3 */
	const uint32_t *ctx;  /* NULL: none is used */
	unsigned queue;
};
/* Make the frames of a packet and send each. False: it can't be, a violation was counted. */
bool sim_seg_send(struct igb_sim *sim, const struct sim_tx_packet *tx);
/* One frame, as it leaves the MAC. */
void sim_tx_frame(struct igb_sim *sim, unsigned queue, const uint8_t *bytes, uint32_t len);

/* ---- sim_wire.c ---- */

void sim_fifo_init(struct sim_fifo *fifo);
void sim_fifo_put(struct sim_fifo *fifo, struct sim_frame *frame);
struct sim_frame *sim_fifo_get(struct sim_fifo *fifo);
void sim_fifo_drop(struct sim_fifo *fifo);
struct sim_frame *sim_frame_new(const void *bytes, uint32_t len);
/* Is there room for a packet of the transmitter? */
bool sim_wire_has_room(struct igb_sim *sim);
void sim_wire_send(struct igb_sim *sim, const uint8_t *bytes, uint32_t len);
/* Frames that came; returns whether there was one. */
bool sim_wire_receive(struct igb_sim *sim);
/* Pause frames by how full the packet buffer is. */
void sim_pause_check(struct igb_sim *sim);
/* A pause frame? It is handled and counted. */
bool sim_pause_frame(struct igb_sim *sim, const struct sim_frame *frame);

/* ---- sim_stats.c ---- */

void sim_count(struct igb_sim *sim, uint32_t offset, uint32_t n);
void sim_count_bytes(struct igb_sim *sim, uint32_t offset_low, uint32_t n);
/* One of six, by the frame's length with FCS. */
void sim_count_size(struct igb_sim *sim, uint32_t offset, uint32_t len_bytes);

/* ---- sim_time.c ---- */

void sim_time_reset(struct igb_sim *sim);
/* SYSTIM as two dwords. */
void sim_time_stamp(const struct igb_sim *sim, uint32_t *low, uint32_t *high);

/* ---- sim_fault.c ---- */

void sim_violation(struct igb_sim *sim, enum igb_sim_violation kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static inline uint32_t fault(const struct igb_sim *sim, enum igb_sim_fault which)
{
	return sim->faults[which];
}

#endif
