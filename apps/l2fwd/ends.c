/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ends of a run that nobody interrupts: after some seconds, after some packets, or when every
 * input is at its end. All of it runs in the control thread, none of it in the forwarding loops.
 */
#include "l2fwd.h"

#include <string.h>

enum { LOOK_NS = 1000000 };

static struct {
	const struct options *opts;
	uint64_t seconds_timer, look_timer; /* 0: none */
} ends;

static void time_is_over(void *arg)
{
	(void)arg;
	plx_stop_request();
}

static bool is_used(unsigned port)
{
	return ends.opts->ports >> port & 1;
}

static uint64_t nb_received(void)
{
	uint64_t nb = 0;

	for (unsigned port = 0; port < PLX_PORT_MAX; port++) {
		struct plx_port_rx_stats rx;

		if (is_used(port) && plx_port_rxq_stats(port, 0, &rx) == 0)
			nb += rx.packets;
	}
	return nb;
}

/* rx_eof counts ends of files; a port that has none to read is at its end from the start. */
static bool all_at_eof(void)
{
	for (unsigned port = 0; port < PLX_PORT_MAX; port++) {
		uint64_t nb_ends = 0;

		if (is_used(port) && (plx_port_xstat(port, "rx_eof", &nb_ends) || nb_ends == 0))
			return false;
	}
	return true;
}

static void look(void *arg)
{
	(void)arg;
	if ((ends.opts->nb_packets && nb_received() >= ends.opts->nb_packets) ||
	    (ends.opts->until_eof && all_at_eof()))
		plx_stop_request();
}

int ends_watch(const struct options *opts)
{
	int ret = 0;

	ends.opts = opts;
	if (opts->seconds)
		ret = plx_ctl_timer_add(opts->seconds * UINT64_C(1000000000), 0, time_is_over, NULL,
					&ends.seconds_timer);
	if (ret == 0 && (opts->nb_packets || opts->until_eof))
		ret = plx_ctl_timer_add(LOOK_NS, LOOK_NS, look, NULL, &ends.look_timer);
	return ret;
}

void ends_unwatch(void)
{
	if (ends.seconds_timer)
		plx_ctl_timer_del(ends.seconds_timer);
	if (ends.look_timer)
		plx_ctl_timer_del(ends.look_timer);
	memset(&ends, 0, sizeof(ends));
}
