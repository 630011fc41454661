/* SPDX-License-Identifier: BSD-3-Clause */
/* CPU lists, sysfs trees of machines other than this one, and lcores on CPUs that can't be had. */
#include "eal_log.h"
#include "eal_tree.h"
#include "lcore_private.h"

#include <errno.h>

#define CPU "devices/system/cpu/"
#define NODE "devices/system/node/"

static struct plx_topo topo;
static struct plx_eal_conf conf;

static void plant(void)
{
	plant_tree();
	plx_topo_sysfs = tree;
	plx_eal_conf_init(&conf);
}

static void set(cpu_set_t *cpus, const char *list)
{
	cr_assert(plx_cpulist_parse(list, cpus), "%s", list);
}

Test(topology, lists_that_are_lists)
{
	static const struct {
		const char *text, *out;
	} cases[] = {
		{"0\n", "0"},	      {"0-3,8\n", "0-3,8"},
		{"3,1,2", "1-3"},     {"", "none"},
		{"\n", "none"},	      {"1023", "1023"},
		{"0-2000", "0-1023"}, {"1024", "none"},
		{"5,5-6", "5-6"},     {"0,2,4-5,7", "0,2,4-5,7"},
	};
	char out[PLX_CPULIST_MAX_BYTES];
	cpu_set_t cpus;

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		cr_assert(plx_cpulist_parse(cases[i].text, &cpus), "'%s' refused", cases[i].text);
		plx_cpulist_format(&cpus, out, sizeof(out));
		cr_assert_str_eq(out, cases[i].out, "'%s' gives '%s', not '%s'", cases[i].text, out,
				 cases[i].out);
	}
}

Test(topology, lists_that_are_none)
{
	static const char *const cases[] = {"x",  "-1",	 "3-1", "1,,2",
					    "1-", "1 2", "0x1", "99999999999999999999999"};
	cpu_set_t cpus;

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++)
		cr_assert(!plx_cpulist_parse(cases[i], &cpus), "'%s' taken", cases[i]);
}

Test(topology, a_long_list_is_cut)
{
	char out[16];
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu += 2)
		CPU_SET(cpu, &cpus);
	plx_cpulist_format(&cpus, out, sizeof(out));
	cr_assert_str_eq(out, "0,2,4,6,8,10...", "'%s'", out);
}

/* Two sockets, two cores each, two threads a core; CPU 3 is offline, numbers 8-15 do not exist. */
static void plant_server(void)
{
	static const struct {
		int cpu, package, core;
	} cpus[] = {{0, 0, 0}, {1, 0, 1}, {2, 1, 0}, {4, 0, 0},
		    {5, 0, 1}, {6, 1, 0}, {7, 1, 4}, {16, 1, 4}};
	char file[128], text[16];

	grow(CPU "online", "0-2,4-7,16\n");
	grow(CPU "isolated", "5-6\n");
	grow(NODE "online", "0,2\n");
	grow(NODE "node0/cpulist", "0-1,4-5\n");
	grow(NODE "node2/cpulist", "2-3,6-7,16\n");
	for (size_t i = 0; i < PLX_ARRAY_SIZE(cpus); i++) {
		snprintf(file, sizeof(file), CPU "cpu%d/topology/physical_package_id", cpus[i].cpu);
		snprintf(text, sizeof(text), "%d\n", cpus[i].package);
		grow(file, text);
		snprintf(file, sizeof(file), CPU "cpu%d/topology/core_id", cpus[i].cpu);
		snprintf(text, sizeof(text), "%d\n", cpus[i].core);
		grow(file, text);
	}
}

