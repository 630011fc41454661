/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * clock.c keeps the time, clock_source.c asks who knows the counter's frequency and whether the
 * counter is fit for use. Everything asked goes through plx_clock_env, which unit tests replace.
 */
#ifndef EAL_CLOCK_PRIVATE_H
#define EAL_CLOCK_PRIVATE_H

#include "eal_private.h"

#include <pollux/clock.h>

struct plx_clock_env {
	const char *sys; /* where sysfs and procfs are mounted */
	const char *proc;
	/* regs: eax, ebx, ecx, edx. False: no such leaf on this architecture. */
	bool (*cpuid)(uint32_t leaf, uint32_t subleaf, uint32_t regs[4]);
};

extern struct plx_clock_env plx_clock_env;

struct plx_clock_fitness {
	bool trusted;
	bool invariant;
	const char *why; /* static; of a counter that is not trusted */
};

struct plx_clock_told {
	double hz; /* 0: nobody tells */
	double error_ppm;
	enum plx_clock_learned learned;
	const char *why; /* static */
};

struct plx_clock_fitness plx_clock_judge(void);
struct plx_clock_told plx_clock_ask(void);

/* plx_clock_now_ns() runs at this rate (ns for a cycle, 10.54) from now on. One caller at a
 * time. */
void plx_clock_bend(uint64_t mult);

/* The timer that refines the rate, written in init and by the timer itself. */
extern uint64_t plx_clock_timer;

/* Tests only: as if the rate learned were off by this part, with this error. */
void plx_clock_distort(double part, double new_error_ppm);

#endif
