/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory for packets, rings and devices: hugepages of the wanted NUMA node, mapped, touched and
 * zeroed before they are handed out, so that the data path meets no page fault. Pages are taken at
 * plx_eal_init() (-m, --socket-mem) and kept, or taken by need and given back when they are wholly
 * free again.
 *
 * Control path only: each call takes one mutex, except plx_mem_virt2iova() and
 * plx_mem_iova_mode(), which take none. Allocation and free cost O(log n) for n blocks of a node
 * plus the zeroing of what is freed. Bookkeeping lies in ordinary memory: an overrun of a buffer
 * can't damage it.
 *
 * fork(): the memory is not inherited (a card must not write into a copy of it), and these calls
 * fail with -EPERM in a child at once, whatever its parent's threads were doing; plx_eal_fini() and
 * plx_eal_init() give the child memory of its own. A program that becomes a daemon does so before
 * plx_eal_init().
 *
 * Before plx_eal_init() and after plx_eal_fini() the calls fail with -ENODEV; a call that comes
 * while they run waits for them first. plx_mem_virt2iova() alone, which takes no lock, must not run
 * at the same time as either.
 *
 * A NUMA node that is there, but has no memory that this process may use (none at all, or a cpuset
 * or a container keeps it away), is served from the nearest that has: one warning for each node.
 */
#ifndef POLLUX_MEM_H
#define POLLUX_MEM_H

#include <pollux/compiler.h>
#include <pollux/eal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

PLX_BEGIN_DECLS

#define PLX_IOVA_BAD UINT64_MAX /* no device can reach this */

enum {
	PLX_NODE_ANY = -1, /* the caller's NUMA node first, then the others */
	PLX_MEMZONE_NAME_MAX = 32
}; /* bytes, with the NUL */

enum plx_memzone_flags {
	/* One run of addresses for a device as well. With IOVA as VA every zone is that; with IOVA
	 * as PA a zone may otherwise consist of pages that are scattered. */
	PLX_MEMZONE_IOVA_CONTIG = 1u << 0,
};

/* A named piece of memory. Fields are set by plx_memzone_reserve() and never change. */
struct plx_memzone {
	char name[PLX_MEMZONE_NAME_MAX];
	void *addr;
	uint64_t iova;	   /* of addr; PLX_IOVA_BAD when the zone is not contiguous for a device */
	size_t len_bytes;  /* as asked for */
	size_t page_bytes; /* of the pages it lies on: 2 MB, 1 GB, or ordinary ones */
	int node;	   /* that it lies on */
	uint32_t flags;	   /* as asked for */
};

/**
 * Take a named, zeroed piece of memory; takes pages when what is there does not do.
 *
 * @name   unique                            [1, PLX_MEMZONE_NAME_MAX - 1] bytes
 * @len    bytes                             [1, ..)
 * @node   NUMA node, or PLX_NODE_ANY
 * @flags  of enum plx_memzone_flags, or 0
 * @align  power of two; 0: one cache line   smaller ones are raised to PLX_CACHE_LINE
 * @bound  power of two >= @len: the zone lies between two multiples of it; 0: none
 * @out    the zone
 *
 * @align and @bound hold for the virtual address; with PLX_MEMZONE_IOVA_CONTIG for the IOVA, too.
 *
 * Returns 0.
 * Errors  -EINVAL (an argument, a node that is not there), -ENAMETOOLONG, -EEXIST, -ENOMEM (one
 *         line was logged: what is there, what is wanted, the command that mends it), what a
 *         watcher's added() returned, -EDEADLK (called from a memory callback), -EPERM, -ENODEV.
 * Owner   the library owns *@out; valid until plx_memzone_free() or plx_eal_fini().
 * Thread  any.
 */
PLX_API int plx_memzone_reserve(const char *name, size_t len, int node, unsigned flags,
				size_t align, size_t bound, const struct plx_memzone **out);

