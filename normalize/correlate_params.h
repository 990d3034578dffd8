/*
 * correlate_params.h: the parameters of the correlator as the offline format writes them.
 */
#ifndef WEIR_CORRELATE_PARAMS_H
#define WEIR_CORRELATE_PARAMS_H
#include "common/json.h"
#include "normalize/link.h"

/* correlate_params_read - lays the members of "params" over *p; what is not named stays. ERR_REJECT
 * "correlate.params" names a parameter that does not exist, is out of range or asks for what this
 * version does not have; *p may have changed in part then. */
MUST_CHECK struct err correlate_params_read(struct json params, struct params *p);

#endif
