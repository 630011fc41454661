/* SPDX-License-Identifier: BSD-3-Clause */
#include "segment.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	TICK_NS = 100 * 1000000,
	STEP_MS = 5000, /* for all workers to be there, or in the next phase */
	LOOK_NS = 2 * 1000000,
	AFTER_NS = 10 * 1000000,       /* for a duplicate of the last packet */
	QUIET_NS = 300 * 1000000,      /* nothing came: nothing will */
	DRAIN_MAX_NS = 2000 * 1000000, /* more than that is no drain */
};

/* One worker's part. */
struct job {
	struct lcore *lcore;
	unsigned nb_instances;
	struct instance *instances[2 * BENCH_PAIRS_MAX];
	bool yield;
	uint32_t phase PLX_CACHE_ALIGNED; /* enum instance_phase; written by the main lcore */
	uint32_t over;
	uint32_t seen PLX_CACHE_ALIGNED; /* its phase and one; 0: not there; the worker's */
	struct usage start, end;
};

/* What the machine counts as a whole. */
struct machine {
	double softirq_ns, interrupts; /* below 0: not known */
};

/* ---- The worker ---- */

static uint64_t ns_of(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000000 + (uint64_t)tv->tv_usec * 1000;
}

static void read_usage(struct usage *usage)
{
	struct rusage ru;

	getrusage(RUSAGE_THREAD, &ru);
	*usage = (struct usage){
		.user_ns = ns_of(&ru.ru_utime),
		.system_ns = ns_of(&ru.ru_stime),
		.minor_faults = (uint64_t)ru.ru_minflt,
		.major_faults = (uint64_t)ru.ru_majflt,
		.voluntary = (uint64_t)ru.ru_nvcsw,
		.involuntary = (uint64_t)ru.ru_nivcsw,
	};
}

static void change_phase(struct job *job, uint32_t phase)
{
	if (phase == PHASE_SEND)
		read_usage(&job->start);
	else if (phase == PHASE_DRAIN)
		read_usage(&job->end);
	for (unsigned i = 0; i < job->nb_instances; i++)
		plx_store_release(&job->instances[i]->phase, phase);
}

static int work(void *arg)
{
	struct job *job = arg;
	uint32_t last = PHASE_STOP;

	plx_store_release(&job->seen, last + 1);
	while (!plx_load_acquire(&job->over)) {
		const uint32_t phase = plx_load_acquire(&job->phase);
		uint32_t nb = 0;

		if (plx_unlikely(phase != last))
			change_phase(job, phase);
		for (unsigned i = 0; i < job->nb_instances; i++)
			nb += instance_poll(job->instances[i]);
		/* After the polls: who drains sends no more. */
		if (plx_unlikely(phase != last))
			plx_store_release(&job->seen, (last = phase) + 1);
		if (nb == 0 && job->yield)
			sched_yield();
	}
	return 0;
}

/* ---- Who takes part ---- */

static bool is_end_of(const struct instance *instance, const struct pair *pair)
{
	return instance == pair->instances[0] || instance == pair->instances[1];
}

static bool is_active(const struct instance *instance, struct pair **pairs, unsigned nb_pairs)
{
	for (unsigned i = 0; i < nb_pairs; i++)
		if (is_end_of(instance, pairs[i]))
			return true;
	return false;
}

static unsigned make_jobs(struct bench *bench, struct pair **pairs, unsigned nb_pairs,
			  struct job *jobs)
{
	unsigned nb = 0;

	for (unsigned i = 0; i < bench->nb_lcores; i++) {
		struct lcore *lcore = &bench->lcores[i];
		struct job *job = &jobs[nb];

		memset(job, 0, sizeof(*job));
		job->lcore = lcore;
		for (unsigned k = 0; k < lcore->nb_instances; k++)
			if (is_active(lcore->instances[k], pairs, nb_pairs))
				job->instances[job->nb_instances++] = lcore->instances[k];
		nb += job->nb_instances > 0;
	}
	for (unsigned i = 0; i < nb; i++)
		for (unsigned k = 0; k < nb; k++)
			if (i != k && lcores_share(jobs[i].lcore->id, jobs[k].lcore->id))
				jobs[i].yield = true;
	return nb;
}

/* ---- The main lcore, asleep most of the time ---- */

static bool all_in(struct job *jobs, unsigned nb_jobs, enum instance_phase phase)
{
	for (unsigned i = 0; i < nb_jobs; i++)
		if (plx_load_acquire(&jobs[i].seen) != (uint32_t)phase + 1)
			return false;
	return true;
}

static int wait_for_phase(struct job *jobs, unsigned nb_jobs, enum instance_phase phase)
{
	for (int ms = 0; ms < STEP_MS; ms++) {
		if (all_in(jobs, nb_jobs, phase))
			return 0;
		usleep(1000);
	}
	return bench_fail(
		-ETIMEDOUT,
		"lcores did not come to run within %d s: is something else on their CPUs?",
		STEP_MS / 1000);
}

static int set_phase(struct job *jobs, unsigned nb_jobs, enum instance_phase phase)
{
	for (unsigned i = 0; i < nb_jobs; i++)
		plx_store_release(&jobs[i].phase, phase);
	return wait_for_phase(jobs, nb_jobs, phase);
}

static uint64_t nb_received(struct pair **pairs, unsigned nb_pairs)
{
	uint64_t nb = 0;

	for (unsigned i = 0; i < 2 * nb_pairs; i++)
		nb += plx_load_relaxed(&pairs[i / 2]->instances[i % 2]->counts.received);
	return nb;
}

static bool all_received(struct pair **pairs, unsigned nb_pairs)
{
	for (unsigned i = 0; i < nb_pairs; i++)
		for (unsigned end = 0; end < 2; end++)
			if (plx_load_relaxed(&pairs[i]->instances[end]->counts.distinct) <
			    plx_load_relaxed(&pairs[i]->instances[!end]->counts.sent))
				return false;
	return true;
}

static void send_for(struct pair **pairs, unsigned nb_pairs, double seconds)
{
	const uint64_t start = plx_clock_now_ns(), end = start + (uint64_t)(seconds * 1e9);
	const uint64_t nb = nb_received(pairs, nb_pairs);
	uint64_t now = start;

	while (now < end && !plx_stop_requested()) {
		usleep((useconds_t)(plx_min_u64(end - now, TICK_NS) / 1000));
		now = plx_clock_now_ns();
		live_tick(nb_received(pairs, nb_pairs) - nb, (double)(now - start) / 1e9);
	}
}

/* Until nothing is under way; false: packets come and come. */
static bool drain(struct pair **pairs, unsigned nb_pairs)
{
	const uint64_t start = plx_clock_now_ns();
	uint64_t last = start, nb = nb_received(pairs, nb_pairs);

	for (;;) {
		uint64_t now, seen;

		usleep(LOOK_NS / 1000);
		now = plx_clock_now_ns();
		seen = nb_received(pairs, nb_pairs);
		if (seen != nb) {
			nb = seen;
			last = now;
		}
		if (now - last > (all_received(pairs, nb_pairs) ? AFTER_NS : QUIET_NS))
			return true;
		if (now - start > DRAIN_MAX_NS)
			return false;
	}
}

/* ---- What it was ---- */

static void read_machine(struct machine *machine)
{
	FILE *file = fopen("/proc/stat", "re");
	char line[512];
	double softirq, interrupts;

	*machine = (struct machine){-1, -1};
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "cpu %*f %*f %*f %*f %*f %*f %lf", &softirq) == 1)
			machine->softirq_ns = softirq * 1e9 / (double)sysconf(_SC_CLK_TCK);
		else if (sscanf(line, "intr %lf", &interrupts) == 1)
			machine->interrupts = interrupts;
	}
	fclose(file);
}

static double between(double start, double end)
{
	return start < 0 || end < start ? -1 : end - start;
}

/* What the ports counted meanwhile: the one that sends and the one that receives. */
struct counted {
	struct plx_port_tx_stats tx;
	struct plx_port_rx_stats rx;
};

