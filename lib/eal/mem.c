/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory: init and fini, and allocation on top of a heap of blocks and a space of pages for each
 * NUMA node. What is asked for comes from free memory of the wanted node, else from new pages
 * there; PLX_NODE_ANY then goes on to the other nodes.
 *
 * Memory is zero when it is handed out: pages come zeroed from the kernel, and a block is zeroed
 * when it is freed, unless its pages go.
 */
#include "mem_private.h"

#include <errno.h>
#include <limits.h>
#include <pollux/atomic.h>
#include <pollux/bits.h>
#include <string.h>
#include <unistd.h>

/* With slack for alignment and all nodes together this stays below 2^63. */
#define REQUEST_MAX ((size_t)1 << 60)

struct plx_mem plx_mem = {
	.lock = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
	.file.fd = -1,
};

static int lock_tables(const char *call)
{
	int err = pthread_mutex_lock(&plx_mem.lock);

	if (err)
		LOG_ERR("%s() is called from a memory callback", call);
	return -err;
}

/* Another process's: this is a child of fork(), and the lock may be one that nobody releases. */
static bool is_inherited(void)
{
	pid_t owner = plx_load_acquire(&plx_mem.owner);

	return owner && owner != getpid();
}

int plx_mem_lock(const char *call)
{
	int err;

	if (is_inherited() && plx_mem.up) {
		LOG_ERR("%s(): a child of fork() has no memory of its parent: plx_eal_fini() and "
			"plx_eal_init() give it its own",
			call);
		return -EPERM;
	}
	if (plx_load_acquire(&plx_mem.owner) == getpid()) {
		err = lock_tables(call);
		if (err)
			return err;
		if (plx_mem.up)
			return 0;
		plx_mem_unlock();
	}
	LOG_ERR("%s(): the EAL does not run", call);
	return -ENODEV;
}

void plx_mem_unlock(void)
{
	pthread_mutex_unlock(&plx_mem.lock);
}

/* Allocation */

static struct plx_mem_heap *heap_of_node(int node)
{
	for (unsigned i = 0; i < plx_mem.nb_heaps; i++)
		if (plx_mem.heaps[i].node == node)
			return &plx_mem.heaps[i];
	return NULL;
}

static void log_no_node(const char *what, int node)
{
	char list[PLX_NODE_MAX * 8] = "";
	size_t len = 0;

	for (unsigned i = 0; i < plx_mem.nb_heaps; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%d", i ? ", " : "",
					plx_mem.heaps[i].node);
	LOG_ERR("%s: NUMA node %d is not there; with memory for this process: %s", what, node,
		list);
}

static struct plx_mem_heap *nearest_heap(int node)
{
	struct plx_mem_heap *nearest = &plx_mem.heaps[0];
	int least = INT_MAX;

	for (unsigned i = 0; i < plx_mem.nb_heaps && plx_mem.nb_heaps > 1; i++) {
		int distance = plx_mem_numa_distance(node, plx_mem.heaps[i].node);

		if (distance < least) {
			least = distance;
			nearest = &plx_mem.heaps[i];
		}
	}
	return nearest;
}

/*
 * The heap for @node: an lcore's own node may be one without memory, or whose memory a cpuset or a
 * container keeps from this process; then the nearest. NULL after one line: there is no such node.
 */
static struct plx_mem_heap *heap_for(int node, const char *what)
{
	struct plx_mem_heap *heap = heap_of_node(node);

	if (heap)
		return heap;
	if (!plx_mem_numa_online(node)) {
		log_no_node(what, node);
		return NULL;
	}
	heap = nearest_heap(node);
	if (!plx_mem.warned_node[node])
		LOG_WARN("%s: NUMA node %d has no memory for this process (a cpuset, a container, "
			 "or no memory at all); what is for it comes from node %d",
			 what, node, heap->node);
	plx_mem.warned_node[node] = true;
	return heap;
}

