/*
 * doctor.h: weir doctor: is everything that weir stands on as it must be?
 */
#ifndef WEIR_DOCTOR_H
#define WEIR_DOCTOR_H
#include "common/cli.h"

extern const struct cli_command doctor_command;

#endif
