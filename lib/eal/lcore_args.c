/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lcore lists, DPDK 22.11's grammar:
 *
 *   -l        LIST of CPU numbers, which are the lcore ids too: 0-2,5
 *   -c        the same as a hexadecimal mask: 0x27
 *   --lcores  MAP := ITEM[,ITEM...]; ITEM := SET[@SET]; SET := N | N-N | (LIST), a LIST as for -l
 *             Every lcore of the set left of '@' may run on each CPU of the set right of it.
 *             Without '@', the lcores of a group share the CPUs of the same numbers, (0,6) runs
 *             both on 0 and 6, while N or N-N gives each lcore the CPU of its number.
 *
 * Blanks around numbers and signs are skipped. Stricter than DPDK: a reversed range and an lcore
 * that a map names twice are refused.
 */
#include "args.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Reads on through `at`; the whole value is kept for the error line. */
struct reader {
	struct plx_args *args;
	const char *value;
	const char *at;
	bool ids_are_cpus; /* as in -l */
};

static int refuse_here(const struct reader *r, const char *wanted)
{
	if (*r->at)
		return plx_args_refuse(r->args, r->value, "at '%.40s': want %s", r->at, wanted);
	return plx_args_refuse(r->args, r->value, "at its end: want %s", wanted);
}

static void skip_blanks(struct reader *r)
{
	while (isblank((unsigned char)*r->at))
		r->at++;
}

/* Step over `sign` if it is what comes next. */
static bool take(struct reader *r, char sign)
{
	skip_blanks(r);
	if (*r->at != sign)
		return false;
	r->at++;
	skip_blanks(r);
	return true;
}

static int refuse_range(const struct reader *r, const char *at, const char *what, unsigned limit)
{
	return plx_args_refuse(r->args, r->value, "at '%.40s': want %s, 0 to %u", at, what,
			       limit - 1);
}

/* A number below `limit`. */
static int read_number(struct reader *r, const char *what, unsigned limit, unsigned *out)
{
	const char *start;
	char *end;
	unsigned long number;

	skip_blanks(r);
	start = r->at;
	if (!isdigit((unsigned char)*start))
		return *start ? refuse_range(r, start, what, limit)
			      : plx_args_refuse(r->args, r->value, "at its end: want %s, 0 to %u",
						what, limit - 1);
	number = strtoul(start, &end, 10); /* ULONG_MAX when it overflows */
	if (number >= limit && number < CPU_SETSIZE && r->ids_are_cpus)
		return plx_args_refuse(r->args, r->value,
				       "at '%.40s': want %s, 0 to %u; for one beyond give an lcore "
				       "id with it: --lcores 0@%lu",
				       start, what, limit - 1, number);
	if (number >= limit)
		return refuse_range(r, start, what, limit);
	r->at = end;
	skip_blanks(r);
	*out = (unsigned)number;
	return 0;
}

/* N or N-N, added to `set`. */
static int read_range(struct reader *r, const char *what, unsigned limit, cpu_set_t *set)
{
	unsigned first = 0;
	unsigned last;
	const char *start = r->at;
	int ret;

	ret = read_number(r, what, limit, &first);
	if (ret)
		return ret;
	last = first;
	if (take(r, '-')) {
		ret = read_number(r, what, limit, &last);
		if (ret)
			return ret;
	}
	if (last < first)
		return plx_args_refuse(r->args, r->value,
				       "at '%.40s': the range runs backwards, want %u-%u", start,
				       last, first);
	for (unsigned i = first; i <= last; i++)
		CPU_SET(i, set);
	return 0;
}

static int read_list(struct reader *r, const char *what, unsigned limit, cpu_set_t *set)
{
	int ret;

	do {
		ret = read_range(r, what, limit, set);
	} while (!ret && take(r, ','));
	return ret;
}

static int read_set(struct reader *r, const char *what, unsigned limit, cpu_set_t *set, bool *group)
{
	int ret;

	CPU_ZERO(set);
	*group = take(r, '(');
	if (!*group)
		return read_range(r, what, limit, set);
	ret = read_list(r, what, limit, set);
	if (ret)
		return ret;
	return take(r, ')') ? 0 : refuse_here(r, "',' or ')'");
}

