/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is the counter fit, and who tells its frequency?
 *
 * What is told is taken for right within the stated error only until stamps say otherwise.
 * Not asked: CPUID leaf 16h, a rounded label of the CPU, off by up to 3,000 ppm from the TSC, where
 * the stamps of init alone are some tens of ppm off; and the conversion that perf maps for its
 * users, because a machine's first perf event takes 10 ms.
 */
#include "clock_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

enum {
	EAX,
	EBX,
	ECX,
	EDX,
};

/* A crystal or a hypervisor's idea of it may be this far from the kernel's clock. */
static const double nominal_error_ppm = 100;
/* The kernel's own figure is what its clock runs by, but for rounding. */
static const double kernel_error_ppm = 1;

static const double hz_min = 1e6;
static const double hz_max = 20e9;

static bool cpuid_read(uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
#if defined(__x86_64__)
	__cpuid_count(leaf, subleaf, regs[EAX], regs[EBX], regs[ECX], regs[EDX]);
	return true;
#else
	(void)leaf;
	(void)subleaf;
	(void)regs;
	return false;
#endif
}

struct plx_clock_env plx_clock_env = {
	.sys = "/sys",
	.proc = "/proc",
	.cpuid = cpuid_read,
};

static bool read_text(const char *root, const char *file, char *buf, size_t len)
{
	char path[512];
	size_t used = 0;
	ssize_t got;
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", root, file) >= (int)sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	do {
		got = read(fd, buf + used, len - 1 - used);
		used += got > 0 ? (size_t)got : 0;
	} while (got > 0 && used < len - 1);
	close(fd);
	buf[used] = '\0';
	return used > 0;
}

/* True when @word stands in @text between blanks. */
static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	const char *at = text;

	while ((at = strstr(at, word)) != NULL) {
		if ((at == text || strchr(" \t\n", at[-1]) != NULL) &&
		    strchr(" \t\n", at[len]) != NULL)
			return true;
		at += len;
	}
	return false;
}

static bool plausible(double hz)
{
	return hz >= hz_min && hz <= hz_max;
}

/* The highest leaf of a group: 0, 0x40000000 (only below a hypervisor), 0x80000000. */
static uint32_t leaf_max(uint32_t group)
{
	uint32_t regs[4] = {0};

	if (!plx_clock_env.cpuid(group, 0, regs) || regs[EAX] < group)
		return 0;
	return regs[EAX];
}

static bool under_hypervisor(void)
{
	uint32_t regs[4] = {0};

	return leaf_max(0) >= 1 && plx_clock_env.cpuid(1, 0, regs) &&
	       (regs[ECX] & (UINT32_C(1) << 31)) != 0;
}

/* The first CPU's paragraph of /proc/cpuinfo, in @buf. */
static bool read_cpuinfo(char *buf, size_t len)
{
	char *end;

	if (!read_text(plx_clock_env.proc, "cpuinfo", buf, len))
		return false;
	end = strstr(buf, "\n\n");
	if (end != NULL)
		end[1] = '\0';
	return true;
}

enum { CPUINFO_MAX_BYTES = 8192 };

static bool is_invariant(void)
{
	char text[CPUINFO_MAX_BYTES];
	uint32_t regs[4] = {0};

	if (leaf_max(0x80000000) >= 0x80000007 && plx_clock_env.cpuid(0x80000007, 0, regs) &&
	    (regs[EDX] & (UINT32_C(1) << 8)) != 0)
		return true;
	/* The kernel knows CPUs that are invariant without saying so. */
	return read_cpuinfo(text, sizeof(text)) && has_word(text, "constant_tsc") &&
	       has_word(text, "nonstop_tsc");
}

static struct plx_clock_fitness judge_tsc(void)
{
	static const char *const poor[] = {"hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"};
	struct plx_clock_fitness fit = {.trusted = true, .invariant = is_invariant()};
	const char *dir = "devices/system/clocksource/clocksource0";
	char file[128], current[64] = "", available[256] = "";
	size_t i;

	snprintf(file, sizeof(file), "%s/current_clocksource", dir);
	read_text(plx_clock_env.sys, file, current, sizeof(current));
	snprintf(file, sizeof(file), "%s/available_clocksource", dir);
	read_text(plx_clock_env.sys, file, available, sizeof(available));

