/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx-conform: runs the cases of the suite on one variant, each in a process of its own, and
 * reports them in TAP.
 */
#include "conform.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_SKIPPED = 77, NOBODY = 65534, HUGEPAGES_WANTED = 64 /* of 2 MB */ };

static const struct conform_case *const tables[] = {
	cases_life, cases_limits, cases_calls,	  cases_bursts, cases_frames,  cases_chains,
	cases_pool, cases_stop,	  cases_counters, cases_queues, cases_control, cases_device,
};

static struct {
	const struct variant *variant;
	struct variant chosen; /* with the options' device and partner */
	const char *only;
	unsigned part, nb_parts; /* each nb_parts-th case, beginning with the part-th */
	const char *tap;
	bool list, unprivileged, huge;
} options;

struct report *report;

static void usage(FILE *out)
{
	fprintf(out,
		"usage: plx-conform [options] VARIANT\n\n"
		"  --case NAME     only this case\n"
		"  --device STR    this device string instead of the variant's\n"
		"  --huge          hugepages instead of ordinary ones\n"
		"  --flap COMMAND  what takes and gives a card's link: COMMAND down, COMMAND up\n"
		"  --list          print the cases\n"
		"  --part N/M      each M-th case only, beginning with the N-th\n"
		"  --partner NAME  the interface at the other end of a card's cable\n"
		"  --tap FILE      write the verdicts to FILE\n"
		"  --unprivileged  as an ordinary user: root becomes nobody\n\n"
		"Variants:\n");
	variants_print(out);
}

static bool needs_partner(void)
{
	return options.chosen.peer == &peer_netdev || options.chosen.peer == &peer_emulated;
}

static bool read_options(int argc, char **argv)
{
	static const struct option names[] = {
		{"case", required_argument, NULL, 'c'},	   {"device", required_argument, NULL, 'd'},
		{"flap", required_argument, NULL, 'f'},	   {"part", required_argument, NULL, 'p'},
		{"partner", required_argument, NULL, 'i'}, {"list", no_argument, NULL, 'l'},
		{"huge", no_argument, NULL, 'h'},	   {"tap", required_argument, NULL, 't'},
		{"unprivileged", no_argument, NULL, 'u'},  {NULL, 0, NULL, 0},
	};
	const char *device = NULL, *partner = NULL, *flap = NULL;
	int option;

	options.part = options.nb_parts = 1;
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (option) {
		case 'c':
			options.only = optarg;
			break;
		case 'd':
			device = optarg;
			break;
		case 'f':
			flap = optarg;
			break;
		case 'i':
			partner = optarg;
			break;
		case 'p':
			if (sscanf(optarg, "%u/%u", &options.part, &options.nb_parts) != 2 ||
			    options.part == 0 || options.part > options.nb_parts)
				return false;
			break;
		case 'h':
			options.huge = true;
			break;
		case 'l':
			options.list = true;
			break;
		case 't':
			options.tap = optarg;
			break;
		case 'u':
			options.unprivileged = true;
			break;
		default:
			return false;
		}
	}
	if (optind + 1 == argc)
		options.variant = variant_by_name(argv[optind]);
	if (!options.variant)
		return false;
	options.chosen = *options.variant;
	options.chosen.partner = partner;
	options.chosen.flap = flap;
	if (device)
		options.chosen.device = device;
	options.variant = &options.chosen;
	options.huge = options.huge || options.chosen.unsafe || options.chosen.emulated;
	return options.list || (options.chosen.device && (!needs_partner() || partner));
}

/* ---- One case, in its own process ---- */

static void become_nobody(void)
{
	if (geteuid() != 0)
		return;
	check(setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
		      setresuid(NOBODY, NOBODY, NOBODY) == 0,
	      "become nobody: %s", strerror(errno));
	/* Changing the user hid /proc/self. */
	prctl(PR_SET_DUMPABLE, 1);
}

static void run_in_child(const struct conform_case *cs, pid_t parent)
{
	struct conform c = {
		.variant = options.variant, .port = PLX_PORT_NONE, .huge = options.huge};

	if (options.unprivileged)
		become_nobody();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	alarm(CONFORM_CASE_S * (test_is_long() ? 10 : 1));
	world_enter(&c);
	if (!cs->starts_eal)
		world_open(&c);
	cs->run(&c);
	world_close(&c);
	exit(0);
}

enum verdict { PASSED, FAILED, SKIPPED };

static enum verdict run_case(const struct conform_case *cs)
{
	pid_t parent = getpid(), child;
	int status;

	memset(report, 0, sizeof(*report));
	fflush(NULL);
	child = fork();
	if (child == 0)
		run_in_child(cs, parent);
	if (child < 0 || waitpid(child, &status, 0) != child) {
		snprintf(report->reason, sizeof(report->reason), "fork: %s", strerror(errno));
		return FAILED;
	}
	if (WIFSIGNALED(status)) {
		const char *what =
			WTERMSIG(status) == SIGALRM ? "timed out" : strsignal(WTERMSIG(status));

		snprintf(report->reason, sizeof(report->reason), "%s", what);
		return FAILED;
	}
	if (WEXITSTATUS(status) == EXIT_SKIPPED)
		return SKIPPED;
	if (WEXITSTATUS(status) == 0)
		return PASSED;
	if (report->reason[0] == '\0')
		snprintf(report->reason, sizeof(report->reason), "it ended with status %d",
			 WEXITSTATUS(status));
	return FAILED;
}

