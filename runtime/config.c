/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * config.c - the record of a VE: its parts, copied and compared with what a record may hold.
 *
 * Whatever becomes a path or an id later (layers, first_id) is checked here, at the entrance: an
 * operator may have edited the file, and a damaged one must break this VE only.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

void config_done(struct ve_config *config)
{
	for (size_t i = 0; i < config->n_layers; i++)
		free(config->layers[i]);
	free(config->layers);
	free(config->template);
	free(config->plan);
	free(config->overlay);
	settings_done(&config->settings);
	json_free(config->record);
	*config = (struct ve_config){ 0 };
}

static int layers_copy(struct ve_config *to, const struct ve_config *from)
{
	to->layers = calloc(from->n_layers ? from->n_layers : 1, sizeof(*to->layers));
	if (!to->layers)
		return -ENOMEM;
	for (; to->n_layers < from->n_layers; to->n_layers++)
		if (text_copy(&to->layers[to->n_layers], from->layers[to->n_layers]) < 0)
			return -ENOMEM;
	return 0;
}

int config_copy(struct ve_config *to, const struct ve_config *from, struct error *err)
{
	struct ve_config copy = *from;

	copy.template = copy.plan = copy.overlay = NULL;
	copy.layers = NULL;
	copy.n_layers = 0;
	copy.record = NULL;
	copy.settings = (struct settings){ 0 };
	if (layers_copy(&copy, from) < 0 || text_copy(&copy.template, from->template) < 0 ||
		text_copy(&copy.plan, from->plan) < 0 ||
		text_copy(&copy.overlay, from->overlay) < 0 ||
		settings_copy(&copy.settings, &from->settings, err) < 0) {
		config_done(&copy);
		return error_memory(err);
	}
	if (from->record) {
		copy.record = json_copy(from->record);
		if (!copy.record) {
			config_done(&copy);
			return error_memory(err);
		}
	}
	*to = copy;
	return 0;
}

static int load(int state_fd, const char *name, struct ve_config *ret, struct error *err)
{
	cleanup_json struct json *record = NULL;
	cleanup_free char *path = NULL;
	cleanup_free char *text = NULL;
	ssize_t length;
	int r;

	if (asprintf(&path, "ve/%s/config.json", name) < 0) {
		path = NULL;
		return error_memory(err);
	}
	length = file_read(state_fd, path, JSON_TEXT_MAX, &text, err);
	if (length < 0)
		return (int)length;
	r = json_parse(text, (size_t)length, &record, err);
	if (r == 0)
		r = config_from_json(record, ret, err);
	return r < 0 ? error_wrap(err, "%s", path) : 0;
}

int config_load(int state_fd, const char *name, struct ve_config *ret, struct error *err)
{
	int r;

	if (!name_valid(name))
		return error_refuse(err, ERROR_USAGE, "bad name '%s' of a VE", name);
	r = load(state_fd, name, ret, err);
	if (r == -ENOENT)
		return error_refuse(err, ERROR_NOT_FOUND, "no VE %s", name);
	return r;
}

int config_store(int ve_dir_fd, const struct ve_config *config, struct error *err)
{
	cleanup_json struct json *record = config_to_json(config);
	cleanup_free char *text = NULL;

	if (!record || json_print(record, true, &text) < 0)
		return error_memory(err);
	return file_replace(ve_dir_fd, "config.json", text, strlen(text), err);
}

/* RFC 9562, version 4: random but for the six bits that say so. */
int uuid_new(char ret[UUID_TEXT], struct error *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[16];
	size_t at = 0;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return error_sys(err, "cannot get random bytes for a UUID");
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			ret[at++] = '-';
		ret[at++] = digits[bytes[i] >> 4];
		ret[at++] = digits[bytes[i] & 0x0f];
	}
	ret[at] = '\0';
	return 0;
}
