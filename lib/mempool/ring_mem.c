/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pollux/log.h>
#include <pollux/mem.h>
#include <pollux/ring_mem.h>

#include "mempool_private.h"

int plx_ring_create(const char *name, uint32_t size, int node, struct plx_ring **ring)
{
	/* A size that is not allowed has 0 bytes: plx_ring_init() says what is wrong with it. */
	size_t bytes = plx_ring_bytes(size);
	struct plx_ring *made = plx_mem_alloc(bytes ? bytes : PLX_CACHE_LINE, PLX_CACHE_LINE, node);
	int ret;

	if (!made) {
		ret = errno ? -errno : -ENOMEM;
		LOG_ERR("ring '%s': no memory for %u slots (%zu bytes)", name, size, bytes);
		return ret;
	}
	ret = plx_ring_init(made, name, size);
	if (ret) {
		plx_mem_free(made);
		return ret;
	}
	*ring = made;
	return 0;
}

void plx_ring_destroy(struct plx_ring *ring)
{
	plx_mem_free(ring);
}
