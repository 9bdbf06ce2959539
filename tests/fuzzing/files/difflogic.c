#include <stddef.h>
#include <stdlib.h>
#include <stdbool.h>

void logic_gate_net(char const *inp, char *out) {
	const char v0 = (char) ((char) 0);
	const char v1 = (char) (inp[1] & inp[4]);
	const char v2 = (char) (inp[0] & ~inp[1]);
	const char v3 = (char) (inp[3]);
	const char v4 = (char) (inp[4] & ~inp[3]);
	const char v5 = (char) (inp[1]);
	out[0] = (char) (v0 | v0);
	out[1] = (char) (v2 | v1);
	out[2] = (char) (v4 | v2);
	out[3] = (char) (v0 | v3);
	out[4] = (char) (v2 | v4);
	out[5] = (char) (v4 | v5);
}

void apply_logic_gate_net (bool const *inp, int *out, size_t len) {
  for(size_t d = 0; d < 5; ++d) {}
  for(size_t c = 0; c < 3; ++c) {}
}
