/* The limit of this machine: one thread a connection that receives a head and sends a prepared answer, and nothing else.
 *
 *     baseline FILE      prints the port of 127.0.0.1 that it listens on; serves until it is ended
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char *answer;
static size_t answer_size;

static int send_all(int fd)
{
    for (size_t sent = 0; sent < answer_size;) {
        ssize_t n = send(fd, answer + sent, answer_size - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return -1;
        sent += (size_t)n;
    }
    return 0;
}

static void *serve(void *argument)
{
    int fd = (int)(long)argument;
    char buffer[8192];
    size_t matched = 0;
    for (;;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n; i++) {
            matched = buffer[i] == "\r\n\r\n"[matched] ? matched + 1 : (size_t)(buffer[i] == '\r');
            if (matched == 4) {
                matched = 0;
                if (send_all(fd) < 0)
                    goto gone;
            }
        }
    }
gone:
    close(fd);
    return NULL;
}

int main(int count, char **words)
{
    if (count != 2)
        return 2;
    FILE *file = fopen(words[1], "rb");
    char *body = malloc(1 << 21);
    size_t size = file && body ? fread(body, 1, 1 << 21, file) : 0;
    answer = malloc(size + 256);
    if (answer == NULL || size == 0)
        return 1;
    answer_size = (size_t)sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
    memcpy(answer + answer_size, body, size);
    answer_size += size;

    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 511) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        return 1;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, (void *)(long)fd) == 0)
            pthread_detach(thread);
        else
            close(fd);
    }
}
