/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Start-up as a user meets it: from exec to the main loop, with 32 MB of hugepages. The program
 * started (start_ours.c, start_dpdk.c) writes one line when it is there: its resident kilobytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "perf.h"

#define START_ROW "eal-exec-to-main-loop"
#define RESIDENT_ROW "eal-resident-without-huge"
#define HELLO_ROW "hello-stripped-size"

enum { START_TIMEOUT_MS = 20000 };

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* A program beside this one: "plx-perf-start-ours" from ".../plx-perf-dpdk". */
static void path_of(const char *name, char *path, size_t bytes)
{
	ssize_t len = readlink("/proc/self/exe", path, bytes - 1);
	char *slash;

	path[len < 0 ? 0 : len] = '\0';
	slash = strrchr(path, '/');
	snprintf(slash ? slash + 1 : path, bytes - (size_t)(slash ? slash + 1 - path : 0), "%s",
		 name);
}

static int spawn(const char *path, unsigned cpu, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	char cpu_text[16];
	char *argv[] = {strdup(path), cpu_text, NULL};
	int ret;

	snprintf(cpu_text, sizeof(cpu_text), "%u", cpu);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	ret = posix_spawn(pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	free(argv[0]);
	return ret;
}

/* Milliseconds to the line that the program writes, and the kilobytes in it. */
static int start_once(const char *path, unsigned cpu, double *ms, double *resident_kb)
{
	int fds[2], status, ret = -1;
	char line[64] = "";
	struct pollfd ready;
	double start;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	start = now_ms();
	errno = spawn(path, cpu, fds[1], &pid);
	close(fds[1]);
	if (errno) {
		fprintf(stderr, "plx-perf: %s: %s\n", path, strerror(errno));
		goto close_pipe;
	}
	ready = (struct pollfd){.fd = fds[0], .events = POLLIN};
	if (poll(&ready, 1, START_TIMEOUT_MS) != 1 || read(fds[0], line, sizeof(line) - 1) <= 0)
		kill(pid, SIGKILL);
	*ms = now_ms() - start;
	waitpid(pid, &status, 0);
	*resident_kb = strtod(line, NULL);
	if (*resident_kb > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		ret = 0;
	else
		fprintf(stderr, "plx-perf: %s did not come to its main loop\n", path);
close_pipe:
	close(fds[0]);
	return ret;
}

static int measure_pair(struct perf_result *results, const char *peer, unsigned rounds,
			unsigned cpu)
{
	double ms[2][PERF_ROUNDS_MAX], mb[2][PERF_ROUNDS_MAX], ratios[2][PERF_ROUNDS_MAX];
	char paths[2][PATH_MAX], name[64];
	unsigned nb_libs = peer ? 2 : 1;

	path_of("plx-perf-start-ours", paths[0], sizeof(paths[0]));
	snprintf(name, sizeof(name), "plx-perf-start-%s", peer ? peer : "");
	path_of(name, paths[1], sizeof(paths[1]));
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < nb_libs; i++) {
			unsigned lib = (i + round) % nb_libs;

			if (start_once(paths[lib], cpu, &ms[lib][round], &mb[lib][round]))
				return -1;
			mb[lib][round] /= 1024;
		}
		if (!peer)
			continue;
		ratios[0][round] = ms[1][round] / ms[0][round];
		ratios[1][round] = mb[1][round] / mb[0][round];
	}
	for (unsigned i = 0; i < 2; i++) {
		results[i].has_peer = peer != NULL;
		results[i].ours = perf_spread_of(i ? mb[0] : ms[0], rounds);
		if (!peer)
			continue;
		results[i].peer = perf_spread_of(i ? mb[1] : ms[1], rounds);
		results[i].ratio = perf_spread_of(ratios[i], rounds);
	}
	return 0;
}

/* Kilobytes of the stripped, statically linked hello program, where the build has made it. */
static int hello_size(struct perf_result *result)
{
	char path[PATH_MAX];
	struct stat st;
	double kb;

	path_of("plx-hello-stripped", path, sizeof(path));
	if (stat(path, &st)) {
		printf("# " HELLO_ROW " left out: %s: %s\n", path, strerror(errno));
		return 0;
	}
	kb = (double)st.st_size / 1024;
	*result = (struct perf_result){.name = HELLO_ROW, .unit = "KB"};
	result->ours = perf_spread_of(&kb, 1);
	return 1;
}

void perf_startup_list(void)
{
	puts(START_ROW "\n" RESIDENT_ROW "\n" HELLO_ROW);
}

int perf_startup(struct perf_result *results, unsigned room, const char *peer, unsigned rounds,
		 unsigned cpu, bool (*wanted)(const char *name))
{
	struct perf_result pair[2] = {{.name = START_ROW, .unit = "ms"},
				      {.name = RESIDENT_ROW, .unit = "MB"}};
	int nb = 0;

	if (room < 3)
		return -1;
	if (wanted(pair[0].name) || wanted(pair[1].name)) {
		if (measure_pair(pair, peer, rounds, cpu))
			return -1;
		for (unsigned i = 0; i < 2; i++)
			if (wanted(pair[i].name))
				results[nb++] = pair[i];
	}
	if (wanted(HELLO_ROW))
		nb += hello_size(&results[nb]);
	for (int i = 0; i < nb; i++)
		perf_print_result(&results[i]);
	return nb;
}
