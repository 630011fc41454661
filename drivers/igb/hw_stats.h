/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's counters, added up in 64 bits. One list makes the struct, the table of registers and
 * the port's table of names (IGB_HW_COUNTERS in igb.c):
 *
 *	X(field, register, name, is_drop)
 *
 * Written by one thread with plx_store_relaxed(), read by any.
 */
#ifndef IGB_HW_STATS_H
#define IGB_HW_STATS_H

#include <stdint.h>

/* 32 bits, cleared by reading, stick at ffffffff. */
#define IGB_HW_COUNTERS_32(X)                                                                      \
	X(rx_good_packets, IGB_GPRC, "rx_good_packets", 0)                                         \
	X(tx_good_packets, IGB_GPTC, "tx_good_packets", 0)                                         \
	X(rx_total_packets, IGB_TPR, "rx_total_packets", 0)                                        \
	X(tx_total_packets, IGB_TPT, "tx_total_packets", 0)                                        \
	X(rx_broadcast, IGB_BPRC, "rx_broadcast_packets", 0)                                       \
	X(rx_multicast, IGB_MPRC, "rx_multicast_packets", 0)                                       \
	X(tx_broadcast, IGB_BPTC, "tx_broadcast_packets", 0)                                       \
	X(tx_multicast, IGB_MPTC, "tx_multicast_packets", 0)                                       \
	X(rx_crc, IGB_CRCERRS, "rx_crc_errors", 1)                                                 \
	X(rx_align, IGB_ALGNERRC, "rx_align_errors", 1)                                            \
	X(rx_symbol, IGB_SYMERRS, "rx_symbol_errors", 0)                                           \
	X(rx_data_error, IGB_RXERRC, "rx_data_errors", 1)                                          \
	X(rx_length, IGB_RLEC, "rx_length_errors", 1)                                              \
	X(rx_length_field, IGB_LENERRS, "rx_length_field_errors", 0)                               \
	X(rx_undersize, IGB_RUC, "rx_undersize_errors", 0)                                         \
	X(rx_fragment, IGB_RFC, "rx_fragment_errors", 1)                                           \
	X(rx_oversize, IGB_ROC, "rx_oversize_errors", 1)                                           \
	X(rx_jabber, IGB_RJC, "rx_jabber_errors", 1)                                               \
	X(rx_missed, IGB_MPC, "rx_missed_packets", 1)                                              \
	X(rx_no_buffer, IGB_RNBC, "rx_no_descriptor_events", 0)                                    \
	X(rx_low_ring, IGB_RXDMTC, "rx_low_ring_events", 0)                                        \
	X(rx_xon, IGB_XONRXC, "rx_xon_packets", 0)                                                 \
	X(tx_xon, IGB_XONTXC, "tx_xon_packets", 0)                                                 \
	X(rx_xoff, IGB_XOFFRXC, "rx_xoff_packets", 0)                                              \
	X(tx_xoff, IGB_XOFFTXC, "tx_xoff_packets", 0)                                              \
	X(rx_unknown_control, IGB_FCRUC, "rx_unknown_control_packets", 0)                          \
	X(rx_64, IGB_PRC64, "rx_size_64_packets", 0)                                               \
	X(rx_127, IGB_PRC127, "rx_size_65_to_127_packets", 0)                                      \
	X(rx_255, IGB_PRC255, "rx_size_128_to_255_packets", 0)                                     \
	X(rx_511, IGB_PRC511, "rx_size_256_to_511_packets", 0)                                     \
	X(rx_1023, IGB_PRC1023, "rx_size_512_to_1023_packets", 0)                                  \
	X(rx_1522, IGB_PRC1522, "rx_size_1024_up_packets", 0)                                      \
	X(tx_64, IGB_PTC64, "tx_size_64_packets", 0)                                               \
	X(tx_127, IGB_PTC127, "tx_size_65_to_127_packets", 0)                                      \
	X(tx_255, IGB_PTC255, "tx_size_128_to_255_packets", 0)                                     \
	X(tx_511, IGB_PTC511, "tx_size_256_to_511_packets", 0)                                     \
	X(tx_1023, IGB_PTC1023, "tx_size_512_to_1023_packets", 0)                                  \
	X(tx_1522, IGB_PTC1522, "tx_size_1024_up_packets", 0)                                      \
	X(tx_single_collision, IGB_SCC, "tx_single_collisions", 0)                                 \
	X(tx_multiple_collision, IGB_MCC, "tx_multiple_collisions", 0)                             \
	X(tx_excess_collision, IGB_ECOL, "tx_excessive_collisions", 1)                             \
	X(tx_late_collision, IGB_LATECOL, "tx_late_collisions", 1)                                 \
	X(tx_collision, IGB_COLC, "tx_collisions", 0)                                              \
	X(tx_deferred, IGB_DC, "tx_deferred_packets", 0)                                           \
	X(tx_no_carrier, IGB_TNCRS, "tx_no_carrier_errors", 0)                                     \
	X(tx_dropped_by_mac, IGB_HTDPMC, "tx_dropped_by_mac", 1)                                   \
	X(tx_tso, IGB_TSCTC, "tx_tso_contexts", 0)                                                 \
	X(rx_management, IGB_MGTPRC, "rx_management_packets", 0)                                   \
	X(rx_management_drop, IGB_MGTPDC, "rx_management_dropped", 0)                              \
	X(tx_management, IGB_MGTPTC, "tx_management_packets", 0)                                   \
	X(rx_to_host, IGB_RPTHC, "rx_to_host_packets", 0)                                          \
	X(tx_from_host, IGB_HGPTC, "tx_from_host_packets", 0)                                      \
	X(interrupts, IGB_IAC, "rx_interrupts_asserted", 0)

/* Pairs, low register first; reading the high one clears both. */
#define IGB_HW_COUNTERS_64(X)                                                                      \
	X(rx_good_octets, IGB_GORCL, "rx_good_bytes", 0)                                           \
	X(tx_good_octets, IGB_GOTCL, "tx_good_bytes", 0)                                           \
	X(rx_total_octets, IGB_TORL, "rx_total_bytes", 0)                                          \
	X(tx_total_octets, IGB_TOTL, "tx_total_bytes", 0)                                          \
	X(rx_host_octets, IGB_HGORCL, "rx_to_host_bytes", 0)                                       \
	X(tx_host_octets, IGB_HGOTCL, "tx_from_host_bytes", 0)

/* Of each queue: run freely in 32 bits, not cleared. */
#define IGB_HW_QUEUE_COUNTERS(X)                                                                   \
	X(rx_packets, IGB_PQGPRC)                                                                  \
	X(tx_packets, IGB_PQGPTC)                                                                  \
	X(rx_octets, IGB_PQGORC)                                                                   \
	X(tx_octets, IGB_PQGOTC)                                                                   \
	X(rx_multicast, IGB_PQMPRC)

struct igb_hw_queue_stats {
#define X(field, reg) uint64_t field;
	IGB_HW_QUEUE_COUNTERS(X)
#undef X
	uint64_t rx_dropped; /* RQDPC: with DROP_EN, no descriptor */
};

struct igb_hw_stats {
#define X(field, reg, name, is_drop) uint64_t field;
	IGB_HW_COUNTERS_32(X)
	IGB_HW_COUNTERS_64(X)
#undef X
	uint64_t saturated; /* times that a register was found at its end: packets went uncounted */
	struct igb_hw_queue_stats queue[16];

	/* the updater's own: what a free-running register read last */
	struct {
		uint32_t rx_packets, tx_packets, rx_octets, tx_octets, rx_multicast;
	} last[16];
};

#endif
