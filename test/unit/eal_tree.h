/* SPDX-License-Identifier: BSD-3-Clause */
/* A throw-away tree of small files that stands in for sysfs or procfs. */
#ifndef TEST_EAL_TREE_H
#define TEST_EAL_TREE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char tree[64];

static inline void plant_tree(void)
{
	snprintf(tree, sizeof(tree), "/tmp/plx-test-XXXXXX");
	cr_assert(mkdtemp(tree) != NULL, "mkdtemp %s", tree);
}

static inline void fell_tree(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", tree);
	cr_assert_eq(system(command), 0, "%s", command);
}

/* Write a file of the tree, making its folders. */
static inline void grow(const char *file, const char *text)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", tree, file);
	for (char *slash = path + strlen(tree) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	out = fopen(path, "w");
	cr_assert(out != NULL, "can't write %s", path);
	fputs(text, out);
	fclose(out);
}

#endif
