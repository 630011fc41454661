/* SPDX-License-Identifier: BSD-3-Clause */
/* lcores: what there is, launch and wait, refusals, start and stop. */
#include "eal_log.h"
#include "eal_run.h"
#include "lcore_private.h"

#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pollux/ctl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static sem_t entered, leave;

static int return_arg(void *arg)
{
	return (int)(intptr_t)arg;
}

static int hold(void *arg)
{
	sem_post(&entered);
	sem_wait(&leave);
	return (int)(intptr_t)arg;
}

static int until_stop(void *arg)
{
	(void)arg;
	sem_post(&entered);
	while (!plx_stop_requested())
		usleep(1000);
	return 5;
}

static void prepare(void)
{
	sem_init(&entered, 0, 0);
	sem_init(&leave, 0, 0);
}

#define LCORE_TEST(name) Test(lcore, name, .init = prepare, .fini = plx_eal_fini)

LCORE_TEST(nothing_runs_before_init)
{
	struct plx_cpu_info info;
	cpu_set_t cpus;
	int ret;

	cr_assert_eq(plx_lcore_id(), PLX_LCORE_NONE);
	cr_assert_eq(plx_lcore_count(), 0);
	cr_assert_eq(plx_lcore_main(), PLX_LCORE_NONE);
	cr_assert_eq(plx_lcore_next(UINT_MAX, false), PLX_LCORE_NONE);
	cr_assert_eq(plx_lcore_node(0), -1);
	cr_assert_eq(plx_lcore_state(0), PLX_LCORE_WAIT);
	cr_assert(!plx_lcore_is_enabled(0));
	cr_assert_eq(plx_lcore_cpuset(0, &cpus), -ENODEV);
	cr_assert_eq(plx_lcore_launch(1, return_arg, NULL), -ENODEV);
	cr_assert_eq(plx_lcore_launch_all(return_arg, NULL, false), -ENODEV);
	cr_assert_eq(plx_lcore_wait(0, &ret), -ENODEV);
	cr_assert_eq(plx_lcore_wait_all(), 0);
	cr_assert_eq(plx_lcore_register(), -ENODEV);
	cr_assert_eq(plx_lcore_unregister(), -EINVAL);
	cr_assert_eq(plx_cpu_info(0, &info), -ENODEV);
}

LCORE_TEST(what_there_is)
{
	static struct plx_eal_conf conf;
	unsigned id, seen[4], nb = 0, cpu;
	struct plx_cpu_info info;
	cpu_set_t cpus;

	lcore_conf(&conf, 1);
	cpu = first_cpu(&conf.lcores[0].cpus);
	conf.lcores[0].enabled = false;
	for (id = 3; id < 6; id++)
		conf.lcores[id] = (struct plx_eal_lcore){true, conf.lcores[0].cpus};
	conf.lcores[PLX_LCORE_MAX - 1] = conf.lcores[3];
	conf.nb_lcores = 4;
	conf.main_lcore = 4;
	cr_assert_eq(plx_eal_init(&conf), 0);

	cr_assert_eq(plx_lcore_id(), 4, "%u", plx_lcore_id());
	cr_assert_eq(plx_lcore_main(), 4, "%u", plx_lcore_main());
	cr_assert_eq(plx_lcore_count(), 4, "%u", plx_lcore_count());
	PLX_LCORE_FOREACH(id)
		seen[nb++] = id;
	cr_assert_eq(nb, 4, "%u", nb);
	cr_assert(seen[0] == 3 && seen[1] == 4 && seen[2] == 5 && seen[3] == PLX_LCORE_MAX - 1,
		  "%u %u %u %u", seen[0], seen[1], seen[2], seen[3]);
	nb = 0;
	PLX_LCORE_FOREACH_WORKER(id)
		seen[nb++] = id;
	cr_assert(nb == 3 && seen[0] == 3 && seen[1] == 5, "%u: %u %u", nb, seen[0], seen[1]);
	cr_assert(plx_lcore_is_enabled(4) && !plx_lcore_is_enabled(0) &&
		  !plx_lcore_is_enabled(PLX_LCORE_MAX) && !plx_lcore_is_registered(4));

	cr_assert_eq(plx_lcore_cpuset(5, &cpus), 0);
	cr_assert(CPU_EQUAL(&cpus, &conf.lcores[5].cpus));
	cr_assert_eq(plx_lcore_cpuset(PLX_LCORE_MAX, &cpus), -EINVAL);
	cr_assert_eq(plx_lcore_cpuset(5, NULL), -EINVAL);
	cr_assert_eq(plx_lcore_cpuset(0, &cpus), -ENODEV);
	cr_assert_eq(plx_lcore_node(0), -1);
	cr_assert_eq(plx_lcore_node(PLX_LCORE_MAX), -1);

	cr_assert_eq(plx_cpu_info(cpu, &info), 0);
	cr_assert(info.online && info.allowed);
	cr_assert_eq(plx_lcore_node(5), info.node, "%d, %d", plx_lcore_node(5), info.node);
	cr_assert_eq(plx_cpu_info(CPU_SETSIZE, &info), -EINVAL);
	cr_assert_eq(plx_cpu_info(0, NULL), -EINVAL);
	cr_assert_eq(plx_cpu_info(CPU_SETSIZE - 1, &info), 0);
	cr_assert(!info.online && !info.allowed && info.core == -1);
}