/** The zone of that name, or NULL with errno ENOENT, EINVAL, EDEADLK, EPERM, ENODEV. Any thread. */
PLX_API const struct plx_memzone *plx_memzone_lookup(const char *name);

/**
 * Give a zone back. Its memory is zeroed; pages wholly free again that were taken by need go back
 * to the system.
 *
 * @mz     from plx_memzone_reserve() or lookup; NULL is legal
 *
 * Returns 0.
 * Errors  -EINVAL (no such zone, or freed before: one line was logged), -EDEADLK, -EPERM, -ENODEV.
 * Thread  any; nobody may use the memory any more, no device either.
 */
PLX_API int plx_memzone_free(const struct plx_memzone *mz);

/**
 * Call @fn for each zone, oldest first, until it returns non-zero.
 *
 * Returns 0, or what @fn returned; -EDEADLK, -EPERM, -ENODEV.
 * Thread  any; @fn runs under the lock and may call plx_mem_virt2iova() and plx_mem_iova_mode()
 *         only.
 */
typedef int (*plx_memzone_fn)(const struct plx_memzone *mz, void *arg);
PLX_API int plx_memzone_walk(plx_memzone_fn fn, void *arg);

/**
 * Take zeroed memory for a control structure; takes pages when what is there does not do.
 *
 * @size   bytes                             [1, ..); rounded up to cache lines: no block shares one
 * @align  power of two; 0: one cache line   [0, page size of the memory]
 * @node   NUMA node, or PLX_NODE_ANY
 *
 * Returns the memory, IOVA-contiguous when it does not cross a page; NULL with errno EINVAL,
 *         ENOMEM, EDEADLK, EPERM, ENODEV or what a watcher's added() said (one line was logged).
 * Owner   the caller, until plx_mem_free() or plx_eal_fini().
 * Thread  any.
 */
PLX_API void *plx_mem_alloc(size_t size, size_t align, int node);

/**
 * Give back what plx_mem_alloc() returned. NULL is legal. A pointer that is no such block (freed
 * before, from elsewhere, inside a block, a memzone) is told in one log line and left alone.
 *
 * Errno   is preserved.
 * Thread  any.
 */
PLX_API void plx_mem_free(void *ptr);

/**
 * The address by which a device reaches @addr.
 *
 * Returns PLX_IOVA_BAD for an address outside of this memory. Neighbouring bytes of one page are
 *         neighbours for the device too; across pages only where a contract says so.
 * Thread  any; takes no lock, O(1): two loads; not at the same time as plx_eal_init() or
 *         plx_eal_fini().
 */
PLX_API uint64_t plx_mem_virt2iova(const void *addr);

/** PLX_IOVA_VA or PLX_IOVA_PA; PLX_IOVA_AUTO before plx_eal_init(). Any thread, no lock. */
PLX_API enum plx_iova_mode plx_mem_iova_mode(void);

/**
 * The addresses that are reserved for this memory, both ends included: what is taken later lies
 * there, too. Whoever gives devices addresses of its own keeps off them while IOVA is VA.
 *
 * Returns 0, -EINVAL (NULL), -ENODEV.
 * Thread  any; takes no lock; not at the same time as plx_eal_init() or plx_eal_fini().
 */
PLX_API int plx_mem_span(uint64_t *first, uint64_t *last);

/* A run of memory that is contiguous both ways, on pages of one node. */
struct plx_mem_segment {
	void *addr;
	uint64_t iova;
	size_t len_bytes;  /* whole pages */
	size_t page_bytes; /* of one page; 2 MB, 1 GB, or an ordinary one */
	int node;
};

/**
 * Call @fn for each segment of mapped memory, ascending addresses within a node, until it returns
 * non-zero. Segments are those that watchers see.
 *
 * Returns 0, or what @fn returned; -EDEADLK, -EPERM, -ENODEV.
 * Thread  any; @fn as with plx_memzone_walk().
 */
typedef int (*plx_mem_segment_fn)(const struct plx_mem_segment *segment, void *arg);
PLX_API int plx_mem_walk(plx_mem_segment_fn fn, void *arg);

