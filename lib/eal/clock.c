/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frequency is the best of what was told and what the oldest and the newest stamp give; a stamp
 * is a pair (cycles, CLOCK_MONOTONIC_RAW) with the gap within which both were read.
 *
 * plx_clock_now_ns() follows a line with one bend: the old rate before it, the new one after. A new
 * line is published with its bend still open; whoever sees it first, reader or writer, closes it
 * with the present cycle count. So the bend is never before the publication; and a reader that
 * finds a newer line after it took its cycle count starts again, so no count after the publication
 * is ever put on the old line. Time is continuous for everybody, however long a writer was
 * preempted.
 *
 * There are two lines, written in turn. Fields are stored with release and loaded with acquire, so
 * that whoever sees a field of a line under construction also sees that its own is outdated.
 */
#include "clock_private.h"

#include <pollux/ctl.h>

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

enum {
	NB_LINES = 2,
	STAMP_TRIES = 16,
};

/* What a change of the rate between two estimates may be before the counter must have jumped:
 * CLOCK_MONOTONIC_RAW of a guest wanders by less. */
static const double jump_ppm = 50;
static const double error_floor_ppm = 0.001;
/* An estimate has to be better by a tenth than the one before: each new rate bends the line, which
 * costs a nanosecond's fraction, so a program that refines all the time must not bend all the time.
 *  */
static const double better = 0.9;

static const uint64_t refine_first_ns = UINT64_C(100) * 1000 * 1000;
static const uint64_t refine_last_ns = UINT64_C(60) * 1000 * 1000 * 1000;

struct stamp {
	uint64_t cycles;
	uint64_t raw_ns;
	uint64_t gap_cycles;
};

struct line {
	uint64_t base_cycles;
	uint64_t base_ns;
	uint64_t mult_before; /* ns for a cycle, as plx_clock_ns_mult */
	uint64_t mult_after;
	uint64_t bend_cycles; /* or open_bend() */
};

int plx_clock_fallback;
uint64_t plx_clock_ns_mult;
uint64_t plx_clock_cycles_mult;

static struct line lines[NB_LINES];
static uint64_t line_seq; /* of the newest line, lines[line_seq % NB_LINES]; 0: the EAL is off */

/* Of a known hz: kept over plx_eal_fini(), the longer the baseline the better. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool running;
static struct plx_clock_fitness fitness;
static double hz, error_ppm;
static uint64_t hz_rounded; /* for readers without the lock */
static enum plx_clock_learned learned;
static const char *why;
static struct stamp oldest, newest;
static uint64_t refine_wait_ns;
uint64_t plx_clock_timer;

extern inline uint64_t plx_cycles(void);
extern inline uint64_t plx_cycles_ordered(void);
extern inline uint64_t plx_clock_scale(uint64_t value, uint64_t mult);
extern inline uint64_t plx_cycles_to_ns(uint64_t cycles);
extern inline uint64_t plx_ns_to_cycles(uint64_t ns);

uint64_t plx_clock_raw_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- the line ---- */

static uint64_t along(uint64_t ns, uint64_t from, uint64_t to, uint64_t mult)
{
	/* A CPU's counter may be some cycles behind the one that the line was drawn by. */
	if (plx_unlikely((int64_t)(to - from) < 0))
		return ns - plx_clock_scale(from - to, mult);
	return ns + plx_clock_scale(to - from, mult);
}

/* An open bend is marked with its line's number: a reader that was asleep can't close another's. */
static uint64_t open_bend(uint64_t seq)
{
	return UINT64_C(1) << 63 | seq;
}

static uint64_t bend_of(struct line *line, uint64_t seq)
{
	uint64_t bend = plx_load_acquire(&line->bend_cycles), now, open = open_bend(seq);

	if (plx_unlikely(bend == open)) {
		now = plx_cycles_ordered();
		if (plx_cas_acq_rel(&line->bend_cycles, &open, now))
			return now;
		bend = plx_load_acquire(&line->bend_cycles);
	}
	return bend;
}

uint64_t plx_clock_now_ns(void)
{
	uint64_t seq, base, ns, before, after, bend, now;
	struct line *line;

	do {
		seq = plx_load_acquire(&line_seq); /* with publish()'s release */
		if (plx_unlikely(seq == 0))
			return plx_clock_raw_ns();
		line = &lines[seq % NB_LINES];
		base = plx_load_acquire(&line->base_cycles);
		ns = plx_load_acquire(&line->base_ns);
		before = plx_load_acquire(&line->mult_before);
		after = plx_load_acquire(&line->mult_after);
		bend = bend_of(line, seq);
		now = plx_cycles_ordered();
	} while (plx_unlikely(plx_load_relaxed(&line_seq) != seq));

	if (plx_unlikely((int64_t)(now - bend) < 0))
		return along(ns, base, now, before);
	return along(along(ns, base, bend, before), bend, now, after);
}

