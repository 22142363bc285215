# Temporary bootstrap; replaced by the readable one.
CC = mpicc
CFLAGS = -std=c11 -D_GNU_SOURCE -O3 -g -ffp-contract=off -fno-math-errno -fno-trapping-math \
         -Wall -Wextra -Wshadow -Wmissing-prototypes -Wvla -MMD -MP -I. \
         $(shell pkg-config --cflags hdf5-serial jansson inih libpcre2-8 openblas zlib)
LIBS = $(shell pkg-config --libs hdf5-serial jansson inih libpcre2-8 openblas zlib) -lpthread -lm
SOURCES = $(filter-out trainer/main.c,$(wildcard base/*.c shards/*.c comm/*.c checkpoints/*.c trainer/*.c trainer/*/*.c))
OBJECTS = $(SOURCES:%.c=build/obj/%.o)
all: build/eon
build/eon: build/obj/trainer/main.o build/libeon.a
	$(CC) -o $@ $^ $(LIBS)
build/libeon.a: $(OBJECTS)
	rm -f $@ && ar rcs $@ $^
build/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<
build/tests/%: build/obj/tests/%.o build/libeon.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(LIBS) -lcmocka
-include $(shell find build -name '*.d' 2>/dev/null)
.SECONDARY:
