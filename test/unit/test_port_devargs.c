/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device strings: what is accepted, and the one line about what is not.
 */
#include "log_lines.h"

#include <errno.h>
#include <pollux/devargs.h>
#include <stdlib.h>

static const struct plx_devargs_key keys[] = {
	{.name = "iface"}, {.name = "pcap", .repeats = true}, {0}};

static struct plx_devargs args;

TestSuite(devargs, .init = log_lines_start);

static void parse(const char *device)
{
	int ret = plx_devargs_parse(&args, device);

	cr_assert_eq(ret, 0, "%s: %d, %s", device, ret, log_lines_text(0));
}

Test(devargs, a_name_and_its_keys)
{
	parse("net_pcap0,iface=eth0,pcap=a=b,pcap=,alone");
	cr_assert_str_eq(args.name, "net_pcap0");
	cr_assert_eq(args.nb_pairs, 4, "%u", args.nb_pairs);
	cr_assert_str_eq(plx_devargs_get(&args, "iface"), "eth0");
	cr_assert_str_eq(plx_devargs_get(&args, "pcap"), "a=b");
	cr_assert_str_eq(plx_devargs_get_nth(&args, "pcap", 1), "");
	cr_assert_null(plx_devargs_get_nth(&args, "pcap", 2));
	cr_assert_str_eq(plx_devargs_get(&args, "alone"), "");
	cr_assert_null(plx_devargs_get(&args, "ifac"));
	parse("net_null0");
	cr_assert_eq(args.nb_pairs, 0, "%u", args.nb_pairs);
}

Test(devargs, a_copy_that_outlives_the_string)
{
	char text[32] = "net_null0,size=64";

	parse(text);
	memset(text, 'x', sizeof(text));
	cr_assert_str_eq(args.name, "net_null0");
	cr_assert_str_eq(plx_devargs_get(&args, "size"), "64");
}

Test(devargs, what_is_no_device_string)
{
	static const char *const cases[] = {
		"", ",size=1", "net_null0,", "net_null0,,size=1", "net_null0,=1", NULL};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		log_lines_start();
		cr_expect_eq(plx_devargs_parse(&args, cases[i]), -EINVAL, "'%s'",
			     cases[i] ? cases[i] : "NULL");
		cr_expect_eq(log_lines.nb, 1, "'%s': %u lines", cases[i] ? cases[i] : "NULL",
			     log_lines.nb);
	}
}

Test(devargs, limits)
{
	char text[PLX_DEVARGS_BYTES_MAX + 2] = "net_null0";

	for (unsigned i = 0; i < PLX_DEVARGS_PAIRS_MAX; i++)
		strcat(text, ",k");
	parse(text);
	cr_assert_eq(args.nb_pairs, PLX_DEVARGS_PAIRS_MAX);
	strcat(text, ",k");
	cr_assert_eq(plx_devargs_parse(&args, text), -EINVAL);
	assert_one_line("port", PLX_LOG_ERR, "net_null0", "128");

	memset(text, 'n', sizeof(text));
	text[PLX_DEVARGS_BYTES_MAX - 1] = '\0';
	log_lines_start();
	parse(text);
	text[PLX_DEVARGS_BYTES_MAX - 1] = 'n';
	text[PLX_DEVARGS_BYTES_MAX] = '\0';
	cr_assert_eq(plx_devargs_parse(&args, text), -EINVAL);
	assert_one_line("port", PLX_LOG_ERR, "4095");
}

Test(devargs, keys_are_known_and_stand_once)
{
	parse("net_pcap0,iface=eth0,pcap=a,pcap=b");
	cr_assert_eq(plx_devargs_check(&args, keys), 0);
	assert_no_line();
	parse("net_pcap0,iface=a,ifase=b");
	cr_assert_eq(plx_devargs_check(&args, keys), -EINVAL);
	assert_one_line("port", PLX_LOG_ERR, "net_pcap0", "'ifase'", "iface, pcap");
	log_lines_start();
	cr_assert_eq(plx_devargs_check(&args, NULL), -EINVAL);
	assert_one_line("port", PLX_LOG_ERR, "'iface'", "none");
	log_lines_start();
	parse("net_pcap0,iface=a,iface=b");
	cr_assert_eq(plx_devargs_check(&args, keys), -EINVAL);
	assert_one_line("port", PLX_LOG_ERR, "'iface'", "more than once");
}

