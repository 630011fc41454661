/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device strings of any content: names and keys, and the addresses of -a and -b. The sources are
 * compiled in, so that libFuzzer sees their branches.
 */
#include "../../lib/bus/addr.c"	    /* NOLINT(bugprone-suspicious-include) */
#undef LOG_ERR			    /* each has its own */
#include "../../lib/port/devargs.c" /* NOLINT(bugprone-suspicious-include) */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void quiet(void *arg, const char *module, enum plx_log_level level, const char *text)
{
	(void)arg;
	(void)module;
	(void)level;
	(void)text;
}

static void check_keys(const struct plx_devargs *args)
{
	static const char *const words[] = {"one", "two", NULL};
	static const struct plx_devargs_key keys[] = {{.name = "size", .help = "N: x"},
						      {.name = "many", .repeats = true},
						      {.name = NULL}};
	uint64_t number = 7;
	unsigned word = 0;
	bool on = false;

	plx_devargs_check(args, keys);
	if (plx_devargs_u64(args, "size", 3, 9, &number) == 0 && (number < 3 || number > 9))
		abort();
	if (plx_devargs_word(args, "many", words, &word) == 0 && word > 1)
		abort();
	plx_devargs_bool(args, "size", &on);
}

static void check_address(char *text)
{
	struct plx_eal_device devices[] = {{PLX_DEV_ALLOW, text}, {PLX_DEV_ALLOW, text}};
	struct plx_eal_conf conf = {.nb_devices = 1, .devices = devices};
	char name[PLX_PCI_NAME_MAX];
	struct plx_pci_addr addr, again;
	const char *args = NULL;

	if (plx_pci_lists_check(&conf))
		return;
	if (plx_pci_addr_parse(text, &addr, &args) ||
	    plx_pci_addr_parse(plx_pci_addr_format(&addr, name), &again, NULL) ||
	    plx_pci_addr_compare(&addr, &again) != 0)
		abort();
	if (!plx_pci_is_wanted(&conf, &addr, &args) || !args)
		abort();
	conf.nb_devices = 2; /* it stands twice */
	if (plx_pci_lists_check(&conf) == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct plx_devargs args;
	char *text = malloc(len + 1);

	plx_log_set_sink(quiet, NULL);
	memcpy(text, data, len);
	text[len] = '\0';
	if (plx_devargs_parse(&args, text) == 0)
		check_keys(&args);
	check_address(text);
	free(text);
	return 0;
}
