/*
 * model.h: what clang-tidy must know of other files; included in front of the file it reads.
 *
 * It looks at one file, and without this an error that was just made could be none.
 */
#include "common/err.h"

#define err_make(kind_, code_, ...) ((struct err){.kind = (kind_), .code = (code_)})
