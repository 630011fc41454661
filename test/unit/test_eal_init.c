/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The EAL's life: start, stop, start again, every refusal, and that a start which failed and a
 * stop both leave the process as they found it. On ordinary pages, so that any user can run it.
 */
#include "eal_log.h"
#include "eal_private.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <pollux/eal.h>
#include <pollux/lcore.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED
#endif

#ifdef SANITIZED
static const bool sanitized = true;
#else
static const bool sanitized;
#endif

static struct plx_eal_conf conf;
static unsigned first_cpu; /* one that this process may use */

static void start(void)
{
	cpu_set_t cpus;

	cr_assert_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0, "%s", strerror(errno));
	while (!CPU_ISSET(first_cpu, &cpus))
		first_cpu++;
	plx_eal_conf_init(&conf);
	conf.no_huge = true;
	conf.no_pci = true;
	catch_log();
}

static void end(void)
{
	plx_eal_fini();
	plx_eal_conf_fini(&conf);
}

TestSuite(eal_init, .init = start, .fini = end);

static void use_lcore(unsigned id, unsigned cpu)
{
	conf.nb_lcores += !conf.lcores[id].enabled;
	conf.lcores[id].enabled = true;
	CPU_ZERO(&conf.lcores[id].cpus);
	CPU_SET(cpu, &conf.lcores[id].cpus);
}

/* Another one; where there is no other, first_cpu. */
static unsigned second_cpu(void)
{
	unsigned cpu = first_cpu + 1;
	cpu_set_t cpus;

	cr_assert_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0, "%s", strerror(errno));
	while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &cpus))
		cpu++;
	return cpu < CPU_SETSIZE ? cpu : first_cpu;
}

/* Entries of a folder of /proc/self. */
static unsigned count_entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned nb = 0;

	cr_assert_not_null(dir, "%s", path);
	while (readdir(dir))
		nb++;
	closedir(dir);
	return nb;
}

/* A line of /proc/self/status in KB. */
static long status_kb(const char *key)
{
	char line[256];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			kb = strtol(line + strlen(key) + 1, NULL, 10);
	fclose(f);
	return kb;
}

static unsigned count_mappings(void)
{
	unsigned nb = 0;
	int c;
	FILE *f = fopen("/proc/self/maps", "r");

	cr_assert_not_null(f);
	while ((c = getc(f)) != EOF)
		nb += c == '\n';
	fclose(f);
	return nb;
}

Test(eal_init, start_and_stop)
{
	int ret;

	use_lcore(3, first_cpu);
	use_lcore(7, first_cpu);
	cr_assert_null(plx_eal_conf());
	cr_assert_eq(plx_eal_init_ns(), 0);
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.error);
	cr_assert_eq(caught.nb_lines, 0, "silent by default: %s", caught.last);
	cr_assert_not_null(plx_eal_conf());
	cr_assert_eq(plx_eal_conf()->main_lcore, 3, "%u", plx_eal_conf()->main_lcore);
	cr_assert_str_eq(plx_eal_conf()->file_prefix, "plx");
	cr_assert_eq(plx_lcore_id(), 3, "%u", plx_lcore_id());
	cr_assert_eq(plx_lcore_count(), 2, "%u", plx_lcore_count());
	cr_assert_gt(plx_eal_init_ns(), 0);
	plx_eal_fini();
	cr_assert_null(plx_eal_conf());
	cr_assert_eq(plx_lcore_id(), PLX_LCORE_NONE, "%u", plx_lcore_id());
	cr_assert_eq(plx_lcore_count(), 0, "%u", plx_lcore_count());
	cr_assert_eq(plx_eal_init_ns(), 0);
	plx_eal_fini();
	cr_assert_eq(caught.nb_lines, 0, "%s", caught.last);
}

Test(eal_init, a_second_start_is_refused)
{
	int ret;

	use_lcore(0, first_cpu);
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.error);
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, -EALREADY, "%d", ret);
	cr_assert_eq(caught.nb_errors, 1, "%u", caught.nb_errors);
	cr_assert_eq(plx_lcore_count(), 1, "the first one still runs: %u", plx_lcore_count());
	cr_assert_not_null(plx_eal_conf());
}

Test(eal_init, settings_are_copied)
{
	int ret;

	use_lcore(0, first_cpu);
	conf.file_prefix = strdup("mine");
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.error);
	memset(conf.file_prefix, 'Z', 4);
	plx_eal_conf_fini(&conf);
	cr_assert_str_eq(plx_eal_conf()->file_prefix, "mine");
	cr_assert(plx_eal_conf()->lcores[0].enabled);
}

