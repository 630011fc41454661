/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx_stop_flag is a set of bits, changed by single atomic operations only: the handler may
 * interrupt anything.
 */
#include <pollux/stop.h>

#include "lcore_private.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

enum {
	BY_CALL = 1,
	BY_SIGNAL = 2,
	BY_EAL = 4, /* plx_eal_fini() */
};

int plx_stop_flag;

static const int signals[] = {SIGINT, SIGTERM};
static struct sigaction saved[PLX_ARRAY_SIZE(signals)];
static bool handlers_on;

extern inline bool plx_stop_requested(void);

void plx_stop_request(void)
{
	plx_fetch_or_relaxed(&plx_stop_flag, BY_CALL);
}

void plx_stop_demand(void)
{
	plx_fetch_or_relaxed(&plx_stop_flag, BY_EAL);
}

void plx_stop_retract(void)
{
	plx_fetch_and_relaxed(&plx_stop_flag, ~BY_EAL);
}

void plx_stop_reset(void)
{
	plx_store_relaxed(&plx_stop_flag, 0);
}

/* Async-signal-safe: sigaction and raise are; the raised signal comes when this one returns. */
static void on_signal(int sig)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	int saved_errno = errno;

	if ((plx_fetch_or_relaxed(&plx_stop_flag, BY_SIGNAL) & BY_SIGNAL) != 0) {
		sigaction(sig, &dfl, NULL);
		raise(sig);
	}
	errno = saved_errno;
}

int plx_stop_on_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	size_t i;
	int err;

	if (handlers_on)
		return 0;
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < PLX_ARRAY_SIZE(signals); i++)
		sigaddset(&sa.sa_mask, signals[i]);
	for (i = 0; i < PLX_ARRAY_SIZE(signals); i++)
		if (sigaction(signals[i], &sa, &saved[i]) != 0)
			goto restore;
	handlers_on = true;
	return 0;

restore:
	err = errno;
	LOG_ERR("can't install a handler for signal %d: %s", signals[i], strerror(err));
	while (i-- > 0)
		sigaction(signals[i], &saved[i], NULL);
	return -err;
}

void plx_stop_off_signals(void)
{
	size_t i;

	if (!handlers_on)
		return;
	for (i = 0; i < PLX_ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &saved[i], NULL);
	handlers_on = false;
}
