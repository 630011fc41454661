/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of plx-bench share. The main lcore leads: it makes segments (segment.h) of what
 * plan.c wants to know, and waits, asleep; a worker has one end of a cable, or both.
 *
 *	main -> options -> EAL -> bench_open -> floors -> bias -> plan -> report
 */
#ifndef BENCH_H
#define BENCH_H

#include <jansson.h>

#include "complain.h"
#include "instance.h"

enum {
	BENCH_PAIRS_MAX = PLX_PORT_MAX / 2,
	BENCH_SIZES_MAX = 16,
	BENCH_RATES_MAX = 16,
	BENCH_LOADS_MAX = 8,
	BENCH_DELAYS_MAX = 32,
	BENCH_NAME_MAX = 24,
	BENCH_FRAME_MIN = PACKET_MIN + PACKET_FCS_BYTES,
	BENCH_FRAME_MAX = PACKET_MAX + PACKET_FCS_BYTES,
};

/* ---- options.c: the command line ---- */

enum rate_unit { RATE_MAX, RATE_PPS, RATE_MBPS, RATE_PERCENT };

/* Of each direction. */
struct rate {
	enum rate_unit unit;
	double value;  /* packets/s, Mb/s of frames, % of the ceiling */
	char text[24]; /* as in the report */
};

/* What is sent in turn: one size, or imix. */
struct mix {
	char text[12]; /* "64", "imix" */
	unsigned nb_frames;
	uint32_t frames[INSTANCE_SIZES_MAX]; /* bytes, with FCS */
};

struct pair_conf {
	char name[BENCH_NAME_MAX];
	unsigned ports[2];
};

enum search_kind { SEARCH_NONE, SEARCH_NDR, SEARCH_PDR };

struct options {
	unsigned nb_pairs, nb_mixes, nb_rates, nb_loads, nb_delays;
	struct pair_conf pairs[BENCH_PAIRS_MAX];
	struct mix mixes[BENCH_SIZES_MAX];
	struct rate rates[BENCH_RATES_MAX];
	double loads[BENCH_LOADS_MAX]; /* --latency-load: % of the no-loss rate; 0: unloaded */
	double delays_us[BENCH_DELAYS_MAX];
	enum search_kind search;
	double duration_s, warmup_s;
	unsigned nb_repeats;
	unsigned burst;
	unsigned nb_mbufs; /* 0: as many as are needed */
	unsigned stress;   /* TCP streams; 0: no second pass */
	cpu_set_t stress_cpus;
	const char *stress_cpus_text; /* NULL: any CPU */
	bool isolate;
	bool estimate;				    /* tell what it would take, and end */
	bool quiet;				    /* no progress */
	const char *json, *csv, *html, *hgrm, *svg; /* NULL: none */
};

enum {
	OPTIONS_OK,
	OPTIONS_HELP,
	OPTIONS_WRONG, /* one line was printed; also the exit status */
};

extern const char bench_usage[];

/** The program's own arguments, argv[0] being its name. Needs no EAL. */
int options_parse(struct options *opts, int argc, char **argv);

/* ---- lcores.c: which lcores there are, and whose ---- */

/**
 * The EAL's command line: the user's, with lcores of our own when he names none, and what --isolate
 * asks for.
 *
 * @argc, @argv  of the EAL: up to "--", or to the end
 * @out          out: to be freed by free(), after plx_init()
 * Returns its length, OPTIONS_WRONG as a negative number after one line, -ENOMEM.
 */
int lcores_arguments(const struct options *opts, int argc, char **argv, char ***out);

/** Whether two lcores may run on one CPU. */
bool lcores_share(unsigned a, unsigned b);

/* ---- setup.c: the ports and the instances at them ---- */

struct pair {
	const struct pair_conf *conf;
	const char *path; /* "user": a card; "kernel": an interface of it; "software" */
	bool emulated;
	unsigned line_mbps;	       /* of a real card's cable, the slower end; 0: none */
	struct instance *instances[2]; /* in memory of the lcore's node */
};