/* ---- All of them ---- */

static void tell(FILE *tap, const struct conform_case *cs, enum verdict verdict, double seconds)
{
	static const char *const words[] = {"ok", "not ok", "ok"};
	static const char *const marks[] = {"", " # FAIL ", " # SKIP "};
	const char *reason = verdict == PASSED ? "" : report->reason;

	printf("%-6s - %s%s%s", words[verdict], cs->name, marks[verdict], reason);
	printf("%s%s (%.2f s)\n", report->note[0] ? ": " : "", report->note, seconds);
	if (tap) {
		fprintf(tap, "%s - %s%s%s\n", words[verdict], cs->name, marks[verdict], reason);
		fflush(tap);
	}
}

/* @index: of all cases. */
static bool is_chosen(const struct conform_case *cs, unsigned index)
{
	return index % options.nb_parts == options.part - 1 &&
	       (!options.only || strcmp(options.only, cs->name) == 0);
}

/* Says so of a case that the peer can't do. */
static bool applies(const struct conform_case *cs, bool tell)
{
	static const char *const lacks[] = {"send",
					    "see",
					    "take the link",
					    "remove the device",
					    "spread flows",
					    "fill the port's queues",
					    "be told of the interface",
					    "forget what came while it is stopped"};
	uint32_t lack = cs->needs & ~options.variant->peer->can;

	for (unsigned i = 0; tell && i < PLX_ARRAY_SIZE(lacks); i++)
		if (lack & 1u << i)
			printf("left out - %s: the peer can't %s\n", cs->name, lacks[i]);
	return lack == 0;
}

/* Also used to count them: @tap is NULL then. Returns the cases that apply. */
static unsigned for_all(FILE *tap, bool run, unsigned *nb)
{
	unsigned nb_cases = 0, index = 0;

	for (size_t t = 0; t < PLX_ARRAY_SIZE(tables); t++) {
		for (const struct conform_case *cs = tables[t]; cs->name; cs++) {
			enum verdict verdict;
			uint64_t start = now_ms();

			if (!is_chosen(cs, index++) || !applies(cs, run))
				continue;
			nb_cases++;
			if (options.list)
				printf("%s\n", cs->name);
			if (!run)
				continue;
			verdict = run_case(cs);
			tell(tap, cs, verdict, (double)(now_ms() - start) / 1000);
			nb[verdict]++;
		}
	}
	return nb_cases;
}

static unsigned hugepages_free(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[200];
	unsigned nb = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "HugePages_Free:", 15) == 0)
			nb = (unsigned)strtoul(line + 15, NULL, 10);
	if (file)
		fclose(file);
	return nb;
}

/* The world of a case can be had on this machine; false, after a line, if not. */
static bool is_possible(void)
{
	pid_t child;
	int status = -1;

	if (options.variant->root && (geteuid() != 0 || options.unprivileged)) {
		printf("%s needs root\n", options.variant->name);
		return false;
	}
	if (options.huge && hugepages_free() < HUGEPAGES_WANTED) {
		printf("%s: want %d free hugepages, there are %u\n", options.variant->name,
		       HUGEPAGES_WANTED, hugepages_free());
		return false;
	}
	child = fork();
	if (child == 0) {
		struct conform c = {.variant = options.variant};

		if (options.unprivileged)
			become_nobody();
		world_enter(&c);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED) {
		printf("%s: %s\n", options.variant->name, report->reason);
		return false;
	}
	return true;
}

static int run_all(void)
{
	unsigned nb[3] = {0}, nb_cases = for_all(NULL, false, NULL);
	FILE *tap = NULL;

	if (nb_cases == 0) {
		fprintf(stderr, "plx-conform: no such case: %s; see --list\n", options.only);
		return 2;
	}
	if (options.tap) {
		tap = fopen(options.tap, "we");
		if (!tap) {
			fprintf(stderr, "plx-conform: %s: %s\n", options.tap, strerror(errno));
			return 1;
		}
		/* First, so that cases that are not reached count as failed. */
		fprintf(tap, "TAP version 13\n1..%u\n", nb_cases);
	}
	for_all(tap, true, nb);
	if (tap)
		fclose(tap);
	printf("%s: %u passed, %u failed, %u skipped\n", options.variant->name, nb[PASSED],
	       nb[FAILED], nb[SKIPPED]);
	return nb[FAILED] == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (!read_options(argc, argv)) {
		usage(stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (options.list) {
		for_all(NULL, false, NULL);
		return 0;
	}
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (report == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	return is_possible() ? run_all() : EXIT_SKIPPED;
}
