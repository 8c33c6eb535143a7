// SPDX-License-Identifier: GPL-2.0
/*
 * One KUnit case of each outcome, to see whether the harness reads them right.
 */
#include <kunit/test.h>
#include <linux/module.h>

static void passes(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, true);
}

static void fails(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 1, 2);
}

static void skips(struct kunit *test)
{
	kunit_skip(test, "not today");
}

static const int rows[] = { 1, 2, 3, 4 };

static void name_row(const int *row, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "number %d", *row);
}

KUNIT_ARRAY_PARAM(number, rows, name_row);

static void fails_a_row(struct kunit *test)
{
	KUNIT_EXPECT_NE(test, *(const int *)test->param_value, 3);
}

static void passes_rows(struct kunit *test)
{
	KUNIT_EXPECT_GT(test, *(const int *)test->param_value, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(passes),
	KUNIT_CASE(fails),
	KUNIT_CASE(skips),
	KUNIT_CASE_PARAM(passes_rows, number_gen_params),
	KUNIT_CASE_PARAM(fails_a_row, number_gen_params),
	{}
};

static struct kunit_suite suite = {
	.name = "provoke",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("KUnit cases of each outcome, to test the PKS test harness");
MODULE_LICENSE("GPL");