/*
 * Who must know of memory before a device uses it: a bus that maps it for DMA. Memory of -m is
 * one segment (with IOVA as PA: one for each contiguous run), memory taken by need is one segment a
 * page (a piece of 2 MB on ordinary pages), and removed() names exactly what added() named.
 */
struct plx_mem_watch {
	/* Before the memory is handed out. 0, or -errno after a line that says why: the growth is
	 * undone and the reservation that needed it fails with that error. */
	int (*added)(void *va, uint64_t iova, size_t len_bytes, void *arg);
	/* After its last use and before it is unmapped. May be NULL. */
	void (*removed)(void *va, uint64_t iova, size_t len_bytes, void *arg);
	void *arg;
	struct plx_mem_watch *next; /* the library's while it watches */
};

/**
 * Watch memory come and go. added() is called at once for all that is there; the callbacks of
 * several watches run in the order of plx_mem_watch_add(), removed() in the reverse one.
 *
 * @watch  caller's memory, valid until plx_mem_watch_del() or plx_eal_fini(), which calls removed()
 *         for all memory and forgets the watch
 *
 * Returns 0.
 * Errors  what added() returned (removed() was called for what had been added), -EINVAL (no
 *         added()), -EEXIST (it watches already), -EDEADLK, -EPERM, -ENODEV.
 * Thread  any; callbacks run under the lock, in whichever thread makes the memory change, and may
 *         call plx_mem_virt2iova() and plx_mem_iova_mode() only.
 */
PLX_API int plx_mem_watch_add(struct plx_mem_watch *watch);

/**
 * Stop watching: removed() is called for all memory. NULL is legal.
 *
 * Returns 0.
 * Errors  -ENOENT (it does not watch), -EDEADLK, -EPERM, -ENODEV.
 */
PLX_API int plx_mem_watch_del(struct plx_mem_watch *watch);

struct plx_mem_node_stats {
	int node;
	size_t nb_pages;
	size_t total_bytes; /* mapped */
	size_t used_bytes;  /* in zones and blocks, rounded up to cache lines */
	size_t free_bytes;
	size_t biggest_free_bytes; /* one run of virtual addresses */
	size_t nb_blocks;	   /* of plx_mem_alloc(), and zones */
};

struct plx_mem_stats {
	size_t page_bytes;
	bool huge;		       /* hugepages; else ordinary ones */
	struct plx_mem_node_stats all; /* node is PLX_NODE_ANY */
	size_t nb_zones;
	unsigned nb_nodes;
	struct plx_mem_node_stats nodes[PLX_NODE_MAX]; /* [0, nb_nodes) */
};

/** How much there is. Returns 0, -EINVAL (NULL), -EDEADLK, -EPERM, -ENODEV. Any thread. */
PLX_API int plx_mem_stats(struct plx_mem_stats *stats);

/** Print pages, segments and zones for a human reader. Any thread. */
PLX_API void plx_mem_dump(FILE *out);

/**
 * Remove the hugetlbfs files (--huge-dir) that a process of the same --file-prefix left behind when
 * it died. Files of live processes are locked and never touched.
 *
 * Files of IOVA as VA are removed by plx_eal_init() itself, since the kernel unmapped the device
 * when its owner died. Files of IOVA as PA may still be written to by a card that nobody has
 * stopped: they stay until this call, which says that no card can any more. plx_init() makes it
 * once the buses have stopped their cards; a program that uses the EAL alone and IOVA as PA makes
 * it itself. Memory of -m that those files kept from plx_eal_init() is taken now.
 *
 * Returns files removed.
 * Errors  -ENOMEM (memory of -m is still missing: one line was logged), what a watcher's added()
 *         returned, -EDEADLK, -EPERM, -ENODEV.
 * Thread  any.
 */
PLX_API int plx_mem_reap_stale(void);

PLX_END_DECLS

#endif