Test(topology, two_sockets_with_smt_and_holes, .init = plant, .fini = fell_tree)
{
	static const struct {
		unsigned cpu;
		int node, package, core;
	} cases[] = {{0, 0, 0, 0},  {4, 0, 0, 0},   {7, 2, 1, 4},
		     {16, 2, 1, 4}, {3, 2, -1, -1}, {9, -1, -1, -1}};
	char out[PLX_CPULIST_MAX_BYTES];

	plant_server();
	plx_topo_read(&topo);
	cr_assert(topo.online_known);
	plx_cpulist_format(&topo.online, out, sizeof(out));
	cr_assert_str_eq(out, "0-2,4-7,16", "%s", out);
	plx_cpulist_format(&topo.isolated, out, sizeof(out));
	cr_assert_str_eq(out, "5-6", "%s", out);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		unsigned cpu = cases[i].cpu;

		cr_assert_eq(topo.node[cpu], cases[i].node, "CPU %u: node %d, not %d", cpu,
			     topo.node[cpu], cases[i].node);
		cr_assert_eq(plx_topo_cpu_value(cpu, "topology/physical_package_id"),
			     cases[i].package, "CPU %u: package %d, not %d", cpu,
			     plx_topo_cpu_value(cpu, "topology/physical_package_id"),
			     cases[i].package);
		cr_assert_eq(plx_topo_cpu_value(cpu, "topology/core_id"), cases[i].core,
			     "CPU %u: core %d, not %d", cpu,
			     plx_topo_cpu_value(cpu, "topology/core_id"), cases[i].core);
	}
}

Test(topology, node_of_several_cpus, .init = plant, .fini = fell_tree)
{
	static const struct {
		const char *list;
		int node;
	} cases[] = {{"0,4-5", 0}, {"16", 2}, {"0,2", -1}, {"9", -1}, {"0,9", -1}, {"", -1}};
	cpu_set_t cpus;

	plant_server();
	plx_topo_read(&topo);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		set(&cpus, cases[i].list);
		cr_assert_eq(plx_topo_node_of(&topo, &cpus), cases[i].node, "'%s': %d, not %d",
			     cases[i].list, plx_topo_node_of(&topo, &cpus), cases[i].node);
	}
}

Test(topology, no_sysfs_at_all, .init = plant, .fini = fell_tree)
{
	cpu_set_t allowed;

	plx_topo_read(&topo);
	cr_assert(!topo.online_known);
	cr_assert_eq(CPU_COUNT(&topo.isolated), 0);
	cr_assert_eq(topo.node[0], 0, "%d", topo.node[0]);
	cr_assert_eq(topo.node[CPU_SETSIZE - 1], 0, "%d", topo.node[CPU_SETSIZE - 1]);

	set(&allowed, "0-1");
	conf.lcores[1].enabled = true;
	set(&conf.lcores[1].cpus, "1");
	cr_assert_eq(plx_lcore_check_cpus(&conf, &topo, &allowed), 0);
}

Test(topology, a_node_without_its_list, .init = plant, .fini = fell_tree)
{
	grow(CPU "online", "0-3");
	grow(NODE "online", "0-1");
	grow(NODE "node1/cpulist", "2-3");
	plx_topo_read(&topo);
	cr_assert_eq(topo.node[0], -1, "%d", topo.node[0]);
	cr_assert_eq(topo.node[3], 1, "%d", topo.node[3]);
}

Test(topology, rubbish_in_files_is_unknown, .init = plant, .fini = fell_tree)
{
	grow(CPU "online", "all of them");
	grow(CPU "cpu0/topology/core_id", "-1\n");
	grow(NODE "online", "?");
	plx_topo_read(&topo);
	cr_assert(!topo.online_known);
	cr_assert_eq(topo.node[0], 0, "%d", topo.node[0]);
	cr_assert_eq(plx_topo_cpu_value(0, "topology/core_id"), -1);
}

Test(topology, refusals_name_lcore_and_cpu, .init = plant, .fini = fell_tree)
{
	static const struct {
		const char *cpus, *allowed, *line;
	} cases[] = {
		{"5", "0-1", "lcore 5: CPU 5 is not online (online: 0-1)"},
		{"1", "0",
		 "lcore 5: CPU 1 is not allowed for this process (allowed: 0; taskset or "
		 "cgroup)"},
		{"0,7", "0-1", "lcore 5: CPU 7 is not online (online: 0-1)"},
		{"", "0-1", "lcore 5: it has no CPU (online: 0-1)"},
	};
	cpu_set_t allowed;
	int ret;

	grow(CPU "online", "0-1\n");
	plx_topo_read(&topo);
	conf.lcores[0].enabled = true;
	set(&conf.lcores[0].cpus, "0");
	conf.lcores[5].enabled = true;
	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		set(&conf.lcores[5].cpus, cases[i].cpus);
		set(&allowed, cases[i].allowed);
		catch_log();
		ret = plx_lcore_check_cpus(&conf, &topo, &allowed);
		cr_assert_eq(ret, -EINVAL, "'%s': %d", cases[i].cpus, ret);
		cr_assert_eq(caught.nb_lines, 1, "%u lines", caught.nb_lines);
		cr_assert_str_eq(caught.error, cases[i].line, "'%s'", caught.error);
	}
}

