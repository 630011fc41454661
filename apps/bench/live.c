/* SPDX-License-Identifier: BSD-3-Clause */
/* One line that is written over on a terminal; elsewhere a line for each load of a pair. On stderr:
 * stdout has the report. */
#include <string.h>
#include <unistd.h>

#include "bench.h"

static struct {
	bool on, terminal;
	uint64_t start_ns;
	double seconds; /* in all, as planned */
	struct run run;
	unsigned nb_repeats;
} live;

static const char erase[] = "\r\033[K";

static double elapsed(void)
{
	return (double)(plx_clock_now_ns() - live.start_ns) / 1e9;
}

void live_start(double seconds, bool quiet)
{
	live.on = !quiet;
	live.terminal = isatty(STDERR_FILENO);
	live.start_ns = plx_clock_now_ns();
	live.seconds = seconds;
}

static void tell_head(void)
{
	const double now = elapsed(), left = live.seconds > now ? live.seconds - now : 0;
	const double percent = live.seconds > 0 ? 100 * now / live.seconds : 100;

	fprintf(stderr, "%3.0f %%  %d:%02d left  %s %s at %s, %u/%u%s", percent < 99 ? percent : 99,
		(int)left / 60, (int)left % 60,
		live.run.together ? "all pairs" : live.run.pair->conf->name, live.run.mix->text,
		live.run.load, live.run.repeat, live.nb_repeats, live.run.stress ? ", stress" : "");
}

void live_run(const struct run *run, unsigned nb_repeats)
{
	live.run = *run;
	live.nb_repeats = nb_repeats;
	/* Elsewhere one line for all repeats of the pairs. */
	if (!live.on || (!live.terminal && run->repeat > 1))
		return;
	if (live.terminal)
		fputs(erase, stderr);
	tell_head();
	if (!live.terminal)
		fputc('\n', stderr);
	fflush(stderr);
}

void live_tick(uint64_t received, double seconds)
{
	if (!live.on || !live.terminal || !live.run.pair)
		return;
	fputs(erase, stderr);
	tell_head();
	fprintf(stderr, "  %.3f Mpps", (double)received / seconds / 1e6);
	fflush(stderr);
}

void live_stop(void)
{
	if (live.on && live.terminal)
		fputs(erase, stderr);
	live.on = false;
}