/* `cpus` NULL: the CPU of its own number. */
static void enable(struct plx_eal_conf *conf, unsigned id, const cpu_set_t *cpus)
{
	struct plx_eal_lcore *lcore = &conf->lcores[id];

	if (!lcore->enabled)
		conf->nb_lcores++;
	lcore->enabled = true;
	if (cpus) {
		lcore->cpus = *cpus;
	} else {
		CPU_ZERO(&lcore->cpus);
		CPU_SET(id, &lcore->cpus);
	}
}

static int enable_set(struct reader *r, const char *item, const cpu_set_t *ids,
		      const cpu_set_t *cpus)
{
	for (unsigned id = 0; id < PLX_LCORE_MAX; id++) {
		if (!CPU_ISSET(id, ids))
			continue;
		if (r->args->conf->lcores[id].enabled)
			return plx_args_refuse(r->args, r->value,
					       "at '%.40s': lcore %u stands "
					       "here twice, want each id once",
					       item, id);
		enable(r->args->conf, id, cpus);
	}
	return 0;
}

static int read_map_item(struct reader *r)
{
	const char *item = r->at;
	cpu_set_t ids;
	cpu_set_t cpus;
	bool group;
	bool cpu_group;
	int ret;

	ret = read_set(r, "an lcore id", PLX_LCORE_MAX, &ids, &group);
	if (ret)
		return ret;
	if (take(r, '@')) {
		ret = read_set(r, "a CPU number", CPU_SETSIZE, &cpus, &cpu_group);
		return ret ? ret : enable_set(r, item, &ids, &cpus);
	}
	return enable_set(r, item, &ids, group ? &ids : NULL);
}

int plx_args_lcore_map(struct plx_args *args, const char *value)
{
	struct reader r = {.args = args, .value = value, .at = value};
	int ret;

	skip_blanks(&r);
	do {
		ret = read_map_item(&r);
		if (ret)
			return ret;
	} while (take(&r, ','));
	return *r.at ? refuse_here(&r, "',', '@' or the end") : 0;
}

int plx_args_lcore_list(struct plx_args *args, const char *value)
{
	struct reader r = {.args = args, .value = value, .at = value, .ids_are_cpus = true};
	cpu_set_t ids;
	int ret;

	CPU_ZERO(&ids);
	ret = read_list(&r, "a CPU number", PLX_LCORE_MAX, &ids);
	if (ret)
		return ret;
	if (*r.at)
		return refuse_here(&r, "',', '-' or the end (--lcores takes maps)");
	return enable_set(&r, value, &ids, NULL);
}

int plx_args_lcore_mask(struct plx_args *args, const char *value)
{
	struct reader r = {.args = args, .value = value, .at = value};
	cpu_set_t ids;
	size_t nb_digits;

	CPU_ZERO(&ids);
	skip_blanks(&r);
	if (r.at[0] == '0' && (r.at[1] == 'x' || r.at[1] == 'X'))
		r.at += 2;
	nb_digits = strspn(r.at, "0123456789abcdefABCDEF");
	if (nb_digits == 0 || r.at[nb_digits + strspn(r.at + nb_digits, " \t")] != '\0')
		return plx_args_refuse(args, value, "want a hexadecimal mask of CPUs, as in 0x27");
	for (size_t i = 0; i < nb_digits; i++) {
		char c = r.at[nb_digits - 1 - i];
		unsigned digit = isdigit((unsigned char)c) ? (unsigned)(c - '0')
							   : (unsigned)((c | 0x20) - 'a' + 10);

		for (unsigned bit = 0; bit < 4; bit++) {
			if (!(digit >> bit & 1))
				continue;
			if (i * 4 + bit >= PLX_LCORE_MAX)
				return plx_args_refuse(args, value, "want CPUs 0 to %d only",
						       PLX_LCORE_MAX - 1);
			CPU_SET(i * 4 + bit, &ids);
		}
	}
	if (CPU_COUNT(&ids) == 0)
		return plx_args_refuse(args, value, "want at least one CPU");
	return enable_set(&r, value, &ids, NULL);
}