/* @bend: 0 leaves it open. */
static void publish(uint64_t base, uint64_t ns, uint64_t before, uint64_t after, uint64_t bend)
{
	uint64_t seq = plx_load_relaxed(&line_seq) + 1;
	struct line *line = &lines[seq % NB_LINES];

	plx_store_release(&line->base_cycles, base);
	plx_store_release(&line->base_ns, ns);
	plx_store_release(&line->mult_before, before);
	plx_store_release(&line->mult_after, after);
	plx_store_release(&line->bend_cycles, bend != 0 ? bend : open_bend(seq));
	plx_store_release(&line_seq, seq); /* with plx_clock_now_ns()'s acquire */
	bend_of(line, seq);
}

/* From its bend on the old line is a straight one: the new one's first half. */
void plx_clock_bend(uint64_t mult)
{
	struct line *old = &lines[plx_load_relaxed(&line_seq) % NB_LINES];
	uint64_t ns = along(old->base_ns, old->base_cycles, old->bend_cycles, old->mult_before);

	publish(old->bend_cycles, ns, old->mult_after, mult, 0);
}

/* ---- the rate ---- */

static struct stamp take_stamp(void)
{
	struct stamp best = {.gap_cycles = UINT64_MAX};
	uint64_t before, after, raw_ns;
	int i;

	for (i = 0; i < STAMP_TRIES; i++) {
		before = plx_cycles_ordered();
		raw_ns = plx_clock_raw_ns();
		after = plx_cycles_ordered();
		if (after - before < best.gap_cycles) {
			best.gap_cycles = after - before;
			best.cycles = before + best.gap_cycles / 2;
			best.raw_ns = raw_ns;
		}
	}
	return best;
}

static void set_rate(double new_hz, double new_error_ppm, enum plx_clock_learned by,
		     const char *reason)
{
	const double one = (double)(UINT64_C(1) << PLX_CLOCK_SHIFT);

	hz = new_hz;
	plx_store_relaxed(&hz_rounded, (uint64_t)(new_hz + 0.5));
	error_ppm = new_error_ppm > error_floor_ppm ? new_error_ppm : error_floor_ppm;
	learned = by;
	why = reason;
	plx_store_relaxed(&plx_clock_ns_mult, (uint64_t)(1e9 / hz * one));
	plx_store_relaxed(&plx_clock_cycles_mult, (uint64_t)(hz / 1e9 * one));
}

static void jumped(double off_ppm)
{
	LOG_WARN("clock: the counter's rate seems to have changed by %.0f ppm (suspend, live "
		 "migration?): measuring it anew",
		 off_ppm);
	oldest = newest;
	learned = PLX_CLOCK_BY_STAMPS;
	error_ppm = off_ppm;
	why = "an earlier rate: the counter has jumped since";
}

/* Use `newest`. Lock held. */
static void learn(void)
{
	static const char *const by_stamps = "measured against CLOCK_MONOTONIC_RAW";
	double ns = (double)(newest.raw_ns - oldest.raw_ns);
	double cycles = (double)(newest.cycles - oldest.cycles);
	double measured, slack_ns, slack_ppm, off_ppm;

	if (newest.raw_ns <= oldest.raw_ns)
		return;
	if (newest.cycles <= oldest.cycles) {
		jumped(1e6);
		return;
	}
	measured = cycles / ns * 1e9;
	slack_ns = (double)(newest.gap_cycles + oldest.gap_cycles) / 2 / measured * 1e9 + 2;
	slack_ppm = slack_ns / ns * 1e6;
	if (hz == 0) {
		set_rate(measured, slack_ppm, PLX_CLOCK_BY_STAMPS, by_stamps);
		return;
	}
	off_ppm = fabs(measured / hz - 1) * 1e6;
	if (learned != PLX_CLOCK_BY_STAMPS && off_ppm > error_ppm + slack_ppm + 1) {
		LOG_WARN("clock: %.6f MHz by %s, but %.6f MHz by CLOCK_MONOTONIC_RAW, which is "
			 "used",
			 hz / 1e6, why, measured / 1e6);
		set_rate(measured, slack_ppm, PLX_CLOCK_BY_STAMPS, by_stamps);
	} else if (off_ppm > error_ppm + slack_ppm + jump_ppm) {
		jumped(off_ppm);
	} else if (slack_ppm < error_ppm * better) {
		if (off_ppm > error_ppm + slack_ppm) /* it wanders */
			slack_ppm = off_ppm;
		set_rate(measured, slack_ppm, PLX_CLOCK_BY_STAMPS, by_stamps);
	}
}

int plx_clock_refine(void)
{
	uint64_t before;
	int err = -ENODEV;

	pthread_mutex_lock(&lock);
	if (running) {
		err = 0;
		before = plx_clock_ns_mult;
		if (!plx_clock_fallback) {
			newest = take_stamp();
			learn();
		}
		if (plx_clock_ns_mult != before)
			plx_clock_bend(plx_clock_ns_mult);
	}
	pthread_mutex_unlock(&lock);
	return err;
}

static void refine_later(void *arg)
{
	(void)arg;
	plx_clock_refine();
	refine_wait_ns =
		refine_wait_ns >= refine_last_ns / 10 ? refine_last_ns : refine_wait_ns * 10;
	plx_ctl_timer_add(refine_wait_ns, 0, refine_later, NULL, &plx_clock_timer);
}

