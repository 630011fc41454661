/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asks the outside of the lab for something: lab_ask WORD..., as in "lab_ask link 0 down". The
 * other side is monitor.py, the way is the folder PLX_LAB_SHARE. Exit status 0: it is done.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MS = 30000 };

static bool ask(const char *folder, int argc, char **argv)
{
	char new[256], asked[256];
	FILE *file;

	snprintf(new, sizeof(new), "%s/asking.%d", folder, (int)getpid());
	snprintf(asked, sizeof(asked), "%s/ask.%d", folder, (int)getpid());
	file = fopen(new, "we");
	if (!file)
		return false;
	for (int i = 1; i < argc; i++)
		fprintf(file, "%s%s", argv[i], i + 1 < argc ? " " : "\n");
	return fclose(file) == 0 && rename(new, asked) == 0;
}

int main(int argc, char **argv)
{
	const char *folder = getenv("PLX_LAB_SHARE");
	const struct timespec delay = {.tv_nsec = 2000000};
	char path[256], answer[256] = "no answer";

	if (!folder || argc < 2 || !ask(folder, argc, argv)) {
		fprintf(stderr, "lab_ask: %s: %s\n", folder ? folder : "no PLX_LAB_SHARE",
			strerror(errno));
		return 1;
	}
	snprintf(path, sizeof(path), "%s/answer.%d", folder, (int)getpid());
	for (unsigned i = 0; i < ANSWER_MS / 2 && access(path, F_OK) != 0; i++)
		nanosleep(&delay, NULL);
	{
		FILE *file = fopen(path, "re");

		if (file) {
			if (!fgets(answer, sizeof(answer), file))
				answer[0] = '\0';
			fclose(file);
			unlink(path);
		}
	}
	if (strcmp(answer, "ok") == 0)
		return 0;
	fprintf(stderr, "lab_ask %s: %s\n", argv[1], answer);
	return 1;
}
