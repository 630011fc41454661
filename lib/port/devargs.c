/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device strings. parse() cuts a copy of the string in place; all other calls look at the pairs.
 */
#include <errno.h>
#include <pollux/devargs.h>
#include <pollux/log.h>
#include <pollux/port_driver.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_ERR(...) plx_log(&plx_log_port, PLX_LOG_ERR, __VA_ARGS__)

enum { LIST_BYTES = 600 };

static int add_pair(struct plx_devargs *args, char *text)
{
	char *equals = strchr(text, '=');
	const char *value = "";

	if (equals) {
		*equals = '\0';
		value = equals + 1;
	}
	if (*text == '\0') {
		LOG_ERR("%s: a key is missing%s%.100s; want NAME,KEY=VALUE,...", args->name,
			equals ? " before =" : " between or after commas", value);
		return -EINVAL;
	}
	if (args->nb_pairs == PLX_DEVARGS_PAIRS_MAX) {
		LOG_ERR("%s: more than %d keys", args->name, PLX_DEVARGS_PAIRS_MAX);
		return -EINVAL;
	}
	args->pairs[args->nb_pairs++] = (struct plx_devargs_pair){text, value};
	return 0;
}

int plx_devargs_parse(struct plx_devargs *args, const char *device)
{
	char *text, *comma;
	int ret = 0;

	args->name = args->text;
	args->nb_pairs = 0;
	args->text[0] = '\0';
	if (!device || *device == '\0' || *device == ',') {
		LOG_ERR("device '%.100s': want NAME,KEY=VALUE,...", device ? device : "");
		return -EINVAL;
	}
	if (strlen(device) >= sizeof(args->text)) {
		LOG_ERR("device '%.60s...': longer than %zu bytes", device, sizeof(args->text) - 1);
		return -EINVAL;
	}
	strcpy(args->text, device);
	text = args->text;
	comma = strchr(text, ',');
	while (comma && ret == 0) {
		*comma = '\0';
		text = comma + 1;
		comma = strchr(text, ',');
		if (comma)
			*comma = '\0';
		ret = add_pair(args, text);
	}
	return ret;
}

static const struct plx_devargs_key *find_key(const struct plx_devargs_key *keys, const char *name)
{
	for (; keys && keys->name; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

static unsigned count(const struct plx_devargs *args, const char *key)
{
	unsigned nb = 0;

	while (plx_devargs_get_nth(args, key, nb))
		nb++;
	return nb;
}

static void append(char *list, const char *word)
{
	size_t len = strlen(list);

	snprintf(list + len, LIST_BYTES - len, "%s%s", len ? ", " : "", word);
}

static int refuse_key(const struct plx_devargs *args, const char *key,
		      const struct plx_devargs_key *keys)
{
	char list[LIST_BYTES] = "";

	for (; keys && keys->name; keys++)
		append(list, keys->name);
	LOG_ERR("%s: unknown key '%.60s'; known: %s", args->name, key, *list ? list : "none");
	return -EINVAL;
}

int plx_devargs_check(const struct plx_devargs *args, const struct plx_devargs_key *keys)
{
	for (unsigned i = 0; i < args->nb_pairs; i++) {
		const char *name = args->pairs[i].key;
		const struct plx_devargs_key *key = find_key(keys, name);

		if (!key)
			return refuse_key(args, name, keys);
		if (!key->repeats && count(args, name) > 1) {
			LOG_ERR("%s: key '%.60s' stands more than once", args->name, name);
			return -EINVAL;
		}
	}
	return 0;
}

const char *plx_devargs_get_nth(const struct plx_devargs *args, const char *key, unsigned index)
{
	for (unsigned i = 0; i < args->nb_pairs; i++)
		if (strcmp(args->pairs[i].key, key) == 0 && index-- == 0)
			return args->pairs[i].value;
	return NULL;
}

const char *plx_devargs_get(const struct plx_devargs *args, const char *key)
{
	return plx_devargs_get_nth(args, key, 0);
}

int plx_devargs_refuse(const struct plx_devargs *args, const char *key, const char *allowed)
{
	const char *value = plx_devargs_get(args, key);

	LOG_ERR("%s: %s=%.100s: want %s", args->name, key, value ? value : "", allowed);
	return -EINVAL;
}

/* All of @text as a number; no sign, no blank, no octal. */
static bool read_number(const char *text, uint64_t *number)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	char *end;

	if (*digits == '\0' ||
	    strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != strlen(digits))
		return false;
	errno = 0;
	*number = strtoull(digits, &end, hex ? 16 : 10);
	return errno == 0 && *end == '\0';
}

int plx_devargs_u64(const struct plx_devargs *args, const char *key, uint64_t min, uint64_t max,
		    uint64_t *value)
{
	const char *text = plx_devargs_get(args, key);
	char allowed[80];
	uint64_t number;

	if (!text)
		return 0;
	if (!read_number(text, &number) || number < min || number > max) {
		snprintf(allowed, sizeof(allowed), "a number from %ju to %ju", (uintmax_t)min,
			 (uintmax_t)max);
		return plx_devargs_refuse(args, key, allowed);
	}
	*value = number;
	return 0;
}

int plx_devargs_u32(const struct plx_devargs *args, const char *key, uint32_t min, uint32_t max,
		    uint32_t *value)
{
	uint64_t number = *value;
	int ret = plx_devargs_u64(args, key, min, max, &number);

	*value = (uint32_t)number;
	return ret;
}

/* Which of @words @text is, -1: none. */
static int find_word(const char *const *words, const char *text)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return -1;
}

int plx_devargs_bool(const struct plx_devargs *args, const char *key, bool *value)
{
	static const char *const words[] = {"0", "1", "no", "yes", "off", "on", "", NULL};
	enum { KEY_ALONE = 6 };
	const char *text = plx_devargs_get(args, key);
	int word;

	if (!text)
		return 0;
	word = find_word(words, text);
	if (word < 0)
		return plx_devargs_refuse(args, key, "0 or 1, no or yes, off or on");
	*value = word == KEY_ALONE || word % 2 == 1;
	return 0;
}

int plx_devargs_word(const struct plx_devargs *args, const char *key, const char *const *words,
		     unsigned *index)
{
	const char *text = plx_devargs_get(args, key);
	char list[LIST_BYTES] = "";
	int word;

	if (!text)
		return 0;
	word = find_word(words, text);
	if (word < 0) {
		for (; *words; words++)
			append(list, *words);
		return plx_devargs_refuse(args, key, list);
	}
	*index = (unsigned)word;
	return 0;
}
