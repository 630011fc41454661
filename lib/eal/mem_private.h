/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the memory part share, from the ground up:
 *
 *   mem_heap.c   blocks of one node's address range: pure bookkeeping, no system call
 *   mem_numa.c   nodes, and pages placed on them
 *   hugepage.c   how many pages there are, and the line that says what to do
 *   mem_file.c   the memfd or hugetlbfs file behind the pages; files of the dead
 *   iova.c       physical addresses
 *   mem_pages.c  pages mapped into the reservation of addresses and out of it
 *   mem_watch.c  segments, and those who watch them
 *   mem_space.c  the reservation, growth and giving back
 *   mem.c        init and fini; allocation on top of heap and space
 *   mem_info.c   stats, walk, dump
 *   memzone.c    names
 *
 * One reservation of addresses (PROT_NONE) is cut into one span a node; the table of grains
 * says what is mapped in it. A grain is the unit of growth: one hugepage, or GRAIN_BYTES of
 * ordinary pages. All state is guarded by plx_mem.lock; the grains' IOVAs alone are read without.
 */
#ifndef MEM_PRIVATE_H
#define MEM_PRIVATE_H

#include "eal_private.h"

#include <pollux/mem.h>
#include <pthread.h>
#include <sys/types.h>

enum {
	/* The least distance and size of blocks: none shares a cache line with another. */
	PLX_MEM_UNIT_BYTES = PLX_CACHE_LINE,
	PLX_MEM_GRAIN_BYTES = 2 << 20, /* of ordinary pages */
	PLX_MEM_NAME_BYTES = 24,       /* "2 MB", "18014398509481983 kB" */
	PLX_MEM_LIMIT_BYTES = 256,     /* of text */
	PLX_MEM_NODES_MAX = 1024,      /* the most a kernel has */
};

/*
 * Where the reservation is asked to start; another place is taken when this one is not free. Low,
 * so that IOVA = VA fits an IOMMU of 39 bits (512 GB); above 4 GB, where the interrupt window of an
 * x86 IOMMU lies; fixed, so that another process can map the same memory at the same address.
 */
#define PLX_MEM_BASE_HINT ((uintptr_t)1 << 32)
#define PLX_MEM_BASE_ALIGN ((uintptr_t)1 << 30)

/* mem_heap.c */

enum plx_mem_kind { PLX_MEM_FREE, PLX_MEM_BLOCK, PLX_MEM_ZONE };

/* A run of addresses in one state, node of a treap ordered by address. */
struct plx_mem_block {
	uintptr_t addr;
	size_t len;
	size_t max_free; /* longest free block in the subtree */
	struct plx_mem_block *left, *right;
	uint32_t prio;
	enum plx_mem_kind kind;
};

struct plx_mem_block_chunk;

struct plx_mem_block_pool {
	struct plx_mem_block *free; /* linked by left */
	unsigned nb_free;
	struct plx_mem_block_chunk *chunks;
	uint32_t seed;
};

struct plx_mem_heap {
	struct plx_mem_block_pool *pool; /* shared by the heaps */
	struct plx_mem_block *root;
	size_t mapped_bytes;
	size_t used_bytes;
	size_t nb_used;

	/* the node's span of the reservation */
	int node;
	uintptr_t start;
	size_t first_grain, nb_grains;
	size_t top_grain; /* none at or above it is mapped */

	/* NULL: IOVA = VA. Else the IOVA of an address; constant distance within a grain. */
	uint64_t (*iova)(uintptr_t addr);
	size_t grain_bytes;
};

struct plx_mem_fit {
	size_t len;   /* multiple of PLX_MEM_UNIT_BYTES, > 0 */
	size_t align; /* power of two */
	size_t bound; /* power of two >= len, or 0 */
	bool contig;
};

/* Make @nb nodes ready, so that the calls below can't fail. Returns 0, -ENOMEM. */
int plx_mem_block_ready(struct plx_mem_block_pool *pool, unsigned nb);
void plx_mem_block_pool_fini(struct plx_mem_block_pool *pool);

/* The lowest place for @fit in [start, end); 0 when there is none. */
uintptr_t plx_mem_place(const struct plx_mem_heap *heap, const struct plx_mem_fit *fit,
			uintptr_t start, uintptr_t end);
/* The block that holds @addr, or NULL. */
struct plx_mem_block *plx_mem_heap_find(const struct plx_mem_heap *heap, uintptr_t addr);
/* Take the lowest free place; NULL when there is none. Uses up to 2 nodes. */
struct plx_mem_block *plx_mem_heap_take(struct plx_mem_heap *heap, const struct plx_mem_fit *fit,
					enum plx_mem_kind kind);
