/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * -l, -c and --lcores: which lcores on which CPUs, DPDK's example included, and random maps against
 * the sets that they were written from. What is refused stands in test_eal_args.c.
 */
#include "eal_parse.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "0@0 1@5,6": lcores with their CPUs. */
static void dump_lcores(char *text)
{
	char *at = text;

	*at = '\0';
	for (unsigned id = 0; id < PLX_LCORE_MAX; id++) {
		const char *sign = "@";

		if (!conf.lcores[id].enabled)
			continue;
		at += sprintf(at, "%s%u", at > text ? " " : "", id);
		for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
			if (!CPU_ISSET(cpu, &conf.lcores[id].cpus))
				continue;
			at += sprintf(at, "%s%u", sign, cpu);
			sign = ",";
		}
	}
}

TestSuite(eal_lcore_args, .init = start);

Test(eal_lcore_args, lcore_lists_make_these_lcores)
{
	static const struct {
		const char *args[3];
		const char *lcores;
		unsigned nb;
	} cases[] = {
		{{"-l", "0"}, "0@0", 1},
		{{"-l0"}, "0@0", 1},
		{{"-l", "0-2,5"}, "0@0 1@1 2@2 5@5", 4},
		{{"-l", " 0 - 1 , 3 "}, "0@0 1@1 3@3", 3},
		{{"-l", "1,1,0-1"}, "0@0 1@1", 2},
		{{"-l", "127"}, "127@127", 1},
		{{"-c", "0x27"}, "0@0 1@1 2@2 5@5", 4},
		{{"-c", "f"}, "0@0 1@1 2@2 3@3", 4},
		{{"-c", "0XA0 "}, "5@5 7@7", 2},
		{{"-c", "80000000000000000000000000000000"}, "127@127", 1},
		{{"-c", "0000000000000000000000000000000000000001"}, "0@0", 1},
		{{"--lcores", "0"}, "0@0", 1},
		{{"--lcores=0@0,(1-3)@1"}, "0@0 1@1 2@1 3@1", 4},
		{{"--lcores", "0-2"}, "0@0 1@1 2@2", 3},
		{{"--lcores", "1-3@4"}, "1@4 2@4 3@4", 3},
		{{"--lcores", "1-2@4-6"}, "1@4,5,6 2@4,5,6", 2},
		{{"--lcores", "(0,6)"}, "0@0,6 6@0,6", 2},
		{{"--lcores", "(3)"}, "3@3", 1},
		{{"--lcores", "0@(1000,1023)"}, "0@1000,1023", 1},
		{{"--lcores", "1@1,0@0"}, "0@0 1@1", 2},
		{{"--lcores", " ( 0 , 2 - 3 ) @ ( 1 ) , 5 "}, "0@1 2@1 3@1 5@5", 4},
		/* The example of DPDK's documentation. */
		{{"--lcores", "1,2@(5-7),(3-5)@(0,2),(0,6),7-8"},
		 "0@0,6 1@1 2@5,6,7 3@0,2 4@0,2 5@0,2 6@0,6 7@7 8@8",
		 9},
	};
	char text[TEXT_MAX];

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		int ret = parse(cases[i].args);

		cr_expect_gt(ret, 0, "%s %s: %d, %s", cases[i].args[0], cases[i].args[1], ret,
			     caught.last);
		dump_lcores(text);
		cr_expect_str_eq(text, cases[i].lcores, "%s %s: lcores '%s', want '%s'",
				 cases[i].args[0], cases[i].args[1], text, cases[i].lcores);
		cr_expect_eq(conf.nb_lcores, cases[i].nb, "%s: %u lcores, want %u",
			     cases[i].args[0], conf.nb_lcores, cases[i].nb);
		cr_expect_eq(caught.nb_lines, 0, "%s: %s", cases[i].args[0], caught.last);
	}
}

static unsigned seed(void)
{
	const char *text = getenv("PLX_TEST_SEED");
	unsigned value = text ? (unsigned)strtoul(text, NULL, 0) : (unsigned)getpid();

	fprintf(stderr, "seed %u (PLX_TEST_SEED)\n", value);
	return value;
}

