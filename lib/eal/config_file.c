/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Settings from an INI file, by libinih. Lines are read here and handed to libinih one by one:
 * so the line number is known when it calls back, a line that it would cut in two is refused, and
 * an indented key is a key and not the continuation of the value above it.
 */
#include "args.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <ini.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct config_file {
	FILE *stream;
	struct plx_args args;
	bool has_section; /* a key of [eal] was read */
	int ret;
};

static int refuse_line(struct config_file *file, const char *text)
{
	LOG_ERR("%s:%d: %s", file->args.file, file->args.line, text);
	return -EINVAL;
}

/* As fgets(3), for libinih. */
static char *read_line(char *line, int room_bytes, void *arg)
{
	struct config_file *file = arg;
	size_t blanks;
	size_t len;

	if (file->ret || !fgets(line, room_bytes, file->stream))
		return NULL;
	file->args.line++;
	len = strlen(line);
	/* Only the file's last line may lack its newline. */
	if ((len == 0 || line[len - 1] != '\n') && getc(file->stream) != EOF) {
		LOG_ERR("%s:%d: the line is over %d bytes or holds a NUL byte", file->args.file,
			file->args.line, room_bytes - 2);
		file->ret = -EINVAL;
		return NULL;
	}
	blanks = strspn(line, " \t");
	memmove(line, line + blanks, len - blanks + 1);
	/* libinih would read on, with the section before. */
	if (line[0] == '[' && !strchr(line, ']')) {
		file->ret = refuse_line(file, "the section has no ']'");
		return NULL;
	}
	return line;
}

static int find_key(const char *key)
{
	for (int opt = 0; opt < OPT_COUNT; opt++) {
		const struct plx_eal_option *o = &plx_eal_options[opt];
		const char *name = o->name ? o->name : o->key;

		if (name && !o->command_line_only && strcmp(name, key) == 0)
			return opt;
	}
	return OPT_COUNT;
}

/* 1 yes, 0 no, -1 neither. */
static int yes_or_no(const char *value)
{
	static const char *const words[][2] = {
		{"no", "yes"}, {"false", "true"}, {"off", "on"}, {"0", "1"}};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(words); i++)
		for (int answer = 0; answer < 2; answer++)
			if (strcasecmp(value, words[i][answer]) == 0)
				return answer;
	return -1;
}

static int apply_key(struct config_file *file, const char *key, const char *value)
{
	int opt = find_key(key);
	const struct plx_eal_option *o = &plx_eal_options[opt];
	int answer;

	file->args.option = key;
	if (opt == OPT_COUNT)
		return plx_args_refuse(&file->args, value,
				       "unknown key; want one named like a "
				       "long option of --help, or mem");
	if (o->has_arg == required_argument)
		return plx_args_apply(&file->args, (enum plx_eal_opt)opt, value);

	answer = yes_or_no(value);
	if (answer < 0 && o->has_arg == no_argument)
		return plx_args_refuse(&file->args, value, "want yes or no");
	if (answer != 0)
		return plx_args_apply(&file->args, (enum plx_eal_opt)opt,
				      answer == 1 ? NULL : value);
	if (!o->apply)
		*(bool *)((char *)file->args.conf + o->flag_offset) = false;
	return 0;
}

/* libinih's callback; it wants non-zero for success. */
static int handle_key(void *arg, const char *section, const char *key, const char *value)
{
	struct config_file *file = arg;

	if (!*section) {
		file->ret = refuse_line(file, "a key stands before any section; want [eal] first");
	} else if (strcmp(section, "eal") == 0) {
		file->has_section = true;
		file->ret = apply_key(file, key, value);
	}
	return 1;
}

/* A directory opens like a file, and only reading it fails, which libinih takes for its end. */
static int open_file(struct config_file *file)
{
	struct stat st;
	int ret;
	int fd = open(file->args.file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		ret = -EISDIR;
		goto close_fd;
	}
	file->stream = fdopen(fd, "r");
	if (!file->stream) {
		ret = -errno;
		goto close_fd;
	}
	return 0;

close_fd:
	close(fd);
	return ret;
}

int plx_eal_parse_file(struct plx_eal_conf *conf, const char *path)
{
	struct config_file file = {.args = {.conf = conf, .file = path}};
	int bad_line;
	int ret;

	ret = open_file(&file);
	if (ret) {
		LOG_ERR("--config '%s': can't read the file: %s", path, strerror(-ret));
		return ret;
	}
	bad_line = ini_parse_stream(read_line, &file, handle_key, &file);
	if (!file.ret && ferror(file.stream)) {
		LOG_ERR("--config '%s': can't read the file to its end", path);
		file.ret = -EIO;
	}
	if (!file.ret && bad_line > 0) {
		file.args.line = bad_line;
		file.ret = refuse_line(&file, "want KEY = VALUE, [SECTION] or a comment after ';'");
	}
	if (!file.ret && bad_line < 0) {
		LOG_ERR("--config '%s': out of memory", path);
		file.ret = -ENOMEM;
	}
	if (!file.ret && !file.has_section)
		LOG_WARN("--config '%s': the file has no settings in a section [eal]", path);
	fclose(file.stream);
	return file.ret;
}
