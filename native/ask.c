// What `kokotap-agent` is in the image for who types it. Asks the agent of its pod what `status` is to print, over its unix
// socket: to start Node.js for that takes longer than the answer. Everything else, and what no agent answers, is up to the
// agent's own program, which is the image's entry point.
//
// kokotap-agent status [--tap-id=ID]
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define AGENT_SOCKET "/dev/shm/kokotap/agent.sock" // src/pods/runFolder.ts
#define PROGRAM "/usr/bin/kokotap-agent"
#define TAP_ID "--tap-id="
#define TAP_ID_DIGITS 12
#define LONGEST_HEADERS 4096

// Whether all of some bytes could be written.
static int write_all(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return 0;
        bytes += written;
        length -= written;
    }
    return 1;
}

// A socket that the agent listens to; -1 where there is no agent.
static int connect_to_agent(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = AGENT_SOCKET};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address)) {
        close(fd);
        return -1;
    }
    return fd;
}

// Prints the body of an answer that is good. Whether it was: nothing of any other is printed.
static int print_answer(int fd) {
    char text[LONGEST_HEADERS + 1], *body = NULL;
    size_t length = 0;
    ssize_t got;

    while (!body && length < LONGEST_HEADERS) {
        got = read(fd, text + length, LONGEST_HEADERS - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 0;
        length += got;
        text[length] = 0;
        body = strstr(text, "\r\n\r\n");
    }
    if (!body || strncmp(text, "HTTP/1.", 7) || strncmp(text + 8, " 200 ", 5))
        return 0;
    body += 4;
    if (!write_all(STDOUT_FILENO, body, text + length - body))
        exit(1);
    while ((got = read(fd, text, sizeof text)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0 && !write_all(STDOUT_FILENO, text, got))
            exit(1);
    return got == 0;
}

// Whether the agent was asked, and answered. HTTP/1.0 has the answer whole, until the end of the connection.
static int ask(const char *tap_id) {
    char request[128];
    int fd = connect_to_agent(), length, answered;

    if (fd < 0)
        return 0;
    length = snprintf(request, sizeof request, "GET /status%s%s HTTP/1.0\r\n\r\n",
                      tap_id ? "?tap=" : "", tap_id ? tap_id : "");
    answered = write_all(fd, request, length) && print_answer(fd);
    close(fd);
    return answered;
}

static int is_tap_id(const char *argument) {
    const char *id = argument + strlen(TAP_ID);

    return !strncmp(argument, TAP_ID, strlen(TAP_ID)) && strlen(id) == TAP_ID_DIGITS &&
           strspn(id, "0123456789abcdef") == TAP_ID_DIGITS;
}

int main(int count, char *arguments[]) {
    int is_status = count >= 2 && !strcmp(arguments[1], "status");

    if (is_status && count == 2 && ask(NULL))
        return 0;
    if (is_status && count == 3 && is_tap_id(arguments[2]) && ask(arguments[2] + strlen(TAP_ID)))
        return 0;
    arguments[0] = PROGRAM;
    execv(PROGRAM, arguments);
    fprintf(stderr, "kokotap-agent: cannot run " PROGRAM ": %s\n", strerror(errno));
    return 127;
}
