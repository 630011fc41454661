/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of plx-l2fwd share. */
#ifndef L2FWD_H
#define L2FWD_H

#include <pollux/pollux.h>

/* ---- options.c ---- */

enum {
	OPTIONS_OK,
	OPTIONS_HELP,  /* --help: nothing is to be run */
	OPTIONS_WRONG, /* one line was printed; also the exit status */
};

struct options {
	uint32_t ports;		     /* a bit for each */
	unsigned peer[PLX_PORT_MAX]; /* of these ports: where its packets go to */
	unsigned ports_per_lcore;
	unsigned period_s; /* 0: no statistics */
	bool promisc;
	bool keep_macs;
	const char *json_path; /* NULL: none */
	bool json_to_stdout;
	/* the ends besides signals; 0: none */
	uint64_t nb_packets;
	unsigned seconds;
	bool until_eof;
};

extern const char l2fwd_usage[];

/** Read the program's own arguments; ports are attached. Returns one of the enum above. */
int options_parse(struct options *opts, int argc, char **argv);

/* ---- ends.c ---- */

/** From now on the run ends as the options say; all ports are started. Returns 0 or -errno. */
int ends_watch(const struct options *opts);

/** Undo it; also after a failure, or when it was never called. */
void ends_unwatch(void);

#endif
