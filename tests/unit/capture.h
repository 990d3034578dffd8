/*
 * capture.h: what a tested function writes to stdout and stderr.
 */
#ifndef WEIR_TESTS_CAPTURE_H
#define WEIR_TESTS_CAPTURE_H
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct capture {
    int saved, fd; /* of the descriptor captured */
    FILE *file;
    char text[65536]; /* NUL-terminated, after capture_end */
};

/* capture_begin - from here on what is written to fd (1 or 2) goes to a file of its own. */
static inline void
capture_begin(struct capture *c, int fd)
{
    fflush(fd == STDOUT_FILENO ? stdout : stderr);
    c->fd = fd;
    c->saved = dup(fd);
    c->file = tmpfile();
    if (c->saved < 0 || c->file == NULL || dup2(fileno(c->file), fd) < 0)
        _exit(99);
}

static inline void
capture_end(struct capture *c)
{
    fflush(c->fd == STDOUT_FILENO ? stdout : stderr);
    if (dup2(c->saved, c->fd) < 0)
        _exit(99);
    close(c->saved);
    rewind(c->file);
    size_t n = fread(c->text, 1, sizeof c->text - 1, c->file);
    c->text[n] = '\0';
    fclose(c->file);
}

#endif