/* isolcpus=: the mask that the process starts with lacks the CPU, but it may go there. */
Test(topology, an_isolated_cpu_may_be_used, .init = plant, .fini = fell_tree)
{
	cpu_set_t start, one, now, worker;
	char list[PLX_CPULIST_MAX_BYTES];
	unsigned here = 0, other;
	struct plx_cpu_info info;
	int ret;

	sched_getaffinity(0, sizeof(start), &start);
	if (CPU_COUNT(&start) < 2)
		cr_skip_test("needs two CPUs");
	while (!CPU_ISSET(here, &start))
		here++;
	other = here + 1;
	while (!CPU_ISSET(other, &start))
		other++;
	plx_cpulist_format(&start, list, sizeof(list));
	snprintf(list + strlen(list), sizeof(list) - strlen(list), ",1023");
	grow(CPU "online", list);
	CPU_ZERO(&one);
	CPU_SET(here, &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	conf.no_huge = true;
	conf.nb_lcores = 2;
	conf.lcores[0].enabled = true;
	CPU_SET(here, &conf.lcores[0].cpus);
	conf.lcores[1].enabled = true;
	CPU_SET(other, &conf.lcores[1].cpus);
	catch_log();
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, -EINVAL, "not isolated, and taken away: %d", ret);
	cr_assert(strstr(caught.error, "is not allowed for this process"), "%s", caught.error);

	plx_cpulist_format(&start, list, sizeof(list));
	snprintf(list + strlen(list), sizeof(list) - strlen(list), ",1023");
	grow(CPU "isolated", list);
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "%d: %s", ret, caught.error);
	pthread_getaffinity_np(plx_lcores[1].thread, sizeof(worker), &worker);
	cr_assert(CPU_EQUAL(&worker, &conf.lcores[1].cpus));
	cr_assert_eq(plx_cpu_info(other, &info), 0);
	cr_assert(info.allowed && info.online);
	plx_eal_fini();
	sched_getaffinity(0, sizeof(now), &now);
	cr_assert(CPU_EQUAL(&now, &one), "the caller's CPUs did not come back");

	/* Isolated and online, but nobody can go there. */
	CPU_ZERO(&conf.lcores[1].cpus);
	CPU_SET(1023, &conf.lcores[1].cpus);
	catch_log();
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_eq(caught.nb_lines, 1, "%u", caught.nb_lines);
	cr_assert(strstr(caught.error, "lcore 1: CPU 1023 is not allowed"), "%s", caught.error);
}

Test(topology, real_time_lcores_share_no_cpu, .init = plant, .fini = fell_tree)
{
	cpu_set_t allowed;
	int ret;

	set(&allowed, "0-3");
	plx_topo_read(&topo);
	conf.rt_prio = 10;
	conf.lcores[0].enabled = true;
	set(&conf.lcores[0].cpus, "0-1");
	conf.lcores[2].enabled = true;
	set(&conf.lcores[2].cpus, "1");
	conf.lcores[7].enabled = true;
	set(&conf.lcores[7].cpus, "2");
	cr_assert_eq(plx_lcore_check_cpus(&conf, &topo, &allowed), 0);
	set(&conf.lcores[7].cpus, "1");
	catch_log();
	ret = plx_lcore_check_cpus(&conf, &topo, &allowed);
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_eq(caught.nb_lines, 1, "%u", caught.nb_lines);
	cr_assert_str_eq(caught.error,
			 "--rt-prio 10: lcores 2 and 7 share CPU 1, where one that does not sleep "
			 "would starve the other: want a CPU for each",
			 "'%s'", caught.error);
	conf.rt_prio = 0;
	cr_assert_eq(plx_lcore_check_cpus(&conf, &topo, &allowed), 0);
}