Test(eal_init, main_lcore_may_be_any)
{
	int ret;

	use_lcore(0, first_cpu);
	use_lcore(5, first_cpu);
	conf.main_lcore = 5;
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.error);
	cr_assert_eq(plx_lcore_id(), 5, "%u", plx_lcore_id());
	cr_assert_eq(plx_lcore_main(), 5, "%u", plx_lcore_main());
}

Test(eal_init, without_a_list_each_allowed_cpu_gets_an_lcore)
{
	cpu_set_t cpus;
	unsigned nb = 0;
	int ret;

	cr_assert_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.error);
	for (unsigned cpu = 0; cpu < PLX_LCORE_MAX; cpu++) {
		bool allowed = CPU_ISSET(cpu, &cpus);

		nb += allowed;
		cr_expect_eq(plx_lcore_is_enabled(cpu), allowed, "CPU %u", cpu);
		if (allowed)
			cr_expect(CPU_ISSET(cpu, &plx_eal_conf()->lcores[cpu].cpus), "CPU %u", cpu);
	}
	cr_assert_eq(plx_eal_conf()->nb_lcores, nb, "%u, want %u", plx_eal_conf()->nb_lcores, nb);
	plx_eal_fini();

	/* And with the process confined to one. */
	CPU_ZERO(&cpus);
	CPU_SET(first_cpu, &cpus);
	cr_assert_eq(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.error);
	cr_assert_eq(plx_lcore_count(), 1, "%u", plx_lcore_count());
	cr_assert_eq(plx_lcore_id(), first_cpu, "%u", plx_lcore_id());
	plx_eal_fini();

	conf.main_lcore = first_cpu + 1;
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert(strstr(caught.error, "not among the lcores"), "%s", caught.error);
}

static void expect_caller_is(const cpu_set_t *cpus, int policy, const char *when)
{
	struct sched_param param;
	cpu_set_t now;
	int now_policy;

	cr_assert_eq(pthread_getaffinity_np(pthread_self(), sizeof(now), &now), 0);
	cr_assert_eq(pthread_getschedparam(pthread_self(), &now_policy, &param), 0);
	cr_expect(CPU_EQUAL(&now, cpus), "%s: the thread's CPUs changed", when);
	cr_expect_eq(now_policy, policy, "%s: policy %d, want %d", when, now_policy, policy);
}

Test(eal_init, the_caller_gets_its_cpus_back)
{
	cpu_set_t before;
	cpu_set_t pinned;
	int ret;

	cr_assert_eq(sched_getaffinity(0, sizeof(before), &before), 0);
	use_lcore(1, first_cpu);
	CPU_ZERO(&pinned);
	CPU_SET(first_cpu, &pinned);
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.error);
	expect_caller_is(&pinned, SCHED_OTHER, "while it runs");
	plx_eal_fini();
	expect_caller_is(&before, SCHED_OTHER, "after the stop");

	/* More hugepages than any machine has: memory fails, a step after the pinning. */
	conf.no_huge = false;
	conf.mem_mb = 16 << 20;
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, -ENOMEM, "%d, %s", ret, caught.error);
	expect_caller_is(&before, SCHED_OTHER, "after a failed start");
	cr_assert_eq(plx_lcore_id(), PLX_LCORE_NONE, "%u", plx_lcore_id());
	cr_assert_null(plx_eal_conf());
	cr_assert_eq(caught.nb_errors, 1, "%u errors, the last: %s", caught.nb_errors,
		     caught.error);
	conf.no_huge = true;
	conf.mem_mb = 0;
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "a start after a failed one: %d, %s", ret, caught.error);
}

static void *call_fini(void *arg)
{
	(void)arg;
	plx_eal_fini();
	return NULL;
}

static int call_fini_on_lcore(void *arg)
{
	plx_eal_fini();
	(void)arg;
	return 0;
}

Test(eal_init, only_the_main_lcore_stops_it)
{
	pthread_t thread;
	int ret;

	use_lcore(0, first_cpu);
	use_lcore(1, first_cpu);
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.error);
	cr_assert_eq(pthread_create(&thread, NULL, call_fini, NULL), 0);
	pthread_join(thread, NULL);
	cr_assert_not_null(plx_eal_conf());
	cr_assert_eq(caught.nb_errors, 1, "%u", caught.nb_errors);
	cr_assert_str_eq(caught.error, "plx_eal_fini: only the main lcore may call this");
	cr_assert_eq(plx_lcore_launch(1, call_fini_on_lcore, NULL), 0);
	plx_lcore_wait_all();
	cr_assert_not_null(plx_eal_conf());
	cr_assert_eq(caught.nb_errors, 2, "%u", caught.nb_errors);
}

