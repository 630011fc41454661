/* SPDX-License-Identifier: BSD-3-Clause */
/* A card of the model (test/sim) under the driver's hardware layer, without ports and queues. */
#ifndef TEST_IGB_MODEL_H
#define TEST_IGB_MODEL_H

#include <criterion/criterion.h>
#include <errno.h>
#include <hw.h>
#include <sim.h>
#include <string.h>

#include "../unit/log_lines.h"

struct igb_model {
	struct igb_sim *sim;
	struct igb_hw hw;
};

static int model_cfg_read(void *arg, uint32_t offset, uint16_t *value)
{
	*value = (uint16_t)igb_sim_config_read(arg, offset, 2);
	return 0;
}

static int model_cfg_write(void *arg, uint32_t offset, uint16_t value)
{
	igb_sim_config_write(arg, offset, 2, value);
	return 0;
}

static const uint16_t model_devices[IGB_SIM_NB_TYPES] = {
	[IGB_SIM_82576] = 0x10c9, [IGB_SIM_82580] = 0x150e, [IGB_SIM_I350] = 0x1521,
	[IGB_SIM_I354] = 0x1f41,  [IGB_SIM_I210] = 0x1533,  [IGB_SIM_I211] = 0x1539,
};

/* Memory decoding and bus mastering on, as lib/bus leaves a device. */
static inline void model_start(struct igb_model *model, const struct igb_sim_conf *conf)
{
	memset(model, 0, sizeof(*model));
	cr_assert_eq(igb_sim_create(conf, &model->sim), 0);
	igb_sim_config_write(model->sim, 4, 2, 6);
	model->hw.bar = igb_sim_bar(model->sim);
	model->hw.bar_bytes = IGB_SIM_BAR_BYTES;
	model->hw.device = conf->device_id ? conf->device_id : model_devices[conf->type];
	model->hw.cfg = (struct igb_cfg){model_cfg_read, model_cfg_write, model->sim};
	snprintf(model->hw.name, sizeof(model->hw.name), "0000:01:00.%u", conf->port);
	log_lines_start();
}

/* The card complains about nothing that the driver did. */
static inline void assert_no_violation_(struct igb_model *model, int line)
{
	cr_assert_eq(igb_sim_violations(model->sim, IGB_SIM_NB_VIOLATIONS), 0,
		     "line %d, %s: %llu violations; %s; %s; %s", line,
		     model->hw.mac ? model->hw.mac->name : "?",
		     (unsigned long long)igb_sim_violations(model->sim, IGB_SIM_NB_VIOLATIONS),
		     igb_sim_violation_text(model->sim, 0), igb_sim_violation_text(model->sim, 1),
		     igb_sim_violation_text(model->sim, 2));
}

#define assert_no_violation(model) assert_no_violation_((model), __LINE__)

static inline void model_end(struct igb_model *model)
{
	assert_no_violation(model);
	igb_sim_destroy(model->sim);
	model->sim = NULL;
}

#endif