struct view {
	unsigned id;
	char name[16];
	cpu_set_t cpus;
	sigset_t blocked;
	int policy;
};

static int look(void *arg)
{
	struct view *view = arg;
	struct sched_param param;

	view->id = plx_lcore_id();
	pthread_getname_np(pthread_self(), view->name, sizeof(view->name));
	sched_getaffinity(0, sizeof(view->cpus), &view->cpus);
	pthread_sigmask(SIG_BLOCK, NULL, &view->blocked);
	pthread_getschedparam(pthread_self(), &view->policy, &param);
	return 0;
}

LCORE_TEST(a_worker_is_named_pinned_and_deaf_to_signals)
{
	static const int blocked[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGALRM, SIGPIPE, SIGCHLD};
	static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
	struct view view;
	cpu_set_t cpus;
	sigset_t mine;

	start_lcores(3);
	cr_assert_eq(plx_lcore_launch(2, look, &view), 0);
	cr_assert_eq(plx_lcore_wait(2, NULL), 0);
	plx_lcore_cpuset(2, &cpus);
	cr_assert_eq(view.id, 2, "%u", view.id);
	cr_assert_str_eq(view.name, "plx-lcore-2", "%s", view.name);
	cr_assert(CPU_EQUAL(&view.cpus, &cpus));
	for (size_t i = 0; i < PLX_ARRAY_SIZE(blocked); i++)
		cr_assert(sigismember(&view.blocked, blocked[i]), "signal %d", blocked[i]);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(open); i++)
		cr_assert(!sigismember(&view.blocked, open[i]), "signal %d", open[i]);
	pthread_sigmask(SIG_BLOCK, NULL, &mine);
	cr_assert(!sigismember(&mine, SIGINT), "the main lcore's mask was changed");
}

LCORE_TEST(launch_refusals)
{
	static const struct {
		unsigned id;
		plx_lcore_fn fn;
		int ret;
	} cases[] = {
		{0, return_arg, -EINVAL},
		{1, NULL, -EINVAL},
		{PLX_LCORE_MAX, return_arg, -EINVAL},
		{UINT_MAX, return_arg, -EINVAL},
		{5, return_arg, -ENODEV},
		{2, return_arg, -EBUSY},
		{3, return_arg, -EBUSY},
	};
	int ret;

	start_lcores(4);
	cr_assert_eq(plx_lcore_launch(2, hold, NULL), 0);
	cr_assert_eq(plx_lcore_launch(3, return_arg, NULL), 0);
	while (plx_lcore_state(3) != PLX_LCORE_FINISHED)
		usleep(100);
	sem_wait(&entered);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		ret = plx_lcore_launch(cases[i].id, cases[i].fn, NULL);
		cr_assert_eq(ret, cases[i].ret, "lcore %u: %d, not %d", cases[i].id, ret,
			     cases[i].ret);
	}
	cr_assert_eq(plx_lcore_launch_all(NULL, NULL, false), -EINVAL);
	sem_post(&leave);
}

