/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef POLLUX_MEMPOOL_PRIVATE_H
#define POLLUX_MEMPOOL_PRIVATE_H

#include <pollux/log.h>
#include <pollux/mempool.h>

extern struct plx_log_module plx_log_mempool;

#define LOG_ERR(...) plx_log(&plx_log_mempool, PLX_LOG_ERR, __VA_ARGS__)

/* Where an object of a checked pool is; one byte an object in pool->where. */
enum { PLX_MEMPOOL_HOME = 0, PLX_MEMPOOL_OUT = 1 };

/* Warn of @in_use objects that are out; checked builds tell of the first ones who had them. */
void plx_mempool_tell_out(struct plx_mempool *pool, uint32_t in_use);

#endif