static struct counted count_between(const struct plx_port_stats *before,
				    const struct plx_port_stats *after, unsigned from)
{
	const struct plx_port_tx_stats *tx = &before[from].tx, *tx_now = &after[from].tx;
	const struct plx_port_rx_stats *rx = &before[!from].rx, *rx_now = &after[!from].rx;

	return (struct counted){
		.tx = {.packets = tx_now->packets - tx->packets,
		       .errors = tx_now->errors - tx->errors,
		       .dropped = tx_now->dropped - tx->dropped},
		.rx = {.packets = rx_now->packets - rx->packets,
		       .missed = rx_now->missed - rx->missed,
		       .errors = rx_now->errors - rx->errors,
		       .nombuf = rx_now->nombuf - rx->nombuf},
	};
}

static void take_stream(const struct instance *from, const struct instance *to,
			const struct counted *counted, struct stream *stream)
{
	const double seconds = (double)(to->end_ns - to->from_ns) / 1e9;
	const double packets = (double)(to->at_end.received - to->at_start.received);
	const double bytes = (double)(to->at_end.received_bytes - to->at_start.received_bytes) +
			     packets * (double)PACKET_FCS_BYTES;

	*stream = (struct stream){
		.from_port = from->port,
		.to_port = to->port,
		.sent = from->counts.sent,
		.received = to->tracker.received,
		.lost = tracker_lost(&to->tracker, from->counts.sent),
		.duplicate = to->tracker.duplicate,
		.reordered = to->tracker.reordered,
		.corrupt = to->corrupt,
		.foreign = to->foreign,
		.pps = packets / seconds,
		.mbps = bytes * 8 / seconds / 1e6,
		.wire_mbps = (bytes + packets * PACKET_WIRE_EXTRA) * 8 / seconds / 1e6,
		.sent_pps = (double)(from->at_end.sent - from->at_start.sent) * 1e9 /
			    (double)(from->end_ns - from->from_ns),
		.drops = {counted->tx.errors, counted->tx.dropped, counted->rx.missed,
			  counted->rx.errors, counted->rx.nombuf},
	};
}

/* The same packets as the ports and the tracker count them; NULL: all agree. */
static const char *find_wrong(const struct instance *to, const struct stream *stream,
			      const struct counted *counted)
{
	if (to->tracker.next > stream->sent)
		return "a packet came whose number was never sent";
	if (stream->received + stream->lost != stream->sent)
		return "numbers that came and numbers that did not are not what was sent";
	if (to->tracker.stale > 0)
		return "packets came so late that it is not known whether they are duplicates";
	if (to->late > 0)
		return "packets of the run before came";
	if (stream->received + stream->duplicate + stream->corrupt + stream->foreign !=
	    to->counts.received)
		return "what was received does not add up";
	if (counted->tx.packets + counted->tx.errors + counted->tx.dropped != stream->sent)
		return "the port that sends counts another number of packets than were given to it";
	if (counted->rx.packets != to->counts.received)
		return "the port that receives counts another number of packets than came from it";
	return NULL;
}

static struct usage usage_between(const struct usage *start, const struct usage *end)
{
	return (struct usage){
		.user_ns = end->user_ns - start->user_ns,
		.system_ns = end->system_ns - start->system_ns,
		.minor_faults = end->minor_faults - start->minor_faults,
		.major_faults = end->major_faults - start->major_faults,
		.voluntary = end->voluntary - start->voluntary,
		.involuntary = end->involuntary - start->involuntary,
	};
}

static bool polls(const struct job *job, const struct pair *pair)
{
	for (unsigned i = 0; i < job->nb_instances; i++)
		if (is_end_of(job->instances[i], pair))
			return true;
	return false;
}