LCORE_TEST(states)
{
	int ret = -1;

	start_lcores(2);
	cr_assert_eq(plx_lcore_state(1), PLX_LCORE_WAIT);
	cr_assert_eq(plx_lcore_wait(1, &ret), 0);
	cr_assert_eq(ret, 0, "nothing was launched: %d", ret);
	cr_assert_eq(plx_lcore_launch(1, hold, (void *)(intptr_t)-77), 0);
	cr_assert_eq(plx_lcore_state(1), PLX_LCORE_RUNNING);
	sem_wait(&entered);
	cr_assert_eq(plx_lcore_state(1), PLX_LCORE_RUNNING);
	sem_post(&leave);
	while (plx_lcore_state(1) == PLX_LCORE_RUNNING)
		usleep(100);
	cr_assert_eq(plx_lcore_state(1), PLX_LCORE_FINISHED);
	cr_assert_eq(plx_lcore_wait(1, &ret), 0);
	cr_assert_eq(ret, -77, "%d", ret);
	cr_assert_eq(plx_lcore_state(1), PLX_LCORE_WAIT);
	cr_assert_eq(plx_lcore_wait(PLX_LCORE_MAX, &ret), -EINVAL);
	cr_assert_eq(plx_lcore_wait(9, &ret), -ENODEV);
	cr_assert_eq(plx_lcore_state(9), PLX_LCORE_WAIT);
	cr_assert_eq(plx_lcore_state(UINT_MAX), PLX_LCORE_WAIT);
}

LCORE_TEST(a_thousand_launches)
{
	int ret, err;

	start_lcores(3);
	for (int i = 0; i < 1000; i++) {
		unsigned id = 1 + (unsigned)i % 2;

		err = plx_lcore_launch(id, return_arg, (void *)(intptr_t)i);
		cr_assert_eq(err, 0, "launch %d: %d", i, err);
		err = plx_lcore_wait(id, &ret);
		cr_assert(err == 0 && ret == i, "wait %d: %d, %d", i, err, ret);
	}
}

static int count_lcores;
static unsigned ran_on[PLX_LCORE_MAX];

static int mark(void *arg)
{
	(void)arg;
	ran_on[plx_lcore_id()]++;
	plx_fetch_add_relaxed(&count_lcores, 1);
	return 0;
}

LCORE_TEST(more_lcores_than_cpus)
{
	static struct plx_eal_conf conf;
	unsigned id;

	lcore_conf(&conf, 8);
	for (id = 1; id < 8; id++)
		conf.lcores[id].cpus = conf.lcores[0].cpus;
	cr_assert_eq(plx_eal_init(&conf), 0);
	cr_assert_eq(plx_lcore_launch_all(mark, NULL, true), 0);
	cr_assert_eq(plx_lcore_wait_all(), 0);
	cr_assert_eq(count_lcores, 8, "%d", count_lcores);
	for (id = 0; id < 8; id++)
		cr_assert_eq(ran_on[id], 1, "lcore %u: %u", id, ran_on[id]);
}

LCORE_TEST(an_lcore_on_several_cpus)
{
	static struct plx_eal_conf conf;
	struct view view;
	cpu_set_t allowed;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	lcore_conf(&conf, 2);
	conf.lcores[1].cpus = allowed;
	cr_assert_eq(plx_eal_init(&conf), 0);
	cr_assert_eq(plx_lcore_launch(1, look, &view), 0);
	cr_assert_eq(plx_lcore_wait(1, NULL), 0);
	cr_assert(CPU_EQUAL(&view.cpus, &allowed));
}