static struct plx_mem_block *take_from(struct plx_mem_heap *heap, const struct plx_mem_fit *fit,
				       enum plx_mem_kind kind, struct plx_mem_lack *lack)
{
	struct plx_mem_block *block = plx_mem_heap_take(heap, fit, kind);

	if (block)
		return block;
	if (plx_mem_space_grow(heap, fit, false, lack) != 0)
		return NULL;
	block = plx_mem_heap_take(heap, fit, kind);
	/* Physically consecutive pages are searched among more than are needed. */
	if (fit->contig && heap->iova)
		plx_mem_space_trim(heap, heap->start, heap->nb_grains << plx_mem.grain_shift);
	return block;
}

int plx_mem_take(const struct plx_mem_fit *fit, int node, enum plx_mem_kind kind, const char *what,
		 struct plx_mem_block **out, struct plx_mem_heap **from)
{
	struct plx_mem_lack lack, other;
	struct plx_mem_heap *first;
	bool any = node == PLX_NODE_ANY;

	if (any) {
		int here = plx_mem.nb_heaps > 1 ? plx_mem_numa_here() : plx_mem.heaps[0].node;

		first = heap_of_node(here);
		first = first ? first : nearest_heap(here);
	} else {
		first = heap_for(node, what);
		if (!first)
			return -EINVAL;
		any = first->node != node;
	}
	/* Taking, and four growths that each add a block. */
	if (plx_mem_block_ready(&plx_mem.blocks, 8) != 0) {
		LOG_ERR("%s: no memory for its bookkeeping", what);
		return -ENOMEM;
	}
	*from = first;
	*out = take_from(first, fit, kind, &lack);
	for (unsigned i = 0; !*out && any && i < plx_mem.nb_heaps; i++) {
		*from = &plx_mem.heaps[i];
		if (*from != first && lack.why != PLX_MEM_LACK_WATCHER)
			*out = take_from(*from, fit, kind, &other);
	}
	if (*out)
		return 0;
	plx_mem_log_lack(what, &lack);
	return lack.why == PLX_MEM_LACK_WATCHER ? lack.err : -ENOMEM;
}

/* Zero [start, end) where its pages are still there. */
static void zero_mapped(uintptr_t start, uintptr_t end)
{
	while (start < end) {
		uintptr_t next = plx_align_down(start, plx_mem_grain_bytes());

		next = plx_min_size(next + plx_mem_grain_bytes(), end);
		if (plx_mem.grains[plx_mem_grain_of(start)].flags & PLX_MEM_MAPPED)
			memset((void *)start, 0, next - start);
		start = next;
	}
}

void plx_mem_give(struct plx_mem_heap *heap, struct plx_mem_block *block)
{
	uintptr_t start = block->addr, end = block->addr + block->len;

	block = plx_mem_heap_release(heap, block);
	plx_mem_space_trim(heap, block->addr, block->len);
	zero_mapped(start, end);
}

void *plx_mem_alloc(size_t size, size_t align, int node)
{
	struct plx_mem_fit fit = {.align = plx_max_size(align, PLX_MEM_UNIT_BYTES)};
	char what[64];
	struct plx_mem_heap *heap;
	struct plx_mem_block *block;
	void *addr = NULL;
	int err = plx_mem_lock("plx_mem_alloc");

	if (err)
		goto out;
	if (size == 0 || size > REQUEST_MAX || (align && !plx_is_pow2(align)) ||
	    align > plx_mem.page_bytes) {
		LOG_ERR("plx_mem_alloc(%zu, %zu): the size is at least 1, the alignment a power of "
			"two up to %zu",
			size, align, plx_mem.page_bytes);
		err = -EINVAL;
		goto unlock;
	}
	fit.len = plx_align_up(size, PLX_MEM_UNIT_BYTES);
	snprintf(what, sizeof(what), "allocation of %zu bytes", size);
	err = plx_mem_take(&fit, node, PLX_MEM_BLOCK, what, &block, &heap);
	if (!err)
		addr = (void *)block->addr;
unlock:
	plx_mem_unlock();
out:
	if (err)
		errno = -err;
	return addr;
}

