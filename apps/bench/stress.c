/* SPDX-License-Identifier: BSD-3-Clause */
/* Other work for the machine, as in the paper: TCP streams over loopback, by iperf3. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum {
	LISTEN_TRIES = 100, /* of 50 ms */
	TRY_MS = 50,
	SETTLE_MS = 300,
	NO_EXEC = 127,
};

static pid_t server, client; /* 0: none */

/* A port that nobody has; the server takes it a moment later. */
static int free_port(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = -1;

	if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, length) == 0 &&
	    getsockname(fd, (struct sockaddr *)&addr, &length) == 0)
		port = ntohs(addr.sin_port);
	if (fd >= 0)
		close(fd);
	return port;
}

static bool listens(int port)
{
	FILE *file = fopen("/proc/net/tcp", "re");
	char line[256];
	unsigned local, state;
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, " %*d: %*8x:%4x %*8x:%*4x %2x", &local, &state) == 2 &&
			(int)local == port && state == 0x0a;
	if (file)
		fclose(file);
	return found;
}

/* In the child: of the lcores' CPUs and priority nothing is kept. */
static void run_child(char *const *argv, const cpu_set_t *cpus, pid_t parent)
{
	const struct sched_param ordinary = {0};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(NO_EXEC);
	sched_setscheduler(0, SCHED_OTHER, &ordinary);
	sched_setaffinity(0, sizeof(*cpus), cpus);
	if (null < 0)
		_exit(NO_EXEC);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	execvp(argv[0], argv);
	_exit(NO_EXEC);
}

static pid_t start(char *const *argv, const cpu_set_t *cpus)
{
	const pid_t parent = getpid();
	pid_t pid = fork();

	if (pid == 0)
		run_child(argv, cpus, parent);
	return pid;
}

/* The streams have ended by themselves, or never began. */
static bool has_ended(pid_t *pid, int *status)
{
	if (*pid <= 0 || waitpid(*pid, status, WNOHANG) != *pid)
		return false;
	*pid = 0;
	return true;
}

static void end(pid_t *pid)
{
	if (*pid > 0) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

static int give_up(int status)
{
	end(&client);
	end(&server);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_EXEC)
		return bench_fail(-EIO,
				  "--stress: iperf3 is not there: scripts/setup.sh installs it");
	return bench_fail(-EIO,
			  "--stress: iperf3 ended with status %d: does the loopback work (ip "
			  "link set lo up)?",
			  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

int stress_start(unsigned nb_streams, const cpu_set_t *cpus)
{
	char port_text[16], streams[16];
	char *serve[] = {(char[]){"iperf3"},	(char[]){"-s"}, (char[]){"-1"}, (char[]){"-B"},
			 (char[]){"127.0.0.1"}, (char[]){"-p"}, port_text,	NULL};
	char *send[] = {(char[]){"iperf3"},
			(char[]){"-c"},
			(char[]){"127.0.0.1"},
			(char[]){"-p"},
			port_text,
			(char[]){"-P"},
			streams,
			(char[]){"-t"},
			(char[]){"86400"},
			NULL};
	int port = free_port(), status = 0;

	if (port < 0)
		return bench_fail(-EIO, "--stress: no loopback here: %s", strerror(errno));
	snprintf(port_text, sizeof(port_text), "%d", port);
	snprintf(streams, sizeof(streams), "%u", nb_streams);
	server = start(serve, cpus);
	for (int i = 0; i < LISTEN_TRIES && !listens(port); i++) {
		if (has_ended(&server, &status))
			return give_up(status);
		usleep(TRY_MS * 1000);
	}
	client = start(send, cpus);
	usleep(SETTLE_MS * 1000);
	if (server < 0 || client < 0 || has_ended(&client, &status) || has_ended(&server, &status))
		return give_up(status);
	return 0;
}

int stress_stop(void)
{
	int status = 0;

	if (client > 0 && (has_ended(&client, &status) || has_ended(&server, &status)))
		return give_up(status);
	end(&client);
	end(&server);
	return 0;
}