LCORE_TEST(launch_all_is_all_or_nothing)
{
	int ret;

	start_lcores(4);
	cr_assert_eq(plx_lcore_launch(3, hold, (void *)(intptr_t)4), 0);
	cr_assert_eq(plx_lcore_launch_all(mark, NULL, true), -EBUSY);
	cr_assert_eq(plx_lcore_launch_all(mark, NULL, false), -EBUSY);
	for (unsigned id = 0; id < 3; id++)
		cr_assert_eq(plx_lcore_state(id), PLX_LCORE_WAIT, "lcore %u", id);
	cr_assert_eq(count_lcores, 0, "%d", count_lcores);
	sem_post(&leave);
	cr_assert_eq(plx_lcore_wait(3, &ret), 0);
	cr_assert_eq(ret, 4, "%d", ret);

	cr_assert_eq(plx_lcore_launch_all(mark, NULL, false), 0);
	cr_assert_eq(plx_lcore_wait_all(), 0);
	cr_assert(count_lcores == 3 && ran_on[0] == 0, "%d, main %u", count_lcores, ran_on[0]);
}

static int id_times_ten(void *arg)
{
	(void)arg;
	return plx_lcore_id() < 2 ? 0 : (int)plx_lcore_id() * 10;
}

LCORE_TEST(results_of_all)
{
	int ret;

	start_lcores(4);
	cr_assert_eq(plx_lcore_launch_all(id_times_ten, NULL, true), 0);
	cr_assert_eq(plx_lcore_state(0), PLX_LCORE_FINISHED, "the main lcore's own result waits");
	cr_assert_eq(plx_lcore_launch_all(id_times_ten, NULL, true), -EBUSY);
	ret = plx_lcore_wait_all();
	cr_assert_eq(ret, 20, "the first that is not 0, by id: %d", ret);
	for (unsigned id = 0; id < 4; id++)
		cr_assert_eq(plx_lcore_state(id), PLX_LCORE_WAIT, "lcore %u", id);
}

static int on_self(void *arg)
{
	int *rets = arg, ret;

	rets[0] = plx_lcore_wait(plx_lcore_id(), &ret);
	rets[1] = plx_lcore_launch(plx_lcore_id(), return_arg, NULL);
	rets[2] = plx_lcore_launch_all(return_arg, NULL, true);
	rets[3] = plx_lcore_register();
	rets[4] = plx_lcore_launch(2, return_arg, (void *)(intptr_t)6);
	rets[5] = plx_lcore_wait(2, &rets[6]);
	return plx_lcore_wait_all();
}

static int wait_for_self(void *arg)
{
	(void)arg;
	return plx_lcore_wait(plx_lcore_id(), NULL);
}

LCORE_TEST(what_a_worker_may_do)
{
	static const int want[7] = {-EDEADLK, -EINVAL, -EINVAL, -EALREADY, 0, 0, 6};
	int rets[7];

	start_lcores(3);
	cr_assert_eq(plx_lcore_launch(1, on_self, rets), 0);
	cr_assert_eq(plx_lcore_wait_all(), 0);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(want); i++)
		cr_assert_eq(rets[i], want[i], "step %zu: %d, not %d", i, rets[i], want[i]);
	cr_assert_eq(plx_lcore_launch_all(wait_for_self, NULL, true), 0);
	cr_assert_eq(plx_lcore_wait_all(), -EDEADLK);
}

/* 'S' in /proc/self/task/ID/stat of the thread of that name. */
static char task_state(const char *name)
{
	char path[300], line[256], *end;
	struct dirent *entry;
	char state = '?';
	FILE *file;
	DIR *dir = opendir("/proc/self/task");

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/stat", entry->d_name);
		file = fopen(path, "r");
		if (file == NULL)
			continue;
		if (fgets(line, sizeof(line), file) != NULL && strstr(line, name) != NULL &&
		    (end = strrchr(line, ')')) != NULL)
			state = end[2];
		fclose(file);
	}
	if (dir != NULL)
		closedir(dir);
	return state;
}

LCORE_TEST(an_idle_worker_sleeps)
{
	char state = '?';

	start_lcores(2);
	for (int tries = 0; tries < 5000 && state != 'S'; tries++) {
		state = task_state("(plx-lcore-1)");
		usleep(1000);
	}
	cr_assert_eq(state, 'S', "state %c", state);
	for (int i = 0; i < 20; i++) {
		state = task_state("(plx-lcore-1)");
		cr_assert_eq(state, 'S', "state %c in look %d", state, i);
	}
}

