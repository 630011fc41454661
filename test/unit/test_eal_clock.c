/* SPDX-License-Identifier: BSD-3-Clause */
/* The clock: who tells the frequency, trust, conversions, refining, the fallback, delays. */
#include "clock_private.h"
#include "eal_log.h"
#include "eal_run.h"
#include "eal_tree.h"

#include <errno.h>
#include <pollux/ctl.h>

#define SOURCE "devices/system/clocksource/clocksource0/"

static const uint64_t ms = 1000000;

/* ---- a CPU, a hypervisor and a kernel of our own ---- */

static struct {
	bool none; /* no CPUID on this architecture */
	bool hypervisor;
	bool invariant;
	uint32_t leaf_max, hv_leaf_max;
	uint32_t crystal[3]; /* leaf 15h */
	uint32_t hv_khz;
} cpu;

static bool fake_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
	(void)subleaf;
	memset(regs, 0, 4 * sizeof(regs[0]));
	if (cpu.none)
		return false;
	if (leaf == 0) {
		regs[0] = cpu.leaf_max;
	} else if (leaf == 1) {
		regs[2] = cpu.hypervisor ? UINT32_C(1) << 31 : 0;
	} else if (leaf == 0x15) {
		memcpy(regs, cpu.crystal, sizeof(cpu.crystal));
	} else if (leaf == 0x40000000) {
		regs[0] = cpu.hv_leaf_max;
	} else if (leaf == 0x40000010) {
		regs[0] = cpu.hv_khz;
	} else if (leaf == 0x80000000) {
		regs[0] = 0x80000008;
	} else if (leaf == 0x80000007) {
		regs[3] = cpu.invariant ? 0x100 : 0;
	}
	return true;
}

static void plant(void)
{
	plant_tree();
	plx_clock_env.sys = tree;
	plx_clock_env.proc = tree;
	plx_clock_env.cpuid = fake_cpuid;
	cpu.leaf_max = 0x16;
	cpu.invariant = true;
}

static void fell(void)
{
	plx_eal_fini();
	fell_tree();
}

#define FAKE_TEST(name) Test(clock, name, .init = plant, .fini = fell)

static void expect_told(double hz, enum plx_clock_learned learned, double error_ppm)
{
	struct plx_clock_told told = plx_clock_ask();

	cr_assert_eq(told.learned, learned, "by %s, not %s", plx_clock_learned_name(told.learned),
		     plx_clock_learned_name(learned));
	cr_assert_float_eq(told.hz, hz, 0.5, "%f Hz, not %f", told.hz, hz);
	cr_assert_float_eq(told.error_ppm, error_ppm, 0.01, "%f ppm, not %f", told.error_ppm,
			   error_ppm);
}

static void expect_nobody(void)
{
	struct plx_clock_told told = plx_clock_ask();

	cr_assert(told.hz == 0 && told.learned == PLX_CLOCK_BY_NONE, "%f Hz by %s", told.hz,
		  plx_clock_learned_name(told.learned));
}

FAKE_TEST(nobody_tells)
{
	expect_nobody();
	cpu.none = true;
	expect_nobody();
}

#if defined(__x86_64__)
FAKE_TEST(cpuid_tells)
{
	memcpy(cpu.crystal, (uint32_t[]){2, 216, 24000000}, sizeof(cpu.crystal));
	expect_told(2592e6, PLX_CLOCK_BY_CPUID, 100);
	cpu.leaf_max = 0x14;
	expect_nobody();
	cpu.leaf_max = 0x16;
	cpu.crystal[2] = 0;
	expect_nobody();
	cpu.crystal[2] = 1;
	expect_nobody();
}

FAKE_TEST(the_hypervisor_tells)
{
	cpu.hv_khz = 2100000;
	cpu.hv_leaf_max = 0x40000010;
	expect_nobody();
	cpu.hypervisor = true;
	expect_told(2.1e9, PLX_CLOCK_BY_HYPERVISOR, 100);
	cpu.hv_leaf_max = 0x40000001;
	expect_nobody();
}
#endif

FAKE_TEST(the_kernel_tells)
{
	grow("devices/system/cpu/cpu0/tsc_freq_khz", "3000000\n");
	memcpy(cpu.crystal, (uint32_t[]){2, 216, 24000000}, sizeof(cpu.crystal));
	expect_told(3e9, PLX_CLOCK_BY_KERNEL, 1);
	grow("devices/system/cpu/cpu0/tsc_freq_khz", "a lot\n");
	cpu.crystal[0] = 0;
	expect_nobody();
}

