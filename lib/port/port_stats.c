/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters. What a reader is told is always a value minus what it was at the last reset; a base is
 * stored after the value it was read from, so who loads the base first never sees a value below it.
 */
#include "port_private.h"

#include <stdio.h>
#include <stdlib.h>

enum { STATS = PLX_PORT_RX_STATS + PLX_PORT_TX_STATS };

_Static_assert(sizeof(struct plx_port_stats) == STATS * sizeof(uint64_t),
	       "statistics are words without gaps");
_Static_assert(offsetof(struct plx_port_rxq, stats) == 0 &&
		       offsetof(struct plx_port_txq, stats) == 0,
	       "a queue begins with its statistics");

struct standard {
	const char *name;
	bool is_drop;
};

/* In the order of struct plx_port_stats. */
static const struct standard standard[STATS] = {
	{"packets", false}, {"bytes", false},  {"missed", true},
	{"errors", true},   {"nombuf", false}, {"packets", false},
	{"bytes", false},   {"errors", true},  {"dropped", true},
};

static const char *const prefixes[PLX_PORT_DIRS] = {"rx_", "tx_"};

static const struct plx_port_counter no_counters[] = {{0}};

static const struct standard *standard_of(enum plx_port_dir dir)
{
	return dir == PLX_PORT_RX ? standard : standard + PLX_PORT_RX_STATS;
}

static unsigned table_size(const struct plx_port_counter *table)
{
	unsigned nb = 0;

	while (table[nb].name)
		nb++;
	return nb;
}

/* ---- A port's life ---- */

static void counts_init(struct plx_port_counts *counts, unsigned nb_standard,
			const struct plx_port_counter *table)
{
	counts->table = table ? table : no_counters;
	counts->nb_standard = nb_standard;
	counts->nb = nb_standard + table_size(counts->table);
}

int plx_port_counts_create(struct plx_port *port)
{
	const struct plx_port_driver *driver = port->driver;
	struct plx_port_private *inner = port->inner;
	struct plx_port_counts *counts = inner->counts;
	size_t nb_words;
	uint64_t *words;

	counts_init(&counts[PLX_PORT_RX], PLX_PORT_RX_STATS, driver->rxq_counters);
	counts_init(&counts[PLX_PORT_TX], PLX_PORT_TX_STATS, driver->txq_counters);
	inner->port_table = driver->port_counters ? driver->port_counters : no_counters;
	inner->nb_port_counters = table_size(inner->port_table);
	nb_words = (size_t)2 * PLX_PORT_QUEUES_MAX *
			   (counts[PLX_PORT_RX].nb + counts[PLX_PORT_TX].nb) +
		   inner->nb_port_counters;
	words = calloc(nb_words, sizeof(*words));
	if (!words) {
		plx_port_log(port, PLX_LOG_ERR, "out of memory for its counters");
		return -ENOMEM;
	}
	inner->words = words;
	for (int dir = 0; dir < PLX_PORT_DIRS; dir++) {
		counts[dir].kept = words;
		words += (size_t)PLX_PORT_QUEUES_MAX * counts[dir].nb;
		counts[dir].base = words;
		words += (size_t)PLX_PORT_QUEUES_MAX * counts[dir].nb;
	}
	inner->port_base = words;
	return 0;
}

void plx_port_counts_destroy(struct plx_port *port)
{
	free(port->inner->words);
	port->inner->words = NULL;
}

/* Counter @i of a queue's struct. */
static uint64_t *word_of(const struct plx_port_counts *counts, void *queue, unsigned i)
{
	size_t offset = i < counts->nb_standard ? i * sizeof(uint64_t)
						: counts->table[i - counts->nb_standard].offset;

	return (uint64_t *)(void *)((char *)queue + offset);
}

void plx_port_counts_keep(struct plx_port *port, enum plx_port_dir dir, unsigned queue, void *old)
{
	struct plx_port_counts *counts = &port->inner->counts[dir];

	for (unsigned i = 0; i < counts->nb; i++)
		counts->kept[queue * counts->nb + i] = plx_load_relaxed(word_of(counts, old, i));
}

void plx_port_counts_put(struct plx_port *port, enum plx_port_dir dir, unsigned queue, void *made)
{
	struct plx_port_counts *counts = &port->inner->counts[dir];

	for (unsigned i = 0; i < counts->nb; i++)
		plx_store_relaxed(word_of(counts, made, i), counts->kept[queue * counts->nb + i]);
}

/* ---- Reading: lock held ---- */

/* Counter @i of a queue, whether it is there or was; since the port was attached. */
static uint64_t raw_value(const struct plx_port *port, enum plx_port_dir dir, unsigned queue,
			  unsigned i)
{
	const struct plx_port_counts *counts = &port->inner->counts[dir];
	void *at = plx_port_queue(port, dir, queue);

	return at ? plx_load_relaxed(word_of(counts, at, i)) : counts->kept[queue * counts->nb + i];
}