	/* A hypervisor may hide the bit; a guest whose kernel runs by the TSC trusts it all the
	 * same. */
	if (!fit.invariant && !(under_hypervisor() && has_word(current, "tsc"))) {
		fit.trusted = false;
		fit.why = "the TSC is not invariant: its rate changes with power states";
		return fit;
	}
	for (i = 0; i < PLX_ARRAY_SIZE(poor); i++) {
		if (has_word(current, poor[i]) && !has_word(available, "tsc")) {
			fit.trusted = false;
			fit.why = "the kernel found the TSC unstable and does not use it";
		}
	}
	return fit;
}

struct plx_clock_fitness plx_clock_judge(void)
{
#if defined(__x86_64__)
	return judge_tsc();
#elif defined(__aarch64__)
	return (struct plx_clock_fitness){.trusted = true, .invariant = true};
#else
	(void)judge_tsc;
	return (struct plx_clock_fitness){.why = "no counter is known on this architecture"};
#endif
}

static bool ask_sysfs(struct plx_clock_told *told)
{
	char text[32];

	if (!read_text(plx_clock_env.sys, "devices/system/cpu/cpu0/tsc_freq_khz", text,
		       sizeof(text)))
		return false;
	told->hz = strtod(text, NULL) * 1e3;
	told->error_ppm = kernel_error_ppm;
	told->learned = PLX_CLOCK_BY_KERNEL;
	told->why = "the kernel's tsc_freq_khz";
	return plausible(told->hz);
}

/* A guest's kernel that was told the frequency derives bogomips from it: twice the MHz, cut to two
 * digits. Not on bare metal: kernels before 5.18 sleep 10 ms there when this file is opened. */
static bool ask_cpuinfo(struct plx_clock_told *told)
{
	char text[CPUINFO_MAX_BYTES];
	const char *at;
	double mips;

	if (!under_hypervisor() || !read_cpuinfo(text, sizeof(text)) ||
	    !has_word(text, "tsc_known_freq"))
		return false;
	at = strstr(text, "\nbogomips");
	at = at != NULL ? strchr(at + 1, ':') : NULL;
	if (at == NULL)
		return false;
	mips = strtod(at + 1, NULL);
	told->hz = (mips + 0.005) / 2 * 1e6;
	told->error_ppm = kernel_error_ppm + 0.005 / 2 * 1e12 / told->hz;
	told->learned = PLX_CLOCK_BY_KERNEL;
	told->why = "tsc_known_freq and bogomips of /proc/cpuinfo";
	return plausible(told->hz);
}

static bool ask_cpuid(struct plx_clock_told *told)
{
	uint32_t regs[4] = {0};

#if defined(__aarch64__)
	uint64_t hz;

	__asm__("mrs %0, cntfrq_el0" : "=r"(hz));
	told->hz = (double)hz;
	told->why = "cntfrq_el0";
#else
	if (leaf_max(0) < 0x15 || !plx_clock_env.cpuid(0x15, 0, regs) || regs[EAX] == 0 ||
	    regs[EBX] == 0 || regs[ECX] == 0)
		return false;
	told->hz = (double)regs[ECX] * regs[EBX] / regs[EAX];
	told->why = "CPUID leaf 15h";
#endif
	told->error_ppm = nominal_error_ppm;
	told->learned = PLX_CLOCK_BY_CPUID;
	return plausible(told->hz);
}

static bool ask_hypervisor(struct plx_clock_told *told)
{
	uint32_t regs[4] = {0};

	if (!under_hypervisor() || leaf_max(0x40000000) < 0x40000010 ||
	    !plx_clock_env.cpuid(0x40000010, 0, regs))
		return false;
	told->hz = (double)regs[EAX] * 1e3;
	told->error_ppm = nominal_error_ppm;
	told->learned = PLX_CLOCK_BY_HYPERVISOR;
	told->why = "the hypervisor's CPUID leaf 40000010h";
	return plausible(told->hz);
}

/* The kernel first: its figure is the one that its clocks, and so all other tools, run by. */
struct plx_clock_told plx_clock_ask(void)
{
	static bool (*const ask[])(struct plx_clock_told *) = {ask_sysfs, ask_cpuinfo, ask_cpuid,
							       ask_hypervisor};
	struct plx_clock_told told;
	size_t i;

	for (i = 0; i < PLX_ARRAY_SIZE(ask); i++)
		if (ask[i](&told))
			return told;
	return (struct plx_clock_told){.learned = PLX_CLOCK_BY_NONE};
}