/* A used block becomes free; returns the free block it became part of. Uses no node. */
struct plx_mem_block *plx_mem_heap_release(struct plx_mem_heap *heap, struct plx_mem_block *block);
/* A range that is in no block becomes free memory. Uses up to 1 node. */
void plx_mem_heap_add(struct plx_mem_heap *heap, uintptr_t addr, size_t len);
/* A range inside of one free block is taken out of the heap. Uses up to 1 node. */
void plx_mem_heap_cut(struct plx_mem_heap *heap, uintptr_t addr, size_t len);
/* Would plx_mem_heap_take() find a place? */
bool plx_mem_heap_fits(const struct plx_mem_heap *heap, const struct plx_mem_fit *fit);
/* The next free block at or above @addr of at least @len bytes, or NULL. */
struct plx_mem_block *plx_mem_heap_next_free(const struct plx_mem_heap *heap, uintptr_t addr,
					     size_t len);
/* NULL, or what is wrong with the tree. For tests. */
const char *plx_mem_heap_check(const struct plx_mem_heap *heap);

/* mem_space.c: the grains */

enum {
	PLX_MEM_MAPPED = 1, /* pages are there */
	PLX_MEM_KEPT = 2,   /* taken by -m: stays until fini */
	PLX_MEM_HEAD = 4,   /* first grain of a segment */
};

struct plx_mem_grain {
	/* ~IOVA, so that the zero of fresh memory says PLX_IOVA_BAD. Written under the lock; store
	 * release after the mapping exists, paired with the acquire of plx_mem_virt2iova(). */
	uint64_t not_iova;
	/* Its page of the file is its own index plus this. All grains together stay a permutation,
	 * so that a free grain's page of the file is free as well. Not 0 only with IOVA as PA. */
	int32_t page_shift;
	uint8_t flags;
};

/* Why a growth failed; told once, by whoever gives up. */
struct plx_mem_lack {
	enum plx_mem_lack_why {
		PLX_MEM_LACK_PAGES,   /* no page could be had: err says how the kernel put it */
		PLX_MEM_LACK_RAM,     /* of ordinary pages: room_bytes are left of limit */
		PLX_MEM_LACK_SPACE,   /* the reservation of addresses is used up */
		PLX_MEM_LACK_CONTIG,  /* pages are there, but not consecutive ones */
		PLX_MEM_LACK_ACCESS,  /* physical addresses can't be read */
		PLX_MEM_LACK_WATCHER, /* a watcher refused */
		PLX_MEM_LACK_OTHER,   /* err */
	} why;
	int err; /* -errno */
	int node;
	size_t nb_grains; /* wanted */
	const char *call; /* the system call that failed, or NULL */
	size_t room_bytes;
	char limit[PLX_MEM_LIMIT_BYTES];
};

/* The file behind the pages. */
struct plx_mem_file {
	int fd;	    /* -1: ordinary pages */
	char *dir;  /* hugetlbfs mount; NULL: memfd */
	char *path; /* of the file in it */
	size_t page_bytes;
};

struct plx_memzone_entry;

struct plx_mem {
	pthread_mutex_t lock; /* error-checking: a callback that comes back is refused */
	bool up;
	/* The process whose tables these are; 0: nobody's so far. Read before the lock: a child of
	 * fork() has the tables without the memory, and a lock that nobody may ever release. */
	pid_t owner;

	/* constant between init and fini; mode, base, len_bytes, shift are read without the lock */
	enum plx_iova_mode iova_mode;
	uintptr_t base;
	size_t len_bytes;
	unsigned grain_shift;
	struct plx_mem_grain *grains;
	size_t nb_grains;

	bool lock_memory;
	bool warned_lock;
	bool warned_node[PLX_MEM_NODES_MAX]; /* that it has no memory */
	size_t page_bytes;
	struct plx_mem_file file;
	unsigned nb_heaps;
	struct plx_mem_heap heaps[PLX_NODE_MAX];
	struct plx_mem_block_pool blocks;
	struct plx_mem_watch *watches;	 /* in the order of their coming */
	size_t owed_bytes[PLX_NODE_MAX]; /* of -m, by heap: held by files of the dead so far */
	const struct plx_eal_conf *conf; /* the EAL's copy */

	/* memzone.c */
	struct plx_memzone_entry **zone_buckets;
	struct plx_memzone_entry *zones, **zones_end;
	size_t nb_zones;
};

extern struct plx_mem plx_mem;

/* Returns 0 with the lock held; -ENODEV, -EPERM, -EDEADLK without it. */
int plx_mem_lock(const char *call);
void plx_mem_unlock(void);

static inline size_t plx_mem_grain_of(uintptr_t addr)
{
	return (addr - plx_mem.base) >> plx_mem.grain_shift;
}

static inline uintptr_t plx_mem_grain_addr(size_t grain)
{
	return plx_mem.base + (grain << plx_mem.grain_shift);
}

static inline size_t plx_mem_grain_bytes(void)
{
	return (size_t)1 << plx_mem.grain_shift;
}

/* The heap whose span holds @addr, an address of the reservation. */
struct plx_mem_heap *plx_mem_heap_of(uintptr_t addr);

/* Reserve addresses for the heaps, at least @least bytes for each. One line on failure. */
int plx_mem_space_init(size_t least);
void plx_mem_space_fini(void);
/* Map pages so that @fit fits; @keep: they are -m's, as one segment. */
int plx_mem_space_grow(struct plx_mem_heap *heap, const struct plx_mem_fit *fit, bool keep,
		       struct plx_mem_lack *lack);
