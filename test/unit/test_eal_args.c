/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line: what each option sets, the one line that each wrong value gets, DPDK's return
 * convention, getopt left as it was found.
 */
#include "eal_parse.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

TestSuite(eal_args, .init = start);

static char long_prefix[] = "abcdefghijklmnopqrstuvwxyz012345";

/* Each gets exactly this one line and -EINVAL. */
static const struct {
	const char *args[6];
	const char *line;
} refusals[] = {
	{{"-l", ""}, "-l '': at its end: want a CPU number, 0 to 127"},
	{{"-l", "0-2x"}, "-l '0-2x': at 'x': want ',', '-' or the end (--lcores takes maps)"},
	{{"-l", "2-0"}, "-l '2-0': at '2-0': the range runs backwards, want 0-2"},
	{{"-l", "130"},
	 "-l '130': at '130': want a CPU number, 0 to 127; for one beyond give an lcore id with "
	 "it: --lcores 0@130"},
	{{"-l", "0-1023"},
	 "-l '0-1023': at '1023': want a CPU number, 0 to 127; for one beyond give an lcore id "
	 "with it: --lcores 0@1023"},
	{{"-l", "1024"}, "-l '1024': at '1024': want a CPU number, 0 to 127"},
	{{"-l", "99999999999999999999"},
	 "-l '99999999999999999999': at '99999999999999999999': want a CPU number, 0 to 127"},
	{{"-l", "0,"}, "-l '0,': at its end: want a CPU number, 0 to 127"},
	{{"-l", ",0"}, "-l ',0': at ',0': want a CPU number, 0 to 127"},
	{{"-l", "-1"}, "-l '-1': at '-1': want a CPU number, 0 to 127"},
	{{"-l", "+1"}, "-l '+1': at '+1': want a CPU number, 0 to 127"},
	{{"-l", "0-"}, "-l '0-': at its end: want a CPU number, 0 to 127"},
	{{"-l", "0-1-2"}, "-l '0-1-2': at '-2': want ',', '-' or the end (--lcores takes maps)"},
	{{"-l", "0@1"}, "-l '0@1': at '@1': want ',', '-' or the end (--lcores takes maps)"},
	{{"-l", "0x1"}, "-l '0x1': at 'x1': want ',', '-' or the end (--lcores takes maps)"},
	{{"-l"}, "-l: its value is missing, --help lists the options"},
	{{"-c", ""}, "-c '': want a hexadecimal mask of CPUs, as in 0x27"},
	{{"-c", "0x"}, "-c '0x': want a hexadecimal mask of CPUs, as in 0x27"},
	{{"-c", "0xg"}, "-c '0xg': want a hexadecimal mask of CPUs, as in 0x27"},
	{{"-c", "-1"}, "-c '-1': want a hexadecimal mask of CPUs, as in 0x27"},
	{{"-c", "3 3"}, "-c '3 3': want a hexadecimal mask of CPUs, as in 0x27"},
	{{"-c", "0"}, "-c '0': want at least one CPU"},
	{{"-c", "100000000000000000000000000000000"},
	 "-c '100000000000000000000000000000000': want CPUs 0 to 127 only"},
	{{"--lcores", ""}, "--lcores '': at its end: want an lcore id, 0 to 127"},
	{{"--lcores", "128"}, "--lcores '128': at '128': want an lcore id, 0 to 127"},
	{{"--lcores", "0@1024"}, "--lcores '0@1024': at '1024': want a CPU number, 0 to 1023"},
	{{"--lcores", "0@"}, "--lcores '0@': at its end: want a CPU number, 0 to 1023"},
	{{"--lcores", "@0"}, "--lcores '@0': at '@0': want an lcore id, 0 to 127"},
	{{"--lcores", "(0"}, "--lcores '(0': at its end: want ',' or ')'"},
	{{"--lcores", "()"}, "--lcores '()': at ')': want an lcore id, 0 to 127"},
	{{"--lcores", "0)"}, "--lcores '0)': at ')': want ',', '@' or the end"},
	{{"--lcores", "((0))"}, "--lcores '((0))': at '(0))': want an lcore id, 0 to 127"},
	{{"--lcores", "0@1@2"}, "--lcores '0@1@2': at '@2': want ',', '@' or the end"},
	{{"--lcores", "0@0,"}, "--lcores '0@0,': at its end: want an lcore id, 0 to 127"},
	{{"--lcores", "0 1"}, "--lcores '0 1': at '1': want ',', '@' or the end"},
	{{"--lcores", "3-1@0"}, "--lcores '3-1@0': at '3-1@0': the range runs backwards, want 1-3"},
	{{"--lcores", "0@(5-4)"},
	 "--lcores '0@(5-4)': at '5-4)': the range runs backwards, want 4-5"},
	{{"--lcores", "0@1,(0-1)@2"},
	 "--lcores '0@1,(0-1)@2': at '(0-1)@2': lcore 0 stands here twice, want each id once"},
	{{"-l", "0", "-l", "1"},
	 "-l '1': the lcores were already given; want one of -l, -c and --lcores"},
	{{"-l", "0", "--lcores", "1"},
	 "--lcores '1': the lcores were already given; want one of -l, -c and --lcores"},
	{{"--lcores", "0", "-c", "1"},
	 "-c '1': the lcores were already given; want one of -l, -c and --lcores"},
	{{"--main-lcore", ""}, "--main-lcore '': want an lcore id, 0 to 127"},
	{{"--main-lcore", "128"}, "--main-lcore '128': want an lcore id, 0 to 127"},
	{{"--main-lcore", "-1"}, "--main-lcore '-1': want an lcore id, 0 to 127"},
	{{"--main-lcore", "1x"}, "--main-lcore '1x': want an lcore id, 0 to 127"},
	{{"--main-lcore", " 1"}, "--main-lcore ' 1': want an lcore id, 0 to 127"},
	{{"--main-lcore", "3", "-l", "0-2,5"},
	 "--main-lcore 3: not among the lcores, want one of 0-2,5"},
	{{"--rt-prio", "0"}, "--rt-prio '0': want a SCHED_FIFO priority, 1 to 99"},
	{{"--rt-prio", "100"}, "--rt-prio '100': want a SCHED_FIFO priority, 1 to 99"},
	{{"--rt-prio", "high"}, "--rt-prio 'high': want a SCHED_FIFO priority, 1 to 99"},
	{{"-a", ""}, "-a '': want a PCI address, as in 0000:01:00.0"},
	{{"--allow="}, "--allow '': want a PCI address, as in 0000:01:00.0"},
	{{"--block="}, "--block '': want a PCI address, as in 0000:01:00.0"},
	{{"--vdev", ""}, "--vdev '': want a name and settings, as in net_ring0"},
	{{"-a", "01:00.0", "-b", "02:00.0"},
	 "-a (--allow) and -b (--block) exclude each other: give one of them"},
	{{"--no-pci=1"}, "'--no-pci=1': --no-pci takes no value"},
	{{"-m", ""}, "-m '': want megabytes, 1 to 16777216"},
	{{"-m", "0"}, "-m '0': want megabytes, 1 to 16777216"},
	{{"-m", "-5"}, "-m '-5': want megabytes, 1 to 16777216"},
	{{"-m", "32M"}, "-m '32M': want megabytes, 1 to 16777216"},
	{{"-m", "16777217"}, "-m '16777217': want megabytes, 1 to 16777216"},
	{{"-m", "99999999999999"}, "-m '99999999999999': want megabytes, 1 to 16777216"},
	{{"-m", "99999999999999999999999"},
	 "-m '99999999999999999999999': want megabytes, 1 to 16777216"},
	{{"--socket-mem", ""},
	 "--socket-mem '': want megabytes for each NUMA node, as in 512,0, not all 0"},
	{{"--socket-mem", "0,0"},
	 "--socket-mem '0,0': want megabytes for each NUMA node, as in 512,0, not all 0"},
	{{"--socket-mem", "512,"},
	 "--socket-mem '512,': want megabytes for each NUMA node, as in 512,0, not all 0"},
	{{"--socket-mem", "512;1"},
	 "--socket-mem '512;1': want megabytes for each NUMA node, as in 512,0, not all 0"},
	{{"--socket-mem", "-1"},
	 "--socket-mem '-1': want megabytes for each NUMA node, as in 512,0, not all 0"},
	{{"--socket-mem", "1,99999999999"},
	 "--socket-mem '1,99999999999': want megabytes, 0 to 16777216 for each NUMA node"},
	{{"--socket-mem", "99999999999999999999999"},
	 "--socket-mem '99999999999999999999999': want megabytes, 0 to 16777216 for each NUMA "
	 "node"},
	{{"--socket-mem", "1,1,1,1,1,1,1,1,1"},
	 "--socket-mem '1,1,1,1,1,1,1,1,1': want at most 8 NUMA nodes"},
	{{"-m", "1", "--socket-mem", "1"},
	 "-m and --socket-mem exclude each other: give one of them"},
	{{"--no-huge", "--socket-mem", "1"},
	 "--no-huge and --socket-mem exclude each other: give one of them"},
	{{"--huge-dir", "/mnt", "--no-huge"},
	 "--no-huge and --huge-dir exclude each other: give one of them"},
	{{"--no-huge", "--huge-page-size", "2M"},
	 "--no-huge and --huge-page-size exclude each other: give one of them"},
	{{"--no-huge", "--iova-mode", "pa"},
	 "--no-huge and --iova-mode pa exclude each other: give one of them"},
	{{"--in-memory", "--huge-dir", "/mnt"},
	 "--in-memory and --huge-dir exclude each other: give one of them"},
	{{"--huge-dir", ""},
	 "--huge-dir '': want the path of a hugetlbfs mount, as in /dev/hugepages"},
	{{"--huge-page-size", "4K"}, "--huge-page-size '4K': want 2M or 1G"},
	{{"--huge-page-size", ""}, "--huge-page-size '': want 2M or 1G"},
	{{"--file-prefix", ""},
	 "--file-prefix '': want 1 to 31 letters, digits, '_', '-' or '.', "
	 "no '.' in front"},
	{{"--file-prefix", "../x"},
	 "--file-prefix '../x': want 1 to 31 letters, digits, '_', '-' "
	 "or '.', no '.' in front"},
	{{"--file-prefix", ".x"},
	 "--file-prefix '.x': want 1 to 31 letters, digits, '_', '-' or "
	 "'.', no '.' in front"},
	{{"--file-prefix", long_prefix},
	 "--file-prefix 'abcdefghijklmnopqrstuvwxyz012345': want 1 to 31 letters, digits, '_', '-' "
	 "or '.', no '.' in front"},
	{{"--iova-mode", "dc"}, "--iova-mode 'dc': want pa or va"},
	{{"--iova-mode", ""}, "--iova-mode '': want pa or va"},
	{{"--log-level", "loud"},
	 "--log-level 'loud': want LEVEL or MODULE:LEVEL, LEVEL one of "
	 "error, warning, notice, info, debug or 1 to 8"},
	{{"--log-level", "igb:9"},
	 "--log-level 'igb:9': want LEVEL or MODULE:LEVEL, LEVEL one of "
	 "error, warning, notice, info, debug or 1 to 8"},
	{{"--log-level", ":info"},
	 "--log-level ':info': want LEVEL or MODULE:LEVEL, LEVEL one of "
	 "error, warning, notice, info, debug or 1 to 8"},
	{{"--log-level", "abcdefghijklmnopqrstuvwxyz012345:info"},
	 "--log-level 'abcdefghijklmnopqrstuvwxyz012345:info': want a module pattern of at most 31 "
	 "bytes"},
	{{"--syslog=pigeon"},
	 "--syslog 'pigeon': want a syslog facility: auth cron daemon ftp "
	 "kern lpr mail news syslog user uucp local0 to local7"},
	{{"--proc-type", "secondary"},
	 "--proc-type 'secondary': each process is a primary of its own here, memory is not shared "
	 "between processes; want primary, or leave it out"},
	{{"--proc-type=auto"},
	 "--proc-type 'auto': each process is a primary of its own here, memory is not shared "
	 "between processes; want primary, or leave it out"},
	{{"-n", "four"}, "-n 'four': want memory channels, 1 to 1024"},
	{{"--config"}, "--config: its value is missing, --help lists the options"},
	{{"--config", "a.ini", "--config", "b.ini"},
	 "--config 'b.ini': was already given as 'a.ini', want one file"},
	{{"--legacy-mem=3"}, "'--legacy-mem=3': --legacy-mem takes no value"},
	{{"-d"}, "-d: its value is missing, --help lists the options"},
	{{"--remote-mem"},
	 "'--remote-mem': unknown or ambiguous option, --help lists all; the "
	 "application's own stand behind --"},
	{{"--no"},
	 "'--no': unknown or ambiguous option, --help lists all; the application's own "
	 "stand behind --"},
	{{"-q", "4"},
	 "-q: unknown option, --help lists all; the application's own stand behind --"},
	{{"-l", "0", "-\xff"},
	 "-\\xff: unknown option, --help lists all; the application's own stand behind --"},
	{{"-?"}, "-?: unknown option, --help lists all; the application's own stand behind --"},
};