void plx_mem_free(void *ptr)
{
	uintptr_t addr = (uintptr_t)ptr;
	int saved = errno;
	struct plx_mem_heap *heap = NULL;
	struct plx_mem_block *block = NULL;

	if (!ptr || plx_mem_lock("plx_mem_free") != 0)
		goto out;
	if (addr - plx_mem.base < plx_mem.len_bytes) {
		heap = plx_mem_heap_of(addr);
		block = plx_mem_heap_find(heap, addr);
	}
	if (!block)
		LOG_ERR("plx_mem_free(%p): not memory of the EAL, or freed before", ptr);
	else if (block->kind == PLX_MEM_FREE)
		LOG_ERR("plx_mem_free(%p): freed before", ptr);
	else if (block->kind == PLX_MEM_ZONE)
		LOG_ERR("plx_mem_free(%p): lies in a memzone, use plx_memzone_free()", ptr);
	else if (block->addr != addr)
		LOG_ERR("plx_mem_free(%p): inside a block that starts at %p", ptr,
			(void *)block->addr);
	else
		plx_mem_give(heap, block);
	plx_mem_unlock();
out:
	errno = saved;
}

/* Memory of -m and --socket-mem */

static int keep_bytes(struct plx_mem_heap *heap, size_t bytes, struct plx_mem_lack *lack)
{
	struct plx_mem_fit fit = {.len = bytes, .align = plx_mem_grain_bytes()};

	if (bytes == 0)
		return 0;
	*lack = (struct plx_mem_lack){
		.why = PLX_MEM_LACK_OTHER, .err = -ENOMEM, .node = heap->node};
	if (plx_mem_block_ready(&plx_mem.blocks, 1) != 0)
		return -ENOMEM;
	return plx_mem_space_grow(heap, &fit, true, lack);
}

/*
 * Take @bytes and keep them. When files of the dead hold the missing pages until their cards are
 * stopped, the rest is owed: plx_mem_reap_stale() takes it.
 */
static int keep(struct plx_mem_heap *heap, size_t bytes, const char *what)
{
	struct plx_hugepage_count count = {0};
	struct plx_mem_lack lack, again;
	size_t stale, have, want = bytes >> plx_mem.grain_shift;
	int err = keep_bytes(heap, bytes, &lack);

	if (err && lack.why == PLX_MEM_LACK_PAGES && plx_mem.file.dir) {
		plx_hugepage_count(plx_mem.page_bytes, PLX_NODE_ANY, &count);
		have = plx_min_size(count.free, plx_mem_file_room(&plx_mem.file));
		stale = plx_mem_file_stale_pages(&plx_mem.file, plx_mem.conf->file_prefix);
		if (have < want && have + stale >= want &&
		    keep_bytes(heap, have << plx_mem.grain_shift, &again) == 0) {
			plx_mem.owed_bytes[heap - plx_mem.heaps] = (want - have)
								   << plx_mem.grain_shift;
			LOG_NOTICE("%s: %zu of %zu hugepages are held by a process that died; they "
				   "come when its devices are stopped",
				   what, want - have, want);
			return 0;
		}
	}
	if (err)
		plx_mem_log_lack(what, &lack);
	return err;
}

