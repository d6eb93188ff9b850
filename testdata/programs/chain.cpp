// chain-cpp SECONDS: main > shapes::draw > shapes::Canvas<Pixel>::fill(int) > shapes::blend(Pixel const&), with
// shapes::weigh inlined into blend.
#include "burn.h"

namespace shapes {

struct Pixel {
	long value;
};

inline __attribute__((always_inline)) long weigh(long turns)
{
	volatile long sum = 0;
	for (long i = 0; i < turns; i++)
		sum = sum + i;
	return sum;
}

NOINLINE long blend(const Pixel &pixel)
{
	return weigh(300000 + pixel.value % 2);
}

template <typename T> struct Canvas {
	NOINLINE long fill(int rows)
	{
		long sum = 0;
		for (int row = 0; row < rows; row++)
			sum += blend(T { row });
		return sum;
	}
};

NOINLINE long draw()
{
	Canvas<Pixel> canvas;
	long sum = canvas.fill(3);
	keep();
	return sum;
}

} // namespace shapes

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);
	while (now() < end)
		shapes::draw();
	return 0;
}
