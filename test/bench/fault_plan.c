/* SPDX-License-Identifier: BSD-3-Clause */
/* Plans of net_fault: "drop=100+1000x7" are packets 100, 1100, ..., 6100. */
#include <errno.h>
#include <stdlib.h>

#include "fault.h"

static const char *const names[] = {"drop", "flip",  "dup",    "swap",
				    "hold", "stall", "insert", "undone"};

_Static_assert(sizeof(names) / sizeof(names[0]) == FAULT_KINDS + 1, "each kind has its name");

const char *plx_net_fault_name(enum fault_kind kind)
{
	return names[kind];
}

/* A number, and what comes after it in *@text. */
static bool read_number(const char **text, uint64_t min, uint64_t *number)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*number = strtoull(*text, &end, 10);
	*text = end;
	return errno == 0 && *number >= min;
}

/* FIRST, FIRST+STEP or FIRST+STEPxTIMES. */
static bool read_rule(const char *text, struct fault_rule *rule)
{
	*rule = (struct fault_rule){.step = 1, .times = 1};
	if (!read_number(&text, 0, &rule->first))
		return false;
	if (*text == '+') {
		text++;
		rule->times = UINT64_MAX;
		if (!read_number(&text, 1, &rule->step))
			return false;
		if (*text == 'x' && (text++, !read_number(&text, 1, &rule->times)))
			return false;
	}
	return *text == '\0';
}

static int read_rules(struct fault_rules *rules, const struct plx_devargs *args, const char *key)
{
	const char *text;

	while ((text = plx_devargs_get_nth(args, key, rules->nb))) {
		if (rules->nb == FAULT_RULES_MAX)
			return plx_devargs_refuse(args, key, "32 times at most");
		if (!read_rule(text, &rules->rule[rules->nb++]))
			return plx_devargs_refuse(args, key,
						  "FIRST, FIRST+STEP or FIRST+STEPxTIMES");
	}
	return 0;
}

int plx_net_fault_plan(struct fault_plan *plan, const struct plx_devargs *args)
{
	uint32_t hold_us = 1000, stall_us = 1000;
	int ret = 0;

	plan->flip_bit = 8 * 58; /* in the last bytes of the shortest frame */
	for (unsigned kind = 0; kind < FAULT_KINDS && ret == 0; kind++)
		ret = read_rules(&plan->of[kind], args, names[kind]);
	if (ret == 0)
		ret = plx_devargs_u32(args, "flip-bit", 0, 8 * FAULT_MTU_MAX, &plan->flip_bit);
	if (ret == 0)
		ret = plx_devargs_u32(args, "hold-us", 1, 10000000, &hold_us);
	if (ret == 0)
		ret = plx_devargs_u32(args, "stall-us", 1, 10000000, &stall_us);
	plan->hold_ns = hold_us * UINT64_C(1000);
	plan->stall_ns = stall_us * UINT64_C(1000);
	return ret;
}

bool plx_net_fault_names(const struct fault_rules *rules, uint64_t n)
{
	for (unsigned i = 0; i < rules->nb; i++) {
		const struct fault_rule *rule = &rules->rule[i];

		if (n >= rule->first && (n - rule->first) % rule->step == 0 &&
		    (n - rule->first) / rule->step < rule->times)
			return true;
	}
	return false;
}

enum fault_kind plx_net_fault_of(const struct fault_plan *plan, uint64_t n)
{
	for (unsigned kind = 0; kind < FAULT_INSERT; kind++)
		if (plx_net_fault_names(&plan->of[kind], n))
			return kind;
	return FAULT_NONE;
}
