/* An independent Modbus server: libmodbus's own. Every table holds what tests/.../test_libmodbus.py expects.
 * Usage: libmodbus_server tcp PORT | libmodbus_server rtu DEVICE
 * Holding register n holds n * 7 + 1, input register n holds 60000 - n, coil n is on where n % 3 == 0,
 * discrete input n where n % 5 < 2; 3000 of each. Prints "ready" when it can be asked. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIZE = 3000, UNIT = 17 };

/* What is no reading is written down where the tests look (edge_agent/simulators/forbidden.py). */
static void judge(int function) {
    const char *path = getenv("EDGE_FORBIDDEN_LOG");
    FILE *log = path != NULL && (function < 1 || function > 4) ? fopen(path, "a") : NULL;
    if (log != NULL) {
        fprintf(log, "Modbus function %d at libmodbus\n", function);
        fclose(log);
    }
}

static int serve(modbus_t *context, modbus_mapping_t *mapping) {
    uint8_t query[MODBUS_MAX_ADU_LENGTH];
    for (;;) {
        int length = modbus_receive(context, query);
        if (length > 0) {
            judge(query[modbus_get_header_length(context)]);
            modbus_reply(context, query, length, mapping);
        } else if (length < 0 && errno != EMBBADCRC && errno != EMBBADDATA && errno != ETIMEDOUT) {
            return errno;
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s tcp PORT | rtu DEVICE\n", argv[0]);
        return 2;
    }
    int tcp = strcmp(argv[1], "tcp") == 0;
    modbus_mapping_t *mapping = modbus_mapping_new(SIZE, SIZE, SIZE, SIZE);
    modbus_t *context = tcp ? modbus_new_tcp("127.0.0.1", atoi(argv[2])) : modbus_new_rtu(argv[2], 19200, 'N', 8, 1);
    if (mapping == NULL || context == NULL) {
        fprintf(stderr, "%s\n", modbus_strerror(errno));
        return 1;
    }
    for (int at = 0; at < SIZE; at++) {
        mapping->tab_registers[at] = (uint16_t)(at * 7 + 1);
        mapping->tab_input_registers[at] = (uint16_t)(60000 - at);
        mapping->tab_bits[at] = at % 3 == 0;
        mapping->tab_input_bits[at] = at % 5 < 2;
    }
    modbus_set_slave(context, UNIT);
    int listener = tcp ? modbus_tcp_listen(context, 8) : modbus_connect(context);
    if (listener < 0) {
        fprintf(stderr, "%s\n", modbus_strerror(errno));
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        if (tcp && modbus_tcp_accept(context, &listener) < 0) {
            return 1;
        }
        int error = serve(context, mapping);
        modbus_close(context);
        if (!tcp) {
            return error;
        }
    }
}
