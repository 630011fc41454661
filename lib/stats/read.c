/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads all counters. Nothing on the data path waits for it: the port layer's lock is the control
 * path's, and busy words are only loaded.
 */
#include "stats_private.h"

#include <errno.h>
#include <pollux/busy.h>
#include <pollux/clock.h>
#include <pollux/lcore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static_assert(PLX_PORT_MAX <= 64, "plx_stats_conf.ports has a bit for each");

static uint64_t unix_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Make room for @want; 0 or -ENOMEM. */
static int grow(void **list, unsigned *room, unsigned want, size_t size)
{
	void *more;

	if (want <= *room)
		return 0;
	more = realloc(*list, want * size);
	if (!more)
		return -ENOMEM;
	*list = more;
	*room = want;
	return 0;
}

/* Returns how many there are, below 0: -ENOMEM, or the port went away. */
static int read_xstats(unsigned port, struct stats_xstats *xstats)
{
	int nb = plx_port_xstats(port, xstats->list, xstats->room);
	int ret;

	while (nb > 0 && (unsigned)nb > xstats->room) {
		ret = grow((void **)&xstats->list, &xstats->room, (unsigned)nb,
			   sizeof(*xstats->list));
		if (ret)
			return ret;
		nb = plx_port_xstats(port, xstats->list, xstats->room);
	}
	return nb;
}

/* ---- what a name means ---- */

static const char *const sums[STATS_SUMS] = {"rx_missed", "rx_errors", "tx_errors", "tx_dropped"};

/* Which of the sums; STATS_SUMS: none. @bare: without what is before the underscore. */
static unsigned sum_of(const char *name, bool is_tx, bool is_bare)
{
	unsigned sum = is_tx ? 2 : 0, end = is_tx ? STATS_SUMS : 2;

	while (sum < end && strcmp(name, is_bare ? &sums[sum][3] : sums[sum]) != 0)
		sum++;
	return sum < end ? sum : STATS_SUMS;
}

/* Whose counter it is: of the port ("rx_missed") or of a queue ("rx_q12_missed"). @rest: what
 * comes after that. NULL: of neither direction, or no such queue. */
static struct stats_count *count_of(struct stats_port_reading *reading, const char *name,
				    const char **rest)
{
	bool is_tx = strncmp(name, "tx_", 3) == 0;
	unsigned nb = is_tx ? reading->info.nb_tx_queues : reading->info.nb_rx_queues;
	unsigned long queue;
	char *end;

	if (!is_tx && strncmp(name, "rx_", 3) != 0)
		return NULL;
	*rest = &name[3];
	if (name[3] != 'q' || name[4] < '0' || name[4] > '9')
		return is_tx ? &reading->tx : &reading->rx;
	queue = strtoul(&name[4], &end, 10);
	if (*end != '_' || queue >= nb)
		return NULL;
	*rest = end + 1;
	return is_tx ? &reading->tx_queues[queue] : &reading->rx_queues[queue];
}

static void take_standard(struct stats_port_reading *reading, const struct plx_port_xstat *xstat)
{
	const char *rest;
	struct stats_count *count = count_of(reading, xstat->name, &rest);

	if (!count)
		return;
	if (strcmp(rest, "packets") == 0)
		count->packets = xstat->value;
	else if (strcmp(rest, "bytes") == 0)
		count->bytes = xstat->value;
	else if (sum_of(rest, xstat->name[0] == 't', true) < STATS_SUMS)
		count->lost += xstat->value;
}

static void add_cause(struct stats_port_reading *reading, const char *name, uint64_t count)
{
	struct stats_cause *cause = &reading->causes[reading->nb_causes++];

	snprintf(cause->name, sizeof(cause->name), "%s", name);
	cause->count = count;
}

static void take_cause(struct stats_port_reading *reading, const struct plx_port_xstat *xstat)
{
	unsigned sum = sum_of(xstat->name, xstat->name[0] == 't', false);

	if (sum < STATS_SUMS)
		reading->causes[sum].count = xstat->value;
	else if (xstat->is_drop)
		add_cause(reading, xstat->name, xstat->value);
}

/* 0, -ENOMEM, or another error: the port went away just now. */
static int read_port(unsigned port, struct stats_xstats *xstats, struct stats_port_reading *reading)
{
	int nb, ret;

	reading->port = port;
	ret = plx_port_info(port, &reading->info);
	if (ret == 0)
		ret = plx_port_link(port, &reading->link);
	if (ret)
		return ret;
	reading->time_ns = plx_clock_now_ns();
	nb = read_xstats(port, xstats);
	if (nb < 0)
		return nb;
	ret = grow((void **)&reading->causes, &reading->room_causes, (unsigned)nb + STATS_SUMS,
		   sizeof(*reading->causes));
	if (ret)
		return ret;
	memset(&reading->rx, 0, sizeof(reading->rx));
	memset(&reading->tx, 0, sizeof(reading->tx));
	memset(reading->rx_queues, 0, sizeof(reading->rx_queues));
	memset(reading->tx_queues, 0, sizeof(reading->tx_queues));
	reading->nb_causes = 0;
	for (unsigned i = 0; i < STATS_SUMS; i++)
		add_cause(reading, sums[i], 0);
	for (int i = 0; i < nb; i++) {
		take_standard(reading, &xstats->list[i]);
		take_cause(reading, &xstats->list[i]);
	}
	return 0;
}

/* ---- all of it ---- */

/* All of them, so that one has a load from the moment it is shown. */
static void read_lcores(struct stats_reading *reading)
{
	reading->nb_lcores = 0;
	for (unsigned id = 0; id < PLX_LCORE_MAX; id++) {
		struct stats_lcore_reading *lcore = &reading->lcores[reading->nb_lcores];

		if (id == plx_lcore_id() ||
		    (!plx_lcore_is_enabled(id) && !plx_lcore_is_registered(id)))
			continue;
		lcore->lcore = id;
		lcore->busy_cycles = plx_busy_cycles(id);
		lcore->cycles = plx_cycles();
		lcore->is_shown =
			lcore->busy_cycles > 0 || plx_lcore_state(id) == PLX_LCORE_RUNNING;
		reading->nb_lcores++;
	}
}

int stats_read(uint64_t ports, struct stats_xstats *xstats, struct stats_reading *reading)
{
	unsigned port;
	int ret;

	reading->time_ns = plx_clock_now_ns();
	reading->unix_ns = unix_ns();
	reading->nb_ports = 0;
	PLX_PORT_FOREACH(port) {
		if (ports != 0 && !(ports >> port & 1))
			continue;
		ret = read_port(port, xstats, &reading->ports[reading->nb_ports]);
		if (ret == -ENOMEM)
			return ret;
		if (ret == 0)
			reading->nb_ports++;
	}
	read_lcores(reading);
	return 0;
}

void stats_reading_free(struct stats_reading *reading)
{
	if (!reading)
		return;
	for (unsigned i = 0; i < PLX_PORT_MAX; i++)
		free(reading->ports[i].causes);
	free(reading);
}