FAKE_TEST(the_kernel_of_a_guest_tells)
{
	grow("cpuinfo", "processor\t: 0\nflags\t\t: fpu tsc_known_freq nx\nbogomips\t: 5000.02\n\n"
			"processor\t: 1\nbogomips\t: 4.00\n");
	expect_nobody();
	cpu.hypervisor = true;
	expect_told(2500012500.0, PLX_CLOCK_BY_KERNEL, 2);
	grow("cpuinfo", "flags\t: fpu tsc_known_freqs\nbogomips\t: 5000.02\n\n");
	expect_nobody();
	grow("cpuinfo", "flags\t: tsc_known_freq\n\nflags\t:\nbogomips\t: 5000.02\n\n");
	expect_nobody();
}

#if defined(__x86_64__)
FAKE_TEST(trust)
{
	static const struct {
		bool invariant, hypervisor;
		const char *current, *available, *cpuinfo;
		bool trusted, says_invariant;
	} cases[] = {
		{true, false, "tsc", "tsc hpet acpi_pm ", "", true, true},
		{true, false, "hpet", "tsc hpet acpi_pm ", "", true, true},
		{true, false, "hpet", "hpet acpi_pm ", "", false, true},
		{true, false, "acpi_pm", "acpi_pm ", "", false, true},
		{true, true, "kvm-clock", "kvm-clock acpi_pm ", "", true, true},
		{true, false, "", "", "", true, true},
		{false, false, "tsc", "tsc ", "", false, false},
		{false, true, "tsc", "tsc kvm-clock ", "", true, false},
		{false, true, "kvm-clock", "kvm-clock ", "", false, false},
		{false, false, "tsc", "tsc ", "flags : constant_tsc nonstop_tsc\n", true, true},
		{false, false, "tsc", "tsc ", "flags : constant_tsc nonstop_tsc_s3\n", false,
		 false},
	};
	struct plx_clock_fitness fit;

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		cpu.invariant = cases[i].invariant;
		cpu.hypervisor = cases[i].hypervisor;
		grow(SOURCE "current_clocksource", cases[i].current);
		grow(SOURCE "available_clocksource", cases[i].available);
		grow("cpuinfo", cases[i].cpuinfo);
		fit = plx_clock_judge();
		cr_assert_eq(fit.trusted, cases[i].trusted, "case %zu: trusted %d", i, fit.trusted);
		cr_assert_eq(fit.invariant, cases[i].says_invariant, "case %zu: invariant %d", i,
			     fit.invariant);
		cr_assert_eq(fit.why != NULL, !fit.trusted, "case %zu: a reason is due", i);
	}
}
#endif

/* ---- life ---- */

static void spin_raw(uint64_t ns)
{
	uint64_t start = plx_clock_raw_ns();

	while (plx_clock_raw_ns() - start < ns)
		;
}

static struct plx_clock_info info_now(void)
{
	struct plx_clock_info info;

	cr_assert_eq(plx_clock_info(&info), 0);
	return info;
}

Test(clock, before_init)
{
	struct plx_clock_info info;
	uint64_t before = plx_clock_raw_ns(), start;

	cr_assert_eq(plx_cycles_hz(), 0);
	cr_assert_eq(plx_cycles_to_ns(1000), 0);
	cr_assert_eq(plx_clock_refine(), -ENODEV);
	cr_assert_eq(plx_clock_info(NULL), -EINVAL);
	cr_assert_eq(plx_clock_info(&info), 0);
	cr_assert(info.learned == PLX_CLOCK_BY_NONE && info.hz == 0 && info.why != NULL);
	cr_assert_geq(plx_clock_now_ns(), before);
	start = plx_clock_raw_ns();
	plx_delay_ns(2 * ms);
	cr_assert_geq(plx_clock_raw_ns() - start, 2 * ms);
}

