/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx-igb: registers, NVM, descriptor rings and the state of a card of the igb family, for
 * debugging and for bug reports. It looks, and does not touch: see card.h.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "card.h"

enum { LED_SECONDS = 10, LED_SECONDS_MAX = 3600, CLEAR = 256, QUEUE, DIR, SECONDS };

static const char usage[] =
	"usage: plx-igb status BDF\n"
	"       plx-igb regs [--clear] BDF\n"
	"       plx-igb nvm BDF\n"
	"       plx-igb rings [--queue N] [--dir rx|tx] BDF\n"
	"       plx-igb led [--seconds N] BDF on|off|blink\n"
	"\n"
	"Looks at a card of the igb family (82576, 82580, I350, I354, I210, I211), also while\n"
	"Pollux drives it. BDF is its PCI address, 0000:01:00.0 or 01:00.0.\n"
	"\n"
	"  status         who has the card, its link, address, PHY, queues, locks\n"
	"  regs           registers: address, name, value\n"
	"  nvm            the NVM: what it means, its words\n"
	"  rings          queues that are on: registers and descriptors\n"
	"  led            light up, to find the card; then as before\n"
	"\n"
	"      --clear    also registers that reading changes: SWSM, ICR, EICR. A driver that\n"
	"                 waits for an interrupt may lose it\n"
	"      --queue N  this queue, also when it is off\n"
	"      --dir DIR  rx or tx alone\n"
	"      --seconds N  for how long: 1 to 3600, 10 by default\n"
	"  -h, --help     this text\n"
	"\n"
	"Root, as a rule: registers of a running process are for who may debug it.\n"
	"Exit status: 0 done, 1 the card can't be reached, 2 wrong usage.\n";

struct arguments {
	const char *command;
	bool clear;
	int queue;
	unsigned dirs, seconds;
	unsigned given; /* bit n: option n of options[] */
	const char *bdf, *mode;
};

static const struct option options[] = {
	{"clear", no_argument, NULL, CLEAR},   {"queue", required_argument, NULL, QUEUE},
	{"dir", required_argument, NULL, DIR}, {"seconds", required_argument, NULL, SECONDS},
	{"help", no_argument, NULL, 'h'},      {NULL, 0, NULL, 0},
};

static const struct command {
	const char *name;
	unsigned options; /* that go with it; bit n: options[n] */
	int nb_operands;
} commands[] = {{"status", 0, 1},
		{"regs", 1 << 0, 1},
		{"nvm", 0, 1},
		{"rings", 1 << 1 | 1 << 2, 1},
		{"led", 1 << 3, 2}};

static int wrong(const char *fmt, ...) PLX_PRINTF(1, 2);

static int wrong(const char *fmt, ...)
{
	va_list args;

	fputs("plx-igb: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputs("; --help lists all\n", stderr);
	return 2;
}

static int read_number(const char *option, const char *text, unsigned min, unsigned max, int *to)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || value < min || value > max)
		return wrong("%s '%s': want a number, %u to %u", option, text, min, max);
	*to = (int)value;
	return 0;
}

static int read_option(struct arguments *args, int c)
{
	int number = 0, ret = 0;

	switch (c) {
	case CLEAR:
		args->clear = true;
		break;
	case QUEUE:
		ret = read_number("--queue", optarg, 0, IGB_QUEUES_MAX - 1, &args->queue);
		break;
	case DIR:
		args->dirs = strcmp(optarg, "rx") == 0	 ? RINGS_RX
			     : strcmp(optarg, "tx") == 0 ? RINGS_TX
							 : 0;
		if (args->dirs == 0)
			ret = wrong("--dir '%s': want rx or tx", optarg);
		break;
	default:
		ret = read_number("--seconds", optarg, 1, LED_SECONDS_MAX, &number);
		args->seconds = (unsigned)number;
		break;
	}
	args->given |= 1u << (c - CLEAR);
	return ret;
}

static int read_operands(struct arguments *args, int argc, char **argv)
{
	const struct command *command = NULL;

	if (optind == argc)
		return wrong("want a command: status, regs, nvm, rings or led");
	args->command = argv[optind];
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, args->command) == 0)
			command = &commands[i];
	if (!command)
		return wrong("'%s': want a command: status, regs, nvm, rings or led",
			     args->command);
	for (unsigned i = 0; options[i].name; i++)
		if (options[i].val != 'h' && (args->given & ~command->options & 1u << i))
			return wrong("--%s does not go with %s", options[i].name, command->name);
	if (argc - optind - 1 < command->nb_operands)
		return wrong("%s: want %s", command->name,
			     command->nb_operands == 2 ? "BDF and on, off or blink"
						       : "BDF, the card's PCI address");
	if (argc - optind - 1 > command->nb_operands)
		return wrong("'%s': one thing too many", argv[optind + 1 + command->nb_operands]);
	args->bdf = argv[optind + 1];
	args->mode = argv[optind + command->nb_operands];
	return 0;
}

/* Returns 0; -1: help was printed; 2 and a line. */
static int read_arguments(struct arguments *args, int argc, char **argv)
{
	int c, ret = 0;

	*args = (struct arguments){.command = "",
				   .queue = RINGS_ALL,
				   .dirs = RINGS_RX | RINGS_TX,
				   .seconds = LED_SECONDS};
	opterr = 0;
	while (ret == 0 && (c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return -1;
		}
		if (c == ':')
			ret = wrong("%s: want a value behind it", argv[optind - 1]);
		else if (c == '?')
			ret = wrong("'%s': unknown or ambiguous option, or one that takes no value",
				    optopt && optopt < 256 ? (char[]){'-', (char)optopt, 0}
							   : argv[optind - 1]);
		else
			ret = read_option(args, c);
	}
	return ret ? ret : read_operands(args, argc, argv);
}

static int print_regs(struct card *card, bool clear)
{
	int ret = card_open(card, clear);

	return ret ? ret : plx_igb_dump_regs(&card->hw, stdout, clear) ? 1 : 0;
}

static int print_nvm(struct card *card)
{
	int ret = card_open(card, true);

	if (ret)
		return ret;
	ret = plx_igb_nvm_find(&card->hw);
	if (ret == 0)
		ret = plx_igb_dump_nvm(&card->hw, stdout);
	if (ret == -ENODATA)
		return card_fail(card, "EECD says that there is no NVM");
	return ret ? card_fail(card, "the NVM can't be read: %s", strerror(-ret)) : 0;
}

static int print_rings(struct card *card, const struct arguments *args)
{
	int ret = card_open(card, false);

	return ret ? ret : card_rings(card, args->queue, args->dirs);
}

static int run(struct card *card, const struct arguments *args)
{
	if (strcmp(args->command, "status") == 0)
		return card_status(card);
	if (strcmp(args->command, "regs") == 0)
		return print_regs(card, args->clear);
	if (strcmp(args->command, "nvm") == 0)
		return print_nvm(card);
	if (strcmp(args->command, "led") == 0)
		return card_led(card, args->mode, args->seconds);
	return print_rings(card, args);
}

int main(int argc, char **argv)
{
	struct arguments args;
	struct card card;
	int ret = read_arguments(&args, argc, argv);

	if (ret)
		return ret < 0 ? 0 : ret;
	ret = card_find(&card, args.bdf);
	if (ret == 0) {
		ret = run(&card, &args);
		card_close(&card);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "plx-igb: can't write: %s\n", strerror(errno));
		return 1;
	}
	return ret;
}