/* -m: from the caller's node as far as that has pages, then from the others. */
static int keep_anywhere(size_t bytes, const char *what)
{
	struct plx_mem_heap *here = heap_of_node(plx_mem_numa_here());
	size_t share[PLX_NODE_MAX] = {0}, left = bytes;
	struct plx_hugepage_count count;
	int err = 0;

	if (!here || plx_mem.nb_heaps == 1 || plx_mem.file.fd < 0)
		return keep(here ? here : &plx_mem.heaps[0], bytes, what);
	for (unsigned i = 0; i <= plx_mem.nb_heaps && left; i++) {
		/* The own node first, and once more in its turn: then nothing is left of it. */
		struct plx_mem_heap *heap = i ? &plx_mem.heaps[i - 1] : here;
		size_t *mine = &share[heap - plx_mem.heaps];

		if (*mine || plx_hugepage_count(plx_mem.page_bytes, heap->node, &count) != 0)
			continue;
		*mine = plx_min_size(left, count.free << plx_mem.grain_shift);
		left -= *mine;
	}
	share[here - plx_mem.heaps] += left;
	for (unsigned i = 0; i < plx_mem.nb_heaps && !err; i++)
		err = keep(&plx_mem.heaps[i], share[i], what);
	return err;
}

static int keep_conf(const struct plx_eal_conf *conf)
{
	struct plx_mem_heap *heap;
	char what[64];
	int err = 0;

	if (conf->mem_mb) {
		snprintf(what, sizeof(what), "-m %zu", conf->mem_mb);
		err = keep_anywhere(plx_align_up(conf->mem_mb << 20, plx_mem_grain_bytes()), what);
	}
	for (int node = 0; node < PLX_NODE_MAX && !err; node++) {
		size_t mb = conf->socket_mem_mb[node];

		if (!mb)
			continue;
		snprintf(what, sizeof(what), "--socket-mem, %zu MB on node %d", mb, node);
		heap = heap_for(node, what);
		err = heap ? keep(heap, plx_align_up(mb << 20, plx_mem_grain_bytes()), what)
			   : -EINVAL;
	}
	return err;
}

int plx_mem_reap_stale(void)
{
	struct plx_mem_lack lack;
	int nb, err = plx_mem_lock("plx_mem_reap_stale");

	if (err)
		return err;
	nb = plx_mem_file_reap(&plx_mem.file, plx_mem.conf->file_prefix, true);
	for (unsigned i = 0; i < plx_mem.nb_heaps && !err; i++) {
		err = keep_bytes(&plx_mem.heaps[i], plx_mem.owed_bytes[i], &lack);
		if (err)
			plx_mem_log_lack("-m, --socket-mem", &lack);
		else
			plx_mem.owed_bytes[i] = 0;
	}
	plx_mem_unlock();
	return err ? err : nb;
}

/* Life */

/* Most bytes that one node may have to hold; 0 after one line was logged. eal.c checks the rest. */
static size_t check_conf(const struct plx_eal_conf *conf)
{
	size_t most_mb = conf->mem_mb;
	const char *wrong = NULL;

	for (int node = 0; node < PLX_NODE_MAX; node++)
		most_mb = plx_max_size(most_mb, conf->socket_mem_mb[node]);
	if (most_mb > REQUEST_MAX >> 20)
		wrong = "-m, --socket-mem: more than there are addresses";
	else if (!conf->file_prefix || !conf->file_prefix[0] || strchr(conf->file_prefix, '/'))
		wrong = "--file-prefix: want a part of a file's name, not empty, without '/'";
	else if (conf->no_huge && conf->iova_mode == PLX_IOVA_PA)
		wrong = "--iova-mode pa needs hugepages, the kernel moves ordinary pages at will: "
			"drop --no-huge";
	if (wrong)
		LOG_ERR("%s", wrong);
	return wrong ? 0 : plx_max_size(most_mb << 20, 1);
}