Test(eal_args, each_wrong_value_gets_one_line)
{
	for (size_t i = 0; i < PLX_ARRAY_SIZE(refusals); i++) {
		int ret = parse(refusals[i].args);

		cr_expect_eq(ret, -EINVAL, "case %zu, %s: returned %d", i, refusals[i].line, ret);
		cr_expect_eq(caught.nb_lines, 1, "case %zu, %s: %u lines", i, refusals[i].line,
			     caught.nb_lines);
		cr_expect_str_eq(caught.error, refusals[i].line, "case %zu: got\n%s\nwant\n%s", i,
				 caught.error, refusals[i].line);
	}
}

#if !PLX_CHECK
Test(eal_args, a_release_build_refuses_mbuf_track)
{
	int ret = parse((const char *[]){"--mbuf-track", NULL});

	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_str_eq(caught.error, "--mbuf-track: this build keeps no track of mbufs; build "
				       "with preset debug");
}
#else
Test(eal_args, a_checked_build_takes_mbuf_track)
{
	int ret = parse((const char *[]){"--mbuf-track", NULL});

	cr_assert_eq(ret, 2, "%d, %s", ret, caught.last);
	cr_assert(conf.mbuf_track);
}
#endif

Test(eal_args, a_long_value_is_cut_in_the_line)
{
	char value[3000];
	int ret;

	memset(value, '7', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	ret = parse((const char *[]){"--main-lcore", value, NULL});
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert(strstr(caught.error, "777...': want an lcore id, 0 to 127"), "%s", caught.error);
	ret = parse((const char *[]){"-l", value, NULL});
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert(strstr(caught.error, "want a CPU number, 0 to 127"), "%s", caught.error);
}

Test(eal_args, defaults)
{
	int ret = parse((const char *[]){NULL});

	cr_assert_eq(ret, 1, "%d", ret);
	cr_assert_eq(conf.nb_lcores, 0, "%u", conf.nb_lcores);
	cr_assert_eq(conf.main_lcore, PLX_LCORE_MAX, "%u", conf.main_lcore);
	cr_assert_eq(conf.rt_prio, 0, "%d", conf.rt_prio);
	cr_assert_eq(conf.mem_mb, 0, "%zu", conf.mem_mb);
	cr_assert_eq(conf.huge_page_bytes, 0, "%zu", conf.huge_page_bytes);
	cr_assert_eq(conf.iova_mode, PLX_IOVA_AUTO, "%d", conf.iova_mode);
	cr_assert_eq(conf.syslog_facility, LOG_DAEMON, "%d", conf.syslog_facility);
	cr_assert_null(conf.huge_dir);
	cr_assert_null(conf.file_prefix);
	cr_assert_not(conf.no_huge || conf.in_memory || conf.no_pci || conf.lock_memory ||
		      conf.syslog || conf.mbuf_track || conf.help || conf.version);
}

Test(eal_args, options_set_their_fields)
{
	int ret = parse((const char *[]){"-l0,3", "--main-lcore=3", "--rt-prio=50", "--no-pci",
					 "-m512", "--lock-memory", "--iova-mode=pa", NULL});

	cr_assert_eq(ret, 8, "%d, %s", ret, caught.last);
	cr_assert_eq(conf.main_lcore, 3, "%u", conf.main_lcore);
	cr_assert_eq(conf.rt_prio, 50, "%d", conf.rt_prio);
	cr_assert(conf.no_pci);
	cr_assert_eq(conf.mem_mb, 512, "%zu", conf.mem_mb);
	cr_assert(conf.lock_memory);
	cr_assert_eq(conf.iova_mode, PLX_IOVA_PA, "%d", conf.iova_mode);

	ret = parse((const char *[]){"--huge-dir", "/mnt/huge", "--file-prefix", "a-b_c.1",
				     "--huge-page-size=1G", "--socket-mem=512,0,64",
				     "--iova-mode=va", NULL});
	cr_assert_eq(ret, 8, "%d, %s", ret, caught.last);
	cr_assert_str_eq(conf.huge_dir, "/mnt/huge");
	cr_assert_str_eq(conf.file_prefix, "a-b_c.1");
	cr_assert_eq(conf.huge_page_bytes, (size_t)1 << 30, "%zu", conf.huge_page_bytes);
	cr_assert_eq(conf.socket_mem_mb[0], 512, "%zu", conf.socket_mem_mb[0]);
	cr_assert_eq(conf.socket_mem_mb[1], 0, "%zu", conf.socket_mem_mb[1]);
	cr_assert_eq(conf.socket_mem_mb[2], 64, "%zu", conf.socket_mem_mb[2]);
	cr_assert_eq(conf.iova_mode, PLX_IOVA_VA, "%d", conf.iova_mode);

	ret = parse((const char *[]){"--no-huge", "--in-memory", "--proc-type=primary", NULL});
	cr_assert_eq(ret, 4, "%d, %s", ret, caught.last);
	cr_assert(conf.no_huge);
	cr_assert(conf.in_memory);
	cr_assert_eq(caught.nb_lines, 0, "%s", caught.last);

	ret = parse((const char *[]){"--huge-page-size", "2M", "-m", "1", "-m", "2", NULL});
	cr_assert_eq(ret, 7, "%d, %s", ret, caught.last);
	cr_assert_eq(conf.huge_page_bytes, (size_t)2 << 20, "%zu", conf.huge_page_bytes);
	cr_assert_eq(conf.mem_mb, 2, "the last -m counts, got %zu", conf.mem_mb);
}

Test(eal_args, devices_keep_order_and_text)
{
	static const struct {
		enum plx_dev_kind kind;
		const char *args;
	} want[] = {
		{PLX_DEV_VDEV, "net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap"},
		{PLX_DEV_ALLOW, "0000:01:00.0,key=value"},
		{PLX_DEV_VDEV, "net_ring0"},
		{PLX_DEV_ALLOW, "02:00.1"},
	};
	int ret = parse((const char *[]){"--vdev", want[0].args, "-a", want[1].args,
					 "--vdev=net_ring0", "--allow", "02:00.1", NULL});

	cr_assert_eq(ret, 8, "%d, %s", ret, caught.last);
	cr_assert_eq(conf.nb_devices, 4, "%u", conf.nb_devices);
	for (unsigned i = 0; i < 4; i++) {
		cr_expect_eq(conf.devices[i].kind, want[i].kind, "%u: %d", i, conf.devices[i].kind);
		cr_expect_str_eq(conf.devices[i].args, want[i].args, "%u: %s", i,
				 conf.devices[i].args);
	}
	ret = parse((const char *[]){"-b", "01:00.0", "--block=01:00.1", NULL});
	cr_assert_eq(ret, 4, "%d, %s", ret, caught.last);
	cr_assert_eq(conf.nb_devices, 2, "%u", conf.nb_devices);
	cr_assert_eq(conf.devices[1].kind, PLX_DEV_BLOCK, "%d", conf.devices[1].kind);
}

Test(eal_args, log_levels_and_syslog)
{
	int ret = parse((const char *[]){"--log-level=debug", "--log-level", "igb*:Info",
					 "--log-level=8", "--syslog", NULL});

	cr_assert_eq(ret, 6, "%d, %s", ret, caught.last);
	cr_assert_eq(conf.nb_log_levels, 3, "%u", conf.nb_log_levels);
	cr_assert_str_eq(conf.log_levels[1], "igb*:Info");
	cr_assert(conf.syslog);
	cr_assert_eq(conf.syslog_facility, LOG_DAEMON, "%d", conf.syslog_facility);

	ret = parse((const char *[]){"--syslog", "local3", "--no-pci", NULL});
	cr_assert_eq(ret, 4, "DPDK's form with a blank: %d", ret);
	cr_assert_eq(conf.syslog_facility, LOG_LOCAL3, "%d", conf.syslog_facility);
	cr_assert(conf.no_pci, "what follows the facility is read too");

	ret = parse((const char *[]){"--syslog=user", NULL});
	cr_assert_eq(ret, 2, "%d, %s", ret, caught.last);
	cr_assert_eq(conf.syslog_facility, LOG_USER, "%d", conf.syslog_facility);
}

Test(eal_args, the_33rd_log_level_is_refused)
{
	char option[] = "--log-level=info";
	char *argv[36] = {option};
	int ret;

	for (int i = 1; i < 34; i++)
		argv[i] = option;
	catch_log();
	ret = plx_eal_parse(&conf, 34, argv);
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_str_eq(caught.error, "--log-level 'info': want at most 32 log levels");
}

Test(eal_args, memory_channels_are_accepted_with_a_notice)
{
	int ret = parse((const char *[]){"-n", "4", "--no-pci", NULL});

	cr_assert_eq(ret, 4, "%d", ret);
	cr_assert_eq(caught.nb_errors, 0, "%s", caught.error);
	cr_assert_eq(caught.nb_lines, 1, "%u lines", caught.nb_lines);
	cr_assert_str_eq(caught.last,
			 "-n 4 has no effect here: memory is not laid out by channels");
}

Test(eal_args, options_of_dpdk_are_accepted_with_a_notice_each)
{
	static const struct {
		const char *args[3];
		const char *line;
	} cases[] = {
		{{"--legacy-mem"}, "--legacy-mem is DPDK's and has no effect here"},
		{{"--huge-unlink=never"}, "--huge-unlink is DPDK's and has no effect here"},
		{{"--huge-unlink"}, "--huge-unlink is DPDK's and has no effect here"},
		{{"--no-telemetry"}, "--no-telemetry is DPDK's and has no effect here"},
		{{"--single-file-segments"},
		 "--single-file-segments is DPDK's and has no effect here"},
		{{"--match-allocations"}, "--match-allocations is DPDK's and has no effect here"},
		{{"--base-virtaddr", "0x100000000"},
		 "--base-virtaddr is DPDK's and has no effect here"},
		{{"-d", "librte_net_ixgbe.so"}, "-d is DPDK's and has no effect here"},
		{{"-r", "4"}, "-r is DPDK's and has no effect here"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *args[4] = {cases[i].args[0], cases[i].args[1]};
		int nb = args[1] ? 2 : 1;
		int ret;

		args[nb] = "--no-pci";
		ret = parse(args);
		cr_expect_eq(ret, nb + 2, "%s: %d, %s", cases[i].line, ret, caught.error);
		cr_expect(conf.no_pci, "%s: what follows is read", cases[i].line);
		cr_expect_eq(caught.nb_errors, 0, "%s", caught.error);
		cr_expect_eq(caught.nb_lines, 1, "%s: %u lines", cases[i].line, caught.nb_lines);
		cr_expect_str_eq(caught.last, cases[i].line, "'%s'", caught.last);
	}
}

Test(eal_args, help_and_version_end_the_reading)
{
	int ret = parse((const char *[]){"-l", "0", "--help", "--nonsense", NULL});

	cr_assert_eq(ret, 4, "%d, %s", ret, caught.last);
	cr_assert(conf.help);
	cr_assert_not(conf.version);
	ret = parse((const char *[]){"-v", "-l", "bad", NULL});
	cr_assert_eq(ret, 2, "%d, %s", ret, caught.last);
	cr_assert(conf.version);
	ret = parse((const char *[]){"-h", "--config", "/nonexistent", NULL});
	cr_assert_eq(ret, 2, "%d, %s", ret, caught.last);
	cr_assert_eq(caught.nb_lines, 0, "%s", caught.last);
	ret = plx_eal_parse(&conf, 1, (char *[]){(char[]){"prog"}, NULL});
	cr_assert_eq(ret, 1, "%d, %s", ret, caught.last);
	cr_assert_not(conf.help, "asked by an earlier command line");
}

Test(eal_args, no_program_name_is_refused)
{
	int ret;

	catch_log();
	ret = plx_eal_parse(&conf, 0, (char *[]){NULL});
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_eq(caught.nb_lines, 1, "%u", caught.nb_lines);
}

/* `argc -= ret - 1, argv += ret - 1` must give the application a command line of its own. */
Test(eal_args, the_application_gets_the_rest)
{
	static const struct {
		const char *args[7];
		int ret;
	} cases[] = {
		{{NULL}, 1},
		{{"-l", "0"}, 3},
		{{"-l", "0", "--"}, 4},
		{{"-l", "0", "--", "-p", "1"}, 4},
		{{"--", "-l", "0"}, 2},
		{{"file", "-l", "0"}, 1},
		{{"-l", "0", "file", "--no-pci"}, 3},
		{{"-"}, 1},
		{{"-l", "0", "--", "--", "x"}, 4},
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		char text[8][16] = {"prog"};
		char *argv[9] = {text[0]};
		char *was[9];
		int argc = 1;
		int ret;

		for (; cases[i].args[argc - 1]; argc++)
			argv[argc] = strcpy(text[argc], cases[i].args[argc - 1]);
		memcpy(was, argv, sizeof(was));
		plx_eal_conf_fini(&conf);
		ret = plx_eal_parse(&conf, argc, argv);
		cr_assert_eq(ret, cases[i].ret, "case %zu: %d, want %d", i, ret, cases[i].ret);
		cr_expect_str_eq(argv[ret - 1], "prog", "case %zu: %s", i, argv[ret - 1]);
		for (int arg = ret; arg < argc; arg++)
			cr_expect_eq(argv[arg], was[arg], "case %zu: argument %d is '%s'", i, arg,
				     argv[arg]);
		for (int arg = 0; arg < ret - 1; arg++)
			cr_expect_eq(argv[arg], was[arg], "case %zu: argument %d is '%s'", i, arg,
				     argv[arg]);
	}
}

Test(eal_args, the_applications_getopt_starts_afresh)
{
	char *argv[] = {(char[]){"prog"}, (char[]){"-l"}, (char[]){"0"},
			(char[]){"--"},	  (char[]){"-p"}, (char[]){"1"},
			(char[]){"x"},	  (char[]){"-q"}, NULL};
	char seen[8] = "";
	int ret = plx_eal_parse(&conf, 8, argv);
	int c;

	cr_assert_eq(ret, 4, "%d", ret);
	while ((c = getopt(8 - (ret - 1), argv + ret - 1, "p:q")) != -1)
		seen[strlen(seen)] = (char)c;
	cr_assert_str_eq(seen, "pq", "options read: %s", seen);

	/* A '+' of the application's counts too, after a reading that failed amid "-qx". */
	optind = 1;
	parse((const char *[]){"-Zx", NULL});
	memset(seen, 0, sizeof(seen));
	while ((c = getopt(3, (char *[]){argv[0], (char[]){"-q"}, (char[]){"y"}, NULL}, "+qy")) !=
	       -1)
		seen[strlen(seen)] = (char)c;
	cr_assert_str_eq(seen, "q", "options read: %s", seen);
	cr_assert_eq(optind, 2, "%d", optind);

	/* An application that sets optind itself has its arguments permuted as ever. */
	parse((const char *[]){"-l", "0", NULL});
	optind = 1;
	memset(seen, 0, sizeof(seen));
	argv[1] = (char[]){"y"};
	argv[2] = (char[]){"-q"};
	while ((c = getopt(3, argv, "q")) != -1)
		seen[strlen(seen)] = (char)c;
	cr_assert_str_eq(seen, "q", "options read: %s", seen);
}

Test(eal_args, the_257th_device_is_refused)
{
	char option[] = "--vdev=net_null0";
	char *argv[PLX_EAL_DEVICES_MAX + 3] = {option};
	int ret;

	for (int i = 1; i < PLX_EAL_DEVICES_MAX + 2; i++)
		argv[i] = option;
	catch_log();
	ret = plx_eal_parse(&conf, PLX_EAL_DEVICES_MAX + 2, argv);
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_str_eq(caught.error, "--vdev 'net_null0': want at most 256 devices");
}

Test(eal_args, a_getopt_loop_around_it_goes_on)
{
	char *outer[] = {(char[]){"prog"}, (char[]){"-a"}, (char[]){"1"}, (char[]){"-b"}, NULL};
	int c = getopt(4, outer, "a:b");
	int saved_opterr = opterr;
	int ret;

	cr_assert_eq(c, 'a', "%c", c);
	ret = parse((const char *[]){"-l", "0", "--no-pci", NULL});
	cr_assert_eq(ret, 4, "%d", ret);
	cr_assert_eq(optind, 3, "%d", optind);
	cr_assert_str_eq(optarg, "1");
	cr_assert_eq(opterr, saved_opterr, "%d", opterr);
	c = getopt(4, outer, "a:b");
	cr_assert_eq(c, 'b', "%c", c);
}

Test(eal_args, a_copy_owns_its_strings)
{
	struct plx_eal_conf copy;
	int ret = parse((const char *[]){"-l0", "--vdev=net_ring0", "--huge-dir=/mnt",
					 "--file-prefix=x", "--log-level=info", NULL});

	cr_assert_eq(ret, 6, "%d, %s", ret, caught.last);
	ret = plx_eal_conf_copy(&copy, &conf);
	cr_assert_eq(ret, 0, "%d", ret);
	memset(conf.devices[0].args, 'Z', strlen(conf.devices[0].args));
	memset(conf.huge_dir, 'Z', 1);
	plx_eal_conf_fini(&conf);
	cr_assert_eq(conf.nb_devices, 0, "%u", conf.nb_devices);
	cr_assert_eq(copy.nb_devices, 1, "%u", copy.nb_devices);
	cr_assert_str_eq(copy.devices[0].args, "net_ring0");
	cr_assert_str_eq(copy.huge_dir, "/mnt");
	cr_assert_str_eq(copy.file_prefix, "x");
	cr_assert_str_eq(copy.log_levels[0], "info");
	cr_assert(copy.lcores[0].enabled);
	plx_eal_conf_fini(&copy);
	plx_eal_conf_fini(&copy);
	plx_eal_conf_fini(NULL);
}

Test(eal_args, usage_names_every_option)
{
	static const char *const names[] = {"-l LIST",
					    "-c MASK",
					    "--lcores MAP",
					    "--main-lcore ID",
					    "--rt-prio N",
					    "-a, --allow",
					    "-b, --block",
					    "--vdev",
					    "--no-pci",
					    "-m MB",
					    "--socket-mem",
					    "--no-huge",
					    "--in-memory",
					    "--huge-dir",
					    "--huge-page-size",
					    "--file-prefix",
					    "--iova-mode",
					    "--lock-memory",
					    "--log-level",
					    "--syslog[=FACILITY]",
					    "--allow-unsafe-dma",
					    "--mbuf-track",
					    "--config FILE",
					    "--proc-type",
					    "-n N",
					    "-v, --version",
					    "-h, --help"};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	plx_eal_usage(out);
	fclose(out);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(names); i++)
		cr_expect(strstr(text, names[i]), "%s is missing in\n%s", names[i], text);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		cr_expect_leq(strlen(line), 100, "%zu columns: %s", strlen(line), line);
	cr_assert_str_eq(plx_version(), PLX_VERSION);
}
