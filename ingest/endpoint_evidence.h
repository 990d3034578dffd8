/*
 * endpoint_evidence.h: whom and what an alert of Microsoft Defender ATP concerns.
 *
 * Part of map_endpoint.c. Ref: sources.md 2.8, 2.9, 7.5.
 */
#ifndef WEIR_ENDPOINT_EVIDENCE_H
#define WEIR_ENDPOINT_EVIDENCE_H
#include "common/arena.h"
#include "ingest/endpoint_document.h"
#include "schemas/alert.h"

/* endpoint_evidence - adds the alert's evidence; machine, users and lists of the document's parts
 * included, each thing once. The alert's head must have been mapped. */
void endpoint_evidence(const struct endpoint_document *whole, struct arena *a, struct alert *out);

#endif