/* What a program may get wrong that fills the struct by hand. */
Test(eal_init, bad_settings_are_refused)
{
	struct plx_eal_conf bad;
	int ret;

	ret = plx_eal_init(NULL);
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	use_lcore(0, first_cpu);
	for (int i = 0;; i++) {
		const char *want = NULL;

		cr_assert_eq(plx_eal_conf_copy(&bad, &conf), 0);
		switch (i) {
		case 0:
			bad.nb_lcores = 2;
			want = "settings: nb_lcores is 2, but 1 lcores are enabled";
			break;
		case 1:
			CPU_ZERO(&bad.lcores[0].cpus);
			want = "settings: lcore 0 has no CPU to run on";
			break;
		case 2:
			bad.main_lcore = 1;
			want = "--main-lcore 1: not among the lcores, want one of 0";
			break;
		case 3:
			bad.main_lcore = 4000;
			want = "--main-lcore 4000: want 0 to 127";
			break;
		case 4:
			bad.rt_prio = 100;
			want = "--rt-prio 100: want 1 to 99, or 0 for none";
			break;
		case 5:
			bad.iova_mode = PLX_IOVA_PA;
			want = "--no-huge and --iova-mode pa exclude each other: give one of them";
			break;
		case 6:
			bad.no_huge = false;
			bad.mem_mb = 1;
			bad.socket_mem_mb[7] = 1;
			want = "-m and --socket-mem exclude each other: give one of them";
			break;
		default:
			break;
		}
		if (!want)
			break;
		catch_log();
		ret = plx_eal_init(&bad);
		cr_expect_eq(ret, -EINVAL, "%s: %d", want, ret);
		cr_expect_eq(caught.nb_lines, 1, "%s: %u lines", want, caught.nb_lines);
		cr_expect_str_eq(caught.error, want, "got\n%s\nwant\n%s", caught.error, want);
		cr_expect_null(plx_eal_conf());
		plx_eal_conf_fini(&bad);
	}
	plx_eal_conf_fini(&bad);
}

Test(eal_init, a_cpu_that_is_not_there_is_refused_by_name)
{
	int ret;

	use_lcore(0, first_cpu);
	use_lcore(4, CPU_SETSIZE - 1);
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_eq(caught.nb_errors, 1, "%u", caught.nb_errors);
	cr_assert(strstr(caught.error, "lcore 4") && strstr(caught.error, "1023"), "%s",
		  caught.error);
}

Test(eal_init, log_levels_hold_while_it_runs)
{
	static struct plx_log_module other = PLX_LOG_MODULE("other");
	int ret;

	use_lcore(0, first_cpu);
	conf.log_levels[conf.nb_log_levels++] = strdup("info");
	conf.log_levels[conf.nb_log_levels++] = strdup("oth*:debug");
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.error);
	cr_assert(strstr(caught.last, "started in "), "%s", caught.last);
	cr_assert(plx_log_enabled(&other, PLX_LOG_DEBUG));
	plx_eal_fini();
	cr_assert_not(plx_log_enabled(&other, PLX_LOG_INFO));

	free(conf.log_levels[1]);
	conf.log_levels[1] = strdup("loud");
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_eq(caught.nb_errors, 1, "%u", caught.nb_errors);
	cr_assert_not(plx_log_enabled(&other, PLX_LOG_INFO), "the first level was undone");
}

Test(eal_init, log_levels_of_the_application_come_back)
{
	static struct plx_log_module other = PLX_LOG_MODULE("other");
	int ret;

	cr_assert_eq(plx_log_set_level("oth*:info"), 0);
	use_lcore(0, first_cpu);
	conf.log_levels[conf.nb_log_levels++] = strdup("lib.other:debug"); /* DPDK's spelling */
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.error);
	cr_assert(plx_log_enabled(&other, PLX_LOG_DEBUG));
	plx_eal_fini();
	cr_assert(plx_log_enabled(&other, PLX_LOG_INFO), "the application's own is forgotten");
	cr_assert_not(plx_log_enabled(&other, PLX_LOG_DEBUG));

	free(conf.log_levels[0]);
	conf.log_levels[0] = strdup("loud");
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert(plx_log_enabled(&other, PLX_LOG_INFO), "forgotten by a failed start");
	free(conf.log_levels[0]);
	conf.log_levels[0] = strdup("pmd.net.oth*:error");
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.error);
	cr_assert_not(plx_log_enabled(&other, PLX_LOG_WARN));
}