static void take_result(const struct pair *pair, const struct job *jobs, unsigned nb_jobs,
			const struct plx_port_stats before[2], struct result *result)
{
	struct instance *const *ends = pair->instances;
	struct plx_port_stats after[2] = {0};
	double due = 0, sent = 0;

	for (unsigned end = 0; end < 2; end++)
		plx_port_stats(ends[end]->port, &after[end]);
	memset(result, 0, sizeof(*result));
	hist_reset(&result->latency);
	for (unsigned end = 0; end < 2; end++) {
		const struct instance *from = ends[end], *to = ends[!end];
		const struct counted counted = count_between(before, after, end);

		due += (double)(from->end_ns - from->start_ns) / 1e9 * from->load.pps;
		sent += (double)from->counts.sent;

		take_stream(from, to, &counted, &result->streams[end]);
		if (!result->wrong)
			result->wrong = find_wrong(to, &result->streams[end], &counted);
		hist_add(&result->latency, &to->latency);
		result->seconds += (double)(to->end_ns - to->from_ns) / 2e9;
	}
	result->kept = due > sent ? sent / due : 1;
	for (unsigned i = 0; i < nb_jobs; i++) {
		if (!polls(&jobs[i], pair))
			continue;
		result->lcores[result->nb_lcores].id = jobs[i].lcore->id;
		result->lcores[result->nb_lcores].cpu = jobs[i].lcore->cpu;
		result->lcores[result->nb_lcores].usage =
			usage_between(&jobs[i].start, &jobs[i].end);
		result->nb_lcores++;
	}
}

/* ---- From the start to the end ---- */

static int end_jobs(struct job *jobs, unsigned nb_jobs)
{
	int ret = 0;

	for (unsigned i = 0; i < nb_jobs; i++)
		plx_store_release(&jobs[i].over, 1);
	for (unsigned i = 0; i < nb_jobs; i++)
		if (plx_lcore_wait(jobs[i].lcore->id, NULL))
			ret = -EIO;
	return ret;
}

static int start_jobs(struct job *jobs, unsigned nb_jobs)
{
	int ret = 0;

	for (unsigned i = 0; i < nb_jobs && ret == 0; i++)
		ret = plx_lcore_launch(jobs[i].lcore->id, work, &jobs[i]);
	if (ret)
		bench_complain("the lcores do not start: %s", strerror(-ret));
	return ret ? ret : wait_for_phase(jobs, nb_jobs, PHASE_STOP);
}

int segment_run(struct bench *bench, struct pair **pairs, unsigned nb_pairs, double warm_s,
		double seconds, struct result *results)
{
	static struct job jobs[2 * BENCH_PAIRS_MAX];
	static struct plx_port_stats before[BENCH_PAIRS_MAX][2];
	unsigned nb_jobs = make_jobs(bench, pairs, nb_pairs, jobs);
	struct machine start, end;
	bool drained;
	int ret;

	for (unsigned i = 0; i < 2 * nb_pairs; i++) {
		instance_reset(pairs[i / 2]->instances[i % 2]);
		plx_port_stats(pairs[i / 2]->instances[i % 2]->port, &before[i / 2][i % 2]);
	}
	for (unsigned i = 0; i < 2 * nb_pairs; i++)
		instance_expect(pairs[i / 2]->instances[i % 2], pairs[i / 2]->instances[!(i % 2)]);
	ret = start_jobs(jobs, nb_jobs);
	if (ret == 0 && warm_s > 0 && (ret = set_phase(jobs, nb_jobs, PHASE_WARM)) == 0)
		send_for(pairs, nb_pairs, warm_s);
	read_machine(&start);
	if (ret == 0 && (ret = set_phase(jobs, nb_jobs, PHASE_SEND)) == 0)
		send_for(pairs, nb_pairs, seconds);
	if (ret == 0)
		ret = set_phase(jobs, nb_jobs, PHASE_DRAIN);
	read_machine(&end);
	drained = ret == 0 && drain(pairs, nb_pairs);
	if (end_jobs(jobs, nb_jobs) && ret == 0)
		ret = -EIO;
	for (unsigned i = 0; i < nb_pairs && ret == 0; i++) {
		take_result(pairs[i], jobs, nb_jobs, before[i], &results[i]);
		results[i].softirq_ns = between(start.softirq_ns, end.softirq_ns);
		results[i].interrupts = between(start.interrupts, end.interrupts);
		if (!drained)
			results[i].wrong = "packets come and come after the end of sending";
	}
	if (ret == 0 && plx_stop_requested())
		ret = -EINTR;
	return ret;
}
