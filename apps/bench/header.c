/* SPDX-License-Identifier: BSD-3-Clause */
/* The machine, the programs and the settings that figures belong to. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

enum { TEXT_MAX = 256 };

#if defined(__clang__)
static const char compiler[] = "clang " __clang_version__ " " BENCH_CFLAGS;
#else
static const char compiler[] = "gcc " __VERSION__ " " BENCH_CFLAGS;
#endif

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

/* The first line of a file, without its end; "" where there is none. */
static const char *first_line(const char *path, char text[TEXT_MAX])
{
	FILE *file = fopen(path, "re");

	text[0] = '\0';
	if (file) {
		if (!fgets(text, TEXT_MAX, file))
			text[0] = '\0';
		fclose(file);
	}
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* What follows "KEY<blanks>: " in a file. */
static const char *value_of(const char *path, const char *key, char text[TEXT_MAX])
{
	FILE *file = fopen(path, "re");
	char line[TEXT_MAX];

	text[0] = '\0';
	while (file && text[0] == '\0' && fgets(line, sizeof(line), file)) {
		const char *at = strncmp(line, key, strlen(key)) == 0 ? strchr(line, ':') : NULL;

		if (at)
			snprintf(text, TEXT_MAX, "%s", at + 1 + strspn(at + 1, " \t"));
	}
	if (file)
		fclose(file);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* CPUID leaf 40000000h; "" on the machine itself. */
static const char *hypervisor(char text[TEXT_MAX])
{
	static const char *const names[][2] = {{"KVMKVMKVM", "KVM"},
					       {"TCGTCGTCGTCG", "QEMU (TCG)"},
					       {"Microsoft Hv", "Hyper-V"},
					       {"VMwareVMware", "VMware"},
					       {"XenVMMXenVMM", "Xen"}};

	text[0] = '\0';
#ifdef __x86_64__
	unsigned a, b, c, d;

	if (__get_cpuid(1, &a, &b, &c, &d) && c >> 31) {
		__cpuid(0x40000000, a, b, c, d);
		memcpy(text, (unsigned[]){b, c, d}, 12);
		text[12] = '\0';
	}
#endif
	for (size_t i = 0; i < PLX_ARRAY_SIZE(names); i++)
		if (strcmp(text, names[i][0]) == 0)
			return names[i][1];
	return text;
}

static json_t *machine(void)
{
	char cpu[TEXT_MAX], vm[TEXT_MAX], governor[TEXT_MAX], isolated[TEXT_MAX];
	const double bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);

	return json_pack(
		"{ss si so si so ss}", "cpu", value_of("/proc/cpuinfo", "model name", cpu),
		"nb_cpus", get_nprocs(), "hypervisor", text_or_null(hypervisor(vm)), "memory_mb",
		(int)(bytes / 1e6), "governor",
		text_or_null(first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
					governor)),
		"isolated_cpus", first_line("/sys/devices/system/cpu/isolated", isolated));
}

static json_t *clock_used(void)
{
	struct plx_clock_info info;

	plx_clock_refine();
	if (plx_clock_info(&info))
		return json_null();
	return json_pack("{ss sf sb ss sf}", "source", plx_clock_source_name(info.source), "hz",
			 (double)info.hz, "invariant", info.invariant, "learned",
			 plx_clock_learned_name(info.learned), "error_ppm", info.error_ppm);
}

static json_t *hugepages(void)
{
	static const char dir[] = "/sys/kernel/mm/hugepages/hugepages-2048kB";
	char path[TEXT_MAX], total[TEXT_MAX], unused[TEXT_MAX];

	snprintf(path, sizeof(path), "%s/nr_hugepages", dir);
	first_line(path, total);
	snprintf(path, sizeof(path), "%s/free_hugepages", dir);
	first_line(path, unused);
	return json_pack("{si si si}", "page_kb", plx_eal_conf()->no_huge ? 4 : 2048, "total",
			 atoi(total), "free", atoi(unused));
}

/* What the kernel's drivers get, as the first group has it: vfio-pci always translates. */
static const char *iommu(void)
{
	char text[TEXT_MAX];

	first_line("/sys/kernel/iommu_groups/0/type", text);
	if (strncmp(text, "DMA", 3) == 0)
		return "translated";
	if (strcmp(text, "identity") == 0)
		return "passthrough";
	return access("/sys/kernel/iommu_groups/0", F_OK) == 0 ? "present" : "none";
}

static json_t *list(const struct options *opts, unsigned nb,
		    json_t *(*item)(const struct options *, unsigned))
{
	json_t *out = json_array();

	for (unsigned i = 0; i < nb; i++)
		json_array_append_new(out, item(opts, i));
	return out;
}

static json_t *size_at(const struct options *opts, unsigned i)
{
	return json_string(opts->mixes[i].text);
}

static json_t *rate_at(const struct options *opts, unsigned i)
{
	return json_string(opts->rates[i].text);
}