Test(clock, names)
{
	cr_assert_str_eq(plx_clock_source_name(PLX_CLOCK_TSC), "TSC");
	cr_assert_str_eq(plx_clock_source_name(PLX_CLOCK_CNTVCT), "CNTVCT");
	cr_assert_str_eq(plx_clock_source_name(PLX_CLOCK_MONO_RAW), "CLOCK_MONOTONIC_RAW");
	cr_assert_str_eq(plx_clock_source_name((enum plx_clock_source)99), "?");
	cr_assert_str_eq(plx_clock_learned_name(PLX_CLOCK_BY_NONE), "none");
	cr_assert_str_eq(plx_clock_learned_name(PLX_CLOCK_BY_DEFINITION), "definition");
	cr_assert_str_eq(plx_clock_learned_name(PLX_CLOCK_BY_CPUID), "CPUID");
	cr_assert_str_eq(plx_clock_learned_name(PLX_CLOCK_BY_HYPERVISOR), "hypervisor");
	cr_assert_str_eq(plx_clock_learned_name(PLX_CLOCK_BY_KERNEL), "kernel");
	cr_assert_str_eq(plx_clock_learned_name(PLX_CLOCK_BY_STAMPS), "stamps");
	cr_assert_str_eq(plx_clock_learned_name((enum plx_clock_learned)99), "?");
}

/* A reading of a clock that was taken between two of CLOCK_MONOTONIC_RAW. */
struct reading {
	uint64_t before, value, after;
};

static struct reading read_between(uint64_t (*clock_fn)(void))
{
	struct reading reading;

	reading.before = plx_clock_raw_ns();
	reading.value = clock_fn();
	reading.after = plx_clock_raw_ns();
	return reading;
}

/* @ns went by between two readings: within @ppm of what must, at least or at most, have gone by. */
static void expect_elapsed(uint64_t ns, struct reading first, struct reading last, double ppm)
{
	double least = (double)(last.before - first.after) * (1 - ppm * 1e-6) - 2;
	double most = (double)(last.after - first.before) * (1 + ppm * 1e-6) + 2;

	cr_assert((double)ns >= least && (double)ns <= most, "%ju ns, not within %.0f and %.0f",
		  (uintmax_t)ns, least, most);
}

Test(clock, the_stated_error_holds, .fini = plx_eal_fini)
{
	struct reading cycles[2], ns[2];
	struct plx_clock_info info;

	start_lcores(1);
	plx_ctl_timer_del(plx_clock_timer);
	info = info_now();
	cr_assert_neq(info.learned, PLX_CLOCK_BY_NONE);
	cr_assert_eq(info.hz, plx_cycles_hz());
	cr_assert(info.hz >= 1000000 && info.error_ppm >= 0, "%ju Hz, %f ppm", (uintmax_t)info.hz,
		  info.error_ppm);
	cycles[0] = read_between(plx_cycles_ordered);
	ns[0] = read_between(plx_clock_now_ns);
	spin_raw(30 * ms);
	cycles[1] = read_between(plx_cycles_ordered);
	ns[1] = read_between(plx_clock_now_ns);
	expect_elapsed(plx_cycles_to_ns(cycles[1].value - cycles[0].value), cycles[0], cycles[1],
		       info.error_ppm);
	expect_elapsed(ns[1].value - ns[0].value, ns[0], ns[1], info.error_ppm);
}

Test(clock, stamps_alone, .init = plant, .fini = fell)
{
	struct plx_clock_info first, second;

	start_lcores(1);
	first = info_now();
	if (first.source == PLX_CLOCK_CNTVCT)
		cr_skip_test("needs an x86-64 CPU: this one tells its frequency");
	cr_assert_eq(first.learned, PLX_CLOCK_BY_STAMPS, "%s",
		     plx_clock_learned_name(first.learned));
	cr_assert(first.error_ppm > 0 && first.baseline_ns > 0, "%f ppm, %ju ns", first.error_ppm,
		  (uintmax_t)first.baseline_ns);
	spin_raw(20 * ms);
	cr_assert_eq(plx_clock_refine(), 0);
	second = info_now();
	cr_assert_geq(second.baseline_ns, first.baseline_ns + 20 * ms);
	cr_assert_lt(second.error_ppm, first.error_ppm, "%f ppm, was %f", second.error_ppm,
		     first.error_ppm);
	plx_eal_fini();
	start_lcores(1);
	cr_assert_geq(info_now().baseline_ns, second.baseline_ns, "the baseline outlives fini");
}

