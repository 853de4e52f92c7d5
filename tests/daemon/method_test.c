/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * method_test.c - the method table against the interface description that the daemon serves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#include <cmocka.h> /* after setjmp.h, stdarg.h, stddef.h and stdint.h, which it needs */
/* clang-format on */

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "daemon/method.h"

#define PREFIX "io.vessel."

static const char *const type_names[] = {
	[PARAMETER_STRING] = "string",
	[PARAMETER_BOOL] = "bool",
	[PARAMETER_INT] = "int",
	[PARAMETER_FD] = "int",
	[PARAMETER_STRINGS] = "[]string",
	[PARAMETER_MAP] = "[string]string",
};

/* "name:string,wait:?bool," of the method in the description; NULL if it has none. */
static char *described(const char *method)
{
	cleanup_free char *head = NULL;
	const char *at, *end;
	struct text out;

	assert_true(asprintf(&head, "\nmethod %s(", method) > 0);
	at = strstr(interface_text, head);
	if (!at)
		return NULL;
	at += strlen(head);
	end = strchr(at, ')');
	assert_non_null(end);
	text_init(&out);
	for (; at < end; at++)
		if (*at != ' ' && *at != '\n')
			text_add_bytes(&out, at, 1);
	if (out.length > 0)
		text_add(&out, ",");
	return text_take(&out);
}

static char *expected(const struct method *method)
{
	struct text out;

	text_init(&out);
	for (size_t i = 0; i < method->n_parameters; i++)
		text_format(&out, "%s:%s%s,", method->parameters[i].name,
			method->parameters[i].required ? "" : "?",
			type_names[method->parameters[i].type]);
	return text_take(&out);
}

static void parameters_are_those_of_the_description(void **state)
{
	(void)state;
	for (size_t i = 0; i < methods_count; i++) {
		cleanup_free char *told = NULL;
		cleanup_free char *have = expected(&methods[i]);

		if (strncmp(methods[i].name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		told = described(methods[i].name + strlen(PREFIX));
		if (!told)
			fail_msg("%s is not described", methods[i].name);
		assert_string_equal(have ? have : "", told);
	}
}

static void every_described_method_is_served(void **state)
{
	static const char word[] = "\nmethod ";
	const char *at = interface_text;

	(void)state;
	while ((at = strstr(at, word))) {
		cleanup_free char *name = NULL;
		bool found = false;

		at += strlen(word);
		assert_true(asprintf(&name, PREFIX "%.*s", (int)strcspn(at, "("), at) > 0);
		for (size_t i = 0; i < methods_count; i++)
			found = found || strcmp(methods[i].name, name) == 0;
		if (!found)
			fail_msg("%s is not served", name);
	}
}

/* The allow-list of the read-only socket; a new row has to be put here by hand. */
static void readers_may_call_these_and_no_others(void **state)
{
	static const char *const allowed[] = { "org.varlink.service.GetInfo",
		"org.varlink.service.GetInterfaceDescription", "io.vessel.List",
		"io.vessel.TemplateList", "io.vessel.Doctor", "io.vessel.Events" };
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < methods_count; i++) {
		bool found = false;

		if (methods[i].role != ROLE_READER)
			continue;
		n++;
		for (size_t j = 0; j < ARRAY_SIZE(allowed); j++)
			found = found || strcmp(allowed[j], methods[i].name) == 0;
		assert_true(found);
		for (size_t j = 0; j < methods[i].n_parameters; j++)
			assert_int_not_equal(methods[i].parameters[j].type, PARAMETER_FD);
	}
	assert_int_equal(n, ARRAY_SIZE(allowed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_are_those_of_the_description),
		cmocka_unit_test(every_described_method_is_served),
		cmocka_unit_test(readers_may_call_these_and_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