static uint64_t value(const struct plx_port *port, enum plx_port_dir dir, unsigned queue,
		      unsigned i)
{
	const struct plx_port_counts *counts = &port->inner->counts[dir];
	uint64_t base = counts->base[queue * counts->nb + i];
	uint64_t raw = raw_value(port, dir, queue, i);

	/* What a stop finds unsent is no tx_packets any more, also if a reset came in between. */
	return raw > base ? raw - base : 0;
}

static uint64_t sum(const struct plx_port *port, enum plx_port_dir dir, unsigned i)
{
	uint64_t total = 0;

	for (unsigned queue = 0; queue < PLX_PORT_QUEUES_MAX; queue++)
		total += value(port, dir, queue, i);
	return total;
}

static void update_outside(struct plx_port *port)
{
	if (port->driver->ops->stats_update)
		port->driver->ops->stats_update(port);
}

static void read_stats(struct plx_port *port, struct plx_port_stats *stats)
{
	const uint64_t *outside = (const uint64_t *)&port->outside;
	const uint64_t *base = (const uint64_t *)&port->inner->outside_base;
	uint64_t *out = (uint64_t *)stats;

	for (unsigned i = 0; i < STATS; i++) {
		bool is_rx = i < PLX_PORT_RX_STATS;

		out[i] = sum(port, is_rx ? PLX_PORT_RX : PLX_PORT_TX,
			     is_rx ? i : i - PLX_PORT_RX_STATS);
		out[i] += outside[i] - base[i];
	}
	stats->tx.dropped += plx_load_relaxed(&port->inner->stray) - port->inner->stray_base;
}

void plx_port_read_stats(struct plx_port *port, struct plx_port_stats *stats)
{
	update_outside(port);
	read_stats(port, stats);
}

static uint64_t port_counter(const struct plx_port *port, unsigned i)
{
	const struct plx_port_counter *counter = &port->inner->port_table[i];
	const uint64_t *at = (const uint64_t *)(void *)((char *)port->priv + counter->offset);

	return plx_load_relaxed(at);
}

int plx_port_stats(unsigned id, struct plx_port_stats *stats)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_stats");

	if (!port)
		return -ENODEV;
	if (stats)
		plx_port_read_stats(port, stats);
	else
		plx_port_log(port, PLX_LOG_ERR, "plx_port_stats: stats is NULL");
	plx_port_leave();
	return stats ? 0 : -EINVAL;
}

/* ---- Named counters ---- */

/* What add() fills: a table; or with @want the value of the first one of that name. */
struct list {
	struct plx_port_xstat *xstats;
	unsigned room, nb;
	const char *want;
	uint64_t *value;
	bool is_found;
};

/* Adds "<prefix>q<queue>_<rest of the name>"; without the middle for @queue -1. */
static void add(struct list *list, const char *prefix, int queue, const char *name, uint64_t number,
		bool is_drop)
{
	struct plx_port_xstat one, *xstat = &one;
	char middle[16] = "";

	if (list->nb < list->room)
		xstat = &list->xstats[list->nb];
	list->nb++;
	if (list->want ? list->is_found : list->nb > list->room)
		return;
	if (strncmp(name, prefix, strlen(prefix)) == 0)
		name += strlen(prefix);
	if (queue >= 0)
		snprintf(middle, sizeof(middle), "q%d_", queue);
	snprintf(xstat->name, sizeof(xstat->name), "%s%s%.32s", prefix, middle, name);
	xstat->value = number;
	xstat->is_drop = is_drop;
	if (!list->want || strcmp(xstat->name, list->want) != 0)
		return;
	list->is_found = true;
	*list->value = number;
}

static const char *counter_name(const struct plx_port_counts *counts, enum plx_port_dir dir,
				unsigned i, bool *is_drop)
{
	const struct plx_port_counter *counter;

	if (i < counts->nb_standard) {
		*is_drop = standard_of(dir)[i].is_drop;
		return standard_of(dir)[i].name;
	}
	counter = &counts->table[i - counts->nb_standard];
	*is_drop = counter->is_drop;
	return counter->name;
}

static void add_queues(struct list *list, const struct plx_port *port, enum plx_port_dir dir)
{
	const struct plx_port_counts *counts = &port->inner->counts[dir];
	unsigned nb = dir == PLX_PORT_RX ? port->conf.nb_rx_queues : port->conf.nb_tx_queues;

	for (unsigned queue = 0; queue < nb; queue++) {
		for (unsigned i = 0; i < counts->nb; i++) {
			bool is_drop;
			const char *name = counter_name(counts, dir, i, &is_drop);

			add(list, prefixes[dir], (int)queue, name, value(port, dir, queue, i),
			    is_drop);
		}
	}
}

static void add_sums(struct list *list, const struct plx_port *port, enum plx_port_dir dir)
{
	const struct plx_port_counts *counts = &port->inner->counts[dir];

	for (unsigned i = counts->nb_standard; i < counts->nb; i++) {
		bool is_drop;
		const char *name = counter_name(counts, dir, i, &is_drop);

		add(list, prefixes[dir], -1, name, sum(port, dir, i), is_drop);
	}
}