static bool may_run_fifo(void)
{
	struct sched_param param = {.sched_priority = 1};
	bool ok = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0;

	param.sched_priority = 0;
	pthread_setschedparam(pthread_self(), SCHED_OTHER, &param);
	return ok;
}

static int get_policy(void *arg)
{
	struct sched_param param;

	pthread_getschedparam(pthread_self(), arg, &param);
	return param.sched_priority;
}

Test(eal_init, real_time_priority)
{
	cpu_set_t before;
	int policy = -1;
	int prio;
	int ret;

	if (!may_run_fifo())
		cr_skip_test("needs root or RLIMIT_RTPRIO: SCHED_FIFO is not allowed");
	cr_assert_eq(sched_getaffinity(0, sizeof(before), &before), 0);
	if (CPU_COUNT(&before) < 2)
		cr_skip_test("needs two CPUs");
	use_lcore(0, first_cpu);
	use_lcore(1, second_cpu());
	conf.rt_prio = 3;
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.error);
	prio = get_policy(&policy);
	cr_assert_eq(policy, SCHED_FIFO, "main lcore: %d", policy);
	cr_assert_eq(prio, 3, "main lcore: %d", prio);
	policy = -1;
	cr_assert_eq(plx_lcore_launch(1, get_policy, &policy), 0);
	cr_assert_eq(plx_lcore_wait(1, &prio), 0);
	cr_assert_eq(policy, SCHED_FIFO, "worker: %d", policy);
	cr_assert_eq(prio, 3, "worker: %d", prio);
	plx_eal_fini();
	expect_caller_is(&before, SCHED_OTHER, "after the stop");
}

/* For the refusals of what only root may do: no limit to draw on, and not the capability. */
static void give_up(int resource, unsigned capability)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
	struct rlimit none = {0, 0};

	cr_assert_eq(setrlimit(resource, &none), 0, "%s", strerror(errno));
	cr_assert_eq(syscall(SYS_capget, &header, caps), 0, "%s", strerror(errno));
	caps[CAP_TO_INDEX(capability)].effective &= ~CAP_TO_MASK(capability);
	caps[CAP_TO_INDEX(capability)].permitted &= ~CAP_TO_MASK(capability);
	cr_assert_eq(syscall(SYS_capset, &header, caps), 0, "%s", strerror(errno));
}

Test(eal_init, real_time_priority_refused)
{
	unsigned threads;
	int ret;

	give_up(RLIMIT_RTPRIO, CAP_SYS_NICE);
	threads = count_entries("/proc/self/task");
	use_lcore(0, first_cpu);
	conf.rt_prio = 3;
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, -EPERM, "%d", ret);
	cr_assert_eq(caught.nb_errors, 1, "%u", caught.nb_errors);
	cr_assert(strstr(caught.error, "--rt-prio 3") && strstr(caught.error, "ulimit -r 3"), "%s",
		  caught.error);
	cr_assert_eq(plx_lcore_id(), PLX_LCORE_NONE, "%u", plx_lcore_id());
	cr_assert_eq(count_entries("/proc/self/task"), threads, "%u threads, were %u",
		     count_entries("/proc/self/task"), threads);
}

Test(eal_init, locked_memory)
{
	struct rlimit limit;
	int ret;

	if (sanitized)
		cr_skip_test("needs a build without sanitizers: with them mlockall() does nothing");
	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (geteuid() != 0 && limit.rlim_cur != RLIM_INFINITY)
		cr_skip_test("needs root, or ulimit -l unlimited");
	use_lcore(0, first_cpu);
	conf.lock_memory = true;
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.error);
	cr_assert_gt(status_kb("VmLck:"), 1000, "%ld KB", status_kb("VmLck:"));
	plx_eal_fini();
	cr_assert_eq(status_kb("VmLck:"), 0, "%ld KB", status_kb("VmLck:"));
}