/* ---- start and stop ---- */

static enum plx_clock_source source(void)
{
#if defined(__x86_64__)
	return plx_clock_fallback ? PLX_CLOCK_MONO_RAW : PLX_CLOCK_TSC;
#elif defined(__aarch64__)
	return plx_clock_fallback ? PLX_CLOCK_MONO_RAW : PLX_CLOCK_CNTVCT;
#else
	return PLX_CLOCK_MONO_RAW;
#endif
}

static void begin_fallback(void)
{
	LOG_WARN("clock: %s; CLOCK_MONOTONIC_RAW is used instead", fitness.why);
	plx_store_relaxed(&plx_clock_fallback, 1);
	set_rate(1e9, 0, PLX_CLOCK_BY_DEFINITION, fitness.why);
	error_ppm = 0;
}

int plx_clock_init(void)
{
	struct plx_clock_told told;

	pthread_mutex_lock(&lock);
	if (hz == 0) {
		fitness = plx_clock_judge();
		plx_store_relaxed(&plx_clock_fallback, 0);
		if (!fitness.trusted) {
			begin_fallback();
		} else {
			oldest = take_stamp();
			told = plx_clock_ask();
			if (told.hz > 0)
				set_rate(told.hz, told.error_ppm, told.learned, told.why);
		}
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

void plx_clock_calibrate(void)
{
	pthread_mutex_lock(&lock);
	newest = take_stamp();
	if (!plx_clock_fallback)
		learn();
	publish(newest.cycles, newest.raw_ns, plx_clock_ns_mult, plx_clock_ns_mult, newest.cycles);
	running = true;
	pthread_mutex_unlock(&lock);
	LOG_INFO("clock: %s at %.6f MHz, within %.3g ppm (%s)", plx_clock_source_name(source()),
		 hz / 1e6, error_ppm, why);
	if (plx_clock_fallback)
		return;
	refine_wait_ns = refine_first_ns;
	if (plx_ctl_timer_add(refine_wait_ns, 0, refine_later, NULL, &plx_clock_timer) != 0)
		LOG_WARN("clock: no timer for refining the frequency, it stays as it is");
}

void plx_clock_fini(void)
{
	pthread_mutex_lock(&lock);
	running = false;
	plx_store_release(&line_seq, 0);
	pthread_mutex_unlock(&lock);
}

void plx_clock_forked(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	plx_clock_fini();
}

void plx_clock_distort(double part, double new_error_ppm)
{
	pthread_mutex_lock(&lock);
	set_rate(hz * (1 + part), new_error_ppm, learned, why);
	pthread_mutex_unlock(&lock);
}

/* ---- what there is ---- */

uint64_t plx_cycles_hz(void)
{
	return plx_load_relaxed(&hz_rounded);
}

int plx_clock_info(struct plx_clock_info *info)
{
	if (info == NULL)
		return -EINVAL;
	pthread_mutex_lock(&lock);
	info->source = source();
	info->learned = learned;
	info->hz = hz_rounded;
	info->error_ppm = error_ppm;
	info->baseline_ns = plx_clock_fallback ? 0 : newest.raw_ns - oldest.raw_ns;
	info->invariant = fitness.invariant;
	info->why = why != NULL ? why : "the EAL was never started";
	pthread_mutex_unlock(&lock);
	return 0;
}

const char *plx_clock_source_name(enum plx_clock_source which)
{
	switch (which) {
	case PLX_CLOCK_TSC:
		return "TSC";
	case PLX_CLOCK_CNTVCT:
		return "CNTVCT";
	case PLX_CLOCK_MONO_RAW:
		return "CLOCK_MONOTONIC_RAW";
	}
	return "?";
}

const char *plx_clock_learned_name(enum plx_clock_learned by)
{
	switch (by) {
	case PLX_CLOCK_BY_NONE:
		return "none";
	case PLX_CLOCK_BY_DEFINITION:
		return "definition";
	case PLX_CLOCK_BY_CPUID:
		return "CPUID";
	case PLX_CLOCK_BY_HYPERVISOR:
		return "hypervisor";
	case PLX_CLOCK_BY_KERNEL:
		return "kernel";
	case PLX_CLOCK_BY_STAMPS:
		return "stamps";
	}
	return "?";
}

/* ---- delay ---- */

static void delay_raw(uint64_t ns)
{
	uint64_t start = plx_clock_raw_ns();

	while (plx_clock_raw_ns() - start < ns)
		plx_pause();
}

void plx_delay_ns(uint64_t ns)
{
	uint64_t start, cycles;

	if (plx_load_relaxed(&plx_clock_cycles_mult) == 0) {
		delay_raw(ns);
		return;
	}
	start = plx_cycles();
	cycles = plx_ns_to_cycles(ns);
	while (plx_cycles() - start <= cycles)
		plx_pause();
}

void plx_delay_us(uint64_t us)
{
	plx_delay_ns(us > UINT64_MAX / 1000 ? UINT64_MAX : us * 1000);
}