/* The lock is held. */
static int start(const struct plx_eal_conf *conf)
{
	size_t least = check_conf(conf);
	int nodes[PLX_NODE_MAX], err;

	if (!least)
		return -EINVAL;
	plx_mem.conf = conf;
	plx_mem.lock_memory = conf->lock_memory;
	plx_mem.warned_lock = false;
	memset(plx_mem.warned_node, 0, sizeof(plx_mem.warned_node));
	plx_store_relaxed(&plx_mem.iova_mode,
			  conf->iova_mode == PLX_IOVA_PA ? PLX_IOVA_PA : PLX_IOVA_VA);
	plx_mem.nb_heaps = plx_mem_numa_nodes(nodes);
	for (unsigned i = 0; i < plx_mem.nb_heaps; i++)
		plx_mem.heaps[i] = (struct plx_mem_heap){.node = nodes[i]};

	err = plx_mem.iova_mode == PLX_IOVA_PA ? plx_iova_check() : 0;
	if (err)
		goto mode;
	err = plx_mem_file_open(conf, plx_mem.iova_mode, &plx_mem.file);
	if (err)
		goto mode;
	plx_mem.page_bytes = plx_mem.file.page_bytes;
	plx_mem.grain_shift = (unsigned)__builtin_ctzl(
		conf->no_huge ? plx_max_size(plx_mem.page_bytes, PLX_MEM_GRAIN_BYTES)
			      : plx_mem.page_bytes);
	err = plx_mem_space_init(plx_align_up(least, PLX_MEM_BASE_ALIGN));
	if (err)
		goto file;
	err = plx_memzone_init();
	if (err)
		goto space;
	err = keep_conf(conf);
	if (err)
		goto zones;
	plx_mem.up = true;
	return 0;

zones:
	memset(plx_mem.owed_bytes, 0, sizeof(plx_mem.owed_bytes));
	plx_memzone_fini();
	plx_mem_block_pool_fini(&plx_mem.blocks);
space:
	plx_mem_space_fini();
file:
	plx_mem_file_close(&plx_mem.file, true);
mode:
	plx_mem.conf = NULL;
	plx_store_relaxed(&plx_mem.iova_mode, PLX_IOVA_AUTO);
	return err;
}

static void drop_tables(void)
{
	plx_memzone_fini();
	plx_mem_block_pool_fini(&plx_mem.blocks);
	plx_mem_space_fini();
	plx_mem_file_close(&plx_mem.file, !is_inherited());
}

/*
 * A child of fork() drops what it has of its parent's tables; watches, devices and files are the
 * parent's. A lock that is held is held by a thread that the child does not have, in the midst of
 * a change: then what that may have been changing is left as it is, a few KB for each fork().
 */
static void drop_inherited(void)
{
	if (pthread_mutex_trylock(&plx_mem.lock) == 0) {
		drop_tables();
		pthread_mutex_unlock(&plx_mem.lock);
	} else if (plx_mem.up) {
		/* These change in init and fini only. */
		plx_mem_space_fini();
		plx_mem_file_close(&plx_mem.file, false);
	}
	memset(&plx_mem, 0, sizeof(plx_mem));
	plx_mem.lock = (pthread_mutex_t)PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
	plx_mem.file.fd = -1;
}

int plx_mem_init(const struct plx_eal_conf *conf)
{
	int err;

	if (is_inherited())
		drop_inherited();
	/* Release: others take the lock when they have seen this; it may just have been made. */
	plx_store_release(&plx_mem.owner, getpid());
	err = lock_tables("plx_mem_init");
	if (err)
		return err;
	err = plx_mem.up ? -EALREADY : start(conf);
	plx_mem_unlock();
	return err;
}

void plx_mem_fini(void)
{
	if (is_inherited()) {
		drop_inherited();
		return;
	}
	if (lock_tables("plx_mem_fini") != 0)
		return;
	if (plx_mem.up) {
		plx_mem_watch_fini();
		plx_mem.up = false;
		drop_tables();
		memset(plx_mem.owed_bytes, 0, sizeof(plx_mem.owed_bytes));
		plx_store_relaxed(&plx_mem.iova_mode, PLX_IOVA_AUTO);
		plx_mem.conf = NULL;
	}
	plx_mem_unlock();
}