static json_t *delay_at(const struct options *opts, unsigned i)
{
	return json_real(opts->delays_us[i] * 1000);
}

static json_t *load_at(const struct options *opts, unsigned i)
{
	return json_real(opts->loads[i]);
}

static json_t *options(const struct options *opts)
{
	static const char *const searches[] = {
		[SEARCH_NONE] = "none", [SEARCH_NDR] = "ndr", [SEARCH_PDR] = "pdr"};

	return json_pack(
		"{so so so ss sf sf si si so si ss? sb so}", "sizes",
		list(opts, opts->nb_mixes, size_at), "rates", list(opts, opts->nb_rates, rate_at),
		"latency_loads_percent", list(opts, opts->nb_loads, load_at), "search",
		searches[opts->search], "duration_s", opts->duration_s, "warmup_s", opts->warmup_s,
		"repeats", (int)opts->nb_repeats, "burst", (int)opts->burst, "mbufs",
		opts->nb_mbufs ? json_integer(opts->nb_mbufs) : json_null(), "stress_streams",
		(int)opts->stress, "stress_cpus", opts->stress_cpus_text, "isolate", opts->isolate,
		"delays_ns", list(opts, opts->nb_delays, delay_at));
}

static json_t *labels(const struct bench *bench)
{
	json_t *out = json_array();
	bool emulated = false;

	for (unsigned i = 0; i < bench->nb_pairs; i++)
		emulated |= bench->pairs[i].emulated;
	if (bench->few_cpus) {
		json_array_append_new(out, json_string("shared CPU"));
		json_array_append_new(out, json_string("oversubscribed, ratios indicative"));
	}
	if (emulated)
		json_array_append_new(out, json_string("emulated"));
	return out;
}

/* SCHED_FIFO may be taken off the CPU by the kernel's own throttle. */
static void warn_of_throttle(const struct bench *bench)
{
	char text[TEXT_MAX];
	const char *runtime = first_line("/proc/sys/kernel/sched_rt_runtime_us", text);

	if (bench->opts.isolate && *runtime && strcmp(runtime, "-1") != 0)
		bench_complain("warning: the kernel stops SCHED_FIFO loops for %ld us in each "
			       "second: sysctl kernel.sched_rt_runtime_us=-1 ends that",
			       1000000 - atol(runtime));
}

double header_steal_percent(void)
{
	static double last_all, last_steal;
	double t[8] = {0}, all = 0, steal, percent;
	FILE *file = fopen("/proc/stat", "re");

	if (file) {
		if (fscanf(file, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &t[0], &t[1], &t[2], &t[3],
			   &t[4], &t[5], &t[6], &t[7]) != 8)
			memset(t, 0, sizeof(t));
		fclose(file);
	}
	for (int i = 0; i < 8; i++)
		all += t[i];
	steal = t[7];
	percent = all > last_all ? 100 * (steal - last_steal) / (all - last_all) : 0;
	last_all = all;
	last_steal = steal;
	return percent;
}

json_t *header_make(const struct bench *bench, int argc, char **argv)
{
	struct utsname kernel;
	char when[32];
	const time_t now = time(NULL);
	struct tm utc;
	json_t *command = json_array();

	uname(&kernel);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	for (int i = 0; i < argc; i++)
		json_array_append_new(command, json_string(argv[i]));
	warn_of_throttle(bench);
	return json_pack("{ss so ss so ss ss so ss so sf so so}", "time", when, "command", command,
			 "pollux", plx_version(), "machine", machine(), "kernel", kernel.release,
			 "compiler", compiler, "clock", clock_used(), "iommu", iommu(), "hugepages",
			 hugepages(), "steal_percent", 0.0, "options", options(&bench->opts),
			 "labels", labels(bench));
}

static json_t *port_of(const struct bench *bench, const struct pair *pair, unsigned end)
{
	const unsigned port = pair->instances[end]->port;
	const struct lcore *lcore = &bench->lcores[bench_lcore(bench, pair->instances[end]->index)];
	struct plx_port_info info = {0};
	struct plx_port_link link = {0};
	char net[IF_NAMESIZE];

	plx_port_info(port, &info);
	plx_port_link(port, &link);
	return json_pack("{si ss ss so si sb si si}", "port", (int)port, "name", info.name,
			 "driver", info.driver ? info.driver : "", "interface",
			 info.if_index && if_indextoname(info.if_index, net) ? json_string(net)
									     : json_null(),
			 "link_mbps", (int)link.speed_mbps, "emulated", pair->emulated, "lcore",
			 (int)lcore->id, "cpu", lcore->cpu);
}

json_t *header_pairs(const struct bench *bench)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < bench->nb_pairs; i++) {
		const struct pair *pair = &bench->pairs[i];

		json_array_append_new(out,
				      json_pack("{ss ss s[oo]}", "name", pair->conf->name, "path",
						pair->path, "ports", port_of(bench, pair, 0),
						port_of(bench, pair, 1)));
	}
	return out;
}
