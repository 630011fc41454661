/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings on the EAL's memory; what a ring does is in <pollux/ring.h>. */
#ifndef POLLUX_RING_MEM_H
#define POLLUX_RING_MEM_H

#include <pollux/compiler.h>
#include <pollux/ring.h>

PLX_BEGIN_DECLS

/**
 * Make an empty ring in hugepage memory.
 *
 * @name   [1, PLX_RING_NAME_MAX - 1] bytes; need not be unique
 * @size   slots: a power of two       [2, PLX_RING_SIZE_MAX]
 * @node   NUMA node, or PLX_NODE_ANY
 * @ring   out: the ring
 * Returns 0, -EINVAL, -ENAMETOOLONG, -ENODEV (the EAL does not run), -ENOMEM (the memory module's
 *         line says what is missing).
 * Owner   the caller, who gives it to plx_ring_destroy().
 * Thread  any; control path.
 */
PLX_API PLX_MUST_CHECK int plx_ring_create(const char *name, uint32_t size, int node,
					   struct plx_ring **ring);

/**
 * Give the ring's memory back; the pointers in it are lost. NULL is legal.
 * Thread  any; no other uses the ring any more.
 */
PLX_API void plx_ring_destroy(struct plx_ring *ring);

PLX_END_DECLS

#endif
