/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device strings: "net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap", a name and key=value pairs. A key
 * without "=" has the value "". A key may stand more than once where its driver says so.
 *
 * All calls: any thread, no lock. What is wrong is told in one log line that names the device, the
 * key, the value and what is allowed.
 */
#ifndef POLLUX_DEVARGS_H
#define POLLUX_DEVARGS_H

#include <pollux/compiler.h>
#include <stdbool.h>
#include <stdint.h>

PLX_BEGIN_DECLS

enum {
	PLX_DEVARGS_BYTES_MAX = 4096, /* of a device string, with the ending zero */
	PLX_DEVARGS_PAIRS_MAX = 128,
};

/* A key that a driver knows. */
struct plx_devargs_key {
	const char *name;
	bool repeats;	  /* may stand more than once */
	const char *help; /* "INTERFACE: the interface to use", for --help and the guide */
};

struct plx_devargs_pair {
	const char *key, *value;
};

struct plx_devargs {
	const char *name; /* "net_pcap0" */
	unsigned nb_pairs;
	struct plx_devargs_pair pairs[PLX_DEVARGS_PAIRS_MAX];
	char text[PLX_DEVARGS_BYTES_MAX]; /* what the strings above point into */
};

/** Take a string apart. Returns 0, -EINVAL (empty name, too long, too many pairs). */
PLX_API int plx_devargs_parse(struct plx_devargs *args, const char *device);

/** Check that each key is in @keys (ends with a NULL name; NULL: no keys) and stands once unless it
 *  repeats. Returns 0, -EINVAL. */
PLX_API int plx_devargs_check(const struct plx_devargs *args, const struct plx_devargs_key *keys);

/** The value of a key, NULL when it is not there. */
PLX_API const char *plx_devargs_get(const struct plx_devargs *args, const char *key);

/** The values of a key that repeats: the @index-th from 0, NULL after the last. */
PLX_API const char *plx_devargs_get_nth(const struct plx_devargs *args, const char *key,
					unsigned index);

/**
 * A key's value as a number, decimal or 0x hex.
 *
 * @value  in: the default; out: the number, unchanged when the key is not there
 * Returns 0, -EINVAL (no number, or not within [@min, @max]).
 */
PLX_API int plx_devargs_u64(const struct plx_devargs *args, const char *key, uint64_t min,
			    uint64_t max, uint64_t *value);
PLX_API int plx_devargs_u32(const struct plx_devargs *args, const char *key, uint32_t min,
			    uint32_t max, uint32_t *value);

/** A key's value as a switch: 0 or 1, no or yes, off or on; the key alone is yes. */
PLX_API int plx_devargs_bool(const struct plx_devargs *args, const char *key, bool *value);

/**
 * A key's value as one of some words.
 *
 * @words  ends with NULL
 * @index  in: the default; out: which word
 */
PLX_API int plx_devargs_word(const struct plx_devargs *args, const char *key,
			     const char *const *words, unsigned *index);

/** The line about a value that the driver itself refuses. Returns -EINVAL. */
PLX_API int plx_devargs_refuse(const struct plx_devargs *args, const char *key,
			       const char *allowed);

PLX_END_DECLS

#endif