static void read_xstats(struct plx_port *port, struct list *list)
{
	struct plx_port_stats stats;

	plx_port_read_stats(port, &stats);
	for (unsigned i = 0; i < STATS; i++)
		add(list, prefixes[i < PLX_PORT_RX_STATS ? PLX_PORT_RX : PLX_PORT_TX], -1,
		    standard[i].name, ((const uint64_t *)&stats)[i], standard[i].is_drop);
	for (int dir = 0; dir < PLX_PORT_DIRS; dir++)
		add_sums(list, port, (enum plx_port_dir)dir);
	for (unsigned i = 0; i < port->inner->nb_port_counters; i++)
		add(list, "", -1, port->inner->port_table[i].name,
		    port_counter(port, i) - port->inner->port_base[i],
		    port->inner->port_table[i].is_drop);
	for (int dir = 0; dir < PLX_PORT_DIRS; dir++)
		add_queues(list, port, (enum plx_port_dir)dir);
}

unsigned plx_port_read_xstats(struct plx_port *port, struct plx_port_xstat *xstats, unsigned room)
{
	struct list list = {.xstats = xstats, .room = room};

	read_xstats(port, &list);
	return list.nb;
}

int plx_port_xstats(unsigned id, struct plx_port_xstat *xstats, unsigned room)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_xstats");
	int ret = -EINVAL;

	if (!port)
		return -ENODEV;
	if (xstats || room == 0)
		ret = (int)plx_port_read_xstats(port, xstats, room);
	else
		plx_port_log(port, PLX_LOG_ERR, "plx_port_xstats: no room for %u", room);
	plx_port_leave();
	return ret;
}

static int find_xstat(struct plx_port *port, const char *name, uint64_t *out)
{
	struct list list = {.want = name, .value = out};

	read_xstats(port, &list);
	return list.is_found ? 0 : -ENOENT;
}

int plx_port_xstat(unsigned id, const char *name, uint64_t *out)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_xstat");
	int ret = -EINVAL;

	if (!port)
		return -ENODEV;
	if (name && out)
		ret = find_xstat(port, name, out);
	else
		plx_port_log(port, PLX_LOG_ERR, "plx_port_xstat: name or value is NULL");
	plx_port_leave();
	return ret;
}

/* ---- Reset ---- */

int plx_port_stats_reset(unsigned id)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_stats_reset");
	struct plx_port_private *inner;

	if (!port)
		return -ENODEV;
	inner = port->inner;
	update_outside(port);
	for (int dir = 0; dir < PLX_PORT_DIRS; dir++) {
		struct plx_port_counts *counts = &inner->counts[dir];

		for (unsigned i = 0; i < PLX_PORT_QUEUES_MAX * counts->nb; i++)
			/* Release: pairs with the acquire in queue_stats(). */
			plx_store_release(&counts->base[i],
					  raw_value(port, (enum plx_port_dir)dir, i / counts->nb,
						    i % counts->nb));
	}
	inner->outside_base = port->outside;
	inner->stray_base = plx_load_relaxed(&inner->stray);
	for (unsigned i = 0; i < inner->nb_port_counters; i++)
		inner->port_base[i] = port_counter(port, i);
	plx_port_leave();
	return 0;
}

/* ---- One queue: no lock ---- */

static int read_queue(unsigned id, enum plx_port_dir dir, unsigned queue, uint64_t *out)
{
	struct plx_port *port = plx_port_slot(id);
	const struct plx_port_counts *counts = &plx_port_privates[id].counts[dir];
	void *at;

	if (!plx_port_is_valid(id))
		return -ENODEV;
	at = plx_port_queue(port, dir, queue);
	if (!at)
		return -EINVAL;
	for (unsigned i = 0; i < counts->nb_standard; i++) {
		uint64_t base = plx_load_acquire(&counts->base[queue * counts->nb + i]);

		out[i] = plx_load_relaxed(word_of(counts, at, i)) - base;
	}
	return 0;
}

static int queue_stats(unsigned id, enum plx_port_dir dir, unsigned queue, uint64_t *out,
		       const char *call)
{
	int ret;

	if (id >= PLX_PORT_MAX)
		return plx_port_none(id, call);
	if (!out || queue >= PLX_PORT_QUEUES_MAX) {
		ret = plx_port_is_valid(id) ? -EINVAL : -ENODEV;
	} else {
		plx_port_pin(id);
		ret = read_queue(id, dir, queue, out);
		plx_port_unpin(id);
	}
	if (ret == -ENODEV)
		return plx_port_none(id, call);
	if (ret)
		plx_log(&plx_log_port, PLX_LOG_ERR, "%s: port %u: %s %u", call, id,
			out ? "no such queue, or not set up:" : "stats is NULL; queue", queue);
	return ret;
}

int plx_port_rxq_stats(unsigned port, unsigned queue, struct plx_port_rx_stats *stats)
{
	return queue_stats(port, PLX_PORT_RX, queue, (uint64_t *)stats, "plx_port_rxq_stats");
}

int plx_port_txq_stats(unsigned port, unsigned queue, struct plx_port_tx_stats *stats)
{
	return queue_stats(port, PLX_PORT_TX, queue, (uint64_t *)stats, "plx_port_txq_stats");
}