LCORE_TEST(init_and_fini_leave_nothing)
{
	unsigned fds = nb_entries("/proc/self/fd"), tasks = nb_entries("/proc/self/task");
	cpu_set_t before, after;
	unsigned now;

	sched_getaffinity(0, sizeof(before), &before);
	for (int i = 0; i < 100; i++) {
		start_lcores(1 + (unsigned)i % 4);
		plx_lcore_launch_all(mark, NULL, i % 2);
		plx_eal_fini();
		cr_assert_eq(plx_lcore_id(), PLX_LCORE_NONE);
		cr_assert_eq(plx_lcore_count(), 0);
	}
	now = nb_entries("/proc/self/fd");
	cr_assert_eq(now, fds, "file descriptors: %u, were %u", now, fds);
	now = nb_entries("/proc/self/task");
	cr_assert_eq(now, tasks, "threads: %u, were %u", now, tasks);
	sched_getaffinity(0, sizeof(after), &after);
	cr_assert(CPU_EQUAL(&before, &after), "affinity did not come back");
}

LCORE_TEST(fini_asks_workers_to_stop)
{
	start_lcores(3);
	cr_assert_eq(plx_lcore_launch_all(until_stop, NULL, false), 0);
	sem_wait(&entered);
	sem_wait(&entered);
	catch_log();
	plx_eal_fini();
	cr_assert(!plx_stop_requested(), "fini's own request must not outlive it");
}

static int quiesce(void *arg)
{
	(void)arg;
	return plx_lcore_quiesce();
}

LCORE_TEST(quiesce_asks_workers_to_stop_and_leaves_their_results)
{
	int ret;

	cr_assert_eq(plx_lcore_quiesce(), -ENODEV);
	start_lcores(3);
	cr_assert_eq(plx_lcore_quiesce(), 0, "nothing was launched");
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(plx_lcore_launch_all(until_stop, NULL, false), 0);
		sem_wait(&entered);
		sem_wait(&entered);
		cr_assert_eq(plx_lcore_quiesce(), 0);
		cr_assert(!plx_stop_requested(), "the request must not outlive the call");
		cr_assert_eq(plx_lcore_state(1), PLX_LCORE_FINISHED);
		cr_assert_eq(plx_lcore_state(2), PLX_LCORE_FINISHED);
		cr_assert_eq(plx_lcore_wait(1, &ret), 0);
		cr_assert_eq(ret, 5, "%d", ret);
		cr_assert_eq(plx_lcore_wait(2, NULL), 0);
	}
	cr_assert_eq(plx_lcore_launch(1, quiesce, NULL), 0);
	cr_assert_eq(plx_lcore_wait(1, &ret), 0);
	cr_assert_eq(ret, -EDEADLK, "%d", ret);
	plx_stop_request();
	cr_assert_eq(plx_lcore_launch(2, until_stop, NULL), 0);
	cr_assert_eq(plx_lcore_quiesce(), 0);
	cr_assert(plx_stop_requested(), "the application's own request stays");
	plx_stop_reset();
}

static int deaf(void *arg)
{
	(void)arg;
	sem_post(&entered);
	sleep(2);
	return 0;
}

LCORE_TEST(fini_tells_whom_it_waits_for)
{
	start_lcores(2);
	cr_assert_eq(plx_lcore_launch(1, deaf, NULL), 0);
	sem_wait(&entered);
	catch_log();
	plx_eal_fini();
	cr_assert(caught.nb_lines > 0, "not a line in 2 s");
	cr_assert(strstr(caught.last, "waiting for lcore 1: its function has not returned") != NULL,
		  "'%s'", caught.last);
}

static void on_alarm(int sig)
{
	(void)sig;
}

LCORE_TEST(signals_do_not_multiply_the_lines)
{
	struct itimerval often = {{0, 5000}, {0, 5000}}, off = {{0, 0}, {0, 0}};
	struct sigaction sa = {.sa_handler = on_alarm};

	start_lcores(2);
	cr_assert_eq(plx_lcore_launch(1, deaf, NULL), 0);
	sem_wait(&entered);
	catch_log();
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	plx_eal_fini();
	setitimer(ITIMER_REAL, &off, NULL);
	cr_assert(caught.nb_lines >= 1 && caught.nb_lines <= 4, "%u lines in 2 s", caught.nb_lines);
}

