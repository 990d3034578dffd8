/*
 * correlate_compare.h: what other parameters would change on a kept log, for people and programs.
 */
#ifndef WEIR_CORRELATE_COMPARE_H
#define WEIR_CORRELATE_COMPARE_H
#include "common/cli.h"
#include "normalize/correlate_log.h"

/* correlate_compare - links every tenant under both and prints what differs on stdout: tables, or
 * one JSON object with all of it. Errors as correlate_link; ERR_STOP "correlate.write". */
MUST_CHECK struct err correlate_compare(const struct cli *cli, const struct correlate_log *log,
                                        const struct params *before, const struct params *after);

#endif
