/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time in cycles. On x86-64 a cycle is one tick of the TSC, on aarch64 one of the virtual counter.
 * Where the TSC is not to be trusted (it changes with power states, or the kernel found it
 * unstable) the EAL says so in a warning and a "cycle" is a nanosecond of CLOCK_MONOTONIC_RAW: all
 * calls below stay correct, plx_cycles() is then a call into the vDSO, or a system call where the
 * kernel's own clock can't be read from user space.
 *
 * The frequency comes from CPUID, the hypervisor or the kernel where one of them tells it; else
 * from two pairs of (cycles, CLOCK_MONOTONIC_RAW) taken at the first and last step of
 * plx_eal_init(), some milliseconds apart. Either way the pairs taken later sharpen it: 0.1, 1, 10,
 * then every 60 seconds on the control thread. plx_clock_info() says how wrong it may be.
 */
#ifndef POLLUX_CLOCK_H
#define POLLUX_CLOCK_H

#include <pollux/atomic.h>
#include <pollux/compiler.h>
#include <stdbool.h>

PLX_BEGIN_DECLS

/* Private to the calls below. */
extern PLX_API int plx_clock_fallback;	   /* 1: CLOCK_MONOTONIC_RAW stands in for the counter */
extern PLX_API uint64_t plx_clock_ns_mult; /* ns for a cycle, 10.54 fixed point */
extern PLX_API uint64_t plx_clock_cycles_mult; /* cycles for a ns, 10.54 fixed point */

enum { PLX_CLOCK_SHIFT = 54 };

__extension__ typedef unsigned __int128 plx_clock_u128;

/** CLOCK_MONOTONIC_RAW in nanoseconds, by the kernel's own clock. Any thread. */
PLX_API uint64_t plx_clock_raw_ns(void);

/**
 * The cycle counter, as fast as it can be read. The CPU may read it earlier or later than the
 * program says by some tens of instructions; plx_cycles_ordered() does not let it.
 *
 * Units   cycles, plx_cycles_hz() of them a second; only differences mean something.
 * Thread  any; the counters of all CPUs agree where plx_clock_info() says it is trusted.
 */
PLX_INLINE uint64_t plx_cycles(void)
{
#if defined(__x86_64__)
	if (plx_likely(!plx_load_relaxed(&plx_clock_fallback)))
		return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t now;

	if (plx_likely(!plx_load_relaxed(&plx_clock_fallback))) {
		__asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
		return now;
	}
#endif
	return plx_clock_raw_ns();
}

/**
 * The cycle counter, read after all earlier instructions have completed and before any later one
 * starts: for the start and the end of a measurement. Costs some tens of cycles more.
 */
PLX_INLINE uint64_t plx_cycles_ordered(void)
{
	uint64_t now;

#if defined(__x86_64__)
	__builtin_ia32_lfence();
	now = plx_cycles();
	__builtin_ia32_lfence();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
	now = plx_cycles();
	__asm__ volatile("isb" ::: "memory");
#else
	now = plx_cycles();
#endif
	return now;
}

/** Cycles a second, the best that is known now; 0 before the first plx_eal_init(). Any thread. */
PLX_API uint64_t plx_cycles_hz(void);

PLX_INLINE uint64_t plx_clock_scale(uint64_t value, uint64_t mult)
{
	plx_clock_u128 scaled = ((plx_clock_u128)value * mult) >> PLX_CLOCK_SHIFT;

	return plx_unlikely((uint64_t)(scaled >> 64) != 0) ? UINT64_MAX : (uint64_t)scaled;
}

/**
 * A number of cycles in nanoseconds, rounded down. Exact to the stated error over the whole range;
 * what does not fit is UINT64_MAX. 0 before the first plx_eal_init(). Any thread.
 */
PLX_INLINE uint64_t plx_cycles_to_ns(uint64_t cycles)
{
	return plx_clock_scale(cycles, plx_load_relaxed(&plx_clock_ns_mult));
}

/** Nanoseconds in cycles, rounded down; as plx_cycles_to_ns() otherwise. */
PLX_INLINE uint64_t plx_ns_to_cycles(uint64_t ns)
{
	return plx_clock_scale(ns, plx_load_relaxed(&plx_clock_cycles_mult));
}

/**
 * Nanoseconds that never go backwards, in no thread and between threads, whatever is learned about
 * the frequency meanwhile: a new frequency counts from the moment it is known on. Began as
 * CLOCK_MONOTONIC_RAW at plx_eal_init() and stays within the error that was stated at each time.
 * Takes no lock and makes no system call; costs about three plx_cycles().
 *
 * Returns CLOCK_MONOTONIC_RAW when the EAL does not run.
 * Thread  any.
 */
PLX_API uint64_t plx_clock_now_ns(void);

/**
 * Spin, with the CPU's pause instruction, for at least this long. Works before plx_eal_init() too.
 * No upper bound but the type's: a plx_delay_us() beyond 2^64 ns (584 years) is cut to that.
 *
 * Thread  any. It occupies its CPU: for hardware that wants some microseconds, not for sleeping.
 */
PLX_API void plx_delay_ns(uint64_t ns);
PLX_API void plx_delay_us(uint64_t us);

enum plx_clock_source {
	PLX_CLOCK_TSC,	    /* x86-64's time stamp counter */
	PLX_CLOCK_CNTVCT,   /* aarch64's virtual counter */
	PLX_CLOCK_MONO_RAW, /* the kernel's CLOCK_MONOTONIC_RAW */
};

/* Who told the frequency. */
enum plx_clock_learned {
	PLX_CLOCK_BY_NONE,	 /* the EAL was never started */
	PLX_CLOCK_BY_DEFINITION, /* nanoseconds */
	PLX_CLOCK_BY_CPUID,	 /* leaf 15h, or aarch64's cntfrq_el0 */
	PLX_CLOCK_BY_HYPERVISOR, /* leaf 40000010h */
	PLX_CLOCK_BY_KERNEL,	 /* sysfs or /proc/cpuinfo */
	PLX_CLOCK_BY_STAMPS,	 /* measured against CLOCK_MONOTONIC_RAW */
};

struct plx_clock_info {
	enum plx_clock_source source;
	enum plx_clock_learned learned;
	uint64_t hz;
	double error_ppm;     /* hz is within this of what CLOCK_MONOTONIC_RAW says */
	uint64_t baseline_ns; /* between the oldest and the newest pair of stamps */
	bool invariant;	      /* runs at one rate in all power states */
	const char *why;      /* one line: how it was learned, or why the TSC is not trusted */
};

/**
 * Describe the clock.
 *
 * @info   out; the string is static
 *
 * Returns 0, -EINVAL (NULL).
 * Thread  any. Takes a lock.
 */
PLX_API int plx_clock_info(struct plx_clock_info *info);

/** "TSC", "CNTVCT", "CLOCK_MONOTONIC_RAW"; "?" for anything else. */
PLX_API const char *plx_clock_source_name(enum plx_clock_source source);

/** "CPUID", "hypervisor", "kernel", "stamps", "definition", "none"; "?" for anything else. */
PLX_API const char *plx_clock_learned_name(enum plx_clock_learned learned);

/**
 * Take a pair of stamps now and use it: the longer ago plx_eal_init() was, the better. The control
 * thread does this on its own; a measuring program may want to right before it begins. Does not
 * sleep. Finds out when the counter has jumped too (suspend, live migration): that is logged and
 * measuring begins anew.
 *
 * Returns 0, -ENODEV (the EAL does not run).
 * Thread  any. Takes a lock; never makes a reader wait.
 */
PLX_API int plx_clock_refine(void);

PLX_END_DECLS

#endif