/* The last step that can fail: all before it must be undone. */
Test(eal_init, locked_memory_refused)
{
	unsigned threads;
	unsigned fds;
	cpu_set_t before;
	int ret;

	if (sanitized)
		cr_skip_test("needs a build without sanitizers: with them mlockall() does nothing");
	give_up(RLIMIT_MEMLOCK, CAP_IPC_LOCK);
	cr_assert_eq(sched_getaffinity(0, sizeof(before), &before), 0);
	conf.rt_prio = may_run_fifo() && CPU_COUNT(&before) > 1 ? 1 : 0;
	threads = count_entries("/proc/self/task");
	fds = count_entries("/proc/self/fd");
	use_lcore(0, first_cpu);
	use_lcore(1, conf.rt_prio ? second_cpu() : first_cpu);
	conf.lock_memory = true;
	conf.log_levels[conf.nb_log_levels++] = strdup("info");
	ret = plx_eal_init(&conf);
	cr_assert_lt(ret, 0, "%d", ret);
	cr_assert_eq(caught.nb_errors, 1, "%u", caught.nb_errors);
	cr_assert(strstr(caught.error, "--lock-memory") &&
			  strstr(caught.error, "RLIMIT_MEMLOCK is 0 KB"),
		  "%s", caught.error);
	cr_assert_null(plx_eal_conf());
	cr_assert_not(plx_lcore_is_enabled(0) || plx_lcore_is_enabled(1));
	cr_assert_eq(plx_lcore_id(), PLX_LCORE_NONE, "%u", plx_lcore_id());
	cr_assert_not(plx_log_enabled(&plx_log_eal, PLX_LOG_INFO));
	expect_caller_is(&before, SCHED_OTHER, "after a failed start");
	cr_assert_eq(count_entries("/proc/self/task"), threads, "%u threads, were %u",
		     count_entries("/proc/self/task"), threads);
	cr_assert_eq(count_entries("/proc/self/fd"), fds, "%u descriptors, were %u",
		     count_entries("/proc/self/fd"), fds);
}

Test(eal_init, a_thousand_starts_leave_nothing_behind)
{
	enum { WARM_UP = 20 };
	unsigned fds = 0, threads = 0, mappings = 0;
	long rss_kb = 0;

	use_lcore(0, first_cpu);
	use_lcore(1, first_cpu);
	conf.log_levels[conf.nb_log_levels++] = strdup("notice");
	for (int i = 0; i < 1000 + WARM_UP; i++) {
		int ret = plx_eal_init(&conf);

		cr_assert_eq(ret, 0, "start %d: %d, %s", i, ret, caught.error);
		plx_eal_fini();
		if (i == WARM_UP) {
			fds = count_entries("/proc/self/fd");
			threads = count_entries("/proc/self/task");
			mappings = count_mappings();
			rss_kb = status_kb("VmRSS:");
		}
	}
	cr_expect_eq(count_entries("/proc/self/fd"), fds, "%u descriptors, were %u",
		     count_entries("/proc/self/fd"), fds);
	cr_expect_eq(count_entries("/proc/self/task"), threads, "%u threads, were %u",
		     count_entries("/proc/self/task"), threads);
	cr_expect_leq(count_mappings(), mappings + 4, "%u mappings, were %u", count_mappings(),
		      mappings);
	/* A sanitizer keeps what was freed, and finds leaks itself. */
	cr_expect(sanitized || status_kb("VmRSS:") < rss_kb + 1024, "%ld KB resident, were %ld",
		  status_kb("VmRSS:"), rss_kb);
	cr_expect_eq(caught.nb_lines, 0, "%s", caught.last);
}

/* Each open of the start made to fail in turn, by the limit on descriptors. */
Test(eal_init, too_few_descriptors)
{
	struct rlimit normal;
	unsigned fds = count_entries("/proc/self/fd");
	unsigned nb_failed = 0;
	bool worked = false;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &normal), 0);
	use_lcore(0, first_cpu);
	use_lcore(1, first_cpu);
	for (rlim_t limit = 0; limit < 64; limit++) {
		struct rlimit low = {limit, normal.rlim_max};
		int ret;

		catch_log();
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
		ret = plx_eal_init(&conf);
		worked = ret == 0;
		plx_eal_fini();
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &normal), 0);
		cr_expect_eq(count_entries("/proc/self/fd"), fds, "limit %ju: %u descriptors",
			     (uintmax_t)limit, count_entries("/proc/self/fd"));
		if (worked)
			continue;
		nb_failed++;
		cr_expect_eq(ret, -EMFILE, "limit %ju: %d, %s", (uintmax_t)limit, ret,
			     caught.error);
		cr_expect_eq(caught.nb_errors, 1, "limit %ju: %u errors, the last: %s",
			     (uintmax_t)limit, caught.nb_errors, caught.error);
	}
	cr_assert(worked, "64 descriptors are enough: %s", caught.error);
	cr_assert_gt(nb_failed, 0, "no limit made it fail");
}