/* A worker's share: the instances it polls, of those that are active. */
struct lcore {
	unsigned id;
	int cpu; /* the only one; -1: several */
	unsigned nb_instances;
	struct instance *instances[2 * BENCH_PAIRS_MAX];
};

struct bench {
	struct options opts;
	unsigned nb_pairs;
	struct pair pairs[BENCH_PAIRS_MAX + 1]; /* the last: the cable of the bias, or nothing */
	unsigned nb_lcores;
	struct lcore lcores[2 * BENCH_PAIRS_MAX];
	bool few_cpus; /* fewer than lcores, main included, or two that poll share one */
	bool in_turn;  /* pairs can't all run at once */
	struct plx_mempool *pool;
	struct packet_form *forms; /* [instance][frame of a mix] */
	struct spin *spins;	   /* floor.c's, one for each lcore */
	json_t *report;
};

/** Start the ports, check their cables. Returns 0, -errno after one line. */
int bench_open(struct bench *bench);

/** Undo it; also after a failure. */
void bench_close(struct bench *bench);

/** Attach a net_ring cable as pair number nb_pairs. Returns 0, -errno after one line. */
int bench_open_bias(struct bench *bench);
void bench_close_bias(struct bench *bench);

/** What an instance sends from now on. @pps of each direction, 0: as fast as it goes. */
void bench_load(struct bench *bench, struct pair *pair, const struct mix *mix, double pps,
		double delay_us);

/** Which of the lcores polls the instance of this index. */
unsigned bench_lcore(const struct bench *bench, unsigned index);

/** Mean bytes of its frames, with FCS. */
double mix_bytes(const struct mix *mix);

/** Packets/s of one direction when the line is full; 0: no such line is known. */
double pair_ceiling(const struct pair *pair, const struct mix *mix);

/* ---- floor.c: the machine without us ---- */

/** Spin on each lcore; what is seen adds up. Returns 0, -errno after one line. */
int floor_spin(struct bench *bench, double seconds);

/** The array "floors" of the report: all gaps seen so far. Returns 0, -ENOMEM after one line. */
int floor_report(struct bench *bench);

/* ---- plan.c: what is measured, in which order ---- */

/** Seconds that plan_run() will take. */
double plan_seconds(const struct bench *bench);

/** Fill the report. Returns 0, -EINTR (a signal; no line), -errno after one line. */
int plan_run(struct bench *bench);

/* ---- search.c ---- */

/**
 * The greatest rate that a pair carries without losing more than @allowed, by binary search.
 *
 * @top_pps  never beyond
 * @trials   out: appended to, {"pps","loss","kept","invalid_because","ok"}
 * @pps      out: one direction; 0 when even the smallest rate loses
 */
int search_rate(struct bench *bench, struct pair *pair, const struct mix *mix, double top_pps,
		double allowed, json_t *trials, double *pps);

/* ---- record.c: results as JSON ---- */

struct result;
struct run {
	const struct pair *pair;
	const struct mix *mix;
	const char *load;
	double pps; /* of each direction; 0: max */
	unsigned repeat;
	bool stress, together;
	double delay_us;
};

/** One of "runs"; NULL: out of memory. */
json_t *record_run(const struct run *run, const struct result *result);

/** {"count","min","p50",...}; all null but the count when @stated is false. */
json_t *record_latency(const struct hist *hist, bool stated);

/* ---- header.c ---- */

json_t *header_make(const struct bench *bench, int argc, char **argv);
json_t *header_pairs(const struct bench *bench);

/** Percent of all CPU time that the hypervisor took since the last call. */
double header_steal_percent(void);

/* ---- stress.c: TCP streams over loopback, by iperf3 ---- */

/** Returns 0, -errno after one line. They end with stress_stop(), or with this process. */
int stress_start(unsigned nb_streams, const cpu_set_t *cpus);
/** Returns 0, -EIO after one line: they had ended before. */
int stress_stop(void);

/* ---- live.c: where it stands, on the terminal ---- */

void live_start(double seconds, bool quiet);
void live_run(const struct run *run, unsigned nb_repeats);
/** Every so often while @run lasts. */
void live_tick(uint64_t received, double seconds);
void live_stop(void);

#endif
