// Lines to who started the program.
#pragma once
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Writes all of some bytes. Ends the program when nobody reads any more: the caller has ended.
static void write_out(const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            exit(1);
        bytes += written;
        length -= written;
    }
}

// A line as it grows, in memory that stays for the next one.
struct line {
    char *text;
    size_t length, room;
};

// Makes room for so many bytes more.
static char *extend(struct line *line, size_t bytes) {
    if (line->room - line->length < bytes) {
        line->room = 2 * line->room + bytes;
        line->text = realloc(line->text, line->room);
        if (!line->text)
            exit(1);
    }
    return line->text + line->length;
}

__attribute__((format(printf, 2, 3))) static void add_text(struct line *line, const char *format, ...) {
    va_list arguments, again;
    int length;

    va_start(arguments, format);
    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, arguments);
    vsnprintf(extend(line, length + 1), length + 1, format, again);
    line->length += length;
    va_end(again);
    va_end(arguments);
}

// Adds bytes in hexadecimal.
static void add_hex(struct line *line, const void *bytes, size_t count) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = bytes;
    char *to = extend(line, 2 * count);

    for (size_t i = 0; i < count; i++) {
        *to++ = digits[from[i] >> 4];
        *to++ = digits[from[i] & 15];
    }
    line->length += 2 * count;
}

static int digit_of(char letter) {
    return letter >= '0' && letter <= '9' ? letter - '0' : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// Turns hexadecimal into bytes in place, and returns their number; -1 with errno.
static ssize_t read_hex(char *text) {
    size_t length = strlen(text);

    for (size_t i = 0; i + 1 < length; i += 2) {
        int high = digit_of(text[i]), low = digit_of(text[i + 1]);
        if (high < 0 || low < 0)
            length = 1;
        text[i / 2] = high << 4 | low;
    }
    if (length % 2 == 0)
        return length / 2;
    errno = EINVAL;
    return -1;
}