/* Give back the pages inside [start, start + len) of a free block that were taken by need. */
void plx_mem_space_trim(struct plx_mem_heap *heap, uintptr_t start, size_t len);
/* mem_pages.c: grains that follow each other; a failure may leave some of them mapped */
int plx_mem_pages_map(int node, size_t first, size_t nb, struct plx_mem_lack *lack);
void plx_mem_pages_unmap(size_t first, size_t nb);
/* Map the pages of these grains again in the order of their physical addresses, told in @iovas. */
int plx_mem_pages_sort(size_t first, size_t nb, uint64_t *iovas);

/* mem_watch.c */
/* Call @fn for each segment, as plx_mem_walk(); the lock is held. */
int plx_mem_space_walk(plx_mem_segment_fn fn, void *arg);
/* Tell the segments of these grains to all watches; all or none. */
int plx_mem_watch_announce(const struct plx_mem_heap *heap, size_t first, size_t nb);
void plx_mem_watch_withdraw(const struct plx_mem_heap *heap, size_t first, size_t nb);
void plx_mem_watch_fini(void);

/* mem.c: take @fit from @node or PLX_NODE_ANY, growing; logs naming @what. The lock is held. */
int plx_mem_take(const struct plx_mem_fit *fit, int node, enum plx_mem_kind kind, const char *what,
		 struct plx_mem_block **out, struct plx_mem_heap **from);
/* Free a used block: zeroes it and gives pages back. */
void plx_mem_give(struct plx_mem_heap *heap, struct plx_mem_block *block);

/* mem_numa.c */
struct plx_mem_policy {
	bool changed;
	int mode;
	unsigned long mask[PLX_MEM_NODES_MAX / (8 * sizeof(long))];
};

/* The nodes with memory that this process may use; at least one. */
unsigned plx_mem_numa_nodes(int nodes[PLX_NODE_MAX]);
/* Is there such a node, with or without memory? */
bool plx_mem_numa_online(int node);
/* As the firmware tells it, 10 is the node itself; INT_MAX when it is not known. */
int plx_mem_numa_distance(int from, int to);
/* Pages that this thread makes from here on come from @node; warns once when that is refused. */
void plx_mem_numa_enter(int node, struct plx_mem_policy *saved);
void plx_mem_numa_leave(const struct plx_mem_policy *saved);
/* Warn once when pages lie on other nodes than @node. */
void plx_mem_numa_verify(int node, uintptr_t addr, size_t len, size_t step);
int plx_mem_numa_here(void);

/* hugepage.c */

/* Where proc is mounted; unit tests put a tree of their own here. Sysfs: plx_topo_sysfs. */
extern const char *plx_mem_proc;

struct plx_hugepage_count {
	unsigned long total, free; /* free: not promised to anyone */
	unsigned long more;	   /* that the kernel would make by itself (overcommit) */
};

/* Pages of that size on @node, PLX_NODE_ANY: of the machine. -ENOENT: no such size. */
int plx_hugepage_count(size_t page_bytes, int node, struct plx_hugepage_count *count);
/* The size to use: conf's, or one of which pages can be had. 0 after one line was logged. */
size_t plx_hugepage_pick(const struct plx_eal_conf *conf);
/* Bytes of ordinary memory that can still be had, and whose limit that is; SIZE_MAX: not known. */
size_t plx_mem_ram_room(int node, char limit[PLX_MEM_LIMIT_BYTES]);
const char *plx_hugepage_name(size_t bytes, char name[PLX_MEM_NAME_BYTES]);
/* The one line about a failed growth. @what asked for it. */
void plx_mem_log_lack(const char *what, const struct plx_mem_lack *lack);

/* mem_file.c */
/* Chooses page size and backing; one line on failure. Reaps the dead of IOVA as VA. */
int plx_mem_file_open(const struct plx_eal_conf *conf, enum plx_iova_mode mode,
		      struct plx_mem_file *file);
/* @remove: the file from its directory, too; false in a child of fork(). */
void plx_mem_file_close(struct plx_mem_file *file, bool remove);
/* Remove files of dead owners; @pa: those that a card may still know, too. Returns how many. */
int plx_mem_file_reap(const struct plx_mem_file *file, const char *prefix, bool pa);
/* Pages that the mount's size= still allows; SIZE_MAX: no limit. */
size_t plx_mem_file_room(const struct plx_mem_file *file);
/* Pages held by files of dead owners. */
size_t plx_mem_file_stale_pages(const struct plx_mem_file *file, const char *prefix);

/* iova.c */
/* Can physical addresses be read at all? One line when not. */
int plx_iova_check(void);
/* Physical address of each of @nb touched pages, @step bytes apart. 0, -EPERM, -errno. */
int plx_iova_read(uintptr_t addr, size_t nb, size_t step, uint64_t *iovas);

/* memzone.c */
int plx_memzone_init(void);
void plx_memzone_fini(void);
void plx_memzone_dump(FILE *out);

#endif