Test(devargs, numbers)
{
	static const struct {
		const char *text;
		int ret;
		uint64_t number;
	} cases[] = {
		{"d,k=0", -EINVAL, 7},
		{"d,k=1", 0, 1},
		{"d,k=64", 0, 64},
		{"d,k=0x40", 0, 64},
		{"d,k=0X40", 0, 64},
		{"d,k=65", -EINVAL, 7},
		{"d,k=-1", -EINVAL, 7},
		{"d,k=+1", -EINVAL, 7},
		{"d,k= 1", -EINVAL, 7},
		{"d,k=1 ", -EINVAL, 7},
		{"d,k=", -EINVAL, 7},
		{"d,k", -EINVAL, 7},
		{"d,k=0x", -EINVAL, 7},
		{"d,k=12a", -EINVAL, 7},
		{"d,k=010", 0, 10},
		{"d,j=1", 0, 7},
		{"d,k=18446744073709551617", -EINVAL, 7},
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		uint64_t number = 7;
		uint32_t number32 = 7;
		int ret;

		parse(cases[i].text);
		log_lines_start();
		ret = plx_devargs_u64(&args, "k", 1, 64, &number);
		cr_expect_eq(ret, cases[i].ret, "%s: %d", cases[i].text, ret);
		cr_expect_eq(number, cases[i].number, "%s: %ju", cases[i].text, number);
		cr_expect_eq(log_lines.nb, ret ? 1 : 0, "%s: %u lines", cases[i].text,
			     log_lines.nb);
		ret = plx_devargs_u32(&args, "k", 1, 64, &number32);
		cr_expect_eq(ret, cases[i].ret, "%s: %d", cases[i].text, ret);
		cr_expect_eq(number32, cases[i].number, "%s: %u", cases[i].text, number32);
	}
	parse("d,k=18446744073709551615");
	{
		uint64_t number = 0;

		cr_assert_eq(plx_devargs_u64(&args, "k", 0, UINT64_MAX, &number), 0);
		cr_assert_eq(number, UINT64_MAX);
	}
	parse("net_null0,size=99");
	log_lines_start();
	{
		uint32_t number = 0;

		plx_devargs_u32(&args, "size", 1, 64, &number);
	}
	assert_one_line("port", PLX_LOG_ERR, "net_null0: size=99: want a number from 1 to 64");
}

Test(devargs, switches)
{
	static const struct {
		const char *text;
		int ret;
		bool before, after;
	} cases[] = {
		{"d,k=0", 0, true, false},	 {"d,k=1", 0, false, true},
		{"d,k=no", 0, true, false},	 {"d,k=yes", 0, false, true},
		{"d,k=off", 0, true, false},	 {"d,k=on", 0, false, true},
		{"d,k", 0, false, true},	 {"d", 0, true, true},
		{"d", 0, false, false},		 {"d,k=2", -EINVAL, false, false},
		{"d,k=ye", -EINVAL, true, true},
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		bool value = cases[i].before;
		int ret;

		parse(cases[i].text);
		ret = plx_devargs_bool(&args, "k", &value);
		cr_expect_eq(ret, cases[i].ret, "%s: %d", cases[i].text, ret);
		cr_expect_eq(value, cases[i].after, "%s: %d", cases[i].text, value);
	}
}

Test(devargs, words)
{
	static const char *const words[] = {"hash", "lb", "cpu", NULL};
	unsigned index = 1;

	parse("d,mode=cpu");
	cr_assert_eq(plx_devargs_word(&args, "mode", words, &index), 0);
	cr_assert_eq(index, 2, "%u", index);
	cr_assert_eq(plx_devargs_word(&args, "mod", words, &index), 0);
	cr_assert_eq(index, 2, "%u", index);
	parse("d,mode=cp");
	cr_assert_eq(plx_devargs_word(&args, "mode", words, &index), -EINVAL);
	assert_one_line("port", PLX_LOG_ERR, "mode=cp", "hash, lb, cpu");
	cr_assert_eq(index, 2, "%u", index);
	log_lines_start();
	cr_assert_eq(plx_devargs_refuse(&args, "mode", "another"), -EINVAL);
	assert_one_line("port", PLX_LOG_ERR, "d: mode=cp: want another");
}