LCORE_TEST(workers_are_scheduled_as_the_caller)
{
	struct sched_param param = {.sched_priority = 0};
	struct view view;

	cr_assert_eq(sched_setscheduler(0, SCHED_BATCH, &param), 0);
	start_lcores(2);
	cr_assert_eq(plx_lcore_launch(1, look, &view), 0);
	cr_assert_eq(plx_lcore_wait(1, NULL), 0);
	cr_assert_eq(view.policy, SCHED_BATCH, "%d", view.policy);
}

static void look_from_ctl(void *arg)
{
	look(arg);
	sem_post(&entered);
}

LCORE_TEST(workers_of_a_real_time_caller)
{
	struct sched_param param = {.sched_priority = 2};
	struct view view;

	if (sched_setscheduler(0, SCHED_FIFO, &param) != 0)
		cr_skip_test("needs CAP_SYS_NICE: run as root");
	start_lcores(2);
	cr_assert_eq(plx_lcore_launch(1, look, &view), 0);
	cr_assert_eq(plx_lcore_wait(1, NULL), 0);
	cr_assert_eq(view.policy, SCHED_FIFO, "worker: %d", view.policy);
	cr_assert_eq(plx_ctl_post(look_from_ctl, &view), 0);
	sem_wait(&entered);
	cr_assert_eq(view.policy, SCHED_OTHER, "control thread: %d", view.policy);
}

LCORE_TEST(a_cpu_that_is_not_there)
{
	static struct plx_eal_conf conf;

	lcore_conf(&conf, 2);
	CPU_ZERO(&conf.lcores[1].cpus);
	CPU_SET(CPU_SETSIZE - 1, &conf.lcores[1].cpus);
	catch_log();
	cr_assert_eq(plx_eal_init(&conf), -EINVAL);
	cr_assert_eq(caught.nb_errors, 1, "%u", caught.nb_errors);
	cr_assert(strncmp(caught.error, "lcore 1: CPU 1023 is not online (online: ", 41) == 0,
		  "'%s'", caught.error);
	start_lcores(2);
}

LCORE_TEST(a_cpu_that_is_not_allowed)
{
	static struct plx_eal_conf conf;
	cpu_set_t allowed, one;
	char want[128];
	unsigned cpu;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	if (CPU_COUNT(&allowed) < 2)
		cr_skip_test("needs two CPUs");
	lcore_conf(&conf, 2);
	cpu = first_cpu(&conf.lcores[1].cpus);
	one = conf.lcores[0].cpus;
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	catch_log();
	cr_assert_eq(plx_eal_init(&conf), -EINVAL);
	snprintf(want, sizeof(want),
		 "lcore 1: CPU %u is not allowed for this process (allowed: %u; taskset or cgroup)",
		 cpu, first_cpu(&one));
	cr_assert_str_eq(caught.error, want, "'%s'", caught.error);
}

/* ---- real time, and threads that can't be had: in a child that gives its privileges away ---- */

static void lose_privileges(int limit, rlim_t value)
{
	struct rlimit rlimit = {value, value};

	if (setrlimit(limit, &rlimit) != 0 ||
	    (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)))
		_exit(77);
}

