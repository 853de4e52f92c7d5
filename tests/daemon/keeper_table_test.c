/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper_table_test.c - what a manager hears, and in which order, however slowly it reads.
 */
#include "daemon/keeper_table.h"
#include "tests/base/scratch.h"

static struct keeper_ve *add_ve(struct keeper_table *table, const char *name)
{
	struct keeper_ve *ve = table_add_ve(table, NULL);

	assert_non_null(ve);
	snprintf(ve->fact.message.name, sizeof(ve->fact.message.name), "%s", name);
	return ve;
}

static struct keeper_job *add_job(struct keeper_table *table, uint64_t id)
{
	struct keeper_job *job = table_add_job(table, NULL);

	assert_non_null(job);
	job->fact.message.id = id;
	job->pid = 100 + (pid_t)id;
	return job;
}

static void check_next(struct keeper_table *table, const struct fact *fact, enum message_type type)
{
	enum message_type found = 0;
	struct fact *next = table_next(table, &found);

	assert_ptr_equal(next, fact);
	if (!next)
		return;
	assert_int_equal(found, type);
	table_told(table, next, found);
}

static void clear(struct keeper_table *table)
{
	struct keeper_job *job;
	struct keeper_ve *ve;

	while ((ve = TAILQ_FIRST(&table->ves)))
		table_remove_ve(table, ve);
	while ((job = TAILQ_FIRST(&table->jobs)))
		table_remove_job(table, job);
}

static void a_job_ends_after_the_ve_that_it_registered(void **state)
{
	struct keeper_table table;
	struct keeper_job *job;
	struct keeper_ve *ve;

	table_init(&table);
	job = add_job(&table, 1);
	table_tell(&table, &job->fact, KEEPER_JOB);
	ve = add_ve(&table, "web1");
	table_tell(&table, &ve->fact, KEEPER_VE);
	table_tell(&table, &job->fact, KEEPER_JOB_ENDED);
	table_tell(&table, &ve->fact, KEEPER_VE_READY);
	check_next(&table, &ve->fact, KEEPER_VE);
	check_next(&table, &ve->fact, KEEPER_VE_READY);
	check_next(&table, &job->fact, KEEPER_JOB_ENDED);
	check_next(&table, NULL, 0);
	clear(&table);
}

static void an_end_stands_for_what_went_before(void **state)
{
	struct keeper_table table;
	struct keeper_ve *ve;

	table_init(&table);
	ve = add_ve(&table, "web1");
	table_tell(&table, &ve->fact, KEEPER_VE);
	table_tell(&table, &ve->fact, KEEPER_VE_READY);
	ve->fact.message.ended = 1;
	table_tell(&table, &ve->fact, KEEPER_VE_ENDED);
	check_next(&table, &ve->fact, KEEPER_VE_ENDED);
	check_next(&table, NULL, 0);
	clear(&table);
}

static void a_new_manager_hears_everything_once(void **state)
{
	struct keeper_table table;
	struct keeper_ve *ended, *runs;
	struct keeper_job *job;

	table_init(&table);
	ended = add_ve(&table, "web1");
	ended->fact.message.ended = 1;
	runs = add_ve(&table, "web1");
	job = add_job(&table, 7);
	for (int i = 0; i < 2; i++) {
		table_tell_all(&table);
		check_next(&table, &ended->fact, KEEPER_VE_ENDED);
		check_next(&table, &runs->fact, KEEPER_VE);
		check_next(&table, &job->fact, KEEPER_JOB);
		check_next(&table, NULL, 0);
	}
	assert_ptr_equal(table_find_ve(&table, "web1"), runs);
	assert_true(table_jobs_run(&table));
	assert_ptr_equal(table_find_job(&table, 7), job);
	clear(&table);
}

static void what_is_removed_is_not_told(void **state)
{
	struct keeper_table table;
	struct keeper_ve *ve;

	table_init(&table);
	ve = add_ve(&table, "web1");
	table_tell(&table, &ve->fact, KEEPER_VE);
	table_remove_ve(&table, ve);
	check_next(&table, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_ends_after_the_ve_that_it_registered),
		cmocka_unit_test(an_end_stands_for_what_went_before),
		cmocka_unit_test(a_new_manager_hears_everything_once),
		cmocka_unit_test(what_is_removed_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