FAKE_TEST(who_tells_nonsense_is_not_believed)
{
	struct plx_clock_info info;

	grow("devices/system/cpu/cpu0/tsc_freq_khz", "1234567\n");
	catch_log();
	start_lcores(1);
	info = info_now();
	cr_assert_eq(info.learned, PLX_CLOCK_BY_STAMPS, "%s", plx_clock_learned_name(info.learned));
	cr_assert_neq(info.hz, 1234567000);
	cr_assert(strstr(caught.last,
			 "clock: 1234.567000 MHz by the kernel's tsc_freq_khz, but ") != NULL,
		  "'%s'", caught.last);
}

Test(clock, conversions, .fini = plx_eal_fini)
{
	uint64_t hz, cycles, ns;
	double off;

	start_lcores(1);
	hz = plx_cycles_hz();
	cr_assert_eq(plx_cycles_to_ns(0), 0);
	cr_assert_eq(plx_ns_to_cycles(0), 0);
	for (unsigned shift = 10; shift < 63; shift++) {
		ns = UINT64_C(1) << shift;
		cycles = plx_ns_to_cycles(ns);
		if (cycles == UINT64_MAX)
			continue;
		off = (double)cycles / (double)hz * 1e9 / (double)ns - 1;
		cr_assert(off < 1e-2 && off > -1e-2, "2^%u ns: %ju cycles", shift,
			  (uintmax_t)cycles);
		off = (double)plx_cycles_to_ns(cycles) - (double)ns;
		cr_assert(off <= 0 && off >= -2 - (double)ns * 1e-15, "2^%u ns come back as %ju",
			  shift, (uintmax_t)plx_cycles_to_ns(cycles));
	}
	cycles = plx_ns_to_cycles(1000000000);
	cr_assert(cycles + 2 >= hz && cycles <= hz + 2, "%ju cycles a second of %ju Hz",
		  (uintmax_t)cycles, (uintmax_t)hz);
	ns = plx_cycles_to_ns(hz * 86400 * 365);
	cr_assert_float_eq((double)ns, 86400e9 * 365, 1e9, "a year is %ju ns", (uintmax_t)ns);
}

Test(clock, conversions_saturate)
{
	const uint64_t one = UINT64_C(1) << PLX_CLOCK_SHIFT;

	cr_assert_eq(plx_clock_scale(UINT64_MAX, one), UINT64_MAX);
	cr_assert_eq(plx_clock_scale(UINT64_MAX - 1, one), UINT64_MAX - 1);
	cr_assert_eq(plx_clock_scale(UINT64_MAX, one + one / 2), UINT64_MAX);
	cr_assert_eq(plx_clock_scale(UINT64_MAX / 2, one * 2), UINT64_MAX - 1);
	cr_assert_eq(plx_clock_scale(3, one / 2), 1);
	cr_assert_eq(plx_clock_scale(1000, one * 1000), 1000000);
}

Test(clock, time_goes_on_over_refining, .fini = plx_eal_fini)
{
	uint64_t now, last, start_raw, start;

	start_lcores(1);
	start_raw = plx_clock_raw_ns();
	start = last = plx_clock_now_ns();
	for (int i = 0; i < 20000; i++) {
		if (i % 10 == 0)
			cr_assert_eq(plx_clock_refine(), 0);
		now = plx_clock_now_ns();
		cr_assert_geq(now, last, "round %d: %ju after %ju", i, (uintmax_t)now,
			      (uintmax_t)last);
		last = now;
	}
	start_raw = plx_clock_raw_ns() - start_raw;
	cr_assert_leq(last - start, start_raw + start_raw / 100 + 1000, "%ju ns by the clock, %ju",
		      (uintmax_t)(last - start), (uintmax_t)start_raw);
}

Test(clock, time_goes_on_over_any_change_of_rate, .fini = plx_eal_fini)
{
	uint64_t now, last, mult;

	start_lcores(1);
	mult = plx_clock_ns_mult;
	last = plx_clock_now_ns();
	for (unsigned i = 0; i < 20000; i++) {
		if (i % 7 == 0) /* up to 10 % slower or faster */
			plx_clock_bend(mult / 100 * (90 + i % 21));
		now = plx_clock_now_ns();
		cr_assert(now >= last && now - last < 1000 * ms, "round %u: %ju after %ju", i,
			  (uintmax_t)now, (uintmax_t)last);
		last = now;
	}
}