static int child_status(pid_t pid)
{
	int status = 0;

	cr_assert_geq(pid, 0, "fork");
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

/* The kernel refuses the system call from now on, as a container's filter does. */
static void deny(unsigned nr)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {PLX_ARRAY_SIZE(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(77);
}

static void expect_in_child(void (*fn)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		fn();
		_exit(0);
	}
	status = child_status(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		cr_skip_test("needs to be able to lower its limits");
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x: step %d", status,
		  WEXITSTATUS(status));
}

static void start_rt_without_right(void)
{
	static struct plx_eal_conf conf;

	lose_privileges(RLIMIT_RTPRIO, 0);
	lcore_conf(&conf, 2);
	if (CPU_EQUAL(&conf.lcores[0].cpus, &conf.lcores[1].cpus))
		_exit(77);
	conf.rt_prio = 3;
	catch_log();
	if (plx_eal_init(&conf) != -EPERM)
		_exit(1);
	if (caught.nb_errors != 1 || strstr(caught.error, "SCHED_FIFO priority 3") == NULL ||
	    strstr(caught.error, "CAP_SYS_NICE") == NULL ||
	    strstr(caught.error, "RLIMIT_RTPRIO") == NULL)
		_exit(2);
	conf.rt_prio = 0;
	if (plx_eal_init(&conf) != 0)
		_exit(3);
	plx_eal_fini();
}

LCORE_TEST(real_time_without_the_right)
{
	expect_in_child(start_rt_without_right);
}

LCORE_TEST(real_time_with_the_right)
{
	static struct plx_eal_conf conf;
	struct sched_param param;
	struct view view;
	int policy, ret;

	lcore_conf(&conf, 2);
	if (CPU_EQUAL(&conf.lcores[0].cpus, &conf.lcores[1].cpus))
		cr_skip_test("needs two CPUs");
	conf.rt_prio = 1;
	catch_log();
	ret = plx_eal_init(&conf);
	if (ret == -EPERM)
		cr_skip_test("needs CAP_SYS_NICE: run as root");
	cr_assert_eq(ret, 0, "%d: %s", ret, caught.error);
	cr_assert_eq(plx_lcore_launch(1, look, &view), 0);
	cr_assert_eq(plx_lcore_wait(1, NULL), 0);
	cr_assert_eq(view.policy, SCHED_FIFO, "%d", view.policy);
	plx_eal_fini();
	pthread_getschedparam(pthread_self(), &policy, &param);
	cr_assert_eq(policy, SCHED_OTHER, "%d", policy);
}

static void *no_thread(void *arg)
{
	return arg;
}

static void start_thread_without_room(void)
{
	pthread_t thread;
	cpu_set_t cpus;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	lose_privileges(RLIMIT_NPROC, 1);
	catch_log();
	if (plx_thread_start(&thread, "plx-lcore-9", &cpus, 0, no_thread, NULL) != -EAGAIN)
		_exit(1);
	if (caught.nb_errors != 1 || strstr(caught.error, "plx-lcore-9: ") != caught.error ||
	    strstr(caught.error, "limit on threads") == NULL)
		_exit(2);
}

static void start_without_scheduling_calls(void)
{
	static struct plx_eal_conf conf;

	deny(SYS_sched_setscheduler);
	deny(SYS_sched_getscheduler);
	deny(SYS_sched_getparam);
	deny(SYS_sched_setparam);
	lcore_conf(&conf, 2);
	catch_log();
	if (plx_eal_init(&conf) != 0)
		_exit(1);
	plx_eal_fini();
	if (caught.nb_lines != 0)
		_exit(2);
}

LCORE_TEST(a_container_without_scheduling_calls)
{
	expect_in_child(start_without_scheduling_calls);
}

static void start_without_affinity(void)
{
	static struct plx_eal_conf conf;

	deny(SYS_sched_setaffinity);
	lcore_conf(&conf, 1);
	catch_log();
	if (plx_eal_init(&conf) != -EPERM)
		_exit(1);
	if (strcmp(caught.error,
		   "main lcore 0: can't be pinned to its CPU: Operation not permitted "
		   "(sched_setaffinity is refused, as by a container's seccomp "
		   "profile: allow it there)") != 0)
		_exit(2);
}

LCORE_TEST(a_container_without_affinity)
{
	expect_in_child(start_without_affinity);
}

LCORE_TEST(no_room_for_a_thread)
{
	expect_in_child(start_thread_without_room);
}

LCORE_TEST(no_such_cpu_for_a_thread)
{
	pthread_t thread;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(CPU_SETSIZE - 1, &cpus);
	catch_log();
	cr_assert_eq(plx_thread_start(&thread, "plx-lcore-9", &cpus, 0, no_thread, NULL), -EINVAL);
	cr_assert_str_eq(caught.error,
			 "plx-lcore-9: can't start a thread on CPU 1023: Invalid argument", "'%s'",
			 caught.error);
}