/* Write the members of a set in one of the forms that mean it. */
static char *write_group(char *at, const cpu_set_t *set, unsigned limit)
{
	const char *sign = "(";

	for (unsigned i = 0; i < limit; i++) {
		unsigned last = i;

		if (!CPU_ISSET(i, set))
			continue;
		while (rand() % 4 && last + 1 < limit && CPU_ISSET(last + 1, set))
			last++;
		at += sprintf(at, last > i || rand() % 8 == 0 ? "%s%u-%u" : "%s%u", sign, i, last);
		sign = rand() % 4 ? "," : " , ";
		i = last;
	}
	return at + sprintf(at, ")");
}

Test(eal_lcore_args, random_maps_are_read_as_they_were_meant)
{
	unsigned start_seed = seed();

	srand(start_seed);
	for (int round = 0; round < 500; round++) {
		struct plx_eal_lcore want[PLX_LCORE_MAX] = {0};
		char map[TEXT_MAX];
		char *at = map;
		int ret;

		for (int item = rand() % 5; item >= 0; item--) {
			cpu_set_t ids, cpus;

			CPU_ZERO(&ids);
			CPU_ZERO(&cpus);
			for (int n = rand() % 4; n >= 0; n--)
				CPU_SET(rand() % CPU_SETSIZE, &cpus);
			for (int n = rand() % 6; n >= 0; n--) {
				unsigned id = (unsigned)rand() % PLX_LCORE_MAX;

				if (!want[id].enabled)
					CPU_SET(id, &ids);
			}
			if (CPU_COUNT(&ids) == 0)
				continue;
			if (at > map)
				at += sprintf(at, ",");
			at = write_group(at, &ids, PLX_LCORE_MAX);
			if (rand() % 4) {
				at += sprintf(at, "@");
				at = write_group(at, &cpus, CPU_SETSIZE);
			} else {
				cpus = ids;
			}
			for (unsigned id = 0; id < PLX_LCORE_MAX; id++) {
				if (!CPU_ISSET(id, &ids))
					continue;
				want[id].enabled = true;
				want[id].cpus = cpus;
			}
		}
		ret = parse((const char *[]){"--lcores", map, NULL});
		cr_assert_eq(ret, 3, "seed %u, '%s': %d, %s", start_seed, map, ret, caught.last);
		for (unsigned id = 0; id < PLX_LCORE_MAX; id++) {
			cr_assert_eq(conf.lcores[id].enabled, want[id].enabled,
				     "seed %u, '%s': lcore %u", start_seed, map, id);
			cr_assert(!want[id].enabled ||
					  CPU_EQUAL(&conf.lcores[id].cpus, &want[id].cpus),
				  "seed %u, '%s': CPUs of lcore %u", start_seed, map, id);
		}
	}
}

Test(eal_lcore_args, random_text_is_read_or_refused_by_one_line)
{
	static const char alphabet[] = "0123456789,,--@@()() x";
	static const char *const options[] = {"--lcores", "-l", "-c", "--socket-mem", "-m"};
	unsigned start_seed = seed();

	srand(start_seed);
	for (int round = 0; round < 20000; round++) {
		const char *option = options[(unsigned)rand() % PLX_ARRAY_SIZE(options)];
		char value[16] = "";
		int ret;

		for (int i = rand() % 12; i > 0; i--)
			value[i - 1] = alphabet[(unsigned)rand() % (sizeof(alphabet) - 1)];
		ret = parse((const char *[]){option, value, NULL});
		if (ret == 3)
			cr_assert_eq(caught.nb_lines, 0, "seed %u, %s '%s': %s", start_seed, option,
				     value, caught.last);
		else
			cr_assert(ret == -EINVAL && caught.nb_lines == 1,
				  "seed %u, %s '%s': %d, %u lines", start_seed, option, value, ret,
				  caught.nb_lines);
	}
}