/* The counter seems to run 1,000 ppm faster than what was learned over minutes. */
Test(clock, a_jump_is_noticed, .init = plant, .fini = fell)
{
	struct plx_clock_info info;

	start_lcores(1);
	if (info_now().source != PLX_CLOCK_TSC)
		cr_skip_test("needs an x86-64 CPU");
	cr_assert_eq(info_now().learned, PLX_CLOCK_BY_STAMPS);
	plx_clock_distort(1e-3, 0.5);
	spin_raw(10 * ms);
	catch_log();
	cr_assert_eq(plx_clock_refine(), 0);
	cr_assert(strstr(caught.last, "seems to have changed by") != NULL, "'%s'", caught.last);
	info = info_now();
	cr_assert(info.error_ppm > 900 && info.error_ppm < 1100, "%f ppm", info.error_ppm);
	cr_assert_eq(info.baseline_ns, 0, "%ju ns: it must begin anew",
		     (uintmax_t)info.baseline_ns);
	spin_raw(20 * ms);
	cr_assert_eq(plx_clock_refine(), 0);
	info = info_now();
	cr_assert_lt(info.error_ppm, 900, "measured anew: %f ppm", info.error_ppm);
}

/* ---- fallback ---- */

#if defined(__x86_64__)
FAKE_TEST(a_tsc_that_is_not_trusted)
{
	struct plx_clock_info info;
	uint64_t before, cycles, after, ordered;

	cpu.invariant = false;
	catch_log();
	start_lcores(2);
	cr_assert_eq(caught.nb_lines, 1, "%u", caught.nb_lines);
	cr_assert_str_eq(caught.last,
			 "clock: the TSC is not invariant: its rate changes with power states; "
			 "CLOCK_MONOTONIC_RAW is used instead",
			 "'%s'", caught.last);
	info = info_now();
	cr_assert_eq(info.source, PLX_CLOCK_MONO_RAW);
	cr_assert_eq(info.learned, PLX_CLOCK_BY_DEFINITION);
	cr_assert_eq(info.hz, 1000000000);
	cr_assert(info.error_ppm == 0 && !info.invariant, "%f ppm", info.error_ppm);

	before = plx_clock_raw_ns();
	cycles = plx_cycles();
	ordered = plx_cycles_ordered();
	after = plx_clock_raw_ns();
	cr_assert(before <= cycles && cycles <= ordered && ordered <= after, "%ju %ju %ju %ju",
		  (uintmax_t)before, (uintmax_t)cycles, (uintmax_t)ordered, (uintmax_t)after);
	cr_assert_eq(plx_cycles_to_ns(12345), 12345);
	cr_assert_eq(plx_ns_to_cycles(UINT64_MAX), UINT64_MAX);
	cr_assert_eq(plx_clock_refine(), 0);
	before = plx_clock_raw_ns();
	cycles = plx_clock_now_ns();
	after = plx_clock_raw_ns();
	cr_assert(before <= cycles && cycles <= after, "%ju %ju %ju", (uintmax_t)before,
		  (uintmax_t)cycles, (uintmax_t)after);
	before = plx_clock_raw_ns();
	plx_delay_us(500);
	cr_assert_geq(plx_clock_raw_ns() - before, 500000);
}
#endif

/* ---- delay ---- */

Test(clock, a_delay_is_never_short, .fini = plx_eal_fini)
{
	static const uint64_t ns[] = {0, 1, 100, 1000, 50000, 3000000};
	uint64_t start, took;

	start_lcores(1);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(ns); i++) {
		start = plx_clock_raw_ns();
		plx_delay_ns(ns[i]);
		took = plx_clock_raw_ns() - start;
		/* The counter and the kernel's clock disagree by the stated error. */
		cr_assert_geq(took + took / 1000 + 2, ns[i], "%ju ns, not %ju", (uintmax_t)took,
			      (uintmax_t)ns[i]);
	}
	start = plx_clock_raw_ns();
	plx_delay_us(2000);
	took = plx_clock_raw_ns() - start;
	cr_assert_geq(took + took / 1000, 2 * ms, "%ju", (uintmax_t)took);
}

Test(clock, cycles_grow)
{
	uint64_t last = 0, now;

	for (int i = 0; i < 100000; i++) {
		now = i % 2 ? plx_cycles() : plx_cycles_ordered();
		cr_assert_geq(now, last, "%ju after %ju", (uintmax_t)now, (uintmax_t)last);
		last = now;
	}
}
